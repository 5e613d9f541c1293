/* The order in which epoll tells: as things became ready; what is ready still goes behind the others, so
 * that all have their turn when there is room for few. */
#include "epolls.h"

enum { COUNT = 6 };

static int pipes[COUNT][2], ep;

static void poke(int i) { CHECK_EQ(write(pipes[i][1], "x", 1), 1); }

static void begin(unsigned flags)
{
    ep = epoll_create1(0);
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQ(pipe(pipes[i]), 0);
        watch(ep, pipes[i][0], EPOLLIN | flags, (unsigned long)i);
    }
}

static void end(void)
{
    for (int i = 0; i < COUNT; i++)
        close(pipes[i][0]), close(pipes[i][1]);
    close(ep);
}

/* Takes so many; they must be those named. */
static void expect(int most, const char *wanted)
{
    unsigned long data[COUNT];
    char got[COUNT + 1] = {0};
    int n = ready_now(ep, data, most);
    for (int i = 0; i < n; i++)
        got[i] = (char)('0' + data[i]);
    if (strcmp(got, wanted)) {
        printf("wanted %s, got %s\n", wanted, got);
        check_failures++;
    }
}

static void as_it_came(void)
{
    begin(EPOLLET);
    poke(4), poke(1), poke(5), poke(0);
    expect(COUNT, "4150");
    poke(0), poke(2), poke(1), poke(0);
    expect(COUNT, "021");
    end();
}

static void in_turns(void)
{
    begin(0);
    for (int i = 0; i < COUNT; i++)
        poke(i);
    expect(2, "01");
    expect(2, "23");
    expect(3, "450");
    expect(1, "1");
    expect(COUNT, "234501");
    expect(COUNT, "234501");
    char byte;
    CHECK_EQ(read(pipes[3][0], &byte, 1), 1); /* no longer ready: passed over */
    expect(3, "245");
    poke(3); /* at the end */
    expect(COUNT, "012453");
    end();
}

/* ADD of what is ready, in the order of ADD; MOD of what is queued leaves it in its place. */
static void by_control(void)
{
    begin(0);
    for (int i = 0; i < COUNT; i++) {
        poke(i);
        unwatch(ep, pipes[i][0]);
    }
    const int order[] = {3, 0, 5};
    for (int i = 0; i < 3; i++)
        watch(ep, pipes[order[i]][0], EPOLLIN, (unsigned long)order[i]);
    rewatch(ep, pipes[3][0], EPOLLIN, 3);
    expect(COUNT, "305");
    unwatch(ep, pipes[0][0]);
    watch(ep, pipes[0][0], EPOLLIN, 0);
    expect(COUNT, "350");
    end();
}

int main(void)
{
    as_it_came();
    in_turns();
    by_control();
    return finish();
}
