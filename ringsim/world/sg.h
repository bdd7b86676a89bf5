/* SPDX-License-Identifier: MIT */
/*
 * The SCSI generic node: what its files share.
 *
 * sg.c       opens, closes, the reserved buffer
 * sg_ioctl.c ioctls
 * sg_cmd.c   a command between the node and the unit: buffers, the midlayer's patience
 * sg_async.c write and read
 *
 * Model: Linux 6.12's driver on tcm_loop; what that answers is on record in results/clients. A node
 * that was opened is one end of a SOCK_SEQPACKET pair, as a UIO node is. Calls on it are
 * intercepted; a message in the socket is there only so that poll() sees that a command can be read
 * (sg_async.c).
 */
#ifndef RINGSIM_WORLD_SG_H
#define RINGSIM_WORLD_SG_H

#include "lu.h"

#include <scsi/scsi_ioctl.h>
#include <scsi/sg.h>

/* What the C library's headers leave out. */
#define SG_FLAG_MMAP_IO		  4
#define SG_FLAG_Q_AT_TAIL	  0x10
#define SG_GET_ACCESS_COUNT	  0x2289
#define SG_SCSI_RESET_TARGET	  4
#define SG_SCSI_RESET_NO_ESCALATE 0x100
#define SCSI_IOCTL_GET_IDLUN	  0x5382
#define SCSI_IOCTL_PROBE_HOST	  0x5385
#define SCSI_IOCTL_GET_BUS_NUMBER 0x5386
#define SCSI_IOCTL_GET_PCI	  0x5387
#define DID_NO_CONNECT		  0x01
#define DID_TIME_OUT		  0x03

#define SG_CDB_MAX		  32	       /* of struct scsi_cmnd */
#define SG_SENSE_MAX		  96	       /* SCSI_SENSE_BUFFERSIZE */
#define SG_MAX_BYTES		  (2560u << 9) /* the queue's max_sectors: what may be reserved */
#define SG_TABLE_SIZE		  256	       /* segments of a page each */
#define SG_PAGE			  4096u
#define SG_QUEUE_DEPTH		  1024
#define SG_QUEUE		  256 /* of a node; a kernel's is 16, too short for fio --iodepth=32 */
#define SG_MSEC			  1000000ull
#define SG_RQ_TIMEOUT_MS	  30000u /* of a request that names none */

struct sg_node;

/**
 * enum sg_state - where a command is
 * @SG_WAITS:    for @retry_ns: the unit was busy, or is being reset
 * @SG_RUNNING:  with the unit, until @deadline_ns
 * @SG_ABORTING: its time was up
 * @SG_DONE:     ended, and not read
 */
enum sg_state { SG_WAITS, SG_RUNNING, SG_ABORTING, SG_DONE };

/**
 * struct sg_cmd - a command of a node, or of an ioctl that makes one
 * @hdr:     the caller's, as it is to be written back
 * @old:     with struct sg_header; @owned: an ioctl waits for it in @call
 * @data:    @len bytes, the node's reserved buffer if @reserved
 * @iov:     where the data come from or go to in the caller's memory
 * @done:    the command has ended
 * @host:    DID_*
 * @asked:   this is REQUEST SENSE by now, after a CHECK CONDITION without any, for @own_sense
 * @out_len: of SCSI_IOCTL_SEND_COMMAND
 */
struct sg_cmd {
	struct lu_io io;
	struct sg_cmd *next;
	struct sg_node *node;
	enum sg_state state;
	sg_io_hdr_t hdr;
	bool old, owned, orphan, reserved;
	struct world_call call;
	uint8_t *data;
	uint32_t len;
	struct iovec *iov;
	uint32_t iov_cnt;
	void (*done)(struct sg_cmd *cmd);
	uint8_t host;
	uint64_t began_ns, deadline_ns, retry_ns, patience_ns;
	bool asked;
	uint8_t own_sense[SG_SENSE_MAX];
	uint32_t out_len;
};

/** struct sg_reader - a read that waits; @pack_id: -1 = any */
struct sg_reader {
	struct sg_reader *next;
	struct world_call call;
	int pack_id;
};

/**
 * struct sg_node - one open of a node
 * @d:        NULL: the device is gone
 * @cmds:     oldest first, what is done and not read included
 * @token:    a message is in the program's socket because something can be read
 * @closed:   the last descriptor is; freed when its last command has ended
 * @reserve:  a memfd's mapping, so that programs can map it, too
 */
struct sg_node {
	struct world_watch watch;
	struct world_file file;
	struct world *w;
	struct world_device *d;
	struct sg_node *next;
	struct sg_cmd *cmds;
	struct sg_reader *readers;
	bool read_only, writable, exclusive, closed, token, old_pending;
	bool cmd_q, force_pack_id, reserve_used, mapped;
	signed char keep_orphan;
	uint8_t next_cmd_len;
	int timeout_user; /* in hundredths of a second */
	int reserve_fd;
	uint8_t *reserve;
	uint32_t reserve_len;
};

struct sg_opening;

/**
 * struct sg_world - all open nodes, and opens that wait for each other
 * @look_ns: when to see which of those who wait were interrupted; 0 = nobody waits
 */
struct sg_world {
	struct sg_node *nodes;
	struct sg_opening *openings;
	uint64_t look_ns;
};
#define SG_LOOK_NS (50 * SG_MSEC)

/* sg.c */
int sg_reserve(struct sg_node *n, uint32_t len);
void sg_node_put(struct sg_node *n);
/** sg_waits() - somebody does from now on. */
void sg_waits(struct sg_world *sg);
/** sg_look() - let go of those who were interrupted. */
void sg_look(struct sg_world *sg);
/** sg_allowed() - what anybody who can open the node may send. */
bool sg_allowed(const struct world_call *c, const uint8_t *cdb, bool writable);

/* sg_cmd.c */
/** sg_cmd_new() - one more command of @n, last in its list; NULL: no memory. */
struct sg_cmd *sg_cmd_new(struct sg_node *n, const struct world_call *c);
void sg_cmd_free(struct sg_cmd *cmd);
unsigned int sg_cmd_count(const struct sg_node *n);
/** sg_buffer() - find room for @len bytes, and take Data-Out from the caller. 0 or -errno. */
int sg_buffer(struct sg_cmd *cmd);
/** sg_start() - send it; cmd->done is called, perhaps from within. */
void sg_start(struct sg_cmd *cmd, const uint8_t *cdb, uint32_t cdb_len, uint32_t timeout_ms);
/** sg_cmds_gone() - the device is: nothing is tried again. */
void sg_cmds_gone(struct sg_node *n);
/** sg_return_data() - Data-In to @c's memory. 0 or -EFAULT. */
int sg_return_data(const struct sg_cmd *cmd, const struct world_call *c);
/** sg_return() - header, sense and data to @c's memory, the command is forgotten. 0 or -errno. */
int sg_return(struct sg_cmd *cmd, const struct world_call *c, uint64_t addr);
/** sg_new_write() - check a header and start what it asks. 0 or -errno. */
int sg_new_write(struct sg_node *n, const struct world_call *c, uint64_t addr, bool owned);

/* sg_async.c */
/** sg_readable() - @cmd can be read: wake who waits for it. */
void sg_readable(struct sg_cmd *cmd);
/** sg_message() - what a program wrote that was not intercepted. */
void sg_message(struct sg_node *n, const uint8_t *msg, size_t len);
void sg_readers_end(struct sg_node *n, int rc);
/** sg_readers_look() - whether any still waits. */
bool sg_readers_look(struct sg_node *n);
/** sg_old_reply() - the answer to the older interface, into the socket. */
void sg_old_reply(struct sg_cmd *cmd);

static inline uint32_t sg_cdb_len(uint8_t opcode)
{
	static const uint8_t len[8] = { 6, 10, 10, 12, 16, 12, 10, 10 };

	return len[opcode >> 5];
}

#endif
