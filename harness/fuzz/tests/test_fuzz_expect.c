/* SPDX-License-Identifier: MIT */
/*
 * Answers, right and wrong: each row is a little conversation with a unit of 1000 blocks of 512
 * bytes, and the clause that its last answer breaks, or none. One command a line:
 *
 *	CDB [in=N] [out=N] [send=HEX] : good|KEY/ASC|status=N|sense=HEX [give=HEX] [came=N]
 *
 * @give is what came as Data-In, zeros behind it; @came is less than asked for with READ_LEN.
 */
#include "../expect.h"

#include "../../cases/tc.h"

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>

#define ROOM 8192

/* struct row - @facts: letters: r = read only, t = no cache (write-through), l = READ_LEN,
 * f = a foreign handler (not strict) */
struct row {
	const char *title, *facts, *talk, *clause;
};

static void result_free(struct result *r)
{
	free(r->reason);
	free(r->detail);
	free(r->clause);
}

/* Whole answers of a proper unit. */
#define STD                \
	"000006021f000002" \
	"56454e444f522020" \
	"50524f4455435420202020202020202030303031"
#define B0                                 \
	"00b0003c"                         \
	"01800008000100000000080000100000" \
	"00000040"                         \
	"0000000800000000"                 \
	"0000000000010000"
#define RC16	  "00000000000003e700000200000000000000"
#define RC16_THIN "00000000000003e70000020000000000c000"
#define PAGE_08	  "0812040000000000000000000000000000000000"
#define PAGE_08_0 "0812000000000000000000000000000000000000"
#define PAGE_0A	  "0a0a02100000000000000000"
#define PAGE_0A_D "0a0a06100000000000000000"
#define ALL_6        \
	"2f00100001" \
	"0a00000000000000000000" PAGE_08 PAGE_0A

static const struct row rows[] = {
	/* transfers */
	{ "a read", "", "28000000000800000400 in=2048 : good", NULL },
	{ "a read of the last block", "", "2800000003e700000100 in=512 : good", NULL },
	{ "the last block refused", "", "2800000003e700000100 in=512 : 5/2100", "SCS-030" },
	{ "one too far", "", "2800000003e800000100 in=512 : good", "SCS-042" },
	{ "one too far, refused", "", "2800000003e800000100 in=512 : 5/2100", NULL },
	{ "one too far, wrong sense", "", "2800000003e800000100 in=512 : 5/2400", "SCS-040" },
	{ "no blocks at the end", "", "2800000003e800000000 : good", NULL },
	{ "no blocks at the end, refused", "", "2800000003e800000000 : 5/2100", NULL },
	{ "no blocks outside", "", "2800000003e900000000 : good", "SCS-042" },
	{ "LBA + count overflows", "", "8800ffffffffffffffff000000010000 in=512 : good",
	  "SCS-042" },
	{ "RDPROTECT", "", "28200000000800000100 in=512 : good", "SCS-040" },
	{ "RDPROTECT refused", "", "28200000000800000100 in=512 : 5/2400", NULL },
	{ "NACA", "", "28000000000800000104 in=512 : good", "SCS-040" },
	{ "short buffer refused", "", "28000000000800000400 in=512 : 5/2400", NULL },
	{ "short buffer filled", "", "28000000000800000400 in=512 : good", NULL },
	{ "long buffer filled", "", "28000000000800000100 in=514 give=01 : good", NULL },
	{ "a write", "", "2a000000000800000100 out=512 : good", NULL },
	{ "a write, protected", "r", "2a000000000800000100 out=512 : good", "SCS-040" },
	{ "a write, refused", "r", "2a000000000800000100 out=512 : 7/2700", NULL },
	{ "a write, refused for nothing", "", "2a000000000800000100 out=512 : 7/2700", "SCS-030" },
	{ "BUSY for nothing", "", "2a000000000800000100 out=512 : status=8", "SCS-043" },
	{ "a status that is none", "", "2a000000000800000100 out=512 : status=1", "HND-032" },
	{ "TASK ABORTED by nobody", "", "2a000000000800000100 out=512 : status=64", "SCS-030" },
	{ "an error of the medium by nobody", "", "2a000000000800000100 out=512 : 3/0c00",
	  "SCS-030" },
	{ "length 0 refused", "", "28000000000800000000 : 5/2400", "SCS-021" },
	{ "BYTCHK 2", "", "2f040000000800000100 : good", "SCS-040" },
	{ "a verify that differs", "", "2f020000000800000100 out=512 : e/1d00", NULL },
	{ "a write and verify with BYTCHK 2", "", "2e040000000800000100 out=512 : good",
	  "SCS-040" },
	{ "a sync out of range", "", "3500000003e800000100 : good", "SCS-042" },
	{ "no sync", "t", "35000000000000000000 : 5/2000", "SCS-030" },
	{ "no sync, write-through, foreign", "f", "35000000000000000000 : 5/2000", NULL },
	{ "too little to compare", "", "89000000000000000005000000010000 out=512 : good",
	  "SCS-040" },
	{ "too little to compare, foreign", "f", "89000000000000000005000000010000 out=512 : good",
	  "SCS-020" },
	{ "MISCOMPARE without INFORMATION", "",
	  "89000000000000000005000000010000 out=1024 : e/1d00", "SCS-030" },
	{ "MISCOMPARE with INFORMATION", "",
	  "89000000000000000005000000010000 out=1024 : "
	  "sense=f0000e000000050a00000000"
	  "1d00",
	  NULL },
	{ "WRITE SAME with LBDATA", "", "41020000000800000100 out=512 : good", "SCS-040" },
	{ "WRITE SAME with ANCHOR", "", "93100000000000000008000000010000 out=512 : good",
	  "SCS-040" },
	/* sense */
	{ "no sense at all", "", "ff000000000000000000 : sense=", "HND-033" },
	{ "sense key in byte 1", "",
	  "ff000000000000000000 : sense=70050000000000"
	  "0a00000000"
	  "2000",
	  "HND-033" },
	{ "no additional length", "", "ff : sense=7000050000000000000000002000", "HND-033" },
	{ "VALID without INFORMATION", "", "ff : sense=f00005000000000a000000002000", "HND-033" },
	{ "INFORMATION without VALID", "", "ff : sense=700005000000010a000000002000", "HND-033" },
	{ "bytes behind the sense", "", "ff : sense=700005000000000a0000000020000000000001",
	  "HND-033" },
	{ "descriptor format, D_SENSE 0", "", "ff : sense=7205200000000000", "SCS-031" },
	{ "NOT READY 2/0800", "", "ff : 2/0800", "HND-034" },
	/* opcodes */
	{ "an opcode that nobody has", "", "ff : 5/2000", NULL },
	{ "an opcode that nobody has, GOOD", "", "ff : good", "SCS-030" },
	{ "an opcode that nobody has, wrong sense", "", "ff : 4/4400", "SCS-040" },
	{ "an opcode that others may have", "f", "4d000000000000000000 : good", NULL },
	{ "a service action that nobody has", "", "9e0000000000000000000000000020 in=32 : good",
	  "SCS-030" },
	{ "an opcode that works and does not", "",
	  "410000000008000001000000 out=512 : 5/2000\n41000000000800000100 out=512 : good",
	  "SCS-031" },
	{ "MAINTENANCE IN, an action of nobody", "", "a3040000000000000008 in=8 : good",
	  "SCS-030" },
	{ "power condition", "", "1b0000001000 : good", "SCS-040" },
	{ "power condition refused", "", "1b0000001000 : 5/2400", NULL },
	{ "REQUEST SENSE, fixed", "",
	  "030000001200 in=18 give=70000000000000"
	  "0a : good",
	  NULL },
	{ "REQUEST SENSE, DESC ignored", "",
	  "030100001200 in=18 give=70000000000000"
	  "0a : good",
	  "SCS-030" },
	{ "REQUEST SENSE with a key", "",
	  "030000001200 in=18 give=70000500000000"
	  "0a00000000"
	  "2000 : good",
	  "SCS-030" },
	/* data */
	{ "a byte behind the answer", "", "120000002800 in=40 give=" STD "00000099 : good",
	  "HND-035" },
	{ "more than the allocation", "", "120000000500 in=40 give=" STD " : good", "HND-035" },
	{ "no allocation", "", "120000000000 in=8 : good", NULL },
	{ "READ_LEN", "l", "120000002800 in=40 came=36 give=" STD " : good", NULL },
	{ "READ_LEN that is not offered", "", "120000002800 in=40 came=36 give=" STD " : good",
	  "HND-035" },
	{ "READ_LEN of one byte less", "l", "120000002800 in=40 came=35 give=" STD " : good",
	  "HND-035" },
	{ "a stale byte in a command without data", "", "000000000000 in=8 give=00000001 : good",
	  "HND-035" },
	{ "a stale byte in a second direction", "",
	  "28000000000800000100 out=512 bidi=8 give=0001 : good", "HND-035" },
	{ "the additional length shrinks", "",
	  "120000002400 in=36 give=" STD " : good\n120000000800 in=8 give=0000060203000002 : good",
	  "SCS-022" },
	{ "what was said is said again", "",
	  "120000002400 in=36 give=" STD " : good\n120000000800 in=8 give=000006021f000002 : good",
	  NULL },
	/* INQUIRY */
	{ "standard data without CmdQue", "",
	  "120000002400 in=36 give=000006021f000000"
	  "56454e444f52202050524f4455435420202020202020202030303031 : good",
	  "SCS-030" },
	{ "a page without EVPD", "", "120080002400 in=36 : good", "SCS-040" },
	{ "CMDDT", "", "120200002400 in=36 : good", "SCS-040" },
	{ "a list of pages", "",
	  "12010000ff00 in=255 give=000000030080"
	  "83 : good",
	  NULL },
	{ "a list that is not sorted", "",
	  "12010000ff00 in=255 give=000000030083"
	  "80 : good",
	  "SCS-030" },
	{ "a list without itself", "", "12010000ff00 in=255 give=000000028083 : good", "SCS-030" },
	{ "another page code", "", "12018000ff00 in=255 give=0000000141 : good", "SCS-030" },
	{ "no serial number", "", "12018000ff00 in=255 give=00800000 : good", "SCS-030" },
	{ "a page that is listed and refused", "",
	  "12010000ff00 in=255 give=00000004008083b0 : good\n1201b000ff00 in=255 : 5/2400",
	  "SCS-030" },
	{ "a page that is not listed", "",
	  "1201b100ff00 in=255 give=00b1003c0001 : good\n"
	  "12010000ff00 in=255 give=000000030080"
	  "83 : good",
	  "SCS-031" },
	{ "no designator", "", "12018300ff00 in=255 give=00830000 : good", "SCS-030" },
	{ "a designator", "", "12018300ff00 in=255 give=0083000c010300083000000000000001 : good",
	  NULL },
	{ "a designator that ends too late", "",
	  "12018300ff00 in=255 give=0083000c010300103000000000000001 : good", "SCS-030" },
	{ "a page B0 of the wrong length", "", "1201b000ff00 in=255 give=00b00010 : good",
	  "SCS-030" },
	{ "page B0", "", "1201b000ff00 in=255 give=" B0 " : good", NULL },
	{ "too many to compare", "",
	  "1201b000ff00 in=255 give=" B0
	  " : good\n89000000000000000005000000810000 out=132096 : good",
	  "SCS-040" },
	{ "too many to compare, before the limit was known", "",
	  "89000000000000000005000000810000 out=132096 : good\n"
	  "1201b000ff00 in=255 give=" B0 " : good",
	  "SCS-031" },
	{ "3PC without EXTENDED COPY", "",
	  "83000000000000000000000000000000 : 5/2000\n120000002400 in=36 give=000006021f080002"
	  "56454e444f52202050524f4455435420202020202020202030303031 : good",
	  "SCS-031" },
	{ "LBPME without page B2", "",
	  "9e100000000000000000000000200000 in=32 give=" RC16 " : good\n"
	  "1201b200ff00 in=255 give=00b2000400e40200 : good",
	  "SCS-031" },
	{ "LBPU, but no UNMAP", "",
	  "1201b200ff00 in=255 give=00b2000400e40200 : good\n42000000000000000000 : 5/2000",
	  "SCS-031" },
	/* capacity */
	{ "capacity (10)", "", "25000000000000000000 in=8 give=000003e700000200 : good", NULL },
	{ "number of blocks", "", "25000000000000000000 in=8 give=000003e800000200 : good",
	  "SCS-030" },
	{ "capacity (16)", "", "9e100000000000000000000000200000 in=32 give=" RC16 " : good",
	  NULL },
	{ "block length", "",
	  "9e100000000000000000000000200000 in=32 give=00000000000003e700001000 : good",
	  "SCS-030" },
	{ "LBA without PMI", "", "25000000000100000000 in=8 give=000003e700000200 : good",
	  "SCS-040" },
	/* UNMAP */
	{ "a short list", "", "42000000000000000400 out=4 send=00020000 : good", "SCS-023" },
	{ "an empty list", "", "42000000000000000000 : good", NULL },
	{ "an empty list refused", "", "42000000000000000000 : 5/1a00", "SCS-023" },
	{ "a list", "",
	  "42000000000000001800 out=24 send=001600100000000000000000000003e700000001 : good",
	  NULL },
	{ "out of range", "",
	  "42000000000000001800 out=24 send=001600100000000000000000000003e800000001 : good",
	  "SCS-042" },
	{ "an LBA of 64 bits", "",
	  "42000000000000001800 out=24 send=001600100000000000000001000000000000000"
	  "1 : good",
	  "SCS-042" },
	{ "descriptors beyond the list", "",
	  "42000000000000001800 out=24 send=002600200000000000000000000000010000000"
	  "1 : good",
	  "SCS-023" },
	{ "ANCHOR", "", "42010000000000000000 : good", "SCS-040" },
	/* mode pages */
	{ "all pages", "", "1a083f00ff00 in=255 give=" ALL_6 " : good", NULL },
	{ "mode data length off by one", "",
	  "1a083f00ff00 in=255 give=30001000"
	  "010a00000000000000000000" PAGE_08 PAGE_0A " : good",
	  "SCS-030" },
	{ "DBD ignored", "",
	  "1a080a00ff00 in=255 give=17001008"
	  "000003e800000200" PAGE_0A " : good",
	  "SCS-030" },
	{ "another number of blocks", "",
	  "1a000a00ff00 in=255 give=17001008"
	  "000003e900000200" PAGE_0A " : good",
	  "SCS-030" },
	{ "another page", "", "1a080800ff00 in=255 give=0f001000" PAGE_0A " : good", "SCS-030" },
	{ "saved values", "", "1a08ca00ff00 in=255 give=0f001000" PAGE_0A " : good", "SCS-040" },
	{ "WP is missing", "r", "1a080a00ff00 in=255 give=0f001000" PAGE_0A " : good", "SCS-030" },
	{ "WCE without a cache", "t", "1a080800ff00 in=255 give=17001000" PAGE_08 " : good",
	  "SCS-031" },
	{ "a cache without WCE", "", "1a080800ff00 in=255 give=17001000" PAGE_08_0 " : good",
	  "SCS-031" },
	{ "a page that 3F does not have", "",
	  "1a083f00ff00 in=255 give=" ALL_6
	  " : good\n1a081c00ff00 in=255 give=0f0010001c0a00000000000000000000 : good",
	  "SCS-040" },
	{ "WCE cleared", "",
	  "151000001800 out=24 send=00000000" PAGE_08_0
	  " : good\n1a080800ff00 in=255 give=17001000" PAGE_08_0 " : good",
	  NULL },
	{ "WCE cleared without effect", "",
	  "151000001800 out=24 send=00000000" PAGE_08_0
	  " : good\n1a080800ff00 in=255 give=17001000" PAGE_08 " : good",
	  "SCS-031" },
	{ "D_SENSE set", "",
	  "151000001000 out=16 send=00000000" PAGE_0A_D " : good\nff : sense=7205200000000000",
	  NULL },
	{ "D_SENSE set without effect", "",
	  "151000001000 out=16 send=00000000" PAGE_0A_D " : good\nff : 5/2000", "SCS-031" },
	{ "a refused list that was applied", "",
	  "151000001900 out=25 send=00000000" PAGE_08_0
	  "00 : 5/1a00\n1a080800ff00 in=255 give=17001000" PAGE_08_0 " : good",
	  "SCS-031" },
	{ "an unchangeable field", "",
	  "1a084a00ff00 in=255 give=0f0010000a0a04000000000000000000 : good\n"
	  "1a080a00ff00 in=255 give=0f001000" PAGE_0A " : good\n"
	  "151000001000 out=16 send=000000000a0a02000000000000000000 : good",
	  "SCS-040" },
	{ "a changeable field refused", "",
	  "1a084a00ff00 in=255 give=0f0010000a0a04000000000000000000 : good\n"
	  "1a080a00ff00 in=255 give=0f001000" PAGE_0A " : good\n"
	  "151000001000 out=16 send=00000000" PAGE_0A_D " : 5/2600",
	  "SCS-030" },
	{ "a mask that hides what was changed", "",
	  "1a080800ff00 in=255 give=17001000" PAGE_08 " : good\n"
	  "151000001800 out=24 send=00000000" PAGE_08_0 " : good\n"
	  "1a084800ff00 in=255 give=17001000" PAGE_08_0 " : good",
	  "SCS-030" },
	{ "SP", "", "151100000000 : good", "SCS-040" },
	{ "a list of less than a header", "", "551000000000000007 out=7 : good", "SCS-023" },
	{ "another block length", "",
	  "151000000c00 out=12 send=00000008000000000000100"
	  "0 : good",
	  "SCS-040" },
	/* the list of opcodes */
	{ "an opcode that works and is not listed", "",
	  "42000000000000000000 : good\n"
	  "a30c00000000000000ff in=255 give=00000008000000000000000"
	  "6 : good",
	  "SCS-031" },
	{ "a CDB length that is wrong", "",
	  "a30c00000000000000ff in=255 give=00000008120000000000000"
	  "a : good",
	  "SCS-030" },
};

/* One command of a conversation. */
struct talk {
	struct fuzz_expect *e;
	struct fuzz_cmd c;
	struct fuzz_cdb d;
	struct fuzz_effect effect;
	uint64_t now;
	uint8_t data[ROOM * 32], bidi[ROOM];
};

static uint32_t unhex(uint8_t *to, const char *from)
{
	uint32_t n = 0;
	unsigned int v;

	for (; sscanf(from, "%2x", &v) == 1 && from[0] != ' ' && from[0] != '\n'; from += 2)
		to[n++] = (uint8_t)v;
	return n;
}

static const char *word(const char *line, const char *end, const char *name)
{
	const char *p = strstr(line, name);

	return p && p < end ? p + strlen(name) : NULL;
}

static void put_sense(struct target_io *io, const char *p)
{
	unsigned int key, asc;

	io->status = 2;
	io->sense_valid = true;
	sscanf(p, "%x/%x", &key, &asc);
	io->sense[0] = 0x70;
	io->sense[2] = (uint8_t)key;
	io->sense[7] = 10;
	io->sense[12] = (uint8_t)(asc >> 8);
	io->sense[13] = (uint8_t)asc;
}

/* The answer: what is behind the colon. */
static void put_answer(struct target_io *io, const char *p)
{
	p += strspn(p, " ");
	if (!strncmp(p, "status=", 7)) {
		io->status = (uint8_t)atoi(p + 7);
	} else if (!strncmp(p, "sense=", 6)) {
		io->status = 2;
		io->sense_valid = true;
		unhex(io->sense, p + 6);
	} else if (strncmp(p, "good", 4) != 0) {
		put_sense(io, p);
	}
}

static void put_command(struct talk *t, const char *line, const char *end)
{
	struct target_io *io = &t->c.io;
	const char *in = word(line, end, "in="), *out = word(line, end, "out=");
	const char *give = word(line, end, "give="), *came = word(line, end, "came=");
	const char *bidi = word(line, end, "bidi="), *send = word(line, end, "send=");

	memset(&t->c, 0, sizeof(t->c));
	memset(t->data, 0, sizeof(t->data));
	memset(t->bidi, 0, sizeof(t->bidi));
	unhex(io->cdb, line);
	io->len = (uint32_t)(in ? atoi(in) : out ? atoi(out) : 0);
	io->dir = bidi	? RINGSIM_BIDI
		  : in	? RINGSIM_FROM_DEVICE
		  : out ? RINGSIM_TO_DEVICE
			: RINGSIM_NONE;
	io->bidi_len = bidi ? (uint32_t)atoi(bidi) : 0;
	t->c.data = t->data;
	t->c.bidi = bidi ? t->bidi : NULL;
	if (send)
		unhex(t->data, send);
	t->c.began = ++t->now;
	fuzz_cdb_decode(&t->d, io->cdb, 1000, 512);
	fuzz_expect_begin(t->e, &t->c);
	if (give)
		unhex(bidi ? t->bidi : t->data, give);
	io->data_in = in ? io->len : io->bidi_len;
	if (came)
		io->data_in = (uint32_t)atoi(came);
	io->residual = in ? io->len - io->data_in : 0;
	put_answer(io, strchr(line, ':') + 1);
	t->c.ended = ++t->now;
}

static void end(struct tc *tc, void *ctx)
{
	struct talk *t = ctx;

	fuzz_expect_end(t->e, tc, &t->c, &t->d, &t->effect);
}

static struct tc_stage *stage;
static struct talk talk;

/* The clause that the last line of @row breaks, "" if none; all lines before it must be right. */
static const char *verdict(const struct row *row, char *clause)
{
	struct fuzz_disk_facts f = { .blocks = 1000, .block_size = 512 };
	const char *line = row->talk, *next;

	f.read_only = strchr(row->facts, 'r') != NULL;
	f.wce = strchr(row->facts, 't') == NULL;
	f.read_len = strchr(row->facts, 'l') != NULL;
	f.strict = strchr(row->facts, 'f') == NULL;
	fuzz_expect_reset(talk.e, &f);
	for (; line; line = next) {
		struct result r;

		next = strchr(line, '\n');
		put_command(&talk, line, next ? next : line + strlen(line));
		tc_stage_run(stage, 0, 1, end, &talk, &r);
		strcpy(clause, r.verdict == VERDICT_FAIL ? r.clause : "");
		if (clause[0] && next)
			strcpy(clause, "too early");
		if (clause[0] && (!row->clause || strcmp(clause, row->clause) != 0))
			printf("\n  %s: %s: %s\n", row->title, clause, r.reason);
		result_free(&r);
		if (next)
			next++;
	}
	return clause;
}

static void answers(void)
{
	char clause[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *want = rows[i].clause ? rows[i].clause : "";

		if (strcmp(verdict(&rows[i], clause), want) == 0)
			continue;
		printf("\n  %s: expected \"%s\", found \"%s\"\n", rows[i].title, want, clause);
		CU_FAIL("a wrong verdict");
	}
}

/* What an answer means for the disk. */
static void effects(void)
{
	static const struct {
		const char *facts, *talk;
		struct fuzz_effect want;
		bool disturbed;
	} t[] = {
		{ "", "2a000000000800000100 out=512 : good", { .did = true }, false },
		{ "t", "2a000000000800000100 out=512 : good", { true, true, false }, false },
		{ "f", "2a000000000800000100 out=512 : good", { .did = true }, false },
		{ "", "2a00000003e800000100 out=512 : 5/2100", { 0 }, false },
		{ "", "2f020000000800000100 out=512 : e/1d00", { 0 }, false },
		{ "",
		  "151000001800 out=24 send=00000000" PAGE_08_0 " : good",
		  { true, false, true },
		  false },
		{ "",
		  "151000001800 out=24 send=00000000" PAGE_08_0 " : good\n"
		  "2a000000000800000100 out=512 : good",
		  { true, true, false },
		  false },
		{ "t",
		  "151000001800 out=24 send=00000000" PAGE_08_0 " : good",
		  { true, true, false },
		  false },
		{ "",
		  "42000000000000002800 out=40 "
		  "send=0026002000000000000000000000000000000001"
		  "00000000000000000000ffff00000001 : 5/2100",
		  { 0 },
		  true },
	};
	char clause[64];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct row row = { t[i].talk, t[i].facts, t[i].talk, NULL };

		CU_ASSERT_STRING_EQUAL(verdict(&row, clause), "");
		CU_ASSERT_EQUAL(talk.effect.did, t[i].want.did);
		CU_ASSERT_EQUAL(talk.effect.durable, t[i].want.durable);
		CU_ASSERT_EQUAL(talk.effect.sync, t[i].want.sync);
		CU_ASSERT_EQUAL(talk.c.disturbed, t[i].disturbed);
	}
}

/* Faults explain as many errors as there were. */
static void faults(void)
{
	static const struct row rd = { "", "", "28000000000800000100 in=512 : 3/1100", NULL };
	static const struct row busy = { "", "", "28000000000800000100 in=512 : status=40", NULL };
	struct fuzz_disk_facts f = { .blocks = 1000, .block_size = 512, .strict = true };
	struct result r;

	for (int i = 0; i < 2; i++) {
		const struct row *row = i ? &busy : &rd;

		fuzz_expect_reset(talk.e, &f);
		fuzz_expect_fault(talk.e, i ? FUZZ_NO_MEMORY : FUZZ_STORE_ERROR + STORE_READ, 2);
		for (int n = 0; n < 3; n++) {
			put_command(&talk, row->talk, row->talk + strlen(row->talk));
			tc_stage_run(stage, 0, 1, end, &talk, &r);
			CU_ASSERT_EQUAL(r.verdict == VERDICT_FAIL, n == 2);
			CU_ASSERT_EQUAL(talk.c.disturbed, i == 0);
			result_free(&r);
		}
	}
}

static struct fuzz_cmd select_cmd(const char *hex, bool set)
{
	struct talk *t = &talk;

	put_command(t, hex, hex + strlen(hex));
	t->data[6] = set ? 4 : 0;
	return t->c;
}

/* Two MODE SELECTs that overlap: either value is right until a MODE SENSE says which. */
static void overlap(void)
{
	static const char list[] = "151000001800 out=24 send=00000000" PAGE_08_0 " : good";
	static const char wce[] = "1a080800ff00 in=255 give=17001000" PAGE_08 " : good";
	static const char wce_0[] = "1a080800ff00 in=255 give=17001000" PAGE_08_0 " : good";
	struct fuzz_disk_facts f = { .blocks = 1000, .block_size = 512, .strict = true };
	static const char *const then[] = { wce, wce, wce_0 };
	struct fuzz_cmd a, b;
	struct result r;

	fuzz_expect_reset(talk.e, &f);
	a = select_cmd(list, true);
	b = select_cmd(list, false);
	for (int i = 0; i < 2; i++) {
		talk.c = i ? b : a;
		talk.data[6] = i ? 0 : 4;
		talk.c.ended = ++talk.now;
		fuzz_cdb_decode(&talk.d, talk.c.io.cdb, 1000, 512);
		tc_stage_run(stage, 0, 1, end, &talk, &r);
		CU_ASSERT_NOT_EQUAL(r.verdict, VERDICT_FAIL);
		CU_ASSERT_FALSE(talk.effect.sync);
		result_free(&r);
	}
	for (int i = 0; i < 3; i++) {
		put_command(&talk, then[i], then[i] + strlen(then[i]));
		tc_stage_run(stage, 0, 1, end, &talk, &r);
		CU_ASSERT_EQUAL(r.verdict == VERDICT_FAIL, i == 2);
		result_free(&r);
	}
}

/* A MODE SELECT that was lost may take effect, but not once the handler has nothing any more. */
static void lost(void)
{
	static const char list[] = "151000001800 out=24 send=00000000" PAGE_08_0 " : good";
	static const char wce[] = "1a080800ff00 in=255 give=17001000" PAGE_08 " : good";
	static const char wce_0[] = "1a080800ff00 in=255 give=17001000" PAGE_08_0 " : good";
	struct fuzz_disk_facts f = { .blocks = 1000, .block_size = 512, .strict = true };
	static const char *const then[] = { wce_0, wce, wce, wce_0 };

	f.wce = true;
	fuzz_expect_reset(talk.e, &f);
	put_command(&talk, list, list + strlen(list));
	fuzz_expect_lost(talk.e, &talk.c);
	for (int i = 0; i < 4; i++) {
		struct result r;

		if (i == 2)
			fuzz_expect_quiet(talk.e, ++talk.now);
		put_command(&talk, then[i], then[i] + strlen(then[i]));
		tc_stage_run(stage, 0, 1, end, &talk, &r);
		CU_ASSERT_EQUAL(r.verdict == VERDICT_FAIL, i == 3);
		result_free(&r);
	}
}

static void information(void)
{
	uint8_t fixed[96] = { 0xf0, 0, 0x0e, 0, 0, 1, 2, 10 };
	uint8_t desc[96] = { 0x72, 0x0e, 0x1d, 0, 0, 0, 0, 12, 0, 10, 0x80, 0 };
	uint64_t info;

	CU_ASSERT_TRUE(fuzz_sense_information(fixed, &info));
	CU_ASSERT_EQUAL(info, 0x102);
	fixed[0] = 0x70;
	CU_ASSERT_FALSE(fuzz_sense_information(fixed, &info));
	desc[19] = 7;
	CU_ASSERT_TRUE(fuzz_sense_information(desc, &info));
	CU_ASSERT_EQUAL(info, 7);
	desc[10] = 0;
	CU_ASSERT_FALSE(fuzz_sense_information(desc, &info));
	desc[7] = 0xff;
	CU_ASSERT_FALSE(fuzz_sense_information(desc, &info));
}

int main(void)
{
	static struct target_spec spec = { .label = "none", .tmpdir = "/tmp" };
	CU_pSuite s;
	int failed;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	stage = tc_stage_new(&spec, "answers");
	talk.e = fuzz_expect_new();
	if (!stage || !talk.e)
		return 2;
	s = CU_add_suite("answers to SCSI commands", NULL, NULL);
	CU_add_test(s, "right and wrong answers", answers);
	CU_add_test(s, "what they mean for the disk", effects);
	CU_add_test(s, "faults explain as many errors as there were", faults);
	CU_add_test(s, "MODE SELECTs that overlap", overlap);
	CU_add_test(s, "a MODE SELECT that was lost", lost);
	CU_add_test(s, "the INFORMATION field", information);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() != 0;
	CU_cleanup_registry();
	fuzz_expect_free(talk.e);
	tc_stage_free(stage);
	return failed;
}
