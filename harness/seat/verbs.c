/* SPDX-License-Identifier: MIT */
/* The words of the seat language; program.h has the grammar. */
#include "program.h"

#define NUM(n)                       \
	{                            \
		n, SEAT_T_NUM, false \
	}
#define NUM_(n)                     \
	{                           \
		n, SEAT_T_NUM, true \
	}
#define BYTES(n)                       \
	{                              \
		n, SEAT_T_BYTES, false \
	}
#define WORD(n)                       \
	{                             \
		n, SEAT_T_WORD, false \
	}
#define WORD_(n)                     \
	{                            \
		n, SEAT_T_WORD, true \
	}

const struct seat_verb seat_verbs[SEAT_VERBS] = {
	[SEAT_TAKE] = { "take",
			"take the next command (kind=tmr: TMR, kind=any: entry) and call it LABEL; "
			"commands of another SCSI opcode are served",
			{ WORD("label"), NUM("op"), WORD("kind"), NUM("ms") } },
	[SEAT_ANSWER] = { "answer",
			  "answer LABEL in the slot at the tail and move the tail over it; without "
			  "status= by carrying the command out",
			  { WORD("label"), NUM("status"), BYTES("sense"), NUM("uflags"),
			    NUM("read_len"), NUM("id"), NUM("stay") } },
	[SEAT_DATA] = { "data",
			"repeat BYTES over the Data-In buffers of LABEL",
			{ WORD_("label"),
			  { "bytes", SEAT_T_BYTES, true },
			  NUM("len"),
			  NUM("off") } },
	[SEAT_SKIP] = { "skip",
			"move the tail over the entry there, unanswered",
			{ NUM("uflags") } },
	[SEAT_SERVE] = { "serve",
			 "carry out and answer N commands properly, or as many as come in MS",
			 { NUM("n"), NUM("ms") } },
	[SEAT_SEEK] = { "seek", "go on taking at this ring offset", { NUM("to") } },
	[SEAT_TAIL] = { "tail", "store cmd_tail with release", { NUM_("value") } },
	[SEAT_RING] = { "ring", "write the doorbell", { NUM("bytes"), NUM("value") } },
	[SEAT_WAIT] = { "wait", "wait for an event", { NUM("ms") } },
	[SEAT_READ] = { "read", "read the event counter, without waiting", { NUM("bytes") } },
	[SEAT_STORE] = { "store",
			 "store u8, u16, u32 or u64 at a region offset",
			 { WORD_("width"), NUM_("where"), NUM_("value"), NUM("to"), NUM("step") } },
	[SEAT_LOAD] = { "load",
			"load it; with want= it must be that",
			{ WORD_("width"), NUM_("where"), NUM("want") } },
	[SEAT_FILL] = { "fill",
			"repeat BYTES over a range of the region",
			{ NUM_("where"), NUM_("len"), { "bytes", SEAT_T_BYTES, true } } },
	[SEAT_SHOW] = { "show",
			"print mailbox, entry (at a ring offset) or bytes (at a region offset)",
			{ WORD_("what"), NUM("where"), NUM("len") } },
	[SEAT_MAP] = { "map",
		       "map the node once more, or again after unmap",
		       { NUM("len"), NUM("offset"), WORD("prot"), WORD("flags") } },
	[SEAT_UNMAP] = { "unmap",
			 "unmap what was mapped last, or a range of the region",
			 { NUM("where"), NUM("len") } },
	[SEAT_PROTECT] = { "protect",
			   "mprotect a range of the region",
			   { NUM_("where"), NUM_("len"), WORD_("prot") } },
	[SEAT_ADVISE] = { "advise",
			  "madvise a range of the region",
			  { NUM_("where"), NUM_("len"), NUM_("advice") } },
	[SEAT_REMAP] = { "remap",
			 "mremap a range of the region to another length",
			 { NUM_("where"), NUM_("len"), NUM_("to") } },
	[SEAT_OPEN] = { "open", "open the node once more, or again after close", { { 0 } } },
	[SEAT_CLOSE] = { "close", "close the descriptor opened last", { { 0 } } },
	[SEAT_DUP] = { "dup", "duplicate the descriptor", { { 0 } } },
	[SEAT_FORK] = { "fork", "a child holds descriptor and mapping for MS", { NUM_("ms") } },
	[SEAT_SLEEP] = { "sleep", "wait", { NUM_("ms") } },
	[SEAT_SEND] = { "send",
			"send a CDB as an initiator; MS after which it is aborted",
			{ WORD_("label"),
			  { "cdb", SEAT_T_BYTES, true },
			  NUM("in"),
			  NUM("out"),
			  BYTES("fill"),
			  NUM("ms") } },
	[SEAT_RESET] = { "reset", "reset the LUN as an initiator", { { 0 } } },
	[SEAT_RESULTS] = { "results",
			   "wait until N (or all) sent commands have come back",
			   { NUM("n"), NUM("ms") } },
	[SEAT_WRITE] = { "write",
			 "write a text to a configfs file of the device, or to module:PARAMETER",
			 { WORD_("file"), WORD_("text"), NUM("ms") } },
	[SEAT_NETLINK] = { "netlink",
			   "send a TCM-USER message; attributes as TYPE:u8|u16|u32|u64|str|none:"
			   "VALUE, separated by commas",
			   { NUM_("cmd"), WORD("attrs"), NUM("version") } },
	[SEAT_LOOP] = { "loop", "repeat the operations up to end", { NUM_("n") } },
	[SEAT_THREAD] = { "thread",
			  "a second thread does the operations up to end, meanwhile",
			  { { 0 } } },
	[SEAT_END] = { "end", "of loop and thread", { { 0 } } },
};

const char *const seat_names[SEAT_NAMES] = {
	[SEAT_NUMBER] = "",	  [SEAT_HEAD] = "head",	    [SEAT_TAIL_NOW] = "tail",
	[SEAT_AT] = "at",	  [SEAT_NEXT] = "next",	    [SEAT_LEN] = "len",
	[SEAT_ID] = "id",	  [SEAT_IOV] = "iov",	    [SEAT_SIZE] = "size",
	[SEAT_RING_OFF] = "ring", [SEAT_DATA_OFF] = "data", [SEAT_MAP_LEN] = "map",
	[SEAT_PAGE] = "page",
};

static void print_usage(FILE *f, const struct seat_verb *v)
{
	fprintf(f, "  %s", v->name);
	for (int i = 0; i < SEAT_ARGS && v->param[i].name; i++)
		fprintf(f, v->param[i].required ? " %s" : " [%s]", v->param[i].name);
	fprintf(f, "\n      %s\n", v->help);
}

void seat_print_verbs(FILE *f)
{
	for (int i = 0; i < SEAT_VERBS; i++)
		print_usage(f, &seat_verbs[i]);
}
