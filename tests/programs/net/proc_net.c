/* /proc/net/tcp, tcp6, udp, udp6 name the sockets: addresses, states, queues, inodes. */
#include "net.h"

struct row {
    unsigned state, sends, receives, timer;
    unsigned long inode;
    unsigned uid;
};

/* How many rows there are from one port to another (-1: any). */
static int rows(const char *table, int from, int to, struct row *r)
{
    char path[64], line[512];
    int found = 0, number = 0;
    snprintf(path, sizeof path, "/proc/net/%s", table);
    FILE *f = fopen(path, "r");
    CHECK(f != 0);
    CHECK(fgets(line, sizeof line, f) != 0);
    CHECK(strstr(line, "local_address") && strstr(line, "inode"));
    while (f && fgets(line, sizeof line, f)) {
        unsigned local, remote;
        struct row one;
        int slot;
        char here[64], there[64];
        CHECK_EQ(sscanf(line, " %d: %[0-9A-F]:%X %[0-9A-F]:%X %X %X:%X %X:%*X %*X %u %*d %lu", &slot, here, &local,
                        there, &remote, &one.state, &one.sends, &one.receives, &one.timer, &one.uid, &one.inode),
                 11);
        CHECK_EQ(strlen(here), strchr(table, '6') ? 32 : 8);
        if (table[0] == 't')
            CHECK_EQ(slot, number++);
        if ((int)local == from && (to < 0 || (int)remote == to)) {
            found++;
            *r = one;
        }
    }
    fclose(f);
    return found;
}

static unsigned long inode_of(int fd)
{
    struct stat st;
    CHECK_EQ(fstat(fd, &st), 0);
    return st.st_ino;
}

static void streams(const char *table, const char *host)
{
    int listener = listen_on(host, 0, 7), port = local_port(listener);
    int fd = socket(family_of(host), SOCK_STREAM, 0);
    struct row r;
    CHECK_EQ(rows(table, port, -1, &r), 1);
    CHECK_EQ(r.state, TCP_LISTEN);
    CHECK_EQ(r.inode, inode_of(listener));
    CHECK_EQ(r.uid, getuid());
    CHECK_EQ(connect_to(fd, host, port), 0);
    wait_for(listener, POLLIN);
    CHECK_EQ(rows(table, port, 0, &r), 1);
    CHECK_EQ(r.receives, 1); /* waits for accept */
    CHECK_EQ(rows(table, port, local_port(fd), &r), 1);
    CHECK_EQ(r.state, TCP_ESTABLISHED);
    CHECK_EQ(r.inode, 0);
    int server = accept(listener, 0, 0);
    CHECK_EQ(write(fd, "12345", 5), 5);
    wait_for(server, POLLIN);
    CHECK_EQ(rows(table, port, local_port(fd), &r), 1);
    CHECK_EQ(r.inode, inode_of(server));
    CHECK_EQ(r.receives, 5);
    CHECK_EQ(rows(table, local_port(fd), port, &r), 1);
    CHECK_EQ(r.inode, inode_of(fd));
    CHECK_EQ(r.state, TCP_ESTABLISHED);
    int client_port = local_port(fd);
    char text[8];
    CHECK_EQ(read(server, text, 8), 5);
    close(fd);
    check_end(server);
    CHECK_EQ(rows(table, port, client_port, &r), 1);
    CHECK_EQ(r.state, TCP_CLOSE_WAIT);
    close(server);
    for (int i = 0; i < PATIENCE_MS && (rows(table, client_port, port, &r) != 1 || r.state != TCP_TIME_WAIT); i++)
        sleep_ms(1);
    CHECK_EQ(r.state, TCP_TIME_WAIT);
    CHECK_EQ(r.timer, 3);
    CHECK_EQ(r.inode, 0);
    CHECK_EQ(rows(table, port, client_port, &r), 0);
    close(listener);
    CHECK_EQ(rows(table, port, 0, &r), 0);
}

static void datagrams(const char *table, const char *host)
{
    int a = bound_udp(host), b = bound_udp(host);
    struct row r;
    CHECK_EQ(rows(table, local_port(a), -1, &r), 1);
    CHECK_EQ(r.state, TCP_CLOSE);
    CHECK_EQ(r.inode, inode_of(a));
    CHECK_EQ(r.receives, 0);
    CHECK_EQ(connect_to(b, host, local_port(a)), 0);
    CHECK_EQ(rows(table, local_port(b), local_port(a), &r), 1);
    CHECK_EQ(r.state, TCP_ESTABLISHED);
    CHECK_EQ(r.inode, inode_of(b));
    CHECK_EQ(write(b, "x", 1), 1);
    wait_for(a, POLLIN);
    CHECK_EQ(rows(table, local_port(a), -1, &r), 1);
    CHECK(r.receives > 0);
    close(a), close(b);
}

/* A child's sockets, too, and those of who asks are where they belong. */
static void of_another(void)
{
    int listener = make_listener(), port = local_port(listener), go[2];
    struct row r;
    char byte, path[64];
    CHECK_EQ(pipe(go), 0);
    unsigned long inode = inode_of(listener);
    pid_t child = fork();
    if (!child) {
        close(go[1]);
        _exit(read(go[0], &byte, 1) != 0);
    }
    close(listener);
    CHECK_EQ(rows("tcp", port, -1, &r), 1);
    CHECK_EQ(r.inode, inode);
    snprintf(path, sizeof path, "/proc/%d/net/tcp", (int)child);
    FILE *f = fopen(path, "r");
    CHECK(f && fgets(path, sizeof path, f));
    fclose(f);
    close(go[0]), close(go[1]);
    CHECK_EQ(waitpid(child, 0, 0), child);
    CHECK_EQ(rows("tcp", port, -1, &r), 0);
}

int main(void)
{
    streams("tcp", LOOPBACK);
    streams("tcp6", "::1");
    datagrams("udp", LOOPBACK);
    datagrams("udp6", "::1");
    of_another();
    return finish();
}
