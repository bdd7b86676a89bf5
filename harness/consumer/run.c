/* SPDX-License-Identifier: MIT */
/*
 * Runs of commands: what nearly all are like, many at a time.
 *
 * A usual entry is 128 bytes long and has one iov and a CDB of 10 to 16 bytes; its answer is not
 * CHECK CONDITION. What is the same for all of a run, indices and checks of the consumer itself, is
 * looked at once, and what a command has of its own is checked as ring.c checks it. All else is
 * left to ring.c, whose invariants hold here, too.
 */
#include "ring_impl.h"

#include <string.h>

#define PLAIN_LEN    (RINGSIM_RSP_END + 16u)
#define PLAIN_LEN_OP (PLAIN_LEN | TCMU_OP_CMD)

/* A private copy of the request at the region's offset @at; false: it is an unusual one. */
HOT bool fetch_plain(uint8_t *region, uint64_t region_len, uint64_t at, struct consumer_cmd *cmd)
{
	const uint8_t *entry = region + at;
	uint64_t base = shm_load64(entry, RINGSIM_OFF_IOV);
	uint64_t len = shm_load64(entry, RINGSIM_OFF_IOV + 8);
	uint64_t words[2] = { shm_load64(entry, RINGSIM_RSP_END),
			      shm_load64(entry, RINGSIM_RSP_END + 8) };
	const struct consumer_group *group = &consumer_groups[words[0] >> 5 & 7];

	if (unlikely(shm_load32(entry, 0) != PLAIN_LEN_OP ||
		     shm_load64(entry, RINGSIM_OFF_IOV_CNT) != 1 ||
		     shm_load64(entry, RINGSIM_OFF_CDB_OFF) != at + RINGSIM_RSP_END))
		return false;
	if (unlikely(!group->len || (uint8_t)words[0] == 0x7f ||
		     !shm_span_ok(base, len, region_len)))
		return false;
	words[1] &= group->second_word;
	memcpy(cmd->cdb, words, sizeof(words));
	cmd->id = shm_load16(entry, RINGSIM_OFF_ID);
	cmd->cdb_len = group->len;
	cmd->replay = cmd->nomem = cmd->bad = cmd->done = false;
	cmd->iov_cnt = 1;
	cmd->bidi_cnt = 0;
	cmd->len = len;
	cmd->bidi_len = 0;
	cmd->iov = cmd->inline_iov;
	cmd->inline_iov[0] = (struct iovec){ region + base, len };
	cmd->read_len = 0;
	cmd->status = cmd->uflags = 0;
	cmd->unused = 0;
	return true;
}

uint32_t consumer_fetch_all(struct consumer *c, struct consumer_cmd *const *cmds, uint32_t n)
{
	const uint64_t region_len = c->region_len;
	uint8_t *const region = c->region;
	uint32_t end = c->cmdr_size, most, far, i;
	uint64_t at = (uint64_t)c->cmdr_off + c->next;

	if (unlikely(c->probe.fn || c->in_order || c->replaying) || load_head(c) == c->next)
		return 0;
	if (c->head > c->next && c->head < end)
		end = c->head;
	most = (end - c->next) / PLAIN_LEN;
	far = most > AHEAD ? most - AHEAD : 0;
	if (most > n)
		most = n;
	for (i = 0; i < most && fetch_plain(region, region_len, at, cmds[i]); i++) {
		if (i < far)
			want(region, at + AHEAD * PLAIN_LEN);
		at += PLAIN_LEN;
	}
	c->next += i * PLAIN_LEN;
	if (c->next == c->cmdr_size)
		c->next = 0;
	c->seen[TCMU_OP_CMD] += i;
	c->outstanding += i;
	return i;
}

/* The usual answer in the usual slot; false: something about them is not. */
HOT bool answer_plain(uint8_t *entry, const struct consumer_cmd *cmd)
{
	uint64_t commit = cmd->status | CONSUMER_MARK << 16 | (uint64_t)cmd->read_len << 32;

	if (unlikely(shm_load32(entry, 0) != PLAIN_LEN_OP || cmd->status == 0x02 ||
		     cmd->iov != cmd->inline_iov))
		return false;
	shm_store16(entry, RINGSIM_OFF_ID, cmd->id);
	shm_store8(entry, RINGSIM_OFF_UFLAGS, cmd->uflags);
	shm_store64(entry, RINGSIM_OFF_STATUS, commit); /* struct commit */
	return true;
}

/* Answers the first of @n as long as all is as usual, at most to the end of the ring; how many. */
static uint32_t answer_run(struct consumer *c, struct consumer_cmd *const *cmds, uint32_t n)
{
	uint8_t *entry = c->region + c->cmdr_off + c->tail;
	uint32_t i;

	if (n > (c->cmdr_size - c->tail) / PLAIN_LEN)
		n = (c->cmdr_size - c->tail) / PLAIN_LEN;
	for (i = 0; i < n && answer_plain(entry, cmds[i]); i++)
		entry += PLAIN_LEN;
	c->tail += i * PLAIN_LEN;
	if (c->tail == c->cmdr_size)
		c->tail = 0;
	c->outstanding -= i;
	return i;
}

void consumer_complete_all(struct consumer *c, struct consumer_cmd *const *cmds, uint32_t n)
{
	const bool careful = c->probe.fn || c->in_order;
	uint32_t i;

	for (i = careful ? 0 : answer_run(c, cmds, n); unlikely(i < n);) {
		consumer_complete(c, cmds[i++]);
		if (!careful)
			i += answer_run(c, cmds + i, n - i);
	}
}
