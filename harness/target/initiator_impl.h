/* SPDX-License-Identifier: MIT */
/*
 * What the ways to a target share: initiator.c has what is common, initiator_iscsi.c and
 * initiator_probe.c begin their own structures with struct initiator.
 */
#ifndef HARNESS_INITIATOR_IMPL_H
#define HARNESS_INITIATOR_IMPL_H

#include "initiator.h"

/**
 * struct initiator_ops - the functions of initiator.h with these names, and
 * @submit: @cmd is within the limits, and has no result yet; 0: it will end by initiator_ended()
 * @forget: @cmd ends now, by initiator_ended(), whatever the target does
 * @close:  without commands, all of which had ended if it is @idle; frees @in
 */
struct initiator_ops {
	struct initiator_limits limits;
	int (*submit)(struct initiator *in, struct initiator_cmd *cmd);
	void (*forget)(struct initiator *in, struct initiator_cmd *cmd);
	int (*poll)(struct initiator *in, uint32_t timeout_ms);
	int (*tmf)(struct initiator *in, enum initiator_function function,
		   struct initiator_cmd *cmd, struct initiator_tmf *tmf);
	int (*barrier)(struct initiator *in, uint32_t timeout_ms);
	void (*close)(struct initiator *in, bool idle);
	int (*fd)(struct initiator *in);
};

struct initiator {
	const struct initiator_ops *ops;
	struct initiator_cmd *cmds;
	uint32_t outstanding;
	uint64_t order;
	bool lost, closing;
};

uint64_t initiator_now_us(void);
/** initiator_ended() - @cmd has its result but for @end: order, time, callback. */
void initiator_ended(struct initiator *in, struct initiator_cmd *cmd, enum initiator_end end);
/** initiator_poll_until() - *@flag is true, or the bound: 0, -ETIMEDOUT or -ENOTCONN. */
int initiator_poll_until(struct initiator *in, const bool *flag, uint32_t timeout_ms);

/* Each as initiator_open(). */
int initiator_iscsi_open(struct initiator **out, const char *url, const char *name,
			 uint32_t timeout_ms, char *err, size_t err_len);
int initiator_probe_open(struct initiator **out, const char *url, const char *name, char *err,
			 size_t err_len);

#endif
