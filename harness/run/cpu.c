/* SPDX-License-Identifier: MIT */
/* Processor time while the client runs: what the world and its handlers cost beside it. */
#include "run.h"

#include <time.h>

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts))
		return UINT64_MAX;
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* All threads of a process together; UINT64_MAX if there is none. */
static uint64_t process_ns(pid_t pid)
{
	clockid_t id;

	return pid && !clock_getcpuclockid(pid, &id) ? clock_ns(id) : UINT64_MAX;
}

void run_cpu_begin(struct run *r)
{
	struct run_device *d;
	uint32_t i;

	r->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (i = 0; i < r->cfg->n_devices; i++) {
		d = &r->devices[i];
		d->cpu_pid = d->d && world_device_mapped(d->d) ? world_device_pid(d->d) : 0;
		d->cpu_ns = process_ns(d->cpu_pid);
	}
}

void run_cpu_end(struct run *r)
{
	struct run_device *d;
	uint64_t now;
	uint32_t i;

	r->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - r->cpu_ns;
	for (i = 0; i < r->cfg->n_devices; i++) {
		d = &r->devices[i];
		now = process_ns(d->cpu_pid);
		/* another one holds it by now: what the first has used cannot be told any more */
		if (now == UINT64_MAX || d->cpu_ns == UINT64_MAX || !d->d ||
		    world_device_pid(d->d) != d->cpu_pid)
			d->cpu_ns = UINT64_MAX;
		else
			d->cpu_ns = now - d->cpu_ns;
	}
}
