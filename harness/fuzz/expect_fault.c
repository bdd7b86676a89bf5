/* SPDX-License-Identifier: MIT */
/*
 * Faults and the answers that they explain: each as many as there were of them, and a flush that
 * failed while nobody waited for it must be reported by a later one, since the system tells of a
 * lost write only once.
 * Clauses: HND-067, SCS-040, SCS-043.
 */
#include "expect_impl.h"

void fuzz_expect_fault(struct fuzz_expect *e, uint64_t fault, uint64_t times)
{
	if (fault == FUZZ_NO_MEMORY)
		e->busy += times;
	if (fault >= FUZZ_STORE_ERROR && fault <= FUZZ_STORE_ERROR + STORE_ZERO)
		e->errors[fault - FUZZ_STORE_ERROR] += times;
	if (fault == FUZZ_STORE_ERROR + STORE_FLUSH)
		e->flush = FLUSH_ARMED;
}

static bool reads_only(const struct fuzz_cdb *d)
{
	return d->kind == FUZZ_K_READ || d->kind == FUZZ_K_VERIFY;
}

static bool never_reads(const struct fuzz_cdb *d)
{
	return d->kind == FUZZ_K_WRITE || d->kind == FUZZ_K_WRITE_SAME || d->kind == FUZZ_K_UNMAP ||
	       d->kind == FUZZ_K_SYNC || d->kind == FUZZ_K_OTHER;
}

bool expect_fault_explains(const struct seen *s, uint32_t error)
{
	uint64_t *errors = s->e->errors;

	if (error == E_READ && !never_reads(s->d) && errors[STORE_READ] > 0) {
		errors[STORE_READ]--;
		return true;
	}
	for (int op = STORE_WRITE; error == E_WRITE && op <= STORE_ZERO; op++) {
		if (errors[op] > 0 && !reads_only(s->d)) {
			errors[op]--;
			return true;
		}
	}
	/* without memory a handler may also say so by an error, if it does not know better */
	if (s->e->busy > 0 && !s->e->facts.strict) {
		s->e->busy--;
		return true;
	}
	return false;
}

void expect_busy(const struct seen *s)
{
	if (s->e->busy > 0)
		s->e->busy--;
	else if (s->e->facts.strict || s->e->in_flight <= 1)
		expect_wrong(s, "SCS-043", "status 0x%02x, though nothing was short",
			     s->c->io.status);
}

/* Commands that flush, and hear of a flush that failed. */
static bool flushes(const struct fuzz_cmd *c)
{
	switch (c->io.cdb[0]) {
	case OP_SYNC_10:
	case OP_SYNC_16:
	case OP_START_STOP:
	case OP_MODE_SELECT_6:
	case OP_MODE_SELECT_10:
		return true;
	default:
		return false;
	}
}

/* Who has it done, and whose answer nobody will see, has told of it. */
static void look(struct fuzz_expect *e, struct target *t, uint64_t now)
{
	if (e->flush != FLUSH_ARMED || t == NULL || target_faults(t)->store[STORE_FLUSH] != 0)
		return;
	e->flush = e->flush_lost ? FLUSH_FINE : FLUSH_FAILED;
	e->failed_at = now;
}

void expect_flush_begin(struct fuzz_expect *e, const struct fuzz_cmd *c)
{
	if (!flushes(c))
		return;
	e->flushing++;
	look(e, e->target, c->began);
}

void expect_flush_lost(struct fuzz_expect *e, const struct fuzz_cmd *c)
{
	if (!flushes(c))
		return;
	e->flushing--;
	e->flush_lost |= c->disturbed; /* else the handler never saw it */
	if (e->flush == FLUSH_FAILED)
		e->flush = FLUSH_FINE; /* perhaps it was the one that would have told */
}

void expect_flush_quiet(struct fuzz_expect *e, uint64_t now)
{
	look(e, e->target, now);
	if (e->target)
		e->flush_lost = false;
}

void expect_flush_end(const struct seen *s, uint32_t error)
{
	struct fuzz_expect *e = s->e;
	bool sync = s->d->kind == FUZZ_K_SYNC && s->c->io.status == 0;

	e->target = s->tc->t;
	look(e, e->target, s->c->ended);
	if (!flushes(s->c))
		return;
	e->flushing--;
	if (error == E_WRITE || s->c->disturbed)
		e->flush = FLUSH_FINE;
	else if (e->flush == FLUSH_FAILED && e->flushing == 0 && sync && e->facts.strict &&
		 s->c->began >= e->failed_at)
		expect_wrong(s, "SCS-040",
			     "a flush has failed, and no command said so before this one or now");
}
