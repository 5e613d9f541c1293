/* inet_options.c: options and ioctls of TCP and UDP sockets.
 *
 * The kernel's socket behind the descriptor checks and keeps them: it answers as Linux does. What
 * means something to us is read from it; what tells of the connection is answered by us.
 */
#include "inet.h"

#define IPPROTO_IP_K 0u
#define IPPROTO_IPV6_K 41u
#define IP_TOS_K 1u
#define IP_TTL_K 2u
#define IP_MULTICAST_IF_K 32u
#define IP_MULTICAST_TTL_K 33u
#define IP_ADD_MEMBERSHIP_K 35u
#define IP_DROP_MEMBERSHIP_K 36u
#define MCAST_JOIN_GROUP_K 42u
#define MCAST_LEAVE_GROUP_K 45u
#define IP_MULTICAST_ALL_K 49u
#define GROUP_REQ_ADDRESS 12u /* struct group_req: the IPv4 address in its sockaddr */
#define GROUP_REQ_BYTES 16u
#define UDP_SEGMENT_K 103u
#define UDP_CORK_K 1u
#define IPV6_UNICAST_HOPS_K 16u
#define IPV6_TCLASS_K 67u
#define SO_REUSEADDR_K 2
#define SO_BROADCAST_K 6
#define SO_SNDBUF_K 7
#define SO_RCVBUF_K 8
#define SO_LINGER_K 13
#define SO_RCVLOWAT_K 18
#define SO_REUSEPORT_K 15
#define SO_ACCEPTCONN_K 30
#define SO_SNDBUFFORCE_K 32
#define SO_RCVBUFFORCE_K 33
#define SO_INCOMING_CPU_K 49
#define SO_COOKIE_K 57
#define TCP_INFO_K 11
#define TCP_INFO_TIMES 44u /* in struct tcp_info: last_data_sent and the three that follow */
#define TCP_INFO_TIMES_BYTES 16u
#define IPV6_V6ONLY_K 26u
#define OPTION_BYTES_MAX 256
#define FIONBIO_CMD 0x5421u
#define SIOCOUTQ_CMD 0x5411u
#define SIOCOUTQNSD_CMD 0x894bu
#define SIOCATMARK_CMD 0x8905u

static u32 kernel_option(i64 fd, u32 level, u32 name, u32 index)
{
    u32 value[2] = {0, 0}, bytes = sizeof value;
    return raw(__NR_getsockopt, fd, level, name, value, &bytes) ? 0 : value[index];
}

static void set_flag(struct sock *s, u32 flag, u32 on)
{
    s->flags = on ? s->flags | flag : s->flags & ~flag;
}

static void heed_ip(struct sock *s, i64 fd, u32 level, u32 name)
{
    u32 value = kernel_option(fd, level, name, 0);
    switch (level << 16 | name) {
    case IPPROTO_IPV6_K << 16 | IPV6_V6ONLY_K:
        set_flag(s, SOCK_V6_ONLY, value);
        break;
    case IPPROTO_IP_K << 16 | IP_TTL_K:
        s->hops[0] = (u8)value;
        break;
    case IPPROTO_IPV6_K << 16 | IPV6_UNICAST_HOPS_K:
        s->hops[1] = (u8)value;
        break;
    case IPPROTO_IP_K << 16 | IP_TOS_K:
        s->traffic_class[0] = (u8)value;
        break;
    case IPPROTO_IPV6_K << 16 | IPV6_TCLASS_K:
        s->traffic_class[1] = (u8)value;
        break;
    case IPPROTO_IP_K << 16 | IP_MULTICAST_TTL_K:
        s->multicast_hops = (u8)value;
        break;
    case IPPROTO_IP_K << 16 | IP_MULTICAST_ALL_K:
        set_flag(s, SOCK_OWN_GROUPS, !value);
        break;
    case IPPROTO_UDP_K << 16 | UDP_SEGMENT_K:
        s->segment = (u16)value;
        break;
    case IPPROTO_UDP_K << 16 | UDP_CORK_K:
        dgram_cork(s, value != 0);
        break;
    default:
        break;
    }
}

/* Multicast: groups that are joined and left (struct ip_mreq, ip_mreqn, group_req), and the way out.
 * The kernel's idle socket has found it good: the loopback device is the only interface. */
static i64 heed_group(struct trap *c, struct sock *s, u32 name)
{
    u8 value[GROUP_REQ_BYTES] = {0}, any = 0;
    u32 bytes = (u32)min_u64(sizeof value, (u32)c->a[4]);
    if (copy_in(value, c->a[3], bytes))
        return -EFAULT;
    switch (name) {
    case IP_MULTICAST_IF_K:
        for (u32 i = bytes > 4 ? 4 : 0; i < bytes; i++)
            any |= value[i];
        set_flag(s, SOCK_MULTICAST_IF, any);
        return 0;
    case IP_ADD_MEMBERSHIP_K:
        return group_join(WORLD, s, value) ? 0 : -ENOBUFS;
    case MCAST_JOIN_GROUP_K:
        return group_join(WORLD, s, value + GROUP_REQ_ADDRESS) ? 0 : -ENOBUFS;
    case IP_DROP_MEMBERSHIP_K:
        group_leave(WORLD, s, value);
        return 0;
    case MCAST_LEAVE_GROUP_K:
        group_leave(WORLD, s, value + GROUP_REQ_ADDRESS);
        return 0;
    default:
        return 0;
    }
}

/* What means something to us, as the kernel has taken it. */
static void heed(struct sock *s, i64 fd, u32 level, u32 name)
{
    u32 ask = control_asked(level, name);
    if (ask & (ASK_TIMESTAMP | ASK_TIMESTAMPNS)) /* one or the other */
        s->asks &= ~(u32)(ASK_TIMESTAMP | ASK_TIMESTAMPNS);
    if (ask)
        s->asks = kernel_option(fd, level, name, 0) ? s->asks | ask : s->asks & ~ask;
    if (level != SOL_SOCKET_K) {
        heed_ip(s, fd, level, name);
        return;
    }
    switch (name) {
    case SO_REUSEADDR_K:
        set_flag(s, SOCK_REUSE_ADDR, kernel_option(fd, level, name, 0));
        break;
    case SO_REUSEPORT_K:
        set_flag(s, SOCK_REUSE_PORT, kernel_option(fd, level, name, 0));
        break;
    case SO_BROADCAST_K:
        set_flag(s, SOCK_BROADCAST, kernel_option(fd, level, name, 0));
        break;
    case SO_LINGER_K:
        set_flag(s, SOCK_LINGER, kernel_option(fd, level, name, 0));
        s->linger_s = kernel_option(fd, level, name, 1);
        break;
    case SO_SNDBUF_K:
    case SO_SNDBUFFORCE_K:
        s->send_max = kernel_option(fd, level, SO_SNDBUF_K, 0);
        s->flags |= SOCK_SEND_SET;
        break;
    case SO_RCVBUF_K:
    case SO_RCVBUFFORCE_K:
        s->receive_max = kernel_option(fd, level, SO_RCVBUF_K, 0);
        s->flags |= SOCK_RECEIVE_SET;
        break;
    case SO_RCVLOWAT_K: /* the buffer grows with it */
        s->receive_low = kernel_option(fd, level, name, 0);
        s->receive_max = kernel_option(fd, level, SO_RCVBUF_K, 0);
        channel_wake(sock_channel(s), SIDE_READ);
        break;
    default:
        break;
    }
}

static void remember(struct sock *s, u32 level, u32 name)
{
    for (u32 i = 0; i < s->options; i++)
        if (s->option_level[i] == level && s->option_name[i] == name)
            return;
    if (s->options == SOCK_OPTIONS_MAX)
        return; /* more kinds of options than any program sets: the rest is not inherited */
    s->option_level[s->options] = (u16)level;
    s->option_name[s->options++] = (u16)name;
}

i64 inet_setsockopt(struct trap *c, struct object *o)
{
    struct sock *s = sock_of(o);
    u32 level = (u32)c->a[1], name = (u32)c->a[2];
    i64 set = timeout_option_set(c, o);
    if (set)
        return set > 0 ? 0 : set;
    if (level == IPPROTO_IPV6_K && name == IPV6_V6ONLY_K && s->local.port)
        return -EINVAL;
    i64 error = pass(c);
    if (error)
        return error;
    heed(s, (i32)c->a[0], level, name);
    if (level == IPPROTO_IP_K && !is_stream(s))
        return heed_group(c, s, name);
    remember(s, level, name);
    return 0;
}

/* An accepted socket has what its listener was set to. */
void inet_inherit_options(const struct sock *listener, i64 listener_fd, struct sock *s, i64 fd)
{
    u8 value[OPTION_BYTES_MAX];
    for (u32 i = 0; i < listener->options; i++) {
        u32 bytes = sizeof value, level = listener->option_level[i], name = listener->option_name[i];
        if (!raw(__NR_getsockopt, listener_fd, level, name, value, &bytes))
            raw(__NR_setsockopt, fd, level, name, value, bytes);
        remember(s, level, name);
    }
}

/* ---- getsockopt ---- */
static i64 value_out(struct trap *c, const void *value, u32 bytes)
{
    i32 room;
    if (copy_in(&room, c->a[4], 4))
        return -EFAULT;
    if (room < 0)
        return -EINVAL;
    u32 n = (u32)min_u64((u32)room, bytes);
    if (copy_out(c->a[3], value, n))
        return -EFAULT;
    return copy_out(c->a[4], &n, 4);
}

static i64 number_out(struct trap *c, u64 value)
{
    return value_out(c, &value, 4);
}

u8 tcp_state(const struct sock *s)
{
    int ended = (s->flags & SOCK_FIN) != 0;
    switch (s->state) {
    case SOCK_LISTENING:
        return TCP_LISTEN_K;
    case SOCK_WAITING:
        return TCP_SYN_SENT_K;
    case SOCK_CONNECTED:
        if (!(s->flags & SOCK_END_SENT))
            return ended ? TCP_CLOSE_WAIT_K : TCP_ESTABLISHED_K;
        return ended ? TCP_LAST_ACK_K : stream_unsent(s) ? TCP_FIN_WAIT1_K : TCP_FIN_WAIT2_K;
    default:
        return TCP_CLOSE_K;
    }
}

/* The kernel's of its idle socket, with our state, and without the times since something was sent. */
static i64 tcp_info(struct trap *c, const struct sock *s)
{
    u8 state = tcp_state(s);
    u32 bytes;
    i64 error = pass(c);
    if (error || copy_in(&bytes, c->a[4], 4))
        return error ? error : -EFAULT;
    if (bytes >= TCP_INFO_TIMES + TCP_INFO_TIMES_BYTES)
        error = clear_user(c->a[3] + TCP_INFO_TIMES, TCP_INFO_TIMES_BYTES);
    return error ? error : copy_out(c->a[3], &state, bytes > 0);
}

i64 inet_getsockopt(struct trap *c, struct object *o)
{
    struct sock *s = sock_of(o);
    u32 level = (u32)c->a[1];
    if (level == IPPROTO_TCP_K && is_stream(s) && c->a[2] == TCP_INFO_K)
        return tcp_info(c, s);
    if (level != SOL_SOCKET_K)
        return pass(c);
    switch ((u32)c->a[2]) {
    case SO_ERROR_K:
        return number_out(c, (u64)-take_error(s));
    case SO_ACCEPTCONN_K:
        return number_out(c, s->state == SOCK_LISTENING);
    case SO_SNDBUF_K:
        return number_out(c, s->send_max);
    case SO_RCVBUF_K:
        return number_out(c, s->receive_max);
    case SO_INCOMING_CPU_K:
        return number_out(c, 0);
    case SO_COOKIE_K: {
        u64 cookie = sock_index(s);
        return value_out(c, &cookie, sizeof cookie);
    }
    default:
        return pass(c);
    }
}

/* ---- ioctl ---- */
static i64 int_out(u64 user, u64 value)
{
    u32 v = (u32)min_u64(value, 0x7fffffff);
    return copy_out(user, &v, 4);
}

static u64 readable(const struct sock *s)
{
    return is_stream(s) ? s->bytes : s->datagrams ? WORLD->net_blocks[s->first_block].datagram_bytes : 0;
}

i64 inet_ioctl(struct trap *c, struct object *o)
{
    struct sock *s = sock_of(o);
    i32 on;
    switch ((u32)c->a[1]) {
    case FIONREAD_CMD:
        return s->state == SOCK_LISTENING ? -EINVAL : int_out(c->a[2], readable(s));
    case SIOCOUTQ_CMD:
    case SIOCOUTQNSD_CMD:
        if (!is_stream(s) && (u32)c->a[1] == SIOCOUTQNSD_CMD)
            return pass(c);
        if (s->state == SOCK_LISTENING)
            return -EINVAL;
        return int_out(c->a[2], is_stream(s) ? stream_unsent(s) : 0);
    case SIOCATMARK_CMD:
        return int_out(c->a[2], 0);
    case FIONBIO_CMD:
        if (copy_in(&on, c->a[2], sizeof on))
            return -EFAULT;
        o->nonblock = on != 0;
        return 0;
    default:
        return pass(c);
    }
}
