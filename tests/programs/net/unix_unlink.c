/* A listener's file is only its name: unlinked, replaced, in another directory, it goes on. */
#include "net.h"

static char answer(const char *path)
{
    char byte = 0;
    int fd = unix_dial(SOCK_STREAM, path);
    CHECK_EQ(read(fd, &byte, 1), 1);
    close(fd);
    return byte;
}

/* Serves one connection with one byte. */
static void serve(int listener, char byte)
{
    int fd = accept(listener, 0, 0);
    CHECK_EQ(write(fd, &byte, 1), 1);
    close(fd);
}

static void replaced(void)
{
    int old = unix_listener(SOCK_STREAM, "name.socket", 3), status;
    int waiting = unix_dial(SOCK_STREAM, "name.socket"); /* in its queue */
    CHECK_EQ(unlink("name.socket"), 0);
    CHECK_ERRNO(unix_connect(socket(AF_UNIX, SOCK_STREAM, 0), "name.socket"), ENOENT);
    int fresh = unix_listener(SOCK_STREAM, "name.socket", 3);
    pid_t child = fork();
    if (!child) {
        CHECK_EQ(answer("name.socket"), 'n');
        _exit(check_failures != 0);
    }
    serve(fresh, 'n');
    serve(old, 'o');
    char byte;
    CHECK_EQ(read(waiting, &byte, 1), 1);
    CHECK_EQ(byte, 'o');
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(old), close(fresh), close(waiting);
    unlink("name.socket");
}

/* Found by relative and absolute paths, from elsewhere, through the descriptor of a directory. */
static void from_elsewhere(void)
{
    char here[3000], path[100];
    CHECK(getcwd(here, sizeof here) != 0);
    CHECK_EQ(mkdir("sub", 0700), 0);
    CHECK_EQ(chdir("sub"), 0);
    int listener = unix_listener(SOCK_STREAM, "x.socket", 9), dir = open(".", O_RDONLY), status;
    CHECK_EQ(chdir(here), 0);
    pid_t child = fork();
    if (!child) {
        CHECK_EQ(answer("sub/x.socket"), '1');
        snprintf(path, sizeof path, "/proc/self/fd/%d/x.socket", dir);
        CHECK_EQ(answer(path), '2');
        CHECK_EQ(chdir("sub"), 0);
        CHECK_EQ(answer("./x.socket"), '3');
        CHECK_EQ(answer("../sub//x.socket"), '4');
        _exit(check_failures != 0);
    }
    for (char byte = '1'; byte <= '4'; byte++)
        serve(listener, byte);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(listener), close(dir);
    CHECK_EQ(unlink("sub/x.socket"), 0);
    CHECK_EQ(rmdir("sub"), 0);
}

/* umask and chmod work on the file. */
static void modes(void)
{
    struct stat st;
    mode_t was = umask(027);
    int fd = unix_bound(SOCK_DGRAM, "mode.socket");
    CHECK_EQ(stat("mode.socket", &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0750);
    CHECK_EQ(chmod("mode.socket", 0600), 0);
    CHECK_EQ(stat("mode.socket", &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0600);
    umask(was);
    close(fd), unlink("mode.socket");
}

int main(void)
{
    replaced();
    from_elsewhere();
    modes();
    return finish();
}
