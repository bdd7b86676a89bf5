/* SPDX-License-Identifier: MIT */
/*
 * The trees as programs see them: real programs in a real mount namespace, or plain files. The
 * device behind them is a puppet: it notes what it is told, and answers when the test says so.
 */
#include "../trees.h"
#include "configfs_recorded.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- the world, as far as the trees need one ----------------------------------------------------
 */

static struct world world;
static char said[512];
static bool blocked;
/* Whoever waits in enable, rmdir or a reconfiguration; @hold: do not answer them at once. */
static struct {
	bool hold;
	void (*done)(void *ctx, int rc);
	void (*removed)(void *ctx);
	void *ctx;
	struct world_device *d;
} later;

uint64_t world_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

int world_watch(struct world *w, struct world_watch *watch, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = watch };

	return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, watch->fd, &ev) ? -errno : 0;
}

void world_unwatch(struct world *w, struct world_watch *watch)
{
	epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
}

void world_say(struct world *w, const char *fmt, ...)
{
	va_list ap;

	(void)w;
	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

struct world_device *device_new(struct world *w, unsigned int hba, const char *name)
{
	struct world_device *d = calloc(1, sizeof(*d));

	d->w = w;
	d->hba = hba;
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->block_size = 512;
	d->max_sectors = 128;
	d->sim = (struct ringsim_config)RINGSIM_CONFIG_DEFAULT;
	d->core = (struct ringsim_core_attrs)RINGSIM_CORE_ATTRS_DEFAULT;
	d->next = w->devices;
	w->devices = d;
	tree_device_added(d);
	return d;
}

void device_uio_name(const struct world_device *d, char *buf, size_t len)
{
	snprintf(buf, len, "tcm-user/%u/%s%s%s", d->hba, d->name, d->config[0] ? "/" : "",
		 d->config);
}

static void gone(void *ctx)
{
	(void)ctx;
}

static void finish(int rc)
{
	void (*done)(void *ctx, int rc) = later.done;
	void (*removed)(void *ctx) = later.removed;
	struct world_device *d = later.d, **p = &world.devices;

	later.done = NULL;
	later.removed = NULL;
	if (removed) {
		if (d->enabled)
			tree_device_disabled(d);
		tree_device_removed(d);
		while (*p != d)
			p = &(*p)->next;
		*p = d->next;
		ringsim_device_destroy(d->dev);
		free(d);
		removed(later.ctx);
	}
	if (done) {
		if (!d->configured && !rc) {
			d->configured = true;
			tree_device_configured(d);
		}
		done(later.ctx, rc);
	}
}

void device_enable(struct world_device *d, void (*done)(void *ctx, int rc), void *ctx)
{
	if (d->enabled) {
		done(ctx, -EEXIST);
		return;
	}
	CU_ASSERT_EQUAL_FATAL(ringsim_device_create(&d->dev, &d->sim, NULL, NULL, NULL, 0), 0);
	d->minor = 3;
	d->enabled = true;
	tree_device_enabled(d);
	later.done = done;
	later.ctx = ctx;
	later.d = d;
	if (!later.hold)
		finish(0);
}

void world_device_remove(struct world_device *d, void (*done)(void *ctx), void *ctx)
{
	later.removed = done ? done : gone;
	later.ctx = ctx;
	later.d = d;
	if (!later.hold)
		finish(0);
}

void world_device_reconfig(struct world_device *d, enum world_reconfig what, const char *text,
			   uint64_t value, void (*done)(void *ctx, int rc), void *ctx)
{
	if (d->configured) {
		done(ctx, -ESRCH);
		return;
	}
	if (what == WORLD_DEV_CONFIG)
		snprintf(d->config, sizeof(d->config), "%s", text);
	else if (what == WORLD_DEV_SIZE)
		d->size_bytes = value;
	else
		d->write_cache = value;
	done(ctx, 0);
}

bool genl_is_blocked(const struct world *w)
{
	(void)w;
	return blocked;
}

int genl_block_netlink(struct world *w, bool block)
{
	(void)w;
	blocked = block;
	return 0;
}

int genl_reset_netlink(struct world *w)
{
	(void)w;
	return blocked ? 0 : -EBUSY;
}

/* --- programs -----------------------------------------------------------------------------------
 */

static char out[65536];
static pid_t child;
static int out_fd;

static void serve(int timeout_ms)
{
	struct epoll_event ev[8];
	int n = epoll_wait(world.epoll_fd, ev, 8, timeout_ms);

	for (int i = 0; i < n; i++) {
		struct world_watch *watch = ev[i].data.ptr;

		watch->fn(watch, ev[i].events);
	}
}

static void start(const char *command)
{
	int fd[2];

	CU_ASSERT_EQUAL_FATAL(pipe2(fd, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		dup2(fd[1], 1);
		dup2(fd[1], 2);
		if (mounts_join(&world))
			_exit(126);
		execl("/bin/bash", "bash", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	out_fd = fd[0];
	out[0] = 0;
}

/* Its exit status, or -1 while it runs. */
static int ended_within(int ms)
{
	uint64_t until = world_now_ns() + (uint64_t)ms * 1000000;
	int status;

	while (world_now_ns() < until) {
		size_t len = strlen(out);
		ssize_t n = read(out_fd, out + len, sizeof(out) - 1 - len);

		if (n > 0)
			out[len + (size_t)n] = 0;
		if (n == 0 && waitpid(child, &status, 0) == child) {
			close(out_fd);
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
		}
		serve(10);
	}
	return -1;
}

static int run(const char *command)
{
	int rc;

	start(command);
	rc = ended_within(30000);
	if (rc < 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		close(out_fd);
	}
	return rc;
}

static void says_(int line, const char *command, const char *expect)
{
	int rc = run(command);

	if (rc || strcmp(out, expect) != 0) {
		printf("\n  line %d: %s\n    status %d, expected:\n%s    found:\n%s\n", line,
		       command, rc, expect, out);
		CU_FAIL("a program sees something else");
	} else {
		CU_PASS("");
	}
}
#define says(command, expect) says_(__LINE__, command, expect)

/* --- in a mount namespace -----------------------------------------------------------------------
 */

static void test_places(void)
{
	says("ls /sys/class/uio", "");
	says("cat /sys/module/target_core_user/parameters/global_max_data_area_mb", "2048\n");
	says("stat -c '%F %t %T' /dev/null; cat /dev/null", "character special file 1 3\n");
	says("ls -d /sys/class/net /sys/devices/system/cpu",
	     "/sys/class/net\n/sys/devices/system/cpu\n");
	says("ls -A /sys/kernel/config", "target\n");
	says("grep -c ' /sys/kernel/config ' /proc/mounts", "1\n");
	says("readlink /dev/fd", "/proc/self/fd\n");
}

#define CORE "/sys/kernel/config/target/core"
#define DISK CORE "/user_0/disk"

/* As LIO's tools do: directories, control, enable. */
static void make_disk(void)
{
	says("mkdir " CORE "/user_0 && mkdir " DISK " && cd " DISK " &&"
	     "echo dev_size=67108864,hw_block_size=512,dev_config=sub/path > control &&"
	     "echo max_data_area_mb=16 > control && echo 1 > attrib/emulate_write_cache &&"
	     "printf harness0001 > wwn/vpd_unit_serial && cat enable",
	     "0\n");
}

static void remove_disk(void)
{
	says("rmdir " DISK " && rmdir " CORE "/user_0 && ls -A " CORE, "alua\n");
}

static void test_life(void)
{
	make_disk();
	says("ls /sys/class/uio; ls -d /dev/uio* 2>/dev/null || :", "");
	says("echo 1 > " DISK "/enable; cat " DISK "/enable", "1\n");
	says("cd /sys/class/uio; for f in uio3/{name,version,event,dev,uevent}; do cat $f; done",
	     "tcm-user/0/disk/sub/path\n2\n0\n243:3\nMAJOR=243\nMINOR=3\nDEVNAME=uio3\n");
	says("cd /sys/class/uio/uio3/maps; ls; cd map0; cat name offset size",
	     "map0\ntcm-user command & data buffer\n0x0\n0x0000000001800000\n");
	says("readlink /sys/class/uio/uio3 /sys/class/scsi_generic/sg3 /sys/dev/char/243:3;"
	     "readlink -e /sys/class/uio/uio3/device/module /sys/class/scsi_generic/sg3/device",
	     "../../devices/tcm_user/uio/uio3\n"
	     "../../devices/tcm_loop_0/tcm_loop_adapter_3/host3/target3:0:1/3:0:1:0/scsi_generic/"
	     "sg3\n../../devices/tcm_user/uio/uio3\n/sys/module/target_core_user\n"
	     "/sys/devices/tcm_loop_0/tcm_loop_adapter_3/host3/target3:0:1/3:0:1:0\n");
	says("find /sys/class/uio/ -name 'uio*' -type l; stat -c '%F %a %t:%T' /dev/uio3 /dev/sg3;"
	     "find /dev -maxdepth 1 -type c -name '*3' -name '[us][ig]*' | sort",
	     "/sys/class/uio/uio3\ncharacter special file 600 f3:3\n"
	     "character special file 600 15:3\n/dev/sg3\n/dev/uio3\n");
	says("cat " CORE "/user_0/hba_info " CORE "/alua/lu_gps/default_lu_gp/members",
	     "HBA Index: 1 plugin: user version: v5.0\nuser_0/disk\n");
	says("rmdir " DISK
	     "; ls /sys/class/uio /sys/class/scsi_generic /dev/uio* /dev/sg3 2>&1 || :",
	     "ls: cannot access '/dev/uio*': No such file or directory\n"
	     "ls: cannot access '/dev/sg3': No such file or directory\n"
	     "/sys/class/scsi_generic:\n\n/sys/class/uio:\n");
	says("rmdir " CORE "/user_0", "");
}

/* The same commands as on a real kernel: the same names, permissions, sizes and texts. */
static void test_recorded(void)
{
	says("mkdir -p " CORE "/user_0/memory && cd " CORE "/user_0/memory &&"
	     "echo 1 > attrib/emulate_write_cache &&"
	     "echo dev_size=67108864,hw_block_size=512,dev_config=harness/memory > control &&"
	     "printf harness0001 > wwn/vpd_unit_serial && echo 1 > enable",
	     "");
	says("cd " CORE "/user_0/memory; find . -printf '%M %s /%P\n' | LC_ALL=C sort -k 3",
	     recorded_modes);
	says("cd " CORE "/user_0/memory; grep -rs '' * | LC_ALL=C sort", recorded_values);
	says("rmdir " CORE "/user_0/memory " CORE "/user_0", "");
}

/* What a shell's write is told: nothing, or why not. */
static void refused_(int line, const char *file, const char *text, const char *expect)
{
	char command[1024], want[256] = "";

	snprintf(command, sizeof(command),
		 "cd " DISK "; { printf -- '%s' > %s; } 2>&1 | sed 's/.*: //'", text, file);
	if (expect[0])
		snprintf(want, sizeof(want), "%s\n", expect);
	says_(line, command, want);
}
#define accepts(file, text)	 refused_(__LINE__, file, text, "")
#define refuses(file, text, why) refused_(__LINE__, file, text, why)

static const char inval[] = "Invalid argument", range[] = "Numerical result out of range";

static void test_control(void)
{
	make_disk();
	accepts("control", "foo=1");
	accepts("control", "dev_size");
	accepts("control", "dev_size=");
	refuses("control", "dev_size=x", inval);
	refuses("control", "dev_size=-1", inval);
	refuses("control", "dev_size= 1", inval);
	refuses("control", "dev_size=99999999999999999999", range);
	accepts("control", " dev_size=1");
	refuses("control", "hw_block_size=0", inval);
	refuses("control", "hw_block_size=-5", inval);
	accepts("control", "hw_block_size=x");
	refuses("control", "hw_block_size=99999999999", range);
	refuses("control", "hw_max_sectors=0", inval);
	accepts("control", "hw_max_sectors=128 ");
	refuses("control", "max_data_area_mb=0", inval);
	refuses("control", "data_pages_per_blk=999999", inval);
	refuses("control", "data_pages_per_blk=0", inval);
	refuses("control", "cmd_ring_size_mb=0", inval);
	accepts("control", "dev_config=");
	accepts("control", ",,\\n");
	says("tail -n 1 " DISK "/info",
	     "        Config: sub/path Size: 67108864 MaxDataAreaMB: 16 DataPagesPerBlk: 1 "
	     "CmdRingSizeMB: 8\n");
	accepts("control", "max_data_area_mb=9999\\ndata_pages_per_blk=2\\n");
	accepts("control", "cmd_ring_size_mb=9,dev_size=0x1000,nl_reply_supported=-1");
	refuses("control", "dev_config=a/b,hw_block_size=0,dev_size=5", inval);
	says("cat " DISK "/info " DISK "/attrib/nl_reply_supported",
	     "Status: DEACTIVATED  Max Queue Depth: 0  SectorSize: 0  HwMaxSectors: 0\n"
	     "        Config: a/b Size: 4096 MaxDataAreaMB: 2048 DataPagesPerBlk: 2 "
	     "CmdRingSizeMB: 8\n-1\n");
	accepts("enable", "1");
	refuses("enable", "1", "File exists");
	refuses("enable", "0", inval);
	refuses("control", "max_data_area_mb=16", inval);
	refuses("control", "data_pages_per_blk=2", inval);
	refuses("control", "cmd_ring_size_mb=4", inval);
	accepts("control", "dev_size=8192");
	remove_disk();
}

static void test_attrib(void)
{
	make_disk();
	refuses("attrib/nl_reply_supported", "200", range);
	refuses("attrib/tmr_notification", "2", inval);
	refuses("attrib/tmr_notification", "99999999999", range);
	accepts("attrib/tmr_notification", "1\\n");
	accepts("attrib/emulate_write_cache", "2");
	refuses("attrib/dev_size", "x", inval);
	accepts("attrib/dev_size", "99999999999");
	accepts("attrib/dev_config", "x/y");
	refuses("attrib/cmd_ring_size_mb", "1", "Permission denied");
	refuses("attrib/qfull_time_out", "-2", inval);
	accepts("attrib/qfull_time_out", "-1");
	refuses("attrib/cmd_time_out", " 1", inval);
	accepts("attrib/cmd_time_out", "0x10");
	refuses("attrib/emulate_pr", "2", inval);
	accepts("attrib/emulate_pr", "nope");
	refuses("attrib/submit_type", "3", inval);
	says("cd " DISK "/attrib; cat tmr_notification emulate_write_cache dev_size dev_config "
	     "cmd_time_out emulate_pr",
	     "1\n1\n99999999999\nx/y\n16\n0\n");
	refuses("action/block_dev", "1", inval);
	refuses("action/reset_ring", "1", inval);
	refuses("wwn/vendor_id", "123456789", "Value too large for defined data type");
	refuses("wwn/company_id", "x", inval);
	accepts("wwn/vpd_unit_serial", "  12 3  ");
	says("cat " DISK "/wwn/vpd_unit_serial", "T10 VPD Unit Serial Number: 12 3\n");
	refuses("alua/default_tg_pt_gp/alua_access_state", "1", "No such device");
	accepts("alua/default_tg_pt_gp/alua_access_type", "1");
	refuses("info", "1", "Permission denied");
	accepts("enable", "1");
	refuses("attrib/cmd_time_out", "1", inval);
	refuses("attrib/dev_size", "1", "No such process");
	refuses("wwn/vpd_unit_serial", "1", inval);
	accepts("action/block_dev", "1");
	refuses("action/block_dev", "2", inval);
	says("cat " DISK "/action/block_dev", "blocked\n");
	accepts("action/reset_ring", "2");
	refuses("action/reset_ring", "3", inval);
	refuses("action/free_kept_buf", "1", inval);
	refuses("action/free_kept_buf", "70000", range);
	remove_disk();
}

static void test_directories(void)
{
	static const char *const bad[] = {
		"user_1x", "user_", "user", "user_-1", "foo_1", "user__1"
	};
	char command[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(command, sizeof(command), "mkdir " CORE "/%s 2>&1 | sed 's/.*: //'",
			 bad[i]);
		says(command, "Invalid argument\n");
	}
	says("mkdir " CORE "/user_99999999999 " CORE "/user_01 && rmdir " CORE "/user_*", "");
	make_disk();
	says("{ mkdir " DISK "; rmdir " CORE "/user_0 " DISK "/attrib " CORE "; mkdir " DISK "/x; "
	     "touch " DISK "/x; rm " DISK "/control; ln -s /tmp " DISK "/x; mv " DISK " " DISK "2; "
	     "mkdir /sys/class/uio/x /sys/kernel/config/target/x; } 2>&1 | sed 's/.*: //'",
	     "File exists\nDirectory not empty\nOperation not permitted\n"
	     "Operation not permitted\nOperation not permitted\nPermission denied\n"
	     "Operation not permitted\nOperation not permitted\nOperation not permitted\n"
	     "Operation not permitted\nInvalid argument\n");
	says("cd " DISK "; chmod 600 info; stat -c %A info; truncate -s 0 enable && cat enable",
	     "-rw-------\n0\n");
	says("mkdir " CORE "/user_0/$(printf %0255d 1) && rmdir " CORE "/user_0/00*", "");
	remove_disk();
}

/* enable waits for a daemon: everything else goes on, its writer is told in the end (KRN-145). */
static void test_later(void)
{
	make_disk();
	later.hold = true;
	start("cd " DISK "; { echo 1 > enable; echo $?; } 2>&1 | sed 's/.*: //' & sleep 0.1; "
	      "cat /sys/class/uio/uio3/name enable; kill $!; wait");
	CU_ASSERT_EQUAL(ended_within(500), -1);
	CU_ASSERT_STRING_EQUAL(out, "tcm-user/0/disk/sub/path\n0\n");
	CU_ASSERT_PTR_NOT_NULL_FATAL(later.done);
	finish(-EIO);
	CU_ASSERT_EQUAL(ended_within(20000), 0);
	later.hold = false;
	later.d->configured = true;
	later.hold = true;
	start("exec 3< /sys/class/uio/uio3/name; rmdir " DISK "; echo $?; cat <&3");
	CU_ASSERT_EQUAL(ended_within(300), -1);
	CU_ASSERT_STRING_EQUAL(out, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(later.removed);
	finish(0);
	CU_ASSERT_EQUAL(ended_within(20000), 1);
	CU_ASSERT_STRING_EQUAL(out, "0\ncat: -: No such device\n");
	later.hold = false;
	says("rmdir " CORE "/user_0", "");
}

static void test_languages(void)
{
	make_disk();
	says("cd " DISK "; exec python3 -c 'import os\n"
	     "open(\"attrib/dev_size\", \"w\").write(\"4096\")\n"
	     "with open(\"attrib/dev_size\", \"r+\") as f: print(f.read().strip(), os.fstat(f.fileno()).st_size)\n"
	     "try:\n with open(\"attrib/dev_size\", \"w\") as f: f.write(\"x\")\n"
	     "except OSError as e: print(e.errno)\n"
	     "f = os.open(\"info\", os.O_RDONLY); print(os.read(f, 7), os.pread(f, 4, 8), len(os.read(f, 5000)))\n"
	     "print(sorted(e.name for e in os.scandir(\".\") if e.is_dir()))'",
	     "4096 4096\n22\nb'Status:' b'DEAC' 155\n['action', 'alua', 'attrib', 'pr', 'wwn']\n");
	says("cd " DISK
	     "; dd if=/dev/zero bs=8192 count=1 of=alias status=none; echo $?; wc -c < alias",
	     "dd: error writing 'alias': Invalid argument\n1\n0\n");
	says("cd " DISK
	     "; exec 3<>alias; echo a >&3; echo b >&3; cat alias; echo c >> alias; cat alias",
	     "b\nc\n");
	remove_disk();
}

static void test_parameters(void)
{
	says("cd /sys/module/target_core_user/parameters; ls -l | cut -c 1-10 | tail -n 3; cat g* b*;"
	     "echo 512 > global_max_data_area_mb; cat g*; echo 1 > block_netlink; cat b*;"
	     "echo 1 > reset_netlink; echo 0 > block_netlink; cat b*",
	     "-rw-r--r--\n-rw-r--r--\n--w-------\n2048\nunblocked\n512\nblocked\nunblocked\n");
	says("cd /sys/module/target_core_user/parameters; { echo 0 > g*; echo 2 > block_netlink;"
	     "echo 2 > reset_netlink; echo 1 > reset_netlink; } 2>&1 | sed 's/.*: //'",
	     "Invalid argument\nInvalid argument\nInvalid argument\nDevice or resource busy\n");
	world.global_max_data_area_mb = 2048;
}

/* Unseen by the host, gone when it ends. */
static void test_outside(void)
{
	struct stat st;

	make_disk();
	CU_ASSERT_NOT_EQUAL(stat(CORE "/user_0/disk", &st), 0);
	CU_ASSERT_EQUAL(stat("/dev/null", &st), 0);
	says("ls -d $PWD; ls /proc/self/ns/mnt >/dev/null",
	     getcwd(out, sizeof(out)) ? strcat(out, "\n") : "");
	remove_disk();
}

static CU_TestInfo mounted_tests[] = {
	{ "places", test_places },
	{ "a device's life", test_life },
	{ "a device as recorded", test_recorded },
	{ "control", test_control },
	{ "attributes and actions", test_attrib },
	{ "directories", test_directories },
	{ "answers that come later", test_later },
	{ "readers and writers", test_languages },
	{ "module parameters", test_parameters },
	{ "outside", test_outside },
	CU_TEST_INFO_NULL,
};

/* --- plain files --------------------------------------------------------------------------------
 */

/* The name under which a program finds @path. */
static const char *real(const char *path)
{
	static char buf[500];

	tree_path(&world, path, buf, sizeof(buf));
	return buf;
}

static bool within(int ms, const char *path, const char *expect)
{
	uint64_t until = world_now_ns() + (uint64_t)ms * 1000000;
	char text[TREE_PAGE];

	while (world_now_ns() < until) {
		FILE *f = fopen(path, "re");
		size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

		if (f)
			fclose(f);
		text[n] = 0;
		if (!strcmp(text, expect))
			return true;
		serve(20);
	}
	printf("\n  %s: expected %s  found %s\n", path, expect, text);
	return false;
}

static void test_paths(void)
{
	char want[500];

	CU_ASSERT_STRING_EQUAL(real("/etc/passwd"), "");
	CU_ASSERT_STRING_EQUAL(real("/sys"), "");
	CU_ASSERT_STRING_EQUAL(real("/sys/class/net"), "");
	CU_ASSERT_STRING_EQUAL(real("/sys/classic"), "");
	CU_ASSERT_STRING_EQUAL(real("/system"), "");
	CU_ASSERT_STRING_EQUAL(real("/dev/null"), "");
	snprintf(want, sizeof(want), "%s/files/sysfs/class/uio", world.dir);
	CU_ASSERT_STRING_EQUAL(real("/sys/class/uio"), want);
	snprintf(want, sizeof(want), "%s/files/configfs/target/core/user_0", world.dir);
	CU_ASSERT_STRING_EQUAL(real("/sys/kernel/config/target/core/user_0"), want);
	snprintf(want, sizeof(want), "%s/files/modules/1.2", world.dir);
	CU_ASSERT_STRING_EQUAL(real("/lib/modules/1.2"), want);
}

static void test_files(void)
{
	struct world_device *d = device_new(&world, 0, "disk");
	char path[500], other[500], command[1100];
	struct stat st;

	strcpy(path, real(DISK "/control"));
	snprintf(command, sizeof(command), "echo dev_size=4096,dev_config=a/b > %s", path);
	CU_ASSERT_EQUAL(run(command), 0);
	strcpy(other, real(DISK "/attrib/dev_size"));
	CU_ASSERT_TRUE(within(10000, other, "4096\n"));
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_size, 0);
	strcpy(path, real(DISK "/enable"));
	snprintf(command, sizeof(command), "printf 1 > %s", path);
	CU_ASSERT_EQUAL(run(command), 0);
	CU_ASSERT_TRUE(within(10000, path, "1\n"));
	snprintf(command, sizeof(command), "cat %s", real("/sys/class/uio/uio3/name"));
	run(command);
	CU_ASSERT_STRING_EQUAL(out, "tcm-user/0/disk/a/b\n");
	CU_ASSERT_EQUAL(stat(real("/dev/uio3"), &st), 0);
	/* A refusal is said, and the file says what is so. */
	said[0] = 0;
	snprintf(command, sizeof(command), "echo 7 > %s", other);
	CU_ASSERT_EQUAL(run(command), 0);
	CU_ASSERT_TRUE(within(10000, other, "4096\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "dev_size was refused: No such process"));
	strcpy(path, real("/dev/uio3"));
	world_device_remove(d, NULL, NULL);
	CU_ASSERT_NOT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_NOT_EQUAL(stat(other, &st), 0);
}

/* libkmod reads the index that we write: ours is built in, and what the host has. */
static void test_modules(void)
{
	char command[600];

	snprintf(command, sizeof(command),
		 "t=$(mktemp -d) && mkdir $t/lib && cp -r %s/files/modules $t/lib/modules && "
		 "modprobe -d $t target_core_user; echo $?; modprobe -d $t -q no_such; echo $?; "
		 "modprobe -d $t -q target_core_use; echo $?; rm -r $t",
		 world.dir);
	if (run("command -v modprobe"))
		return;
	says(command, "0\n1\n1\n");
}

static CU_TestInfo file_tests[] = {
	{ "what a path means", test_paths },
	{ "plain files", test_files },
	{ "built-in modules", test_modules },
	CU_TEST_INFO_NULL,
};

/* --- a mount namespace, but no FUSE --------------------------------------------------------------
 */

static void test_no_fuse(void)
{
	struct world_device *d = device_new(&world, 0, "disk");

	CU_ASSERT_PTR_NOT_NULL(strstr(said, "no FUSE here"));
	says("cd " DISK
	     "; cat attrib/dev_size; echo 4096 > attrib/dev_size; sleep 0.3; cat attrib/dev_size",
	     "0\n4096\n");
	says("echo 1 > " DISK "/enable; sleep 0.3; cat " DISK "/enable /sys/class/uio/uio3/name",
	     "1\ntcm-user/0/disk\n");
	says("ls -d /sys/class/net /sys/devices/system/cpu /sys/kernel/mm",
	     "/sys/class/net\n/sys/devices/system/cpu\n/sys/kernel/mm\n");
	world_device_remove(d, NULL, NULL);
	says("ls /sys/class/uio", "");
}

static CU_TestInfo no_fuse_tests[] = {
	{ "plain files, mounted", test_no_fuse },
	CU_TEST_INFO_NULL,
};

/* --- numbers -------------------------------------------------------------------------------------
 */

static int number(const char *text, int64_t min, int64_t max)
{
	int64_t v = 12345;
	int rc = tree_number(text, 0, min, max, &v);

	return rc ? rc : (int)v;
}

static void test_numbers(void)
{
	CU_ASSERT_EQUAL(number("7", 0, 255), 7);
	CU_ASSERT_EQUAL(number("0x10\n", 0, 255), 16);
	CU_ASSERT_EQUAL(number("010", 0, 255), 8);
	CU_ASSERT_EQUAL(number("+3", 0, 255), 3);
	CU_ASSERT_EQUAL(number("-1", -5, 255), -1);
	CU_ASSERT_EQUAL(number("-1", 0, 255), -EINVAL);
	CU_ASSERT_EQUAL(number("256", 0, 255), -ERANGE);
	CU_ASSERT_EQUAL(number("99999999999999999999", 0, 255), -ERANGE);
	CU_ASSERT_EQUAL(number("-6", -5, 255), -ERANGE);
	CU_ASSERT_EQUAL(number("", 0, 255), -EINVAL);
	CU_ASSERT_EQUAL(number("\n", 0, 255), -EINVAL);
	CU_ASSERT_EQUAL(number(" 1", 0, 255), -EINVAL);
	CU_ASSERT_EQUAL(number("1 ", 0, 255), -EINVAL);
	CU_ASSERT_EQUAL(number("5\n\n", 0, 255), -EINVAL);
	CU_ASSERT_EQUAL(number("+-3", -5, 255), -EINVAL);
	CU_ASSERT_EQUAL(number("f", 0, 255), -EINVAL);
}

static void test_flags(void)
{
	static const char *const yes[] = { "1", "y\n", "Yes", "on", "ON", "true", "10" };
	static const char *const no[] = { "0", "n", "nope", "off", "False" };
	bool v;

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		CU_ASSERT_TRUE(!tree_flag(yes[i], &v) && v);
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		CU_ASSERT_TRUE(!tree_flag(no[i], &v) && !v);
	CU_ASSERT_EQUAL(tree_flag("2", &v), -EINVAL);
	CU_ASSERT_EQUAL(tree_flag("", &v), -EINVAL);
	CU_ASSERT_EQUAL(tree_flag("o", &v), -EINVAL);
	CU_ASSERT_EQUAL(tree_flag(" 1", &v), -EINVAL);
}

static CU_TestInfo text_tests[] = {
	{ "numbers", test_numbers },
	{ "truth values", test_flags },
	CU_TEST_INFO_NULL,
};

/* --- worlds --------------------------------------------------------------------------------------
 */

static char dir[64];

static int begin(enum world_mechanism mechanism, int (*prepare)(void))
{
	char err[200] = "";
	int rc = 0;

	world = (struct world){ .mechanism = mechanism, .global_max_data_area_mb = 2048 };
	world.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	strcpy(dir, "/tmp/test-tree-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	strcpy(world.dir, dir);
	if (mechanism == WORLD_SECCOMP)
		rc = mounts_enter(&world, err, sizeof(err));
	if (!rc && prepare)
		rc = prepare();
	if (!rc)
		rc = tree_start(&world, err, sizeof(err));
	if (rc)
		printf("%s: %s\n", strerror(-rc), err);
	return rc;
}

static int begin_mounted(void)
{
	return begin(WORLD_SECCOMP, NULL);
}

static int begin_files(void)
{
	return begin(WORLD_PRELOAD, NULL);
}

static int hide_fuse(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/dev", "tmpfs", 0, NULL))
		return -errno;
	return 0;
}

static int begin_no_fuse(void)
{
	said[0] = 0;
	return begin(WORLD_SECCOMP, hide_fuse);
}

/* Nothing is left behind. */
static int end(void)
{
	while (world.devices)
		world_device_remove(world.devices, NULL, NULL);
	tree_stop(&world);
	close(world.epoll_fd);
	return rmdir(world.dir);
}

int main(void)
{
	CU_SuiteInfo suites[] = {
		{ "text", NULL, NULL, NULL, NULL, text_tests },
		{ "files", begin_files, end, NULL, NULL, file_tests },
		{ "mounted", begin_mounted, end, NULL, NULL, mounted_tests },
		{ "no FUSE", begin_no_fuse, end, NULL, NULL, no_fuse_tests },
		CU_SUITE_INFO_NULL,
	};
	unsigned int failures;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (CU_initialize_registry() || CU_register_suites(suites))
		return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
