/* SPDX-License-Identifier: MIT */
/*
 * Watching a device from inside: what is done to it, and what it does then, in its own order.
 *
 * From outside, an answer can only be read in a race with the handler that stores it; a tap is told
 * what the device itself has read, and of an entry after it was laid out and before cmd_head shows
 * it. All that happens between two causes was caused by the first of them, so that whoever has
 * every event can have another device do the same again.
 *
 * A device without a tap, as it is made, pays for this one branch at each of these places.
 */
#ifndef RINGSIM_TAP_H
#define RINGSIM_TAP_H

#include <ringsim/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * enum ringsim_tap_kind - which fields of an event count beside @now_ns
 *
 * Causes:
 * @RINGSIM_TAP_SUBMIT:  @cmd was handed over; if cmd->aborted, it ends at once and is not looked at
 * @RINGSIM_TAP_WALK:    the handler rang, or the reclaimer came: answers are looked at (KRN-060)
 * @RINGSIM_TAP_EXPIRE:  commands whose time is over are looked for (KRN-090, KRN-091)
 * @RINGSIM_TAP_ABORT:   @cmds, @n of them, are aborted by a task-management function @tmr_type
 * @RINGSIM_TAP_BLOCK:   block_dev became @value; 1 comes with a look at answers (KRN-110)
 * @RINGSIM_TAP_RESET:   reset_ring, level @value
 * @RINGSIM_TAP_FREE:    free_kept_buf of the id @value
 * @RINGSIM_TAP_RELEASE: last close of the node
 * @RINGSIM_TAP_SET:     qfull_time_out became @seconds
 *
 * Effects:
 * @RINGSIM_TAP_ANSWER:  the slot at @off was read: @id, @uflags, @status, @read_len, and @sense
 *                       (TCMU_SENSE_BUFFERSIZE bytes) if @status is CHECK CONDITION, else NULL
 * @RINGSIM_TAP_TAIL:    the look at answers is over, cmd_tail was @value
 * @RINGSIM_TAP_ENTRY:   a CMD, PAD or TMR lies at @off and is published next; CMD: of @cmd
 * @RINGSIM_TAP_WAIT:    @cmd is put on the queue-full list
 * @RINGSIM_TAP_END:     @cmd is about to be handed back
 * @RINGSIM_TAP_LOST:    the handler changed what decides where the walk goes, so that it ended
 *                       where a kernel would run wild (TRP-01, TRP-02); or ringsim_put_raw() made
 *                       what no kernel makes
 */
enum ringsim_tap_kind {
	RINGSIM_TAP_SUBMIT,
	RINGSIM_TAP_WALK,
	RINGSIM_TAP_EXPIRE,
	RINGSIM_TAP_ABORT,
	RINGSIM_TAP_BLOCK,
	RINGSIM_TAP_RESET,
	RINGSIM_TAP_FREE,
	RINGSIM_TAP_RELEASE,
	RINGSIM_TAP_SET,

	RINGSIM_TAP_ANSWER,
	RINGSIM_TAP_TAIL,
	RINGSIM_TAP_ENTRY,
	RINGSIM_TAP_WAIT,
	RINGSIM_TAP_END,
	RINGSIM_TAP_LOST,
};

/**
 * struct ringsim_tap_event - valid, with what it points to, during the call
 * @now_ns: the device's time
 * @off:    ring offset in bytes
 * @cmds:   may hold commands that ended meanwhile; those are not aborted
 */
struct ringsim_tap_event {
	enum ringsim_tap_kind kind;
	uint64_t now_ns;
	struct ringsim_cmd *cmd;
	uint32_t value;
	int32_t seconds;
	uint32_t off;
	uint16_t id;
	uint8_t uflags, status;
	uint32_t read_len;
	const uint8_t *sense;
	uint8_t tmr_type;
	struct ringsim_cmd *const *cmds;
	uint32_t n;
};

/** ringsim_tap_fn - is told of @e; may write cmd->tap, and must not call the device but to look */
typedef void ringsim_tap_fn(void *ctx, const struct ringsim_tap_event *e);

/** ringsim_set_tap() - from now on tell @fn, or nobody if it is NULL. */
void ringsim_set_tap(struct ringsim_device *dev, ringsim_tap_fn *fn, void *ctx);

#ifdef __cplusplus
}
#endif
#endif
