/* SPDX-License-Identifier: MIT */
/* The generator; see generator.h. */
#include "generator_impl.h"

#include "lane_device.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define TIMED_EVERY 17u	    /* turns, on a cheap lane; a prime, so that it meets all phases */
#define LOOK_EVERY  1024u   /* idle turns between two looks at the clock */
#define WAIT_US	    100000u /* longest sleep of one poll */
#define SPIN_NS	    60000u  /* an open loop does not sleep for less */
#define LOST_NS	    (3ull * LANE_TIME_OUT_S * 1000000000ull)
#define STATUS_GOOD 0

static size_t buffers_len(const struct generator *g)
{
	return (size_t)g->w->depth * g->w->bytes;
}

/* What stays the same from one use of a command to the next. */
static void init_cmd(struct generator *g, struct lane_cmd *c, uint32_t i)
{
	uint32_t blocks = g->w->bytes / g->cfg.block_size;

	c->sg = (struct iovec){ g->buffers + (size_t)i * g->w->bytes, g->w->bytes };
	c->cmd.cdb = c->cdb;
	c->cmd.cdb_room = sizeof(c->cdb);
	c->cmd.data_len = g->w->bytes;
	if (!g->cfg.no_data) {
		c->cmd.sg = &c->sg;
		c->cmd.sg_cnt = 1;
	}
	c->cdb[7] = (uint8_t)(blocks >> 8);
	c->cdb[8] = (uint8_t)blocks;
	g->free[g->n_free++] = &c->cmd;
}

/* Gaps between planned times: exponential, of mean 1 in units of 2^-16. */
static void draw_gaps(struct generator *g)
{
	uint64_t state = g->cfg.seed ^ 0x6f70656eull;
	double u, sum = 0;
	uint32_t i;

	for (i = 0; i < GENERATOR_GAPS; i++) {
		u = ((double)(random_next(&state) >> 11) + 0.5) / 9007199254740992.0;
		g->gaps[i] = -log(u);
		sum += g->gaps[i];
	}
	for (i = 0; i < GENERATOR_GAPS; i++)
		g->gaps[i] *= GENERATOR_GAPS / sum;
}

struct generator *generator_create(struct lane *lane, const struct workload *w,
				   const struct generator_config *cfg)
{
	struct generator *g = calloc(1, sizeof(*g));
	uint32_t i;

	if (!g)
		return NULL;
	g->lane = lane;
	g->w = w;
	g->cfg = *cfg;
	g->random = cfg->seed;
	g->slots = cfg->size_bytes / w->bytes;
	g->blocks = w->bytes / cfg->block_size;
	g->buffers = mmap(NULL, buffers_len(g), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (g->buffers == MAP_FAILED) {
		free(g);
		return NULL;
	}
	memset(g->buffers, 0x5a, buffers_len(g));
	for (i = 0; i < w->depth; i++)
		init_cmd(g, &g->cmds[i], i);
	draw_gaps(g);
	return g;
}

void generator_destroy(struct generator *g)
{
	if (!g)
		return;
	munmap(g->buffers, buffers_len(g));
	free(g);
}

void generator_address(struct generator *g, struct lane_cmd *c, uint64_t slot, bool read)
{
	uint32_t lba = __builtin_bswap32((uint32_t)(slot * g->blocks));

	c->cdb[0] = read ? 0x28 : 0x2a; /* READ(10), WRITE(10) */
	memcpy(c->cdb + 2, &lba, sizeof(lba));
	c->cmd.dir = read ? RINGSIM_FROM_DEVICE : RINGSIM_TO_DEVICE;
}

static inline void prepare(struct generator *g, struct lane_cmd *c)
{
	uint32_t reads = g->w->reads;
	uint64_t slot, r = 0;

	if (g->w->random || reads - 1 < 99)
		r = random_next(&g->random);
	if (g->w->random) {
		slot = (r >> 32) * g->slots >> 32;
	} else {
		slot = g->next;
		g->next = slot + 1 == g->slots ? 0 : slot + 1;
	}
	generator_address(g, c, slot, reads == 100 || (reads && (uint32_t)r % 100 < reads));
}

/* Fill batches from what is free, as many as there are whole ones (or all that is left). */
static uint32_t send_free(struct generator *g, uint64_t now, uint64_t stamp, uint64_t left)
{
	uint32_t batch, sent = 0, i;
	struct ringsim_cmd **cmds;
	struct lane_cmd *c;

	while (g->n_free && left) {
		batch = g->w->batch ? g->w->batch : g->n_free;
		if (batch > left)
			batch = (uint32_t)left;
		if (batch > g->n_free)
			break;
		g->n_free -= batch;
		cmds = g->free + g->n_free;
		for (i = 0; i < batch; i++) {
			c = lane_cmd_of(cmds[i]);
			prepare(g, c);
			c->sent_ns = stamp;
		}
		/* submit may give commands back: they are not put on the free list before */
		g->lane->ops->submit(g->lane, cmds, batch, now);
		left -= batch;
		sent += batch;
	}
	return sent;
}

/* Take what has ended; *@now is read anew only if somebody asks, then *@fresh says so. */
static void collect(struct generator *g, uint64_t *now, bool *fresh, struct histogram *latency,
		    struct generator_count *out)
{
	struct lane *l = g->lane;
	struct lane_cmd *c;
	uint32_t i;

	for (i = 0; i < l->n_ended; i++) {
		c = lane_cmd_of(l->ended[i]);
		if (c->cmd.outcome != RINGSIM_ANSWERED || c->cmd.status != STATUS_GOOD)
			generator_bad(c, out);
		if (c->sent_ns) {
			if (!*fresh)
				*now = lane_clock();
			*fresh = true;
			out->timed++;
			if (latency)
				histogram_add(latency, *now > c->sent_ns ? *now - c->sent_ns : 0);
		}
		g->free[g->n_free++] = &c->cmd;
	}
	out->done += l->n_ended;
	l->n_ended = 0;
}

void generator_bad(const struct lane_cmd *c, struct generator_count *out)
{
	if (!out->failed && !out->timed_out) {
		out->status = c->cmd.status;
		out->outcome = c->cmd.outcome;
	}
	if (c->cmd.outcome == RINGSIM_EXPIRED || c->cmd.outcome == RINGSIM_QUEUE_EXPIRED)
		out->timed_out++;
	else
		out->failed++;
}

/* What a loop goes through. */
struct loop {
	uint64_t now, start, end, progress, idle;
	bool fresh, closing;
};

static void begin(struct generator *g, const struct generator_load *load, struct loop *t,
		  struct generator_count *out)
{
	memset(out, 0, sizeof(*out));
	t->now = t->start = t->progress = lane_clock();
	t->fresh = true;
	t->idle = 0;
	t->closing = false;
	t->end = load->ns ? t->start + load->ns : UINT64_MAX;
	g->lane->n_ended = 0;
}

/* Serve once. Returns 1 if something ended, 0 if not, -ETIME when it has gone on for too long. */
static int serve(struct generator *g, const struct generator_load *load, struct loop *t,
		 uint32_t wait_us, struct generator_count *out)
{
	int rc = g->lane->ops->poll(g->lane, t->now, wait_us);

	if (g->lane->n_ended) {
		t->fresh = false;
		collect(g, &t->now, &t->fresh, load->latency, out);
		t->progress = t->now;
		t->idle = 0;
		out->turns++;
		return rc ? rc : 1;
	}
	if (rc)
		return rc;
	if (g->cfg.sleeping || ++t->idle % LOOK_EVERY == 0) {
		t->now = lane_clock();
		t->fresh = true;
		if (t->now > t->progress + LOST_NS)
			return -ETIME;
	}
	return 0;
}

static void finish(struct generator *g, struct loop *t, struct generator_count *out)
{
	out->ns = lane_clock() - t->start;
	out->lost = g->w->depth - g->n_free;
}

static int run_closed(struct generator *g, const struct generator_load *load,
		      struct generator_count *out)
{
	uint64_t left = load->commands ? load->commands : UINT64_MAX;
	uint32_t n, turn = 0;
	struct loop t;
	bool timed;
	int rc = 0;

	begin(g, load, &t, out);
	while (rc >= 0) {
		if (g->n_free && !t.closing) {
			timed = !g->cfg.cheap || turn++ % TIMED_EVERY == 0;
			if (timed && !t.fresh) {
				t.now = lane_clock();
				t.fresh = true;
			}
			n = send_free(g, t.now, timed ? t.now : 0, left);
			left -= n;
		}
		if (g->n_free == g->w->depth && (t.closing || !left) && !g->lane->n_ended)
			break;
		if (t.fresh && (t.now >= t.end || (load->stop && *load->stop)))
			t.closing = true;
		t.fresh = false;
		rc = serve(g, load, &t, WAIT_US, out);
	}
	finish(g, &t, out);
	return rc < 0 ? rc : 0;
}

/* How long an open loop may sleep. */
static uint32_t nap(const struct loop *t, uint64_t due, bool room)
{
	if (!room)
		return WAIT_US;
	if (due < t->now + SPIN_NS)
		return 0;
	due -= t->now + SPIN_NS / 2;
	return due > WAIT_US * 1000ull ? WAIT_US : (uint32_t)(due / 1000);
}

static uint32_t send_due(struct generator *g, const struct loop *t, double *due, double mean,
			 struct generator_count *out)
{
	uint32_t n = 0, most = g->w->batch ? g->w->batch : g->n_free;
	struct ringsim_cmd *cmds[LANE_DEPTH];
	struct lane_cmd *c;

	while (n < most && g->n_free && *due <= (double)t->now && *due < (double)t->end) {
		cmds[n] = g->free[--g->n_free];
		c = lane_cmd_of(cmds[n]);
		prepare(g, c);
		c->sent_ns = (uint64_t)*due;
		if ((double)t->now - *due > GENERATOR_LATE_NS)
			out->late++;
		*due += g->gaps[out->due++ % GENERATOR_GAPS] * mean;
		n++;
	}
	if (n)
		g->lane->ops->submit(g->lane, cmds, n, t->now);
	return n;
}

/* Those whose time came and who were never sent have waited until now, at least. */
static void count_unsent(struct generator *g, const struct generator_load *load,
			 const struct loop *t, double due, double mean, struct generator_count *out)
{
	while (due < (double)t->end) {
		if (load->latency) {
			histogram_add(load->latency,
				      (double)t->now > due ? t->now - (uint64_t)due : 0);
			out->timed++;
		}
		out->late++;
		due += g->gaps[out->due++ % GENERATOR_GAPS] * mean;
	}
}

static int run_open(struct generator *g, const struct generator_load *load,
		    struct generator_count *out)
{
	double mean = 1e9 / load->rate, due;
	struct loop t;
	bool over = false;
	int rc = 0;

	begin(g, load, &t, out);
	if (t.end == UINT64_MAX)
		t.end = t.start + (uint64_t)((double)load->commands * mean);
	due = (double)t.start + g->gaps[GENERATOR_GAPS - 1] * mean;
	while (rc >= 0) {
		if (!t.fresh)
			t.now = lane_clock();
		t.fresh = false;
		over = t.now > t.end + (t.end - t.start) || (load->stop && *load->stop);
		if (!over)
			while (send_due(g, &t, &due, mean, out))
				;
		if (g->n_free == g->w->depth && (over || due >= (double)t.end) && !g->lane->n_ended)
			break;
		rc = serve(g, load, &t,
			   nap(&t, due < (double)t.end ? (uint64_t)due : UINT64_MAX, g->n_free > 0),
			   out);
	}
	if (!load->stop || !*load->stop)
		count_unsent(g, load, &t, due, mean, out);
	finish(g, &t, out);
	return rc < 0 ? rc : 0;
}

int generator_run(struct generator *g, const struct generator_load *load,
		  struct generator_count *out)
{
	int rc = load->rate > 0 ? run_open(g, load, out) : run_closed(g, load, out);

	if (rc == -ETIME)
		snprintf(g->lane->err, sizeof(g->lane->err),
			 "%llu commands did not end within %llu s", (unsigned long long)out->lost,
			 LOST_NS / 1000000000ull);
	return rc;
}
