/* SPDX-License-Identifier: MIT */
/*
 * The memory store: anonymous pages that come into being when they are written.
 *
 * Nothing is durable beyond the handler, so FLUSH and FUA have nothing to do. Space that is given
 * up goes back to the system, but little of it is cleared instead, which costs less than having it
 * back as new pages.
 */
#include "store_engine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE	  4096u
#define KEPT_MAX  1024u	       /* pages that are cleared rather than given back, at most */
#define KNOWN_MAX (1ull << 32) /* bytes of the largest store whose written pages are known */

/** struct memory - @written: by page, whether it may hold anything but zeros; NULL: not known */
struct memory {
	uint8_t *bytes;
	uint64_t *written;
};

static uint64_t words(uint64_t size_bytes)
{
	return size_bytes / PAGE / 64 + 1;
}

static uint64_t *known_pages(uint64_t size_bytes)
{
	return size_bytes <= KNOWN_MAX ? calloc(words(size_bytes), 8) : NULL;
}

/* What is beyond the end of either size holds zeros. */
static void resize_known(struct memory *m, uint64_t old_bytes, uint64_t size_bytes)
{
	uint64_t *old = m->written, n = words(old_bytes < size_bytes ? old_bytes : size_bytes);

	m->written = old != NULL ? known_pages(size_bytes) : NULL;
	if (m->written != NULL)
		memcpy(m->written, old, n * sizeof(*old));
	free(old);
}

static int memory_open(struct store *s, const struct store_config *cfg, char *err, size_t err_len)
{
	struct memory *m = calloc(1, sizeof(*m));
	void *mem = mmap(NULL, s->size_bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (m == NULL || mem == MAP_FAILED) {
		if (mem != MAP_FAILED)
			munmap(mem, s->size_bytes);
		free(m);
		return store_fail(err, err_len, -ENOMEM, /* whatever mmap calls it */
				  "store '%s': cannot map %" PRIu64 " bytes: %s", cfg->spec,
				  s->size_bytes, strerror(errno));
	}
	m->bytes = mem;
	m->written = known_pages(s->size_bytes);
	s->engine = m;
	s->can_punch = true;
	return 0;
}

static void memory_close(struct store *s)
{
	struct memory *m = s->engine;

	munmap(m->bytes, s->size_bytes);
	free(m->written);
	free(m);
}

static int memory_resize(struct store *s, uint64_t size_bytes)
{
	struct memory *m = s->engine;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), old = s->size_bytes, end;
	void *mem = mremap(m->bytes, old, size_bytes, MREMAP_MAYMOVE);

	if (mem == MAP_FAILED)
		return -ENOMEM;
	m->bytes = mem;
	s->size_bytes = size_bytes;
	/* A page that is used in part keeps its rest: nothing of it may come back with growth. */
	end = (size_bytes + page - 1) / page * page;
	if (size_bytes < old)
		memset(m->bytes + size_bytes, 0, end - size_bytes);
	resize_known(m, old, size_bytes);
	return 0;
}

static void note_written(struct memory *m, uint64_t off, uint64_t len)
{
	uint64_t page;

	if (m->written == NULL)
		return;
	for (page = off / PAGE; page * PAGE < off + len; page++)
		m->written[page / 64] |= 1ull << (page % 64);
}

/* Clears the pages [first, end) that were written, one by one. False: they are too many. */
static bool clear_written(struct memory *m, uint64_t first, uint64_t end)
{
	uint64_t page, word, n = 0;

	if (m->written == NULL)
		return false;
	for (page = first; page < end; page = (page / 64 + 1) * 64) {
		word = m->written[page / 64] >> (page % 64);
		if (end - page < 64)
			word &= (1ull << (end - page)) - 1;
		for (; word != 0; word &= word - 1) {
			uint64_t p = page + (uint64_t)__builtin_ctzll(word);

			if (++n > KEPT_MAX)
				return false;
			memset(m->bytes + p * PAGE, 0, PAGE);
			m->written[p / 64] &= ~(1ull << (p % 64));
		}
	}
	return true;
}

/* Whole pages are cleared or go back to the system, the ragged ends are cleared by hand. */
static void punch(struct memory *m, uint64_t off, uint64_t len)
{
	uint64_t first = (off + PAGE - 1) / PAGE, last = (off + len) / PAGE;

	if (first >= last) {
		memset(m->bytes + off, 0, len);
		return;
	}
	if (!clear_written(m, first, last) &&
	    madvise(m->bytes + first * PAGE, (last - first) * PAGE, MADV_DONTNEED) != 0)
		memset(m->bytes + first * PAGE, 0, (last - first) * PAGE);
	memset(m->bytes + off, 0, first * PAGE - off);
	memset(m->bytes + last * PAGE, 0, off + len - last * PAGE);
}

static int memory_submit(struct store *s, struct store_io *io)
{
	struct memory *m = s->engine;
	uint8_t *at = m->bytes + io->off_bytes;

	switch (io->op) {
	case STORE_READ:
		for (uint32_t i = 0; i < io->iov_cnt; i++) {
			memcpy(io->iov[i].iov_base, at, io->iov[i].iov_len);
			at += io->iov[i].iov_len;
		}
		break;
	case STORE_WRITE:
		note_written(m, io->off_bytes, io->len_bytes);
		for (uint32_t i = 0; i < io->iov_cnt; i++) {
			memcpy(at, io->iov[i].iov_base, io->iov[i].iov_len);
			at += io->iov[i].iov_len;
		}
		break;
	case STORE_DISCARD:
	case STORE_ZERO:
		punch(m, io->off_bytes, io->len_bytes);
		break;
	case STORE_FLUSH:
		break;
	}
	io->result = 0;
	store_finish(s, io);
	return 0;
}

const struct store_ops store_memory_ops = {
	.name = "memory",
	.open = memory_open,
	.close = memory_close,
	.resize = memory_resize,
	.submit = memory_submit,
};
