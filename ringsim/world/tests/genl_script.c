/* SPDX-License-Identifier: MIT */
#include "genl_script.h"

#include <ringsim/abi.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define BUF 8192

struct script {
	genl_syscall *sys;
	void *ctx;
	char *out;
	size_t len, room;
	int fd;
	uint16_t family;
	uint32_t port, group, seq;
	struct {
		_Alignas(4) uint8_t data[BUF];
		size_t len;
	} msg;
};

static void say(struct script *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct script *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s->out + s->len, s->room - s->len, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < s->room - s->len)
		s->len += (size_t)n;
}

static long sys(struct script *s, int nr, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d,
		uintptr_t e, uintptr_t f)
{
	const uint64_t arg[6] = { a, b, c, d, e, f };

	return s->sys(s->ctx, nr, arg);
}

/* --- making requests ---------------------------------------------------------------------------
 */

static void raw(struct script *s, const void *data, size_t len)
{
	memcpy(s->msg.data + s->msg.len, data, len);
	s->msg.len += len;
}

static void begin(struct script *s, uint16_t type, uint16_t flags, uint8_t cmd)
{
	const struct nlmsghdr h = { .nlmsg_type = type,
				    .nlmsg_flags = flags,
				    .nlmsg_seq = ++s->seq };
	const struct genlmsghdr g = { .cmd = cmd, .version = 1 };

	s->msg.len = 0;
	raw(s, &h, sizeof(h));
	raw(s, &g, sizeof(g));
}

static void attr(struct script *s, uint16_t type, const void *data, size_t len)
{
	const struct nlattr a = { .nla_type = type, .nla_len = (uint16_t)(sizeof(a) + len) };

	raw(s, &a, sizeof(a));
	raw(s, data, len);
	raw(s, "\0\0\0", -len & 3);
}

static void attr_u32(struct script *s, uint16_t type, uint32_t value)
{
	attr(s, type, &value, sizeof(value));
}

static void attr_string(struct script *s, uint16_t type, const char *value)
{
	attr(s, type, value, strlen(value) + 1);
}

/* --- telling answers ---------------------------------------------------------------------------
 */

static const char *type_name(const struct script *s, uint16_t type, char *buf, size_t len)
{
	if (type == s->family)
		return "TCM-USER";
	if (type == GENL_ID_CTRL)
		return "nlctrl";
	snprintf(buf, len, "%u", type);
	return buf;
}

/* @path: the kinds of the attributes around, one byte each. What is dynamic is told by name. */
static void tell_attrs(struct script *s, const uint8_t *p, size_t len, uint32_t path)
{
	const struct nlattr *a = (const void *)p;
	size_t i, n;
	uint16_t id;
	bool nested;

	for (; len >= sizeof(*a) && a->nla_len >= sizeof(*a) && a->nla_len <= len;
	     len -= n, p += n, a = (const void *)p) {
		n = (a->nla_len + 3u) & ~3u;
		if (n > len)
			n = len;
		nested = a->nla_type & NLA_F_NESTED || (!path && a->nla_type == CTRL_ATTR_OPS) ||
			 (!path && a->nla_type == CTRL_ATTR_MCAST_GROUPS) ||
			 path == CTRL_ATTR_OPS || path == CTRL_ATTR_MCAST_GROUPS;
		say(s, " %s%u", a->nla_type & NLA_F_NESTED ? "*" : "", a->nla_type & NLA_TYPE_MASK);
		memcpy(&id, p + 4, a->nla_len >= 6 ? 2 : 0);
		if (nested) {
			say(s, "{");
			tell_attrs(s, p + 4, a->nla_len - 4u,
				   path << 8 | (a->nla_type & NLA_TYPE_MASK));
			say(s, " }");
		} else if (!path && a->nla_type == CTRL_ATTR_FAMILY_ID && a->nla_len == 6 &&
			   id == s->family) {
			say(s, "=ID");
		} else if (path >> 8 == CTRL_ATTR_MCAST_GROUPS &&
			   a->nla_type == CTRL_ATTR_MCAST_GRP_ID) {
			memcpy(&s->group, p + 4, 4);
			say(s, "=GROUP");
		} else {
			say(s, "=");
			for (i = 4; i < a->nla_len; i++)
				say(s, "%02x", p[i]);
		}
	}
	if (len)
		say(s, " +%zu", len);
}

static void tell_error(struct script *s, const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	size_t skip = NLMSG_LENGTH(sizeof(*e));
	char buf[16];

	say(s, " %s of %s flags %x seq %+d%s", e->error ? strerror(-e->error) : "ack",
	    type_name(s, e->msg.nlmsg_type, buf, sizeof(buf)), e->msg.nlmsg_flags,
	    (int)(e->msg.nlmsg_seq - s->seq), e->msg.nlmsg_pid ? " from a port" : "");
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += ((e->msg.nlmsg_len + 3u) & ~3u) - sizeof(e->msg);
	if (h->nlmsg_flags & NLM_F_ACK_TLVS && skip < h->nlmsg_len)
		tell_attrs(s, (const uint8_t *)h + skip, h->nlmsg_len - skip, 0xff);
}

/* A real host has more families than these. */
static bool foreign(const struct nlmsghdr *h)
{
	return h->nlmsg_type == GENL_ID_CTRL && h->nlmsg_flags & NLM_F_MULTI &&
	       ((const uint8_t *)h)[16] == CTRL_CMD_NEWFAMILY &&
	       !memmem(h, h->nlmsg_len, "TCM-USER", 9) && !memmem(h, h->nlmsg_len, "nlctrl", 7);
}

static void tell(struct script *s, const uint8_t *p, size_t len, const char *from)
{
	const struct nlmsghdr *h = (const void *)p;
	size_t n, i;
	char buf[16];

	for (; len >= sizeof(*h) && h->nlmsg_len >= sizeof(*h) && h->nlmsg_len <= len;
	     len -= n, p += n, h = (const void *)p) {
		n = (h->nlmsg_len + 3u) & ~3u;
		if (n > len)
			n = len;
		if (foreign(h))
			continue;
		say(s, "  %s flags %x seq %+d%s%s:", type_name(s, h->nlmsg_type, buf, sizeof(buf)),
		    h->nlmsg_flags, (int)(h->nlmsg_seq - s->seq),
		    h->nlmsg_pid == s->port ? "" : " to somebody else", from);
		if (h->nlmsg_type == NLMSG_ERROR) {
			tell_error(s, h);
		} else if (h->nlmsg_type >= NLMSG_MIN_TYPE) {
			say(s, " cmd %u version %u", p[16], p[17]);
			tell_attrs(s, p + 20, h->nlmsg_len - 20, 0);
		} else {
			for (i = sizeof(*h); i < h->nlmsg_len; i++)
				say(s, " %02x", p[i]);
		}
		say(s, "\n");
	}
	if (len)
		say(s, "  +%zu bytes\n", len);
}

static void answers(struct script *s)
{
	struct sockaddr_nl from;
	_Alignas(4) uint8_t buf[BUF];
	char text[64];
	socklen_t len = sizeof(from);
	long n;
	int i;

	for (i = 0; i < 16; i++, len = sizeof(from)) {
		memset(&from, 0xff, sizeof(from));
		n = sys(s, SYS_recvfrom, (uintptr_t)s->fd, (uintptr_t)buf, sizeof(buf),
			MSG_DONTWAIT, (uintptr_t)&from, (uintptr_t)&len);
		if (n == -EAGAIN)
			return;
		text[0] = 0;
		if (n < 0)
			say(s, "  %s\n", strerror((int)-n));
		else if (from.nl_family != AF_NETLINK || from.nl_pid || from.nl_groups || len != 12)
			snprintf(text, sizeof(text), " source %u/%u/%x/%u", from.nl_family,
				 from.nl_pid, from.nl_groups, len);
		if (n > 0)
			tell(s, buf, (size_t)n, text);
	}
}

/* @more: bytes that the header claims beyond what is there (or fewer). */
static void transmit(struct script *s, const char *what, long more)
{
	const struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	struct nlmsghdr *h = (void *)s->msg.data;
	long n;

	if (s->msg.len >= 4 && more != INT32_MAX)
		h->nlmsg_len = (uint32_t)((long)s->msg.len + more);
	n = sys(s, SYS_sendto, (uintptr_t)s->fd, (uintptr_t)s->msg.data, s->msg.len, 0,
		(uintptr_t)&to, sizeof(to));
	say(s, "%s", what);
	if (n != (long)s->msg.len)
		say(s, ": sent %ld of %zu", n, s->msg.len);
	say(s, "\n");
	answers(s);
}

static void go(struct script *s, const char *what)
{
	transmit(s, what, 0);
}

/* --- what is asked -----------------------------------------------------------------------------
 */

static void get_family(struct script *s, const char *what, uint16_t flags, const char *name)
{
	begin(s, GENL_ID_CTRL, NLM_F_REQUEST | flags, CTRL_CMD_GETFAMILY);
	if (name)
		attr_string(s, CTRL_ATTR_FAMILY_NAME, name);
	go(s, what);
}

static void families(struct script *s)
{
	uint16_t id = s->family, unknown = 0xfff;

	get_family(s, "family by name", 0, "TCM-USER");
	get_family(s, "family by name, with an ack", NLM_F_ACK, "TCM-USER");
	get_family(s, "the controller's family", 0, "nlctrl");
	get_family(s, "an unknown family", 0, "nosuchfamily");
	get_family(s, "an empty name", 0, "");
	get_family(s, "a name of 15", 0, "123456789012345");
	get_family(s, "a name of 16", 0, "1234567890123456");
	get_family(s, "no name, no id", 0, NULL);
	begin(s, GENL_ID_CTRL, NLM_F_REQUEST, CTRL_CMD_GETFAMILY);
	attr(s, CTRL_ATTR_FAMILY_NAME, "TCM-USER", 8);
	go(s, "a name without its NUL");
	begin(s, GENL_ID_CTRL, NLM_F_REQUEST, CTRL_CMD_GETFAMILY);
	attr(s, CTRL_ATTR_FAMILY_ID, &id, 2);
	go(s, "family by id");
	begin(s, GENL_ID_CTRL, NLM_F_REQUEST, CTRL_CMD_GETFAMILY);
	attr(s, CTRL_ATTR_FAMILY_ID, &unknown, 2);
	go(s, "an unknown id");
	begin(s, GENL_ID_CTRL, NLM_F_REQUEST, CTRL_CMD_GETFAMILY);
	attr(s, CTRL_ATTR_FAMILY_ID, &unknown, 2);
	attr_string(s, CTRL_ATTR_FAMILY_NAME, "TCM-USER");
	go(s, "an unknown id and a name");
	begin(s, GENL_ID_CTRL, NLM_F_REQUEST, CTRL_CMD_GETFAMILY);
	attr(s, CTRL_ATTR_FAMILY_ID, &unknown, 1);
	go(s, "an id of one byte");
	begin(s, GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_DUMP, CTRL_CMD_GETFAMILY);
	go(s, "all families");
}

static void policies(struct script *s)
{
	static const uint32_t op[] = { TCMU_CMD_ADDED_DEVICE_DONE, 99 };
	size_t i;

	begin(s, GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_DUMP, CTRL_CMD_GETPOLICY);
	attr_string(s, CTRL_ATTR_FAMILY_NAME, "TCM-USER");
	go(s, "policy of the family");
	for (i = 0; i < 2; i++) {
		begin(s, GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_DUMP, CTRL_CMD_GETPOLICY);
		attr(s, CTRL_ATTR_FAMILY_ID, &s->family, 2);
		attr_u32(s, CTRL_ATTR_OP, op[i]);
		go(s, i ? "policy of an unknown command" : "policy of a command");
	}
	begin(s, GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_DUMP, CTRL_CMD_GETPOLICY);
	attr_string(s, CTRL_ATTR_FAMILY_NAME, "nlctrl");
	go(s, "policy of the controller");
	begin(s, GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_DUMP, CTRL_CMD_GETPOLICY);
	attr_string(s, CTRL_ATTR_FAMILY_NAME, "nosuchfamily");
	go(s, "policy of an unknown family");
	begin(s, GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_DUMP, CTRL_CMD_GETPOLICY);
	go(s, "policy of nothing");
	begin(s, GENL_ID_CTRL, NLM_F_REQUEST, CTRL_CMD_GETPOLICY);
	attr_string(s, CTRL_ATTR_FAMILY_NAME, "TCM-USER");
	go(s, "policy without a dump");
}

static void headers(struct script *s)
{
	begin(s, GENL_ID_CTRL, NLM_F_REQUEST, 77);
	go(s, "an unknown command of the controller");
	begin(s, 0xfff, NLM_F_REQUEST, 1);
	go(s, "an unknown type");
	begin(s, GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY);
	go(s, "no request, with an ack");
	begin(s, GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY);
	go(s, "no request");
	begin(s, NLMSG_NOOP, NLM_F_REQUEST | NLM_F_ACK, 0);
	go(s, "NOOP, with an ack");
	begin(s, GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_ACK, CTRL_CMD_GETFAMILY);
	s->msg.len = 16;
	go(s, "no generic header");
	s->msg.len = 8;
	go(s, "eight bytes");
	begin(s, GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_ACK, CTRL_CMD_GETFAMILY);
	transmit(s, "longer than the datagram", 4);
	transmit(s, "shorter than a header", -5);
	transmit(s, "longer than anything", INT32_MAX - 1l);
	begin(s, s->family, NLM_F_REQUEST | NLM_F_ACK, 99);
	s->msg.data[18] = 1;
	go(s, "an unknown command with a reserved field");
	begin(s, s->family, NLM_F_REQUEST | NLM_F_ACK, 0);
	go(s, "command 0");
	begin(s, s->family, NLM_F_REQUEST | NLM_F_ACK, TCMU_CMD_ADDED_DEVICE);
	go(s, "an event as a command");
	begin(s, s->family, NLM_F_REQUEST | NLM_F_DUMP, TCMU_CMD_SET_FEATURES);
	go(s, "a dump of a command without");
	begin(s, s->family, NLM_F_REQUEST | NLM_F_ACK | 0xf000, TCMU_CMD_SET_FEATURES);
	s->msg.data[17] = 200;
	s->msg.data[19] = 7;
	go(s, "odd flags, version and reserved field");
}

/* Several messages in one datagram. */
static void several(struct script *s)
{
	struct nlmsghdr *h = (void *)s->msg.data;
	uint8_t one[64];
	size_t len;

	begin(s, 0xfff, NLM_F_REQUEST, 1);
	h->nlmsg_len = (uint32_t)s->msg.len;
	len = s->msg.len;
	memcpy(one, h, len);
	begin(s, s->family, NLM_F_REQUEST | NLM_F_ACK, TCMU_CMD_SET_FEATURES);
	h->nlmsg_len = (uint32_t)s->msg.len;
	raw(s, one, len);
	raw(s, "\1\2\3\4\5\6", 6);
	transmit(s, "two messages and something", INT32_MAX);
}

static void done(struct script *s, uint8_t cmd, bool id, bool status, const char *what)
{
	begin(s, s->family, NLM_F_REQUEST | NLM_F_ACK, cmd);
	if (id)
		attr_u32(s, TCMU_ATTR_DEVICE_ID, 4711);
	if (status)
		attr_u32(s, TCMU_ATTR_CMD_STATUS, 0);
	go(s, what);
}

static void set_features(struct script *s, const void *value, size_t len, const char *what)
{
	begin(s, s->family, NLM_F_REQUEST | NLM_F_ACK, TCMU_CMD_SET_FEATURES);
	attr(s, TCMU_ATTR_SUPP_KERN_CMD_REPLY, value, len);
	go(s, what);
}

static void commands(struct script *s)
{
	done(s, TCMU_CMD_ADDED_DEVICE_DONE, false, true, "a reply without an id");
	done(s, TCMU_CMD_REMOVED_DEVICE_DONE, true, false, "a reply without a status");
	done(s, TCMU_CMD_RECONFIG_DEVICE_DONE, true, true, "a reply for no device");
	set_features(s, "\0", 1, "features");
	set_features(s, "\0\0\0\0", 4, "features of four bytes");
	set_features(s, "", 0, "features of no bytes");
	begin(s, s->family, NLM_F_REQUEST | NLM_F_ACK, TCMU_CMD_SET_FEATURES);
	go(s, "no features");
	begin(s, s->family, NLM_F_REQUEST | NLM_F_ACK, TCMU_CMD_ADDED_DEVICE_DONE);
	attr(s, TCMU_ATTR_DEVICE_ID, "\1\2", 2);
	attr_u32(s, TCMU_ATTR_CMD_STATUS, 0);
	go(s, "an id of two bytes");
	begin(s, s->family, NLM_F_REQUEST | NLM_F_ACK, TCMU_CMD_ADDED_DEVICE_DONE);
	attr_u32(s, TCMU_ATTR_DEVICE_ID | NLA_F_NESTED, 4711);
	attr(s, TCMU_ATTR_CMD_STATUS, "\1\2\3\4\5\6\7\10", 8);
	attr(s, 200, "\1\2\3\4", 4);
	attr(s, TCMU_ATTR_DEVICE, "", 1);
	go(s, "marks of nesting, eight bytes, an unknown attribute");
	begin(s, s->family, NLM_F_REQUEST | NLM_F_ACK, TCMU_CMD_ADDED_DEVICE_DONE);
	attr(s, TCMU_ATTR_DEVICE, "", 0);
	go(s, "an empty string");
	begin(s, s->family, NLM_F_REQUEST | NLM_F_ACK, TCMU_CMD_SET_FEATURES);
	raw(s, "\377\377\11\0\1", 5);
	go(s, "an attribute longer than its message");
	begin(s, s->family, NLM_F_REQUEST | NLM_F_ACK, TCMU_CMD_SET_FEATURES);
	raw(s, "\3\0\11\0\1\0\0\0", 8);
	go(s, "an attribute shorter than its header");
}

static void option(struct script *s, int name, int value, const char *what)
{
	long rc = sys(s, SYS_setsockopt, (uintptr_t)s->fd, SOL_NETLINK, (uintptr_t)name,
		      (uintptr_t)&value, sizeof(value), 0);

	say(s, "%s: %s\n", what, rc ? strerror((int)-rc) : "ok");
}

static void number(struct script *s, int level, int name, const char *what)
{
	int value = -1;
	socklen_t len = sizeof(value);
	long rc = sys(s, SYS_getsockopt, (uintptr_t)s->fd, (uintptr_t)level, (uintptr_t)name,
		      (uintptr_t)&value, (uintptr_t)&len, 0);

	say(s, "%s: %ld %d\n", what, rc, value);
}

static void name(struct script *s, const char *what)
{
	struct sockaddr_nl me;
	socklen_t len = sizeof(me);
	long rc;

	memset(&me, 0xff, sizeof(me));
	rc = sys(s, SYS_getsockname, (uintptr_t)s->fd, (uintptr_t)&me, (uintptr_t)&len, 0, 0, 0);
	say(s, "%s: %ld, family %u, port %s, %s, length %u\n", what, rc, me.nl_family,
	    me.nl_pid ? me.nl_pid == s->port ? "as before" : "another" : "0",
	    !me.nl_groups			   ? "no groups"
	    : me.nl_groups == 1u << (s->group - 1) ? "its group"
						   : "other groups",
	    len);
	s->port = me.nl_pid;
}

static void bind_to(struct script *s, uint32_t port, uint32_t groups, socklen_t len,
		    const char *what)
{
	const struct sockaddr_nl to = { AF_NETLINK, 0, port, groups };
	long rc = sys(s, SYS_bind, (uintptr_t)s->fd, (uintptr_t)&to, len, 0, 0, 0);

	say(s, "%s: %s\n", what, rc ? strerror((int)-rc) : "ok");
}

static void addresses(struct script *s)
{
	bind_to(s, 0, 0, 8, "a short address");
	bind_to(s, s->port + 1, 0, 12, "another port");
	bind_to(s, s->port, 0, 12, "the same port");
	name(s, "name");
	option(s, NETLINK_ADD_MEMBERSHIP, (int)s->group, "join");
	name(s, "name after join");
	option(s, NETLINK_ADD_MEMBERSHIP, 0, "join group 0");
	option(s, NETLINK_ADD_MEMBERSHIP, 1 << 20, "join a group too large");
	option(s, NETLINK_DROP_MEMBERSHIP, (int)s->group, "leave");
	name(s, "name after leave");
	bind_to(s, s->port, 1u << (s->group - 1), 12, "bind with the group");
	name(s, "name after that");
	bind_to(s, s->port, 0, 12, "bind without");
	name(s, "name after that");
	number(s, SOL_SOCKET, SO_PROTOCOL, "protocol");
	number(s, SOL_SOCKET, SO_DOMAIN, "domain");
	number(s, SOL_SOCKET, SO_TYPE, "type");
	number(s, SOL_NETLINK, NETLINK_CAP_ACK, "CAP_ACK");
}

static void send_badly(struct script *s, const void *to, size_t to_len, size_t len, int flags,
		       const char *what)
{
	long rc = sys(s, SYS_sendto, (uintptr_t)s->fd, (uintptr_t)s->msg.data, len,
		      (uintptr_t)flags, (uintptr_t)to, to_len);

	say(s, "%s: %s\n", what, rc < 0 ? strerror((int)-rc) : "sent");
	answers(s);
}

static void sends(struct script *s)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	struct sockaddr_nl other = { .nl_family = AF_UNIX },
			   nobody = { AF_NETLINK, 0, 0x7654321, 0 };

	begin(s, s->family, NLM_F_REQUEST | NLM_F_ACK, TCMU_CMD_SET_FEATURES);
	((struct nlmsghdr *)s->msg.data)->nlmsg_len = 20;
	send_badly(s, NULL, 0, 20, 0, "send without an address");
	send_badly(s, &to, 8, 20, 0, "send to a short address");
	send_badly(s, &other, 12, 20, 0, "send to another family");
	send_badly(s, &nobody, 12, 20, 0, "send to nobody");
	send_badly(s, &to, 12, 0, 0, "send nothing");
	send_badly(s, &to, 12, 20, MSG_OOB, "send out of band");
}

static void receives(struct script *s)
{
	const struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	struct sockaddr_nl from = { 0 };
	char a[10], b[6], control[64];
	struct iovec iov[2] = { { a, sizeof(a) }, { b, sizeof(b) } };
	struct msghdr m = { &from, sizeof(from), iov, 2, control, sizeof(control), 0 };
	long n;

	begin(s, s->family, NLM_F_REQUEST | NLM_F_ACK, TCMU_CMD_SET_FEATURES);
	((struct nlmsghdr *)s->msg.data)->nlmsg_len = 20;
	sys(s, SYS_sendto, (uintptr_t)s->fd, (uintptr_t)s->msg.data, 20, 0, (uintptr_t)&to, 12);
	n = sys(s, SYS_recvmsg, (uintptr_t)s->fd, (uintptr_t)&m, MSG_PEEK | MSG_TRUNC, 0, 0, 0);
	say(s, "peek: %ld flags %x name %u control %zu\n", n, (unsigned)m.msg_flags, m.msg_namelen,
	    m.msg_controllen);
	m.msg_controllen = sizeof(control);
	n = sys(s, SYS_recvmsg, (uintptr_t)s->fd, (uintptr_t)&m, 0, 0, 0, 0);
	say(s, "short: %ld flags %x source %u/%u/%u/%x control %zu, type %d and %d\n", n,
	    (unsigned)m.msg_flags, m.msg_namelen, from.nl_family, from.nl_pid, from.nl_groups,
	    m.msg_controllen, a[4], b[0]);
	n = sys(s, SYS_recvmsg, (uintptr_t)s->fd, (uintptr_t)&m, MSG_DONTWAIT, 0, 0, 0);
	say(s, "nothing: %s\n", strerror((int)-n));
	option(s, NETLINK_PKTINFO, 1, "PKTINFO");
	sys(s, SYS_sendto, (uintptr_t)s->fd, (uintptr_t)s->msg.data, 20, 0, (uintptr_t)&to, 12);
	m.msg_controllen = sizeof(control);
	n = sys(s, SYS_recvmsg, (uintptr_t)s->fd, (uintptr_t)&m, 0, 0, 0, 0);
	say(s, "with information: %ld control %zu group %u\n", n, m.msg_controllen,
	    m.msg_controllen > 16 ? *(uint32_t *)(void *)(control + 16) : 99);
	option(s, NETLINK_PKTINFO, 0, "PKTINFO off");
	sys(s, SYS_sendto, (uintptr_t)s->fd, (uintptr_t)s->msg.data, 20, 0, (uintptr_t)&to, 12);
	n = sys(s, SYS_read, (uintptr_t)s->fd, (uintptr_t)s->msg.data, BUF, 0, 0, 0);
	say(s, "read: %ld\n", n);
}

/* The family's id, as any program would ask for it. */
static bool resolve(struct script *s)
{
	const struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	const uint8_t *at;
	long n;

	begin(s, GENL_ID_CTRL, NLM_F_REQUEST, CTRL_CMD_GETFAMILY);
	attr_string(s, CTRL_ATTR_FAMILY_NAME, "TCM-USER");
	((struct nlmsghdr *)s->msg.data)->nlmsg_len = (uint32_t)s->msg.len;
	sys(s, SYS_sendto, (uintptr_t)s->fd, (uintptr_t)s->msg.data, s->msg.len, 0, (uintptr_t)&to,
	    12);
	n = sys(s, SYS_recvfrom, (uintptr_t)s->fd, (uintptr_t)s->msg.data, BUF, MSG_DONTWAIT, 0, 0);
	at = n > 0 ? memmem(s->msg.data, (size_t)n, "\6\0\1\0", 4) : NULL;
	if (!at) {
		say(s, "there is no TCM-USER\n");
		return false;
	}
	memcpy(&s->family, at + 4, 2);
	return true;
}

void genl_script(int fd, genl_syscall *fn, void *ctx, char *out, size_t room)
{
	struct script s = { .sys = fn, .ctx = ctx, .out = out, .room = room, .fd = fd };
	struct sockaddr_nl me = { 0 };
	socklen_t len = sizeof(me);

	if (!resolve(&s))
		return;
	sys(&s, SYS_getsockname, (uintptr_t)fd, (uintptr_t)&me, (uintptr_t)&len, 0, 0, 0);
	s.port = me.nl_pid;
	families(&s);
	policies(&s);
	headers(&s);
	several(&s);
	commands(&s);
	addresses(&s);
	sends(&s);
	receives(&s);
	option(&s, NETLINK_CAP_ACK, 1, "CAP_ACK");
	commands(&s);
	option(&s, NETLINK_CAP_ACK, 0, "no CAP_ACK");
	option(&s, NETLINK_EXT_ACK, 1, "EXT_ACK");
	families(&s);
	policies(&s);
	commands(&s);
	headers(&s);
}
