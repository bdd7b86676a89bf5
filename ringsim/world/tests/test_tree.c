/* SPDX-License-Identifier: MIT */
/*
 * The trees as programs see them: real programs in a real mount namespace. What they are answered
 * is what the same commands were answered on Linux 6.12.
 */
#include "../lu.h"
#include "configfs_recorded.h"
#include "puppet.h"

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
	accepts("wwn/vpd_unit_serial", "1");
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
	says("cd /sys/kernel/config/target; echo /usr > dbroot; cat dbroot; { echo /no/such > dbroot; "
	     "echo /etc/passwd > dbroot; } 2>&1 | sed 's/.*: //'; cat dbroot",
	     "/usr\nInvalid argument\nInvalid argument\n/usr\n");
}

/* pr/ says what pr.c keeps. */
static void test_reservations(void)
{
	struct lu lu = { .pr = { .generation = 2, .registered = true, .key = 0x123, .type = 6 } };

	make_disk();
	accepts("enable", "1");
	world.devices->lu = &lu;
	says("cd " DISK "/pr; cat res_holder res_pr_type res_pr_generation res_pr_registered_i_pts "
	     "res_pr_all_tgt_pts res_type",
	     "SPC-3 Reservation: loopback Initiator: naa.6001406000000003\n"
	     "SPC-3 Reservation Type: Exclusive Access, Registrants Only\n0x00000002\n"
	     "SPC-3 PR Registrations:\n"
	     "loopback Node: naa.6001406000000003 Key: 0x0000000000000123 PRgen: 0x00000001\n"
	     "SPC-3 Reservation: Single Target Port registration\nSPC3_PERSISTENT_RESERVATIONS\n");
	lu.pr = (struct pr){ .reserved = true };
	says("cd " DISK "/pr; cat res_holder res_pr_type res_type",
	     "SPC-2 Reservation: loopback Initiator: naa.6001406000000003\n"
	     "No SPC-3 Reservation holder\nSPC2_RESERVATIONS\n");
	refuses("pr/res_aptpl_metadata", "1", inval);
	accepts("attrib/pgr_support", "0");
	says("cd " DISK "/pr; cat res_holder res_type res_aptpl_active",
	     "Passthrough\nSPC_PASSTHROUGH\n");
	accepts("attrib/emulate_pr", "0");
	says("cd " DISK "/pr; cat res_holder res_type",
	     "SPC_RESERVATIONS_DISABLED\nSPC_RESERVATIONS_DISABLED\n");
	world.devices->lu = NULL;
	remove_disk();
}

/* Unseen by the host, gone when it ends. */
static void test_outside(void)
{
	struct stat st;

	make_disk();
	CU_ASSERT_NOT_EQUAL(stat(CORE "/user_0/disk", &st), 0);
	CU_ASSERT_EQUAL(stat("/dev/null", &st), 0);
	says("echo x > /run/test-tree.lock; cat /run/test-tree.lock", "x\n");
	CU_ASSERT_NOT_EQUAL(stat("/run/test-tree.lock", &st), 0);
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
	{ "reservations", test_reservations },
	{ "outside", test_outside },
	CU_TEST_INFO_NULL,
};

static int begin_mounted(void)
{
	return begin(WORLD_SECCOMP, NULL);
}

int main(void)
{
	CU_SuiteInfo suites[] = {
		{ "mounted", begin_mounted, end, NULL, NULL, mounted_tests },
		CU_SUITE_INFO_NULL,
	};

	return run_suites(suites);
}
