/* SPDX-License-Identifier: MIT */
/*
 * Devices that come, change and go while a handler runs, as netlink tells it. Clauses HND-080 to
 * HND-085.
 *
 * A handler that has not promised replies is not waited for; what it does it does a little later.
 */
#include "cdb.h"
#include "work.h"

#define ROUNDS	 5
#define SIZE	 (8ull << 20)
#define NOT_WAIT "the handler promises no replies (SET_FEATURES)"

static struct target_opts opts(void)
{
	struct target_opts o = TARGET_OPTS;

	o.dev.geo = (struct ringsim_geometry){ .ring_mb = 1, .data_area_mb = 4 };
	o.size_bytes = SIZE;
	return o;
}

/* False: skipped, or the case has failed. */
static bool promised(struct tc *tc, struct target_replies *r)
{
	target_hotplug_replies(tc->t, r);
	if (!tc->failed && !r->promised)
		tc_skip(tc, NOT_WAIT);
	return r->promised && !tc->failed;
}

/* Between its looking at what is there and its listening, nothing may be missed. */
static void while_starting(struct tc *tc)
{
	struct target_opts o = opts();
	struct target_io io;
	uint32_t i;

	if (target_start(tc->t, &o))
		return;
	for (i = 0; i < 4 * ROUNDS; i++) {
		EXPECT(tc, "HND-084", target_hotplug_remove(tc->t) != -ETIMEDOUT,
		       "round %u: REMOVED is not answered", i);
		if (target_hotplug_race(tc->t, i < 3 ? 0 : tc_below(tc, 40)))
			return;
		work_tur(&io);
		EXPECT_GOOD(tc, "HND-080", &io);
	}
}

/* Whoever writes to configfs comes back. */
static void in_time(struct tc *tc)
{
	struct target_opts o = opts();
	struct target_replies r;
	uint32_t i;

	if (target_start(tc->t, &o) || !promised(tc, &r))
		return;
	for (i = 0; i < ROUNDS; i++) {
		EXPECT(tc, "HND-081",
		       target_hotplug_reconfig(tc->t, TARGET_WRITE_CACHE, NULL, ~i & 1) !=
			       -ETIMEDOUT,
		       "round %u: RECONFIG is not answered", i);
		EXPECT(tc, "HND-081", target_hotplug_remove(tc->t) != -ETIMEDOUT,
		       "round %u: REMOVED is not answered", i);
		if (target_hotplug_add(tc->t))
			return;
	}
}

static void expect_one(struct tc *tc, struct target_replies *before, const char *what)
{
	struct target_replies r;

	target_hotplug_replies(tc->t, &r);
	EXPECT_EQ(tc, "HND-082", "replies of another kind", before->wrong, r.wrong);
	EXPECT_EQ(tc, "HND-082", "replies that nobody waited for", before->stray, r.stray);
	EXPECT(tc, "HND-082", r.right == before->right + 1, "%s: expected one reply, found %u",
	       what, r.right - before->right);
	*before = r;
}

/* One DONE for each event: the first is taken, so any other would be for nothing. */
static void once(struct tc *tc)
{
	struct target_opts o = opts();
	struct target_replies r;
	uint32_t i;

	if (target_start(tc->t, &o) || !promised(tc, &r))
		return;
	/* only a device that comes after the promise is waited for */
	target_hotplug_remove(tc->t);
	if (target_hotplug_add(tc->t))
		return;
	target_hotplug_replies(tc->t, &r);
	for (i = 0; i < ROUNDS && !tc->failed; i++) {
		target_hotplug_reconfig(tc->t, TARGET_WRITE_CACHE, NULL, ~i & 1);
		expect_one(tc, &r, "RECONFIG");
		if (tc->failed)
			return;
		target_hotplug_remove(tc->t);
		expect_one(tc, &r, "REMOVED");
		if (tc->failed || target_hotplug_add(tc->t))
			return;
		expect_one(tc, &r, "ADDED");
	}
}

static void served(struct tc *tc)
{
	struct target_opts o = opts();
	struct target_replies r;
	struct target_io io;
	uint32_t i;

	if (target_start(tc->t, &o) || !promised(tc, &r))
		return;
	for (i = 0; i < ROUNDS; i++) {
		target_hotplug_remove(tc->t);
		if (target_hotplug_add(tc->t))
			return;
		target_hotplug_replies(tc->t, &r);
		EXPECT(tc, "HND-083", r.served_when_added,
		       "the handler answers ADDED with 0 before it has mapped the device");
		work_tur(&io);
		EXPECT_GOOD(tc, "HND-083", &io);
	}
}

/* After the reply; without one, soon after the event. */
static void given_back(struct tc *tc)
{
	struct target_opts o = opts();
	struct target_replies r;
	struct target_io io;
	uint32_t i, tries;

	if (target_start(tc->t, &o))
		return;
	target_hotplug_remove(tc->t);
	for (i = 0; i < ROUNDS; i++) {
		if (target_hotplug_add(tc->t))
			return;
		work_tur(&io);
		EXPECT_GOOD(tc, "HND-084", &io);
		target_hotplug_replies(tc->t, &r);
		EXPECT(tc, "HND-084", target_hotplug_remove(tc->t) != -ETIMEDOUT,
		       "REMOVED is not answered");
		/* unless it promised to answer afterwards, it may take its time */
		for (tries = 0; !r.promised && tries < 20 && target_holds_device(tc->t); tries++)
			target_hotplug_replies(tc->t, &r);
		EXPECT(tc, "HND-084", !target_holds_device(tc->t),
		       "%s the handler still maps the device that was removed",
		       r.promised ? "when it has answered REMOVED" : "long after REMOVED");
	}
	target_hotplug_add(tc->t);
}

/* READ CAPACITY (16); a unit attention first is noted. Blocks, or 0 and the case has failed. */
static uint64_t capacity(struct tc *tc, bool *attention)
{
	uint8_t buf[32] = { 0 };
	struct target_io io;
	uint64_t last = 0;
	int tries, i;

	for (tries = 0; tries < 3; tries++) {
		TARGET_IO(&io, RINGSIM_FROM_DEVICE, buf, 32, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			  0, 0, 32, 0, 0);
		if (target_exec(tc->t, &io)) {
			tc_fail(tc, "HND-085", "READ CAPACITY (16) never ended");
			return 0;
		}
		if (io.status != 2 || (io.sense[2] & 0xf) != 6)
			break;
		*attention |= io.sense[12] == 0x2a && io.sense[13] == 0x09;
	}
	if (io.status) {
		tc_fail(tc, "HND-085", "READ CAPACITY (16): status 0x%02x", io.status);
		return 0;
	}
	for (i = 0; i < 8; i++)
		last = last << 8 | buf[i];
	return last + 1;
}

/* Smaller, so that no store has to grow. Refused is refused, and changes nothing. */
static void size_changed(struct tc *tc)
{
	struct target_opts o = opts();
	struct target_replies r;
	struct target_capacity cap;
	bool attention = false;
	uint64_t want, found;
	int rc;

	if (target_start(tc->t, &o) || target_capacity(tc->t, &cap))
		return;
	/* a new one, in case only those that come after the promise are waited for */
	target_hotplug_remove(tc->t);
	if (target_hotplug_add(tc->t))
		return;
	target_hotplug_replies(tc->t, &r);
	capacity(tc, &attention); /* power-on attentions, if any */
	attention = false;
	rc = target_hotplug_reconfig(tc->t, TARGET_DEV_SIZE, NULL, SIZE / 2);
	EXPECT(tc, "HND-085", rc != -ETIMEDOUT, "RECONFIG is not answered");
	target_hotplug_replies(tc->t, &r);
	want = (rc ? SIZE : SIZE / 2) / cap.block_size;
	found = capacity(tc, &attention);
	if (tc->failed)
		return;
	if (!r.promised && found == SIZE / cap.block_size) {
		tc_skip(tc, NOT_WAIT ", so it could not refuse, and has not changed");
		return;
	}
	EXPECT_EQ(tc, "HND-085", rc ? "blocks, when the handler has refused to change" : "blocks",
		  want, found);
	EXPECT(tc, "HND-085", rc || attention,
	       "the size changed: expected the unit attention 06/2A/09, found none");
}

static void cache_changed(struct tc *tc)
{
	struct target_opts o = opts();
	struct target_replies r;
	struct target_io io;
	uint8_t buf[64];
	int i, rc;

	if (target_start(tc->t, &o))
		return;
	target_hotplug_remove(tc->t);
	if (target_hotplug_add(tc->t))
		return;
	for (i = 1; i >= 0; i--) {
		rc = target_hotplug_reconfig(tc->t, TARGET_WRITE_CACHE, NULL, (uint64_t)i);
		EXPECT(tc, "HND-085", rc != -ETIMEDOUT, "RECONFIG is not answered");
		target_hotplug_replies(tc->t, &r);
		if (rc || !r.promised) {
			tc_skip(tc, rc ? "the handler refuses to change the cache" : NOT_WAIT);
			return;
		}
		memset(buf, 0, sizeof(buf));
		TARGET_IO(&io, RINGSIM_FROM_DEVICE, buf, 64, 0x1a, 0x08, 0x08, 0, 64, 0);
		if (!target_exec(tc->t, &io) && io.status == 2 && (io.sense[2] & 0xf) == 6)
			TARGET_IO(&io, RINGSIM_FROM_DEVICE, buf, 64, 0x1a, 0x08, 0x08, 0, 64, 0);
		else
			io.done = io.status == 0;
		if (!io.done)
			EXPECT_GOOD(tc, "HND-085", &io);
		EXPECT_EQ(tc, "HND-085", "WCE in the caching page", i,
			  buf[4 + buf[3] + 2] >> 2 & 1);
	}
}

static const struct case_def rows[] = {
	{ "hnd.080.while-starting", "HND-080", CLAUSE_MUST, NEEDS_HOTPLUG | NEEDS_RESTART,
	  "twenty devices, each added while the handler starts", while_starting },
	{ "hnd.081.in-time", "HND-081", CLAUSE_MUST, NEEDS_HOTPLUG,
	  "with replies promised, every event is answered in time", in_time },
	{ "hnd.082.once", "HND-082", CLAUSE_MUST, NEEDS_HOTPLUG,
	  "one reply of the right kind for each event, and no other", once },
	{ "hnd.083.served", "HND-083", CLAUSE_SHOULD, NEEDS_HOTPLUG,
	  "ADDED is answered when the device is served", served },
	{ "hnd.084.given-back", "HND-084", CLAUSE_MUST, NEEDS_HOTPLUG,
	  "devices come and go: what was removed is given back, its minor serves again",
	  given_back },
	{ "hnd.085.size", "HND-085", CLAUSE_SHOULD, NEEDS_HOTPLUG,
	  "dev_size halved: applied with a unit attention, or refused", size_changed },
	{ "hnd.085.write-cache", "HND-085", CLAUSE_SHOULD, NEEDS_HOTPLUG,
	  "the write cache switched on and off: the caching page follows", cache_changed },
};
CASE_TABLE(cases_hotplug);
