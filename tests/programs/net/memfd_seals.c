/* memfd: a file without a name; its seals; shared by fork, by SCM_RIGHTS, mapped. */
#include "net.h"
#include <sys/mman.h>

static void is_a_file(void)
{
    int fd = memfd_create("plain", 0);
    struct stat st;
    char text[8], link[64], path[64];
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK(S_ISREG(st.st_mode));
    CHECK_EQ(st.st_size, 0);
    CHECK_EQ(st.st_nlink, 0);
    CHECK_EQ(write(fd, "abc", 3), 3);
    CHECK_EQ(pread(fd, text, 8, 0), 3);
    CHECK_EQ(ftruncate(fd, 10000), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 10000);
    CHECK_EQ(poll_now(fd), POLLIN | POLLOUT);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(path, link, sizeof link - 1);
    CHECK(n > 0);
    link[n > 0 ? n : 0] = 0;
    CHECK_TEXT(link, "/memfd:plain (deleted)");
    CHECK_EQ(fcntl(fd, F_GETFD), 0);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL); /* none can be added without MFD_ALLOW_SEALING */
    CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
    int again = open(path, O_RDONLY); /* another description */
    CHECK(again >= 0);
    CHECK_EQ(read(again, text, 3), 3);
    close(again), close(fd);
    fd = memfd_create("ce", MFD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    CHECK_ERRNO(memfd_create("bad", 0x8000), EINVAL);
    CHECK_ERRNO(memfd_create(nowhere, 0), EFAULT);
    static char name[300];
    memset(name, 'n', 250);
    CHECK_ERRNO(memfd_create(name, 0), EINVAL);
}

static void seals(void)
{
    int fd = memfd_create("sealed", MFD_ALLOW_SEALING);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
    CHECK_EQ(ftruncate(fd, 4096), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    CHECK_ERRNO(ftruncate(fd, 100), EPERM);
    CHECK_EQ(ftruncate(fd, 8192), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
    CHECK_ERRNO(ftruncate(fd, 9000), EPERM);
    CHECK_ERRNO(pwrite(fd, "x", 1, 8192), EPERM);
    CHECK_EQ(pwrite(fd, "x", 1, 8191), 1);
    void *map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(map != MAP_FAILED);
    CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY); /* somebody could write */
    CHECK_EQ(munmap(map, 4096), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    CHECK_ERRNO(pwrite(fd, "x", 1, 0), EPERM);
    CHECK_ERRNO((long)mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EPERM);
    map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(map != MAP_FAILED);
    munmap(map, 4096);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), 0);
    CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    close(fd);
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(fcntl(ends[0], F_GET_SEALS), EINVAL);
    close(ends[0]), close(ends[1]);
}

/* Handed to another process, which sees the same pages. */
static void handed_on(void)
{
    int pair[2], status, fd;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    pid_t child = fork();
    if (!child) {
        int got;
        CHECK_EQ(receive_fds(pair[1], &got, 1, 0), 1);
        char *map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, got, 0);
        CHECK(map != MAP_FAILED);
        CHECK_TEXT(map, "from the parent");
        strcpy(map, "from the child");
        CHECK_ERRNO(ftruncate(got, 1), EPERM);
        _exit(check_failures != 0);
    }
    fd = memfd_create("handed", MFD_ALLOW_SEALING | MFD_CLOEXEC);
    CHECK_EQ(ftruncate(fd, 4096), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    char *map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    strcpy(map, "from the parent");
    CHECK_EQ(send_fds(pair[0], &fd, 1), 1);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_TEXT(map, "from the child");
    close(fd), close(pair[0]), close(pair[1]);
}

int main(void)
{
    is_a_file();
    seals();
    handed_on();
    return finish();
}
