/* SPDX-License-Identifier: MIT */
/*
 * What a SCSI generic node answers: one line for each question, the same on every run.
 *
 *   sg_answers calls NODE        opens, ioctls, SG_IO with all kinds of headers, read and write,
 * poll sg_answers commands NODE     SCSI commands from standard input, one a line: none|in|out
 * LENGTH CDB [DATA]   (hexadecimal but LENGTH)
 *
 * Run on a real kernel, it makes what is expected; run in the world, what is compared with it. It
 * prints nothing that depends on time, addresses or on which node it is. The device is to be served
 * by tcmu-handler; what is written to it is the probe's own, below block 16.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <scsi/scsi_ioctl.h>
#include <scsi/sg.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/bsg.h>

/* What the C library's headers leave out. */
#define SG_FLAG_MMAP_IO		  4
#define SG_FLAG_Q_AT_TAIL	  0x10
#define SG_DXFER_UNKNOWN	  (-5)
#define SG_GET_ACCESS_COUNT	  0x2289
#define SG_SCSI_RESET_TARGET	  4
#define SCSI_IOCTL_GET_IDLUN	  0x5382
#define SCSI_IOCTL_PROBE_HOST	  0x5385
#define SCSI_IOCTL_GET_BUS_NUMBER 0x5386
#define SCSI_IOCTL_GET_PCI	  0x5387

#define BAD			  ((void *)8)

static const uint8_t inquiry[6] = { 0x12, 0, 0, 0, 36, 0 };
static const uint8_t ready[6];
static const uint8_t read_1[10] = { 0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0 };
static const uint8_t write_1[10] = { 0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0 };
static const uint8_t beyond[10] = { 0x28, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 1, 0 };
static uint8_t sense[96], data[1 << 20];

static const char *error_name(int e)
{
	return e ? strerrorname_np(e) : "ok";
}

/* A question's name, then the answer. */
static void say(const char *name, long rc, const char *fmt, ...)
{
	va_list ap;

	if (rc < 0)
		printf("%s: %s", name, error_name(errno));
	else
		printf("%s: %ld", name, rc);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static uint32_t sum(const uint8_t *p, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

static void print_hex(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%02x", p[i]);
}

static sg_io_hdr_t header(const uint8_t *cdb, int len, int dir, void *buf, unsigned int n)
{
	sg_io_hdr_t h = {
		.interface_id = 'S',
		.cmdp = (unsigned char *)cdb,
		.cmd_len = (unsigned char)len,
		.dxfer_direction = dir,
		.dxferp = buf,
		.dxfer_len = n,
		.sbp = sense,
		.mx_sb_len = sizeof(sense),
		.timeout = 20000,
		.pack_id = 7,
	};

	memset(sense, 0xee, sizeof(sense));
	return h;
}

static void say_header(const char *name, long rc, const sg_io_hdr_t *h)
{
	int e = errno;

	printf("%s: %s", name, rc < 0 ? error_name(e) : "");
	if (rc >= 0)
		printf("%ld status=%02x masked=%x msg=%x host=%x driver=%x sb=%u resid=%d info=%x",
		       rc, h->status, h->masked_status, h->msg_status, h->host_status,
		       h->driver_status, h->sb_len_wr, h->resid, h->info);
	if (rc >= 0 && h->sb_len_wr && h->sbp == sense) {
		printf(" sense=");
		print_hex(sense, h->sb_len_wr);
	}
	putchar('\n');
}

static void sg_io(int fd, const char *name, sg_io_hdr_t *h)
{
	long rc = ioctl(fd, SG_IO, h);

	say_header(name, rc, h);
}

/* --- opens ------------------------------------------------------------------------------------ */

static int open_say(const char *node, const char *name, int flags)
{
	int fd = open(node, flags);

	say(name, fd < 0 ? -1 : 0, "");
	return fd;
}

static void opens(const char *node)
{
	struct stat st;
	int a, b;

	if (!stat(node, &st))
		printf("stat: %s major=%u\n", S_ISCHR(st.st_mode) ? "character" : "other",
		       (unsigned int)(st.st_rdev >> 8 & 0xfff));
	close(open_say(node, "open read-only", O_RDONLY));
	close(open_say(node, "open write-only", O_WRONLY));
	close(open_say(node, "open read-only exclusive", O_RDONLY | O_EXCL));
	a = open_say(node, "open exclusive", O_RDWR | O_EXCL);
	b = open_say(node, "open a second time", O_RDWR | O_NONBLOCK);
	close(a);
	close(b);
	a = open_say(node, "open", O_RDWR);
	b = open_say(node, "open exclusive a second time", O_RDWR | O_EXCL | O_NONBLOCK);
	close(a);
	close(b);
}

/* --- ioctls that only tell or set something -----------------------------------------------------
 */

#define ASK(fd, request)                                               \
	do {                                                           \
		int v_ = 0x5a5a5a5a;                                   \
		long rc_ = ioctl(fd, request, &v_);                    \
		say(#request, rc_, rc_ < 0 ? "" : " value=%d", v_);    \
		say(#request " nowhere", ioctl(fd, request, BAD), ""); \
	} while (0)

#define SET(fd, request, ...)                                              \
	do {                                                               \
		int v_[] = { __VA_ARGS__ };                                \
		for (size_t i_ = 0; i_ < sizeof(v_) / sizeof(*v_); i_++) { \
			printf("%d to ", v_[i_]);                          \
			say(#request, ioctl(fd, request, &v_[i_]), "");    \
		}                                                          \
		say(#request " nowhere", ioctl(fd, request, BAD), "");     \
	} while (0)

static void ask_scsi_id(int fd)
{
	struct sg_scsi_id id = { 0 };
	long rc = ioctl(fd, SG_GET_SCSI_ID, &id);

	say("SG_GET_SCSI_ID", rc, " channel=%d type=%d cmd_per_lun=%d depth=%d", id.channel,
	    id.scsi_type, id.h_cmd_per_lun, id.d_queue_depth);
	say("SG_GET_SCSI_ID nowhere", ioctl(fd, SG_GET_SCSI_ID, BAD), "");
}

static void ask_probe(int fd)
{
	union {
		int len;
		char text[64];
	} u = { .len = 63 };
	long rc = ioctl(fd, SCSI_IOCTL_PROBE_HOST, &u);

	say("SCSI_IOCTL_PROBE_HOST", rc, " \"%.63s\"", u.text);
	memset(&u, 0, sizeof(u));
	u.len = 4;
	rc = ioctl(fd, SCSI_IOCTL_PROBE_HOST, &u);
	say("SCSI_IOCTL_PROBE_HOST of 4 bytes", rc, " \"%.4s\"", u.text);
}

static void ask(int fd)
{
	struct {
		uint32_t id, unique;
	} lun = { 0 };
	char slot[64] = "";
	long rc;

	ASK(fd, SG_GET_VERSION_NUM);
	ASK(fd, SG_GET_RESERVED_SIZE);
	ASK(fd, SG_GET_COMMAND_Q);
	ASK(fd, SG_GET_KEEP_ORPHAN);
	ASK(fd, SG_GET_PACK_ID);
	ASK(fd, SG_GET_NUM_WAITING);
	ASK(fd, SG_GET_SG_TABLESIZE);
	ASK(fd, SG_GET_ACCESS_COUNT);
	ASK(fd, SG_GET_LOW_DMA);
	ASK(fd, SG_EMULATED_HOST);
	ASK(fd, SG_GET_TRANSFORM);
	say("SG_GET_TIMEOUT", ioctl(fd, SG_GET_TIMEOUT, NULL), "");
	ask_scsi_id(fd);
	ask_probe(fd);
	rc = ioctl(fd, SCSI_IOCTL_GET_IDLUN, &lun);
	say("SCSI_IOCTL_GET_IDLUN", rc, " channel=%u", lun.id >> 16 & 0xff);
	say("SCSI_IOCTL_GET_IDLUN nowhere", ioctl(fd, SCSI_IOCTL_GET_IDLUN, BAD), "");
	rc = ioctl(fd, SCSI_IOCTL_GET_BUS_NUMBER, slot);
	say("SCSI_IOCTL_GET_BUS_NUMBER", rc, "");
	say("SCSI_IOCTL_GET_PCI", ioctl(fd, SCSI_IOCTL_GET_PCI, slot), " \"%s\"", slot);
	ASK(fd, BLKSECTGET);
	ASK(fd, BLKSSZGET);
	ASK(fd, BLKPBSZGET);
	ASK(fd, BLKROGET);
	ASK(fd, BLKGETSIZE);
	ASK(fd, BLKGETSIZE64);
	say("BLKFLSBUF", ioctl(fd, BLKFLSBUF, 0), "");
	say("SCSI_IOCTL_TEST_UNIT_READY", ioctl(fd, SCSI_IOCTL_TEST_UNIT_READY, NULL), "");
	say("SCSI_IOCTL_START_UNIT", ioctl(fd, SCSI_IOCTL_START_UNIT, NULL), "");
	say("SCSI_IOCTL_DOORLOCK", ioctl(fd, SCSI_IOCTL_DOORLOCK, NULL), "");
	say("SCSI_IOCTL_DOORUNLOCK", ioctl(fd, SCSI_IOCTL_DOORUNLOCK, NULL), "");
	say("an unknown ioctl", ioctl(fd, 0x22ff, slot), "");
	say("SG_IO nowhere", ioctl(fd, SG_IO, BAD), "");
}

static void set(int fd)
{
	SET(fd, SG_SET_TIMEOUT, -1, 0, 100, 0x7fffffff);
	say("SG_GET_TIMEOUT", ioctl(fd, SG_GET_TIMEOUT, NULL), "");
	SET(fd, SG_SET_TIMEOUT, 6000);
	SET(fd, SG_SET_RESERVED_SIZE, -1, 0);
	ASK(fd, SG_GET_RESERVED_SIZE);
	SET(fd, SG_SET_RESERVED_SIZE, 5000);
	ASK(fd, SG_GET_RESERVED_SIZE);
	SET(fd, SG_SET_RESERVED_SIZE, 0x7fffffff);
	ASK(fd, SG_GET_RESERVED_SIZE);
	SET(fd, SG_SET_RESERVED_SIZE, 32768);
	SET(fd, SG_SET_COMMAND_Q, 1, 0);
	ASK(fd, SG_GET_COMMAND_Q);
	SET(fd, SG_SET_KEEP_ORPHAN, 5);
	ASK(fd, SG_GET_KEEP_ORPHAN);
	SET(fd, SG_SET_KEEP_ORPHAN, 0);
	SET(fd, SG_SET_FORCE_PACK_ID, 0);
	SET(fd, SG_NEXT_CMD_LEN, -3, 0, 252, 253, 0);
	SET(fd, SG_SET_DEBUG, 0);
	SET(fd, SG_SET_FORCE_LOW_DMA, 1);
	say("SG_SET_TRANSFORM", ioctl(fd, SG_SET_TRANSFORM, NULL), "");
}

static void read_only(const char *node)
{
	int fd = open_say(node, "open read-only", O_RDONLY);
	sg_io_hdr_t h = header(ready, 6, SG_DXFER_NONE, NULL, 0);

	sg_io(fd, "read-only: TEST UNIT READY", &h);
	h = header(write_1, 10, SG_DXFER_TO_DEV, data, 512);
	sg_io(fd, "read-only: WRITE by root", &h);
	ASK(fd, SG_GET_VERSION_NUM);
	ASK(fd, BLKSSZGET);
	say("read-only: an unknown ioctl", ioctl(fd, 0x22ff, data), "");
	close(fd);
}

/* --- SG_IO --------------------------------------------------------------------------------------
 */

static void sg_io_data(int fd)
{
	sg_io_hdr_t h = header(inquiry, 6, SG_DXFER_FROM_DEV, data, 36);

	memset(data, 0xee, 4096);
	sg_io(fd, "INQUIRY", &h);
	printf("INQUIRY data: %08x\n", sum(data, 64));
	h = header(inquiry, 6, SG_DXFER_FROM_DEV, data, 512);
	memset(data, 0xee, 4096);
	sg_io(fd, "INQUIRY with much room", &h);
	printf("INQUIRY data: %08x\n", sum(data, 1024));
	h = header(inquiry, 6, SG_DXFER_FROM_DEV, data, 5);
	memset(data, 0xee, 4096);
	sg_io(fd, "INQUIRY with little room", &h);
	printf("INQUIRY data: %08x\n", sum(data, 64));
	h = header(inquiry, 6, SG_DXFER_UNKNOWN, data, 36);
	sg_io(fd, "INQUIRY, direction unknown", &h);
	h = header(inquiry, 6, SG_DXFER_TO_FROM_DEV, data, 96);
	memset(data, 0x77, 4096);
	sg_io(fd, "INQUIRY, to and from", &h);
	printf("INQUIRY data: %08x\n", sum(data, 128));
	h = header(inquiry, 6, 5, data, 36);
	sg_io(fd, "INQUIRY, direction 5", &h);
	h = header(inquiry, 6, SG_DXFER_NONE, data, 36);
	sg_io(fd, "INQUIRY, no direction", &h);
	h = header(inquiry, 6, SG_DXFER_FROM_DEV, NULL, 36);
	sg_io(fd, "INQUIRY to NULL", &h);
	h = header(inquiry, 6, SG_DXFER_FROM_DEV, BAD, 36);
	sg_io(fd, "INQUIRY to nowhere", &h);
	h = header(inquiry, 6, SG_DXFER_FROM_DEV, data, 0);
	sg_io(fd, "INQUIRY of nothing", &h);
	h = header(write_1, 10, SG_DXFER_TO_DEV, BAD, 512);
	sg_io(fd, "WRITE from nowhere", &h);
	h = header(write_1, 10, SG_DXFER_TO_DEV, NULL, 512);
	sg_io(fd, "WRITE from NULL", &h);
	memset(data, 0x31, 4096);
	h = header(write_1, 10, SG_DXFER_TO_DEV, data, 512);
	sg_io(fd, "WRITE", &h);
	memset(data, 0xee, 4096);
	h = header(read_1, 10, SG_DXFER_FROM_DEV, data, 512);
	sg_io(fd, "READ", &h);
	printf("READ data: %08x\n", sum(data, 1024));
	h = header(read_1, 10, SG_DXFER_FROM_DEV, data, 4096);
	sg_io(fd, "READ with much room", &h);
	h = header(read_1, 10, SG_DXFER_FROM_DEV, data, 100);
	sg_io(fd, "READ with little room", &h);
	h = header(read_1, 10, SG_DXFER_TO_DEV, data, 512);
	sg_io(fd, "READ, to the device", &h);
	h = header(read_1, 10, SG_DXFER_NONE, NULL, 0);
	sg_io(fd, "READ, without data", &h);
}

static void sg_io_header(int fd)
{
	sg_io_hdr_t h = header(ready, 6, SG_DXFER_NONE, NULL, 0);
	struct sg_io_v4 v4 = { .guard = 'Q', .request = (uintptr_t)ready, .request_len = 6 };

	h.interface_id = 'A';
	sg_io(fd, "interface A", &h);
	h.interface_id = 0;
	sg_io(fd, "interface 0", &h);
	say("interface Q", ioctl(fd, SG_IO, &v4), "");
	h = header(NULL, 6, SG_DXFER_NONE, NULL, 0);
	sg_io(fd, "no CDB", &h);
	h = header(BAD, 6, SG_DXFER_NONE, NULL, 0);
	sg_io(fd, "a CDB from nowhere", &h);
	for (int len = 0; len <= 254; len += len < 6 ? 5 : len < 34 ? 14 : 109) {
		h = header(data, len, SG_DXFER_NONE, NULL, 0);
		memset(data, 0, 260);
		printf("CDB of %d bytes ", len);
		sg_io(fd, "ready", &h);
	}
	h = header(beyond, 10, SG_DXFER_FROM_DEV, data, 512);
	sg_io(fd, "an error", &h);
	h = header(beyond, 10, SG_DXFER_FROM_DEV, data, 512);
	h.mx_sb_len = 8;
	sg_io(fd, "an error in 8 bytes", &h);
	h = header(beyond, 10, SG_DXFER_FROM_DEV, data, 512);
	h.mx_sb_len = 0;
	sg_io(fd, "an error in 0 bytes", &h);
	h = header(beyond, 10, SG_DXFER_FROM_DEV, data, 512);
	h.sbp = NULL;
	sg_io(fd, "an error to NULL", &h);
	h = header(beyond, 10, SG_DXFER_FROM_DEV, data, 512);
	h.sbp = BAD;
	sg_io(fd, "an error to nowhere", &h);
	h = header(ready, 6, SG_DXFER_NONE, NULL, 0);
	h.timeout = 0;
	sg_io(fd, "time-out 0", &h);
	h = header(ready, 6, SG_DXFER_NONE, NULL, 0);
	h.timeout = 0xffffffff;
	sg_io(fd, "time-out for ever", &h);
	h = header(inquiry, 6, SG_DXFER_FROM_DEV, data, 36);
	h.flags = SG_FLAG_DIRECT_IO;
	sg_io(fd, "direct", &h);
	h = header(inquiry, 6, SG_DXFER_FROM_DEV, data, 36);
	h.flags = SG_FLAG_MMAP_IO | SG_FLAG_DIRECT_IO;
	sg_io(fd, "direct and mapped", &h);
	h = header(inquiry, 6, SG_DXFER_FROM_DEV, data, 0x100000);
	h.flags = SG_FLAG_MMAP_IO;
	sg_io(fd, "mapped, more than reserved", &h);
	h = header(inquiry, 6, SG_DXFER_FROM_DEV, data, 36);
	h.flags = SG_FLAG_NO_DXFER;
	memset(data, 0xee, 64);
	sg_io(fd, "no transfer to the user", &h);
	printf("data: %08x\n", sum(data, 64));
	h = header(inquiry, 6, SG_DXFER_FROM_DEV, data, 36);
	h.flags = SG_FLAG_Q_AT_TAIL;
	h.usr_ptr = data;
	h.pack_id = -9;
	h.resid = 99;
	sg_io(fd, "at the tail", &h);
	printf("kept: %d %d %d\n", h.pack_id, h.usr_ptr == data, h.dxfer_len);
}

static void sg_io_large(int fd)
{
	static const unsigned int sizes[] = { 32768,	       131072,	      131073,	 1 << 20,
					      8 << 20,	       (8 << 20) + 1, 33553920,	 33553921,
					      (256 << 20) - 1, 256 << 20,     0xffffffff };
	uint8_t *big = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		sg_io_hdr_t h = header(inquiry, 6, SG_DXFER_FROM_DEV, big, sizes[i]);

		printf("%u bytes for ", sizes[i]);
		sg_io(fd, "INQUIRY", &h);
	}
	munmap(big, 64 << 20);
}

static void sg_io_vectors(int fd)
{
	struct iovec v[4] = {
		{ data, 10 }, { data + 100, 0 }, { data + 200, 20 }, { data + 300, 512 }
	};
	sg_io_hdr_t h = header(inquiry, 6, SG_DXFER_FROM_DEV, v, 36);

	memset(data, 0xee, 1024);
	h.iovec_count = 4;
	sg_io(fd, "vector of 4", &h);
	printf("data: %08x\n", sum(data, 1024));
	h = header(inquiry, 6, SG_DXFER_FROM_DEV, v, 96);
	h.iovec_count = 3;
	memset(data, 0xee, 1024);
	sg_io(fd, "vector shorter than the length", &h);
	printf("data: %08x\n", sum(data, 1024));
	h = header(inquiry, 6, SG_DXFER_FROM_DEV, v + 1, 36);
	h.iovec_count = 1;
	sg_io(fd, "vector of nothing", &h);
	h = header(inquiry, 6, SG_DXFER_FROM_DEV, BAD, 36);
	h.iovec_count = 1;
	sg_io(fd, "vector nowhere", &h);
	h = header(inquiry, 6, SG_DXFER_FROM_DEV, data, 36);
	h.iovec_count = 2000;
	sg_io(fd, "vector of 2000", &h);
	v[0].iov_len = (size_t)-1;
	h = header(inquiry, 6, SG_DXFER_FROM_DEV, v, 36);
	h.iovec_count = 1;
	sg_io(fd, "vector of negative length", &h);
	v[0] = (struct iovec){ BAD, 10 };
	h = header(inquiry, 6, SG_DXFER_FROM_DEV, v, 36);
	h.iovec_count = 3;
	sg_io(fd, "vector to nowhere", &h);
	memset(data, 0x44, 1024);
	v[0] = (struct iovec){ data, 500 };
	v[1] = (struct iovec){ data + 600, 12 };
	h = header(write_1, 10, SG_DXFER_TO_DEV, v, 512);
	h.iovec_count = 2;
	sg_io(fd, "WRITE from a vector", &h);
}

static void sg_mapped(int fd)
{
	sg_io_hdr_t h = header(read_1, 10, SG_DXFER_FROM_DEV, NULL, 512);
	uint8_t *m = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	say("mmap of more than reserved", m == MAP_FAILED ? -1 : 0, "");
	m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
	say("mmap at an offset", m == MAP_FAILED ? -1 : 0, "");
	m = mmap(NULL, 32768, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	say("mmap", m == MAP_FAILED ? -1 : 0, "");
	if (m == MAP_FAILED)
		return;
	h.flags = SG_FLAG_MMAP_IO;
	sg_io(fd, "READ, mapped", &h);
	printf("data: %08x\n", sum(m, 512));
	m[0] = 0x12;
	h = header(write_1, 10, SG_DXFER_TO_DEV, NULL, 512);
	h.flags = SG_FLAG_MMAP_IO;
	sg_io(fd, "WRITE, mapped", &h);
	SET(fd, SG_SET_RESERVED_SIZE, 65536);
	munmap(m, 32768);
	memset(data, 0, 512);
	h = header(read_1, 10, SG_DXFER_FROM_DEV, data, 512);
	sg_io(fd, "READ what was mapped", &h);
	printf("data: %08x\n", sum(data, 512));
}

/* --- write and read ------------------------------------------------------------------------------
 */

static void say_poll(int fd, const char *name)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	poll(&p, 1, 0);
	printf("%s: %s%s%s\n", name, p.revents & POLLIN ? "in " : "",
	       p.revents & POLLOUT ? "out " : "", p.revents & ~(POLLIN | POLLOUT) ? "more" : "");
}

static void wait_in(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, 10000) != 1)
		printf("nothing to read in 10 s\n");
}

static long put(int fd, const uint8_t *cdb, int len, int dir, uint8_t *buf, unsigned int n, int id)
{
	sg_io_hdr_t h = header(cdb, len, dir, buf, n);

	h.pack_id = id;
	return write(fd, &h, sizeof(h));
}

static void get(int fd, const char *name, int id)
{
	sg_io_hdr_t h = { .interface_id = 'S', .dxfer_direction = -1, .pack_id = id };
	long rc = read(fd, &h, sizeof(h));

	say_header(name, rc, &h);
	if (rc > 0)
		printf("pack_id=%d\n", h.pack_id);
}

static void async(const char *node)
{
	int fd = open_say(node, "open for write and read", O_RDWR | O_NONBLOCK);
	int v = 1, waiting = 0;
	sg_req_info_t table[SG_MAX_QUEUE] = { { 0 } };

	say_poll(fd, "poll, idle");
	get(fd, "read, idle", 0);
	say("write", put(fd, inquiry, 6, SG_DXFER_FROM_DEV, data, 36, 1), "");
	wait_in(fd);
	say_poll(fd, "poll, done");
	ASK(fd, SG_GET_PACK_ID);
	ASK(fd, SG_GET_NUM_WAITING);
	ASK(fd, SG_GET_COMMAND_Q);
	memset(data, 0xee, 64);
	get(fd, "read", 0);
	printf("data: %08x\n", sum(data, 64));
	say_poll(fd, "poll, idle again");
	get(fd, "read again", 0);
	for (int i = 0; i < SG_MAX_QUEUE; i++)
		if (put(fd, ready, 6, SG_DXFER_NONE, NULL, 0, 10 + i) != sizeof(sg_io_hdr_t))
			say("write many", -1, " at %d", i);
	for (int i = 0; i < 1000 && waiting < SG_MAX_QUEUE; i++, usleep(10000))
		ioctl(fd, SG_GET_NUM_WAITING, &waiting);
	ASK(fd, SG_GET_NUM_WAITING);
	say("SG_GET_REQUEST_TABLE", ioctl(fd, SG_GET_REQUEST_TABLE, table), "");
	for (int i = 0; i < SG_MAX_QUEUE; i += 5)
		printf("request %d: state=%d orphan=%d owned=%d problem=%d id=%d\n", i,
		       table[i].req_state, table[i].orphan, table[i].sg_io_owned, table[i].problem,
		       table[i].pack_id);
	get(fd, "read, in order", 15);
	ioctl(fd, SG_SET_FORCE_PACK_ID, &v);
	get(fd, "read 15", 15);
	get(fd, "read 15 again", 15);
	get(fd, "read any", -1);
	say("read nowhere", read(fd, BAD, sizeof(sg_io_hdr_t)), "");
	ASK(fd, SG_GET_NUM_WAITING);
	v = 0;
	ioctl(fd, SG_SET_FORCE_PACK_ID, &v);
	for (int i = 0; i < SG_MAX_QUEUE - 3; i++)
		get(fd, "read the rest", 0);
	say_poll(fd, "poll, idle at the end");
	close(fd);
}

static void async_errors(const char *node)
{
	int fd = open_say(node, "open for write and read", O_RDWR);
	sg_io_hdr_t h = header(beyond, 10, SG_DXFER_FROM_DEV, data, 512);
	long rc;

	say("write of 88 bytes from nowhere", write(fd, BAD, sizeof(h)), "");
	h.interface_id = 'A';
	h.dxfer_direction = -2;
	say("write, interface A", write(fd, &h, sizeof(h)), "");
	h = header(beyond, 10, SG_DXFER_FROM_DEV, BAD, 512);
	say("write an error", write(fd, &h, sizeof(h)), "");
	rc = read(fd, &h, sizeof(h));
	say_header("read an error to nowhere", rc, &h);
	h = header(beyond, 10, SG_DXFER_FROM_DEV, data, 512);
	say("write an error", write(fd, &h, sizeof(h)), "");
	rc = read(fd, &h, sizeof(h));
	say_header("read an error, waiting", rc, &h);
	say("write", put(fd, inquiry, 6, SG_DXFER_FROM_DEV, data, 36, 1), "");
	h = header(ready, 6, SG_DXFER_NONE, NULL, 0);
	sg_io(fd, "SG_IO beside it", &h);
	get(fd, "and read", 0);
	close(fd);
}

static void old_header(const char *node)
{
	struct {
		struct sg_header h;
		uint8_t rest[600];
	} m = { .h = { .reply_len = sizeof(struct sg_header) + 36, .pack_id = 77 } };
	int fd = open_say(node, "open for the old header", O_RDWR);
	long rc;

	memcpy(m.rest, inquiry, 6);
	rc = write(fd, &m, sizeof(m.h) + 6);
	say("old: write INQUIRY", rc, "");
	memset(&m, 0xee, sizeof(m));
	rc = read(fd, &m, sizeof(m.h) + 36);
	say("old: read", rc,
	    " pack_len=%d reply_len=%d id=%d result=%d target=%x host=%x driver=%x", m.h.pack_len,
	    m.h.reply_len, m.h.pack_id, m.h.result, m.h.target_status, m.h.host_status,
	    m.h.driver_status);
	printf("old: data: %08x\n", sum(m.rest, 64));
	memset(&m, 0, sizeof(m));
	m.h.reply_len = sizeof(m.h);
	memcpy(m.rest, write_1, 10);
	memset(m.rest + 10, 0x66, 512);
	say("old: write WRITE", write(fd, &m, sizeof(m.h) + 10 + 512), "");
	rc = read(fd, &m, sizeof(m.h));
	say("old: read", rc, " result=%d target=%x", m.h.result, m.h.target_status);
	memset(&m, 0, sizeof(m));
	m.h.reply_len = sizeof(m.h) + 512;
	memcpy(m.rest, beyond, 10);
	say("old: write an error", write(fd, &m, sizeof(m.h) + 10), "");
	rc = read(fd, &m, sizeof(m.h) + 512);
	say("old: read", rc, " result=%d target=%x host=%x driver=%x sense=%02x %02x", m.h.result,
	    m.h.target_status, m.h.host_status, m.h.driver_status, m.h.sense_buffer[0],
	    m.h.sense_buffer[2]);
	close(fd);
}

/* --- resets and the like
 * -------------------------------------------------------------------------- */

static void resets(int fd)
{
	sg_io_hdr_t h;
	static const int kinds[] = { SG_SCSI_RESET_NOTHING,
				     SG_SCSI_RESET_DEVICE,
				     SG_SCSI_RESET_TARGET,
				     SG_SCSI_RESET_BUS,
				     SG_SCSI_RESET_HOST,
				     77,
				     0x101,
				     0x104,
				     0x102,
				     0x103 };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		int kind = kinds[i];

		printf("%#x for ", (unsigned int)kind);
		say("SG_SCSI_RESET", ioctl(fd, SG_SCSI_RESET, &kind), "");
		for (int n = 0; n < 3; n++) {
			h = header(ready, 6, SG_DXFER_NONE, NULL, 0);
			sg_io(fd, "ready", &h);
		}
	}
	say("SG_SCSI_RESET nowhere", ioctl(fd, SG_SCSI_RESET, BAD), "");
}

static void send_command(int fd)
{
	struct {
		unsigned int inlen, outlen;
		uint8_t bytes[600];
	} c = { .outlen = 36 };
	long rc;

	memcpy(c.bytes, inquiry, 6);
	rc = ioctl(fd, SCSI_IOCTL_SEND_COMMAND, &c);
	say("SCSI_IOCTL_SEND_COMMAND", rc, " data: %08x", sum(c.bytes, 36));
	c.outlen = 512;
	memcpy(c.bytes, beyond, 10);
	rc = ioctl(fd, SCSI_IOCTL_SEND_COMMAND, &c);
	say("SCSI_IOCTL_SEND_COMMAND, an error", rc, " sense=%02x %02x", c.bytes[0], c.bytes[2]);
	c.outlen = 1 << 20;
	say("SCSI_IOCTL_SEND_COMMAND, too long", ioctl(fd, SCSI_IOCTL_SEND_COMMAND, &c), "");
	say("SCSI_IOCTL_SEND_COMMAND nowhere", ioctl(fd, SCSI_IOCTL_SEND_COMMAND, BAD), "");
}

static int calls(const char *node)
{
	int fd;

	opens(node);
	fd = open_say(node, "open", O_RDWR);
	if (fd < 0)
		return 2;
	ask(fd);
	set(fd);
	read_only(node);
	sg_io_data(fd);
	sg_io_header(fd);
	sg_io_large(fd);
	sg_io_vectors(fd);
	sg_mapped(fd);
	async(node);
	async_errors(node);
	old_header(node);
	send_command(fd);
	resets(fd);
	close(fd);
	return 0;
}

/* --- commands
 * -------------------------------------------------------------------------------------- */

static int from_hex(const char *text, uint8_t *out, size_t room)
{
	size_t n = 0;
	unsigned int v;

	for (; n < room && sscanf(text, "%2x", &v) == 1; text += 2)
		out[n++] = (uint8_t)v;
	return (int)n;
}

static int commands(const char *node)
{
	char line[4096], dir[8], cdb_text[600], data_text[3000];
	uint8_t cdb[252];
	unsigned int len;
	sg_io_hdr_t h;
	int fd = open(node, O_RDWR), n;

	if (fd < 0) {
		perror(node);
		return 2;
	}
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		*data_text = 0;
		n = sscanf(line, "%7s %u %599s %2999s", dir, &len, cdb_text, data_text);
		if (*line == '#' || n < 3) {
			puts(line);
			continue;
		}
		memset(data, 0, sizeof(data));
		from_hex(data_text, data, sizeof(data));
		h = header(cdb, from_hex(cdb_text, cdb, sizeof(cdb)),
			   !strcmp(dir, "in")	 ? SG_DXFER_FROM_DEV
			   : !strcmp(dir, "out") ? SG_DXFER_TO_DEV
						 : SG_DXFER_NONE,
			   data, len < sizeof(data) ? len : sizeof(data));
		sg_io(fd, line, &h);
		if (!strcmp(dir, "in") && (int)h.dxfer_len > h.resid && !h.status && len <= 256) {
			printf("  ");
			print_hex(data, h.dxfer_len - (unsigned int)(h.resid > 0 ? h.resid : 0));
			putchar('\n');
		}
	}
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3 && !strcmp(argv[1], "calls"))
		return calls(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "commands"))
		return commands(argv[2]);
	fprintf(stderr, "usage: sg_answers calls|commands NODE\n");
	return 2;
}
