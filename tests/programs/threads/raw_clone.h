/* Threads without libc: clone and clone3 as Go and musl issue them. The child must not use TLS. */
#ifndef RAW_CLONE_H
#define RAW_CLONE_H
#include "threads.h"
#include <linux/sched.h>

#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static inline long raw_call(long nr, long a, long b, long c, long d)
{
    register long r10 __asm__("r10") = d;
    long ret;
    __asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return ret;
}

typedef void (*raw_body)(void *);

/* A child that returns from `body` ends by exit(0). */
long raw_clone(unsigned long flags, void *stack_top, int *parent_tid, int *child_tid, void *tls, raw_body body,
               void *arg);
long raw_clone3(struct clone_args *args, size_t size, raw_body body, void *arg);

__asm__(".text\n.globl raw_clone\nraw_clone:\n"
        "mov 8(%rsp), %rax\n"
        "sub $16, %rsi\n"
        "mov %r9, 0(%rsi)\n"
        "mov %rax, 8(%rsi)\n"
        "mov %rcx, %r10\n"
        "mov $56, %eax\n"
        "syscall\n"
        "test %rax, %rax\n"
        "jz 1f\n"
        "ret\n"
        "1: xor %ebp, %ebp\n"
        "pop %rax\n"
        "pop %rdi\n"
        "and $-16, %rsp\n"
        "call *%rax\n"
        "xor %edi, %edi\n"
        "mov $60, %eax\n"
        "syscall\n"
        "hlt\n"
        ".globl raw_clone3\nraw_clone3:\n"
        "mov %rdx, %r8\n"
        "mov %rcx, %r9\n"
        "mov $435, %eax\n"
        "syscall\n"
        "test %rax, %rax\n"
        "jz 2f\n"
        "ret\n"
        "2: xor %ebp, %ebp\n"
        "mov %r9, %rdi\n"
        "and $-16, %rsp\n"
        "call *%r8\n"
        "xor %edi, %edi\n"
        "mov $60, %eax\n"
        "syscall\n"
        "hlt\n");

/* Waits until the kernel has cleared the word of a thread that ended (CLONE_CHILD_CLEARTID). */
static inline void wait_cleared(int *word)
{
    int seen;
    while ((seen = __atomic_load_n(word, __ATOMIC_SEQ_CST)))
        raw_call(SYS_futex, (long)word, FUTEX_WAIT, seen, 0);
}
#endif
