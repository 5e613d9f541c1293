/* sys_net.c: sockets, as far as they go without a network of our own. */
#include "shim.h"

/* A service that is not there says so in the same way every time. One that is there is not ours. */
i64 sys_connect(struct trap *c)
{
    i64 error = pass(c);
    if (error != -ENOENT && error != -ECONNREFUSED && error != -ENETUNREACH && error != -EAFNOSUPPORT)
        count_uncontrolled(c);
    return error;
}
