/* SPDX-License-Identifier: MIT */
/*
 * A handler in a world: it opens /dev/uioN, reads sysfs and configfs, listens to netlink. See
 * process.c and world_site.h.
 *
 * The device's time and commands stay the case's: the world adopts it. Nothing in here may touch
 * the world's own files, as this process is who would have to answer.
 */
#include "expand.h"
#include "world_site.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define REMOVED_MS 2000
#define IDLE_MS	   100
#define NAME_LEN   32

static void on_say(void *ctx, const char *line)
{
	struct world_site *site = ctx;

	snprintf(site->said, sizeof(site->said), " (%s)", line);
}

static int enter(struct world_site *site, const char *dir, char *err, size_t len)
{
	struct world_config cfg = { .mechanism = site->mechanism, .say = on_say, .ctx = site };
	char path[256];
	int rc;

	if (site->w)
		return 0;
	snprintf(path, sizeof(path), "%s/world-%d", dir, (int)getpid());
	if (mkdir(path, 0700)) {
		snprintf(err, len, "%s: %s", path, strerror(errno));
		return -errno;
	}
	cfg.dir = path;
	rc = world_create(&site->w, &cfg, err, len);
	/* A program of root's that becomes somebody else must still get to its preloaded world. */
	if (!rc && world_mechanism(site->w) == WORLD_PRELOAD && !geteuid())
		(void)!chmod(dir, 0711);
	return rc;
}

int world_site_probe(const struct world_site *site, const char *dir, char *err, size_t len)
{
	struct world_site one = *site;
	char line[400] = "";
	int fds[2], rc;
	ssize_t n;
	pid_t pid;

	snprintf(err, len, "cannot start a process: %s", strerror(ENOMEM));
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		rc = enter(&one, dir, line, sizeof(line));
		(void)!write(fds[1], line, strlen(line));
		world_destroy(one.w);
		_exit(-rc & 0xff);
	}
	close(fds[1]);
	n = read(fds[0], line, sizeof(line) - 1);
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &rc, 0) != pid)
		return -ECHILD;
	line[n > 0 ? n : 0] = 0;
	if (WIFSIGNALED(rc))
		snprintf(line, sizeof(line), "making a world ended by signal %d", WTERMSIG(rc));
	snprintf(err, len, "%s", line);
	return WIFSIGNALED(rc) ? -ECHILD : -WEXITSTATUS(rc);
}

/* --- the device --------------------------------------------------------------------------------
 */

static void on_added(void *ctx, struct world_device *d, int rc)
{
	struct target *t = ctx;

	if (d)
		t->proc.served_when_added = !rc && world_device_mapped(d);
	t->proc.rc = rc;
	t->proc.waiting = false;
}

static void on_removed(void *ctx)
{
	struct target *t = ctx;

	t->proc.world_device = NULL;
	t->proc.waiting = false;
}

static void on_changed(void *ctx, int rc)
{
	on_added(ctx, NULL, rc);
}

/* Until what was begun has ended, for @ms at most. 0 or -ETIMEDOUT. */
static int await(struct target *t, uint32_t ms)
{
	uint64_t end = process_now_ms() + ms;

	while (t->proc.waiting) {
		if (process_now_ms() > end)
			return -ETIMEDOUT;
		process_serve(t, 2);
	}
	return 0;
}

static int words_of(struct target *t, const char *text, char *buf, size_t len)
{
	char size[24], block[16], uio[16] = "";
	struct expand_word words[] = { { "file", t->proc.store },
				       { "size", size },
				       { "block", block },
				       { "uio", uio },
				       { NULL, NULL } };

	snprintf(size, sizeof(size), "%llu", (unsigned long long)t->opts.size_bytes);
	snprintf(block, sizeof(block), "%u", t->opts.handler.block_size);
	if (t->proc.world_device)
		snprintf(uio, sizeof(uio), "uio%u", world_device_minor(t->proc.world_device));
	return expand(text, words, buf, len);
}

/* A new file, with nothing in it, as large as the device: if somebody speaks of it. */
static int make_file(struct target *t, const char *config)
{
	int fd, rc = 0;

	unlink(t->proc.store);
	if (!expand_uses(config, "file") && !expand_uses(t->spec->exec, "file"))
		return 0;
	fd = open(t->proc.store, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 || ftruncate(fd, (off_t)t->opts.size_bytes))
		rc = -errno;
	if (fd >= 0)
		close(fd);
	if (rc)
		tc_fail(t->tc, NULL, "cannot make %s: %s", t->proc.store, strerror(-rc));
	return rc;
}

/* What the driver would not call a device, no handler will ever meet (KRN-133). */
static const char *config_of(struct target *t)
{
	const struct world_site *site = t->spec->world;
	const char *p = t->opts.name;
	int slashes = 0;

	if (!p)
		return site->config ? site->config : WORLD_CONFIG;
	if (strncmp(p, "tcm-user/", 9))
		return NULL;
	for (; *p && slashes < 3; p++)
		slashes += *p == '/';
	return p;
}

/* To a daemon, a device that comes is not the one that has just gone. */
static void device_name(const struct world_site *site, char *buf, size_t len)
{
	if (site->daemon)
		snprintf(buf, len, "disk%u", site->serial);
	else
		snprintf(buf, len, "disk");
}

static int adopt(struct target *t)
{
	struct world_site *site = t->spec->world;
	struct world_device_config cfg = WORLD_DEVICE_CONFIG;
	const char *template = config_of(t);
	char config[256], name[NAME_LEN], serial[2 * NAME_LEN], err[200];
	int rc;

	if (!template) {
		tc_skip(t->tc, "a kernel gives no device such a name");
		return -EOPNOTSUPP;
	}
	if (words_of(t, template, config, sizeof(config)) < 0) {
		tc_fail(t->tc, NULL, "--config: longer than %zu bytes", sizeof(config) - 1);
		return -ENAMETOOLONG;
	}
	site->serial++;
	device_name(site, name, sizeof(name));
	world_serial(t, serial, sizeof(serial));
	cfg.name = name;
	cfg.serial = serial;
	cfg.config = config;
	cfg.size_bytes = t->opts.size_bytes;
	cfg.block_size = t->opts.handler.block_size;
	cfg.write_cache = t->opts.handler.wce;
	/* a device that is somebody else's is not this handler's to reply to */
	cfg.nl_reply_supported = site->daemon && !(t->opts.name && t->opts.expect_no_attach) ? 0
											     : -1;
	cfg.sim = t->opts.dev;
	t->proc.waiting = true;
	t->proc.rc = 0;
	rc = world_device_adopt(site->w, &t->proc.world_device, &cfg, &t->uio, on_added, t, err,
				sizeof(err));
	if (rc) {
		t->proc.waiting = false;
		tc_fail(t->tc, NULL, "%s", err);
		return rc;
	}
	return 0;
}

/* A daemon that gets no processor answers later. */
static int await_answer(struct target *t, uint32_t ms)
{
	uint64_t last = process_now_ms() + 10ull * ms;
	enum process_verdict verdict = GIVE_IT_TIME;
	struct patience patience = { 0 };
	int rc = -ETIMEDOUT;

	while (rc && verdict < SLEEPS && process_now_ms() < last) {
		rc = await(t, verdict == GIVE_IT_TIME ? ms : 2);
		verdict = process_ask(t, &patience, ms);
	}
	if (rc && verdict < SLEEPS && patience.asked)
		tc_skip(t->tc, "no processor for the handler: ADDED_DEVICE is not answered");
	return rc;
}

static int await_added(struct target *t)
{
	uint32_t ms = process_attach_ms(t);
	int rc = await_answer(t, ms);

	if (!rc && t->proc.rc) /* the node has gone again, whoever still has it open */
		t->uio.is_open = false;
	if (rc)
		tc_fail(t->tc, NULL, "ADDED_DEVICE is not answered within %u ms%s", ms,
			t->proc.door->hint(t));
	else if (t->proc.rc && !t->opts.expect_no_attach)
		tc_fail(t->tc, NULL,
			"the handler refuses the device: it answers ADDED_DEVICE with %s%s",
			strerror(-t->proc.rc), t->proc.door->hint(t));
	return rc ? rc : t->opts.expect_no_attach ? 0 : t->proc.rc;
}

/* --- the door ----------------------------------------------------------------------------------
 */

/* A daemon goes on from case to case. */
static bool is_running(struct target *t)
{
	char how[64];

	return t->spec->world->daemon && t->proc.pid > 0 && !process_dead(t, how, sizeof(how));
}

static int world_start(struct target *t)
{
	struct world_site *site = t->spec->world;
	char cmd[4096], uio[16] = "", err[200];
	struct world_program p = {
		.command = cmd, .output_fd = site->output_fd, .env = "TCMU_UIO", .value = uio
	};
	pid_t pid;

	if (is_running(t))
		return 0;
	if (words_of(t, t->spec->exec, cmd, sizeof(cmd)) < 0) {
		tc_fail(t->tc, NULL, "--exec: longer than %zu bytes", sizeof(cmd) - 1);
		return -ENAMETOOLONG;
	}
	if (t->proc.world_device)
		snprintf(uio, sizeof(uio), "uio%u", world_device_minor(t->proc.world_device));
	(void)!ftruncate(site->output_fd, 0);
	site->said[0] = 0;
	pid = world_spawn(site->w, &p, err, sizeof(err));
	if (pid < 0) {
		tc_fail(t->tc, NULL, "%s", err);
		return pid;
	}
	t->proc.pid = site->pid = pid;
	return 0;
}

static int world_open(struct target *t)
{
	struct world_site *site = t->spec->world;
	char err[400];
	int rc = 0;

	if (site->output_fd <= 0) {
		rc = process_output(t);
		site->output_fd = t->proc.output_fd;
	}
	t->proc.output_fd = site->output_fd;
	snprintf(t->proc.store, sizeof(t->proc.store), "%s/disk-%d", t->spec->tmpdir,
		 (int)getpid());
	if (!rc && enter(site, t->spec->tmpdir, err, sizeof(err))) {
		tc_fail(t->tc, NULL, "no world: %s", err);
		rc = -ENOTSUP;
	}
	site->said[0] = 0;
	t->proc.pid = site->pid;
	if (!rc)
		rc = make_file(t, site->config);
	/* a daemon that has promised replies, and any after it, must be there to be asked
	 * (KRN-144); the one of the case before may still be starting */
	if (!rc && site->daemon && (!is_running(t) || world_blocked(site->w))) {
		rc = world_start(t);
		if (!rc)
			rc = process_await_idle(t);
	}
	if (!rc && !t->opts.late)
		rc = adopt(t);
	if (!rc && !t->opts.late)
		rc = await_added(t);
	if (rc && t->proc.world_device)
		world_device_remove(t->proc.world_device, on_removed, t);
	if (t->tc->failed) { /* what refuses one device is not there for the next */
		process_kill(t);
		site->pid = 0;
	}
	return rc;
}

static uint32_t world_serve(struct target *t, int ms)
{
	struct world *w = t->spec->world->w;
	struct pollfd pfd = { .fd = world_fd(w), .events = POLLIN };
	int due = world_timeout_ms(w);

	poll(&pfd, 1, due >= 0 && due < ms ? due : ms);
	world_service(w);
	return t->proc.world_device ? world_device_take_rings(t->proc.world_device) : 0;
}

static void world_event(struct target *t)
{
	if (t->proc.world_device)
		world_device_event(t->proc.world_device);
}

static bool world_taken(const struct target *t)
{
	return t->proc.world_device && world_device_mapped(t->proc.world_device);
}

static pid_t world_holder(const struct target *t)
{
	return t->proc.world_device ? world_device_pid(t->proc.world_device) : 0;
}

bool world_is_node(const struct target *t, const char *link)
{
	char want[40];

	snprintf(want, sizeof(want), "socket:[%llu]",
		 (unsigned long long)world_device_inode(t->proc.world_device));
	return !strcmp(link, want);
}

void world_serial(const struct target *t, char *buf, size_t len)
{
	char name[NAME_LEN];

	device_name(t->spec->world, name, sizeof(name));
	snprintf(buf, len, "harness-%s", name);
}

static const char *world_hint(const struct target *t)
{
	return t->spec->world->said;
}

static void remove_device(struct target *t)
{
	if (!t->proc.world_device)
		return;
	t->proc.waiting = true;
	world_device_remove(t->proc.world_device, on_removed, t);
	if (!await(t, REMOVED_MS))
		return;
	/* it does not answer REMOVED: it goes, and then the device goes whatever happens */
	process_kill(t);
	if (t->proc.world_device)
		world_device_remove(t->proc.world_device, on_removed, t);
}

static void world_close(struct target *t)
{
	struct world_site *site = t->spec->world;

	if (!site->daemon || t->tc->failed || t->proc.frozen)
		process_kill(t);
	remove_device(t);
	site->pid = t->proc.pid;
	unlink(t->proc.store);
}

static uint64_t asked(const struct target *t)
{
	struct world_stats st;

	world_stats(t->spec->world->w, &st);
	return st.opens + st.maps + st.sockets + st.sends + st.ioctls + st.reads + st.writes +
	       st.stats + st.other;
}

const struct door door_world = {
	.did = "opened and mapped its UIO node",
	.does = "open and map its UIO node",
	.open = world_open,
	.start = world_start,
	.serve = world_serve,
	.event = world_event,
	.taken = world_taken,
	.holder = world_holder,
	.asked = asked,
	.hint = world_hint,
	.close = world_close,
};

/* --- hotplug -----------------------------------------------------------------------------------
 */

bool target_hotplugs(const struct target *t)
{
	return t->is_process && t->spec->world && t->spec->world->daemon;
}

int process_await_idle(struct target *t)
{
	uint64_t end = process_now_ms() + process_attach_ms(t), last = process_now_ms();
	uint64_t n = asked(t);
	char how[64] = "", words[200];

	while (process_now_ms() < end && process_now_ms() - last < IDLE_MS) {
		process_serve(t, 2);
		/* tcmu-runner blocks netlink while it loads its parts, and asks nothing meanwhile
		 */
		if (asked(t) != n || world_blocked(t->spec->world->w))
			last = process_now_ms();
		n = asked(t);
		if (process_dead(t, how, sizeof(how)) && strcmp(how, "exited with status 0")) {
			process_words(t, words, sizeof(words));
			tc_fail(t->tc, NULL, "without a device the handler %s%s", how, words);
			return -ECHILD;
		}
	}
	return 0;
}

int target_hotplug_add(struct target *t)
{
	int rc;

	target_log(t, "add     device");
	t->uio = (struct ringsim_uio){ .dev = t->dev };
	ringsim_release(t->dev); /* as new: it may have gone before its node was closed (TRP-46) */
	rc = adopt(t);
	if (!rc)
		rc = await_added(t);
	return rc ? rc : process_await(t);
}

int target_hotplug_remove(struct target *t)
{
	int rc;

	target_log(t, "remove  device");
	t->proc.taker = world_device_pid(t->proc.world_device);
	t->proc.waiting = true;
	world_device_remove(t->proc.world_device, on_removed, t);
	rc = await(t, t->spec->timeout_ms);
	if (!rc)
		t->uio.is_open = false; /* the node has gone, whoever still has it open */
	return rc;
}

bool target_holds_device(struct target *t)
{
	char path[64], line[512];
	bool held = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)t->proc.taker);
	f = t->proc.taker ? fopen(path, "re") : NULL;
	while (f && !held && fgets(line, sizeof(line), f))
		held = strstr(line, "memfd:ringsim") != NULL;
	if (f)
		fclose(f);
	return held;
}

int target_hotplug_reconfig(struct target *t, enum target_reconfig what, const char *text,
			    uint64_t value)
{
	int rc;

	target_log(t, "change  attribute %d", (int)what);
	t->proc.waiting = true;
	world_device_reconfig(t->proc.world_device, (enum world_reconfig)what, text, value,
			      on_changed, t);
	rc = await(t, t->spec->timeout_ms);
	return rc ? rc : t->proc.rc;
}

/* A promise outlives its maker: without an administrator nobody would answer for the new device. */
int target_hotplug_race(struct target *t, uint32_t ms)
{
	uint64_t end;
	int rc;

	target_log(t, "kill    handler");
	process_kill(t);
	world_withdraw_replies(t->spec->world->w);
	target_log(t, "start   handler");
	rc = world_start(t);
	for (end = process_now_ms() + ms; process_now_ms() < end;)
		process_serve(t, 1);
	return rc ? rc : target_hotplug_add(t);
}

/* What comes too late or too often comes soon. */
void target_hotplug_replies(struct target *t, struct target_replies *r)
{
	struct world_replies seen;

	process_await_idle(t);
	world_replies(t->spec->world->w, &seen);
	*r = (struct target_replies){ .promised = seen.promised,
				      .served_when_added = t->proc.served_when_added,
				      .right = seen.right,
				      .stray = seen.stray,
				      .wrong = seen.wrong };
}
