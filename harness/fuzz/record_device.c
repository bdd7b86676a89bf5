/* SPDX-License-Identifier: MIT */
/*
 * Carrying recorded programs out, and writing down what they see; see record.h.
 *
 * Commands are known by their number in the program, entries by their place; a command's entry is
 * the first one that comes after it and holds its CDB, as the queue-full list keeps the order
 * (KRN-081). What of the ring is looked at has been published, and is looked at once, when it is
 * new: an answer may lie on any of it later.
 */
#include "record.h"

#include "../cases/krn.h"

#include <inttypes.h>
#include <ringsim/shm.h>

#define CMDS_MAX   64u
#define ROUNDS	   256u
#define DATA_BYTES (KRN_BLOCKS * 4096)

struct slot {
	struct target_io io;
	uint8_t *data;
	bool aborted;
};

/* An entry that has not been answered yet. */
struct open_entry {
	struct seat_entry e;
	bool answered;
};

/**
 * struct recording - one device
 * @slots:   commands of this program, the first @n
 * @open:    CMD entries from the tail on, oldest first, the first @n_open
 * @kept:    ids whose buffers the handler kept
 * @next:    ring offset of what has not been looked at yet
 * @unrung:  the tail was moved since the last doorbell
 */
struct recording {
	struct tc *tc;
	struct target *t;
	struct record *rec;
	struct slot slots[CMDS_MAX];
	uint32_t n;
	struct open_entry open[CMDS_MAX];
	uint32_t n_open;
	uint16_t kept[CMDS_MAX];
	uint32_t n_kept;
	uint32_t next, events;
	uint64_t rng;
	bool unrung;
};

static bool over(const struct recording *r)
{
	return r->tc->failed || r->tc->skipped;
}

static uint32_t fnv(const void *data, size_t len, uint32_t hash)
{
	const uint8_t *p = data;

	while (len--)
		hash = (hash ^ *p++) * 16777619u;
	return hash;
}

#define FNV_START 2166136261u

/* Entries. */

static void say_iovs(struct recording *r, const struct seat_entry *e)
{
	uint64_t data = seat_map_size(r->t) - DATA_BYTES;
	uint32_t i, n = e->iov_cnt + e->iov_bidi_cnt;

	for (i = 0; i < n && i < 64; i++)
		fprintf(r->rec->f, "%s%" PRIx64 "+%zx",
			i ? "," : " iov=", (uint64_t)(uintptr_t)e->iov[i].iov_base - data,
			e->iov[i].iov_len);
}

/* Bytes of the region that an iov is, or NULL. */
static uint8_t *bytes_of(struct recording *r, const struct iovec *iov)
{
	uint64_t off = (uintptr_t)iov->iov_base;

	if (!shm_span_ok(off, iov->iov_len, seat_map_size(r->t)))
		return NULL;
	return seat_region(r->t) + off;
}

/* What the entry's buffer holds; of a Data-In command that is not for the handler to know. */
static uint32_t data_out(struct recording *r, const struct seat_entry *e)
{
	uint32_t i, hash = FNV_START;

	for (i = 0; i < e->iov_cnt && i < 64; i++)
		if (bytes_of(r, &e->iov[i]))
			hash = fnv(bytes_of(r, &e->iov[i]), e->iov[i].iov_len, hash);
	return hash;
}

static struct slot *slot_of(struct recording *r, const struct seat_entry *e)
{
	uint32_t i, len = ringsim_cdb_len(e->cdb);

	for (i = 0; i < r->n; i++)
		if (!memcmp(r->slots[i].io.cdb, e->cdb, len < 16 ? len : 16))
			return &r->slots[i];
	return NULL;
}

static void say_entry(struct recording *r, const struct seat_entry *e)
{
	static const char *const ops[] = { "pad", "cmd", "tmr" };
	const struct slot *s = slot_of(r, e);
	FILE *f = r->rec->f;
	uint32_t i;

	r->rec->entries++;
	fprintf(f, "%s at=%u len=%u id=%u kflags=%x uflags=%x", e->op < 3 ? ops[e->op] : "?",
		e->off, e->len, e->id, e->kflags, e->uflags);
	if (e->op == TCMU_OP_CMD) {
		fprintf(f, " cdb@%" PRIu64 "=", e->cdb_off);
		for (i = 0; i < ringsim_cdb_len(e->cdb) && i < 16; i++)
			fprintf(f, "%02x", e->cdb[i]);
		fprintf(f, " iovs=%u/%u/%u", e->iov_cnt, e->iov_bidi_cnt, e->iov_dif_cnt);
		say_iovs(r, e);
		if (s && s->io.dir == RINGSIM_TO_DEVICE)
			fprintf(f, " data=%08x", data_out(r, e));
	}
	if (e->op == TCMU_OP_TMR) {
		fprintf(f, " type=%u ids=%u:", e->tmr_type, e->cmd_cnt);
		for (i = 0; i < e->cmd_cnt && i < 64; i++)
			fprintf(f, " %u", e->cmd_ids[i]);
	}
	fputc('\n', f);
}

/* What is new on the ring, and how many events told of it. */
static void look(struct recording *r)
{
	uint32_t head = seat_head(r->t), events = target_events(r->t);
	struct seat_entry e;

	while (r->next != head && !over(r)) {
		seat_entry(r->t, r->next, &e);
		if (!e.len) {
			tc_fail(r->tc, "KRN-020", "an entry of no length at %u", r->next);
			return;
		}
		say_entry(r, &e);
		r->next = seat_next(r->t, &e);
		if (e.op == TCMU_OP_CMD && r->n_open < CMDS_MAX)
			r->open[r->n_open++].e = e;
	}
	if (events != r->events)
		fprintf(r->rec->f, "events +%u\n", events - r->events);
	r->events = events;
}

/* Operations. */

static uint32_t pick(struct recording *r, uint32_t n)
{
	r->rng = r->rng * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(r->rng >> 33) % n;
}

static void submit(struct recording *r, const struct fuzz_op *op)
{
	struct slot *s = &r->slots[r->n];
	uint32_t i, len = (uint32_t)op->n[FUZZ_S_LEN];

	if (r->n == CMDS_MAX)
		return;
	s->data = realloc(s->data, len + 1);
	if (!s->data) {
		tc_fail(r->tc, NULL, "out of memory");
		return;
	}
	target_io_init(&s->io, op->cdb, op->cdb_len, (enum ringsim_dir)op->n[FUZZ_S_DIR], s->data,
		       len);
	for (i = 0; i < len; i++)
		s->data[i] = (uint8_t)(r->n * 37 + i + (i >> 9) * 5);
	if (s->io.dir == RINGSIM_FROM_DEVICE)
		memset(s->data, 0xee, len);
	s->io.no_sg = s->io.dir == RINGSIM_NONE;
	s->aborted = false;
	r->n++;
	r->rec->commands++;
	target_submit(r->t, &s->io);
}

/* Something of the command's own, so that data that went astray is seen. */
static void fill_in(struct recording *r, const struct seat_entry *e)
{
	uint32_t i, k = 0;
	uint8_t *p;
	size_t b;

	for (i = 0; i < e->iov_cnt && i < 64; i++) {
		p = bytes_of(r, &e->iov[i]);
		for (b = 0; p && b < e->iov[i].iov_len; b++, k++)
			p[b] = (uint8_t)(e->cdb[1] + e->id + k + (k >> 8) * 3);
	}
}

static uint8_t any_status(struct recording *r)
{
	static const uint8_t others[] = { 0x08, 0x18, 0x28, 0x40 };

	switch (pick(r, 8)) {
	case 0:
		return 0x02;
	case 1:
		return others[pick(r, sizeof(others))];
	default:
		return 0x00;
	}
}

/* Answers @e in the slot at ring offset @at; @how: 0 for GOOD and nothing else. */
static void answer_one(struct recording *r, const struct seat_entry *e, uint32_t at, bool how)
{
	uint8_t sense[TCMU_SENSE_BUFFERSIZE] = { 0x70, 0, 3, [7] = 10, [12] = 0x11 };
	const struct slot *s = slot_of(r, e);
	bool in = s && s->io.dir == RINGSIM_FROM_DEVICE && s->io.len;
	uint8_t status = how ? any_status(r) : 0, uflags = 0;
	uint32_t read_len = 0;

	sense[2] = (uint8_t)(1 + pick(r, 11));
	sense[13] = (uint8_t)pick(r, 256);
	if (how && pick(r, 8) == 0)
		uflags |= TCMU_UFLAG_UNKNOWN_OP;
	else if (how && pick(r, 8) == 0 && r->n_kept < CMDS_MAX)
		uflags |= TCMU_UFLAG_KEEP_BUF;
	if (how && in && pick(r, 3) == 0) {
		uflags |= TCMU_UFLAG_READ_LEN;
		read_len = pick(r, 6) ? 1 + pick(r, s->io.len + 8) : 0;
	}
	if (in)
		fill_in(r, e);
	if (uflags & TCMU_UFLAG_KEEP_BUF)
		r->kept[r->n_kept++] = e->id;
	fprintf(r->rec->f, "answer at=%u id=%u status=%02x uflags=%x read_len=%u\n", at, e->id,
		status, uflags, read_len);
	seat_answer(r->t, at, e->id, status, uflags, read_len, status == 2 ? sense : NULL);
}

/* The next slot that takes an answer; the tail is moved over what takes none. False: no slot. */
static bool next_slot(struct recording *r, struct seat_entry *e)
{
	for (;;) {
		if (seat_tail(r->t) == r->next)
			return false;
		seat_entry(r->t, seat_tail(r->t), e);
		if (e->op == TCMU_OP_CMD)
			return true;
		seat_set_tail(r->t, seat_next(r->t, e));
		r->unrung = true;
	}
}

static void ring(struct recording *r)
{
	r->unrung = false;
	seat_ring(r->t);
}

static void answer(struct recording *r, const struct fuzz_op *op)
{
	uint64_t left = op->n[0];
	struct seat_entry slot;
	uint32_t which;

	r->rng = op->n[2];
	while (left-- && r->n_open && next_slot(r, &slot)) {
		which = op->n[2] ? pick(r, r->n_open) : 0;
		answer_one(r, &r->open[which].e, slot.off, op->n[2] != 0);
		memmove(&r->open[which], &r->open[which + 1],
			(--r->n_open - which) * sizeof(r->open[0]));
		seat_set_tail(r->t, seat_next(r->t, &slot));
		r->unrung = true;
	}
	if (op->n[1])
		ring(r);
}

static void said(struct recording *r, const char *what, int rc)
{
	fprintf(r->rec->f, "%s %d\n", what, rc);
}

/* One command that is on the ring and has not been answered; over iSCSI nothing else comes. */
static void abort_task(struct recording *r, const struct fuzz_op *op)
{
	struct slot *s = r->n_open ? slot_of(r, &r->open[op->n[1] % r->n_open].e) : NULL;
	struct target_io *io = s ? &s->io : NULL;

	if (!s || s->aborted)
		return;
	s->aborted = true;
	said(r, "answered", target_tmr(r->t, TCMU_TMR_ABORT_TASK, &io, 1));
}

static void reset(struct recording *r, unsigned int level)
{
	said(r, "reset", target_reset_ring(r->t, level));
	r->next = r->n_open = r->n_kept = 0;
	r->unrung = false;
}

/* The kept buffers are freed with the file. */
static void close_node(struct recording *r)
{
	target_uio_close(r->t);
	r->n_kept = 0;
}

static void free_kept(struct recording *r, uint32_t id)
{
	uint32_t i;

	said(r, "free", target_free_kept_buf(r->t, id));
	for (i = 0; i < r->n_kept; i++)
		if (r->kept[i] == id)
			r->kept[i--] = r->kept[--r->n_kept];
}

static void do_op(struct recording *r, const struct fuzz_op *op)
{
	fputs("> ", r->rec->f);
	fuzz_print_op(op, r->rec->f);
	fputc('\n', r->rec->f);
	switch (op->verb) {
	case FUZZ_SUBMIT:
		submit(r, op);
		break;
	case FUZZ_ANSWER:
		answer(r, op);
		break;
	case FUZZ_RING:
		ring(r);
		break;
	case FUZZ_TMR:
		abort_task(r, op);
		break;
	case FUZZ_QFULL:
		said(r, "qfull", target_qfull_time_out(r->t, (int32_t)op->n[0] - 1));
		break;
	case FUZZ_BLOCK:
		said(r, "block", target_block_dev(r->t, op->n[0]));
		break;
	case FUZZ_RESET:
		reset(r, (unsigned int)op->n[0]);
		break;
	case FUZZ_FREE:
		free_kept(r, (uint32_t)op->n[0]);
		break;
	case FUZZ_CLOSE:
		close_node(r);
		return; /* nobody can look before it is open again */
	case FUZZ_OPEN:
		said(r, "open", target_uio_open(r->t));
		break;
	default:
		tc_fail(r->tc, NULL, "%s cannot be recorded", fuzz_verb_name(op->verb));
		return;
	}
	look(r);
}

/* The end of a program: everything ends, and is as the next one may expect it. */

static void say_end(struct recording *r, uint32_t i)
{
	const struct target_io *io = &r->slots[i].io;
	FILE *f = r->rec->f;
	uint32_t b;

	/* a command that was aborted has no status that an initiator sees */
	if (r->slots[i].aborted) {
		fprintf(f, "end %u %s\n", i + 1,
			io->outcome == RINGSIM_ABORTED ? "aborted" : "although aborted");
		return;
	}
	fprintf(f, "end %u status=%02x residual=%u", i + 1, io->status, io->residual);
	if (io->sense_valid) {
		fputs(" sense=", f);
		for (b = 0; b < 18; b++)
			fprintf(f, "%02x", io->sense[b]);
	}
	/* Nobody promises anything about what is beyond the residual (KRN-069). */
	if (io->dir == RINGSIM_FROM_DEVICE && io->residual <= io->len &&
	    (!io->status || (io->status == 2 && io->residual)))
		fprintf(f, " data=%08x", fnv(io->data, io->len - io->residual, FNV_START));
	fputc('\n', f);
}

static void finish(struct recording *r)
{
	static const struct fuzz_op all = { .verb = FUZZ_ANSWER, .n = { 64, 1 } };
	uint32_t i, rounds = ROUNDS;

	fputs("> finish\n", r->rec->f);
	said(r, "qfull", target_qfull_time_out(r->t, -1));
	said(r, "block", target_block_dev(r->t, false));
	look(r);
	/* what waited for room comes when there is some */
	while ((r->n_open || r->unrung || r->n_kept) && rounds-- && !over(r)) {
		answer(r, &all);
		while (r->n_kept && !over(r))
			free_kept(r, r->kept[0]);
		look(r);
	}
	for (i = 0; i < r->n && !over(r); i++) {
		if (target_wait(r->t, &r->slots[i].io))
			tc_fail(r->tc, "KRN-061", "command %u has not ended", i + 1);
		else
			say_end(r, i);
	}
	fprintf(r->rec->f, "head=%u tail=%u\n", seat_head(r->t), seat_tail(r->t));
	r->n = 0;
}

static void run_program(struct recording *r, const struct fuzz_program *p)
{
	uint32_t i;

	fprintf(r->rec->f, "program %" PRIu64 "\n", r->rec->done + 1);
	for (i = 0; i < p->cnt && !over(r); i++)
		do_op(r, &p->ops[i]);
	if (!over(r))
		finish(r);
	if (!over(r))
		r->rec->done++;
}

static bool start(struct recording *r, const struct fuzz_program *p)
{
	struct target_opts o = TARGET_OPTS;

	o.dev.geo = (struct ringsim_geometry){ .ring_mb = 1,
					       .data_area_mb = 1,
					       .pages_per_blk = p->setup.pages_per_blk };
	o.dev.cmd_time_out_s = p->setup.cmd_s;
	o.dev.tmr_notification = p->setup.tmr;
	o.exact = true;
	if (!krn_start_at(r->tc, &o, p->setup.ring_start))
		return false;
	r->next = seat_head(r->t);
	r->events = target_events(r->t);
	fprintf(r->rec->f, "device pages_per_blk=%u tmr=%u head=%u\n",
		p->setup.pages_per_blk ? p->setup.pages_per_blk : 1, p->setup.tmr, r->next);
	return true;
}

void record_device(struct tc *tc, void *ctx)
{
	struct record *rec = ctx;
	struct recording *r = tc_alloc(tc, sizeof(*r));
	struct fuzz_program p;
	uint32_t i;

	*r = (struct recording){ .tc = tc, .t = tc->t, .rec = rec };
	/* pointless, but a kernel has an answer (KRN-067, KRN-069) */
	tc_expect_violation(tc, "HND-034");
	tc_expect_violation(tc, "HND-035");
	for (i = 0; i < rec->programs && !over(r); i++) {
		if (record_plan(&p, rec->seed, rec->first + i)) {
			tc_fail(tc, NULL, "out of memory");
			break;
		}
		if (i || start(r, &p))
			run_program(r, &p);
		fuzz_program_free(&p);
	}
	target_stop(tc->t);
	for (i = 0; i < CMDS_MAX; i++)
		free(r->slots[i].data);
}
