/* SPDX-License-Identifier: MIT */
/*
 * The TCM-USER netlink family of a real kernel: what it announces, and what it makes of replies.
 * Clauses KRN-135, KRN-140 to KRN-146, KRN-148, KRN-149; KRN-147 leaves a kernel for scenarios to
 * throw away.
 *
 * A device of its own is made beside the target's. What may wait in the kernel without limit is
 * done by a child, and whatever happens the case ends by withdrawing its promise of replies and
 * resetting what still waits.
 */
#include "../target/kernel.h"
#include "cdb.h"
#include "krn.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOT	   (NEEDS_SEAT | NEEDS_KERNEL)
#define PARAMETERS "/sys/module/target_core_user/parameters"
#define BUF_BYTES  8192
#define ATTRS	   16
#define GOES_ON	   (-1)

/* A generic netlink message, header by header, and its attributes by type. */
struct message {
	_Alignas(8) uint8_t buf[BUF_BYTES];
	size_t len;
	const struct nlattr *attr[ATTRS];
	uint8_t cmd;
};

struct family {
	struct tc *tc;
	int fd;
	uint16_t id;
	uint32_t version, max_attr, group, seq;
	char dir[KERNEL_PATH_MAX], name[400];
};

static const void *value(const struct nlattr *a)
{
	return (const uint8_t *)a + NLA_HDRLEN;
}

static uint32_t u32_of(const struct nlattr *a)
{
	uint32_t v = 0;

	memcpy(&v, value(a), 4);
	return v;
}

static void index_attrs(const uint8_t *p, size_t len, const struct nlattr **attr)
{
	memset(attr, 0, ATTRS * sizeof(*attr));
	while (len >= NLA_HDRLEN) {
		const struct nlattr *a = (const void *)p;
		size_t step = NLA_ALIGN(a->nla_len);

		if (a->nla_len < NLA_HDRLEN || a->nla_len > len)
			break;
		if ((a->nla_type & NLA_TYPE_MASK) < ATTRS)
			attr[a->nla_type & NLA_TYPE_MASK] = a;
		p += step;
		len -= step < len ? step : len;
	}
}

static void put_attr(struct message *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr *a = (void *)(m->buf + NLMSG_ALIGN(m->len));

	a->nla_type = type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + len);
	memcpy((uint8_t *)a + NLA_HDRLEN, data, len);
	m->len = NLMSG_ALIGN(m->len) + NLA_ALIGN(a->nla_len);
}

static void begin(struct family *f, struct message *m, uint16_t id, uint8_t cmd, uint8_t version)
{
	struct nlmsghdr *h = (void *)m->buf;
	struct genlmsghdr *g = (void *)(m->buf + NLMSG_HDRLEN);

	memset(m, 0, sizeof(*m));
	*h = (struct nlmsghdr){ .nlmsg_type = id,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
				.nlmsg_seq = ++f->seq };
	*g = (struct genlmsghdr){ .cmd = cmd, .version = version };
	m->len = NLMSG_HDRLEN + GENL_HDRLEN;
}

/* The next message of type @id on @fd, or of an acknowledgement; false after @ms. */
static bool receive(int fd, struct message *m, uint16_t id, uint32_t ms)
{
	uint64_t end = kernel_now_ms() + ms;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	const struct nlmsghdr *h = (void *)m->buf;
	ssize_t n;

	while (kernel_now_ms() < end) {
		if (poll(&pfd, 1, 20) <= 0)
			continue;
		n = recv(fd, m->buf, sizeof(m->buf), 0);
		if (n < (ssize_t)(NLMSG_HDRLEN + GENL_HDRLEN) || h->nlmsg_type != id)
			continue;
		if (id == NLMSG_ERROR)
			return true;
		m->cmd = m->buf[NLMSG_HDRLEN];
		index_attrs(m->buf + NLMSG_HDRLEN + GENL_HDRLEN,
			    (size_t)n - NLMSG_HDRLEN - GENL_HDRLEN, m->attr);
		return true;
	}
	return false;
}

/* Sends from a socket of its own, so that no event stands before the acknowledgement: its errno. */
static int request(struct message *m)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), rc = EIO;
	const struct nlmsgerr *e = (void *)(m->buf + NLMSG_HDRLEN);

	((struct nlmsghdr *)(void *)m->buf)->nlmsg_len = (uint32_t)m->len;
	if (fd >= 0 && send(fd, m->buf, m->len, 0) == (ssize_t)m->len &&
	    receive(fd, m, NLMSG_ERROR, 3000))
		rc = -e->error;
	if (fd >= 0)
		close(fd);
	return rc;
}

static int set_features(struct family *f, uint8_t on)
{
	struct message m = { 0 };

	begin(f, &m, f->id, TCMU_CMD_SET_FEATURES, 2);
	put_attr(&m, TCMU_ATTR_SUPP_KERN_CMD_REPLY, &on, 1);
	return request(&m);
}

/* A reply; @id or @status may be left out. */
static int reply(struct family *f, uint8_t cmd, const uint32_t *id, const int32_t *status)
{
	struct message m = { 0 };

	begin(f, &m, f->id, cmd, 2);
	if (id)
		put_attr(&m, TCMU_ATTR_DEVICE_ID, id, 4);
	if (status)
		put_attr(&m, TCMU_ATTR_CMD_STATUS, status, 4);
	return request(&m);
}

static void learn_group(struct family *f, const struct nlattr *groups)
{
	const struct nlattr *each[ATTRS], *attr[ATTRS];
	size_t i;

	index_attrs(value(groups), groups->nla_len - NLA_HDRLEN, each);
	for (i = 0; i < ATTRS; i++) {
		if (!each[i])
			continue;
		index_attrs(value(each[i]), each[i]->nla_len - NLA_HDRLEN, attr);
		if (attr[CTRL_ATTR_MCAST_GRP_NAME] && attr[CTRL_ATTR_MCAST_GRP_ID] &&
		    !strcmp(value(attr[CTRL_ATTR_MCAST_GRP_NAME]), "config"))
			f->group = u32_of(attr[CTRL_ATTR_MCAST_GRP_ID]);
	}
}

/* Looks the family up and joins its group; the spare device has a name, and is not made. */
static bool family_open(struct tc *tc, struct family *f)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	struct target_opts o = krn_opts();
	struct message m = { 0 };

	*f = (struct family){ .tc = tc, .fd = -1 };
	if (target_start(tc->t, &o))
		return false;
	snprintf(f->dir, sizeof(f->dir), "%.100s/c-netlink", tc->t->spec->site->hba_dir);
	snprintf(f->name, sizeof(f->name), "tcm-user/%u/c-netlink/any/x", tc->t->spec->site->hba);
	f->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	begin(f, &m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	put_attr(&m, CTRL_ATTR_FAMILY_NAME, "TCM-USER", 9);
	((struct nlmsghdr *)(void *)m.buf)->nlmsg_len = (uint32_t)m.len;
	if (f->fd < 0 || bind(f->fd, (void *)&addr, sizeof(addr)) ||
	    send(f->fd, m.buf, m.len, 0) < 0 || !receive(f->fd, &m, GENL_ID_CTRL, 3000) ||
	    !m.attr[CTRL_ATTR_FAMILY_ID] || !m.attr[CTRL_ATTR_MCAST_GROUPS]) {
		tc_fail(tc, "KRN-140", "there is no netlink family TCM-USER");
		return false;
	}
	memcpy(&f->id, value(m.attr[CTRL_ATTR_FAMILY_ID]), 2);
	f->version = u32_of(m.attr[CTRL_ATTR_VERSION]);
	f->max_attr = u32_of(m.attr[CTRL_ATTR_MAXATTR]);
	learn_group(f, m.attr[CTRL_ATTR_MCAST_GROUPS]);
	if (!f->group || setsockopt(f->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &f->group, 4)) {
		tc_fail(tc, "KRN-140", "it has no group that is called config");
		return false;
	}
	return true;
}

/* What may wait for good, in a child: its errno, or GOES_ON after @ms. */
static pid_t start_put(const struct family *f, const char *file, const char *text)
{
	pid_t pid = fork();

	if (!pid)
		_exit(-kernel_put(f->dir, file, text));
	return pid;
}

static pid_t start_remove(const struct family *f)
{
	pid_t pid = fork();

	if (!pid)
		_exit(rmdir(f->dir) ? errno : 0);
	return pid;
}

static int end_of(pid_t pid, uint32_t ms)
{
	uint64_t end = kernel_now_ms() + ms;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (kernel_now_ms() > end)
			return GOES_ON;
		usleep(2000);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

/* Back to how it was: no promise, nothing that waits, no device. */
static void family_close(struct family *f)
{
	pid_t pid;

	if (f->id) {
		set_features(f, 0);
		kernel_put(PARAMETERS, "block_netlink", "1");
		kernel_put(PARAMETERS, "reset_netlink", "1");
		kernel_put(PARAMETERS, "block_netlink", "0");
	}
	pid = start_remove(f);
	if (end_of(pid, 5000) == GOES_ON)
		tc_fail(f->tc, "KRN-148", "the device cannot be removed any more");
	if (f->fd >= 0)
		close(f->fd);
}

static bool spare_make(struct family *f)
{
	static const char *const control =
		"dev_config=any/x,dev_size=1048576,max_data_area_mb=1,cmd_ring_size_mb=1";
	int rc = mkdir(f->dir, 0755) ? -errno : kernel_put(f->dir, "control", control);

	if (rc)
		tc_fail(f->tc, NULL, "%s: %s", f->dir, strerror(-rc));
	return !rc;
}

/* The next event must be @cmd about the spare device, with what belongs to it and @more alone. */
static bool event_is(struct family *f, struct message *m, uint8_t cmd, uint32_t more)
{
	const uint32_t always = 1u << TCMU_ATTR_DEVICE | 1u << TCMU_ATTR_MINOR |
				1u << TCMU_ATTR_DEVICE_ID;
	uint32_t found = 0, i;

	if (!receive(f->fd, m, f->id, 3000)) {
		tc_fail(f->tc, "KRN-143", "event %u did not come", cmd);
		return false;
	}
	for (i = 0; i < ATTRS; i++)
		if (m->attr[i] && i != TCMU_ATTR_PAD)
			found |= 1u << i;
	if (m->cmd != cmd)
		tc_fail(f->tc, "KRN-141", "event: expected %u, found %u", cmd, m->cmd);
	else if (found != (always | (more ? 1u << more : 0)))
		tc_fail(f->tc, "KRN-143", "attributes of event %u: expected bits %x, found %x", cmd,
			always | (more ? 1u << more : 0), found);
	else if (strcmp(value(m->attr[TCMU_ATTR_DEVICE]), f->name))
		tc_fail(f->tc, "KRN-143", "name: expected '%s', found '%s'", f->name,
			(const char *)value(m->attr[TCMU_ATTR_DEVICE]));
	return !f->tc->failed;
}

static void family_facts(struct tc *tc)
{
	struct family f;
	int status = -1;
	pid_t pid;

	if (family_open(tc, &f)) {
		if (f.version != 2)
			tc_fail(tc, "KRN-140", "version: expected 2, found %u", f.version);
		if (f.max_attr != TCMU_ATTR_SUPP_KERN_CMD_REPLY)
			tc_fail(tc, "KRN-142", "highest attribute: expected 9, found %u",
				f.max_attr);
		pid = fork();
		if (!pid) {
			if (setuid(65534))
				_exit(1);
			_exit(set_features(&f, 0));
		}
		waitpid(pid, &status, 0);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != EPERM)
			tc_fail(tc, "KRN-140", "SET_FEATURES of nobody: expected EPERM, found %d",
				WEXITSTATUS(status));
	}
	family_close(&f);
}

/* Each change is announced, and taken over as somebody listens and nobody has to answer. */
static void announce(struct family *f)
{
	static const struct {
		const char *file, *text;
		uint32_t attr;
	} changes[] = {
		{ "attrib/dev_size", "2097152", TCMU_ATTR_DEV_SIZE },
		{ "attrib/emulate_write_cache", "1", TCMU_ATTR_WRITECACHE },
		{ "attrib/dev_config", "any/y", TCMU_ATTR_DEV_CFG },
	};
	struct tc *tc = f->tc;
	struct message m = { 0 };
	char path[2 * KERNEL_PATH_MAX], text[64];
	uint32_t i, minor;

	if (!spare_make(f))
		return;
	EXPECT_EQ(tc, "KRN-145", "enable without replies", 0,
		  end_of(start_put(f, "enable", "1"), 3000));
	if (!event_is(f, &m, TCMU_CMD_ADDED_DEVICE, 0))
		return;
	minor = u32_of(m.attr[TCMU_ATTR_MINOR]);
	snprintf(path, sizeof(path), "/sys/class/uio/uio%u/name", minor);
	EXPECT(tc, "KRN-143", !kernel_get(path, text, sizeof(text)) && !strcmp(text, f->name),
	       "uio%u is not that device", minor);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(tc, "KRN-135", changes[i].file, 0,
			  end_of(start_put(f, changes[i].file, changes[i].text), 3000));
		if (!event_is(f, &m, TCMU_CMD_RECONFIG_DEVICE, changes[i].attr))
			return;
		snprintf(path, sizeof(path), "%s/%s", f->dir, changes[i].file);
		EXPECT(tc, "KRN-135",
		       !kernel_get(path, text, sizeof(text)) && !strcmp(text, changes[i].text),
		       "%s: expected %s, found %s", changes[i].file, changes[i].text, text);
		if (!i)
			EXPECT_EQ(tc, "KRN-143", "bytes", 2097152,
				  *(const uint64_t *)value(m.attr[TCMU_ATTR_DEV_SIZE]));
	}
	EXPECT(tc, "KRN-143", !strcmp(value(m.attr[TCMU_ATTR_DEV_CFG]), "any/y"), "configuration");
	f->name[strlen(f->name) - 1] = 'y';
	EXPECT_EQ(tc, "KRN-145", "removal without replies", 0, end_of(start_remove(f), 3000));
	event_is(f, &m, TCMU_CMD_REMOVED_DEVICE, 0);
}

static void announcements(struct tc *tc)
{
	struct family f;

	if (family_open(tc, &f))
		announce(&f);
	family_close(&f);
}

/* Enabling waits; false replies are refused and do not count; the right one ends it. */
static bool enable_answered(struct family *f, int32_t status, uint32_t *id)
{
	static const int32_t good;
	pid_t pid = start_put(f, "enable", "1");
	struct message m = { 0 };
	uint32_t other;
	int rc;

	if (!event_is(f, &m, TCMU_CMD_ADDED_DEVICE, 0))
		return false;
	*id = u32_of(m.attr[TCMU_ATTR_DEVICE_ID]);
	other = *id + 1000;
	if (end_of(pid, 300) != GOES_ON)
		tc_fail(f->tc, "KRN-145", "enable does not wait for the reply");
	else if ((rc = -kernel_put(f->dir, "action/block_dev", "1")) != EINVAL)
		tc_fail(f->tc, "KRN-149", "block_dev during ADDED: expected EINVAL, found %d", rc);
	else if ((rc = reply(f, TCMU_CMD_ADDED_DEVICE_DONE, NULL, &good)) != EINVAL)
		tc_fail(f->tc, "KRN-146", "reply without an id: expected EINVAL, found %d", rc);
	else if ((rc = reply(f, TCMU_CMD_ADDED_DEVICE_DONE, id, NULL)) != EINVAL)
		tc_fail(f->tc, "KRN-146", "reply without a status: expected EINVAL, found %d", rc);
	else if ((rc = reply(f, TCMU_CMD_ADDED_DEVICE_DONE, &other, &good)) != ENODEV)
		tc_fail(f->tc, "KRN-146", "reply for nobody: expected ENODEV, found %d", rc);
	else if (end_of(pid, 100) != GOES_ON)
		tc_fail(f->tc, "KRN-146", "a reply that was refused ended the wait");
	else if ((rc = reply(f, TCMU_CMD_ADDED_DEVICE_DONE, id, &status)) != 0)
		tc_fail(f->tc, "KRN-146", "the right reply: expected no error, found %d", rc);
	else if ((rc = end_of(pid, 3000)) != -status)
		tc_fail(f->tc, "KRN-146", "result of enable: expected errno %d, found %d", -status,
			rc);
	return !f->tc->failed;
}

/* One attribute is changed; the handler answers @status. */
static void change_answered(struct family *f, uint32_t id, const char *text, int32_t status,
			    const char *want)
{
	struct tc *tc = f->tc;
	char path[2 * KERNEL_PATH_MAX], found[64];
	struct message m = { 0 };
	pid_t pid;

	if (tc->failed)
		return;
	pid = start_put(f, "attrib/dev_size", text);
	if (!event_is(f, &m, TCMU_CMD_RECONFIG_DEVICE, TCMU_ATTR_DEV_SIZE))
		return;
	EXPECT_EQ(tc, "KRN-145", "the write ends", GOES_ON, end_of(pid, 300));
	EXPECT_EQ(tc, "KRN-146", "the reply", 0,
		  reply(f, TCMU_CMD_RECONFIG_DEVICE_DONE, &id, &status));
	EXPECT_EQ(tc, "KRN-146", "errno of the write", -status, end_of(pid, 3000));
	snprintf(path, sizeof(path), "%s/attrib/dev_size", f->dir);
	kernel_get(path, found, sizeof(found));
	EXPECT(tc, "KRN-135", !strcmp(found, want), "dev_size: expected %s, found %s", want, found);
}

static void answer_all(struct family *f)
{
	static const int32_t refused = -EIO;
	struct tc *tc = f->tc;
	struct message m = { 0 };
	uint32_t id = 0;
	pid_t pid;

	EXPECT_EQ(tc, "KRN-144", "SET_FEATURES", 0, set_features(f, 1));
	if (!spare_make(f) || !enable_answered(f, 0, &id))
		return;
	change_answered(f, id, "2097152", -EBUSY, "1048576");
	change_answered(f, id, "2097152", 0, "2097152");
	if (tc->failed)
		return;
	pid = start_remove(f);
	if (!event_is(f, &m, TCMU_CMD_REMOVED_DEVICE, 0))
		return;
	EXPECT_EQ(tc, "KRN-145", "removal ends", GOES_ON, end_of(pid, 300));
	EXPECT_EQ(tc, "KRN-146", "the reply", 0,
		  reply(f, TCMU_CMD_REMOVED_DEVICE_DONE, &id, &refused));
	EXPECT_EQ(tc, "KRN-146", "errno of a removal that was refused", 0, end_of(pid, 3000));
}

static void replies(struct tc *tc)
{
	struct family f;

	if (family_open(tc, &f))
		answer_all(&f);
	family_close(&f);
}

/* A device that its handler refuses is not enabled. */
static void refusal(struct tc *tc)
{
	struct family f;
	uint32_t id = 0;

	if (family_open(tc, &f)) {
		if (set_features(&f, 1))
			tc_fail(tc, "KRN-144", "SET_FEATURES fails");
		else if (spare_make(&f))
			enable_answered(&f, -ENOSPC, &id);
	}
	family_close(&f);
}

/* Blocking makes new events fail, resetting ends those that wait. */
static void escape(struct family *f)
{
	struct tc *tc = f->tc;
	struct message m = { 0 };
	pid_t pid;

	EXPECT_EQ(tc, "KRN-144", "SET_FEATURES", 0, set_features(f, 1));
	if (!spare_make(f))
		return;
	pid = start_put(f, "enable", "1");
	if (!event_is(f, &m, TCMU_CMD_ADDED_DEVICE, 0))
		return;
	EXPECT_EQ(tc, "KRN-148", "errno of reset_netlink, not blocked", EBUSY,
		  -kernel_put(PARAMETERS, "reset_netlink", "1"));
	EXPECT_EQ(tc, "KRN-148", "the wait after that", GOES_ON, end_of(pid, 100));
	EXPECT_EQ(tc, "KRN-148", "block_netlink", 0, -kernel_put(PARAMETERS, "block_netlink", "1"));
	EXPECT_EQ(tc, "KRN-148", "the wait, blocked", GOES_ON, end_of(pid, 100));
	EXPECT_EQ(tc, "KRN-148", "reset_netlink", 0, -kernel_put(PARAMETERS, "reset_netlink", "1"));
	EXPECT_EQ(tc, "KRN-148", "errno of enable", EINTR, end_of(pid, 3000));
	EXPECT_EQ(tc, "KRN-148", "errno of enable while blocked", EAGAIN,
		  end_of(start_put(f, "enable", "1"), 3000));
}

static void escape_hatch(struct tc *tc)
{
	struct family f;

	if (family_open(tc, &f))
		escape(&f);
	family_close(&f);
}

static const struct case_def rows[] = {
	{ "krn.140.family", "KRN-140 KRN-142", CLAUSE_MUST, ROOT,
	  "the TCM-USER family, its group, and who may send", family_facts },
	{ "krn.143.announced", "KRN-141 KRN-142 KRN-143 KRN-135 KRN-145 DIS-13", CLAUSE_MUST, ROOT,
	  "each event has name, minor, id and what changed", announcements },
	{ "krn.146.replies", "KRN-144 KRN-145 KRN-146 KRN-149 KRN-135", CLAUSE_MUST, ROOT,
	  "with replies promised each event waits for the right one", replies },
	{ "krn.146.refusal", "KRN-146 KRN-144", CLAUSE_MUST, ROOT,
	  "a device that is refused is not enabled", refusal },
	{ "krn.148.escape", "KRN-148 KRN-132", CLAUSE_MUST, ROOT,
	  "block_netlink and reset_netlink end a wait", escape_hatch },
};

CASE_TABLE(cases_real_netlink);
