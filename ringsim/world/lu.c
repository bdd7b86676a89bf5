/* SPDX-License-Identifier: MIT */
/*
 * The target core's side of a device: where a command goes, what is answered without the handler,
 * and task management.
 *
 * Checks run in the target core's order: unit attention, then the route. ALUA states and
 * reservation conflicts cannot stop a command here, as there is a single nexus, which holds what is
 * held. Everything is answered through lu_io.done, also from within lu_submit(). The simulator's
 * callbacks must not call the simulator: done must not submit from within lu_complete(), see
 * sg_run_timers(). Clauses: SCS-001, SCS-002, SCS-044, KRN-100 to KRN-103. What a real kernel
 * answers is on record in results/clients.
 */
#include "lu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_CONDITION	    0x02
#define TMR_ABORT_TASK	    1
#define TMR_LUN_RESET	    5
#define SENSE_KEY_NOT_READY 0x02

struct lu_tmr {
	struct ringsim_tmr tmr;
	struct lu_tmr *next;
	bool reset;
	void (*done)(void *ctx);
	void *ctx;
};

/* --- the end of a command
 * -------------------------------------------------------------------------
 */

static void tell_observer(const struct world_device *d, const struct lu_io *io, bool core)
{
	struct world_command cmd = {
		.cdb = io->cdb,
		.sense = io->sense,
		.cdb_len = io->cdb_len,
		.len = io->len,
		.residual = io->residual,
		.dir = io->dir,
		.status = io->status,
		.sense_valid = io->sense_valid,
		.core = core,
		.outcome = io->outcome,
	};

	if (d->w->cfg.observer && d->w->cfg.observer->ended)
		d->w->cfg.observer->ended(d->w->cfg.ctx, (struct world_device *)d, &cmd);
}

void lu_sense(struct lu_io *io, uint8_t key, uint8_t asc, uint8_t ascq)
{
	bool descriptor = io->lu->d->sim.desc_sense;

	io->status = CHECK_CONDITION;
	io->sense_valid = true;
	memset(io->sense, 0, sizeof(io->sense));
	io->sense[0] = descriptor ? 0x72 : 0x70;
	if (descriptor) {
		io->sense[1] = key;
		io->sense[2] = asc;
		io->sense[3] = ascq;
	} else {
		io->sense[2] = key;
		io->sense[7] = 0x0a;
		io->sense[12] = asc;
		io->sense[13] = ascq;
	}
}

static void end_in_core(struct lu_io *io)
{
	io->outcome = RINGSIM_ANSWERED;
	tell_observer(io->lu->d, io, true);
	io->done(io);
}

/* --- what the target core answers
 * ------------------------------------------------------------------
 */

bool lu_fits(struct core_cmd *c, uint32_t size)
{
	struct lu_io *io = c->io;

	if (size == c->len)
		return true;
	if (size > c->len) {
		io->residual = size - c->len;
		if (io->dir == RINGSIM_NONE)
			return true;
		lu_sense(io, 0x05, 0x24, 0x00);
		return false;
	}
	io->residual = c->len - size;
	c->underflow = true;
	if (io->dir == RINGSIM_FROM_DEVICE)
		c->len = size; /* a write keeps its length, so that all of it is taken */
	return true;
}

void lu_returned(struct core_cmd *c, uint32_t len)
{
	if (len >= c->len)
		return;
	c->io->residual = (c->underflow ? c->io->residual : 0) + c->len - len;
	c->underflow = true;
	c->len = len;
}

static void report_luns(struct core_cmd *c)
{
	static const uint8_t list[16] = { 0, 0, 0, 8 };

	if (c->io->data && c->io->dir == RINGSIM_FROM_DEVICE)
		memcpy(c->io->data, list, c->len < sizeof(list) ? c->len : sizeof(list));
	lu_returned(c, sizeof(list));
}

static void answer(struct lu *lu, struct lu_io *io)
{
	struct core_cmd c = { .lu = lu, .io = io, .len = io->len };

	switch (io->cdb[0]) {
	case 0xa0:
		report_luns(&c);
		break;
	case 0x5e:
		pr_in(&c);
		break;
	case 0x5f:
		pr_out(&c);
		break;
	case 0x16:
	case 0x56:
		pr_reserve(&c);
		break;
	default:
		pr_release(&c);
		break;
	}
	end_in_core(io);
}

/* INQUIRY, REPORT LUNS and REQUEST SENSE leave it alone. */
static bool reports_attention(struct lu *lu, const struct lu_io *io)
{
	return lu->ua && io->cdb[0] != 0x12 && io->cdb[0] != 0xa0 && io->cdb[0] != 0x03;
}

/* --- commands ------------------------------------------------------------------------------------
 */

static void link_io(struct lu *lu, struct lu_io *io)
{
	io->prev = lu->last;
	io->next = NULL;
	if (lu->last)
		lu->last->next = io;
	else
		lu->first = io;
	lu->last = io;
}

static void unlink_io(struct lu *lu, struct lu_io *io)
{
	if (io->prev)
		io->prev->next = io->next;
	else
		lu->first = io->next;
	if (io->next)
		io->next->prev = io->prev;
	else
		lu->last = io->prev;
}

static void to_handler(struct lu *lu, struct lu_io *io)
{
	struct ringsim_device *dev = lu->d->dev;

	io->iov = (struct iovec){ .iov_base = io->data, .iov_len = io->data ? io->len : 0 };
	io->cmd = (struct ringsim_cmd){
		.cdb = io->cdb,
		.cdb_room = sizeof(io->cdb),
		.dir = io->len ? io->dir : RINGSIM_NONE,
		.data_len = io->len,
		.sg = &io->iov,
		.sg_cnt = io->iov.iov_len ? 1 : 0,
		.user = io,
	};
	link_io(lu, io);
	ringsim_advance(dev, world_now_ns());
	ringsim_submit(dev, &io->cmd);
}

void lu_submit(struct world_device *d, struct lu_io *io)
{
	struct lu *lu = d->lu;

	io->lu = lu;
	io->status = 0;
	io->sense_valid = false;
	io->residual = 0;
	io->outcome = RINGSIM_PENDING;
	memset(io->cdb + io->cdb_len, 0, sizeof(io->cdb) - io->cdb_len);
	if (reports_attention(lu, io)) {
		lu->ua = false;
		lu_sense(io, 0x06, lu->ua_asc, lu->ua_ascq);
		end_in_core(io);
		return;
	}
	switch (ringsim_route(io->cdb, &d->core)) {
	case RINGSIM_ROUTE_HANDLER:
		to_handler(lu, io);
		break;
	case RINGSIM_ROUTE_KERNEL:
		answer(lu, io);
		break;
	case RINGSIM_ROUTE_REFUSED:
		lu_sense(io, 0x05, 0x20, 0x00);
		end_in_core(io);
		break;
	}
}

void lu_complete(struct world_device *d, struct ringsim_cmd *cmd)
{
	struct lu_io *io = cmd->user;

	unlink_io(d->lu, io);
	io->status = cmd->status;
	io->sense_valid = cmd->sense_valid || cmd->status == CHECK_CONDITION;
	memcpy(io->sense, cmd->sense, sizeof(io->sense));
	io->residual = cmd->residual;
	io->outcome = cmd->outcome;
	tell_observer(d, io, false);
	io->done(io);
}

/* --- task management
 * --------------------------------------------------------------------------------
 */

static void attention(struct lu *lu, uint8_t asc, uint8_t ascq)
{
	if (lu->ua)
		return; /* only the first is told, and with it all are gone */
	lu->ua = true;
	lu->ua_asc = asc;
	lu->ua_ascq = ascq;
}

static void end_tmr(struct lu *lu, struct lu_tmr *t)
{
	struct lu_tmr **p = &lu->tmrs;

	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	if (t->reset) {
		lu->resets--;
		lu->pr.reserved = false;
		attention(lu, 0x29, 0x03); /* BUS DEVICE RESET FUNCTION OCCURRED */
	}
	if (t->done)
		t->done(t->ctx);
	free(t);
}

void lu_tmr_done(struct world_device *d, struct ringsim_tmr *tmr)
{
	end_tmr(d->lu, (struct lu_tmr *)tmr);
}

static uint32_t count(const struct lu *lu)
{
	const struct lu_io *io;
	uint32_t n = 0;

	for (io = lu->first; io; io = io->next)
		n++;
	return n;
}

int lu_abort(struct world_device *d, struct lu_io *io, void (*done)(void *ctx), void *ctx)
{
	uint32_t n = io ? 1 : count(d->lu), i = 0;
	struct ringsim_cmd **cmds = calloc(n + 1, sizeof(struct ringsim_cmd *));
	struct lu_tmr *t = calloc(1, sizeof(*t));
	struct lu_io *p;

	if (!cmds || !t) {
		free(cmds);
		free(t);
		return -ENOMEM;
	}
	if (io)
		cmds[i++] = &io->cmd;
	for (p = io ? NULL : d->lu->first; p; p = p->next)
		cmds[i++] = &p->cmd;
	t->reset = !io;
	t->done = done;
	t->ctx = ctx;
	t->tmr.type = io ? TMR_ABORT_TASK : TMR_LUN_RESET;
	t->next = d->lu->tmrs;
	d->lu->tmrs = t;
	d->lu->resets += t->reset;
	ringsim_advance(d->dev, world_now_ns());
	ringsim_tmr(d->dev, &t->tmr, cmds, n);
	free(cmds);
	return 0;
}

bool lu_resetting(const struct world_device *d)
{
	return d->lu && d->lu->resets;
}

/* --- life
 * ------------------------------------------------------------------------------------------
 */

int lu_create(struct world_device *d)
{
	d->lu = calloc(1, sizeof(*d->lu));
	if (!d->lu)
		return -ENOMEM;
	d->lu->d = d;
	return 0;
}

/* What the simulator still has goes down with it. */
void lu_destroy(struct world_device *d)
{
	struct lu *lu = d->lu;
	struct lu_io *io;

	if (!lu)
		return;
	while ((io = lu->first) != NULL) {
		unlink_io(lu, io);
		io->outcome = RINGSIM_RESET;
		lu_sense(io, SENSE_KEY_NOT_READY, 0x08, 0x00);
		tell_observer(d, io, false);
		io->done(io);
	}
	while (lu->tmrs)
		end_tmr(lu, lu->tmrs);
	free(lu);
	d->lu = NULL;
}
