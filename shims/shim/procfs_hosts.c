/* procfs_hosts.c: /etc/hosts. The machine's file does not know the name of the simulation's host. */
#include "procfs.h"

static int has_word(const char *line, const char *word)
{
    u64 n = string_length(word);
    for (; *line && *line != '#'; line = word_skip(line))
        if (word_length(line) == n && !memcmp(line, word, n))
            return 1;
    return 0;
}

static void view_hosts(struct view *v)
{
    struct lines l;
    char line[1024];
    int localhost = 0;
    lines_start(&l, v->real);
    while (line_next(&l, line, sizeof line)) {
        localhost |= has_word(line, "localhost");
        text(&v->out, line);
        text(&v->out, "\n");
    }
    text(&v->out, localhost ? "127.0.1.1\t" : "127.0.0.1\tlocalhost\n127.0.1.1\t");
    text(&v->out, WORLD->config.hostname);
    text(&v->out, "\n");
}

const struct view_row views_of_etc[] = {{"hosts", view_hosts}, {0, 0}};

/* Only where the machine's network is not the program's. */
int hosts_are_served(const char *path)
{
    return string_equal(path, "/etc/hosts") && !(WORLD->config.flags & CONFIG_NET_HOST);
}
