/* SPDX-License-Identifier: MIT */
/*
 * The initiators: commands of every direction, size and shape, in memory that is exactly as large
 * as it says; their ends, each exactly once; task management.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#define SHAPE	2 /* byte of the CDB */
#define ABORTED 5 /* its value for a command that is aborted on its way */

/*
 * The scatter list of @len bytes at @data. Programs have no word for its shape: a byte of the CDB
 * that nobody looks at says whether it is whole, in three, with an empty piece, too short, none at
 * all.
 */
static uint32_t shape(struct iovec sg[3], uint8_t *data, uint32_t len, uint64_t how)
{
	uint32_t cut = len / 3;

	switch (how % 5) {
	case 1:
		sg[0] = (struct iovec){ data, cut };
		sg[1] = (struct iovec){ data + cut, cut };
		sg[2] = (struct iovec){ data + 2 * cut, len - 2 * cut };
		return 3;
	case 2:
		sg[0] = (struct iovec){ data, cut };
		sg[1] = (struct iovec){ data + cut, 0 };
		sg[2] = (struct iovec){ data + cut, len - cut };
		return 3;
	case 3:
		sg[0] = (struct iovec){ data, len - cut };
		return 1;
	case 4:
		return 0;
	default:
		sg[0] = (struct iovec){ data, len };
		return 1;
	}
}

static void hcmd_free(struct hcmd *h)
{
	free(h->data);
	free(h->bidi);
	free(h);
}

static uint32_t cap(uint64_t len)
{
	return len > FUZZ_DATA_MAX ? FUZZ_DATA_MAX : (uint32_t)len;
}

static struct hcmd *hcmd_new(struct side *s, const struct fuzz_op *op)
{
	struct hcmd *h = calloc(1, sizeof(*h));
	uint32_t room;

	if (!h)
		return NULL;
	h->side = s;
	memcpy(h->cdb, op->cdb, sizeof(op->cdb));
	room = op->cdb_len < 8 ? 8 : op->cdb_len;
	h->c.cdb = h->cdb + sizeof(h->cdb) - room; /* its last byte is the last of the array */
	memmove(h->cdb + sizeof(h->cdb) - room, h->cdb, room);
	h->c.cdb_room = room;
	h->c.dir = (enum ringsim_dir)(op->n[FUZZ_S_DIR] & 3);
	h->c.data_len = h->c.dir == RINGSIM_NONE ? 0 : cap(op->n[FUZZ_S_LEN]);
	h->bidi_len = h->c.dir == RINGSIM_BIDI ? cap(op->n[FUZZ_S_BIDI]) : 0;
	h->data = malloc(h->c.data_len ? h->c.data_len : 1);
	h->bidi = malloc(h->bidi_len ? h->bidi_len : 1);
	if (!h->data || !h->bidi) {
		hcmd_free(h);
		return NULL;
	}
	memset(h->data, (int)op->n[FUZZ_S_FILL], h->c.data_len);
	memset(h->bidi, 0, h->bidi_len);
	h->c.sg = h->sg;
	h->c.sg_cnt = shape(h->sg, h->data, h->c.data_len, op->cdb[SHAPE]);
	h->bidi_sg = (struct iovec){ h->bidi, h->bidi_len };
	h->c.bidi_sg = &h->bidi_sg;
	h->c.bidi_cnt = h->c.dir == RINGSIM_BIDI;
	h->c.aborted = op->cdb[SHAPE] == ABORTED;
	h->c.user = h;
	return h;
}

void side_submit(struct side *s, const struct fuzz_op *op)
{
	struct hcmd *h;
	uint32_t i = 0;

	while (i < HOSTILE_CMDS && s->cmd[i])
		i++;
	h = i < HOSTILE_CMDS ? hcmd_new(s, op) : NULL;
	if (!h)
		return;
	h->place = i;
	s->cmd[i] = h;
	s->order[s->cmds++] = h;
	s->submitted++;
	s->b->r->tally.commands++;
	ringsim_submit(s->dev, &h->c);
}

static void mix(struct side *s, uint64_t v)
{
	s->hash = (s->hash ^ v) * 0x9e3779b97f4a7c15ull;
	s->hash ^= s->hash >> 29;
}

void side_complete(void *ctx, struct ringsim_cmd *cmd)
{
	struct side *s = ctx;
	struct hcmd *h = NULL;
	uint32_t i;

	/* Not through @cmd, which may be anything. */
	for (i = 0; i < s->cmds && &s->order[i]->c != cmd; i++)
		;
	if (i == s->cmds) {
		hostile_wrong(s->b,
			      "a command ended that was not on its way: twice, or never sent");
		return;
	}
	h = s->order[i];
	memmove(&s->order[i], &s->order[i + 1], (s->cmds - i - 1) * sizeof(s->order[0]));
	s->cmds--;
	s->cmd[h->place] = NULL;
	s->ended++;
	s->b->r->tally.ended++;
	mix(s, cmd->outcome | (uint64_t)cmd->status << 8 | (uint64_t)cmd->id << 16 |
		       (uint64_t)cmd->data_in << 32);
	mix(s, cmd->residual | (uint64_t)h->place << 32);
	for (i = 0; cmd->sense_valid && i < sizeof(cmd->sense); i++)
		mix(s, cmd->sense[i]);
	model_complete(s, h);
	hcmd_free(h);
}

void side_tmr_done(void *ctx, struct ringsim_tmr *tmr)
{
	struct side *s = ctx;
	size_t i = (size_t)(tmr - s->tmr);

	if (i >= HOSTILE_TMRS || !s->tmr_busy[i])
		hostile_wrong(s->b, "a task management function ended twice, or never began");
	else
		s->tmr_busy[i] = false;
}

void side_tmr(struct side *s, const struct fuzz_op *op)
{
	struct ringsim_cmd *list[HOSTILE_CMDS];
	uint32_t slot = 0, i, n = 0, first, cnt;

	while (slot < HOSTILE_TMRS && s->tmr_busy[slot])
		slot++;
	if (slot == HOSTILE_TMRS)
		return;
	cnt = s->cmds ? (uint32_t)(op->n[2] % (s->cmds + 1)) : 0;
	first = s->cmds ? (uint32_t)(op->n[1] % s->cmds) : 0;
	for (i = 0; i < cnt; i++) {
		struct hcmd *h = s->order[(first + i) % s->cmds];

		list[n++] = &h->c;
		h->aborting = true;
	}
	s->tmr_busy[slot] = true;
	s->tmr[slot] = (struct ringsim_tmr){ .type = (uint8_t)op->n[0] };
	ringsim_tmr(s->dev, &s->tmr[slot], list, n);
}
