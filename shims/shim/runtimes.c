/* runtimes.c: the runtimes of sanitizers come before the preload library.
 *
 * What intercepts functions to watch them has to be the first library after the program, and ASan's
 * runtime refuses to start where it is not. A program that was built with one names it among the
 * libraries it needs. It is mapped when its loader asks for the list of libraries to load first, so
 * there is the place to look.
 */
#include <linux/elf.h>

#include "process.h"
#include "procfs.h"

#define AT_PHDR_TAG 3
#define AT_PHNUM_TAG 5
#define HEADERS_MAX 64
#define ENTRIES_MAX 1024 /* of the dynamic section */

void runtimes_note(struct proc *p, const u64 *auxv)
{
    p->headers = auxv_value(auxv, AT_PHDR_TAG);
    p->headers_count = (u32)min_u64(auxv_value(auxv, AT_PHNUM_TAG), HEADERS_MAX);
}

/* "libtsan.so.2", "/opt/llvm/lib/libclang_rt.asan-x86_64.so" */
static int is_runtime(const char *name)
{
    static const char kinds[][8] = {"asan", "hwasan", "lsan", "tsan", "msan"};
    for (const char *at = name; *at; at++) {
        if (*at == '/')
            name = at + 1;
        if (*at == ' ' || *at == '\t' || *at == '\n' || *at == ':')
            return 0; /* the list would have two names of it */
    }
    if (!string_starts(name, "lib"))
        return 0;
    name += string_starts(name, "libclang_rt.") ? 12 : 3;
    for (u64 i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *rest = name + string_length(kinds[i]);
        if (string_starts(name, kinds[i]) && (name_matches(".so*", rest) || name_matches("-*.so*", rest)))
            return 1;
    }
    return 0;
}

/* The program's dynamic section, and by how much its addresses are off. */
static u64 find_dynamic(const struct proc *p, u64 *base)
{
    Elf64_Phdr header;
    u64 dynamic = 0;
    *base = 0;
    for (u32 i = 0; i < p->headers_count; i++) {
        if (copy_in(&header, p->headers + i * sizeof header, sizeof header))
            return 0;
        if (header.p_type == PT_PHDR)
            *base = p->headers - header.p_vaddr;
        if (header.p_type == PT_DYNAMIC)
            dynamic = header.p_vaddr;
    }
    return dynamic ? dynamic + *base : 0;
}

static u64 find_strings(u64 dynamic, u64 base)
{
    Elf64_Dyn entry;
    for (u32 i = 0; i < ENTRIES_MAX; i++) {
        if (copy_in(&entry, dynamic + i * sizeof entry, sizeof entry) || entry.d_tag == DT_NULL)
            return 0;
        if (entry.d_tag == DT_STRTAB) /* an older loader has added the base by now */
            return entry.d_un.d_ptr < base ? entry.d_un.d_ptr + base : entry.d_un.d_ptr;
    }
    return 0;
}

void runtimes_list(struct trap *c, struct text *to)
{
    u64 base, dynamic = find_dynamic(c->p, &base), strings = dynamic ? find_strings(dynamic, base) : 0;
    char *name = c->t->path[1];
    Elf64_Dyn entry;
    for (u32 i = 0; strings && i < ENTRIES_MAX; i++) {
        if (copy_in(&entry, dynamic + i * sizeof entry, sizeof entry) || entry.d_tag == DT_NULL)
            return;
        if (entry.d_tag == DT_NEEDED && copy_string(name, strings + entry.d_un.d_val, PATH_BYTES_MAX) > 0 &&
            is_runtime(name)) {
            text(to, name);
            text(to, "\n");
        }
    }
}
