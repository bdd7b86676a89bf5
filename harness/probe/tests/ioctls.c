/* SPDX-License-Identifier: MIT */
/*
 * What /dev/tcmu_probe takes and refuses, tried from outside; scenarios/170-probe-module runs it.
 *
 *	ioctls refuse TARGET INITIATOR    everything that must be refused, and what must be taken
 *beside it ioctls pend TARGET INITIATOR      one command that waits for its handler, then sleep
 *	ioctls unbound TARGET INITIATOR   prints "bound"; once standard input ends, what still works
 *
 * TARGET has an enabled tpgt_1 with a LUN 0 whose handler answers. Prints a line for each try:
 * DESCRIPTION|FOUND|EXPECTED, in words of errno or "ok". Exit status 2 if it cannot begin.
 */
#include "../tcmu_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ANSWER_MS 10000
#define NOWHERE	  0x10 /* no page is mapped there */

static const char *target, *initiator;
static void *volatile nowhere = (void *)NOWHERE;

static const char *word(int rc)
{
	return rc < 0 ? strerrorname_np(errno) : "ok";
}

static void tell(const char *what, int rc, const char *expected)
{
	printf("%s|%s|%s\n", what, word(rc), expected);
}

static int open_device(void)
{
	int fd = open(TCMU_PROBE_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		fprintf(stderr, "ioctls: " TCMU_PROBE_DEVICE ": %s\n", strerror(errno));
		exit(2);
	}
	return fd;
}

static struct tcmu_probe_bind bind_of(const char *to, const char *as, uint16_t tag)
{
	struct tcmu_probe_bind bind = { .tag = tag };

	strncpy(bind.target, to, sizeof(bind.target) - 1);
	strncpy(bind.initiator, as, sizeof(bind.initiator) - 1);
	return bind;
}

static int bind_to(int fd, const char *to, const char *as, uint16_t tag)
{
	struct tcmu_probe_bind bind = bind_of(to, as, tag);

	return ioctl(fd, TCMU_PROBE_BIND, &bind);
}

static int bound_device(void)
{
	int fd = open_device();

	if (bind_to(fd, target, initiator, 1)) {
		fprintf(stderr, "ioctls: cannot log in: %s\n", strerror(errno));
		exit(2);
	}
	return fd;
}

static const struct tcmu_probe_command test_unit_ready = { .cdb_length = 6 };

static struct tcmu_probe_command read_blocks(void *data, uint32_t blocks)
{
	return (struct tcmu_probe_command){
		.tag = 7,
		.data = (uintptr_t)data,
		.length = 512 * blocks,
		.direction = TCMU_PROBE_IN,
		.cdb_length = 10,
		.cdb = { 0x28, [8] = (uint8_t)blocks },
	};
}

static int submit(int fd, struct tcmu_probe_command command)
{
	return ioctl(fd, TCMU_PROBE_SUBMIT, &command);
}

/* The next event, within a bound. */
static int event(int fd, struct tcmu_probe_event *e)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	memset(e, 0xee, sizeof(*e));
	if (poll(&pfd, 1, ANSWER_MS) != 1)
		return -1;
	return (int)read(fd, e, sizeof(*e));
}

static void tell_event(int fd, const char *what, int kind, int status)
{
	struct tcmu_probe_event e;
	int n = event(fd, &e);

	printf("%s|%d bytes, kind %d, status 0x%02x|%zu bytes, kind %d, status 0x%02x\n", what, n,
	       e.kind, e.status, sizeof(e), kind, status);
}

/* Before anybody is logged in. */
static void refuse_unbound(int fd)
{
	static const char wrong[][24] = { "", "naa.500140500000001", "naa.50014050000000011",
					  "naa.500140500000000A", "eui.5001405000000001" };
	struct tcmu_probe_manage manage = { .function = 5 };
	struct tcmu_probe_bind bind;
	struct tcmu_probe_event e;
	size_t i;

	tell("an unknown request", ioctl(fd, _IO('t', 0x7f)), "ENOTTY");
	tell("a request of another length", ioctl(fd, _IOW('t', 0x71, char[8]), &bind), "ENOTTY");
	tell("a command without a session", submit(fd, test_unit_ready), "ENOTCONN");
	tell("a function without a session", ioctl(fd, TCMU_PROBE_MANAGE, &manage), "ENOTCONN");
	tell("an event without a session", (int)read(fd, &e, sizeof(e)), "ENOTCONN");
	tell("a session from nowhere", ioctl(fd, TCMU_PROBE_BIND, NOWHERE), "EFAULT");
	tell("a session from the kernel's memory", ioctl(fd, TCMU_PROBE_BIND, ~0xfffULL), "EFAULT");
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		tell("an initiator of no name", bind_to(fd, target, wrong[i], 1), "EINVAL");
	tell("a target that is not there", bind_to(fd, "naa.5001405fffffffff", initiator, 1),
	     "ENOENT");
	tell("a group that is not there", bind_to(fd, target, initiator, 2), "ENOENT");
	bind = bind_of(target, initiator, 1);
	bind.reserved[2] = 1;
	tell("a reserved field of a session", ioctl(fd, TCMU_PROBE_BIND, &bind), "EINVAL");
	bind = bind_of(target, initiator, 1);
	memset(bind.target, 'n', sizeof(bind.target));
	tell("a target's name without an end", ioctl(fd, TCMU_PROBE_BIND, &bind), "EINVAL");
	bind = bind_of(target, initiator, 1);
	memset(bind.initiator, 'n', sizeof(bind.initiator));
	tell("an initiator's name without an end", ioctl(fd, TCMU_PROBE_BIND, &bind), "EINVAL");
}

/* Fields of a command, each wrong by itself. */
static void refuse_fields(int fd)
{
	uint8_t buf[4096];
	struct tcmu_probe_command good = read_blocks(buf, 8), c;
	struct tcmu_probe_manage manage = { .function = 256 };

#define WRONG(what, expected, ...)                                \
	do {                                                      \
		c = good;                                         \
		__VA_ARGS__;                                      \
		tell("a command " what, submit(fd, c), expected); \
	} while (0)
	WRONG("without a CDB", "EINVAL", c.cdb_length = 0);
	WRONG("of 261 bytes", "EINVAL", c.cdb_length = 261);
	WRONG("of 65535 bytes", "EINVAL", c.cdb_length = 65535);
	WRONG("in no direction", "EINVAL", c.direction = 4);
	WRONG("of no attribute", "EINVAL", c.attribute = 4);
	WRONG("with a reserved field", "EINVAL", c.reserved = 1);
	WRONG("of 64 MiB and a byte", "EINVAL", c.length = TCMU_PROBE_LENGTH + 1);
	WRONG("of 4 GiB less a byte", "EINVAL", c.length = UINT32_MAX);
	WRONG("with lengths that overflow", "EINVAL", c.direction = TCMU_PROBE_BIDI,
	      c.length = 0x80000000, c.bidi_length = 0x80000000);
	WRONG("with data both ways but for the direction", "EINVAL", c.bidi_length = 512);
	WRONG("of both directions without a second", "EINVAL", c.direction = TCMU_PROBE_BIDI);
	WRONG("of both directions without a first", "EINVAL", c.direction = TCMU_PROBE_BIDI,
	      c.length = 0, c.bidi_length = 512);
	WRONG("with data from nowhere", "EFAULT", c.direction = TCMU_PROBE_OUT, c.data = NOWHERE);
	WRONG("with data of the kernel's", "EFAULT", c.direction = TCMU_PROBE_OUT,
	      c.data = 0xffff888000000000);
	WRONG("that reads to nowhere", "EFAULT", c.data = NOWHERE);
	WRONG("with data past the end of memory", "EFAULT", c.direction = TCMU_PROBE_OUT,
	      c.data = UINT64_MAX - 100);
	tell("a command from nowhere", ioctl(fd, TCMU_PROBE_SUBMIT, NOWHERE), "EFAULT");
	tell("a function from nowhere", ioctl(fd, TCMU_PROBE_MANAGE, NOWHERE), "EFAULT");
	tell("a function of no number", ioctl(fd, TCMU_PROBE_MANAGE, &manage), "EINVAL");
	manage = (struct tcmu_probe_manage){ .function = 5, .reserved = 1 };
	tell("a reserved field of a function", ioctl(fd, TCMU_PROBE_MANAGE, &manage), "EINVAL");
}

static void refuse_segments(int fd)
{
	static uint32_t all[TCMU_PROBE_SEGMENTS];
	uint8_t buf[4096];
	uint32_t seg[3];
	struct tcmu_probe_command good = read_blocks(buf, 8), c;

	good.segments = (uintptr_t)seg;
	good.n_segments = 3;
#define SHAPE(what, expected, a, b, d, ...)                      \
	do {                                                     \
		c = good;                                        \
		seg[0] = (a), seg[1] = (b), seg[2] = (d);        \
		__VA_ARGS__;                                     \
		tell("segments " what, submit(fd, c), expected); \
	} while (0)
	SHAPE("of which one is empty", "EINVAL", 100, 0, 100, (void)0);
	SHAPE("of which one is over a page", "EINVAL", 1, 4097, 1, c.length = 8192);
	SHAPE("that are longer than the data", "EINVAL", 4096, 1, 1, (void)0);
	SHAPE("that wrap round", "EINVAL", UINT32_MAX, 2, 4095, (void)0);
	SHAPE("that cannot reach the length", "EINVAL", 4096, 4096, 4096, c.length = 3 * 4096 + 1);
	SHAPE("from nowhere", "EFAULT", 1, 1, 1, c.segments = NOWHERE);
	SHAPE("but none", "EINVAL", 1, 1, 1, c.n_segments = 0);
	SHAPE("of which there are 4097", "EINVAL", 1, 1, 1, c.n_segments = TCMU_PROBE_SEGMENTS + 1);
	SHAPE("of which there are 4 G", "EINVAL", 1, 1, 1, c.n_segments = UINT32_MAX);
	memset(all, 0, sizeof(all));
	SHAPE("of which all are empty", "EINVAL", 1, 1, 1, c.segments = (uintptr_t)all,
	      c.n_segments = TCMU_PROBE_SEGMENTS);
	SHAPE("of odd lengths", "ok", 1, 4000, 95, (void)0);
	tell_event(fd, "which are read into", TCMU_PROBE_ANSWERED, 0);
}

/* What the fabric takes, and the core or the LUN says no to; and addresses that are wrong in the
 * end. */
static void answered(int fd)
{
	static const uint8_t fixed[4096] = { 1 };
	static uint8_t buf[4096];
	struct tcmu_probe_command c = read_blocks(buf, 8);
	struct tcmu_probe_manage manage = { .function = 4 };
	struct tcmu_probe_event e;

	c.data = (uintptr_t)fixed;
	tell("a read to where nothing can be written", submit(fd, c), "ok");
	event(fd, &e);
	printf("which is told of|%d|%d\n", e.flags, TCMU_PROBE_FAULT);
	c = read_blocks(buf, 8);
	tell("a read", submit(fd, c), "ok");
	tell("its event, in too small a buffer", (int)read(fd, &e, sizeof(e) - 1), "EINVAL");
	while (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, ANSWER_MS) == 0)
		;
	tell("its event to nowhere", (int)read(fd, nowhere, sizeof(e)), "EFAULT");
	tell_event(fd, "which is there still", TCMU_PROBE_ANSWERED, 0);
	tell("no other event", (int)read(fd, &e, sizeof(e)), "EAGAIN");
	c = test_unit_ready;
	c.cdb_length = TCMU_PROBE_CDB;
	c.cdb[0] = 0x7f;
	c.cdb[7] = 255;
	tell("a CDB of 263 bytes, says its opcode", submit(fd, c), "ok");
	tell_event(fd, "which is refused", TCMU_PROBE_ANSWERED, 2);
	c.cdb[7] = 252;
	tell("a CDB of 260 bytes", submit(fd, c), "ok");
	tell_event(fd, "which the handler does not know", TCMU_PROBE_ANSWERED, 2);
	c = read_blocks(buf, 8);
	c.direction = TCMU_PROBE_NONE;
	tell("data in no direction", submit(fd, c), "ok");
	event(fd, &e);
	printf("which is answered|%d|%d\n", e.kind, TCMU_PROBE_ANSWERED);
	tell("CLEAR TASK SET", ioctl(fd, TCMU_PROBE_MANAGE, &manage), "ok");
	tell_event(fd, "which is not supported", TCMU_PROBE_MANAGED, 4);
	manage.function = 255;
	tell("a function that there is not", ioctl(fd, TCMU_PROBE_MANAGE, &manage), "ok");
	tell_event(fd, "which is rejected", TCMU_PROBE_MANAGED, 5);
	manage = (struct tcmu_probe_manage){ .function = 1, .task = 12345 };
	tell("an abort of nothing", ioctl(fd, TCMU_PROBE_MANAGE, &manage), "ok");
	tell_event(fd, "which finds nothing", TCMU_PROBE_MANAGED, 2);
}

/* As much as one file may have, and no more. */
static void limits(int fd)
{
	struct tcmu_probe_command c = read_blocks(NULL, 1);
	struct tcmu_probe_event e;
	int i, rc;

	c.length = TCMU_PROBE_LENGTH;
	c.direction = TCMU_PROBE_NONE;
	c.cdb[0] = 0x9e; /* nobody reads all that */
	for (i = rc = 0; i < 5 && !rc; i++)
		rc = submit(fd, c);
	printf("at 256 MiB of data|%d, %s|5, EBUSY\n", i, word(rc));
	while (i-- > 1)
		event(fd, &e);
	tell("room again after their events", submit(fd, test_unit_ready), "ok");
	tell_event(fd, "which is used", TCMU_PROBE_ANSWERED, 0);
}

static void refuse(void)
{
	int fd = open_device(), other = open_device();

	refuse_unbound(fd);
	tell("a session", bind_to(fd, target, initiator, 1), "ok");
	tell("a second one", bind_to(fd, target, initiator, 1), "EBUSY");
	tell("the same initiator's once more", bind_to(other, target, initiator, 1), "EEXIST");
	close(other);
	refuse_fields(fd);
	refuse_segments(fd);
	answered(fd);
	limits(fd);
	close(fd);
}

static void pend(void)
{
	int fd = bound_device();

	tell("a command that waits", submit(fd, test_unit_ready), "ok");
	fflush(stdout);
	pause();
}

static void unbound(void)
{
	struct pollfd pfd = { .events = POLLIN };
	struct tcmu_probe_event e;
	char c;
	int n;

	pfd.fd = bound_device();
	puts("bound");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	n = poll(&pfd, 1, ANSWER_MS);
	printf("a hangup|%d, 0x%x|1, 0x%x\n", n, pfd.revents, POLLHUP);
	tell("a command", submit(pfd.fd, test_unit_ready), "ESHUTDOWN");
	tell("an event", (int)read(pfd.fd, &e, sizeof(e)), "ESHUTDOWN");
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: ioctls refuse|bind|pend|unbound TARGET INITIATOR\n");
		return 2;
	}
	target = argv[2];
	initiator = argv[3];
	if (!strcmp(argv[1], "refuse"))
		refuse();
	else if (!strcmp(argv[1], "bind"))
		close(bound_device());
	else if (!strcmp(argv[1], "pend"))
		pend();
	else
		unbound();
	return 0;
}
