/* SPDX-License-Identifier: MIT */
/* Traces for people: every field by its name, what was recorded in numbers, and differences. */
#include "trace_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

const char *trace_opcode_name(uint8_t op)
{
	static const struct {
		uint8_t op;
		const char *name;
	} names[] = {
		{ 0x00, "TEST UNIT READY" },
		{ 0x03, "REQUEST SENSE" },
		{ 0x08, "READ(6)" },
		{ 0x0a, "WRITE(6)" },
		{ 0x12, "INQUIRY" },
		{ 0x15, "MODE SELECT(6)" },
		{ 0x16, "RESERVE(6)" },
		{ 0x17, "RELEASE(6)" },
		{ 0x1a, "MODE SENSE(6)" },
		{ 0x1b, "START STOP UNIT" },
		{ 0x25, "READ CAPACITY(10)" },
		{ 0x28, "READ(10)" },
		{ 0x2a, "WRITE(10)" },
		{ 0x2e, "WRITE AND VERIFY(10)" },
		{ 0x2f, "VERIFY(10)" },
		{ 0x35, "SYNCHRONIZE CACHE(10)" },
		{ 0x41, "WRITE SAME(10)" },
		{ 0x42, "UNMAP" },
		{ 0x4d, "LOG SENSE" },
		{ 0x53, "XDWRITEREAD(10)" },
		{ 0x55, "MODE SELECT(10)" },
		{ 0x5a, "MODE SENSE(10)" },
		{ 0x5e, "PERSISTENT RESERVE IN" },
		{ 0x5f, "PERSISTENT RESERVE OUT" },
		{ 0x7f, "variable length" },
		{ 0x88, "READ(16)" },
		{ 0x89, "COMPARE AND WRITE" },
		{ 0x8a, "WRITE(16)" },
		{ 0x8e, "WRITE AND VERIFY(16)" },
		{ 0x8f, "VERIFY(16)" },
		{ 0x91, "SYNCHRONIZE CACHE(16)" },
		{ 0x93, "WRITE SAME(16)" },
		{ 0x9e, "SERVICE ACTION IN(16)" },
		{ 0xa0, "REPORT LUNS" },
		{ 0xa3, "MAINTENANCE IN" },
		{ 0xa4, "MAINTENANCE OUT" },
		{ 0xa8, "READ(12)" },
		{ 0xaa, "WRITE(12)" },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].op == op)
			return names[i].name;
	return op >= 0xc0 ? "vendor specific" : "other";
}

static void dump_header(const struct trace *t, FILE *out)
{
	static const char *const flags[] = { "OOOC", "READ_LEN", "TMR", "KEEP_BUF" };
	const struct trace_header *h = &t->hdr;
	unsigned int i;

	fprintf(out, "mailbox   version %u, flags 0x%x", h->version, h->flags);
	for (i = 0; i < 4; i++)
		if (h->flags & 1u << i)
			fprintf(out, " %s", flags[i]);
	fprintf(out, ", head %u, tail %u\n", h->head, h->tail);
	fprintf(out,
		"region    %" PRIu64 " bytes: ring of %u at %u, data of %" PRIu64 " at %" PRIu64,
		h->map_len, h->cmdr_size, h->cmdr_off,
		h->map_len > trace_data_off(h) ? h->map_len - trace_data_off(h) : 0,
		trace_data_off(h));
	if (h->blk_size)
		fprintf(out, " in blocks of %u", h->blk_size);
	fputc('\n', out);
	if (t->format == 2)
		fprintf(out,
			"device    tick of %u ns, cmd_time_out %u s, qfull_time_out %d s%s%s\n",
			h->tick_ns, h->cmd_time_out, h->qfull_time_out,
			h->tmr_notification ? ", TMR entries" : "",
			h->desc_sense ? ", descriptor sense" : "");
}

static void dump_cmd(const struct trace *t, const struct trace_event *e, FILE *out)
{
	uint64_t i, n = (uint64_t)e->iov_cnt + e->bidi_cnt;

	fprintf(out, "  %s\n          cdb", trace_opcode_name(t->bytes[e->payload]));
	for (i = 0; i < e->payload_len; i++)
		fprintf(out, " %02x", t->bytes[e->payload + i]);
	fprintf(out, " at region offset %" PRIu64 "\n", e->cdb_off);
	for (i = 0; i < n; i++)
		fprintf(out, "          %s[%" PRIu64 "] base 0x%" PRIx64 " len %" PRIu64 "\n",
			i < e->iov_cnt ? "iov" : "bidi", i < e->iov_cnt ? i : i - e->iov_cnt,
			t->iovs[e->iov + i].base, t->iovs[e->iov + i].len);
	if (e->dif_cnt)
		fprintf(out, "          iov_dif_cnt %u\n", e->dif_cnt);
}

static void dump_event(const struct trace *t, const struct trace_event *e, FILE *out)
{
	uint32_t i;
	uint16_t id;

	if (t->format == 2) {
		fprintf(out, "%6u ", e->line);
		lines_write(t, e, out);
		return;
	}
	fprintf(out, "%6u %-5s", e->line, trace_kind_name(e->kind));
	if (e->kind == TRACE_KICK) {
		fprintf(out, " cmd_tail %u, scsi_status 0x%02x\n", e->tail, e->status);
		return;
	}
	if (e->kind == TRACE_IRQ) {
		fprintf(out, " event count %u (cmd_head %u, cmd_tail %u)\n", e->count, e->head,
			e->tail);
		return;
	}
	fprintf(out, " offset %u length %u", e->off, e->len);
	if (e->kind == TRACE_CMD || e->id)
		fprintf(out, " cmd_id %u", e->id);
	if (e->kflags || e->uflags)
		fprintf(out, " kflags 0x%x uflags 0x%x", e->kflags, e->uflags);
	fprintf(out, " (cmd_head %u, cmd_tail %u)", e->head, e->tail);
	if (e->kind == TRACE_CMD) {
		dump_cmd(t, e, out);
		return;
	}
	if (e->kind == TRACE_TMR)
		fprintf(out, "\n          tmr_type %u, %u ids:", e->tmr_type, e->tmr_cnt);
	for (i = 0; e->kind == TRACE_TMR && i < e->tmr_cnt; i++) {
		memcpy(&id, t->bytes + e->payload + 2 * i, sizeof(id));
		fprintf(out, " %u", id);
	}
	fputc('\n', out);
}

static void dump_summary(const struct trace *t, FILE *out)
{
	size_t kinds[TRACE_KINDS] = { 0 }, ops[256] = { 0 }, op;
	uint64_t bytes = 0, iovs = 0;
	const struct trace_event *e;

	for (e = t->v; e < t->v + t->n; e++) {
		kinds[e->kind]++;
		if (e->kind != TRACE_CMD)
			continue;
		ops[t->bytes[e->payload]]++;
		bytes += trace_data_len(t->iovs + e->iov, e->iov_cnt + (size_t)e->bidi_cnt);
		if (e->iov_cnt + (uint64_t)e->bidi_cnt > iovs)
			iovs = e->iov_cnt + (uint64_t)e->bidi_cnt;
	}
	fprintf(out, "entries   %zu: %zu CMD, %zu PAD, %zu TMR",
		kinds[TRACE_CMD] + kinds[TRACE_PAD] + kinds[TRACE_TMR], kinds[TRACE_CMD],
		kinds[TRACE_PAD], kinds[TRACE_TMR]);
	for (op = TRACE_KICK; op < TRACE_KINDS; op++)
		if (kinds[op])
			fprintf(out, ", %zu %s", kinds[op], trace_kind_name((enum trace_kind)op));
	fputc('\n', out);
	fprintf(out, "data      %" PRIu64 " bytes, at most %" PRIu64 " iovs in an entry\n", bytes,
		iovs);
	for (op = 0; op < 256; op++)
		if (ops[op])
			fprintf(out, "opcode    0x%02zx %s: %zu\n", op,
				trace_opcode_name((uint8_t)op), ops[op]);
}

int trace_dump(const struct trace *t, bool summary, FILE *out)
{
	const struct trace_event *e;

	dump_header(t, out);
	for (e = t->v; !summary && e < t->v + t->n; e++)
		dump_event(t, e, out);
	dump_summary(t, out);
	if (fflush(out) || ferror(out))
		return errno ? -errno : -EIO;
	return 0;
}
