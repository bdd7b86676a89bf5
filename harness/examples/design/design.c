/* SPDX-License-Identifier: MIT */
/*
 * The handler that the kernel's TCMU design document outlines, completed: it finds its device in
 * sysfs, opens and maps it, and serves commands in order from a file until the device is removed or
 * SIGTERM comes. One thread, one device, nothing but libc.
 *
 *	cc -O2 -o design design.c disk.c
 *	./design --subtype file [uioN]	serves "tcm-user/HBA/NAME/file/PATH of the file"
 *
 * The three parts are those of the document: a) discovering, b) waiting, c) managing the ring.
 * sketch.c beside this has them as the document has them; README.md says what the difference costs.
 */
#include "disk.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define UIO_DIR "/sys/class/uio"
#define CHECK_CONDITION                                                          \
	0x02 /* the byte of the SCSI standard, not the kernel's shifted constant \
	      */
#define BUSY_TRIES    40
#define BUSY_PAUSE_NS 50000000

struct device {
	char uio[32], name[4096];
	const char *path; /* within @name */
	char configfs[512];
	int fd;
	size_t map_len;
	unsigned char *map;
	struct disk disk;
};

/* --- a) discovering -------------------------------------------------------------------------- */

/* "tcm-user/HBA/DEVICE/SUBTYPE/PATH": every part is compared whole; the path is what is left. */
static bool is_ours(struct device *dev, const char *subtype)
{
	const char *p = dev->name, *device, *end;
	size_t len = strlen(subtype);

	if (strncmp(p, "tcm-user/", 9) || !isdigit((unsigned char)p[9]))
		return false;
	p += 9 + strspn(p + 9, "0123456789");
	device = p + 1;
	end = *p == '/' ? strchr(device, '/') : NULL;
	if (!end || end == device || strncmp(end + 1, subtype, len) ||
	    (end[1 + len] && end[1 + len] != '/'))
		return false;
	dev->path = end[1 + len] ? end + 2 + len : end + 1 + len;
	snprintf(dev->configfs, sizeof(dev->configfs), "/sys/kernel/config/target/core/user_%.*s",
		 (int)(end - dev->name - 9), dev->name + 9);
	return true;
}

/* Looks at names alone: opening a device that is another handler's would keep it from him. */
static bool look_at(struct device *dev, const char *uio, const char *subtype)
{
	char dir[64];

	if (strlen(uio) >= sizeof(dev->uio))
		return false;
	strcpy(dev->uio, uio);
	snprintf(dir, sizeof(dir), UIO_DIR "/%s", uio);
	return read_text(dir, "name", dev->name, sizeof(dev->name)) && is_ours(dev, subtype);
}

static bool find(struct device *dev, const char *uio, const char *subtype)
{
	DIR *dir;
	struct dirent *entry;
	bool found = false;

	if (uio)
		return look_at(dev, uio, subtype);
	dir = opendir(UIO_DIR);
	while (dir && !found && (entry = readdir(dir)))
		found = entry->d_name[0] != '.' && look_at(dev, entry->d_name, subtype);
	if (dir)
		closedir(dir);
	return found;
}

/* A predecessor's last process may hold the device for a moment. */
static int open_node(const char *uio)
{
	const struct timespec pause = { .tv_nsec = BUSY_PAUSE_NS };
	char path[64];
	int fd = -1;

	snprintf(path, sizeof(path), "/dev/%s", uio);
	for (int i = 0; i < BUSY_TRIES && fd < 0; i++) {
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 && errno != EBUSY)
			break;
		if (fd < 0)
			nanosleep(&pause, NULL);
	}
	return fd;
}

static const char *attach(struct device *dev)
{
	char dir[64], size[64];

	if (!disk_open(&dev->disk, dev->configfs, dev->path))
		return "its file or its configuration cannot be opened";
	snprintf(dir, sizeof(dir), UIO_DIR "/%s", dev->uio);
	if (read_text(dir, "maps/map0/size", size, sizeof(size)))
		dev->map_len = strtoull(size, NULL, 16);
	dev->fd = open_node(dev->uio);
	if (dev->fd < 0)
		return strerror(errno);
	dev->map = mmap(NULL, dev->map_len, PROT_READ | PROT_WRITE, MAP_SHARED, dev->fd, 0);
	if (dev->map == MAP_FAILED)
		return strerror(errno);
	/* Before anything else of the region is believed, or written. */
	if (((struct tcmu_mailbox *)dev->map)->version != TCMU_MAILBOX_VERSION)
		return "it has a mailbox of another version than 2";
	return NULL;
}

/* --- c) managing the command ring ---------------------------------------------------------------
 */

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

/*
 * Everything from cmd_tail to cmd_head, which moves on meanwhile. The store of cmd_tail comes last
 * and with release order: it gives the entry and its buffers back, and should we die before it,
 * our successor carries the command out again.
 */
static void handle_device_events(struct device *dev)
{
	struct tcmu_mailbox *mb = (struct tcmu_mailbox *)dev->map;
	uint32_t *head_word = (uint32_t *)(dev->map + offsetof(struct tcmu_mailbox, cmd_head));
	uint32_t *tail_word = (uint32_t *)(dev->map + offsetof(struct tcmu_mailbox, cmd_tail));
	uint32_t tail = *tail_word; /* ours alone; a predecessor may have left it anywhere */

	while (tail != __atomic_load_n(head_word, __ATOMIC_ACQUIRE)) {
		struct tcmu_cmd_entry *e = (void *)(dev->map + mb->cmdr_off + tail);

		switch (tcmu_hdr_get_op(e->hdr.len_op)) {
		case TCMU_OP_CMD:
			respond(e, disk_execute(&dev->disk, dev->map, e));
			break;
		case TCMU_OP_PAD: /* what is left of the ring before it starts over */
		case TCMU_OP_TMR: /* commands were aborted: they want their answers all the same */
			break;
		default:
			e->hdr.uflags |= TCMU_UFLAG_UNKNOWN_OP;
		}
		tail = (tail + tcmu_hdr_get_len(e->hdr.len_op)) % mb->cmdr_size;
		__atomic_store_n(tail_word, tail, __ATOMIC_RELEASE);
	}
}

/* --- b) waiting for events ---------------------------------------------------------------------
 */

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
	(void)number;
	stopping = 1;
}

/* Four bytes each way; false when the device is gone. */
static bool ring_doorbell(int fd)
{
	uint32_t word = 0;
	ssize_t n;

	do
		n = write(fd, &word, sizeof(word));
	while (n < 0 && errno == EINTR);
	return n == sizeof(word);
}

static bool consume_event(int fd)
{
	uint32_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	return n == sizeof(count) || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

/*
 * Drain, ring, wait, and only then consume the event: what comes while we drain is either seen by
 * the loop or wakes us again. The first round does not wait, since events from before the open are
 * never reported, and its doorbell is for a predecessor that died just before its own.
 */
static void serve(struct device *dev)
{
	struct pollfd pfd = { .fd = dev->fd, .events = POLLIN };
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t blocked, waiting;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, &waiting); /* no command is cut in two */
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	do {
		handle_device_events(dev);
		if (!ring_doorbell(dev->fd))
			return;
		if (ppoll(&pfd, 1, NULL, &waiting) < 0)
			continue;
		if (!consume_event(dev->fd))
			return;
	} while (!stopping);
}

int main(int argc, char **argv)
{
	static struct device dev;
	const char *problem, *subtype = "file";

	if (argc > 2 && !strcmp(argv[1], "--subtype")) {
		subtype = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		fprintf(stderr, "Usage: design [--subtype NAME] [uioN]\n");
		return 2;
	}
	if (!find(&dev, argv[1], subtype)) {
		fprintf(stderr, "design: no device of subtype %s\n", subtype);
		return 2;
	}
	problem = attach(&dev);
	if (problem) {
		fprintf(stderr, "design: %s (%s): %s\n", dev.uio, dev.name, problem);
		return 2;
	}
	serve(&dev);
	fprintf(stderr, "design: %s: %s\n", dev.uio, stopping ? "stopped" : "the device is gone");
	munmap(dev.map, dev.map_len);
	close(dev.fd);
	return close(dev.disk.fd) ? 1 : 0;
}
