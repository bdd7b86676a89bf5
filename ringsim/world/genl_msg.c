/* SPDX-License-Identifier: MIT */
/*
 * Messages to generic netlink: taken apart, checked and acknowledged as the kernel does it.
 *
 * A datagram is a copy of our own. Lengths in it are the sender's: nothing is read beyond what has
 * arrived. The kernel's liberal rules hold: unknown attributes and trailing bytes do no harm, the
 * last of several attributes counts.
 */
#include "genl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN4(n) (((n) + 3u) & ~(size_t)3)

/* --- making messages ---------------------------------------------------------------------------
 */

void genl_put(struct genl_msg *m, const void *data, size_t len)
{
	size_t whole = ALIGN4(len), room = m->room ? m->room : 1024;
	uint8_t *grown;

	while (room < m->len + whole)
		room *= 2;
	if (room > m->room && !m->failed) {
		grown = realloc(m->data, room);
		m->failed = !grown;
		m->data = grown ? grown : m->data;
		m->room = grown ? room : m->room;
	}
	if (m->failed)
		return;
	if (len)
		memcpy(m->data + m->len, data, len);
	memset(m->data + m->len + len, 0, whole - len);
	m->len += whole;
}

size_t genl_begin(struct genl_msg *m, const struct nlmsghdr *h)
{
	size_t begin = m->len;

	genl_put(m, h, sizeof(*h));
	return begin;
}

void genl_end(struct genl_msg *m, size_t begin)
{
	uint32_t len = (uint32_t)(m->len - begin);

	if (!m->failed)
		memcpy(m->data + begin, &len, sizeof(len));
}

void genl_attr(struct genl_msg *m, uint16_t type, const void *data, size_t len)
{
	const struct nlattr a = { .nla_len = (uint16_t)(sizeof(a) + len), .nla_type = type };

	genl_put(m, &a, sizeof(a));
	genl_put(m, data, len);
}

void genl_attr_u32(struct genl_msg *m, uint16_t type, uint32_t value)
{
	genl_attr(m, type, &value, sizeof(value));
}

void genl_attr_string(struct genl_msg *m, uint16_t type, const char *value)
{
	genl_attr(m, type, value, strlen(value) + 1);
}

size_t genl_nest(struct genl_msg *m, uint16_t type)
{
	size_t nest = m->len;

	genl_attr(m, type, NULL, 0);
	return nest;
}

void genl_nest_end(struct genl_msg *m, size_t nest)
{
	uint16_t len = (uint16_t)(m->len - nest);

	if (!m->failed)
		memcpy(m->data + nest, &len, sizeof(len));
}

/* --- attributes --------------------------------------------------------------------------------
 */

static int check(const struct genl_policy *p, const struct nlattr *a)
{
	static const uint8_t min[] = {
		[NL_ATTR_TYPE_U8] = 1,	[NL_ATTR_TYPE_U16] = 2,	   [NL_ATTR_TYPE_U32] = 4,
		[NL_ATTR_TYPE_S32] = 4, [NL_ATTR_TYPE_STRING] = 1, [NL_ATTR_TYPE_NUL_STRING] = 1
	};
	size_t len = a->nla_len - sizeof(*a);

	if (p->type == NL_ATTR_TYPE_NUL_STRING &&
	    !memchr(genl_value(a), 0, len < p->max + 1u ? len : p->max + 1u))
		return -EINVAL;
	return len < min[p->type] ? -ERANGE : 0;
}

static int parse(struct genl_request *r, const struct genl_family *f, const struct genl_op *op)
{
	const uint8_t *p = (const uint8_t *)r->h + NLMSG_HDRLEN + GENL_HDRLEN;
	size_t left = r->h->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN, n;
	const struct genl_policy *rule;
	const struct nlattr *a;
	unsigned int type;
	int rc;

	for (; left >= sizeof(*a); left -= n, p += n) {
		a = (const struct nlattr *)p;
		if (a->nla_len < sizeof(*a) || a->nla_len > left)
			break;
		n = ALIGN4(a->nla_len) < left ? ALIGN4(a->nla_len) : left;
		type = a->nla_type & NLA_TYPE_MASK;
		if (!type || type > f->max_attr || type >= GENL_ATTRS)
			continue;
		for (rule = op->policy; rule->attr && rule->attr != type; rule++)
			;
		rc = rule->attr ? check(rule, a) : 0;
		if (rc) {
			r->message = "Attribute failed policy validation";
			r->bad = a;
			r->bad_policy = rule;
			return rc;
		}
		r->attr[type] = a;
	}
	if (left)
		r->message = "bytes leftover after parsing attributes";
	return 0;
}

/* --- answers -----------------------------------------------------------------------------------
 */

struct nlmsghdr genl_answer_header(const struct genl_request *r, uint16_t type, uint16_t flags)
{
	return (struct nlmsghdr){ .nlmsg_type = type,
				  .nlmsg_flags = flags,
				  .nlmsg_seq = r->h->nlmsg_seq,
				  .nlmsg_pid = r->s->port };
}

static void send_answer(struct genl_request *r, struct genl_msg *m)
{
	if (!m->failed && genl_deliver(r->g, r->s, GENL_ANSWER, m->data, m->len) == -ECONNREFUSED)
		r->s = NULL;
	free(m->data);
	memset(m, 0, sizeof(*m));
}

/* An error repeats the message unless the socket asked not to; success never does. */
static void acknowledge(struct genl_request *r, int rc)
{
	bool whole = rc && !r->cap_ack;
	bool more = r->ext_ack && (r->message || r->bad);
	struct nlmsghdr h = genl_answer_header(
		r, NLMSG_ERROR,
		(uint16_t)((whole ? 0 : NLM_F_CAPPED) | (more ? NLM_F_ACK_TLVS : 0)));
	struct genl_msg m = { 0 };
	size_t begin = genl_begin(&m, &h), nest;

	genl_put(&m, &rc, sizeof(rc));
	genl_put(&m, r->h, whole ? r->h->nlmsg_len : sizeof(*r->h));
	if (more && r->message)
		genl_attr_string(&m, NLMSGERR_ATTR_MSG, r->message);
	if (more && r->bad)
		genl_attr_u32(&m, NLMSGERR_ATTR_OFFS,
			      (uint32_t)((const uint8_t *)r->bad - (const uint8_t *)r->h));
	if (more && r->bad_policy) {
		nest = genl_nest(&m, NLMSGERR_ATTR_POLICY | NLA_F_NESTED);
		genl_put_policy(&m, r->bad_policy);
		genl_nest_end(&m, nest);
	}
	genl_end(&m, begin);
	send_answer(r, &m);
}

/* The list in one datagram, its end in the next, as receivers of a dump expect it. */
static int dump(struct genl_request *r, const struct genl_op *op)
{
	struct nlmsghdr h = genl_answer_header(r, NLMSG_DONE, NLM_F_MULTI);
	struct genl_msg m = { 0 };
	size_t begin;
	int rc = op->dump(r, &m), end = 0;

	if (rc) {
		free(m.data);
		return rc;
	}
	send_answer(r, &m);
	if (!r->s)
		return -EINTR;
	begin = genl_begin(&m, &h);
	genl_put(&m, &end, sizeof(end));
	genl_end(&m, begin);
	send_answer(r, &m);
	return -EINTR; /* no acknowledgement */
}

/* --- requests ----------------------------------------------------------------------------------
 */

static int check_header(struct genl_request *r, const struct genl_family *f,
			const struct genlmsghdr *g)
{
	uint16_t flags = r->h->nlmsg_flags;

	if (g->cmd < f->strict_from)
		return 0;
	if (g->reserved) {
		r->message = "genlmsghdr.reserved field is not 0";
		return -EINVAL;
	}
	if ((flags & NLM_F_DUMP) == NLM_F_DUMP)
		flags &= (uint16_t)~NLM_F_DUMP;
	if (flags & ~(NLM_F_REQUEST | NLM_F_ACK | NLM_F_ECHO)) {
		r->message = "ambiguous or reserved bits set in nlmsg_flags";
		return -EINVAL;
	}
	return 0;
}

static int request(struct genl_request *r)
{
	const struct genl_family *f = genl_family_by_id(r->h->nlmsg_type);
	const struct genlmsghdr *g = (const void *)((const uint8_t *)r->h + NLMSG_HDRLEN);
	bool dumps = (r->h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	const struct genl_op *op;
	int rc;

	if (!f)
		return -ENOENT;
	if (r->h->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		return -EINVAL;
	rc = check_header(r, f, g);
	if (rc)
		return rc;
	for (op = f->ops; op < f->ops + f->n_ops && op->cmd != g->cmd; op++)
		;
	if (op == f->ops + f->n_ops || (dumps ? !op->dump : !op->run))
		return -EOPNOTSUPP;
	if (op->flags & GENL_ADMIN_PERM && !r->admin)
		return -EPERM;
	rc = parse(r, f, op);
	if (rc)
		return rc;
	return dumps ? dump(r, op) : op->run(r);
}

void genl_requests(struct genl_request *r, const uint8_t *data, size_t len)
{
	size_t n;
	int rc;

	for (; r->s && len >= NLMSG_HDRLEN; len -= n, data += n) {
		r->h = (const struct nlmsghdr *)data;
		if (r->h->nlmsg_len < NLMSG_HDRLEN || r->h->nlmsg_len > len)
			return;
		n = ALIGN4(r->h->nlmsg_len) < len ? ALIGN4(r->h->nlmsg_len) : len;
		memset(r->attr, 0, sizeof(r->attr));
		r->message = NULL;
		r->bad = NULL;
		r->bad_policy = NULL;
		rc = 0;
		if (r->h->nlmsg_flags & NLM_F_REQUEST && r->h->nlmsg_type >= NLMSG_MIN_TYPE)
			rc = request(r);
		if (r->s && rc != -EINTR && (rc || r->h->nlmsg_flags & NLM_F_ACK))
			acknowledge(r, rc);
	}
}
