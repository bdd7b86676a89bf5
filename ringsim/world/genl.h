/* SPDX-License-Identifier: MIT */
/*
 * Generic netlink as programs see it: what the genl*.c share.
 *
 * genl.c          the family: events and their replies (KRN-143 .. KRN-148)
 * genl_socket.c   sockets, ours and those of programs
 * genl_call.c     system calls on the latter; genl_receive.c  those that may wait
 * genl_msg.c      requests: framing, attributes, acknowledgements
 * genl_ctrl.c     the controller: families and policies
 */
#ifndef RINGSIM_WORLD_GENL_H
#define RINGSIM_WORLD_GENL_H

#include "internal.h"

#include <limits.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#define GENL_ATTRS	16 /* more than any family here has */

/** What is dynamic on a real host; programs must ask. */
#define GENL_ID_TCMU	0x1c
#define GENL_GROUP_TCMU 5
#define GENL_GROUP_CTRL 16
#define GENL_GROUPS	64

/**
 * struct genl_socket - a socket that a program has or had
 * We hold no descriptor of it, so it ends when the program lets go; that shows when its port
 * refuses a message or belongs to another socket.
 * @port:   netlink port, 0 = not bound yet
 * @groups: bit N - 1: member of group N
 * @lost:   a message did not fit; the next receive fails with ENOBUFS
 */
struct genl_socket {
	struct world_file file;
	struct genl_socket *next;
	uint32_t port;
	uint64_t groups;
	bool lost;
};

/** struct genl_waiting - a program waits in a receive; @deadline_ns: UINT64_MAX = for good */
struct genl_waiting {
	struct genl_waiting *next;
	struct world_call c;
	struct genl_socket *s;
	uint64_t deadline_ns;
};

/**
 * struct genl_wait - a device waits for the reply to its event
 * @hidden: a reply of the wrong kind came: neither the right one nor reset_netlink finds it now
 */
struct genl_wait {
	struct genl_wait *next;
	struct world_device *d;
	int cmd;
	bool hidden;
	void (*done)(void *ctx, int rc);
	void *ctx;
};

/**
 * struct genl - the kernel's side
 * @netns:  a network namespace of our own, where nobody else has ports; -1 = the world's
 * @fd, @port: [0] sends answers, [1] sends events: that is how a receiver tells them apart
 * @replies: the flag of SET_FEATURES, @blocked: module parameter block_netlink
 */
struct genl {
	struct world *w;
	int netns, fd[2];
	uint32_t port[2];
	unsigned int sockets_made, sockets_kept;
	struct genl_socket *sockets;
	struct genl_waiting *receives;
	struct world_watch tick;
	struct genl_wait *waits;
	uint8_t replies;
	bool blocked;
	struct world_replies seen;
};

enum { GENL_ANSWER, GENL_EVENT };

/* --- genl.c -----------------------------------------------------------------------------------
 */

/** genl_reply() - a DONE of @kind (TCMU_CMD_* of the event) arrived. What its sender gets. */
int genl_reply(struct genl *g, pid_t pid, int kind, uint32_t id, int status);

/* --- genl_socket.c ----------------------------------------------------------------------------
 */

/** genl_own_netns() - from now on genl_own_socket() makes sockets there, if the kernel lets us. */
void genl_own_netns(struct genl *g);
/** genl_own_socket() - of @type with SOCK_CLOEXEC and such; -errno. */
int genl_own_socket(struct genl *g, int type);
/** genl_deliver() - 0, -ENOBUFS (@s will be told), -ECONNREFUSED: @s is gone and freed. */
int genl_deliver(struct genl *g, struct genl_socket *s, int from, const void *data, size_t len);
/** genl_bound() - @s has this port now; whoever had it is gone. */
void genl_bound(struct genl *g, struct genl_socket *s, uint32_t port);
/** genl_drop() - forget @s and free it. */
void genl_drop(struct genl *g, struct genl_socket *s);

/* --- genl_call.c, genl_receive.c ----------------------------------------------------------------
 */

/**
 * struct genl_transfer - what a send or a receive is about, wherever the call's arguments are
 * @name_len_at: where the length of a received name goes, 0 = into @msg
 * @msg:      the caller's struct msghdr, read into @header, or 0
 * @count_at: of sendmmsg and recvmmsg, where the length goes
 */
struct genl_transfer {
	struct iovec iov[IOV_MAX];
	size_t n_iov, len;
	uint64_t name, name_len_at;
	uint32_t name_len;
	uint64_t msg;
	uint64_t count_at;
	struct msghdr header;
	int flags;
};

/** genl_is() - whether our @fd is of @s. */
bool genl_is(const struct genl_socket *s, int fd);
/** genl_arguments() - 0, -errno, or 1: there is nothing to do. */
int genl_arguments(const struct world_call *c, struct genl_transfer *t);
/** genl_result() - of the call, if @n is that of one message. */
int64_t genl_result(const struct world_call *c, const struct genl_transfer *t, int64_t n);
/** genl_option() - of a socket, a number; 0 on failure. */
int genl_option(int fd, int level, int name);
/** genl_poke_address() - @a to @addr, no more than the int at @len_at says; 0 or -errno. */
int genl_poke_address(const struct world_call *c, uint64_t addr, uint64_t len_at,
		      const struct sockaddr_nl *a);

/** genl_receive() - answers now or later; @fd is a descriptor of the same socket, for now. */
void genl_receive(struct genl *g, struct genl_socket *s, struct world_call *c, int fd);
/** genl_retry() - @s has got a message: whoever waits for one. */
void genl_retry(struct genl *g, struct genl_socket *s);
/** genl_receives_end() - @s goes. */
void genl_receives_end(struct genl *g, const struct genl_socket *s);
/** genl_receives_stop() - at the end, after the last socket. */
void genl_receives_stop(struct genl *g);

/* --- genl_msg.c -------------------------------------------------------------------------------
 */

/** struct genl_msg - a message being made; zeroed at first. @failed: no memory, send nothing */
struct genl_msg {
	uint8_t *data;
	size_t len, room;
	bool failed;
};

void genl_put(struct genl_msg *m, const void *data, size_t len);
/** genl_begin() - a message's header; its offset for genl_end(). */
size_t genl_begin(struct genl_msg *m, const struct nlmsghdr *h);
void genl_end(struct genl_msg *m, size_t begin);
void genl_attr(struct genl_msg *m, uint16_t type, const void *data, size_t len);
void genl_attr_u32(struct genl_msg *m, uint16_t type, uint32_t value);
void genl_attr_string(struct genl_msg *m, uint16_t type, const char *value);
/** genl_nest() - an attribute of attributes; its offset for genl_nest_end(). */
size_t genl_nest(struct genl_msg *m, uint16_t type);
void genl_nest_end(struct genl_msg *m, size_t nest);

/** struct genl_policy - what an attribute must be; @type: NL_ATTR_TYPE_*, @max: bytes of a string
 */
struct genl_policy {
	uint8_t attr, type, max;
};

struct genl_request;

/**
 * struct genl_op - a command; @flags: GENL_* as the controller shows them
 * @dump: the answer to NLM_F_DUMP, without its end
 */
struct genl_op {
	uint8_t cmd;
	uint32_t flags;
	const struct genl_policy *policy;
	int (*run)(struct genl_request *r);
	int (*dump)(struct genl_request *r, struct genl_msg *m);
};

/** struct genl_family - @strict_from: the first command whose reserved fields are checked */
struct genl_family {
	uint16_t id;
	const char *name, *group;
	uint32_t group_id, max_attr;
	uint8_t strict_from;
	const struct genl_op *ops;
	unsigned int n_ops;
};

/**
 * struct genl_request - a message from a program
 * @attr: by number, NULL = absent; checked against the policy
 * @message, @bad, @bad_policy: what an extended acknowledgement would add
 */
struct genl_request {
	struct genl *g;
	struct genl_socket *s;
	pid_t pid;
	bool admin, cap_ack, ext_ack;
	const struct nlmsghdr *h;
	const struct nlattr *attr[GENL_ATTRS];
	const char *message;
	const struct nlattr *bad;
	const struct genl_policy *bad_policy;
};

/** genl_requests() - handle a datagram; @r: filled in but for what concerns one message. */
void genl_requests(struct genl_request *r, const uint8_t *data, size_t len);
/** genl_answer_header() - of what answers @r. */
struct nlmsghdr genl_answer_header(const struct genl_request *r, uint16_t type, uint16_t flags);

static inline const void *genl_value(const struct nlattr *a)
{
	return (const uint8_t *)a + NLA_HDRLEN;
}

/* --- genl_ctrl.c ------------------------------------------------------------------------------
 */

const struct genl_family *genl_family_by_id(uint16_t id);
/** genl_put_policy() - what @p asks for, as attributes. */
void genl_put_policy(struct genl_msg *m, const struct genl_policy *p);
/** The commands of TCM-USER: genl.c. */
extern const struct genl_op genl_tcmu_ops[4];

#endif
