/* SPDX-License-Identifier: MIT */
/*
 * A device's life, admission, entries and the completion walk. The conformance cases ask for each
 * rule of the contract; here it is that the library's parts do what their comments say.
 */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void refused(const struct ringsim_config *cfg, const char *line)
{
	struct ringsim_device *dev = (void *)1;
	char err[128] = "";

	CU_ASSERT_EQUAL(ringsim_device_create(&dev, cfg, NULL, NULL, err, sizeof(err)), -EINVAL);
	CU_ASSERT_PTR_NULL(dev);
	CU_ASSERT_STRING_EQUAL(err, line);
	CU_ASSERT_EQUAL(ringsim_device_create(&dev, cfg, NULL, NULL, NULL, 0), -EINVAL);
}

static void test_refused(void)
{
	struct ringsim_config cfg = RIG_CONFIG;

	cfg.geo.cmdr_size = 4;
	refused(&cfg, "geometry: cmdr_size: expected a multiple of 8, 512 to 8388608, found 4");
	cfg = RIG_CONFIG;
	cfg.start = 12;
	refused(&cfg, "start: expected a multiple of 8 below 1048448, found 12");
	cfg.start = 1048448;
	refused(&cfg, "start: expected a multiple of 8 below 1048448, found 1048448");
	cfg = RIG_CONFIG;
	cfg.qfull_time_out_s = -2;
	refused(&cfg, "qfull_time_out: expected -1 or more, found -2");
	ringsim_device_destroy(NULL);
}

/* A device without ops does everything but tell. */
static void test_no_ops(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_tmr tmr = { .type = TCMU_TMR_LUN_RESET };
	struct ringsim_device *dev;
	struct ringsim_stats st;
	struct ringsim_cmd cmd;
	static const uint8_t cdb[8];

	CU_ASSERT_EQUAL_FATAL(ringsim_device_create(&dev, &cfg, NULL, NULL, NULL, 0), 0);
	rig_cmd(&cmd, cdb, RINGSIM_NONE, NULL, 0);
	ringsim_submit(dev, &cmd);
	ringsim_tmr(dev, &tmr, NULL, 0);
	((uint8_t *)ringsim_region(dev))[RINGSIM_OFF_TAIL] = 8;
	ringsim_doorbell(dev);
	CU_ASSERT_EQUAL(ringsim_violations(dev), 1);
	CU_ASSERT_EQUAL(ringsim_reset(dev, 1), 0);
	CU_ASSERT_EQUAL(cmd.outcome, RINGSIM_RESET);
	ringsim_stats(dev, &st);
	CU_ASSERT_EQUAL(st.completed, 1);
	ringsim_device_destroy(dev);
}

static void test_mailbox(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct tcmu_mailbox *mb;
	struct ringsim_stats st;
	struct rig r;
	uint8_t byte;

	cfg.start = 1000;
	cfg.first_event = 17;
	rig_up(&r, &cfg);
	mb = (void *)r.mem;
	CU_ASSERT_EQUAL(mb->version, 2);
	CU_ASSERT_EQUAL(mb->flags, 15);
	CU_ASSERT_EQUAL(mb->cmdr_off, 128);
	CU_ASSERT_EQUAL(mb->cmdr_size, 1048448);
	CU_ASSERT_EQUAL(mb->cmd_head, 1000);
	CU_ASSERT_EQUAL(mb->cmd_tail, 1000);
	st = rig_stats(&r);
	CU_ASSERT_EQUAL(st.reclaim, 1000);
	CU_ASSERT_EQUAL(st.events, 17);
	CU_ASSERT(st.open);
	/* the memfd is the region, and nobody can make it shorter or longer */
	CU_ASSERT_EQUAL(pread(ringsim_region_fd(r.dev), &byte, 1, 0), 1);
	CU_ASSERT_EQUAL(byte, 2);
	CU_ASSERT_EQUAL(ftruncate(ringsim_region_fd(r.dev), 4096), -1);
	CU_ASSERT_EQUAL(ftruncate(ringsim_region_fd(r.dev), 1 << 30), -1);
	CU_ASSERT(fcntl(ringsim_region_fd(r.dev), F_GETFD) & FD_CLOEXEC);
	rig_down(&r);

	cfg.version = 3;
	cfg.set_flags = true;
	cfg.flags = 0x8001;
	rig_up(&r, &cfg);
	mb = (void *)r.mem;
	CU_ASSERT_EQUAL(mb->version, 3);
	CU_ASSERT_EQUAL(mb->flags, 0x8001);
	rig_down(&r);
}

static void test_descriptor_sense(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd cmd;
	struct rig r;

	cfg.desc_sense = true;
	rig_up(&r, &cfg);
	rig_read(&r, &cmd, NULL, 2 << 20);
	CU_ASSERT_EQUAL(memcmp(cmd.sense, "\x72\x05\x24\x00\0\0\0\0", 8), 0);
	rig_down(&r);
}

static void test_admission(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd cmd[4];
	struct rig r;

	cfg.geo.data_blocks = 4;
	rig_up(&r, &cfg);
	cmd[0] = (struct ringsim_cmd){ .cdb = (const uint8_t[8]){ 0 }, .cdb_room = 6 };
	cmd[0].aborted = true;
	ringsim_submit(r.dev, &cmd[0]);
	CU_ASSERT_EQUAL(cmd[0].outcome, RINGSIM_REFUSED);
	CU_ASSERT_EQUAL(cmd[0].status, 2);
	CU_ASSERT_EQUAL(cmd[0].sense[2], 0x0b);
	CU_ASSERT_EQUAL(cmd[0].sense[12], 0x29);
	CU_ASSERT_EQUAL(cmd[0].sense[13], 0x03);
	rig_read(&r, &cmd[0], NULL, 5 * 4096); /* larger than the data area */
	CU_ASSERT_EQUAL(cmd[0].outcome, RINGSIM_REFUSED);
	CU_ASSERT_EQUAL(cmd[0].sense[2], 0x05);
	CU_ASSERT_EQUAL(cmd[0].sense[12], 0x24);
	rig_read(&r, &cmd[0], NULL, 4 * 4096);
	CU_ASSERT_EQUAL(cmd[0].id, 1);
	CU_ASSERT_EQUAL(cmd[0].outcome, RINGSIM_PENDING);
	rig_read(&r, &cmd[1], NULL, 1); /* no block left: waits, and so does what follows */
	rig_nodata(&r, &cmd[2]);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 2);
	CU_ASSERT_EQUAL(rig_stats(&r).inflight, 1);
	CU_ASSERT(ringsim_block_used(r.dev, 3));
	CU_ASSERT_FALSE(ringsim_block_used(r.dev, 4));
	ringsim_block(r.dev, true);
	CU_ASSERT_EQUAL(r.n_done, 4);
	CU_ASSERT_EQUAL(cmd[1].status, 0x08);
	CU_ASSERT_EQUAL(cmd[2].status, 0x08);
	rig_nodata(&r, &cmd[3]);
	CU_ASSERT_EQUAL(cmd[3].status, 0x08);
	ringsim_block(r.dev, true);
	ringsim_block(r.dev, false);
	rig_answer(&r, 99, 0, 0, 0); /* an id that nobody has: BROKEN */
	ringsim_doorbell(r.dev);
	rig_expect(&r, "HND-053", 128 + RINGSIM_OFF_ID);
	CU_ASSERT(rig_stats(&r).broken);
	rig_nodata(&r, &cmd[3]);
	CU_ASSERT_EQUAL(cmd[3].status, 0x02);
	CU_ASSERT_EQUAL(cmd[3].sense[2], 0x02);
	CU_ASSERT_EQUAL(cmd[3].sense[12], 0x08);
	CU_ASSERT_EQUAL(ringsim_reset(r.dev, 2), 0);
	CU_ASSERT_EQUAL(cmd[0].outcome, RINGSIM_RESET);
	CU_ASSERT_EQUAL(cmd[0].sense[12], 0x08);
	CU_ASSERT_EQUAL(ringsim_reset(r.dev, 0), -EINVAL);
	CU_ASSERT_EQUAL(ringsim_reset(r.dev, 3), -EINVAL);
	rig_down(&r);
}

/* An entry that is longer than half the ring; all ids taken. */
static void test_limits(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd *cmd = calloc(RINGSIM_ID_MAX + 2, sizeof(*cmd));
	struct ringsim_cmd big, other;
	struct rig r;
	uint32_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(cmd);
	cfg.geo.cmdr_size = 512;
	cfg.geo.data_blocks = 64;
	rig_up(&r, &cfg);
	for (i = 0; i < 3; i++)
		rig_read(&r, &cmd[i], NULL, 1);
	rig_answer(&r, 2, 0, 0, 0); /* leaves a hole: blocks 0 and 2 are busy */
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(rig_stats(&r).blocks_used, 2);
	CU_ASSERT_EQUAL(ringsim_id_used(r.dev, 2), false);
	CU_ASSERT_EQUAL(ringsim_id_used(r.dev, 3), true);
	CU_ASSERT_EQUAL(ringsim_id_used(r.dev, 0), false);
	CU_ASSERT_EQUAL(ringsim_id_used(r.dev, RINGSIM_ID_MAX + 1), false);
	rig_answer_all(&r);
	rig_expect(&r, "HND-053", 128 + 128 + RINGSIM_OFF_ID); /* id 2 was answered already */
	ringsim_reset(r.dev, 1);
	rig_down(&r);

	cfg = RIG_CONFIG;
	cfg.geo.ring_mb = 8;
	rig_up(&r, &cfg);
	for (i = 0; i < RINGSIM_ID_MAX; i++)
		rig_nodata(&r, &cmd[i]);
	CU_ASSERT_EQUAL(cmd[RINGSIM_ID_MAX - 1].id, RINGSIM_ID_MAX);
	rig_read(&r, &big, NULL, 4096);
	CU_ASSERT_EQUAL(big.outcome, RINGSIM_REFUSED);
	CU_ASSERT_EQUAL(big.status, 0x28);
	CU_ASSERT_FALSE(big.sense_valid);
	CU_ASSERT_EQUAL(rig_stats(&r).blocks_used, 0);
	CU_ASSERT_EQUAL(ringsim_put_decoy(r.dev, 1), 0); /* no id is left for it */
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_doorbell(r.dev);
	rig_nodata(&r, &other);
	CU_ASSERT_EQUAL(other.id, 1);
	rig_answer_all(&r);
	CU_ASSERT_EQUAL(rig_stats(&r).inflight, 0);
	rig_down(&r);
	free(cmd);
}

/* Fragments as many as blocks: every second one busy, then a read over the free ones. */
static void test_half_ring(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd keep[24], big;
	struct rig r;
	uint32_t i;

	cfg.geo.cmdr_size = 8 * 997;
	cfg.geo.data_blocks = 512;
	rig_up(&r, &cfg);
	for (i = 0; i < 24; i++) {
		rig_read(&r, &keep[i], NULL, 1);
		rig_answer(&r, 0, 0, i % 2 ? TCMU_UFLAG_KEEP_BUF : 0, 0);
		if (i % 2)
			ringsim_doorbell(r.dev);
	}
	/* block 0 was reused each time, so the kept ones are 1, 2, 3 ...: make holes among them */
	for (i = 0; i < 24; i += 4)
		ringsim_free_kept(r.dev, keep[i + 1].id);
	CU_ASSERT(rig_stats(&r).kept > 0);
	rig_read(&r, &big, NULL, 400 * 4096);
	CU_ASSERT_EQUAL(big.outcome, RINGSIM_PENDING);
	CU_ASSERT(rig_entry(&r, rig_tail(&r))->req.iov_cnt > 1);
	rig_answer_all(&r);
	rig_down(&r);
}

static void test_too_many_iovs(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd one[12], big;
	struct rig r;
	uint32_t i;

	cfg.geo.cmdr_size = 2048;
	cfg.geo.data_blocks = 256;
	rig_up(&r, &cfg);
	for (i = 0; i < 12; i++)
		rig_read(&r, &one[i], NULL, 1);
	for (i = 0; i < 12; i++) /* keep every second block */
		rig_answer(&r, 0, 0, i % 2 ? TCMU_UFLAG_KEEP_BUF : 0, 0);
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(rig_stats(&r).kept, 6);
	rig_read(&r, &big, NULL, 250 * 4096);
	CU_ASSERT_EQUAL(big.outcome, RINGSIM_PENDING);
	CU_ASSERT_EQUAL(rig_entry(&r, rig_tail(&r))->req.iov_cnt, 7);
	rig_answer_all(&r);

	/* 61 fragments and more do not fit into 1024 bytes */
	ringsim_release(r.dev);
	CU_ASSERT_EQUAL(ringsim_open(r.dev), 0);
	CU_ASSERT_EQUAL(rig_stats(&r).kept, 0);
	for (i = 0; i < 130; i++) {
		rig_read(&r, &big, NULL, i % 2 ? 4096 : 1);
		rig_answer(&r, 0, 0, TCMU_UFLAG_KEEP_BUF, 0);
		ringsim_doorbell(r.dev);
	}
	for (i = 1; i <= 130; i += 2)
		CU_ASSERT_EQUAL(ringsim_free_kept(r.dev, i), 0);
	rig_read(&r, &big, NULL, 63 * 4096);
	CU_ASSERT_EQUAL(big.outcome, RINGSIM_REFUSED);
	CU_ASSERT_EQUAL(big.status, 2);
	CU_ASSERT_EQUAL(big.sense[12], 0x24);
	CU_ASSERT_EQUAL(rig_stats(&r).blocks_used, 65);
	rig_down(&r);
}

/* A PAD, a flush wrap, and a ring that is full to the last word. */
static void test_wrap(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd cmd[16];
	struct ringsim_entry e;
	struct rig r;
	uint32_t i;

	cfg.geo.cmdr_size = 8 * 127; /* 1016 = 8 * 120 + 56 */
	rig_up(&r, &cfg);
	for (i = 0; i < 8; i++)
		rig_nodata(&r, &cmd[i]);
	CU_ASSERT_EQUAL(rig_head(&r), 960);
	rig_nodata(&r, &cmd[8]);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 1);
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_doorbell(r.dev); /* 120 free bytes, but one must stay free */
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 1);
	rig_answer(&r, 0, 0, 0, 0);
	ringsim_doorbell(r.dev);
	CU_ASSERT_EQUAL(rig_stats(&r).queued, 0);
	CU_ASSERT_EQUAL(rig_stats(&r).pads, 1);
	CU_ASSERT_EQUAL(rig_stats(&r).cmds, 9);
	CU_ASSERT_EQUAL(rig_entry(&r, 960)->hdr.len_op, 56);
	CU_ASSERT_EQUAL(rig_head(&r), 120);
	CU_ASSERT(ringsim_entry_at(r.dev, 6, &e));
	CU_ASSERT_EQUAL(e.off, 960);
	CU_ASSERT_EQUAL(e.op, TCMU_OP_PAD);
	CU_ASSERT_EQUAL(e.len, 56);
	CU_ASSERT(ringsim_entry_at(r.dev, 7, &e));
	CU_ASSERT_EQUAL(e.off, 0);
	CU_ASSERT_EQUAL(e.id, cmd[8].id);
	CU_ASSERT_FALSE(ringsim_entry_at(r.dev, 8, &e));
	rig_answer_all(&r);
	CU_ASSERT_EQUAL(rig_stats(&r).reclaim, 120);
	rig_down(&r);

	cfg.geo.cmdr_size = 960;
	cfg.start = 840;
	rig_up(&r, &cfg);
	rig_nodata(&r, &cmd[0]); /* ends flush */
	CU_ASSERT_EQUAL(rig_head(&r), 0);
	CU_ASSERT_EQUAL(rig_stats(&r).pads, 0);
	rig_answer_all(&r);
	rig_down(&r);
}

/* Scatter lists that are shorter than the transfer, empty, or made of odd pieces. */
static void test_copy(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	static uint8_t out[9000], in[9000];
	struct iovec sg[4] = {
		{ out, 1 }, { out + 1, 0 }, { out + 1, 4999 }, { out + 5000, 4000 }
	};
	struct ringsim_cmd cmd;
	struct rig r;
	uint32_t i;

	for (i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + i / 256);
	rig_up(&r, &cfg);
	rig_cmd(&cmd, (const uint8_t[10]){ 0x2a }, RINGSIM_TO_DEVICE, sg, 9000);
	cmd.sg_cnt = 4;
	ringsim_submit(r.dev, &cmd);
	CU_ASSERT_EQUAL(memcmp(r.mem + r.lay->data_off, out, 9000), 0);
	CU_ASSERT_EQUAL(rig_entry(&r, 0)->req.iov[0].iov_len, 9000);
	memset(out, 0xee, sizeof(out)); /* the copy is the handler's (TRP-53) */
	memcpy(in, r.mem + r.lay->data_off, 9000);
	CU_ASSERT_EQUAL(in[1], 7);
	rig_answer_all(&r);

	cmd.sg_cnt = 3; /* 5000 bytes of 9000: the second block is the last described */
	ringsim_submit(r.dev, &cmd);
	CU_ASSERT_EQUAL(rig_entry(&r, 128)->req.iov[0].iov_len, 8192);
	rig_answer_all(&r);
	cmd.sg_cnt = 0;
	ringsim_submit(r.dev, &cmd);
	CU_ASSERT_EQUAL(rig_entry(&r, 256)->req.iov[0].iov_len, 4096);
	rig_answer_all(&r);

	sg[0] = (struct iovec){ in, 3000 };
	rig_cmd(&cmd, (const uint8_t[10]){ 0x28 }, RINGSIM_FROM_DEVICE, sg, 9000);
	ringsim_submit(r.dev, &cmd);
	for (i = 0; i < 9000; i++)
		r.mem[r.lay->data_off + i] = (uint8_t)(i * 3);
	memset(in, 0, sizeof(in));
	rig_answer_all(&r);
	CU_ASSERT_EQUAL(cmd.data_in, 3000);
	CU_ASSERT_EQUAL(in[2999], (uint8_t)(2999 * 3));
	CU_ASSERT_EQUAL(in[3000], 0);
	rig_down(&r);
}

/* Both directions; Data-In is cut at the length of Data-Out. */
static void test_bidi(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	static uint8_t out[5000], in[6000];
	struct iovec sg = { out, sizeof(out) }, bidi = { in, sizeof(in) };
	struct ringsim_cmd cmd;
	struct tcmu_cmd_entry *e;
	struct rig r;

	memset(out, 0x5a, sizeof(out));
	rig_up(&r, &cfg);
	rig_cmd(&cmd, (const uint8_t[10]){ 0x53 }, RINGSIM_BIDI, &sg, sizeof(out));
	cmd.bidi_sg = &bidi;
	cmd.bidi_cnt = 1;
	ringsim_submit(r.dev, &cmd);
	e = rig_entry(&r, 0);
	CU_ASSERT_EQUAL(e->req.iov_cnt, 1);
	CU_ASSERT_EQUAL(e->req.iov_bidi_cnt, 1);
	CU_ASSERT_EQUAL(e->req.iov[0].iov_len, 5000);
	CU_ASSERT_EQUAL(e->req.iov[1].iov_len, 6000);
	CU_ASSERT_EQUAL((uintptr_t)e->req.iov[1].iov_base, r.lay->data_off + 2 * 4096);
	memset(r.mem + r.lay->data_off + 8192, 0xa5, 6000);
	rig_answer_all(&r);
	CU_ASSERT_EQUAL(cmd.data_in, 5000);
	CU_ASSERT_EQUAL(in[4999], 0xa5);
	CU_ASSERT_EQUAL(in[5000], 0);
	CU_ASSERT_EQUAL(rig_stats(&r).blocks_used, 0);
	CU_ASSERT_EQUAL(rig_stats(&r).peak_blocks, 4);

	/* a Data-In list of absurd length is too large, not wrapped */
	bidi.iov_len = (size_t)1 << 40;
	ringsim_submit(r.dev, &cmd);
	CU_ASSERT_EQUAL(cmd.outcome, RINGSIM_REFUSED);
	CU_ASSERT_EQUAL(cmd.sense[12], 0x24);
	rig_down(&r);
}

/* A long CDB, and a caller whose buffer is shorter than the opcode says. */
static void test_cdb(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	static uint8_t cdb[300], zero[300];
	struct ringsim_cmd cmd;
	struct rig r;

	memset(cdb, 0x7f, sizeof(cdb));
	cdb[7] = 255; /* claims 263 bytes */
	rig_up(&r, &cfg);
	rig_cmd(&cmd, cdb, RINGSIM_NONE, NULL, 0);
	ringsim_submit(r.dev, &cmd);
	CU_ASSERT_EQUAL(rig_entry(&r, 0)->hdr.len_op, 376 | 1);
	CU_ASSERT_EQUAL(memcmp(r.mem + 128 + 112, cdb, 260), 0);
	CU_ASSERT_EQUAL(memcmp(r.mem + 128 + 112 + 260, zero, 4), 0);
	rig_answer_all(&r);
	cmd.cdb_room = 20;
	ringsim_submit(r.dev, &cmd);
	CU_ASSERT_EQUAL(memcmp(r.mem + 128 + 376 + 112, cdb, 20), 0);
	CU_ASSERT_EQUAL(memcmp(r.mem + 128 + 376 + 132, zero, 244), 0);
	rig_answer_all(&r);
	rig_down(&r);
}

static void test_events(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd cmd[3];
	struct rig r;

	rig_up(&r, &cfg);
	rig_nodata(&r, &cmd[0]);
	CU_ASSERT_EQUAL(r.n_events, 1);
	ringsim_plug(r.dev);
	CU_ASSERT(rig_stats(&r).plugged);
	rig_nodata(&r, &cmd[1]);
	rig_nodata(&r, &cmd[2]);
	CU_ASSERT_EQUAL(r.n_events, 1);
	ringsim_unplug(r.dev);
	CU_ASSERT_EQUAL(r.n_events, 2);
	ringsim_plug(r.dev);
	ringsim_unplug(r.dev);
	ringsim_spurious_event(r.dev);
	CU_ASSERT_EQUAL(r.n_events, 4);
	CU_ASSERT_EQUAL(rig_stats(&r).events, 4);
	rig_answer_all(&r);
	rig_down(&r);
}

/* What no kernel makes, for negative tests. */
static void test_synthetic(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd cmd[2];
	struct rig r;
	uint32_t i;

	cfg.geo.cmdr_size = 1024;
	rig_up(&r, &cfg);
	CU_ASSERT_EQUAL(ringsim_put_raw(r.dev, TCMU_OP_CMD, 8, 0), -EINVAL);
	CU_ASSERT_EQUAL(ringsim_put_raw(r.dev, TCMU_OP_TMR, 8, 0), -EINVAL);
	CU_ASSERT_EQUAL(ringsim_put_raw(r.dev, 8, 8, 0), -EINVAL);
	CU_ASSERT_EQUAL(ringsim_put_raw(r.dev, 3, 12, 0), -EINVAL);
	CU_ASSERT_EQUAL(ringsim_put_raw(r.dev, 3, 0, 0), -EINVAL);
	CU_ASSERT_EQUAL(ringsim_put_raw(r.dev, 3, 520, 0), -EINVAL);
	CU_ASSERT_EQUAL(ringsim_put_raw(r.dev, 3, 512, 0xab), 0);
	CU_ASSERT_EQUAL(r.mem[128 + 8], 0xab);
	CU_ASSERT_EQUAL(rig_entry(&r, 0)->hdr.len_op, 512 | 3);
	CU_ASSERT_EQUAL(ringsim_put_raw(r.dev, 0, 504, 1), 0);
	CU_ASSERT_EQUAL(ringsim_put_raw(r.dev, 7, 8, 1), -ENOSPC);
	CU_ASSERT_EQUAL(ringsim_put_decoy(r.dev, 1), 0);
	rig_entry(&r, 0)->hdr.uflags = TCMU_UFLAG_UNKNOWN_OP;
	rig_answer_all(&r);
	CU_ASSERT_EQUAL(rig_stats(&r).reclaim, 1016);
	rig_nodata(&r, &cmd[0]); /* PAD of 8 bytes, then at 0 */
	CU_ASSERT_EQUAL(rig_entry(&r, 1016)->hdr.len_op, 8);
	i = rig_head(&r);
	CU_ASSERT_EQUAL(i, 120);
	CU_ASSERT_EQUAL(ringsim_put_decoy(r.dev, 3), 3);
	CU_ASSERT_EQUAL(rig_head(&r), i);
	CU_ASSERT_EQUAL(rig_entry(&r, i)->hdr.len_op, 120 | TCMU_OP_CMD);
	CU_ASSERT_EQUAL(rig_entry(&r, i)->hdr.cmd_id, 65535);
	CU_ASSERT_EQUAL(rig_entry(&r, i)->req.cdb_off, 128 + i + 112);
	CU_ASSERT_EQUAL(rig_entry(&r, i + 240)->hdr.cmd_id, 65533);
	CU_ASSERT_EQUAL(ringsim_put_decoy(r.dev, 100), 7); /* up to the reclaim pointer */
	rig_nodata(&r, &cmd[1]);
	rig_answer_all(&r);
	rig_down(&r);
}

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "configurations that are refused", test_refused },
		{ "nobody listens", test_no_ops },
		{ "mailbox and region", test_mailbox },
		{ "admission", test_admission },
		{ "kernel sense in descriptor format", test_descriptor_sense },
		{ "ids and hostile answers", test_limits },
		{ "fragmented reads", test_half_ring },
		{ "more iovs than half a ring holds", test_too_many_iovs },
		{ "PAD and wrap", test_wrap },
		{ "copying", test_copy },
		{ "both directions", test_bidi },
		{ "CDBs", test_cdb },
		{ "events", test_events },
		{ "synthetic entries", test_synthetic },
		CU_TEST_INFO_NULL,
	};

	return rig_run("device", tests);
}
