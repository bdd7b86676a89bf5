/* SPDX-License-Identifier: MIT */
/* A handler that is given its device over the attach protocol; see process.c. */
#include "impl.h"

#include "../consumer/attach.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static int attach_open(struct target *t)
{
	const char *name = t->opts.name ? t->opts.name : "tcm-user/0/disk/any/x";
	struct ringsim_attach_info info = { .name = name,
					    .size_bytes = t->opts.size_bytes,
					    .block_size = t->opts.handler.block_size };
	char err[160];
	int rc = process_output(t);

	if (rc)
		return rc;
	snprintf(t->proc.path, sizeof(t->proc.path), "%s/%d-%u.sock", t->spec->tmpdir,
		 (int)getpid(), t->proc.serial++);
	rc = ringsim_attach_create(&t->proc.server, &t->uio, t->proc.path, &info, err, sizeof(err));
	if (rc) {
		tc_fail(t->tc, NULL, "%s", err);
		process_drop_output(t);
	}
	return rc;
}

static const char *command(struct target *t, char *buf, size_t len)
{
	if (t->spec->exec)
		return t->spec->exec;
	if (!strcmp(t->spec->engine, "memory"))
		snprintf(buf, len, "exec '%s' --store memory:%llu --block-size %u",
			 t->spec->program, (unsigned long long)t->opts.size_bytes,
			 t->opts.handler.block_size);
	else
		snprintf(buf, len,
			 "exec '%s' --store 'file:%s' --create --size %llu --engine %s "
			 "--block-size %u",
			 t->spec->program, t->proc.store, (unsigned long long)t->opts.size_bytes,
			 t->spec->engine, t->opts.handler.block_size);
	return buf;
}

static int attach_start(struct target *t)
{
	char cmd[1024];

	return process_spawn(t, command(t, cmd, sizeof(cmd)), TCMU_ATTACH_ENV, t->proc.path);
}

static uint32_t attach_serve(struct target *t, int ms)
{
	struct pollfd fds[RINGSIM_ATTACH_FDS];
	uint32_t n = ringsim_attach_pollfds(t->proc.server, fds);

	poll(fds, n, ms);
	return ringsim_attach_service(t->proc.server);
}

static void attach_event(struct target *t)
{
	ringsim_attach_event(t->proc.server);
}

static bool attach_taken(const struct target *t)
{
	return t->uio.is_open;
}

static pid_t attach_holder(const struct target *t)
{
	return ringsim_attach_pid(t->proc.server);
}

static const char *attach_hint(const struct target *t)
{
	return ringsim_attach_refused(t->proc.server) ? " (it talked nonsense)" : "";
}

static void attach_close(struct target *t)
{
	process_kill(t);
	ringsim_attach_destroy(t->proc.server);
	t->proc.server = NULL;
	unlink(t->proc.store);
	process_drop_output(t);
}

const struct door door_attach = {
	.did = "attached",
	.does = "attach",
	.open = attach_open,
	.start = attach_start,
	.serve = attach_serve,
	.event = attach_event,
	.taken = attach_taken,
	.holder = attach_holder,
	.hint = attach_hint,
	.close = attach_close,
};
