/* exec.c: one program becomes another.
 *
 * The failure cases are tried first, so that a shell's PATH search costs no seize. Then the
 * supervisor is asked to seize us by ptrace; at the exec's event it maps the shim into the new
 * program and lets go (dstrun/launch/inject.py). start.c runs next.
 */
#include "before.h"
#include "files.h"
#include "futex.h"
#include "process.h"

#define AT_SYMLINK_NOFOLLOW_FLAG 0x100ul
#define AT_EACCESS_FLAG 0x200ul
#define O_NOFOLLOW_FLAG 0400000ul
#define X_OK_MODE 1
#define S_ISUID_BIT 04000u
#define S_ISGID_BIT 02000u
#define SCRIPT_DEPTH_MAX 5
#define HEAD_BYTES 256
#define EM_386 3
#define EM_X86_64 62
#define PR_GET_NO_NEW_PRIVS_OP 39
#define PLAIN_EXECVE (~0ul) /* no execveat flags: the call was execve */

struct stat_k {
    u64 dev, ino, nlink;
    u32 mode, uid, gid, pad0;
    u64 rest[16];
};

static i64 gains_privilege(const struct stat_k *st)
{
    u32 euid = (u32)raw(__NR_geteuid), egid = (u32)raw(__NR_getegid);
    if (!euid || raw(__NR_prctl, PR_GET_NO_NEW_PRIVS_OP, 0, 0, 0, 0) == 1)
        return 0;
    return ((st->mode & S_ISUID_BIT) && st->uid != euid) ||
           ((st->mode & S_ISGID_BIT) && (st->mode & 010) && st->gid != egid);
}

static i64 refuse(i64 error)
{
    count_hole(HOLE_EXEC_REFUSED);
    return error;
}

/* What the kernel would say to these first bytes. 1: a script, its interpreter's path in `next`. */
static i64 judge_head(const u8 *head, i64 n, char *next)
{
    if (n >= 20 && head[0] == 0x7f && head[1] == 'E' && head[2] == 'L' && head[3] == 'F') {
        u32 machine = head[18] | (u32)head[19] << 8;
        if (head[4] == 2 && machine == EM_X86_64)
            return 0;
        return machine == EM_386 || machine == EM_X86_64 ? refuse(-ENOEXEC) : -ENOEXEC; /* i386, x32 */
    }
    if (n < 2 || head[0] != '#' || head[1] != '!')
        return -ENOEXEC;
    i64 from = 2, to = 0;
    while (from < n && (head[from] == ' ' || head[from] == '\t'))
        from++;
    while (from < n && head[from] && head[from] != ' ' && head[from] != '\t' && head[from] != '\n')
        next[to++] = (char)head[from++];
    next[to] = 0;
    return to ? 1 : -ENOEXEC;
}

static i64 judge_open_file(i64 fd, char *next)
{
    u8 head[HEAD_BYTES];
    struct stat_k st;
    i64 error = raw(__NR_fstat, fd, &st);
    if (error)
        return error;
    if ((st.mode & S_IFMT_BITS) != S_IFREG_BITS)
        return -EACCES;
    error = raw(__NR_faccessat2, fd, "", X_OK_MODE, AT_EMPTY_PATH_FLAG | AT_EACCESS_FLAG);
    if (error == -ENOSYS)
        error = st.mode & 0111 ? 0 : -EACCES;
    if (error)
        return error;
    if (gains_privilege(&st))
        return refuse(-EPERM);
    i64 n = raw(__NR_pread64, fd, head, sizeof head, 0);
    struct statx_k file;
    if (before_is_kept() && n > 0 && !statx_of_fd(fd, &file))
        before_input(fd, &file, 1);
    return n < 0 ? n : judge_head(head, n, next);
}

/* 0: an x86-64 program; 1: a script; or the errno that execve would give. */
static i64 judge_file(i64 dirfd, const char *path, u64 at_flags, char *next)
{
    if (!path[0] && (at_flags & AT_EMPTY_PATH_FLAG))
        return judge_open_file(dirfd, next);
    u64 flags = O_CLOEXEC_FLAG | O_NONBLOCK_FLAG | (at_flags & AT_SYMLINK_NOFOLLOW_FLAG ? O_NOFOLLOW_FLAG : 0);
    i64 fd = raw(__NR_openat, dirfd, path, flags, 0);
    if (fd == -EACCES && !raw(__NR_faccessat, dirfd, path, X_OK_MODE))
        return refuse(-EACCES); /* may be run but not read: not to be traced either */
    if (fd < 0)
        return fd;
    i64 verdict = judge_open_file(fd, next);
    raw(__NR_close, fd);
    return verdict;
}

static i64 judge(i64 dirfd, const char *path, u64 at_flags)
{
    char interpreter[2][HEAD_BYTES];
    i64 verdict = judge_file(dirfd, path, at_flags, interpreter[0]);
    for (int depth = 1; verdict == 1; depth++) {
        if (depth > SCRIPT_DEPTH_MAX)
            return -ELOOP;
        verdict = judge_file(AT_FDCWD_VALUE, interpreter[(depth - 1) & 1], 0, interpreter[depth & 1]);
    }
    return verdict;
}

i64 ask_supervisor(struct task *t, u32 kind)
{
    struct request *q = &WORLD->request;
    q->kind = kind;
    q->pid = proc_of(t)->pid;
    q->tid = t->tid;
    q->task = t->index;
    q->error = 0;
    __atomic_store_n(&q->state, REQ_ASKED, __ATOMIC_SEQ_CST);
    ring_bell();
    while (__atomic_load_n(&q->state, __ATOMIC_SEQ_CST) == REQ_ASKED)
        raw(__NR_futex, &q->state, 0, REQ_ASKED);
    return q->state == REQ_GRANTED ? 0 : -(i64)(q->error ? q->error : EPERM);
}

static i64 exec(struct trap *c, i64 dirfd, u64 argv, u64 envp, u64 at_flags)
{
    struct task *t = c->t;
    struct trace_state mark;
    if (!c->path[0])
        return c->path_error ? c->path_error : -EFAULT;
    t->place = PLACE_KERNEL; /* nothing of the world is changed so far */
    i64 error = judge(dirfd, c->path[0], at_flags == PLAIN_EXECVE ? 0 : at_flags);
    t->place = PLACE_SHIM;
    if (error)
        return error;
    /* Before the supervisor follows: it waits for nothing but the exec then, and the world may stand
     * still at an event. */
    record_provisionally(c, 0, &mark);
    t->place = PLACE_KERNEL;
    error = ask_supervisor(t, REQUEST_EXEC);
    t->place = PLACE_SHIM;
    if (error) {
        record_take_back(&mark);
        return refuse(error);
    }
    /* Here, for the memory is gone afterwards. */
    struct robust_undo undo = {.count = 0};
    for (u32 i = c->p->first_task; i; i = task_at(i)->next_in_proc)
        robust_exit(task_at(i), &undo);
    t->place = PLACE_EXEC;
    /* An exec looks like a death to the kernel's robust list; the supervisor watches by ptrace now. */
    raw(__NR_set_robust_list, 0, sizeof t->robust);
    error = at_flags == PLAIN_EXECVE ? raw(__NR_execve, c->path[0], argv, envp)
                                     : raw(__NR_execveat, dirfd, c->path[0], argv, envp, at_flags);
    raw(__NR_set_robust_list, &t->robust, sizeof t->robust);
    t->place = PLACE_SHIM;
    record_take_back(&mark);
    robust_undo(c->p, &undo);
    /* The supervisor waits for the exec's event: this stop tells it that there will be none. */
    raw(__NR_tgkill, proc_of(t)->pid, t->tid, SIG_TRAP);
    return error;
}

i64 sys_execve(struct trap *c)
{
    return exec(c, AT_FDCWD_VALUE, c->a[1], c->a[2], PLAIN_EXECVE);
}

i64 sys_execveat(struct trap *c)
{
    u64 flags = (u32)c->a[4];
    if (flags & ~(AT_EMPTY_PATH_FLAG | AT_SYMLINK_NOFOLLOW_FLAG))
        return -EINVAL;
    return exec(c, (i32)c->a[0], c->a[2], c->a[3], flags);
}
