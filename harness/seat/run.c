/* SPDX-License-Identifier: MIT */
/*
 * From operation to operation: blocks, threads, faults and the verdict.
 *
 * An access that faults comes back here by siglongjmp; that is why the thread knows whether it
 * holds the lock. The time limit ends the process whatever it is doing, unless the kernel keeps it.
 */
#include "run.h"

#include <ringsim/shm.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Where a fault of this thread goes. A signal handler has no other way to find it. */
static _Thread_local struct {
	sigjmp_buf env;
	volatile sig_atomic_t armed;
	void *volatile addr;
} trap;

static int (*const verb_fn[SEAT_VERBS])(struct seat_run *r) = {
	[SEAT_TAKE] = seat_do_take,	  [SEAT_ANSWER] = seat_do_answer,
	[SEAT_DATA] = seat_do_data,	  [SEAT_SKIP] = seat_do_skip,
	[SEAT_SERVE] = seat_do_serve,	  [SEAT_SEEK] = seat_do_seek,
	[SEAT_TAIL] = seat_do_tail,	  [SEAT_RING] = seat_do_ring,
	[SEAT_WAIT] = seat_do_wait,	  [SEAT_READ] = seat_do_read,
	[SEAT_STORE] = seat_do_store,	  [SEAT_LOAD] = seat_do_load,
	[SEAT_FILL] = seat_do_fill,	  [SEAT_SHOW] = seat_do_show,
	[SEAT_MAP] = seat_do_map,	  [SEAT_UNMAP] = seat_do_unmap,
	[SEAT_PROTECT] = seat_do_protect, [SEAT_ADVISE] = seat_do_advise,
	[SEAT_REMAP] = seat_do_remap,	  [SEAT_OPEN] = seat_do_open,
	[SEAT_CLOSE] = seat_do_close,	  [SEAT_DUP] = seat_do_dup,
	[SEAT_FORK] = seat_do_fork,	  [SEAT_SEND] = seat_do_send,
	[SEAT_RESET] = seat_do_reset,	  [SEAT_RESULTS] = seat_do_results,
	[SEAT_WRITE] = seat_do_write,	  [SEAT_NETLINK] = seat_do_netlink,
};

static int run_range(struct seat_run *r, uint32_t first, uint32_t end);

void seat_say(const struct seat_run *r, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("%u %s: %s\n", r->op->line, seat_verbs[r->op->verb].name, text);
}

int64_t seat_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void seat_sleep_ms(uint64_t ms)
{
	struct timespec ts = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

	nanosleep(&ts, NULL);
}

void seat_lock(struct seat_run *r)
{
	pthread_mutex_lock(&r->s->lock);
	r->locked = true;
}

void seat_unlock(struct seat_run *r)
{
	r->locked = false;
	pthread_mutex_unlock(&r->s->lock);
}

static uint64_t term_value(const struct seat_run *r, const struct seat_term *t)
{
	const struct seat *s = r->s;

	switch (t->name) {
	case SEAT_HEAD:
		return s->region ? shm_load32_acquire(s->region, RINGSIM_OFF_HEAD) : 0;
	case SEAT_TAIL_NOW:
		return s->region ? shm_load32(s->region, RINGSIM_OFF_TAIL) : 0;
	case SEAT_AT:
		return r->at;
	case SEAT_NEXT:
		return r->next;
	case SEAT_LEN:
		return r->len;
	case SEAT_ID:
		return r->id;
	case SEAT_IOV:
		return r->iov;
	case SEAT_SIZE:
		return s->cmdr_size;
	case SEAT_RING_OFF:
		return s->cmdr_off;
	case SEAT_DATA_OFF:
		return (uint64_t)s->cmdr_off + s->cmdr_size;
	case SEAT_MAP_LEN:
		return s->map_len;
	case SEAT_PAGE:
		return (uint64_t)sysconf(_SC_PAGESIZE);
	case SEAT_NUMBER:
	case SEAT_NAMES:
		break;
	}
	return t->number;
}

uint64_t seat_num(const struct seat_run *r, int i, uint64_t otherwise)
{
	const struct seat_arg *a = &r->op->arg[i];
	uint64_t sum = 0, v;

	if (!a->given)
		return otherwise;
	for (int t = 0; t < a->expr.cnt; t++) {
		v = term_value(r, &a->expr.term[t]);
		sum = a->expr.term[t].minus ? sum - v : sum + v;
	}
	return sum;
}

const char *seat_word(const struct seat_run *r, int i, const char *otherwise)
{
	return r->op->arg[i].given ? r->op->arg[i].text : otherwise;
}

int seat_range(const struct seat_run *r, uint64_t where, uint64_t len)
{
	if (!r->s->region)
		return -ENXIO;
	return shm_span_ok(where, len, r->s->map_len) ? 0 : -ERANGE;
}

static void on_fault(int sig, siginfo_t *info, void *ctx)
{
	(void)ctx;
	if (!trap.armed) {
		signal(sig, SIG_DFL);
		raise(sig);
		return;
	}
	trap.addr = info->si_addr;
	siglongjmp(trap.env, sig);
}

static void on_time_limit(int sig)
{
	static const char text[] = "time limit\n";

	(void)sig;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

/* One operation, with its accesses guarded. */
static int guarded(struct seat_run *r)
{
	int rc, sig = sigsetjmp(trap.env, 1);

	if (sig) {
		trap.armed = 0;
		if (r->locked)
			seat_unlock(r);
		seat_say(r, "fault SIG%s at region+0x%zx", sigabbrev_np(sig),
			 (size_t)((char *)trap.addr - (char *)r->s->region));
		return -EFAULT;
	}
	trap.armed = 1;
	rc = verb_fn[r->op->verb](r);
	trap.armed = 0;
	return rc;
}

/* Whether the program goes on after an operation that came back with @rc. */
static bool as_wanted(struct seat_run *r, int rc)
{
	enum seat_want want = r->op->want;

	if (rc < 0)
		seat_say(r, "%s%s", strerrorname_np(-rc), want == SEAT_MUST ? ", unexpected" : "");
	else if (want == SEAT_MUST_NOT)
		seat_say(r, "succeeded, unexpected");
	return want == SEAT_MAY || (want == SEAT_MUST) == (rc >= 0);
}

static void *thread_main(void *arg)
{
	struct seat_run *r = arg;

	if (run_range(r, r->first, r->end))
		r->s->failed = true;
	free(r);
	return NULL;
}

static int start_thread(struct seat_run *r)
{
	struct seat_run *own;
	struct seat *s = r->s;
	int rc = -EAGAIN;

	own = calloc(1, sizeof(*own));
	if (!own)
		return -ENOMEM;
	own->s = s;
	own->op = r->op;
	own->next = r->next;
	own->at = r->at;
	own->len = r->len;
	own->id = r->id;
	own->iov = r->iov;
	own->lun = r->lun;
	own->lun.consumer = &own->quiet;
	own->first = (uint32_t)(r->op - s->prog->ops) + 1;
	own->end = r->op->end;
	seat_lock(r);
	if (s->threads < SEAT_THREADS)
		rc = -pthread_create(&s->thread[s->threads], NULL, thread_main, own);
	if (!rc)
		s->threads++;
	seat_unlock(r);
	if (rc)
		free(own);
	return rc;
}

static int run_loop(struct seat_run *r)
{
	const struct seat_op *loop = r->op;
	uint32_t first = (uint32_t)(loop - r->s->prog->ops) + 1;
	uint64_t n = seat_num(r, 0, 1);
	int rc = 0;

	for (uint64_t i = 0; i < n && !rc && !r->s->stop; i++)
		rc = run_range(r, first, loop->end);
	return rc;
}

/* Operations [first, end); nonzero when one of them ended the program. */
static int run_range(struct seat_run *r, uint32_t first, uint32_t end)
{
	const struct seat_op *ops = r->s->prog->ops;
	int rc = 0;

	for (uint32_t i = first; i < end && !rc && !r->s->stop; i++) {
		r->op = &ops[i];
		switch (ops[i].verb) {
		case SEAT_LOOP:
			rc = run_loop(r);
			i = ops[i].end;
			break;
		case SEAT_THREAD:
			rc = as_wanted(r, start_thread(r)) ? 0 : 1;
			i = ops[i].end;
			break;
		case SEAT_END:
			break;
		case SEAT_SLEEP:
			seat_sleep_ms(seat_num(r, 0, 0));
			break;
		default:
			rc = as_wanted(r, guarded(r)) ? 0 : 1;
		}
	}
	if (rc)
		r->s->stop = true;
	return rc;
}

static void catch_signals(uint32_t time_limit_s)
{
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct sigaction limit = { .sa_handler = on_time_limit };

	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	sigaction(SIGALRM, &limit, NULL);
	alarm(time_limit_s);
}

static int open_all(struct seat *s)
{
	struct store_config cfg = { .block_size = s->opt->block_size, .depth = 8 };
	char spec[64], err[256];
	int rc;

	snprintf(spec, sizeof(spec), "memory:%llu", (unsigned long long)s->opt->disk_bytes);
	cfg.spec = spec;
	rc = store_open(&s->store, &cfg, err, sizeof(err));
	if (rc) {
		fprintf(stderr, "tcmu-harness seat: %s\n", err);
		return rc;
	}
	rc = seat_node_open(s);
	return rc ? rc : seat_initiator_open(s);
}

static void close_all(struct seat *s)
{
	for (int i = 0; i < s->children; i++)
		kill(s->child[i], SIGKILL);
	seat_initiator_close(s);
	seat_node_close(s);
	if (s->store)
		store_close(s->store);
}

static void task_done(struct scsi_task *t)
{
	(void)t; /* seat_execute() looks at t->finished */
}

int seat_run(const struct seat_program *prog, const struct seat_options *opt)
{
	struct seat *s = calloc(1, sizeof(*s));
	struct seat_run *r = calloc(1, sizeof(*r));
	int status = 2;

	if (!s || !r)
		goto out;
	s->opt = opt;
	s->prog = prog;
	s->sg = -1;
	pthread_mutex_init(&s->lock, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	catch_signals(opt->time_limit_s);
	if (open_all(s))
		goto out;
	r->s = s;
	scsi_lun_init(&r->lun, s->store, opt->block_size, false, false, "seat");
	r->lun.consumer = &r->quiet;
	r->lun.done = task_done;
	r->next = shm_load32(s->region, RINGSIM_OFF_TAIL);
	status = run_range(r, 0, prog->cnt) ? 1 : 0;
	for (int i = 0; i < s->threads; i++)
		pthread_join(s->thread[i], NULL);
	if (s->failed)
		status = 1;
out:
	alarm(0);
	if (s)
		close_all(s);
	free(s);
	free(r);
	return status;
}
