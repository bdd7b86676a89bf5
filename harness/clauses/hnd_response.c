/* SPDX-License-Identifier: MIT */
/*
 * Clauses HND-030 to HND-054: responding, tail and doorbell, completing out of order.
 *
 * They bind the handler. Each says what must be done, what the harness observes from outside, and
 * what real handlers get wrong.
 */
#include "clause.h"

static const struct clause rows[] = {
	{
		.id = "HND-030",
		.title = "Save the request before the response is written",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR",
		.text = "All that is needed of iov_cnt and the other counts, cdb_off and the iovs "
			"must have been read before the first store to the response of that "
			"entry, since they share their bytes.",
		.observe = "A command with 4 iovs, whose iovs are gone if sense is written too "
			   "early. The simulator checks the data while CHECK CONDITIONs are mixed "
			   "in.",
		.mistake = "Clearing sense_buffer right at the start.",
		.see = "LAY-031 LAY-032 HND-052",
	},
	{
		.id = "HND-031",
		.title = "Write scsi_status each time",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.6, HDR",
		.text = "GOOD is no exception: what the kernel finds in the byte otherwise is a "
			"piece of the request.",
		.observe = "Commands with 1, 2 and 8 iovs, in which an unwritten status reads as "
			   "0x01, 0x02 or 0x08.",
		.mistake = "Expecting to find a 0 there.",
		.see = "LAY-032 HND-032",
	},
	{
		.id = "HND-032",
		.title = "Use SAM status codes",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.3",
		.text = "The status is one of 0x00, 0x02, 0x04, 0x08, 0x18, 0x28, 0x30 and 0x40.",
		.observe = "A byte that is none of these. The classic is 0x01, CHECK CONDITION "
			   "shifted right.",
		.mistake = "Constants of a host-side driver in place of the SAM byte; a negative "
			   "errno cut down to a byte.",
		.see = "KRN-071 DIS-20",
	},
	{
		.id = "HND-033",
		.title = "CHECK CONDITION comes with valid sense",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.6, DRV, T10",
		.text = "Byte 0 must be 0x70 or 0x71 (fixed format) or 0x72 or 0x73 (descriptor "
			"format), and the fields of that format must be filled in. What remains "
			"of the 96 bytes should be zero.\n"
			"  fixed       key: low nibble of byte 2; additional length: byte 7, at\n"
			"              least 0x0A; ASC: byte 12; ASCQ: byte 13; the valid bit\n"
			"              0x80 of byte 0 only together with INFORMATION\n"
			"  descriptor  key: byte 1; ASC: byte 2; ASCQ: byte 3; length: byte 7",
		.observe = "A response code of 0, bytes that equal those of the former cdb_off or "
			   "iovs, or a key of 0.",
		.mistake = "Copying 18 bytes, so that iovs shine through from sense byte 32 on; "
			   "building the sense at the wrong offset.",
		.see = "KRN-068 LAY-031 SCS-040 DIS-24",
	},
	{
		.id = "HND-034",
		.title = "UNKNOWN_OP is for ring opcodes, not for SCSI opcodes",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.6, DRV",
		.text = "A CMD whose SCSI opcode is not supported must not be completed with "
			"UNKNOWN_OP.",
		.observe = "A CMD completed with bit 0 of uflags set. Its initiator would see NOT "
			   "READY, which it retries, in place of 05/20/00.",
		.mistake = "Taking the word opcode in the design document for the SCSI one.",
		.see = "KRN-067 HND-015 SCS-040 DIS-04",
	},
	{
		.id = "HND-035",
		.title = "Short Data-In: use READ_LEN properly or zero the rest",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR, DRV",
		.text = "Using READ_LEN is optional (MAY). Whoever uses it must test "
			"CAP_READ_LEN, must write a read_len of at least 1, and must restrict it "
			"to Data-In commands. Without it, the part of the Data-In iovs that holds "
			"no answer should be zeroed.",
		.observe = "A short answer, such as INQUIRY with an allocation of 255 and 36 "
			   "bytes to give. Either READ_LEN says 36, or bytes 36 to 254 of the "
			   "iovs are zero. If the poison pattern is still there, another "
			   "command's data leaks.",
		.mistake = "tcmu-runner does neither, so old bytes get to the initiator. read_len "
			   "= 0 in the sense of \"nothing\", which the kernel ignores. READ_LEN "
			   "left behind in a slot that another command uses later.",
		.see = "KRN-042 KRN-069 LAY-011 DIS-02 DIS-06",
	},
	{
		.id = "HND-036",
		.title = "KEEP_BUF: test for it, free once, do not complete again",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR, DRV",
		.text = "Using KEEP_BUF is optional (MAY). Whoever uses it must test "
			"CAP_KEEP_BUF, must give each id back exactly once through free_kept_buf, "
			"and must never complete that id again.",
		.observe = "A second completion sets BROKEN; blocks that were not given back stay "
			   "in the bitmap.",
		.mistake = "Taking the id for free as soon as the command is completed; not "
			   "knowing that a close gives all kept buffers back.",
		.see = "KRN-064 KRN-093 KRN-112 KRN-128 LAY-011 DIS-02 DIS-07",
	},
	{
		.id = "HND-037",
		.title = "Assign uflags for each completion",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR, DRV",
		.text = "A handler that completes out of order must store the whole value of "
			"uflags for the very completion it writes, and not add to what the slot "
			"has.",
		.observe = "A slot taken over carries a flag that belongs to another command.",
		.mistake = "\"|=\" on a slot that was prepared for another command; flags that an "
			   "attempt before a restart left there.",
		.see = "LAY-022 KRN-061 HND-051",
	},
	{
		.id = "HND-038",
		.title = "Data and response first, then the tail, with release",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "Data-In bytes, the response and, in a slot taken over, cmd_id are all "
			"stored before a release store of cmd_tail.",
		.observe = "The simulator reclaims in the very moment the tail moves "
			   "(asynchronous mode); a weakly ordered CPU, or a checker that delays "
			   "stores.",
		.mistake = "Plain stores, as in tcmu-runner; publishing a batch while another "
			   "thread is still in its last memcpy.",
		.see = "KRN-060 KRN-061 KRN-074 HND-039",
	},
	{
		.id = "HND-039",
		.title = "Hands off once the entry is published",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.7",
		.text = "As soon as the tail has passed an entry, its CDB, its iovs, its data "
			"blocks and the entry itself must not be touched any more. Only blocks "
			"under KEEP_BUF are excepted.",
		.observe = "The simulator revokes or poisons the blocks at reclaim and gives them "
			   "to the next command at once.",
		.mistake = "Zero-copy completion; letting go after the doorbell when it should be "
			   "before the tail; dropping the state of an id after the tail, when the "
			   "id may have been given out anew.",
		.see = "KRN-042 KRN-050 KRN-066 HND-038",
	},
	{
		.id = "HND-040",
		.title = "Store reduced tail values only, each in one aligned store",
		.level = CLAUSE_MUST,
		.where = CLAUSE_SIM,
		.sim = true,
		.source = "SEED 1.1.6, DRV",
		.text = "The new tail is (old + length) mod cmdr_size. It is stored in one "
			"aligned access of 32 bits, and no value that is unreduced or provisional "
			"may show.",
		.observe = "Sampled tails have to be entry boundaries between the old tail and "
			   "head. One that is cmdr_size or larger is fatal.",
		.mistake = "Adding and reducing in two stores; a packed struct that makes the "
			   "compiler store byte by byte; two threads and no lock.",
		.see = "KRN-061 HND-011 HND-012 HND-049",
	},
	{
		.id = "HND-041",
		.title = "Drain the ring before the first wait",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "UIO",
		.text = "Commands may have been queued before the device was opened, and no event "
			"will come for them.",
		.observe = "The simulator has commands ready before open and raises no event. "
			   "They must be completed.",
		.mistake = "Blocking in read first, as go-tcmu and the sample in the design "
			   "document do. (tcmu-runner drains first.)",
		.see = "KRN-121 HND-042 DIS-10 DIS-21",
	},
	{
		.id = "HND-042",
		.title = "Wait without losing a wakeup",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.2, UIO",
		.text = "First consume the event by read, then drain until an acquire load of "
			"head equals the index, then wait again. To drain and to clear the event "
			"by a read after it, before waiting, is not allowed.",
		.observe = "The simulator publishes a command after the last load of head and "
			   "before the next read or poll.",
		.mistake = "A level-triggered poll without a read, which spins; a read after the "
			   "drain.",
		.see = "KRN-121 KRN-122 HND-010 HND-041",
	},
	{
		.id = "HND-043",
		.title = "Tolerate wakeups for nothing, and one wakeup for many",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV, CORE",
		.text = "It is normal that an event comes and the ring is empty, and that a "
			"single event stands for several entries.",
		.observe = "An event without an entry must not move the tail. Ringing the "
			   "doorbell then is permitted.",
		.mistake = "Counting one command per event; calling an empty drain an error.",
		.see = "KRN-073 HND-044",
	},
	{
		.id = "HND-044",
		.title = "Ring the doorbell after moving the tail",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.6, DRV",
		.text = "Once it has moved the tail, the handler must ring before it goes to "
			"sleep. It should ring once for a batch. The value does not matter. "
			"Progress over PAD and TMR entries alone should be published and "
			"announced as well, or that space is not reclaimed and waiting commands "
			"may starve.",
		.observe = "The tail moved and the thread sleeps without a write of 4 bytes: the "
			   "command would end by its timeout alone.",
		.mistake = "Ringing before the tail store. Ringing per event in an asynchronous "
			   "design where it should be per completion, so that late ones are "
			   "announced never. tcmu-runner carries the mailbox tail over a PAD or "
			   "TMR only with the next completion.",
		.see = "KRN-060 KRN-072 HND-045 HND-063",
	},
	{
		.id = "HND-045",
		.title = "A doorbell is 4 bytes, and its result counts",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.6, UIO",
		.text = "Exactly 4 bytes are written and the result is looked at: EINTR means "
			"again, EINVAL or EIO that the device is gone.",
		.observe = "Size and value of each write are logged. Other sizes return EINVAL "
			   "and are not counted as a doorbell.",
		.mistake = "8 bytes, out of habit from eventfd; 1 byte; buffered stdio.",
		.see = "KRN-123 HND-044 DIS-18",
	},
	{
		.id = "HND-046",
		.title = "Read 4 bytes, and know EAGAIN, EINTR and EIO",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.2, UIO",
		.text = "Reads are of exactly 4 bytes. With O_NONBLOCK EAGAIN is nothing unusual, "
			"EIO means that the device was removed, and no error may lead to a "
			"spinning loop.",
		.observe = "The simulator injects EAGAIN, EINTR and EIO. After the first two the "
			   "handler goes on serving, after the third it detaches.",
		.mistake = "Reading 8 bytes; dying of EAGAIN; looping on EIO for ever.",
		.see = "KRN-122 KRN-125 HND-047",
	},
	{
		.id = "HND-047",
		.title = "Stop at POLLERR or POLLHUP",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "UIO",
		.text = "When poll reports either, the file must not be used any longer.",
		.observe = "The simulator hangs up. Within a bound the handler has to stop "
			   "polling, and it must not spin.",
		.mistake = "Testing POLLIN first, and then looping on EIO.",
		.see = "KRN-124 HND-046",
	},
	{
		.id = "HND-048",
		.title = "Start from the mailbox's cmd_tail",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.10",
		.text = "On attach the index comes from cmd_tail in the mailbox. A private one "
			"does not survive from an earlier attach.",
		.observe = "The simulator starts with a tail other than 0.",
		.mistake = "Starting at 0, or at head, which skips commands that wait.",
		.see = "LAY-010 HND-070",
	},
	{
		.id = "HND-049",
		.title = "One writer at a time",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.4",
		.text = "There is one producer and one consumer. Between threads, updates of "
			"cmd_tail and the taking over of slots must be serialised.",
		.observe = "A pool of workers under stress; sampled tails that go back; a slot "
			   "lost or used twice.",
		.mistake = "tcmu-runner's library leaves the locking of completions to its "
			   "caller, who forgets it.",
		.see = "HND-040 HND-051",
	},
	{
		.id = "HND-050",
		.title = "Complete out of order only with CAP_OOOC",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.5, HDR",
		.text = "Before it completes in an order of its own, a handler must test "
			"CAP_OOOC. If the simulator clears that bit, the order has to be strict.",
		.observe = "With the bit cleared, successive slots that are reclaimed have to "
			   "carry ids in the order of issue.",
		.mistake = "go-tcmu takes over slots without looking at the flag.",
		.see = "LAY-011 HND-051 DIS-02 DIS-17",
	},
	{
		.id = "HND-051",
		.title = "A completion goes into the slot at cmd_tail",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.6, DRV",
		.text = "First skip PADs and TMRs there. Then write the cmd_id of the command "
			"that is finished, its response and its uflags into that entry, and "
			"advance by the length of that slot.",
		.observe = "The ids in the slots that were reclaimed are the ids that were "
			   "issued, each once.",
		.mistake = "Answering in the command's own entry and moving the tail across "
			   "another one; changing len_op.",
		.see = "KRN-061 HND-012 HND-037 HND-049 HND-052 DIS-17",
	},
	{
		.id = "HND-052",
		.title = "Copy every request up to the slot before overwriting it",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "HDR",
		.text = "Before a slot is overwritten, the requests of all entries up to it and "
			"of that slot itself must have been copied in full, with their CDBs.",
		.observe = "A is slow and B is fast, so B's completion overwrites A's slot. A "
			   "still has to be executed correctly, even after the kernel has reused "
			   "A's bytes on the ring.",
		.mistake = "go-tcmu keeps a slice of the CDB that points into the ring; when the "
			   "tail has passed, a new command lies there.",
		.see = "LAY-032 HND-030 HND-051",
	},
	{
		.id = "HND-053",
		.title = "Complete each command exactly once",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "No id twice, none left out, none invented. A kernel answers with BROKEN, "
			"or completes another command with the wrong data and says nothing.",
		.observe = "The ids completed, counted, against the ids issued.",
		.mistake = "Completing on the error path and again on the normal one; completing "
			   "once more after a TMR.",
		.see = "KRN-062 KRN-065 KRN-103 HND-016",
	},
	{
		.id = "HND-054",
		.title = "A flush covers the writes before it",
		.level = CLAUSE_SHOULD,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "T10, CORE",
		.text = "SYNCHRONIZE CACHE should complete only when each write whose completion "
			"preceded its arrival is durable. Target core orders nothing for this "
			"backend: a pass-through device skips the emulation of task attributes.",
		.observe = "A model of crash consistency: kill the handler once SYNCHRONIZE CACHE "
			   "is completed, and compare the stored image.",
		.mistake = "Completing the flush in another thread before earlier writes are in "
			   "the backing store.",
		.see = "SCS-030",
	},
};

const struct clause_table clauses_hnd_response = { rows, sizeof(rows) / sizeof(rows[0]) };
