/* Ten megabytes both ways at once over one TCP connection, non-blocking, with small buffers to send
 * from: writes are partial, and both ends have to read to be able to write. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES 10000000
#define CHUNK 1000000

struct end {
	int fd;
	uint64_t state; /* of the bytes sent */
	uint64_t hash;  /* of the bytes received */
	long sent, received, partial;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void send_some(struct end *e)
{
	static unsigned char chunk[CHUNK];
	uint64_t state = e->state;
	long want = BYTES - e->sent < CHUNK ? BYTES - e->sent : CHUNK;

	for (long i = 0; i < want; i++) {
		state = state * 6364136223846793005u + 1;
		chunk[i] = state >> 56;
	}
	ssize_t n = write(e->fd, chunk, want);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		die("write");
	e->partial += n < want;
	e->sent += n;
	for (ssize_t i = 0; i < n; i++)
		e->state = e->state * 6364136223846793005u + 1;
	if (e->sent == BYTES && shutdown(e->fd, SHUT_WR))
		die("shutdown");
}

static int receive_some(struct end *e)
{
	unsigned char chunk[8192];
	ssize_t n = read(e->fd, chunk, sizeof chunk);

	if (n < 0 && errno == EAGAIN)
		return 1;
	if (n < 0)
		die("read");
	for (ssize_t i = 0; i < n; i++)
		e->hash = (e->hash ^ chunk[i]) * 1099511628211u;
	e->received += n;
	return n > 0;
}

static struct end exchange(int fd, uint64_t seed)
{
	struct end e = {.fd = fd, .state = seed, .hash = 14695981039346656037u};
	int size = 20000, open = 1;

	if (fcntl(fd, F_SETFL, O_NONBLOCK) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size))
		die("options");
	while (open || e.sent < BYTES) {
		struct pollfd p = {fd, (open ? POLLIN : 0) | (e.sent < BYTES ? POLLOUT : 0), 0};

		if (poll(&p, 1, -1) != 1)
			die("poll");
		if (p.revents & POLLOUT)
			send_some(&e);
		if (open && p.revents & (POLLIN | POLLHUP | POLLERR))
			open = receive_some(&e);
	}
	close(fd);
	return e;
}

static void report(const char *who, const struct end *e)
{
	printf("%s: sent %ld, received %ld with hash %016lx, partial writes: %s\n", who, e->sent,
	       e->received, e->hash, e->partial ? "yes" : "no");
	fflush(stdout);
}

int main(void)
{
	const char *port = getenv("PORT");
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port ? atoi(port) : 7001),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(listener, (void *)&address, sizeof address) || listen(listener, 1))
		die("listen");
	pid_t child = fork();
	if (!child) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, (void *)&address, sizeof address))
			die("connect");
		struct end e = exchange(fd, 1);
		report("client", &e);
		return 0;
	}
	struct end e = exchange(accept(listener, NULL, NULL), 2);
	int status;

	if (waitpid(child, &status, 0) != child || status)
		return 1;
	report("server", &e);
	return 0;
}
