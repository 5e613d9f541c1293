/* own.c: /dev/shm and /dev/mqueue of the run's own.
 *
 * Named semaphores and shared memory objects are files right in /dev/shm. What an earlier run left
 * there, or another program has there, would make the next run another one; so the run gets an empty
 * one, which goes with it, as its System V objects and message queues do in its IPC namespace.
 * Directories in /dev/shm are no such objects but files of users', and stay as they are.
 */
#include "own.h"

#include "shim/memory.h"
#include "shim/raw.h"

#define AT_FDCWD (-100l)
#define O_DIRECTORY 0200000
#define O_NOFOLLOW 0400000
#define O_CLOEXEC 02000000
#define O_PATH 010000000
#define DT_DIR 4
#define MS_NOSUID_NODEV 6
#define MS_NOSUID_NODEV_NOEXEC 14
#define MS_BIND_REC 0x5000
#define DIRECTORIES_MAX 64
#define NAME_BYTES 256

struct entry { /* linux_dirent64 */
    u64 ino, offset;
    u16 bytes;
    u8 type;
    char name[];
};

struct kept {
    i64 fd;
    char name[NAME_BYTES];
};

static const char shm[] = "/dev/shm", mqueue[] = "/dev/mqueue";

/* A directory's mtime is shown as it is, and these are made in the run's real time. */
static void give_time(const char *path, u64 epoch_ns)
{
    u64 s = epoch_ns / 1000000000ul, ns = epoch_ns % 1000000000ul, times[4] = {s, ns, s, ns};
    raw(__NR_utimensat, AT_FDCWD, path, times, 0);
}

static int is_kept(const struct entry *e)
{
    return e->type == DT_DIR && !string_equal(e->name, ".") && !string_equal(e->name, "..") &&
           string_length(e->name) < NAME_BYTES;
}

/* The directories in `dir`, opened; how many, or an errno. */
static i64 find_kept(i64 dir, struct kept *kept)
{
    u64 buffer[512];
    i64 found = 0, n;
    while ((n = raw(__NR_getdents64, dir, buffer, sizeof buffer)) > 0) {
        struct entry *e;
        for (char *at = (char *)buffer; at < (char *)buffer + n; at += e->bytes) {
            e = (struct entry *)at;
            if (!is_kept(e))
                continue;
            if (found == DIRECTORIES_MAX)
                return -E2BIG;
            i64 fd = raw(__NR_openat, dir, e->name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
            if (fd < 0)
                continue;
            kept[found].fd = fd;
            string_append(kept[found].name, kept[found].name + NAME_BYTES, e->name);
            found++;
        }
    }
    return n < 0 ? n : found;
}

static void put_back(const struct kept *k)
{
    char path[NAME_BYTES + sizeof shm + 1], *end = path + sizeof path;
    string_append(string_append(string_append(path, end, shm), end, "/"), end, k->name);
    raw(__NR_mkdir, path, 0755);
    raw(__NR_fchdir, k->fd);
    raw(__NR_mount, ".", path, 0, MS_BIND_REC, 0);
    raw(__NR_close, k->fd);
}

static i64 mount_shm(void)
{
    struct kept kept[DIRECTORIES_MAX];
    i64 dir = raw(__NR_openat, AT_FDCWD, shm, O_DIRECTORY | O_CLOEXEC, 0);
    if (dir < 0)
        return dir == -ENOENT ? 0 : dir;
    i64 found = find_kept(dir, kept);
    raw(__NR_close, dir);
    i64 error = found < 0 ? found : raw(__NR_mount, "dstrun", shm, "tmpfs", MS_NOSUID_NODEV, "mode=1777");
    for (i64 i = 0; i < found; i++)
        if (error)
            raw(__NR_close, kept[i].fd);
        else
            put_back(&kept[i]);
    raw(__NR_chdir, "/");
    return error;
}

i64 mount_own(u64 epoch_ns, int with_shm)
{
    /* Where it cannot be had it stays the machine's, which only who looks into it can tell. */
    if (!raw(__NR_mount, "mqueue", mqueue, "mqueue", MS_NOSUID_NODEV_NOEXEC, 0))
        give_time(mqueue, epoch_ns);
    i64 error = with_shm ? mount_shm() : 0;
    if (with_shm && !error)
        give_time(shm, epoch_ns);
    return error;
}
