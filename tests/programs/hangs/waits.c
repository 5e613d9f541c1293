/* Waits for ever, in the way that the first argument names. Without one: lists the ways. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, special;
static pthread_rwlock_t shared_lock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t semaphore;
static char byte, buffer[1 << 20];

static int tcp(int listens)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(8080)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    if (!listens)
        connect(s, (struct sockaddr *)&at, sizeof at);
    else if (!bind(s, (struct sockaddr *)&at, sizeof at))
        listen(s, 5);
    return s;
}

static int pipe_end(int end)
{
    int ends[2];
    pipe(ends);
    return ends[end];
}

static void other_thread(void *(*body)(void *))
{
    pthread_t t;
    pthread_create(&t, 0, body, 0);
    usleep(1000);
}

static pid_t sleeper(void)
{
    pid_t pid = fork();
    if (!pid)
        for (;;)
            pause();
    return pid;
}

static void *write_locks(void *arg)
{
    pthread_rwlock_wrlock(&shared_lock);
    pause();
    return arg;
}

static void *read_locks(void *arg)
{
    pthread_rwlock_rdlock(&shared_lock);
    pause();
    return arg;
}

static void *locks_and_ends(void *arg)
{
    pthread_mutex_lock(&mutex);
    return arg;
}

static void *locks_special(void *arg)
{
    pthread_mutex_lock(&special);
    pause();
    return arg;
}

static void in_accept(void) { accept(tcp(1), 0, 0); }
static void in_write(void) { write(pipe_end(1), buffer, sizeof buffer); }
static void in_msg(void) { msgrcv(msgget(IPC_PRIVATE, 0600), buffer, 8, 0, 0); }
static void in_wait(void) { waitpid(sleeper(), 0, 0); }
static void in_sem(void) { sem_wait(&semaphore); }
static void in_eventfd(void) { read(eventfd(0, 0), buffer, 8); }
static void in_timerfd(void) { read(timerfd_create(CLOCK_MONOTONIC, 0), buffer, 8); }
static void in_pause(void) { pause(); }

static void in_recv(void)
{
    tcp(1);
    recv(tcp(0), &byte, 1, 0);
}

static void in_epoll(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, pipe_end(0), &event);
    epoll_ctl(epoll, EPOLL_CTL_ADD, eventfd(0, 0), &event);
    epoll_wait(epoll, &event, 1, -1);
}

static void in_poll(void)
{
    struct pollfd polls[2] = {{pipe_end(0), POLLIN}, {eventfd(0, 0), POLLIN}};
    poll(polls, 2, -1);
}

static void in_fifo(void)
{
    mkfifo("a-fifo", 0600);
    open("a-fifo", O_RDONLY);
}

static void in_unix(void)
{
    int ends[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    read(ends[0], &byte, 1);
}

static void in_udp(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(9090)};
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    bind(s, (struct sockaddr *)&at, sizeof at);
    recv(s, &byte, 1, 0);
}

static void in_semop(void)
{
    struct sembuf down = {0, -1, 0};
    semop(semget(IPC_PRIVATE, 1, 0600), &down, 1);
}

static void in_mq(void)
{
    struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 64};
    mq_receive(mq_open("/a-queue", O_RDWR | O_CREAT, 0600, &attr), buffer, 64, 0);
}

static void in_pidfd(void)
{
    struct pollfd end = {(int)syscall(SYS_pidfd_open, sleeper(), 0), POLLIN};
    poll(&end, 1, -1);
}

static void in_reader(void)
{
    other_thread(write_locks);
    pthread_rwlock_rdlock(&shared_lock);
}

static void in_writer(void)
{
    other_thread(write_locks);
    pthread_rwlock_wrlock(&shared_lock);
}

static void in_readers(void)
{
    other_thread(read_locks);
    pthread_rwlock_wrlock(&shared_lock);
}

static void in_cond(void)
{
    pthread_mutex_lock(&mutex);
    pthread_cond_wait(&condition, &mutex);
}

static void in_barrier(void)
{
    pthread_barrier_init(&barrier, 0, 2);
    pthread_barrier_wait(&barrier);
}

static void in_self(void)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_lock(&mutex);
}

static void in_left(void)
{
    other_thread(locks_and_ends);
    pthread_mutex_lock(&mutex);
}

static void in_pi(void)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&special, &attr);
    other_thread(locks_special);
    pthread_mutex_lock(&special);
}

static void in_robust(void)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&special, &attr);
    other_thread(locks_special);
    pthread_mutex_lock(&special);
}

static void in_join(void)
{
    pthread_t t;
    pthread_create(&t, 0, read_locks, 0);
    pthread_join(t, 0);
}

static void in_signalfd(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, 0);
    read(signalfd(-1, &set, 0), buffer, 128);
}

static void in_sigwait(void)
{
    int signo;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigwait(&set, &signo);
}

static void in_fcntl(void)
{
    struct flock whole = {.l_type = F_WRLCK};
    int fd = open("a-file", O_RDWR | O_CREAT, 0600);
    if (!fork()) {
        fcntl(open("a-file", O_RDWR), F_SETLK, &whole);
        pause();
    }
    usleep(1000);
    fcntl(fd, F_SETLKW, &whole);
}

static void in_flock(void)
{
    int fd = open("a-file", O_RDWR | O_CREAT, 0600);
    if (!fork()) {
        flock(open("a-file", O_RDWR), LOCK_SH);
        pause();
    }
    usleep(1000);
    flock(fd, LOCK_EX);
}

static void in_inotify(void)
{
    int fd = inotify_init();
    inotify_add_watch(fd, ".", IN_CREATE);
    read(fd, buffer, 1024);
}

static void in_vfork(void)
{
    if (!vfork())
        for (;;)
            pause();
}

#define WAY(name) {#name, in_##name}
static const struct {
    const char *name;
    void (*wait)(void);
} ways[] = {
    WAY(accept),  WAY(recv),     WAY(epoll),   WAY(poll),   WAY(write),   WAY(fifo),    WAY(unix),
    WAY(udp),     WAY(semop),    WAY(msg),     WAY(mq),     WAY(wait),    WAY(pidfd),   WAY(reader),
    WAY(writer),  WAY(readers),  WAY(cond),    WAY(sem),    WAY(barrier), WAY(self),    WAY(left),
    WAY(pi),      WAY(robust),   WAY(join),    WAY(signalfd), WAY(sigwait), WAY(eventfd), WAY(fcntl),
    WAY(flock),   WAY(inotify),  WAY(vfork),   WAY(timerfd), WAY(pause),
};

int main(int argc, char **argv)
{
    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++)
        if (argc < 2)
            puts(ways[i].name);
        else if (!strcmp(argv[1], ways[i].name))
            ways[i].wait();
    return 0;
}
