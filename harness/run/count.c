/* SPDX-License-Identifier: MIT */
/* Commands and violations in numbers. */
#include "run.h"

#include <string.h>

/* Either format of sense data. */
static uint32_t sense_of(const struct world_command *cmd)
{
	const uint8_t *s = cmd->sense;

	if (!cmd->sense_valid)
		return 0;
	if ((s[0] & 0x7f) < 0x72)
		return (uint32_t)(s[2] & 0x0f) << 16 | (uint32_t)s[12] << 8 | s[13];
	return (uint32_t)(s[1] & 0x0f) << 16 | (uint32_t)s[2] << 8 | s[3];
}

void count_command(struct counts *c, const struct world_command *cmd)
{
	struct opcount *op = &c->ops[cmd->cdb[0]];
	uint32_t i, sense = sense_of(cmd);

	c->n++;
	op->n++;
	op->core += cmd->core;
	c->expired += cmd->outcome == RINGSIM_EXPIRED || cmd->outcome == RINGSIM_QUEUE_EXPIRED;
	if (!cmd->status && cmd->outcome != RINGSIM_ABORTED) {
		op->good++;
		op->bytes += cmd->len - (cmd->residual < cmd->len ? cmd->residual : cmd->len);
		return;
	}
	for (i = 0; i < op->n_endings; i++)
		if (op->endings[i].status == cmd->status && op->endings[i].sense == sense &&
		    op->endings[i].outcome == cmd->outcome)
			break;
	if (i == ENDINGS) {
		op->other++;
		return;
	}
	if (i == op->n_endings)
		op->endings[op->n_endings++] = (struct ending){ .status = cmd->status,
								.outcome = cmd->outcome,
								.sense = sense };
	op->endings[i].n++;
}

bool count_violation(struct counts *c, const struct ringsim_violation *v)
{
	struct breach *b;
	uint32_t i;

	c->violations++;
	for (i = 0; i < c->n_breaches; i++) {
		if (!strcmp(c->breaches[i].clause, v->clause)) {
			c->breaches[i].n++;
			return false;
		}
	}
	if (c->n_breaches == RUN_VIOLATIONS)
		return false;
	b = &c->breaches[c->n_breaches++];
	snprintf(b->clause, sizeof(b->clause), "%s", v->clause);
	snprintf(b->what, sizeof(b->what), "%s", v->what);
	b->n = 1;
	return true;
}

void count_reset(struct counts *c)
{
	memset(c->ops, 0, sizeof(c->ops));
	c->n = c->expired = 0;
}
