/* SPDX-License-Identifier: MIT */
/*
 * The daemon's decisions: what is opened, closed and answered, and in which order. The daemon's own
 * source is included; what it calls writes a log instead. Clauses: HND-005, HND-080 to HND-085.
 */
#include "fixture.h"

#include <stdarg.h>
#include <sys/stat.h>

static char sysfs[64];
#define SYSFS_UIO	 sysfs
#define device_find	 fake_device_find
#define unit_open	 fake_unit_open
#define unit_attach	 fake_unit_attach
#define unit_start	 fake_unit_start
#define unit_reconfigure fake_unit_reconfigure
#define unit_shut_down	 fake_unit_shut_down
#define unit_close	 fake_unit_close
#define serve_seats	 fake_serve_seats
#include "../daemon/hotplug.c"

/* The world: names by minor, what waits on the socket, what is to fail, and what was done. */
static struct {
	const char *name[4];
	struct netlink_event event[4];
	int events, lost, open_rc, reconfigure_rc;
	char log[512];
} world;

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *fmt, ...)
{
	size_t len = strlen(world.log);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(world.log + len, sizeof(world.log) - len, fmt, ap);
	va_end(ap);
}

int fake_device_find(struct device *d, char *err, size_t err_len)
{
	(void)err;
	(void)err_len;
	snprintf(d->name, sizeof(d->name), "%s", world.name[atoi(d->uio + 3)]);
	return 0;
}

void fake_serve_seats(struct spin_seats *seats)
{
	seats->free = 0;
}

int fake_unit_open(struct unit *u, char *err, size_t err_len)
{
	say("open %s; ", u->uio);
	snprintf(err, err_len, "refused on purpose");
	snprintf(u->dev.name, sizeof(u->dev.name), "%s", world.name[atoi(u->uio + 3)]);
	uio_name_parse(u->dev.name, &u->name);
	return world.open_rc;
}

int fake_unit_attach(struct unit *u, bool fresh, char *err, size_t err_len)
{
	(void)u;
	(void)err;
	(void)err_len;
	say(fresh ? "attach fresh; " : "attach; ");
	return 0;
}

int fake_unit_start(struct unit *u)
{
	(void)u;
	say("start; ");
	return 0;
}

int fake_unit_reconfigure(struct unit *u, const char *config, uint64_t size_bytes, const bool *wce,
			  char *err, size_t err_len)
{
	snprintf(err, err_len, "refused on purpose");
	say("change %s %s %d %d; ", u->uio, config != NULL ? config : "-", (int)size_bytes,
	    wce != NULL ? *wce : -1);
	return world.reconfigure_rc;
}

int fake_unit_shut_down(struct unit *u, char *err, size_t err_len)
{
	(void)err;
	(void)err_len;
	say("shut down %s; ", u->uio);
	return 0;
}

void fake_unit_close(struct unit *u)
{
	say("close %s; ", u->uio);
}

int netlink_open(struct netlink **out, char *err, size_t err_len)
{
	(void)err;
	(void)err_len;
	*out = (struct netlink *)&world;
	say("join; ");
	return 0;
}

void netlink_close(struct netlink *n)
{
	(void)n;
	say("leave; ");
}

int netlink_receive(struct netlink *n, void (*fn)(void *ctx, const struct netlink_event *ev),
		    void *ctx)
{
	int events = world.events, lost = world.lost;

	(void)n;
	world.events = 0;
	world.lost = 0;
	for (int i = 0; i < events; i++)
		fn(ctx, &world.event[i]);
	return lost != 0 ? -ENOBUFS : 0;
}

int netlink_set_replies(struct netlink *n, bool on)
{
	(void)n;
	say("replies %d; ", on);
	return 0;
}

int netlink_reply(struct netlink *n, const struct netlink_event *ev, int status)
{
	(void)n;
	say("answer %u %d; ", ev->device_id, status);
	return 0;
}

static void add_device(unsigned int minor, const char *name)
{
	char path[96];

	world.name[minor] = name;
	snprintf(path, sizeof(path), "%s/uio%u", sysfs, minor);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
}

static void remove_device(unsigned int minor)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/uio%u", sysfs, minor);
	rmdir(path);
}

static void announce(unsigned int cmd, unsigned int minor, const char *name)
{
	world.event[world.events++] = (struct netlink_event){
		.cmd = cmd, .name = name, .minor = minor, .has_id = true, .device_id = 100 + minor
	};
}

static const struct cli with_replies = { .subtype = "ours", .daemon = true, .replies = true };
static const struct cli without_replies = { .subtype = "ours", .daemon = true };

static struct hotplug begin(const struct cli *cli)
{
	struct hotplug h;
	char err[256];

	CU_ASSERT_EQUAL(hotplug_open(&h, cli, -1, err, sizeof(err)), 0);
	return h;
}

static void events(struct hotplug *h, const char *expected)
{
	world.log[0] = '\0';
	CU_ASSERT_EQUAL(hotplug_events(h), 0);
	CU_ASSERT_STRING_EQUAL(world.log, expected);
	if (strcmp(world.log, expected) != 0)
		printf("\nexpected: %s\nfound:    %s\n", expected, world.log);
}

static void end(struct hotplug *h)
{
	hotplug_close(h);
	for (unsigned int i = 0; i < 4; i++)
		remove_device(i);
	CU_ASSERT_EQUAL(rmdir(sysfs), 0);
}

static void fresh_world(void)
{
	memset(&world, 0, sizeof(world));
	strcpy(sysfs, "/tmp/tcmu-test.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(sysfs));
}

static void test_scan(void)
{
	struct hotplug h;

	fresh_world();
	add_device(0, "tcm-user/0/a/ours/memory\n");
	add_device(1, "tcm-user/0/b/oursnot/memory\n");
	add_device(2, "something else\n");
	announce(TCMU_CMD_ADDED_DEVICE, 0, "tcm-user/0/a/ours/memory");
	h = begin(&with_replies);
	CU_ASSERT_STRING_EQUAL(world.log, "join; open uio0; attach; start; replies 1; ");
	events(&h, "answer 100 0; "); /* the one that sysfs showed already */
	world.log[0] = '\0';
	end(&h);
	CU_ASSERT_STRING_EQUAL(world.log, "replies 0; shut down uio0; close uio0; leave; ");
}

static void test_added(void)
{
	struct hotplug h;

	fresh_world();
	h = begin(&with_replies);
	add_device(1, "tcm-user/0/b/ours//f");
	announce(TCMU_CMD_ADDED_DEVICE, 1, "tcm-user/0/b/ours//f");
	events(&h, "open uio1; attach fresh; start; answer 101 0; ");
	announce(TCMU_CMD_ADDED_DEVICE, 2, "tcm-user/0/c/others//f");
	announce(TCMU_CMD_ADDED_DEVICE, 2, "tcm-user/0/c");
	events(&h, "");
	world.open_rc = -EBUSY;
	world.name[3] = "tcm-user/0/d/ours";
	announce(TCMU_CMD_ADDED_DEVICE, 3, "tcm-user/0/d/ours");
	events(&h, "open uio3; close uio3; answer 103 -16; ");
	end(&h);
}

static void test_removed(void)
{
	struct hotplug h;

	fresh_world();
	add_device(0, "tcm-user/0/a/ours");
	h = begin(&with_replies);
	announce(TCMU_CMD_REMOVED_DEVICE, 0, "tcm-user/0/a2/ours"); /* had the number before */
	events(&h, "answer 100 0; ");
	announce(TCMU_CMD_REMOVED_DEVICE, 0, "tcm-user/0/a/ours//other/path");
	events(&h, "close uio0; answer 100 0; ");
	remove_device(0);
	add_device(0, "tcm-user/1/n/ours");
	announce(TCMU_CMD_ADDED_DEVICE, 0, "tcm-user/1/n/ours");
	events(&h, "open uio0; attach fresh; start; answer 100 0; ");
	end(&h);
}

static void test_reconfig(void)
{
	struct hotplug h;

	fresh_world();
	add_device(0, "tcm-user/0/a/ours");
	h = begin(&with_replies);
	announce(TCMU_CMD_RECONFIG_DEVICE, 0, "tcm-user/0/a/ours");
	world.event[0].has_size = true;
	world.event[0].size_bytes = 4096;
	announce(TCMU_CMD_RECONFIG_DEVICE, 0, "tcm-user/0/a/ours");
	world.event[1].config = "ours//f";
	announce(TCMU_CMD_RECONFIG_DEVICE, 0, "tcm-user/0/a/ours");
	world.event[2].has_wce = true;
	world.event[2].wce = true;
	events(&h, "change uio0 - 4096 -1; answer 100 0; change uio0 ours//f 0 -1; answer 100 0; "
		   "change uio0 - 0 1; answer 100 0; ");
	announce(TCMU_CMD_RECONFIG_DEVICE, 0, "tcm-user/0/a/ours");
	world.event[0].has_size = true;				    /* no bytes */
	announce(TCMU_CMD_RECONFIG_DEVICE, 0, "tcm-user/0/a/ours"); /* of nothing we know */
	announce(TCMU_CMD_RECONFIG_DEVICE, 1, "tcm-user/0/b/ours");
	events(&h, "answer 100 -22; answer 100 -95; answer 101 -19; ");
	world.reconfigure_rc = -ENOSPC;
	announce(TCMU_CMD_RECONFIG_DEVICE, 0, "tcm-user/0/a/ours");
	world.event[0].config = "ours//full";
	events(&h, "change uio0 ours//full 0 -1; answer 100 -28; ");
	end(&h);
}

static void test_no_replies(void)
{
	struct hotplug h;

	fresh_world();
	h = begin(&without_replies);
	CU_ASSERT_STRING_EQUAL(world.log, "join; ");
	add_device(0, "tcm-user/0/a/ours");
	announce(TCMU_CMD_ADDED_DEVICE, 0, "tcm-user/0/a/ours");
	announce(TCMU_CMD_REMOVED_DEVICE, 0, "tcm-user/0/a/ours");
	events(&h, "open uio0; attach fresh; start; close uio0; ");
	end(&h);
}

static void test_lost(void)
{
	struct hotplug h;

	fresh_world();
	h = begin(&without_replies);
	add_device(0, "tcm-user/0/a/ours");
	world.lost = 1;
	events(&h, "open uio0; attach; start; ");
	world.lost = 1;
	events(&h, "");
	end(&h);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{ "the group is joined before sysfs is read", test_scan },
		{ "an added device is served before the answer", test_added },
		{ "a removed device is closed before the answer", test_removed },
		{ "changes are applied or refused", test_reconfig },
		{ "without replies nothing is answered", test_no_replies },
		{ "lost announcements are looked for", test_lost },
		CU_TEST_INFO_NULL,
	};

	return run_suite("hotplug", tests);
}
