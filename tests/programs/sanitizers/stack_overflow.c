/* ASan: one element behind an array on the stack; and before that a recursion without an end, which is
 * told on an alternate stack. Its argument says which. */
#include <stdlib.h>

__attribute__((noinline)) static int deeper(volatile int *from)
{
    volatile int here[64];
    here[0] = *from;
    return deeper(here) + here[1];
}

int main(int argc, char **argv)
{
    volatile int numbers[8] = {0};
    if (argc > 1)
        return deeper(numbers);
    return numbers[atoi("8")];
}
