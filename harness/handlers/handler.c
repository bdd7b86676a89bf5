/* SPDX-License-Identifier: MIT */
/*
 * The reference handler: fetch, execute, answer, publish, until nothing moves.
 *
 * Invariants: a command lives in a slot from fetch until its answer is in the ring, and is answered
 * once (HND-053); nothing of it is touched afterwards (HND-039); a step returns only when the ring
 * is drained or every slot waits for the store, so no wakeup can be lost (HND-041, HND-042);
 * nothing is allocated per command that succeeds on the usual paths. Clauses: HND-005, HND-016,
 * HND-041 to HND-047, HND-053, HND-054, HND-062, HND-067.
 */
#include "handler.h"
#include "scsi.h"
#include "uio_name.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_DEFAULT 128u
#define DEPTH_MAX     4096u
#define QUIESCE_MS    100
/*
 * Commands begun before they are published; one with much data counts for several. The first of
 * them after a pause are few: whoever sent them sleeps, perhaps, and wakes up while we go on.
 */
#define TURN_FIRST    4
#define TURN	      16
#define TURN_BYTES    32768u /* of data count for one command more */

/**
 * struct handler - one device
 * @slots:    @depth of them; @free is the stack of those without a command
 * @held:     answered but not handed to the consumer yet, in reorder mode
 * @excl:     answered exclusive commands, whose blocks stay locked until the answer is published
 * @rng:      state of the reorder generator; 0 = complete at once
 * @attached: @c is in use
 */
struct handler {
	struct handler_config cfg;
	char *name, *subtype, *serial;
	struct store *store;
	struct consumer c;
	struct scsi_lun lun;
	struct scsi_task *slots, **free, **held, **excl;
	uint32_t depth, free_cnt, held_cnt, excl_cnt;
	uint64_t rng;
	uint64_t served;
	bool attached;
};

static void slot_free(struct handler *h, struct scsi_task *t)
{
	scsi_release(t);
	t->cmd.user = NULL;
	h->free[h->free_cnt++] = t;
}

/* The answer is in the ring. */
static void retire(struct handler *h, struct scsi_task *t)
{
	/*
	 * A successor cannot tell two executed COMPARE AND WRITEs of one block apart, so the second
	 * one starts when the first one's answer is published (HND-062).
	 */
	if (t->held && t->exclusive)
		h->excl[h->excl_cnt++] = t;
	else
		slot_free(h, t);
}

static void on_release(void *ctx, struct consumer_cmd *cmd)
{
	retire(ctx, (struct scsi_task *)cmd);
}

static void answer(struct handler *h, struct scsi_task *t)
{
	h->served++;
	consumer_complete(&h->c, &t->cmd);
	if (!h->c.in_order)
		retire(h, t);
}

static void on_done(struct scsi_task *t)
{
	struct handler *h = t->lun->owner;

	if (h->rng != 0)
		h->held[h->held_cnt++] = t;
	else
		answer(h, t);
}

/* xorshift64: any nonzero seed gives a long, repeatable sequence. */
static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Answer what was held back, in shuffled order. */
static void answer_held(struct handler *h)
{
	while (h->held_cnt != 0) {
		uint32_t pick = (uint32_t)(random_next(&h->rng) % h->held_cnt);
		struct scsi_task *t = h->held[pick];

		h->held[pick] = h->held[--h->held_cnt];
		answer(h, t);
	}
}

static void release_published(struct handler *h)
{
	while (h->excl_cnt != 0)
		slot_free(h, h->excl[--h->excl_cnt]);
}

/* Task management: what has not started need not; all are answered all the same (HND-016). */
static void abort_listed(struct handler *h)
{
	for (uint32_t i = 0; i < h->c.tmr.cnt; i++) {
		uint16_t id = consumer_tmr_id(&h->c, i);

		for (uint32_t s = 0; s < h->depth; s++) {
			struct scsi_task *t = &h->slots[s];

			if (t->cmd.user != NULL && t->cmd.id == id)
				scsi_abort(t);
		}
	}
}

static bool stopping(const struct handler *h)
{
	return h->cfg.stop != NULL && __atomic_load_n(h->cfg.stop, __ATOMIC_RELAXED) != 0;
}

/*
 * Fetch and start until the ring is empty, no slot is free or @turn is over: what was begun is
 * published first, so that who sent it works on while we do, too. In reorder mode all are wanted at
 * once.
 */
static bool drain(struct handler *h, int64_t turn)
{
	bool any = false;

	if (h->rng != 0)
		turn = INT64_MAX;
	while (h->free_cnt != 0 && turn-- > 0 && !stopping(h)) {
		struct scsi_task *t = h->free[h->free_cnt - 1];

		switch (consumer_fetch(&h->c, &t->cmd)) {
		case CONSUMER_EMPTY:
			return any;
		case CONSUMER_TMR:
			abort_listed(h);
			break;
		case CONSUMER_CMD:
			h->free_cnt--;
			t->cmd.user = h;
			turn -= (int64_t)(t->cmd.len / TURN_BYTES);
			scsi_exec(&h->lun, t);
			break;
		}
		any = true;
	}
	return any;
}

static int handler_step(struct handler *h, unsigned int events)
{
	int64_t turn = TURN_FIRST;
	bool more;

	if (!h->attached || (events & HANDLER_EV_ERR))
		return -EIO;
	/* The event is consumed before the ring is looked at: a later one wakes us again. */
	if ((events & HANDLER_EV_UIO) && consumer_read_event(&h->c) < 0)
		return -EIO;
	do {
		int rc;

		more = drain(h, turn);
		turn = TURN;
		if (scsi_run(&h->lun))
			more = true;
		store_kick(h->store);
		if (store_reap(h->store) != 0)
			more = true;
		answer_held(h);
		rc = consumer_flush(&h->c);
		/* A doorbell that finds no room has others before it that were not looked at yet.
		 */
		if (rc < 0 && rc != -EAGAIN)
			return -EIO;
		if (rc > 0)
			more = true;
		release_published(h);
	} while (more);
	return 0;
}

static uint32_t handler_busy(const struct handler *h)
{
	return h->depth - h->free_cnt;
}

uint64_t handler_served(const struct handler *h)
{
	return h->served;
}

bool handler_pending(struct handler *h)
{
	return h->attached && h->free_cnt != 0 && consumer_pending(&h->c);
}

const struct consumer *handler_consumer(const struct handler *h)
{
	return &h->c;
}

int handler_set_store(struct handler *h, struct store *store, bool wce)
{
	if (handler_busy(h) != 0)
		return -EBUSY;
	if (store_size(store) % h->cfg.block_size != 0)
		return -EINVAL;
	scsi_lun_set_store(&h->lun, store, wce);
	h->store = store;
	return 0;
}

/* Wait until the store is done with our memory and the region; what it finishes is dropped. */
static void quiesce(struct handler *h)
{
	struct pollfd p = { .fd = store_fd(h->store), .events = POLLIN };

	h->lun.dead = true;
	while (store_inflight(h->store) != 0) {
		store_kick(h->store);
		if (store_reap(h->store) == 0)
			poll(&p, 1, QUIESCE_MS);
	}
}

static void reset_slots(struct handler *h)
{
	h->free_cnt = 0;
	h->held_cnt = 0;
	h->excl_cnt = 0;
	for (uint32_t i = h->depth; i-- > 0;) {
		struct scsi_task *t = &h->slots[i];

		if (t->cmd.iov != t->cmd.inline_iov)
			free(t->cmd.iov);
		free(t->buf);
		t->cmd.iov = t->cmd.inline_iov;
		t->cmd.user = NULL;
		t->buf = NULL;
		h->free[h->free_cnt++] = t;
	}
}

static void handler_detach(struct handler *h)
{
	quiesce(h);
	if (h->c.region != NULL)
		consumer_detach(&h->c);
	h->c.region = NULL;
	reset_slots(h);
	h->attached = false;
}

static bool is_ours(const struct handler *h)
{
	struct uio_name name;

	if (h->name == NULL) /* the caller chose the device */
		return true;
	return uio_name_parse(h->name, &name) == 0 && uio_name_match(&name, h->subtype);
}

static int handler_attach(struct handler *h, const struct consumer_uio *uio, size_t map0_len)
{
	const struct handler_config *cfg = &h->cfg;
	int rc;

	if (h->attached)
		return -EBUSY;
	if (!is_ours(h))
		return -ENODEV;
	rc = consumer_attach(&h->c, uio, map0_len, cfg->probe, cfg->in_order);
	if (rc != 0)
		return rc;
	scsi_lun_init(&h->lun, h->store, cfg->block_size, cfg->read_only, cfg->wce, h->serial);
	h->lun.consumer = &h->c;
	h->lun.done = on_done;
	h->lun.owner = h;
	h->lun.use_read_len = cfg->read_len && (h->c.flags & TCMU_MAILBOX_FLAG_CAP_READ_LEN) != 0;
	h->c.release = on_release;
	h->c.release_ctx = h;
	if (cfg->alloc != NULL) {
		h->c.alloc = cfg->alloc;
		h->lun.alloc = cfg->alloc;
	}
	h->rng = cfg->reorder_seed;
	h->attached = true;
	return 0;
}

static void handler_destroy(struct handler *h)
{
	if (h == NULL)
		return;
	if (h->slots != NULL && h->free != NULL)
		handler_detach(h);
	free(h->slots);
	free(h->free);
	free(h->held);
	free(h->excl);
	free(h->name);
	free(h->subtype);
	free(h->serial);
	free(h);
}

static int check_config(const struct handler_config *cfg, const struct store *store, char *err,
			size_t err_len)
{
	uint32_t block = cfg->block_size;

	if (block < STORE_BLOCK_MIN || block > STORE_BLOCK_MAX || block % 4 != 0) {
		snprintf(err, err_len,
			 "handler: block size: expected a multiple of 4 in %u..%u, found %u",
			 STORE_BLOCK_MIN, STORE_BLOCK_MAX, block);
		return -EINVAL;
	}
	if (store_size(store) % block != 0) {
		snprintf(err, err_len,
			 "handler: store: expected a multiple of the block size %u, found %" PRIu64
			 " bytes",
			 block, store_size(store));
		return -EINVAL;
	}
	if (cfg->depth > DEPTH_MAX) {
		snprintf(err, err_len, "handler: depth: expected 1..%u, found %u", DEPTH_MAX,
			 cfg->depth);
		return -EINVAL;
	}
	return 0;
}

/* Without a serial number of its own a unit takes one from its name, the same each time. */
static char *make_serial(const struct handler_config *cfg)
{
	uint64_t h = 0xcbf29ce484222325u;
	char text[17];

	if (cfg->serial != NULL && cfg->serial[0] != '\0')
		return strdup(cfg->serial);
	for (const char *p = cfg->name != NULL ? cfg->name : ""; *p != '\0'; p++)
		h = (h ^ (uint8_t)*p) * 0x100000001b3u;
	snprintf(text, sizeof(text), "%016" PRIx64, h);
	return strdup(text);
}

static bool copy_strings(struct handler *h, const struct handler_config *cfg)
{
	h->serial = make_serial(cfg);
	if (cfg->name != NULL)
		h->name = strdup(cfg->name);
	if (cfg->subtype != NULL)
		h->subtype = strdup(cfg->subtype);
	if (cfg->name != NULL && h->name == NULL)
		return false;
	if (cfg->subtype != NULL && h->subtype == NULL)
		return false;
	return h->serial != NULL;
}

static struct handler *handler_create(const struct handler_config *cfg, struct store *store,
				      char *err, size_t err_len)
{
	struct handler *h;

	if (check_config(cfg, store, err, err_len) != 0)
		return NULL;
	h = calloc(1, sizeof(*h));
	if (h == NULL)
		goto fail;
	h->cfg = *cfg;
	h->store = store;
	h->depth = cfg->depth != 0 ? cfg->depth : DEPTH_DEFAULT;
	h->slots = calloc(h->depth, sizeof(*h->slots));
	h->free = calloc(h->depth, sizeof(struct scsi_task *));
	h->held = calloc(h->depth, sizeof(struct scsi_task *));
	h->excl = calloc(h->depth, sizeof(struct scsi_task *));
	if (!copy_strings(h, cfg) || h->slots == NULL || h->free == NULL || h->held == NULL ||
	    h->excl == NULL)
		goto fail;
	for (uint32_t i = 0; i < h->depth; i++)
		h->slots[i].cmd.iov = h->slots[i].cmd.inline_iov;
	reset_slots(h);
	return h;
fail:
	snprintf(err, err_len, "handler: out of memory");
	handler_destroy(h);
	return NULL;
}

const struct handler_api *tcmu_handler_api(void)
{
	static const struct handler_api api = {
		.version = HANDLER_API_VERSION,
		.create = handler_create,
		.attach = handler_attach,
		.step = handler_step,
		.busy = handler_busy,
		.detach = handler_detach,
		.destroy = handler_destroy,
		.open_store = store_open,
	};

	return &api;
}
