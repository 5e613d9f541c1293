/* Servers and clients over TCP, for scripts/bench: network bulk|accept|idle|ring|sockets|tasks N [OTHERS]
 *
 * "bulk": N megabytes from one process to another. "accept": N connections, each with one byte.
 * "idle": N bytes there and back while OTHERS connections are open and watched by the same epoll.
 * "ring": N hand-overs around a ring of OTHERS processes. "sockets", "tasks": N of them are there, it
 * says so, and waits for its input to end.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK 65536

static struct sockaddr_in address = {.sin_family = AF_INET};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int check(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

static int listen_somewhere(void)
{
	socklen_t bytes = sizeof address;
	int fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check(bind(fd, (void *)&address, sizeof address), "bind");
	check(listen(fd, 1000), "listen");
	check(getsockname(fd, (void *)&address, &bytes), "getsockname");
	return fd;
}

static int connect_there(void)
{
	int one = 1, fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");

	check(connect(fd, (void *)&address, sizeof address), "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

static int accept_one(int listener)
{
	int one = 1, fd = check(accept(listener, NULL, NULL), "accept");

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

static void bulk_client(long megabytes)
{
	static char chunk[CHUNK];
	int fd = connect_there();

	for (long left = megabytes * 1000000; left > 0;) {
		ssize_t n = write(fd, chunk, left < CHUNK ? (size_t)left : CHUNK);

		if (n <= 0)
			die("write");
		left -= n;
	}
}

static void bulk_server(int listener)
{
	static char chunk[CHUNK];
	int fd = accept_one(listener);

	while (check(read(fd, chunk, sizeof chunk), "read"))
		;
}

/* The client closes by a reset: no port waits for old packets, however many there were. */
static void accept_client(long count)
{
	struct linger reset = {1, 0};
	char byte;

	for (long i = 0; i < count; i++) {
		int fd = connect_there();

		check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "linger");
		if (read(fd, &byte, 1) != 1)
			die("read");
		close(fd);
	}
}

static void accept_server(int listener, long count)
{
	for (long i = 0; i < count; i++) {
		int fd = accept_one(listener);

		if (write(fd, "x", 1) != 1)
			die("write");
		close(fd);
	}
}

static void idle_client(long rounds, long others)
{
	char byte = 'x';
	int fd = -1;

	for (long i = 0; i <= others; i++)
		fd = connect_there();
	for (long i = 0; i < rounds; i++)
		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			die("round");
}

static void idle_server(int listener, long others)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = check(epoll_create1(0), "epoll_create1");
	char byte;

	for (long i = 0; i <= others; i++) {
		event.data.fd = accept_one(listener);
		check(epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event), "epoll_ctl");
	}
	while (check(epoll_wait(epoll, &event, 1, -1), "epoll_wait") == 1) {
		if (read(event.data.fd, &byte, 1) != 1)
			return; /* the client has ended */
		if (write(event.data.fd, &byte, 1) != 1)
			die("write");
	}
}

static void ring_member(int in, int out, long hops)
{
	char byte;

	for (long i = 0; i < hops; i++)
		if (read(in, &byte, 1) != 1 || write(out, &byte, 1) != 1)
			_exit(1);
}

static void ring(long hops, long members)
{
	int first[2], before, after[2], status;
	long turns = hops / members;
	char byte = 'x';

	check(pipe(first), "pipe");
	before = first[0];
	for (long i = 1; i < members; i++) {
		check(pipe(after), "pipe");
		if (!check(fork(), "fork")) {
			ring_member(before, after[1], turns);
			_exit(0);
		}
		if (before != first[0])
			close(before);
		close(after[1]);
		before = after[0];
	}
	for (long i = 0; i < turns; i++)
		if (write(first[1], &byte, 1) != 1 || read(before, &byte, 1) != 1)
			die("ring");
	while (wait(&status) > 0)
		if (status)
			exit(1);
}

static void wait_for_the_end(void)
{
	char byte;

	puts("there");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	_exit(0);
}

static void *sleeper(void *unused)
{
	pause();
	return unused;
}

static void tasks(long count)
{
	pthread_attr_t small;
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (long i = 0; i < count; i++)
		if (pthread_create(&thread, &small, sleeper, NULL))
			die("pthread_create");
	wait_for_the_end();
}

static void sockets(long count)
{
	int listener = listen_somewhere();

	for (long i = 0; i < count; i += 2) {
		connect_there();
		accept_one(listener);
	}
	wait_for_the_end();
}

static void client(const char *what, long n, long others)
{
	if (!strcmp(what, "bulk"))
		bulk_client(n);
	else if (!strcmp(what, "accept"))
		accept_client(n);
	else
		idle_client(n, others);
}

static void server(const char *what, int listener, long n, long others)
{
	if (!strcmp(what, "bulk"))
		bulk_server(listener);
	else if (!strcmp(what, "accept"))
		accept_server(listener, n);
	else
		idle_server(listener, others);
}

int main(int argc, char **argv)
{
	struct rlimit files;
	int status;

	if (argc < 3)
		return 2;
	long n = atol(argv[2]), others = argc > 3 ? atol(argv[3]) : 0;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (!strcmp(argv[1], "tasks"))
		tasks(n);
	if (!strcmp(argv[1], "sockets"))
		sockets(n);
	if (!strcmp(argv[1], "ring")) {
		ring(n, others);
		return 0;
	}
	int listener = listen_somewhere();

	if (!check(fork(), "fork")) {
		client(argv[1], n, others);
		return 0;
	}
	server(argv[1], listener, n, others);
	return wait(&status) < 0 || status;
}
