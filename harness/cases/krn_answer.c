/* SPDX-License-Identifier: MIT */
/*
 * What the initiator gets for an answer: status, sense, data, residual, and in which order that is
 * decided. Clauses: KRN-066 to KRN-071, KRN-103; TRP-17 to TRP-22, TRP-54 to TRP-56.
 */
#include "krn.h"

#include "cdb.h"

#define PROBE (NEEDS_SEAT | NEEDS_PROBE)
#define LEN   5000u

/*
 * One command of LEN bytes each way and its answer. The handler's data differ from what was in the
 * initiator's buffer, so that each byte tells whether it was copied.
 */
struct answer {
	enum ringsim_dir dir;
	uint8_t status, uflags;
	uint32_t read_len;
	bool expired, kept;
};

struct outcome {
	struct target_io io;
	uint16_t id;
	uint8_t out[LEN], in[LEN], data[LEN], sense[96];
};

/* Every violation that such answers are. */
static void may_be_wrong(struct tc *tc)
{
	static const char *const clauses[] = { "HND-032", "HND-033", "HND-034", "HND-035",
					       "HND-036", "HND-053", "HND-037" };
	uint32_t i;

	for (i = 0; i < sizeof(clauses) / sizeof(clauses[0]); i++)
		tc_expect_violation(tc, clauses[i]);
}

/* Submits on the started target, answers, rings; false if the case failed. */
static bool answer(struct tc *tc, const struct answer *a, struct outcome *r)
{
	struct seat_entry e;
	uint64_t at;
	uint32_t i;

	tc_fill(tc, r->data, LEN, 1);
	tc_fill(tc, r->sense, 96, 2);
	tc_fill(tc, r->out, LEN, 3);
	memset(r->in, 0x11, LEN);
	if (a->dir == RINGSIM_BIDI)
		krn_bidi(&r->io, r->out, LEN, r->in, LEN);
	else if (a->dir == RINGSIM_TO_DEVICE)
		krn_out(&r->io, r->out, LEN);
	else
		krn_in(&r->io, r->in, LEN);
	krn_submit(tc, &r->io);
	krn_next(tc, &e);
	r->id = e.id;
	i = a->dir == RINGSIM_BIDI ? e.iov_cnt : 0;
	at = (uintptr_t)e.iov[i].iov_base;
	if (e.iov[i].iov_len != LEN) {
		tc_fail(tc, "KRN-043", "the data area is in pieces");
		return false;
	}
	memcpy(seat_region(tc->t) + at, r->data, LEN);
	if (a->expired) {
		target_advance(tc->t, 2500);
		if (!krn_ended(tc, &r->io))
			tc_fail(tc, "KRN-090", "the command has not expired");
	}
	seat_answer(tc->t, e.off, 0, a->status, a->uflags, a->read_len, r->sense);
	seat_set_tail(tc->t, seat_next(tc->t, &e));
	seat_ring(tc->t);
	if (!krn_ended(tc, &r->io))
		tc_fail(tc, "KRN-061", "the command has not ended");
	return !tc->failed;
}

/*
 * The first @len bytes of the initiator's buffer are the handler's, the rest is as before. Target
 * core leaves the data behind when the status is neither GOOD nor 2, but for BIDI commands.
 */
static void data_is(struct tc *tc, const char *clause, const struct outcome *r, uint32_t len)
{
	uint8_t old[LEN];

	if (!krn_sim(tc) && r->io.dir != RINGSIM_BIDI && r->io.status && r->io.status != 2)
		len = 0;
	memset(old, 0x11, LEN);
	EXPECT_MEM(tc, clause, "Data-In", r->data, r->in, len);
	EXPECT_MEM(tc, clause, "buffer behind Data-In", old, r->in + len, LEN - len);
	if (krn_sim(tc))
		EXPECT_EQ(tc, clause, "bytes", len, r->io.data_in);
}

static bool start(struct tc *tc, struct outcome **r, bool expire)
{
	struct target_opts o = krn_opts();

	o.dev.cmd_time_out_s = expire ? 1 : 30;
	*r = tc_alloc(tc, sizeof(**r));
	may_be_wrong(tc);
	return !target_start(tc->t, &o);
}

/* Whether an iSCSI initiator can tell: others end its connection, or are taken for GOOD (4). */
static bool is_known(uint32_t status)
{
	return status == 0 || status == 2 || status == 8 || status == 0x18 || status == 0x28 ||
	       status == 0x30 || status == 0x40;
}

/* All 256 status bytes: forwarded as they are; data for all but 2, sense for 2 alone. */
static void status_bytes(struct tc *tc)
{
	struct outcome *r;
	uint32_t status;

	if (!start(tc, &r, false))
		return;
	for (status = 0; status < 256 && !tc->failed; status++) {
		struct answer a = { .dir = RINGSIM_FROM_DEVICE, .status = (uint8_t)status };

		if (!krn_all(tc) && !is_known(status))
			continue;
		if (!answer(tc, &a, r))
			return;
		EXPECT_EQ(tc, "KRN-071", "status", status, r->io.status);
		EXPECT_EQ(tc, "KRN-068", "sense", status == 2, r->io.sense_valid);
		EXPECT_EQ(tc, "KRN-069", "residual", 0, r->io.residual);
		data_is(tc, "KRN-070", r, status == 2 ? 0 : LEN);
	}
}

/* Sense as it is, whatever it is. */
static void sense_bytes(struct tc *tc)
{
	struct target_opts o = krn_opts();
	uint8_t sense[96];
	struct target_io io;
	uint32_t round;

	may_be_wrong(tc);
	if (target_start(tc->t, &o))
		return;
	for (round = 0; round < 6; round++) {
		memset(sense, 0, sizeof(sense));
		if (round)
			tc_fill(tc, sense, round == 5 ? 96 : 18 * round, round);
		krn_turs(tc, &io, 1);
		seat_answer(tc->t, seat_tail(tc->t), 0, 2, 0, 0, sense);
		seat_set_tail(tc->t, seat_head(tc->t));
		seat_ring(tc->t);
		EXPECT(tc, "KRN-068", krn_ended(tc, &io) && io.status == 2 && io.sense_valid,
		       "no sense");
		EXPECT_MEM(tc, "KRN-068", "sense", sense, io.sense, 96);
	}
}

/* Direction by status by read_len: where READ_LEN counts, and what it does. */
static void read_len(struct tc *tc)
{
	static const uint32_t lens[] = { 0, 1, 36, 4096, LEN - 1, LEN, LEN + 1, 0xffffffff };
	static const uint8_t statuses[] = { 0, 2, 8, 0x18, 0x28 };
	static const enum ringsim_dir dirs[] = { RINGSIM_FROM_DEVICE, RINGSIM_TO_DEVICE,
						 RINGSIM_BIDI };
	struct outcome *r;
	uint32_t d, s, l;

	if (!start(tc, &r, false))
		return;
	for (d = 0; d < (krn_all(tc) ? 3 : 2); d++) /* iSCSI has no BIDI */
		for (s = 0; s < 5; s++)
			for (l = 0; l < 8 && !tc->failed; l++) {
				struct answer a = { .dir = dirs[d],
						    .status = statuses[s],
						    .uflags = TCMU_UFLAG_READ_LEN,
						    .read_len = lens[l] };
				bool valid = d == 0 && lens[l];
				uint32_t len = valid && lens[l] < LEN ? lens[l] : LEN, got = len;

				if (d == 1 || (statuses[s] == 2 && !valid))
					got = 0;
				if (!answer(tc, &a, r))
					return;
				data_is(tc, "KRN-069", r, got);
				EXPECT_EQ(tc, "KRN-069", "residual",
					  statuses[s] == 0 || statuses[s] == 2 ? LEN - len : 0,
					  r->io.residual);
				EXPECT_EQ(tc, "KRN-069", "status", statuses[s], r->io.status);
				if (statuses[s] == 2)
					EXPECT_MEM(tc, "KRN-069", "sense", r->sense, r->io.sense,
						   96);
			}
	if (tc->failed)
		return;
	/* read_len without the flag is no READ_LEN */
	if (answer(tc, &(struct answer){ .dir = RINGSIM_FROM_DEVICE, .read_len = 36 }, r)) {
		data_is(tc, "KRN-069", r, LEN);
		EXPECT_EQ(tc, "KRN-069", "residual", 0, r->io.residual);
	}
}

/* UNKNOWN_OP with everything else: kernel sense, no data, and a 2 in the ring. */
static void unknown_op(struct tc *tc)
{
	static const uint8_t statuses[] = { 0, 2, 8, 0x77 };
	struct outcome *r;
	uint32_t i, flags;

	if (!start(tc, &r, false))
		return;
	for (i = 0; i < 4; i++)
		for (flags = 1; flags < 8 && !tc->failed; flags += 2) {
			struct answer a = { .dir = i & 1 ? RINGSIM_BIDI : RINGSIM_FROM_DEVICE,
					    .status = statuses[i],
					    .uflags = (uint8_t)flags,
					    .read_len = 36 };
			uint32_t off = seat_head(tc->t);

			if (!krn_all(tc))
				a.dir = RINGSIM_FROM_DEVICE;
			if (!answer(tc, &a, r))
				return;
			EXPECT_ENDED(tc, "KRN-067", &r->io, RINGSIM_ANSWERED, 2, 2, 8, 0);
			data_is(tc, "KRN-066", r, 0);
			EXPECT_EQ(tc, "KRN-066", "residual", 0, r->io.residual);
			EXPECT_EQ(tc, "KRN-067", "scsi_status in the ring", 2,
				  seat_region(tc->t)[128 + off + 8]);
			SIM_EQ(tc, "KRN-066", "kept", flags >> 2, kept);
			/* id and blocks stay, if asked for */
			EXPECT_EQ(tc, "KRN-066", "free_kept_buf",
				  flags & TCMU_UFLAG_KEEP_BUF ? 0 : -EINVAL,
				  target_free_kept_buf(tc->t, r->id));
		}
}

/* Late: nothing of the answer counts but KEEP_BUF. */
static void late(struct tc *tc)
{
	static const struct answer answers[] = {
		{ .dir = RINGSIM_FROM_DEVICE, .status = 0 },
		{ .dir = RINGSIM_FROM_DEVICE, .status = 2 },
		{ .dir = RINGSIM_FROM_DEVICE, .uflags = TCMU_UFLAG_READ_LEN, .read_len = 9 },
		{ .dir = RINGSIM_FROM_DEVICE, .uflags = TCMU_UFLAG_UNKNOWN_OP },
		{ .dir = RINGSIM_FROM_DEVICE, .uflags = TCMU_UFLAG_KEEP_BUF },
		{ .dir = RINGSIM_FROM_DEVICE, .status = 2, .uflags = 7, .read_len = 1 },
		{ .dir = RINGSIM_BIDI, .uflags = TCMU_UFLAG_KEEP_BUF },
		{ .dir = RINGSIM_TO_DEVICE, .status = 8 },
	};
	struct outcome *r;
	struct seat_entry e;
	uint32_t i, off;

	if (!start(tc, &r, true))
		return;
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]) && !tc->failed; i++) {
		struct answer a = answers[i];
		bool keep = a.uflags & TCMU_UFLAG_KEEP_BUF;

		if (a.dir == RINGSIM_BIDI && !krn_all(tc))
			continue;
		a.expired = true;
		off = seat_head(tc->t);
		if (!answer(tc, &a, r))
			return;
		EXPECT_ENDED(tc, "KRN-066", &r->io, RINGSIM_EXPIRED, 2, 2, 8, 0);
		if (krn_sim(tc))
			EXPECT_EQ(tc, "KRN-090", "ends", i + 1, r->io.order);
		data_is(tc, "KRN-066", r, 0);
		EXPECT_EQ(tc, "KRN-066", "scsi_status in the ring", a.status,
			  seat_region(tc->t)[128 + off + 8]);
		SIM_EQ(tc, "KRN-093", "kept", keep, kept);
		SIM_EQ(tc, "KRN-093", "expired", 0, expired);
		SIM_EQ(tc, "KRN-093", "blocks in use",
		       !keep		       ? 0
		       : a.dir == RINGSIM_BIDI ? 4
					       : 2,
		       blocks_used);
		EXPECT_EQ(tc, "KRN-093", "free_kept_buf", keep ? 0 : -EINVAL,
			  target_free_kept_buf(tc->t, r->id));
	}
	if (tc->failed)
		return;
	/* id and blocks are free now */
	krn_in(&r->io, NULL, 1);
	krn_submit(tc, &r->io);
	krn_next(tc, &e);
	EXPECT_EQ(tc, "KRN-090", "id", 1, e.id);
	EXPECT_EQ(tc, "KRN-090", "iov_base", KRN_DATA, (uintptr_t)e.iov[0].iov_base);
	seat_finish_all(tc->t, 8);
}

/* A kept command is answered again with UNKNOWN_OP: BROKEN comes first, nothing is stored. */
static void kept_before_unknown(struct tc *tc)
{
	struct target_opts o = krn_opts();
	struct target_io io[2];

	may_be_wrong(tc);
	if (target_start(tc->t, &o))
		return;
	krn_turs(tc, io, 2);
	krn_keep(tc);
	seat_answer(tc->t, 120, 1, 0x18, TCMU_UFLAG_UNKNOWN_OP | TCMU_UFLAG_KEEP_BUF, 0, NULL);
	seat_set_tail(tc->t, 240);
	seat_ring(tc->t);
	EXPECT_EQ(tc, "KRN-066", "scsi_status in the ring", 0x18,
		  seat_region(tc->t)[128 + 120 + 8]);
	EXPECT(tc, "KRN-066", krn_broken(tc), "the ring is not broken");
}

/* Data-In of a BIDI command: as much as Data-Out, as far as the list reaches. */
static void bidi_lengths(struct tc *tc)
{
	static const uint32_t lens[][2] = { { 100, 5000 }, { 5000, 100 },  { 4097, 4097 },
					    { 1, 1 },	   { 4096, 9000 }, { 9000, 4096 } };
	struct target_opts o = krn_opts();
	uint8_t *out = tc_alloc(tc, 9000), *in = tc_alloc(tc, 9001), *data = tc_alloc(tc, 12288);
	struct target_io io;
	struct seat_entry e;
	uint32_t i, len;

	if (target_start(tc->t, &o))
		return;
	tc_fill(tc, data, 12288, 5);
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		len = lens[i][0] < lens[i][1] ? lens[i][0] : lens[i][1];
		memset(in, 0x11, 9001);
		krn_bidi(&io, out, lens[i][0], in, lens[i][1]);
		krn_submit(tc, &io);
		if (!krn_cmd(tc, 0, &e))
			return;
		EXPECT_EQ(tc, "KRN-044", "Data-In iov_len", lens[i][1], e.iov[1].iov_len);
		memcpy(seat_region(tc->t) + (uintptr_t)e.iov[1].iov_base, data, lens[i][1]);
		seat_finish(tc->t, 0);
		EXPECT(tc, "KRN-070", krn_ended(tc, &io), "no end");
		if (krn_sim(tc))
			EXPECT_EQ(tc, "KRN-070", "bytes", len, io.data_in);
		EXPECT_MEM(tc, "KRN-070", "Data-In", data, in, len);
		EXPECT_EQ(tc, "KRN-070", "byte behind", 0x11, in[len]);
	}
}

/* The whole expected length is copied, also what the handler never wrote (TRP-54). */
static void stale_bytes(struct tc *tc)
{
	struct target_opts o = krn_opts();
	uint8_t secret[4096], buf[4096];
	struct target_io io;

	o.exact = true;
	if (target_start(tc->t, &o))
		return;
	tc_fill(tc, secret, sizeof(secret), 1);
	krn_out(&io, secret, sizeof(secret));
	krn_submit(tc, &io);
	seat_finish(tc->t, 0);
	EXPECT(tc, "KRN-042", krn_ended(tc, &io), "no end");
	memset(buf, 0, sizeof(buf));
	krn_in(&io, buf, sizeof(buf));
	krn_submit(tc, &io);
	memset(seat_region(tc->t) + KRN_DATA, 0x77, 36);
	seat_finish(tc->t, 0);
	EXPECT(tc, "KRN-042", krn_ended(tc, &io), "no end");
	EXPECT_EQ(tc, "KRN-042", "first byte", 0x77, buf[0]);
	EXPECT_MEM(tc, "KRN-042", "another command's bytes", secret + 36, buf + 36, 4096 - 36);
	EXPECT_EQ(tc, "KRN-069", "residual", 0, io.residual);
}

static const struct case_def rows[] = {
	{ "krn.071.status", "KRN-071 KRN-070 KRN-068 DIS-20", CLAUSE_MUST, NEEDS_SEAT,
	  "each of 256 status bytes", status_bytes },
	{ "krn.068.sense", "KRN-068 DIS-24", CLAUSE_MUST, NEEDS_SEAT, "all 96 bytes of any sense",
	  sense_bytes },
	{ "krn.069.read-len", "KRN-069 KRN-066 KRN-070 DIS-06", CLAUSE_MUST, NEEDS_SEAT,
	  "READ_LEN by direction, status and length", read_len },
	{ "krn.067.unknown-op", "KRN-067 KRN-066", CLAUSE_MUST, NEEDS_SEAT,
	  "UNKNOWN_OP precedes READ_LEN, sense and data", unknown_op },
	{ "krn.066.late", "KRN-066 KRN-090 KRN-093 DIS-09", CLAUSE_MUST, NEEDS_SEAT,
	  "a late answer only releases, or keeps", late },
	{ "krn.066.kept-first", "KRN-066 KRN-064", CLAUSE_MUST, NEEDS_SEAT,
	  "kept already precedes UNKNOWN_OP", kept_before_unknown },
	{ "krn.070.bidi", "KRN-070 KRN-044", CLAUSE_MUST, PROBE,
	  "how much Data-In of BIDI is copied", bidi_lengths },
	{ "krn.042.whole-length", "KRN-042 KRN-070", CLAUSE_MUST, NEEDS_SEAT,
	  "what the handler left unwritten is copied too", stale_bytes },
};

CASE_TABLE(cases_krn_answer);
