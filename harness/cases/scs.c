/* SPDX-License-Identifier: MIT */
/*
 * What the SCSI cases share; see scs.h.
 */
#include "scs.h"

#define SENTINEL 0xee

struct target_opts scs_opts(struct tc *tc)
{
	static const uint32_t pages_per_blk[] = { 1, 1, 1, 2, 16 };
	struct target_opts o = TARGET_OPTS;

	o.dev.geo.pages_per_blk = pages_per_blk[tc_below(tc, 5)];
	/* anywhere in the last 16 KiB of the ring, so that short cases wrap, too */
	o.dev.start = (1u << 20) - 128 - 8 * (1 + tc_below(tc, 2048));
	o.handler.wce = true;
	return o;
}

struct scs *scs_start(struct tc *tc, const struct target_opts *opts, uint64_t min_blocks)
{
	struct target_opts o = opts ? *opts : scs_opts(tc);
	struct scs *s = tc_alloc(tc, sizeof(*s));

	s->tc = tc;
	s->t = tc->t;
	if (target_start(tc->t, &o) || target_capacity(tc->t, &s->cap))
		return NULL;
	if (s->cap.blocks < min_blocks) {
		tc_skip(tc, "needs %llu blocks, the unit has %llu", (unsigned long long)min_blocks,
			(unsigned long long)s->cap.blocks);
		return NULL;
	}
	return s;
}

uint8_t *scs_pattern(struct scs *s, uint32_t blocks, uint64_t salt)
{
	uint8_t *p = tc_alloc(s->tc, scs_bytes(s, blocks) + 1);

	tc_fill(s->tc, p, scs_bytes(s, blocks), salt);
	return p;
}

void scs_write(struct scs *s, uint64_t lba, uint32_t blocks, const void *data)
{
	target_io_rw(&s->io, true, 16, lba, blocks, s->cap.block_size, (void *)(uintptr_t)data);
	EXPECT_GOOD(s->tc, "SCS-030", &s->io);
}

void scs_read(struct scs *s, uint64_t lba, uint32_t blocks, void *data)
{
	target_io_rw(&s->io, false, 16, lba, blocks, s->cap.block_size, data);
	EXPECT_GOOD(s->tc, "SCS-030", &s->io);
}

void scs_expect_medium(struct scs *s, const char *clause, const char *what, uint64_t lba,
		       uint32_t blocks, const void *want)
{
	void *got = tc_alloc(s->tc, scs_bytes(s, blocks) + 1);

	scs_read(s, lba, blocks, got);
	EXPECT_MEM(s->tc, clause, what, want, got, scs_bytes(s, blocks));
}

static void exec_one(struct scs *s, const char *clause)
{
	EXPECT(s->tc, clause, target_exec(s->t, &s->io) == 0, "command 0x%02x never ended",
	       s->io.cdb[0]);
}

bool scs_exec(struct scs *s, const char *clause)
{
	exec_one(s, clause);
	return !s->tc->failed;
}

bool scs_is(const struct scs *s, uint8_t key, uint16_t asc)
{
	return s->io.status == SAM_CHECK && sense_key(s->io.sense) == key &&
	       sense_asc(s->io.sense) == asc;
}

void scs_judge_sense(struct scs *s, const char *clause)
{
	const uint8_t *p = s->io.sense;
	uint8_t code = p[0] & 0x7f;

	EXPECT(s->tc, clause, s->io.sense_valid, "command 0x%02x: CHECK CONDITION without sense",
	       s->io.cdb[0]);
	EXPECT(s->tc, clause, code >= 0x70 && code <= 0x73,
	       "sense response code: expected 0x70 to 0x73, found 0x%02x", code);
	EXPECT(s->tc, clause, sense_key(p) != 0, "CHECK CONDITION with sense key 0");
	if (code < 0x72)
		EXPECT(s->tc, clause, p[7] >= 10 && p[7] <= TCMU_SENSE_BUFFERSIZE - 8,
		       "additional sense length: expected 10 to 88, found %u", p[7]);
	else
		EXPECT(s->tc, clause, p[7] <= TCMU_SENSE_BUFFERSIZE - 8 && p[0] < 0x80,
		       "descriptor sense with byte 0 0x%02x and additional length %u", p[0], p[7]);
}

static void judge_refusal(struct scs *s, const char *clause)
{
	scs_judge_sense(s, clause);
	EXPECT(s->tc, clause, s->io.outcome == RINGSIM_ANSWERED,
	       "command 0x%02x was not answered by the handler", s->io.cdb[0]);
}

bool scs_supported(struct scs *s, const char *clause)
{
	exec_one(s, clause);
	if (s->tc->failed || !scs_is(s, BAD_OPCODE))
		return true;
	judge_refusal(s, clause);
	return false;
}

void scs_expect_check(struct scs *s, const char *clause)
{
	exec_one(s, clause);
	EXPECT(s->tc, clause, s->io.status == SAM_CHECK,
	       "command 0x%02x: expected CHECK CONDITION, found status 0x%02x", s->io.cdb[0],
	       s->io.status);
	judge_refusal(s, clause);
}

void scs_expect_sense(struct scs *s, const char *clause, uint8_t key, uint16_t asc)
{
	EXPECT_SENSE(s->tc, clause, &s->io, key, asc);
	judge_refusal(s, clause);
}

void scs_expect_data(struct scs *s, const char *clause, const void *full, uint32_t full_len,
		     uint32_t alloc)
{
	const struct target_io *io = &s->io;
	uint32_t valid = full_len < alloc ? full_len : alloc, i;

	if (valid > io->len)
		valid = io->len;
	memset(s->room, SENTINEL, sizeof(s->room));
	EXPECT_GOOD(s->tc, clause, &s->io);
	EXPECT_MEM(s->tc, clause, "Data-In", full, s->room, valid);
	if (io->data_in != io->len)
		EXPECT(s->tc, "HND-035", io->data_in == valid && io->residual == io->len - valid,
		       "READ_LEN: expected %u of %u bytes, found %u and a residual of %u", valid,
		       io->len, io->data_in, io->residual);
	for (i = valid; i < io->data_in; i++)
		EXPECT(s->tc, "HND-035", s->room[i] == 0,
		       "command 0x%02x, allocation %u: byte %u of %u after %u valid ones: expected "
		       "0, found 0x%02x",
		       io->cdb[0], alloc, i, io->len, valid, s->room[i]);
	for (; i < sizeof(s->room); i++)
		EXPECT(s->tc, "HND-018", s->room[i] == SENTINEL,
		       "byte %u beyond the transfer of %u was stored", i, io->data_in);
}

/* The answer to @s->io, which was told to go to @s->full. */
static void fetched(struct scs *s, const char *what)
{
	EXPECT(s->tc, "SCS-030", s->io.status == 0,
	       "%s: expected GOOD, found status 0x%02x sense %x/%04x", what, s->io.status,
	       sense_key(s->io.sense), sense_asc(s->io.sense));
}

static void check_len(struct scs *s, const char *what)
{
	EXPECT(s->tc, "SCS-030", s->full_len <= SCS_ROOM && s->full_len <= s->io.data_in,
	       "%s: says %u bytes, delivers %u", what, s->full_len, s->io.data_in);
}

bool scs_vpd(struct scs *s, uint8_t page)
{
	memset(s->full, 0, sizeof(s->full));
	cdb_inquiry(&s->io, 1, page, SCS_ROOM, s->full, SCS_ROOM);
	exec_one(s, "SCS-030");
	if (s->tc->failed || scs_is(s, BAD_CDB))
		return false;
	fetched(s, "VPD page");
	s->full_len = 4 + (uint32_t)be_get(s->full + 2, 2);
	check_len(s, "VPD page");
	return !s->tc->failed;
}

void scs_inquiry(struct scs *s)
{
	memset(s->full, 0, sizeof(s->full));
	cdb_inquiry(&s->io, 0, 0, SCS_ROOM, s->full, SCS_ROOM);
	exec_one(s, "SCS-030");
	fetched(s, "standard INQUIRY");
	s->full_len = 5u + s->full[4];
	check_len(s, "standard INQUIRY");
}

bool scs_mode_sense(struct scs *s, uint8_t op, uint8_t byte1, uint8_t page)
{
	uint32_t max = op == OP_MODE_SENSE_6 ? 255 : SCS_ROOM;

	memset(s->full, 0, sizeof(s->full));
	cdb_mode_sense(&s->io, op, byte1, page, (uint16_t)max, s->full, max);
	exec_one(s, "SCS-030");
	if (s->tc->failed || s->io.status == SAM_CHECK)
		return false;
	fetched(s, "MODE SENSE");
	s->full_len = op == OP_MODE_SENSE_6 ? 1u + s->full[0] : 2u + (uint32_t)be_get(s->full, 2);
	check_len(s, "MODE SENSE");
	return !s->tc->failed;
}

uint32_t scs_mode_page(const struct scs *s, uint8_t op, uint8_t code)
{
	uint32_t at = op == OP_MODE_SENSE_6 ? 4u + s->full[3]
					    : 8u + (uint32_t)be_get(s->full + 6, 2);

	while (at + 2 <= s->full_len) {
		const uint8_t *p = s->full + at;
		bool sub = p[0] & 0x40;

		if ((p[0] & 0x3f) == code && !sub)
			return at;
		at += sub ? 4u + (uint32_t)be_get(p + 2, 2) : 2u + p[1];
	}
	return 0;
}

void scs_capacity_16(struct scs *s)
{
	memset(s->full, 0, sizeof(s->full));
	cdb_read_capacity_16(&s->io, 32, s->full, 32);
	exec_one(s, "SCS-030");
	fetched(s, "READ CAPACITY(16)");
	s->full_len = 32;
}

void scs_limits(struct scs *s, struct scs_limits *lim)
{
	const uint8_t *p = s->full;

	memset(lim, 0, sizeof(*lim));
	lim->b0 = scs_vpd(s, 0xb0);
	if (lim->b0) {
		lim->wsnz = p[4] & 1;
		lim->max_caw = p[5];
		lim->max_transfer = (uint32_t)be_get(p + 8, 4);
		lim->max_unmap = (uint32_t)be_get(p + 20, 4);
		lim->max_unmap_desc = (uint32_t)be_get(p + 24, 4);
		lim->max_write_same = be_get(p + 36, 8);
	}
	lim->b2 = scs_vpd(s, 0xb2);
	if (lim->b2) {
		lim->lbpu = p[5] & 0x80;
		lim->lbpws = p[5] & 0x40;
		lim->lbpws10 = p[5] & 0x20;
		lim->lbprz = p[5] & 0x1c;
	}
}
