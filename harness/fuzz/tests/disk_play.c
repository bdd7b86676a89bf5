/* SPDX-License-Identifier: MIT */
#include "disk_play.h"

#include "../../cases/cdb.h"

#include <stdarg.h>
#include <stdio.h>

/* What the reference disk calls of the rest, without the rest. */
void tc_fail(struct tc *tc, const char *clause, const char *fmt, ...)
{
	struct play *r = tc->priv;
	va_list ap;

	if (tc->failed)
		return;
	tc->failed = true;
	snprintf(r->clause, sizeof(r->clause), "%s", clause);
	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
}

void tc_advise(struct tc *tc, const char *clause, const char *fmt, ...)
{
	struct play *r = tc->priv;

	(void)fmt;
	snprintf(r->advice, sizeof(r->advice), "%s", clause);
}

uint8_t sense_key(const uint8_t *sense)
{
	return sense[2] & 0xf;
}

void play_reset(struct play *r, unsigned int flags)
{
	uint32_t i;

	for (i = 0; i < r->used; i++)
		free(r->cmds[i].data);
	r->used = 0;
	r->clock = 0;
	r->tc = (struct tc){ .priv = r };
	r->clause[0] = r->why[0] = r->advice[0] = '\0';
	fuzz_disk_reset(r->d, r->blocks, r->bs, 4711, flags);
}

void play_open(struct play *r, uint32_t block_size, uint64_t blocks, unsigned int flags)
{
	memset(r, 0, sizeof(*r));
	r->bs = block_size;
	r->blocks = blocks;
	r->d = fuzz_disk_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(r->d);
	play_reset(r, flags);
}

void play_close(struct play *r)
{
	CU_ASSERT_FALSE(fuzz_disk_failed(r->d));
	play_reset(r, 0);
	fuzz_disk_free(r->d);
}

static void put_range(uint8_t *cdb, uint64_t lba, uint32_t blocks)
{
	switch (cdb[0] >> 5) {
	case 0:
		be_put(cdb + 1, 3, lba);
		cdb[4] = (uint8_t)blocks;
		break;
	case 4:
		be_put(cdb + 2, 8, lba);
		if (cdb[0] == OP_CAW)
			cdb[13] = (uint8_t)blocks;
		else
			be_put(cdb + 10, 4, blocks);
		break;
	default:
		be_put(cdb + 2, 4, lba);
		be_put(cdb + 7, 2, blocks);
		break;
	}
}

struct fuzz_cmd *play_cmd(struct play *r, uint8_t opcode, uint64_t lba, uint32_t blocks,
			  enum fuzz_fill fill)
{
	uint32_t i = r->used++;
	struct fuzz_cmd *c = &r->cmds[i];
	struct fuzz_cdb *cdb = &r->cdbs[i];

	CU_ASSERT_FATAL(i < PLAY_CMDS);
	memset(c, 0, sizeof(*c));
	memset(&r->ops[i], 0, sizeof(r->ops[i]));
	r->ops[i].n[FUZZ_S_FILL] = fill;
	c->op = &r->ops[i];
	c->nr = i + 1;
	c->io.cdb[0] = opcode;
	if (opcode != OP_UNMAP && opcode != OP_START_STOP)
		put_range(c->io.cdb, lba, blocks);
	fuzz_cdb_decode(cdb, c->io.cdb, r->blocks, r->bs);
	c->io.len = (uint32_t)cdb->data_len;
	c->io.dir = cdb->kind == FUZZ_K_READ ? RINGSIM_FROM_DEVICE
		    : c->io.len		     ? RINGSIM_TO_DEVICE
					     : RINGSIM_NONE;
	c->data = c->io.len ? calloc(1, c->io.len) : NULL;
	return c;
}

struct fuzz_cdb *play_cdb(struct play *r, const struct fuzz_cmd *c)
{
	return &r->cdbs[c - r->cmds];
}

void play_begin(struct play *r, struct fuzz_cmd *c)
{
	fuzz_cdb_decode(play_cdb(r, c), c->io.cdb, r->blocks, r->bs);
	c->began = ++r->clock;
	if (r->ops[c - r->cmds].verb == 0)
		fuzz_disk_fill(r->d, c, play_cdb(r, c));
	fuzz_disk_begin(r->d, c, play_cdb(r, c));
}

void play_again(struct play *r, struct fuzz_cmd *c)
{
	c->io.outcome = RINGSIM_PENDING;
	c->io.sense_valid = false;
	c->disturbed = false;
	memset(&c->disk, 0, sizeof(c->disk));
	play_begin(r, c);
}

void play_end(struct play *r, struct fuzz_cmd *c, uint8_t status)
{
	struct fuzz_effect effect = { .did = status == 0 };

	c->io.outcome = RINGSIM_ANSWERED;
	c->io.status = status;
	c->ended = ++r->clock;
	fuzz_disk_end(r->d, &r->tc, c, play_cdb(r, c), &effect);
}

void play_lost(struct play *r, struct fuzz_cmd *c)
{
	struct fuzz_effect effect = { .did = false };

	c->io.outcome = RINGSIM_EXPIRED;
	c->disturbed = true;
	c->ended = ++r->clock;
	fuzz_disk_end(r->d, &r->tc, c, play_cdb(r, c), &effect);
}

void play_miscompare(struct play *r, struct fuzz_cmd *c, int64_t at)
{
	c->io.sense_valid = true;
	c->io.sense[0] = at < 0 ? 0x70 : 0xf0;
	c->io.sense[2] = 0xe;
	be_put(c->io.sense + 3, 4, at < 0 ? 0 : (uint64_t)at);
	play_end(r, c, 2);
}

struct fuzz_cmd *play_start(struct play *r, uint8_t opcode, uint64_t lba, uint32_t blocks)
{
	struct fuzz_cmd *c = play_cmd(r, opcode, lba, blocks, FUZZ_FILL_NEW);

	play_begin(r, c);
	return c;
}

struct fuzz_cmd *play_write(struct play *r, uint64_t lba, uint32_t blocks)
{
	struct fuzz_cmd *c = play_start(r, 0x2a, lba, blocks);

	play_end(r, c, 0);
	return c;
}

void play_do(struct play *r, uint8_t opcode, uint64_t lba, uint32_t blocks)
{
	play_end(r, play_start(r, opcode, lba, blocks), 0);
}

const uint8_t *play_block(struct play *r, const struct fuzz_cmd *c, uint64_t lba)
{
	const struct fuzz_cdb *cdb = play_cdb(r, c);
	uint64_t i = lba - cdb->lba + (cdb->kind == FUZZ_K_CAW ? cdb->blocks : 0);

	return c->data + (cdb->kind == FUZZ_K_WRITE_SAME ? 0 : i * r->bs);
}

void play_returns(struct play *r, struct fuzz_cmd *c, uint64_t lba, const struct fuzz_cmd *from)
{
	uint8_t *to = c->data + (lba - play_cdb(r, c)->lba) * r->bs;

	if (from)
		memcpy(to, play_block(r, from, lba), r->bs);
	else
		memset(to, 0, r->bs);
}

void play_reads(struct play *r, uint64_t lba, const struct fuzz_cmd *from)
{
	struct fuzz_cmd *c = play_start(r, 0x28, lba, 1);

	play_returns(r, c, lba, from);
	play_end(r, c, 0);
}
