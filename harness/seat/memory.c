/* SPDX-License-Identifier: MIT */
/* The region as bytes: loads, stores, mappings. Every address stays inside our own mapping. */
#include "run.h"

#include <ringsim/shm.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STORES_MAX (1u << 20) /* of one store with to= */

static const struct word {
	const char *name;
	int value;
} prots[] = {
	{ "none", PROT_NONE },		   { "r", PROT_READ },
	{ "w", PROT_WRITE },		   { "rw", PROT_READ | PROT_WRITE },
	{ "rx", PROT_READ | PROT_EXEC },   { "rwx", PROT_READ | PROT_WRITE | PROT_EXEC },
}, flags[] = {
	{ "shared", MAP_SHARED },	   { "private", MAP_PRIVATE },
	{ "populate", MAP_POPULATE },	   { "locked", MAP_LOCKED },
	{ "noreserve", MAP_NORESERVE },	   { "hugetlb", MAP_HUGETLB },
	{ "validate", MAP_SHARED_VALIDATE }, { "sync", MAP_SYNC },
};

/* The values of the comma-separated words of @text, or'ed; -1 for a word that is not there. */
static int words_value(const struct word *w, size_t cnt, const char *text)
{
	int sum = 0;
	size_t n, i;

	for (;; text += n + 1) {
		n = strcspn(text, ",");
		for (i = 0; i < cnt; i++)
			if (strlen(w[i].name) == n && !strncmp(w[i].name, text, n))
				break;
		if (i == cnt)
			return -1;
		sum |= w[i].value;
		if (!text[n])
			return sum;
	}
}

#define VALUE(table, text) words_value(table, sizeof(table) / sizeof(table[0]), text)

/* Bytes of "u8" to "u64", 0 for anything else. */
static size_t width_bytes(const char *text)
{
	static const char *const names[] = { "u8", "u16", "u32", "u64" };

	for (size_t i = 0; i < 4; i++)
		if (!strcmp(names[i], text))
			return (size_t)1 << i;
	return 0;
}

static void store(uint8_t *region, uint64_t at, size_t bytes, uint64_t v)
{
	if (at % bytes)
		shm_write(region, at, &v, bytes);
	else if (bytes == 1)
		shm_store8(region, at, (uint8_t)v);
	else if (bytes == 2)
		shm_store16(region, at, (uint16_t)v);
	else if (bytes == 4)
		shm_store32(region, at, (uint32_t)v);
	else
		shm_store64(region, at, v);
}

int seat_do_store(struct seat_run *r)
{
	size_t bytes = width_bytes(seat_word(r, 0, ""));
	uint64_t at = seat_num(r, 1, 0), to = seat_num(r, 3, at + 1), step = seat_num(r, 4, bytes);
	uint64_t v = seat_num(r, 2, 0);
	int rc;

	if (!bytes || !step)
		return -EINVAL;
	for (uint32_t i = 0; i < STORES_MAX && at < to; i++, at += step) {
		rc = seat_range(r, at, bytes);
		if (rc)
			return rc;
		store(r->s->region, at, bytes, v);
	}
	return 0;
}

int seat_do_load(struct seat_run *r)
{
	size_t bytes = width_bytes(seat_word(r, 0, ""));
	uint64_t at = seat_num(r, 1, 0), v = 0;
	int rc = bytes ? seat_range(r, at, bytes) : -EINVAL;

	if (rc)
		return rc;
	shm_read(&v, r->s->region, at, bytes);
	seat_say(r, "0x%llx", (unsigned long long)v);
	return r->op->arg[2].given && v != seat_num(r, 2, 0) ? -EBADMSG : 0;
}

int seat_do_fill(struct seat_run *r)
{
	const struct seat_arg *bytes = &r->op->arg[2];
	uint64_t at = seat_num(r, 0, 0), len = seat_num(r, 1, 0);
	int rc = seat_range(r, at, len);

	for (uint64_t i = 0; !rc && i < len; i++)
		shm_store8(r->s->region, at + i, (uint8_t)bytes->text[i % bytes->len]);
	return rc;
}

static void show_bytes(struct seat_run *r, uint64_t at, uint64_t len)
{
	char text[3 * 16 + 1];
	uint8_t b[16];

	for (uint64_t i = 0; i < len; i += 16) {
		size_t n = len - i < 16 ? (size_t)(len - i) : 16;

		shm_read(b, r->s->region, at + i, n);
		for (size_t k = 0; k < n; k++)
			snprintf(text + 3 * k, 4, " %02x", b[k]);
		seat_say(r, "%08llx%s", (unsigned long long)(at + i), text);
	}
}

static void show_mailbox(struct seat_run *r)
{
	struct tcmu_mailbox mb;

	shm_read(&mb, r->s->region, 0, sizeof(mb));
	seat_say(r, "mailbox version=%u flags=0x%x cmdr_off=%u cmdr_size=%u head=%u tail=%u",
		 mb.version, mb.flags, mb.cmdr_off, mb.cmdr_size, mb.cmd_head, mb.cmd_tail);
}

static void show_entry(struct seat_run *r, uint64_t at)
{
	const uint8_t *region = r->s->region;
	uint32_t len_op = shm_load32(region, at);

	seat_say(r, "entry at=%llu len=%u op=%u id=%u kflags=%u uflags=%u status=0x%02x",
		 (unsigned long long)(at - r->s->cmdr_off), len_op & ~TCMU_OP_MASK,
		 len_op & TCMU_OP_MASK, shm_load16(region, at + RINGSIM_OFF_ID),
		 shm_load8(region, at + RINGSIM_OFF_KFLAGS),
		 shm_load8(region, at + RINGSIM_OFF_UFLAGS),
		 shm_load8(region, at + RINGSIM_OFF_STATUS));
}

int seat_do_show(struct seat_run *r)
{
	const char *what = seat_word(r, 0, "");
	uint64_t at = seat_num(r, 1, r->at), len = seat_num(r, 2, 64);
	int rc;

	if (!strcmp(what, "mailbox")) {
		rc = seat_range(r, 0, sizeof(struct tcmu_mailbox));
		if (!rc)
			show_mailbox(r);
	} else if (!strcmp(what, "entry")) {
		at += r->s->cmdr_off;
		rc = at % 8 ? -EINVAL : seat_range(r, at, 16);
		if (!rc)
			show_entry(r, at);
	} else if (!strcmp(what, "bytes")) {
		rc = seat_range(r, at, len);
		if (!rc)
			show_bytes(r, at, len < 4096 ? len : 4096);
	} else {
		rc = -EINVAL;
	}
	return rc;
}

int seat_do_map(struct seat_run *r)
{
	struct seat *s = r->s;
	size_t len = (size_t)seat_num(r, 0, s->map_len);
	uint64_t offset = seat_num(r, 1, 0);
	int prot = VALUE(prots, seat_word(r, 2, "rw"));
	int how = VALUE(flags, seat_word(r, 3, "shared"));
	int rc = -EINVAL;
	void *p;

	seat_lock(r);
	if (s->maps == SEAT_MAPS) {
		rc = -ENOSPC;
	} else if (!s->fds) {
		rc = -EBADF;
	} else if (prot >= 0 && how >= 0) {
		p = (void *)syscall(SYS_mmap, NULL, len, prot, how, s->fd[s->fds - 1], offset);
		rc = p == MAP_FAILED ? -errno : 0;
		if (!rc)
			s->map[s->maps++] = (struct seat_mapping){ p, len };
		if (!rc && !s->region && len >= s->map_len)
			s->region = p;
	}
	seat_unlock(r);
	return rc;
}

/* The hole stays ours, so that nothing else is ever mapped where programs store. */
static int plug(uint8_t *at, size_t len)
{
	void *p = mmap(at, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
		       -1, 0);

	return p == MAP_FAILED ? -errno : 0;
}

int seat_do_unmap(struct seat_run *r)
{
	struct seat *s = r->s;
	uint64_t at = seat_num(r, 0, 0), len = seat_num(r, 1, 4096);
	struct seat_mapping *m;
	int rc;

	if (r->op->arg[0].given) {
		rc = at % 4096 ? -EINVAL : seat_range(r, at, len);
		return rc ? rc : plug(s->region + at, len);
	}
	seat_lock(r);
	rc = s->maps ? 0 : -ENXIO;
	if (!rc) {
		m = &s->map[--s->maps];
		if (m->addr == s->region)
			s->region = NULL;
		rc = munmap(m->addr, m->len) ? -errno : 0;
	}
	seat_unlock(r);
	return rc;
}

int seat_do_protect(struct seat_run *r)
{
	uint64_t at = seat_num(r, 0, 0), len = seat_num(r, 1, 0);
	int prot = VALUE(prots, seat_word(r, 2, ""));
	int rc = prot < 0 ? -EINVAL : seat_range(r, at, len);

	if (!rc && mprotect(r->s->region + at, len, prot))
		rc = -errno;
	return rc;
}

int seat_do_advise(struct seat_run *r)
{
	uint64_t at = seat_num(r, 0, 0), len = seat_num(r, 1, 0);
	int rc = seat_range(r, at, len);

	if (!rc && madvise(r->s->region + at, len, (int)seat_num(r, 2, 0)))
		rc = -errno;
	return rc;
}

int seat_do_remap(struct seat_run *r)
{
	uint64_t at = seat_num(r, 0, 0), len = seat_num(r, 1, 0), to = seat_num(r, 2, 0);
	int rc = at % 4096 || len % 4096 || to % 4096 ? -EINVAL : seat_range(r, at, len);
	uint8_t *p;

	if (rc)
		return rc;
	p = r->s->region + at;
	if (mremap(p, len, to, 0) == MAP_FAILED)
		return -errno;
	return to < len ? plug(p + to, len - to) : 0;
}
