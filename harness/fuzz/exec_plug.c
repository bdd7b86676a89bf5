/* SPDX-License-Identifier: MIT */
/*
 * Devices that come, change and go while a program runs; clauses HND-081 to HND-085.
 *
 * A kernel removes a device when nothing is in flight on it, so what is has to end first.
 */
#include "exec_impl.h"

static void expect_reply(struct exec *r, const char *clause, const char *what, int rc)
{
	struct target_replies replies;

	target_hotplug_replies(r->t, &replies);
	if (rc == -ETIMEDOUT && replies.promised)
		tc_fail(r->tc, clause, "%s is not answered, though replies were promised", what);
	else if (replies.wrong || replies.stray)
		tc_fail(r->tc, "HND-082", "%s: %u replies of another kind, %u for nothing", what,
			replies.wrong, replies.stray);
}

void exec_remove(struct exec *r)
{
	if (r->dead || r->frozen || r->blocked || r->plugged)
		return;
	exec_run(r, 0);
	if (exec_stopped(r) || r->first)
		return; /* it would have to wait for them */
	expect_reply(r, "HND-084", "REMOVED", target_hotplug_remove(r->t));
	r->removed = true;
}

void exec_add(struct exec *r)
{
	if (!r->removed || target_hotplug_add(r->t))
		return;
	r->removed = false;
	r->last_head = 0;
	expect_reply(r, "HND-082", "ADDED", 0);
	if (r->oracles & FUZZ_O_EXPECT)
		fuzz_expect_restarted(r->expect);
	if (target_persistent(r->t))
		return;
	if (!r->t->spec->exec)
		exec_new_disk(r);
	else if (r->oracles & FUZZ_O_DISK)
		fuzz_disk_blank(r->disk, r->now, false);
}

void exec_reconfig(struct exec *r, const struct fuzz_op *op)
{
	int rc;

	/* sizes are no business of the reference disk, and texts are the handler's own */
	if (op->n[0] != TARGET_WRITE_CACHE || r->dead || r->frozen)
		return;
	rc = target_hotplug_reconfig(r->t, TARGET_WRITE_CACHE, NULL, op->n[1] & 1);
	expect_reply(r, "HND-085", "RECONFIG", rc);
	if (rc)
		return;
	r->facts.wce = op->n[1] & 1;
	if (r->oracles & FUZZ_O_EXPECT)
		fuzz_expect_changed(r->expect, &r->facts);
}
