/* SPDX-License-Identifier: MIT */
/*
 * Writing fuzz programs down in the language of the handler's seat (see ../seat/program.h).
 *
 * Every operation may fail ("-"), as the program is to reach its end, and everything that takes
 * real time has a budget. The seat does not know the reclaim pointer: what is counted from there is
 * counted from the tail.
 */
#include "export.h"

#include "../seat/generate.h"

#define SLEEP_MS   4000 /* of a program, in all */
#define RESETS	   2	/* of the LUN: they take long */
#define THREADS	   4
#define SENDS	   60 /* the seat has room for so many */
#define MAPS	   8
#define BUFFER_MAX (256u << 10)

struct exporting {
	FILE *f;
	int triggers;
	uint32_t shortest; /* entry; what is behind it may be the next one's */
	uint64_t sleep_ms;
	uint32_t sent, taken, resets, threads, maps;
	bool no_time_out; /* if the program has none */
	bool at;	  /* the next store comes in the middle of something */
};

static bool wild(const struct exporting *x, enum seat_trigger trigger)
{
	return (x->triggers & (int)trigger) != 0;
}

static unsigned long long num(uint64_t v)
{
	return (unsigned long long)v;
}

/* --- stores --------------------------------------------------------------------------------------
 */

static bool covers(uint64_t off, uint64_t len, uint64_t word)
{
	return off < word + 4 && off + len > word;
}

/* Whether a store of @len bytes there is one that is known to hurt kernels, and not asked for. */
static bool spared(const struct exporting *x, const struct fuzz_op *op, uint64_t len)
{
	uint64_t off = op->n[1];

	switch (op->n[0]) {
	case FUZZ_B_ZERO:
		if (covers(off, len, RINGSIM_OFF_HEAD) && !wild(x, SEAT_WILD_HEAD))
			return true;
		if (covers(off, len, RINGSIM_OFF_TAIL) && !wild(x, SEAT_WILD_TAIL))
			return true;
		return off + len > RINGSIM_MAILBOX_SIZE && !wild(x, SEAT_WILD_LENGTH);
	case FUZZ_B_RING: /* could be anything of any entry, */
	case FUZZ_B_HEAD: /* which may have come there just now */
		return !wild(x, SEAT_WILD_LENGTH) || !wild(x, SEAT_WILD_OPCODE);
	case FUZZ_B_TAIL:
	case FUZZ_B_OLD:
		if (wild(x, SEAT_WILD_LENGTH) && wild(x, SEAT_WILD_OPCODE))
			return false;
		return covers(off, len, 0) || off + len > x->shortest;
	default:
		return false;
	}
}

static void put_place(struct exporting *x, const struct fuzz_op *op)
{
	static const char *const base[FUZZ_BASES] = {
		[FUZZ_B_ZERO] = "",	      [FUZZ_B_RING] = "ring+",
		[FUZZ_B_HEAD] = "ring+head+", [FUZZ_B_TAIL] = "ring+tail+",
		[FUZZ_B_OLD] = "ring+tail+",  [FUZZ_B_DATA] = "data+",
		[FUZZ_B_END] = "map-",
	};

	fprintf(x->f, "%s%llu", base[op->n[0] < FUZZ_BASES ? op->n[0] : 0], num(op->n[1]));
}

/* A value for cmd_tail that any kernel bears: where the head is. */
static void put_tail(struct exporting *x)
{
	fputs("-tail head\n", x->f);
}

static void put_store(struct exporting *x, const struct fuzz_op *op)
{
	if (op->verb == FUZZ_FILL) {
		fputs("-fill ", x->f);
		put_place(x, op);
		fprintf(x->f, " %llu %02x\n", num(op->n[2]), (unsigned int)op->n[3] & 0xff);
		return;
	}
	fprintf(x->f, "-store u%llu ", num(op->n[2] * 8));
	put_place(x, op);
	fprintf(x->f, " 0x%llx\n", num(op->n[3]));
}

static void store(struct exporting *x, const struct fuzz_op *op)
{
	bool meanwhile = x->at && x->threads < THREADS;

	x->at = false;
	if (spared(x, op, op->n[2])) {
		if (op->n[0] == FUZZ_B_ZERO && covers(op->n[1], op->n[2], RINGSIM_OFF_TAIL))
			put_tail(x);
		return;
	}
	if (meanwhile) {
		x->threads++;
		fputs("thread\nloop 500\n", x->f);
	}
	put_store(x, op);
	if (meanwhile)
		fputs("end\nend\n", x->f);
}

/* --- the initiator, and time -------------------------------------------------------------------
 */

static void submit(struct exporting *x, const struct fuzz_op *op)
{
	uint32_t len = ringsim_cdb_len(op->cdb), i, bytes;
	enum ringsim_dir dir = (enum ringsim_dir)op->n[FUZZ_S_DIR];

	if (x->sent == SENDS)
		return;
	if (len > sizeof(op->cdb))
		len = sizeof(op->cdb);
	fprintf(x->f, "-send s%u ", x->sent++);
	for (i = 0; i < len; i++)
		fprintf(x->f, "%02x", op->cdb[i]);
	bytes = op->n[FUZZ_S_LEN] > BUFFER_MAX ? BUFFER_MAX : (uint32_t)op->n[FUZZ_S_LEN];
	if (dir != RINGSIM_NONE && bytes) /* no fabric of these kernels sends BIDI (KRN-044) */
		fprintf(x->f, " %s=%u", dir == RINGSIM_FROM_DEVICE ? "in" : "out", bytes);
	fprintf(x->f, " ms=%u\n", x->sent % 3 ? 3000u : 500u);
}

static void pass(struct exporting *x, uint64_t ms)
{
	uint64_t most = ms >= 1000 ? 1200 : ms; /* time-outs are of one second */

	if (x->sleep_ms + most > SLEEP_MS)
		return;
	x->sleep_ms += most;
	fprintf(x->f, "-sleep %llu\n", num(most));
}

static void tmr(struct exporting *x)
{
	if (x->resets++ < RESETS)
		fputs("-reset\n-sleep 50\n", x->f);
	else
		fputs("-take t kind=tmr ms=50\n-skip uflags=1\n", x->f);
}

/* --- node and root -----------------------------------------------------------------------------
 */

static void answer(struct exporting *x, const struct fuzz_op *op)
{
	uint64_t i, n = op->n[0] < 4 ? op->n[0] : 4;

	for (i = 0; i < n; i++, x->taken++)
		fprintf(x->f, "-take t%u ms=30\n-answer t%u\n", x->taken % 4, x->taken % 4);
	if (op->n[1])
		fputs("-ring\n", x->f);
}

static void put_write(struct exporting *x, const char *file, long long value)
{
	fprintf(x->f, "-write %s %lld\n", file, value);
}

static void free_kept(struct exporting *x, uint64_t id)
{
	if (id || wild(x, SEAT_WILD_ROOT))
		put_write(x, "action/free_kept_buf", (long long)id);
}

static void node(struct exporting *x, const struct fuzz_op *op)
{
	switch (op->verb) {
	case FUZZ_RING:
		fprintf(x->f, "-ring %llu 0x%llx\n", num(op->n[0]), num(op->n[1]));
		break;
	case FUZZ_READ:
		fprintf(x->f, "-read %llu\n", num(op->n[0]));
		break;
	case FUZZ_MAP:
		if (x->maps++ < MAPS)
			fprintf(x->f, "-map %llu offset=%llu\n", num(op->n[0]), num(op->n[1]));
		break;
	case FUZZ_OPEN:
		fputs("-open\n", x->f);
		break;
	case FUZZ_CLOSE: /* without a node nothing more would happen */
		fputs("-close\n-open\n", x->f);
		break;
	case FUZZ_BLOCK:
		put_write(x, "action/block_dev", op->n[0] != 0);
		break;
	case FUZZ_RESET:
		put_write(x, "action/reset_ring", (long long)(op->n[0] & 0xff));
		fputs("-seek\n", x->f);
		break;
	case FUZZ_QFULL:
		put_write(x, "attrib/qfull_time_out", (long long)op->n[0] - 1);
		break;
	default:
		break;
	}
}

static void operation(struct exporting *x, const struct fuzz_op *op)
{
	switch (op->verb) {
	case FUZZ_SUBMIT:
		submit(x, op);
		break;
	case FUZZ_ADVANCE:
		pass(x, op->n[0]);
		break;
	case FUZZ_TMR:
		tmr(x);
		break;
	case FUZZ_SETTLE:
		fputs("-serve ms=50\n", x->f);
		break;
	case FUZZ_AT:
		x->at = true;
		break;
	case FUZZ_STORE:
	case FUZZ_FILL:
		store(x, op);
		break;
	case FUZZ_ANSWER:
		answer(x, op);
		break;
	case FUZZ_FREE:
		free_kept(x, op->n[0]);
		break;
	default:
		node(x, op);
	}
}

static void setup(struct exporting *x, const struct fuzz_setup *p)
{
	uint32_t pages = p->pages_per_blk ? p->pages_per_blk : 1;
	uint64_t mb = p->blocks ? ((uint64_t)p->blocks * pages * 4096 + (1 << 20) - 1) >> 20 : 16;

	fprintf(x->f, "#! control cmd_ring_size_mb=1\n#! control max_data_area_mb=%llu\n",
		num(mb < 64 ? mb : 64));
	fprintf(x->f, "#! control data_pages_per_blk=%u\n", pages < 256 ? pages : 256);
	/* Without one, an abort waits for ever, and so does everybody who waits for it (KRN-092).
	 */
	fprintf(x->f, "#! attrib/cmd_time_out %u\n", p->cmd_s || !x->no_time_out ? 1u : 0u);
	fprintf(x->f, "#! attrib/qfull_time_out %d\n", p->qfull > 2 ? 1 : (int)p->qfull - 1);
	fprintf(x->f, "#! attrib/tmr_notification %u\n", p->tmr ? 1u : 0u);
}

void fuzz_export_seat(const struct fuzz_program *p, uint64_t seed, int triggers, FILE *f)
{
	struct exporting x = { .f = f, .triggers = triggers, .no_time_out = seed % 8 == 3 };
	uint32_t i;

	x.shortest = p->setup.tmr ? ringsim_tmr_len(0) : RINGSIM_RSP_END;
	if (triggers < 0)
		x.triggers = seed % 8 ? 0 : SEAT_WILD_ALL;
	fprintf(f, "# seed 0x%016llx\n", num(seed));
	setup(&x, &p->setup);
	for (i = 0; i < p->cnt; i++)
		operation(&x, &p->ops[i]);
	fputs("-write action/block_dev 0\n-results ms=300\n-serve ms=200\n", f);
}
