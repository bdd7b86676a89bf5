/* SPDX-License-Identifier: MIT */
/*
 * Commands of a running program: memory, submission, end.
 *
 * Nothing is allocated for a command: it is taken from a list that stays warm, and so are its
 * buffers. Its end is judged inside the target's completion, so that the order of ends is exact:
 * how it ended first (parts KRN of the contract, for ends that the kernel makes by itself), then
 * the answer, then the data.
 */
#include "exec_impl.h"

#include "../cases/cdb.h"

#include <sys/mman.h>

#define ARENA	  (256ull << 20)
#define CLASS_MIN 512u

_Static_assert(CLASS_MIN << (CLASSES - 1) >= FUZZ_DATA_MAX, "no class for the largest buffer");

/* Memory. */

int exec_memory(struct exec *r)
{
	void *p;

	if (r->arena)
		return 0;
	r->cmds = calloc(CMDS_MAX, sizeof(*r->cmds));
	p = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		 -1, 0);
	r->arena = p == MAP_FAILED ? NULL : p;
	return r->cmds && r->arena ? 0 : -ENOMEM;
}

void exec_memory_free(struct exec *r)
{
	free(r->cmds);
	free(r->touched);
	if (r->arena)
		munmap(r->arena, ARENA);
}

void exec_memory_reset(struct exec *r)
{
	r->idle = NULL;
	while (r->cmds_used)
		r->cmds[--r->cmds_used].busy = false;
	r->fresh = 0;
	memset(r->spare, 0, sizeof(r->spare));
}

/* A command; NULL: too many are in flight. */
static struct exec_cmd *take_cmd(struct exec *r)
{
	struct exec_cmd *e = r->idle;

	if (e)
		r->idle = e->next;
	else if (r->cmds_used < CMDS_MAX)
		e = &r->cmds[r->cmds_used++];
	return e;
}

/* A buffer of @len bytes; NULL: too much is in flight. */
static uint8_t *take(struct exec *r, uint32_t len, uint8_t *class)
{
	uint32_t c = 0;
	uint8_t *p;

	while (CLASS_MIN << c < len)
		c++;
	*class = (uint8_t)c;
	p = r->spare[c];
	if (p) {
		memcpy(&r->spare[c], p, sizeof(r->spare[c]));
		return p;
	}
	if (r->fresh + (CLASS_MIN << c) > ARENA)
		return NULL;
	p = r->arena + r->fresh;
	r->fresh += CLASS_MIN << c;
	return p;
}

static void give(struct exec *r, uint8_t *p, uint8_t class)
{
	if (!p)
		return;
	memcpy(p, &r->spare[class], sizeof(r->spare[class]));
	r->spare[class] = p;
}

/* Gives back what the command had. */
static void release(struct exec *r, struct exec_cmd *e)
{
	give(r, e->c.data, e->data_class);
	give(r, e->c.bidi, e->bidi_class);
	e->next = r->idle;
	r->idle = e;
}

static bool buffers(struct exec *r, struct exec_cmd *e)
{
	struct target_io *io = &e->c.io;

	e->c.data = e->c.bidi = NULL;
	if (io->len)
		e->c.data = take(r, io->len, &e->data_class);
	if (io->bidi_len)
		e->c.bidi = take(r, io->bidi_len, &e->bidi_class);
	io->data = e->c.data;
	io->bidi = e->c.bidi;
	return (e->c.data || !io->len) && (e->c.bidi || !io->bidi_len);
}

static void link_last(struct exec *r, struct exec_cmd *e)
{
	e->busy = true;
	e->next = NULL;
	e->prev = r->last;
	if (r->last)
		r->last->next = e;
	else
		r->first = e;
	r->last = e;
	r->in_flight++;
}

static void unlink_cmd(struct exec *r, struct exec_cmd *e)
{
	e->busy = false;
	if (e->prev)
		e->prev->next = e->next;
	else
		r->first = e->next;
	if (e->next)
		e->next->prev = e->prev;
	else
		r->last = e->prev;
	r->in_flight--;
}

/* Submission. */

static void add_range(struct exec *r, uint64_t lba, uint64_t blocks)
{
	struct exec_range *more, *last = r->touched_cnt ? &r->touched[r->touched_cnt - 1] : NULL;

	if (last && lba == last->lba + last->blocks) {
		last->blocks += blocks;
		return;
	}
	if (r->touched_cnt == r->touched_room) {
		r->touched_room = r->touched_room ? 2 * r->touched_room : 256;
		more = reallocarray(r->touched, r->touched_room, sizeof(*more));
		if (!more) {
			tc_skip(r->tc, "no memory");
			r->touched_room = r->touched_cnt;
			return;
		}
		r->touched = more;
	}
	r->touched[r->touched_cnt++] = (struct exec_range){ lba, blocks };
}

static void touch(struct exec *r, uint64_t lba, uint64_t blocks)
{
	if (lba >= r->facts.blocks || !blocks)
		return;
	if (blocks > r->facts.blocks - lba)
		blocks = r->facts.blocks - lba;
	if (lba + blocks > NEAR_BLOCKS) {
		add_range(r, lba, blocks);
		return;
	}
	for (; blocks; lba++, blocks--)
		r->near[lba / 64] |= 1ull << (lba % 64);
}

void exec_touched(struct exec *r)
{
	uint64_t word, i;

	for (i = 0; i < NEAR_BLOCKS / 64; i++)
		for (word = r->near[i]; word; word &= word - 1)
			add_range(r, 64 * i + (uint64_t)__builtin_ctzll(word), 1);
}

/* What @e may change is looked at again in the end. */
static void touch_all(struct exec *r, const struct exec_cmd *e)
{
	const struct fuzz_cdb *cdb = &e->cdb;
	uint32_t at;

	switch (cdb->kind) {
	case FUZZ_K_WRITE_SAME:
		touch(r, cdb->lba, cdb->blocks ? cdb->blocks : UINT64_MAX);
		break;
	case FUZZ_K_WRITE:
	case FUZZ_K_WRITE_VERIFY:
	case FUZZ_K_CAW:
	case FUZZ_K_XDWRITE:
		touch(r, cdb->lba, cdb->blocks);
		break;
	case FUZZ_K_UNMAP:
		for (at = 8; e->c.data && at + 16 <= e->c.io.len; at += 16)
			touch(r, be_get(e->c.data + at, 8), be_get(e->c.data + at + 8, 4));
		break;
	default:
		break;
	}
}

static void set_io(struct exec_cmd *e, const struct fuzz_op *op)
{
	struct target_io *io = &e->c.io;
	uint64_t len = op->n[FUZZ_S_LEN], bidi = op->n[FUZZ_S_BIDI];
	uint32_t cdb_len;

	memcpy(io->cdb, op->cdb, sizeof(op->cdb));
	cdb_len = ringsim_cdb_len(io->cdb);
	if (cdb_len > sizeof(op->cdb))
		memset(io->cdb + sizeof(op->cdb), 0, sizeof(io->cdb) - sizeof(op->cdb));
	io->dir = op->n[FUZZ_S_DIR] & 3;
	io->len = (uint32_t)(len > FUZZ_DATA_MAX ? FUZZ_DATA_MAX : len);
	io->bidi_len = (uint32_t)(bidi > FUZZ_DATA_MAX ? FUZZ_DATA_MAX : bidi);
	if (io->dir != RINGSIM_BIDI)
		io->bidi_len = 0;
	io->no_sg = io->dir == RINGSIM_NONE;
}

static void count_submit(struct exec *r, struct exec_cmd *e)
{
	struct fuzz_stats *s = &r->x->stats;
	struct ringsim_stats st;
	uint32_t head;

	s->commands++;
	s->opcodes[e->c.io.cdb[0]]++;
	s->bytes += e->c.io.len + e->c.io.bidi_len;
	if (e->waited) {
		target_stats(r->t, &st);
		if (st.blocks_used * (uint64_t)r->t->layout.blk_size + e->c.io.len >
		    r->t->layout.data_size)
			s->data_full++;
		else
			s->ring_full++;
	}
	if (!r->t->region)
		return;
	head = *(const volatile uint32_t *)(const void *)(r->t->region + RINGSIM_OFF_HEAD);
	s->wraps += head < r->last_head;
	r->last_head = head;
}

/* A command comes the way round that it is meant: from the ring nobody can tell (KRN-023). */
static void right_way(struct target_io *io, const struct fuzz_cdb *cdb)
{
	if (cdb->dir != RINGSIM_NONE &&
	    (io->dir == RINGSIM_TO_DEVICE || io->dir == RINGSIM_FROM_DEVICE))
		io->dir = cdb->dir;
}

struct exec_cmd *exec_submit(struct exec *r, const struct fuzz_op *op, uint32_t nr)
{
	struct exec_cmd *e;

	/* FORMAT UNIT: whoever knows it is busy for long, and has another disk in the end */
	if (r->process && op->cdb[0] == 0x04)
		return NULL;
	e = take_cmd(r);
	if (!e)
		return NULL;
	set_io(e, op);
	if (!buffers(r, e)) {
		release(r, e);
		return NULL;
	}
	e->c.op = op;
	e->c.nr = nr;
	e->c.disturbed = false;
	e->listed = e->waited = false;
	e->behind = 0;
	e->ms = r->ms;
	exec_arrives(r);
	e->c.began = ++r->now;
	e->c.ended = 0;
	fuzz_cdb_decode(&e->cdb, e->c.io.cdb, r->facts.blocks, r->facts.block_size);
	right_way(&e->c.io, &e->cdb);
	if (r->oracles & FUZZ_O_DISK) {
		fuzz_disk_fill(r->disk, &e->c, &e->cdb);
		fuzz_disk_begin(r->disk, &e->c, &e->cdb);
	}
	if (r->oracles & FUZZ_O_EXPECT)
		fuzz_expect_begin(r->expect, &e->c);
	touch_all(r, e);
	link_last(r, e);
	e->inside = true;
	target_submit(r->t, &e->c.io);
	e->inside = false;
	if (e->busy)
		e->waited = e->c.io.cmd.state == RINGSIM_QUEUED;
	count_submit(r, e);
	return e;
}

/* Ends. */

static bool is_not_ready(const struct target_io *io)
{
	return io->status == 0x02 && io->sense_valid && sense_key(io->sense) == 2 &&
	       sense_asc(io->sense) == 0x0800;
}

/* Whether the device can refuse @e as too large: more blocks, or a longer entry, than there are. */
static bool may_be_too_large(const struct exec *r, const struct exec_cmd *e)
{
	const struct ringsim_layout *lay = &r->t->layout;
	uint64_t blocks = ((uint64_t)e->c.io.len + lay->blk_size - 1) / lay->blk_size +
			  ((uint64_t)e->c.io.bidi_len + lay->blk_size - 1) / lay->blk_size;

	return blocks > lay->blocks ||
	       ringsim_entry_len((uint32_t)blocks, ringsim_cdb_len(e->c.io.cdb)) >
		       lay->cmdr_size / 2;
}

static void wrong_end(struct exec *r, const struct exec_cmd *e, const char *clause,
		      const char *want)
{
	const struct target_io *io = &e->c.io;

	tc_fail(r->tc, clause, "%s, operation %u: expected %s, found status 0x%02x sense %x/%04x",
		e->cdb.name, e->c.nr, want, io->status, io->sense_valid ? sense_key(io->sense) : 0,
		io->sense_valid ? sense_asc(io->sense) : 0);
}

/* It may do so while it resets the ring. */
static bool is_blocked_by_handler(struct exec *r)
{
	struct ringsim_stats st;

	return r->process && target_stats(r->t, &st) && st.blocked;
}

/* KRN-010, KRN-011: the reason must be there. */
static void check_refused(struct exec *r, const struct exec_cmd *e)
{
	const struct target_io *io = &e->c.io;

	if (io->status == 0x08 && (r->blocked || is_blocked_by_handler(r)))
		return;
	if (io->status == 0x28 && e->inside && r->qfull_s == 0)
		return;
	if (io->status == 0x02 && e->inside && io->sense_valid && sense_key(io->sense) == 5 &&
	    sense_asc(io->sense) == 0x2400 && may_be_too_large(r, e))
		return;
	if (is_not_ready(io) && !e->inside)
		return; /* the queue-full list was drained: the reason is lost */
	if (is_not_ready(io) && r->seat)
		return; /* the ring is broken */
	wrong_end(r, e, "KRN-011", "a refusal with a reason");
}

/* KRN-090, KRN-091: never early. */
static void check_expired(struct exec *r, const struct exec_cmd *e)
{
	uint64_t least = 1000ull * r->p->setup.cmd_s;

	if (!is_not_ready(&e->c.io))
		wrong_end(r, e, "KRN-090", "CHECK CONDITION 2/0800 on expiry");
	else if (!least || r->ms - e->ms < least)
		tc_fail(r->tc, "KRN-090", "%s, operation %u: expired %llu ms after submission",
			e->cdb.name, e->c.nr, (unsigned long long)(r->ms - e->ms));
}

static void check_queue_expired(struct exec *r, const struct exec_cmd *e)
{
	if (e->c.io.status != 0x28)
		wrong_end(r, e, "KRN-091", "TASK SET FULL on expiry in the queue");
	else if (r->ms - e->ms < 1000ull * (uint32_t)r->qfull_least_s)
		tc_fail(r->tc, "KRN-091", "%s, operation %u: expired %llu ms after submission",
			e->cdb.name, e->c.nr, (unsigned long long)(r->ms - e->ms));
}

static void check_reset(struct exec *r, const struct exec_cmd *e)
{
	bool right = r->reset_level == 1 ? e->c.io.status == 0x08 : is_not_ready(&e->c.io);

	if (!r->reset_level && r->process && r->t->spec->world)
		return; /* handlers may do so when they start */
	if (!r->reset_level || !right)
		wrong_end(r, e, "KRN-111", "BUSY or CHECK CONDITION 2/0800, from reset_ring");
}

static void check_aborted(struct exec *r, const struct exec_cmd *e)
{
	if (e->c.io.status != 0x40 || !e->listed)
		wrong_end(r, e, "KRN-103", "TASK ABORTED, of an aborted command");
}

/* The handler had it in its hands, or may find it on the ring yet. */
static void judge_lost(struct exec *r, struct exec_cmd *e)
{
	e->c.disturbed = true;
	r->lost = true;
	if (r->oracles & FUZZ_O_EXPECT)
		fuzz_expect_lost(r->expect, &e->c);
}

/* KRN-081: none passes another on the queue. @e is in the list still. */
static void check_order(struct exec *r, const struct exec_cmd *e)
{
	const struct exec_cmd *x = e->prev;

	while (x && x->c.io.cmd.state != RINGSIM_QUEUED)
		x = x->prev;
	if (x)
		tc_fail(r->tc, "KRN-081",
			"%s, operation %u, was answered while operation %u, which came before it, "
			"still waited for room",
			e->cdb.name, e->c.nr, x->c.nr);
}

/* KRN-066: an error comes without data, unless READ_LEN said how much. */
static void check_no_data(struct exec *r, const struct exec_cmd *e)
{
	const struct target_io *io = &e->c.io;

	if (io->status == 0x02 && io->data_in && !io->residual)
		tc_fail(r->tc, "KRN-066",
			"%s, operation %u: CHECK CONDITION, with %u bytes of data", e->cdb.name,
			e->c.nr, io->data_in);
}

static void judge(struct exec *r, struct exec_cmd *e)
{
	struct fuzz_effect effect = { 0 };
	enum ringsim_outcome outcome = e->c.io.outcome;

	if (outcome == RINGSIM_REFUSED)
		check_refused(r, e);
	else if (outcome == RINGSIM_QUEUE_EXPIRED)
		check_queue_expired(r, e);
	else if (outcome == RINGSIM_EXPIRED)
		check_expired(r, e);
	else if (outcome == RINGSIM_RESET)
		check_reset(r, e);
	else if (outcome == RINGSIM_ABORTED)
		check_aborted(r, e);
	if (r->seat)
		return;
	if (outcome == RINGSIM_ANSWERED) {
		if (r->facts.strict)
			check_no_data(r, e);
		effect.did = e->c.io.status == 0;
		if (r->oracles & FUZZ_O_EXPECT)
			fuzz_expect_end(r->expect, r->tc, &e->c, &e->cdb, &effect);
	} else if (e->c.io.id && outcome != RINGSIM_REFUSED) {
		judge_lost(r, e);
	} else if (r->x->oracles & FUZZ_O_EXPECT) {
		fuzz_expect_lost(r->expect, &e->c);
	}
	if (r->oracles & FUZZ_O_DISK)
		fuzz_disk_end(r->disk, r->tc, &e->c, &e->cdb, &effect);
}

void exec_ended(void *ctx, struct target_io *io)
{
	struct exec *r = ctx;
	struct exec_cmd *e = (struct exec_cmd *)(void *)io;

	if (e < r->cmds || e >= r->cmds + CMDS_MAX)
		return; /* the target's own */
	if (!e->busy) {
		tc_fail(r->tc, "HND-053", "%s, operation %u: ended twice", e->cdb.name, e->c.nr);
		return;
	}
	if (e->waited && io->outcome == RINGSIM_ANSWERED)
		check_order(r, e);
	unlink_cmd(r, e);
	e->c.ended = ++r->now;
	r->ended++;
	r->x->stats.ended[io->outcome & 7]++;
	exec_abort_ended(r, e);
	judge(r, e);
	if (r->x->say)
		exec_say_end(r, e);
	release(r, e);
}
