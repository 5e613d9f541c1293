/* Interfaces and addresses by rtnetlink: whole dumps, in one buffer and in pieces, and the names of
 * several sockets of a process. The trace has all the bytes: runs at other times must have the same. */
#include "../check.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/uio.h>

static struct sockaddr_nl name_of(int fd)
{
	struct sockaddr_nl name = {0};
	socklen_t bytes = sizeof name;

	CHECK_EQ(getsockname(fd, (void *)&name, &bytes), 0);
	CHECK_EQ(bytes, sizeof name);
	return name;
}

static void names(void)
{
	struct sockaddr_nl any = {.nl_family = AF_NETLINK}, kernel = any;
	int fds[3];

	for (int i = 0; i < 3; i++)
		fds[i] = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	CHECK_EQ(name_of(fds[0]).nl_pid, 0);
	CHECK_EQ(bind(fds[0], (void *)&any, sizeof any), 0);
	CHECK_EQ(bind(fds[1], (void *)&any, sizeof any), 0);
	CHECK_EQ(connect(fds[2], (void *)&kernel, sizeof kernel), 0);
	CHECK_EQ(name_of(fds[0]).nl_pid, getpid());
	CHECK(name_of(fds[1]).nl_pid > 0x80000000u);
	CHECK(name_of(fds[2]).nl_pid > 0x80000000u);
	CHECK(name_of(fds[2]).nl_pid != name_of(fds[1]).nl_pid);
	any.nl_pid = getpid();
	CHECK_ERRNO(bind(fds[1], (void *)&any, sizeof any), EINVAL);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

/* How many messages of a type the answer to a dump has. */
static int dump(int request, int answer, size_t first)
{
	static char buffer[65536];
	struct {
		struct nlmsghdr header;
		struct rtgenmsg general;
	} ask = {.header = {.nlmsg_len = sizeof ask, .nlmsg_type = request, .nlmsg_seq = 7,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
	int fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE), found = 0, done = 0;

	CHECK_EQ(send(fd, &ask, sizeof ask, 0), sizeof ask);
	while (!done) {
		struct iovec pieces[] = {{buffer, first}, {buffer + first, sizeof buffer - first}};
		struct msghdr m = {.msg_iov = pieces, .msg_iovlen = 2};
		ssize_t n = recvmsg(fd, &m, 0);

		if (n <= 0) {
			CHECK(!"the dump ends");
			break;
		}
		for (struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			CHECK_EQ(h->nlmsg_seq, 7);
			found += h->nlmsg_type == answer;
			done |= h->nlmsg_type == NLMSG_DONE;
		}
	}
	close(fd);
	return found;
}

static void interfaces(void)
{
	struct ifaddrs *all, *a;
	int loopback = 0;

	CHECK_EQ(getifaddrs(&all), 0);
	for (a = all; a; a = a->ifa_next) {
		struct sockaddr_in *in = (void *)a->ifa_addr;

		if (in && in->sin_family == AF_INET && in->sin_addr.s_addr == htonl(INADDR_LOOPBACK)) {
			CHECK(!strcmp(a->ifa_name, "lo"));
			CHECK(a->ifa_flags & IFF_LOOPBACK);
			loopback++;
		}
	}
	CHECK_EQ(loopback, 1);
	freeifaddrs(all);
	CHECK(if_nametoindex("lo") > 0);
}

int main(void)
{
	names();
	for (size_t first = 16; first < 4096; first *= 4) {
		CHECK(dump(RTM_GETLINK, RTM_NEWLINK, first) >= 1);
		CHECK(dump(RTM_GETADDR, RTM_NEWADDR, first) >= 1);
	}
	interfaces();
	return finish();
}
