/* own_files.c: dstrun's own files are not among those that the program lists.
 *
 * The trace grows while the program runs, and lies there or not by what was run before: a listing
 * that showed it would be another one in the next run, and in a replay. It is known by its
 * directory and its name, not by its own number: in a replay the recorded trace is another file, or
 * none. Names are looked up as ever.
 */
#include "files.h"

void own_files_start(void)
{
    for (u32 i = 0; i < OWN_FILES_MAX; i++) {
        struct own_file *f = &WORLD->own_files[i];
        struct statx_k st;
        if (f->folder[0] && !statx_of_path(AT_FDCWD_K, f->folder, 0, &st)) {
            f->dev = statx_dev(&st);
            f->ino = st.ino;
        }
    }
}

/* FILE, or FILE.runN of a further run of --verify. */
static int is_name_of(const struct own_file *f, const char *name)
{
    if (!string_starts(name, f->name))
        return 0;
    name += string_length(f->name);
    if (!*name)
        return 1;
    if (!string_starts(name, ".run") || !name[4])
        return 0;
    for (name += 4; *name >= '0' && *name <= '9'; name++)
        ;
    return !*name;
}

static int is_in(const struct own_file *f, const struct statx_k *folder)
{
    return f->ino && f->ino == folder->ino && f->dev == statx_dev(folder);
}

int is_own_file(const struct statx_k *folder, const char *name)
{
    for (u32 i = 0; i < OWN_FILES_MAX; i++)
        if (unlikely(is_in(&WORLD->own_files[i], folder)) && is_name_of(&WORLD->own_files[i], name))
            return 1;
    return 0;
}

int has_own_file(const struct statx_k *folder)
{
    for (u32 i = 0; i < OWN_FILES_MAX; i++)
        if (WORLD->own_files[i].stays && is_in(&WORLD->own_files[i], folder))
            return 1;
    return 0;
}
