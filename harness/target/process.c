/* SPDX-License-Identifier: MIT */
/*
 * A handler in another process: starting it, running cases past it, its end.
 *
 * It may be anybody's program: it may exit at once, never attach, fork away, hang or be killed
 * half-way. Every wait here has a bound, and everything that descends from this process is killed
 * and reaped when a case ends: the worker is a child subreaper, so that what forks away comes back
 * to it. How it gets at the device is its door's business: process_attach.c, process_world.c.
 */
#include "impl.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define QUIET_MS     10	  /* nothing happened for so long: it sleeps */
#define SETTLE_MS    300  /* ... while commands are unanswered */
#define QUIET_FOR_MS 1500 /* in a world, it asked for nothing for so long: it is not coming */
#define OUTPUT_MAX   (1 << 20)
#define ATTACH_MS    5000 /* in a world: programs may be large */
#define TURN_MS	     2
#define LOOKS	     20 /* turns in which a handler that sleeps does not run */
#define LATE_MS	     50 /* a turn that takes longer has lost the processor */
#define STOPPING_MS  1000
#define KILLING_MS   20000 /* a close that comes later would be taken for the successor's */
#define DYING_MS     100   /* between the last close and the exit of a process that dies */

uint64_t process_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Reading /proc is the only way to see grandchildren before they are ours. */
void process_children(char *buf, size_t len)
{
	char path[64];
	pid_t self = getpid();

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)self, (int)self);
	if (!process_read_line(path, buf, len))
		buf[0] = 0;
}

static bool is_listed(const char *list, long pid)
{
	char *end;
	long other;

	for (; (other = strtol(list, &end, 10)) > 0; list = end)
		if (other == pid)
			return true;
	return false;
}

/* Returns how many there were to kill. */
uint32_t process_kill_children(const char *spare)
{
	char buf[PROCESS_CHILDREN_MAX], *p = buf, *end;
	uint32_t n = 0;
	long pid;

	process_children(buf, sizeof(buf));
	for (; (pid = strtol(p, &end, 10)) > 0; p = end) {
		if (is_listed(spare, pid))
			continue;
		kill((pid_t)pid, SIGKILL);
		waitpid((pid_t)pid, NULL, WNOHANG);
		n++;
	}
	return n;
}

/* Killing a parent hands its children to us; go on until none is left, at most two seconds. */
void process_end_all(const char *spare)
{
	uint64_t end = process_now_ms() + 2000;

	while (process_kill_children(spare) && process_now_ms() < end)
		usleep(200);
}

void process_words(struct target *t, char *buf, size_t len)
{
	char text[4096];
	off_t got;
	size_t n;
	char *nl;

	buf[0] = 0;
	got = lseek(t->proc.output_fd, 0, SEEK_END);
	got = pread(t->proc.output_fd, text, sizeof(text) - 1,
		    got >= (off_t)sizeof(text) ? got - (off_t)sizeof(text) + 1 : 0);
	if (got < 0)
		return;
	text[got] = 0;
	n = strlen(text);
	while (n && (text[n - 1] == '\n' || text[n - 1] == ' '))
		text[--n] = 0;
	nl = strrchr(text, '\n');
	if (n)
		snprintf(buf, len, ": \"%.150s\"", nl ? nl + 1 : text);
}

bool process_dead(struct target *t, char *how, size_t len)
{
	int status, sig;

	if (t->proc.pid <= 0)
		return true;
	if (waitpid(t->proc.pid, &status, WNOHANG) != t->proc.pid)
		return false;
	t->proc.pid = 0;
	/* a shell that ran it says so with 128 added */
	sig = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) - 128;
	if (sig > 0 && sig < SIGRTMIN)
		snprintf(how, len, "died by signal %d (%s)", sig, strsignal(sig));
	else
		snprintf(how, len, "exited with status %d", WEXITSTATUS(status));
	return true;
}

/* HND-003: what the handler really mapped, as its own kernel tells. */
static void check_mapping(struct target *t)
{
	uint64_t size = ringsim_layout(t->dev)->region_size;
	pid_t holder = t->proc.door->holder(t);
	unsigned long long start, end, off;
	unsigned long ino;
	char path[64], line[512], perms[8];
	struct stat st;
	FILE *f;

	if (t->proc.mapping_checked || !holder || fstat(ringsim_region_fd(t->dev), &st))
		return;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)holder);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (!strstr(line, "memfd:ringsim") || sscanf(line, "%llx-%llx %7s %llx %*s %lu",
							     &start, &end, perms, &off, &ino) != 5)
			continue;
		if (ino != st.st_ino)
			continue; /* a device that has gone, not unmapped yet */
		if (!strncmp(perms, "r--s", 4))
			continue; /* a look before it attaches */
		t->proc.mapping_checked = true;
		if (end - start != size || off || strncmp(perms, "rw-s", 4))
			ringsim_report(t->dev, "HND-003", 0,
				       "the handler mapped %llu bytes at offset %llu %s, expected "
				       "%llu at 0 rw-s",
				       end - start, off, perms, (unsigned long long)size);
	}
	fclose(f);
}

/* Only its last words are of interest; a handler that talks without end must not fill the disk. */
void process_limit_output(struct target *t)
{
	struct stat st;

	if (!fstat(t->proc.output_fd, &st) && st.st_size > OUTPUT_MAX)
		(void)!ftruncate(t->proc.output_fd, 0);
}

/* One round of work for whoever gives the device away, waiting at most @ms for something to do. */
static uint32_t serve(struct target *t, int ms)
{
	uint32_t rings = t->proc.door->serve(t, ms);

	if (t->proc.held_until_ms && process_now_ms() > t->proc.held_until_ms) {
		t->proc.held_until_ms = 0;
		ringsim_uio_close(&t->uio);
	}
	ringsim_observe(t->dev);
	/* once the case is over, the storage of what is still in flight may be, too */
	if (t->opts.reclaim == RECLAIM_ASYNC && !t->uio.gone)
		ringsim_poll_tail(t->dev);
	process_limit_output(t);
	return rings;
}

static void run_child(struct target *t, pid_t parent, const char *cmd, const char *env,
		      const char *value)
{
	int fd;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(fd, 0);
	dup2(t->proc.output_fd, 1);
	dup2(t->proc.output_fd, 2);
	setenv(env, value, 1);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
	_exit(127);
}

int process_spawn(struct target *t, const char *cmd, const char *env, const char *value)
{
	pid_t parent = getpid(), pid;

	if (t->proc.output_fd > 0)
		(void)!ftruncate(t->proc.output_fd, 0);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		run_child(t, parent, cmd, env, value);
	setpgid(pid, pid);
	t->proc.pid = pid;
	return 0;
}

int process_output(struct target *t)
{
	int rc = 0;

	snprintf(t->proc.store, sizeof(t->proc.store), "%s/disk-%d", t->spec->tmpdir,
		 (int)getpid());
	snprintf(t->proc.output, sizeof(t->proc.output), "%s/output-%d", t->spec->tmpdir,
		 (int)getpid());
	t->proc.output_fd = open(t->proc.output, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
				 0600);
	if (t->proc.output_fd < 0) {
		rc = -errno;
		tc_fail(t->tc, NULL, "cannot open %s: %s", t->proc.output, strerror(errno));
	}
	return rc;
}

void process_drop_output(struct target *t)
{
	unlink(t->proc.output);
	close(t->proc.output_fd);
	t->proc.output_fd = 0;
}

/*
 * The handler must stay away: it exits or closes without a store and without a doorbell. It may
 * need as long as others to get there, and it may be a daemon whose parent is gone first.
 */
static int expect_refusal(struct target *t, pid_t last_holder, uint32_t attach_ms)
{
	uint64_t end = process_now_ms() + attach_ms, busy = process_now_ms(), asked = 0;
	bool seen = false, dead = false;
	char how[64];

	while (process_now_ms() < end && !(seen && !t->uio.is_open)) {
		serve(t, TURN_MS);
		/* it may be opened and closed while we do not look */
		if (!seen && (t->uio.is_open || t->proc.door->holder(t) != last_holder)) {
			seen = true;
			end = process_now_ms() + t->spec->timeout_ms;
		}
		/* whoever looks at the device's files alone to refuse it is quiet in the end */
		if (t->proc.door->asked && t->proc.door->asked(t) != asked) {
			asked = t->proc.door->asked(t);
			busy = process_now_ms();
		}
		if (t->proc.door->asked && !t->uio.is_open &&
		    process_now_ms() - busy > QUIET_FOR_MS)
			break;
		if (!dead && process_dead(t, how, sizeof(how))) {
			dead = true;
			end = process_now_ms() + SETTLE_MS;
		}
	}
	serve(t, 0);
	if (t->uio.doorbells)
		tc_fail(t->tc, NULL,
			"the handler rang the doorbell of a device that it must refuse");
	return t->tc->failed ? -EPROTO : 0;
}

/*
 * The device is open, but is it served? Most ring once after attaching (HND-063); whoever does not
 * is given a moment, so that what a case submits next meets a handler that knows the ring.
 */
static void await_first_doorbell(struct target *t, uint64_t rung)
{
	uint64_t end = process_now_ms() + QUIET_MS;

	while (t->uio.is_open && t->uio.doorbells == rung && process_now_ms() < end)
		serve(t, 1);
}

uint32_t process_attach_ms(const struct target *t)
{
	uint32_t ms = t->spec->timeout_ms / 2 * 5;

	return t->spec->world && ms < ATTACH_MS ? ATTACH_MS : ms;
}

/* It is no longer there, or its last process has gone; false: it may still come. */
static bool is_lost(struct target *t, char *how, size_t len)
{
	char children[PROCESS_CHILDREN_MAX];

	if (t->proc.pid > 0 && !process_dead(t, how, len))
		return false;
	/* a daemon's parent has gone well, and it is ours now; the dead are nobody */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	process_children(children, sizeof(children));
	return strcmp(how, "exited with status 0") || !children[0];
}

/*
 * Milliseconds that a turn took too long, since *@at, which becomes now: we had no processor, and
 * whoever waits for us did not have those either.
 */
static uint64_t overslept(uint64_t *at)
{
	uint64_t now = process_now_ms(), took = now - *at;

	*at = now;
	return took > LATE_MS ? took - TURN_MS : 0;
}

enum process_verdict process_ask(struct target *t, struct patience *p, uint32_t limit_ms)
{
	uint64_t ran, before = p->ran_ns;
	bool asked = p->asked;

	if (!process_running(t->proc.pid, &ran))
		return ++p->idle >= LOOKS ? SLEEPS : LOOK_AGAIN;
	p->idle = 0;
	p->asked = true;
	p->ran_ns = ran;
	return asked && ran >= before + limit_ms * 500000ull ? HAD_ITS_TIME : GIVE_IT_TIME;
}

static int await_handler(struct target *t)
{
	uint32_t attach_ms = process_attach_ms(t);
	uint64_t end = process_now_ms() + attach_ms, last = end + 9ull * attach_ms;
	const struct door *door = t->proc.door;
	char how[64] = "is not there", words[200];
	uint64_t at = process_now_ms(), late;
	struct patience patience = { 0 };
	enum process_verdict verdict;

	while (!door->taken(t)) {
		late = overslept(&at);
		end += late;
		last += late;
		if (is_lost(t, how, sizeof(how))) {
			serve(t, 0);
			process_words(t, words, sizeof(words));
			tc_fail(t->tc, NULL, "the handler %s before it %s%s%s", how, door->did,
				door->hint(t), words);
			return -ECHILD;
		}
		verdict = LOOK_AGAIN;
		if (process_now_ms() > end)
			verdict = process_ask(t, &patience, attach_ms);
		if (verdict == GIVE_IT_TIME)
			end = process_now_ms() + attach_ms;
		if (verdict < SLEEPS && process_now_ms() > last && patience.asked) {
			tc_skip(t->tc, "no processor for the handler: it did not %s within %u ms",
				door->does, 10 * attach_ms);
			return -EAGAIN;
		}
		if (verdict >= SLEEPS || process_now_ms() > last) {
			process_words(t, words, sizeof(words));
			tc_fail(t->tc, NULL, "the handler did not %s within %u ms%s%s", door->does,
				attach_ms, door->hint(t), words);
			return -ETIMEDOUT;
		}
		serve(t, TURN_MS);
	}
	return 0;
}

/* A handler may block its device while it resets the ring; commands would find it busy. */
static void await_unblocked(struct target *t)
{
	uint64_t end = process_now_ms() + process_attach_ms(t);
	struct ringsim_stats st;

	do {
		ringsim_stats(t->dev, &st);
		if (!st.blocked || t->blocked)
			return;
		serve(t, 1);
	} while (process_now_ms() < end);
}

int process_await(struct target *t)
{
	uint64_t rung = t->uio.doorbells;
	int rc = await_handler(t);

	if (!rc)
		await_first_doorbell(t, rung);
	if (!rc)
		await_unblocked(t);
	return rc;
}

int process_start(struct target *t)
{
	pid_t last_holder = t->proc.door ? t->proc.door->holder(t) : 0;
	int rc = 0;

	if (!t->proc.door) {
		t->proc.door = t->spec->world ? &door_world : &door_attach;
		rc = t->proc.door->open(t);
		if (rc)
			t->proc.door = NULL;
	}
	if (!rc)
		rc = t->proc.door->start(t);
	if (rc)
		return rc;
	t->proc.mapping_checked = false;
	if (t->opts.expect_no_attach)
		return expect_refusal(t, last_holder, process_attach_ms(t));
	return t->opts.late ? process_await_idle(t) : process_await(t);
}

/*
 * Killing a parent hands its children to us; go on until none is left and the last copy of its
 * descriptors is closed. Served meanwhile: the dying may wait for an answer.
 */
void process_kill(struct target *t)
{
	uint64_t end = process_now_ms() + KILLING_MS;

	if (!t->proc.door)
		return;
	while ((process_kill_children("") || t->uio.is_open) && process_now_ms() < end) {
		serve(t, 0);
		usleep(200);
	}
	t->proc.pid = 0;
	t->proc.frozen = false;
}

void process_stop(struct target *t)
{
	if (!t->proc.door)
		return;
	t->proc.door->close(t);
	t->proc.door = NULL;
}

void process_hold(struct target *t, uint32_t ms)
{
	if (!ringsim_uio_open(&t->uio))
		t->proc.held_until_ms = process_now_ms() + ms;
}

uint32_t process_serve(struct target *t, int ms)
{
	return serve(t, ms);
}

static bool alive(struct target *t)
{
	uint64_t end = process_now_ms() + DYING_MS;
	char how[64], words[200];

	if (t->uio.is_open || t->uio.gone)
		return true;
	snprintf(how, sizeof(how), "closed the device");
	while (!process_dead(t, how, sizeof(how)) && process_now_ms() < end)
		usleep(1000);
	process_words(t, words, sizeof(words));
	tc_fail(t->tc, "HND-061", "the handler %s while commands were waiting%s", how, words);
	return false;
}

/*
 * Runs until @io ended, or with none until nothing has happened for a while. The handler's sleep
 * cannot be seen from here, so progress without a doorbell is only judged after the long wait; and
 * doorbells without progress do not prolong it.
 */
int process_run(struct target *t, struct target_io *io)
{
	uint64_t start = process_now_ms(), last = start, order = t->order;
	uint32_t limit = io ? t->spec->timeout_ms : SETTLE_MS, tail = seat_tail(t);
	struct ringsim_stats st;
	struct patience patience = { 0 };
	uint64_t at = start, late, moved = 0, rang = 0;
	enum process_verdict verdict;
	bool rung, progress;

	t->proc.starved = false;
	for (;;) {
		if (io && io->done)
			return 0;
		late = overslept(&at);
		last = last + late < at ? last + late : at;
		start += late;
		rung = serve(t, TURN_MS) != 0;
		progress = order != t->order || tail != seat_tail(t);
		if (progress)
			moved = process_now_ms();
		if (rung)
			rang = process_now_ms();
		if ((rung && !io) || progress) {
			last = process_now_ms();
			patience.asked = false;
		}
		order = t->order;
		tail = seat_tail(t);
		check_mapping(t);
		ringsim_stats(t->dev, &st);
		if (!io && st.head == st.tail && st.tail == st.reclaim &&
		    process_now_ms() - last >= QUIET_MS)
			return 0;
		if (io && !io->done && !t->proc.frozen && !alive(t))
			return -ECHILD;
		if (process_now_ms() - start > 20ull * limit) {
			/* whoever rings has a processor */
			t->proc.starved = process_now_ms() - moved < limit ||
					  (patience.asked && process_now_ms() - rang >= limit);
			break;
		}
		if (process_now_ms() - last < limit)
			continue;
		if (t->proc.frozen)
			break;
		verdict = process_ask(t, &patience, limit);
		if (verdict == GIVE_IT_TIME)
			last = process_now_ms();
		if (verdict == SLEEPS && t->uio.is_open)
			ringsim_handler_sleeps(t->dev);
		if (verdict >= SLEEPS)
			break;
	}
	if (io && !io->done && t->proc.starved)
		tc_skip(t->tc, "no processor for the handler: it did not answer within %u ms",
			20 * limit);
	return io && !io->done ? -ETIMEDOUT : 0;
}

void process_signal(struct target *t, int sig)
{
	uint64_t end = process_now_ms() + STOPPING_MS;

	if (!t->is_process || t->proc.pid <= 0)
		return;
	kill(-t->proc.pid, sig);
	/* on another CPU it may run on for a moment */
	while (sig == SIGSTOP && !process_stopped(t->proc.pid) && process_now_ms() < end)
		usleep(200);
}
