/* SPDX-License-Identifier: MIT */
/*
 * What a handler that polls can see between two stores of cmd_head: KRN-024, KRN-031, TRP-06. The
 * sources that publish are compiled in here with their release store replaced by a camera.
 */
#include "rig.h"

#include "../internal.h"

#define SHOTS 8

/* The region's first bytes, as they were when cmd_head was about to become @head. */
struct shot {
	uint32_t head, events;
	uint8_t mem[3 * 4096];
};

static struct camera {
	struct rig *r;
	uint32_t n;
	struct shot shots[SHOTS];
} camera;

static void take_shot(void *base, uint64_t off, uint32_t head)
{
	struct shot *s = &camera.shots[camera.n++ % SHOTS];

	CU_ASSERT_EQUAL(off, RINGSIM_OFF_HEAD);
	s->head = head;
	s->events = camera.r->n_events;
	memcpy(s->mem, base, sizeof(s->mem));
	memcpy((uint8_t *)base + off, &head, sizeof(head));
}

#define shm_store32_release(base, off, head) take_shot(base, off, head)
#include "../ring.c"
#include "../submit.c"
#undef shm_store32_release

static void begin(struct rig *r, uint32_t left)
{
	struct ringsim_config cfg = RIG_CONFIG;

	cfg.geo.cmdr_size = 1016;
	cfg.geo.data_blocks = 2;
	cfg.start = 1016 - left;
	cfg.tmr_notification = true;
	cfg.sanitize = false; /* which would take the camera's look at holes amiss */
	rig_up(r, &cfg);
	camera.r = r;
	camera.n = 0;
}

/* All of an entry and its data, then the head, then the event. */
static void test_command(void)
{
	static uint8_t out[4096];
	struct iovec sg = { out, sizeof(out) };
	struct ringsim_cmd cmd;
	struct rig r;

	memset(out, 0x3b, sizeof(out));
	begin(&r, 1016);
	rig_cmd(&cmd, (const uint8_t[10]){ 0x2a, 9, 9, 9, 9, 9, 9, 9, 9, 9 }, RINGSIM_TO_DEVICE,
		&sg, sizeof(out));
	ringsim_submit(r.dev, &cmd);
	CU_ASSERT_EQUAL(camera.n, 1);
	CU_ASSERT_EQUAL(camera.shots[0].head, 128);
	CU_ASSERT_EQUAL(camera.shots[0].events, 0);
	CU_ASSERT_EQUAL(memcmp(camera.shots[0].mem + 128, r.mem + 128, 1016), 0);
	CU_ASSERT_EQUAL(camera.shots[0].mem[128], 128 | TCMU_OP_CMD);
	CU_ASSERT_EQUAL(camera.shots[0].mem[128 + 112], 0x2a);
	CU_ASSERT_EQUAL(memcmp(camera.shots[0].mem + 4096, out, sizeof(out)), 0);
	CU_ASSERT_EQUAL(r.n_events, 1);
	rig_answer_all(&r);
	rig_down(&r);
}

/* The PAD is out before its follower is built, and raises no event. */
static void test_pad(void)
{
	struct ringsim_cmd cmd;
	struct rig r;

	begin(&r, 56);
	rig_nodata(&r, &cmd);
	CU_ASSERT_EQUAL(camera.n, 2);
	CU_ASSERT_EQUAL(camera.shots[0].head, 0);
	CU_ASSERT_EQUAL(camera.shots[0].events, 0);
	CU_ASSERT_EQUAL(camera.shots[0].mem[128 + 960], 56 | TCMU_OP_PAD);
	CU_ASSERT_EQUAL(camera.shots[0].mem[128], 0);
	CU_ASSERT_EQUAL(camera.shots[1].head, 120);
	CU_ASSERT_EQUAL(camera.shots[1].events, 0);
	CU_ASSERT_EQUAL(camera.shots[1].mem[128], 120 | TCMU_OP_CMD);
	CU_ASSERT_EQUAL(r.n_events, 1);
	rig_answer_all(&r);
	rig_down(&r);
}

static void test_tmr(void)
{
	struct ringsim_tmr tmr = { .type = TCMU_TMR_LUN_RESET };
	struct rig r;

	begin(&r, 24);
	ringsim_tmr(r.dev, &tmr, NULL, 0);
	CU_ASSERT_EQUAL(camera.n, 2);
	CU_ASSERT_EQUAL(camera.shots[0].head, 0);
	CU_ASSERT_EQUAL(camera.shots[0].mem[128], 0);
	CU_ASSERT_EQUAL(camera.shots[1].head, 32);
	CU_ASSERT_EQUAL(camera.shots[1].mem[128], 32 | TCMU_OP_TMR);
	CU_ASSERT_EQUAL(camera.shots[1].mem[128 + 8], TCMU_TMR_LUN_RESET);
	CU_ASSERT_EQUAL(camera.shots[1].events, 0);
	CU_ASSERT_EQUAL(r.n_events, 1);
	rig_answer_all(&r);
	rig_down(&r);
}

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "an entry is complete before head", test_command },
		{ "a PAD is published on its own", test_pad },
		{ "a PAD before a TMR", test_tmr },
		CU_TEST_INFO_NULL,
	};

	return rig_run("publish", tests);
}
