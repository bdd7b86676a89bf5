/* SPDX-License-Identifier: MIT */
/*
 * Failures of the reference disk in words: which byte, what it could have been, whose it is
 * instead.
 */
#include "disk_impl.h"

#include <stdarg.h>
#include <stdio.h>

/* Text that grows in a buffer of its own; what does not fit is left out. */
struct text {
	char buf[600];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, sizeof(t->buf) - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len += (size_t)n < sizeof(t->buf) - t->len ? (size_t)n
							      : sizeof(t->buf) - t->len - 1;
}

static void say_write(struct text *t, const struct fuzz_disk *d, uint32_t w)
{
	if (w == 0)
		say(t, "the zeros of the beginning");
	else
		say(t, "write #%u (%s, operation %u)", w, d->writes.at[w].name, d->writes.at[w].nr);
}

/* Why write @w is not what can be found in its own block. */
static void say_why(struct text *t, const struct fuzz_disk *d, const struct fuzz_cmd *c,
		    const struct block *b, uint32_t w)
{
	const struct write *wr = &d->writes.at[w];
	const struct mark *at = d->marks.at;
	uint32_t i, m = b ? b->live : 0;

	if (wr->data_only)
		say(t, ", which writes nothing");
	else if (wr->refused)
		say(t, ", which was refused");
	else if (wr->began > c->ended)
		say(t, ", which had not begun");
	else {
		while (m && at[m].w != w)
			m = at[m].next;
		for (i = b ? b->live : 0; i; i = at[i].next) {
			if (i == m || !disk_sure(d, &at[i]))
				continue;
			if (m ? disk_before(d, &at[m], &at[i]) : wr->until < at[i].s)
				break;
		}
		if (i)
			say(t, ", which #%u (operation %u) had overwritten", at[i].w,
			    d->writes.at[at[i].w].nr);
		else
			say(t, ", which was not the last");
	}
}

/* Whose bytes these are, of which the one at @at is wrong. */
static void say_found(struct text *t, const struct fuzz_disk *d, const struct fuzz_cmd *c,
		      const struct block *b, uint64_t lba, const uint8_t *p, uint32_t len,
		      uint32_t at)
{
	uint32_t word = at / 8 * 8, w, i;
	uint64_t found = 0, owner;

	if (word + 8 > len)
		word = len >= 8 ? (len - 8) / 8 * 8 : 0;
	memcpy(&found, p + word, len < 8 ? len : 8);
	if (found == 0) {
		say(t, "found zeros");
		return;
	}
	for (i = 0; i < len / 8 + 1; i++) {
		/* in its place first, then from everywhere else */
		uint32_t from = i == 0 ? word / 8 : i - 1;

		if (!disk_who(d, found, from, &w, &owner))
			continue;
		say(t, "found ");
		say_write(t, d, w);
		if (owner != lba && owner != SAME_LBA)
			say(t, ", its block %llu", (unsigned long long)owner);
		if (from != word / 8)
			say(t, ", its byte %u", from * 8);
		if ((owner == lba || owner == SAME_LBA) && from == word / 8)
			say_why(t, d, c, b, w);
		return;
	}
	say(t, "found bytes that nobody wrote:");
	for (i = at; i < len && i < at + 8; i++)
		say(t, " %02x", p[i]);
}

/* What could have been there; returns the offset of the first byte that it could not have been. */
static uint32_t say_expected(struct text *t, const struct fuzz_disk *d, const struct fuzz_cmd *c,
			     const struct block *b, const uint8_t *p, uint32_t len)
{
	const struct mark *at = d->marks.at;
	struct chunk chunk = { .kind = C_ZERO };
	uint32_t i, off, best = 0, n = 0;

	if (!b) {
		say_write(t, d, 0);
		return disk_differs(d, &chunk, p, len);
	}
	for (i = b->live; i; i = at[i].next) {
		if (at[i].w == c->disk.a && at[i].w != 0)
			continue;
		if (!disk_can(d, b, i, c->began, c->ended, (uint32_t)c->disk.a))
			continue;
		chunk = (struct chunk){ .v = at[i].v, .kind = at[i].kind };
		off = disk_differs(d, &chunk, p, len);
		if (off > best && off < len)
			best = off;
		if (n++ < 3) {
			say(t, "%s", n > 1 ? " or " : "");
			say_write(t, d, at[i].w);
		}
	}
	if (n > 3)
		say(t, " or %u more", n - 3);
	if (n == 0)
		say(t, "nothing: what was read contradicts itself");
	return best;
}

void disk_say_read(struct fuzz_disk *d, struct tc *tc, const struct fuzz_cmd *c,
		   const struct fuzz_cdb *cdb, uint64_t lba, const uint8_t *p, uint32_t len)
{
	const struct block *b = disk_find(d, lba);
	struct text want = { .len = 0 }, found = { .len = 0 };
	uint32_t at = say_expected(&want, d, c, b, p, len);
	bool compared = cdb->kind != FUZZ_K_READ, cut = b && d->cuts.cnt;

	say_found(&found, d, c, b, lba, p, len, at);
	tc_fail(tc, cut ? "HND-054" : "SCS-030",
		"%s, operation %u%s: block %llu, byte %u: expected %s, %s%s", cdb->name, c->nr,
		compared ? ", compared equal" : "", (unsigned long long)lba, at, want.buf,
		found.buf, cut ? "; the power had failed" : "");
}
