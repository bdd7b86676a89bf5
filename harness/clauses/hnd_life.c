/* SPDX-License-Identifier: MIT */
/*
 * Clauses HND-060 to HND-086: surviving timeouts, kills, resets, removal and hotplug.
 *
 * They bind the handler. Each says what must be done, what the harness observes from outside, and
 * what real handlers get wrong.
 */
#include "clause.h"

static const struct clause rows[] = {
	{
		.id = "HND-060",
		.title = "Be in time, and complete late commands all the same",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.10, DRV",
		.text = "A command should be completed within cmd_time_out. One that is late must "
			"be completed nevertheless.",
		.observe = "Commands are made to expire early in the simulator; still each slot "
			   "has to be released, once. Late data must not get to the model of the "
			   "initiator.",
		.mistake = "Dropping a command because the kernel has timed it out anyway: the "
			   "slot is lost.",
		.see = "KRN-090 HND-053 DIS-09",
	},
	{
		.id = "HND-061",
		.title = "Survive SIGKILL at any instruction",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.3 1.1.10",
		.text = "At each moment the ring must be in a state that a successor can use. For "
			"in-order handlers that means: everything below the tail is complete, "
			"with data and response stored before the tail.",
		.observe = "A kill at each boundary between two stores, and a new instance after "
			   "it. No command may be left unexecuted, no response below the tail may "
			   "be torn, no status wrong.",
		.mistake = "Moving the tail past a response that is not finished.",
		.see = "HND-038 HND-062 HND-070 DIS-11",
	},
	{
		.id = "HND-062",
		.title = "Executing again after a restart does no harm",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.10",
		.text = "What lies between cmd_tail and cmd_head may have been executed before, "
			"in part or in full, so that doing it again must be idempotent. The hard "
			"case is COMPARE AND WRITE: repeating one that succeeded can look like "
			"MISCOMPARE.",
		.observe = "A kill between the write to the medium and the store of the tail, a "
			   "restart, and then the final image and the statuses.",
		.mistake = "Backends that append, and so duplicate; a COMPARE AND WRITE that is "
			   "replayed.",
		.see = "HND-061 HND-070",
	},
	{
		.id = "HND-063",
		.title = "Ring the doorbell once after attaching",
		.level = CLAUSE_SHOULD,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "The predecessor may have died after its tail store and before its write. "
			"With nothing pending the doorbell does no harm.",
		.observe = "The simulator starts with the tail ahead of its reclaim pointer and "
			   "with a full queue. Only a doorbell gets it going.",
		.mistake = "Waiting for an event, which cannot come while the ring is full.",
		.see = "KRN-061 KRN-072 HND-044",
	},
	{
		.id = "HND-064",
		.title = "Reset the ring only when nothing is in use",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV, RUN",
		.text = "No index, id or reference to a buffer may be carried across a reset. The "
			"order to follow, which tcmu-runner uses on restart, is block_dev = 1, "
			"reset_ring = 1, open and map, block_dev = 0.",
		.observe = "The simulator resets while the handler has commands in flight. A "
			   "later completion of one of the old ids fails.",
		.mistake = "A supervisor that resets the ring while the old process lives.",
		.see = "KRN-110 KRN-111 KRN-113 HND-071",
	},
	{
		.id = "HND-065",
		.title = "Shut down in order",
		.level = CLAUSE_SHOULD,
		.where = CLAUSE_REAL,
		.source = "DRV",
		.text = "Write 1 to block_dev, finish what is in flight, ring the doorbell, "
			"close, write 0 to block_dev.",
		.observe = "After the exit head, tail and reclaim pointer are equal, no id is in "
			   "flight, and no initiator saw an error.",
		.mistake = "Exiting with commands in flight, and leaving the rest to the "
			   "timeouts.",
		.see = "KRN-110",
	},
	{
		.id = "HND-066",
		.title = "Do not wait for yourself",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "SEED 1.1.3",
		.text = "A handler must not do I/O to a device that it serves, nor be swapped out "
			"to it. It should lock its memory as far as the I/O path goes.",
		.observe = "Whether it stalls under memory pressure while swap or a file system "
			   "is on the served device.",
		.mistake = "A backing file on a file system that is itself on the exported disk.",
	},
	{
		.id = "HND-067",
		.title = "Running short of memory is no reason to stop",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.3",
		.text = "The command must be completed even then, with TASK SET FULL (0x28), BUSY "
			"(0x08) or CHECK CONDITION.",
		.observe = "Allocation failures are injected; each id has to be completed still.",
		.mistake = "When malloc fails tcmu-runner reports that there is no command, and "
			   "then waits for another event.",
		.see = "KRN-071 SCS-043",
	},
	{
		.id = "HND-070",
		.title = "An in-order handler resumes at cmd_tail",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.10",
		.text = "If it completes strictly in order, a handler must be able to take up the "
			"work at cmd_tail without a reset.",
		.observe = "Kill and attach, over and over, without a reset. All commands "
			   "complete, none twice with different results.",
		.mistake = "Throwing away at the start what lies between tail and head; resetting "
			   "the ring without need, which makes BUSY out of success.",
		.see = "HND-048 HND-061 HND-062 HND-071 DIS-11",
	},
	{
		.id = "HND-071",
		.title = "An out-of-order handler needs more than the ring to restart",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "SEED 1.1.6 1.1.10, DRV",
		.text = "It must use reset_ring (by way of HND-064) or keep a journal of which "
			"slot was used for which id. The ring is not enough: slots below the tail "
			"were used up under other ids, and entries above it may describe commands "
			"that are done, while requests that are not were overwritten. An "
			"alternative that it MAY choose: before publishing, move the request of A "
			"into the entry of B, if it fits.",
		.observe = "A and B are issued, B is completed in A's slot, the handler is "
			   "killed. The new instance finds B's entry again; completing it would "
			   "use an id that is unknown or belongs to another command.",
		.mistake = "Concluding from \"the ring is preserved\" that any handler can "
			   "restart.",
		.see = "KRN-061 KRN-111 HND-051 HND-064 DIS-11",
	},
	{
		.id = "HND-072",
		.title = "Notice a broken ring and recover",
		.level = CLAUSE_SHOULD,
		.where = CLAUSE_REAL,
		.source = "DRV",
		.text = "A handler should notice it (all new I/O fails with 02/08/00, doorbells "
			"have no effect) and use reset_ring.",
		.observe = "The harness breaks the ring on purpose and expects the handler to "
			   "recover or to exit cleanly and say why.",
		.mistake = "Waiting for ever, since the doorbell keeps succeeding.",
		.see = "KRN-063 KRN-111",
	},
	{
		.id = "HND-080",
		.title = "Subscribe before scanning",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "SEED 1.1.9",
		.text = "Join the multicast group first, scan sysfs after that, and sort out what "
			"was seen twice.",
		.observe = "A device is created while the handler starts, many times over.",
		.mistake = "Scanning first: a device that is added between the scan and the join "
			   "is missed.",
		.see = "KRN-140 KRN-143",
	},
	{
		.id = "HND-081",
		.title = "Set the reply feature only if replies are certain",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "DRV",
		.text = "As soon as the flag is set, each event of each device configured "
			"afterwards needs exactly one DONE, or whoever writes to configfs hangs. "
			"It may be set only if some process is sure to answer.",
		.observe = "With the handler running, enable, removal and writes to attributes "
			   "return within a bound. They are tried again after it was killed; "
			   "there a hang until KRN-148 is used is expected, and the harness has "
			   "that escape ready.",
		.mistake = "A tool that runs once, sets the flag and exits.",
		.see = "KRN-144 KRN-145 KRN-148",
	},
	{
		.id = "HND-082",
		.title = "One matching reply for each event",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "DRV",
		.text = "The DONE must be of the kind of the event, carry its DEVICE_ID and the "
			"status 0 or a negative errno, and be sent once. Where several daemons "
			"run, one alone should reply: who comes second gets ENODEV, and a wrong "
			"kind EINVAL.",
		.observe = "A passive listener beside the handler counts the DONE messages per "
			   "event. The waiter in the kernel returns once, with the status that "
			   "was reported.",
		.mistake = "tcmu-runner sends -ENOENT for each device without a handler of its "
			   "own, so that another daemon's device cannot be enabled.",
		.see = "KRN-146 KRN-147",
	},
	{
		.id = "HND-083",
		.title = "On ADDED, serve the device before replying",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "DRV",
		.text = "The device should be mapped and served before status 0 is sent. While "
			"ADDED is being handled, the handler must not use the files in action/, "
			"nor write attributes in configfs that wait for a reply themselves.",
		.observe = "enable returns 0, and the first I/O is served at once.",
		.mistake = "A netlink thread that waits for I/O to the device it is adding.",
		.see = "KRN-145 KRN-149",
	},
	{
		.id = "HND-084",
		.title = "On REMOVED, let go of the device before replying",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "SEED 1.1.9, DRV",
		.text = "Stop, unmap, close, and reply after that. Otherwise memory stays pinned. "
			"The minor number may be used again.",
		.observe = "No mapping of the removed device is left, nothing is accessed after "
			   "the reply, and a new device with the same minor works.",
		.mistake = "A thread that goes on polling the old descriptor number.",
		.see = "KRN-125 KRN-150",
	},
	{
		.id = "HND-085",
		.title = "On RECONFIG, apply the change or refuse it",
		.level = CLAUSE_SHOULD,
		.where = CLAUSE_REAL,
		.source = "DRV, T10",
		.text = "It should be applied, or refused with -EOPNOTSUPP. After a change of "
			"size the handler should raise the unit attention 06/2A/09 on each path "
			"that a nexus can see, as the kernel raises none. After WRITECACHE it "
			"should update WCE in mode page 08.",
		.observe = "After a write to dev_size: the answer to READ CAPACITY, and whether "
			   "the next command meets a unit attention.",
		.mistake = "Replying 0 and changing nothing.",
		.see = "KRN-135 SCS-040",
	},
	{
		.id = "HND-086",
		.title = "Events of older kernels",
		.level = CLAUSE_INFO,
		.where = CLAUSE_DOC,
		.source = "RUN",
		.text = "It is good to cope with generic netlink version 1, whose events have no "
			"DEVICE_ID and expect no reply (SHOULD).",
		.observe = "Nothing: 6.1 and 6.12 do not send it.",
		.mistake = "Dropping the event of version 1 because DEVICE_ID is missing.",
		.see = "KRN-140 KRN-142",
	},
};

const struct clause_table clauses_hnd_life = { rows, sizeof(rows) / sizeof(rows[0]) };
