/* SPDX-License-Identifier: MIT */
/*
 * Traces in files, compressed (.xz, by their first bytes when reading) or not.
 *
 * What a compressed file expands to is bounded like a plain one, and so is the memory that
 * decompressing takes.
 */
#include "trace_impl.h"

#include <errno.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>

#define XZ_MEMORY_MAX (128ull << 20)
#define XZ_PRESET     6u

static const uint8_t xz_magic[6] = { 0xfd, '7', 'z', 'X', 'Z', 0 };

/* A growing buffer that ends at TRACE_FILE_MAX. */
struct text {
	char *p;
	size_t len, cap;
};

/* Room for some more; NULL with a line in @err. */
static char *grow(struct text *x, const char *name, char *err, size_t err_len)
{
	char *p;

	if (x->len > TRACE_FILE_MAX) {
		snprintf(err, err_len, "%s: file: expected at most %u bytes, found more", name,
			 TRACE_FILE_MAX);
		return NULL;
	}
	if (x->cap - x->len < 65536) {
		x->cap = x->cap ? 2 * x->cap : 1u << 17;
		p = realloc(x->p, x->cap);
		if (!p) {
			snprintf(err, err_len, "%s: out of memory", name);
			return NULL;
		}
		x->p = p;
	}
	return x->p + x->len;
}

/* Reads all of @in; a plain file only as far as it is text. 0 or -errno. */
static int read_all(FILE *in, const char *name, struct text *x, char *err, size_t err_len)
{
	size_t n = 1;
	bool xz = false;
	char *p;

	while (n) {
		p = grow(x, name, err, err_len);
		if (!p)
			return x->len > TRACE_FILE_MAX ? -EINVAL : -ENOMEM;
		n = fread(p, 1, x->cap - x->len, in);
		if (!x->len)
			xz = n >= sizeof(xz_magic) && !memcmp(p, xz_magic, sizeof(xz_magic));
		x->len += n;
		if (!xz && trace_not_text(p, n))
			return 0;
	}
	if (ferror(in)) {
		n = (size_t)(errno ? errno : EIO);
		snprintf(err, err_len, "%s: expected a trace, found a read error: %s", name,
			 strerror((int)n));
		return -(int)n;
	}
	return 0;
}

/* Replaces @x by what it is the compressed form of. */
static int expand(struct text *x, const char *name, char *err, size_t err_len)
{
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_ret rc = lzma_stream_decoder(&s, XZ_MEMORY_MAX, LZMA_CONCATENATED);
	struct text out = { 0 };
	char *p = NULL;

	s.next_in = (uint8_t *)x->p;
	s.avail_in = x->len;
	while (rc == LZMA_OK) {
		p = grow(&out, name, err, err_len);
		if (!p)
			break;
		s.next_out = (uint8_t *)p;
		s.avail_out = out.cap - out.len;
		rc = lzma_code(&s, LZMA_FINISH);
		out.len = out.cap - s.avail_out;
	}
	lzma_end(&s);
	free(x->p);
	*x = out;
	if (rc == LZMA_STREAM_END)
		return 0;
	if (p || rc != LZMA_OK)
		snprintf(err, err_len, "%s: file: expected whole .xz data, found %s", name,
			 rc == LZMA_BUF_ERROR	     ? "a truncated file"
			 : rc == LZMA_MEMLIMIT_ERROR ? "a dictionary beyond 128 MiB"
						     : "damage");
	return -EINVAL;
}

int trace_load(struct trace *t, const char *path, char *err, size_t err_len)
{
	bool std = !strcmp(path, "-");
	const char *name = std ? "standard input" : path;
	FILE *in = std ? stdin : fopen(path, "r");
	struct text x = { 0 };
	int rc;

	*t = (struct trace){ 0 };
	if (!in) {
		rc = -errno;
		snprintf(err, err_len, "%s: expected a readable file, found: %s", name,
			 strerror(errno));
		return rc;
	}
	rc = read_all(in, name, &x, err, err_len);
	if (!rc && x.len >= sizeof(xz_magic) && !memcmp(x.p, xz_magic, sizeof(xz_magic)))
		rc = expand(&x, name, err, err_len);
	if (!rc)
		rc = trace_parse(t, name, x.p ? x.p : "", x.len, err, err_len);
	free(x.p);
	if (!std)
		fclose(in);
	return rc;
}

static int save_xz(const struct trace *t, FILE *out)
{
	char *text = NULL;
	uint8_t *packed = NULL;
	size_t len = 0, bound, n = 0;
	FILE *f = open_memstream(&text, &len);
	int rc = f ? trace_write(t, f) : -ENOMEM;

	if (f && fclose(f) && !rc)
		rc = -ENOMEM;
	bound = lzma_stream_buffer_bound(len);
	packed = rc ? NULL : malloc(bound);
	if (!rc &&
	    (!packed || lzma_easy_buffer_encode(XZ_PRESET, LZMA_CHECK_CRC32, NULL, (uint8_t *)text,
						len, packed, &n, bound) != LZMA_OK))
		rc = -ENOMEM;
	if (!rc && fwrite(packed, 1, n, out) != n)
		rc = errno ? -errno : -EIO;
	free(packed);
	free(text);
	return rc;
}

int trace_save(const struct trace *t, const char *path)
{
	size_t len = strlen(path);
	FILE *out = fopen(path, "w");
	int rc;

	if (!out)
		return -errno;
	rc = len > 3 && !strcmp(path + len - 3, ".xz") ? save_xz(t, out) : trace_write(t, out);
	if (fclose(out) && !rc)
		rc = -errno;
	return rc;
}
