/* SPDX-License-Identifier: MIT */
/* The machine as JSON and as text, made of directories that stand for machines. */
#include "../env.h"
#include "../system.h"
#include "fake.h"

#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define REL "6.4.0-150600.23-default"
#define LIB "/lib/modules/" REL

static const json_t *get(const json_t *all, const char *a, const char *b)
{
	return json_object_get(json_object_get(all, a), b);
}

static const char *str(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "(none)";
}

static const json_t *module_of(const json_t *all, const char *name)
{
	const json_t *m;
	size_t i;

	json_array_foreach(json_object_get(all, "modules"), i, m)
	{
		if (!strcmp(str(m, "name"), name))
			return m;
	}
	return NULL;
}

/* The text of it, with what is missing; the caller's. */
static char *text_of(const json_t *all)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	json_t *missing = env_missing(all, NULL);

	system_text(all, f);
	env_missing_text(missing, f);
	json_decref(missing);
	fclose(f);
	return text;
}

static void says(const json_t *all, const char *line)
{
	char *text = text_of(all), *at = strstr(text, line);

	if (!at || (at > text && at[-1] != '\n'))
		fprintf(stderr, "expected '%s' in:\n%s", line, text);
	CU_ASSERT(at && (at == text || at[-1] == '\n'));
	free(text);
}

static void never(const json_t *all, const char *line)
{
	char *text = text_of(all);

	CU_ASSERT_PTR_NULL(strstr(text, line));
	free(text);
}

static void put_module(struct rootfs *t, const char *path, const char *info, unsigned char id,
		       const char *signer)
{
	unsigned char buf[8192];
	size_t len = fake_module(buf, info, id);

	if (signer)
		len = fake_sign(buf, len, signer);
	fake_file(t, path, buf, len);
}

static void a_kernel(struct rootfs *t)
{
	fake_new(t);
	fake_text(t, "/proc/sys/kernel/osrelease", REL "\n");
	fake_text(t, "/proc/sys/kernel/version", "#1 SMP PREEMPT\n");
	fake_text(t, "/proc/sys/kernel/arch", "x86_64\n");
}

static void test_flavour(void)
{
	static const struct {
		const char *release, *flavour;
	} tries[] = { { "6.1.0-56-amd64", "amd64" },
		      { "6.12.117+deb12-rt-amd64", "rt-amd64" },
		      { REL, "default" },
		      { "5.14.0-427.el9.x86_64", "" },
		      { "5.14.0-427.el9.x86_64+rt", "rt" },
		      { "6.18.44", "" },
		      { "6.9-", "" },
		      { "", "" } };
	size_t i;

	for (i = 0; i < sizeof(tries) / sizeof(*tries); i++)
		CU_ASSERT_STRING_EQUAL(kernel_flavour(tries[i].release), tries[i].flavour);
}

static void test_taint(void)
{
	static const char letters[] = "PFSRMBUDAWCIOELKXTNJ";
	json_t *all = taint_decode((1ull << 20) - 1), *one = taint_decode(1ull << 63);
	const json_t *flag;
	struct rootfs t;
	size_t i;

	CU_ASSERT_EQUAL(json_array_size(all), 20);
	json_array_foreach(all, i, flag)
	{
		CU_ASSERT_EQUAL(str(flag, "letter")[0], letters[i]);
	}
	CU_ASSERT_STRING_EQUAL(str(json_array_get(one, 0), "letter"), "?");
	json_decref(all);
	json_decref(one);
	a_kernel(&t);
	fake_text(&t, "/proc/sys/kernel/tainted", "12288\n");
	all = system_collect(&t);
	says(all, "kernel: " REL ", #1 SMP PREEMPT, x86_64, flavour default\n");
	says(all, "kernel headers: none\n");
	says(all, "missing for fabric: this kernel's headers; Debian's package linux-headers-" REL
		  ", if the kernel is Debian's; or ");
	says(all,
	     "kernel taint: 12288: O (an out-of-tree module was loaded), E (a module without a "
	     "valid signature was loaded)\n");
	json_decref(all);
	fake_text(&t, "/proc/sys/kernel/tainted", "0x3\n");
	fake_text(&t, "/usr/src/headers/include/generated/utsrelease.h", "");
	fake_link(&t, LIB "/build", "/usr/src/headers");
	all = system_collect(&t);
	says(all, "kernel taint: not known\n");
	says(all, "unreadable: /proc/sys/kernel/tainted: expected a number\n");
	says(all, "kernel headers: " LIB "/build\n");
	never(all, "missing for fabric");
	json_decref(all);
	fake_end(&t);
}

static void test_config(void)
{
	struct rootfs t;
	json_t *all;
	char command[600];

	a_kernel(&t);
	fake_text(&t, LIB "/build/.config", "CONFIG_TCM_USER2=y\n");
	all = system_collect(&t);
	CU_ASSERT_STRING_EQUAL(str(json_object_get(all, "config"), "source"), LIB "/build/.config");
	json_decref(all);
	fake_text(
		&t, "/boot/config-" REL,
		"# CONFIG_UIO is not set\nCONFIG_TCM_USER2=m\nCONFIG_TCM_USER22=y\nCONFIG_HZ=250");
	all = system_collect(&t);
	says(all, "configuration: /boot/config-" REL "\n");
	says(all, "configured: TCM_USER2=m HZ=250\n");
	CU_ASSERT(json_is_null(json_object_get(get(all, "config", "options"), "UIO")));
	says(all,
	     "missing for check --target kernel, seat, tcmu-export tcmu:...: uio; this kernel is "
	     "built without: one with CONFIG_UIO\n");
	says(all,
	     "missing for check --target kernel, seat, tcmu-export tcmu:...: target_core_user; "
	     "configured, but not installed: ");
	json_decref(all);
	fake_text(&t, "/proc/config", "CONFIG_HZ=1000\n");
	snprintf(command, sizeof(command), "gzip -c %s", fake_path("/proc/config"));
	snprintf(command + strlen(command), sizeof(command) - strlen(command), " >%s",
		 fake_path("/proc/config.gz"));
	CU_ASSERT_EQUAL_FATAL(system(command), 0);
	all = system_collect(&t);
	says(all, "configuration: /proc/config.gz\n");
	says(all, "configured: HZ=1000\n");
	json_decref(all);
	fake_end(&t);
}

/* One module in four places: what modules.dep says is loaded, and the rules tell why. */
static void test_choice(void)
{
	struct rootfs t;
	const json_t *m;
	json_t *all;

	a_kernel(&t);
	put_module(&t, LIB "/kernel/drivers/target/target_core_user.ko",
		   "supported=yes\nintree=Y\nvermagic=" REL " SMP\n", 1, "SUSE");
	put_module(&t, LIB "/updates/target_core_user.ko", "license=GPL\n", 2, NULL);
	fake_text(&t, LIB "/modules.dep",
		  "kernel/drivers/target/other.ko:\n"
		  "kernel/drivers/target/target_core_user.ko: kernel/drivers/uio/uio.ko\n");
	all = system_collect(&t);
	m = module_of(all, "target_core_user");
	CU_ASSERT_STRING_EQUAL(str(m, "state"), "not loaded");
	CU_ASSERT_STRING_EQUAL(str(m, "kind"), "release");
	CU_ASSERT_STRING_EQUAL(str(m, "stale"), "updates/target_core_user.ko");
	says(all, "missing for modprobe: an up-to-date modules.dep; depmod -a\n");
	says(all,
	     "module target_core_user, says: supported: yes, by the distribution, signed by SUSE, "
	     "PKCS#7, sha256, in-tree, for " REL " SMP\n");
	json_decref(all);
	fake_text(&t, LIB "/modules.dep",
		  "updates/target_core_user.ko: kernel/drivers/uio/uio.ko\n");
	all = system_collect(&t);
	m = module_of(all, "target_core_user");
	CU_ASSERT_STRING_EQUAL(str(m, "stale"), "(none)");
	says(all, "module target_core_user, file: " LIB
		  "/updates/target_core_user.ko (updates: 'updates' "
		  "is first in the search order (depmod's default)), rather than "
		  "kernel/drivers/target/target_core_user.ko\n");
	says(all,
	     "module target_core_user, says: supported: the file does not say, not signed, out of "
	     "tree\n");
	json_decref(all);
	fake_text(&t, "/etc/depmod.d/x.conf", "override target_core_user * extra\n");
	put_module(&t, LIB "/extra/target_core_user.ko", "license=GPL\n", 3, NULL);
	fake_text(&t, LIB "/modules.dep", "extra/target_core_user.ko:\n");
	fake_link(&t, LIB "/weak-updates/target_core_user.ko", "../updates/target_core_user.ko");
	all = system_collect(&t);
	m = module_of(all, "target_core_user");
	CU_ASSERT_STRING_EQUAL(str(m, "kind"), "override");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(m, "others")), 3);
	json_decref(all);
	fake_text(&t, LIB "/modules.dep", "weak-updates/target_core_user.ko:\n");
	all = system_collect(&t);
	m = module_of(all, "target_core_user");
	CU_ASSERT_STRING_EQUAL(str(m, "link"), "../updates/target_core_user.ko");
	CU_ASSERT_STRING_EQUAL(str(m, "stale"), "extra/target_core_user.ko");
	json_decref(all);
	unlink(fake_path(LIB "/modules.dep"));
	all = system_collect(&t);
	says(all,
	     "module target_core_user, file: extra/target_core_user.ko, but not in modules.dep: "
	     "depmod -a\n");
	json_decref(all);
	fake_end(&t);
}

/* However many modules a modules.dep is too old for, it is one thing that is missing. */
static void test_once(void)
{
	struct rootfs t;
	char *text, *at;
	json_t *all;

	a_kernel(&t);
	put_module(&t, LIB "/kernel/uio.ko", "license=GPL\n", 1, NULL);
	put_module(&t, LIB "/updates/uio.ko", "license=GPL\n", 2, NULL);
	put_module(&t, LIB "/kernel/tcm_loop.ko", "license=GPL\n", 3, NULL);
	put_module(&t, LIB "/updates/tcm_loop.ko", "license=GPL\n", 4, NULL);
	fake_text(&t, LIB "/modules.dep", "kernel/uio.ko:\nkernel/tcm_loop.ko:\n");
	all = system_collect(&t);
	CU_ASSERT_STRING_EQUAL(str(module_of(all, "uio"), "stale"), "updates/uio.ko");
	CU_ASSERT_STRING_EQUAL(str(module_of(all, "tcm_loop"), "stale"), "updates/tcm_loop.ko");
	text = text_of(all);
	at = strstr(text, "missing for modprobe: an up-to-date");
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	CU_ASSERT_PTR_NULL(strstr(at + 1, "missing for modprobe: an up-to-date"));
	free(text);
	json_decref(all);
	fake_end(&t);
}

static void test_modprobe(void)
{
	struct rootfs t;
	json_t *all;

	a_kernel(&t);
	put_module(&t, LIB "/kernel/target_core_user.ko", "license=GPL\n", 1, NULL);
	put_module(&t, LIB "/kernel/uio.ko", "supported=yes\n", 1, NULL);
	fake_text(&t, LIB "/modules.dep", "kernel/target_core_user.ko:\nkernel/uio.ko:\n");
	fake_text(&t, "/etc/modprobe.d/a.conf",
		  "# x\nblacklist target-core-user\nblacklist frob\ninstall\n"
		  "install target_core_user \\\n /bin/false  x\noptions uio a=1 b=2\n");
	fake_text(&t, "/lib/modprobe.d/suse.conf", "allow_unsupported_modules 0\n");
	all = system_collect(&t);
	says(all,
	     "module target_core_user, modprobe: blacklist (/etc/modprobe.d/a.conf:2), install "
	     "/bin/false  x (/etc/modprobe.d/a.conf:5), refuses what is not supported: "
	     "/lib/modprobe.d/suse.conf:1\n");
	says(all, "module uio, modprobe: options a=1 b=2 (/etc/modprobe.d/a.conf:7)\n");
	says(all,
	     "missing for modprobe: target_core_user; it runs something else instead: /bin/false  x "
	     "(/etc/modprobe.d/a.conf:5)\n");
	says(all, "missing for modprobe: target_core_user; modprobe --allow-unsupported, as the "
		  "distribution does not support it: /lib/modprobe.d/suse.conf:1\n");
	json_decref(all);
	fake_text(&t, "/etc/modprobe.d/suse.conf", "allow_unsupported_modules 1\n");
	all = system_collect(&t);
	CU_ASSERT_PTR_NULL(json_object_get(module_of(all, "target_core_user"), "refused"));
	json_decref(all);
	fake_end(&t);
}

static void test_loaded(void)
{
	static const unsigned char note[] = "\4\0\0\0\4\0\0\0\3\0\0\0GNU\0\2\2\2\2";
	struct rootfs t;
	json_t *all;

	a_kernel(&t);
	put_module(&t, LIB "/extra/target_core_user.ko", "license=GPL\n", 2, NULL);
	fake_text(&t, LIB "/modules.dep", "extra/target_core_user.ko:\n");
	fake_text(&t, LIB "/modules.builtin", "kernel/drivers/uio/uio.ko\n");
	fake_text(&t, "/sys/module/target_core_user/initstate", "live\n");
	fake_text(&t, "/sys/module/target_core_user/taint", "OE\n");
	fake_text(&t, "/sys/module/target_core_user/refcnt", "3\n");
	fake_text(&t, "/sys/module/target_core_user/parameters/block_netlink", "0\n");
	fake_text(&t, "/sys/module/target_core_user/parameters/b", "\033[31m\n");
	fake_file(&t, "/sys/module/target_core_user/notes/.note.gnu.build-id", note,
		  sizeof(note) - 1);
	fake_dir(&t, "/sys/module/target_core_mod");
	all = system_collect(&t);
	says(all, "module target_core_user: loaded: taint OE, used by 3, from that file\n");
	says(all, "module target_core_user, parameters: b=\\x1b[31m block_netlink=0\n");
	CU_ASSERT_STRING_EQUAL(str(module_of(all, "uio"), "state"), "built in");
	CU_ASSERT_STRING_EQUAL(str(module_of(all, "target_core_mod"), "state"), "built in");
	json_decref(all);
	put_module(&t, LIB "/extra/target_core_user.ko", "license=GPL\n", 3, NULL);
	all = system_collect(&t);
	says(all,
	     "module target_core_user: loaded: taint OE, used by 3, NOT from that file: another "
	     "build\n");
	json_decref(all);
	fake_text(&t, "/sys/module/target_core_user/initstate", "coming\n");
	fake_text(&t, "/sys/module/tcm_loop/initstate", "going\n");
	all = system_collect(&t);
	says(all, "module target_core_user: being loaded: taint OE, ");
	says(all, "missing for all that needs it: target_core_user; it is being loaded: wait");
	says(all, "missing for all that needs it: tcm_loop; it is being unloaded: wait");
	json_decref(all);
	fake_end(&t);
}

static void test_uio(void)
{
	struct rootfs t;
	json_t *all;

	a_kernel(&t);
	fake_text(&t, "/sys/class/uio/uio0/name", "tcm-user/0/disk/x/y\n");
	fake_text(&t, "/sys/class/uio/uio0/maps/map0/size", "0x1000\n");
	fake_text(&t, "/sys/class/uio/uio1/name", "tcm-user/0/other\n");
	fake_text(&t, "/dev/uio0", "");
	fake_text(&t, "/proc/12/comm", "handler\n");
	fake_link(&t, "/proc/12/fd/0", "/dev/null");
	fake_link(&t, "/proc/12/fd/7", "/dev/uio0");
	fake_link(&t, "/proc/12/fd/8", "/dev/uio0");
	fake_text(&t, "/proc/12/maps", "7f0-7f1 rw-s 00000000 00:05 1 /dev/uio0\n");
	fake_text(&t, "/proc/13/comm", "other\n");
	fake_link(&t, "/proc/13/fd/3", "/dev/uio00x");
	fake_text(&t, "/proc/13/maps", "7f0-7f1 rw-s 00000000 00:05 1 /dev/uio0 (deleted)\n");
	all = system_collect(&t);
	says(all,
	     "UIO device uio0: tcm-user/0/disk/x/y, region of 0x1000, open by process 12 handler "
	     "(descriptor and mapping), 13 other (mapping)\n");
	says(all, "UIO device uio1: tcm-user/0/other, no node in /dev, open by nobody\n");
	json_decref(all);
	fake_end(&t);
}

static void test_target(void)
{
	struct rootfs t;
	json_t *all;

	a_kernel(&t);
	all = system_collect(&t);
	says(all, "target: configfs is not mounted on /sys/kernel/config\n");
	json_decref(all);
	/* the directory comes with the file system's module */
	fake_dir(&t, "/sys/kernel/config");
	fake_text(&t, "/proc/mounts", "sysfs /sys sysfs rw 0 0\n");
	all = system_collect(&t);
	says(all, "target: configfs is not mounted on /sys/kernel/config\n");
	json_decref(all);
	fake_text(&t, "/proc/mounts", "configfs /sys/kernel/config configfs rw 0 0\n");
	all = system_collect(&t);
	says(all, "target: target_core_mod is not there: no /sys/kernel/config/target\n");
	json_decref(all);
	fake_text(&t, "/sys/kernel/config/target/iscsi/iqn.x/tpgt_1/enable", "1\n");
	fake_dir(&t, "/sys/kernel/config/target/iscsi/discovery_auth");
	fake_dir(&t, "/sys/kernel/config/target/loopback");
	fake_dir(&t, "/sys/kernel/config/target/core/user_3/disk");
	fake_dir(&t, "/sys/kernel/config/target/core/alua");
	all = system_collect(&t);
	says(all, "fabric iscsi: iqn.x\n");
	says(all, "fabric loopback: no targets\n");
	says(all, "backstore user_3: disk\n");
	json_decref(all);
	fake_end(&t);
}

/* Nothing there, no regular files, loops, files without end, and rubbish: lines, no harm. */
static void test_hostile(void)
{
	struct rootfs t;
	json_t *all;
	char *text;

	fake_new(&t);
	all = system_collect(&t);
	says(all, "kernel: of unknown release, ");
	says(all, "configuration: not to be found\n");
	json_decref(all);
	fake_text(&t, "/proc/sys/kernel/osrelease", "\n");
	all = system_collect(&t);
	says(all, "kernel: of unknown release, ");
	json_decref(all);
	fake_text(&t, "/proc/sys/kernel/osrelease", "../../../etc\n");
	all = system_collect(&t);
	CU_ASSERT_STRING_EQUAL(str(module_of(all, "uio"), "state"), "missing");
	json_decref(all);
	fake_end(&t);

	a_kernel(&t);
	fake_dir(&t, "/proc/config.gz");
	CU_ASSERT_EQUAL_FATAL(mkfifo(fake_path("/proc/sys/kernel/tainted"), 0600), 0);
	fake_link(&t, LIB "/kernel/loop", "loop");
	fake_link(&t, LIB "/kernel/up", "..");
	fake_text(&t, LIB "/kernel/uio.ko", "\x28\xb5\x2f\xfdrubbish");
	fake_text(&t, LIB "/kernel/tcm_loop.ko", "rubbish");
	fake_link(&t, LIB "/kernel/target_core_mod.ko", "/dev/zero");
	fake_link(&t, LIB "/kernel/target_core_user.ko", "target_core_user.ko");
	fake_text(&t, LIB "/kernel/target_core_file.ko", "");
	CU_ASSERT_EQUAL(truncate(fake_path(LIB "/kernel/target_core_file.ko"), (off_t)1 << 40), 0);
	fake_text(&t, LIB "/modules.dep",
		  "kernel/uio.ko:\nkernel/tcm_loop.ko:\nkernel/target_core_mod.ko:\n"
		  "kernel/target_core_user.ko:\nkernel/target_core_file.ko:\n"
		  "/../../iscsi_target_mod.ko:\n");
	all = system_collect(&t);
	says(all, "unreadable: /proc/config.gz: Is a directory\n");
	says(all, "unreadable: /proc/sys/kernel/tainted: expected a regular file\n");
	says(all, "module uio, says: ");
	says(all, "module tcm_loop, says: expected a module (an ELF file), found something else\n");
	says(all,
	     "unreadable: " LIB "/kernel/target_core_file.ko: expected at most 67108864 bytes\n");
	says(all, "module target_core_user, says: Too many levels of symbolic links\n");
	text = text_of(all);
	CU_ASSERT_PTR_NULL(strchr(text, '\033'));
	free(text);
	json_decref(all);
	fake_end(&t);
}

int main(void)
{
	CU_pSuite s;
	unsigned int failures;

	CU_initialize_registry();
	s = CU_add_suite("system", NULL, NULL);
	CU_add_test(s, "flavour", test_flavour);
	CU_add_test(s, "taint", test_taint);
	CU_add_test(s, "configuration", test_config);
	CU_add_test(s, "which file", test_choice);
	CU_add_test(s, "told once", test_once);
	CU_add_test(s, "modprobe.d", test_modprobe);
	CU_add_test(s, "what is loaded", test_loaded);
	CU_add_test(s, "UIO devices", test_uio);
	CU_add_test(s, "configfs", test_target);
	CU_add_test(s, "hostile files", test_hostile);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures != 0;
}
