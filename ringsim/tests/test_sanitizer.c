/* SPDX-License-Identifier: MIT */
/*
 * The sanitizer on mailbox and ring: each mistake is made, and must be reported once, by its
 * clause, at its first byte, with what should be there and what is. (Data blocks: test_shadow.c.)
 */
#include "rig.h"

#include <stdio.h>

#define RING(off) (128u + (off))

static struct ringsim_config config(void)
{
	struct ringsim_config cfg = RIG_CONFIG;

	cfg.geo.cmdr_size = 8 * 509; /* 4072 */
	cfg.geo.data_blocks = 64;
	cfg.tmr_notification = true;
	return cfg;
}

/* Stores @v at @off and expects that the next look reports it. */
static void poke(struct rig *r, const char *clause, uint64_t off, uint8_t v)
{
	uint8_t old = r->mem[off];

	r->mem[off] = v;
	ringsim_observe(r->dev);
	rig_expect_bytes(r, clause, off, &old, &v, 1);
	ringsim_sweep(r->dev);
	rig_clean(r); /* once */
	r->mem[off] = old;
	ringsim_observe(r->dev);
	rig_forget(r);
}

static void test_mailbox(void)
{
	struct ringsim_config cfg = config();
	static const uint8_t offs[] = { 0, 2, 5, 8, 12, 20, 60, 72, 124 };
	uint8_t expected[4], found[4];
	uint32_t i;
	struct rig r;

	rig_up(&r, &cfg);
	for (i = 0; i < sizeof(offs); i++) {
		memcpy(expected, r.mem + offs[i], 4);
		r.mem[offs[i]] ^= 0x10;
		memcpy(found, r.mem + offs[i], 4);
		ringsim_observe(r.dev);
		CU_ASSERT_EQUAL(strncmp(r.seen[0].what, "cmd_head", 8) == 0, offs[i] == 12);
		rig_expect_bytes(&r, "HND-023", offs[i], expected, found, 4);
		ringsim_observe(r.dev);
		rig_clean(&r);
		r.mem[offs[i]] ^= 0x10;
		ringsim_observe(r.dev);
		rig_forget(&r);
	}
	rig_down(&r);
}

/* Bytes of a published entry that are not the handler's, and those that are. */
static void test_entry(void)
{
	struct ringsim_config cfg = config();
	struct ringsim_cmd cmd;
	uint32_t i;
	struct rig r;

	rig_up(&r, &cfg);
	rig_nodata(&r, &cmd);
	poke(&r, "HND-023", RING(0), 0x80);   /* len_op */
	poke(&r, "HND-023", RING(6), 1);      /* kflags */
	poke(&r, "HND-023", RING(112), 0xff); /* CDB */
	poke(&r, "HND-023", RING(119), 0xff);
	for (i = 4; i < 112;
	     i++) /* id and response are the handler's; so is a stolen slot's rest */
		if (i != 6)
			r.mem[RING(i)] ^= 0xff;
	r.mem[RING(112)] ^= 0xff;
	r.mem[RING(115)] ^= 0xff;
	ringsim_observe(r.dev);
	rig_clean(&r);
	r.mem[RING(4)] ^= 0xff;
	r.mem[RING(5)] ^= 0xff;
	ringsim_observe(r.dev);
	rig_expect(&r, "HND-023", RING(112));
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_doorbell(r.dev);
	rig_down(&r);
}

static void test_other_entries(void)
{
	struct ringsim_config cfg = config();
	struct ringsim_tmr tmr = { .type = TCMU_TMR_LUN_RESET };
	struct rig r;

	rig_up(&r, &cfg);
	ringsim_tmr(r.dev, &tmr, NULL, 0);
	poke(&r, "HND-023", RING(1), 1);
	poke(&r, "HND-023", RING(4), 1);
	poke(&r, "HND-016", RING(8), 0);
	poke(&r, "HND-016", RING(31), 1);
	r.mem[RING(7)] = TCMU_UFLAG_UNKNOWN_OP; /* harmless, and common */
	rig_answer_all(&r);
	rig_clean(&r);

	ringsim_put_raw(r.dev, 0, 64, 0);
	poke(&r, "HND-013", RING(32 + 7), 1);
	poke(&r, "HND-013", RING(32 + 8), 1);
	poke(&r, "HND-013", RING(32 + 63), 1);
	poke(&r, "HND-023", RING(32 + 0), 48);
	rig_answer_all(&r);
	rig_clean(&r);

	ringsim_put_raw(r.dev, 5, 24, 0);
	poke(&r, "HND-015", RING(96 + 8), 2);
	poke(&r, "HND-015", RING(96 + 23), 2);
	rig_set_tail(&r, 120);
	ringsim_observe(r.dev);
	rig_expect_id(&r, "HND-015", RING(96 + 7), 0, 1); /* passed, and not marked */
	ringsim_tmr(r.dev, &tmr, NULL, 0);
	r.mem[RING(120 + 12)] = 9; /* and at once past it: seen at the doorbell */
	rig_answer_all(&r);
	rig_expect(&r, "HND-016", RING(120 + 12));
	ringsim_put_raw(r.dev, 7, 24, 0);
	r.mem[RING(152 + 7)] = TCMU_UFLAG_UNKNOWN_OP;
	rig_answer_all(&r);
	rig_down(&r);
}

/* One answer of one command; what is wrong with it is stored by @wrong. */
static void answer(const struct ringsim_config *cfg, enum ringsim_dir dir, uint8_t status,
		   uint8_t uflags, uint32_t read_len, const char *clause, uint32_t at)
{
	struct ringsim_cmd cmd;
	struct rig r;

	rig_up(&r, cfg);
	rig_cmd(&cmd, (const uint8_t[10]){ 0x28 }, dir, NULL, 100);
	ringsim_submit(r.dev, &cmd);
	rig_answer(&r, 0, status, uflags, read_len);
	ringsim_observe(r.dev);
	if (clause)
		rig_expect_id(&r, clause, RING(at), 1, 1);
	rig_clean(&r);
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(cmd.outcome, RINGSIM_ANSWERED);
	rig_down(&r);
}

static void test_answers(void)
{
	static const uint8_t sam[] = { 0x00, 0x02, 0x04, 0x08, 0x18, 0x28, 0x30, 0x40 };
	struct ringsim_config cfg = config();
	uint32_t status;

	for (status = 0; status < 256; status++) /* NONE: an iov_cnt of 1 would be status 1 */
		answer(&cfg, RINGSIM_NONE, (uint8_t)status, 0, 0,
		       memchr(sam, (int)status, sizeof(sam)) ? NULL : "HND-032", 8);
	answer(&cfg, RINGSIM_FROM_DEVICE, 0, TCMU_UFLAG_READ_LEN, 1, NULL, 0);
	answer(&cfg, RINGSIM_FROM_DEVICE, 0, TCMU_UFLAG_READ_LEN, 0, "HND-035", 7);
	answer(&cfg, RINGSIM_TO_DEVICE, 0, TCMU_UFLAG_READ_LEN, 1, "HND-035", 7);
	answer(&cfg, RINGSIM_NONE, 0, TCMU_UFLAG_READ_LEN, 1, "HND-035", 7);
	answer(&cfg, RINGSIM_FROM_DEVICE, 0, TCMU_UFLAG_KEEP_BUF, 0, NULL, 0);
	answer(&cfg, RINGSIM_FROM_DEVICE, 0, TCMU_UFLAG_UNKNOWN_OP, 0, "HND-034", 7);
	answer(&cfg, RINGSIM_FROM_DEVICE, 0, 0x08, 0, "HND-037", 7);
	answer(&cfg, RINGSIM_FROM_DEVICE, 0, 0x80, 0, "HND-037", 7);
	cfg.set_flags = true;
	cfg.flags = TCMU_MAILBOX_FLAG_CAP_KEEP_BUF;
	answer(&cfg, RINGSIM_FROM_DEVICE, 0, TCMU_UFLAG_READ_LEN, 1, "HND-035", 7);
	cfg.flags = TCMU_MAILBOX_FLAG_CAP_READ_LEN;
	answer(&cfg, RINGSIM_FROM_DEVICE, 0, TCMU_UFLAG_READ_LEN, 1, NULL, 0);
	answer(&cfg, RINGSIM_FROM_DEVICE, 0, TCMU_UFLAG_KEEP_BUF, 1, "HND-036", 7);
}

/* The response was never written: the status is the low byte of iov_cnt. */
static void test_unwritten(void)
{
	struct ringsim_config cfg = config();
	struct ringsim_cmd cmd[4], one;
	struct rig r;

	rig_up(&r, &cfg);
	rig_read(&r, &one, NULL, 1);
	rig_set_tail(&r, 128);
	ringsim_observe(r.dev);
	CU_ASSERT_EQUAL(r.mem[RING(8)], 1);
	rig_expect_id(&r, "HND-031", RING(8), 1, 8);
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(one.status, 1);

	/* two iovs look like CHECK CONDITION */
	rig_read(&r, &cmd[0], NULL, 1);
	rig_read(&r, &cmd[1], NULL, 1);
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_doorbell(r.dev);
	rig_read(&r, &cmd[2], NULL, 8192);
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(rig_entry(&r, rig_tail(&r))->req.iov_cnt, 2);
	rig_set_tail(&r, rig_head(&r));
	ringsim_observe(r.dev);
	rig_expect(&r, "HND-031", RING(3 * 128 + 8));
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(cmd[2].status, 2);
	rig_down(&r);
}

static void sense(uint8_t code, uint8_t key_at, uint8_t key, uint8_t add_len, const char *clause,
		  uint32_t at)
{
	struct ringsim_config cfg = config();
	struct ringsim_cmd cmd;
	struct rig r;

	rig_up(&r, &cfg);
	rig_nodata(&r, &cmd);
	rig_answer(&r, 0, 2, 0, 0);
	memset(r.mem + RING(16), 0, 96);
	r.mem[RING(16)] = code;
	r.mem[RING(16 + key_at)] = key;
	r.mem[RING(16 + 7)] = add_len;
	ringsim_observe(r.dev);
	if (clause)
		rig_expect_id(&r, clause, RING(at), 1, at == 16 ? 16 : 1);
	rig_clean(&r);
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(cmd.sense[0], code);
	rig_down(&r);
}

static void test_sense(void)
{
	sense(0x70, 2, 5, 10, NULL, 0);
	sense(0xf0, 2, 3, 10, NULL, 0);
	sense(0x71, 2, 3, 244, NULL, 0);
	sense(0x72, 1, 5, 0, NULL, 0);
	sense(0x73, 1, 6, 12, NULL, 0);
	sense(0x00, 2, 5, 10, "HND-033", 16);
	sense(0x6f, 2, 5, 10, "HND-033", 16);
	sense(0x74, 1, 5, 0, "HND-033", 16);
	sense(0x70, 2, 0x20, 10, "HND-033", 16); /* ILI alone is no key */
	sense(0x72, 2, 5, 0, "HND-033", 16);	 /* the key where fixed format has it */
	sense(0x70, 2, 5, 9, "HND-033", 16 + 7);
}

static void test_ids(void)
{
	struct ringsim_config cfg = config();
	struct ringsim_cmd cmd[3];
	uint16_t id[2];
	struct rig r;

	rig_up(&r, &cfg);
	rig_nodata(&r, &cmd[0]);
	id[0] = 1;
	id[1] = 0;
	rig_answer(&r, 7, 0, 0, 0);
	rig_entry(&r, 0)->hdr.cmd_id = 0;
	ringsim_observe(r.dev);
	rig_expect_bytes(&r, "HND-053", RING(4), &id[0], &id[1], 2); /* 0 is nobody's */
	ringsim_doorbell(r.dev);
	CU_ASSERT(rig_stats(&r).broken);
	ringsim_reset(r.dev, 1);
	rig_nodata(&r, &cmd[0]);
	rig_nodata(&r, &cmd[1]);
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_doorbell(r.dev);
	rig_answer(&r, 1, 0, 0, 0);
	ringsim_observe(r.dev);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.seen[0].what, "completed already"));
	CU_ASSERT_EQUAL(r.seen[0].id, 1);
	rig_expect_bytes(&r, "HND-053", RING(120 + 4), &(uint16_t){ 2 }, &(uint16_t){ 1 }, 2);
	ringsim_doorbell(r.dev);
	ringsim_reset(r.dev, 1);
	rig_nodata(&r, &cmd[0]);
	rig_nodata(&r, &cmd[1]);
	ringsim_reset(r.dev, 1);
	rig_nodata(&r, &cmd[0]);
	rig_answer(&r, 2, 0, 0, 0); /* of before the reset */
	ringsim_observe(r.dev);
	CU_ASSERT_EQUAL(r.seen[0].id, 2);
	rig_expect_bytes(&r, "HND-064", RING(4), &(uint16_t){ 1 }, &(uint16_t){ 2 }, 2);
	ringsim_doorbell(r.dev);
	ringsim_reset(r.dev, 1);
	rig_nodata(&r, &cmd[0]);
	rig_nodata(&r, &cmd[1]);
	rig_answer(&r, 0, 0, TCMU_UFLAG_KEEP_BUF, 0);
	ringsim_doorbell(r.dev);
	rig_answer(&r, 1, 0, 0, 0);
	ringsim_observe(r.dev);
	CU_ASSERT_EQUAL(r.seen[0].id, 1);
	rig_expect_bytes(&r, "HND-036", RING(120 + 4), &(uint16_t){ 2 }, &(uint16_t){ 1 }, 2);
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(rig_stats(&r).kept, 0);
	rig_down(&r);
}

static void test_order(void)
{
	struct ringsim_config cfg = config();
	struct ringsim_cmd cmd[3];
	struct rig r;

	rig_up(&r, &cfg);
	rig_nodata(&r, &cmd[0]);
	rig_nodata(&r, &cmd[1]);
	rig_nodata(&r, &cmd[2]);
	rig_answer(&r, 2, 0, 0, 0);
	rig_answer(&r, 1, 0, 0, 0);
	rig_answer(&r, 2, 0, 0, 0); /* twice in one go */
	ringsim_observe(r.dev);
	CU_ASSERT_EQUAL(r.seen[0].id, 2);
	rig_expect_bytes(&r, "HND-053", RING(240 + 4), &(uint16_t){ 3 }, &(uint16_t){ 2 }, 2);
	rig_entry(&r, 240)->hdr.cmd_id = 3; /* too late to mend: its tail is out */
	ringsim_doorbell(r.dev);
	rig_expect(&r, "HND-039", RING(240 + 4));
	CU_ASSERT_FALSE(rig_stats(&r).broken);
	rig_down(&r);

	cfg.set_flags = true;
	rig_up(&r, &cfg);
	rig_nodata(&r, &cmd[0]);
	rig_nodata(&r, &cmd[1]);
	rig_answer(&r, 2, 0, 0, 0);
	ringsim_observe(r.dev);
	CU_ASSERT_EQUAL(r.seen[0].id, 2);
	rig_expect_bytes(&r, "HND-050", RING(4), &(uint16_t){ 1 }, &(uint16_t){ 2 }, 2);
	rig_answer(&r, 1, 0, 0, 0);
	ringsim_observe(r.dev);
	rig_expect(&r, "HND-050", RING(120 + 4));
	ringsim_doorbell(r.dev);
	rig_down(&r);
}

static void tail_is(uint32_t first, uint32_t value, const char *clause)
{
	struct ringsim_config cfg = config();
	struct ringsim_cmd cmd[4];
	struct rig r;
	uint32_t i;

	rig_up(&r, &cfg);
	for (i = 0; i < 4; i++)
		rig_nodata(&r, &cmd[i]);
	for (i = 0; i < first / 120; i++)
		rig_answer(&r, 0, 0, 0, 0);
	ringsim_observe(r.dev);
	rig_clean(&r);
	rig_set_tail(&r, value);
	ringsim_observe(r.dev);
	CU_ASSERT_EQUAL(strstr(r.seen[0].what, "backwards") != NULL, !strcmp(clause, "HND-049"));
	CU_ASSERT_EQUAL(r.seen[0].id, 0);
	rig_expect_bytes(&r, clause, RINGSIM_OFF_TAIL, &first, &value, 4);
	ringsim_observe(r.dev);
	rig_clean(&r); /* once */
	ringsim_doorbell(r.dev);
	/* nothing is believed; but a tail that went back is one that a kernel cannot tell */
	CU_ASSERT_EQUAL(rig_stats(&r).broken, value != 120);
	CU_ASSERT_EQUAL(r.n_done, value == 120);
	ringsim_reset(r.dev, 1);
	rig_down(&r);
}

static void test_tail(void)
{
	struct ringsim_config cfg = config();
	struct ringsim_cmd cmd;
	struct rig r;

	tail_is(120, 4072, "HND-014");
	tail_is(120, 4080, "HND-040");
	tail_is(120, UINT32_MAX, "HND-040");
	tail_is(120, 243, "HND-040");
	tail_is(120, 248, "HND-012");
	tail_is(120, 488, "HND-011");
	tail_is(240, 120, "HND-049");
	tail_is(240, 112, "HND-011");

	rig_up(&r, &cfg); /* a legal tail makes good what was wrong, until the kernel looks */
	rig_nodata(&r, &cmd);
	rig_set_tail(&r, 8);
	ringsim_sweep(r.dev);
	rig_expect(&r, "HND-012", RINGSIM_OFF_TAIL);
	rig_set_tail(&r, 0);
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(r.n_done, 1);
	rig_down(&r);
}

/* Between tail and reclaim, beyond the head, outside everything. */
static void test_late_stores(void)
{
	struct ringsim_config cfg = config();
	struct ringsim_cmd cmd;
	uint8_t zero = 0, one = 1, eleven = 0x11;
	struct ringsim_tmr tmr = { .type = TCMU_TMR_LUN_RESET };
	struct rig r;

	cfg.geo.cmdr_off = 256;
	rig_up(&r, &cfg);
	rig_nodata(&r, &cmd);
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_observe(r.dev);
	r.mem[256 + 8] = 0x11;
	ringsim_doorbell(r.dev);
	rig_expect_bytes(&r, "HND-039", 256 + 8, &zero, &eleven, 1);
	r.mem[256 + 0] = 0; /* clears len_op after the kernel took it back */
	ringsim_sweep(r.dev);
	CU_ASSERT_EQUAL(r.seen[0].expected[0], 0x79);
	rig_expect(&r, "HND-039", 256);
	r.mem[256 + 200] = 1; /* beyond the head */
	rig_nodata(&r, &cmd);
	rig_expect_bytes(&r, "HND-023", 256 + 200, &zero, &one, 1);
	r.mem[256 + 250] = 1;
	ringsim_tmr(r.dev, &tmr, NULL, 0);
	rig_expect_bytes(&r, "HND-023", 256 + 250, &zero, &one, 1);
	r.mem[255] = 1;
	ringsim_sweep(r.dev);
	rig_expect_bytes(&r, "HND-023", 255, &zero, &one, 1);
	r.mem[256 + 4072] = 1;
	ringsim_sweep(r.dev);
	rig_expect_bytes(&r, "HND-023", 256 + 4072, &zero, &one, 1);
	rig_answer_all(&r);
	rig_down(&r);
}

static void test_doorbell(void)
{
	struct ringsim_config cfg = config();
	struct ringsim_cmd cmd[2];
	uint32_t zero = 0, tail = 120;
	struct rig r;

	rig_up(&r, &cfg);
	ringsim_handler_sleeps(r.dev);
	rig_nodata(&r, &cmd[0]);
	ringsim_handler_sleeps(r.dev);
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_handler_sleeps(r.dev);
	CU_ASSERT_EQUAL(r.seen[0].id, 0);
	rig_expect_bytes(&r, "HND-044", RINGSIM_OFF_TAIL, &zero, &tail, 4);
	ringsim_handler_sleeps(r.dev);
	rig_clean(&r);
	ringsim_poll_tail(r.dev); /* somebody else's look is no doorbell */
	rig_nodata(&r, &cmd[1]);
	rig_answer_all(&r);
	ringsim_handler_sleeps(r.dev);
	rig_down(&r);
	cfg.sanitize = false;
	rig_up(&r, &cfg);
	rig_nodata(&r, &cmd[0]);
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_handler_sleeps(r.dev);
	rig_down(&r);
}

/* Off, only what would lead the walk astray is looked at. */
static void test_off(void)
{
	struct ringsim_config cfg = config();
	struct ringsim_cmd cmd[2];
	uint32_t want = 121, found = 129;
	struct rig r;

	cfg.sanitize = false;
	rig_up(&r, &cfg);
	rig_nodata(&r, &cmd[0]);
	rig_nodata(&r, &cmd[1]);
	r.mem[0] = 9;
	rig_answer(&r, 0, 0x77, 0x80, 0);
	ringsim_observe(r.dev);
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(r.n_done, 1);
	rig_clean(&r);
	rig_set_tail(&r, 240);
	rig_put32(&r, RING(120), 129);
	ringsim_doorbell(r.dev);
	rig_expect_bytes(&r, "HND-023", RING(120), &want, &found, 4);
	CU_ASSERT(rig_stats(&r).broken);
	ringsim_reset(r.dev, 1);
	rig_nodata(&r, &cmd[0]);
	rig_set_tail(&r, 112);
	ringsim_doorbell(r.dev);
	found = 112;
	rig_expect_bytes(&r, "HND-040", RINGSIM_OFF_TAIL, &found, &found, 4);
	CU_ASSERT(rig_stats(&r).broken);
	rig_down(&r);
}

/* Neither an illegal tail nor a changed header lets in what waits. */
static void test_queue_stays(void)
{
	struct ringsim_config cfg = config();
	struct ringsim_cmd cmd[5];
	struct rig r;
	uint32_t i;

	cfg.sanitize = false;
	cfg.geo.cmdr_size = 512;
	rig_up(&r, &cfg);
	for (i = 0; i < 5; i++)
		rig_nodata(&r, &cmd[i]);
	rig_set_tail(&r, 112);
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 1);
	rig_expect(&r, "HND-040", RINGSIM_OFF_TAIL);
	ringsim_reset(r.dev, 1);
	for (i = 0; i < 4; i++)
		rig_nodata(&r, &cmd[i]);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 1);
	r.mem[RING(120)] = 0;
	rig_answer(&r, 0, 0, 0, 0);
	rig_set_tail(&r, 240);
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 1);
	CU_ASSERT_EQUAL(rig_stats(&r).reclaim, 120);
	rig_expect(&r, "HND-023", RING(120));
	rig_down(&r);
}

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "mailbox words", test_mailbox },
		{ "bytes of a CMD", test_entry },
		{ "PAD, TMR, unknown opcodes", test_other_entries },
		{ "status and uflags", test_answers },
		{ "a response that was never written", test_unwritten },
		{ "sense", test_sense },
		{ "ids", test_ids },
		{ "order", test_order },
		{ "tails", test_tail },
		{ "stores that come too late", test_late_stores },
		{ "a doorbell that never comes", test_doorbell },
		{ "sanitizer off", test_off },
		{ "what waits stays", test_queue_stays },
		CU_TEST_INFO_NULL,
	};

	return rig_run("sanitizer", tests);
}
