/* SPDX-License-Identifier: MIT */
/*
 * TCM-USER over libnl: one socket listens, another one asks and is answered, so that an
 * acknowledgement never stands behind an event. Only what the kernel itself sent is believed.
 */
#include "netlink.h"

#include <ringsim/abi.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define FAMILY	       "TCM-USER"
#define FAMILY_VERSION 2
#define GROUP	       "config"
#define EVENT_BYTES    (1 << 20)
#define ACK_TIMEOUT_S  5

struct netlink {
	struct nl_sock *events, *requests;
	int family;
	void (*fn)(void *ctx, const struct netlink_event *ev);
	void *ctx;
};

static int fail(char *err, size_t err_len, const char *what, int nl_error)
{
	snprintf(err, err_len, "netlink family " FAMILY ": %s: %s", what, nl_geterror(nl_error));
	return -EPROTO;
}

/* What the kernel answered to a request; libnl has numbers of its own. */
static int to_errno(int nl_error)
{
	switch (-nl_error) {
	case 0:
		return 0;
	case NLE_NODEV:
		return -ENODEV;
	case NLE_INVAL:
		return -EINVAL;
	case NLE_PERM:
		return -EPERM;
	case NLE_AGAIN:
		return -ETIMEDOUT;
	default:
		return -EIO;
	}
}

static int parse(struct nl_msg *msg, struct netlink_event *ev)
{
	static struct nla_policy policy[TCMU_ATTR_MAX + 1] = {
		[TCMU_ATTR_DEVICE] = { .type = NLA_STRING },
		[TCMU_ATTR_MINOR] = { .type = NLA_U32 },
		[TCMU_ATTR_DEV_CFG] = { .type = NLA_STRING },
		[TCMU_ATTR_DEV_SIZE] = { .type = NLA_U64 },
		[TCMU_ATTR_WRITECACHE] = { .type = NLA_U8 },
		[TCMU_ATTR_DEVICE_ID] = { .type = NLA_U32 },
	};
	struct nlattr *attr[TCMU_ATTR_MAX + 1];
	struct nlmsghdr *header = nlmsg_hdr(msg);

	if (!genlmsg_valid_hdr(header, 0) ||
	    genlmsg_parse(header, 0, attr, TCMU_ATTR_MAX, policy) < 0)
		return -EPROTO;
	if (attr[TCMU_ATTR_DEVICE] == NULL || attr[TCMU_ATTR_MINOR] == NULL)
		return -EPROTO;
	*ev = (struct netlink_event){
		.cmd = genlmsg_hdr(header)->cmd,
		.name = nla_get_string(attr[TCMU_ATTR_DEVICE]),
		.minor = nla_get_u32(attr[TCMU_ATTR_MINOR]),
		.has_id = attr[TCMU_ATTR_DEVICE_ID] != NULL,
		.has_size = attr[TCMU_ATTR_DEV_SIZE] != NULL,
		.has_wce = attr[TCMU_ATTR_WRITECACHE] != NULL,
	};
	if (ev->has_id)
		ev->device_id = nla_get_u32(attr[TCMU_ATTR_DEVICE_ID]);
	if (ev->has_size)
		ev->size_bytes = nla_get_u64(attr[TCMU_ATTR_DEV_SIZE]);
	if (ev->has_wce)
		ev->wce = nla_get_u8(attr[TCMU_ATTR_WRITECACHE]) != 0;
	if (attr[TCMU_ATTR_DEV_CFG] != NULL)
		ev->config = nla_get_string(attr[TCMU_ATTR_DEV_CFG]);
	return 0;
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct netlink *n = arg;
	struct netlink_event ev;

	/* Port 0 is the kernel; any process can send to ours. */
	if (nlmsg_get_src(msg)->nl_pid != 0 || nlmsg_hdr(msg)->nlmsg_type != n->family)
		return NL_SKIP;
	if (parse(msg, &ev) == 0)
		n->fn(n->ctx, &ev);
	return NL_OK;
}

static int join(struct netlink *n, char *err, size_t err_len)
{
	int group, rc;

	n->family = genl_ctrl_resolve(n->requests, FAMILY);
	if (n->family < 0)
		return fail(err, err_len, "expected module target_core_user", n->family);
	group = genl_ctrl_resolve_grp(n->requests, FAMILY, GROUP);
	if (group < 0)
		return fail(err, err_len, "group " GROUP, group);
	rc = nl_socket_add_membership(n->events, group);
	if (rc < 0)
		return fail(err, err_len, "cannot join group " GROUP, rc);
	return 0;
}

int netlink_open(struct netlink **out, char *err, size_t err_len)
{
	const struct timeval timeout = { .tv_sec = ACK_TIMEOUT_S };
	struct netlink *n = calloc(1, sizeof(*n));
	int rc = -ENOMEM;

	if (n == NULL)
		return rc;
	n->events = nl_socket_alloc();
	n->requests = nl_socket_alloc();
	if (n->events == NULL || n->requests == NULL)
		goto fail;
	nl_socket_disable_seq_check(n->events);
	nl_socket_modify_cb(n->events, NL_CB_VALID, NL_CB_CUSTOM, on_message, n);
	if (genl_connect(n->events) < 0 || genl_connect(n->requests) < 0 ||
	    nl_socket_set_nonblocking(n->events) < 0) {
		snprintf(err, err_len, "netlink: no generic netlink socket: %s", strerror(errno));
		rc = -EPROTO;
		goto fail;
	}
	nl_socket_set_buffer_size(n->events, EVENT_BYTES, 0);
	setsockopt(nl_socket_get_fd(n->requests), SOL_SOCKET, SO_RCVTIMEO, &timeout,
		   sizeof(timeout));
	rc = join(n, err, err_len);
	if (rc != 0)
		goto fail;
	*out = n;
	return 0;
fail:
	netlink_close(n);
	return rc;
}

void netlink_close(struct netlink *n)
{
	if (n == NULL)
		return;
	nl_socket_free(n->events);
	nl_socket_free(n->requests);
	free(n);
}

int netlink_fd(const struct netlink *n)
{
	return nl_socket_get_fd(n->events);
}

int netlink_receive(struct netlink *n, void (*fn)(void *ctx, const struct netlink_event *ev),
		    void *ctx)
{
	int rc = 0;

	n->fn = fn;
	n->ctx = ctx;
	while (rc >= 0)
		rc = nl_recvmsgs_default(n->events);
	if (rc == -NLE_AGAIN)
		return 0;
	return rc == -NLE_NOMEM ? -ENOBUFS : -EIO;
}

/* Send @cmd with up to two attributes and wait for the acknowledgement. */
static int request(struct netlink *n, uint8_t cmd, int (*fill)(struct nl_msg *msg, const void *arg),
		   const void *arg)
{
	struct nl_msg *msg = nlmsg_alloc();
	int rc = -NLE_NOMEM;

	if (msg == NULL)
		return -ENOMEM;
	if (genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, n->family, 0, 0, cmd, FAMILY_VERSION) !=
		    NULL &&
	    fill(msg, arg) == 0)
		rc = nl_send_auto(n->requests, msg);
	nlmsg_free(msg);
	if (rc >= 0)
		rc = nl_wait_for_ack(n->requests);
	return rc < 0 ? to_errno(rc) : 0;
}

static int fill_replies(struct nl_msg *msg, const void *arg)
{
	return nla_put_u8(msg, TCMU_ATTR_SUPP_KERN_CMD_REPLY, *(const bool *)arg ? 1 : 0);
}

int netlink_set_replies(struct netlink *n, bool on)
{
	return request(n, TCMU_CMD_SET_FEATURES, fill_replies, &on);
}

struct reply {
	uint32_t device_id;
	int status;
};

static int fill_reply(struct nl_msg *msg, const void *arg)
{
	const struct reply *r = arg;
	int rc = nla_put_s32(msg, TCMU_ATTR_CMD_STATUS, r->status);

	return rc != 0 ? rc : nla_put_u32(msg, TCMU_ATTR_DEVICE_ID, r->device_id);
}

int netlink_reply(struct netlink *n, const struct netlink_event *ev, int status)
{
	const struct reply r = { .device_id = ev->device_id, .status = status };
	uint8_t done;

	switch (ev->cmd) {
	case TCMU_CMD_ADDED_DEVICE:
		done = TCMU_CMD_ADDED_DEVICE_DONE;
		break;
	case TCMU_CMD_REMOVED_DEVICE:
		done = TCMU_CMD_REMOVED_DEVICE_DONE;
		break;
	case TCMU_CMD_RECONFIG_DEVICE:
		done = TCMU_CMD_RECONFIG_DEVICE_DONE;
		break;
	default:
		return -EINVAL;
	}
	return ev->has_id ? request(n, done, fill_reply, &r) : 0;
}
