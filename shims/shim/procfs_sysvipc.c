/* procfs_sysvipc.c: /proc/sysvipc: the kernel's lines, with the times of the simulation. */
#include "ipc.h"
#include "procfs.h"

struct columns {
    u32 kind;
    u32 before; /* words before the times */
    u32 times;
};

static const char *word_at(const char *line, u32 index)
{
    scan_spaces(&line);
    while (index--)
        line = word_skip(line);
    return line;
}

static void write_line(struct text *o, const char *line, const struct columns *c)
{
    const char *id = word_at(line, 1), *last = word_at(line, c->before - 1);
    const struct ipc_times *t = ipc_times(c->kind, (i64)scan_number(&id, 10));
    i64 times[3] = {t->first_s, c->times == 2 ? t->change_s : t->second_s, t->change_s};
    text_bytes(o, line, (u64)(last - line) + word_length(last));
    for (u32 i = 0; i < c->times; i++) {
        text(o, " ");
        text_padded(o, (u64)times[i], 10, ' ');
    }
    last = word_at(line, c->before + c->times - 1);
    text(o, last + word_length(last)); /* pages of a segment */
    text(o, "\n");
}

static void write_all(struct view *v, const struct columns *c)
{
    char line[512];
    struct lines lines;
    if (!(WORLD->config.flags & CONFIG_PID_NS))
        count_hole(HOLE_PROC_FILE); /* the machine's objects */
    lines_start(&lines, v->real);
    if (!line_next(&lines, line, sizeof line))
        return;
    text(&v->out, line);
    text(&v->out, "\n");
    while (line_next(&lines, line, sizeof line))
        write_line(&v->out, line, c);
}

void view_sysvipc_sem(struct view *v)
{
    write_all(v, &(struct columns){IPC_SEM, 8, 2});
}

void view_sysvipc_msg(struct view *v)
{
    write_all(v, &(struct columns){IPC_MSG, 11, 3});
}

void view_sysvipc_shm(struct view *v)
{
    write_all(v, &(struct columns){IPC_SHM, 11, 3});
}
