/* SPDX-License-Identifier: MIT */
/*
 * The vocabulary of fuzz programs: verbs with their arguments, and the fields of the setup.
 *
 * One table serves reading, printing, bringing into range and help, so that they cannot disagree.
 */
#include "words.h"

#include "../handlers/store.h"

#define ANY UINT64_MAX

const char *const fuzz_bases[FUZZ_BASES] = {
	[FUZZ_B_ZERO] = "region", [FUZZ_B_RING] = "ring", [FUZZ_B_HEAD] = "head",
	[FUZZ_B_TAIL] = "tail",	  [FUZZ_B_OLD] = "old",	  [FUZZ_B_DATA] = "data",
	[FUZZ_B_END] = "end",
};

static const struct word_name tmr_types[] = {
	{ "unknown", TCMU_TMR_UNKNOWN },
	{ "abort-task", TCMU_TMR_ABORT_TASK },
	{ "abort-task-set", TCMU_TMR_ABORT_TASK_SET },
	{ "clear-aca", TCMU_TMR_CLEAR_ACA },
	{ "clear-task-set", TCMU_TMR_CLEAR_TASK_SET },
	{ "lun-reset", TCMU_TMR_LUN_RESET },
	{ "warm-reset", TCMU_TMR_TARGET_WARM_RESET },
	{ "cold-reset", TCMU_TMR_TARGET_COLD_RESET },
	{ "lun-reset-pro", TCMU_TMR_LUN_RESET_PRO },
	{ NULL, 0 },
};

static const struct word_name fills[] = {
	{ "new", FUZZ_FILL_NEW },
	{ "current", FUZZ_FILL_CURRENT },
	{ "zero", FUZZ_FILL_ZERO },
	{ "bytes", FUZZ_FILL_BYTES },
	{ "same", FUZZ_FILL_SAME },
	{ "next", FUZZ_FILL_NEXT },
	{ NULL, 0 },
};

static const struct word_name faults[] = {
	{ "read-eagain", FUZZ_READ_EAGAIN },
	{ "read-eintr", FUZZ_READ_EINTR },
	{ "write-eintr", FUZZ_WRITE_EINTR },
	{ "no-memory", FUZZ_NO_MEMORY },
	{ "gone", FUZZ_GONE },
	{ "hangup", FUZZ_HANGUP },
	{ "store-read", FUZZ_STORE_ERROR + STORE_READ },
	{ "store-write", FUZZ_STORE_ERROR + STORE_WRITE },
	{ "store-flush", FUZZ_STORE_ERROR + STORE_FLUSH },
	{ "store-discard", FUZZ_STORE_ERROR + STORE_DISCARD },
	{ "store-zero", FUZZ_STORE_ERROR + STORE_ZERO },
	{ NULL, 0 },
};

static const struct word_name reconfigs[] = {
	{ "dev-config", 0 }, /* enum target_reconfig */
	{ "dev-size", 1 },
	{ "write-cache", 2 },
	{ NULL, 0 },
};

const struct verb_word fuzz_verbs[FUZZ_VERBS] = {
	[FUZZ_SUBMIT] = { "submit",
			  "a command, its CDB in hexadecimal digits",
			  { { "cdb", WORD_CDB, true, 0, 0, NULL },
			    { "none", WORD_LEN, false, 1, RINGSIM_NONE, NULL },
			    { "out", WORD_LEN, false, 1, RINGSIM_TO_DEVICE, NULL },
			    { "in", WORD_LEN, false, 1, RINGSIM_FROM_DEVICE, NULL },
			    { "bidi", WORD_LEN, false, FUZZ_S_BIDI, RINGSIM_BIDI, NULL },
			    { "fill", WORD_NAME, false, FUZZ_S_FILL, FUZZ_FILL_NEXT, fills },
			    { "flip", WORD_NUM, false, FUZZ_S_FLIP, FUZZ_DATA_MAX, NULL },
			    { "bytes", WORD_BYTES, false, 0, 0, NULL } } },
	[FUZZ_TMR] = { "tmr",
		       "a task management function for some of the commands in flight",
		       { { "type", WORD_NAME, true, 0, 255, tmr_types },
			 { "first", WORD_NUM, false, 1, UINT32_MAX, NULL },
			 { "count", WORD_NUM, false, 2, UINT32_MAX, NULL } } },
	[FUZZ_ADVANCE] = { "advance",
			   "time goes by",
			   { { "ms", WORD_NUM, true, 0, FUZZ_MS_MAX, NULL } } },
	[FUZZ_EVENT] = { "event", "an event for nothing", { { 0 } } },
	[FUZZ_PLUG] = { "plug", "what is submitted from here on ...", { { 0 } } },
	[FUZZ_UNPLUG] = { "unplug", "... to here comes as one batch", { { 0 } } },
	[FUZZ_TURN] = { "turn",
			"at most so many turns of the handler's loop",
			{ { "count", WORD_NUM, true, 0, 65535, NULL } } },
	[FUZZ_SETTLE] = { "settle", "the handler runs until it sleeps", { { 0 } } },
	[FUZZ_AT] = { "at",
		      "the next line happens after so many steps of the handler",
		      { { "step", WORD_NUM, true, 0, UINT32_MAX, NULL } } },
	[FUZZ_KILL] = { "kill",
			"the handler dies, now or after so many steps",
			{ { "after", WORD_NUM, false, 0, UINT32_MAX, NULL },
			  { "power", WORD_NUM, false, 1, 1, NULL } } },
	[FUZZ_RESTART] = { "restart", "the handler starts again", { { 0 } } },
	[FUZZ_FREEZE] = { "freeze", "the handler is not scheduled from here on ...", { { 0 } } },
	[FUZZ_THAW] = { "thaw", "... to here", { { 0 } } },
	[FUZZ_BLOCK] = { "block", "action/block_dev", { { "value", WORD_NUM, true, 0, 1, NULL } } },
	[FUZZ_RESET] = { "reset",
			 "action/reset_ring, level 1 or 2",
			 { { "level", WORD_NUM, true, 0, 255, NULL } } },
	[FUZZ_POLL] = { "poll", "the kernel looks at cmd_tail by itself", { { 0 } } },
	[FUZZ_QFULL] = { "qfull",
			 "attrib/qfull_time_out",
			 { { "seconds", WORD_LESS_1, true, 0, 1u << 20, NULL } } },
	[FUZZ_RAW] = { "raw",
		       "an entry of a reserved opcode; 0: a PAD",
		       { { "op", WORD_NUM, true, 0, 7, NULL },
			 { "len", WORD_NUM, false, 1, 1u << 20, NULL },
			 { "fill", WORD_HEX, false, 2, 255, NULL } } },
	[FUZZ_DECOY] = { "decoy",
			 "entries beyond cmd_head",
			 { { "count", WORD_NUM, true, 0, 65535, NULL } } },
	[FUZZ_FAULT] = { "fault",
			 "what the handler's surroundings do to it next",
			 { { "what", WORD_NAME, true, 0, FUZZ_STORE_ERROR + STORE_ZERO, faults },
			   { "count", WORD_NUM, false, 1, 65535, NULL } } },
	[FUZZ_REMOVE] = { "remove", "the device is removed", { { 0 } } },
	[FUZZ_ADD] = { "add", "the device is added", { { 0 } } },
	[FUZZ_RECONFIG] = { "reconfig",
			    "the device is reconfigured",
			    { { "what", WORD_NAME, true, 0, 2, reconfigs },
			      { "value", WORD_NUM, true, 1, ANY, NULL } } },
	[FUZZ_STORE] = { "store",
			 "the seat: u8, u16, u32 or u64 somewhere in the region",
			 { { "width", WORD_WIDTH, true, 2, 8, NULL },
			   { "place", WORD_PLACE, true, 0, FUZZ_BASES - 1, NULL },
			   { "value", WORD_HEX, true, 3, ANY, NULL } } },
	[FUZZ_FILL] = { "fill",
			"the seat: the same byte over and over",
			{ { "place", WORD_PLACE, true, 0, FUZZ_BASES - 1, NULL },
			  { "len", WORD_NUM, true, 2, ANY, NULL },
			  { "byte", WORD_HEX, true, 3, 255, NULL } } },
	[FUZZ_RING] = { "ring",
			"the seat: a write to the node of so many bytes",
			{ { "len", WORD_NUM, true, 0, 4096, NULL },
			  { "value", WORD_HEX, false, 1, ANY, NULL } } },
	[FUZZ_READ] = { "read",
			"the seat: a read from the node",
			{ { "len", WORD_NUM, true, 0, 4096, NULL } } },
	[FUZZ_MAP] = { "map",
		       "the seat: one more mapping, undone again",
		       { { "len", WORD_NUM, true, 0, ANY, NULL },
			 { "offset", WORD_HEX, false, 1, ANY, NULL } } },
	[FUZZ_OPEN] = { "open", "the seat: the node is opened", { { 0 } } },
	[FUZZ_CLOSE] = { "close", "the seat: the node is closed", { { 0 } } },
	[FUZZ_ANSWER] = { "answer",
			  "the seat: entries are answered as they should be",
			  { { "count", WORD_NUM, true, 0, UINT32_MAX, NULL },
			    { "ring", WORD_NUM, false, 1, 1, NULL },
			    { "how", WORD_NUM, false, 2, UINT32_MAX, NULL } } },
	[FUZZ_FREE] = { "free",
			"action/free_kept_buf",
			{ { "id", WORD_NUM, true, 0, UINT32_MAX, NULL } } },
};

#define SETUP(field, device, least, max, step, help)                                              \
	{                                                                                         \
#field, offsetof(struct fuzz_setup, field), device, false, least, max, step, help \
	}
#define FLAG(field, device, help) SETUP(field, device, 0, 1, 1, help)

const struct setup_word fuzz_setup_words[] = {
	SETUP(ring, true, 512, (8u << 20) - 128, 8, "bytes of the ring"),
	SETUP(ring_start, true, 0, 8u << 20, 8, "where in it everything begins"),
	SETUP(ring_off, true, 128, 1u << 20, 8, "where in the region the ring is"),
	SETUP(blocks, true, 1, 1u << 18, 1, "data blocks"),
	SETUP(pages_per_blk, true, 1, 64, 1, "pages in each of them"),
	SETUP(frag, true, 1, 1u << 18, 1, "every second of so many of them is taken"),
	{ "disk", offsetof(struct fuzz_setup, disk), true, true, 8, FUZZ_DISK_MAX / 512, 1,
	  "logical blocks of the disk" },
	SETUP(block_size, true, 512, 65536, 4, "bytes of one of them"),
	SETUP(version, true, 0, 65535, 1, "of the mailbox"),
	SETUP(name, true, 0, FUZZ_NAMES - 1, 1, "number of the UIO name"),
	FLAG(no_ooo, true, "without the out-of-order capability"),
	FLAG(no_read_len, true, "without READ_LEN"),
	FLAG(no_keep_buf, true, "without KEEP_BUF"),
	FLAG(tmr, true, "with task management entries"),
	SETUP(cmd_s, true, 0, 1u << 20, 1, "cmd_time_out in seconds"),
	SETUP(qfull, true, 0, 1u << 20, 1, "1 + qfull_time_out in seconds"),
	FLAG(seat, true, "the program plays the handler"),
	FLAG(async, true, "entries are released as soon as the tail moves"),
	FLAG(poison, true, "released blocks are poisoned"),
	SETUP(first_event, true, 0, UINT32_MAX, 1, "the event counter's first value"),
	SETUP(pool, true, 0, 1 << 20, 1, "pages that devices share; 0: the kernel's default"),
	FLAG(twin, true, "another device of the same pool, to which everything happens as well"),
	FLAG(in_order, false, "answers in issue order"),
	FLAG(wce, false, "a volatile write cache"),
	FLAG(read_only, false, "write protected"),
	FLAG(read_len, false, "READ_LEN is used"),
	SETUP(reorder, false, 0, UINT32_MAX, 1, "answers in an order made from this"),
	SETUP(depth, false, 0, 4096, 1, "commands held at once"),
	SETUP(medium, false, 0, 3, 1,
	      "1: power can be cut, 2: and it is slow, 3: nothing to unmap"),
};
const size_t fuzz_setup_word_cnt = sizeof(fuzz_setup_words) / sizeof(fuzz_setup_words[0]);
