/* Files: descriptors, directories, links, times, offsets, modes, the working directory. */
#include "check.h"
#include <dirent.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

static char dir[] = "/tmp/dst-files-XXXXXX";

static void make(const char *name, const char *text)
{
    int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0666);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void descriptors(void)
{
    make("a", "hello world");
    int fd = open("a", O_RDWR), other = dup(fd);
    CHECK_EQ(lseek(fd, 6, SEEK_SET), 6);
    char text[8] = "";
    CHECK_EQ(read(other, text, 5), 5);
    CHECK(!strcmp(text, "world"));
    CHECK_EQ(dup2(fd, 50), 50);
    CHECK_EQ(dup2(fd, fd), fd);
    CHECK_EQ(dup3(fd, 51, O_CLOEXEC), 51);
    CHECK_EQ(fcntl(51, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(50, F_GETFD), 0);
    CHECK_ERRNO(dup3(fd, fd, 0), EINVAL);
    CHECK_ERRNO(dup3(fd, 5, 7), EINVAL);
    CHECK_ERRNO(dup2(99, 5), EBADF);
    CHECK_ERRNO(dup2(fd, -1), EBADF);
    CHECK_ERRNO(dup2(fd, 1 << 30), EBADF);
    CHECK_EQ(fcntl(fd, F_DUPFD, 60), 60);
    CHECK_EQ(fcntl(fd, F_DUPFD_CLOEXEC, 60), 61);
    CHECK_EQ(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(syscall(SYS_close_range, 50, 55, 0), 0);
    CHECK_ERRNO(fcntl(50, F_GETFD), EBADF);
    CHECK_EQ(syscall(SYS_close_range, 60, ~0u, 4 /* CLOEXEC */), 0);
    CHECK_EQ(fcntl(60, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(syscall(SYS_close_range, 60, ~0u, 0), 0);
    CHECK_ERRNO(syscall(SYS_close_range, 60, 50, 0), EINVAL);
    CHECK_ERRNO(close(60), EBADF);
    CHECK_ERRNO(close(-1), EBADF);
    close(other);
    CHECK_EQ(fcntl(fd, F_SETFL, O_APPEND), 0);
    CHECK(fcntl(fd, F_GETFL) & O_APPEND);
    CHECK_EQ(write(fd, "!", 1), 1);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 12);
    CHECK_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_ERRNO(lseek(fd, 0, 77), EINVAL);
    CHECK_EQ(pread(fd, text, 5, 0), 5);
    CHECK_EQ(pwrite(fd, "x", 1, 0), 1);
    close(fd);
    fd = open("a", O_RDONLY);
    CHECK_ERRNO(write(fd, "x", 1), EBADF);
    CHECK_ERRNO(ftruncate(fd, 1), EINVAL);
    close(fd);
    CHECK_EQ(truncate("a", 3), 0);
    int status;
    fd = open("a", O_RDONLY);
    IN_CHILD(status, { CHECK_EQ(lseek(fd, 2, SEEK_SET), 2); });
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 2); /* one open file description */
    IN_CHILD(status, { close(fd); });
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 2);
    close(fd);
    CHECK_ERRNO(open("a", O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST);
    CHECK_ERRNO(open("none", O_RDONLY), ENOENT);
    CHECK_ERRNO(open(".", O_WRONLY), EISDIR);
    CHECK_ERRNO(open("a/b", O_RDONLY), ENOTDIR);
    CHECK_ERRNO(open("a", O_DIRECTORY | O_RDONLY), ENOTDIR);
    fd = open(".", O_TMPFILE | O_RDWR, 0600);
    if (fd >= 0) {
        CHECK_EQ(write(fd, "t", 1), 1);
        close(fd);
    }
}

static int count_lines(DIR *d, char names[][32], int most)
{
    int n = 0;
    for (struct dirent *e; (e = readdir(d)) && n < most; n++)
        snprintf(names[n], 32, "%.31s", e->d_name);
    return n;
}

static void directories(void)
{
    static char names[600][32], again[600][32];
    CHECK_EQ(mkdir("d", 0755), 0);
    CHECK_ERRNO(mkdir("d", 0755), EEXIST);
    for (int i = 0; i < 500; i++) {
        char name[32];
        snprintf(name, sizeof name, "d/f%03d", i * 7 % 500);
        make(name, "");
    }
    DIR *d = opendir("d");
    CHECK_EQ(count_lines(d, names, 600), 502);
    rewinddir(d);
    CHECK_EQ(count_lines(d, again, 600), 502);
    CHECK(!memcmp(names, again, sizeof names));
    rewinddir(d);
    long place = 0;
    for (int i = 0; i < 100; i++)
        readdir(d);
    place = telldir(d);
    struct dirent *e = readdir(d);
    char hundredth[32];
    snprintf(hundredth, 32, "%.31s", e->d_name);
    readdir(d);
    seekdir(d, place);
    CHECK(!strcmp(readdir(d)->d_name, hundredth));
    rewinddir(d);
    make("d/new", "");
    rewinddir(d);
    CHECK_EQ(count_lines(d, names, 600), 503);
    for (struct stat st; (e = readdir(d));)
        CHECK(stat(e->d_name, &st) == 0);
    rewinddir(d);
    while ((e = readdir(d))) { /* the entry's inode is the file's */
        struct stat st;
        char name[300];
        snprintf(name, sizeof name, "d/%s", e->d_name);
        CHECK_EQ(lstat(name, &st), 0);
        if (strcmp(e->d_name, ".."))
            CHECK_EQ(e->d_ino, st.st_ino);
    }
    /* remove while reading */
    rewinddir(d);
    int removed = 0;
    while ((e = readdir(d)))
        if (e->d_name[0] != '.') {
            CHECK_EQ(unlinkat(dirfd(d), e->d_name, 0), 0);
            removed++;
        }
    CHECK_EQ(removed, 501);
    closedir(d);
    CHECK_EQ(rmdir("d"), 0);
    CHECK_ERRNO(rmdir("d"), ENOENT);
    char small[8];
    int fd = open(".", O_RDONLY | O_DIRECTORY);
    CHECK_ERRNO(syscall(SYS_getdents64, fd, small, sizeof small), EINVAL);
    CHECK_ERRNO(syscall(SYS_getdents64, fd, 8, 4096), EFAULT);
    CHECK_ERRNO(syscall(SYS_getdents64, 99, small, sizeof small), EBADF);
    CHECK_ERRNO(read(fd, small, 1), EISDIR);
    close(fd);
    fd = open("a", O_RDONLY);
    CHECK_ERRNO(syscall(SYS_getdents64, fd, small, sizeof small), ENOTDIR);
    close(fd);
}

static void links(void)
{
    struct stat a, b, c;
    make("one", "1");
    CHECK_EQ(link("one", "two"), 0);
    CHECK_EQ(stat("one", &a), 0);
    CHECK_EQ(stat("two", &b), 0);
    CHECK(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
    CHECK_EQ(b.st_nlink, 2);
    CHECK_EQ(rename("one", "three"), 0);
    CHECK_EQ(stat("three", &c), 0);
    CHECK_EQ(c.st_ino, a.st_ino);
    CHECK_ERRNO(stat("one", &c), ENOENT);
    CHECK_EQ(unlink("two"), 0);
    CHECK_EQ(stat("three", &c), 0);
    CHECK_EQ(c.st_nlink, 1);
    int fd = open("three", O_RDWR);
    CHECK_EQ(fstat(fd, &b), 0);
    CHECK_EQ(b.st_ino, a.st_ino);
    unlink("three");
    CHECK_EQ(fstat(fd, &b), 0);
    CHECK_EQ(b.st_ino, a.st_ino);
    CHECK_EQ(b.st_nlink, 0);
    make("four", "4"); /* while the old one lives, another number */
    CHECK_EQ(stat("four", &c), 0);
    CHECK(c.st_ino != a.st_ino);
    close(fd);
    for (int i = 0; i < 50; i++) { /* numbers of the living differ */
        make("x", "x");
        make("y", "y");
        CHECK_EQ(stat("x", &a), 0);
        CHECK_EQ(stat("y", &b), 0);
        CHECK(a.st_ino != b.st_ino);
        unlink("x");
        unlink("y");
    }
    make("x", "x");
    make("y", "y");
    CHECK_EQ(syscall(SYS_renameat2, AT_FDCWD, "x", AT_FDCWD, "y", 2 /* exchange */), 0);
    CHECK_ERRNO(syscall(SYS_renameat2, AT_FDCWD, "x", AT_FDCWD, "y", 1 /* no replace */), EEXIST);
    stat("x", &a);
    CHECK_EQ(rename("x", "y"), 0);
    stat("y", &b);
    CHECK_EQ(a.st_ino, b.st_ino);
    CHECK_EQ(symlink("y", "s"), 0);
    char target[16] = "";
    CHECK_EQ(readlink("s", target, sizeof target), 1);
    CHECK_EQ(target[0], 'y');
    lstat("s", &a);
    CHECK(S_ISLNK(a.st_mode));
    stat("s", &a);
    CHECK_EQ(a.st_ino, b.st_ino);
    CHECK_ERRNO(open("s", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK_ERRNO(readlink("y", target, sizeof target), EINVAL);
    struct statx sx;
    CHECK_EQ(statx(AT_FDCWD, "y", 0, STATX_ALL, &sx), 0);
    CHECK_EQ(sx.stx_ino, b.st_ino);
    CHECK(sx.stx_dev_major == major(b.st_dev) && sx.stx_dev_minor == minor(b.st_dev));
    CHECK_EQ(sx.stx_mtime.tv_sec, b.st_mtim.tv_sec);
    CHECK_EQ(sx.stx_mtime.tv_nsec, b.st_mtim.tv_nsec);
}

static double time_of(const struct timespec *t) { return (double)t->tv_sec + (double)t->tv_nsec / 1e9; }
static int near(const struct timespec *t, double wanted)
{
    double off = time_of(t) - wanted;
    return off > -0.2 && off < 0.2; /* the kernel's stamps are coarse, and a machine may be slow */
}

static void times(void)
{
    struct stat st, later;
    double start = now_s(CLOCK_REALTIME);
    make("t", "t");
    CHECK_EQ(stat("t", &st), 0);
    CHECK(near(&st.st_mtim, start) && near(&st.st_ctim, start) && near(&st.st_atim, start));
    sleep_ms(100);
    int fd = open("t", O_WRONLY | O_APPEND);
    CHECK_EQ(write(fd, "u", 1), 1);
    fstat(fd, &later);
    CHECK(time_of(&later.st_mtim) - time_of(&st.st_mtim) > 0.09);
    sleep_ms(50);
    CHECK_EQ(fchmod(fd, 0640), 0);
    fstat(fd, &st);
    CHECK_EQ(st.st_mode & 07777, 0640);
    CHECK(time_of(&st.st_ctim) - time_of(&later.st_ctim) > 0.04);
    CHECK(time_of(&st.st_mtim) == time_of(&later.st_mtim));
    struct timespec set[2] = {{1000, 5}, {2000, 7}};
    CHECK_EQ(utimensat(AT_FDCWD, "t", set, 0), 0);
    stat("t", &st);
    CHECK(st.st_atim.tv_sec == 1000 && st.st_atim.tv_nsec == 5);
    CHECK(st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 7);
    CHECK(near(&st.st_ctim, now_s(CLOCK_REALTIME)));
    set[0].tv_nsec = UTIME_OMIT;
    set[1].tv_nsec = UTIME_NOW;
    CHECK_EQ(futimens(fd, set), 0);
    stat("t", &st);
    CHECK_EQ(st.st_atim.tv_sec, 1000);
    CHECK(near(&st.st_mtim, now_s(CLOCK_REALTIME)));
    set[0].tv_nsec = 2000000000;
    CHECK_ERRNO(utimensat(AT_FDCWD, "t", set, 0), EINVAL);
    CHECK_ERRNO(utimensat(AT_FDCWD, "none", 0, 0), ENOENT);
    sleep_ms(300);
    CHECK_EQ(utimensat(AT_FDCWD, "t", 0, 0), 0);
    stat("t", &st);
    CHECK(near(&st.st_mtim, now_s(CLOCK_REALTIME)) && near(&st.st_atim, now_s(CLOCK_REALTIME)));
    sleep_ms(300);
    CHECK_EQ(ftruncate(fd, 0), 0);
    fstat(fd, &st);
    CHECK(near(&st.st_mtim, now_s(CLOCK_REALTIME)));
    close(fd);
    sleep_ms(300);
    CHECK_EQ(mkdir("td", 0755), 0);
    stat(".", &st);
    CHECK(near(&st.st_mtim, now_s(CLOCK_REALTIME))); /* a directory's change */
    sleep_ms(300);
    CHECK_EQ(rmdir("td"), 0);
    stat(".", &st);
    CHECK(near(&st.st_mtim, now_s(CLOCK_REALTIME)));
    make("m", "mapped");
    sleep_ms(50);
    fd = open("m", O_RDWR);
    char *map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    map[0] = 'M';
    CHECK_EQ(msync(map, 4096, MS_SYNC), 0);
    munmap(map, 4096);
    char byte;
    CHECK_EQ(pread(fd, &byte, 1, 0), 1);
    CHECK_EQ(byte, 'M');
    fstat(fd, &st);
    double age = now_s(CLOCK_REALTIME) - time_of(&st.st_mtim);
    CHECK(age > -0.02 && age < 0.4);
    close(fd);
    stat("/etc/passwd", &st);
    CHECK(time_of(&st.st_mtim) < start);
}

static void modes_and_places(void)
{
    struct stat st;
    char cwd[256], wanted[300];
    CHECK_EQ(umask(027), 022);
    make("u", "");
    stat("u", &st);
    CHECK_EQ(st.st_mode & 07777, 0640);
    int status;
    IN_CHILD(status, { CHECK_EQ(umask(0), 027); });
    CHECK_EQ(status, 0);
    CHECK_EQ(umask(022), 027);
    CHECK_EQ(mkdir("w", 0777), 0);
    CHECK_EQ(chdir("w"), 0);
    snprintf(wanted, sizeof wanted, "%s/w", dir);
    CHECK(getcwd(cwd, sizeof cwd) && !strcmp(cwd, wanted));
    IN_CHILD(status, { CHECK_EQ(chdir("/"), 0); });
    CHECK(getcwd(cwd, sizeof cwd) && !strcmp(cwd, wanted));
    CHECK_ERRNO(syscall(SYS_getcwd, cwd, 3), ERANGE);
    CHECK_EQ(rmdir(wanted), 0);
    CHECK_ERRNO(syscall(SYS_getcwd, cwd, sizeof cwd), ENOENT);
    CHECK_EQ(chdir(dir), 0);
    CHECK_ERRNO(chdir("u"), ENOTDIR);
    int fd = open("u", O_RDWR);
    CHECK_EQ(flock(fd, LOCK_EX | LOCK_NB), 0);
    IN_CHILD(status, {
        int mine = open("u", O_RDWR);
        CHECK_ERRNO(flock(mine, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    });
    CHECK_EQ(status, 0);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) { /* waits for the lock */
        int mine = open("u", O_RDWR);
        double before = now_s(CLOCK_MONOTONIC);
        CHECK_EQ(flock(mine, LOCK_EX), 0);
        CHECK(now_s(CLOCK_MONOTONIC) - before > 0.01);
        fflush(stdout);
        _exit(check_failures);
    }
    sleep_ms(30);
    flock(fd, LOCK_UN);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CHECK_EQ(fcntl(fd, F_SETLK, &lock), 0);
    pid = fork();
    if (!pid) {
        struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        CHECK_ERRNO(fcntl(fd, F_SETLK, &l), EAGAIN);
        CHECK_EQ(fcntl(fd, F_GETLK, &l), 0);
        CHECK_EQ(l.l_pid, getppid());
        l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
        CHECK_EQ(fcntl(fd, F_SETLKW, &l), 0);
        fflush(stdout);
        fflush(stdout);
        _exit(check_failures);
    }
    sleep_ms(30);
    lock.l_type = F_UNLCK;
    CHECK_EQ(fcntl(fd, F_SETLK, &lock), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    close(fd);
    CHECK_EQ(access("u", R_OK), 0);
    CHECK_ERRNO(access("none", F_OK), ENOENT);
    struct statfs fs;
    CHECK_EQ(statfs(".", &fs), 0);
    CHECK(fs.f_bsize > 0);
    CHECK_ERRNO(statfs("none", &fs), ENOENT);
}

int main(void)
{
    CHECK(mkdtemp(dir));
    CHECK_EQ(chdir(dir), 0);
    umask(022);
    descriptors();
    directories();
    links();
    times();
    modes_and_places();
    CHECK_EQ(chdir("/"), 0);
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", dir);
    CHECK_EQ(system(command), 0);
    return finish();
}
