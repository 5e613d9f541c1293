#include "abi.h"
u64 rng_next(u64 x);
int shim_main(void);
static char buf[99999];
u64 shim_export_counter = 3;
int shim_main(void) { buf[rng_next(WORLD->now_ns)] = 1; return buf[5]; }
