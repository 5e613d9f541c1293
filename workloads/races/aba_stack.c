/* ABA: the top is the same again, but what was below it is gone. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

struct node {
    struct node *next;
    volatile int taken;
};

static struct node c = {0, 0}, b = {&c, 0}, a = {&b, 0};
static struct node *top = &a;
static int out;

static int replace_top(struct node **old, struct node *by)
{
    return __atomic_compare_exchange_n(&top, old, by, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static struct node *pop(void)
{
    struct node *old = __atomic_load_n(&top, __ATOMIC_SEQ_CST), *next;
    do {
        next = old->next;
        assert(write(out, "pop\n", 4) == 4);
    } while (!replace_top(&old, next));
    assert(!old->taken);
    old->taken = 1;
    return old;
}

static void push(struct node *node)
{
    node->taken = 0;
    node->next = __atomic_load_n(&top, __ATOMIC_SEQ_CST);
    while (!replace_top(&node->next, node))
        ;
}

static void *take_two(void *unused)
{
    struct node *first = pop();
    pop();
    push(first);
    return unused;
}

static void *take_one(void *unused)
{
    pop();
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    out = open("/dev/null", O_WRONLY);
    pthread_create(&threads[0], 0, take_two, 0);
    pthread_create(&threads[1], 0, take_one, 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], 0);
    for (struct node *node = top; node; node = node->next)
        assert(!node->taken);
    return 0;
}
