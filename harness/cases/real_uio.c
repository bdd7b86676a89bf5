/* SPDX-License-Identifier: MIT */
/*
 * What the holder of a UIO node meets on a real kernel: mapping, faults, who holds it open,
 * removal, and the page budget that all devices share. Clauses KRN-041, KRN-048, KRN-049, KRN-060,
 * KRN-120, KRN-125 to KRN-127, KRN-150.
 *
 * A page that may be absent is touched by a child, whose death by SIGBUS is the answer.
 */
#include "../target/kernel.h"
#include "krn.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define NODE   (NEEDS_SEAT | NEEDS_KERNEL)
#define BUDGET "/sys/module/target_core_user/parameters"
#define PAGE   4096u

/* Reads one byte in each of @n pages from region offset @off on: all, or SIGBUS? */
static bool present(struct tc *tc, uint64_t off, uint32_t n)
{
	volatile uint8_t *region = seat_region(tc->t);
	uint32_t i;
	int status;
	pid_t pid = fork();

	if (!pid) {
		for (i = 0; i < n; i++)
			(void)region[off + (uint64_t)i * PAGE];
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid ||
	    !(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS)))
		tc_fail(tc, "KRN-127",
			"the child that touches a page ended otherwise than by "
			"success or SIGBUS");
	return !tc->failed && status == 0;
}

/* Mailbox and ring are there from the start, data pages when a command has used them. */
static void absent_pages(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct target_io io;

	if (target_start(tc->t, &o))
		return;
	EXPECT(tc, "KRN-127", present(tc, 0, KRN_DATA / PAGE),
	       "a page of mailbox or ring is absent");
	EXPECT(tc, "KRN-127", !present(tc, KRN_DATA, 1), "a data page that nobody used is there");
	krn_in(&io, NULL, 2 * PAGE);
	krn_submit(tc, &io);
	EXPECT(tc, "KRN-127", present(tc, KRN_DATA, 2), "a page of a command's data is absent");
	EXPECT(tc, "KRN-127", !present(tc, KRN_DATA + 2 * PAGE, 1), "the next page is there");
	seat_finish(tc->t, 8);
	EXPECT(tc, "KRN-041", krn_ended(tc, &io), "no end");
	EXPECT(tc, "KRN-041", present(tc, KRN_DATA, 2), "released pages are not kept");
}

/* With several pages a block only the used prefix exists. */
static void used_prefix(struct tc *tc)
{
	static const uint32_t lens[] = { 1, 4097, 16 * PAGE - 1, 16 * PAGE + 1 };
	struct target_opts o = krn_opts();
	struct target_io io;
	uint32_t i, want;

	o.dev.geo.pages_per_blk = 16;
	for (i = 0; i < 4; i++) {
		if (target_start(tc->t, &o))
			return;
		krn_in(&io, NULL, lens[i]);
		krn_submit(tc, &io);
		want = (lens[i] + PAGE - 1) / PAGE;
		EXPECT(tc, "KRN-041", present(tc, KRN_DATA, want), "%u bytes: pages are absent",
		       lens[i]);
		EXPECT(tc, "KRN-041", !present(tc, KRN_DATA + want * PAGE, 1),
		       "%u bytes: a page more than it needs", lens[i]);
		seat_finish(tc->t, 8);
		EXPECT(tc, "KRN-041", krn_ended(tc, &io), "no end");
	}
}

/* Only map0 in full at offset 0 can be mapped. */
static void mmap_lengths(struct tc *tc)
{
	static const struct {
		int64_t more;
		uint64_t off;
		int rc;
		const char *what;
	} rows[] = {
		{ 0, 0, 0, "map0 in full" },
		{ -(int64_t)PAGE + 1, 0, 0, "its last page in part" },
		{ -(int64_t)PAGE, 0, EINVAL, "a page less" },
		{ 1, 0, EINVAL, "a byte more" },
		{ 0, PAGE, EINVAL, "an offset" },
		{ -(int64_t)PAGE, PAGE, EINVAL, "the rest behind an offset" },
	};
	struct target_opts o = krn_opts();
	uint64_t size = 2 << 20;
	uint32_t i;
	void *map;
	int rc;

	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = size + (size_t)rows[i].more;

		map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, tc->t->kernel->fd,
			   (off_t)rows[i].off);
		rc = map == MAP_FAILED ? errno : 0;
		if (!rc)
			munmap(map, len);
		EXPECT_EQ(tc, "KRN-126", rows[i].what, rows[i].rc, rc);
	}
}

/* A private mapping is accepted, and nobody sees what is stored there. */
static void mmap_private(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct target_io io;
	uint8_t *map;

	if (target_start(tc->t, &o))
		return;
	map = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE, tc->t->kernel->fd, 0);
	EXPECT(tc, "KRN-126", map != MAP_FAILED, "MAP_PRIVATE: %s", strerror(errno));
	krn_turs(tc, &io, 1);
	map[128 + 8] = 0;
	*(uint32_t *)(void *)(map + 64) = KRN_TUR;
	seat_ring(tc->t);
	if (!krn_pending(tc, &io) || seat_tail(tc->t))
		tc_fail(tc, "KRN-126", "a store into a private mapping was seen");
	munmap(map, 2 << 20);
	seat_finish(tc->t, 0);
	EXPECT(tc, "KRN-126", krn_ended(tc, &io), "no end");
}

/* The flags of the mapping that begins at @map: "dd" is one that core dumps leave out. */
static bool has_flag(const void *map, const char *flag)
{
	char line[512], want[32];
	bool here = false, found = false;
	FILE *f = fopen("/proc/self/smaps", "re");

	snprintf(want, sizeof(want), "%lx-", (unsigned long)(uintptr_t)map);
	while (f && !found && fgets(line, sizeof(line), f)) {
		if (strchr(line, '-') && strspn(line, "0123456789abcdef") == strcspn(line, "-"))
			here = !strncmp(line, want, strlen(want));
		found = here && !strncmp(line, "VmFlags:", 8) && strstr(line, flag);
	}
	if (f)
		fclose(f);
	return found;
}

static void not_dumped(struct tc *tc)
{
	struct target_opts o = krn_opts();

	if (target_start(tc->t, &o))
		return;
	EXPECT(tc, "KRN-126", has_flag(tc->t->kernel->map, " sh "), "the mapping is not found");
	EXPECT(tc, "KRN-126", has_flag(tc->t->kernel->map, " dd "),
	       "the mapping is not excluded from core dumps");
}

static int node_path(struct tc *tc, char *path, size_t len)
{
	return snprintf(path, len, "/dev/uio%u", tc->t->kernel->uio);
}

/* What open(2) says to somebody else, who lets go of it at once. */
static int try_open(struct tc *tc)
{
	char path[32];
	int fd;

	node_path(tc, path, sizeof(path));
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* The node stays taken until the last of descriptor, copy and mapping has gone. */
static void last_close(struct tc *tc)
{
	struct target_opts o = krn_opts();
	void *map;
	int copy;

	if (target_start(tc->t, &o))
		return;
	EXPECT_EQ(tc, "KRN-120", "open beside the seat", EBUSY, try_open(tc));
	copy = dup(tc->t->kernel->fd);
	map = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, copy, 0);
	EXPECT(tc, "KRN-120", copy >= 0 && map != MAP_FAILED, "dup or mmap: %s", strerror(errno));
	target_uio_close(tc->t);
	EXPECT_EQ(tc, "KRN-120", "open while a copy is there", EBUSY, try_open(tc));
	close(copy);
	EXPECT_EQ(tc, "KRN-120", "open while a mapping is there", EBUSY, try_open(tc));
	munmap(map, 2 << 20);
	EXPECT_EQ(tc, "KRN-120", "open after the last of them", 0, try_open(tc));
	EXPECT_EQ(tc, "KRN-120", "open after that", 0, target_uio_open(tc->t));
}

/* A child that was forked holds it as well, until it dies. */
static void forked_child(struct tc *tc)
{
	struct target_opts o = krn_opts();
	pid_t pid;

	if (target_start(tc->t, &o))
		return;
	pid = fork();
	if (!pid)
		for (;;)
			pause();
	EXPECT(tc, "KRN-120", pid > 0, "fork: %s", strerror(errno));
	target_uio_close(tc->t);
	if (try_open(tc) != EBUSY)
		tc_fail(tc, "KRN-120", "open while a child holds it: expected EBUSY");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	EXPECT_EQ(tc, "KRN-120", "open after its death", 0, try_open(tc));
}

/* Sleeps in read(2) until the device goes; the status says whether that was EIO. */
static pid_t sleeper(struct tc *tc)
{
	int fd = tc->t->kernel->fd, rc;
	uint32_t count;
	pid_t pid = fork();

	if (pid)
		return pid;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	rc = read(fd, &count, 4) < 0 ? errno : 0;
	_exit(rc == EIO ? 0 : 1);
}

static bool ends_well(pid_t pid, uint32_t ms)
{
	uint64_t end = kernel_now_ms() + ms;
	int status = 1;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (kernel_now_ms() > end) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
		}
		usleep(5000);
	}
	return status == 0;
}

/* The node is removed while it is open: sleepers wake, calls fail, the mapping stays. */
static void removed(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct pollfd pfd = { .events = POLLIN };
	struct stat st = { 0 };
	char path[32], other[64];
	uint32_t v = 0;
	pid_t pid;
	int fd;

	if (target_start(tc->t, &o))
		return;
	node_path(tc, path, sizeof(path));
	EXPECT(tc, "KRN-125", !stat(path, &st), "%s: %s", path, strerror(errno));
	pfd.fd = fd = tc->t->kernel->fd;
	pid = sleeper(tc);
	usleep(100000);
	kernel_logout(tc->t->kernel);
	if (!kernel_device_remove(tc->t->kernel))
		tc_fail(tc, "KRN-150", "the device cannot be removed while its node is open");
	if (!ends_well(pid, 3000))
		tc_fail(tc, "KRN-150",
			"a sleeping read does not end with EIO when the device goes");
	EXPECT(tc, "KRN-125", read(fd, &v, 4) < 0 && errno == EIO, "read: expected EIO");
	EXPECT(tc, "KRN-125", write(fd, &v, 4) < 0 && errno == EINVAL, "write: expected EINVAL");
	EXPECT(tc, "KRN-125",
	       mmap(NULL, 2 << 20, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EINVAL,
	       "mmap: expected EINVAL");
	EXPECT_EQ(tc, "KRN-124", "poll: events", 1, poll(&pfd, 1, 0));
	EXPECT_EQ(tc, "KRN-124", "poll", POLLIN | POLLERR | POLLHUP, pfd.revents);
	EXPECT_EQ(tc, "KRN-125", "version in the old mapping", 2, *tc->t->kernel->map);
	EXPECT(tc, "KRN-125", present(tc, 0, KRN_DATA / PAGE), "the old mapping lost pages");
	EXPECT(tc, "KRN-125", try_open(tc), "the node can still be opened");
	snprintf(other, sizeof(other), "/tmp/uio-%d", (int)getpid());
	EXPECT(tc, "KRN-125", !mknod(other, S_IFCHR | 0600, st.st_rdev), "mknod: %s",
	       strerror(errno));
	v = open(other, O_RDWR) < 0 ? (uint32_t)errno : 0;
	unlink(other);
	EXPECT_EQ(tc, "KRN-125", "errno of opening a node with its number", ENODEV, v);
}

/* Waits until the pages are there or not, for @ms at most. */
static bool becomes_absent(struct tc *tc, uint64_t off, uint32_t ms)
{
	uint64_t end = kernel_now_ms() + ms;

	while (present(tc, off, 1)) {
		if (tc->failed || kernel_now_ms() > end)
			return false;
		target_advance(tc->t, 200);
	}
	return true;
}

/*
 * Over the limit: nothing is refused. The reclaimer comes by itself, takes answers that nobody rang
 * for, and takes away the pages above the highest busy block.
 */
static void over_budget(struct tc *tc)
{
	struct target_io *io = tc_alloc(tc, 3 * sizeof(*io));

	krn_in(&io[0], NULL, PAGE);
	krn_submit(tc, &io[0]);
	krn_in(&io[1], NULL, 700 * PAGE);
	krn_submit(tc, &io[1]);
	EXPECT(tc, "KRN-048", krn_pending(tc, &io[1]), "refused with status 0x%02x", io[1].status);
	EXPECT_EQ(tc, "KRN-048", "cmd_head", 256, seat_head(tc->t));
	EXPECT(tc, "KRN-048", present(tc, KRN_DATA, 701), "pages of a command are absent");
	/* the second is answered, by way of the first slot; nobody rings */
	seat_answer(tc->t, 0, 2, 8, 0, 0, NULL);
	seat_set_tail(tc->t, 128);
	target_advance(tc->t, 15000);
	EXPECT(tc, "KRN-049", krn_ended(tc, &io[1]), "the reclaimer did not look at cmd_tail");
	EXPECT(tc, "KRN-049", becomes_absent(tc, KRN_DATA + PAGE, 8000),
	       "pages above the highest busy block are still there");
	EXPECT(tc, "KRN-049", !present(tc, KRN_DATA + 700 * PAGE, 1),
	       "the last page is still there");
	EXPECT(tc, "KRN-049", present(tc, KRN_DATA, 1), "the page of a busy block has gone");
	/* what comes back is zero */
	krn_in(&io[2], NULL, 2 * PAGE);
	krn_submit(tc, &io[2]);
	EXPECT_MEM(tc, "KRN-041", "a new page", (const uint8_t[64]){ 0 },
		   seat_region(tc->t) + KRN_DATA + PAGE, 64);
	seat_answer(tc->t, 128, 1, 8, 0, 0, NULL);
	seat_set_tail(tc->t, 256);
	seat_finish_all(tc->t, 8);
	EXPECT(tc, "KRN-049", krn_ended(tc, &io[0]) && krn_ended(tc, &io[2]), "no end");
}

static void page_budget(struct tc *tc)
{
	struct target_opts o = krn_opts();
	char old[32];

	o.dev.geo.data_area_mb = 4;
	o.dev.cmd_time_out_s = 0;
	if (target_start(tc->t, &o))
		return;
	EXPECT_EQ(tc, "KRN-132", "reading the limit", 0,
		  kernel_get(BUDGET "/global_max_data_area_mb", old, sizeof(old)));
	EXPECT_EQ(tc, "KRN-132", "setting the limit", 0,
		  kernel_put(BUDGET, "global_max_data_area_mb", "1"));
	over_budget(tc);
	kernel_put(BUDGET, "global_max_data_area_mb", old);
}

static const struct case_def rows[] = {
	{ "krn.041.absent", "KRN-041", CLAUSE_MUST, NODE,
	  "of a block of 16 pages only those in use exist", used_prefix },
	{ "krn.049.over-budget", "KRN-048 KRN-049 KRN-060 KRN-041", CLAUSE_MUST, NODE,
	  "over the page budget nothing is refused, and the reclaimer comes", page_budget },
	{ "krn.120.last-close", "KRN-120", CLAUSE_MUST, NODE,
	  "copies and mappings keep the node open", last_close },
	{ "krn.120.forked", "KRN-120", CLAUSE_MUST, NODE, "so does a forked child", forked_child },
	{ "krn.125.open", "KRN-125 KRN-124 KRN-150", CLAUSE_MUST, NODE,
	  "a device is removed while its node is open", removed },
	{ "krn.126.lengths", "KRN-126", CLAUSE_MUST, NODE,
	  "only map0 in full at offset 0 can be mapped", mmap_lengths },
	{ "krn.126.private", "KRN-126", CLAUSE_MUST, NODE,
	  "stores into a private mapping are nobody's", mmap_private },
	{ "krn.126.not-dumped", "KRN-126", CLAUSE_MUST, NODE, "core dumps leave the mapping out",
	  not_dumped },
	{ "krn.127.sigbus", "KRN-127 KRN-041 DIS-23", CLAUSE_MUST, NODE,
	  "touching a data page that does not exist is SIGBUS", absent_pages },
};

CASE_TABLE(cases_real_uio);
