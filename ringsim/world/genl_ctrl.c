/* SPDX-License-Identifier: MIT */
/*
 * The controller of generic netlink: which families there are and what they take. In a world these
 * are the controller itself and TCM-USER (KRN-140); of anything else it knows nothing.
 */
#include "genl.h"

#include <errno.h>
#include <ringsim/abi.h>
#include <stdlib.h>
#include <string.h>

static int get_family(struct genl_request *r);
static int dump_families(struct genl_request *r, struct genl_msg *m);
static int dump_policy(struct genl_request *r, struct genl_msg *m);

static const struct genl_policy policy_family[] = {
	{ CTRL_ATTR_FAMILY_ID, NL_ATTR_TYPE_U16, 0 },
	{ CTRL_ATTR_FAMILY_NAME, NL_ATTR_TYPE_NUL_STRING, 15 },
	{ 0 },
};

static const struct genl_policy policy_policy[] = {
	{ CTRL_ATTR_FAMILY_ID, NL_ATTR_TYPE_U16, 0 },
	{ CTRL_ATTR_FAMILY_NAME, NL_ATTR_TYPE_NUL_STRING, 15 },
	{ CTRL_ATTR_OP, NL_ATTR_TYPE_U32, 0 },
	{ 0 },
};

static const struct genl_op ctrl_ops[] = {
	{ CTRL_CMD_GETFAMILY, GENL_CMD_CAP_DO | GENL_CMD_CAP_DUMP | GENL_CMD_CAP_HASPOL,
	  policy_family, get_family, dump_families },
	{ CTRL_CMD_GETPOLICY, GENL_CMD_CAP_DUMP | GENL_CMD_CAP_HASPOL, policy_policy, NULL,
	  dump_policy },
};

/* The controller shows no maximum of its own, though its policies go up to CTRL_ATTR_OP. */
static const struct genl_family families[] = {
	{ GENL_ID_CTRL, "nlctrl", "notify", GENL_GROUP_CTRL, CTRL_ATTR_OP, CTRL_CMD_GETPOLICY + 1,
	  ctrl_ops, 2 },
	{ GENL_ID_TCMU, "TCM-USER", "config", GENL_GROUP_TCMU, TCMU_ATTR_MAX,
	  TCMU_CMD_SET_FEATURES + 1, genl_tcmu_ops, 4 },
};
#define N_FAMILIES (sizeof(families) / sizeof(families[0]))

const struct genl_family *genl_family_by_id(uint16_t id)
{
	size_t i;

	for (i = 0; i < N_FAMILIES; i++)
		if (families[i].id == id)
			return &families[i];
	return NULL;
}

static const struct genl_family *by_name(const char *name)
{
	size_t i;

	for (i = 0; i < N_FAMILIES; i++)
		if (!strcmp(families[i].name, name))
			return &families[i];
	return NULL;
}

/* A name is preferred to an id (GETFAMILY), or the other way round (GETPOLICY). */
static const struct genl_family *wanted(const struct genl_request *r, bool name_first, int *rc)
{
	const struct nlattr *id = r->attr[CTRL_ATTR_FAMILY_ID];
	const struct nlattr *name = r->attr[CTRL_ATTR_FAMILY_NAME];
	const struct genl_family *f;
	uint16_t number;

	*rc = -EINVAL;
	if (!id && !name)
		return NULL;
	*rc = -ENOENT;
	if (name && (name_first || !id)) {
		f = by_name(genl_value(name));
	} else {
		memcpy(&number, genl_value(id), sizeof(number));
		f = genl_family_by_id(number);
	}
	if (f)
		*rc = 0;
	return f;
}

static size_t begin(struct genl_request *r, struct genl_msg *m, uint8_t cmd, uint16_t flags)
{
	const struct nlmsghdr h = genl_answer_header(r, GENL_ID_CTRL, flags);
	const struct genlmsghdr g = { .cmd = cmd, .version = 2 };
	size_t at = genl_begin(m, &h);

	genl_put(m, &g, sizeof(g));
	return at;
}

static void put_family(struct genl_request *r, struct genl_msg *m, const struct genl_family *f,
		       uint16_t flags)
{
	size_t at = begin(r, m, CTRL_CMD_NEWFAMILY, flags), ops, groups, nest;
	unsigned int i;

	genl_attr_string(m, CTRL_ATTR_FAMILY_NAME, f->name);
	genl_attr(m, CTRL_ATTR_FAMILY_ID, &f->id, sizeof(f->id));
	genl_attr_u32(m, CTRL_ATTR_VERSION, 2);
	genl_attr_u32(m, CTRL_ATTR_HDRSIZE, 0);
	genl_attr_u32(m, CTRL_ATTR_MAXATTR, f->id == GENL_ID_CTRL ? 0 : f->max_attr);
	ops = genl_nest(m, CTRL_ATTR_OPS);
	for (i = 0; i < f->n_ops; i++) {
		nest = genl_nest(m, (uint16_t)(i + 1));
		genl_attr_u32(m, CTRL_ATTR_OP_ID, f->ops[i].cmd);
		genl_attr_u32(m, CTRL_ATTR_OP_FLAGS, f->ops[i].flags);
		genl_nest_end(m, nest);
	}
	genl_nest_end(m, ops);
	groups = genl_nest(m, CTRL_ATTR_MCAST_GROUPS);
	nest = genl_nest(m, 1);
	genl_attr_u32(m, CTRL_ATTR_MCAST_GRP_ID, f->group_id);
	genl_attr_string(m, CTRL_ATTR_MCAST_GRP_NAME, f->group);
	genl_nest_end(m, nest);
	genl_nest_end(m, groups);
	genl_end(m, at);
}

static int get_family(struct genl_request *r)
{
	struct genl_msg m = { 0 };
	int rc;
	const struct genl_family *f = wanted(r, true, &rc);

	if (!f)
		return rc;
	put_family(r, &m, f, 0);
	if (!m.failed && genl_deliver(r->g, r->s, GENL_ANSWER, m.data, m.len) == -ECONNREFUSED)
		r->s = NULL;
	free(m.data);
	return 0;
}

static int dump_families(struct genl_request *r, struct genl_msg *m)
{
	size_t i;

	for (i = 0; i < N_FAMILIES; i++)
		put_family(r, m, &families[i], NLM_F_MULTI);
	return 0;
}

/* --- policies ----------------------------------------------------------------------------------
 */

static void put_range(struct genl_msg *m, bool is_signed, int64_t min, int64_t max)
{
	genl_attr(m, is_signed ? NL_POLICY_TYPE_ATTR_MIN_VALUE_S : NL_POLICY_TYPE_ATTR_MIN_VALUE_U,
		  &min, sizeof(min));
	genl_attr(m, is_signed ? NL_POLICY_TYPE_ATTR_MAX_VALUE_S : NL_POLICY_TYPE_ATTR_MAX_VALUE_U,
		  &max, sizeof(max));
}

void genl_put_policy(struct genl_msg *m, const struct genl_policy *p)
{
	switch (p->type) {
	case NL_ATTR_TYPE_U8:
		put_range(m, false, 0, UINT8_MAX);
		break;
	case NL_ATTR_TYPE_U16:
		put_range(m, false, 0, UINT16_MAX);
		break;
	case NL_ATTR_TYPE_U32:
		put_range(m, false, 0, UINT32_MAX);
		break;
	case NL_ATTR_TYPE_S32:
		put_range(m, true, INT32_MIN, INT32_MAX);
		break;
	case NL_ATTR_TYPE_NUL_STRING:
		genl_attr_u32(m, NL_POLICY_TYPE_ATTR_MAX_LENGTH, p->max);
		break;
	default:
		break;
	}
	genl_attr_u32(m, NL_POLICY_TYPE_ATTR_TYPE, p->type);
}

/* Which policy a command has: an index of those that the answer shows. */
static void put_op(struct genl_request *r, struct genl_msg *m, const struct genl_family *f,
		   const struct genl_op *op, uint32_t index)
{
	size_t at = begin(r, m, CTRL_CMD_GETPOLICY, NLM_F_MULTI), list, nest;

	genl_attr(m, CTRL_ATTR_FAMILY_ID, &f->id, sizeof(f->id));
	list = genl_nest(m, CTRL_ATTR_OP_POLICY | NLA_F_NESTED);
	nest = genl_nest(m, op->cmd | NLA_F_NESTED);
	if (op->run)
		genl_attr_u32(m, CTRL_ATTR_POLICY_DO, index);
	if (op->dump)
		genl_attr_u32(m, CTRL_ATTR_POLICY_DUMP, index);
	genl_nest_end(m, nest);
	genl_nest_end(m, list);
	genl_end(m, at);
}

static void put_rules(struct genl_request *r, struct genl_msg *m, const struct genl_family *f,
		      const struct genl_policy *p, uint16_t index)
{
	size_t at, list, nest, rule;

	for (; p->attr; p++) {
		at = begin(r, m, CTRL_CMD_GETPOLICY, NLM_F_MULTI);
		genl_attr(m, CTRL_ATTR_FAMILY_ID, &f->id, sizeof(f->id));
		list = genl_nest(m, CTRL_ATTR_POLICY | NLA_F_NESTED);
		nest = genl_nest(m, index | NLA_F_NESTED);
		rule = genl_nest(m, p->attr | NLA_F_NESTED);
		genl_put_policy(m, p);
		genl_nest_end(m, rule);
		genl_nest_end(m, nest);
		genl_nest_end(m, list);
		genl_end(m, at);
	}
}

static int dump_policy(struct genl_request *r, struct genl_msg *m)
{
	const struct nlattr *only = r->attr[CTRL_ATTR_OP];
	const struct genl_policy *shown = NULL;
	int rc;
	const struct genl_family *f = wanted(r, false, &rc);
	const struct genl_op *op, *end;
	uint32_t cmd = 0, index = 0;

	if (!f)
		return rc;
	end = f->ops + f->n_ops;
	if (only)
		memcpy(&cmd, genl_value(only), sizeof(cmd));
	for (op = f->ops; only && op < end && op->cmd != cmd; op++)
		;
	if (op == end) {
		r->bad = only;
		return -ENOENT;
	}
	if (only)
		end = op + 1;
	/* commands with one policy stand together */
	for (; op < end; shown = op->policy, op++) {
		index += shown && shown != op->policy;
		put_op(r, m, f, op, index);
	}
	op = only ? end - 1 : f->ops;
	for (shown = NULL, index = 0; op < end; shown = op->policy, op++)
		if (shown != op->policy)
			put_rules(r, m, f, op->policy, (uint16_t)index++);
	return 0;
}
