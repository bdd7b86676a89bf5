/* SPDX-License-Identifier: MIT */
/*
 * The sanitizer on data blocks: stores and touches that a kernel would not see, or see as SIGBUS,
 * with and without poison; the simulator's own invariants; and what the reports look like.
 */
#include "rig.h"

#include "../internal.h"

#include <stdio.h>
#include <sys/mman.h>

/* Region offset of data block @blk plus @at. */
static uint64_t data(const struct rig *r, uint32_t blk, uint32_t at)
{
	return r->lay->data_off + (uint64_t)blk * r->lay->blk_size + at;
}

/* Stores another byte at @off, looks, and puts it back: for each of two looks one report. */
static void smear(struct rig *r, const char *clause, uint64_t off)
{
	uint8_t old = r->mem[off], bad = old ^ 0x41;

	r->mem[off] = bad;
	ringsim_sweep(r->dev);
	rig_expect_bytes(r, clause, off, &old, &bad, 1);
	ringsim_sweep(r->dev);
	rig_clean(r);
	r->mem[off] = old;
	ringsim_sweep(r->dev);
	rig_forget(r);
}

static void guards(uint64_t poison)
{
	struct ringsim_config cfg = RIG_CONFIG;
	static uint8_t buf[16384];
	struct iovec sg = { buf, sizeof(buf) };
	struct ringsim_cmd cmd;
	struct rig r;

	cfg.geo.pages_per_blk = 2;
	cfg.poison_seed = poison;
	rig_up(&r, &cfg);
	rig_read(&r, &cmd, &sg, 1);
	smear(&r, "HND-018", data(&r, 0, 1)); /* the only block there is */
	rig_answer_all(&r);
	rig_read(&r, &cmd, &sg, 8192 + 1001);
	CU_ASSERT(ringsim_page_present(r.dev, 2));
	CU_ASSERT_FALSE(ringsim_page_present(r.dev, 3));
	memset(r.mem + data(&r, 0, 0), 0x11, 8192 + 1001);
	ringsim_sweep(r.dev);
	rig_clean(&r); /* all of that was the handler's */
	smear(&r, "HND-018", data(&r, 1, 1001));
	smear(&r, "HND-018", data(&r, 1, 4095));
	r.mem[data(&r, 1, 2000)] ^= 1;
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_doorbell(r.dev); /* seen at the release as well */
	rig_expect(&r, "HND-018", data(&r, 1, 2000));
	CU_ASSERT_EQUAL(cmd.data_in, 9193);
	CU_ASSERT_EQUAL(buf[9192], 0x11);
	smear(&r, "HND-039", data(&r, 0, 0));
	smear(&r, "HND-039", data(&r, 1, 1000));
	CU_ASSERT_EQUAL(r.mem[data(&r, 0, 0)] == 0x11, !poison);
	r.mem[data(&r, 0, 5)] ^= 1; /* seen when the block is taken again */
	rig_read(&r, &cmd, &sg, 1);
	rig_expect(&r, "HND-039", data(&r, 0, 5));
	r.mem[data(&r, 0, 0)] ^= 1;
	rig_answer_all(&r);
	rig_down(&r);
}

static void test_guards(void)
{
	guards(0);
	guards(0x1234);
}

/* Both directions of a BIDI command are guarded, and its Data-In is judged. */
static void test_bidi(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	static uint8_t out[100], in[100];
	struct iovec sg = { out, 100 }, bidi = { in, 100 };
	struct ringsim_cmd cmd;
	struct rig r;

	cfg.poison_seed = 99;
	rig_up(&r, &cfg);
	rig_cmd(&cmd, (const uint8_t[10]){ 0x53 }, RINGSIM_BIDI, &sg, 100);
	cmd.bidi_sg = &bidi;
	cmd.bidi_cnt = 1;
	ringsim_submit(r.dev, &cmd);
	smear(&r, "HND-018", data(&r, 0, 100));
	smear(&r, "HND-018", data(&r, 1, 100));
	memset(r.mem + data(&r, 1, 0), 7, 100);
	r.mem[data(&r, 1, 200)] ^= 1; /* not looked at before the release */
	rig_answer_all(&r);
	rig_expect(&r, "HND-018", data(&r, 1, 200));
	CU_ASSERT_EQUAL(in[99], 7);
	bidi.iov_len = 50; /* less than was sent out */
	ringsim_submit(r.dev, &cmd);
	memset(r.mem + data(&r, 1, 0), 8, 40);
	rig_answer_all(&r);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.seen[0].what, "byte 40"));
	rig_expect(&r, "HND-035", data(&r, 1, 40));
	rig_down(&r);
}

/* Data-In that the handler left as it was; the poison depends on place and seed. */
static void test_unwritten(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	static uint8_t buf[8192];
	struct iovec sg = { buf, sizeof(buf) };
	struct ringsim_cmd cmd;
	struct rig r;

	cfg.poison_seed = 5;
	rig_up(&r, &cfg);
	rig_read(&r, &cmd, &sg, 8192);
	memset(r.mem + data(&r, 0, 0), 0, 4104);
	rig_answer_all(&r);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.seen[0].what, "byte 4104"));
	CU_ASSERT_EQUAL(r.seen[0].len, 8);
	CU_ASSERT_EQUAL(memcmp(r.seen[0].found, buf + 4104, 8), 0);
	CU_ASSERT_EQUAL(r.seen[0].id, 1);
	rig_expect(&r, "HND-035", data(&r, 1, 8));
	rig_read(&r, &cmd, &sg, 8192); /* READ_LEN says where to stop */
	memset(r.mem + data(&r, 0, 0), 0, 36);
	rig_answer(&r, 0, 0, TCMU_UFLAG_READ_LEN, 36);
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(cmd.residual, 8192 - 36);
	rig_read(&r, &cmd, &sg, 8192); /* an error says nothing of its data */
	rig_answer(&r, 0, 8, 0, 0);
	ringsim_doorbell(r.dev);
	rig_cmd(&cmd, (const uint8_t[10]){ 0x2a }, RINGSIM_TO_DEVICE, &sg, 8192);
	ringsim_submit(r.dev, &cmd);
	rig_answer_all(&r);
	rig_down(&r);
}

/* Data-In that changes between the tail and the kernel's look. */
static void test_data_after_tail(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd cmd;
	struct rig r;

	rig_up(&r, &cfg);
	rig_read(&r, &cmd, NULL, 4099);
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_observe(r.dev);
	r.mem[data(&r, 1, 2)] = 1; /* the very last byte */
	ringsim_doorbell(r.dev);
	rig_expect_id(&r, "HND-038", 128, 1, 0);
	rig_down(&r);
}

/* Pages that the kernel did not give out: found, and holes again. */
static void test_stray(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	volatile uint8_t *peek;
	struct ringsim_cmd cmd;
	uint32_t i;
	struct rig r;

	rig_up(&r, &cfg);
	rig_read(&r, &cmd, NULL, 100);
	r.mem[data(&r, 3, 77)] = 1;
	ringsim_doorbell(r.dev);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.seen[0].what, "data page 3"));
	rig_expect(&r, "HND-018", data(&r, 3, 0));
	CU_ASSERT_EQUAL(r.mem[data(&r, 3, 77)], 0); /* and that was a touch, too */
	ringsim_sweep(r.dev);
	rig_expect(&r, "HND-018", data(&r, 3, 0));
	/* from another mapping, only read, two of them, one given out before anybody looks */
	peek = mmap(NULL, r.lay->region_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		    ringsim_region_fd(r.dev), 0);
	CU_ASSERT_PTR_NOT_EQUAL_FATAL(peek, MAP_FAILED);
	CU_ASSERT_EQUAL(peek[data(&r, 1, 0)], 0);
	CU_ASSERT_EQUAL(peek[data(&r, 200, 9)], 0);
	rig_read(&r, &cmd, NULL, 100);
	CU_ASSERT_EQUAL(r.n_seen, 2);
	CU_ASSERT_STRING_EQUAL(r.seen[1].clause, "HND-018");
	CU_ASSERT_EQUAL(r.seen[0].off, data(&r, 1, 0));
	CU_ASSERT_EQUAL(r.seen[1].off, data(&r, 200, 0));
	rig_forget(&r);
	for (i = 0; i < 40; i++) /* more than one look reports */
		CU_ASSERT_EQUAL(peek[data(&r, 100 + 2 * i, 0)], 0);
	ringsim_sweep(r.dev);
	CU_ASSERT_EQUAL(r.n_seen, 16);
	ringsim_sweep(r.dev);
	CU_ASSERT_EQUAL(r.n_seen, 32);
	ringsim_sweep(r.dev);
	ringsim_sweep(r.dev);
	CU_ASSERT_EQUAL(r.n_seen, 40);
	rig_forget(&r);
	rig_answer_all(&r);
	CU_ASSERT_EQUAL(munmap((void *)peek, r.lay->region_size), 0);
	rig_down(&r);
}

/* A file that counts its blocks in its own way must not be taken for a handler's mistake. */
static void test_stray_count(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd cmd;
	struct rig r;

	rig_up(&r, &cfg);
	rig_read(&r, &cmd, NULL, 100);
	/* a ring page that went and came back in the wrong order of things */
	r.dev->page_present[0] |= 1ull << 60;
	r.mem[data(&r, 60, 0)] = 1;
	ringsim_sweep(r.dev);
	rig_clean(&r);
	r.mem[data(&r, 61, 0)] = 1;
	ringsim_sweep(r.dev);
	rig_expect(&r, "HND-018", data(&r, 61, 0));
	r.dev->page_present[0] &= ~(1ull << 60);
	data_punch(r.dev, 60, 61);
	rig_answer_all(&r);
	rig_down(&r);
}

/* Each invariant of the simulator, broken by hand. */
static void test_invariants(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd cmd[2];
	struct rig r;

	rig_up(&r, &cfg);
	rig_read(&r, &cmd[0], NULL, 1);
	rig_nodata(&r, &cmd[1]);
	r.dev->blks_used++;
	ringsim_sweep(r.dev);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.seen[0].what, "expected 2, found 1"));
	rig_expect(&r, "KRN-001", UINT64_MAX);
	r.dev->blks_used--;
	bitset_add(&r.dev->ids_free, 2);
	ringsim_sweep(r.dev);
	rig_expect(&r, "KRN-001", UINT64_MAX);
	bitset_del(&r.dev->ids_free, 2);
	r.dev->kept++;
	ringsim_sweep(r.dev);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.seen[0].what, "expected 3, found 2"));
	rig_expect(&r, "KRN-001", UINT64_MAX);
	r.dev->kept--;
	r.dev->slots[1].blks++; /* a chain shorter than it should be */
	ringsim_sweep(r.dev);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.seen[0].what, "blocks in a chain"));
	rig_expect(&r, "KRN-001", UINT64_MAX);
	r.dev->slots[1].blks--;
	r.dev->slots[2].first_blk = r.dev->slots[1].first_blk; /* two owners */
	r.dev->slots[2].blks = 1;
	ringsim_sweep(r.dev);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.seen[0].what, "owned twice"));
	rig_expect(&r, "KRN-001", UINT64_MAX);
	r.dev->slots[2].first_blk = UINT32_MAX;
	r.dev->slots[2].blks = 0;
	bitset_del(&r.dev->blks_free, 9); /* no owner */
	r.dev->blks_used++;
	ringsim_sweep(r.dev);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.seen[0].what, "no command owns"));
	rig_expect(&r, "KRN-001", UINT64_MAX);
	bitset_add(&r.dev->blks_free, 9);
	r.dev->blks_used--;
	r.dev->slots[0].next = 2; /* the first one fell out of the list */
	ringsim_sweep(r.dev);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.seen[0].what, "FIFO"));
	rig_expect(&r, "KRN-001", UINT64_MAX);
	r.dev->slots[0].next = 1;
	ringsim_advance(r.dev, 30 * SEC); /* both expired */
	bitset_add(&r.dev->ids_free, 2);
	ringsim_sweep(r.dev);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.seen[0].what, "expected 0, found 2"));
	rig_expect(&r, "KRN-001", UINT64_MAX);
	bitset_del(&r.dev->ids_free, 2);
	r.dev->rec_count--;
	ringsim_sweep(r.dev);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.seen[0].what, "expected 248, found 128"));
	rig_forget(&r);
	r.dev->rec_count++;
	/* A head that the handler moved is reported as that alone. */
	rig_put32(&r, RINGSIM_OFF_HEAD, 1000);
	ringsim_observe(r.dev);
	rig_expect(&r, "HND-023", RINGSIM_OFF_HEAD);
	rig_nodata(&r, &cmd[1]);
	CU_ASSERT_EQUAL(rig_head(&r), 1120);
	ringsim_sweep(r.dev);
	rig_clean(&r);
	ringsim_reset(r.dev, 1);
	rig_down(&r);
}

static void test_text(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_tmr tmr = { .type = 5 };
	struct ringsim_cmd cmd[12], big;
	struct ringsim_violation v = { .clause = "HND-000", .what = "w", .off = UINT64_MAX };
	char buf[6000], small[10];
	struct rig r;
	uint32_t i;

	cfg.tmr_notification = true;
	rig_up(&r, &cfg);
	CU_ASSERT(ringsim_dump(r.dev, buf, sizeof(buf)) < sizeof(buf));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf, "ring:    empty"));
	for (i = 0; i < 12; i++)
		rig_read(&r, &cmd[i], NULL, 1);
	ringsim_tmr(r.dev, &tmr, NULL, 0);
	for (i = 0; i < 6; i++)
		rig_answer(&r, (uint16_t)(11 - 2 * i), 0, 0, 0);
	ringsim_dump(r.dev, buf, sizeof(buf));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf, "version=2 flags=0xf cmdr_off=128 cmdr_size=1048448"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf, "   ... 4 entries before\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf, "\n=> CMD off=768 len=128 len_op=0x00000081 cmd_id=7"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf, "iov[0]={0x106000,1} cdb=28000000000000000000\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf, "   ... 3 entries more\n"));
	ringsim_doorbell(r.dev);
	rig_read(&r, &big, NULL, 20 * 4096); /* over the six holes and more */
	rig_set_tail(&r, rig_get32(&r, RINGSIM_OFF_TAIL));
	for (i = 0; i < 6; i++)
		rig_answer(&r, (uint16_t)(2 + 2 * i), 0, 0, 0);
	rig_set_tail(&r, rig_after(&r, rig_tail(&r)));
	ringsim_block(r.dev, true);
	CU_ASSERT(ringsim_dump(r.dev, buf, sizeof(buf)) > 100);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf, " BLOCKED"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf, "iov[3]={"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf, " ... cdb="));
	rig_entry(&r, rig_tail(&r))->req.cdb_off = UINT64_MAX - 3; /* hostile, not followed */
	CU_ASSERT(ringsim_dump(r.dev, buf, sizeof(buf)) > 100);
	CU_ASSERT_PTR_NULL(strstr(buf, "cdb="));
	CU_ASSERT(ringsim_dump(r.dev, small, sizeof(small)) > 100);
	CU_ASSERT_EQUAL(strlen(small), 9);
	CU_ASSERT(ringsim_dump(r.dev, NULL, 0) > 100);
	rig_answer(&r, 0, 0, 0, 0);
	rig_put32(&r, RINGSIM_OFF_TAIL, 4);
	ringsim_doorbell(r.dev);
	ringsim_dump(r.dev, buf, sizeof(buf));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf, " BROKEN"));
	CU_ASSERT_PTR_NOT_NULL(strstr(r.seen[0].text, "  expected "));
	CU_ASSERT_PTR_NOT_NULL(strstr(r.seen[0].text, "mailbox: version=2"));
	CU_ASSERT_PTR_NOT_NULL(strstr(r.seen[0].text, "  found    04000000\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(r.seen[0].text, "region offset 64 (0x40)"));
	rig_forget(&r);
	CU_ASSERT_EQUAL(ringsim_violation_text(&v, buf, sizeof(buf)), 11);
	CU_ASSERT_STRING_EQUAL(buf, "HND-000: w\n");
	CU_ASSERT_EQUAL(ringsim_violation_text(&v, NULL, 0), 11);
	v.cmd_id = 3;
	v.len = 1;
	ringsim_violation_text(&v, buf, sizeof(buf));
	CU_ASSERT_STRING_EQUAL(buf, "HND-000: w\n  cmd_id   3\n  found    00\n");
	ringsim_report(r.dev, "HND-003", 9, "mapped %d bytes", 17);
	CU_ASSERT_STRING_EQUAL(r.seen[0].what, "mapped 17 bytes");
	CU_ASSERT_EQUAL(r.seen[0].id, 9);
	rig_expect(&r, "HND-003", UINT64_MAX);
	CU_ASSERT_EQUAL(ringsim_violations(r.dev), 2);
	ringsim_reset(r.dev, 1);
	rig_down(&r);
}

/* The tail moves on while the walk runs: the kernel goes on to the new one (TRP-52). */
static void more_at_completion(void *ctx, struct ringsim_cmd *cmd)
{
	struct rig *r = ctx;

	r->n_done++;
	if (cmd->id == 1 && cmd->outcome == RINGSIM_ANSWERED)
		rig_answer(r, 0, 0x77, 0, 0);
	else if (cmd->id == 3)
		rig_set_tail(r, 200);
}

static void count_violation(void *ctx, const struct ringsim_violation *v)
{
	CU_ASSERT_STRING_EQUAL(v->clause, ((struct rig *)ctx)->n_seen++ ? "HND-011" : "HND-032");
}

static void test_moving_tail(void)
{
	static const struct ringsim_ops ops = { .complete = more_at_completion,
						.violation = count_violation };
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd cmd[4];
	struct rig r;

	rig_up(&r, &cfg);
	r.dev->ops = &ops;
	rig_nodata(&r, &cmd[0]);
	rig_nodata(&r, &cmd[1]);
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(r.n_done, 2);
	CU_ASSERT_EQUAL(rig_stats(&r).reclaim, 240);
	rig_nodata(&r, &cmd[0]);
	rig_nodata(&r, &cmd[1]);
	rig_nodata(&r, &cmd[2]);
	rig_entry(&r, 240)->hdr.cmd_id = 3; /* whose end sets an illegal tail */
	rig_set_tail(&r, 480);
	CU_ASSERT_EQUAL(r.n_seen, 1); /* that status, judged although the tail came late */
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(r.n_done, 3);
	CU_ASSERT_EQUAL(r.n_seen, 2);
	CU_ASSERT(rig_stats(&r).broken);
	CU_ASSERT_EQUAL(rig_stats(&r).reclaim, 360);
	rig_forget(&r);
	ringsim_reset(r.dev, 1);
	rig_down(&r);
}

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "guards around data", test_guards },
		{ "guards of both directions", test_bidi },
		{ "Data-In that was not written", test_unwritten },
		{ "Data-In after the tail", test_data_after_tail },
		{ "pages that do not exist", test_stray },
		{ "blocks counted in another way", test_stray_count },
		{ "the simulator's invariants", test_invariants },
		{ "dump and report", test_text },
		{ "a tail that moves during the walk", test_moving_tail },
		CU_TEST_INFO_NULL,
	};

	return rig_run("shadow", tests);
}
