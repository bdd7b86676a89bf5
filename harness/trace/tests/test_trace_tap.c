/* SPDX-License-Identifier: MIT */
/*
 * What is recorded of a simulated device is replayed without a difference, random traffic included;
 * and a trace that ends early can be replayed up to there.
 */
#include "fixture.h"

#include <fcntl.h>
#include <ringsim/device.h>
#include <ringsim/shm.h>
#include <sys/mman.h>
#include <unistd.h>

#define CMDS 64
#define SEC  RINGSIM_NSEC_PER_SEC

struct stage {
	struct ringsim_device *dev;
	uint8_t *mem;
	struct trace_tap *tap;
	struct trace_tap_result res;
	int fd;
	char said[256];
	uint32_t n_said;
	struct ringsim_cmd cmds[CMDS];
	bool busy[CMDS];
	struct iovec sg[CMDS];
	struct ringsim_tmr tmrs[CMDS];
	uint64_t now, seed;
};

static uint8_t buffer[1 << 20];

static uint32_t chance(struct stage *s, uint32_t n)
{
	s->seed = s->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(s->seed >> 33) % n;
}

static void on_say(void *ctx, const char *line)
{
	struct stage *s = ctx;

	snprintf(s->said, sizeof(s->said), "%s", line);
	s->n_said++;
}

static void on_complete(void *ctx, struct ringsim_cmd *cmd)
{
	struct stage *s = ctx;

	s->busy[cmd - s->cmds] = false;
}

static const struct ringsim_ops ops = { .complete = on_complete };

static void up(struct stage *s, const char *path)
{
	const struct ringsim_config cfg = {
		.geo = { .cmdr_size = 4096, .data_blocks = 64 },
		.cmd_time_out_s = 2,
		.qfull_time_out_s = -1,
		.tmr_notification = true,
		.start = 512,
	};

	memset(s, 0, sizeof(*s));
	CU_ASSERT_EQUAL_FATAL(ringsim_device_create(&s->dev, &cfg, &ops, s, NULL, 0), 0);
	s->mem = ringsim_region(s->dev);
	s->now = 7 * SEC + 1;
	ringsim_advance(s->dev, s->now);
	s->fd = path ? open(path, O_WRONLY | O_CLOEXEC)
		     : memfd_create("trace", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	CU_ASSERT_FATAL(s->fd >= 0);
	CU_ASSERT_EQUAL_FATAL(trace_tap_start(&s->tap, s->dev, s->fd, on_say, s), 0);
}

/* Stops recording, replays what there is: the number of entries, all of them identical. */
static void down(struct stage *s, struct trace_result *res)
{
	unsigned int line;
	char say[256] = "", *text;
	off_t len;

	trace_tap_stop(s->tap, s->dev, &s->res);
	len = lseek(s->fd, 0, SEEK_END);
	text = calloc(1, (size_t)len + 1);
	CU_ASSERT_EQUAL(pread(s->fd, text, (size_t)len, 0), len);
	CU_ASSERT_EQUAL(replay_text(text, (size_t)len, res, say, &line), 0);
	CU_ASSERT_STRING_EQUAL(say, "");
	CU_ASSERT_EQUAL(res->identical, s->res.entries);
	CU_ASSERT_EQUAL(res->entries, s->res.entries);
	CU_ASSERT_EQUAL(res->submitted, s->res.commands);
	free(text);
	close(s->fd);
	ringsim_device_destroy(s->dev);
}

static void submit(struct stage *s, uint32_t i, enum ringsim_dir dir, uint32_t len)
{
	static const uint8_t cdb[16] = { 0x88, 1, 2, 3 };

	s->sg[i] = (struct iovec){ buffer, len };
	s->cmds[i] = (struct ringsim_cmd){ .cdb = cdb,
					   .cdb_room = 3 + chance(s, 20) % 14,
					   .dir = dir,
					   .data_len = dir ? len : 0,
					   .sg = &s->sg[i],
					   .sg_cnt = dir ? 1 : 0,
					   .bidi_sg = &s->sg[i],
					   .bidi_cnt = dir == RINGSIM_BIDI };
	s->busy[i] = true;
	ringsim_submit(s->dev, &s->cmds[i]);
}

/* The handler answers up to @n entries, in whichever way, now and then with an id it has not. */
static void answer(struct stage *s, uint32_t n)
{
	uint32_t tail = shm_load32(s->mem, RINGSIM_OFF_TAIL), len_op;
	const struct ringsim_layout *lay = ringsim_layout(s->dev);

	for (; n && tail != shm_load32(s->mem, RINGSIM_OFF_HEAD); n--) {
		uint64_t slot = (uint64_t)lay->cmdr_off + tail;

		len_op = shm_load32(s->mem, slot);
		if ((len_op & 7) == TCMU_OP_CMD) {
			shm_store8(s->mem, slot + RINGSIM_OFF_STATUS,
				   (uint8_t[]){ 0, 0, 2, 8 }[chance(s, 4)]);
			shm_store8(s->mem, slot + RINGSIM_OFF_UFLAGS,
				   (uint8_t[]){ 0, 0, 0, 1, 2, 4, 6 }[chance(s, 7)]);
			shm_store32(s->mem, slot + RINGSIM_OFF_RDLEN, chance(s, 9000));
			shm_store8(s->mem, slot + RINGSIM_OFF_SENSE + 2, (uint8_t)chance(s, 16));
			if (!chance(s, 400))
				shm_store16(s->mem, slot + RINGSIM_OFF_ID, (uint16_t)chance(s, 20));
		}
		tail = (tail + (len_op & ~7u)) % lay->cmdr_size;
		shm_store32_release(s->mem, RINGSIM_OFF_TAIL, tail);
	}
	ringsim_doorbell(s->dev);
}

static void abort_some(struct stage *s, uint32_t k)
{
	struct ringsim_cmd *cmds[CMDS];
	uint32_t i, n = 0;

	for (i = 0; i < CMDS; i++)
		if (s->busy[i] && !chance(s, 3))
			cmds[n++] = &s->cmds[i];
	s->tmrs[k].type = 5;
	ringsim_tmr(s->dev, &s->tmrs[k], cmds, n);
}

static void recover(struct stage *s)
{
	uint32_t id;

	switch (chance(s, 6)) {
	case 0:
		ringsim_reset(s->dev, 1 + chance(s, 2));
		return;
	case 1:
		ringsim_block(s->dev, true);
		return;
	case 2:
		ringsim_release(s->dev);
		return;
	case 3:
		ringsim_set_qfull_time_out(s->dev, (int32_t)chance(s, 4) - 1);
		return;
	case 4:
		for (id = 1; id < 30; id++)
			ringsim_free_kept(s->dev, id);
		return;
	default:
		ringsim_poll_tail(s->dev);
	}
}

static void act(struct stage *s)
{
	uint32_t i = chance(s, CMDS), what = chance(s, 100);
	struct ringsim_stats st;

	s->now += chance(s, 100000000);
	ringsim_advance(s->dev, s->now);
	if (what < 60 && !s->busy[i])
		submit(s, i, (enum ringsim_dir)chance(s, 4), 1 + chance(s, 60000));
	else if (what < 92)
		answer(s, chance(s, 20));
	else if (what < 96 && !s->tmrs[i].pending)
		abort_some(s, i);
	else
		recover(s);
	ringsim_stats(s->dev, &st);
	if (st.blocked && chance(s, 2))
		ringsim_block(s->dev, false);
	if (st.broken && chance(s, 2))
		ringsim_reset(s->dev, 1);
}

static void test_random(void)
{
	struct trace_result res;
	struct stage s;
	uint32_t i, round;

	for (round = 1; round <= 20; round++) {
		up(&s, NULL);
		s.seed = round;
		for (i = 0; i < 1000; i++)
			act(&s);
		ringsim_reset(s.dev, 1);
		ringsim_block(s.dev, true);
		down(&s, &res);
		CU_ASSERT_TRUE(s.res.complete);
		CU_ASSERT_EQUAL(s.n_said, 0);
		CU_ASSERT(res.cmds > 100 && res.pads && res.tmrs && res.waits && res.aborted);
	}
}

static void test_not_idle(void)
{
	struct trace_result res;
	struct trace_tap *other;
	struct stage s;

	up(&s, NULL);
	submit(&s, 0, RINGSIM_NONE, 0);
	CU_ASSERT_EQUAL(trace_tap_start(&other, s.dev, s.fd, on_say, &s), -EBUSY);
	CU_ASSERT_PTR_NULL(other);
	answer(&s, 1);
	ringsim_block(s.dev, true);
	CU_ASSERT_EQUAL(trace_tap_start(&other, s.dev, s.fd, on_say, &s), -EBUSY);
	down(&s, &res);
	CU_ASSERT_EQUAL(s.res.commands, 1);
}

/* The beginning is there, to the last cause before. */
static void ends_early(struct stage *s, const char *why)
{
	struct trace_result res;
	uint32_t i;

	for (i = 0; i < 10; i++)
		act(s);
	CU_ASSERT_EQUAL(s->n_said, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(s->said, why));
	down(s, &res);
	CU_ASSERT_EQUAL(res.submitted, 1);
	CU_ASSERT_FALSE(s->res.complete);
}

static void test_ends_early(void)
{
	const struct iovec half = { buffer, 100 };
	struct stage s;

	up(&s, NULL);
	submit(&s, 0, RINGSIM_NONE, 0);
	shm_store32(s.mem, RINGSIM_OFF_TAIL, 520);
	ringsim_doorbell(s.dev);
	ends_early(&s, "the handler changed what only the kernel may store");

	up(&s, NULL);
	submit(&s, 0, RINGSIM_NONE, 0);
	shm_store32(s.mem, RINGSIM_OFF_HEAD, 800);
	submit(&s, 1, RINGSIM_NONE, 0);
	ends_early(&s, "the handler changed what only the kernel may store");

	up(&s, NULL);
	submit(&s, 0, RINGSIM_NONE, 0);
	s.cmds[1] = (struct ringsim_cmd){ .cdb = buffer,
					  .cdb_room = 8,
					  .dir = RINGSIM_TO_DEVICE,
					  .data_len = 200,
					  .sg = &half,
					  .sg_cnt = 1 };
	s.busy[1] = true;
	ringsim_submit(s.dev, &s.cmds[1]);
	ringsim_reset(s.dev, 1);
	ends_early(&s, "buffer is shorter");
}

/* What cannot be written is said once; what was written whole stays. */
static void test_disk_full(void)
{
	struct trace_result res;
	struct stage s;
	uint32_t i;

	up(&s, "/dev/full");
	for (i = 0; i < 2000; i++)
		act(&s);
	CU_ASSERT_EQUAL(s.n_said, 1);
	CU_ASSERT_STRING_EQUAL(s.said, "No space left on device: the trace ends here");
	trace_tap_stop(s.tap, s.dev, &s.res);
	CU_ASSERT_FALSE(s.res.complete);
	close(s.fd);
	ringsim_device_destroy(s.dev);

	/* a file that can grow no more */
	up(&s, NULL);
	for (i = 0; i < 1000; i++)
		act(&s);
	CU_ASSERT_EQUAL(s.n_said, 0);
	CU_ASSERT(lseek(s.fd, 0, SEEK_END) > 0);
	CU_ASSERT_EQUAL(fcntl(s.fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	for (i = 0; i < 2000; i++)
		act(&s);
	CU_ASSERT_EQUAL(s.n_said, 1);
	down(&s, &res);
	CU_ASSERT_FALSE(s.res.complete);
}

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "random traffic", test_random },
		{ "a device that is in use", test_not_idle },
		{ "what ends a trace", test_ends_early },
		{ "no space", test_disk_full },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = {
		{ "traces of the simulator", NULL, NULL, NULL, NULL, (CU_TestInfo *)tests },
		CU_SUITE_INFO_NULL,
	};

	if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS)
		return 2;
	return run_registered();
}
