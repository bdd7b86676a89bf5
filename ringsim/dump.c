/* SPDX-License-Identifier: MIT */
/*
 * Telling people: the ring around the tail with named fields, and violations in words and bytes.
 */
#include "shadow.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define DUMP_MAX    4096
#define DUMP_BEFORE 2 /* entries before the tail */
#define DUMP_AFTER  4

/* A buffer that fills up without complaint and counts what it wanted to hold. */
struct text {
	char *buf;
	size_t len, used;
};

static void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *fmt, ...)
{
	size_t room = t->used < t->len ? t->len - t->used : 0;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room ? t->buf + t->used : NULL, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->used += (size_t)n;
}

static void put_bytes(struct text *t, const uint8_t *p, uint32_t len)
{
	while (len--)
		put(t, "%02x", *p++);
}

static void put_mailbox(struct text *t, const struct ringsim_device *dev)
{
	struct tcmu_mailbox mb;

	shm_read(&mb, dev->region, 0, sizeof(mb));
	put(t,
	    "mailbox: version=%u flags=0x%x cmdr_off=%u cmdr_size=%u cmd_head=%u cmd_tail=%u\n"
	    "kernel:  reclaim=%u inflight=%u expired=%u kept=%u queued=%u%s%s\n",
	    mb.version, mb.flags, mb.cmdr_off, mb.cmdr_size, mb.cmd_head, mb.cmd_tail, dev->reclaim,
	    dev->inflight, dev->expired, dev->kept, dev->qfull_count, dev->broken ? " BROKEN" : "",
	    dev->blocked ? " BLOCKED" : "");
}

static void put_iovs(struct text *t, const struct ringsim_device *dev, uint64_t entry, uint32_t n,
		     uint32_t len)
{
	struct iovec iov;
	uint32_t i;

	for (i = 0; i < n && i < 4 && RINGSIM_OFF_IOV + (i + 1) * sizeof(iov) <= len; i++) {
		shm_read(&iov, dev->region, entry + RINGSIM_OFF_IOV + i * sizeof(iov), sizeof(iov));
		put(t, " iov[%u]={0x%llx,%zu}", i, (unsigned long long)(uintptr_t)iov.iov_base,
		    iov.iov_len);
	}
	if (i < n)
		put(t, " ...");
}

static void put_cmd(struct text *t, const struct ringsim_device *dev, uint64_t entry, uint32_t len)
{
	struct tcmu_cmd_entry e;
	uint8_t cdb[16];

	shm_read(&e, dev->region, entry, sizeof(e));
	put(t, "\n    req: iov_cnt=%u iov_bidi_cnt=%u cdb_off=%llu", e.req.iov_cnt,
	    e.req.iov_bidi_cnt, (unsigned long long)e.req.cdb_off);
	put_iovs(t, dev, entry, e.req.iov_cnt, len);
	if (shm_span_ok(e.req.cdb_off, sizeof(cdb), dev->lay.data_off)) {
		shm_read(cdb, dev->region, e.req.cdb_off, sizeof(cdb));
		put(t, " cdb=");
		put_bytes(t, cdb, ringsim_cdb_len(cdb) < 16 ? ringsim_cdb_len(cdb) : 16);
	}
	put(t, "\n    rsp: scsi_status=0x%02x read_len=%u sense_buffer=", e.rsp.scsi_status,
	    e.rsp.read_len);
	put_bytes(t, (const uint8_t *)e.rsp.sense_buffer, 18);
}

static void put_entry(struct text *t, const struct ringsim_device *dev, const struct record *rec,
		      const char *mark)
{
	static const char *const names[] = {
		"PAD", "CMD", "TMR", "op3", "op4", "op5", "op6", "op7"
	};
	uint64_t entry = (uint64_t)dev->lay.cmdr_off + rec->off;

	put(t, "%s %s off=%u len=%u len_op=0x%08x cmd_id=%u kflags=%u uflags=%u", mark,
	    names[rec_op(rec)], rec->off, rec_len(rec), shm_load32(dev->region, entry),
	    shm_load16(dev->region, entry + RINGSIM_OFF_ID),
	    shm_load8(dev->region, entry + RINGSIM_OFF_KFLAGS),
	    shm_load8(dev->region, entry + RINGSIM_OFF_UFLAGS));
	if (rec_op(rec) == TCMU_OP_CMD) {
		put(t, " (issued as %u)", rec->id);
		put_cmd(t, dev, entry, rec_len(rec));
	}
	put(t, "\n");
}

size_t ringsim_dump(const struct ringsim_device *dev, char *buf, size_t len)
{
	struct text t = { .buf = buf, .len = len };
	uint32_t tail = shm_load32_acquire(dev->region, RINGSIM_OFF_TAIL), at, i;

	if (len)
		buf[0] = 0;
	put_mailbox(&t, dev);
	for (at = 0; at < dev->rec_count; at++)
		if (rec_at(dev, at)->off == tail)
			break;
	i = at > DUMP_BEFORE ? at - DUMP_BEFORE : 0;
	if (i == dev->rec_count)
		put(&t, "ring:    empty\n");
	else if (i)
		put(&t, "   ... %u entries before\n", i);
	for (; i < dev->rec_count && i < at + DUMP_AFTER; i++)
		put_entry(&t, dev, rec_at(dev, i), i == at ? "=>" : "  ");
	if (i < dev->rec_count)
		put(&t, "   ... %u entries more\n", dev->rec_count - i);
	return t.used;
}

bool ringsim_entry_at(const struct ringsim_device *dev, uint32_t i, struct ringsim_entry *e)
{
	const struct record *rec = rec_at(dev, i);

	if (i >= dev->rec_count)
		return false;
	*e = (struct ringsim_entry){
		.off = rec->off, .len = rec_len(rec), .op = (uint8_t)rec_op(rec), .id = rec->id
	};
	return true;
}

static void deliver(struct ringsim_device *dev, struct ringsim_violation *v)
{
	char *dump = NULL;

	dev->n_violations++;
	if (!dev->ops->violation)
		return;
	dump = malloc(DUMP_MAX);
	if (dump)
		ringsim_dump(dev, dump, DUMP_MAX);
	v->dump = dump ? dump : "";
	dev->ops->violation(dev->ctx, v);
	free(dump);
}

void violation(struct ringsim_device *dev, const char *clause, uint64_t off, uint16_t cmd_id,
	       const void *expected, const void *found, uint32_t len, const char *fmt, ...)
{
	struct ringsim_violation v = { .clause = clause, .off = off, .cmd_id = cmd_id };
	char what[256];
	va_list ap;

	v.len = found ? len : 0;
	if (found)
		memcpy(v.found, found, len);
	if (expected)
		memcpy(v.expected, expected, len);
	else
		memcpy(v.expected, v.found, sizeof(v.found)); /* nothing to compare with */
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	v.what = what;
	deliver(dev, &v);
}

void ringsim_report(struct ringsim_device *dev, const char *clause, uint16_t cmd_id,
		    const char *fmt, ...)
{
	struct ringsim_violation v = { .clause = clause, .off = UINT64_MAX, .cmd_id = cmd_id };
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	v.what = what;
	deliver(dev, &v);
}

uint64_t ringsim_violations(const struct ringsim_device *dev)
{
	return dev->n_violations;
}

size_t ringsim_violation_text(const struct ringsim_violation *v, char *buf, size_t len)
{
	struct text t = { .buf = buf, .len = len };

	if (len)
		buf[0] = 0;
	put(&t, "%s: %s\n", v->clause, v->what);
	if (v->cmd_id)
		put(&t, "  cmd_id   %u\n", v->cmd_id);
	if (v->off != UINT64_MAX)
		put(&t, "  at       region offset %llu (0x%llx)\n", (unsigned long long)v->off,
		    (unsigned long long)v->off);
	if (v->len && memcmp(v->expected, v->found, v->len)) {
		put(&t, "  expected ");
		put_bytes(&t, v->expected, v->len);
		put(&t, "\n");
	}
	if (v->len) {
		put(&t, "  found    ");
		put_bytes(&t, v->found, v->len);
		put(&t, "\n");
	}
	if (v->dump)
		put(&t, "%s", v->dump);
	return t.used;
}
