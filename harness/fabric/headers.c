/* SPDX-License-Identifier: MIT */
/*
 * Where the headers of a kernel are.
 *
 * What modules are built against is a directory with a Makefile and a configuration. In a source
 * tree the headers are in there as well; distributions put them elsewhere, since flavours share
 * them, and a link or a line of the Makefile leads there.
 */
#include "fabric.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char header[] = "include/target/target_core_fabric.h";

enum { HEADER_MAX = 1 << 20 }; /* bytes; today's has 9 KiB */

/* All of a file as a string, NULL with errno set; EFBIG above HEADER_MAX. */
static char *read_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t n;

	if (!f)
		return NULL;
	text = malloc(HEADER_MAX + 1);
	if (text) {
		errno = 0;
		n = fread(text, 1, HEADER_MAX + 1, f);
		if (ferror(f) || n > HEADER_MAX) {
			int cause = n > HEADER_MAX ? EFBIG : errno;

			free(text);
			text = NULL;
			errno = cause ? cause : EIO;
		} else {
			text[n] = '\0';
		}
	}
	fclose(f);
	return text;
}

/* The tree that a Makefile hands over to: "include TREE/Makefile", or "... -C TREE ...". */
static bool other_tree(const char *kdir, char *tree, size_t size)
{
	static const char *const before[] = { "\ninclude ", " -C " };
	char path[4096], *makefile, *p, *end;
	bool found = false;

	snprintf(path, sizeof(path), "%s/Makefile", kdir);
	p = read_text(path);
	if (!p)
		return false;
	if (asprintf(&makefile, "\n%s", p) < 0)
		makefile = NULL;
	free(p);
	for (size_t i = 0; makefile && !found && i < sizeof(before) / sizeof(*before); i++) {
		p = strstr(makefile, before[i]);
		if (!p || p[strlen(before[i])] != '/')
			continue;
		p += strlen(before[i]);
		end = p + strcspn(p, " \t\n");
		if (end - p > 9 && !strncmp(end - 9, "/Makefile", 9))
			end -= 9;
		found = snprintf(tree, size, "%.*s", (int)(end - p), p) < (int)size;
	}
	free(makefile);
	return found;
}

int fabric_table_read(struct fabric_table *table, const char *kdir, char error[FABRIC_ERROR_SIZE])
{
	char tree[4096], path[sizeof(tree) + sizeof(header) + 16], *text;
	int rc;

	memset(table, 0, sizeof(*table));
	snprintf(path, sizeof(path), "%s/%s", kdir, header);
	text = read_text(path);
	if (!text && errno == ENOENT) {
		snprintf(path, sizeof(path), "%s/source/%s", kdir, header);
		text = read_text(path);
	}
	if (!text && errno == ENOENT && other_tree(kdir, tree, sizeof(tree))) {
		snprintf(path, sizeof(path), "%s/%s", tree, header);
		text = read_text(path);
	} else if (!text && errno == ENOENT) {
		snprintf(path, sizeof(path), "%s/%s", kdir, header);
	}
	if (!text) {
		rc = errno ? -errno : -ENOENT;
		snprintf(error, FABRIC_ERROR_SIZE, "%.300s: %s%s", path, strerror(-rc),
			 rc == -ENOENT ? "; expected the headers of a kernel (Debian: "
					 "linux-headers-RELEASE)"
				       : "");
		return rc;
	}
	rc = fabric_table_parse(table, path, text, error);
	free(text);
	return rc;
}

void fabric_kernel_release(const char *kdir, char *out, size_t size)
{
	char path[4096], *text, *p;

	out[0] = '\0';
	snprintf(path, sizeof(path), "%s/include/generated/utsrelease.h", kdir);
	text = read_text(path);
	p = text ? strstr(text, "UTS_RELEASE \"") : NULL;
	if (p) {
		p += strlen("UTS_RELEASE \"");
		snprintf(out, size, "%.*s", (int)strcspn(p, "\"\n"), p);
	}
	free(text);
}
