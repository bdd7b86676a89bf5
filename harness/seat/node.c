/* SPDX-License-Identifier: MIT */
/* The UIO node: finding it, opening, events, doorbell, and who else holds it. */
#include "run.h"

#include <ringsim/shm.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int complain(const char *what, const char *path, int rc)
{
	fprintf(stderr, "tcmu-harness seat: %s %s: %s\n", what, path, strerror(-rc));
	return rc;
}

/* First line of a small file. */
static int read_line(const char *path, char *line, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	ssize_t n;

	if (fd < 0)
		return complain("cannot open", path, -errno);
	n = read(fd, line, len - 1);
	if (n < 0)
		rc = complain("cannot read", path, -errno);
	close(fd);
	line[n > 0 ? n : 0] = 0;
	line[strcspn(line, "\n")] = 0;
	return rc;
}

/* Map length and configfs directory, from sysfs: "tcm-user/HBA/DEVICE/..." (KRN-133, LAY-064). */
static int look_up(struct seat *s)
{
	const char *base = strrchr(s->opt->node, '/');
	char path[512], text[512], hba[64], dev[256];
	int rc;

	base = base ? base + 1 : s->opt->node;
	snprintf(path, sizeof(path), "/sys/class/uio/%.64s/maps/map0/size", base);
	rc = read_line(path, text, sizeof(text));
	if (rc)
		return rc;
	s->map_len = strtoull(text, NULL, 16);
	snprintf(path, sizeof(path), "/sys/class/uio/%.64s/name", base);
	rc = read_line(path, text, sizeof(text));
	if (rc)
		return rc;
	if (s->map_len < RINGSIM_MAILBOX_SIZE ||
	    sscanf(text, "tcm-user/%63[^/]/%255[^/]", hba, dev) != 2) {
		fprintf(stderr, "tcmu-harness seat: %s: expected a TCMU device, found '%s'\n", path,
			text);
		return -ENODEV;
	}
	snprintf(s->configfs, sizeof(s->configfs), "/sys/kernel/config/target/core/user_%s/%s", hba,
		 dev);
	return 0;
}

int seat_node_open(struct seat *s)
{
	struct tcmu_mailbox mb;
	int rc = look_up(s);
	void *p;

	if (rc)
		return rc;
	s->fd[0] = open(s->opt->node, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (s->fd[0] < 0)
		return complain("cannot open", s->opt->node, -errno);
	s->fds = 1;
	p = mmap(NULL, s->map_len, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd[0], 0);
	if (p == MAP_FAILED)
		return complain("cannot map", s->opt->node, -errno);
	s->map[s->maps++] = (struct seat_mapping){ p, s->map_len };
	s->region = p;
	shm_read(&mb, p, 0, sizeof(mb));
	if (!shm_span_ok(mb.cmdr_off, mb.cmdr_size, s->map_len) || mb.cmdr_size < 8) {
		fprintf(stderr,
			"tcmu-harness seat: %s: expected a ring inside the map, found %u+%u\n",
			s->opt->node, mb.cmdr_off, mb.cmdr_size);
		return -EPROTO;
	}
	s->cmdr_off = mb.cmdr_off;
	s->cmdr_size = mb.cmdr_size;
	return 0;
}

void seat_node_close(struct seat *s)
{
	while (s->maps) {
		s->maps--;
		munmap(s->map[s->maps].addr, s->map[s->maps].len);
	}
	while (s->fds)
		close(s->fd[--s->fds]);
}

static int node_fd(const struct seat_run *r)
{
	int n = r->s->fds;

	return n ? r->s->fd[n - 1] : -1;
}

int seat_wait_event(struct seat_run *r, int64_t ms)
{
	struct pollfd p = { .fd = node_fd(r), .events = POLLIN };
	int n;

	if (p.fd < 0)
		return -EBADF;
	n = poll(&p, 1, (int)ms);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n;
}

int seat_read_event(struct seat_run *r, size_t bytes, uint32_t *value)
{
	char buf[64] = { 0 };
	ssize_t n = read(node_fd(r), buf, bytes < sizeof(buf) ? bytes : sizeof(buf));

	memcpy(value, buf, sizeof(*value));
	return n < 0 ? -errno : (int)n;
}

int seat_doorbell(struct seat_run *r, size_t bytes, uint64_t value)
{
	char buf[SEAT_BYTES] = { 0 };
	ssize_t n;

	memcpy(buf, &value, sizeof(value));
	n = write(node_fd(r), buf, bytes < sizeof(buf) ? bytes : sizeof(buf));
	return n < 0 ? -errno : (int)n;
}

int seat_do_ring(struct seat_run *r)
{
	int rc = seat_doorbell(r, (size_t)seat_num(r, 0, 4), seat_num(r, 1, 0));

	if (rc >= 0)
		seat_say(r, "%d", rc);
	return rc;
}

int seat_do_wait(struct seat_run *r)
{
	int rc = seat_wait_event(r, (int64_t)seat_num(r, 0, 1000) & 0xffffff);

	if (rc > 0)
		seat_say(r, "event");
	return rc ? rc : -ETIMEDOUT;
}

int seat_do_read(struct seat_run *r)
{
	uint32_t value;
	int rc = seat_read_event(r, (size_t)seat_num(r, 0, 4), &value);

	if (rc >= 0)
		seat_say(r, "%d bytes, count %u", rc, value);
	return rc;
}

static int push_fd(struct seat_run *r, int fd)
{
	struct seat *s = r->s;

	if (fd < 0)
		return -errno;
	seat_lock(r);
	if (s->fds < SEAT_FDS) {
		s->fd[s->fds++] = fd;
		fd = -1;
	}
	seat_unlock(r);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? 0 : -EMFILE;
}

int seat_do_open(struct seat_run *r)
{
	return push_fd(r, open(r->s->opt->node, O_RDWR | O_NONBLOCK | O_CLOEXEC));
}

int seat_do_dup(struct seat_run *r)
{
	return push_fd(r, fcntl(node_fd(r), F_DUPFD_CLOEXEC, 3));
}

int seat_do_close(struct seat_run *r)
{
	struct seat *s = r->s;
	int fd = -1;

	seat_lock(r);
	if (s->fds)
		fd = s->fd[--s->fds];
	seat_unlock(r);
	return fd < 0 ? -EBADF : close(fd) ? -errno : 0;
}

int seat_do_fork(struct seat_run *r)
{
	uint64_t ms = seat_num(r, 0, 0);
	struct seat *s = r->s;
	pid_t pid;

	if (s->children == SEAT_CHILDREN)
		return -EAGAIN;
	seat_lock(r);
	pid = fork();
	if (!pid) {
		seat_sleep_ms(ms < 60000 ? ms : 60000);
		_exit(0);
	}
	if (pid > 0)
		s->child[s->children++] = pid;
	seat_unlock(r);
	return pid < 0 ? -errno : 0;
}
