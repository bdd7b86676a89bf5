/* SPDX-License-Identifier: MIT */
/*
 * Clauses KRN-110 to KRN-150: the kernel's surface around the ring.
 *
 * Recovery actions, the UIO file, configuration, the netlink family, and removal. Of those marked
 * as real the simulator shows the few that a handler meets through its file and mapping.
 */
#include "clause.h"

static const struct clause rows[] = {
	{
		.id = "KRN-110",
		.title = "action/block_dev",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.sim = true,
		.source = "DRV (tcmu_block_dev)",
		.text = "Takes 0 or 1; another value, or a device that is not configured, gives "
			"EINVAL. It reads as \"blocked\" or \"unblocked\". Writing 1 sets "
			"BLOCKED, runs the completions and fails the whole queue-full list with "
			"BUSY, while commands in flight continue. Writing 0 clears it. New "
			"commands get BUSY as long as the device is blocked.",
		.mistake = "Another order. The flag comes first, completions second, waiting "
			   "commands third; commands in flight are not touched.",
		.see = "KRN-010 KRN-060 HND-064 HND-065 DIS-19",
	},
	{
		.id = "KRN-111",
		.title = "action/reset_ring",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_reset_ring)",
		.text = "Write-only; takes 1 or 2. It goes through all ids: a command in flight "
			"is answered with BUSY (for 1) or with CHECK CONDITION 02/08/00 (for 2), "
			"expired and kept ones are freed without a word, and all blocks become "
			"free. Reclaim pointer, cmd_tail and cmd_head are set to 0, BROKEN is "
			"cleared, the command timer stopped, waiting TMRs are dropped, and the "
			"queue-full list is drained. The bytes of the ring are not cleared.\n"
			"Completions that are finished but not yet reclaimed are lost, that is to "
			"say they are answered with BUSY. Write 1 to block_dev before, so that "
			"they are taken in.",
		.mistake = "Expecting finished completions to be looked at first; forgetting that "
			   "the kernel stores to cmd_tail here; or expecting zeroes beyond head "
			   "afterwards: old entries are still there.",
		.see = "KRN-002 KRN-063 KRN-113 HND-064 DIS-19",
	},
	{
		.id = "KRN-112",
		.title = "action/free_kept_buf",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_free_kept_buf_store)",
		.text = "Write-only; takes an id as a decimal or hexadecimal u16, ERANGE above it. "
			"EINVAL if there is no such id or it is not held by KEEP_BUF. It frees the "
			"blocks and the id; then, unless a TMR waits, the queue-full list is "
			"drained.",
		.mistake = "Writing 0, which is no id: 6.1 and 6.12 take it for one while any "
			   "command has an id, and oops.",
		.see = "KRN-064 KRN-072 HND-036",
	},
	{
		.id = "KRN-113",
		.title = "A reset is not announced to the handler",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV",
		.text = "reset_ring neither wakes the handler nor tells it anything. One that "
			"keeps indices in a cache, or has work in flight, will corrupt the ring "
			"after it.",
		.see = "KRN-111 HND-064",
	},
	{
		.id = "KRN-120",
		.title = "open: one at a time",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.sim = true,
		.source = "UIO",
		.text = "While the device is open, opening it again fails with EBUSY. OPEN is "
			"cleared by the last close of the open file, for which forked children, "
			"duplicated descriptors, descriptors passed to others, and live mappings "
			"all count.",
		.mistake = "Taking the death of a process for the close. Release belongs to the "
			   "open file, not to a process.",
		.see = "KRN-128 HND-005 HND-006 HND-007",
	},
	{
		.id = "KRN-121",
		.title = "Events before open do not count",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "UIO (uio_open)",
		.text = "open takes the event counter as the listener's starting point. Neither "
			"read nor poll ever reports an event from before.",
		.mistake = "Building the doorbell on an eventfd or a pipe, which delivers earlier "
			   "events too. It has to be emptied at attach.",
		.see = "KRN-122 HND-041 DIS-21",
	},
	{
		.id = "KRN-122",
		.title = "read",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "UIO (uio_read)",
		.text = "A read has to be of exactly 4 bytes, else EINVAL. It blocks while the "
			"event count is the one the listener knows; then it returns the count, a "
			"total, as s32, and the listener knows that one. One read may stand for "
			"many events. With O_NONBLOCK there is EAGAIN; a signal interrupts it "
			"(EINTR, or a restart).",
		.mistake = "Taking the value for 1 or for a number of new events. It is a running "
			   "total that wraps at 32 bits.",
		.see = "KRN-121 HND-042 HND-046",
	},
	{
		.id = "KRN-123",
		.title = "write, the doorbell",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "UIO, DRV (tcmu_irqcontrol)",
		.text = "A write has to be of exactly 4 bytes, else EINVAL. The value is ignored. "
			"It returns 4 once the completion walk has run, synchronously, in the "
			"context of the caller. It never gives EAGAIN and never writes short.",
		.mistake = "Reading success as progress: on a BROKEN device it returns 4 all the "
			   "same.",
		.see = "KRN-060 KRN-063 HND-045 DIS-18",
	},
	{
		.id = "KRN-124",
		.title = "poll",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "UIO",
		.text = "The file is readable while the two counters differ. After the device was "
			"unregistered poll reports POLLIN, POLLERR and POLLHUP together.",
		.see = "KRN-122 KRN-125 HND-047",
	},
	{
		.id = "KRN-125",
		.title = "After the device has been removed",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.sim = true,
		.source = "UIO",
		.text = "Calls on the file of a removed device fail.\n"
			"  read   EIO\n"
			"  write  EINVAL\n"
			"  mmap   EINVAL\n"
			"  open   ENODEV\n"
			"Mappings that exist stay valid until they are unmapped.",
		.see = "KRN-124 HND-046 HND-084",
	},
	{
		.id = "KRN-126",
		.title = "mmap",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.sim = true,
		.source = "UIO, DRV",
		.text = "Offset 0, and a length of exactly as many pages as map0 has. A longer "
			"mapping is refused with EINVAL by UIO, a shorter one with EINVAL by the "
			"driver, another offset with EINVAL. MAP_PRIVATE is accepted and quietly "
			"breaks the protocol, as stores are not shared. The mapping does not "
			"appear in core dumps.",
		.see = "LAY-061 HND-003",
	},
	{
		.id = "KRN-127",
		.title = "Page faults",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.sim = true,
		.source = "DRV (tcmu_vma_fault, tcmu_try_get_data_page)",
		.text = "The pages of mailbox and ring can always be faulted in. Touching a data "
			"page that nothing backs at the moment is a SIGBUS and an error line in "
			"the kernel log.",
		.mistake = "A simulator on plain memory, where each page is present. Without "
			   "protection or poison it passes handlers that die on a kernel.",
		.see = "KRN-041 KRN-049 HND-018 DIS-23",
	},
	{
		.id = "KRN-128",
		.title = "The last close",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.sim = true,
		.source = "DRV (tcmu_release), UIO (uio_release)",
		.text = "Commands held by KEEP_BUF are freed, after which the queue-full list is "
			"drained if no TMR waits, and OPEN is cleared. Ring, cmd_tail, commands "
			"in flight, timers, BROKEN and BLOCKED remain as they are.",
		.mistake = "Running it when a process ends: it belongs to the open file. Once the "
			   "device is unregistered it is not called at all.",
		.see = "KRN-072 KRN-112 KRN-120 HND-036",
	},
	{
		.id = "KRN-130",
		.title = "Keys of the control file",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "DRV (the tcmu_set_ functions), CORE",
		.text = "Keys are separated by commas or newlines and belong before enable, "
			"unless noted.\n"
			"  dev_config           default empty. A string of which at most 255\n"
			"                       characters are kept; an empty value is passed\n"
			"                       over, as a key that is not known; comma and\n"
			"                       newline cannot be part of it here.\n"
			"  dev_size             default 0. u64, bytes; not compared with the\n"
			"                       block size.\n"
			"  hw_block_size        default 512. int above 0; the driver does not ask\n"
			"                       for a power of two.\n"
			"  hw_max_sectors       default 128. int above 0; CORE rounds it down to\n"
			"                       whole pages at enable.\n"
			"  nl_reply_supported   default 0. int; negative: never wait for replies.\n"
			"  max_data_area_mb     default 1024 (4 KiB pages). Above 0; clamped to\n"
			"                       the global limit; refused after enable; at least\n"
			"                       one block must fit.\n"
			"  data_pages_per_blk   default 1. No more than the data area has pages;\n"
			"                       refused after enable.\n"
			"  cmd_ring_size_mb     default 8. Above 0; more than 8 is clamped to 8\n"
			"                       and logged; refused after enable.\n"
			"A key that is not known is passed over without an error.",
		.mistake = "Taking any number. Each key has a legal range, and a simulator "
			   "answers a value outside of it with EINVAL.",
		.see = "KRN-131 LAY-060 LAY-061 LAY-062",
	},
	{
		.id = "KRN-131",
		.title = "Attributes under attrib/",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "DRV, CORE",
		.text = "To read and write, with defaults:\n"
			"  cmd_time_out         30      emulate_pr        1\n"
			"  qfull_time_out       -1      alua_support      1\n"
			"  dev_config                   pgr_support       1\n"
			"  dev_size                     enforce_pr_isids\n"
			"  emulate_write_cache  0       force_pr_aptpl\n"
			"  tmr_notification     0       submit_type (6.12 only)\n"
			"  nl_reply_supported\n"
			"To read only: max_data_area_mb, data_pages_per_blk, cmd_ring_size_mb, "
			"hw_block_size, hw_max_sectors, hw_queue_depth (128), hw_pi_prot_type.",
		.see = "KRN-095 KRN-130 KRN-135",
	},
	{
		.id = "KRN-132",
		.title = "Module parameters",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "DRV",
		.text = "The module has three parameters that matter here.\n"
			"  global_max_data_area_mb  2048; can be read and written\n"
			"  block_netlink            0 or 1; reads as blocked or unblocked\n"
			"  reset_netlink            write 1; of use only while netlink is blocked",
		.see = "KRN-048 KRN-148",
	},
	{
		.id = "KRN-133",
		.title = "How the UIO name is made",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "DRV (tcmu_dev_config_store, tcmu_update_uio_info)",
		.text = "tcm-user/<N>/<device>/<dev_config>, N being the number in the directory "
			"user_<N>. If dev_config is empty the last slash and what follows it are "
			"left out. The name is made anew when attrib/dev_config of a configured "
			"device changes.",
		.mistake = "Writing attrib/dev_config with echo, whose newline ends up in the UIO "
			   "name.",
		.see = "KRN-135 LAY-064 HND-004 DIS-14 DIS-15",
	},
	{
		.id = "KRN-134",
		.title = "The last LBA as target core sees it",
		.level = CLAUSE_INFO,
		.where = CLAUSE_DOC,
		.source = "DRV (tcmu_get_blocks), CORE",
		.text = "(dev_size - block size) / block size. Among other things CORE chooses "
			"the sense format by it: fixed (0x70), or descriptor (0x72) when the last "
			"LBA is above 0xFFFFFFFF.",
		.mistake = "Enabling a device whose dev_size is 0. The subtraction underflows to "
			   "a huge number; set the size first.",
		.see = "SCS-044",
	},
	{
		.id = "KRN-135",
		.title = "Changing a live device",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "DRV",
		.text = "A write of dev_size, dev_config or emulate_write_cache sends RECONFIG "
			"first and adopts the value only if that returns 0. With nobody listening "
			"on netlink the write fails with ESRCH. The kernel raises no unit "
			"attention.",
		.see = "KRN-131 KRN-143 KRN-145 HND-085",
	},
	{
		.id = "KRN-140",
		.title = "The netlink family",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "DRV",
		.text = "Generic netlink family TCM-USER, version 2, multicast group config, sent "
			"into every network namespace. Commands towards the kernel need "
			"CAP_NET_ADMIN as the family checks it.",
		.see = "KRN-141 KRN-142",
	},
	{
		.id = "KRN-141",
		.title = "Netlink commands",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "HDR",
		.text = "Numbers of the commands:\n"
			"  0  UNSPEC             4  ADDED_DEVICE_DONE\n"
			"  1  ADDED_DEVICE       5  REMOVED_DEVICE_DONE\n"
			"  2  REMOVED_DEVICE     6  RECONFIG_DEVICE_DONE\n"
			"  3  RECONFIG_DEVICE    7  SET_FEATURES",
		.see = "KRN-140 KRN-142",
	},
	{
		.id = "KRN-142",
		.title = "Netlink attributes",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "HDR, DRV",
		.text = "Numbers and types of the attributes:\n"
			"  0  UNSPEC                       5  DEV_SIZE (u64)\n"
			"  1  DEVICE (string, UIO name)    6  WRITECACHE (u8)\n"
			"  2  MINOR (u32)                  7  CMD_STATUS (s32)\n"
			"  3  PAD                          8  DEVICE_ID (u32)\n"
			"  4  DEV_CFG (string)             9  SUPP_KERN_CMD_REPLY (u8)",
		.see = "KRN-141 KRN-143",
	},
	{
		.id = "KRN-143",
		.title = "What an event carries",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "DRV",
		.text = "DEVICE, MINOR and DEVICE_ID in each event. RECONFIG has one more, "
			"exactly one of DEV_CFG, DEV_SIZE and WRITECACHE.",
		.see = "KRN-135 KRN-142",
	},
	{
		.id = "KRN-144",
		.title = "SET_FEATURES",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "DRV (tcmu_configure_device)",
		.text = "It sets a single flag, for the whole module, from SUPP_KERN_CMD_REPLY; "
			"the flag outlives whoever sent it. A device copies it when it is "
			"configured, unless its nl_reply_supported is negative.",
		.mistake = "Expecting a later SET_FEATURES = 1 to change devices that exist: it "
			   "does not. Yet the module's flag is tested for each event too, so a 0 "
			   "keeps later events of all devices from waiting; a waiter already "
			   "asleep is not woken.",
		.see = "KRN-130 KRN-145 HND-081",
	},
	{
		.id = "KRN-145",
		.title = "Waiting for replies",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "DRV",
		.text = "With replies on, enable, removal and reconfiguration block until the "
			"DONE message, without a limit and without being interruptible. Without "
			"any listener so far ADDED waits nevertheless, whereas removal and "
			"RECONFIG do not.",
		.see = "KRN-144 KRN-146 KRN-148 HND-081",
	},
	{
		.id = "KRN-146",
		.title = "The reply",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "DRV (tcmu_genl_cmd_done)",
		.text = "A DONE command has to be of the kind of the pending event, and to carry "
			"DEVICE_ID as received and CMD_STATUS, which is 0 or a negative errno. If "
			"an attribute is missing the answer is EINVAL, for a device that is not "
			"known ENODEV. For ADDED a status other than 0 makes enable fail, for "
			"RECONFIG it fails the write of the attribute, for REMOVED it is ignored.",
		.see = "KRN-141 KRN-145 KRN-147 HND-082",
	},
	{
		.id = "KRN-147",
		.title = "A reply of the wrong kind is refused and answers nothing",
		.level = CLAUSE_MUST,
		.where = CLAUSE_BOTH,
		.source = "DRV (tcmu_genl_cmd_done)",
		.text = "Its sender gets EINVAL, and the wait must go on: only the right DONE, or "
			"reset_netlink, ends it.",
		.mistake = "Taking any DONE of the device for the answer, or losing the pending "
			   "event to the wrong one.",
		.see = "KRN-146 KRN-148 HND-082",
	},
	{
		.id = "KRN-148",
		.title = "The way out of a wait",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "DRV",
		.text = "With block_netlink = 1, new events of devices that use replies fail with "
			"EAGAIN. reset_netlink = 1 then ends the waits that are pending, with "
			"EINTR. While netlink is not blocked, reset_netlink returns EBUSY if "
			"anything is pending.",
		.see = "KRN-132 KRN-145 HND-081",
	},
	{
		.id = "KRN-149",
		.title = "When ADDED and REMOVED are sent",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "DRV",
		.text = "ADDED goes out when the UIO device is registered already but the device "
			"does not count as configured yet; while it lasts, writes to action/ "
			"return EINVAL. REMOVED goes out before the UIO device is unregistered.",
		.see = "KRN-145 HND-083",
	},
	{
		.id = "KRN-150",
		.title = "Order of removal",
		.level = CLAUSE_MUST,
		.where = CLAUSE_REAL,
		.source = "DRV, UIO, CORE",
		.text = "A device is taken down in these steps.\n"
			"  1. the timers are deleted\n"
			"  2. the device leaves the reclaimer's list\n"
			"  3. REMOVED is sent and, with replies on, waited for\n"
			"  4. UIO is unregistered, which wakes sleepers\n"
			"  5. the last references go when the mappings are gone\n"
			"Before all this target core has drained the commands. If cmd_time_out is "
			"0 and the handler is dead, it takes a reset_ring to end that drain.",
		.see = "KRN-092 KRN-125 KRN-149 HND-084",
	},
};

const struct clause_table clauses_krn_control = { rows, sizeof(rows) / sizeof(rows[0]) };
