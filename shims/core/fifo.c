/* fifo: first ready, first served; switches happen only when the holder blocks. */
#include "sched.h"

u32 fifo_choose(struct world *w, u32 running)
{
    return running ? running : sched_take_nth(w, 0);
}
