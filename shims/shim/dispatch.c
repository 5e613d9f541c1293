/* dispatch.c: syscalls.def and arg_kinds.def as tables of C. */
#include "arg_kind.h"
#include "shim.h"

#define KIND(name, how, bytes) [ARG_##name] = {HOW_##how, bytes},
const struct arg_kind_row arg_kinds[] = {
#include "arg_kinds.def"
};
#undef KIND

#define SYSCALL(nr, name, cls, handler, ...) i64 handler(struct trap *) HIDDEN;
#include "syscalls.def"
#undef SYSCALL

#define REFUSAL(error)             \
    i64 no_##error(struct trap *c) \
    {                              \
        (void)c;                   \
        return -error;             \
    }
REFUSAL(ENOSYS)
REFUSAL(EPERM)
REFUSAL(EACCES)
REFUSAL(EOPNOTSUPP)

#define IS_FD(kind) (ARG_##kind == ARG_FD)
#define IS_STRING(kind) (ARG_##kind == ARG_PATH || ARG_##kind == ARG_STR)
#define COUNT_(a, b, c, d, e, f, n, ...) n
#define COUNT(...) COUNT_(__VA_ARGS__, 6, 5, 4, 3, 2, 1, 0)
#define KINDS1(a) ARG_##a
#define KINDS2(a, ...) ARG_##a, KINDS1(__VA_ARGS__)
#define KINDS3(a, ...) ARG_##a, KINDS2(__VA_ARGS__)
#define KINDS4(a, ...) ARG_##a, KINDS3(__VA_ARGS__)
#define KINDS5(a, ...) ARG_##a, KINDS4(__VA_ARGS__)
#define KINDS6(a, ...) ARG_##a, KINDS5(__VA_ARGS__)
#define STRINGS1(a) IS_STRING(a)
#define STRINGS2(a, ...) IS_STRING(a) + STRINGS1(__VA_ARGS__)
#define STRINGS3(a, ...) IS_STRING(a) + STRINGS2(__VA_ARGS__)
#define STRINGS4(a, ...) IS_STRING(a) + STRINGS3(__VA_ARGS__)
#define STRINGS5(a, ...) IS_STRING(a) + STRINGS4(__VA_ARGS__)
#define STRINGS6(a, ...) IS_STRING(a) + STRINGS5(__VA_ARGS__)
#define FDS1(a) IS_FD(a)
#define FDS2(a, ...) IS_FD(a) + FDS1(__VA_ARGS__)
#define FDS3(a, ...) IS_FD(a) + FDS2(__VA_ARGS__)
#define FDS4(a, ...) IS_FD(a) + FDS3(__VA_ARGS__)
#define FDS5(a, ...) IS_FD(a) + FDS4(__VA_ARGS__)
#define FDS6(a, ...) IS_FD(a) + FDS5(__VA_ARGS__)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define FIRST(...) FIRST_(__VA_ARGS__, )
#define FIRST_(a, ...) ARG_##a

#define SYSCALL(nr, name, cls_, handler_, why, ...)                          \
    [nr] = {.handler = handler_,                                             \
            .cls = cls_,                                                     \
            .args = FIRST(__VA_ARGS__) == ARG_NONE ? 0 : COUNT(__VA_ARGS__), \
            .fds = JOIN(FDS, COUNT(__VA_ARGS__))(__VA_ARGS__),               \
            .strings = JOIN(STRINGS, COUNT(__VA_ARGS__))(__VA_ARGS__),       \
            .kinds = {JOIN(KINDS, COUNT(__VA_ARGS__))(__VA_ARGS__)}},
const struct syscall_row syscall_rows[SYSCALLS_MAX] = {
#include "syscalls.def"
};
