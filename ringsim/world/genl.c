/* SPDX-License-Identifier: MIT */
/*
 * The TCM-USER family of generic netlink: KRN-140 to KRN-149.
 *
 * Nobody but a kernel can register a family, so a program's socket is a NETLINK_USERSOCK one: it is
 * polled, sized and filtered as any netlink socket. What it cannot do by itself, to send to port 0,
 * to receive from there, to join a group without privilege, comes to genl_call.c. We send to it as
 * any user may, one message to each member. Sockets are made in a network namespace of their own
 * where that is possible: no port there is anybody else's, on this host or in another world.
 *
 * A filter for system calls sees numbers alone, so the sockets get descriptors of a reserved range;
 * a duplicate elsewhere can still receive, but its sends are refused, as nobody has port 0.
 *
 * A reply of the wrong kind is refused and, as on the kernels that ship, takes the event with it:
 * what waits for it waits until the device goes (KRN-147 says how it ought to be).
 */
#include "genl.h"

#include <errno.h>
#include <ringsim/abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- life --------------------------------------------------------------------------------------
 */

static int start_side(struct genl *g, int side)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(me);
	int fd = genl_own_socket(g, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return fd;
	g->fd[side] = fd;
	if (bind(fd, (struct sockaddr *)&me, sizeof(me)) ||
	    getsockname(fd, (struct sockaddr *)&me, &len))
		return -errno;
	g->port[side] = me.nl_pid;
	return 0;
}

int genl_start(struct world *w, char *err, size_t err_len)
{
	struct genl *g = calloc(1, sizeof(*g));
	int rc;

	if (!g) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	*g = (struct genl){ .w = w, .netns = -1, .fd = { -1, -1 }, .tick.fd = -1 };
	w->genl = g;
	genl_own_netns(g);
	rc = start_side(g, GENL_ANSWER);
	if (!rc)
		rc = start_side(g, GENL_EVENT);
	if (rc) {
		snprintf(err, err_len, "netlink socket: %s", strerror(-rc));
		genl_stop(w);
	}
	return rc;
}

void genl_stop(struct world *w)
{
	struct genl *g = w->genl;
	struct genl_wait *wait;
	int i;

	if (!g)
		return;
	while ((wait = g->waits)) {
		g->waits = wait->next;
		free(wait);
	}
	while (g->sockets)
		genl_drop(g, g->sockets);
	genl_receives_stop(g);
	for (i = 0; i < 2; i++)
		if (g->fd[i] >= 0)
			close(g->fd[i]);
	if (g->netns >= 0)
		close(g->netns);
	free(g);
	w->genl = NULL;
}

/* --- events ------------------------------------------------------------------------------------
 */

static int multicast(struct genl *g, const struct genl_msg *m)
{
	struct genl_socket *s, *next;
	int rc = -ESRCH;

	for (s = g->sockets; s; s = next) {
		next = s->next;
		if (s->port && s->groups & 1ull << (GENL_GROUP_TCMU - 1) &&
		    !genl_deliver(g, s, GENL_EVENT, m->data, m->len))
			rc = 0;
	}
	return rc;
}

/* KRN-143 */
static void describe(struct genl_msg *m, const struct world_device *d, int cmd,
		     enum world_reconfig what, const char *text, uint64_t value)
{
	const struct nlmsghdr h = { .nlmsg_type = GENL_ID_TCMU };
	const struct genlmsghdr gh = { .cmd = (uint8_t)cmd, .version = 2 };
	const uint8_t on = (uint8_t)value;
	size_t begin = genl_begin(m, &h);
	char name[512];

	device_uio_name(d, name, sizeof(name));
	genl_put(m, &gh, sizeof(gh));
	genl_attr_string(m, TCMU_ATTR_DEVICE, name);
	genl_attr_u32(m, TCMU_ATTR_MINOR, d->minor);
	genl_attr_u32(m, TCMU_ATTR_DEVICE_ID, d->id);
	if (cmd == TCMU_CMD_RECONFIG_DEVICE && what == WORLD_DEV_CONFIG)
		genl_attr_string(m, TCMU_ATTR_DEV_CFG, text ? text : "");
	else if (cmd == TCMU_CMD_RECONFIG_DEVICE && what == WORLD_DEV_SIZE)
		genl_attr(m, TCMU_ATTR_DEV_SIZE, &value, sizeof(value));
	else if (cmd == TCMU_CMD_RECONFIG_DEVICE)
		genl_attr(m, TCMU_ATTR_WRITECACHE, &on, sizeof(on));
	genl_end(m, begin);
}

/* The wait is there before the event goes out: nobody can answer too early. */
static int begin_wait(struct genl *g, struct world_device *d, int cmd,
		      void (*done)(void *ctx, int rc), void *ctx, struct genl_wait **out)
{
	struct genl_wait *wait, **p = &g->waits;

	*out = NULL;
	if (!g->replies || d->nl_reply_supported <= 0)
		return 0;
	if (g->blocked)
		return -EAGAIN;
	for (; *p; p = &(*p)->next)
		if ((*p)->d == d)
			return -EBUSY;
	wait = calloc(1, sizeof(*wait));
	if (!wait)
		return -ENOMEM;
	*wait = (struct genl_wait){ .d = d, .cmd = cmd, .done = done, .ctx = ctx };
	*p = *out = wait;
	return 0;
}

static void end_wait(struct genl *g, struct genl_wait *wait, int rc)
{
	struct genl_wait **p = &g->waits;

	while (*p != wait)
		p = &(*p)->next;
	*p = wait->next;
	wait->done(wait->ctx, rc);
	free(wait);
}

void genl_event(struct world_device *d, int cmd, enum world_reconfig what, const char *text,
		uint64_t value, void (*done)(void *ctx, int rc), void *ctx)
{
	struct genl *g = d->w->genl;
	struct genl_msg m = { 0 };
	struct genl_wait *wait;
	int rc;

	describe(&m, d, cmd, what, text, value);
	rc = m.failed ? -ENOMEM : begin_wait(g, d, cmd, done, ctx, &wait);
	if (rc) {
		free(m.data);
		done(ctx, rc);
		return;
	}
	rc = multicast(g, &m);
	free(m.data);
	/* who adds a device before its handler is up waits for it */
	if (rc == -ESRCH && cmd == TCMU_CMD_ADDED_DEVICE)
		rc = 0;
	if (!wait)
		done(ctx, rc);
	else if (rc)
		end_wait(g, wait, rc);
}

void genl_forget(struct world_device *d)
{
	struct genl *g = d->w->genl;
	struct genl_wait *wait, *next;

	for (wait = g ? g->waits : NULL; wait; wait = next) {
		next = wait->next;
		if (wait->d == d) {
			end_wait(g, wait, -EINTR);
			return; /* there is one at most */
		}
	}
}

/* --- replies -----------------------------------------------------------------------------------
 */

static const char *event_name(int cmd)
{
	return cmd == TCMU_CMD_ADDED_DEVICE	? "ADDED"
	       : cmd == TCMU_CMD_REMOVED_DEVICE ? "REMOVED"
						: "RECONFIG";
}

int genl_reply(struct genl *g, pid_t pid, int kind, uint32_t id, int status)
{
	struct genl_wait *wait;

	for (wait = g->waits; wait && (wait->hidden || wait->d->id != id); wait = wait->next)
		;
	if (!wait) {
		g->seen.stray++;
		world_say(
			g->w,
			"process %d replies to %s of device id %u, which waits for nothing: ENODEV",
			(int)pid, event_name(kind), id);
		return -ENODEV;
	}
	if (wait->cmd != kind) {
		world_say(
			g->w,
			"process %d replies to %s of device %s, which waits for %s: EINVAL, and as on "
			"Linux 6.1 and 6.12 the device now waits for good (KRN-147)",
			(int)pid, event_name(kind), wait->d->name, event_name(wait->cmd));
		wait->hidden = true;
		g->seen.wrong++;
		return -EINVAL;
	}
	g->seen.right++;
	end_wait(g, wait, status);
	return 0;
}

static int done(struct genl_request *r, int kind)
{
	const struct nlattr *id = r->attr[TCMU_ATTR_DEVICE_ID];
	const struct nlattr *status = r->attr[TCMU_ATTR_CMD_STATUS];
	uint32_t device;
	int rc;

	if (!id || !status)
		return -EINVAL;
	memcpy(&device, genl_value(id), sizeof(device));
	memcpy(&rc, genl_value(status), sizeof(rc));
	return genl_reply(r->g, r->pid, kind, device, rc);
}

static int added_done(struct genl_request *r)
{
	return done(r, TCMU_CMD_ADDED_DEVICE);
}

static int removed_done(struct genl_request *r)
{
	return done(r, TCMU_CMD_REMOVED_DEVICE);
}

static int reconfig_done(struct genl_request *r)
{
	return done(r, TCMU_CMD_RECONFIG_DEVICE);
}

/* KRN-144: one flag for all devices to come, whoever set it and whether or not he still lives. */
static int set_features(struct genl_request *r)
{
	const struct nlattr *a = r->attr[TCMU_ATTR_SUPP_KERN_CMD_REPLY];

	if (a)
		memcpy(&r->g->replies, genl_value(a), 1);
	return 0;
}

static const struct genl_policy tcmu_policy[] = {
	{ TCMU_ATTR_DEVICE, NL_ATTR_TYPE_STRING, 0 },
	{ TCMU_ATTR_MINOR, NL_ATTR_TYPE_U32, 0 },
	{ TCMU_ATTR_CMD_STATUS, NL_ATTR_TYPE_S32, 0 },
	{ TCMU_ATTR_DEVICE_ID, NL_ATTR_TYPE_U32, 0 },
	{ TCMU_ATTR_SUPP_KERN_CMD_REPLY, NL_ATTR_TYPE_U8, 0 },
	{ 0 },
};

#define ADMIN (GENL_ADMIN_PERM | GENL_CMD_CAP_DO | GENL_CMD_CAP_HASPOL)

const struct genl_op genl_tcmu_ops[4] = {
	{ TCMU_CMD_SET_FEATURES, ADMIN, tcmu_policy, set_features, NULL },
	{ TCMU_CMD_ADDED_DEVICE_DONE, ADMIN, tcmu_policy, added_done, NULL },
	{ TCMU_CMD_REMOVED_DEVICE_DONE, ADMIN, tcmu_policy, removed_done, NULL },
	{ TCMU_CMD_RECONFIG_DEVICE_DONE, ADMIN, tcmu_policy, reconfig_done, NULL },
};

/* --- module parameters -------------------------------------------------------------------------
 */

int genl_replies(const struct world *w)
{
	const struct genl *g = w->genl;

	return g->replies;
}

void world_replies(const struct world *w, struct world_replies *r)
{
	const struct genl *g = w->genl;

	*r = g->seen;
	r->promised = g->replies != 0;
}

void world_withdraw_replies(struct world *w)
{
	struct genl *g = w->genl;

	g->replies = 0;
}

int genl_block_netlink(struct world *w, bool block)
{
	struct genl *g = w->genl;

	g->blocked = block;
	return 0;
}

bool genl_is_blocked(const struct world *w)
{
	const struct genl *g = w->genl;

	return g->blocked;
}

int genl_reset_netlink(struct world *w)
{
	struct genl *g = w->genl;
	struct genl_wait *wait;

	for (;;) {
		for (wait = g->waits; wait && wait->hidden; wait = wait->next)
			;
		if (!wait)
			return 0;
		if (!g->blocked)
			return -EBUSY;
		end_wait(g, wait, -EINTR);
	}
}
