/* Threads die in every order and are joined in every order. */
#include "threads.h"

#define COUNT 4
static sem_t go[COUNT];
static atomic_int died;
static int order_of[COUNT];

static void *body(void *arg)
{
    sem_wait(&go[(long)arg]);
    order_of[died++] = (int)(long)arg;
    return arg;
}

static void one_order(const int *death, const int *joining)
{
    pthread_t t[COUNT];
    died = 0;
    for (long i = 0; i < COUNT; i++)
        t[i] = start(body, (void *)i);
    for (int i = 0; i < COUNT; i++) {
        sem_post(&go[death[i]]);
        WAIT_UNTIL(died == i + 1);
    }
    for (int i = 0; i < COUNT; i++)
        CHECK_EQ(join(t[joining[i]]), joining[i]);
    CHECK_EQ(memcmp(order_of, death, sizeof order_of), 0);
}

static int next_permutation(int *p)
{
    int i = COUNT - 2, j = COUNT - 1;
    while (i >= 0 && p[i] > p[i + 1])
        i--;
    if (i < 0)
        return 0;
    while (p[j] < p[i])
        j--;
    int keep = p[i];
    p[i] = p[j];
    p[j] = keep;
    for (int a = i + 1, b = COUNT - 1; a < b; a++, b--) {
        keep = p[a];
        p[a] = p[b];
        p[b] = keep;
    }
    return 1;
}

int main(void)
{
    int death[COUNT] = {0, 1, 2, 3}, joining[COUNT] = {3, 1, 0, 2};
    for (int i = 0; i < COUNT; i++)
        sem_init(&go[i], 0, 0);
    do {
        one_order(death, joining);
        next_permutation(joining);
    } while (next_permutation(death));
    return finish();
}
