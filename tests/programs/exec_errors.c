/* exec: the errors that a program sees, scripts, argv[0], environments, what is kept and what is lost. */
#include "check.h"
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

extern char **environ;
static char dir[] = "/tmp/dst-exec-XXXXXX";
static char path_[256];

static const char *in_dir(const char *name)
{
    static char paths[8][256];
    static int next;
    char *p = paths[next++ & 7];
    snprintf(p, 256, "%s/%s", dir, name);
    return p;
}

static const char *file(const char *name, const void *data, size_t n, mode_t mode)
{
    const char *p = in_dir(name);
    int fd = open(p, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    CHECK_EQ(write(fd, data, n), n);
    fchmod(fd, mode);
    close(fd);
    return p;
}

static const char *text(const char *name, const char *data) { return file(name, data, strlen(data), 0755); }

static int exec_errno(const char *p)
{
    char *argv[] = {"x", 0}, *envp[] = {0};
    execve(p, argv, envp);
    return errno;
}

static void output_of(const char *p, char *const argv[], char *const envp[], const char *wanted, int code)
{
    int fds[2], status;
    char out[4096] = "";
    size_t n = 0;
    CHECK_EQ(pipe(fds), 0);
    pid_t pid = fork();
    if (!pid) {
        dup2(fds[1], 1);
        close(fds[0]);
        close(fds[1]);
        execve(p, argv, envp);
        _exit(126);
    }
    close(fds[1]);
    for (ssize_t r; (r = read(fds[0], out + n, sizeof out - 1 - n)) > 0;)
        n += (size_t)r;
    close(fds[0]);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), code);
    if (strcmp(out, wanted)) {
        printf("%s: wanted \"%s\", got \"%s\"\n", p, wanted, out);
        check_failures++;
    }
}

static void simple_errors(void)
{
    CHECK_EQ(exec_errno("/nonexistent"), ENOENT);
    CHECK_EQ(exec_errno(""), ENOENT);
    CHECK_EQ(exec_errno("/etc/passwd/x"), ENOTDIR);
    CHECK_EQ(exec_errno("/tmp"), EACCES);
    CHECK_EQ(exec_errno("/dev/null"), EACCES);
    CHECK_EQ(exec_errno(file("noexec", "#!/bin/sh\n", 10, 0644)), EACCES);
    CHECK_EQ(exec_errno(text("garbage", "hello\n")), ENOEXEC);
    CHECK_EQ(exec_errno(text("empty", "")), ENOEXEC);
    CHECK_EQ(exec_errno(text("noint", "#!/nonexistent/interp\n")), ENOENT);
    CHECK_EQ(exec_errno(text("hashbang", "#!\n")), ENOEXEC);
    CHECK_EQ(exec_errno(text("hashspace", "#!   \n")), ENOEXEC);
    CHECK_EQ(exec_errno(text("intdir", "#!/tmp\n")), EACCES);
    CHECK_EQ(exec_errno(text("intgarbage", "#!garbage\n")), ENOENT);
    snprintf(path_, sizeof path_, "#!%s\n", in_dir("garbage"));
    CHECK_EQ(exec_errno(text("togarbage", path_)), ENOEXEC);
    unsigned char arm[64] = "\177ELF\2\1\1";
    arm[16] = 2;
    arm[18] = 183;
    arm[20] = 1;
    CHECK_EQ(exec_errno(file("arm", arm, sizeof arm, 0755)), ENOEXEC);
    CHECK_EQ(exec_errno(file("short", "\177ELF", 4, 0755)), ENOEXEC);
    unsigned char bad[64] = "\177ELF\2\1\1"; /* x86-64, but no program headers */
    bad[16] = 2;
    bad[18] = 62;
    bad[20] = 1;
    CHECK_EQ(exec_errno(file("badelf", bad, sizeof bad, 0755)), ENOEXEC);
    symlink("loop2", in_dir("loop1"));
    symlink("loop1", in_dir("loop2"));
    CHECK_EQ(exec_errno(in_dir("loop1")), ELOOP);
    char longname[5000];
    memset(longname, 'a', sizeof longname);
    longname[0] = '/';
    longname[sizeof longname - 1] = 0;
    CHECK_EQ(exec_errno(longname), ENAMETOOLONG);
    CHECK_ERRNO(syscall(SYS_execve, (char *)8, 0, 0), EFAULT);
    char *argv[] = {"x", 0};
    CHECK_ERRNO(syscall(SYS_execve, "/bin/true", (char *)8, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_execve, "/bin/true", argv, (char *)8), EFAULT);
    char *badarg[] = {"x", (char *)8, 0};
    CHECK_ERRNO(syscall(SYS_execve, "/bin/true", badarg, 0), EFAULT);
}

static void script_loops(void)
{
    char line[256];
    snprintf(line, sizeof line, "#!%s/self\n", dir);
    CHECK_EQ(exec_errno(text("self", line)), ELOOP);
    /* five levels of interpreters work, six do not */
    text("n0", "#!/bin/echo\n");
    for (int i = 1; i <= 5; i++) {
        char name[8];
        snprintf(name, sizeof name, "n%d", i);
        snprintf(line, sizeof line, "#!%s/n%d\n", dir, i - 1);
        text(name, line);
    }
    char *argv[] = {"zero", "arg", 0};
    char wanted[1024] = "";
    for (int i = 0; i <= 3; i++) {
        char one[128];
        snprintf(one, sizeof one, "%s%s/n%d", i ? " " : "", dir, i);
        strcat(wanted, one);
    }
    char want3[1200];
    snprintf(want3, sizeof want3, "%s arg\n", wanted);
    output_of(in_dir("n3"), argv, environ, want3, 0);
    CHECK_EQ(exec_errno(in_dir("n5")), ELOOP);
}

static void too_big(void)
{
    size_t n = 140000;
    char *big = malloc(n);
    memset(big, 'x', n);
    big[n - 1] = 0;
    char *argv[] = {"x", big, 0}, *envp[] = {0};
    CHECK_ERRNO(execve("/bin/true", argv, envp), E2BIG);
    CHECK_ERRNO(execve("/bin/true", argv, envp), E2BIG); /* twice: nothing is left over */
    free(big);
    char **many = calloc(400001, sizeof *many);
    for (int i = 0; i < 400000; i++)
        many[i] = "0123456789";
    CHECK_ERRNO(execve("/bin/true", many, envp), E2BIG);
    free(many);
}

static void busy(void)
{
    const char *p = in_dir("busy");
    int from = open("/bin/true", O_RDONLY), to = open(p, O_CREAT | O_WRONLY, 0755);
    char buffer[65536];
    for (ssize_t r; (r = read(from, buffer, sizeof buffer)) > 0;)
        CHECK_EQ(write(to, buffer, (size_t)r), r);
    CHECK_EQ(exec_errno(p), ETXTBSY);
    close(to);
    int status;
    IN_CHILD(status, { exec_errno(p); check_failures++; });
    CHECK_EQ(status, 0);
    close(from);
}

static void arguments(void)
{
    char *none[] = {0};
    char *sh[] = {"a name", "-c", "echo \"$0|$#|$1\"", "zero", "one two", 0};
    output_of("/bin/sh", sh, environ, "zero|1|one two\n", 0);
    char *env[] = {"env", "-i", "A=1", "env", 0};
    output_of("/usr/bin/env", env, environ, "A=1\n", 0);
    char *script[] = {"ignored", "arg one", 0};
    char wanted[512];
    snprintf(wanted, sizeof wanted, "%s/script arg one\n", dir);
    output_of(text("script", "#!/bin/sh\necho $0 $1\n"), script, none, wanted, 0);
    snprintf(wanted, sizeof wanted, "-x y %s/optional arg one\n", dir);
    output_of(text("optional", "#!/bin/echo -x y\n"), script, none, wanted, 0);
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    CHECK(mkdtemp(dir));
    simple_errors();
    script_loops();
    too_big();
    busy();
    arguments();
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", dir);
    CHECK_EQ(system(command), 0);
    return finish();
}
