/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness run`: a client in a world, with handlers behind its devices.
 *
 * options.c  the command line		front.c	   the process that the user started
 * owner.c    the process that has the world	start.c	   devices and handlers, until they serve
 * count.c    what was asked, in numbers	report.c   what came of it
 * trace.c    what happened on the ring			cpu.c	   processor time
 *
 * Two processes: the front stays outside the world, takes the user's signals and waits; its child,
 * the owner, has the world, and everything else descends from that. Each adopts what loses its
 * parent, and whichever dies, the other ends everything: the owner learns of the front's death by
 * the socket between them, the front of the owner's by SIGCHLD. The client is in the front's
 * process group, which has the terminal; the owner and the handlers are not, so that neither ^C nor
 * a signal to the group stops the world before its programs.
 */
#ifndef HARNESS_RUN_RUN_H
#define HARNESS_RUN_RUN_H

#include "../../ringsim/world/world.h"

#include <ringsim/sanitizer.h>
#include <signal.h>
#include <stdio.h>

struct trace_tap;

#define RUN_DEVICES    16
#define RUN_HANDLERS   16
#define RUN_VIOLATIONS 32

/** struct run_device_config - a --device; strings are the command line's, or allocated once */
struct run_device_config {
	const char *name, *config;
	uint64_t size_bytes;
	uint32_t block_size, ring_mb, data_area_mb;
};

/** struct run_config - the command line; @client: NULL-terminated; @trace_fd: open, or -1 */
struct run_config {
	struct run_device_config devices[RUN_DEVICES];
	uint32_t n_devices;
	const char *handlers[RUN_HANDLERS];
	uint32_t n_handlers;
	const char *json, *trace;
	int trace_fd;
	enum world_mechanism mechanism;
	uint32_t cmd_time_out_s, start_ms;
	bool replies, restart, lax;
	char **client;
};

/** run_options() - fill in *@cfg. -1 to go on, or the exit status after help or a complaint. */
int run_options(struct run_config *cfg, int argc, char **argv);
/** run_options_free() - whatever it returned. */
void run_options_free(struct run_config *cfg);

/* --- counting ----------------------------------------------------------------------------------
 */

/** struct ending - how often commands of one opcode ended like this; @sense: key << 16 | ASC/ASCQ
 */
struct ending {
	uint8_t status;
	enum ringsim_outcome outcome;
	uint32_t sense;
	uint64_t n;
};

#define ENDINGS 12 /* of an opcode that are told apart; more are counted as one */

/** struct opcount - commands of one opcode; @core: of them, answered by the target core */
struct opcount {
	uint64_t n, bytes, good, core, other;
	struct ending endings[ENDINGS];
	uint32_t n_endings;
};

/** struct breach - violations of one clause; @what: the first of them */
struct breach {
	char clause[16], what[200];
	uint64_t n;
};

struct counts {
	struct opcount ops[256];
	uint64_t n, expired;
	struct breach breaches[RUN_VIOLATIONS];
	uint32_t n_breaches;
	uint64_t violations;
};

void count_command(struct counts *c, const struct world_command *cmd);
/** count_violation() - true if it is the first of its clause. */
bool count_violation(struct counts *c, const struct ringsim_violation *v);
/** count_reset() - forget commands, not violations. */
void count_reset(struct counts *c);

/** run_cpu_begin(), run_cpu_end() - processor time while the client runs, ours and handlers'. */
struct run;
void run_cpu_begin(struct run *r);
void run_cpu_end(struct run *r);

/* --- the owner ---------------------------------------------------------------------------------
 */

/**
 * struct run_device
 * @minor:  of uioN and sgN, as devices are made in order
 * @file:   a backing file for {file}; "" until somebody needs it
 * @added:  enabled; @rc: what enable returned
 * @asked, @served: TEST UNIT READY was sent, and answered
 * @held:   a handler had it open when we looked last
 * @events, @doorbells: taken over before the device goes
 * @cpu_pid: who held it when the client was started, 0: nobody; @cpu_ns: processor time of that
 *           process until then, and in the end what it used since; UINT64_MAX: cannot be told
 */
struct run_device {
	const struct run_device_config *cfg;
	struct run *run;
	struct world_device *d;
	unsigned int minor;
	char file[300];
	bool added, asked, served, held;
	int rc;
	uint64_t events, doorbells, cpu_ns;
	pid_t cpu_pid;
	struct counts counts;
};

/** struct run_handler - @restarts: how often it was started again; @how: it ended */
struct run_handler {
	const char *command;
	pid_t pid;
	uint32_t restarts;
	uint64_t started_ms;
	char how[64];
};

/** enum run_stage - what the owner is at */
enum run_stage { RUN_STARTING, RUN_CLIENT, RUN_ENDING };

struct run {
	const struct run_config *cfg;
	const char *dir;
	struct world *w;
	struct run_device devices[RUN_DEVICES];
	struct run_handler handlers[RUN_HANDLERS];
	enum run_stage stage;
	pid_t client;
	int client_status; /* as waitpid() gives it */
	bool client_ended;
	int control, sigchld;
	pid_t front_group;
	int signal; /* that ends us, 0 if none did */
	uint64_t kill_at_ms;
	struct world_stats before, after;
	uint64_t cpu_ns;	 /* of ours, as of a device's */
	struct trace_tap *trace; /* NULL: none, or it is over */
};

/** struct run_signal - from the front to the owner: it received this; the client did as well */
struct run_signal {
	int sig;
	bool group;
};

/** run_owner() - the owner's whole life; its exit status. Leaves no descendant. */
int run_owner(const struct run_config *cfg, const char *dir, int control);
/** run_front() - fork the owner and wait; the exit status. Removes nothing. */
int run_front(const struct run_config *cfg, const char *dir);

/** run_turn() - wait for at most @ms, then do what is due; false if it is time to stop. */
bool run_turn(struct run *r, int ms);
uint64_t run_now_ms(void);
/** run_say() - "tcmu-harness run: ..." on stderr. */
void run_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** run_start() - devices and handlers; returns when all are served. 0, or an exit status. */
int run_start(struct run *r);
/** run_handler_ended() - if @pid was one; it may be started again. */
void run_handler_ended(struct run *r, pid_t pid, int status);
/** run_held() - look who holds devices, and say when nobody does any more. */
void run_watch_nodes(struct run *r);
/** run_how() - "exited with status 1" from what waitpid() gave. */
void run_how(int status, char *buf, size_t len);

/** run_trace_open() - before anything starts: the file of --trace. 0 or an exit status. */
int run_trace_open(struct run_config *cfg);
void run_trace_close(struct run_config *cfg);
/** run_trace_start() - @d was made, and nobody knows of it yet. 0 or an exit status. */
int run_trace_start(struct run *r, struct run_device *d);
/** run_trace_stop() - if there is one: before the device goes, or when it has gone. */
void run_trace_stop(struct run *r);

/** run_report() - on stderr, and as JSON if asked for. 0 or an exit status. */
int run_report(const struct run *r, int status);

#endif
