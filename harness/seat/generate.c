/* SPDX-License-Identifier: MIT */
/*
 * The generator of hostile programs; see generate.h.
 *
 * A program is a device's configuration and a sequence of moves, drawn from a few profiles: each
 * profile weighs the kinds of moves differently, so that some programs dwell on the ring, others on
 * mappings, configuration or races. Ordinary traffic runs through all of them, since a hostile
 * store does nothing where nothing is in flight. Every operation may fail ("-"): the program is to
 * reach its end.
 */
#include "generate.h"

#include "../random.h"

#include <stddef.h>
#include <string.h>

struct gen {
	FILE *f;
	uint64_t state;
	int triggers;
	uint32_t labels; /* sent or taken so far */
	uint32_t depth;	 /* of blocks */
};

static uint64_t next(struct gen *g)
{
	return random_next(&g->state);
}

static uint32_t below(struct gen *g, uint32_t n)
{
	return (uint32_t)(next(g) % n);
}

static bool chance(struct gen *g, uint32_t one_in)
{
	return below(g, one_in) == 0;
}

#define COUNT(array)   ((uint32_t)(sizeof(array) / sizeof((array)[0])))
#define PICK(g, array) ((array)[below(g, COUNT(array))])

static bool wild(const struct gen *g, enum seat_trigger trigger)
{
	return (g->triggers & (int)trigger) != 0;
}

/* A number that somebody might have forgotten to check. */
static uint64_t odd_number(struct gen *g)
{
	static const uint64_t edges[] = { 0,
					  1,
					  2,
					  3,
					  4,
					  7,
					  8,
					  12,
					  127,
					  128,
					  255,
					  4095,
					  4096,
					  65535,
					  65536,
					  1 << 20,
					  0x7fffffff,
					  0x80000000,
					  0xfffffff8,
					  0xfffffffc,
					  0xffffffff,
					  0x100000000,
					  0x7fffffffffffffff,
					  0x8000000000000000,
					  0xfffffffffffff000,
					  UINT64_MAX };

	return chance(g, 3) ? next(g) >> below(g, 64) : PICK(g, edges);
}

/* --- the initiator ---------------------------------------------------------------------------- */

static void put_send(struct gen *g, const char *cdb, const char *way, uint32_t len)
{
	fprintf(g->f, "-send s%u %s", g->labels++, cdb);
	if (len)
		fprintf(g->f, " %s=%u", way, len);
	if (len && chance(g, 4))
		fprintf(g->f, " fill=%02x%02x", below(g, 256), below(g, 256));
	fprintf(g->f, " ms=%u\n", chance(g, 3) ? 300 + below(g, 700) : 3000);
}

static void traffic(struct gen *g)
{
	static const uint32_t blocks[] = { 1, 1, 1, 8, 8, 16, 64, 128, 255, 256, 1024, 2048 };
	uint32_t lba = below(g, 4) ? below(g, 130000) : 0, n = PICK(g, blocks);
	char cdb[64];

	switch (below(g, 9)) {
	case 0:
		put_send(g, "000000000000", "in", 0);
		return;
	case 1:
		put_send(g, "12000000ff00", "in", 255);
		return;
	case 2:
		snprintf(cdb, sizeof(cdb), "08%06x%02x00", lba, n & 255);
		put_send(g, cdb, "in", (n & 255 ? n & 255 : 256) * 512);
		return;
	case 3:
		snprintf(cdb, sizeof(cdb), "4300%04x00000000%04x00", below(g, 65536),
			 below(g, 4096));
		put_send(g, cdb, chance(g, 2) ? "in" : "out", below(g, 9000));
		return;
	case 4:
		snprintf(cdb, sizeof(cdb), "4100%08x00%04x00", lba, n);
		put_send(g, cdb, "out", 512);
		return;
	case 5:
		snprintf(cdb, sizeof(cdb), "2a00%08x00%04x00", lba, n);
		put_send(g, cdb, "out", n * 512);
		return;
	default:
		snprintf(cdb, sizeof(cdb), "2800%08x00%04x00", lba, n);
		put_send(g, cdb, "in", n * 512);
	}
}

static void burst(struct gen *g)
{
	uint32_t n = 2 + below(g, 12);

	for (uint32_t i = 0; i < n; i++)
		traffic(g);
}

static void task_management(struct gen *g)
{
	if (chance(g, 3) && !g->depth) /* resets take their time: none in a loop */
		fputs("-reset\n-sleep 50\n", g->f);
	else
		fputs("-take t kind=tmr ms=200\n-skip uflags=1\n-ring\n", g->f);
}

/* --- the handler: right, or wrong in an entry's words ------------------------------------------
 */

static void take(struct gen *g)
{
	fprintf(g->f, "-take t%u ms=150%s\n", below(g, 4), chance(g, 4) ? " kind=any" : "");
}

static void answer(struct gen *g)
{
	static const uint32_t status[] = {
		0, 0, 2, 2, 4, 8, 0x18, 0x28, 0x30, 0x40, 1, 0x7f, 0xff
	};

	if (chance(g, 4))
		fprintf(g->f, "-data t%u %02x\n", below(g, 4), below(g, 256));
	fprintf(g->f, "-answer t%u", below(g, 4));
	if (chance(g, 2))
		fprintf(g->f, " status=0x%02x", PICK(g, status));
	if (chance(g, 5))
		fprintf(g->f, " sense=%02x0005%08x", chance(g, 2) ? 0x70 : below(g, 256),
			(uint32_t)next(g));
	if (chance(g, 3))
		fprintf(g->f, " uflags=%u", chance(g, 4) ? below(g, 256) : below(g, 8));
	if (chance(g, 3))
		fprintf(g->f, " read_len=%u", (uint32_t)odd_number(g));
	if (chance(g, 8))
		fprintf(g->f, " id=%u", (uint32_t)odd_number(g) & 0xffff);
	if (chance(g, 8))
		fputs(" stay=1", g->f);
	fputs(chance(g, 4) ? "\n" : "\n-ring\n", g->f);
}

/* Words of the entry taken last, all but the length. */
static void scribble_entry(struct gen *g)
{
	switch (below(g, 6)) {
	case 0:
		fprintf(g->f, "-store u16 ring+at+4 %u\n", (uint32_t)odd_number(g) & 0xffff);
		break;
	case 1:
		fprintf(g->f, "-store u8 ring+at+%u %u\n", 6 + below(g, 3), below(g, 256));
		break;
	case 2:
		fprintf(g->f, "-store u32 ring+at+%u %u\n", 8 + 4 * below(g, 26),
			(uint32_t)odd_number(g));
		break;
	case 3: /* the same length, another known opcode: the command is lost */
		fprintf(g->f, "-store u32 ring+at len+%u\n", 2 * below(g, 2));
		break;
	case 4: /* two entries in one */
		fputs("-store u32 ring+at head-at+1\n", g->f);
		break;
	default:
		fprintf(g->f, "-fill ring+at+8 len-8 %02x\n", below(g, 256));
	}
}

static void wild_length(struct gen *g)
{
	if (!wild(g, SEAT_WILD_LENGTH)) {
		scribble_entry(g);
		return;
	}
	if (chance(g, 3)) { /* an entry that hangs over the end of the ring */
		uint32_t left = 8 * (1 + below(g, 14));

		fprintf(g->f, "-store u32 ring+at size-%u-at\n-store u32 ring+size-%u 121\n", left,
			left);
		fprintf(g->f, "-store u16 ring+size-%u id\n-tail %u\n-ring\n", left - 4,
			120 - left);
		return;
	}
	fprintf(g->f, "-store u32 ring+%s %u\n", chance(g, 2) ? "at" : "tail",
		((uint32_t)odd_number(g) & ~7u) + below(g, 3));
}

static void wild_opcode(struct gen *g)
{
	if (!wild(g, SEAT_WILD_OPCODE)) {
		scribble_entry(g);
		return;
	}
	fprintf(g->f, "-store u32 ring+at len+%u\n", 3 + below(g, 5));
}

/* --- the mailbox -------------------------------------------------------------------------------
 */

static void mailbox(struct gen *g)
{
	switch (below(g, 6)) {
	case 0: /* words that the kernel should not read again */
		fprintf(g->f, "-store u16 %u 0x%x\n", 2 * below(g, 2), below(g, 65536));
		break;
	case 1:
		fprintf(g->f, "-store u32 %u 0x%x\n", 4 + 4 * below(g, 2), (uint32_t)odd_number(g));
		break;
	case 2:
		fprintf(g->f, "-store u64 %u 0x%llx\n", 16 + 8 * below(g, 6),
			(unsigned long long)odd_number(g));
		break;
	case 3:
		if (wild(g, SEAT_WILD_HEAD))
			fprintf(g->f, "-store u32 12 %s%u\n", chance(g, 2) ? "size-" : "",
				(uint32_t)odd_number(g));
		break;
	case 4:
		if (wild(g, SEAT_WILD_TAIL))
			fprintf(g->f, "-tail %s%u\n-ring\n",
				chance(g, 3)   ? "tail+"
				: chance(g, 2) ? "size-"
					       : "",
				(uint32_t)odd_number(g));
		break;
	default: /* all of it, unanswered: legal values, lost commands or a broken ring */
		fputs("-tail head\n-ring\n", g->f);
	}
}

/* --- node and mappings -------------------------------------------------------------------------
 */

static void doorbell(struct gen *g)
{
	static const uint32_t bytes[] = { 0, 1, 2, 3, 4, 5, 8, 4096 };

	fprintf(g->f, "-ring %u 0x%llx\n", PICK(g, bytes), (unsigned long long)odd_number(g));
	if (chance(g, 3))
		fprintf(g->f, "-read %u\n", PICK(g, bytes));
}

static void mapping(struct gen *g)
{
	static const char *const prot[] = { "none", "r", "w", "rw", "rx", "rwx" };
	static const char *const flags[] = { "shared",		 "private",
					     "shared,populate",	 "shared,locked",
					     "private,populate", "shared,noreserve",
					     "validate",	 "shared,hugetlb",
					     "validate,sync" };
	static const char *const at[] = { "0", "page", "data", "data+page", "data+page+page+page" };
	uint32_t pages = 1 + below(g, 64);

	switch (below(g, 8)) {
	case 0:
		fprintf(g->f, "-map map prot=%s flags=%s\n", PICK(g, prot), PICK(g, flags));
		break;
	case 1:
		fprintf(g->f, "-map %llu offset=%llu flags=%s\n", (unsigned long long)odd_number(g),
			(unsigned long long)odd_number(g) & ~4095ull, PICK(g, flags));
		break;
	case 2:
		fputs("-unmap\n", g->f);
		break;
	case 3:
		fprintf(g->f, "-unmap %s %u\n", PICK(g, at), pages * 4096);
		break;
	case 4:
		fprintf(g->f, "-protect %s %u %s\n", PICK(g, at), pages * 4096, PICK(g, prot));
		break;
	case 5:
		fprintf(g->f, "-advise %s %u %u\n", PICK(g, at), pages * 4096, below(g, 26));
		break;
	case 6:
		fprintf(g->f, "-remap %s %u %u\n", PICK(g, at), pages * 4096,
			(1 + below(g, 128)) * 4096);
		break;
	default:
		fprintf(g->f, "-load u64 data+%llu\n-store u8 data+%u 1\n",
			(unsigned long long)(next(g) % (16u << 20)) & ~7ull, below(g, 8u << 20));
	}
}

static void holders(struct gen *g)
{
	switch (below(g, 5)) {
	case 0:
		fprintf(g->f, "-fork %u\n", 1 + below(g, 1500));
		break;
	case 1:
		fputs("-dup\n", g->f);
		break;
	case 2:
		fputs("-close\n-open\n", g->f);
		break;
	case 3: /* gone, with everything: kept buffers are freed at the last close */
		fputs("-unmap\n-close\n-sleep 20\n-open\n-map\n-seek\n", g->f);
		break;
	default:
		fputs("-open\n", g->f);
	}
}

/* --- root ---------------------------------------------------------------------------------------
 */

static const char *const control_keys[] = { "dev_size",		"hw_block_size",
					    "hw_max_sectors",	"nl_reply_supported",
					    "max_data_area_mb", "data_pages_per_blk",
					    "cmd_ring_size_mb" };

static const char *const attribs[] = {
	"cmd_time_out",	    "qfull_time_out",	  "dev_size",	     "emulate_write_cache",
	"tmr_notification", "nl_reply_supported", "emulate_pr",	     "alua_support",
	"pgr_support",	    "enforce_pr_isids",	  "force_pr_aptpl",  "submit_type",
	"max_data_area_mb", "hw_queue_depth",	  "hw_pi_prot_type", "cmd_ring_size_mb",
};

static void odd_text(struct gen *g)
{
	static const char *const texts[] = { "",     "\\n",	  "-1",	 "-2147483648", "0x",
					     "abc",  " 1 ",	  "1,2", "1\\n2",	"\\x00",
					     "%s%n", "yes",	  "1e9", "0777",	"=",
					     ",,,,", "\\xff\\xff" };

	if (chance(g, 3))
		fputs(PICK(g, texts), g->f);
	else
		fprintf(g->f, "%llu", (unsigned long long)odd_number(g));
}

static uint32_t kept_id(struct gen *g)
{
	uint32_t id = chance(g, 3) ? (uint32_t)odd_number(g) : below(g, 8);

	return id || wild(g, SEAT_WILD_ROOT) ? id : 1;
}

static void configfs(struct gen *g)
{
	fputs("-write ", g->f);
	switch (below(g, 6)) {
	case 0:
		fprintf(g->f, "control \"%s=", PICK(g, control_keys));
		odd_text(g);
		break;
	case 1:
		fprintf(g->f, "action/block_dev \"%u", below(g, 3));
		break;
	case 2:
		fprintf(g->f, "action/reset_ring \"%u", 1 + below(g, 3));
		break;
	case 3:
		fprintf(g->f, "action/free_kept_buf \"%u", kept_id(g));
		break;
	case 4:
		fputs("attrib/dev_config \"", g->f);
		odd_text(g);
		break;
	default:
		fprintf(g->f, "attrib/%s \"", PICK(g, attribs));
		odd_text(g);
	}
	fputs("\"\n", g->f);
	if (chance(g, 2))
		fputs("-seek\n", g->f);
}

static void module(struct gen *g)
{
	switch (below(g, 3)) {
	case 0:
		fputs("-write module:global_max_data_area_mb \"", g->f);
		odd_text(g);
		fputs("\"\n", g->f);
		break;
	case 1:
		fprintf(g->f, "-write module:block_netlink %u\n-write module:reset_netlink %u\n",
			below(g, 3), below(g, 3));
		break;
	default:
		fputs("-write module:reset_netlink 1\n", g->f);
	}
}

static void netlink(struct gen *g)
{
	static const char *const width[] = { "u8", "u16", "u32", "u64", "none", "str" };
	uint32_t n = below(g, 4);

	fprintf(g->f, "-netlink %u ", chance(g, 4) ? below(g, 256) : below(g, 8));
	for (uint32_t i = 0; i < n; i++)
		fprintf(g->f, "%s%u:%s:%llu", i ? "," : "\"", below(g, 12), PICK(g, width),
			(unsigned long long)odd_number(g));
	fprintf(g->f, "%s version=%u\n", n ? "\"" : "attrs=\"\"", chance(g, 4) ? below(g, 9) : 2);
}

/* --- a program ----------------------------------------------------------------------------------
 */

static void race(struct gen *g);

typedef void (*move)(struct gen *g);

/* How often each move is made; the columns are the profiles. */
enum { PROFILE_RING, PROFILE_MAP, PROFILE_ROOT, PROFILE_RACE, PROFILES };
static const struct {
	move fn;
	uint8_t weight[PROFILES];
} moves[] = {
	{ traffic, { 12, 10, 10, 12 } },     { burst, { 2, 2, 2, 4 } },
	{ take, { 12, 8, 6, 6 } },	     { answer, { 14, 8, 6, 6 } },
	{ task_management, { 2, 1, 1, 1 } }, { scribble_entry, { 8, 1, 1, 4 } },
	{ wild_length, { 3, 0, 1, 2 } },     { wild_opcode, { 2, 0, 1, 1 } },
	{ mailbox, { 6, 2, 2, 4 } },	     { doorbell, { 3, 3, 1, 4 } },
	{ mapping, { 1, 16, 1, 4 } },	     { holders, { 1, 5, 1, 2 } },
	{ configfs, { 2, 1, 14, 3 } },	     { module, { 0, 0, 3, 1 } },
	{ netlink, { 0, 0, 4, 1 } },	     { race, { 0, 0, 0, 5 } },
};

static void any_move(struct gen *g, int profile)
{
	uint32_t sum = 0, at;

	for (uint32_t i = 0; i < COUNT(moves); i++)
		sum += moves[i].weight[profile];
	at = below(g, sum);
	for (uint32_t i = 0; i < COUNT(moves); at -= moves[i++].weight[profile]) {
		if (at < moves[i].weight[profile]) {
			moves[i].fn(g);
			return;
		}
	}
}

/* A second thread that does a few things over and over. */
static void race(struct gen *g)
{
	uint32_t n = 1 + below(g, 3);

	if (g->depth)
		return;
	g->depth++;
	fprintf(g->f, "thread\nloop %u\n", 20 + below(g, 400));
	for (uint32_t i = 0; i < n; i++)
		any_move(g, (int)below(g, PROFILE_RACE));
	fputs("end\nend\n", g->f);
	g->depth--;
}

/* A small device most of the time: rings and areas that fill up. */
static void device(struct gen *g)
{
	static const uint32_t area[] = { 1, 1, 2, 8, 64 };
	static const uint32_t pages[] = { 1, 1, 1, 2, 16, 255, 256 };
	uint32_t n = chance(g, 3) ? below(g, 4) : 0;

	fprintf(g->f, "#! control cmd_ring_size_mb=%u\n", chance(g, 4) ? 1 + below(g, 9) : 1);
	fprintf(g->f, "#! control max_data_area_mb=%u\n", PICK(g, area));
	fprintf(g->f, "#! control data_pages_per_blk=%u\n", PICK(g, pages));
	fprintf(g->f, "#! attrib/cmd_time_out %u\n", chance(g, 5) ? 0u : 1u);
	fprintf(g->f, "#! attrib/qfull_time_out %d\n", (int)below(g, 3) - 1);
	fprintf(g->f, "#! attrib/tmr_notification %u\n", below(g, 2));
	for (uint32_t i = 0; i < n; i++) {
		const char *key = PICK(g, control_keys);

		if (chance(g, 2)) {
			fprintf(g->f, "#! attrib/%s ", PICK(g, attribs));
			odd_text(g);
		} else if (!strcmp(key, "data_pages_per_blk") && !wild(g, SEAT_WILD_ROOT)) {
			fprintf(g->f, "#! control %s=%s%u", key, chance(g, 4) ? "-" : "",
				1 + below(g, 300));
		} else {
			fprintf(g->f, "#! control %s=", key);
			odd_text(g);
		}
		fputc('\n', g->f);
	}
}

void seat_generate(FILE *f, uint64_t seed, int triggers)
{
	struct gen g = { .f = f, .state = seed, .triggers = triggers };
	int profile = (int)below(&g, PROFILES);
	uint32_t n = 10 + below(&g, 40);

	if (triggers < 0)
		g.triggers = chance(&g, 8) ? SEAT_WILD_ALL : 0;
	fprintf(f, "# seed 0x%016llx\n", (unsigned long long)seed);
	device(&g);
	for (uint32_t i = 0; i < n; i++)
		any_move(&g, profile);
	fputs("-results ms=300\n-serve ms=200\n", f);
}
