/* boot.S: written by the supervisor over a new program's first instructions, before its loader runs.
 *
 * A socket pair lets the supervisor hand in the descriptors of the shim, the world and the trace
 * (SCM_RIGHTS: no path, so no mount namespace, chroot or uid can be in the way). Two stops: at the
 * first the supervisor takes one end (rbx: its descriptor) and sends; at the second all is mapped and
 * closed, and rax holds 0 or the error. The sizes at the blob's end are filled in by the supervisor.
 */
    .text
    .globl boot
boot:
    lea pair(%rip), %r10
    mov $1, %edi            /* AF_UNIX */
    mov $0x80005, %esi      /* SOCK_SEQPACKET | SOCK_CLOEXEC */
    xor %edx, %edx
    mov $53, %eax           /* socketpair */
    syscall
    test %rax, %rax
    js done
    mov pair(%rip), %r15d
    mov pair+4(%rip), %ebx
    int3
    mov %r15d, %edi
    lea message(%rip), %rsi
    lea iov(%rip), %rax
    mov %rax, 16(%rsi)
    lea byte(%rip), %rcx
    mov %rcx, (%rax)
    lea control(%rip), %rax
    mov %rax, 32(%rsi)
    mov $0x40000000, %edx   /* MSG_CMSG_CLOEXEC */
    mov $47, %eax           /* recvmsg */
    syscall
    test %rax, %rax
    js done
    mov shim_base(%rip), %rdi
    mov shim_bytes(%rip), %rsi
    mov $5, %edx            /* PROT_READ | PROT_EXEC */
    mov $0x100002, %r10d    /* MAP_PRIVATE | MAP_FIXED_NOREPLACE */
    mov control+16(%rip), %r8d
    call map
    mov world_base(%rip), %rdi
    mov world_bytes(%rip), %rsi
    mov $3, %edx            /* PROT_READ | PROT_WRITE */
    mov $0x100001, %r10d    /* MAP_SHARED | MAP_FIXED_NOREPLACE */
    mov control+20(%rip), %r8d
    call map
    mov trace_bytes(%rip), %rsi
    test %rsi, %rsi
    jz 1f
    mov trace_base(%rip), %rdi
    mov $3, %edx
    mov $0x104001, %r10d    /* ... | MAP_NORESERVE */
    mov control+24(%rip), %r8d
    call map
1:  mov %r15d, %edi
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
shim_base:   .quad 0        /* the last 21 quads, in this order: dstrun/launch/inject.py */
shim_bytes:  .quad 0
world_base:  .quad 0
world_bytes: .quad 0
trace_base:  .quad 0
trace_bytes: .quad 0
pair:        .long 0, 0
message:     .quad 0, 0, 0, 1, 0, 32, 0   /* msg_controllen: room for three descriptors */
iov:         .quad 0, 1
control:     .quad 0, 0, 0, 0
byte:        .quad 0
