/* SPDX-License-Identifier: MIT */
/*
 * A trace in memory, and how what lies in a region gets into it.
 *
 * Events, iovs and payload bytes live in three flat arrays, so a trace of any length costs memory
 * in proportion to its text. Decoding reads each word of the region once and checks the copy: the
 * region belongs to somebody else. Clauses: LAY-010 to LAY-050.
 */
#include "trace_impl.h"

#include <errno.h>
#include <ringsim/shm.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_SIZE 4096u

const char *trace_kind_name(enum trace_kind kind)
{
	static const char *const names[TRACE_KINDS] = {
		"CMD",	"PAD",	  "TMR",    "KICK",  "IRQ",   "SUBMIT",	 "ANSWER",
		"WALK", "EXPIRE", "ABORT",  "BLOCK", "RESET", "FREE",	 "RELEASE",
		"SET",	"DOOM",	  "UNSEEN", "WAIT",  "DONE",  "ABORTED",
	};

	return names[kind];
}

uint64_t trace_data_off(const struct trace_header *hdr)
{
	return ((uint64_t)hdr->cmdr_off + hdr->cmdr_size + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
}

uint64_t trace_data_len(const struct trace_iov *iov, size_t n)
{
	uint64_t len = 0;

	for (; n; n--, iov++)
		if (__builtin_add_overflow(len, iov->len, &len))
			return UINT64_MAX;
	return len;
}

/* Makes room for @n more items of @size bytes; doubles, so appending stays linear. */
static int reserve(void **array, size_t *cap, size_t used, size_t n, size_t size)
{
	size_t want = *cap ? *cap : 64;
	void *p;

	if (used + n <= *cap)
		return 0;
	while (want < used + n)
		want *= 2;
	p = realloc(*array, want * size);
	if (!p)
		return -ENOMEM;
	memset((char *)p + *cap * size, 0, (want - *cap) * size);
	*array = p;
	*cap = want;
	return 0;
}

int trace_reserve(struct trace *t)
{
	void *v = t->v, *iovs = t->iovs, *bytes = t->bytes;
	int rc = reserve(&v, &t->cap, t->n, 1, sizeof(*t->v));

	if (!rc)
		rc = reserve(&iovs, &t->cap_iovs, t->n_iovs, 1, sizeof(*t->iovs));
	if (!rc)
		rc = reserve(&bytes, &t->cap_bytes, t->n_bytes, RINGSIM_CDB_MAX, 1);
	t->v = v;
	t->iovs = iovs;
	t->bytes = bytes;
	return rc;
}

struct trace_event *trace_push(struct trace *t)
{
	if (trace_reserve(t))
		return NULL;
	t->v[t->n] = (struct trace_event){ .payload = t->n_bytes, .iov = t->n_iovs };
	return &t->v[t->n++];
}

int trace_push_iov(struct trace *t, uint64_t base, uint64_t len)
{
	void *v = t->iovs;
	int rc = reserve(&v, &t->cap_iovs, t->n_iovs, 1, sizeof(*t->iovs));

	t->iovs = v;
	if (!rc)
		t->iovs[t->n_iovs++] = (struct trace_iov){ base, len };
	return rc;
}

int trace_push_bytes(struct trace *t, const void *src, size_t len)
{
	void *v = t->bytes;
	int rc = reserve(&v, &t->cap_bytes, t->n_bytes, len + RINGSIM_CDB_MAX, 1);

	t->bytes = v;
	if (rc)
		return rc;
	memcpy(t->bytes + t->n_bytes, src, len);
	t->n_bytes += len;
	return 0;
}

void trace_clear(struct trace *t)
{
	t->n = t->n_iovs = t->n_bytes = 0;
}

void trace_free(struct trace *t)
{
	free(t->name);
	free(t->v);
	free(t->iovs);
	free(t->bytes);
	*t = (struct trace){ 0 };
}

int trace_init(struct trace *t, const char *name, const void *region, uint64_t map_len,
	       uint32_t blk_size)
{
	*t = (struct trace){
		.name = strdup(name),
		.format = 1,
		.hdr = {
			.version = shm_load16(region, offsetof(struct tcmu_mailbox, version)),
			.flags = shm_load16(region, offsetof(struct tcmu_mailbox, flags)),
			.cmdr_off = shm_load32(region, offsetof(struct tcmu_mailbox, cmdr_off)),
			.cmdr_size = shm_load32(region, offsetof(struct tcmu_mailbox, cmdr_size)),
			.map_len = map_len,
			.head = shm_load32(region, RINGSIM_OFF_HEAD),
			.tail = shm_load32(region, RINGSIM_OFF_TAIL),
			.blk_size = blk_size,
		},
	};
	return t->name ? trace_reserve(t) : -ENOMEM;
}

int trace_add_irq(struct trace *t, const void *region, uint32_t count)
{
	struct trace_event *e = trace_push(t);

	if (!e)
		return -ENOMEM;
	e->kind = TRACE_IRQ;
	e->count = count;
	e->head = shm_load32_acquire(region, RINGSIM_OFF_HEAD);
	e->tail = shm_load32(region, RINGSIM_OFF_TAIL);
	return 0;
}

int trace_add_kick(struct trace *t, uint32_t tail, uint8_t status)
{
	struct trace_event *e = trace_push(t);

	if (!e)
		return -ENOMEM;
	e->kind = TRACE_KICK;
	e->tail = tail;
	e->status = status;
	return 0;
}

/* The request part of a CMD entry of which @room bytes are inside the ring. */
static int decode_cmd(struct trace *t, struct trace_event *e, const void *region, uint64_t entry)
{
	uint32_t room = e->len < RINGSIM_OFF_IOV ? 0 : e->len - RINGSIM_OFF_IOV, i;
	uint64_t cdb, left;
	uint8_t first[8];
	int rc = 0;

	if (e->len < RINGSIM_RSP_END)
		return -EPROTO;
	e->iov_cnt = shm_load32(region, entry + 8);
	e->bidi_cnt = shm_load32(region, entry + 12);
	e->dif_cnt = shm_load32(region, entry + 16);
	shm_read(&e->cdb_off, region, entry + 24, sizeof(e->cdb_off));
	if ((uint64_t)e->iov_cnt + e->bidi_cnt > room / sizeof(struct iovec))
		return -EPROTO;
	for (i = 0; !rc && i < e->iov_cnt + e->bidi_cnt; i++) {
		uint64_t iov[2];

		shm_read(iov, region, entry + RINGSIM_OFF_IOV + sizeof(iov) * i, sizeof(iov));
		rc = trace_push_iov(t, iov[0], iov[1]);
	}
	if (rc)
		return rc;
	cdb = e->cdb_off - entry;
	if (cdb > e->len - sizeof(first))
		return -EPROTO;
	left = e->len - cdb;
	shm_read(first, region, e->cdb_off, sizeof(first));
	e->payload_len = ringsim_cdb_len(first);
	if (e->payload_len > left)
		e->payload_len = (uint32_t)left;
	return trace_push_bytes(t, (const uint8_t *)region + e->cdb_off, e->payload_len);
}

static int decode_tmr(struct trace *t, struct trace_event *e, const void *region, uint64_t entry)
{
	uint64_t bytes;

	if (e->len < sizeof(struct tcmu_tmr_entry))
		return -EPROTO;
	e->tmr_type = shm_load8(region, entry + offsetof(struct tcmu_tmr_entry, tmr_type));
	e->tmr_cnt = shm_load32(region, entry + offsetof(struct tcmu_tmr_entry, cmd_cnt));
	bytes = 2ull * e->tmr_cnt;
	if (bytes > e->len - sizeof(struct tcmu_tmr_entry))
		return -EPROTO;
	e->payload_len = (uint32_t)bytes;
	return trace_push_bytes(t, (const uint8_t *)region + entry + sizeof(struct tcmu_tmr_entry),
				bytes);
}

int trace_add_entry(struct trace *t, const void *region, uint32_t off)
{
	uint64_t entry = (uint64_t)t->hdr.cmdr_off + off;
	struct trace_event *e;
	uint32_t len_op;
	int rc = 0;

	if (off % 8 || off >= t->hdr.cmdr_size)
		return -EPROTO;
	e = trace_push(t);
	if (!e)
		return -ENOMEM;
	len_op = shm_load32(region, entry);
	e->head = shm_load32_acquire(region, RINGSIM_OFF_HEAD);
	e->tail = shm_load32(region, RINGSIM_OFF_TAIL);
	e->off = off;
	e->op = len_op & TCMU_OP_MASK;
	e->len = len_op & ~(uint32_t)TCMU_OP_MASK;
	e->id = shm_load16(region, entry + RINGSIM_OFF_ID);
	e->kflags = shm_load8(region, entry + RINGSIM_OFF_KFLAGS);
	e->uflags = shm_load8(region, entry + RINGSIM_OFF_UFLAGS);
	if (e->len < 8 || e->len > t->hdr.cmdr_size - off || e->op > TCMU_OP_TMR)
		rc = -EPROTO;
	else if (e->op == TCMU_OP_CMD)
		rc = decode_cmd(t, e, region, entry);
	else if (e->op == TCMU_OP_TMR)
		rc = decode_tmr(t, e, region, entry);
	if (rc) {
		t->n--;
		return rc;
	}
	e->kind = e->op == TCMU_OP_CMD ? TRACE_CMD : e->op == TCMU_OP_TMR ? TRACE_TMR : TRACE_PAD;
	return 0;
}
