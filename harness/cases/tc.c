/* SPDX-License-Identifier: MIT */
/* What a case can say, and running one: see case.h and tc.h. */
#include "tc.h"

#include "../random.h"
#include "../target/kernel.h"
#include "../target/world_site.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define DETAIL_MAX   12288
#define EXPECTED_MAX 8
#define ARENA_BYTES  (256u << 10)

struct chunk {
	struct chunk *next;
	max_align_t mem[];
};

/* The runner's side of a case. */
struct run {
	const struct case_def *def;
	char clause[16];
	char reason[512];
	char *detail;
	bool advised;
	const char *expected[EXPECTED_MAX];
	uint32_t n_expected, n_violations;
	struct chunk *chunks;
	uint8_t *arena; /* ARENA_BYTES that tc_alloc() takes from first, or NULL */
	size_t arena_used;
	jmp_buf out;
};

struct tc_stage {
	const struct target_spec *spec;
	struct case_def def;
	struct target *t;
	struct run run;
};

uint64_t tc_random(struct tc *tc)
{
	return random_next(&tc->rng);
}

uint32_t tc_below(struct tc *tc, uint32_t n)
{
	return n ? (uint32_t)(tc_random(tc) % n) : 0;
}

void tc_fill(struct tc *tc, void *buf, size_t len, uint64_t salt)
{
	uint8_t *p = buf;
	uint64_t word = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (i % 8 == 0)
			word = random_mix(tc->seed ^ (salt * RANDOM_STEP + i));
		p[i] = (uint8_t)(word >> 8 * (i % 8));
	}
}

void *tc_alloc(struct tc *tc, size_t len)
{
	struct run *run = tc->priv;
	size_t room = (len + 63) & ~(size_t)63;
	struct chunk *c;

	if (run->arena && room >= len && room <= ARENA_BYTES - run->arena_used) {
		run->arena_used += room;
		return memset(run->arena + run->arena_used - room, 0, len);
	}
	c = calloc(1, sizeof(*c) + len);
	if (!c) {
		fprintf(stderr, "out of memory in case %s\n", run->def->id);
		abort();
	}
	c->next = run->chunks;
	run->chunks = c;
	return c->mem;
}

/* What is wrong, and what the target looks like at that moment, in place of what was said before.
 */
static void note(struct tc *tc, const char *clause, const char *reason, const char *more)
{
	struct run *run = tc->priv;
	size_t used = 0;

	snprintf(run->clause, sizeof(run->clause), "%s", clause ? clause : "");
	snprintf(run->reason, sizeof(run->reason), "%s", reason);
	free(run->detail);
	run->detail = malloc(DETAIL_MAX);
	if (!run->detail)
		return;
	run->detail[0] = 0;
	if (more)
		used = (size_t)snprintf(run->detail, DETAIL_MAX, "%s", more);
	if (tc->t && used < DETAIL_MAX)
		target_describe(tc->t, run->detail + used, DETAIL_MAX - used);
}

/* Only the first failure counts. */
static void fail(struct tc *tc, const char *clause, const char *reason, const char *more)
{
	if (tc->failed || tc->skipped)
		return;
	tc->failed = true;
	note(tc, clause, reason, more);
}

void tc_fail(struct tc *tc, const char *clause, const char *fmt, ...)
{
	char reason[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	fail(tc, clause, reason, NULL);
}

void tc_advise(struct tc *tc, const char *clause, const char *fmt, ...)
{
	struct run *run = tc->priv;
	char reason[512];
	va_list ap;

	if (tc->failed || tc->skipped || run->advised)
		return;
	run->advised = true;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	note(tc, clause, reason, NULL);
}

void tc_skip(struct tc *tc, const char *fmt, ...)
{
	struct run *run = tc->priv;
	va_list ap;

	if (tc->failed || tc->skipped)
		return;
	tc->skipped = true;
	va_start(ap, fmt);
	vsnprintf(run->reason, sizeof(run->reason), fmt, ap);
	va_end(ap);
}

void tc_leave(struct tc *tc, const char *why)
{
	struct run *run = tc->priv;

	tc_skip(tc, "%s", why);
	longjmp(run->out, 1);
}

void tc_expect_violation(struct tc *tc, const char *clause)
{
	struct run *run = tc->priv;

	if (run->n_expected < EXPECTED_MAX)
		run->expected[run->n_expected++] = clause;
}

void tc_expect_any_violation(struct tc *tc)
{
	tc_expect_violation(tc, NULL);
}

uint32_t tc_violations(const struct tc *tc)
{
	return ((const struct run *)tc->priv)->n_violations;
}

/* Whether @id is one of the words of @list, which @separator parts. */
static bool is_word(const char *list, char separator, const char *id)
{
	size_t len = strlen(id);

	for (const char *p = list; p; p = strchr(p, separator)) {
		p += *p == separator;
		if (!strncasecmp(p, id, len) && (!p[len] || p[len] == separator))
			return true;
	}
	return false;
}

bool tc_overlooks(const struct tc *tc, const char *clause)
{
	const struct run *run = tc->priv;

	return tc->t && tc->t->spec->overlook && is_word(tc->t->spec->overlook, ',', clause) &&
	       !is_word(run->def->clauses, ' ', clause);
}

void tc_violation(struct tc *tc, const struct ringsim_violation *v)
{
	struct run *run = tc->priv;
	struct ringsim_violation bare = *v;
	char text[1024];
	uint32_t i;

	if (tc_overlooks(tc, v->clause))
		return;
	for (i = 0; i < run->n_expected; i++) {
		if (!run->expected[i] || !strcmp(run->expected[i], v->clause)) {
			run->n_violations++;
			return;
		}
	}
	bare.dump = NULL; /* the detail ends with the ring anyway */
	ringsim_violation_text(&bare, text, sizeof(text));
	/* its first line is the reason */
	fail(tc, v->clause, v->what, text + strcspn(text, "\n") + 1);
}

bool tc_equal(struct tc *tc, const char *clause, const char *what, const void *want,
	      const void *got, size_t len)
{
	const uint8_t *w = want, *g = got;
	char a[64] = "", b[64] = "";
	size_t i, k;

	for (i = 0; i < len && w[i] == g[i]; i++)
		;
	if (i == len)
		return true;
	for (k = 0; k < 16 && i + k < len; k++) {
		snprintf(a + 2 * k, 3, "%02x", w[i + k]);
		snprintf(b + 2 * k, 3, "%02x", g[i + k]);
	}
	tc_fail(tc, clause, "%s: differs at byte %zu of %zu: expected %s, found %s", what, i, len,
		a, b);
	return false;
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t case_seed(const struct case_def *def, uint64_t seed)
{
	const char *p;

	for (p = def->id; *p; p++)
		seed = random_mix(seed ^ (uint8_t)*p);
	return seed;
}

/* Why this handler cannot be asked, or NULL. */
static const char *cannot(const struct case_def *def, const struct target_spec *spec)
{
	if (spec->site && def->needs & NEEDS_SIM)
		return "sim only: looks into the simulator";
	if (spec->site && def->needs & NEEDS_INPROC)
		return "sim only: needs a handler in this process (every store observed)";
	if (spec->site && def->needs & NEEDS_PROBE && spec->site->fabric != KERNEL_PROBE)
		return "sim or probe only: see --initiator";
	if (!spec->site && def->needs & NEEDS_KERNEL)
		return "kernel only: see --target";
	if (def->needs & NEEDS_INPROC && !spec->api)
		return "needs a handler in this process (every store observed)";
	if (def->needs & NEEDS_NODE && !spec->site && !spec->world)
		return "needs a handler that opens a UIO node: --attach uio, --target kernel";
	if (def->needs & NEEDS_HOTPLUG && !(spec->world && spec->world->daemon))
		return "needs a handler that learns of devices by netlink: --attach uio --daemon";
	if ((def->needs & NEEDS_PROCESS || (spec->site && !(def->needs & NEEDS_SEAT))) &&
	    !spec->exec && !spec->program)
		return "needs the handler as a process of its own";
	return NULL;
}

/* What was recorded goes to @out; the memory of the case is free again. */
static void finish(const struct tc *tc, struct run *run, struct result *out)
{
	struct chunk *c;

	out->verdict = tc->failed     ? VERDICT_FAIL
		       : tc->skipped  ? VERDICT_SKIP
		       : run->advised ? VERDICT_FAIL
				      : VERDICT_PASS;
	out->reason = run->reason[0] ? strdup(run->reason) : NULL;
	out->clause = run->clause[0] ? strdup(run->clause) : NULL;
	out->detail = run->detail;
	while ((c = run->chunks) != NULL) {
		run->chunks = c->next;
		free(c);
	}
}

void tc_run(const struct case_def *def, const struct target_spec *spec, uint64_t seed,
	    struct result *out)
{
	struct run run = { .def = def };
	struct tc tc = { .priv = &run };
	const char *why = cannot(def, spec);
	uint64_t start = now_us();

	tc.seed = tc.rng = case_seed(def, seed);
	if (why)
		tc_skip(&tc, "%s", why);
	else
		tc.t = target_create(spec, &tc, def->needs);
	if (tc.t) {
		if (!setjmp(run.out))
			def->run(&tc);
		target_destroy(tc.t);
	}
	out->seed = seed;
	out->time_us = now_us() - start;
	finish(&tc, &run, out);
}

struct tc_stage *tc_stage_new(const struct target_spec *spec, const char *id)
{
	struct tc_stage *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->spec = spec;
	s->def = (struct case_def){ .id = id, .clauses = "" };
	s->run.arena = malloc(ARENA_BYTES);
	s->t = target_create(spec, NULL, 0);
	if (!s->run.arena || !s->t) {
		tc_stage_free(s);
		return NULL;
	}
	s->t->one_mapping = true;
	return s;
}

void tc_stage_free(struct tc_stage *s)
{
	if (!s)
		return;
	if (s->t)
		target_destroy(s->t);
	free(s->run.arena);
	free(s);
}

void tc_stage_run(struct tc_stage *s, unsigned int needs, uint64_t seed,
		  void (*body)(struct tc *tc, void *ctx), void *ctx, struct result *out)
{
	struct tc tc = { .priv = &s->run, .t = s->t, .seed = seed, .rng = seed };

	s->def.needs = needs;
	s->run.def = &s->def;
	s->run.clause[0] = s->run.reason[0] = 0;
	s->run.detail = NULL;
	s->run.advised = false;
	s->run.n_expected = s->run.n_violations = 0;
	s->run.arena_used = 0;
	target_recast(s->t, &tc, needs);
	if (!setjmp(s->run.out))
		body(&tc, ctx);
	target_stop(s->t);
	target_recast(s->t, NULL, 0);
	out->seed = seed;
	out->level = clause_level_name(tc.failed ? CLAUSE_MUST : CLAUSE_SHOULD);
	finish(&tc, &s->run, out);
}
