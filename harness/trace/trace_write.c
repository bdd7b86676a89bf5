/* SPDX-License-Identifier: MIT */
/* Trace to text; trace.h describes the format, trace_parse.c reads it back. */
#include "trace_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

void write_hex(const uint8_t *bytes, uint32_t n, FILE *out)
{
	for (; n; n--, bytes++)
		fprintf(out, "%02x", *bytes);
}

void write_iovs(const struct trace *t, const struct trace_event *e, FILE *out)
{
	uint64_t i;

	fprintf(out, " iov=%u/%u/%u", e->iov_cnt, e->bidi_cnt, e->dif_cnt);
	for (i = 0; i < (uint64_t)e->iov_cnt + e->bidi_cnt; i++)
		fprintf(out, " %" PRIx64 "+%" PRIx64, t->iovs[e->iov + i].base,
			t->iovs[e->iov + i].len);
}

static void write_ids(const struct trace *t, const struct trace_event *e, FILE *out)
{
	uint32_t i;
	uint16_t id;

	for (i = 0; i < e->payload_len / 2; i++) {
		memcpy(&id, t->bytes + e->payload + 2 * i, sizeof(id));
		fprintf(out, "%s%u", i ? "," : " ids=", id);
	}
}

static void write_entry(const struct trace *t, const struct trace_event *e, FILE *out)
{
	fprintf(out, "%s head=%u tail=%u off=%u len=%u op=%u id=%u kf=%u uf=%u",
		trace_kind_name(e->kind), e->head, e->tail, e->off, e->len, e->op, e->id, e->kflags,
		e->uflags);
	if (e->kind == TRACE_TMR) {
		fprintf(out, " type=%u cnt=%u", e->tmr_type, e->tmr_cnt);
		write_ids(t, e, out);
	} else if (e->kind == TRACE_CMD) {
		fprintf(out, " cdb_off=%" PRIu64 " cdb=", e->cdb_off);
		write_hex(t->bytes + e->payload, e->payload_len, out);
		write_iovs(t, e, out);
	}
	fputc('\n', out);
}

void write_header(const struct trace *t, FILE *out)
{
	const struct trace_header *h = &t->hdr;

	if (t->format == 2)
		fputs("# tcmu-trace 2\n", out);
	fprintf(out, "# mailbox ver=%u flags=%x cmdr_off=%u cmdr_size=%u map=%" PRIu64, h->version,
		h->flags, h->cmdr_off, h->cmdr_size, h->map_len);
	fprintf(out, " head=%u tail=%u", h->head, h->tail);
	if (h->blk_size)
		fprintf(out, " blk=%u", h->blk_size);
	fputc('\n', out);
	if (t->format == 2)
		fprintf(out, "# device tick=%u cmd_time_out=%u qfull_time_out=%d tmr=%u desc=%u\n",
			h->tick_ns, h->cmd_time_out, h->qfull_time_out, h->tmr_notification,
			h->desc_sense);
}

int trace_write(const struct trace *t, FILE *out)
{
	const struct trace_event *e;

	write_header(t, out);
	for (e = t->v; e < t->v + t->n; e++) {
		if (t->format == 2)
			lines_write(t, e, out);
		else if (e->kind == TRACE_KICK)
			fprintf(out, "KICK tail=%u status=%u\n", e->tail, e->status);
		else if (e->kind == TRACE_IRQ)
			fprintf(out, "IRQ count=%u head=%u tail=%u\n", e->count, e->head, e->tail);
		else
			write_entry(t, e, out);
	}
	if (fflush(out) || ferror(out))
		return errno ? -errno : -EIO;
	return 0;
}
