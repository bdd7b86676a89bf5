/* SPDX-License-Identifier: MIT */
/*
 * What root sees of a device on a real kernel: configfs, sysfs, module parameters, removal. Clauses
 * LAY-064, KRN-095, KRN-130 to KRN-133, KRN-135, KRN-150 and SCS-002.
 */
#include "../target/kernel.h"
#include "cdb.h"
#include "work.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOT (NEEDS_SEAT | NEEDS_KERNEL)

static struct target_opts small_opts(void)
{
	struct target_opts o = TARGET_OPTS;

	o.dev.geo = (struct ringsim_geometry){ .ring_mb = 1, .data_area_mb = 1 };
	return o;
}

/* A file's first line is @want. */
static void expect_text(struct tc *tc, const char *clause, const char *path, const char *want)
{
	char found[512];
	int rc = kernel_get(path, found, sizeof(found));

	EXPECT(tc, clause, !rc, "%s: expected '%s', found %s", path, want, strerror(-rc));
	EXPECT(tc, clause, !strcmp(found, want), "%s: expected '%s', found '%s'", path, want,
	       found);
}

static void expect_attribute(struct tc *tc, const char *clause, const char *dir, const char *name,
			     const char *want)
{
	char path[2 * KERNEL_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	expect_text(tc, clause, path, want);
}

/* LAY-064 */

static void sysfs_facts(struct tc *tc)
{
	struct target_opts o = small_opts();
	char dir[64], text[256];
	struct target_io io;

	if (target_start(tc->t, &o))
		return;
	snprintf(dir, sizeof(dir), "/sys/class/uio/uio%u", tc->t->kernel->uio);
	snprintf(text, sizeof(text), "tcm-user/%u/%s/any/x", tc->t->kernel->site->hba,
		 tc->t->kernel->name);
	expect_attribute(tc, "LAY-064", dir, "name", text);
	expect_attribute(tc, "LAY-064", dir, "version", "2");
	expect_attribute(tc, "LAY-064", dir, "maps/map0/name", "tcm-user command & data buffer");
	expect_attribute(tc, "LAY-061", dir, "maps/map0/size", "0x0000000000200000");
	expect_attribute(tc, "LAY-064", dir, "maps/map0/offset", "0x0");
	expect_attribute(tc, "LAY-064", dir, "event", "0");
	snprintf(text, sizeof(text), "%s/maps/map1", dir);
	EXPECT(tc, "LAY-064", access(text, F_OK), "there is a second map");
	work_tur(&io);
	target_submit(tc->t, &io);
	target_settle(tc->t);
	expect_attribute(tc, "LAY-064", dir, "event", "1");
	seat_finish(tc->t, 0);
	EXPECT(tc, NULL, !target_wait(tc->t, &io), "the command does not end");
}

/* Attributes of a device that is exported. */

static void exported_attributes(struct tc *tc)
{
	static const char *const fine[] = { "5", "0", "-1", "3600" };
	struct target_opts o = small_opts();
	const char *dir;
	size_t i;

	if (target_start(tc->t, &o))
		return;
	dir = tc->t->kernel->dir;
	EXPECT_EQ(tc, "KRN-095", "errno of writing cmd_time_out", EINVAL,
		  -kernel_put(dir, "attrib/cmd_time_out", "10"));
	expect_attribute(tc, "KRN-095", dir, "attrib/cmd_time_out", "30");
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(tc, "KRN-095", "errno of writing qfull_time_out", 0,
			  -kernel_put(dir, "attrib/qfull_time_out", fine[i]));
		expect_attribute(tc, "KRN-095", dir, "attrib/qfull_time_out", fine[i]);
	}
	EXPECT_EQ(tc, "KRN-095", "errno of qfull_time_out -2", EINVAL,
		  -kernel_put(dir, "attrib/qfull_time_out", "-2"));
}

/* Nobody listens on netlink: nothing is taken over. */
static void reconfigure_unheard(struct tc *tc)
{
	static const char *const writes[][3] = {
		{ "attrib/dev_size", "33554432", "67108864" },
		{ "attrib/dev_config", "any/y", "any/x" },
		{ "attrib/emulate_write_cache", "1", "0" },
	};
	struct target_opts o = small_opts();
	size_t i;

	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < 3; i++) {
		int rc = kernel_put(tc->t->kernel->dir, writes[i][0], writes[i][1]);

		if (!rc) {
			tc_skip(tc, "somebody listens to the TCM-USER netlink family here");
			return;
		}
		EXPECT_EQ(tc, "KRN-135", writes[i][0], ESRCH, -rc);
		expect_attribute(tc, "KRN-135", tc->t->kernel->dir, writes[i][0], writes[i][2]);
	}
}

/* A device of its own beside the target's, not enabled. */
struct spare {
	char dir[KERNEL_PATH_MAX];
};

static bool spare_make(struct tc *tc, struct spare *s)
{
	snprintf(s->dir, sizeof(s->dir), "%.100s/c-spare", tc->t->spec->site->hba_dir);
	if (!mkdir(s->dir, 0755))
		return true;
	tc_fail(tc, NULL, "mkdir %s: %s", s->dir, strerror(errno));
	return false;
}

static void control_values(struct tc *tc)
{
	/* text, errno; not data_pages_per_blk=0, by which 6.1 and 6.12 divide */
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		{ "dev_config=any/x", 0 },
		{ "dev_config=", 0 }, /* no value, no key */
		{ "dev_size=67108864", 0 },
		{ "hw_block_size=0", EINVAL },
		{ "hw_block_size=-512", EINVAL },
		{ "hw_block_size=520", 0 },
		{ "hw_max_sectors=0", EINVAL },
		{ "hw_max_sectors=-1", EINVAL },
		{ "hw_max_sectors=64", 0 },
		{ "nl_reply_supported=-1", 0 },
		{ "max_data_area_mb=0", EINVAL },
		{ "max_data_area_mb=2", 0 },
		{ "data_pages_per_blk=513", EINVAL },
		{ "data_pages_per_blk=512", 0 },
		{ "max_data_area_mb=1", EINVAL },
		{ "data_pages_per_blk=2", 0 },
		{ "max_data_area_mb=1", 0 },
		{ "cmd_ring_size_mb=0", EINVAL },
		{ "cmd_ring_size_mb=-1", EINVAL },
		{ "cmd_ring_size_mb=1", 0 },
		{ "frobnicate=1", 0 },
		{ "hw_block_size=4096,hw_max_sectors=128", 0 },
	};
	struct spare s = { .dir = "" };
	size_t i;
	int rc;

	if (!spare_make(tc, &s))
		return;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]) && !tc->failed; i++) {
		rc = kernel_put(s.dir, "control", rows[i].text);
		if (rc != -rows[i].err)
			tc_fail(tc, "KRN-130", "control '%s': expected %s, found %s", rows[i].text,
				rows[i].err ? strerror(rows[i].err) : "success",
				rc ? strerror(-rc) : "success");
	}
	rmdir(s.dir);
}

static void control_defaults(struct tc *tc, const struct spare *s)
{
	static const char *const rows[][2] = {
		{ "cmd_time_out", "30" },	{ "qfull_time_out", "-1" },
		{ "emulate_write_cache", "0" }, { "tmr_notification", "0" },
		{ "emulate_pr", "1" },		{ "alua_support", "1" },
		{ "pgr_support", "1" },		{ "hw_queue_depth", "128" },
		{ "hw_block_size", "512" },	{ "hw_max_sectors", "128" },
		{ "cmd_ring_size_mb", "8" },	{ "data_pages_per_blk", "1" },
		{ "max_data_area_mb", "16" },	{ "nl_reply_supported", "-1" },
	};
	char name[64];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]) && !tc->failed; i++) {
		snprintf(name, sizeof(name), "attrib/%s", rows[i][0]);
		expect_attribute(tc, "KRN-131", s->dir, name, rows[i][1]);
	}
}

static void control_after_enable(struct tc *tc, const struct spare *s)
{
	static const char *const refused[] = { "max_data_area_mb=8", "data_pages_per_blk=2",
					       "cmd_ring_size_mb=1" };
	static const char *const read_only[] = { "max_data_area_mb", "data_pages_per_blk",
						 "cmd_ring_size_mb", "hw_block_size",
						 "hw_max_sectors",   "hw_queue_depth",
						 "hw_pi_prot_type" };
	char name[64];
	size_t i;

	for (i = 0; i < 3; i++)
		EXPECT_EQ(tc, "KRN-130", refused[i], EINVAL,
			  -kernel_put(s->dir, "control", refused[i]));
	for (i = 0; i < 7; i++) {
		snprintf(name, sizeof(name), "attrib/%s", read_only[i]);
		EXPECT(tc, "KRN-131", kernel_put(s->dir, name, "1"), "%s can be written", name);
	}
}

/* Defaults show once the device is enabled, and from then on sizes are fixed. */
static void attributes(struct tc *tc)
{
	struct spare s = { .dir = "" };
	int rc;

	if (!spare_make(tc, &s))
		return;
	rc = kernel_put(s.dir, "control",
			"dev_size=67108864,max_data_area_mb=16,cmd_ring_size_mb=99,"
			"nl_reply_supported=-1");
	if (!rc)
		rc = kernel_put(s.dir, "enable", "1");
	if (rc)
		tc_fail(tc, "KRN-130", "enable: expected success, found %s", strerror(-rc));
	else
		control_defaults(tc, &s);
	if (!tc->failed)
		control_after_enable(tc, &s);
	rmdir(s.dir);
}

static void module_parameters(struct tc *tc)
{
	static const char dir[] = "/sys/module/target_core_user/parameters";
	char before[64], path[128];

	snprintf(path, sizeof(path), "%s/global_max_data_area_mb", dir);
	EXPECT(tc, "KRN-132", !kernel_get(path, before, sizeof(before)), "%s cannot be read", path);
	EXPECT(tc, "KRN-132", strtoul(before, NULL, 10) > 0, "%s: found '%s'", path, before);
	/* the value that it has: nobody else on this machine is to notice */
	EXPECT_EQ(tc, "KRN-132", "errno of writing global_max_data_area_mb", 0,
		  -kernel_put(dir, "global_max_data_area_mb", before));
	expect_text(tc, "KRN-132", path, before);
	expect_attribute(tc, "KRN-132", dir, "block_netlink", "unblocked");
	EXPECT_EQ(tc, "KRN-132", "errno of block_netlink 2", EINVAL,
		  -kernel_put(dir, "block_netlink", "2"));
	EXPECT_EQ(tc, "KRN-132", "errno of block_netlink 0", 0,
		  -kernel_put(dir, "block_netlink", "0"));
	EXPECT_EQ(tc, "KRN-132", "errno of reset_netlink 2", EINVAL,
		  -kernel_put(dir, "reset_netlink", "2"));
}

/* KRN-133: with and without dev_config, with what a name may hold. */

static void name_is(struct tc *tc, const char *control, const char *rest)
{
	char want[400], name[400], path[64];
	struct spare s = { .dir = "" };
	bool found = false;
	uint32_t i;
	int rc;

	if (tc->failed || !spare_make(tc, &s))
		return;
	rc = kernel_put(s.dir, "control", control);
	if (!rc)
		rc = kernel_put(s.dir, "enable", "1");
	snprintf(want, sizeof(want), "tcm-user/%u/c-spare%s", tc->t->spec->site->hba, rest);
	for (i = 0; i < 64 && !found; i++) {
		snprintf(path, sizeof(path), "/sys/class/uio/uio%u/name", i);
		found = !kernel_get(path, name, sizeof(name)) && !strcmp(name, want);
	}
	rmdir(s.dir);
	EXPECT(tc, "KRN-133", !rc, "enable with '%s': %s", control, strerror(-rc));
	EXPECT(tc, "KRN-133", found, "no UIO device is called '%s' after '%s'", want, control);
}

static void uio_names(struct tc *tc)
{
	name_is(tc, "dev_size=1048576,max_data_area_mb=1,nl_reply_supported=-1", "");
	name_is(tc, "dev_config=a,dev_size=1048576,max_data_area_mb=1,nl_reply_supported=-1", "/a");
	name_is(tc,
		"dev_config=a/b//c:d e,dev_size=1048576,max_data_area_mb=1,nl_reply_supported=-1",
		"/a/b//c:d e");
}

/* KRN-150: removal waits for what is in flight, and reset_ring ends that. */

static void removal_waits(struct tc *tc)
{
	struct target_opts o = small_opts();
	struct kernel *k;
	struct target_io io;
	char link[2 * KERNEL_PATH_MAX];
	int status;
	pid_t pid;

	o.dev.cmd_time_out_s = 0;
	if (target_start(tc->t, &o))
		return;
	k = tc->t->kernel;
	work_tur(&io);
	target_submit(tc->t, &io);
	target_settle(tc->t);
	snprintf(link, sizeof(link), "%s/lun/lun_%u/%s", k->site->tpg, k->lun, k->name);
	pid = fork();
	if (!pid)
		_exit(unlink(link) != 0);
	EXPECT(tc, NULL, pid > 0, "fork: %s", strerror(errno));
	usleep(700000);
	EXPECT(tc, "KRN-150", waitpid(pid, &status, WNOHANG) == 0,
	       "the LUN went away although a command was in flight");
	EXPECT_EQ(tc, "KRN-111", "errno of reset_ring", 0, -target_reset_ring(tc->t, 2));
	for (status = 0; status < 5000 && waitpid(pid, NULL, WNOHANG) == 0; status++)
		usleep(1000);
	EXPECT(tc, "KRN-150", access(link, F_OK),
	       "the LUN is still there five seconds after reset_ring");
}

/* SCS-001, SCS-002: answered by the kernel, unseen by the handler. */

static void never_on_the_ring(struct tc *tc, const char *what, struct target_io *io, uint8_t status)
{
	uint32_t head = seat_head(tc->t);

	target_submit(tc->t, io);
	EXPECT(tc, "SCS-001", !target_wait(tc->t, io), "%s is not answered", what);
	EXPECT_EQ(tc, "SCS-001", "cmd_head", head, seat_head(tc->t));
	EXPECT(tc, "SCS-001", io->status == status,
	       "%s: expected status 0x%02x, found 0x%02x sense %x/%04x", what, status, io->status,
	       sense_key(io->sense), sense_asc(io->sense));
}

static void kernel_answers(struct tc *tc)
{
	struct target_opts o = small_opts();
	uint8_t buf[64];
	struct target_io io;

	if (target_start(tc->t, &o))
		return;
	TARGET_IO(&io, RINGSIM_FROM_DEVICE, buf, 16, 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0);
	never_on_the_ring(tc, "REPORT LUNS", &io, 0);
	TARGET_IO(&io, RINGSIM_FROM_DEVICE, buf, 8, 0x5e, 0, 0, 0, 0, 0, 0, 0, 8, 0);
	never_on_the_ring(tc, "PERSISTENT RESERVE IN", &io, 0);
	TARGET_IO(&io, RINGSIM_NONE, NULL, 0, 0x16, 0, 0, 0, 0, 0);
	never_on_the_ring(tc, "RESERVE(6)", &io, 0);
	TARGET_IO(&io, RINGSIM_NONE, NULL, 0, 0x17, 0, 0, 0, 0, 0);
	never_on_the_ring(tc, "RELEASE(6)", &io, 0);
}

/* Another initiator holds the unit. */
static void kernel_refuses(struct tc *tc)
{
	struct target_opts o = small_opts();
	struct initiator_cmd tur = { .cdb_len = 6 };
	struct initiator *other;
	struct target_io io;
	uint32_t head;
	char url[400], err[400];

	if (target_start(tc->t, &o))
		return;
	TARGET_IO(&io, RINGSIM_NONE, NULL, 0, 0x16, 0, 0, 0, 0, 0);
	never_on_the_ring(tc, "RESERVE(6)", &io, 0);
	head = seat_head(tc->t);
	kernel_url(tc->t->kernel, url, sizeof(url));
	EXPECT(tc, NULL,
	       !initiator_open(&other, url, kernel_other_name(tc->t->kernel), 10000, err,
			       sizeof(err)),
	       "%s", err);
	if (!initiator_submit(other, &tur) && initiator_wait(other, &tur, 5000))
		initiator_drop(other, &tur);
	initiator_close(other);
	EXPECT(tc, "SCS-002", tur.end == INITIATOR_STATUS && tur.status == 0x18,
	       "another initiator's command to a reserved unit: expected RESERVATION CONFLICT, "
	       "found 0x%02x",
	       tur.status);
	EXPECT_EQ(tc, "SCS-002", "cmd_head", head, seat_head(tc->t));
}

static void attention_first(struct tc *tc)
{
	struct target_opts o = small_opts();
	struct initiator_tmf tmf;
	struct initiator_cmd tur = { .cdb_len = 6 };
	struct kernel *k;
	uint32_t head;

	if (target_start(tc->t, &o))
		return;
	k = tc->t->kernel;
	EXPECT(tc, NULL,
	       !initiator_tmf(k->sessions[0], INITIATOR_LUN_RESET, NULL, &tmf) &&
		       !initiator_wait_tmf(k->sessions[0], &tmf, 10000),
	       "LUN RESET is not answered");
	head = seat_head(tc->t);
	EXPECT(tc, "SCS-002",
	       !initiator_submit(k->sessions[0], &tur) &&
		       !initiator_wait(k->sessions[0], &tur, 10000),
	       "the command after a LUN RESET is not answered");
	EXPECT(tc, "SCS-002", tur.status == 2 && sense_key(tur.sense) == 6,
	       "after a LUN RESET: expected UNIT ATTENTION, found status 0x%02x", tur.status);
	EXPECT_EQ(tc, "SCS-002", "cmd_head", head, seat_head(tc->t));
}

static const struct case_def rows[] = {
	{ "lay.064.sysfs", "LAY-064 LAY-061", CLAUSE_MUST, ROOT, "what sysfs tells of the device",
	  sysfs_facts },
	{ "krn.095.exported", "KRN-095", CLAUSE_MUST, ROOT,
	  "cmd_time_out is fixed while the device is exported, qfull_time_out is not",
	  exported_attributes },
	{ "krn.130.control", "KRN-130", CLAUSE_MUST, ROOT, "legal and illegal values of control",
	  control_values },
	{ "krn.131.attributes", "KRN-131 KRN-130 LAY-060", CLAUSE_MUST, ROOT,
	  "defaults; what is read-only or fixed after enable", attributes },
	{ "krn.132.parameters", "KRN-132", CLAUSE_MUST, ROOT, "the module's parameters",
	  module_parameters },
	{ "krn.133.names", "KRN-133 DIS-14 DIS-15", CLAUSE_MUST, ROOT,
	  "the UIO name with and without dev_config", uio_names },
	{ "krn.135.unheard", "KRN-135", CLAUSE_MUST, ROOT,
	  "a live device is not changed while nobody listens", reconfigure_unheard },
	{ "krn.150.waits", "KRN-150 KRN-111 KRN-092", CLAUSE_MUST, ROOT,
	  "removal waits for a command without a timeout until reset_ring ends it", removal_waits },
	{ "scs.001.kernel", "SCS-001 SCS-002", CLAUSE_MUST, ROOT,
	  "commands that the kernel answers itself", kernel_answers },
	{ "scs.002.reserved", "SCS-002", CLAUSE_MUST, ROOT,
	  "a reservation of somebody else's stops commands before the ring", kernel_refuses },
	{ "scs.002.attention", "SCS-002", CLAUSE_MUST, ROOT,
	  "a unit attention of the kernel's comes before the ring", attention_first },
};
CASE_TABLE(cases_real_config);
