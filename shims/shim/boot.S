/* boot.S: written by the supervisor over a new program's first instructions, before its loader runs.
 *
 * A socket pair lets the supervisor hand in the descriptors of the shim, the world, the trace
 * (SCM_RIGHTS: no path, so no mount namespace, chroot or uid can be in the way). Two stops: at the
 * first the supervisor takes one end (rbx: its descriptor) and sends; at the second all is mapped and
 * closed, and rax holds 0 or the error. The sizes at the blob's end are filled in by the supervisor.
 */
    .text
    .globl boot
boot:
    sub $512, %rsp          /* pair at 0, control at 64, iov at 128, byte at 144, message at 192 */
    mov %rsp, %r10
    mov $1, %edi            /* AF_UNIX */
    mov $0x80005, %esi      /* SOCK_SEQPACKET | SOCK_CLOEXEC */
    xor %edx, %edx
    mov $53, %eax           /* socketpair */
    syscall
    test %rax, %rax
    js done
    mov 0(%rsp), %r15d
    mov 4(%rsp), %ebx
    int3
    xor %eax, %eax          /* recvmsg: one byte, and room for four descriptors */
    mov %rax, 192(%rsp)
    mov %rax, 200(%rsp)
    mov %rax, 240(%rsp)
    lea 128(%rsp), %rcx
    mov %rcx, 208(%rsp)
    movq $1, 216(%rsp)
    lea 144(%rsp), %rdx
    mov %rdx, 128(%rsp)
    movq $1, 136(%rsp)
    lea 64(%rsp), %rcx
    mov %rcx, 224(%rsp)
    movq $32, 232(%rsp)
    mov %r15d, %edi
    lea 192(%rsp), %rsi
    mov $0x40000000, %edx   /* MSG_CMSG_CLOEXEC */
    mov $47, %eax           /* recvmsg */
    syscall
    test %rax, %rax
    js done
    /* The whole range first: nothing of the program's may come to lie in its gaps. */
    mov shim_base(%rip), %rdi
    mov ours_bytes(%rip), %rsi
    xor %edx, %edx          /* PROT_NONE */
    mov $0x104022, %r10d    /* MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE */
    mov $-1, %r8
    xor %r9d, %r9d
    mov $9, %eax            /* mmap */
    syscall
    cmp $-4096, %rax
    ja done
    mov shim_base(%rip), %rdi
    mov shim_bytes(%rip), %rsi
    mov $5, %edx            /* PROT_READ | PROT_EXEC */
    mov $0x12, %r10d        /* MAP_PRIVATE | MAP_FIXED */
    mov 80(%rsp), %r8d
    call map
    mov world_base(%rip), %rdi
    mov world_bytes(%rip), %rsi
    mov $3, %edx            /* PROT_READ | PROT_WRITE */
    mov $0x11, %r10d        /* MAP_SHARED | MAP_FIXED */
    mov 84(%rsp), %r8d
    call map
    mov trace_bytes(%rip), %rsi
    test %rsi, %rsi
    jz 1f
    mov trace_base(%rip), %rdi
    mov $3, %edx
    mov $0x4011, %r10d      /* ... | MAP_NORESERVE */
    mov 88(%rsp), %r8d
    call map
1:  mov replay_bytes(%rip), %rsi
    test %rsi, %rsi
    jz 2f
    mov replay_base(%rip), %rdi
    mov $1, %edx            /* PROT_READ */
    mov $0x4011, %r10d
    mov 92(%rsp), %r8d
    call map
2:  mov %r15d, %edi
    call shut
    mov %ebx, %edi
    call shut
    xor %eax, %eax
done:
    int3

map:                        /* maps descriptor r8d, then closes it */
    xor %r9d, %r9d
    mov %r8d, %r14d
    mov $9, %eax
    syscall
    cmp $-4096, %rax
    ja done
    mov %rax, %rdi
    mov $16, %edx           /* MADV_DONTDUMP */
    mov $28, %eax
    syscall
    mov %r14d, %edi
shut:
    mov $3, %eax
    syscall
    ret

    .balign 8
ours_bytes:   .quad 0       /* the last 9 quads, in this order: dstrun/launch/inject.py */
shim_base:    .quad 0
shim_bytes:   .quad 0
world_base:   .quad 0
world_bytes:  .quad 0
trace_base:   .quad 0
trace_bytes:  .quad 0
replay_base:  .quad 0
replay_bytes: .quad 0
