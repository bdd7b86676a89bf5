/* SPDX-License-Identifier: MIT */
/*
 * MODE SENSE and MODE SELECT: pages 01, 08 and 0A.
 *
 * Two bits can be changed: WCE, which decides whether a write is durable when it completes, and
 * D_SENSE, which decides the sense format. Nothing can be saved.
 * Clauses: SCS-022, SCS-023, SCS-030, SCS-040.
 */
#include "scsi_impl.h"

#include <string.h>

#define PAGE_RECOVERY	0x01
#define PAGE_CACHING	0x08
#define PAGE_CONTROL	0x0a
#define PAGE_ALL	0x3f
#define SUBPAGE_ALL	0xff
#define PAGE_CODE	0x3f
#define PAGE_SPF	0x40

#define CACHING_WCE	0x04
#define CONTROL_D_SENSE 0x04
#define CONTROL_GLTSD	0x02
#define CONTROL_REORDER 0x10 /* queue algorithm modifier: unrestricted */

#define DEVICE_WP	0x80
#define DEVICE_DPOFUA	0x10
#define LONGLBA		0x01

/* What a page shows: PC of MODE SENSE. */
enum { PC_CURRENT = 0, PC_CHANGEABLE = 1, PC_DEFAULT = 2, PC_SAVED = 3 };

#define PAGE_MAX_LEN 20
#define MODE_MAX_LEN (8 + 16 + 3 * PAGE_MAX_LEN)

static uint32_t recovery_page(uint8_t *p)
{
	p[0] = PAGE_RECOVERY;
	p[1] = 0x0a;
	return 12;
}

static uint32_t caching_page(const struct scsi_lun *lun, uint8_t pc, uint8_t *p)
{
	bool wce = pc == PC_DEFAULT ? lun->wce_default : lun->wce;

	p[0] = PAGE_CACHING;
	p[1] = 0x12;
	if (pc == PC_CHANGEABLE || wce)
		p[2] = CACHING_WCE;
	return 20;
}

static uint32_t control_page(const struct scsi_lun *lun, uint8_t pc, uint8_t *p)
{
	bool d_sense = pc == PC_CURRENT && lun->d_sense;

	p[0] = PAGE_CONTROL;
	p[1] = 0x0a;
	if (pc == PC_CHANGEABLE) {
		p[2] = CONTROL_D_SENSE;
		return 12;
	}
	p[2] = CONTROL_GLTSD;
	if (d_sense)
		p[2] |= CONTROL_D_SENSE;
	p[3] = CONTROL_REORDER;
	return 12;
}

/* Put page @code into the zeroed @p; returns its length, 0 if there is no such page. */
static uint32_t put_page(const struct scsi_lun *lun, uint8_t code, uint8_t pc, uint8_t *p)
{
	switch (code) {
	case PAGE_RECOVERY:
		return recovery_page(p);
	case PAGE_CACHING:
		return caching_page(lun, pc, p);
	case PAGE_CONTROL:
		return control_page(lun, pc, p);
	default:
		return 0;
	}
}

static uint32_t put_pages(const struct scsi_lun *lun, uint8_t code, uint8_t pc, uint8_t *p)
{
	uint32_t len = 0;

	if (code != PAGE_ALL)
		return put_page(lun, code, pc, p);
	len += put_page(lun, PAGE_RECOVERY, pc, p + len);
	len += put_page(lun, PAGE_CACHING, pc, p + len);
	len += put_page(lun, PAGE_CONTROL, pc, p + len);
	return len;
}

static uint32_t put_block_descriptor(const struct scsi_lun *lun, bool long_lba, uint8_t *p)
{
	if (long_lba) {
		put_be64(p, lun->blocks);
		put_be32(p + 12, lun->block_size);
		return 16;
	}
	put_be32(p, lun->blocks > UINT32_MAX ? UINT32_MAX : (uint32_t)lun->blocks);
	put_be32(p + 4, lun->block_size); /* its first byte is reserved and zero */
	return 8;
}

void scsi_mode_sense(struct scsi_task *t)
{
	const uint8_t *cdb = t->cmd.cdb;
	bool ten = cdb[0] == 0x5a;
	bool dbd = (cdb[1] & 0x08) != 0;
	bool long_lba = ten && (cdb[1] & 0x10) != 0;
	uint8_t code = cdb[2] & PAGE_CODE, pc = cdb[2] >> 6, subpage = cdb[3];
	uint32_t header = ten ? 8 : 4, desc = 0, pages;
	uint8_t buf[MODE_MAX_LEN] = { 0 };
	uint8_t device = DEVICE_DPOFUA;

	if (pc == PC_SAVED) {
		scsi_fail(t, SENSE_NO_SAVED_PAGES);
		return;
	}
	if (subpage != 0 && subpage != SUBPAGE_ALL) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	if (!dbd)
		desc = put_block_descriptor(t->lun, long_lba, buf + header);
	pages = put_pages(t->lun, code, pc, buf + header + desc);
	if (pages == 0) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	if (t->lun->read_only)
		device |= DEVICE_WP;
	if (ten) {
		put_be16(buf, (uint16_t)(header + desc + pages - 2));
		buf[3] = device;
		buf[4] = long_lba && !dbd ? LONGLBA : 0;
		put_be16(buf + 6, (uint16_t)desc);
	} else {
		buf[0] = (uint8_t)(header + desc + pages - 1);
		buf[2] = device;
		buf[3] = (uint8_t)desc;
	}
	scsi_data_in(t, buf, header + desc + pages, ten ? get_be16(cdb + 7) : cdb[4]);
}

/* What a parameter list asks for; nothing is applied before all of it was found good. */
struct mode_request {
	bool wce, d_sense;
};

/* The descriptor may repeat what is; the medium cannot be reformatted. */
static enum scsi_sense check_block_descriptor(const struct scsi_lun *lun, const uint8_t *p,
					      uint32_t len, bool long_lba)
{
	uint64_t blocks = long_lba ? get_be64(p) : get_be32(p);
	uint32_t block_size = long_lba ? get_be32(p + 12) : get_be24(p + 5);
	uint64_t all = long_lba ? UINT64_MAX : UINT32_MAX;

	if (len != (long_lba ? 16u : 8u))
		return SENSE_LIST_FIELD;
	if (block_size != lun->block_size)
		return SENSE_LIST_FIELD;
	if (blocks != 0 && blocks != all && blocks != lun->blocks)
		return SENSE_LIST_FIELD;
	return SENSE_NONE;
}

/* Only changeable bits may differ from what they are. */
static enum scsi_sense check_page(const struct scsi_lun *lun, const uint8_t *p, uint32_t len,
				  struct mode_request *req)
{
	uint8_t now[PAGE_MAX_LEN] = { 0 }, mask[PAGE_MAX_LEN] = { 0 };
	uint8_t code = p[0] & PAGE_CODE;
	uint32_t page_len = put_page(lun, code, PC_CURRENT, now);

	put_page(lun, code, PC_CHANGEABLE, mask);
	if (page_len == 0 || (p[0] & PAGE_SPF) != 0)
		return SENSE_LIST_FIELD;
	if (p[1] != page_len - 2)
		return SENSE_LIST_FIELD;
	if (len < page_len)
		return SENSE_LIST_LENGTH;
	for (uint32_t i = 2; i < page_len; i++) {
		if (((p[i] ^ now[i]) & ~mask[i]) != 0)
			return SENSE_LIST_FIELD;
	}
	if (code == PAGE_CACHING)
		req->wce = (p[2] & CACHING_WCE) != 0;
	if (code == PAGE_CONTROL)
		req->d_sense = (p[2] & CONTROL_D_SENSE) != 0;
	return SENSE_NONE;
}

static enum scsi_sense check_list(const struct scsi_lun *lun, const uint8_t *p, uint32_t len,
				  bool ten, struct mode_request *req)
{
	uint32_t at = ten ? 8 : 4;
	uint32_t desc = ten ? get_be16(p + 6) : p[3];
	bool long_lba = ten && (p[4] & LONGLBA) != 0;
	enum scsi_sense sense = SENSE_NONE;

	if (desc > len - at)
		return SENSE_LIST_LENGTH;
	if (desc != 0)
		sense = check_block_descriptor(lun, p + at, desc, long_lba);
	at += desc;
	while (sense == SENSE_NONE && at < len) {
		if (len - at < 2)
			return SENSE_LIST_LENGTH;
		sense = check_page(lun, p + at, len - at, req);
		at += p[at + 1] + 2u;
	}
	return sense;
}

/*
 * Without the cache every completed write is durable: new ones from now on, those that the cache
 * still holds before the answer. It may hold some although it is off: a predecessor's.
 */
static void apply(struct scsi_task *t, const struct mode_request *req)
{
	struct scsi_lun *lun = t->lun;
	bool cache_off = !req->wce;

	lun->d_sense = req->d_sense;
	lun->wce = req->wce;
	if (cache_off) {
		scsi_submit(t, STORE_FLUSH, 0, 0, NULL, 0, false, scsi_good);
		return;
	}
	scsi_good(t);
}

void scsi_mode_select(struct scsi_task *t)
{
	const uint8_t *cdb = t->cmd.cdb;
	struct mode_request req = { t->lun->wce, t->lun->d_sense };
	bool ten = cdb[0] == 0x55;
	bool pf = (cdb[1] & 0x10) != 0;
	bool sp = (cdb[1] & 0x01) != 0;
	uint32_t list_len = ten ? get_be16(cdb + 7) : cdb[4];
	enum scsi_sense sense;

	if (!pf || sp) {
		scsi_fail(t, SENSE_CDB_FIELD);
		return;
	}
	if (list_len == 0) {
		scsi_good_unread(t);
		return;
	}
	if (list_len < (ten ? 8u : 4u) || list_len > t->cmd.len) {
		scsi_fail(t, SENSE_LIST_LENGTH);
		return;
	}
	/* Room behind the list for a block descriptor that claims more than it has. */
	if (!scsi_alloc(t, list_len + 16))
		return;
	memset(t->buf + list_len, 0, 16);
	consumer_iov_get(t->cmd.iov, t->cmd.iov_cnt, 0, t->buf, list_len);
	sense = check_list(t->lun, t->buf, list_len, ten, &req);
	if (sense != SENSE_NONE) {
		scsi_fail(t, sense);
		return;
	}
	apply(t, &req);
}
