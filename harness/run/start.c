/* SPDX-License-Identifier: MIT */
/* Devices and handlers: made, started, watched until every device answers, and afterwards. */
#include "run.h"

#include "../check/verbs.h"
#include "../target/expand.h"
#include "../target/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_MAX 4096
#define QUIET_MS    150	 /* a handler that asks for nothing so long has set itself up */
#define BRIEF_MS    1000 /* a handler that lived so briefly is not started again */
#define WORDS	    (4 * (RUN_DEVICES + 1) + 1)

/* --- placeholders ------------------------------------------------------------------------------
 */

/* Names and values of one device's words, for itself ("uio") or for others ("uio.NAME"). */
struct word_text {
	char name[4][80], uio[16], size[24], block[16];
};

static uint32_t add_words(struct expand_word *w, struct word_text *text, const struct run_device *d,
			  const char *suffix)
{
	static const char *const names[] = { "uio", "size", "block", "file" };
	const char *values[] = { text->uio, text->size, text->block, d->file };
	uint32_t i;

	snprintf(text->uio, sizeof(text->uio), "uio%u", d->minor);
	snprintf(text->size, sizeof(text->size), "%llu", (unsigned long long)d->cfg->size_bytes);
	snprintf(text->block, sizeof(text->block), "%u", d->cfg->block_size);
	for (i = 0; i < 4; i++) {
		snprintf(text->name[i], sizeof(text->name[i]), "%s%s%s", names[i],
			 suffix ? "." : "", suffix ? suffix : "");
		w[i] = (struct expand_word){ text->name[i], values[i] };
	}
	return 4;
}

static int expand_command(const struct run *r, const char *command, char *buf, size_t len)
{
	struct word_text *text = calloc(RUN_DEVICES + 1, sizeof(*text));
	struct expand_word words[WORDS] = { { NULL, NULL } };
	uint32_t i, n;
	int rc;

	if (!text)
		return -ENOMEM;
	n = add_words(words, &text[0], &r->devices[0], NULL);
	for (i = 0; i < r->cfg->n_devices; i++)
		n += add_words(words + n, &text[i + 1], &r->devices[i], r->devices[i].cfg->name);
	rc = expand(command, words, buf, len);
	free(text);
	return rc;
}

static int expand_config(const struct run_device *d, char *buf, size_t len)
{
	struct expand_word words[5] = { { NULL, NULL } };
	struct word_text text;

	add_words(words, &text, d, NULL);
	return expand(d->cfg->config, words, buf, len);
}

/* Whether any command or the device's own configuration speaks of its file. */
static bool wants_file(const struct run *r, const struct run_device *d)
{
	char word[80];
	uint32_t i;

	snprintf(word, sizeof(word), "file.%s", d->cfg->name);
	for (i = 0; i < r->cfg->n_handlers; i++)
		if (expand_uses(r->cfg->handlers[i], word) ||
		    (d == r->devices && expand_uses(r->cfg->handlers[i], "file")))
			return true;
	return expand_uses(d->cfg->config, "file");
}

static int make_file(const struct run *r, struct run_device *d)
{
	int fd, rc = 0;

	snprintf(d->file, sizeof(d->file), "%s/%s.disk", r->dir, d->cfg->name);
	if (!wants_file(r, d))
		return 0;
	fd = open(d->file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 || ftruncate(fd, (off_t)d->cfg->size_bytes)) {
		run_say("%s: %s", d->file, strerror(errno));
		rc = EXIT_USAGE;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

/* --- devices -----------------------------------------------------------------------------------
 */

static void on_added(void *ctx, struct world_device *d, int rc)
{
	struct run_device *dev = ctx;

	(void)d;
	dev->added = true;
	dev->rc = rc;
}

static int begin_device(struct run *r, struct run_device *d)
{
	struct world_device_config cfg = WORLD_DEVICE_CONFIG;
	char config[256], err[300];
	int rc;

	if (expand_config(d, config, sizeof(config)) < 0) {
		run_say("device %s: config: longer than %zu bytes", d->cfg->name,
			sizeof(config) - 1);
		return EXIT_USAGE;
	}
	cfg.name = d->cfg->name;
	cfg.config = config;
	cfg.size_bytes = d->cfg->size_bytes;
	cfg.block_size = d->cfg->block_size;
	cfg.sim.geo.ring_mb = d->cfg->ring_mb;
	cfg.sim.geo.data_area_mb = d->cfg->data_area_mb;
	cfg.sim.cmd_time_out_s = r->cfg->cmd_time_out_s;
	rc = world_device_create(r->w, &d->d, &cfg, on_added, d, err, sizeof(err));
	if (rc)
		run_say("device %s: %s", d->cfg->name, err);
	return rc ? EXIT_USAGE : run_trace_start(r, d);
}

static int interrupted(const struct run *r)
{
	run_say("interrupted before the client was started");
	return r->signal ? 128 + r->signal : EXIT_USAGE;
}

/* One after the other, as an administrator would. */
static int make_device(struct run *r, struct run_device *d, uint64_t end)
{
	int rc = begin_device(r, d);

	while (!rc && !d->added) {
		if (run_now_ms() > end) {
			run_say("device %s: ADDED_DEVICE is not answered within %u s", d->cfg->name,
				r->cfg->start_ms / 1000);
			return EXIT_USAGE;
		}
		if (!run_turn(r, 20))
			return interrupted(r);
	}
	if (rc || !d->rc)
		return rc;
	run_say("device %s: cannot be enabled: %s", d->cfg->name, strerror(-d->rc));
	return EXIT_USAGE;
}

static int make_devices(struct run *r, uint64_t end)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; i < r->cfg->n_devices && !rc; i++)
		rc = make_device(r, &r->devices[i], end);
	return rc;
}

/* --- handlers ----------------------------------------------------------------------------------
 */

static int start_handler(struct run *r, struct run_handler *h)
{
	char command[COMMAND_MAX], err[300];
	struct world_program p = {
		.command = command, .output_fd = 2, .env = "TCMU_UIO", .value = "uio0"
	};
	pid_t pid;

	if (expand_command(r, h->command, command, sizeof(command)) < 0) {
		run_say("--handler: longer than %d bytes", COMMAND_MAX - 1);
		return EXIT_USAGE;
	}
	pid = world_spawn(r->w, &p, err, sizeof(err));
	if (pid < 0) {
		run_say("%s", err);
		return EXIT_USAGE;
	}
	h->pid = pid;
	h->started_ms = run_now_ms();
	h->how[0] = 0;
	return 0;
}

static int start_handlers(struct run *r)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; i < r->cfg->n_handlers && !rc; i++) {
		r->handlers[i].command = r->cfg->handlers[i];
		rc = start_handler(r, &r->handlers[i]);
	}
	return rc;
}

static bool has_children(void)
{
	char children[PROCESS_CHILDREN_MAX];

	process_children(children, sizeof(children));
	return children[0] != 0;
}

/* The first handler that cannot serve any more: it failed, or left no process behind. */
static const struct run_handler *find_failed(const struct run *r)
{
	uint32_t i;

	for (i = 0; i < r->cfg->n_handlers; i++)
		if (r->handlers[i].how[0] &&
		    (strcmp(r->handlers[i].how, "exited with status 0") || !has_children()))
			return &r->handlers[i];
	return NULL;
}

static uint64_t asked(const struct run *r)
{
	struct world_stats st;

	world_stats(r->w, &st);
	return st.opens + st.maps + st.sockets + st.sends + st.ioctls + st.reads + st.writes +
	       st.stats + st.other;
}

/* Nothing tells when a daemon listens, but before it does it asks for this and that. */
static int await_quiet(struct run *r, uint64_t end)
{
	uint64_t last = run_now_ms(), n = asked(r);
	const struct run_handler *h;

	while (run_now_ms() - last < QUIET_MS && run_now_ms() < end) {
		if (!run_turn(r, 10))
			return interrupted(r);
		h = find_failed(r);
		if (h) {
			run_say("handler '%s' %s before there was a device", h->command, h->how);
			return EXIT_USAGE;
		}
		if (asked(r) != n)
			last = run_now_ms();
		n = asked(r);
	}
	return 0;
}

/* --- until all are served ----------------------------------------------------------------------
 */

static void on_answer(void *ctx, uint8_t status)
{
	struct run_device *d = ctx;

	(void)status; /* whatever it is: somebody answers */
	d->served = true;
}

/* The first device that is not served. */
static struct run_device *find_unserved(struct run *r)
{
	struct run_device *first = NULL;
	uint32_t i;

	for (i = 0; i < r->cfg->n_devices; i++) {
		struct run_device *d = &r->devices[i];

		if (d->served)
			continue;
		if (!d->asked && d->d && world_device_mapped(d->d))
			d->asked = !world_device_ask(d->d, on_answer, d);
		if (!first)
			first = d;
	}
	return first;
}

static int complain_unserved(const struct run *r, const struct run_device *d,
			     const struct run_handler *failed)
{
	const char *what = "nobody opened";

	if (d->asked)
		what = "TEST UNIT READY was not answered on";
	else if (d->held)
		what = "nobody mapped";
	if (failed)
		run_say("handler '%s' %s before device %s was served (%s /dev/uio%u)",
			failed->command, failed->how, d->cfg->name, what, d->minor);
	else
		run_say("device %s is not served within %u s: %s /dev/uio%u (UIO name tcm-user/0/%s/%s)",
			d->cfg->name, r->cfg->start_ms / 1000, what, d->minor, d->cfg->name,
			d->cfg->config);
	return EXIT_USAGE;
}

static int await_served(struct run *r, uint64_t end)
{
	const struct run_handler *failed;
	struct run_device *d;

	while ((d = find_unserved(r)) != NULL) {
		failed = find_failed(r);
		if (failed || run_now_ms() > end)
			return complain_unserved(r, d, failed);
		if (!run_turn(r, 10))
			return interrupted(r);
	}
	return 0;
}

int run_start(struct run *r)
{
	uint64_t end = run_now_ms() + r->cfg->start_ms;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < r->cfg->n_devices && !rc; i++) {
		r->devices[i].cfg = &r->cfg->devices[i];
		r->devices[i].minor = i;
		rc = make_file(r, &r->devices[i]);
	}
	if (!rc && !r->cfg->replies)
		rc = make_devices(r, end);
	if (!rc)
		rc = start_handlers(r);
	if (!rc && r->cfg->replies)
		rc = await_quiet(r, end);
	if (!rc && r->cfg->replies)
		rc = make_devices(r, end);
	if (!rc && r->cfg->n_handlers)
		rc = await_served(r, end);
	return rc;
}

/* --- afterwards --------------------------------------------------------------------------------
 */

void run_handler_ended(struct run *r, pid_t pid, int status)
{
	struct run_handler *h = NULL;
	uint32_t i;

	for (i = 0; i < r->cfg->n_handlers; i++)
		if (r->handlers[i].pid == pid)
			h = &r->handlers[i];
	if (!h)
		return;
	h->pid = 0;
	run_how(status, h->how, sizeof(h->how));
	/* a daemon's parent leaves early, and well; otherwise it is news */
	if (r->stage != RUN_CLIENT || (!strcmp(h->how, "exited with status 0") && has_children()))
		return;
	run_say("handler '%s' %s while the client runs", h->command, h->how);
	if (!r->cfg->restart)
		return;
	if (run_now_ms() - h->started_ms < BRIEF_MS) {
		run_say("handler '%s' lived less than a second: not started again", h->command);
		return;
	}
	h->restarts++;
	start_handler(r, h);
}

void run_watch_nodes(struct run *r)
{
	const struct ringsim_uio *uio;
	struct run_device *d;
	uint32_t i;
	bool held;

	for (i = 0; i < r->cfg->n_devices; i++) {
		d = &r->devices[i];
		uio = d->d ? world_device_uio(d->d) : NULL;
		held = uio && uio->is_open;
		if (held == d->held)
			continue;
		d->held = held;
		if (r->stage != RUN_CLIENT)
			continue;
		if (held)
			run_say("device %s: /dev/uio%u is held by process %d", d->cfg->name,
				d->minor, (int)world_device_pid(d->d));
		else if (!d->d)
			run_say("device %s: removed while the client runs", d->cfg->name);
		else
			run_say("device %s: nobody holds /dev/uio%u any more; commands wait, "
				"cmd_time_out is %u s",
				d->cfg->name, d->minor, r->cfg->cmd_time_out_s);
	}
}
