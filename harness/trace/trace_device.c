/* SPDX-License-Identifier: MIT */
/*
 * The judge: a simulated device, driven in the proposed order, against what was recorded.
 *
 * An entry is compared as soon as it is queued: nothing changes it before the recorder sees it,
 * since completions are stored at the tail and the tail is behind. Mailbox heads are compared when
 * the recorder looked. The handler that is played here stores status and tail and rings; the
 * sanitizer is off, since not a handler is on trial.
 */
#include "trace_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <ringsim/shm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The initiator's side of a unit. Nothing is ever copied back to it. */
struct flight {
	union {
		struct ringsim_cmd cmd;
		struct ringsim_tmr tmr;
	};
	struct iovec sg, bidi_sg;
};

struct run {
	const struct timeline *tl;
	const struct trace *t;
	struct trace_result *res;
	struct ringsim_device *dev;
	uint8_t *region;
	struct flight *flights; /* by unit */
	size_t *by_id;		/* unit that holds an id, or held it last */
	struct trace sim;	/* the entry that the device made last */
	void *zeros;		/* what initiators write */
	uint64_t zeros_len;
	size_t next, end; /* next unit to queue, and where to stop */
	size_t answered;  /* units before it are completed and checked */
	size_t look;	  /* next look at the mailbox */
	uint32_t kicks;
	uint64_t tail; /* position */
};

static int differs(struct run *r, const struct trace_event *e, const char *field,
		   const char *expected, const char *found)
{
	r->res->finding.line = e->line;
	r->res->finding.kind = trace_kind_name(e->kind);
	finding_set(&r->res->finding, field, expected, found);
	r->res->differs = true;
	return 1;
}

static int differs_number(struct run *r, const struct trace_event *e, const char *field,
			  uint64_t expected, uint64_t found)
{
	r->res->finding.line = e->line;
	r->res->finding.kind = trace_kind_name(e->kind);
	finding_number(&r->res->finding, field, expected, found);
	r->res->differs = true;
	return 1;
}

/* Opcodes with Data-Out; which way data goes cannot be seen in an entry (KRN-023). */
static enum ringsim_dir direction(const struct trace *t, const struct trace_event *e, uint64_t len)
{
	static const uint8_t out[] = { 0x04, 0x0a, 0x15, 0x2a, 0x2e, 0x2f, 0x3b, 0x41,
				       0x42, 0x4c, 0x53, 0x55, 0x5f, 0x83, 0x89, 0x8a,
				       0x8e, 0x8f, 0x93, 0x9b, 0xa4, 0xaa, 0xae, 0xaf };

	if (e->bidi_cnt)
		return RINGSIM_BIDI;
	if (!len)
		return RINGSIM_NONE;
	return memchr(out, t->bytes[e->payload], sizeof(out)) ? RINGSIM_TO_DEVICE
							      : RINGSIM_FROM_DEVICE;
}

/* The length of a READ or WRITE against its CDB; see trace_lba_size(). */
static int check_length(struct run *r, const struct trace_event *e, uint64_t len)
{
	uint32_t blocks, size = r->res->lba_size;
	char expected[96], found[24];

	if (!size || !trace_cdb_blocks(r->t->bytes + e->payload, e->payload_len, &blocks) ||
	    len == (uint64_t)blocks * size)
		return 0;
	snprintf(expected, sizeof(expected), "%" PRIu64 " (%u blocks of %u bytes in the CDB)",
		 (uint64_t)blocks * size, blocks, size);
	snprintf(found, sizeof(found), "%" PRIu64, len);
	return differs(r, e, "iov lengths", expected, found);
}

static int queue_cmd(struct run *r, struct flight *f, const struct trace_event *e)
{
	const struct trace_iov *iov = r->t->iovs + e->iov;
	uint64_t len = trace_data_len(iov, e->iov_cnt);
	struct ringsim_cmd *cmd = &f->cmd;

	if (check_length(r, e, len))
		return 1;
	f->sg = (struct iovec){ r->zeros, len };
	f->bidi_sg = (struct iovec){ r->zeros, trace_data_len(iov + e->iov_cnt, e->bidi_cnt) };
	if (len > r->zeros_len || f->bidi_sg.iov_len > r->zeros_len)
		return differs(r, e, "iov lengths", "not more than the data area", "more");
	cmd->cdb = r->t->bytes + e->payload;
	cmd->cdb_room = e->payload_len;
	cmd->dir = direction(r->t, e, len);
	cmd->data_len = (uint32_t)len;
	cmd->sg = &f->sg;
	cmd->bidi_sg = &f->bidi_sg;
	cmd->sg_cnt = cmd->dir == RINGSIM_TO_DEVICE || cmd->dir == RINGSIM_BIDI;
	cmd->bidi_cnt = cmd->dir == RINGSIM_BIDI;
	ringsim_submit(r->dev, cmd);
	/* What it reads is of no interest, and the buffers cannot take it. */
	cmd->bidi_cnt = 0;
	if (cmd->state != RINGSIM_INFLIGHT)
		return differs(r, e, "entry", "none: no room in the simulator's ring or data area",
			       "one");
	r->by_id[cmd->id] = (size_t)(f - r->flights);
	return 0;
}

/*
 * A function that had to wait for room names commands that may be answered by now; a stand-in has
 * their ids.
 */
static int queue_tmr(struct run *r, struct flight *f, const struct trace_event *e)
{
	struct ringsim_cmd **cmds = calloc(e->tmr_cnt + 1ul, sizeof(struct ringsim_cmd *));
	struct ringsim_cmd *stand_ins = calloc(e->tmr_cnt + 1ul, sizeof(*stand_ins));
	uint32_t i;
	int rc = cmds && stand_ins ? 0 : -ENOMEM;

	for (i = 0; !rc && i < e->tmr_cnt; i++) {
		struct ringsim_cmd *cmd;
		uint16_t id;
		char found[8];

		memcpy(&id, r->t->bytes + e->payload + 2 * i, sizeof(id));
		if (r->by_id[id] == NONE) {
			snprintf(found, sizeof(found), "%u", id);
			rc = differs(r, e, "ids", "an id that was in flight", found);
			break;
		}
		cmd = &r->flights[r->by_id[id]].cmd;
		stand_ins[i].state = RINGSIM_INFLIGHT;
		stand_ins[i].id = id;
		cmds[i] = cmd->state == RINGSIM_INFLIGHT && !cmd->tmr ? cmd : &stand_ins[i];
	}
	if (!rc) {
		f->tmr.type = e->tmr_type;
		ringsim_tmr(r->dev, &f->tmr, cmds, e->tmr_cnt);
	}
	free(cmds);
	free(stand_ins);
	return rc;
}

/* The entry that the device has at @pos against the recorded one. */
static int compare(struct run *r, uint64_t pos, const struct trace_event *e)
{
	int rc;

	trace_clear(&r->sim);
	rc = trace_add_entry(&r->sim, r->region, pos_off(r->tl, pos));
	if (rc == -EPROTO)
		return differs(r, e, "entry", "a malformed one", "one");
	if (rc)
		return rc;
	r->res->differs = trace_entry_differs(&r->sim, &r->sim.v[0], r->t, e, &r->res->finding);
	if (!r->res->differs)
		r->res->identical++;
	return r->res->differs;
}

/* Queues the next unit and compares what the device made of it. */
static int queue(struct run *r)
{
	const struct unit *u = &r->tl->units[r->next];
	struct flight *f = &r->flights[r->next++];
	const struct trace_event *e = u->entry == NONE ? NULL : &r->t->v[u->entry];
	uint64_t pos = u->pos;
	int rc;

	if (!e)
		/* The command behind this PAD was not recorded. */
		rc = ringsim_put_raw(r->dev, TCMU_OP_PAD,
				     r->tl->t->hdr.cmdr_size - pos_off(r->tl, pos), 0)
			     ? differs(r, &r->t->v[u->pad], "entry", "none: no room", "one")
			     : 0;
	else
		rc = e->kind == TRACE_TMR ? queue_tmr(r, f, e) : queue_cmd(r, f, e);
	if (!rc && u->pad != NONE) {
		rc = compare(r, pos, &r->t->v[u->pad]);
		pos += r->t->v[u->pad].len;
	}
	return rc || !e ? rc : compare(r, pos, e);
}

/* The recorder looks at the mailbox: what it covers has been queued, and nothing else. */
static int look(struct run *r, const struct trace_event *e)
{
	const struct look *k = &r->tl->looks[r->look++];
	const struct unit *last;
	uint32_t head;
	int rc = 0;

	while (!rc && r->next < r->end && r->tl->units[r->next].pos < k->head)
		rc = queue(r);
	if (rc || k->head > r->tl->known_end || (r->next == r->end && r->end < r->tl->n_units))
		return rc;
	head = shm_load32(r->region, RINGSIM_OFF_HEAD);
	last = r->next ? &r->tl->units[r->next - 1] : NULL;
	/* A PAD is published before its entry; the recorder may look in between (KRN-031). */
	if (head == e->head || (last && last->pad != NONE && last->entry != NONE &&
				k->head == last->pos + r->t->v[last->pad].len))
		return 0;
	return differs_number(r, e, "head", head, e->head);
}

/* Every command that this completion covers must have gone back to its initiator. */
static int check_answers(struct run *r, const struct trace_event *kick)
{
	const struct trace_event *e;
	const struct unit *u;
	struct ringsim_stats st;

	for (; r->answered < r->next; r->answered++) {
		u = &r->tl->units[r->answered];
		e = u->entry == NONE ? NULL : &r->t->v[u->entry];
		if (u->end > r->tail)
			break;
		if (e && e->kind == TRACE_CMD &&
		    r->flights[r->answered].cmd.outcome == RINGSIM_PENDING)
			return differs(r, kick, "completion", "none", "the one of this slot");
		if (e && e->kind == TRACE_CMD &&
		    r->flights[r->answered].cmd.outcome == RINGSIM_ANSWERED &&
		    r->flights[r->answered].cmd.status != kick->status)
			return differs_number(r, kick, "status", r->flights[r->answered].cmd.status,
					      kick->status);
	}
	ringsim_stats(r->dev, &st);
	return st.broken ? differs(r, kick, "completion", "a broken ring", "none") : 0;
}

static int kick(struct run *r, const struct trace_event *e)
{
	const struct kick *k = &r->tl->kicks[r->kicks];
	const struct ringsim_layout *lay = ringsim_layout(r->dev);
	size_t i;
	int rc = 0;

	while (!rc && r->next < r->end && r->tl->units[r->next].at <= r->kicks)
		rc = queue(r);
	if (rc)
		return rc;
	for (i = r->answered; i < r->next && r->tl->units[i].end <= k->tail; i++) {
		const struct unit *u = &r->tl->units[i];
		const struct trace_event *entry = u->entry == NONE ? NULL : &r->t->v[u->entry];

		if (entry && entry->kind == TRACE_CMD)
			shm_store8(r->region,
				   (uint64_t)lay->cmdr_off + entry->off + RINGSIM_OFF_STATUS,
				   e->status);
	}
	r->kicks++;
	r->tail = k->tail;
	shm_store32_release(r->region, RINGSIM_OFF_TAIL, pos_off(r->tl, r->tail));
	ringsim_doorbell(r->dev);
	return check_answers(r, e);
}

static int check_mailbox(struct run *r)
{
	struct trace_header found = r->t->hdr, expected = found;
	struct tcmu_mailbox mb;

	shm_read(&mb, r->region, 0, sizeof(mb));
	expected.version = mb.version;
	expected.flags = mb.flags;
	expected.cmdr_off = mb.cmdr_off;
	expected.cmdr_size = mb.cmdr_size;
	r->res->differs = trace_header_differs(&expected, &found, &r->res->finding);
	return r->res->differs;
}

static int run_init(struct run *r, const struct ringsim_config *cfg, char *err, size_t err_len)
{
	int rc = ringsim_device_create(&r->dev, cfg, NULL, NULL, err, err_len);
	size_t i;

	if (rc)
		return rc;
	r->region = ringsim_region(r->dev);
	/* Never written, so all of it is one page of zeros. */
	r->zeros_len = ringsim_layout(r->dev)->data_size;
	r->zeros = mmap(NULL, r->zeros_len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			-1, 0);
	r->flights = calloc(r->tl->n_units + 1, sizeof(*r->flights));
	r->by_id = malloc((RINGSIM_ID_MAX + 1) * sizeof(*r->by_id));
	rc = trace_init(&r->sim, "simulator", r->region, r->t->hdr.map_len, 0);
	if (r->zeros == MAP_FAILED || !r->flights || !r->by_id)
		rc = -ENOMEM;
	for (i = 0; !rc && i <= RINGSIM_ID_MAX; i++)
		r->by_id[i] = NONE;
	return rc;
}

static void run_free(struct run *r)
{
	ringsim_device_destroy(r->dev);
	if (r->zeros && r->zeros != MAP_FAILED)
		munmap(r->zeros, r->zeros_len);
	free(r->flights);
	free(r->by_id);
	trace_free(&r->sim);
}

int device_run(const struct timeline *tl, size_t units, const struct ringsim_config *cfg,
	       struct trace_result *res, char *err, size_t err_len)
{
	struct run r = { .tl = tl, .t = tl->t, .res = res, .end = units, .tail = tl->start };
	size_t i;
	int rc = run_init(&r, cfg, err, err_len);

	if (!rc)
		rc = check_mailbox(&r);
	for (i = 0; !rc && i < tl->events; i++) {
		const struct trace_event *e = &tl->t->v[i];

		rc = e->kind == TRACE_KICK ? kick(&r, e) : look(&r, e);
		if (!rc && r.next == units && units < tl->n_units)
			break;
	}
	if (rc == -ENOMEM)
		snprintf(err, err_len, "%s: out of memory", tl->t->name);
	run_free(&r);
	return rc > 0 ? 0 : rc;
}
