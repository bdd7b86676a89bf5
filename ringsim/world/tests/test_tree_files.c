/* SPDX-License-Identifier: MIT */
/*
 * The trees as plain files, beside the host's and mounted without FUSE, and how texts are read.
 */
#include "puppet.h"

#include <sys/mount.h>

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

/* It can be opened, but mounting it is refused. */
static int spoil_fuse(void)
{
	int rc = hide_fuse();

	return rc || !mknod("/dev/fuse", S_IFREG | 0600, 0) ? rc : -errno;
}

static int begin_spoilt_fuse(void)
{
	said[0] = 0;
	return begin(WORLD_SECCOMP, spoil_fuse);
}

static int begin_no_fuse(void)
{
	said[0] = 0;
	return begin(WORLD_SECCOMP, hide_fuse);
}

int main(void)
{
	CU_SuiteInfo suites[] = {
		{ "text", NULL, NULL, NULL, NULL, text_tests },
		{ "files", begin_files, end, NULL, NULL, file_tests },
		{ "no FUSE", begin_no_fuse, end, NULL, NULL, no_fuse_tests },
		{ "FUSE forbidden", begin_spoilt_fuse, end, NULL, NULL, no_fuse_tests },
		CU_SUITE_INFO_NULL,
	};

	return run_suites(suites);
}
