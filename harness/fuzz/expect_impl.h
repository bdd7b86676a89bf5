/* SPDX-License-Identifier: MIT */
/*
 * What the files of the oracle of answers share; private to expect*.c.
 *
 * Each command is judged in three steps: its rule says which refusals it deserves (@must), which it
 * may get all the same (@may); the answer is compared with that; what it returned is looked at.
 * What the handler says of itself is kept, and compared with what it says later and with what it
 * does: expect_agree() is called whenever one of the two has grown.
 */
#ifndef HARNESS_FUZZ_EXPECT_IMPL_H
#define HARNESS_FUZZ_EXPECT_IMPL_H

#include "expect.h"

#include "../cases/cdb.h"

#include <stddef.h>

#define SAM_CHECK 0x02

/* Refusals, each a sense code (SCS-040). */
enum {
	E_OPCODE = 1u << 0,	/* 5/2000 */
	E_LBA = 1u << 1,	/* 5/2100 */
	E_CDB = 1u << 2,	/* 5/2400 */
	E_LIST = 1u << 3,	/* 5/2600 */
	E_LIST_LEN = 1u << 4,	/* 5/1a00 */
	E_SAVE = 1u << 5,	/* 5/3900 */
	E_WP = 1u << 6,		/* 7/2700 */
	E_MISCOMPARE = 1u << 7, /* e/1d00 */
	E_STOPPED = 1u << 8,	/* 2/04xx */
	E_READ = 1u << 9,	/* 3/11xx */
	E_WRITE = 1u << 10,	/* 3/0cxx */
	E_ATTENTION = 1u << 11, /* 6/28xx 6/29xx 6/2axx */
	E_OTHER = 1u << 12,	/* no rule asks for it */
	E_STATUS = 1u << 13,	/* another status, that says nothing was done */
	E_ANY = 0xffffffff,	/* whichever, if it is well-formed */
};

/* Limits that page B0 reports. */
enum limit { L_NONE, L_TRANSFER, L_CAW, L_SAME, L_DESCS, L_UNMAP, LIMITS };

/**
 * struct rule - the answers that a command may have
 * @must:  refusals that it deserves; GOOD is wrong if there is one
 * @may:   refusals that are right, too
 * @odd:   has bits that mean nothing, which may be why it is refused
 * @limit: a limit that is not known yet, and that @count may exceed: @limit_error is right then
 */
struct rule {
	uint32_t must, may, limit_error;
	bool odd;
	enum limit limit;
	uint64_t count;
};

/* Bits by opcode or page. */
struct bits {
	uint64_t w[4];
};

static inline bool bit_is(const struct bits *b, uint8_t i)
{
	return b->w[i >> 6] >> (i & 63) & 1;
}

static inline void bit_set(struct bits *b, uint8_t i)
{
	b->w[i >> 6] |= 1ull << (i & 63);
}

/**
 * struct said - an answer of the handler about itself, as far as it was seen
 * @page: which VPD page it is
 */
#define SAID_MAX 512
struct said {
	uint16_t have;
	uint8_t page;
	uint8_t bytes[SAID_MAX];
};

/* Answers that are kept. */
enum { SAID_INQUIRY, SAID_CAPACITY_10, SAID_CAPACITY_16, SAID_OPCODES, SAID_VPD, SAIDS = 20 };

/* Bits of the mode pages that decide how commands are answered. */
enum mode_bit { MODE_WCE, MODE_D_SENSE, MODE_BITS };

#define PAGES	 3
#define PAGE_LEN 20

/**
 * struct mode_page - one of pages 01, 08, 0A
 * @len: of the whole page, 0 = not seen yet
 * @known, @mask_known, @def_known: whether @now, @mask (changeable), @def (default) are
 * @changed: bits that MODE SELECT has changed
 */
struct mode_page {
	uint8_t len;
	bool known, mask_known, def_known;
	uint8_t now[PAGE_LEN], mask[PAGE_LEN], def[PAGE_LEN], changed[PAGE_LEN];
};

/**
 * struct mode - the model of MODE SELECT and MODE SENSE
 * @until:   the last moment at which the bit may have had the value 0, 1; UINT64_MAX: now
 * @before:  @until before the MODE SELECT that is under way alone
 * @selects: MODE SELECTs that are under way, @lost: of them those that have ended without answer;
 *           @turns: counts their beginnings and ends
 * @codes:   page codes in answers to page 3F; @alone, @refused: asked for one by one
 */
struct mode {
	uint64_t until[MODE_BITS][2], before[MODE_BITS][2];
	uint32_t selects, lost, turns;
	struct mode_page page[PAGES];
	struct bits codes, alone, refused;
	bool codes_known, dpofua_known, dpofua, wp_known, wp, dpofua_refused;
};

/* What page B0 says, in the order of enum limit; and what was seen to work or to be refused. */
struct limits {
	bool known;
	uint64_t max[LIMITS];
	uint64_t worked[LIMITS], refused[LIMITS];
};

/** enum flush - a flush that failed while nobody may have waited for it */
enum flush { FLUSH_FINE, FLUSH_ARMED, FLUSH_FAILED };

/**
 * struct fuzz_expect - see expect.h
 * @in_flight: commands that have begun and not ended
 * @budget:    BUSY that lack of memory explains, and errors of the medium by store operation
 * @flush:    since @failed_at, as far as it was noticed; @flushing: commands that would report it;
 *            @flush_lost: one may be carried out yet whose answer nobody sees
 * @target:   where faults are seen to have struck
 * @attentions: unit attentions that something explains
 * @works, @refused: opcodes that were carried out, that were refused with 5/2000
 */
struct fuzz_expect {
	struct fuzz_disk_facts facts;
	uint64_t busy, errors[STORE_ZERO + 1];
	uint32_t attentions, in_flight;
	enum flush flush;
	uint32_t flushing;
	bool flush_lost;
	uint64_t failed_at;
	struct target *target;
	bool stopped;
	struct mode mode;
	struct limits limits;
	struct bits works, refused, op_listed;
	bool op_list_known, groups_work, groups_refused;
	bool inquiry_known, protect, naca, copy;
	uint8_t groups;
	bool vpd_known;
	struct bits vpd_listed, vpd_works, vpd_refused;
	bool b2_known, unmap, same_16, same_10, anchor, b2_zeros, wsnz;
	uint8_t b2_type;
	bool same_16_unmaps, same_10_unmaps, same_16_refuses, same_10_refuses;
	bool capacity_known, thin, zeros;
	uint32_t saids; /* of SAID_VPD */
	struct said said[SAIDS];
};

/** struct seen - a command that was answered, for those who judge it */
struct seen {
	struct fuzz_expect *e;
	struct tc *tc;
	struct fuzz_cmd *c;
	const struct fuzz_cdb *d;
};

/**
 * expect_wrong() - fail with the command in words: "READ(10) lba=..: " and the rest
 * Nothing happens if the user knows that the handler breaks @clause (tc_overlooks()).
 */
void expect_wrong(const struct seen *s, const char *clause, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** expect_rule() - what @c deserves. */
void expect_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c, const struct fuzz_cdb *d,
		 struct rule *r);
/** expect_limit() - @count of blocks or descriptors against a limit; @error refuses too many. */
void expect_limit(const struct fuzz_expect *e, struct rule *r, enum limit limit, uint64_t count,
		  uint32_t error);
/** expect_unmap_rule(), expect_select_rule() - parameter lists. */
void expect_unmap_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c, struct rule *r);
void expect_select_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c, struct rule *r);
void expect_sense_rule(const struct fuzz_expect *e, const struct fuzz_cmd *c, struct rule *r);

/** expect_sense() - the format of the sense that came with a CHECK CONDITION; one of E_*. */
uint32_t expect_sense(const struct seen *s);
/** expect_sense_data() - sense data as REQUEST SENSE returns it. */
void expect_request_sense(const struct seen *s, const uint8_t *p, uint32_t n);

/** expect_data() - what a command that was GOOD returned. */
void expect_data(const struct seen *s);
/** expect_zeros() - bytes @from to @to of Data-In are no answer and must be zeros. */
void expect_zeros(const struct seen *s, const uint8_t *p, uint32_t from, uint32_t to);
/** expect_said() - the first @n bytes of an answer must be what was said before. */
bool expect_said(const struct seen *s, struct said *said, const uint8_t *p, uint32_t n);
/** expect_said_vpd() - where page @page is kept; NULL if too many others are. */
struct said *expect_said_vpd(struct fuzz_expect *e, uint8_t page);

/* Complete answers: @n bytes, which is as many as they say that they have. */
void expect_inquiry(const struct seen *s, const uint8_t *p, uint32_t n);
void expect_vpd(const struct seen *s, const uint8_t *p, uint32_t n);
void expect_capacity(const struct seen *s, const uint8_t *p, uint32_t n);
void expect_opcodes(const struct seen *s, const uint8_t *p, uint32_t n);
/** expect_mode_sense() - @n bytes of mode data, @total of which there are. */
void expect_mode_sense(const struct seen *s, const uint8_t *p, uint32_t n, uint32_t total);

/** expect_answered() - the opcode works, or was refused; @error: 0 or one of E_*. */
void expect_answered(const struct seen *s, const struct rule *r, uint32_t error);
/** expect_agree() - what is claimed and what was seen say the same. */
void expect_agree(const struct seen *s);

/* Faults (expect_fault.c). */

/** expect_fault_explains() - an error of the medium; the fault is used up then. */
bool expect_fault_explains(const struct seen *s, uint32_t error);
/** expect_busy() - BUSY or TASK SET FULL: memory was short, or the handler's queue may be full. */
void expect_busy(const struct seen *s);
void expect_flush_begin(struct fuzz_expect *e, const struct fuzz_cmd *c);
void expect_flush_lost(struct fuzz_expect *e, const struct fuzz_cmd *c);
/** expect_flush_quiet() - nothing of what was lost is in anybody's hands. */
void expect_flush_quiet(struct fuzz_expect *e, uint64_t now);
/** expect_flush_end() - @error: 0 or one of E_*. */
void expect_flush_end(const struct seen *s, uint32_t error);

/* Mode pages (expect_mode.c). */

/** expect_page_index() - of page 01, 08, 0A; -1 for all others. expect_page_len() - header and all
 */
int expect_page_index(uint8_t code);
uint8_t expect_page_len(int index);
void expect_mode_reset(struct fuzz_expect *e);
void expect_mode_restarted(struct fuzz_expect *e);
void expect_mode_quiet(struct fuzz_expect *e);
void expect_mode_sense_begin(struct fuzz_expect *e, struct fuzz_cmd *c);
void expect_select_begin(struct fuzz_expect *e, struct fuzz_cmd *c);
void expect_select_lost(struct fuzz_expect *e);
/** expect_select_end() - @error: 0 = GOOD, else one of E_*; E_OTHER: it may have had its effect. */
void expect_select_end(const struct seen *s, uint32_t error, struct fuzz_effect *effect);
/** expect_mode_page() - a whole page in an answer to MODE SENSE with page control @pc. */
void expect_mode_page(const struct seen *s, const uint8_t *p, uint8_t pc);

/** expect_sends() - whether the bytes that the handler finds are c->data: Data-Out. */
static inline bool expect_sends(const struct fuzz_cmd *c)
{
	return c->data && (c->io.dir == RINGSIM_TO_DEVICE || c->io.dir == RINGSIM_BIDI);
}

/** expect_mode_may() - whether @bit may have had @value at any time in the life of @c. */
static inline bool expect_mode_may(const struct fuzz_expect *e, const struct fuzz_cmd *c,
				   enum mode_bit bit, bool value)
{
	return e->mode.until[bit][value] >= c->began;
}

#endif
