/* SPDX-License-Identifier: MIT */
/*
 * A bare ring between two pinned, polling threads: what any TCMU has to pay at least.
 *
 * Entries are as long as TCMU's shortest commands (128 bytes) and carry an id, one iov and a CDB;
 * the answer overwrites the entry's first 16 bytes; head and tail are a cache line apart, as in the
 * mailbox. There is no list of what is on its way, no timer, no data area, no wrapping, no check.
 */
#include "lane.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Twice what can be on its way, a power of two. */
#define ENTRIES 512u

/* As long as struct tcmu_cmd_entry with one iov and a CDB of 10 bytes. */
struct entry {
	uint32_t len_op;
	uint16_t id;
	uint8_t kflags, uflags;
	uint8_t status, pad[7];
	uint64_t iov_cnt, cdb_off;
	uint64_t reserved[2];
	struct iovec iov;
	uint8_t room[48];
	uint8_t cdb[16];
};
_Static_assert(sizeof(struct entry) == 128, "an entry is 128 bytes long");

struct ring {
	struct lane lane;
	pthread_t thread;
	bool started;
	int cpu;
	uint32_t head, reclaim; /* the initiator's */
	struct ringsim_cmd *sent[ENTRIES];

	_Alignas(128) _Atomic uint32_t cmd_head;
	_Alignas(128) _Atomic uint32_t cmd_tail;
	_Alignas(128) _Atomic bool stop;
	_Atomic pid_t tid;
	_Alignas(128) struct entry entries[ENTRIES];
};

/* The handler: looks at each command and answers GOOD. */
static void *handler(void *arg)
{
	struct ring *r = arg;
	uint32_t tail = 0, head;
	uint8_t status;
	struct entry *e;

	lane_pin(0, r->cpu);
	atomic_store(&r->tid, gettid());
	while (!atomic_load_explicit(&r->stop, memory_order_relaxed)) {
		head = atomic_load_explicit(&r->cmd_head, memory_order_acquire);
		if (head == tail)
			continue;
		for (; tail != head; tail++) {
			e = &r->entries[tail % ENTRIES];
			status = e->cdb[0] == 0x28 || e->cdb[0] == 0x2a ? 0 : 2;
			e->status = status;
			e->uflags = 0;
		}
		atomic_store_explicit(&r->cmd_tail, tail, memory_order_release);
	}
	return NULL;
}

static void ring_close(struct lane *l)
{
	struct ring *r = (struct ring *)l;

	atomic_store(&r->stop, true);
	if (r->started)
		pthread_join(r->thread, NULL);
	free(r);
}

static int ring_open(struct lane **out, const struct lane_config *cfg, char *err, size_t err_len)
{
	struct ring *r = aligned_alloc(128, sizeof(*r));
	int rc = ENOMEM;

	*out = NULL;
	if (r) {
		memset(r, 0, sizeof(*r));
		r->lane.ops = &lane_ring;
		r->cpu = cfg->cpu;
		rc = pthread_create(&r->thread, NULL, handler, r);
		r->started = !rc;
	}
	if (rc) {
		snprintf(err, err_len, "ring between threads: %s", strerror(rc));
		if (r)
			ring_close(&r->lane);
		return -rc;
	}
	while (!atomic_load(&r->tid)) /* ends: it is the thread's first act */
		sched_yield();
	r->lane.parties[0] = (struct lane_party){ getpid(), atomic_load(&r->tid) };
	r->lane.n_parties = 1;
	*out = &r->lane;
	return 0;
}

static void ring_submit(struct lane *l, struct ringsim_cmd *const *cmds, uint32_t n,
			uint64_t now_ns)
{
	struct ring *r = (struct ring *)l;
	struct entry *e;
	uint32_t i;

	(void)now_ns;
	for (i = 0; i < n; i++) {
		e = &r->entries[r->head % ENTRIES];
		e->len_op = sizeof(*e);
		e->id = (uint16_t)r->head;
		e->kflags = e->uflags = 0;
		e->iov_cnt = 1;
		e->cdb_off = offsetof(struct entry, cdb);
		e->iov = (struct iovec){ NULL, cmds[i]->data_len };
		memcpy(e->cdb, cmds[i]->cdb, sizeof(e->cdb));
		r->sent[r->head % ENTRIES] = cmds[i];
		r->head++;
	}
	atomic_store_explicit(&r->cmd_head, r->head, memory_order_release);
}

static int ring_poll(struct lane *l, uint64_t now_ns, uint32_t wait_us)
{
	struct ring *r = (struct ring *)l;
	uint32_t tail = atomic_load_explicit(&r->cmd_tail, memory_order_acquire);
	struct ringsim_cmd *c;

	(void)now_ns;
	(void)wait_us;
	for (; r->reclaim != tail; r->reclaim++) {
		c = r->sent[r->reclaim % ENTRIES];
		c->outcome = RINGSIM_ANSWERED;
		c->status = r->entries[r->reclaim % ENTRIES].status;
		lane_end(l, c);
	}
	return 0;
}

static void ring_counters(struct lane *l, struct lane_counters *out)
{
	(void)l;
	memset(out, 0xff, sizeof(*out));
}

const struct lane_ops lane_ring = { ring_open, ring_submit, ring_poll, ring_counters, ring_close };
