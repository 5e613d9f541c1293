/* A receiver that does not read: what does not fit is dropped, the sender is never told nor blocked. */
#include "net.h"

enum { MANY = 3000, SIZE = 1000 };

static int a, b;

/* Sends `MANY` numbered ones; every one is taken from the sender. */
static void flood(void)
{
    static char data[SIZE];
    for (int i = 0; i < MANY; i++) {
        memcpy(data, &i, sizeof i);
        CHECK_EQ(send(a, data, SIZE, 0), SIZE);
    }
    sleep_ms(20);
}

/* What is left: the first ones, in order; how many, and where the first is missing (-1: nowhere). */
static int drain(int *first_gap)
{
    char data[SIZE];
    int count = 0, last = -1, number;
    *first_gap = -1;
    while (recv(b, data, SIZE, MSG_DONTWAIT) == SIZE) {
        memcpy(&number, data, sizeof number);
        CHECK(number > last);
        if (number != last + 1 && *first_gap < 0)
            *first_gap = count;
        last = number;
        count++;
    }
    CHECK_EQ(errno, EAGAIN);
    return count;
}

static void drops(void)
{
    int gap;
    CHECK_EQ(set_option(b, SOL_SOCKET, SO_RCVBUF, 20000), 0);
    flood();
    int few = drain(&gap);
    CHECK(few > 5 && few < MANY);
    CHECK_EQ(gap, -1);
    CHECK_EQ(set_option(b, SOL_SOCKET, SO_RCVBUF, 200000), 0);
    flood();
    int more = drain(&gap);
    CHECK(more > few && more < MANY);
    CHECK_EQ(gap, -1);
    /* there is room again */
    char byte;
    CHECK_EQ(send(a, "x", 1, 0), 1);
    CHECK_EQ(recv(b, &byte, 1, 0), 1);
}

/* An empty queue takes one datagram, however small the buffer. */
static void one_fits(void)
{
    static char data[1000];
    CHECK_EQ(set_option(b, SOL_SOCKET, SO_RCVBUF, 0), 0);
    CHECK_EQ(send(a, data, sizeof data, 0), sizeof data);
    CHECK_EQ(wait_for(b, POLLIN), POLLIN);
    CHECK_EQ(recv(b, data, sizeof data, 0), sizeof data);
    CHECK_EQ(set_option(b, SOL_SOCKET, SO_RCVBUF, 200000), 0);
}

/* The sender is always writable, and a blocking sender does not sleep. */
static void sender_goes_on(void)
{
    double before = now_s(CLOCK_MONOTONIC);
    flood();
    CHECK_EQ(poll_now(a), POLLOUT);
    CHECK(ms_since(before) < 10000);
    CHECK_EQ(poll_now(b), POLLIN | POLLOUT);
    close(b);
    CHECK(send(a, "x", 1, 0) == 1 || errno == ECONNREFUSED);
    CHECK_EQ(wait_for(a, POLLIN), POLLERR);
    CHECK_ERRNO(send(a, "x", 1, 0), ECONNREFUSED);
}

int main(void)
{
    a = bound_udp(LOOPBACK), b = bound_udp(LOOPBACK);
    CHECK_EQ(connect_to(a, LOOPBACK, local_port(b)), 0);
    drops();
    one_fits();
    sender_goes_on();
    return finish();
}
