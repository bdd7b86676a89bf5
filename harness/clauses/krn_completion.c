/* SPDX-License-Identifier: MIT */
/*
 * Clauses KRN-060 to KRN-104: what becomes of a command afterwards.
 *
 * The completion walk, the queue-full list, both timers, and task management. They bind the
 * kernel's half, hence the simulator; handler authors read them to know what their stores lead to.
 */
#include "clause.h"

static const struct clause rows[] = {
	{
		.id = "KRN-060",
		.title = "What makes the kernel look at the tail",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_handle_completions)",
		.text = "Three things start a completion walk: a write of 4 bytes to the UIO "
			"file, the reclaimer, and block_dev going from 0 to 1. The kernel may "
			"therefore consume a tail before its owner has rung the doorbell.",
		.mistake = "Finishing work between the tail store and the doorbell, as if nothing "
			   "could happen in between. As cmd_tail is loaded afresh on each step, "
			   "one doorbell may also reclaim entries that were finished after it was "
			   "rung.",
		.see = "KRN-049 KRN-061 KRN-110 HND-038 HND-044",
	},
	{
		.id = "KRN-061",
		.title = "The completion walk",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_handle_completions)",
		.text = "On a BROKEN device the walk does nothing. Otherwise, as long as the "
			"reclaim pointer differs from cmd_tail, which is loaded again for each "
			"step, it takes the entry at the reclaim pointer. A PAD or TMR is passed "
			"by its length. Anything else is handled as a CMD (an opcode other than 1 "
			"only causes a warning in the kernel log): cmd_id is looked up, the "
			"command is completed, and the pointer moves on by the length found in "
			"the entry, modulo size.",
		.mistake = "A tail that is off an entry boundary or past head. The walk ends only "
			   "where its pointer meets cmd_tail, and it steps by lengths found in "
			   "the ring; past head there are zeroes on the first lap and old entries "
			   "later. A simulator detects every illegal tail and every changed "
			   "length at once, reports it with the ring around it, and never loops.",
		.see = "KRN-003 KRN-062 KRN-066 HND-012 HND-040 HND-051",
	},
	{
		.id = "KRN-062",
		.title = "A completion with an unknown id breaks the device",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_handle_completions)",
		.text = "BROKEN is set and the walk stops on the spot. The reclaim pointer "
			"remains on that entry and the queue-full list is not drained. Entries "
			"that this pass had walked before it stay completed.",
		.mistake = "Running the post-walk step all the same. Here, unlike in KRN-064, "
			   "waiting TMRs and waiting commands are not looked at in that pass.",
		.see = "KRN-063 KRN-064 HND-053",
	},
	{
		.id = "KRN-063",
		.title = "Life after BROKEN",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_handle_completions, tcmu_irqcontrol)",
		.text = "No completion is processed any more, new commands fail with 02/08/00, "
			"and new TMRs are dropped. Commands in flight and waiting commands still "
			"expire by their timers. Nothing but reset_ring clears the state. Writing "
			"to the doorbell returns 4 as ever.",
		.mistake = "Expecting to be told. A walk tests the state once, before its first "
			   "step, and nobody is told of it: the handler's writes succeed, and an "
			   "unplug may raise more events.",
		.see = "KRN-010 KRN-062 KRN-111 HND-072",
	},
	{
		.id = "KRN-064",
		.title = "Completing a KEEP_BUF command a second time",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_handle_completion, tcmu_handle_completions)",
		.text = "BROKEN is set, the walk ends and the reclaim pointer stays where it is. "
			"A second completion without KEEP_BUF frees the command together with its "
			"blocks; one with KEEP_BUF leaves them kept. In contrast to KRN-062 the "
			"step after the walk still runs. As BROKEN is set by then, it drops the "
			"waiting TMRs and fails every waiting command with 02/08/00.",
		.mistake = "Treating this like an unknown id. Whether the command survives "
			   "depends on the uflags of the second completion.",
		.see = "KRN-062 KRN-112 HND-036",
	},
	{
		.id = "KRN-065",
		.title = "Completing an ordinary command a second time",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "If its id is free by then, KRN-062 applies. If the id already went to "
			"another command, that new command is completed with data that is not its "
			"own, and nobody notices.",
		.mistake = "Looking for the command by the position of the entry. Only the id "
			   "counts: even a handler that works in order could complete out of "
			   "order.",
		.see = "KRN-050 KRN-062 HND-053",
	},
	{
		.id = "KRN-066",
		.title = "Order of decisions for one completion",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_handle_completion)",
		.text = "For each entry of a known id the kernel decides in this order.\n"
			"  1. expired: it is merely released, or kept if KEEP_BUF is set\n"
			"  2. kept already by KEEP_BUF: the device becomes BROKEN\n"
			"  3. UNKNOWN_OP: status becomes 0x02; neither sense nor data are taken\n"
			"  4. READ_LEN is evaluated\n"
			"  5. status 0x02: the 96 sense bytes are copied, and without a valid\n"
			"     READ_LEN it ends here, with no data\n"
			"  6. data is copied out\n"
			"  7. the command is completed",
		.mistake = "Storing into an entry after it was published. Status and read_len are "
			   "loaded more than once, so the result can be a mixture; a simulator "
			   "does not model that and reports any such store. Another: testing "
			   "UNKNOWN_OP before expiry.",
		.see = "KRN-067 KRN-068 KRN-069 KRN-070",
	},
	{
		.id = "KRN-067",
		.title = "UNKNOWN_OP on a command",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_handle_completion)",
		.text = "The initiator is given CHECK CONDITION with NOT READY 02/08/00, made by "
			"the kernel. Sense and data of the handler do not count. Before the "
			"reclaim pointer moves, the kernel stores scsi_status = 2 into the entry "
			"on the ring.",
		.mistake = "Forgetting that store in a simulator: it is the one time that the "
			   "kernel writes into an entry it reclaims.",
		.see = "KRN-066 HND-034 SCS-044",
	},
	{
		.id = "KRN-068",
		.title = "Sense is forwarded as it is",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "If the status is 0x02 all 96 bytes reach the initiator; neither response "
			"code nor length is checked, and 96 zeroes are passed on like any other "
			"sense. With a different status the sense buffer is not looked at.",
		.see = "KRN-066 HND-033 DIS-24",
	},
	{
		.id = "KRN-069",
		.title = "READ_LEN",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV, CORE (target_complete_cmd_with_length)",
		.text = "It counts only if the direction is FROM_DEVICE, the flag is set and "
			"read_len is not 0. Then min(read_len, data_length) is the effective "
			"length: no more bytes are copied, and if the status is GOOD or 0x02 and "
			"the effective length is below data_length, the rest is reported as an "
			"underflow residual. This is the only way to a residual. With status 0x02 "
			"the initiator gets the data and the sense.\n"
			"A read_len of 0 means that the flag is disregarded: the full length is "
			"copied and no residual reported.",
		.mistake = "Taking read_len = 0 for an empty transfer; honouring the flag on BIDI "
			   "and on writes, where it is ignored; or reporting a residual with "
			   "other statuses.",
		.see = "KRN-066 KRN-070 HND-035",
	},
	{
		.id = "KRN-070",
		.title = "Copying Data-In out",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (gather_data_area, tcmu_handle_completion), CORE",
		.text = "Without READ_LEN, a FROM_DEVICE command has the whole of its data_length "
			"copied from the blocks at any status but 0x02; where the status is not "
			"GOOD, target core then sends the status alone. For BIDI, min(data_length "
			"of the Data-Out side, length of the Data-In scatter list) bytes are "
			"copied from the Data-In blocks; target core sends them on with any "
			"status but CHECK CONDITION.",
		.mistake = "Copying nothing on every error. Only CHECK CONDITION without READ_LEN "
			   "skips the copy. Nor does it help that target core clears the first "
			   "segment of non-media reads: the copy out covers it with the blocks' "
			   "whole content, old bytes included.",
		.see = "KRN-042 KRN-046 KRN-069",
	},
	{
		.id = "KRN-071",
		.title = "The status byte is not interpreted",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "It is forwarded unmasked. 0x00 is GOOD; 0x02 goes with the handler's "
			"sense; 0x08, 0x18, 0x28, 0x40 and all others go without sense.",
		.see = "LAY-032 HND-032",
	},
	{
		.id = "KRN-072",
		.title = "What follows the walk",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_irqcontrol)",
		.text = "If the walk passed at least one entry, the TMR list is run. If that list "
			"is empty afterwards, or was so before, the queue-full list is drained: "
			"TMRs have priority. A doorbell that reclaims nothing drains nothing. In "
			"the end the command timer is set for the oldest deadline among the "
			"commands in flight.",
		.mistake = "Draining on each doorbell. One that finds nothing to reclaim leaves "
			   "waiting commands where they are; free_kept_buf and close have drains "
			   "of their own.",
		.see = "KRN-061 KRN-081 KRN-083 KRN-112 KRN-128",
	},
	{
		.id = "KRN-073",
		.title = "When the handler is notified",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_unplug_device, queue_tmr_ring), CORE",
		.text = "Each CMD causes one UIO event, unless a submitter that works in batches "
			"has plugged the device: then one event comes at the end of the batch, "
			"unconditionally, even if the batch put no entry on the ring. A TMR entry "
			"always notifies.\n"
			"Plugging belongs to queued submission. On 6.1 tcm_loop and vhost-scsi do "
			"that; on 6.12 each fabric does whose submit_type resolves to queue, "
			"which is the default of tcm_loop and vhost-scsi, whereas iSCSI and "
			"qla2xxx default to direct. Direct submission means one event per "
			"command.",
		.mistake = "Seeing an error in a wakeup without an entry: it is normal. A command "
			   "that leaves the queue-full list while the device is plugged stays "
			   "unannounced until the unplug; a TMR is announced at once even then.",
		.see = "KRN-010 HND-043",
	},
	{
		.id = "KRN-074",
		.title = "Read ordering on the kernel side",
		.level = CLAUSE_INFO,
		.where = CLAUSE_DOC,
		.source = "DRV",
		.text = "cmd_tail is loaded without acquire and the entry is read after it. On "
			"weakly ordered CPUs the exchange is correct owing to the handler's "
			"release store and to the system call. A simulator should load with "
			"acquire.",
		.see = "KRN-061 HND-038",
	},
	{
		.id = "KRN-080",
		.title = "When a command has to wait",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "It goes to the queue-full list if that list is not empty, if blocks are "
			"lacking, or if ring space is lacking. With qfull_time_out = 0 the list "
			"is not used, and the answer is TASK SET FULL at once.",
		.mistake = "Checking the size of a command before queueing it behind others: see "
			   "KRN-011.",
		.see = "KRN-010 KRN-081 KRN-091 DIS-10",
	},
	{
		.id = "KRN-081",
		.title = "Waiting commands keep their order",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (add_to_qfull_queue, run_qfull_queue)",
		.text = "A drain takes the list as a whole and retries one command after the "
			"other. One that still finds no room is put back at the front, and the "
			"remainder follows it unchanged. To retry is to re-arm that command's "
			"queue deadline, so each failed drain restarts the timeout of the front "
			"command.",
		.mistake = "Keeping a command's first deadline. Because it restarts, the order of "
			   "deadlines can differ from the order of the list.",
		.see = "KRN-011 KRN-072 KRN-091",
	},
	{
		.id = "KRN-082",
		.title = "A waiting command owns nothing",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "On the queue-full list a command has no ring space, no block and no id. "
			"The handler cannot see it.",
		.see = "KRN-080 KRN-101",
	},
	{
		.id = "KRN-083",
		.title = "A new command may overtake a waiting TMR",
		.level = CLAUSE_MUST,
		.where = CLAUSE_SIM,
		.sim = true,
		.source = "DRV",
		.text = "New commands wait behind the queue-full list alone, not behind a TMR "
			"list that is not empty.",
		.see = "KRN-072 KRN-102",
	},
	{
		.id = "KRN-090",
		.title = "Timeout of a command in flight",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_check_expired_ring_cmd, tcmu_setup_cmd_timer, "
			  "check_timedout_devices)",
		.text = "The deadline is now + cmd_time_out, rounded up to a full second of the "
			"jiffies clock. It is never early and may be about 1 s late, plus the "
			"latency of the worker. The default is 30 s. On expiry the initiator gets "
			"CHECK CONDITION 02/08/00, whereas id, blocks and ring entry stay taken. "
			"The handler is not told. When its completion comes after all, it only "
			"releases them.",
		.mistake = "Freeing the slot on expiry. A dead handler fills the ring with "
			   "expired entries, after which everything times out on the queue-full "
			   "list, with the different status 0x28. Also: re-arming the timer while "
			   "it is pending, or expiring in the timer itself; a worker does that.",
		.see = "KRN-092 KRN-093 KRN-094 HND-060 DIS-08 DIS-09",
	},
	{
		.id = "KRN-091",
		.title = "Timeout of a waiting command",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_check_expired_queue_cmd)",
		.text = "If qfull_time_out is above 0 it applies. If it is -1, cmd_time_out "
			"applies unless that is 0, and then 30 s. On expiry the answer is TASK "
			"SET FULL (0x28).",
		.see = "KRN-080 KRN-081 DIS-08 DIS-10",
	},
	{
		.id = "KRN-092",
		.title = "cmd_time_out = 0 switches the in-flight timer off",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "No such timer runs at all. A dead handler then holds up the initiators, "
			"and the removal of the device, until reset_ring is used.",
		.see = "KRN-090 KRN-150",
	},
	{
		.id = "KRN-093",
		.title = "A late completion with KEEP_BUF",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "If an expired command is completed with KEEP_BUF, it no longer counts as "
			"expired and its blocks are kept until they are freed.",
		.see = "KRN-066 KRN-090 HND-036",
	},
	{
		.id = "KRN-094",
		.title = "Promotion starts the command timeout afresh",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "A command that gets from the queue-full list onto the ring has the full "
			"cmd_time_out ahead of it, however long it waited.",
		.see = "KRN-081 KRN-090",
	},
	{
		.id = "KRN-095",
		.title = "When the timeouts may be changed",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "DRV",
		.text = "cmd_time_out (u32, in seconds) cannot be written while the device is "
			"exported. For qfull_time_out (-1, or seconds from 0 up) any time will "
			"do.",
		.see = "KRN-131",
	},
	{
		.id = "KRN-100",
		.title = "Which task management requests get here",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.sim = true,
		.source = "DRV (tcmu_tmr_notify), CORE (core_tmr_abort_task)",
		.text = "Three callers in target core lead to a TMR notification.\n"
			"  ABORT TASK          type 1; its list holds 0 or 1 command\n"
			"  LOGICAL UNIT RESET  type 5\n"
			"  PREEMPT AND ABORT   type 128\n"
			"The ABI has more types, but no code in 6.1 or 6.12 produces them.",
		.mistake = "Expecting an id in each ABORT TASK entry. It is emitted with a count "
			   "of 0 as well, when no task matched.",
		.see = "KRN-101 KRN-102 LAY-041",
	},
	{
		.id = "KRN-101",
		.title = "Aborting commands that wait, even with notification off",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_tmr_notify)",
		.text = "Aborted commands found on the queue-full list leave it at once and are "
			"completed with TASK ABORTED (0x40). Whether the initiator gets to see a "
			"status is then for target core to decide, by its rules for aborts and "
			"TAS.",
		.mistake = "Doing so only if tmr_notification is set.",
		.see = "KRN-082 KRN-100",
	},
	{
		.id = "KRN-102",
		.title = "The TMR entry",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (queue_tmr_ring)",
		.text = "It is made only if tmr_notification is 1. cmd_cnt is the number of "
			"aborted commands that own an id, and the ids are listed in target core's "
			"order. Rules for space, PAD and head are those of a command; if other "
			"TMRs wait already or space is lacking, the TMR waits. On a BROKEN device "
			"it is dropped; BLOCKED makes no difference. It has no id and no timer, "
			"and the limit of half the ring does not apply to it.",
		.mistake = "Applying the limit of half the ring: 65535 ids would need 131104 "
			   "bytes.",
		.see = "KRN-030 KRN-032 KRN-083 LAY-040 HND-016",
	},
	{
		.id = "KRN-103",
		.title = "Aborted commands that are in flight",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV, CORE (target_complete_cmd_with_sense)",
		.text = "They remain on the ring. Before it answers the task management request "
			"the kernel waits for their completion, so the handler still has to "
			"complete each of them once, with whatever status. Ids in the list may "
			"belong to commands that the handler has completed but the kernel has not "
			"reclaimed yet.",
		.mistake = "Looking for the handler's status at the initiator: once a command is "
			   "marked aborted its status is thrown away, although its data was "
			   "copied.",
		.see = "HND-016 HND-053",
	},
	{
		.id = "KRN-104",
		.title = "TMR entries are passed by the walk",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "The walk skips them. The handler has to consume them in order by means "
			"of cmd_tail, just as a PAD. There is no response to a TMR.",
		.see = "KRN-061 HND-016",
	},
};

const struct clause_table clauses_krn_completion = { rows, sizeof(rows) / sizeof(rows[0]) };
