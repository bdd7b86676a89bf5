/* SPDX-License-Identifier: MIT */
/* See rig.h. */
#include "rig.h"

#include <stdio.h>

static void on_event(void *ctx)
{
	((struct rig *)ctx)->n_events++;
}

static void on_complete(void *ctx, struct ringsim_cmd *cmd)
{
	struct rig *r = ctx;

	if (!(r->n_done & (r->n_done + 1))) {
		r->done = realloc(r->done, (r->n_done + 1) * 2 * sizeof(r->done[0]));
		CU_ASSERT_PTR_NOT_NULL_FATAL(r->done);
	}
	r->done[r->n_done++] = cmd;
}

static void on_tmr_done(void *ctx, struct ringsim_tmr *tmr)
{
	(void)tmr;
	((struct rig *)ctx)->n_tmrs++;
}

static void on_violation(void *ctx, const struct ringsim_violation *v)
{
	struct rig *r = ctx;
	struct seen *s = &r->seen[r->n_seen];

	if (r->n_seen++ >= RIG_SEEN)
		return;
	snprintf(s->clause, sizeof(s->clause), "%s", v->clause);
	snprintf(s->what, sizeof(s->what), "%s", v->what);
	ringsim_violation_text(v, s->text, sizeof(s->text));
	s->off = v->off;
	s->id = v->cmd_id;
	s->len = v->len;
	memcpy(s->expected, v->expected, sizeof(s->expected));
	memcpy(s->found, v->found, sizeof(s->found));
}

static const struct ringsim_ops ops = {
	.event = on_event,
	.complete = on_complete,
	.tmr_done = on_tmr_done,
	.violation = on_violation,
};

void rig_up(struct rig *r, const struct ringsim_config *cfg)
{
	char err[128] = "";

	*r = (struct rig){ .seen = calloc(RIG_SEEN, sizeof(*r->seen)) };
	CU_ASSERT_PTR_NOT_NULL_FATAL(r->seen);
	if (ringsim_device_create(&r->dev, cfg, &ops, r, err, sizeof(err))) {
		fprintf(stderr, "rig: %s\n", err);
		CU_FAIL_FATAL("no device");
	}
	r->uio.dev = r->dev;
	r->mem = ringsim_region(r->dev);
	r->lay = ringsim_layout(r->dev);
	CU_ASSERT_EQUAL_FATAL(ringsim_uio_open(&r->uio), 0);
}

void rig_down(struct rig *r)
{
	ringsim_sweep(r->dev);
	rig_clean(r);
	ringsim_uio_close(&r->uio);
	ringsim_device_destroy(r->dev);
	free(r->done);
	free(r->seen);
}

struct ringsim_stats rig_stats(const struct rig *r)
{
	struct ringsim_stats st;

	ringsim_stats(r->dev, &st);
	return st;
}

void rig_cmd(struct ringsim_cmd *cmd, const uint8_t *cdb, enum ringsim_dir dir,
	     const struct iovec *sg, uint32_t len)
{
	*cmd = (struct ringsim_cmd){ .cdb = cdb,
				     .cdb_room = ringsim_cdb_len(cdb),
				     .dir = dir,
				     .data_len = len,
				     .sg = sg,
				     .sg_cnt = sg ? 1 : 0 };
}

void rig_nodata(struct rig *r, struct ringsim_cmd *cmd)
{
	static const uint8_t cdb[8];

	rig_cmd(cmd, cdb, RINGSIM_NONE, NULL, 0);
	ringsim_submit(r->dev, cmd);
}

void rig_read(struct rig *r, struct ringsim_cmd *cmd, const struct iovec *sg, uint32_t len)
{
	static const uint8_t cdb[10] = { 0x28 };

	rig_cmd(cmd, cdb, RINGSIM_FROM_DEVICE, sg, len);
	ringsim_submit(r->dev, cmd);
}

uint32_t rig_get32(const struct rig *r, uint64_t region_off)
{
	uint32_t v;

	memcpy(&v, r->mem + region_off, sizeof(v));
	return v;
}

void rig_put32(struct rig *r, uint64_t region_off, uint32_t v)
{
	memcpy(r->mem + region_off, &v, sizeof(v));
}

struct tcmu_cmd_entry *rig_entry(const struct rig *r, uint32_t off)
{
	return (struct tcmu_cmd_entry *)(void *)(r->mem + r->lay->cmdr_off + off);
}

uint32_t rig_head(const struct rig *r)
{
	return rig_get32(r, RINGSIM_OFF_HEAD);
}

uint32_t rig_tail(const struct rig *r)
{
	return rig_get32(r, RINGSIM_OFF_TAIL);
}

void rig_set_tail(struct rig *r, uint32_t tail)
{
	rig_put32(r, RINGSIM_OFF_TAIL, tail);
}

uint32_t rig_after(const struct rig *r, uint32_t off)
{
	return (off + tcmu_hdr_get_len(rig_entry(r, off)->hdr.len_op)) % r->lay->cmdr_size;
}

void rig_answer(struct rig *r, uint16_t id, uint8_t status, uint8_t uflags, uint32_t read_len)
{
	struct tcmu_cmd_entry *e;
	uint32_t off;

	while (tcmu_hdr_get_op(rig_entry(r, rig_tail(r))->hdr.len_op) != TCMU_OP_CMD) {
		CU_ASSERT_NOT_EQUAL_FATAL(rig_tail(r), rig_head(r));
		rig_set_tail(r, rig_after(r, rig_tail(r)));
	}
	off = rig_tail(r);
	e = rig_entry(r, off);
	if (id)
		e->hdr.cmd_id = id;
	e->hdr.uflags = uflags;
	e->rsp.scsi_status = status;
	e->rsp.read_len = read_len;
	if (status == 2)
		rig_sense(r, off, 0x05);
	rig_set_tail(r, rig_after(r, off));
}

void rig_answer_all(struct rig *r)
{
	while (rig_tail(r) != rig_head(r)) {
		if (tcmu_hdr_get_op(rig_entry(r, rig_tail(r))->hdr.len_op) == TCMU_OP_CMD)
			rig_answer(r, 0, 0, 0, 0);
		else
			rig_set_tail(r, rig_after(r, rig_tail(r)));
	}
	CU_ASSERT_EQUAL(ringsim_uio_write(&r->uio, &(uint32_t){ 0 }, 4), 4);
}

void rig_sense(struct rig *r, uint32_t off, uint8_t key)
{
	char *sense = rig_entry(r, off)->rsp.sense_buffer;

	memset(sense, 0, TCMU_SENSE_BUFFERSIZE);
	sense[0] = 0x70;
	sense[2] = (char)key;
	sense[7] = 0x0a;
	sense[12] = 0x24;
}

void rig_clean(const struct rig *r)
{
	uint32_t i;

	CU_ASSERT_EQUAL(r->n_seen, 0);
	for (i = 0; i < r->n_seen && i < 3; i++)
		fprintf(stderr, "unexpected: %s\n", r->seen[i].text);
}

void rig_expect(struct rig *r, const char *clause, uint64_t off)
{
	CU_ASSERT_EQUAL(r->n_seen, 1);
	if (r->n_seen) {
		CU_ASSERT_STRING_EQUAL(r->seen[0].clause, clause);
		CU_ASSERT_EQUAL(r->seen[0].off, off);
	}
	if (r->n_seen != 1 || strcmp(r->seen[0].clause, clause) || r->seen[0].off != off) {
		fprintf(stderr, "expected %s at %llu:\n", clause, (unsigned long long)off);
		rig_clean(r);
	}
	rig_forget(r);
}

void rig_expect_id(struct rig *r, const char *clause, uint64_t off, uint16_t id, uint32_t len)
{
	CU_ASSERT_EQUAL(r->seen[0].id, id);
	rig_expect_bytes(r, clause, off, r->mem + off, r->mem + off, len);
}

void rig_expect_bytes(struct rig *r, const char *clause, uint64_t off, const void *expected,
		      const void *found, uint32_t len)
{
	const struct seen *s = &r->seen[0];

	if (r->n_seen) {
		CU_ASSERT_EQUAL(s->len, len);
		CU_ASSERT_EQUAL(memcmp(s->expected, expected, len), 0);
		CU_ASSERT_EQUAL(memcmp(s->found, found, len), 0);
	}
	rig_expect(r, clause, off);
}

void rig_forget(struct rig *r)
{
	r->n_seen = 0;
	memset(r->seen, 0, RIG_SEEN * sizeof(*r->seen));
}

int rig_run(const char *name, const CU_TestInfo *tests)
{
	unsigned int failures;

	if (CU_initialize_registry() || !CU_add_suite(name, NULL, NULL))
		return 2;
	for (; tests->pName; tests++)
		if (!CU_add_test(CU_get_suite(name), tests->pName, tests->pTestFunc))
			return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}

uint64_t rig_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}
