/* SPDX-License-Identifier: MIT */
/*
 * The wire format: <linux/target_core_user.h> with its pitfalls taken out, and the few sizes that
 * follow from it.
 *
 * The kernel header brings a struct iovec of its own, which collides with <sys/uio.h>; this header
 * lets the C library's definition win (same layout). Include this, never the kernel header.
 * Clauses: LAY-001 to LAY-080, KRN-012, KRN-020.
 */
#ifndef RINGSIM_ABI_H
#define RINGSIM_ABI_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#ifndef __LINUX_UIO_H
#define __LINUX_UIO_H
#endif
#include <linux/target_core_user.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Longest CDB that a command entry can carry: variable length, 8 + 252 bytes (KRN-012). */
#define RINGSIM_CDB_MAX	     260u
/** Offset of the ring in a region that a shipping kernel makes: the size of the mailbox. */
#define RINGSIM_MAILBOX_SIZE ((uint32_t)sizeof(struct tcmu_mailbox))
/** Highest command id; ids are 1..65535 (KRN-050). */
#define RINGSIM_ID_MAX	     65535u
/** Bytes of a command entry that a response may overwrite: [8, 112) (LAY-031). */
#define RINGSIM_RSP_END	     ((uint32_t)sizeof(struct tcmu_cmd_entry))

/* The packed kernel structs hold properly aligned members; these name their offsets once. */
#define RINGSIM_OFF_HEAD     ((uint32_t)offsetof(struct tcmu_mailbox, cmd_head))
#define RINGSIM_OFF_TAIL     ((uint32_t)offsetof(struct tcmu_mailbox, cmd_tail))
#define RINGSIM_OFF_ID	     4u
#define RINGSIM_OFF_KFLAGS   6u
#define RINGSIM_OFF_UFLAGS   7u
#define RINGSIM_OFF_IOV_CNT  8u
#define RINGSIM_OFF_BIDI_CNT 12u
#define RINGSIM_OFF_DIF_CNT  16u
#define RINGSIM_OFF_CDB_OFF  24u
#define RINGSIM_OFF_STATUS   8u
#define RINGSIM_OFF_RDLEN    12u
#define RINGSIM_OFF_SENSE    16u
#define RINGSIM_OFF_IOV	     48u

/**
 * ringsim_cdb_len() - CDB length in bytes as the target core derives it (KRN-012)
 * @cdb: at least 1 readable byte, 8 if the opcode is 0x7f
 *
 * The length comes from the opcode's group alone. A variable-length CDB (0x7f) that claims more
 * than RINGSIM_CDB_MAX is cut there.
 */
static inline uint32_t ringsim_cdb_len(const uint8_t *cdb)
{
	static const uint8_t group_len[8] = { 6, 10, 10, 12, 16, 12, 10, 10 };

	if (cdb[0] == 0x7f) {
		uint32_t len = cdb[7] + 8u;

		return len > RINGSIM_CDB_MAX ? RINGSIM_CDB_MAX : len;
	}
	return group_len[cdb[0] >> 5];
}

/** ringsim_entry_base() - offset of the CDB in an entry with @iovs iovs (KRN-020, KRN-022). */
static inline uint32_t ringsim_entry_base(uint32_t iovs)
{
	uint32_t base = RINGSIM_OFF_IOV + iovs * (uint32_t)sizeof(struct iovec);

	return base < RINGSIM_RSP_END ? RINGSIM_RSP_END : base;
}

/** ringsim_entry_len() - length of a CMD entry in bytes (LAY-080). */
static inline uint32_t ringsim_entry_len(uint32_t iovs, uint32_t cdb_len)
{
	return ringsim_entry_base(iovs) + ((cdb_len + 7u) & ~7u);
}

/** ringsim_tmr_len() - length of a TMR entry with @ids command ids in bytes (LAY-040). */
static inline uint32_t ringsim_tmr_len(uint32_t ids)
{
	return ((uint32_t)sizeof(struct tcmu_tmr_entry) + 2u * ids + 7u) & ~7u;
}

#ifdef __cplusplus
}
#endif
#endif
