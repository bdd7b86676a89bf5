/* SPDX-License-Identifier: MIT */
/*
 * A device's life: what it is made of, what it is asked for, how it goes.
 *
 * Invariants, checked by ringsim_sweep(): a block or an id is free or belongs to exactly one slot;
 * records cover the ring from the reclaim pointer to the head; a command that the initiator has not
 * got back is on exactly one of in-flight FIFO and queue-full list.
 */
#include "steps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int region_create(struct ringsim_device *dev)
{
	int rc;

	dev->fd = memfd_create("ringsim", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (dev->fd < 0)
		return -errno; /* GCOVR_EXCL_LINE */
	if (ftruncate(dev->fd, (off_t)dev->lay.region_size))
		return -errno; /* GCOVR_EXCL_LINE */
	/* A handler could shrink the file under us and turn our own accesses into SIGBUS. */
	if (fcntl(dev->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -errno; /* GCOVR_EXCL_LINE */
	/* Ring pages always exist (KRN-127); data pages are holes until somebody needs them. */
	rc = posix_fallocate(dev->fd, 0, (off_t)dev->lay.data_off);
	if (rc)
		return -rc; /* GCOVR_EXCL_LINE */
	dev->region = mmap(NULL, dev->lay.region_size, PROT_READ | PROT_WRITE, MAP_SHARED, dev->fd,
			   0);
	if (dev->region == MAP_FAILED) {
		dev->region = NULL; /* GCOVR_EXCL_LINE */
		return -errno;	    /* GCOVR_EXCL_LINE */
	}
	return 0;
}

static void mailbox_init(struct ringsim_device *dev, const struct ringsim_config *cfg)
{
	struct tcmu_mailbox mb;

	memset(&mb, 0, sizeof(mb)); /* holes, too */
	mb.version = cfg->version ? cfg->version : TCMU_MAILBOX_VERSION;
	mb.flags = cfg->set_flags
			   ? cfg->flags
			   : TCMU_MAILBOX_FLAG_CAP_OOOC | TCMU_MAILBOX_FLAG_CAP_READ_LEN |
				     TCMU_MAILBOX_FLAG_CAP_TMR | TCMU_MAILBOX_FLAG_CAP_KEEP_BUF;
	mb.cmdr_off = dev->lay.cmdr_off;
	mb.cmdr_size = dev->lay.cmdr_size;
	mb.cmd_head = mb.cmd_tail = cfg->start;
	shm_write(dev->region, 0, &mb, sizeof(mb));
	dev->reclaim = dev->head = cfg->start;
	dev->space = dev->lay.cmdr_size - 1;
}

void *table_alloc(uint64_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void table_free(void *table, uint64_t len)
{
	if (table)
		munmap(table, len);
}

#define SLOTS_BYTES ((RINGSIM_ID_MAX + 1ull) * sizeof(struct slot))

uint32_t device_records(const struct ringsim_layout *lay)
{
	uint32_t recs = 1024; /* more than DEVICE_RECORDS */

	/* The shortest entry that fills a ring is a PAD or TMR; most are 120 bytes or more. */
	while (recs < lay->cmdr_size / 8 + 4 && recs < 1u << 20)
		recs *= 2;
	return recs;
}

static int tables_create(struct ringsim_device *dev)
{
	dev->rec_most = device_records(&dev->lay);
	dev->rec_mask = DEVICE_RECORDS - 1;
	dev->recs = table_alloc((uint64_t)dev->rec_most * sizeof(*dev->recs));
	dev->slots = table_alloc(SLOTS_BYTES);
	dev->blk_next = calloc(dev->lay.blocks, sizeof(*dev->blk_next));
	dev->page_present = calloc(dev->lay.pages / 64 + 1, sizeof(uint64_t));
	if (!dev->recs || !dev->slots || !dev->blk_next || !dev->page_present)
		return -ENOMEM; /* GCOVR_EXCL_LINE */
	if (bitset_init(&dev->ids_free, RINGSIM_ID_MAX + 1, true) ||
	    bitset_init(&dev->blks_free, dev->lay.blocks, true))
		return -ENOMEM; /* GCOVR_EXCL_LINE */
	bitset_del(&dev->ids_free, 0);
	return 0;
}

int device_config_check(const struct ringsim_config *cfg, const struct ringsim_layout *lay,
			char *err, size_t err_len)
{
	if (cfg->start % 8 || cfg->start >= lay->cmdr_size) {
		if (err)
			snprintf(err, err_len, "start: expected a multiple of 8 below %u, found %u",
				 lay->cmdr_size, cfg->start);
		return -EINVAL;
	}
	if (cfg->qfull_time_out_s < -1) {
		if (err)
			snprintf(err, err_len, "qfull_time_out: expected -1 or more, found %d",
				 cfg->qfull_time_out_s);
		return -EINVAL;
	}
	return 0;
}

static const struct ringsim_ops no_ops;

void device_configure(struct ringsim_device *dev, const struct ringsim_config *cfg,
		      const struct ringsim_ops *ops, void *ctx)
{
	dev->ops = ops ? ops : &no_ops;
	dev->ctx = ctx;
	dev->events = cfg->first_event;
	dev->cmd_tmo_ns = cfg->cmd_time_out_s * RINGSIM_NSEC_PER_SEC;
	dev->qfull_tmo_s = cfg->qfull_time_out_s;
	dev->tmr_notification = cfg->tmr_notification;
	dev->desc_sense = cfg->desc_sense;
	dev->tmr_end = &dev->tmr_first;
	timer_set_time(dev, 0);
	mailbox_init(dev, cfg);
	if (dev->shadow)
		shadow_begin(dev, cfg->poison_seed);
}

int ringsim_device_create(struct ringsim_device **out, const struct ringsim_config *cfg,
			  const struct ringsim_ops *ops, void *ctx, char *err, size_t err_len)
{
	struct ringsim_layout lay;
	struct ringsim_device *dev;
	int rc;

	*out = NULL;
	rc = ringsim_layout_init(&lay, &cfg->geo, err, err_len);
	if (rc)
		return rc;
	rc = device_config_check(cfg, &lay, err, err_len);
	if (rc)
		return rc;
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM; /* GCOVR_EXCL_LINE */
	dev->fd = -1;
	dev->lay = dev->room = lay;
	rc = region_create(dev);
	if (!rc)
		rc = tables_create(dev);
	if (rc)
		goto fail; /* GCOVR_EXCL_LINE */
	dev->pool = cfg->pool ? cfg->pool : ringsim_pool_create(2048ull << 20 >> 12);
	rc = dev->pool ? 0 : -ENOMEM;
	if (rc)
		goto fail; /* GCOVR_EXCL_LINE */
	dev->pool->own = !cfg->pool;
	pool_join(dev->pool, dev);
	if (cfg->sanitize)
		rc = shadow_create(dev);
	if (rc)
		goto fail; /* GCOVR_EXCL_LINE */
	device_configure(dev, cfg, ops, ctx);
	*out = dev;
	return 0;
fail:						       /* GCOVR_EXCL_LINE */
	if (err)				       /* GCOVR_EXCL_LINE */
		snprintf(err, err_len,		       /* GCOVR_EXCL_LINE */
			 "device: %s", strerror(-rc)); /* GCOVR_EXCL_LINE */
	ringsim_device_destroy(dev);		       /* GCOVR_EXCL_LINE */
	return rc;				       /* GCOVR_EXCL_LINE */
}

void ringsim_device_destroy(struct ringsim_device *dev)
{
	if (!dev)
		return;
	tmr_drop_all(dev);
	if (dev->shadow)
		shadow_destroy(dev);
	if (dev->pool) {
		bool own = dev->pool->own;
		struct ringsim_pool *pool = dev->pool;

		pool_leave(dev);
		if (own)
			ringsim_pool_destroy(pool);
	}
	if (dev->region)
		munmap(dev->region, dev->room.region_size);
	if (dev->fd >= 0)
		close(dev->fd);
	bitset_free(&dev->ids_free);
	bitset_free(&dev->blks_free);
	free(dev->page_present);
	free(dev->blk_next);
	table_free(dev->slots, SLOTS_BYTES);
	table_free(dev->recs, (uint64_t)device_records(&dev->room) * sizeof(*dev->recs));
	free(dev);
}

/* Sense as the target core builds it (SCS-044). */
void cmd_set_sense(const struct ringsim_device *dev, struct ringsim_cmd *cmd, uint8_t key,
		   uint8_t asc, uint8_t ascq)
{
	uint8_t *sense = cmd->sense;

	memset(sense, 0, sizeof(cmd->sense));
	cmd->sense_valid = true;
	if (dev->desc_sense) {
		sense[0] = 0x72;
		sense[1] = key;
		sense[2] = asc;
		sense[3] = ascq;
		return;
	}
	sense[0] = 0x70;
	sense[2] = key;
	sense[7] = 0x0a;
	sense[12] = asc;
	sense[13] = ascq;
}

void cmd_hand_back(struct ringsim_device *dev, struct ringsim_cmd *const *cmds, uint32_t n)
{
	uint32_t i;

	dev->n_completed += n;
	if (dev->ops->complete_all)
		dev->ops->complete_all(dev->ctx, cmds, n);
	else if (dev->ops->complete)
		for (i = 0; i < n; i++)
			dev->ops->complete(dev->ctx, cmds[i]);
}

/*
 * The initiator gets its command back. An aborted command's own status is discarded (TRP-56); what
 * is left in @status is what an initiator that asked for TASK ABORTED reports would see.
 */
void cmd_end(struct ringsim_device *dev, struct ringsim_cmd *cmd, enum ringsim_outcome outcome,
	     uint8_t status)
{
	struct ringsim_tmr *tmr = cmd->tmr;

	cmd->state = RINGSIM_IDLE;
	cmd->outcome = outcome;
	cmd->status = status;
	if (status == 2 && !cmd->sense_valid)
		cmd_set_sense(dev, cmd, 0x02, 0x08, 0x00);
	if (tmr) {
		cmd->tmr = NULL;
		cmd->outcome = RINGSIM_ABORTED;
		cmd->status = 0x40;
		cmd->sense_valid = false;
		cmd->residual = 0;
	}
	tap(dev, .kind = RINGSIM_TAP_END, .cmd = cmd);
	cmd_hand_back(dev, &cmd, 1);
	if (tmr && --tmr->pending == 0 && dev->ops->tmr_done)
		dev->ops->tmr_done(dev->ctx, tmr);
}

void slot_unlink(struct ringsim_device *dev, uint16_t id)
{
	struct slot *slot = &dev->slots[id];

	step_unlink(dev->slots, slot);
	slot->plain = false;
	dev->inflight--;
}

/* Blocks and id go back; the next command may get both. */
void slot_release(struct ringsim_device *dev, uint16_t id, enum slot_state how)
{
	struct slot *slot = &dev->slots[id];

	data_free(dev, slot);
	slot->state = (uint8_t)how;
	slot->cmd = NULL;
	bitset_add(&dev->ids_free, id);
}

void ringsim_plug(struct ringsim_device *dev)
{
	dev->plugged = true;
}

void ringsim_unplug(struct ringsim_device *dev)
{
	dev->plugged = false;
	ring_notify(dev);
}

void ringsim_spurious_event(struct ringsim_device *dev)
{
	ring_notify(dev);
}

int ringsim_open(struct ringsim_device *dev)
{
	if (dev->opened)
		return -EBUSY;
	dev->opened = true;
	if (dev->shadow)
		shadow_rang(dev); /* what a predecessor owed is not this one's (HND-063) */
	return 0;
}

const struct ringsim_layout *ringsim_layout(const struct ringsim_device *dev)
{
	return &dev->lay;
}

void *ringsim_region(const struct ringsim_device *dev)
{
	return dev->region;
}

int ringsim_region_fd(const struct ringsim_device *dev)
{
	return dev->fd;
}

bool ringsim_id_used(const struct ringsim_device *dev, uint32_t id)
{
	return id && id <= RINGSIM_ID_MAX && !bitset_has(&dev->ids_free, id);
}

bool ringsim_block_used(const struct ringsim_device *dev, uint32_t block)
{
	return block < dev->lay.blocks && !bitset_has(&dev->blks_free, block);
}

void ringsim_stats(const struct ringsim_device *dev, struct ringsim_stats *st)
{
	*st = (struct ringsim_stats){
		.reclaim = dev->reclaim,
		.tail = shm_load32_acquire(dev->region, RINGSIM_OFF_TAIL),
		.head = shm_load32(dev->region, RINGSIM_OFF_HEAD),
		.inflight = dev->inflight,
		.expired = dev->expired,
		.kept = dev->kept,
		.queued = dev->qfull_count,
		.tmrs = dev->tmr_count,
		.blocks_used = dev->blks_used,
		.pages_used = dev->pages_used,
		.peak_blocks = dev->blks_used > dev->peak_blks ? dev->blks_used : dev->peak_blks,
		.dbi_thresh = dev->dbi_thresh,
		.dbi_max = dev->dbi_max,
		.events = dev->events,
		.broken = dev->broken,
		.blocked = dev->blocked,
		.plugged = dev->plugged,
		.open = dev->opened,
		.cmd_time_out_s = (uint32_t)(dev->cmd_tmo_ns / RINGSIM_NSEC_PER_SEC),
		.qfull_time_out_s = dev->qfull_tmo_s,
		.tmr_notification = dev->tmr_notification,
		.desc_sense = dev->desc_sense,
		.cmds = dev->n_cmds,
		.pads = dev->n_pads,
		.tmr_entries = dev->n_tmrs,
		.qfull = dev->n_qfull,
		.completed = dev->n_completed,
		.now_ns = dev->now_ns,
	};
}
