/* SPDX-License-Identifier: MIT */
/*
 * Carrying out a seat program on a real UIO node: what its operations share.
 *
 * A program may be as hostile as it likes to the kernel, never to itself: ring offsets and lengths
 * are checked before they are followed, a fault of an access ends that operation only, and
 * everything that waits has a bound. Threads share the node, its mappings and the initiator; each
 * has a place in the ring and taken commands of its own.
 */
#ifndef HARNESS_SEAT_RUN_H
#define HARNESS_SEAT_RUN_H

#include "program.h"
#include "../consumer/consumer.h"
#include "../handlers/scsi.h"

#include <pthread.h>
#include <scsi/sg.h>
#include <sys/types.h>

#define SEAT_FDS      16
#define SEAT_MAPS     16
#define SEAT_TAKEN    64
#define SEAT_SENT     64
#define SEAT_THREADS  16
#define SEAT_CHILDREN 64
#define SEAT_LABEL    24
#define SEAT_IOVS     4096 /* of one command */

/** struct seat_options - @node: "/dev/uioN"; @initiator: "/dev/sgN" or NULL */
struct seat_options {
	const char *node;
	const char *initiator;
	uint32_t block_size;
	uint64_t disk_bytes;
	uint32_t time_limit_s;
};

struct seat_mapping {
	void *addr;
	size_t len;
};

/** struct seat_sent - a command on its way from the initiator; busy until it has come back */
struct seat_sent {
	bool busy;
	char label[SEAT_LABEL];
	struct sg_io_hdr hdr;
	uint8_t cdb[RINGSIM_CDB_MAX], sense[96];
	uint8_t *data;
};

/** struct seat - what all threads of a program share; @lock guards all but the region */
struct seat {
	const struct seat_options *opt;
	const struct seat_program *prog;
	char configfs[512];
	int fd[SEAT_FDS], fds;
	struct seat_mapping map[SEAT_MAPS];
	int maps;
	uint8_t *region;
	size_t map_len;
	uint32_t cmdr_off, cmdr_size;
	int sg;
	struct seat_sent sent[SEAT_SENT];
	int resets;
	pid_t child[SEAT_CHILDREN];
	int children;
	pthread_t thread[SEAT_THREADS];
	int threads;
	struct store *store;
	pthread_mutex_t lock;
	bool failed, stop;
};

/** struct seat_taken - a command off the ring; @iov is the command's, valid until answered */
struct seat_taken {
	bool used;
	char label[SEAT_LABEL];
	uint32_t at, len;
	struct consumer_cmd cmd;
	struct iovec *iov;
};

/** struct seat_run - one thread's way through the program */
struct seat_run {
	struct seat *s;
	const struct seat_op *op;
	uint32_t next;	      /* ring offset at which taking goes on */
	uint32_t at, len, id; /* entry taken last */
	uint64_t iov;
	struct seat_taken taken[SEAT_TAKEN];
	struct scsi_lun lun;
	struct consumer quiet; /* tells nobody of stores to Data-In */
	bool locked;	       /* holds s->lock, for when an access faults */
	uint32_t first, end;   /* of the program, for a thread */
};

/** seat_run() - carry out @prog; returns an exit status. */
int seat_run(const struct seat_program *prog, const struct seat_options *opt);

/** seat_say() - one line of output, behind line number and verb. */
void seat_say(const struct seat_run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** seat_num() - argument @i, or @otherwise if it was not given. */
uint64_t seat_num(const struct seat_run *r, int i, uint64_t otherwise);
/** seat_word() - argument @i, or @otherwise. */
const char *seat_word(const struct seat_run *r, int i, const char *otherwise);
/** seat_range() - 0 if [@where, @where + @len) lies in the mapped region, else -ENXIO, -ERANGE. */
int seat_range(const struct seat_run *r, uint64_t where, uint64_t len);
void seat_lock(struct seat_run *r);
void seat_unlock(struct seat_run *r);
int64_t seat_now_ms(void);
void seat_sleep_ms(uint64_t ms);

/* The verbs. 0 or -errno; where the row in verbs.c says more, they print it. */
int seat_do_take(struct seat_run *r);
int seat_do_answer(struct seat_run *r);
int seat_do_data(struct seat_run *r);
int seat_do_skip(struct seat_run *r);
int seat_do_serve(struct seat_run *r);
int seat_do_seek(struct seat_run *r);
int seat_do_tail(struct seat_run *r);
int seat_do_ring(struct seat_run *r);
int seat_do_wait(struct seat_run *r);
int seat_do_read(struct seat_run *r);
int seat_do_store(struct seat_run *r);
int seat_do_load(struct seat_run *r);
int seat_do_fill(struct seat_run *r);
int seat_do_show(struct seat_run *r);
int seat_do_map(struct seat_run *r);
int seat_do_unmap(struct seat_run *r);
int seat_do_protect(struct seat_run *r);
int seat_do_advise(struct seat_run *r);
int seat_do_remap(struct seat_run *r);
int seat_do_open(struct seat_run *r);
int seat_do_close(struct seat_run *r);
int seat_do_dup(struct seat_run *r);
int seat_do_fork(struct seat_run *r);
int seat_do_send(struct seat_run *r);
int seat_do_reset(struct seat_run *r);
int seat_do_results(struct seat_run *r);
int seat_do_write(struct seat_run *r);
int seat_do_netlink(struct seat_run *r);

/** seat_wait_event() - until the node is readable; 1, 0 after @ms, -errno. */
int seat_wait_event(struct seat_run *r, int64_t ms);
/** seat_read_event() - take the event off the node; bytes read or -errno. */
int seat_read_event(struct seat_run *r, size_t bytes, uint32_t *value);
/** seat_doorbell() - write @bytes of @value. */
int seat_doorbell(struct seat_run *r, size_t bytes, uint64_t value);
/** seat_node_open() - find out about @opt->node, open and map it; prints what fails. */
int seat_node_open(struct seat *s);
void seat_node_close(struct seat *s);
int seat_initiator_open(struct seat *s);
void seat_initiator_close(struct seat *s);
/** seat_execute() - carry out @t->cmd on the disk. */
void seat_execute(struct seat_run *r, struct seat_taken *t);

#endif
