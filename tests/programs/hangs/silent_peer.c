/* A server that polls its one client, and beside it a client that never says anything. */
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(7000)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&at, sizeof at);
    listen(listener, 1);
    if (!fork()) {
        char byte;
        int s = socket(AF_INET, SOCK_STREAM, 0);
        connect(s, (struct sockaddr *)&at, sizeof at);
        return (int)read(s, &byte, 1);
    }
    struct pollfd client = {.fd = accept(listener, 0, 0), .events = POLLIN};
    while (!poll(&client, 1, 50))
        getppid(); /* as if it did some housekeeping */
    return 0;
}
