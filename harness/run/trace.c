/* SPDX-License-Identifier: MIT */
/* --trace: the ring of the only device, written down while it is used. */
#include "run.h"

#include "../check/verbs.h"
#include "../trace/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nothing that could make its writer wait: /dev/full and the like are fine. */
static int check_file(int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	return S_ISREG(st.st_mode) || S_ISCHR(st.st_mode) ? 0 : -ESPIPE;
}

int run_trace_open(struct run_config *cfg)
{
	int rc;

	cfg->trace_fd = -1;
	if (!cfg->trace)
		return 0;
	cfg->trace_fd = open(cfg->trace, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC,
			     0666);
	rc = check_file(cfg->trace_fd);
	if (rc) {
		run_say("--trace %s: expected a file that can be written, found: %s", cfg->trace,
			strerror(-rc));
		run_trace_close(cfg);
	}
	return rc ? EXIT_USAGE : 0;
}

void run_trace_close(struct run_config *cfg)
{
	if (cfg->trace_fd >= 0)
		close(cfg->trace_fd);
	cfg->trace_fd = -1;
}

static void on_trouble(void *ctx, const char *line)
{
	const struct run *r = ctx;

	run_say("--trace %s: %s", r->cfg->trace, line);
}

int run_trace_start(struct run *r, struct run_device *d)
{
	struct ringsim_device *sim = world_device_sim(d->d);
	int rc;

	if (!r->cfg->trace || !sim)
		return 0;
	rc = trace_tap_start(&r->trace, sim, r->cfg->trace_fd, on_trouble, r);
	if (rc)
		on_trouble(r, strerror(-rc));
	return rc ? EXIT_USAGE : 0;
}

void run_trace_stop(struct run *r)
{
	struct world_device *d = r->devices[0].d;
	struct trace_tap_result res;

	if (!r->trace)
		return;
	trace_tap_stop(r->trace, d ? world_device_sim(d) : NULL, &res);
	r->trace = NULL;
	run_say("--trace %s: %llu commands, %llu entries of the ring%s", r->cfg->trace,
		(unsigned long long)res.commands, (unsigned long long)res.entries,
		res.complete ? "" : "; incomplete");
}
