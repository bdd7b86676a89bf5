/* SPDX-License-Identifier: MIT */
/*
 * The SCSI half of the example handlers in C: reading and writing, who we are, how large, and sense
 * data for everything else.
 *
 * Rules that hold throughout: nothing is written beyond what the iovs describe (HND-018), all that
 * they do describe is written, if only with zeros, since a buffer still holds what another command
 * left there (HND-035); ranges are checked before the medium is touched (SCS-041) and without
 * overflow (SCS-042); nothing is claimed that is not done (SCS-031).
 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INVALID_OPCODE	 0x52000u
#define LBA_OUT_OF_RANGE 0x52100u
#define INVALID_FIELD	 0x52400u
#define NO_SAVED_PAGES	 0x53900u
#define LIST_LENGTH	 0x51a00u
#define INVALID_LIST	 0x52600u
#define READ_ERROR	 0x31100u
#define WRITE_ERROR	 0x30c00u
#define MISCOMPARE	 0xe1d00u

#define CDB1_PROTECT	 0xe0
#define CDB1_FUA	 0x08
#define NACA		 0x04
#define SERIAL_IS	 "T10 VPD Unit Serial Number: "

/* A command on its way: the entry, and the region that its offsets count from. */
struct cmd {
	struct disk *d;
	unsigned char *region;
	const struct tcmu_cmd_entry *e;
	const unsigned char *cdb;
};

static uint64_t get_be(const unsigned char *p, int n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static void put_be(unsigned char *p, int n, uint64_t v)
{
	for (; n--; v >>= 8)
		p[n] = (unsigned char)v;
}

static unsigned char *iov_at(const struct cmd *c, uint32_t i)
{
	return c->region + (uintptr_t)c->e->req.iov[i].iov_base; /* an offset, no pointer */
}

/* Data-In: at most @alloc bytes of @data, zeros in the rest of the buffer. */
static uint32_t data_in(const struct cmd *c, const void *data, uint64_t len, uint64_t alloc)
{
	const unsigned char *from = data;

	len = len < alloc ? len : alloc;
	for (uint32_t i = 0; i < c->e->req.iov_cnt; i++) {
		size_t room = c->e->req.iov[i].iov_len, n = len < room ? len : room;

		memcpy(iov_at(c, i), from, n);
		memset(iov_at(c, i) + n, 0, room - n);
		from += n;
		len -= n;
	}
	return 0;
}

/* GOOD, and no answer: a buffer is unusual then, but possible. */
static uint32_t no_data(const struct cmd *c)
{
	return data_in(c, "", 0, 0);
}

/* --- the medium ------------------------------------------------------------------------------- */

static bool transfer(int fd, bool write, unsigned char *p, size_t len, uint64_t at)
{
	while (len) {
		ssize_t n = write ? pwrite(fd, p, len, (off_t)at) : pread(fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0) { /* a file shorter than its disk ends in zeros */
			memset(p, 0, len);
			return !write;
		}
		p += n;
		at += (size_t)n;
		len -= (size_t)n;
	}
	return true;
}

static bool in_range(const struct disk *d, uint64_t lba, uint64_t n)
{
	return lba <= d->blocks && n <= d->blocks - lba; /* lba + n could overflow */
}

/* What goes before any access: a CDB that says something else than the buffer is refused. */
static uint32_t check(const struct cmd *c, unsigned char byte1, uint64_t lba, uint64_t n,
		      bool has_data)
{
	uint64_t room = 0;

	if (byte1 & CDB1_PROTECT)
		return INVALID_FIELD;
	if (!in_range(c->d, lba, n))
		return LBA_OUT_OF_RANGE;
	for (uint32_t i = 0; i < c->e->req.iov_cnt; i++)
		room += c->e->req.iov[i].iov_len;
	return has_data && room != n * c->d->block_size ? INVALID_FIELD : 0;
}

static uint32_t read_write(const struct cmd *c, bool write, unsigned char byte1, uint64_t lba,
			   uint64_t n)
{
	uint64_t at = lba * c->d->block_size;
	uint32_t sense = check(c, byte1, lba, n, true);

	for (uint32_t i = 0; i < c->e->req.iov_cnt && !sense; i++) {
		if (!transfer(c->d->fd, write, iov_at(c, i), c->e->req.iov[i].iov_len, at))
			sense = write ? WRITE_ERROR : READ_ERROR;
		at += c->e->req.iov[i].iov_len;
	}
	if (write && !sense && (!c->d->write_cache || (byte1 & CDB1_FUA)) && fdatasync(c->d->fd))
		sense = WRITE_ERROR;
	return sense;
}

/* Reads @len bytes; @with: and compares them, or NULL. */
static uint32_t compare(int fd, const unsigned char *with, uint64_t len, uint64_t at)
{
	unsigned char found[65536];

	while (len) {
		size_t n = len < sizeof(found) ? len : sizeof(found);

		if (!transfer(fd, false, found, n, at))
			return READ_ERROR;
		if (with && memcmp(found, with, n))
			return MISCOMPARE;
		with = with ? with + n : NULL;
		at += n;
		len -= n;
	}
	return 0;
}

/* BYTCHK 1 compares with Data-Out, 0 is content if the medium can be read; WRITE AND VERIFY. */
static uint32_t verify(const struct cmd *c, bool write, uint64_t lba, uint64_t n)
{
	unsigned char bytchk = c->cdb[1] >> 1 & 3;
	uint64_t at = lba * c->d->block_size;
	uint32_t sense = check(c, c->cdb[1], lba, n, write || bytchk);

	if (bytchk > 1)
		return INVALID_FIELD;
	if (write && !sense)
		sense = read_write(c, true, CDB1_FUA, lba, n);
	if (!write && !bytchk) {
		if (!sense)
			sense = compare(c->d->fd, NULL, n * c->d->block_size, at);
		return sense ? sense : no_data(c);
	}
	for (uint32_t i = 0; i < c->e->req.iov_cnt && !sense; i++) {
		sense = compare(c->d->fd, iov_at(c, i), c->e->req.iov[i].iov_len, at);
		at += c->e->req.iov[i].iov_len;
	}
	return sense;
}

static uint32_t synchronize_cache(const struct cmd *c, uint64_t lba, uint64_t n)
{
	if (!in_range(c->d, lba, n)) /* of 0 blocks: to the end */
		return LBA_OUT_OF_RANGE;
	if (fdatasync(c->d->fd))
		return WRITE_ERROR;
	return no_data(c);
}

/* --- who we are --------------------------------------------------------------------------------
 */

static uint32_t vital_product_data(const struct cmd *c, unsigned char page, uint64_t alloc)
{
	static const unsigned char pages[] = { 0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2 };
	unsigned char p[4 + 256] = { 0, page };
	size_t serial = strlen(c->d->serial);
	size_t len;

	switch (page) {
	case 0x00:
		len = sizeof(pages);
		memcpy(p + 4, pages, len);
		break;
	case 0x80:
		len = serial;
		memcpy(p + 4, c->d->serial, serial);
		break;
	case 0x83: /* one designator: ASCII, of the logical unit, vendor and serial number */
		len = 4 + 8 + serial;
		p[4] = 0x02;
		p[5] = 0x01;
		p[7] = (unsigned char)(8 + serial);
		memcpy(p + 8, "EXAMPLE ", 8);
		memcpy(p + 16, c->d->serial, serial);
		break;
	case 0xb0: /* no limits, no UNMAP, no WRITE SAME */
		len = 0x3c;
		break;
	case 0xb1:
		len = 0x3c;
		p[5] = 1; /* does not rotate */
		break;
	case 0xb2: /* fully provisioned */
		len = 4;
		break;
	default:
		return INVALID_FIELD;
	}
	put_be(p + 2, 2, len);
	return data_in(c, p, 4 + len, alloc);
}

static uint32_t inquiry(const struct cmd *c)
{
	unsigned char data[36] = { 0, 0, 6, 2, sizeof(data) - 5, 0, 0, 2 };
	uint64_t alloc = get_be(c->cdb + 3, 2);

	if (c->cdb[1] == 1)
		return vital_product_data(c, c->cdb[2], alloc);
	if (c->cdb[1] || c->cdb[2])
		return INVALID_FIELD;
	memcpy(data + 8, "EXAMPLE design          0001", 28);
	return data_in(c, data, sizeof(data), alloc);
}

static uint32_t read_capacity(const struct cmd *c, int width, uint64_t len, uint64_t alloc)
{
	unsigned char data[32] = { 0 };
	uint64_t last = c->d->blocks - 1;

	if (get_be(c->cdb + 2, width)) /* an address is for the obsolete PMI bit */
		return INVALID_FIELD;
	put_be(data, width, width == 4 && last > UINT32_MAX ? UINT32_MAX : last);
	put_be(data + width, 4, c->d->block_size);
	return data_in(c, data, len, alloc);
}

static uint32_t request_sense(const struct cmd *c)
{
	const unsigned char fixed[18] = { 0x70, [7] = 10 }, descriptor[8] = { 0x72 };

	if (c->cdb[1] & 1)
		return data_in(c, descriptor, sizeof(descriptor), c->cdb[4]);
	return data_in(c, fixed, sizeof(fixed), c->cdb[4]);
}

/* Nothing can be changed, so the mask of changeable bits shows page headers alone. */
static size_t mode_pages(const struct disk *d, unsigned char code, bool mask, unsigned char *p)
{
	const unsigned char recovery[12] = { 0x01, 10 };
	const unsigned char caching[20] = { 0x08, 18, d->write_cache && !mask ? 4 : 0 };
	const unsigned char control[12] = { 0x0a, 10, mask ? 0 : 2, mask ? 0 : 0x10 };
	size_t len = 0;

	if (code == 0x01 || code == 0x3f)
		len = (size_t)((unsigned char *)mempcpy(p, recovery, sizeof(recovery)) - p);
	if (code == 0x08 || code == 0x3f)
		len = (size_t)((unsigned char *)mempcpy(p + len, caching, sizeof(caching)) - p);
	if (code == 0x0a || code == 0x3f)
		len = (size_t)((unsigned char *)mempcpy(p + len, control, sizeof(control)) - p);
	return len;
}

static uint32_t mode_sense(const struct cmd *c, bool ten)
{
	unsigned char p[8 + 8 + 44] = { 0 }, pc = c->cdb[2] >> 6;
	size_t header = ten ? 8 : 4, descriptor = c->cdb[1] & 8 ? 0 : 8, pages;

	if (pc == 3)
		return NO_SAVED_PAGES;
	pages = mode_pages(c->d, c->cdb[2] & 0x3f, pc == 1, p + header + descriptor);
	if (!pages || (c->cdb[3] && c->cdb[3] != 0xff))
		return INVALID_FIELD;
	if (descriptor) {
		put_be(p + header, 4, c->d->blocks > UINT32_MAX ? UINT32_MAX : c->d->blocks);
		put_be(p + header + 4, 4, c->d->block_size);
	}
	put_be(p, ten ? 2 : 1, header + descriptor + pages - (ten ? 2 : 1));
	p[ten ? 3 : 2] = 0x10; /* DPO and FUA are understood */
	p[ten ? 7 : 3] = (unsigned char)descriptor;
	return data_in(c, p, header + descriptor + pages, ten ? get_be(c->cdb + 7, 2) : c->cdb[4]);
}

/* One page of a list at @p, of which @len bytes are there; *@size is its length. */
static uint32_t check_page(const struct disk *d, const unsigned char *p, size_t len, size_t *size)
{
	unsigned char now[44];

	*size = (p[0] & 0x3f) == 0x3f ? 0 : mode_pages(d, p[0] & 0x3f, false, now);
	if (len < 2)
		return LIST_LENGTH;
	if (!*size || (p[0] & 0x40) || p[1] != *size - 2)
		return INVALID_LIST;
	if (len < *size)
		return LIST_LENGTH;
	return memcmp(p + 2, now + 2, *size - 2) ? INVALID_LIST : 0;
}

/* As nothing can be changed, a list is good if it says what is. */
static uint32_t mode_select(const struct cmd *c, bool ten)
{
	unsigned char p[512 + 16] = { 0 };
	size_t len = ten ? get_be(c->cdb + 7, 2) : c->cdb[4], got = 0;
	size_t at = ten ? 8 : 4, descriptor, size;
	uint32_t sense = 0;

	if ((c->cdb[1] & 0x11) != 0x10)
		return INVALID_FIELD; /* pages of the standard's format, none of them saved */
	if (!len)
		return no_data(c);
	for (uint32_t i = 0; i < c->e->req.iov_cnt && got < 512; i++) {
		size_t n = c->e->req.iov[i].iov_len;

		n = n < 512 - got ? n : 512 - got;
		memcpy(p + got, iov_at(c, i), n);
		got += n;
	}
	descriptor = ten ? get_be(p + 6, 2) : p[3];
	if (len < at || len > got || descriptor > len - at)
		return LIST_LENGTH;
	if (descriptor && (descriptor != 8 || get_be(p + at + 5, 3) != c->d->block_size))
		return INVALID_LIST;
	if (descriptor && get_be(p + at, 4) && get_be(p + at, 4) != UINT32_MAX &&
	    get_be(p + at, 4) != c->d->blocks)
		return INVALID_LIST;
	for (at += descriptor; at < len && !sense; at += size)
		sense = check_page(c->d, p + at, len - at, &size);
	return sense;
}

/* There is nothing to spin, eject or put to sleep; stopping makes the data safe. */
static uint32_t start_stop(const struct cmd *c)
{
	if (c->cdb[4] & 0xf2)
		return INVALID_FIELD;
	if (!(c->cdb[4] & 1) && fdatasync(c->d->fd))
		return WRITE_ERROR;
	return no_data(c);
}

/* --- one command ------------------------------------------------------------------------------ */

/* No command here answers through the second list that a BIDI command has. */
static void clear_bidi(const struct cmd *c)
{
	for (uint32_t i = 0; i < c->e->req.iov_bidi_cnt; i++)
		memset(iov_at(c, c->e->req.iov_cnt + i), 0,
		       c->e->req.iov[c->e->req.iov_cnt + i].iov_len);
}

/* The kernel copies as many bytes of the CDB as the opcode says: no more may be looked at. */
static bool has_naca(const unsigned char *cdb)
{
	static const unsigned char last[8] = { 5, 9, 9, 11, 15, 11, 9, 9 };

	return cdb[0] != 0x7f && (cdb[last[cdb[0] >> 5]] & NACA);
}

uint32_t disk_execute(struct disk *d, unsigned char *region, const struct tcmu_cmd_entry *e)
{
	const struct cmd c = { d, region, e, region + e->req.cdb_off };
	const unsigned char *cdb = c.cdb;
	bool write = cdb[0] & 2; /* where it is one of the two */

	clear_bidi(&c);
	if (has_naca(cdb))
		return INVALID_FIELD;
	switch (cdb[0]) {
	case 0x00: /* TEST UNIT READY */
		return no_data(&c);
	case 0x03:
		return request_sense(&c);
	case 0x08: /* READ(6), WRITE(6): length 0 is 256 blocks */
	case 0x0a:
		return read_write(&c, write, 0, get_be(cdb + 1, 3) & 0x1fffff,
				  cdb[4] ? cdb[4] : 256);
	case 0x12:
		return inquiry(&c);
	case 0x15:
	case 0x55:
		return mode_select(&c, cdb[0] == 0x55);
	case 0x1a:
	case 0x5a:
		return mode_sense(&c, cdb[0] == 0x5a);
	case 0x1b:
		return start_stop(&c);
	case 0x25:
		return read_capacity(&c, 4, 8, 8);
	case 0x28: /* READ(10), WRITE(10) */
	case 0x2a:
		return read_write(&c, write, cdb[1], get_be(cdb + 2, 4), get_be(cdb + 7, 2));
	case 0x2e: /* WRITE AND VERIFY(10), VERIFY(10) */
	case 0x2f:
		return verify(&c, cdb[0] == 0x2e, get_be(cdb + 2, 4), get_be(cdb + 7, 2));
	case 0x35: /* SYNCHRONIZE CACHE(10), (16) */
		return synchronize_cache(&c, get_be(cdb + 2, 4), get_be(cdb + 7, 2));
	case 0x91:
		return synchronize_cache(&c, get_be(cdb + 2, 8), get_be(cdb + 10, 4));
	case 0x88: /* READ(16), WRITE(16) */
	case 0x8a:
		return read_write(&c, write, cdb[1], get_be(cdb + 2, 8), get_be(cdb + 10, 4));
	case 0x8e: /* WRITE AND VERIFY(16), VERIFY(16) */
	case 0x8f:
		return verify(&c, cdb[0] == 0x8e, get_be(cdb + 2, 8), get_be(cdb + 10, 4));
	case 0x9e: /* READ CAPACITY(16), the one SERVICE ACTION IN(16) here */
		return (cdb[1] & 0x1f) == 0x10 ? read_capacity(&c, 8, 32, get_be(cdb + 10, 4))
					       : INVALID_FIELD;
	case 0xa8: /* READ(12), WRITE(12) */
	case 0xaa:
		return read_write(&c, write, cdb[1], get_be(cdb + 2, 4), get_be(cdb + 6, 4));
	case 0xae: /* WRITE AND VERIFY(12), VERIFY(12) */
	case 0xaf:
		return verify(&c, cdb[0] == 0xae, get_be(cdb + 2, 4), get_be(cdb + 6, 4));
	}
	return INVALID_OPCODE; /* TCMU_UFLAG_UNKNOWN_OP is for opcodes of the ring, not of SCSI */
}

/* --- as configured ---------------------------------------------------------------------------- */

bool read_text(const char *dir, const char *file, char *buf, size_t len)
{
	char path[512];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, buf, len - 1);
		close(fd);
	}
	while (n > 0 && buf[n - 1] == '\n') /* a name can have one of its own (DIS-15) */
		n--;
	buf[n > 0 ? n : 0] = 0;
	return n >= 0;
}

static uint64_t read_number(const char *dir, const char *file)
{
	char text[64];

	return read_text(dir, file, text, sizeof(text)) ? strtoull(text, NULL, 0) : 0;
}

bool disk_open(struct disk *d, const char *configfs, const char *path)
{
	char text[256];

	d->block_size = (uint32_t)read_number(configfs, "attrib/hw_block_size");
	if (!d->block_size)
		return false;
	d->blocks = read_number(configfs, "attrib/dev_size") / d->block_size;
	d->write_cache = read_number(configfs, "attrib/emulate_write_cache");
	read_text(configfs, "wwn/vpd_unit_serial", text, sizeof(text));
	if (!strncmp(text, SERIAL_IS, strlen(SERIAL_IS)))
		snprintf(d->serial, sizeof(d->serial), "%.100s", text + strlen(SERIAL_IS));
	d->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return d->blocks && d->fd >= 0;
}
