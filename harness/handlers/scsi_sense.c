/* SPDX-License-Identifier: MIT */
/*
 * Sense data: fixed format, or descriptor format once D_SENSE was set (HND-033, SCS-040).
 */
#include "scsi_impl.h"

#include <errno.h>
#include <string.h>

#define FIXED_LEN	18
#define FIXED_VALID	0x80
#define INFO_DESC_LEN	12
#define INFO_DESC_VALID 0x80

static uint32_t fill_fixed(uint8_t *buf, enum scsi_sense sense, bool has_info, uint64_t info)
{
	memset(buf, 0, FIXED_LEN);
	buf[0] = 0x70;
	buf[2] = (uint8_t)(sense >> 16);
	buf[7] = FIXED_LEN - 8;
	buf[12] = (uint8_t)(sense >> 8);
	buf[13] = (uint8_t)sense;
	if (has_info && info <= UINT32_MAX) {
		buf[0] |= FIXED_VALID;
		put_be32(buf + 3, (uint32_t)info);
	}
	return FIXED_LEN;
}

static uint32_t fill_descriptor(uint8_t *buf, enum scsi_sense sense, bool has_info, uint64_t info)
{
	memset(buf, 0, 8 + INFO_DESC_LEN);
	buf[0] = 0x72;
	buf[1] = (uint8_t)(sense >> 16);
	buf[2] = (uint8_t)(sense >> 8);
	buf[3] = (uint8_t)sense;
	if (!has_info)
		return 8;
	buf[7] = INFO_DESC_LEN;
	buf[8] = 0x00;
	buf[9] = INFO_DESC_LEN - 2;
	buf[10] = INFO_DESC_VALID;
	put_be64(buf + 12, info);
	return 8 + INFO_DESC_LEN;
}

uint32_t scsi_fill_sense(uint8_t *buf, bool descriptor, enum scsi_sense sense, bool has_info,
			 uint64_t info)
{
	if (descriptor)
		return fill_descriptor(buf, sense, has_info, info);
	return fill_fixed(buf, sense, has_info, info);
}

void scsi_fail(struct scsi_task *t, enum scsi_sense sense)
{
	memset(t->cmd.sense, 0, sizeof(t->cmd.sense));
	scsi_fill_sense(t->cmd.sense, t->lun->d_sense, sense, false, 0);
	scsi_status(t, SAM_CHECK_CONDITION);
}

void scsi_fail_info(struct scsi_task *t, enum scsi_sense sense, uint64_t info)
{
	memset(t->cmd.sense, 0, sizeof(t->cmd.sense));
	scsi_fill_sense(t->cmd.sense, t->lun->d_sense, sense, true, info);
	scsi_status(t, SAM_CHECK_CONDITION);
}

void scsi_attend(struct scsi_lun *lun, enum scsi_sense sense)
{
	for (int i = 0; i < SCSI_ATTENTIONS; i++) {
		if (lun->attention[i] == sense)
			return;
		if (lun->attention[i] == SENSE_NONE) {
			lun->attention[i] = sense;
			return;
		}
	}
}

enum scsi_sense scsi_attention(struct scsi_lun *lun)
{
	enum scsi_sense first = lun->attention[0];

	for (int i = 1; i < SCSI_ATTENTIONS; i++)
		lun->attention[i - 1] = lun->attention[i];
	lun->attention[SCSI_ATTENTIONS - 1] = SENSE_NONE;
	return first;
}

/*
 * A full disk is not a bad sector: a thin unit that runs out of space says so with the standard's
 * own code, which initiators hand on as "no space" instead of retiring the device. Shortage of
 * memory passes, so it asks for a retry (SCS-043).
 */
void scsi_fail_store(struct scsi_task *t, int rc)
{
	if (rc == -ENOMEM || rc == -EAGAIN)
		scsi_status(t, SAM_TASK_SET_FULL);
	else if (rc == -ENODEV || rc == -ENXIO)
		scsi_fail(t, SENSE_MEDIUM_NOT_PRESENT);
	else if (t->io.op == STORE_READ)
		scsi_fail(t, SENSE_READ_ERROR);
	else if (rc == -ENOSPC || rc == -EDQUOT)
		scsi_fail(t, SENSE_SPACE_EXHAUSTED);
	else
		scsi_fail(t, SENSE_WRITE_ERROR);
}
