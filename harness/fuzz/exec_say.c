/* SPDX-License-Identifier: MIT */
/* What happens while a program is carried out, for people who replay it. */
#include "exec_impl.h"

#include <stdarg.h>
#include <stdio.h>

void exec_say(struct exec *r, const char *fmt, ...)
{
	va_list ap;

	fputs("      ", r->x->say);
	va_start(ap, fmt);
	vfprintf(r->x->say, fmt, ap);
	va_end(ap);
	putc('\n', r->x->say);
}

void exec_say_op(struct exec *r, uint32_t pc)
{
	const struct fuzz_op *op = &r->p->ops[pc];
	struct fuzz_cdb cdb;

	fprintf(r->x->say, "%4u%s ", pc + 1, r->inside ? " *" : "  ");
	fuzz_print_op(op, r->x->say);
	if (op->verb == FUZZ_SUBMIT) {
		fuzz_cdb_decode(&cdb, op->cdb, r->facts.blocks, r->facts.block_size);
		fprintf(r->x->say, "  # %s", cdb.name);
		if (cdb.kind != FUZZ_K_OTHER)
			fprintf(r->x->say, " lba=%llu blocks=%llu", (unsigned long long)cdb.lba,
				(unsigned long long)cdb.blocks);
	}
	putc('\n', r->x->say);
}

void exec_say_end(struct exec *r, const struct exec_cmd *e)
{
	static const char *const outcomes[] = {
		"pending",	    "answered",	      "refused", "expired",
		"expired in queue", "ended by reset", "aborted",
	};
	const struct target_io *io = &e->c.io;

	fprintf(r->x->say, "      %s of line %u %s: status 0x%02x", e->cdb.name, e->c.nr,
		outcomes[io->outcome < 7 ? io->outcome : 0], io->status);
	if (io->sense_valid)
		fprintf(r->x->say, " sense %x/%04x", sense_key(io->sense), sense_asc(io->sense));
	if (io->residual)
		fprintf(r->x->say, " residual %u", io->residual);
	putc('\n', r->x->say);
}
