/* SPDX-License-Identifier: MIT */
/*
 * What the files of harness/target share.
 *
 * sim.c      the simulated device and everything common: commands, time, log
 * inproc.c   a handler in this process, stepped
 * process.c  a handler in another process, over the attach protocol
 * seat.c     the case plays the handler
 */
#ifndef HARNESS_TARGET_IMPL_H
#define HARNESS_TARGET_IMPL_H

#include "target.h"

#include "../cases/case.h"

#include <ringsim/attach.h>
#include <setjmp.h>
#include <sys/types.h>

#define LOG_LINES 24
#define LOG_WIDTH 128
#define TMRS	  64

/**
 * struct store_cache - an in-process handler's store, kept from case to case
 *
 * Making an engine costs more than most cases (io_destroy(2) alone waits for an RCU grace period).
 * Every case finds it empty, as if it were new.
 */
struct store_cache {
	struct store *store;
	uint64_t size_bytes;
	uint32_t block_size;
};

/**
 * struct target_spec - which handler a run is about; made once from the command line
 * @label:      what reports call it
 * @api:        in-process handler, or NULL
 * @engine:     "memory", or the engine over a file in @tmpdir
 * @exec:       command of a handler in another process, or NULL
 * @program:    path of tcmu-handler, for cases that want a built-in handler as a process
 * @tmpdir:     directory for sockets, store files and the handler's output
 * @persistent: an exec'ed handler's data survive its death
 * @timeout_ms: real time that another process gets to answer
 * @cache:      each worker process has its own copy
 */
struct target_spec {
	const char *label;
	const struct handler_api *api;
	const char *engine;
	const char *exec;
	const char *program;
	const char *tmpdir;
	bool persistent;
	uint32_t timeout_ms;
	struct store_cache *cache;
};

/* A handler in this process. */
struct inproc {
	struct handler *h;
	struct store *store;
	struct consumer_probe probe;
	void *map;
	size_t map_len;
	bool fresh, frozen, killed;
	unsigned int events;
	uint32_t kill_in;
	uint64_t steps, wakeups;
	int status;
	jmp_buf crash;
	bool stepping;
	void (*on_step)(struct target *t, void *ctx, enum consumer_step step);
	void *on_step_ctx;
	struct target_faults faults;
};

/* A handler in another process. */
struct process {
	struct ringsim_attach *server;
	pid_t pid;
	uint32_t serial;
	bool frozen, mapping_checked;
	int output_fd;
	char path[256], store[256], output[256];
};

struct target {
	const struct target_spec *spec;
	struct tc *tc;
	unsigned int needs;
	bool seat, is_process;
	struct target_opts opts;
	struct ringsim_device *dev;
	struct ringsim_uio uio;
	uint64_t now_ns, order;
	struct ringsim_tmr tmrs[TMRS];
	uint32_t tmr_next, tmr_done;
	struct target_capacity cap;
	struct inproc in;
	struct process proc;
	char log[LOG_LINES][LOG_WIDTH];
	uint32_t log_next;
};

/** target_create() - a target for one case; target_destroy() stops what runs. */
struct target *target_create(const struct target_spec *spec, struct tc *tc, unsigned int needs);
void target_destroy(struct target *t);
/** target_describe() - the log and the ring, for a failure report. As snprintf(). */
size_t target_describe(struct target *t, char *buf, size_t len);

void target_log(struct target *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* runner's side of a case (harness/tc.c) */
void tc_violation(struct tc *tc, const struct ringsim_violation *v);

int inproc_start(struct target *t);
void inproc_stop(struct target *t);
void inproc_kill(struct target *t);
bool inproc_turn(struct target *t);
int inproc_run(struct target *t, struct target_io *io);
/** inproc_drop_cache() - close the store that cases shared. */
void inproc_drop_cache(const struct target_spec *spec);

int process_start(struct target *t);
void process_stop(struct target *t);
void process_kill(struct target *t);
int process_run(struct target *t, struct target_io *io);
#define PROCESS_CHILDREN_MAX 4096
/** process_children() - ids of this process's children, separated by blanks; "" if unknown. */
void process_children(char *buf, size_t len);
/** process_end_all() - kill and reap every descendant but the children listed in @spare. */
void process_end_all(const char *spare);

#endif
