/* A TCP connection over IPv4: the calls in their order, the names of both ends, data, the end. */
#include "net.h"

static void names(int listener, int client, int server, const struct sockaddr_in *peer)
{
    CHECK_EQ(local_port(server), local_port(listener));
    CHECK_EQ(peer_port(client), local_port(listener));
    CHECK_EQ(peer_port(server), local_port(client));
    CHECK_EQ(ntohs(peer->sin_port), local_port(client));
    CHECK_EQ(peer->sin_family, AF_INET);
    CHECK_EQ(ntohl(peer->sin_addr.s_addr), INADDR_LOOPBACK);
    CHECK(local_port(client) != local_port(listener));
    CHECK_TEXT(local_host(client), LOOPBACK);
    CHECK_TEXT(peer_host(client), LOOPBACK);
    CHECK_TEXT(local_host(server), LOOPBACK);
    CHECK_TEXT(peer_host(server), LOOPBACK);
}

static void one_process(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(bind_to(listener, LOOPBACK, 0), 0);
    CHECK_EQ(get_option(listener, SOL_SOCKET, SO_ACCEPTCONN), 0);
    CHECK_EQ(listen(listener, 5), 0);
    CHECK_EQ(get_option(listener, SOL_SOCKET, SO_ACCEPTCONN), 1);
    CHECK_EQ(poll_now(listener), 0);
    int client = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    CHECK_EQ(connect_to(client, LOOPBACK, local_port(listener)), 0);
    CHECK_EQ(wait_for(listener, POLLIN), POLLIN);
    struct sockaddr_in peer = {0};
    socklen_t size = sizeof peer;
    int server = accept(listener, (struct sockaddr *)&peer, &size);
    CHECK(server >= 0);
    CHECK_EQ(size, sizeof peer);
    names(listener, client, server, &peer);
    check_linked(client, server);
    close(listener); /* the connection lives on */
    check_linked(client, server);
    CHECK_EQ(close(client), 0);
    check_end(server);
    check_end(server);
    close(server);
}

static int serve(int listener)
{
    for (int i = 0; i < 3; i++) {
        char line[64];
        int fd = accept(listener, 0, 0);
        ssize_t n = read(fd, line, sizeof line);
        for (ssize_t k = 0; k < n; k++)
            line[k] ^= 0x20;
        CHECK_EQ(write(fd, line, (size_t)n), n);
        close(fd);
    }
    return check_failures != 0;
}

static void two_processes(void)
{
    int listener = make_listener(), status;
    pid_t child = fork();
    if (!child)
        _exit(serve(listener));
    for (int i = 0; i < 3; i++) {
        char line[64] = {0};
        int fd = dial(listener);
        CHECK_EQ(send(fd, "hello", 5, 0), 5);
        CHECK_EQ(recv(fd, line, sizeof line, 0), 5);
        CHECK_TEXT(line, "HELLO");
        CHECK_EQ(recv(fd, line, sizeof line, 0), 0);
        close(fd);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(listener);
}

/* The name is cut to the room given, and its true size told. */
static void short_names(void)
{
    int listener = make_listener();
    int client = dial(listener);
    unsigned char raw[32];
    memset(raw, 0xee, sizeof raw);
    socklen_t size = 4;
    int server = accept(listener, (struct sockaddr *)raw, &size);
    CHECK(server >= 0);
    CHECK_EQ(size, sizeof(struct sockaddr_in));
    CHECK_EQ(raw[0], AF_INET);
    CHECK(raw[3] != 0xee || ((local_port(client) & 255) == 0xee));
    CHECK_EQ(raw[4], 0xee);
    size = sizeof raw;
    memset(raw, 0xee, sizeof raw);
    CHECK_EQ(getsockname(server, (struct sockaddr *)raw, &size), 0);
    CHECK_EQ(size, sizeof(struct sockaddr_in));
    CHECK_EQ(raw[sizeof(struct sockaddr_in)], 0xee);
    size = 0;
    CHECK_EQ(getpeername(server, (struct sockaddr *)raw, &size), 0);
    CHECK_EQ(size, sizeof(struct sockaddr_in));
    close(client);
    close(server);
    close(listener);
}

int main(void)
{
    one_process();
    two_processes();
    short_names();
    return finish();
}
