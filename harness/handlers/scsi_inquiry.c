/* SPDX-License-Identifier: MIT */
/*
 * INQUIRY: who we are and what we can do. Nothing is claimed that is not implemented (SCS-031): no
 * third-party copy, no ALUA, no protection, no extended pages.
 */
#include "scsi_impl.h"

#include <string.h>

#define VENDOR		 "TCMU    "
#define PRODUCT		 "reference disk  "
#define REVISION	 "0001"

#define INQ_EVPD	 0x01
#define INQ_CMDDT	 0x02
#define INQ_CMDQUE	 0x02
#define SPC_4		 0x06

/* Version descriptors, no particular revision claimed. */
#define SAM_5		 0x00a0
#define SPC_4_DESCRIPTOR 0x0460
#define SBC_3		 0x04c0

static void standard(struct scsi_task *t, uint32_t alloc_len)
{
	uint8_t buf[74] = { 0 };

	buf[0] = 0x00; /* connected, direct access */
	buf[2] = SPC_4;
	buf[3] = 0x02; /* response data format */
	buf[4] = sizeof(buf) - 5;
	buf[7] = INQ_CMDQUE;
	memcpy(buf + 8, VENDOR, 8);
	memcpy(buf + 16, PRODUCT, 16);
	memcpy(buf + 32, REVISION, 4);
	put_be16(buf + 58, SAM_5);
	put_be16(buf + 60, SPC_4_DESCRIPTOR);
	put_be16(buf + 62, SBC_3);
	scsi_data_in(t, buf, sizeof(buf), alloc_len);
}

static const uint8_t vpd_pages[] = { 0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2 };

/* Each page function fills @p from byte 4 on and returns the page length. */
static uint16_t vpd_supported(const struct scsi_lun *lun, uint8_t *p)
{
	(void)lun;
	memcpy(p + 4, vpd_pages, sizeof(vpd_pages));
	return sizeof(vpd_pages);
}

static uint16_t vpd_serial(const struct scsi_lun *lun, uint8_t *p)
{
	size_t len = strlen(lun->serial);

	memcpy(p + 4, lun->serial, len);
	return (uint16_t)len;
}

/* FNV-1a: the same serial number gives the same identity, now and after a restart. */
static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *s != '\0'; s++)
		h = (h ^ (uint8_t)*s) * 0x100000001b3u;
	return h;
}

/* A T10 designator (vendor and serial number) and a locally assigned NAA, both of the unit. */
static uint16_t vpd_identification(const struct scsi_lun *lun, uint8_t *p)
{
	size_t serial_len = strlen(lun->serial);
	uint8_t *d = p + 4;

	d[0] = 0x02; /* ASCII */
	d[1] = 0x01; /* logical unit, T10 vendor identification */
	d[3] = (uint8_t)(8 + serial_len);
	memcpy(d + 4, VENDOR, 8);
	memcpy(d + 12, lun->serial, serial_len);
	d += 4 + d[3];
	d[0] = 0x01; /* binary */
	d[1] = 0x03; /* logical unit, NAA */
	d[3] = 8;
	put_be64(d + 4, (hash(lun->serial) >> 4) | 0x3000000000000000u);
	d += 12;
	return (uint16_t)(d - (p + 4));
}

#define B0_LEN	 0x3c
#define WSNZ	 0x01
#define UGAVALID 0x80000000u

static uint16_t vpd_limits(const struct scsi_lun *lun, uint8_t *p)
{
	uint32_t page_blocks = 4096 / lun->block_size;

	if (page_blocks == 0)
		page_blocks = 1;
	p[4] = WSNZ;
	p[5] = SCSI_MAX_CAW_BLOCKS;
	put_be16(p + 6, (uint16_t)page_blocks); /* optimal transfer granularity */
	put_be32(p + 8, lun->max_transfer_blocks);
	put_be32(p + 12, SCSI_CHUNK_BYTES / lun->block_size); /* optimal transfer */
	if (lun->thin) {
		put_be32(p + 20, SCSI_MAX_UNMAP_BLOCKS);
		put_be32(p + 24, SCSI_MAX_UNMAP_DESCS);
		put_be32(p + 28, page_blocks); /* optimal unmap granularity */
		put_be32(p + 32, UGAVALID);    /* aligned at block 0 */
	}
	put_be64(p + 36, lun->max_write_same_blocks);
	return B0_LEN;
}

static uint16_t vpd_characteristics(const struct scsi_lun *lun, uint8_t *p)
{
	(void)lun;
	put_be16(p + 4, 1); /* does not rotate */
	return 0x3c;
}

#define B2_LBPU	   0x80
#define B2_LBPWS   0x40
#define B2_LBPWS10 0x20
#define B2_LBPRZ   0x04
#define B2_THIN	   0x02

static uint16_t vpd_provisioning(const struct scsi_lun *lun, uint8_t *p)
{
	if (lun->thin) {
		p[5] = B2_LBPU | B2_LBPWS | B2_LBPWS10 | B2_LBPRZ;
		p[6] = B2_THIN;
	}
	return 4;
}

static void vital_product_data(struct scsi_task *t, uint8_t page, uint32_t alloc_len)
{
	uint8_t buf[128] = { 0 };
	uint16_t len;

	switch (page) {
	case 0x00:
		len = vpd_supported(t->lun, buf);
		break;
	case 0x80:
		len = vpd_serial(t->lun, buf);
		break;
	case 0x83:
		len = vpd_identification(t->lun, buf);
		break;
	case 0xb0:
		len = vpd_limits(t->lun, buf);
		break;
	case 0xb1:
		len = vpd_characteristics(t->lun, buf);
		break;
	case 0xb2:
		len = vpd_provisioning(t->lun, buf);
		break;
	default:
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	buf[1] = page;
	put_be16(buf + 2, len);
	scsi_data_in(t, buf, 4u + len, alloc_len);
}

void scsi_inquiry(struct scsi_task *t)
{
	const uint8_t *cdb = t->cmd.cdb;
	uint32_t alloc_len = get_be16(cdb + 3);
	uint8_t page = cdb[2];

	if (cdb[1] & INQ_CMDDT) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	if (cdb[1] & INQ_EVPD) {
		vital_product_data(t, page, alloc_len);
		return;
	}
	if (page != 0) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	standard(t, alloc_len);
}
