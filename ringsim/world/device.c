/* SPDX-License-Identifier: MIT */
/*
 * A TCMU device of the world, from mkdir to removal.
 *
 * What happens in which order is the driver's: the region and the UIO node first, then the ADDED
 * event, and only when that has been answered the device counts as configured (KRN-149); REMOVED
 * before the node goes (KRN-150). A device that is adopted has its simulator, time and commands
 * from somebody else; all the rest is the same.
 */
#include "../standin.h"
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/target_core_user.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The open file of a UIO node. */
struct uio_node {
	struct world_watch watch;
	struct world_file file;
	struct ringsim_standin io;
	struct world_device *d;
	int mode; /* O_RDWR, O_RDONLY or O_WRONLY: what may be mapped how */
};

/* Somebody waits for the end of enable, of removal or of a reconfiguration. */
struct pending {
	struct world_device *d;
	void (*done)(void *ctx, int rc);
	void (*created)(void *ctx, struct world_device *d, int rc);
	void (*removed)(void *ctx);
	void *ctx;
	enum world_reconfig what;
	uint64_t value;
	char text[256];
};

static struct pending *pending(struct world_device *d, void *ctx)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (p) {
		p->d = d;
		p->ctx = ctx;
	}
	return p;
}

/* --- the open node -----------------------------------------------------------------------------
 */

static void node_free(struct world_device *d)
{
	struct uio_node *n = d->node;

	if (!n)
		return;
	world_unwatch(d->w, &n->watch);
	world_file_drop(d->w, &n->file);
	ringsim_standin_hangup(&n->io);
	free(n);
	d->node = NULL;
}

static void node_service(struct world_watch *watch, uint32_t events)
{
	struct uio_node *n = (struct uio_node *)watch;
	struct world_device *d = n->d;

	(void)events;
	if (!d->adopted)
		ringsim_advance(d->dev, world_now_ns());
	d->rings += ringsim_standin_service(&n->io);
	if (n->io.fd < 0) { /* closed, and so out of the loop */
		world_unwatch(d->w, watch);
		world_file_drop(d->w, &n->file);
		free(n);
		d->node = NULL;
	}
}

static int node_make(struct world_device *d, struct uio_node **out, int *far)
{
	struct uio_node *n = calloc(1, sizeof(*n));
	int rc;

	if (!n)
		return -ENOMEM;
	n->d = d;
	n->io = (struct ringsim_standin){ .uio = d->uio, .fd = -1 };
	rc = ringsim_standin_open(&n->io, far);
	if (rc) {
		free(n);
		return rc;
	}
	n->file.minor = d->minor;
	n->watch = (struct world_watch){ .fd = n->io.fd, .fn = node_service };
	rc = world_file_add(d->w, &n->file, FILE_UIO, *far);
	if (!rc)
		rc = world_watch(d->w, &n->watch, EPOLLIN);
	d->node = n;
	d->mapped = false;
	*out = n;
	return rc;
}

void node_open(struct world_call *c, struct world_device *d, int flags)
{
	struct uio_node *n = NULL;
	int far = -1, rc;

	if (call_uid(c) != 0 && !call_privileged(c)) {
		world_say(d->w, "process %d may not open /dev/uio%u: only root may", (int)c->tid,
			  d->minor);
		call_answer(c, -EACCES);
		return;
	}
	if (d->node)
		node_service(&d->node->watch, 0); /* it may have been closed a moment ago */
	rc = node_make(d, &n, &far);
	if (rc == -EBUSY)
		world_say(d->w, "process %d opens /dev/uio%u, which process %d holds: EBUSY",
			  (int)c->tid, d->minor, (int)d->pid);
	if (!rc && flags & O_NONBLOCK)
		rc = fcntl(far, F_SETFL, O_RDWR | O_NONBLOCK) ? -errno : 0;
	if (!rc)
		rc = call_give(c, far, flags & O_CLOEXEC, -1);
	if (rc < 0) {
		call_answer(c, rc);
	} else {
		n->mode = flags & O_ACCMODE;
		d->pid = c->tid;
	}
	/* the caller has its own by now, or there is none and we see a hangup */
	if (far >= 0)
		close(far);
}

/* The region as the node was opened: the kernel refuses what that does not allow. Or -errno. */
static int open_region(const struct uio_node *n)
{
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", ringsim_region_fd(n->d->dev));
	fd = open(path, n->mode | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void node_mmap(struct world_call *c, struct world_file *f)
{
	struct uio_node *n = (struct uio_node *)((char *)f - offsetof(struct uio_node, file));
	int rc = ringsim_uio_mmap(n->d->uio, c->arg[1], c->arg[5]);

	if (rc) {
		world_say(n->d->w,
			  "process %d maps %llu bytes at offset %llu of /dev/uio%u: expected %llu "
			  "at 0, a kernel answers EINVAL",
			  (int)c->tid, (unsigned long long)c->arg[1], (unsigned long long)c->arg[5],
			  n->d->minor, (unsigned long long)ringsim_layout(n->d->dev)->region_size);
		call_answer(c, rc);
		return;
	}
	rc = open_region(n);
	if (rc < 0) {
		call_answer(c, rc);
		return;
	}
	n->d->mapped = true;
	c->ops->remap(c, rc);
	close(rc);
}

/* --- the simulator's effects, unless the device is adopted ---------------------------------------
 */

static void on_event(void *ctx)
{
	world_device_event(ctx);
}

static void on_complete(void *ctx, struct ringsim_cmd *cmd)
{
	lu_complete(ctx, cmd);
}

static void on_tmr_done(void *ctx, struct ringsim_tmr *tmr)
{
	lu_tmr_done(ctx, tmr);
}

static void on_violation(void *ctx, const struct ringsim_violation *v)
{
	struct world_device *d = ctx;

	if (d->w->cfg.observer && d->w->cfg.observer->violation)
		d->w->cfg.observer->violation(d->w->cfg.ctx, d, v);
}

static const struct ringsim_ops sim_ops = {
	.event = on_event,
	.complete = on_complete,
	.tmr_done = on_tmr_done,
	.violation = on_violation,
};

void world_device_event(struct world_device *d)
{
	if (d->node)
		ringsim_standin_event(&d->node->io);
}

/* --- life --------------------------------------------------------------------------------------
 */

struct world_device *device_new(struct world *w, unsigned int hba, const char *name)
{
	struct world_device *d = calloc(1, sizeof(*d)), **p = &w->devices;

	if (!d)
		return NULL;
	d->w = w;
	d->hba = hba;
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->block_size = 512;
	d->max_sectors = 128;
	d->sim = (struct ringsim_config)RINGSIM_CONFIG_DEFAULT;
	d->core = (struct ringsim_core_attrs)RINGSIM_CORE_ATTRS_DEFAULT;
	while (*p)
		p = &(*p)->next;
	*p = d;
	tree_device_added(d);
	return d;
}

void device_uio_name(const struct world_device *d, char *buf, size_t len)
{
	snprintf(buf, len, "tcm-user/%u/%s%s%s", d->hba, d->name, d->config[0] ? "/" : "",
		 d->config);
}

static bool minor_taken(const struct world *w, unsigned int minor)
{
	const struct world_device *d;

	for (d = w->devices; d; d = d->next)
		if (d->enabled && d->minor == minor)
			return true;
	return false;
}

static unsigned int free_minor(const struct world *w)
{
	unsigned int minor = 0;

	while (minor_taken(w, minor))
		minor++;
	return minor;
}

/* The node and the region go; the directory in configfs stays. */
static void disable(struct world_device *d)
{
	if (d->enabled)
		genl_forget(d); /* an enable that waited has undone itself then */
	if (!d->enabled)
		return;
	if (!d->adopted) {
		sg_gone(d);
		lu_destroy(d);
	}
	ringsim_uio_unregister(d->uio);
	node_free(d);
	tree_device_disabled(d);
	d->enabled = d->configured = false;
	if (!d->adopted)
		ringsim_device_destroy(d->dev);
	d->dev = NULL;
}

void device_free(struct world_device *d)
{
	struct world_device **p = &d->w->devices;

	d->freeing = true;
	if (d->w->cfg.observer && d->w->cfg.observer->gone)
		d->w->cfg.observer->gone(d->w->cfg.ctx, d);
	disable(d);
	tree_device_removed(d);
	while (*p != d)
		p = &(*p)->next;
	*p = d->next;
	free(d);
}

static void added(void *ctx, int rc)
{
	struct pending *p = ctx;
	struct world_device *d = p->d;

	d->busy = false;
	if (!rc && !d->adopted)
		rc = lu_create(d);
	if (rc) {
		disable(d);
	} else {
		d->configured = true;
		if (!d->adopted)
			tree_device_configured(d);
	}
	if (p->done)
		p->done(p->ctx, rc);
	if (p->created)
		p->created(p->ctx, d, rc);
	free(p);
}

/* KRN-134: the sense that the target core makes depends on the last LBA. */
static bool wants_descriptor_sense(const struct world_device *d)
{
	return d->block_size && d->size_bytes / d->block_size > 0x100000000ull;
}

static int make_simulator(struct world_device *d, char *err, size_t err_len)
{
	int rc;

	if (d->adopted)
		return 0;
	d->sim.pool = d->w->pool;
	d->sim.desc_sense = wants_descriptor_sense(d);
	rc = ringsim_device_create(&d->dev, &d->sim, &sim_ops, d, err, err_len);
	if (rc)
		return rc;
	ringsim_advance(d->dev, world_now_ns());
	d->own_uio = (struct ringsim_uio){ .dev = d->dev };
	d->uio = &d->own_uio;
	return 0;
}

static int enable(struct world_device *d, struct pending *p, char *err, size_t err_len)
{
	int rc = d->enabled ? -EEXIST : make_simulator(d, err, err_len);

	if (rc) {
		free(p);
		return rc;
	}
	d->minor = free_minor(d->w);
	d->id = d->w->next_id++;
	d->enabled = d->busy = true;
	if (d->nl_reply_supported >= 0)
		d->nl_reply_supported = genl_replies(d->w); /* KRN-144 */
	tree_device_enabled(d);
	genl_event(d, TCMU_CMD_ADDED_DEVICE, 0, NULL, 0, added, p);
	return 0;
}

void device_enable(struct world_device *d, void (*done)(void *ctx, int rc), void *ctx)
{
	struct pending *p = pending(d, ctx);
	char err[160];
	int rc;

	if (!p) {
		done(ctx, -ENOMEM);
		return;
	}
	p->done = done;
	rc = enable(d, p, err, sizeof(err));
	if (rc)
		done(ctx, rc);
}

static struct world_device *configure(struct world *w, const struct world_device_config *cfg)
{
	struct world_device *d = device_new(w, 0, cfg->name);

	if (!d)
		return NULL;
	snprintf(d->config, sizeof(d->config), "%s", cfg->config ? cfg->config : "");
	d->size_bytes = cfg->size_bytes;
	d->block_size = cfg->block_size;
	d->max_sectors = cfg->max_sectors;
	d->write_cache = cfg->write_cache;
	d->nl_reply_supported = cfg->nl_reply_supported;
	d->sim = cfg->sim;
	snprintf(d->serial, sizeof(d->serial), "%s", cfg->serial ? cfg->serial : "");
	return d;
}

static int create(struct world *w, struct world_device **out, const struct world_device_config *cfg,
		  struct ringsim_uio *uio, void (*done)(void *ctx, struct world_device *d, int rc),
		  void *ctx, char *err, size_t err_len)
{
	struct world_device *d;
	struct pending *p;
	int rc;

	*out = NULL;
	if (world_device_find(w, cfg->name)) {
		snprintf(err, err_len, "device %s: there is one of that name", cfg->name);
		return -EEXIST;
	}
	d = configure(w, cfg);
	p = d ? pending(d, ctx) : NULL;
	if (!p) {
		if (d)
			device_free(d);
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	if (uio) {
		d->adopted = true;
		d->uio = uio;
		d->dev = uio->dev;
	}
	p->created = done;
	*out = d;
	rc = enable(d, p, err, err_len);
	if (rc) {
		device_free(d);
		*out = NULL;
	}
	return rc;
}

int world_device_create(struct world *w, struct world_device **out,
			const struct world_device_config *cfg,
			void (*done)(void *ctx, struct world_device *d, int rc), void *ctx,
			char *err, size_t err_len)
{
	return create(w, out, cfg, NULL, done, ctx, err, err_len);
}

int world_device_adopt(struct world *w, struct world_device **out,
		       const struct world_device_config *cfg, struct ringsim_uio *uio,
		       void (*done)(void *ctx, struct world_device *d, int rc), void *ctx,
		       char *err, size_t err_len)
{
	return create(w, out, cfg, uio, done, ctx, err, err_len);
}

static void removed(void *ctx, int rc)
{
	struct pending *p = ctx;

	(void)rc; /* nothing stops a removal (KRN-146) */
	if (!p->d->freeing)
		device_free(p->d);
	if (p->removed)
		p->removed(p->ctx);
	free(p);
}

void world_device_remove(struct world_device *d, void (*done)(void *ctx), void *ctx)
{
	struct pending *p = pending(d, ctx);

	if (!p || !d->configured || d->busy) {
		device_free(d);
		free(p);
		if (done)
			done(ctx);
		return;
	}
	p->removed = done;
	d->busy = d->removing = true;
	genl_event(d, TCMU_CMD_REMOVED_DEVICE, 0, NULL, 0, removed, p);
}

static void reconfigured(void *ctx, int rc)
{
	struct pending *p = ctx;
	struct world_device *d = p->d;

	d->busy = false;
	if (!rc && p->what == WORLD_DEV_CONFIG)
		snprintf(d->config, sizeof(d->config), "%s", p->text);
	else if (!rc && p->what == WORLD_DEV_SIZE)
		d->size_bytes = p->value;
	else if (!rc)
		d->write_cache = p->value != 0;
	if (p->done)
		p->done(p->ctx, rc);
	free(p);
}

void world_device_reconfig(struct world_device *d, enum world_reconfig what, const char *text,
			   uint64_t value, void (*done)(void *ctx, int rc), void *ctx)
{
	struct pending *p = pending(d, ctx);

	if (!p || d->busy) {
		if (done)
			done(ctx, p ? -EBUSY : -ENOMEM);
		free(p);
		return;
	}
	p->done = done;
	p->what = what;
	p->value = value;
	snprintf(p->text, sizeof(p->text), "%s", text ? text : "");
	if (!d->configured) {
		reconfigured(p, 0);
		return;
	}
	d->busy = true;
	genl_event(d, TCMU_CMD_RECONFIG_DEVICE, what, text, value, reconfigured, p);
}

/* --- looking ------------------------------------------------------------------------------------
 */

struct world_device *world_device_find(struct world *w, const char *name)
{
	struct world_device *d;

	for (d = w->devices; d && strcmp(d->name, name) != 0; d = d->next)
		;
	return d;
}

struct ringsim_device *world_device_sim(const struct world_device *d)
{
	return d->dev;
}

struct ringsim_uio *world_device_uio(const struct world_device *d)
{
	return d->enabled ? d->uio : NULL;
}

unsigned int world_device_minor(const struct world_device *d)
{
	return d->minor;
}

pid_t world_device_pid(const struct world_device *d)
{
	return d->pid;
}

uint64_t world_device_inode(const struct world_device *d)
{
	return d->node ? d->node->file.ino : 0;
}

bool world_device_mapped(const struct world_device *d)
{
	return d->node && d->mapped;
}

uint32_t world_device_take_rings(struct world_device *d)
{
	uint32_t rings = d->rings;

	d->rings = 0;
	return rings;
}
