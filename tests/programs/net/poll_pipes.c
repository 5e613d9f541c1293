/* poll on pipes and FIFOs: full, empty, one side gone, both. */
#include "net.h"

static void states(void)
{
    int ends[2];
    static char much[65536];
    char byte;
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(poll_now(ends[0]), 0);
    CHECK_EQ(poll_now(ends[1]), POLLOUT);
    CHECK_EQ(poll_ms(ends[0], POLLOUT, 0), 0); /* a read end is never writable */
    CHECK_EQ(poll_ms(ends[1], POLLIN, 0), 0);
    CHECK_EQ(write(ends[1], much, sizeof much), sizeof much); /* exactly its size */
    CHECK_EQ(poll_now(ends[1]), 0);
    CHECK_EQ(poll_now(ends[0]), POLLIN);
    CHECK_EQ(poll_ms(ends[0], POLLIN | POLLRDNORM, 0), POLLIN | POLLRDNORM);
    CHECK_EQ(read(ends[0], &byte, 1), 1); /* room is made by whole pages */
    CHECK_EQ(poll_now(ends[1]), 0);
    CHECK_EQ(read_all(ends[0], much, 4095), 4095);
    CHECK_EQ(poll_now(ends[1]), POLLOUT);
    close(ends[1]);
    CHECK_EQ(poll_now(ends[0]), POLLIN | POLLHUP);
    CHECK_EQ(read_all(ends[0], much, sizeof much), sizeof much - 4096);
    CHECK_EQ(poll_now(ends[0]), POLLHUP);
    close(ends[0]);
    CHECK_EQ(pipe(ends), 0);
    close(ends[0]);
    CHECK_EQ(poll_now(ends[1]), POLLOUT | POLLERR);
    CHECK_EQ(poll_ms(ends[1], 0, 0), POLLERR);
    close(ends[1]);
}

static void wakes(void)
{
    int ends[2], status;
    static char much[65536];
    CHECK_EQ(pipe(ends), 0);
    pid_t child = fork();
    if (!child) {
        close(ends[0]);
        sleep_ms(15);
        CHECK_EQ(write(ends[1], "x", 1), 1);
        sleep_ms(15);
        _exit(check_failures != 0);
    }
    close(ends[1]);
    char byte;
    CHECK(wait_for(ends[0], POLLIN) & POLLIN);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_EQ(wait_for(ends[0], POLLIN), POLLHUP); /* by the death of the last writer */
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(ends[0]);
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(write(ends[1], much, sizeof much), sizeof much);
    child = fork();
    if (!child) {
        close(ends[1]);
        sleep_ms(15);
        CHECK_EQ(read_all(ends[0], much, sizeof much), sizeof much);
        sleep_ms(15);
        _exit(check_failures != 0);
    }
    close(ends[0]);
    CHECK(wait_for(ends[1], POLLOUT) & POLLOUT);
    set_nonblocking(ends[1], 1);
    signal(SIGPIPE, SIG_IGN);
    while (write(ends[1], much, 4096) > 0)
        ;
    CHECK(wait_for(ends[1], 0) & POLLERR); /* by the death of the last reader */
    CHECK_ERRNO(write(ends[1], much, 1), EPIPE);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(ends[1]);
}

static void fifos(void)
{
    unlink("poll.fifo");
    CHECK_EQ(mkfifo("poll.fifo", 0600), 0);
    CHECK_ERRNO(open("poll.fifo", O_WRONLY | O_NONBLOCK), ENXIO);
    int reader = open("poll.fifo", O_RDONLY | O_NONBLOCK);
    CHECK_EQ(poll_now(reader), 0); /* no writer yet: no hangup before the first */
    char byte;
    CHECK_EQ(read(reader, &byte, 1), 0);
    int writer = open("poll.fifo", O_WRONLY | O_NONBLOCK);
    CHECK_EQ(poll_now(reader), 0);
    CHECK_ERRNO(read(reader, &byte, 1), EAGAIN);
    CHECK_EQ(write(writer, "x", 1), 1);
    CHECK_EQ(poll_now(reader), POLLIN);
    close(writer);
    CHECK_EQ(poll_now(reader), POLLIN | POLLHUP);
    CHECK_EQ(read(reader, &byte, 1), 1);
    CHECK_EQ(poll_now(reader), POLLHUP);
    writer = open("poll.fifo", O_WRONLY); /* another one */
    CHECK_EQ(poll_now(reader), 0);
    close(reader);
    CHECK_EQ(poll_now(writer), POLLOUT | POLLERR);
    close(writer);
    int both = open("poll.fifo", O_RDWR);
    CHECK_EQ(poll_now(both), POLLOUT);
    CHECK_EQ(write(both, "y", 1), 1);
    CHECK_EQ(poll_now(both), POLLIN | POLLOUT);
    close(both), unlink("poll.fifo");
}

int main(void)
{
    states();
    wakes();
    fifos();
    return finish();
}
