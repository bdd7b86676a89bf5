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

#define PLAIN_LEN    (RINGSIM_RSP_END + 16u)
#define PLAIN_LEN_OP (PLAIN_LEN | TCMU_OP_CMD)

/* A private copy of the request at the region's offset @at; false: it is an unusual one. */
HOT bool fetch_plain(uint8_t *region, uint64_t region_len, uint64_t at, struct consumer_cmd *cmd)
{
	const uint8_t *entry = region + at;
	const struct consumer_kind *kind;
	uint64_t base, len, words[2];

	if (unlikely(shm_load32(entry, 0) != PLAIN_LEN_OP ||
		     shm_load64(entry, RINGSIM_OFF_IOV_CNT) != 1 ||
		     shm_load64(entry, RINGSIM_OFF_CDB_OFF) != at + RINGSIM_RSP_END))
		return false;
	words[0] = shm_load64(entry, RINGSIM_RSP_END);
	kind = &consumer_kinds[(uint8_t)words[0]];
	words[1] = shm_load64(entry, RINGSIM_RSP_END + 8) & kind->second_word;
	memcpy(cmd->cdb, words, sizeof(words));
	cmd->cdb_len = kind->len;
	base = shm_load64(entry, RINGSIM_OFF_IOV);
	len = shm_load64(entry, RINGSIM_OFF_IOV + 8);
	if (unlikely(!kind->len || !shm_span_ok(base, len, region_len)))
		return false;
	cmd->inline_iov[0] = (struct iovec){ region + base, len };
	cmd->len = len;
	cmd->id = shm_load16(entry, RINGSIM_OFF_ID);
	cmd->iov_cnt = 1;
	cmd->iov = cmd->inline_iov;
	clear(cmd);
	return true;
}

/* Takes the first of @n entries as long as they are usual ones; how many. @far: AHEAD follow. */
HOT uint32_t fetch_run(struct consumer *c, struct consumer_cmd *const *cmds, uint32_t n,
		       const bool far)
{
	uint64_t at = (uint64_t)c->cmdr_off + c->next;
	uint8_t *const region = c->region;
	uint32_t i;

	for (i = 0; i < n && fetch_plain(region, c->region_len, at, cmds[i]); i++) {
		if (far)
			want(region, at + AHEAD * PLAIN_LEN);
		at += PLAIN_LEN;
	}
	c->next += i * PLAIN_LEN;
	if (c->next == c->cmdr_size)
		c->next = 0;
	return i;
}

uint32_t consumer_fetch_all(struct consumer *c, struct consumer_cmd *const *cmds, uint32_t n)
{
	uint32_t end = c->cmdr_size, most, far, got = 0;

	if (unlikely(c->probe.fn || c->in_order || c->replaying) || load_head(c) == c->next)
		return 0;
	if (c->head > c->next && c->head < end)
		end = c->head;
	most = (end - c->next) / PLAIN_LEN;
	far = most > AHEAD ? most - AHEAD : 0;
	if (most > n)
		most = n;
	if (far > most)
		far = most;
	if (far)
		got = fetch_run(c, cmds, far, true);
	if (got == far)
		got += fetch_run(c, cmds + far, most - far, false);
	c->seen[TCMU_OP_CMD] += got;
	c->outstanding += got;
	return got;
}

/* The usual answer in the usual slot; false: something about them is not. */
HOT bool answer_plain(uint8_t *entry, const struct consumer_cmd *cmd)
{
	uint64_t commit;

	memcpy(&commit, &cmd->status, sizeof(commit)); /* struct commit, but for its mark */
	if (unlikely(shm_load32(entry, 0) != PLAIN_LEN_OP || cmd->status == 0x02 ||
		     cmd->iov != cmd->inline_iov))
		return false;
	shm_store16(entry, RINGSIM_OFF_ID, cmd->id);
	shm_store8(entry, RINGSIM_OFF_UFLAGS, cmd->uflags);
	shm_store64(entry, RINGSIM_OFF_STATUS, commit | CONSUMER_MARK << 16);
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
