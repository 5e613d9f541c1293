/* pthread_once under a crowd; an initialiser that is cancelled is run again. */
#include "threads.h"

static pthread_once_t once = PTHREAD_ONCE_INIT, again = PTHREAD_ONCE_INIT;
static atomic_int runs, tries, sleeping;

static void initialise(void)
{
    sleep_ms(5);
    runs++;
}
static void cancelled_first(void)
{
    if (tries++ == 0) {
        sleeping = 1;
        sleep(1000);
    }
}
static void *body(void *arg)
{
    CHECK_EQ(pthread_once(&once, initialise), 0);
    CHECK_EQ(runs, 1);
    return arg;
}
static void *second(void *arg)
{
    CHECK_EQ(pthread_once(&again, cancelled_first), 0);
    return arg;
}

int main(void)
{
    pthread_t t[10];
    for (int i = 0; i < 10; i++)
        t[i] = start(body, 0);
    for (int i = 0; i < 10; i++)
        join(t[i]);
    t[0] = start(second, 0);
    WAIT_UNTIL(sleeping);
    t[1] = start(second, 0);
    sleep_ms(2);
    pthread_cancel(t[0]);
    CHECK(join(t[0]) == PTHREAD_CANCELED);
    CHECK(join(t[1]) == 0);
    CHECK_EQ(tries, 2);
    return finish();
}
