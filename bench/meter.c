/* SPDX-License-Identifier: MIT */
/* What the two sides of a lane used; see meter.h. */
#include "meter.h"

#include <dirent.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t time_of(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static struct meter_side own_thread(void)
{
	struct rusage ru;

	getrusage(RUSAGE_THREAD, &ru);
	return (struct meter_side){ .cpu_ns = time_of(CLOCK_THREAD_CPUTIME_ID),
				    .switches = (uint64_t)(ru.ru_nvcsw + ru.ru_nivcsw) };
}

/* Both kinds of switches of a thread, 0 if it is gone. */
static uint64_t switches_of(pid_t pid, pid_t tid)
{
	unsigned long long n, sum = 0;
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid, (int)tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1 ||
		    sscanf(line, "nonvoluntary_ctxt_switches: %llu", &n) == 1)
			sum += n;
	if (f)
		fclose(f);
	return sum;
}

/* First field of schedstat: ns on a processor. */
static uint64_t cpu_of_thread(pid_t pid, pid_t tid)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", (int)pid, (int)tid);
	f = fopen(path, "re");
	if (f && fscanf(f, "%llu", &ns) != 1)
		ns = 0;
	if (f)
		fclose(f);
	return ns;
}

/* Call @fn for every thread of a party. */
static void each_thread(const struct lane_party *p, void (*fn)(void *ctx, pid_t pid, pid_t tid),
			void *ctx)
{
	struct dirent *e;
	char path[64];
	DIR *d;

	if (p->tid) {
		fn(ctx, p->pid, p->tid);
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/task", (int)p->pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			fn(ctx, p->pid, (pid_t)atoi(e->d_name));
	if (d)
		closedir(d);
}

static void add_switches(void *ctx, pid_t pid, pid_t tid)
{
	*(uint64_t *)ctx += switches_of(pid, tid);
}

static void add_party(const struct lane_party *p, struct meter_side *side)
{
	clockid_t clock;

	each_thread(p, add_switches, &side->switches);
	if (p->tid)
		side->cpu_ns += cpu_of_thread(p->pid, p->tid);
	else if (!clock_getcpuclockid(p->pid, &clock)) /* with threads that have ended */
		side->cpu_ns += time_of(clock);
}

/* --- counters --------------------------------------------------------------------------------- */

static int open_counter(pid_t tid, uint64_t config)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_HARDWARE,
					.size = sizeof(attr),
					.config = config,
					.inherit = 1,
					.exclude_hv = 1 };
	long fd = syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

static int open_pair(struct meter *m, pid_t tid)
{
	int i, cycles;

	if (m->n_fds == 2 * METER_COUNTERS)
		return -ENOSPC;
	i = open_counter(tid, PERF_COUNT_HW_INSTRUCTIONS);
	if (i < 0)
		return i;
	cycles = open_counter(tid, PERF_COUNT_HW_CPU_CYCLES);
	if (cycles < 0) {
		close(i);
		return cycles;
	}
	m->fds[m->n_fds++] = i;
	m->fds[m->n_fds++] = cycles;
	return 0;
}

struct opening {
	struct meter *meter;
	int rc;
};

static void open_thread(void *ctx, pid_t pid, pid_t tid)
{
	struct opening *o = ctx;

	(void)pid;
	if (!o->rc)
		o->rc = open_pair(o->meter, tid);
}

int meter_open(struct meter *m, const struct lane *lane, char *err, size_t err_len)
{
	struct opening o = { .meter = m };
	uint32_t i;

	memset(m, 0, sizeof(*m));
	o.rc = open_pair(m, 0);
	for (i = 0; i < lane->n_parties; i++)
		each_thread(&lane->parties[i], open_thread, &o);
	if (!o.rc)
		return 0;
	meter_close(m);
	snprintf(err, err_len, "no hardware counters here (perf_event_open: %s)", strerror(-o.rc));
	return o.rc;
}

void meter_close(struct meter *m)
{
	while (m->n_fds)
		close(m->fds[--m->n_fds]);
}

static uint64_t count_of(int fd)
{
	uint64_t v;

	return read(fd, &v, sizeof(v)) == sizeof(v) ? v : 0;
}

void meter_read(const struct meter *m, const struct lane *lane, struct meter_reading *out)
{
	struct meter_side *side;
	uint32_t i;

	*out = (struct meter_reading){ .initiator = own_thread(),
				       .parties = lane->n_parties > 0,
				       .counters = m->n_fds > 0 };
	for (i = 0; i < lane->n_parties; i++)
		add_party(&lane->parties[i], &out->handler);
	for (i = 0; i < m->n_fds; i += 2) {
		side = i ? &out->handler : &out->initiator;
		side->instructions += count_of(m->fds[i]);
		side->cycles += count_of(m->fds[i + 1]);
	}
}

struct meter_side meter_less(struct meter_side a, struct meter_side b)
{
	return (struct meter_side){ .cpu_ns = a.cpu_ns - b.cpu_ns,
				    .switches = a.switches - b.switches,
				    .instructions = a.instructions - b.instructions,
				    .cycles = a.cycles - b.cycles };
}
