/* SPDX-License-Identifier: MIT */
/* What a tap is told, and when: every kind, in the device's own order. */
#include "rig.h"

#include <ringsim/tap.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* What was told, in words. */
struct log {
	struct rig *r;
	char text[2000];
	size_t len;
	uint64_t now_ns;
};

static void add(struct log *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	l->len += (size_t)vsnprintf(l->text + l->len, sizeof(l->text) - l->len, fmt, ap);
	va_end(ap);
	CU_ASSERT_FATAL(l->len < sizeof(l->text));
}

static void tell_entry(struct log *l, const struct ringsim_tap_event *e)
{
	uint32_t len_op = rig_entry(l->r, e->off)->hdr.len_op;

	CU_ASSERT_EQUAL(rig_head(l->r), e->off); /* laid out, not published */
	add(l, "entry %u:%u+%u", tcmu_hdr_get_op(len_op), e->off, tcmu_hdr_get_len(len_op));
	if (e->cmd)
		add(l, " of %u", e->cmd->tap);
}

static void tell_cause(struct log *l, const struct ringsim_tap_event *e)
{
	static const char *const names[] = { "",      "walk",  "expire", "",
					     "block", "reset", "free",	 "release" };

	if (e->kind == RINGSIM_TAP_SUBMIT)
		add(l, "submit %u", ++e->cmd->tap);
	else if (e->kind == RINGSIM_TAP_ABORT)
		add(l, "abort %u: %u of %u", e->tmr_type, e->cmds[0]->tap, e->n);
	else if (e->kind == RINGSIM_TAP_SET)
		add(l, "set %d", e->seconds);
	else
		add(l, "%s %u", names[e->kind], e->value);
}

static void tell(void *ctx, const struct ringsim_tap_event *e)
{
	struct log *l = ctx;

	l->now_ns = e->now_ns;
	add(l, l->len ? ", " : "");
	if (e->kind <= RINGSIM_TAP_SET)
		tell_cause(l, e);
	else if (e->kind == RINGSIM_TAP_ANSWER)
		add(l, "answer %u:%u %x %u %u %s", e->off, e->id, e->uflags, e->status, e->read_len,
		    e->sense ? (e->sense[2] == 3 ? "medium" : "sense") : "-");
	else if (e->kind == RINGSIM_TAP_TAIL)
		add(l, "tail %u", e->value);
	else if (e->kind == RINGSIM_TAP_ENTRY)
		tell_entry(l, e);
	else if (e->kind == RINGSIM_TAP_LOST)
		add(l, "lost");
	else
		add(l, "%s %u", e->kind == RINGSIM_TAP_WAIT ? "wait" : "end", e->cmd->tap);
}

static void told(struct log *l, const char *expected)
{
	CU_ASSERT_STRING_EQUAL(l->text, expected);
	if (strcmp(l->text, expected) != 0)
		fprintf(stderr, "told: %s\n", l->text);
	l->len = 0;
	l->text[0] = 0;
}

static void up(struct rig *r, struct log *l, const struct ringsim_config *cfg)
{
	rig_up(r, cfg);
	*l = (struct log){ .r = r };
	ringsim_set_tap(r->dev, tell, l);
}

/* A command that calls itself @n. */
static void submit(struct rig *r, struct ringsim_cmd *cmd, uint32_t n, const uint8_t *cdb,
		   const struct iovec *sg)
{
	uint32_t len = sg ? (uint32_t)sg->iov_len : 0;

	rig_cmd(cmd, cdb, sg ? RINGSIM_FROM_DEVICE : RINGSIM_NONE, sg, len);
	cmd->tap = n - 1;
	ringsim_submit(r->dev, cmd);
}

static const uint8_t tur[8], read10[10] = { 0x28 };

static void test_commands(void)
{
	static uint8_t buf[4096];
	const struct iovec sg = { buf, sizeof(buf) };
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd cmd[3];
	struct log l;
	struct rig r;

	up(&r, &l, &cfg);
	ringsim_advance(r.dev, 5 * SEC);
	submit(&r, &cmd[0], 1, tur, NULL);
	told(&l, "submit 1, entry 1:0+120 of 1");
	CU_ASSERT_EQUAL(l.now_ns, 5 * SEC);
	submit(&r, &cmd[1], 2, read10, &sg);
	told(&l, "submit 2, entry 1:120+128 of 2");
	rig_answer(&r, 2, 0, TCMU_UFLAG_READ_LEN | TCMU_UFLAG_KEEP_BUF, 512);
	ringsim_doorbell(r.dev);
	told(&l, "walk 0, answer 0:2 6 0 512 -, end 2, tail 120");
	rig_answer(&r, 1, 2, 0, 0);
	rig_sense(&r, 120, 3);
	ringsim_poll_tail(r.dev);
	told(&l, "walk 0, answer 120:1 0 2 0 medium, end 1, tail 248");
	CU_ASSERT_EQUAL(cmd[0].sense[2], 3);
	CU_ASSERT_EQUAL(ringsim_free_kept(r.dev, 7), -EINVAL);
	CU_ASSERT_EQUAL(ringsim_free_kept(r.dev, 2), 0);
	told(&l, "free 2");
	rig_cmd(&cmd[2], tur, RINGSIM_NONE, NULL, 0);
	cmd[2].aborted = true;
	cmd[2].tap = 2;
	ringsim_submit(r.dev, &cmd[2]);
	told(&l, "submit 3, end 3");
	rig_forget(&r);
	ringsim_set_tap(r.dev, NULL, NULL);
	submit(&r, &cmd[0], 1, tur, NULL);
	rig_answer_all(&r);
	told(&l, "");
	rig_down(&r);
}

/* Waiting, expiry on the ring and in the queue, and what is set. */
static void test_waiting(void)
{
	static uint8_t buf[1 << 20];
	const struct iovec sg = { buf, sizeof(buf) };
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd cmd[3];
	struct log l;
	struct rig r;

	up(&r, &l, &cfg);
	ringsim_advance(r.dev, SEC);
	submit(&r, &cmd[0], 1, read10, &sg);
	submit(&r, &cmd[1], 2, read10, &sg);
	submit(&r, &cmd[2], 3, read10, &sg);
	told(&l, "submit 1, entry 1:0+128 of 1, submit 2, wait 2, submit 3, wait 3");
	rig_answer_all(&r);
	told(&l, "walk 0, answer 0:1 0 0 0 -, end 1, tail 128, entry 1:128+128 of 2, wait 3");
	ringsim_advance(r.dev, 31 * SEC);
	told(&l, "expire 0, end 2, end 3");
	CU_ASSERT_EQUAL(ringsim_set_qfull_time_out(r.dev, -2), -EINVAL);
	CU_ASSERT_EQUAL(ringsim_set_qfull_time_out(r.dev, 0), 0);
	told(&l, "set 0");
	submit(&r, &cmd[0], 4, read10, &sg);
	told(&l, "submit 4, end 4");
	rig_answer_all(&r);
	rig_forget(&r);
	rig_down(&r);
}

static void test_recovery(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd cmd[2], *aborted = &cmd[0];
	struct ringsim_tmr tmr = { .type = 5 };
	struct log l;
	struct rig r;

	cfg.tmr_notification = true;
	cfg.geo = (struct ringsim_geometry){ .cmdr_size = 512, .data_blocks = 4 };
	cfg.start = 256;
	up(&r, &l, &cfg);
	submit(&r, &cmd[0], 1, tur, NULL);
	ringsim_tmr(r.dev, &tmr, &aborted, 1);
	told(&l, "submit 1, entry 1:256+120 of 1, abort 5: 1 of 1, entry 2:376+40");
	ringsim_block(r.dev, false);
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_block(r.dev, true);
	ringsim_block(r.dev, false);
	told(&l, "block 1, answer 256:1 0 0 0 -, end 1, tail 376, block 0");
	submit(&r, &cmd[1], 2, tur, NULL);
	told(&l, "submit 2, entry 0:416+96, entry 1:0+120 of 2");
	CU_ASSERT_EQUAL(ringsim_reset(r.dev, 3), -EINVAL);
	CU_ASSERT_EQUAL(ringsim_reset(r.dev, 2), 0);
	told(&l, "reset 2, end 2");
	ringsim_uio_close(&r.uio);
	told(&l, "release 0");
	CU_ASSERT_EQUAL(ringsim_uio_open(&r.uio), 0);
	told(&l, "");
	rig_down(&r);
}

/* Where a kernel would run wild, with and without the sanitizer; a broken device looks no more. */
static void lost(bool sanitize)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd cmd;
	struct log l;
	struct rig r;

	cfg.sanitize = sanitize;
	up(&r, &l, &cfg);
	submit(&r, &cmd, 1, tur, NULL);
	rig_set_tail(&r, 64);
	ringsim_doorbell(r.dev);
	ringsim_doorbell(r.dev);
	told(&l, "submit 1, entry 1:0+120 of 1, walk 0, lost");
	ringsim_reset(r.dev, 1);
	submit(&r, &cmd, 2, tur, NULL);
	l.len = 0;
	rig_entry(&r, 0)->hdr.len_op ^= 8;
	rig_set_tail(&r, 120);
	ringsim_doorbell(r.dev);
	told(&l, "walk 0, lost");
	ringsim_reset(r.dev, 1);
	l.len = 0;
	CU_ASSERT_EQUAL(ringsim_put_raw(r.dev, 3, 64, 0), 0);
	told(&l, "lost, entry 3:0+64");
	/* an id that nobody has breaks the device, too, but in the walk's own way */
	ringsim_reset(r.dev, 1);
	submit(&r, &cmd, 3, tur, NULL);
	l.len = 0;
	rig_answer(&r, 9, 0, 0, 0);
	ringsim_doorbell(r.dev);
	told(&l, "walk 0, answer 0:9 0 0 0 -, tail 120");
	ringsim_reset(r.dev, 1);
	rig_forget(&r);
	rig_down(&r);
}

static void test_lost(void)
{
	lost(true);
	lost(false);
}

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "commands and their answers", test_commands },
		{ "waiting and expiry", test_waiting },
		{ "aborts, blocking, resets, releases", test_recovery },
		{ "where a kernel would run wild", test_lost },
		CU_TEST_INFO_NULL,
	};

	return rig_run("tap", tests);
}
