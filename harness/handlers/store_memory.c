/* SPDX-License-Identifier: MIT */
/*
 * The memory store: anonymous pages that come into being when they are written.
 *
 * Nothing is durable beyond the handler, so FLUSH and FUA have nothing to do.
 */
#include "store_engine.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int memory_open(struct store *s, const struct store_config *cfg, char *err, size_t err_len)
{
	void *mem = mmap(NULL, s->size_bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		return store_fail(err, err_len, -ENOMEM, /* whatever mmap calls it */
				  "store '%s': cannot map %" PRIu64 " bytes: %s", cfg->spec,
				  s->size_bytes, strerror(errno));
	s->engine = mem;
	s->can_punch = true;
	return 0;
}

static void memory_close(struct store *s)
{
	munmap(s->engine, s->size_bytes);
}

static int memory_resize(struct store *s, uint64_t size_bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t old = s->size_bytes, end;
	void *mem = mremap(s->engine, old, size_bytes, MREMAP_MAYMOVE);

	if (mem == MAP_FAILED)
		return -ENOMEM;
	s->engine = mem;
	s->size_bytes = size_bytes;
	/* A page that is used in part keeps its rest: nothing of it may come back with growth. */
	end = (size_bytes + page - 1) / page * page;
	if (size_bytes < old)
		memset((char *)mem + size_bytes, 0, end - size_bytes);
	return 0;
}

/* Whole pages go back to the system, the ragged ends are cleared by hand. */
static void punch(char *base, uint64_t off, uint64_t len)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t first = (off + page - 1) / page * page;
	uint64_t last = (off + len) / page * page;

	if (first >= last || madvise(base + first, last - first, MADV_DONTNEED) != 0) {
		memset(base + off, 0, len);
		return;
	}
	memset(base + off, 0, first - off);
	memset(base + last, 0, off + len - last);
}

static int memory_submit(struct store *s, struct store_io *io)
{
	char *at = (char *)s->engine + io->off_bytes;

	switch (io->op) {
	case STORE_READ:
		for (uint32_t i = 0; i < io->iov_cnt; i++) {
			memcpy(io->iov[i].iov_base, at, io->iov[i].iov_len);
			at += io->iov[i].iov_len;
		}
		break;
	case STORE_WRITE:
		for (uint32_t i = 0; i < io->iov_cnt; i++) {
			memcpy(at, io->iov[i].iov_base, io->iov[i].iov_len);
			at += io->iov[i].iov_len;
		}
		break;
	case STORE_DISCARD:
	case STORE_ZERO:
		punch(s->engine, io->off_bytes, io->len_bytes);
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
