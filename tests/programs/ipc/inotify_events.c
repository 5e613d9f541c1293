/* inotify: which events, in which order, with which names and cookies. */
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "ipc.h"

static int fd, watch_d, watch_f;
static char buffer[8192] __attribute__((aligned(8)));

/* The events that are there, as text. */
static const char *events(void)
{
    static char text[4096];
    static const char *names[] = {
        "ACCESS",   "MODIFY", "ATTRIB", "CLOSE_WRITE", "CLOSE_NOWRITE", "OPEN", "MOVED_FROM",
        "MOVED_TO", "CREATE", "DELETE", "DELETE_SELF", "MOVE_SELF",     0,      0,
        0,          "IGNORED"};
    static uint32_t first_cookie;
    char *to = text;
    long n = read(fd, buffer, sizeof buffer);
    *to = 0;
    for (long at = 0; at < n;) {
        struct inotify_event *e = (void *)(buffer + at);
        to += sprintf(to, "%s%s", to == text ? "" : " ",
                      e->wd == watch_d   ? "d:"
                      : e->wd == watch_f ? "f:"
                                         : "?:");
        for (int bit = 0; bit < 16; bit++)
            if (e->mask >> bit & 1)
                to += sprintf(to, "%s", names[bit]);
        if (e->mask & IN_ISDIR)
            to += sprintf(to, "/");
        if (e->len)
            to += sprintf(to, "(%s)", e->name);
        if (e->cookie) {
            if (!first_cookie)
                first_cookie = e->cookie;
            to += sprintf(to, "#%u", e->cookie - first_cookie);
        }
        at += (long)sizeof *e + e->len;
    }
    return text;
}

#define EXPECT(wanted)                                    \
    do {                                                  \
        const char *got_ = events();                      \
        if (strcmp(got_, wanted)) {                       \
            CHECK(!"events");                             \
            printf("  %s\n  %s\n", got_, wanted);         \
        }                                                 \
    } while (0)

static void errors(void)
{
    struct iovec v[2] = {{buffer, 4}, {buffer + 100, 100}};
    CHECK_ERRNO(inotify_init1(1), EINVAL);
    CHECK_ERRNO(inotify_add_watch(fd, "none", IN_CREATE), ENOENT);
    CHECK_ERRNO(inotify_add_watch(fd, ".", 0), EINVAL);
    CHECK_ERRNO(inotify_add_watch(1, ".", IN_CREATE), EINVAL);
    CHECK_ERRNO(inotify_add_watch(99, ".", IN_CREATE), EBADF);
    CHECK_ERRNO(inotify_rm_watch(fd, 99), EINVAL);
    CHECK_ERRNO(read(fd, buffer, sizeof buffer), EAGAIN);
    CHECK_ERRNO(readv(fd, v, 2), EAGAIN);
    CHECK_ERRNO(write(fd, "x", 1), EBADF);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

int main(void)
{
    char here[] = "inotify_events.dir";
    int bytes = 0;
    mkdir(here, 0700);
    CHECK_EQ(chdir(here), 0);
    fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    errors();
    watch_d = inotify_add_watch(fd, ".", IN_ALL_EVENTS & ~IN_ACCESS);
    CHECK_EQ(watch_d, 1);
    int f = open("a", O_CREAT | O_RDWR, 0600);
    EXPECT("d:CREATE(a) d:OPEN(a)");
    watch_f = inotify_add_watch(fd, "a", IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF);
    CHECK_EQ(watch_f, 2);
    CHECK_EQ(write(f, "text", 4), 4);
    CHECK_EQ(write(f, "text", 4), 4); /* merged with the first */
    EXPECT("d:MODIFY(a) f:MODIFY d:MODIFY(a) f:MODIFY");
    CHECK_EQ(ftruncate(f, 2), 0);
    CHECK_EQ(fchmod(f, 0640), 0);
    CHECK_EQ(link("a", "b"), 0);
    EXPECT("d:MODIFY(a) f:MODIFY d:ATTRIB(a) f:ATTRIB d:CREATE(b)"); /* the link's merged with the
                                                                        one before */
    CHECK_EQ(rename("b", "c"), 0);
    CHECK_EQ(rename("a", "b"), 0);
    EXPECT("d:MOVED_FROM(b)#0 d:MOVED_TO(c)#0 f:MOVE_SELF d:MOVED_FROM(a)#1 d:MOVED_TO(b)#1 "
           "f:MOVE_SELF");
    CHECK_EQ(mkdir("sub", 0700), 0);
    CHECK_EQ(rmdir("sub"), 0);
    CHECK_EQ(symlink("b", "s"), 0);
    CHECK_EQ(unlink("s"), 0);
    EXPECT("d:CREATE/(sub) d:DELETE/(sub) d:CREATE(s) d:DELETE(s)");
    CHECK_EQ(ioctl(fd, FIONREAD, &bytes), 0);
    CHECK_EQ(bytes, 0);
    CHECK_EQ(unlink("c"), 0);
    CHECK_EQ(unlink("b"), 0);
    CHECK_EQ(ioctl(fd, FIONREAD, &bytes), 0);
    CHECK_EQ(bytes, 2 * 16 + 2 * 32);
    EXPECT("f:ATTRIB d:DELETE(c) f:ATTRIB d:DELETE(b)");
    close(f);
    EXPECT("d:CLOSE_WRITE(b) f:DELETE_SELF f:IGNORED");
    CHECK_EQ(inotify_rm_watch(fd, watch_d), 0);
    CHECK_ERRNO(read(fd, buffer, 15), EINVAL);
    struct iovec v[2] = {{buffer, 16}, {buffer, sizeof buffer}};
    CHECK_EQ(readv(fd, v, 2), 16);
    CHECK_EQ(((struct inotify_event *)buffer)->mask, IN_IGNORED);
    chdir("..");
    rmdir(here);
    return finish();
}
