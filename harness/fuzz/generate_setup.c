/* SPDX-License-Identifier: MIT */
/*
 * Devices and handlers for fuzz programs: rings that wrap within a few commands, data areas that
 * fill up, disks whose blocks are met again, and now and then what is rare but legal.
 */
#include "generate_impl.h"

#include "../target/target.h"

/* Largest data area that a program gets by chance, in bytes. */
#define AREA_MAX (16u << 20)

static void ring(struct gen *g)
{
	struct fuzz_setup *s = &g->p->setup;
	uint32_t size;

	switch (gen_below(g, 8)) {
	case 0:
	case 1: /* the kernel's smallest; long enough for any number in 16 bits to be too short */
		break;
	case 2:
		s->ring = 8 * gen_in(g, 1024, 16384);
		break;
	default:
		s->ring = 8 * gen_in(g, 64, 1024);
	}
	if (gen_one_in(g, 6))
		s->ring_off = GEN_OF(g, 136, 4096, 192, 256, 8192, 1024);
	size = s->ring ? s->ring : (1u << 20) - 128;
	switch (gen_below(g, 4)) {
	case 0:
		s->ring_start = 8 * gen_below(g, size / 8);
		break;
	case 1: /* so that the end comes at once, after a PAD of any length or without one */
		s->ring_start = size - 8 * gen_in(g, 1, 64);
		break;
	}
}

static void data_area(struct gen *g)
{
	struct fuzz_setup *s = &g->p->setup;

	s->pages_per_blk = GEN_OF(g, 1, 1, 1, 1, 1, 2, 3, 16);
	switch (gen_below(g, 6)) {
	case 0:
		break;
	case 1:
		s->blocks = gen_in(g, 1, 8);
		break;
	case 2:
		s->blocks = gen_in(g, 64, 512);
		break;
	default:
		s->blocks = gen_in(g, 8, 64);
	}
	if (!s->blocks && s->pages_per_blk > 1)
		s->blocks = AREA_MAX / 4096 / s->pages_per_blk;
	/* free blocks must remain: the larger commands' iovs */
	if (gen_one_in(g, 5) && (!s->blocks || s->blocks >= 16))
		s->frag = 2 * gen_in(g, 2, s->blocks && s->blocks < 200 ? s->blocks / 3 : 64);
}

static void disk(struct gen *g)
{
	struct fuzz_setup *s = &g->p->setup;

	s->block_size = GEN_OF(g, 512, 512, 512, 512, 512, 512, 4096, 520);
	s->disk = GEN_OF(g, 64, 64, 256, 256, 1024, 2048);
	if (gen_one_in(g, 24))
		s->block_size = GEN_OF(g, 1024, 2048, 4160, 8192, 12288, 65536, 516, 1536);
	if (s->block_size > 4096 && s->disk > 256)
		s->disk = 256;
	if (gen_one_in(g, 16))
		s->disk = gen_in(g, 8, 300);
	/* more than is moved at once, more than WRITE SAME may have, more than 32 bits count */
	if (g->profile == FUZZ_P_SCSI && gen_one_in(g, 20)) {
		g->big = true;
		s->block_size = 512;
		s->disk = GEN_OF(g, 3000, 4096, 4096, 4096, 70000, 140000);
		if (gen_one_in(g, 6))
			s->disk = (1ull << 32) + gen_below(g, 4096);
		s->blocks = s->pages_per_blk = s->frag = 0;
		/* more iovs than one system call takes: see some_blocks() */
		if (gen_one_in(g, 6)) {
			s->disk = 9216;
			s->ring = s->ring_start = 0;
			s->blocks = 4800;
			s->frag = 2200;
		}
	}
}

static void capabilities(struct gen *g)
{
	struct fuzz_setup *s = &g->p->setup;

	s->no_ooo = gen_one_in(g, 6);
	s->no_read_len = gen_one_in(g, 6);
	s->no_keep_buf = gen_one_in(g, 8);
	s->tmr = g->profile == FUZZ_P_ORDER ? !gen_one_in(g, 5) : gen_one_in(g, 3);
	s->async = gen_one_in(g, 4);
	s->poison = !gen_one_in(g, 3);
	if (gen_one_in(g, 8))
		s->first_event = 0u - gen_in(g, 1, 4);
	else if (gen_one_in(g, 8))
		s->first_event = 0x7fffffffu - gen_below(g, 4);
}

static void timeouts(struct gen *g)
{
	struct fuzz_setup *s = &g->p->setup;

	s->cmd_s = 30;
	if (g->profile == FUZZ_P_TIME)
		s->cmd_s = GEN_OF(g, 30, 1, 2, 5, 30, 30);
	else if (gen_one_in(g, 12))
		s->cmd_s = GEN_OF(g, 0, 1, 2, 60);
	if (gen_one_in(g, g->profile == FUZZ_P_TIME ? 2 : 8))
		s->qfull = GEN_OF(g, 1, 2, 3, 6, 31, 61);
}

/* The store of this process, for what only it can do: lose power, fail, and be slow. */
static uint32_t medium(struct gen *g)
{
	if (g->lim->process || g->blocks > 1u << 20)
		return MEDIUM_ENGINE;
	switch (g->profile) {
	case FUZZ_P_CRASH:
		return GEN_OF(g, MEDIUM_CACHED, MEDIUM_CACHED, MEDIUM_CACHED, MEDIUM_SLOW,
			      MEDIUM_SLOW, MEDIUM_THICK, MEDIUM_ENGINE, MEDIUM_ENGINE);
	case FUZZ_P_FAULT:
		return GEN_OF(g, MEDIUM_CACHED, MEDIUM_SLOW, MEDIUM_SLOW, MEDIUM_THICK,
			      MEDIUM_ENGINE);
	case FUZZ_P_ORDER:
		return GEN_OF(g, MEDIUM_ENGINE, MEDIUM_SLOW);
	default:
		return gen_one_in(g, 6)
			       ? GEN_OF(g, MEDIUM_CACHED, MEDIUM_SLOW, MEDIUM_SLOW, MEDIUM_THICK)
			       : MEDIUM_ENGINE;
	}
}

static void handler(struct gen *g)
{
	struct fuzz_setup *s = &g->p->setup;

	s->medium = medium(g);
	s->wce = g->profile == FUZZ_P_CRASH ? !gen_one_in(g, 3) : gen_one_in(g, 3);
	s->read_only = gen_one_in(g, g->profile == FUZZ_P_SCSI ? 12 : 40);
	s->read_len = gen_one_in(g, 2);
	s->in_order = g->profile == FUZZ_P_CRASH ? gen_one_in(g, 2) : gen_one_in(g, 5);
	if (gen_one_in(g, g->profile == FUZZ_P_ORDER ? 2 : 4))
		s->reorder = gen_in(g, 1, 65535);
	s->depth = GEN_OF(g, 0, 0, 0, 0, 0, 1, 2, 4, 16, 300);
}

/* Devices that a handler must leave alone, or may not be misled by. */
static void rare(struct gen *g)
{
	struct fuzz_setup *s = &g->p->setup;

	if (gen_one_in(g, 80))
		s->version = GEN_OF(g, 1, 3, 0x0102, 0x0202, 0x8002, 0xffff, 4, 0x200);
	else if (!g->lim->process && gen_one_in(g, 10)) /* a program chooses by what it was told */
		s->name = gen_below(g, FUZZ_NAMES);
	else if (g->profile == FUZZ_P_RING && gen_one_in(g, 200)) {
		s->blocks = 65536; /* with 64 KiB each, that and the ring are more than 32 bits */
		s->pages_per_blk = 16;
		s->frag = 0;
	}
}

/* Long lists of iovs, short answers, and successors that go on: see the move that goes with it. */
static void relapsing(struct gen *g)
{
	struct fuzz_setup *s = &g->p->setup;

	s->ring = s->ring_start = s->blocks = 0;
	s->pages_per_blk = 1;
	s->frag = 64;
	s->in_order = s->read_len = 1;
	s->no_read_len = 0;
}

/* What costs as little as a device can. */
static void fast(struct gen *g)
{
	struct fuzz_setup *s = &g->p->setup;

	s->ring = GEN_OF(g, 0, 65536, 8 * 1021);
	s->blocks = GEN_OF(g, 0, 256);
	s->disk = 512;
	s->block_size = 512;
	s->cmd_s = 30;
	s->in_order = gen_one_in(g, 4);
	s->read_len = gen_one_in(g, 2);
	s->poison = gen_one_in(g, 2);
}

static void seat(struct gen *g)
{
	struct fuzz_setup *s = &g->p->setup;

	ring(g);
	data_area(g);
	s->frag = 0;
	capabilities(g);
	s->no_ooo = s->no_read_len = 0;
	s->async = 0;
	s->seat = 1;
	s->cmd_s = GEN_OF(g, 30, 0, 1);
	s->qfull = GEN_OF(g, 0, 1, 2);
	s->disk = 2048;
	s->block_size = 512;
}

void gen_setup(struct gen *g)
{
	struct fuzz_setup *s = &g->p->setup;

	if (g->profile == FUZZ_P_SEAT) {
		seat(g);
	} else if (g->profile == FUZZ_P_FAST) {
		fast(g);
	} else {
		ring(g);
		data_area(g);
		disk(g);
		g->blocks = s->disk;
		timeouts(g);
		capabilities(g);
		handler(g);
		rare(g);
		if (g->profile == FUZZ_P_CRASH && gen_one_in(g, 12))
			relapsing(g);
	}
	g->blocks = s->disk;
	g->block_size = s->block_size;
	g->most = s->frag ? 160u << 10 : 64u << 10;
	g->kept_order = s->in_order || s->no_ooo;
	switch (g->profile) {
	case FUZZ_P_FAST:
		g->odd = 0;
		break;
	case FUZZ_P_SCSI:
		g->odd = 4;
		break;
	default:
		g->odd = 24;
	}
}
