/* SPDX-License-Identifier: MIT */
#include "expect_talk.h"

static void result_free(struct result *r)
{
	free(r->reason);
	free(r->detail);
	free(r->clause);
}

bool talk_open(struct talk *t, const char *overlook)
{
	t->spec = (struct target_spec){ .label = "none", .tmpdir = "/tmp", .overlook = overlook };
	t->stage = tc_stage_new(&t->spec, "answers");
	t->e = fuzz_expect_new();
	return t->stage && t->e;
}

void talk_close(struct talk *t)
{
	fuzz_expect_free(t->e);
	tc_stage_free(t->stage);
}

void talk_reset(struct talk *t, const char *facts)
{
	struct fuzz_disk_facts f = { .blocks = 1000, .block_size = 512 };

	f.read_only = strchr(facts, 'r') != NULL;
	f.wce = strchr(facts, 't') == NULL;
	f.read_len = strchr(facts, 'l') != NULL;
	f.strict = strchr(facts, 'f') == NULL;
	fuzz_expect_reset(t->e, &f);
}

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

void talk_begin(struct talk *t, const char *line)
{
	const char *end = line + strcspn(line, "\n");
	const char *in = word(line, end, "in="), *out = word(line, end, "out=");
	const char *give = word(line, end, "give="), *came = word(line, end, "came=");
	const char *bidi = word(line, end, "bidi="), *send = word(line, end, "send=");
	struct target_io *io = &t->c.io;

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
}

static void end(struct tc *tc, void *ctx)
{
	struct talk *t = ctx;

	if (t->flush_fault) { /* as it was when the command began */
		target_faults(tc->t)->store[STORE_FLUSH] = t->flush_fault > 1;
	}
	fuzz_expect_end(t->e, tc, &t->c, &t->d, &t->effect);
}

bool talk_end(struct talk *t, char *clause)
{
	struct result r;

	t->c.ended = ++t->now;
	fuzz_cdb_decode(&t->d, t->c.io.cdb, 1000, 512);
	tc_stage_run(t->stage, 0, 1, end, t, &r);
	strcpy(clause, r.verdict == VERDICT_FAIL ? r.clause : "");
	result_free(&r);
	return clause[0] == '\0';
}

void talk_all(struct talk *t, const char *talk, char *clause)
{
	const char *next;

	for (; talk; talk = next) {
		next = strchr(talk, '\n');
		talk_begin(t, talk);
		if (!talk_end(t, clause) && next)
			strcpy(clause, "too early");
		if (next)
			next++;
	}
}
