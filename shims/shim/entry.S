/* entry.S: the few places where C cannot say what registers hold. */
    .text
/* The supervisor's jump after an exec. rsp: the task's own stack; r12: task index; r13: the
 * program's entry; r14: the program's initial stack pointer. */
    .globl shim_export_start
shim_export_start:
    mov %r14, %rdi
    mov %r12, %rsi
    call start_program
    mov %rax, %rsp
    mov %r13, -8(%rsp)
    sub $8, %rsp
    xor %eax, %eax
    xor %ebx, %ebx
    xor %ecx, %ecx
    xor %edx, %edx
    xor %esi, %esi
    xor %edi, %edi
    xor %ebp, %ebp
    xor %r8d, %r8d
    xor %r9d, %r9d
    xor %r10d, %r10d
    xor %r11d, %r11d
    xor %r12d, %r12d
    xor %r13d, %r13d
    xor %r14d, %r14d
    xor %r15d, %r15d
    ret

/* i64 clone_raw(flags, stack, parent_tid, child_tid, tls): the child takes its task from its new
 * stack and never returns here. */
    .globl clone_raw
    .hidden clone_raw
clone_raw:
    mov %rcx, %r10
    mov $56, %eax
    syscall
    test %rax, %rax
    jz 1f
    ret
1:  xor %ebp, %ebp
    pop %rdi
    call start_child
    hlt

    .globl sigreturn_to
    .hidden sigreturn_to
sigreturn_to:
    mov %rdi, %rsp
    mov $15, %eax
    syscall
    hlt

    .globl restorer
    .hidden restorer
restorer:
    mov $15, %eax
    syscall
    hlt

/* i64 guarded(struct guard *): 0 now, and 1 again when a fault in user memory brings us back. */
    .globl guarded
    .hidden guarded
guarded:
    mov (%rsp), %rax
    mov %rax, 0(%rdi)
    lea 8(%rsp), %rax
    mov %rax, 8(%rdi)
    mov %rbx, 16(%rdi)
    mov %rbp, 24(%rdi)
    mov %r12, 32(%rdi)
    mov %r13, 40(%rdi)
    mov %r14, 48(%rdi)
    mov %r15, 56(%rdi)
    movl $1, 64(%rdi)
    xor %eax, %eax
    ret

/* long shim_export_point(point, object, effect): point_passed, and nothing of its own stays in
 * registers: in a loop that waits they must come back the same. */
    .globl shim_export_point
shim_export_point:
    sub $8, %rsp
    call point_passed
    add $8, %rsp
    xor %ecx, %ecx
    xor %edx, %edx
    xor %esi, %esi
    xor %edi, %edi
    xor %r8d, %r8d
    xor %r9d, %r9d
    xor %r10d, %r10d
    xor %r11d, %r11d
    ret

    .section .note.GNU-stack, "", @progbits
