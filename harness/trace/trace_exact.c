/* SPDX-License-Identifier: MIT */
/*
 * Replay in the kernel's own order (version 2): causes in, effects compared.
 *
 * Each cause is one critical section of the kernel's driver, so what it did to ring, queue and
 * initiators is known as a whole: the simulated device is told the cause and must have exactly the
 * effects that the lines behind it say, entries and completions each in their order, and no others.
 * Time is told, too: deadlines are the device's own arithmetic, but when the kernel's worker came
 * to look for them is a cause like others. A timer that should have gone off long ago is a
 * difference.
 *
 * The trace is not trusted: numbers, offsets and lengths are checked before they are used.
 */
#include "trace_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <ringsim/shm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* How late the kernel's timers (by up to an eighth) and a busy machine's worker may be. */
#define LATE_NS	   (8 * RINGSIM_NSEC_PER_SEC)
#define SENSE_LEN  18u
#define SKEW_TICKS 3u

struct flight {
	struct ringsim_cmd cmd;
	struct iovec sg, bidi_sg;
	bool doomed; /* whatever ends it, the initiator does not hear of it */
};

struct exact {
	const struct trace *t;
	struct trace_result *res;
	struct ringsim_device *dev;
	uint8_t *region;
	struct flight *flights; /* by number, from 1 */
	uint32_t n_flights, submitted;
	struct ringsim_tmr *tmrs;
	size_t n_tmrs;
	uint32_t *ended; /* numbers that the cause ended, in order */
	size_t n_ended, next_ended;
	uint32_t off;	/* ring offset of the next entry to compare */
	uint64_t waits; /* commands that were queued so far, as recorded */
	struct trace sim;
	void *zeros;
	uint64_t zeros_len;
	uint64_t late_ns;
};

static int differs(struct exact *x, const struct trace_event *e, const char *field,
		   const char *expected, const char *found)
{
	x->res->finding.line = e->line;
	x->res->finding.kind = trace_kind_name(e->kind);
	finding_set(&x->res->finding, field, expected, found);
	x->res->differs = true;
	return 1;
}

static int differs_number(struct exact *x, const struct trace_event *e, const char *field,
			  uint64_t expected, uint64_t found)
{
	char a[24], b[24];

	snprintf(a, sizeof(a), "%" PRIu64, expected);
	snprintf(b, sizeof(b), "%" PRIu64, found);
	return differs(x, e, field, a, b);
}

static struct flight *flight_of(struct exact *x, uint32_t n)
{
	return n && n <= x->submitted ? &x->flights[n] : NULL;
}

static void on_complete(void *ctx, struct ringsim_cmd *cmd)
{
	struct exact *x = ctx;

	/* Nothing ends twice, so there is room for each once per cause. */
	if (x->n_ended < x->n_flights)
		x->ended[x->n_ended++] = (uint32_t)((struct flight *)cmd->user - x->flights);
}

static const struct ringsim_ops ops = { .complete = on_complete };

/*
 * Causes.
 */

static int submit(struct exact *x, const struct trace_event *e)
{
	struct flight *f;
	struct ringsim_cmd *cmd;

	if (e->n != x->submitted + 1)
		return differs_number(x, e, "n", x->submitted + 1ull, e->n);
	if (e->data_len > x->zeros_len || e->bidi_len > x->zeros_len)
		return differs(x, e, "dl", "a length that was mapped", "more");
	f = &x->flights[++x->submitted];
	cmd = &f->cmd;
	f->sg = (struct iovec){ x->zeros, e->data_len };
	f->bidi_sg = (struct iovec){ x->zeros, e->bidi_len };
	cmd->cdb = x->t->bytes + e->payload;
	cmd->cdb_room = e->payload_len;
	cmd->dir = e->dir;
	cmd->data_len = e->data_len;
	cmd->sg = &f->sg;
	cmd->bidi_sg = &f->bidi_sg;
	cmd->sg_cnt = cmd->dir == RINGSIM_TO_DEVICE || cmd->dir == RINGSIM_BIDI;
	cmd->bidi_cnt = cmd->dir == RINGSIM_BIDI;
	cmd->user = f;
	ringsim_submit(x->dev, cmd);
	return 0;
}

static int answer(struct exact *x, const struct trace_event *e)
{
	uint64_t slot = (uint64_t)x->t->hdr.cmdr_off + e->off;

	if (e->off % 8 || e->off + (uint64_t)RINGSIM_RSP_END > x->t->hdr.cmdr_size)
		return differs(x, e, "off", "a slot inside the ring", "none");
	shm_store16(x->region, slot + RINGSIM_OFF_ID, e->id);
	shm_store8(x->region, slot + RINGSIM_OFF_UFLAGS, e->uflags);
	shm_store8(x->region, slot + RINGSIM_OFF_STATUS, e->status);
	shm_store32(x->region, slot + RINGSIM_OFF_RDLEN, e->read_len);
	shm_write(x->region, slot + RINGSIM_OFF_SENSE, x->t->bytes + e->payload,
		  e->payload_len < SENSE_LEN ? e->payload_len : SENSE_LEN);
	return 0;
}

static int publish(struct exact *x, const struct trace_event *e)
{
	if (e->tail >= x->t->hdr.cmdr_size || e->tail % 8)
		return differs(x, e, "tail", "an offset inside the ring", "none");
	shm_store32_release(x->region, RINGSIM_OFF_TAIL, e->tail);
	return 0;
}

static int abort_cmds(struct exact *x, const struct trace_event *e)
{
	uint32_t i, n, cnt = e->payload_len / 4;
	struct ringsim_cmd **cmds = calloc(cnt + 1ul, sizeof(struct ringsim_cmd *));
	struct ringsim_tmr *tmr = &x->tmrs[x->n_tmrs++];

	if (!cmds)
		return -ENOMEM;
	for (i = 0; i < cnt; i++) {
		struct flight *f;

		memcpy(&n, x->t->bytes + e->payload + 4 * i, sizeof(n));
		f = flight_of(x, n);
		if (!f) {
			free(cmds);
			return differs_number(x, e, "cmds", x->submitted, n);
		}
		cmds[i] = &f->cmd;
	}
	tmr->type = e->tmr_type;
	ringsim_tmr(x->dev, tmr, cmds, cnt);
	free(cmds);
	return 0;
}

static int set_block(struct exact *x, const struct trace_event *e)
{
	int rc = e->arg ? publish(x, e) : 0;

	if (!rc)
		ringsim_block(x->dev, e->arg);
	return rc;
}

static int reset(struct exact *x, const struct trace_event *e)
{
	if (ringsim_reset(x->dev, e->arg))
		return differs_number(x, e, "level", 1, e->arg);
	x->off = 0;
	return 0;
}

/* Tells the device what happened. 0, 1 (it cannot be) or -ENOMEM. */
static int cause(struct exact *x, const struct trace_event *e)
{
	int rc = 0;

	switch (e->kind) {
	case TRACE_SUBMIT:
		return submit(x, e);
	case TRACE_ANSWER:
		return answer(x, e);
	case TRACE_WALK:
		rc = publish(x, e);
		if (!rc)
			ringsim_doorbell(x->dev);
		return rc;
	case TRACE_EXPIRE:
		ringsim_time_out(x->dev);
		return 0;
	case TRACE_ABORT:
		return abort_cmds(x, e);
	case TRACE_BLOCK:
		return set_block(x, e);
	case TRACE_RESET:
		return reset(x, e);
	case TRACE_FREE:
		if (ringsim_free_kept(x->dev, e->arg))
			return differs_number(x, e, "id", 0, e->arg);
		return 0;
	case TRACE_RELEASE:
		ringsim_release(x->dev);
		return 0;
	case TRACE_SET:
		ringsim_set_qfull_time_out(x->dev, e->seconds);
		return 0;
	case TRACE_DOOM:
		if (!flight_of(x, e->n))
			return differs_number(x, e, "n", x->submitted, e->n);
		flight_of(x, e->n)->doomed = true;
		return 0;
	default:
		return differs(x, e, "kind", "a cause", "an effect without one");
	}
}

/* The clock goes on; a timer that should have gone off long before is a difference. */
static int advance(struct exact *x, const struct trace_event *e)
{
	uint64_t tick = x->t->hdr.tick_ns, now, due = ringsim_next_timer(x->dev);
	struct ringsim_stats st;

	if (e->kind == TRACE_ANSWER || e->kind == TRACE_SET || e->kind == TRACE_DOOM)
		return 0;
	/* Inside the tick, not at its very beginning: a deadline at a whole second is rounded up.
	 */
	if (e->at >= UINT64_MAX / tick || e->cpu > 4096)
		return differs(x, e, "at", "a time that can be", "none");
	now = e->at * tick + 1;
	ringsim_stats(x->dev, &st);
	if (now < st.now_ns)
		return differs_number(x, e, "at", st.now_ns / tick, e->at);
	if (e->kind != TRACE_EXPIRE && due != UINT64_MAX && due + x->late_ns < now)
		return differs_number(x, e, "at: a timer should have gone off at", due / tick,
				      e->at);
	ringsim_set_time(x->dev, now, (uint32_t)(e->cpu * SKEW_TICKS * tick));
	return 0;
}

/*
 * Effects.
 */

/* Decodes the simulator's next entry to x->sim; its PADs only if @pads. */
static int next_entry(struct exact *x, const struct trace_event *e, bool pads)
{
	uint32_t size = x->t->hdr.cmdr_size;
	int rc;

	do {
		if (x->off == shm_load32(x->region, RINGSIM_OFF_HEAD))
			return differs(x, e, "entry", "none", "one");
		trace_clear(&x->sim);
		rc = trace_add_entry(&x->sim, x->region, x->off);
		if (rc == -EPROTO)
			return differs(x, e, "entry", "a malformed one", "one");
		if (rc)
			return rc;
		x->off = (x->off + x->sim.v[0].len) % size;
	} while (!pads && x->sim.v[0].kind == TRACE_PAD);
	return 0;
}

/* The command that the device has under @id, 0 if none. */
static uint32_t number_of(const struct exact *x, uint16_t id)
{
	uint32_t n;

	for (n = x->submitted; n; n--)
		if (x->flights[n].cmd.state == RINGSIM_INFLIGHT && x->flights[n].cmd.id == id)
			break;
	return n;
}

static int check_entry(struct exact *x, const struct trace_event *e)
{
	int rc = next_entry(x, e, e->kind != TRACE_UNSEEN);
	struct trace_event *s = &x->sim.v[0];
	struct flight *f = flight_of(x, e->n);

	if (rc)
		return rc;
	if (s->kind == TRACE_CMD)
		s->n = f && f->cmd.id == s->id ? e->n : number_of(x, s->id);
	if (e->kind == TRACE_UNSEEN)
		s->kind = TRACE_UNSEEN;
	x->res->differs = lines_differ(&x->sim, s, x->t, e, &x->res->finding);
	if (!x->res->differs && e->kind != TRACE_UNSEEN)
		x->res->identical++;
	return x->res->differs;
}

static int check_end(struct exact *x, const struct trace_event *e)
{
	struct trace_event s = { .kind = TRACE_DONE };
	struct flight *f;

	if (x->next_ended == x->n_ended)
		return differs(x, e, "completion", "none", "one");
	s.n = x->ended[x->next_ended++];
	f = &x->flights[s.n];
	s.status = f->cmd.status;
	s.residual = f->cmd.residual;
	if (f->cmd.outcome == RINGSIM_ABORTED || f->doomed)
		s.kind = TRACE_ABORTED;
	trace_clear(&x->sim);
	if (s.kind == TRACE_DONE && s.status == 0x02) {
		s.payload_len = SENSE_LEN;
		if (trace_push_bytes(&x->sim, f->cmd.sense, SENSE_LEN))
			return -ENOMEM;
	}
	x->res->differs = lines_differ(&x->sim, &s, x->t, e, &x->res->finding);
	return x->res->differs;
}

static int check_wait(struct exact *x, const struct trace_event *e)
{
	struct flight *f = flight_of(x, e->n);

	x->waits++;
	if (!f)
		return differs_number(x, e, "n", x->submitted, e->n);
	if (f->cmd.state != RINGSIM_QUEUED)
		return differs(x, e, "command",
			       f->cmd.state == RINGSIM_INFLIGHT ? "in the ring" : "ended",
			       "waiting for room");
	return 0;
}

static int effect(struct exact *x, const struct trace_event *e)
{
	if (trace_is_entry(e->kind) || e->kind == TRACE_UNSEEN)
		return check_entry(x, e);
	return e->kind == TRACE_WAIT ? check_wait(x, e) : check_end(x, e);
}

static bool is_effect(const struct trace_event *e)
{
	return trace_is_entry(e->kind) || e->kind >= TRACE_UNSEEN;
}

/* What the device did beyond what was recorded of cause @e. */
static int check_rest(struct exact *x, const struct trace_event *e)
{
	struct ringsim_stats st;
	char text[64];

	ringsim_stats(x->dev, &st);
	if (st.qfull != x->waits)
		return differs_number(x, e, "commands that wait, so far", st.qfull, x->waits);
	if (x->off != shm_load32(x->region, RINGSIM_OFF_HEAD))
		return differs_number(x, e, "cmd_head after it",
				      shm_load32(x->region, RINGSIM_OFF_HEAD), x->off);
	if (x->next_ended == x->n_ended)
		return 0;
	snprintf(text, sizeof(text), "of command %u", x->ended[x->next_ended]);
	return differs(x, e, "completion", text, "none");
}

static int replay_all(struct exact *x)
{
	const struct trace_event *e = x->t->v, *end = e + x->t->n, *c;
	int rc = 0;

	while (!rc && e < end) {
		c = e++;
		x->n_ended = x->next_ended = 0;
		rc = advance(x, c);
		if (!rc)
			rc = cause(x, c);
		for (; !rc && e < end && is_effect(e); e++)
			rc = effect(x, e);
		if (!rc)
			rc = check_rest(x, c);
		if (!rc)
			x->res->causes++;
	}
	return rc;
}

/* What all commands together need: flights, and zeros as long as the longest of them. */
static int prepare(struct exact *x)
{
	const struct trace_event *e;
	size_t tmrs = 0, cmds = 0;

	for (e = x->t->v; e < x->t->v + x->t->n; e++) {
		if (e->kind == TRACE_SUBMIT && e->data_len > x->zeros_len)
			x->zeros_len = e->data_len;
		if (e->kind == TRACE_SUBMIT && e->bidi_len > x->zeros_len)
			x->zeros_len = e->bidi_len;
		tmrs += e->kind == TRACE_ABORT;
		cmds += e->kind == TRACE_SUBMIT;
	}
	x->n_flights = (uint32_t)cmds;
	x->zeros_len = x->zeros_len ? x->zeros_len : 1;
	x->zeros = mmap(NULL, x->zeros_len, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	x->flights = calloc(cmds + 1, sizeof(*x->flights));
	x->ended = calloc(cmds + 1, sizeof(*x->ended));
	x->tmrs = calloc(tmrs + 1, sizeof(*x->tmrs));
	return x->zeros == MAP_FAILED || !x->flights || !x->ended || !x->tmrs ? -ENOMEM : 0;
}

static int make_device(struct exact *x, char *err, size_t err_len)
{
	const struct trace_header *h = &x->t->hdr;
	struct ringsim_config cfg;
	struct data_area area;
	int rc = trace_config(x->t, h->blk_size, &cfg, &area, err, err_len);

	if (rc)
		return rc;
	cfg.cmd_time_out_s = h->cmd_time_out;
	cfg.qfull_time_out_s = h->qfull_time_out;
	cfg.tmr_notification = h->tmr_notification;
	cfg.desc_sense = h->desc_sense;
	cfg.start = x->off = h->tail;
	x->late_ns = LATE_NS + h->cmd_time_out * (RINGSIM_NSEC_PER_SEC / 8);
	rc = ringsim_device_create(&x->dev, &cfg, &ops, x, err, err_len);
	if (!rc)
		x->region = ringsim_region(x->dev);
	return rc;
}

static int check_mailbox(struct exact *x)
{
	int rc = trace_init(&x->sim, "simulator", x->region, x->t->hdr.map_len, 0);

	if (!rc && x->t->hdr.head != x->t->hdr.tail) {
		x->res->finding.line = 2;
		x->res->finding.kind = "mailbox";
		finding_number(&x->res->finding, "head", x->t->hdr.tail, x->t->hdr.head);
		x->res->differs = true;
	} else if (!rc) {
		x->res->differs = trace_header_differs(&x->sim.hdr, &x->t->hdr, &x->res->finding);
	}
	return rc ? rc : x->res->differs;
}

int exact_replay(const struct trace *t, struct trace_result *res, char *err, size_t err_len)
{
	struct exact x = { .t = t, .res = res };
	int rc = make_device(&x, err, err_len);

	if (rc)
		return rc;
	res->blk_size = t->hdr.blk_size;
	rc = prepare(&x);
	if (!rc)
		rc = check_mailbox(&x);
	if (!rc)
		rc = replay_all(&x);
	if (rc == -ENOMEM)
		snprintf(err, err_len, "%s: out of memory", t->name);
	ringsim_device_destroy(x.dev);
	if (x.zeros && x.zeros != MAP_FAILED)
		munmap(x.zeros, x.zeros_len);
	trace_free(&x.sim);
	free(x.flights);
	free(x.ended);
	free(x.tmrs);
	return rc > 0 ? 0 : rc;
}
