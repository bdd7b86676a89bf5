/* SPDX-License-Identifier: MIT */
/*
 * The shrinker; see shrink.h.
 *
 * Rounds of passes, each of which only ever replaces the program by a smaller one that still shows
 * it: drop runs of operations, the long ones first; drop two that belong together; have one
 * operation do the work of two; then smaller numbers and plainer commands. A round that gained
 * nothing is the last. What a pass tries next depends on nothing but the program.
 */
#include "shrink.h"

#include "../check/child.h"

#include <ringsim/device.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FEW    48u  /* operations, of which pairs can be tried */
#define STEPS  12u  /* that one operation may take */
#define FAR    512u /* words from the end of the ring, where it may begin */
#define NARROW 8u   /* operations, from which on a small ring may save some */

struct shrinker {
	struct fuzz_program *p; /* the smallest so far */
	struct fuzz_op *spare;	/* as long as p->ops */
	bool (*shows)(void *ctx, const struct fuzz_program *p);
	void *ctx;
	uint64_t end_ms;
	int64_t tried;
	bool gained;
};

static bool shows(struct shrinker *s, const struct fuzz_program *p)
{
	if (child_now_ms() >= s->end_ms)
		return false;
	s->tried++;
	return s->shows(s->ctx, p);
}

/* --- fewer operations --------------------------------------------------------------------------
 */

/* Takes the program without the @n operations at @i and the @m at @j (j >= i + n), if it shows. */
static bool drop(struct shrinker *s, uint32_t i, uint32_t n, uint32_t j, uint32_t m)
{
	struct fuzz_program q = *s->p;

	memcpy(s->spare, s->p->ops, i * sizeof(*q.ops));
	memcpy(s->spare + i, s->p->ops + i + n, (j - i - n) * sizeof(*q.ops));
	memcpy(s->spare + j - n, s->p->ops + j + m, (s->p->cnt - j - m) * sizeof(*q.ops));
	q.ops = s->spare;
	q.cnt = s->p->cnt - n - m;
	if (!shows(s, &q))
		return false;
	s->spare = s->p->ops;
	*s->p = q;
	s->gained = true;
	return true;
}

/* Down to runs of @least; from the end, since what comes after the mistake is never needed. */
static void drop_runs(struct shrinker *s, uint32_t least)
{
	uint32_t n, i;

	for (n = s->p->cnt; n >= least; n = n > 1 ? (n + 1) / 2 : 0) {
		for (i = s->p->cnt; i > 0;) {
			uint32_t len = i < n ? i : n;

			i -= len;
			drop(s, i, len, i + len, 0);
			if (i > s->p->cnt)
				i = s->p->cnt;
		}
	}
}

/* What ends what @verb began; FUZZ_VERBS: nothing does. */
static enum fuzz_verb closing(enum fuzz_verb verb)
{
	switch (verb) {
	case FUZZ_PLUG:
		return FUZZ_UNPLUG;
	case FUZZ_FREEZE:
		return FUZZ_THAW;
	case FUZZ_KILL:
		return FUZZ_RESTART;
	case FUZZ_CLOSE:
		return FUZZ_OPEN;
	case FUZZ_REMOVE:
		return FUZZ_ADD;
	case FUZZ_BLOCK:
		return FUZZ_BLOCK;
	case FUZZ_OPEN:
		return FUZZ_CLOSE;
	default:
		return FUZZ_VERBS;
	}
}

/* Neither of two that belong together can go alone; nor can what an "at" is about. */
static void drop_pairs(struct shrinker *s)
{
	uint32_t i, j;

	for (i = s->p->cnt; i-- > 0;) {
		const struct fuzz_op *ops = s->p->ops;
		enum fuzz_verb end;

		if (i >= s->p->cnt)
			continue;
		if (ops[i].verb == FUZZ_AT && i + 1 < s->p->cnt && drop(s, i, 2, i + 2, 0))
			continue;
		end = closing(ops[i].verb);
		for (j = i + 1; end != FUZZ_VERBS && j < s->p->cnt && ops[j].verb != end; j++)
			;
		if (end != FUZZ_VERBS && j < s->p->cnt)
			drop(s, i, 1, j, 1);
	}
}

/* What comes after the mistake is never needed: by halves, which is soon done. */
static void end_sooner(struct shrinker *s)
{
	struct fuzz_program q = *s->p;
	uint32_t least = 0, most = s->p->cnt;

	while (least < most) {
		q.cnt = least + (most - least) / 2;
		if (shows(s, &q))
			most = q.cnt;
		else
			least = q.cnt + 1;
	}
	s->gained |= most < s->p->cnt;
	s->p->cnt = most;
}

/* @q shows it, whose operations are some of the program's. */
static void take_part(struct shrinker *s, const struct fuzz_program *q)
{
	memmove(s->p->ops, q->ops, q->cnt * sizeof(*q->ops));
	s->p->cnt = q->cnt;
	s->p->setup = q->setup;
	s->gained = true;
}

/*
 * The last few alone, if that is enough: soon asked, where programs take long. Bytes that nobody
 * should see may be another's, or those that the device begins with.
 */
static void take_tail(struct shrinker *s)
{
	struct fuzz_program q = *s->p;
	uint32_t n;

	for (n = 1; n < s->p->cnt / 2; n *= 2) {
		q.cnt = n;
		q.ops = s->p->ops + s->p->cnt - n;
		q.setup.poison = s->p->setup.poison;
		if (!shows(s, &q)) {
			q.setup.poison = 1;
			if (s->p->setup.poison == 1 || !shows(s, &q))
				continue;
		}
		take_part(s, &q);
		return;
	}
}

static bool begin_at(struct shrinker *s, struct fuzz_program *q, uint32_t start)
{
	q->setup.ring_start = start;
	if (!shows(s, q))
		return false;
	take_part(s, q);
	return true;
}

/* Where traffic only served to come near the end of the ring, or beyond 16 bits: begin there. */
static bool begin_near(struct shrinker *s, struct fuzz_program *q, uint32_t far)
{
	static const uint32_t keep[] = { 1, 2, 3, 4, 5, 6, 8, 10, 12 };
	uint32_t size = q->setup.ring ? q->setup.ring : (1u << 20) - 128, i, j;

	for (i = 0; i < sizeof(keep) / sizeof(keep[0]) && keep[i] < s->p->cnt; i++) {
		q->cnt = keep[i];
		q->ops = s->p->ops + s->p->cnt - q->cnt;
		for (j = 0; j <= 32 && size > 65536; j++)
			if (begin_at(s, q, 65536 - 8 * j))
				return true;
		for (j = 1; j <= far && 8 * j <= size; j++)
			if (begin_at(s, q, size - 8 * j))
				return true;
	}
	return false;
}

/* Where a lap of traffic only served to leave entries beyond the head: a decoy is one. */
static bool mistake_decoy(struct shrinker *s)
{
	struct fuzz_op ops[] = { { .verb = FUZZ_SUBMIT, .cdb_len = 6 },
				 { .verb = FUZZ_DECOY, .n = { 1 } },
				 { .verb = FUZZ_SETTLE } };
	struct fuzz_program q = *s->p;
	uint32_t size = q.setup.ring ? q.setup.ring : (1u << 20) - 128, i, j;

	for (i = 0; i < 4 && s->p->cnt > 3; i++) {
		q.ops = ops + i % 2;
		q.cnt = 3 - i % 2;
		q.setup.frag = i / 2 ? 0 : s->p->setup.frag;
		for (j = 0; j <= 16; j++)
			if ((size > 65536 && begin_at(s, &q, 65536 - 8 * j)) ||
			    (j && begin_at(s, &q, size - 8 * j)))
				return true;
	}
	return false;
}

/* What was fragmented before the program begins moved the ring, too. */
static void begin_later(struct shrinker *s, uint32_t far)
{
	struct fuzz_program q = *s->p;

	if (mistake_decoy(s) || begin_near(s, &q, far) || !q.setup.frag)
		return;
	q = *s->p;
	q.setup.frag = 0;
	begin_near(s, &q, far);
}

/* Where traffic only served to fill the ring: a smaller one is soon full. */
static void narrow(struct shrinker *s)
{
	static const uint32_t sizes[] = { 256, 320,  384,  448,	 512,  640,
					  768, 1024, 1536, 2048, 4096, 8192 };
	uint32_t i, j;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct fuzz_program q = *s->p;

		if (q.setup.ring && sizes[i] >= q.setup.ring)
			return;
		q.setup.ring = sizes[i];
		for (j = 0; j < 24 && 8 * j < sizes[i]; j++)
			if (begin_at(s, &q, 8 * j))
				return;
	}
}

/* Two that are not next to each other, of what is short already; or all but one. */
static void drop_two(struct shrinker *s)
{
	struct fuzz_program q = *s->p;
	uint32_t i, j;

	q.cnt = 1;
	for (i = 0; i < s->p->cnt && s->p->cnt > 2 && s->p->cnt <= FEW; i++) {
		q.ops = s->p->ops + i;
		if (!shows(s, &q))
			continue;
		take_part(s, &q);
		return;
	}
	for (i = 0; i < s->p->cnt && s->p->cnt <= FEW; i++)
		for (j = i + 2; j < s->p->cnt;)
			if (!drop(s, i, 1, j, 1))
				j++;
}

/* Counts of steps are about what comes before: with less of that there are fewer. */
static void drop_steps(struct shrinker *s)
{
	uint32_t i, k, less;

	for (k = 0; k < s->p->cnt && s->p->cnt <= FEW; k++) {
		uint64_t keep = s->p->ops[k].n[0];
		bool shorter = false;

		if ((s->p->ops[k].verb != FUZZ_AT && s->p->ops[k].verb != FUZZ_KILL) || keep < 2)
			continue;
		for (i = 0; i < s->p->cnt && !shorter; i++)
			for (less = 1; less <= STEPS && less < keep && i != k && !shorter; less++) {
				s->p->ops[k].n[0] = keep - less;
				shorter = drop(s, i, 1, i + 1, 0);
			}
		if (!shorter)
			s->p->ops[k].n[0] = keep;
	}
}

/* A death is about how far one command has come: that one alone, and each of its steps. */
static void die_in_one(struct shrinker *s)
{
	struct fuzz_op ops[3] = { [2] = { .verb = FUZZ_SETTLE } };
	struct fuzz_program q = *s->p;
	uint32_t i, k;

	for (i = 0; i < s->p->cnt && s->p->ops[i].verb != FUZZ_KILL; i++)
		;
	if (i == s->p->cnt || s->p->cnt <= 3 || s->p->cnt > FEW)
		return;
	ops[0] = s->p->ops[i];
	q.ops = ops;
	q.cnt = 3;
	for (i = 0; i < s->p->cnt; i++) {
		ops[1] = s->p->ops[i];
		for (k = 1; k <= STEPS && ops[1].verb == FUZZ_SUBMIT; k++) {
			ops[0].n[0] = k;
			if (shows(s, &q)) {
				take_part(s, &q);
				return;
			}
		}
	}
}

/* Two operations that only differ in how much, next to each other: one with the sum. */
static void merge(struct shrinker *s)
{
	uint32_t i;

	for (i = 0; i + 1 < s->p->cnt; i++) {
		struct fuzz_op *a = &s->p->ops[i], keep = *a;

		if (a->verb != a[1].verb ||
		    (a->verb != FUZZ_ADVANCE && a->verb != FUZZ_TURN && a->verb != FUZZ_ANSWER))
			continue;
		a->n[0] += a[1].n[0];
		if (drop(s, i + 1, 1, i + 2, 0))
			i--;
		else
			s->p->ops[i] = keep;
	}
}

/* --- smaller ones ------------------------------------------------------------------------------
 */

/* Whether it still shows with what is in s->p now; else the caller puts it back. */
static bool still(struct shrinker *s)
{
	if (!shows(s, s->p))
		return false;
	s->gained = true;
	return true;
}

/* The least value found by halving the distance to 0: first 0 itself, 1, then halves, then one
 * less. */
static void less64(struct shrinker *s, uint64_t *v)
{
	uint64_t keep = *v, step;

	if (!keep)
		return;
	*v = 0;
	if (still(s))
		return;
	for (step = keep - 1; step; step /= 2) {
		while (step < keep) {
			*v = keep - step;
			if (!still(s))
				break;
			keep = *v;
		}
	}
	*v = keep;
}

static void less32(struct shrinker *s, uint32_t *v)
{
	uint32_t keep = *v;

	if (!keep)
		return;
	*v = 0;
	if (still(s))
		return;
	for (*v = 8; *v < keep; *v *= 2)
		if (still(s))
			return;
	*v = keep;
}

static void less8(struct shrinker *s, uint8_t *v)
{
	uint8_t keep = *v, bit;

	if (!keep)
		return;
	*v = 0;
	if (still(s))
		return;
	for (bit = 0x80; bit; bit >>= 1) {
		*v = keep & (uint8_t)~bit;
		if (*v != keep && still(s))
			keep = *v;
	}
	*v = keep;
}

/* Bytes of a number in a CDB, and of the buffer along with it: one block instead of many. */
struct field {
	uint8_t at, len;
};

static bool transfer_length(const uint8_t *cdb, struct field *f)
{
	switch (cdb[0] >> 5) {
	case 0:
		*f = (struct field){ 4, 1 };
		return true;
	case 1:
	case 2:
		*f = (struct field){ 7, 2 };
		return true;
	case 4:
		*f = (struct field){ 10, 4 };
		return true;
	case 5:
		*f = (struct field){ 6, 4 };
		return true;
	default:
		return false;
	}
}

static void fewer_blocks(struct shrinker *s, struct fuzz_op *op)
{
	struct fuzz_op keep = *op;
	uint64_t blocks = 0, to;
	struct field f;
	uint32_t i;

	if (!transfer_length(op->cdb, &f))
		return;
	for (i = 0; i < f.len; i++)
		blocks = blocks << 8 | op->cdb[f.at + i];
	if (blocks < 2 || op->n[FUZZ_S_LEN] % blocks)
		return;
	for (to = 1; to < blocks; to *= 2) {
		op->n[FUZZ_S_LEN] = keep.n[FUZZ_S_LEN] / blocks * to;
		for (i = 0; i < f.len; i++)
			op->cdb[f.at + i] = (uint8_t)(to >> 8 * (f.len - 1 - i));
		if (still(s))
			return;
	}
	*op = keep;
}

/* The plainest command that there is: TEST UNIT READY; of those that use the medium, READ and
 * SYNCHRONIZE CACHE. */
static void plain_command(struct shrinker *s, struct fuzz_op *op)
{
	const struct fuzz_op plain[] = {
		{ .verb = FUZZ_SUBMIT, .cdb_len = 6 },
		{ .verb = FUZZ_SUBMIT,
		  .cdb_len = 10,
		  .cdb = { 0x28, [8] = 1 },
		  .n = { [FUZZ_S_DIR] = RINGSIM_FROM_DEVICE, [FUZZ_S_LEN] = 512 } },
		{ .verb = FUZZ_SUBMIT, .cdb_len = 10, .cdb = { 0x35 } },
	};
	struct fuzz_op keep = *op;

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (!memcmp(&keep, &plain[i], sizeof(keep)) ||
		    (i && keep.cdb[0] == plain[i].cdb[0]))
			return; /* as plain, or plainer */
		*op = plain[i];
		if (still(s))
			return;
		*op = keep;
	}
}

static void simpler_op(struct shrinker *s, uint32_t i)
{
	struct fuzz_op *op = &s->p->ops[i];
	uint32_t k;

	if (op->verb == FUZZ_SUBMIT) {
		plain_command(s, op);
		fewer_blocks(s, op);
		for (k = op->cdb_len; k-- > 1;) /* the opcode is what the command is */
			less8(s, &op->cdb[k]);
		for (k = op->bytes_len; k-- > 0;)
			less8(s, &op->bytes[k]);
	}
	for (k = 0; k < FUZZ_ARGS; k++)
		if (op->verb != FUZZ_SUBMIT || k != FUZZ_S_DIR)
			less64(s, &op->n[k]);
}

static void simpler(struct shrinker *s)
{
	uint32_t i, *v = (uint32_t *)&s->p->setup;

	_Static_assert(sizeof(struct fuzz_setup) % sizeof(uint32_t) == 0, "nothing but uint32_t");
	for (i = 0; i < sizeof(s->p->setup) / sizeof(*v); i++)
		less32(s, &v[i]);
	for (i = 0; i < s->p->cnt; i++)
		simpler_op(s, i);
}

int64_t fuzz_shrink(struct fuzz_program *p,
		    bool (*shows_it)(void *ctx, const struct fuzz_program *p), void *ctx,
		    uint32_t ms)
{
	struct shrinker s = {
		.p = p, .shows = shows_it, .ctx = ctx, .end_ms = child_now_ms() + ms
	};

	bool narrowed = false;

	s.spare = malloc((p->cnt + 1) * sizeof(*s.spare));
	if (!s.spare)
		return -ENOMEM;
	p->room = p->cnt;
	end_sooner(&s);
	take_tail(&s);
	drop_runs(&s, p->cnt / 8 + 1);
	begin_later(&s, FAR / 8);
	do {
		s.gained = false;
		drop_runs(&s, 1);
		drop_pairs(&s);
		begin_later(&s, s.p->cnt > 12 ? FAR : FAR / 8);
		if (!narrowed && s.p->cnt > NARROW)
			narrow(&s);
		narrowed = true; /* a ring of no special size is simpler, if it does as well */
		merge(&s);
		if (!s.gained) {
			drop_two(&s);
			die_in_one(&s);
			drop_steps(&s);
		}
		if (!s.gained || s.p->cnt <= 16)
			simpler(&s);
	} while (s.gained && child_now_ms() < s.end_ms);
	free(s.spare);
	return s.tried;
}
