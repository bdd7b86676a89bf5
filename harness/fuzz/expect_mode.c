/* SPDX-License-Identifier: MIT */
/*
 * The model of the mode pages: what MODE SELECT has set must be what MODE SENSE shows, and what
 * decides over caching and the format of sense.
 *
 * Commands overlap: while a MODE SELECT is under way, each bit may have either value; after two
 * that overlapped, nothing is known until a MODE SENSE that nobody disturbed. One that was lost may
 * take effect at any time, until the handler has nothing in its hands. Clauses: SCS-030, SCS-031,
 * SCS-041.
 */
#include "expect_impl.h"

#define WCE_BIT	    0x04 /* byte 2 of page 08 */
#define D_SENSE_BIT 0x04 /* byte 2 of page 0A */

static const uint8_t codes[PAGES] = { 0x01, 0x08, 0x0a };
static const uint8_t lens[PAGES] = { 12, 20, 12 };

int expect_page_index(uint8_t code)
{
	for (int i = 0; i < PAGES; i++) {
		if (codes[i] == code)
			return i;
	}
	return -1;
}

uint8_t expect_page_len(int index)
{
	return lens[index];
}

/* From the moment @now on the bit has the value @value. */
static void set_bit(struct fuzz_expect *e, enum mode_bit bit, bool value, uint64_t now)
{
	e->mode.until[bit][value] = UINT64_MAX;
	if (e->mode.until[bit][!value] == UINT64_MAX)
		e->mode.until[bit][!value] = now;
}

static void unknown(struct fuzz_expect *e)
{
	for (int i = 0; i < PAGES; i++)
		e->mode.page[i].known = false;
}

void expect_mode_reset(struct fuzz_expect *e)
{
	struct mode *m = &e->mode;

	memset(m, 0, sizeof(*m));
	if (!e->facts.strict) {
		memset(m->until, 0xff, sizeof(m->until));
		return;
	}
	m->until[MODE_WCE][e->facts.wce] = UINT64_MAX;
	m->until[MODE_D_SENSE][0] = UINT64_MAX;
}

void expect_mode_restarted(struct fuzz_expect *e)
{
	if (e->facts.strict) {
		e->mode.until[MODE_WCE][e->facts.wce] = UINT64_MAX;
		e->mode.until[MODE_D_SENSE][0] = UINT64_MAX;
	} else {
		memset(e->mode.until, 0xff, sizeof(e->mode.until));
	}
	e->mode.turns++;
	unknown(e);
}

void expect_mode_quiet(struct fuzz_expect *e)
{
	if (e->mode.lost == 0)
		return;
	e->mode.selects -= e->mode.lost;
	e->mode.lost = 0;
	e->mode.turns++;
	unknown(e);
}

void expect_select_begin(struct fuzz_expect *e, struct fuzz_cmd *c)
{
	struct mode *m = &e->mode;

	c->expect.a = ++m->turns;
	if (m->selects++ == 0)
		memcpy(m->before, m->until, sizeof(m->before));
	memset(m->until, 0xff, sizeof(m->until));
}

void expect_select_lost(struct fuzz_expect *e)
{
	e->mode.lost++;
	unknown(e);
}

void expect_mode_sense_begin(struct fuzz_expect *e, struct fuzz_cmd *c)
{
	c->expect.a = e->mode.turns;
}

/* Nobody changed anything since @c began. */
static bool undisturbed(const struct fuzz_expect *e, const struct fuzz_cmd *c, uint32_t selects)
{
	return c->expect.a == e->mode.turns && e->mode.selects == selects;
}

/* Page @p of a list that was accepted is what the unit has now. */
static void take_page(const struct seen *s, const uint8_t *p, struct fuzz_effect *effect)
{
	struct fuzz_expect *e = s->e;
	int i = expect_page_index(p[0] & 0x3f);
	struct mode_page *page = &e->mode.page[i];
	bool set = (p[2] & WCE_BIT) != 0;

	for (uint32_t k = 2; k < lens[i]; k++) {
		if (page->known)
			page->changed[k] |= page->now[k] ^ p[k];
		if (page->mask_known && (page->changed[k] & ~page->mask[k]) != 0)
			expect_wrong(s, "SCS-030",
				     "byte %u of page %02x was changed by 0x%02x, which MODE SENSE "
				     "calls unchangeable (0x%02x)",
				     k, p[0] & 0x3f, page->changed[k], page->mask[k]);
		page->now[k] = p[k];
	}
	page->known = true;
	if (codes[i] == 0x0a)
		set_bit(e, MODE_D_SENSE, (p[2] & D_SENSE_BIT) != 0, s->c->ended);
	if (codes[i] != 0x08)
		return;
	effect->sync = !set && e->mode.before[MODE_WCE][1] >= s->c->began;
	set_bit(e, MODE_WCE, set, s->c->ended);
}

/* The pages of a list that was found good, as far as they are ours. */
static void take_list(const struct seen *s, struct fuzz_effect *effect)
{
	const uint8_t *p = s->c->data;
	bool ten = s->c->io.cdb[0] == OP_MODE_SELECT_10;
	uint64_t len = s->d->data_len, at = ten ? 8 : 4;

	if (len < at || p == NULL)
		return;
	at += ten ? be_get(p + 6, 2) : p[3];
	while (at + 2 <= len) {
		bool sub = p[at] & 0x40;
		uint64_t n = sub && at + 4 <= len ? 4 + be_get(p + at + 2, 2) : 2u + p[at + 1];
		int i = sub ? -1 : expect_page_index(p[at] & 0x3f);

		if (i >= 0 && n == lens[i] && at + n <= len)
			take_page(s, p + at, effect);
		at += n;
	}
}

void expect_select_end(const struct seen *s, uint32_t error, struct fuzz_effect *effect)
{
	struct mode *m = &s->e->mode;
	bool alone = undisturbed(s->e, s->c, 1);
	bool short_list = s->d->data_len != 0 &&
			  (s->d->data_len > s->c->io.len || !expect_sends(s->c));
	/* nobody knows: an error in the middle of it, or fewer bytes than it says */
	bool vague = error & (E_READ | E_WRITE | E_OTHER) || (error == 0 && short_list);

	m->turns++;
	m->selects--;
	if (!alone || vague) {
		unknown(s->e);
		return;
	}
	for (int b = 0; b < MODE_BITS; b++) {
		for (int v = 0; v < 2; v++)
			m->until[b][v] = m->before[b][v];
	}
	if (error == 0)
		take_list(s, effect);
}

/* Bytes of @page that @p shows, of kind @what. */
static bool same_page(const struct seen *s, const uint8_t *p, int i, bool *known, uint8_t *kept,
		      const char *what)
{
	for (uint32_t k = 2; *known && k < lens[i]; k++) {
		if (kept[k] == p[k])
			continue;
		expect_wrong(s, "SCS-030",
			     "%s values of page %02x, byte %u: expected 0x%02x, "
			     "found 0x%02x",
			     what, codes[i], k, kept[k], p[k]);
		return false;
	}
	*known = true;
	memcpy(kept, p, lens[i]);
	return true;
}

/* A bit that has consequences must show what it is. */
static void shows(const struct seen *s, enum mode_bit bit, bool value, bool calm)
{
	if (!expect_mode_may(s->e, s->c, bit, value))
		expect_wrong(s, "SCS-031", "%s: expected %d, found %d",
			     bit == MODE_WCE ? "WCE" : "D_SENSE", !value, value);
	else if (calm)
		set_bit(s->e, bit, value, s->c->ended);
}

static void current_page(const struct seen *s, const uint8_t *p, int i)
{
	struct mode_page *page = &s->e->mode.page[i];
	bool calm = undisturbed(s->e, s->c, 0);

	if (codes[i] == 0x08)
		shows(s, MODE_WCE, (p[2] & WCE_BIT) != 0, calm);
	if (codes[i] == 0x0a)
		shows(s, MODE_D_SENSE, (p[2] & D_SENSE_BIT) != 0, calm);
	if (calm)
		same_page(s, p, i, &page->known, page->now, "current");
}

static void changeable_page(const struct seen *s, const uint8_t *p, int i)
{
	struct mode_page *page = &s->e->mode.page[i];

	if (!same_page(s, p, i, &page->mask_known, page->mask, "changeable"))
		return;
	for (uint32_t k = 2; k < lens[i]; k++) {
		if (page->changed[k] & ~page->mask[k])
			expect_wrong(s, "SCS-030",
				     "changeable values of page %02x, byte %u: 0x%02x, but 0x%02x "
				     "was changed",
				     codes[i], k, page->mask[k], page->changed[k]);
	}
}

void expect_mode_page(const struct seen *s, const uint8_t *p, uint8_t pc)
{
	int i = expect_page_index(p[0] & 0x3f);
	struct mode_page *page;

	if (i < 0)
		return;
	if (p[1] + 2u != lens[i]) {
		expect_wrong(s, "SCS-030", "length of page %02x: expected %u, found %u", codes[i],
			     lens[i] - 2u, p[1]);
		return;
	}
	page = &s->e->mode.page[i];
	if (pc == 0)
		current_page(s, p, i);
	else if (pc == 1)
		changeable_page(s, p, i);
	else if (same_page(s, p, i, &page->def_known, page->def, "default") && s->e->facts.strict &&
		 codes[i] == 0x08 && ((p[2] & WCE_BIT) != 0) != s->e->facts.wce)
		expect_wrong(s, "SCS-031", "default WCE: expected %d, found %d", s->e->facts.wce,
			     !s->e->facts.wce);
}
