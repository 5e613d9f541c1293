/* What fault rules do to files; the plan of each case is in test_faults.py. */
#include "../check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

static int make(const char *name)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0);
    return fd;
}

static long size_of(int fd)
{
    struct stat st;
    CHECK_EQ(fstat(fd, &st), 0);
    return st.st_size;
}

/* The second write to the file fails, and has done nothing; another file's does not count. */
static void error(void)
{
    int a = make("a.db"), b = make("b.txt");
    CHECK_EQ(write(a, "one", 3), 3);
    CHECK_EQ(write(b, "x", 1), 1);
    CHECK_ERRNO(write(a, "two", 3), ENOSPC);
    CHECK_EQ(write(a, "three", 5), 5);
    CHECK_EQ(size_of(a), 8);
}

/* Done, and reported as failed. */
static void after(void)
{
    int a = make("a.db");
    CHECK_ERRNO(write(a, "one", 3), EIO);
    CHECK_EQ(size_of(a), 3);
}

/* By the name that the kernel has for it: through a link, and after a rename. */
static void names(void)
{
    int a = make("plain");
    CHECK_EQ(write(a, "x", 1), 1);
    CHECK_EQ(mkdir("wal", 0755) && errno != EEXIST, 0);
    CHECK_EQ(rename("plain", "wal/log"), 0);
    CHECK_ERRNO(write(a, "x", 1), EIO);
    CHECK_EQ(rename("wal/log", "plain"), 0);
    CHECK_EQ(write(a, "x", 1), 1);
    unlink("link");
    CHECK_EQ(symlink("wal/other", "link"), 0);
    int b = make("link");
    CHECK_ERRNO(write(b, "x", 1), EIO);
    CHECK_EQ(rename("wal/other", "other"), 0);
    CHECK_ERRNO(write(dup(make("wal/other")), "x", 1), EIO);
    CHECK_ERRNO(unlink("wal/other"), EACCES);
    CHECK_ERRNO(access("wal/../wal//other", F_OK), EACCES);
    CHECK_ERRNO(stat("wal/missing", &(struct stat){0}), EACCES);
    CHECK_EQ(unlink("other"), 0);
}

static void check_access(const char *path, int is_wal)
{
    for (int i = 0; i < 3; i++) /* looked at, and remembered */
        if (is_wal)
            CHECK_ERRNO(access(path, F_OK), EACCES);
        else
            CHECK_EQ(access(path, F_OK), 0);
}

/* What a name means changes: each time it is looked at anew. */
static void meanings(void)
{
    CHECK_EQ(mkdir("a", 0755) | mkdir("a/wal", 0755) | mkdir("a/b", 0755), 0);
    close(make("a/wal/f"));
    close(make("a/b/f"));
    close(make("f"));
    check_access("f", 0);
    check_access("a/b/f", 0);
    check_access("a/wal/f", 1);
    check_access("./a//wal/./f", 1);
    check_access("a/b/../wal/f", 1);
    CHECK_EQ(unlink("f") | symlink("a/wal/f", "f"), 0); /* a link to it */
    check_access("f", 1);
    CHECK_EQ(unlink("f") | link("a/b/f", "f"), 0); /* and no longer */
    check_access("f", 0);
    CHECK_EQ(rename("a/b", "a/c") | symlink("wal", "a/b"), 0); /* a link on the way */
    check_access("a/b/f", 1);
    check_access("a/c/f", 0);
    check_access("a/b/../c/f", 0); /* behind the link */
    CHECK_EQ(chdir("a/c"), 0);
    check_access("f", 0);
    CHECK_EQ(chdir("../b"), 0);
    check_access("f", 1);
    CHECK_EQ(chdir("../.."), 0);
    check_access("f", 0);
    CHECK_EQ(rename("a/wal", "a/d"), 0); /* the directory has another name */
    check_access("a/d/f", 0);
    CHECK_EQ(chdir("a/d"), 0);
    check_access("f", 0);
    CHECK_EQ(rename("../../a/d", "../../a/wal"), 0);
    check_access("f", 1);
}

static void less(void)
{
    char text[10] = "";
    struct iovec v[3] = {{"abc", 3}, {"defg", 4}, {"hij", 3}}, to[2] = {{text, 4}, {text + 4, 6}};
    int a = make("a.db");
    CHECK_EQ(write(a, "0123456789", 10), 5);
    CHECK_EQ(writev(a, v, 3), 5);
    CHECK_EQ(pwrite(a, "xy", 2, 20), 2); /* not that many */
    CHECK_EQ(preadv(a, to, 2, 0), 5);
    CHECK_EQ(memcmp(text, "01234\0", 6), 0);
    CHECK_EQ(pread(a, text, 10, 5), 5);
    CHECK_EQ(memcmp(text, "abcde", 5), 0);
    CHECK_EQ(pread(a, text, 10, 20), 2); /* there are no more */
}

/* One is lost, one is done twice. */
static void lost(void)
{
    char text[20] = "";
    int a = open("a.db", O_RDWR | O_CREAT | O_TRUNC, 0644), b = open("b.log", O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0644);
    CHECK_EQ(write(a, "one", 3), 3);
    CHECK_EQ(write(a, "two", 3), 3);
    CHECK_EQ(write(a, "three", 5), 5);
    CHECK_EQ(pread(a, text, 20, 0), 11);
    CHECK_EQ(memcmp(text, "one\0\0\0three", 11), 0);
    CHECK_EQ(write(b, "one", 3), 3);
    CHECK_EQ(pread(b, text, 20, 0), 6);
    CHECK_EQ(memcmp(text, "oneone", 6), 0);
}

/* As ext4: it fails once, and then all is said to be well. */
static void forget(void)
{
    int a = make("a.db"), b = open("a.db", O_RDWR);
    CHECK_ERRNO(fsync(a), EIO);
    CHECK_EQ(fsync(b), 0);
    CHECK_ERRNO(fsync(b), EIO);
    CHECK_EQ(fdatasync(a), 0);
}

static int differences(const char *a, const char *b, int n)
{
    int bits = 0;
    while (n--)
        bits += __builtin_popcount((unsigned char)(*a++ ^ *b++));
    return bits;
}

static void corrupt(void)
{
    static char data[200000], text[200000];
    struct iovec v[3] = {{text, 100}, {text + 100, 1}, {text + 101, 99}};
    int a = make("a.db"), b = make("b.log");
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 7 + 1);
    CHECK_EQ(write(a, data, 1000), 1000);
    CHECK_EQ(read(make("c"), text, 0), 0);
    CHECK_EQ(pread(a, text, 1000, 0), 1000);
    CHECK_EQ(differences(data, text, 1000), 3);
    CHECK_EQ(pwrite(a, data, sizeof data, 0), sizeof data);
    CHECK_EQ(pread(a, text, sizeof text, 0), sizeof text);
    CHECK_EQ(differences(data, text, sizeof data), 3);
    CHECK_EQ(pwrite(b, data, 200, 0), 200);
    CHECK_EQ(preadv(b, v, 3, 0), 200);
    CHECK_EQ(differences(data, text, 50), 0);
    CHECK_EQ(differences(data + 60, text + 60, 140), 0);
    for (int i = 50; i < 60; i++)
        CHECK_EQ(text[i], 0);
    CHECK_EQ(pread(b, text, 200, 0), 200); /* the file itself is as it was */
    CHECK_EQ(differences(data, text, 200), 0);
}

static void at_rest(void)
{
    char text[100];
    struct stat before, then;
    int a = make("a.db");
    memset(text, 'x', sizeof text);
    CHECK_EQ(write(a, text, 100), 100);
    CHECK_EQ(fstat(a, &before), 0);
    sleep_ms(2000);
    CHECK_EQ(pread(a, text, 100, 0), 90);
    for (int i = 0; i < 90; i++)
        CHECK_EQ(text[i], 'x');
    CHECK_EQ(fstat(a, &then), 0);
    CHECK_EQ(then.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } cases[] = {{"error", error}, {"after", after}, {"names", names}, {"meanings", meanings}, {"less", less}, {"lost", lost},
                 {"forget", forget}, {"corrupt", corrupt}, {"at_rest", at_rest}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        if (argc > 1 && !strcmp(argv[1], cases[i].name))
            cases[i].run();
    return finish();
}
