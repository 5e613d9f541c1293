/* FUTEX_WAKE_OP: every operation and comparison. */
#include "threads.h"

static unsigned a, b;
static atomic_int waiting;

static void *waits_b(void *arg)
{
    unsigned *word = arg;
    unsigned value = *word;
    waiting++;
    CHECK_EQ(futex(word, FUTEX_WAIT_PRIVATE, value, 0, 0, 0), 0);
    return 0;
}
static long op(int what, int arg, int cmp, int cmp_arg)
{
    return futex(&a, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &b, FUTEX_OP(what, arg, cmp, cmp_arg));
}
static void result(unsigned before, int what, int arg, unsigned after)
{
    b = before;
    CHECK_EQ(op(what, arg, FUTEX_OP_CMP_EQ, 0), 0);
    CHECK_EQ(b, after);
}
static void compared(int cmp, int value, int with, int wanted)
{
    pthread_t t;
    b = (unsigned)value;
    waiting = 0;
    t = start(waits_b, &b);
    WAIT_UNTIL(waiting);
    sleep_ms(1);
    CHECK_EQ(op(FUTEX_OP_OR, 0, cmp, with), wanted);
    if (!wanted)
        CHECK_EQ(futex(&b, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0), 1);
    join(t);
}

int main(void)
{
    result(5, FUTEX_OP_SET, 9, 9);
    result(5, FUTEX_OP_ADD, 9, 14);
    result(5, FUTEX_OP_ADD, -3, 2);
    result(5, FUTEX_OP_OR, 10, 15);
    result(15, FUTEX_OP_ANDN, 5, 10);
    result(6, FUTEX_OP_XOR, 3, 5);
    result(0, FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT, 4, 16);
    compared(FUTEX_OP_CMP_EQ, 3, 3, 1);
    compared(FUTEX_OP_CMP_EQ, 3, 4, 0);
    compared(FUTEX_OP_CMP_NE, 3, 4, 1);
    compared(FUTEX_OP_CMP_LT, -3, -2, 1);
    compared(FUTEX_OP_CMP_LT, 3, -2, 0);
    compared(FUTEX_OP_CMP_LE, 3, 3, 1);
    compared(FUTEX_OP_CMP_GT, 4, 3, 1);
    compared(FUTEX_OP_CMP_GT, -4, 3, 0);
    compared(FUTEX_OP_CMP_GE, 3, 3, 1);
    CHECK_ERRNO(op(7, 0, FUTEX_OP_CMP_EQ, 0), ENOSYS);
    return finish();
}
