/* SPDX-License-Identifier: MIT */
/*
 * The smallest TCMU handler that is right: one thread, one command at a time, a disk in memory.
 *
 *	cc -O2 -o minimal minimal.c ../consumer/attach.c
 *	tcmu-harness check --exec ./minimal --case 'hnd.*'
 *
 * It goes straight to <linux/target_core_user.h>, so that nothing of the protocol is hidden. Three
 * rules explain its shape: request and response share bytes, so everything is read before anything
 * is written (HND-030); cmd_tail comes last, with release order, since it gives entry and buffers
 * back (HND-038, HND-039); the ring is drained before the first wait, since events from before the
 * open are not reported (HND-041).
 *
 * It serves what a disk cannot do without and refuses the rest. For a real device only main() would
 * change: descriptors and map size come from /dev/uioN and sysfs then, the capacity from configfs.
 */
#include "../consumer/attach.h"

#include <errno.h>
#include <linux/target_core_user.h> /* has a struct iovec of its own: not beside <sys/uio.h> */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHECK_CONDITION	 0x02
/* Sense as key, additional sense code and qualifier; 0 is GOOD. */
#define INVALID_OPCODE	 0x52000u
#define LBA_OUT_OF_RANGE 0x52100u
#define INVALID_FIELD	 0x52400u

struct disk {
	unsigned char *region, *data;
	uint64_t blocks;
	uint32_t block_size;
};

static uint64_t get_be(const unsigned char *p, int n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static void put_be(unsigned char *p, int n, uint64_t v)
{
	for (; n--; v >>= 8)
		p[n] = (unsigned char)v;
}

/* Data-In: at most @alloc bytes, then zeros, for what the buffer held is not the initiator's. */
static void put_data(struct disk *d, const struct tcmu_cmd_entry *e, const void *data, uint64_t len,
		     uint64_t alloc)
{
	const unsigned char *from = data;

	len = len < alloc ? len : alloc;
	for (uint32_t i = 0; i < e->req.iov_cnt; i++) {
		unsigned char *to = d->region + (uintptr_t)e->req.iov[i].iov_base; /* an offset */
		size_t room = e->req.iov[i].iov_len, n = len < room ? len : room;

		memcpy(to, from, n);
		memset(to + n, 0, room - n);
		from += n;
		len -= n;
	}
}

/* No command here answers through the second list that a BIDI command has. */
static void clear_bidi(struct disk *d, const struct tcmu_cmd_entry *e)
{
	for (uint32_t i = 0; i < e->req.iov_bidi_cnt; i++) {
		struct iovec iov = e->req.iov[e->req.iov_cnt + i];

		memset(d->region + (uintptr_t)iov.iov_base, 0, iov.iov_len);
	}
}

static void get_data(struct disk *d, const struct tcmu_cmd_entry *e, unsigned char *to)
{
	for (uint32_t i = 0; i < e->req.iov_cnt; i++) {
		memcpy(to, d->region + (uintptr_t)e->req.iov[i].iov_base, e->req.iov[i].iov_len);
		to += e->req.iov[i].iov_len;
	}
}

static uint32_t read_write(struct disk *d, const struct tcmu_cmd_entry *e, bool write, uint64_t lba,
			   uint64_t n)
{
	uint64_t len = n * d->block_size, room = 0;
	unsigned char *medium;

	if (lba > d->blocks || n > d->blocks - lba) /* lba + n could overflow */
		return LBA_OUT_OF_RANGE;
	medium = d->data + lba * d->block_size;
	for (uint32_t i = 0; i < e->req.iov_cnt; i++)
		room += e->req.iov[i].iov_len;
	if (len != room)
		return INVALID_FIELD;
	if (write)
		get_data(d, e, medium);
	else
		put_data(d, e, medium, len, len);
	return 0;
}

static uint32_t inquiry(struct disk *d, const struct tcmu_cmd_entry *e, const unsigned char *cdb)
{
	unsigned char data[36] = { 0, 0, 6, 2, sizeof(data) - 5, 0, 0, 2 };

	if ((cdb[1] & 1) || cdb[2])
		return INVALID_FIELD; /* no vital product data here */
	memcpy(data + 8, "EXAMPLE minimal         0001", 28);
	put_data(d, e, data, sizeof(data), get_be(cdb + 3, 2));
	return 0;
}

static uint32_t read_capacity(struct disk *d, const struct tcmu_cmd_entry *e, int width,
			      uint64_t len, uint64_t alloc)
{
	unsigned char data[32] = { 0 };
	uint64_t last = d->blocks - 1;

	put_be(data, width, width == 4 && last > UINT32_MAX ? UINT32_MAX : last);
	put_be(data + width, 4, d->block_size);
	put_data(d, e, data, len, alloc);
	return 0;
}

/* One command; returns its sense. */
static uint32_t execute(struct disk *d, const struct tcmu_cmd_entry *e)
{
	const unsigned char *cdb = d->region + e->req.cdb_off;
	bool write = cdb[0] & 2; /* where it is one of the two */

	clear_bidi(d, e);
	switch (cdb[0]) {
	case 0x00: /* TEST UNIT READY; a buffer is unusual but possible */
		put_data(d, e, "", 0, 0);
		return 0;
	case 0x08: /* READ(6), WRITE(6): length 0 is 256 blocks */
	case 0x0a:
		return read_write(d, e, write, get_be(cdb + 1, 3) & 0x1fffff,
				  cdb[4] ? cdb[4] : 256);
	case 0x12:
		return inquiry(d, e, cdb);
	case 0x25: /* READ CAPACITY(10) */
		return read_capacity(d, e, 4, 8, 8);
	case 0x28: /* READ(10), WRITE(10) */
	case 0x2a:
		return read_write(d, e, write, get_be(cdb + 2, 4), get_be(cdb + 7, 2));
	case 0x88: /* READ(16), WRITE(16) */
	case 0x8a:
		return read_write(d, e, write, get_be(cdb + 2, 8), get_be(cdb + 10, 4));
	case 0x9e: /* READ CAPACITY(16), the one SERVICE ACTION IN(16) here */
		return (cdb[1] & 0x1f) == 0x10 ? read_capacity(d, e, 8, 32, get_be(cdb + 10, 4))
					       : INVALID_FIELD;
	case 0xa8: /* READ(12), WRITE(12) */
	case 0xaa:
		return read_write(d, e, write, get_be(cdb + 2, 4), get_be(cdb + 6, 4));
	}
	return INVALID_OPCODE; /* TCMU_UFLAG_UNKNOWN_OP is for opcodes of the ring, not of SCSI */
}

/* From here on the request is gone: the response lies on top of it. */
static void respond(struct tcmu_cmd_entry *e, uint32_t sense)
{
	unsigned char *s = (unsigned char *)e->rsp.sense_buffer;

	if (sense) {
		memset(s, 0, TCMU_SENSE_BUFFERSIZE);
		s[0] = 0x70; /* fixed format, current */
		s[2] = sense >> 16;
		s[7] = 10; /* bytes that follow */
		s[12] = sense >> 8 & 0xff;
		s[13] = sense & 0xff;
	}
	e->rsp.scsi_status = sense ? CHECK_CONDITION : 0;
	e->hdr.uflags = 0;
}

/* Everything from cmd_tail to cmd_head, which moves on meanwhile. */
static void drain(struct disk *d)
{
	struct tcmu_mailbox *mb = (struct tcmu_mailbox *)d->region;
	uint32_t *head_word = (uint32_t *)(d->region + offsetof(struct tcmu_mailbox, cmd_head));
	uint32_t *tail_word = (uint32_t *)(d->region + offsetof(struct tcmu_mailbox, cmd_tail));
	uint32_t tail = *tail_word; /* nobody else moves it; a predecessor may have left it here */

	while (tail != __atomic_load_n(head_word, __ATOMIC_ACQUIRE)) {
		struct tcmu_cmd_entry *e = (void *)(d->region + mb->cmdr_off + tail);

		switch (tcmu_hdr_get_op(e->hdr.len_op)) {
		case TCMU_OP_CMD:
			respond(e, execute(d, e));
			break;
		case TCMU_OP_PAD: /* what is left of the ring before it starts over */
		case TCMU_OP_TMR: /* news of aborted commands, which want their answers all the same
				   */
			break;
		default:
			e->hdr.uflags |= TCMU_UFLAG_UNKNOWN_OP;
		}
		tail = (tail + tcmu_hdr_get_len(e->hdr.len_op)) % mb->cmdr_size;
		__atomic_store_n(tail_word, tail, __ATOMIC_RELEASE);
	}
}

/* Drain, ring, sleep. The first doorbell is for a predecessor that died just before its own. */
static void serve(struct disk *d, int io_fd)
{
	uint32_t word = 0;
	ssize_t n;

	do {
		drain(d);
		do
			n = write(io_fd, &word, sizeof(word));
		while (n < 0 && errno == EINTR);
		if (n == sizeof(word))
			n = read(io_fd, &word, sizeof(word));
	} while (n == sizeof(word) || (n < 0 && errno == EINTR));
}

int main(void)
{
	const char *socket = getenv(TCMU_ATTACH_ENV);
	struct tcmu_attachment att;
	struct disk d;
	char err[256];

	if (!socket || tcmu_attach(socket, &att, err, sizeof(err))) {
		fprintf(stderr, "minimal: %s\n", socket ? err : "$" TCMU_ATTACH_ENV " is not set");
		return 2;
	}
	d.block_size = att.block_size;
	d.blocks = att.size_bytes / att.block_size;
	/* Zeros that take memory only once they are written: devices may be larger than memory. */
	d.data = mmap(NULL, att.size_bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	d.region = mmap(NULL, att.map0_len, PROT_READ | PROT_WRITE, MAP_SHARED, att.mem_fd, 0);
	if (d.data == MAP_FAILED || d.region == MAP_FAILED) {
		perror("minimal");
		return 2;
	}
	if (strncmp(att.name, "tcm-user/", 9) ||
	    ((struct tcmu_mailbox *)d.region)->version != TCMU_MAILBOX_VERSION) {
		fprintf(stderr, "minimal: no TCMU device of version %d\n", TCMU_MAILBOX_VERSION);
		return 2;
	}
	serve(&d, att.io_fd);
	fprintf(stderr, "minimal: the device is gone\n");
	return 0;
}
