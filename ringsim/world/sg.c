/* SPDX-License-Identifier: MIT */
/* Opens and closes of SCSI generic nodes; see sg.h. */
#include "sg.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_MAX (1u << 20)
#define SOCKET_ROOM (512 << 10)

/* An open that waits for another's close: one of the two is exclusive. */
struct sg_opening {
	struct sg_opening *next;
	struct world_call call;
	struct world_device *d;
	int flags;
};

bool sg_allowed(const struct world_call *c, const uint8_t *cdb, bool writable)
{
	static const uint8_t reads[] = {
		0x00, 0x03, 0x08, 0x28, 0xa8, 0x88, 0x3c, 0x37, 0x25, 0x3e, 0x12,
		0x1a, 0x5a, 0x4d, 0x1b, 0x2f, 0x8f, 0xa0, 0x9e, 0x1c, 0xa3, 0x5c,
		0x45, 0x47, 0x48, 0xbe, 0xb9, 0x44, 0x51, 0x43, 0x52, 0xa4, 0x4b,
		0x42, 0xad, 0xbd, 0x46, 0x4a, 0xac, 0xba, 0x4e, 0x23, 0x95,
	};
	static const uint8_t writes[] = {
		0x0a, 0x2a, 0xaa, 0x2e, 0xae, 0x8a, 0x8e, 0x3f, 0xea, 0x41, 0x93,
		0x15, 0x55, 0x4c, 0x19, 0xa1, 0x5b, 0x35, 0x04, 0x58, 0x53, 0xbf,
		0xa2, 0x54, 0x5d, 0xbb, 0x1e, 0xa6, 0xb6, 0xa7, 0x94,
	};

	if (memchr(reads, cdb[0], sizeof(reads)))
		return true;
	if (writable && memchr(writes, cdb[0], sizeof(writes)))
		return true;
	return call_capable(c, CAP_SYS_RAWIO);
}

/* --- the reserved buffer
 * -------------------------------------------------------------------------------
 */

static void unreserve(struct sg_node *n)
{
	if (n->reserve_fd < 0)
		return;
	munmap(n->reserve, n->reserve_len);
	close(n->reserve_fd);
	n->reserve_fd = -1;
}

/* A page at least, whole sectors. */
int sg_reserve(struct sg_node *n, uint32_t len)
{
	int fd = memfd_create("sg", MFD_CLOEXEC);
	void *p = MAP_FAILED;

	len = len < SG_PAGE ? SG_PAGE : (len + 511) / 512 * 512;
	if (fd >= 0 && !ftruncate(fd, (len + SG_PAGE - 1) / SG_PAGE * SG_PAGE))
		p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	unreserve(n);
	n->reserve_fd = fd;
	n->reserve = p;
	n->reserve_len = len;
	return 0;
}

void sg_mmap(struct world_call *c, struct world_file *f)
{
	struct sg_node *n = (struct sg_node *)((char *)f - offsetof(struct sg_node, file));
	uint64_t len = (c->arg[1] + SG_PAGE - 1) / SG_PAGE * SG_PAGE;

	if (c->arg[5]) {
		call_answer(c, -EINVAL);
	} else if (len > n->reserve_len) {
		call_answer(c, -ENOMEM);
	} else {
		n->mapped = true;
		c->ops->remap(c, n->reserve_fd);
	}
}

/* --- closing
 * ------------------------------------------------------------------------------------------------
 */

void sg_node_put(struct sg_node *n)
{
	struct sg_world *sg = n->w->sg;
	struct sg_node **p = &sg->nodes;

	if (!n->closed || n->cmds)
		return;
	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
	unreserve(n);
	free(n);
}

static void retry_openings(struct world *w);

/* What runs ends by itself, and nobody is told. */
static void node_close(struct sg_node *n)
{
	struct world *w = n->w;
	struct sg_cmd *cmd = n->cmds, *next;

	world_unwatch(w, &n->watch);
	world_file_drop(w, &n->file);
	close(n->watch.fd);
	sg_readers_end(n, -ENODEV);
	for (; cmd; cmd = next) {
		next = cmd->next;
		if (cmd->state == SG_DONE)
			sg_cmd_free(cmd);
	}
	n->closed = true;
	sg_node_put(n);
	retry_openings(w);
}

static void node_receive(struct sg_node *n)
{
	uint8_t *msg;
	ssize_t len;

	while ((len = recv(n->watch.fd, NULL, 0, MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC)) > 0) {
		msg = (size_t)len <= MESSAGE_MAX ? malloc((size_t)len) : NULL;
		if (recv(n->watch.fd, msg, msg ? (size_t)len : 0, MSG_DONTWAIT) == len && msg)
			sg_message(n, msg, (size_t)len);
		free(msg);
	}
}

static void node_service(struct world_watch *watch, uint32_t events)
{
	struct sg_node *n = (struct sg_node *)watch;

	if (events & EPOLLIN)
		node_receive(n);
	if (events & (EPOLLHUP | EPOLLERR))
		node_close(n);
}

/* --- who waits for long ------------------------------------------------------------------------
 */

void sg_waits(struct sg_world *sg)
{
	if (!sg->look_ns)
		sg->look_ns = world_now_ns() + SG_LOOK_NS;
}

static void openings_look(struct sg_world *sg)
{
	struct sg_opening **p = &sg->openings, *o;

	while ((o = *p) != NULL) {
		if (call_waiting(&o->call) && !call_interrupted(&o->call)) {
			p = &o->next;
			continue;
		}
		*p = o->next;
		if (call_waiting(&o->call))
			call_answer(&o->call, -WORLD_RESTART);
		free(o);
	}
}

/* The command goes on without the caller. */
static bool owners_look(struct sg_node *n)
{
	struct sg_cmd *cmd;
	bool any = false;

	for (cmd = n->cmds; cmd; cmd = cmd->next) {
		if (!cmd->owned || cmd->state == SG_DONE)
			continue;
		if (call_waiting(&cmd->call) && call_interrupted(&cmd->call))
			call_answer(&cmd->call, -WORLD_RESTART);
		else
			any = true;
	}
	return any;
}

void sg_look(struct sg_world *sg)
{
	struct sg_node *n;
	bool any = false;

	openings_look(sg);
	for (n = sg->nodes; n; n = n->next) {
		any |= owners_look(n);
		any |= sg_readers_look(n);
	}
	any |= sg->openings != NULL;
	sg->look_ns = any ? world_now_ns() + SG_LOOK_NS : 0;
}

/* --- opening
 * -------------------------------------------------------------------------------------------------
 */

static struct sg_world *sg_world(struct world *w)
{
	if (!w->sg)
		w->sg = calloc(1, sizeof(struct sg_world));
	return w->sg;
}

static bool must_wait(const struct sg_world *sg, const struct world_device *d, int flags)
{
	const struct sg_node *n;

	for (n = sg->nodes; n; n = n->next)
		if (n->d == d && !n->closed && (flags & O_EXCL || n->exclusive))
			return true;
	return false;
}

static struct sg_node *node_make(struct world_device *d, int flags)
{
	struct sg_node *n = calloc(1, sizeof(*n));
	int access = flags & O_ACCMODE;

	if (!n)
		return NULL;
	n->w = d->w;
	n->d = d;
	n->read_only = access != O_RDWR;
	n->writable = access == O_RDWR || access == O_WRONLY;
	n->exclusive = flags & O_EXCL;
	n->timeout_user = 6000;
	n->reserve_fd = -1;
	n->file.minor = d->minor;
	if (sg_reserve(n, SG_DEF_RESERVED_SIZE)) {
		free(n);
		return NULL;
	}
	return n;
}

/* The two ends; the program's is in *far. */
static int node_connect(struct sg_node *n, int flags, int *far)
{
	int pair[2], room = SOCKET_ROOM, rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (flags & O_NONBLOCK)
		fcntl(pair[1], F_SETFL, O_RDWR | O_NONBLOCK);
	n->watch = (struct world_watch){ .fd = pair[0], .fn = node_service };
	rc = world_file_add(n->w, &n->file, FILE_SG, pair[1]);
	if (!rc)
		rc = world_watch(n->w, &n->watch, EPOLLIN);
	if (rc) {
		world_file_drop(n->w, &n->file);
		close(pair[0]);
		close(pair[1]);
		return rc;
	}
	*far = pair[1];
	return 0;
}

static void open_now(const struct world_call *c, struct world_device *d, int flags)
{
	struct sg_world *sg = d->w->sg;
	struct sg_node *n = node_make(d, flags);
	int far = -1, rc = n ? node_connect(n, flags, &far) : -ENOMEM;

	if (rc) {
		if (n)
			unreserve(n);
		free(n);
		call_answer(c, rc);
		return;
	}
	n->next = sg->nodes;
	sg->nodes = n;
	rc = call_give(c, far, flags & O_CLOEXEC, -1);
	if (rc < 0)
		call_answer(c, rc);
	close(far); /* the last one, if the caller has got none: we see a hangup */
}

static int open_later(struct sg_world *sg, const struct world_call *c, struct world_device *d,
		      int flags)
{
	struct sg_opening *o = calloc(1, sizeof(*o)), **p = &sg->openings;

	if (!o)
		return -ENOMEM;
	*o = (struct sg_opening){ .call = *c, .d = d, .flags = flags };
	while (*p)
		p = &(*p)->next;
	*p = o;
	sg_waits(sg);
	return 0;
}

void sg_open(struct world_call *c, struct world_device *d, int flags)
{
	struct sg_world *sg = sg_world(d->w);
	int rc = sg ? 0 : -ENOMEM;

	if (!rc && call_uid(c) != 0 && !call_privileged(c)) {
		world_say(d->w, "process %d may not open /dev/sg%u: only root may", (int)c->tid,
			  d->minor);
		rc = -EACCES;
	}
	if (!rc && flags & O_EXCL && (flags & O_ACCMODE) == O_RDONLY)
		rc = -EPERM;
	if (!rc && flags & O_DIRECT)
		rc = -EINVAL;
	if (!rc && must_wait(sg, d, flags)) {
		rc = flags & O_NONBLOCK ? -EBUSY : open_later(sg, c, d, flags);
		if (!rc)
			return;
	}
	if (rc)
		call_answer(c, rc);
	else
		open_now(c, d, flags);
}

/* In the order of their coming; whoever has given up is forgotten. */
static void retry_openings(struct world *w)
{
	struct sg_world *sg = w->sg;
	struct sg_opening **p = &sg->openings, *o;

	while ((o = *p) != NULL) {
		if (call_waiting(&o->call) && must_wait(sg, o->d, o->flags)) {
			p = &o->next;
			continue;
		}
		*p = o->next;
		if (call_waiting(&o->call))
			open_now(&o->call, o->d, o->flags);
		free(o);
	}
}

/* --- the device goes
 * ---------------------------------------------------------------------------------------------
 */

static void openings_gone(struct sg_world *sg, const struct world_device *d)
{
	struct sg_opening **p = &sg->openings, *o;

	while ((o = *p) != NULL) {
		if (o->d != d) {
			p = &o->next;
			continue;
		}
		*p = o->next;
		if (call_waiting(&o->call))
			call_answer(&o->call, -ENODEV);
		free(o);
	}
}

/* What the unit still has ends when it goes, right after this. */
void sg_gone(struct world_device *d)
{
	struct sg_world *sg = d->w->sg;
	struct sg_node *n, *next;

	if (!sg)
		return;
	openings_gone(sg, d);
	for (n = sg->nodes; n; n = next) {
		next = n->next;
		if (n->d != d)
			continue;
		n->d = NULL;
		if (!n->closed) {
			sg_readers_end(n, -ENODEV);
			shutdown(n->watch.fd, SHUT_WR);
		}
		sg_cmds_gone(n);
	}
}

void sg_stop(struct world *w)
{
	struct sg_world *sg = w->sg;
	struct sg_node *n, *next;

	for (n = sg ? sg->nodes : NULL; n; n = next) {
		next = n->next;
		node_close(n);
	}
	free(sg);
	w->sg = NULL;
}
