/* SPDX-License-Identifier: MIT */
/*
 * What a handler owes to a real kernel and to its administrator. Clauses HND-006 to HND-008,
 * HND-065.
 */
#include "../target/kernel.h"
#include "cdb.h"
#include "work.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUSY_MS 1500
#define N	24

static struct target_opts real_opts(void)
{
	struct target_opts o = TARGET_OPTS;

	o.dev.geo = (struct ringsim_geometry){ .ring_mb = 1, .data_area_mb = 4 };
	return o;
}

/* Somebody else, a dying predecessor perhaps, holds the device for a while. */
static void busy_at_open(struct tc *tc)
{
	struct target_opts o = real_opts();
	struct target_io io;

	if (target_start(tc->t, &o))
		return;
	target_kill(tc->t);
	target_hold_node(tc->t, BUSY_MS);
	EXPECT(tc, "HND-006", !target_restart(tc->t),
	       "the handler does not attach to a device that was busy at first");
	work_tur(&io);
	EXPECT_GOOD(tc, "HND-006", &io);
}

/* O_CLOEXEC in the flags of every descriptor that the handler has of the device. */
static void closed_on_exec(struct tc *tc)
{
	struct target_opts o = real_opts();
	char dir[64], path[400], found[64], line[128];
	uint32_t seen = 0;
	struct dirent *e;
	unsigned int flags;
	ssize_t n;
	DIR *d;
	FILE *f;

	if (target_start(tc->t, &o))
		return;
	snprintf(dir, sizeof(dir), "/proc/%d/fd", (int)target_handler_pid(tc->t));
	d = opendir(dir);
	EXPECT(tc, NULL, d, "%s: %s", dir, strerror(errno));
	while ((e = readdir(d)) != NULL && !tc->failed) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		n = readlink(path, found, sizeof(found) - 1);
		found[n > 0 ? n : 0] = 0;
		if (!target_is_node(tc->t, found))
			continue;
		snprintf(path, sizeof(path), "%sinfo/%s", dir, e->d_name);
		f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "flags: %o", &flags) == 1 && ++seen &&
			    !(flags & O_CLOEXEC))
				tc_fail(tc, "HND-007",
					"descriptor %s of the UIO node is not closed on exec "
					"(flags 0%o)",
					e->d_name, flags);
		if (f)
			fclose(f);
	}
	closedir(d);
	if (!tc->failed && !seen)
		tc_skip(tc, "the handler keeps no descriptor of the device that could be seen");
}

/* A successor can have the device as soon as its predecessor is dead. */
static void free_after_death(struct tc *tc)
{
	struct target_opts o = real_opts();
	struct target_io io;
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < 5; i++) {
		target_kill(tc->t);
		if (target_restart(tc->t))
			return;
		work_tur(&io);
		EXPECT_GOOD(tc, "HND-007", &io);
	}
}

/* Sizes, cache and serial number are what configfs says, not what the handler is used to. */
static void configured(struct tc *tc, uint32_t block_size, uint64_t size, bool wce)
{
	struct target_opts o = real_opts();
	struct target_capacity cap;
	uint8_t buf[255] = { 0 };
	char serial[64];
	struct target_io io;

	o.handler.block_size = block_size;
	o.size_bytes = size;
	o.handler.wce = wce;
	if (tc->failed || target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	EXPECT_EQ(tc, "HND-008", "logical block size", block_size, cap.block_size);
	EXPECT_EQ(tc, "HND-008", "logical blocks", size / block_size, cap.blocks);
	target_serial(tc->t, serial, sizeof(serial));
	cdb_inquiry(&io, 1, 0x80, sizeof(buf), buf, sizeof(buf));
	EXPECT_GOOD(tc, "HND-008", &io);
	EXPECT(tc, "HND-008", memmem(buf, sizeof(buf), serial, strlen(serial)),
	       "VPD page 80: expected the unit serial number '%s', found '%.40s'", serial, buf + 4);
	memset(buf, 0, sizeof(buf));
	TARGET_IO(&io, RINGSIM_FROM_DEVICE, buf, 64, 0x1a, 0x08, 0x08, 0, 64, 0);
	EXPECT_GOOD(tc, "HND-008", &io);
	EXPECT_EQ(tc, "HND-008", "WCE in the caching page", wce, buf[4 + buf[3] + 2] >> 2 & 1);
}

static void configured_sizes(struct tc *tc)
{
	configured(tc, 512, 64ull << 20, false);
	configured(tc, 4096, 48ull << 20, false);
	configured(tc, 4096, 32ull << 20, true);
}

/* SIGTERM with commands about: none of them fails, the ring is left empty. */
static void terminated(struct tc *tc)
{
	struct target_opts o = real_opts();
	struct target_io *ios = tc_alloc(tc, N * sizeof(*ios));
	uint8_t *buf = tc_alloc(tc, N * 4096);
	struct target_capacity cap;
	char how[64] = "does not exit within ten seconds";
	uint32_t i, ms;

	if (tc->t->spec->exec) {
		tc_skip(tc, "SIGTERM is how our handlers are asked to leave");
		return;
	}
	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	for (i = 0; i < N; i++) {
		target_io_rw(&ios[i], i & 1, 10, i * 8, 4096 / cap.block_size, cap.block_size,
			     buf + i * 4096);
		target_submit(tc->t, &ios[i]);
	}
	process_signal(tc->t, SIGTERM);
	for (ms = 0; ms < 10000 && !process_dead(tc->t, how, sizeof(how)); ms += 5) {
		kernel_poll(tc->t, 1);
		usleep(4000);
	}
	EXPECT(tc, "HND-065", !strcmp(how, "exited with status 0"), "on SIGTERM the handler %s",
	       how);
	tc->t->kernel->mapper = 0;
	target_settle(tc->t);
	for (i = 0; i < N; i++)
		EXPECT(tc, "HND-065", !ios[i].done || ios[i].status == 0 || ios[i].status == 8,
		       "command %u: expected GOOD, BUSY, or to wait, found status 0x%02x", i,
		       ios[i].status);
	if (target_restart(tc->t))
		return;
	work_wait_all(tc, "HND-065", ios, N);
}

static const struct case_def rows[] = {
	{ "hnd.006.busy", "HND-006", CLAUSE_SHOULD, NEEDS_RESTART | NEEDS_NODE,
	  "the device is busy for a second and a half when the handler starts", busy_at_open },
	{ "hnd.007.close-on-exec", "HND-007", CLAUSE_SHOULD, NEEDS_NODE,
	  "no program that the handler runs inherits the device", closed_on_exec },
	{ "hnd.007.successors", "HND-007 HND-061", CLAUSE_SHOULD, NEEDS_RESTART | NEEDS_NODE,
	  "five handlers, each killed, one after the other", free_after_death },
	{ "hnd.008.configfs", "HND-008", CLAUSE_SHOULD, NEEDS_NODE,
	  "block size, capacity, write cache and serial number as configured", configured_sizes },
	{ "hnd.065.terminated", "HND-065", CLAUSE_SHOULD, NEEDS_RESTART | NEEDS_KERNEL,
	  "SIGTERM under load: no command fails", terminated },
};
CASE_TABLE(cases_real_handler);
