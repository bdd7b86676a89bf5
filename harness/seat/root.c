/* SPDX-License-Identifier: MIT */
/*
 * What root can do to a device besides: configfs files, module parameters, netlink messages.
 *
 * Such a write may block in the kernel for good (KRN-145). It is done by a child, which is left
 * behind when its time is up.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PARAMETERS "/sys/module/target_core_user/parameters/"

static int write_file(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, len) < 0)
		rc = errno;
	close(fd);
	return rc;
}

/* Exit status of @pid, or -ETIMEDOUT. */
static int child_result(pid_t pid, int64_t ms)
{
	int64_t until = seat_now_ms() + ms;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (seat_now_ms() >= until) {
			kill(pid, SIGKILL);
			return -ETIMEDOUT;
		}
		seat_sleep_ms(2);
	}
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

int seat_do_write(struct seat_run *r)
{
	const char *file = seat_word(r, 0, ""), *param = strchr(file, ':');
	const struct seat_arg *text = &r->op->arg[1];
	struct seat *s = r->s;
	char path[1024];
	pid_t pid;

	/* Only what is the device's: no way up and out. */
	if (strstr(file, "..") || *file == '/')
		return -EINVAL;
	if (param && !strncmp(file, "module:", 7))
		snprintf(path, sizeof(path), PARAMETERS "%s", param + 1);
	else
		snprintf(path, sizeof(path), "%s/%s", s->configfs, file);
	seat_lock(r);
	pid = fork();
	if (!pid) {
		seat_node_close(s);
		_exit(write_file(path, text->text, text->len));
	}
	seat_unlock(r);
	return pid < 0 ? -errno : child_result(pid, (int64_t)seat_num(r, 2, 2000));
}

struct message {
	struct nlmsghdr nl;
	struct genlmsghdr ge;
	char attrs[2048];
	size_t used;
};

static int put_attr(struct message *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr a = { .nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type };

	if (m->used + NLA_ALIGN(a.nla_len) > sizeof(m->attrs))
		return -EMSGSIZE;
	memcpy(m->attrs + m->used, &a, sizeof(a));
	if (len)
		memcpy(m->attrs + m->used + NLA_HDRLEN, data, len);
	m->used += NLA_ALIGN(a.nla_len);
	return 0;
}

/* "8:u32:1": type, width, value. */
static int put_text_attr(struct message *m, const char *text)
{
	static const char *const widths[] = { "none", "u8", "u16", "", "u32" };
	char *end;
	unsigned long type = strtoul(text, &end, 0);
	uint64_t value;
	size_t n;

	if (end == text || *end != ':')
		return -EINVAL;
	text = end + 1;
	n = strcspn(text, ":");
	if (!strncmp(text, "str:", 4))
		return put_attr(m, (uint16_t)type, text + 4, strlen(text + 4) + 1);
	value = text[n] ? strtoull(text + n + 1, NULL, 0) : 0;
	if (n == 3 && !strncmp(text, "u64", 3))
		return put_attr(m, (uint16_t)type, &value, 8);
	for (size_t i = 0; i < 5; i++)
		if (strlen(widths[i]) == n && !strncmp(widths[i], text, n))
			return put_attr(m, (uint16_t)type, &value, i);
	return -EINVAL;
}

static int put_attrs(struct message *m, const char *list)
{
	char copy[2048], *save = NULL, *one;
	int rc = 0;

	snprintf(copy, sizeof(copy), "%s", list);
	for (one = strtok_r(copy, ",", &save); one && !rc; one = strtok_r(NULL, ",", &save))
		rc = put_text_attr(m, one);
	return rc;
}

/* Send @m to @family; the answer of at most @len bytes replaces it. Returns its length or -errno.
 */
static ssize_t exchange(int fd, uint16_t family, struct message *m, char *answer, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct iovec iov[2] = { { &m->nl, sizeof(m->nl) + sizeof(m->ge) }, { m->attrs, m->used } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	m->nl.nlmsg_len = (uint32_t)(iov[0].iov_len + iov[1].iov_len);
	m->nl.nlmsg_type = family;
	m->nl.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	if (sendmsg(fd, &msg, 0) < 0)
		return -errno;
	if (poll(&p, 1, 2000) <= 0)
		return -ETIMEDOUT;
	n = recv(fd, answer, len, 0);
	return n < 0 ? -errno : n;
}

/* The error that an answer carries, 0 if it is none. */
static int answer_error(const char *answer, ssize_t n)
{
	struct nlmsghdr nl;
	struct nlmsgerr err;

	if (n < (ssize_t)sizeof(nl))
		return -EPROTO;
	memcpy(&nl, answer, sizeof(nl));
	if (nl.nlmsg_type != NLMSG_ERROR)
		return 0;
	if (n < (ssize_t)(sizeof(nl) + sizeof(err)))
		return -EPROTO;
	memcpy(&err, answer + sizeof(nl), sizeof(err));
	return err.error;
}

static int family_id(int fd, uint16_t *id)
{
	struct message m = { .ge = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 } };
	char answer[8192];
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN;
	struct nlattr a;
	ssize_t n;
	int rc = put_attr(&m, CTRL_ATTR_FAMILY_NAME, "TCM-USER", 9);

	n = rc ? rc : exchange(fd, GENL_ID_CTRL, &m, answer, sizeof(answer));
	rc = n < 0 ? (int)n : answer_error(answer, n);
	for (; !rc && at + sizeof(a) <= (size_t)n; at += NLA_ALIGN(a.nla_len)) {
		memcpy(&a, answer + at, sizeof(a));
		if (a.nla_type == CTRL_ATTR_FAMILY_ID && at + NLA_HDRLEN + 2 <= (size_t)n) {
			memcpy(id, answer + at + NLA_HDRLEN, 2);
			/* the acknowledgement of this request is still to come */
			if (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) < 0)
				return -errno;
			return 0;
		}
		if (a.nla_len < NLA_HDRLEN)
			break;
	}
	return rc ? rc : -ENOENT;
}

int seat_do_netlink(struct seat_run *r)
{
	struct message m = { .ge = { .cmd = (uint8_t)seat_num(r, 0, 0),
				     .version = (uint8_t)seat_num(r, 2, 2) } };
	int rc = put_attrs(&m, seat_word(r, 1, "")), fd = -1;
	char answer[8192];
	uint16_t family;
	ssize_t n;

	if (rc)
		return rc;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (fd < 0)
		return -errno;
	rc = family_id(fd, &family);
	if (!rc) {
		n = exchange(fd, family, &m, answer, sizeof(answer));
		rc = n < 0 ? (int)n : answer_error(answer, n);
	}
	close(fd);
	return rc;
}
