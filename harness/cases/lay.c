/* SPDX-License-Identifier: MIT */
/* The layout of mailbox and entries, on what the target produced: LAY-001 to LAY-050. */
#include "krn.h"

#include "cdb.h"

#include <ringsim/abi.h>

#define SIM  (NEEDS_SEAT | NEEDS_SIM)
#define CMD  struct tcmu_cmd_entry
#define TMR  struct tcmu_tmr_entry
#define MBOX struct tcmu_mailbox
#define HDR  struct tcmu_cmd_entry_hdr
#define FIELD(type, field, off, size)                                                          \
	{                                                                                      \
#type "." #field, offsetof(type, field), off, sizeof(((type *)0)->field), size \
	}

/* Integers as they lie in the region, in the byte order of the host. */
static uint64_t word(struct tc *tc, uint64_t off, uint32_t bytes)
{
	uint64_t v = 0;

	memcpy(&v, seat_region(tc->t) + off, bytes);
	return v;
}

static bool all_zero(struct tc *tc, const char *clause, uint64_t off, uint32_t len)
{
	static const uint8_t zero[256];

	return tc_equal(tc, clause, "a hole", zero, seat_region(tc->t) + off, len);
}

static void offsets(struct tc *tc)
{
	static const struct {
		const char *name;
		size_t off, want_off, size, want_size;
	} fields[] = {
		FIELD(MBOX, version, 0, 2),	    FIELD(MBOX, flags, 2, 2),
		FIELD(MBOX, cmdr_off, 4, 4),	    FIELD(MBOX, cmdr_size, 8, 4),
		FIELD(MBOX, cmd_head, 12, 4),	    FIELD(MBOX, cmd_tail, 64, 4),
		FIELD(HDR, len_op, 0, 4),	    FIELD(HDR, cmd_id, 4, 2),
		FIELD(HDR, kflags, 6, 1),	    FIELD(HDR, uflags, 7, 1),
		FIELD(CMD, req.iov_cnt, 8, 4),	    FIELD(CMD, req.iov_bidi_cnt, 12, 4),
		FIELD(CMD, req.iov_dif_cnt, 16, 4), FIELD(CMD, req.cdb_off, 24, 8),
		FIELD(CMD, req.__pad1, 32, 8),	    FIELD(CMD, req.__pad2, 40, 8),
		FIELD(CMD, req.iov, 48, 0),	    FIELD(CMD, rsp.scsi_status, 8, 1),
		FIELD(CMD, rsp.__pad1, 9, 1),	    FIELD(CMD, rsp.__pad2, 10, 2),
		FIELD(CMD, rsp.read_len, 12, 4),    FIELD(CMD, rsp.sense_buffer, 16, 96),
		FIELD(TMR, tmr_type, 8, 1),	    FIELD(TMR, __pad1, 9, 1),
		FIELD(TMR, __pad2, 10, 2),	    FIELD(TMR, cmd_cnt, 12, 4),
		FIELD(TMR, __pad3, 16, 8),	    FIELD(TMR, __pad4, 24, 8),
	};
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		EXPECT_EQ(tc, "LAY-001", fields[i].name, fields[i].want_off, fields[i].off);
		EXPECT_EQ(tc, "LAY-001", fields[i].name, fields[i].want_size, fields[i].size);
	}
	EXPECT_EQ(tc, "LAY-040", "offset of cmd_ids", 32, offsetof(TMR, cmd_ids));
	EXPECT_EQ(tc, "LAY-010", "size of the mailbox", 128, sizeof(MBOX));
	EXPECT_EQ(tc, "LAY-010", "alignment of the mailbox", 64, _Alignof(MBOX));
	EXPECT_EQ(tc, "LAY-020", "size of the header", 8, sizeof(HDR));
	EXPECT_EQ(tc, "LAY-020", "alignment of the header", 1, _Alignof(HDR));
	EXPECT_EQ(tc, "LAY-030", "size of a command entry", 112, sizeof(CMD));
	EXPECT_EQ(tc, "LAY-030", "alignment of a command entry", 1, _Alignof(CMD));
	EXPECT_EQ(tc, "LAY-040", "size of a TMR entry", 32, sizeof(TMR));
	EXPECT_EQ(tc, "LAY-040", "alignment of a TMR entry", 1, _Alignof(TMR));
	EXPECT_EQ(tc, "LAY-030", "size of an iovec", 16, sizeof(struct iovec));
}

static void constants(struct tc *tc)
{
	EXPECT_EQ(tc, "LAY-012", "version", 2, TCMU_MAILBOX_VERSION);
	EXPECT_EQ(tc, "LAY-012", "alignment", 64, ALIGN_SIZE);
	EXPECT_EQ(tc, "LAY-012", "opcode mask", 7, TCMU_OP_MASK);
	EXPECT_EQ(tc, "LAY-012", "entry alignment", 8, TCMU_OP_ALIGN_SIZE);
	EXPECT_EQ(tc, "LAY-012", "sense bytes", 96, TCMU_SENSE_BUFFERSIZE);
	EXPECT(tc, "LAY-012", !strcmp(TCMU_VERSION, "2.0"), "TCMU_VERSION is %s", TCMU_VERSION);
	EXPECT_EQ(tc, "LAY-011", "CAP_OOOC", 1, TCMU_MAILBOX_FLAG_CAP_OOOC);
	EXPECT_EQ(tc, "LAY-011", "CAP_READ_LEN", 2, TCMU_MAILBOX_FLAG_CAP_READ_LEN);
	EXPECT_EQ(tc, "LAY-011", "CAP_TMR", 4, TCMU_MAILBOX_FLAG_CAP_TMR);
	EXPECT_EQ(tc, "LAY-011", "CAP_KEEP_BUF", 8, TCMU_MAILBOX_FLAG_CAP_KEEP_BUF);
	EXPECT_EQ(tc, "LAY-021", "PAD", 0, TCMU_OP_PAD);
	EXPECT_EQ(tc, "LAY-021", "CMD", 1, TCMU_OP_CMD);
	EXPECT_EQ(tc, "LAY-021", "TMR", 2, TCMU_OP_TMR);
	EXPECT_EQ(tc, "LAY-022", "UNKNOWN_OP", 1, TCMU_UFLAG_UNKNOWN_OP);
	EXPECT_EQ(tc, "LAY-022", "READ_LEN", 2, TCMU_UFLAG_READ_LEN);
	EXPECT_EQ(tc, "LAY-022", "KEEP_BUF", 4, TCMU_UFLAG_KEEP_BUF);
	EXPECT_EQ(tc, "LAY-021", "length in a len_op", 0x12345678, tcmu_hdr_get_len(0x1234567f));
	EXPECT_EQ(tc, "LAY-021", "opcode in a len_op", 2, tcmu_hdr_get_op(0x12345672));
}

/* Before traffic, and after: only head and tail have moved. */
static void mailbox_words(struct tc *tc, const struct target_opts *o, uint32_t size, uint32_t start,
			  uint32_t head)
{
	struct target_io io[3];

	if (target_start(tc->t, o))
		return;
	EXPECT_EQ(tc, "LAY-010", "cmd_head", start, word(tc, 12, 4));
	EXPECT_EQ(tc, "LAY-010", "cmd_tail", start, word(tc, 64, 4));
	krn_turs(tc, io, 3);
	EXPECT_EQ(tc, "LAY-010", "cmd_head", head, word(tc, 12, 4));
	EXPECT_EQ(tc, "LAY-010", "cmd_tail", start, word(tc, 64, 4));
	seat_finish(tc->t, 0);
	EXPECT_EQ(tc, "LAY-010", "cmd_tail", head - 240, word(tc, 64, 4));
	EXPECT_EQ(tc, "LAY-010", "version", 2, word(tc, 0, 2));
	EXPECT_EQ(tc, "LAY-011", "flags", 0xf, word(tc, 2, 2));
	EXPECT_EQ(tc, "LAY-010", "cmdr_off", 128, word(tc, 4, 4));
	EXPECT_EQ(tc, "LAY-010", "cmdr_size", size, word(tc, 8, 4));
	if (all_zero(tc, "LAY-010", 16, 48))
		all_zero(tc, "LAY-010", 68, 60);
	seat_finish_all(tc->t, 0);
}

static void mailbox(struct tc *tc)
{
	struct target_opts o = krn_opts();

	mailbox_words(tc, &o, KRN_RING, 0, 360);
}

static void mailbox_odd(struct tc *tc)
{
	struct target_opts o = work_opts(8 * 509, 8);

	o.dev.start = 4000;
	mailbox_words(tc, &o, 8 * 509, 4000, 360);
}

/* The simulator shows other versions and flags when asked to; the layout stays. */
static void other_mailboxes(struct tc *tc)
{
	static const uint16_t flags[] = { 0, 1, 2, 4, 8, 0xf, 0x8000, 0xfff0 };
	static const uint16_t versions[] = { 1, 3, 0xffff };
	struct target_opts o = work_opts(4096, 8);
	uint32_t i;

	for (i = 0; i < 8; i++) {
		o.dev.set_flags = true;
		o.dev.flags = flags[i];
		if (target_start(tc->t, &o))
			return;
		EXPECT_EQ(tc, "LAY-011", "flags", flags[i], word(tc, 2, 2));
		EXPECT_EQ(tc, "LAY-010", "version", 2, word(tc, 0, 2));
	}
	for (i = 0; i < 3; i++) {
		o.dev.version = versions[i];
		if (target_start(tc->t, &o))
			return;
		EXPECT_EQ(tc, "LAY-010", "version", versions[i], word(tc, 0, 2));
	}
}

/* A command of each direction, byte by byte, on poison so that holes are seen to be zeroed. */
static void request(struct tc *tc)
{
	struct target_opts o = krn_opts();
	uint64_t entry = 128, data = KRN_DATA;
	uint8_t buf[9000], in[100];
	struct target_io io[2];

	if (target_start(tc->t, &o))
		return;
	memset(seat_region(tc->t) + entry, 0xee, 400); /* seen as a store beyond the head */
	tc_expect_violation(tc, "HND-023");
	tc_fill(tc, buf, sizeof(buf), 1);
	krn_out(&io[0], buf, sizeof(buf));
	krn_submit(tc, &io[0]);
	EXPECT_EQ(tc, "LAY-020", "len_op", 128 | 1, word(tc, entry, 4));
	EXPECT_EQ(tc, "LAY-020", "cmd_id", 1, word(tc, entry + 4, 2));
	EXPECT_EQ(tc, "LAY-020", "kflags", 0, word(tc, entry + 6, 1));
	EXPECT_EQ(tc, "LAY-020", "uflags", 0, word(tc, entry + 7, 1));
	EXPECT_EQ(tc, "LAY-030", "iov_cnt", 1, word(tc, entry + 8, 4));
	EXPECT_EQ(tc, "LAY-030", "iov_bidi_cnt", 0, word(tc, entry + 12, 4));
	EXPECT_EQ(tc, "LAY-030", "iov_dif_cnt", 0, word(tc, entry + 16, 4));
	EXPECT_EQ(tc, "LAY-030", "hole at 20", 0, word(tc, entry + 20, 4));
	EXPECT_EQ(tc, "LAY-030", "cdb_off", entry + 112, word(tc, entry + 24, 8));
	EXPECT_EQ(tc, "LAY-030", "__pad1", 0, word(tc, entry + 32, 8));
	EXPECT_EQ(tc, "LAY-030", "__pad2", 0, word(tc, entry + 40, 8));
	EXPECT_EQ(tc, "LAY-030", "iov[0].iov_base", data, word(tc, entry + 48, 8));
	EXPECT_EQ(tc, "LAY-030", "iov[0].iov_len", 9000, word(tc, entry + 56, 8));
	if (!all_zero(tc, "LAY-030", entry + 64, 48))
		return;
	EXPECT_MEM(tc, "LAY-030", "CDB", io[0].cdb, seat_region(tc->t) + entry + 112, 10);
	EXPECT_MEM(tc, "LAY-030", "Data-Out", buf, seat_region(tc->t) + data, sizeof(buf));

	if (!krn_sim(tc))
		return; /* no fabric at hand has BIDI */
	krn_bidi(&io[1], buf, 4097, in, 100);
	target_submit(tc->t, &io[1]);
	entry += 128;
	EXPECT_EQ(tc, "LAY-020", "cmd_id", 2, word(tc, entry + 4, 2));
	EXPECT_EQ(tc, "LAY-030", "iov_cnt", 1, word(tc, entry + 8, 4));
	EXPECT_EQ(tc, "LAY-030", "iov_bidi_cnt", 1, word(tc, entry + 12, 4));
	EXPECT_EQ(tc, "LAY-030", "iov[1].iov_base", data + 5 * 4096, word(tc, entry + 64, 8));
	EXPECT_EQ(tc, "LAY-030", "iov[1].iov_len", 100, word(tc, entry + 72, 8));
}

/* Nothing in mailbox or entry is big-endian or depends on anything but this host's words. */
static void host_order(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct target_io *io = tc_alloc(tc, 258 * sizeof(*io));
	uint32_t size = KRN_RING, i;
	uint16_t id = 258, two = 2;
	uint64_t base = KRN_DATA;
	uint8_t *entry;

	EXPECT_EQ(tc, "LAY-002", "word size", 8, sizeof(void *));
	if (target_start(tc->t, &o))
		return;
	EXPECT_MEM(tc, "LAY-002", "version", &two, seat_region(tc->t), 2);
	EXPECT_MEM(tc, "LAY-002", "cmdr_size", &size, seat_region(tc->t) + 8, 4);
	for (i = 0; i < 257 && !tc->failed; i++) { /* ids that stay taken */
		krn_turs(tc, &io[i], 1);
		krn_keep(tc);
	}
	krn_in(&io[257], NULL, 4096);
	krn_submit(tc, &io[257]);
	entry = seat_region(tc->t) + 128 + 257 * 120;
	EXPECT_MEM(tc, "LAY-002", "cmd_id", &id, entry + 4, 2);
	EXPECT_MEM(tc, "LAY-002", "iov_base", &base, entry + 48, 8);
	seat_finish_all(tc->t, 8);
}

/* Each response byte reaches the initiator from where the contract has it. */
static void response(struct tc *tc)
{
	struct target_opts o = krn_opts();
	uint8_t *entry, sense[96], buf[2000];
	struct target_io io;
	uint32_t read_len = 777;

	if (target_start(tc->t, &o))
		return;
	tc_expect_violation(tc, "HND-033"); /* sense of arbitrary bytes */
	tc_fill(tc, sense, sizeof(sense), 3);
	krn_in(&io, buf, sizeof(buf));
	krn_submit(tc, &io);
	entry = seat_region(tc->t) + 128;
	entry[8] = 2;
	entry[9] = entry[10] = entry[11] = 0xaa; /* pads mean nothing */
	memcpy(entry + 12, &read_len, 4);
	memcpy(entry + 16, sense, 96);
	entry[7] = TCMU_UFLAG_READ_LEN;
	seat_set_tail(tc->t, 128);
	seat_ring(tc->t);
	EXPECT(tc, "LAY-031", krn_ended(tc, &io), "no end");
	EXPECT_EQ(tc, "LAY-031", "status", 2, io.status);
	EXPECT_MEM(tc, "LAY-031", "sense", sense, io.sense, 96);
	EXPECT_EQ(tc, "LAY-031", "residual", 2000 - 777, io.residual);
	if (krn_sim(tc))
		EXPECT_EQ(tc, "LAY-031", "bytes by read_len", 777, io.data_in);
}

/* What an initiator is told if the handler stores nothing but the tail. */
static void unwritten(struct tc *tc, uint32_t iovs, uint8_t status)
{
	uint32_t list[10] = { 0 }, i;
	struct target_opts o = krn_opts();
	uint8_t entry[112], *buf = tc_alloc(tc, 16 * 4096);
	struct target_io io;

	if (target_start(tc->t, &o))
		return;
	tc_expect_violation(tc, "HND-031");
	tc_expect_violation(tc, "HND-035"); /* the data was not written either */
	for (i = 0; i < iovs; i++)
		list[i] = 2 * i + 1;
	list[iovs ? iovs - 1 : 0] = UINT32_MAX; /* @iovs runs of one free block each */
	if (!krn_busy_blocks(tc, list))
		return;
	krn_in(&io, buf, iovs * 4096);
	if (!iovs)
		work_tur(&io);
	krn_submit(tc, &io);
	memcpy(entry, seat_region(tc->t) + 128 + seat_tail(tc->t), sizeof(entry));
	EXPECT_EQ(tc, "LAY-032", "iov_cnt", iovs, word(tc, 128 + seat_tail(tc->t) + 8, 4));
	seat_set_tail(tc->t, seat_head(tc->t));
	seat_ring(tc->t);
	EXPECT(tc, "LAY-032", krn_ended(tc, &io), "no end");
	EXPECT_EQ(tc, "LAY-032", "status", status, io.status);
	EXPECT_EQ(tc, "LAY-032", "sense", status == 2, io.sense_valid);
	if (status == 2)
		EXPECT_MEM(tc, "LAY-032", "request bytes as sense", entry + 16, io.sense, 96);
}

static void not_neutral(struct tc *tc)
{
	unwritten(tc, 0, 0x00);
	if (krn_sim(tc)) /* no initiator knows a status of 1 */
		unwritten(tc, 1, 0x01);
	unwritten(tc, 2, 0x02);
	unwritten(tc, 8, 0x08);
}

/* read_len lies on iov_bidi_cnt, which is 0: a READ_LEN without it counts for nothing. */
static void read_len_unwritten(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct target_io io;
	uint8_t buf[600];

	if (target_start(tc->t, &o))
		return;
	tc_expect_violation(tc, "HND-035");
	krn_in(&io, buf, sizeof(buf));
	krn_submit(tc, &io);
	memset(buf, 0, sizeof(buf));
	memset(seat_region(tc->t) + KRN_DATA, 0x5c, sizeof(buf));
	seat_region(tc->t)[128 + 8] = 0;
	seat_region(tc->t)[128 + 7] = TCMU_UFLAG_READ_LEN;
	seat_set_tail(tc->t, 128);
	seat_ring(tc->t);
	EXPECT(tc, "LAY-032", krn_ended(tc, &io), "no end");
	EXPECT_EQ(tc, "LAY-032", "residual", 0, io.residual);
	EXPECT_EQ(tc, "LAY-032", "last byte", 0x5c, buf[599]);
	if (krn_sim(tc))
		EXPECT_EQ(tc, "LAY-032", "bytes", 600, io.data_in);
}

/* TMR entries with 0 to 9 ids and of each type, byte by byte. */
static void tmr_entries(struct tc *tc)
{
	static const uint32_t lens[] = { 32, 40, 40, 40, 40, 48, 48, 48, 48, 56 };
	static const uint8_t types[] = { 0, 1, 2, 3, 4, 5, 6, 7, 128, 5 };
	struct target_opts o = work_opts(8192, 8);
	struct target_io *io = tc_alloc(tc, 16 * sizeof(*io)), *list[10];
	uint8_t want[56];
	uint32_t n, i, at;

	o.dev.tmr_notification = true;
	for (n = 0; n < 10; n++) {
		if (target_start(tc->t, &o))
			return;
		krn_turs(tc, io, 10);
		for (i = 0; i < n; i++)
			list[i] = &io[9 - i];
		at = 128 + seat_head(tc->t);
		memset(want, 0, sizeof(want));
		want[0] = (uint8_t)(lens[n] | 2);
		want[8] = types[n];
		want[12] = (uint8_t)n;
		for (i = 0; i < n; i++)
			want[32 + 2 * i] = (uint8_t)(10 - i);
		target_tmr(tc->t, types[n], list, n);
		EXPECT_EQ(tc, "LAY-040", "cmd_head", at - 128 + lens[n], seat_head(tc->t));
		EXPECT_MEM(tc, n == 8 ? "LAY-041" : "LAY-040", "TMR entry", want,
			   seat_region(tc->t) + at, lens[n]);
		seat_finish_all(tc->t, 0);
	}
}

static void tmr_types(struct tc *tc)
{
	EXPECT_EQ(tc, "LAY-041", "UNKNOWN", 0, TCMU_TMR_UNKNOWN);
	EXPECT_EQ(tc, "LAY-041", "ABORT_TASK", 1, TCMU_TMR_ABORT_TASK);
	EXPECT_EQ(tc, "LAY-041", "ABORT_TASK_SET", 2, TCMU_TMR_ABORT_TASK_SET);
	EXPECT_EQ(tc, "LAY-041", "CLEAR_ACA", 3, TCMU_TMR_CLEAR_ACA);
	EXPECT_EQ(tc, "LAY-041", "CLEAR_TASK_SET", 4, TCMU_TMR_CLEAR_TASK_SET);
	EXPECT_EQ(tc, "LAY-041", "LUN_RESET", 5, TCMU_TMR_LUN_RESET);
	EXPECT_EQ(tc, "LAY-041", "TARGET_WARM_RESET", 6, TCMU_TMR_TARGET_WARM_RESET);
	EXPECT_EQ(tc, "LAY-041", "TARGET_COLD_RESET", 7, TCMU_TMR_TARGET_COLD_RESET);
	EXPECT_EQ(tc, "LAY-041", "LUN_RESET_PRO", 128, TCMU_TMR_LUN_RESET_PRO);
}

/* Only the header is written: the body keeps what was there. */
static void pad_of(struct tc *tc, uint32_t len)
{
	struct target_opts o = krn_opts();
	uint8_t *pad, body[128];
	struct target_io io;

	tc_expect_violation(tc, "HND-023"); /* stores beyond the head, to have something there */
	tc_expect_violation(tc, "HND-013");
	if (!krn_start_at(tc, &o, KRN_RING - len))
		return;
	pad = seat_region(tc->t) + 128 + KRN_RING - len;
	memset(body, 0x5a, sizeof(body));
	memcpy(pad, body, len);
	krn_turs(tc, &io, 1);
	EXPECT_EQ(tc, "LAY-050", "header", len, word(tc, 128 + KRN_RING - len, 8));
	EXPECT_MEM(tc, "LAY-050", "body", body + 8, pad + 8, len - 8);
	EXPECT_EQ(tc, "LAY-050", "cmd_head", 120, seat_head(tc->t));
	seat_finish_all(tc->t, 0);
	EXPECT(tc, "LAY-050", krn_ended(tc, &io) && !io.status, "the command behind it");
}

static void pad_shape(struct tc *tc)
{
	pad_of(tc, 8);
	pad_of(tc, 112);
}

/* On a second lap the body of a PAD still shows the entry that was there. */
static void pad_on_lap(struct tc *tc)
{
	struct target_opts o = work_opts(1024, 8);
	struct target_io io[9];
	uint8_t old[128];

	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 8); /* 960 bytes */
	seat_finish_all(tc->t, 0x28);
	krn_in(&io[0], NULL, 0); /* 128 bytes: PAD of 64 */
	target_submit(tc->t, &io[0]);
	EXPECT_EQ(tc, "LAY-050", "header", 64, word(tc, 128 + 960, 8));
	if (!all_zero(tc, "LAY-050", 128 + 968, 56)) /* never written */
		return;
	seat_finish_all(tc->t, 0);
	krn_turs(tc, io, 7); /* 128 + 840 = 968: over the PAD of the lap before */
	seat_finish_all(tc->t, 0x28);
	EXPECT_EQ(tc, "LAY-050", "cmd_head", 968, seat_head(tc->t));
	krn_turs(tc, io, 1);
	EXPECT_EQ(tc, "LAY-050", "header", 56, word(tc, 128 + 968, 8));
	seat_finish_all(tc->t, 0);
	krn_turs(tc, io, 6);
	seat_finish_all(tc->t, 0);
	memcpy(old, seat_region(tc->t) + 128 + 840, 128);
	krn_in(&io[0], NULL, 0);
	io[0].cdb[0] = 0x7f;
	io[0].cdb[7] = 100; /* 224 bytes: PAD of 184 at 840 */
	target_submit(tc->t, &io[0]);
	EXPECT_EQ(tc, "LAY-050", "header", 184, word(tc, 128 + 840, 8));
	EXPECT_MEM(tc, "LAY-050", "body", old + 8, seat_region(tc->t) + 128 + 848, 120);
	seat_finish_all(tc->t, 0);
}

static const struct case_def rows[] = {
	{ "lay.001.offsets", "LAY-001 LAY-010 LAY-020 LAY-030 LAY-040", CLAUSE_MUST, NEEDS_SEAT,
	  "every offset and size of the installed header", offsets },
	{ "lay.002.host-order", "LAY-002", CLAUSE_MUST, NEEDS_SEAT,
	  "integers are the host's, iovecs the host's words", host_order },
	{ "lay.010.mailbox", "LAY-010 LAY-011 DIS-01 DIS-02", CLAUSE_MUST, NEEDS_SEAT,
	  "mailbox fields and holes, before and after traffic", mailbox },
	{ "lay.010.odd", "LAY-010", CLAUSE_MUST, SIM, "the same on a ring of prime length",
	  mailbox_odd },
	{ "lay.011.other-mailboxes", "LAY-010 LAY-011", CLAUSE_MUST, SIM,
	  "other versions and flags, for negative tests", other_mailboxes },
	{ "lay.012.constants", "LAY-012 LAY-011 LAY-021 LAY-022 DIS-05", CLAUSE_MUST, NEEDS_SEAT,
	  "constants, flags and opcodes", constants },
	{ "lay.030.request", "LAY-020 LAY-021 LAY-030", CLAUSE_MUST, NEEDS_SEAT,
	  "requests byte by byte", request },
	{ "lay.031.response", "LAY-031 LAY-022", CLAUSE_MUST, NEEDS_SEAT,
	  "each response byte is read from its place", response },
	{ "lay.032.not-neutral", "LAY-032", CLAUSE_MUST, NEEDS_SEAT,
	  "an unwritten response means what iov_cnt looks like", not_neutral },
	{ "lay.032.read-len", "LAY-032 KRN-069", CLAUSE_MUST, NEEDS_SEAT,
	  "an unwritten read_len is iov_bidi_cnt", read_len_unwritten },
	{ "lay.040.tmr", "LAY-040 LAY-041 LAY-021", CLAUSE_MUST, SIM,
	  "TMR entries byte by byte, 0 to 9 ids, every type", tmr_entries },
	{ "lay.041.types", "LAY-041", CLAUSE_MUST, NEEDS_SEAT, "numbers of the TMR types",
	  tmr_types },
	{ "lay.050.pad", "LAY-050 LAY-021", CLAUSE_MUST, NEEDS_SEAT,
	  "a PAD is its header; the rest stays as it was", pad_shape },
	{ "lay.050.second-lap", "LAY-050 LAY-021", CLAUSE_MUST, SIM,
	  "over an earlier lap the body of a PAD shows what was there", pad_on_lap },
};

CASE_TABLE(cases_lay);
