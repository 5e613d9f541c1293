/* What fault rules do to memory, descriptors and the making of processes. */
#include "../check.h"

#include <pthread.h>
#include <sys/mman.h>

static void *volatile got;

static void memory(void)
{
    void *p = 0;
    got = malloc(5000);
    CHECK(!got && errno == ENOMEM);
    got = malloc(50);
    CHECK(got != 0);
    CHECK_EQ(posix_memalign(&p, 64, 5000), ENOMEM);
    errno = 0;
    got = calloc(100, 50);
    CHECK(!got && errno == ENOMEM);
    got = mmap(0, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(got == MAP_FAILED && errno == ENOMEM);
    void *end = sbrk(0);
    CHECK(sbrk(1 << 20) == (void *)-1 && errno == ENOMEM);
    CHECK(sbrk(0) == end);
}

static void *nothing(void *arg) { return arg; }

static void making(void)
{
    pthread_t thread;
    int status;
    CHECK_ERRNO(fork(), EAGAIN);
    CHECK_EQ(pthread_create(&thread, 0, nothing, 0), EAGAIN);
    CHECK_ERRNO(open("/dev/null", O_RDONLY), EMFILE);
    CHECK_ERRNO(dup(0), EMFILE);
    CHECK_ERRNO(pipe((int[2]){0}), ENFILE);
    IN_CHILD(status, execl("/bin/true", "true", (char *)0); CHECK_EQ(errno, ENOMEM); execl("/bin/true", "true", (char *)0));
    CHECK_EQ(status, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "memory"))
        memory();
    if (argc > 1 && !strcmp(argv[1], "making"))
        making();
    return finish();
}
