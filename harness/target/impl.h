/* SPDX-License-Identifier: MIT */
/*
 * What the files of harness/target share.
 *
 * target.c   everything common: commands, time, log
 * sim.c      the simulated device
 * inproc.c   a handler in this process, stepped
 * process.c  a handler in another process; process_attach.c, process_world.c: how it gets the
 *            device; process_state.c: what its threads do
 * kernel*.c  a device of the running kernel, reached over iSCSI
 * seat.c     the case plays the handler
 */
#ifndef HARNESS_TARGET_IMPL_H
#define HARNESS_TARGET_IMPL_H

#include "target.h"

#include "../cases/case.h"

#include <ringsim/attach.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/types.h>

#define LOG_LINES 24
#define LOG_WIDTH 128
#define TMRS	  64
#define UNSEEN	  64

/**
 * struct store_cache - what is dear to make, kept from case to case: each case finds it as if new
 *
 * @store: of an in-process handler. Making an engine costs more than most cases (io_destroy(2)
 *         alone waits for an RCU grace period)
 * @devs:  simulated devices that nobody outside of this process has had in hand
 */
struct store_cache {
	struct store *store;
	uint64_t size_bytes;
	uint32_t block_size;
	struct ringsim_device *devs[4];
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
 * @overlook:   clauses (ids, separated by commas) that the sanitizer may see broken without failing
 *              a case that is about others, or NULL
 * @timeout_ms: real time that another process gets to answer
 * @io_ms:      real time that the store of an in-process handler gets for an operation; 0: plenty
 * @cache:      each worker process has its own copy
 * @site:       where the running kernel's objects are made, or NULL: the simulator
 * @world:      where an exec'ed handler finds its device as on a real host, or NULL: attach
 * protocol
 */
struct target_spec {
	const char *label;
	const struct handler_api *api;
	const char *engine;
	const char *exec;
	const char *program;
	const char *tmpdir;
	bool persistent;
	const char *overlook;
	uint32_t timeout_ms;
	uint32_t io_ms;
	struct store_cache *cache;
	const struct kernel_site *site;
	struct world_site *world;
};

/**
 * struct target_ops - a kind of target; the functions of target.h with these names, and
 * @make:           the device from @opts; has failed or skipped the case if it is not 0
 * @stop:           everything that make() and start_handler() made; may be called at any time
 * @settle_submits: everything that was submitted is on the ring, has ended or waits
 * @await_tmrs:     an answer that is due may have a moment to come; may be NULL
 * @word:           a 32-bit word of the ring's region, where it is not mapped
 * @handler_pid, @is_node, @hold_node, @serial: for handlers that open a node by themselves
 */
struct target_ops {
	int (*make)(struct target *t);
	int (*start_handler)(struct target *t);
	void (*stop)(struct target *t);
	size_t (*describe)(struct target *t, char *buf, size_t len);
	void (*submit)(struct target *t, struct target_io *io);
	int (*wait)(struct target *t, struct target_io *io);
	void (*settle)(struct target *t);
	void (*settle_submits)(struct target *t);
	void (*advance)(struct target *t, uint64_t ms);
	bool (*tmr)(struct target *t, uint8_t type, struct target_io **ios, uint32_t n);
	void (*await_tmrs)(struct target *t);
	int (*block_dev)(struct target *t, bool block);
	int (*reset_ring)(struct target *t, unsigned int level);
	int (*free_kept_buf)(struct target *t, uint32_t id);
	int (*qfull_time_out)(struct target *t, int32_t seconds);
	uint32_t (*events)(struct target *t);
	int (*uio_open)(struct target *t);
	void (*uio_close)(struct target *t);
	ssize_t (*uio_read)(struct target *t, void *buf, size_t len);
	ssize_t (*uio_write)(struct target *t, const void *buf, size_t len);
	short (*uio_poll)(struct target *t);
	void (*kill)(struct target *t);
	bool (*attached)(const struct target *t);
	void (*plug)(struct target *t, bool plug);
	uint32_t (*word)(struct target *t, uint32_t off);
	pid_t (*handler_pid)(const struct target *t);
	bool (*is_node)(const struct target *t, const char *link);
	void (*hold_node)(struct target *t, uint32_t ms);
	void (*serial)(const struct target *t, char *buf, size_t len);
};

extern const struct target_ops sim_ops, kernel_ops;

/*
 * A handler in this process. @stuck: its store has not finished in time: it is left where it is,
 * along with the handler and what both may write to.
 */
struct inproc {
	struct handler *h;
	struct store *store;
	struct consumer_probe probe;
	void *map;
	size_t map_len;
	bool fresh, frozen, killed, keep_power, refused, stuck;
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

/**
 * struct door - how a handler in another process gets at the device
 * @did, @does: what it does when it comes: "attached", "attach"
 * @open:   gets everything ready but the handler; once for a device
 * @start:  starts the handler; again after it was killed
 * @serve:  one round of work, waiting at most @ms for something to do; doorbells handled
 * @event:  the device has something for the handler
 * @taken:  a handler has the device and its region
 * @holder: the process that took the device last, 0 if none did
 * @asked:  running count of what its handlers asked of a world; NULL: there is none
 * @hint:   more about a handler that did not come; "" if there is nothing to say
 * @close:  ends the handler, or takes the device away from it; after that the device may go
 */
struct door {
	const char *did, *does;
	int (*open)(struct target *t);
	int (*start)(struct target *t);
	uint32_t (*serve)(struct target *t, int ms);
	void (*event)(struct target *t);
	bool (*taken)(const struct target *t);
	pid_t (*holder)(const struct target *t);
	uint64_t (*asked)(const struct target *t);
	const char *(*hint)(const struct target *t);
	void (*close)(struct target *t);
};

extern const struct door door_attach, door_world;

/** world_is_node(), world_serial() - see target.h; only in a world. */
bool world_is_node(const struct target *t, const char *link);
void world_serial(const struct target *t, char *buf, size_t len);

/* A handler in another process. */
struct process {
	const struct door *door; /* NULL: closed */
	struct ringsim_attach *server;
	struct world_device *world_device;
	pid_t taker;		/* of a device that was removed */
	uint64_t held_until_ms; /* by somebody else; 0 = not */
	bool waiting;		/* for the end of what netlink announced, then @rc */
	bool served_when_added;
	bool starved; /* the last run ended though it could have gone on */
	int rc;
	pid_t pid;
	uint32_t serial;
	bool frozen, mapping_checked;
	int output_fd;
	char path[256], store[256], output[256];
};

/**
 * struct log_line - something that happened; put into words when somebody asks
 */
struct log_line {
	enum { LOG_TEXT, LOG_SUBMIT, LOG_ENDED, LOG_ENDED_SENSE } kind;
	union {
		char text[LOG_WIDTH];
		struct {
			uint8_t cdb[16];
			enum ringsim_dir dir;
			uint32_t len;
		} submit;
		struct {
			uint8_t opcode, status, key;
			uint16_t id, asc;
			uint32_t residual;
			enum ringsim_outcome outcome;
		} ended;
	};
};

/**
 * struct target - see target.h
 * @one_mapping: a handler in this process gets the simulator's own mapping. It costs half of the
 *               page faults, and a load after the unmapping is not seen
 * @unseen:      the last commands whose end the case has not waited for; entries may be NULL
 */
struct target {
	const struct target_ops *ops;
	const struct target_spec *spec;
	struct tc *tc;
	unsigned int needs;
	bool seat, is_process, one_mapping, blocked;
	struct target_opts opts;
	struct ringsim_device *dev;
	struct ringsim_uio uio;
	struct kernel *kernel;
	uint8_t *region; /* NULL: nobody in this process has mapped it */
	uint64_t region_size;
	struct ringsim_layout layout;
	uint64_t now_ns, order;
	struct ringsim_tmr tmrs[TMRS];
	uint32_t tmr_next, tmr_done;
	struct target_capacity cap;
	void (*on_end)(void *ctx, struct target_io *io);
	void *on_end_ctx;
	const struct target_io *unseen[UNSEEN];
	uint32_t unseen_next;
	struct inproc in;
	struct process proc;
	struct log_line log[LOG_LINES];
	uint32_t log_next;
};

/** target_create() - a target for one case; target_destroy() stops what runs. */
struct target *target_create(const struct target_spec *spec, struct tc *tc, unsigned int needs);
void target_destroy(struct target *t);
/** target_recast() - the same target, which is stopped, for another case. */
void target_recast(struct target *t, struct tc *tc, unsigned int needs);
/** target_describe() - the log and the ring, for a failure report. As snprintf(). */
size_t target_describe(struct target *t, char *buf, size_t len);

void target_log(struct target *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** target_ended() - @io has its status: order, log. */
void target_ended(struct target *t, struct target_io *io);

/* runner's side of a case (harness/tc.c) */
void tc_violation(struct tc *tc, const struct ringsim_violation *v);
/** tc_leave() - end the case here and now: @why it cannot say anything on this target. */
void tc_leave(struct tc *tc, const char *why) __attribute__((noreturn));

int inproc_start(struct target *t);
void inproc_stop(struct target *t);
void inproc_kill(struct target *t);
bool inproc_turn(struct target *t);
int inproc_run(struct target *t, struct target_io *io);
/** sim_drop_cache() - destroy the devices that cases shared. */
void sim_drop_cache(struct store_cache *cache);
/** inproc_drop_cache() - give back what cases shared. */
void inproc_drop_cache(const struct target_spec *spec);

int process_start(struct target *t);
void process_stop(struct target *t);
void process_kill(struct target *t);
int process_run(struct target *t, struct target_io *io);
/** process_attach_ms() - how long a handler may take from its start until it has the device. */
uint32_t process_attach_ms(const struct target *t);
/** process_hold() - somebody else holds the node for @ms. */
void process_hold(struct target *t, uint32_t ms);
/** process_await() - until the handler has taken the device. 0, or the case has failed. */
int process_await(struct target *t);
/** process_await_idle() - in a world: until the handler asks for nothing more. As above. */
int process_await_idle(struct target *t);
/** process_serve() - one round of work, see struct door. */
uint32_t process_serve(struct target *t, int ms);
uint64_t process_now_ms(void);
/** process_read_line() - the beginning of a file of /proc; false if there is none. */
bool process_read_line(const char *path, char *buf, size_t len);
/** process_stopped() - SIGSTOP has stopped the group @pid. */
bool process_stopped(pid_t pid);
/**
 * struct patience - with a handler whose time is up, as long as it may only lack a processor
 * @asked: it could run when it was looked at last, and had run for too short a time to be judged;
 *         whoever sees progress sets this to false
 */
struct patience {
	uint32_t idle;
	bool asked;
	uint64_t ran_ns;
};
enum process_verdict {
	LOOK_AGAIN,   /* it may be about to wake up */
	GIVE_IT_TIME, /* it could run: as long again */
	SLEEPS,
	HAD_ITS_TIME, /* it runs and runs */
};
/** process_ask() - once @limit_ms have passed. */
enum process_verdict process_ask(struct target *t, struct patience *p, uint32_t limit_ms);
/** process_running() - whether it could run; *@ran_ns: the processor time that it had until now. */
bool process_running(pid_t pid, uint64_t *ran_ns);
/** process_signal() - to all of the handler's process group. */
void process_signal(struct target *t, int sig);

/* What a handler of any target is as a process. */

/** process_output() - the file that takes what it says. 0 or -errno. */
int process_output(struct target *t);
void process_drop_output(struct target *t);
/** process_limit_output() - a handler that talks without end must not fill the disk. */
void process_limit_output(struct target *t);
/** process_spawn() - run @cmd in a shell, with @env=@value in its environment. */
int process_spawn(struct target *t, const char *cmd, const char *env, const char *value);
/** process_dead() - reaps the handler if it is dead; says how in @how. */
bool process_dead(struct target *t, char *how, size_t len);
/** process_words() - the last line that it wrote, for "it exited before attaching: ...". */
void process_words(struct target *t, char *buf, size_t len);
#define PROCESS_CHILDREN_MAX 4096
/** process_children() - ids of this process's children, separated by blanks; "" if unknown. */
void process_children(char *buf, size_t len);
/** process_kill_children() - one round of that; how many there were. */
uint32_t process_kill_children(const char *spare);
/** process_end_all() - kill and reap every descendant but the children listed in @spare. */
void process_end_all(const char *spare);

#endif
