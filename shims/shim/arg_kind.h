/* arg_kind.h: arg_kinds.def as an enum: syscall_row.kinds. */
#ifndef DST_ARG_KIND_H
#define DST_ARG_KIND_H

#define KIND(name, how, bytes) ARG_##name,
enum arg_kind {
#include "arg_kinds.def"
    ARG_KINDS
};
#undef KIND

#endif
