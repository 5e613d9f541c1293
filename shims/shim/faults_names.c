/* faults_names.c: which rules' paths a name is, asked once for each name.
 *
 * A program comes back to the same few names, and with many rules each would be matched against all of
 * their globs, twice: as it is given and as the kernel knows it. So what was found is kept by the name,
 * and with it whether the kernel's is the same one: then nothing has to be asked of the kernel either,
 * until somebody makes a link or renames something.
 */
#include "core/glob.h"
#include "core/hash.h"
#include "faults.h"
#include "files.h"

static u64 hash_from(u64 h, const char *path)
{
    for (; *path; path++)
        h = name_hash_add(h, *path);
    return h;
}

static struct fault_name *place_of(u64 hash)
{
    return &FAULTS->names[hash_mix(0, hash) % FAULT_NAMES];
}

static struct fault_name *known(u64 hash)
{
    struct fault_name *n = place_of(hash);
    return n->hash == hash && n->rules == FAULTS->rules_count ? n : 0;
}

static struct fault_name *look_at(const char *path, u64 hash)
{
    struct fault_name *n = place_of(hash);
    struct glob_grams grams;
    *n = (struct fault_name){.hash = hash, .rules = FAULTS->rules_count};
    glob_grams_of(&grams, path);
    for (u32 i = 0; i < n->rules; i++) {
        u32 gram = FAULTS->path_gram[i];
        if (set_has(&FAULTS->path_rules, i) && (!gram || glob_has_gram(&grams, gram)) &&
            glob_any(faults_text(FAULTS->rules[i].paths), path)) {
            set_add(&n->matching, i);
            n->calls |= FAULTS->rule_slots[i];
        }
    }
    return n;
}

static struct fault_name *name_of(const char *path)
{
    u64 hash = hash_from(NAME_HASH_START, path);
    struct fault_name *n = known(hash);
    return n ? n : look_at(path, hash);
}

const struct fault_set *faults_rules_of_name(const char *path)
{
    return &name_of(path)->matching;
}

void faults_is_plain(const struct trap *c, const char *path)
{
    name_of(path)->plain[faults_follows(c)] = FAULTS->links;
}

/* ---- a call's path, without writing it down ---- */
static u64 hash_of_directory(const struct trap *c)
{
    struct fault_task *ft = &FAULTS->tasks[c->t->index];
    char name[PATH_BYTES_MAX];
    if (ft->directory_epoch == FAULTS->directories)
        return ft->directory;
    faults_absolute(AT_FDCWD_VALUE, ".", name);
    ft->directory = name[1] ? hash_from(NAME_HASH_START, name) : NAME_HASH_START;
    ft->directory_epoch = FAULTS->directories;
    return ft->directory;
}

/* One part and the "/" before it. What stands behind it; 0: ".." or no part, so where it leads is not
 * for names to tell. */
static const char *hash_part(const char *path, u64 *h)
{
    const char *end = path;
    u64 hash = name_hash_add(*h, '/');
    for (; *end && *end != '/'; end++)
        hash = name_hash_add(hash, *end);
    if (end == path || (end - path == 2 && path[0] == '.' && path[1] == '.'))
        return 0;
    if (end - path != 1 || path[0] != '.')
        *h = hash;
    else if (!*end)
        return 0;
    return end;
}

const struct fault_name *faults_plain_name(const struct trap *c, const char *path, i64 dirfd)
{
    u64 hash = NAME_HASH_START;
    if (path[0] != '/' && dirfd != AT_FDCWD_VALUE)
        return 0;
    if (path[0] != '/')
        hash = hash_of_directory(c);
    for (path += path[0] == '/'; (path = hash_part(path, &hash)) && *path; path++)
        ;
    const struct fault_name *n = path ? known(hash) : 0;
    return n && n->plain[faults_follows(c)] == FAULTS->links ? n : 0;
}

const struct fault_set *faults_rules_of_plain(const struct trap *c, const struct target *t)
{
    const struct fault_name *n = faults_plain_name(c, c->path[t->path], t->dirfd);
    return n ? &n->matching : 0;
}

void faults_link_made(void) { FAULTS->links++; }
void faults_directory_changed(void) { FAULTS->directories++; }
