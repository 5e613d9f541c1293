/* points.c: learned yield points.
 *
 * A loop that waits for another task, without any system call, would keep the token for ever: that
 * other task never runs. The supervisor has found such loops before (dstrun/launch/spins.py) and
 * chosen a branch in each that runs once a turn. A breakpoint stands there in every program that has
 * this code. Who comes by with the very registers of the last time has made no progress and lets
 * others run: a decision that follows from the program's own state, in every run the same.
 */
#include <linux/elf.h>

#include "files.h"
#include "process.h"

#define AT_PHDR_TAG 3
#define AT_PHNUM_TAG 5
#define BREAKPOINT 0xcc
#define REGISTERS_HASHED 18 /* of struct sigcontext: all general ones, ip, flags */
#define FLAGS_RESUME 0x10000ul
#define VISITS_TRIED 50000u
#define YIELD_SHARE 64u

/* ---- where they stand ---- */
/* Who passes by is seldom waiting there (the loop of an interpreter): it costs more than it is worth,
 * and is taken away for the rest of the run. */
static int is_worn(const struct yield_point *p)
{
    return p->visits > VISITS_TRIED && p->yields * YIELD_SHARE < p->visits;
}

static void write_code(u64 address, u8 code)
{
    i64 fd = raw(__NR_openat, AT_FDCWD_VALUE, "/proc/self/mem", 2 /* O_RDWR */ | O_CLOEXEC_FLAG, 0);
    if (fd < 0)
        return; /* no descriptor left: it spins until it is interrupted, which is counted */
    raw(__NR_pwrite64, fd, &code, 1, address);
    raw(__NR_close, fd);
}

static void patch(u64 start, u64 bytes, u64 file_offset, u64 file_bytes)
{
    u8 code[POINT_CODE_BYTES];
    for (u32 i = 0; i < WORLD->points_count; i++) {
        const struct yield_point *p = &WORLD->points[i];
        u64 address = start + (p->file_offset - file_offset);
        if (!is_worn(p) && p->file_bytes == file_bytes && p->file_offset >= file_offset &&
            p->file_offset + sizeof code <= file_offset + bytes &&
            !copy_in(code, address, sizeof code) && !memcmp(code, p->code, sizeof code))
            write_code(address, BREAKPOINT);
    }
}

void points_patch_mapping(u64 start, u64 bytes, i64 fd, u64 file_offset)
{
    struct statx_k st;
    if (!statx_of_fd(fd, &st))
        patch(start, bytes, file_offset, st.size);
}

/* The program itself is mapped before its first instruction: its headers tell where. */
void points_patch_program(const u64 *auxv)
{
    const Elf64_Phdr *first = (const Elf64_Phdr *)auxv_value(auxv, AT_PHDR_TAG);
    u64 count = auxv_value(auxv, AT_PHNUM_TAG), base = 0;
    struct statx_k st;
    if (!WORLD->points_count || !first || statx_of_path(AT_FDCWD_VALUE, "/proc/self/exe", 0, &st))
        return;
    for (u64 i = 0; i < count; i++)
        if (first[i].p_type == PT_PHDR)
            base = (u64)first - first[i].p_vaddr;
    for (u64 i = 0; i < count; i++)
        if (first[i].p_type == PT_LOAD && (first[i].p_flags & PF_X))
            patch(base + first[i].p_vaddr, first[i].p_filesz, first[i].p_offset, st.size);
}

/* ---- what happens there ---- */
static struct yield_point *point_at(u64 address)
{
    u8 code[POINT_CODE_BYTES];
    if (copy_in(code, address, sizeof code) || code[0] != BREAKPOINT)
        return 0;
    for (u32 i = 0; i < WORLD->points_count; i++)
        if (!memcmp(code + 1, WORLD->points[i].code + 1, sizeof code - 1))
            return &WORLD->points[i];
    return 0;
}

/* Condition codes of jcc, in pairs of which the second is the negation of the first. */
static int condition(u32 code, u64 flags)
{
    u64 carry = flags & 1, parity = flags >> 2 & 1, zero = flags >> 6 & 1, sign = flags >> 7 & 1;
    u64 overflow = flags >> 11 & 1, holds[8] = {overflow, carry, zero, carry | zero, sign, parity,
                                                sign ^ overflow, zero | (sign ^ overflow)};
    return (int)(holds[code >> 1 & 7] ^ (code & 1));
}

/* The branch that the breakpoint hides: spins.py chooses these kinds only. */
static void branch(struct sigcontext_k *regs, const u8 *code)
{
    i32 far;
    if (code[0] == 0xeb || (code[0] & 0xf0) == 0x70) {
        int taken = code[0] == 0xeb || condition(code[0], regs->flags);
        regs->ip += 2 + (taken ? (u64)(i64)(signed char)code[1] : 0);
    } else if (code[0] == 0xe9) {
        memcpy(&far, code + 1, sizeof far);
        regs->ip += 5 + (u64)(i64)far;
    } else {
        memcpy(&far, code + 2, sizeof far);
        regs->ip += 6 + (condition(code[1], regs->flags) ? (u64)(i64)far : 0);
    }
}

/* What the task sees of itself, but for registers that count its turns (and flags, which tell of that). */
static u64 registers_hash(const struct sigcontext_k *regs, u64 counters)
{
    u64 seen[REGISTERS_HASHED];
    memcpy(seen, &regs->r8, sizeof seen);
    for (u32 i = 0; i < REGISTERS_HASHED; i++)
        seen[i] = counters >> i & 1 ? 0 : seen[i];
    return hash_bytes(seen, sizeof seen, 0);
}

void give_way(struct task *t, int for_ever)
{
    struct world *w = WORLD;
    if (for_ever && !w->sched.count && timer_next_ns(w) != ~0ul && timer_next_ns(w) > w->now_ns)
        w->now_ns = timer_next_ns(w); /* the others sleep: until then it would turn */
    scheduling_point(t);
    if (w->sched.count)
        yield_token(t);
}

int point_reached(struct task *t, struct sigcontext_k *regs)
{
    struct yield_point *p = point_at(regs->ip - 1);
    if (!p)
        return 0;
    regs->ip--;
    regs->flags &= ~FLAGS_RESUME;
    u64 registers = registers_hash(regs, p->counters);
    p->visits++;
    WORLD->traps++; /* the supervisor sees that it is under control */
    charge(t, WORLD->config.cost_clock_ns);
    u64 *last = &WORLD->spin_registers[t->index][p - WORLD->points];
    if (is_worn(p)) {
        write_code(regs->ip, p->code[0]);
    } else if (registers == *last) {
        p->yields++;
        record_plain(t, EVENT_YIELD, 0, (i64)p->file_offset, 0); /* its number is chance */
        give_way(t, !p->counters);
    }
    *last = registers;
    branch(regs, p->code);
    return 1;
}
