/* SPDX-License-Identifier: MIT */
/*
 * The process that has the world: one loop that serves it, starts the client and waits for it.
 *
 * It must not touch the world's files, and nothing here blocks for long: whoever waits for an
 * answer waits for this loop.
 */
#include "run.h"

#include "../check/verbs.h"
#include "../target/impl.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRACE_MS   5000 /* between a signal that ends us and the client's SIGKILL */
#define GOODBYE_MS 2000 /* a handler has so long after SIGTERM */
#define DEATH_MS   3000
#define AGAIN_MS   1000 /* the same signal later than that means it */

uint64_t run_now_ms(void)
{
	return process_now_ms();
}

void run_say(const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "tcmu-harness run: %s\n", line);
}

void run_how(int status, char *buf, size_t len)
{
	if (WIFSIGNALED(status))
		snprintf(buf, len, "died by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(buf, len, "exited with status %d", WEXITSTATUS(status));
}

/* --- what the world tells ----------------------------------------------------------------------
 */

static void on_say(void *ctx, const char *line)
{
	(void)ctx;
	run_say("%s", line);
}

static struct run_device *device_of(struct run *r, const struct world_device *d)
{
	uint32_t i;

	for (i = 0; i < r->cfg->n_devices; i++)
		if (r->devices[i].d == d)
			return &r->devices[i];
	return NULL; /* somebody made it in configfs */
}

static void on_ended(void *ctx, struct world_device *d, const struct world_command *cmd)
{
	struct run_device *dev = device_of(ctx, d);

	if (dev)
		count_command(&dev->counts, cmd);
}

static void on_violation(void *ctx, struct world_device *d, const struct ringsim_violation *v)
{
	struct run_device *dev = device_of(ctx, d);
	struct ringsim_violation bare = *v;
	char text[1024];

	if (!dev || !count_violation(&dev->counts, v))
		return;
	bare.dump = NULL;
	ringsim_violation_text(&bare, text, sizeof(text));
	text[strcspn(text, "\n")] = 0;
	run_say("%s: %s (tcmu-harness explain %s)", dev->cfg->name, text, v->clause);
}

static void take_stock(struct run_device *d)
{
	struct ringsim_device *sim = d->d ? world_device_sim(d->d) : NULL;
	struct ringsim_stats st;

	if (!sim)
		return;
	ringsim_sweep(sim);
	ringsim_stats(sim, &st);
	d->events = st.events;
	d->doorbells = world_device_uio(d->d)->doorbells;
}

static void on_gone(void *ctx, struct world_device *d)
{
	struct run_device *dev = device_of(ctx, d);

	if (!dev)
		return;
	run_trace_stop(ctx);
	take_stock(dev);
	dev->d = NULL;
}

static const struct world_observer observer = { .ended = on_ended,
						.violation = on_violation,
						.gone = on_gone };

/* --- the loop ----------------------------------------------------------------------------------
 */

static void reap(struct run *r)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	(void)!read(r->sigchld, &info, sizeof(info));
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == r->client) {
			r->client_ended = true;
			r->client_status = status;
		} else {
			run_handler_ended(r, pid, status);
		}
	}
}

static void take_signal(struct run *r, const struct run_signal *s)
{
	bool last = s->sig == SIGTERM || s->sig == SIGHUP;

	if (r->stage != RUN_CLIENT) {
		r->signal = s->sig;
		return;
	}
	if (!s->group)
		kill(r->client, s->sig);
	if (!last)
		return;
	if (!r->kill_at_ms)
		r->kill_at_ms = run_now_ms() + GRACE_MS;
	else if (run_now_ms() + GRACE_MS > r->kill_at_ms + AGAIN_MS)
		r->kill_at_ms = 0; /* now */
	if (!r->kill_at_ms)
		kill(r->client, SIGKILL);
}

/* False: the front is dead, and nobody waits for a report. */
static bool listen_to_front(struct run *r)
{
	struct run_signal s;
	ssize_t n = recv(r->control, &s, sizeof(s), MSG_DONTWAIT);

	if (n == sizeof(s))
		take_signal(r, &s);
	else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		r->signal = SIGKILL;
	return r->signal != SIGKILL;
}

static void observe(struct run *r)
{
	struct ringsim_device *sim;
	uint32_t i;

	for (i = 0; i < r->cfg->n_devices; i++) {
		sim = r->devices[i].d ? world_device_sim(r->devices[i].d) : NULL;
		if (sim)
			ringsim_observe(sim);
	}
	run_watch_nodes(r);
}

bool run_turn(struct run *r, int ms)
{
	struct pollfd fds[] = { { .fd = world_fd(r->w), .events = POLLIN },
				{ .fd = r->control, .events = POLLIN },
				{ .fd = r->sigchld, .events = POLLIN } };
	int due = world_timeout_ms(r->w);

	poll(fds, 3, due >= 0 && due < ms ? due : ms);
	world_service(r->w);
	observe(r);
	if (fds[2].revents)
		reap(r);
	if (fds[1].revents && !listen_to_front(r))
		return false;
	if (r->kill_at_ms && run_now_ms() > r->kill_at_ms) {
		run_say("the client does not end within %d seconds: killed", GRACE_MS / 1000);
		kill(r->client, SIGKILL);
		r->kill_at_ms = UINT64_MAX;
	}
	return r->stage == RUN_CLIENT || !r->signal;
}

/* --- from beginning to end ---------------------------------------------------------------------
 */

static int enter(struct run *r)
{
	struct world_config cfg = {
		.mechanism = r->cfg->mechanism, .say = on_say, .observer = &observer, .ctx = r
	};
	char path[300], err[400];
	sigset_t set;
	int rc;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGTTOU, SIG_IGN); /* a report may go to a terminal that is the client's */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	r->sigchld = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	snprintf(path, sizeof(path), "%s/world", r->dir);
	if (r->sigchld < 0 || mkdir(path, 0700)) {
		run_say("%s: %s", path, strerror(errno));
		return EXIT_USAGE;
	}
	cfg.dir = path;
	rc = world_create(&r->w, &cfg, err, sizeof(err));
	if (rc)
		run_say("%s", err);
	/* A program of root's that becomes somebody else must still get to its preloaded world. */
	else if (world_mechanism(r->w) == WORLD_PRELOAD && !geteuid())
		(void)!chmod(r->dir, 0711);
	return rc ? EXIT_USAGE : 0;
}

/* In the front's process group, which has the terminal, though we are not. */
static int start_client(struct run *r)
{
	struct world_program p = { .argv = r->cfg->client, .output_fd = -1, .foreground = true };
	char err[300];
	uint32_t i;
	pid_t pid;

	for (i = 0; i < r->cfg->n_devices; i++)
		count_reset(&r->devices[i].counts);
	world_stats(r->w, &r->before);
	run_cpu_begin(r);
	setpgid(0, r->front_group);
	pid = world_spawn(r->w, &p, err, sizeof(err));
	setpgid(0, 0);
	if (pid < 0) {
		run_say("%s", err);
		return pid == -ENOENT ? 127 : 126;
	}
	r->client = pid;
	r->stage = RUN_CLIENT;
	return 0;
}

static void await_client(struct run *r)
{
	while (!r->client_ended && run_turn(r, 1000))
		;
}

static bool handlers_live(const struct run *r)
{
	uint32_t i;

	for (i = 0; i < r->cfg->n_handlers; i++)
		if (r->handlers[i].pid > 0)
			return true;
	return false;
}

/* Handlers may leave properly: that, too, can be done wrongly. */
static void dismiss_handlers(struct run *r)
{
	uint64_t end = run_now_ms() + GOODBYE_MS;
	uint32_t i;

	r->stage = RUN_ENDING;
	for (i = 0; i < r->cfg->n_handlers; i++)
		if (r->handlers[i].pid > 0)
			kill(-r->handlers[i].pid, SIGTERM);
	while (handlers_live(r) && run_now_ms() < end && run_turn(r, 20))
		;
}

/* Everything that descends from us, while it is served: the dying may wait for an answer. */
static void end_all(struct run *r)
{
	uint64_t end = run_now_ms() + DEATH_MS;

	while (process_kill_children("") && run_now_ms() < end) {
		if (r->w)
			world_service(r->w);
		usleep(200);
	}
}

static int exit_status(const struct run *r)
{
	uint32_t i;

	for (i = 0; i < r->cfg->n_devices && !r->cfg->lax; i++)
		if (r->devices[i].counts.violations)
			return EXIT_FAILED;
	if (WIFSIGNALED(r->client_status))
		return 128 + WTERMSIG(r->client_status);
	return WEXITSTATUS(r->client_status);
}

int run_owner(const struct run_config *cfg, const char *dir, int control)
{
	struct run *r = calloc(1, sizeof(*r));
	pid_t front = getppid();
	uint32_t i;
	int status;

	if (!r)
		return EXIT_USAGE;
	r->cfg = cfg;
	r->dir = dir;
	r->control = control;
	r->front_group = getpgid(front);
	status = enter(r);
	if (!status)
		status = run_start(r);
	if (!status)
		status = start_client(r);
	if (!status) {
		await_client(r);
		world_stats(r->w, &r->after);
		run_cpu_end(r);
	}
	if (r->signal != SIGKILL && r->w)
		dismiss_handlers(r);
	end_all(r);
	if (!status && r->client_ended) {
		for (i = 0; i < cfg->n_devices; i++)
			take_stock(&r->devices[i]);
		status = exit_status(r);
		status = run_report(r, status);
	}
	run_trace_stop(r);
	world_destroy(r->w);
	/* it may have died with the client, whose end was seen first */
	if (getppid() != front)
		workdir_remove(strdup(dir)); /* nobody else is there to do it */
	free(r);
	return status;
}
