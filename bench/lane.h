/* SPDX-License-Identifier: MIT */
/*
 * A lane: a way on which commands go to a handler and come back.
 *
 * The generator (generator.h) knows nothing of simulators, threads and programs, a lane nothing of
 * workloads. What is between them must cost next to nothing, as there are lanes of a few tens of
 * nanoseconds: commands lie in the generator's storage and are handed over in batches, and come
 * back as pointers in an array, without a call each.
 *
 * One thread, the initiator, makes all the calls. At most LANE_DEPTH commands are on their way.
 * Everything that waits has a bound: poll() returns, whatever the handler does; a handler that is
 * gone is an error with one line in lane.err.
 */
#ifndef BENCH_LANE_H
#define BENCH_LANE_H

#include <ringsim/device.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/** Most commands on their way at once. */
#define LANE_DEPTH   256u
/** Most processes and threads beside the initiator's that serve a lane. */
#define LANE_PARTIES 4u

/**
 * struct lane_cmd - one command
 * @cmd:     what the target core gets: cdb, cdb_room, dir, data_len, sg, sg_cnt are filled in by
 *           the generator. When it ends, @cmd.outcome and @cmd.status have to say how. First, so
 *           that a pointer to one is a pointer to the other
 * @sg:      the initiator's buffer; a simulator copies from and to it, as the kernel does
 * @sent_ns: generator's: when it was sent, or was to be sent; 0 if nobody asks for its latency
 */
struct lane_cmd {
	struct ringsim_cmd cmd;
	struct iovec sg;
	uint64_t sent_ns;
	uint8_t cdb[16];
};

/**
 * struct lane_config - what a lane is opened for; all strings outlive the call only if said
 * @dir:        private directory, for sockets and files
 * @engine:     of the reference handler: "null", "memory", "psync", "libaio", "io_uring"; NULL if
 *              the lane has no such handler
 * @program:    shell command of a handler to be started instead, or NULL
 * @store:      file that a handler serves, or NULL: it serves memory
 * @config:     of a world's device: SUBTYPE/PATH, "{file}" in it stands for @store; NULL: any/x
 * @size_bytes: capacity, a multiple of @block_size
 * @depth:      most commands that will be on their way at once
 * @bytes:      most bytes of data that a command will have
 * @cpu:        where threads and processes of the handler go; -1: anywhere
 * @sanitize:   watch the region (see ringsim/sanitizer.h)
 * @direct:     the handler opens the file with O_DIRECT
 * @adaptive:   tcmu-handler decides by itself how long it polls
 * @sleeping:   the handler sleeps until there is work; else it polls
 */
struct lane_config {
	const char *dir, *engine, *program, *store, *config;
	uint64_t size_bytes;
	uint32_t block_size, depth, bytes;
	int cpu;
	bool sanitize, direct, adaptive, sleeping;
};

/**
 * struct lane_counters - since the lane was opened; UINT64_MAX: cannot be known here
 * @events:     times that the simulator (or kernel) told the handler of new entries
 * @wakeups:    of these, times that the handler was there to hear of: a sleeping one woke up
 * @doorbells:  times that the handler rang
 * @queue_full: commands that found no room and had to wait
 * @ring_high:  most bytes of the command ring in use; @data_high: most blocks of the data area
 */
struct lane_counters {
	uint64_t events, wakeups, doorbells, queue_full, ring_high, data_high;
};

/** struct lane_party - who serves, for whoever counts processor time: all of @pid if @tid is 0. */
struct lane_party {
	pid_t pid, tid;
};

struct lane_ops;

/**
 * struct lane - an open lane; a lane's own struct begins with it
 * @ended:   commands that have ended, [0, n_ended); whoever called poll() takes them out and sets
 *           @n_ended to 0. submit() may add to them, too
 * @parties: of the handler; none if it is served in the initiator's own thread
 * @err:     one line once poll() has returned an error
 */
struct lane {
	const struct lane_ops *ops;
	struct ringsim_cmd *ended[LANE_DEPTH];
	uint32_t n_ended, n_parties;
	struct lane_party parties[LANE_PARTIES];
	char err[256];
};

/**
 * struct lane_ops - a kind of lane
 *
 * @open:     0, -ENOTSUP (not on this machine) or -errno, each with one line in @err. The handler
 *            is ready when it returns
 * @submit:   send @n lane_cmds as one batch: one event when all are on the ring. @now_ns is the
 *            latest time that the generator knows, for the device's timers. Never fails: what
 *            cannot be sent ends with an outcome that says so
 * @poll:     serve: whatever has come is put into @ended. With @wait_us 0 it looks once; else it
 *            may sleep until something ends, at most as long. Returns 0, or -errno with lane.err
 *            set once nothing will ever come again
 * @counters: what is counted, as the struct says; UINT64_MAX where unknown
 * @close:    end everything within a bound; commands on their way are forgotten
 */
struct lane_ops {
	int (*open)(struct lane **out, const struct lane_config *cfg, char *err, size_t err_len);
	void (*submit)(struct lane *l, struct ringsim_cmd *const *cmds, uint32_t n,
		       uint64_t now_ns);
	int (*poll)(struct lane *l, uint64_t now_ns, uint32_t wait_us);
	void (*counters)(struct lane *l, struct lane_counters *out);
	void (*close)(struct lane *l);
};

/** lane_cmd_of() - the command that @cmd is the beginning of. */
static inline struct lane_cmd *lane_cmd_of(struct ringsim_cmd *cmd)
{
	return (struct lane_cmd *)cmd;
}

/** lane_end() - for lanes: @cmd has ended. */
static inline void lane_end(struct lane *l, struct ringsim_cmd *cmd)
{
	l->ended[l->n_ended++] = cmd;
}

/** lane_clock() - CLOCK_MONOTONIC in ns: the time of devices and of everything that is sent. */
static inline uint64_t lane_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * RINGSIM_NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/** lane_pin() - keep a thread (0: the calling one) on @cpu; -1: anywhere, nothing is done. */
static inline void lane_pin(pid_t tid, int cpu)
{
	cpu_set_t cpus;

	if (cpu < 0)
		return;
	CPU_ZERO(&cpus);
	CPU_SET((size_t)cpu, &cpus);
	sched_setaffinity(tid, sizeof(cpus), &cpus);
}

/* The kinds there are; layers.c says what each is good for. */
extern const struct lane_ops lane_floor;   /* every command ends at once */
extern const struct lane_ops lane_ring;	   /* bare ring between two threads */
extern const struct lane_ops lane_sim;	   /* simulator, consumer, null handler in one thread */
extern const struct lane_ops lane_threads; /* the same, consumer in a thread of its own */
extern const struct lane_ops lane_attach;  /* a program over the attach protocol */
extern const struct lane_ops lane_world;   /* an unmodified program in a world */

#endif
