/* SPDX-License-Identifier: MIT */
/*
 * /lib/modules: what libkmod and modprobe ask whether target_core_user is there.
 *
 * It is built in, they find: named in modules.builtin and in its index, beside what the host's
 * kernel has built in. All else below this kernel's directory is the host's.
 *
 * The index is a trie, big-endian: a node has a prefix, children for a range of characters, and
 * values, each part announced by a bit in the offset that leads to it.
 */
#include "trees.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define OURS "kernel/drivers/target/target_core_user.ko\n"

enum { MAGIC = 0xb007f457, VERSION = 0x00020001, CHILDREN = 0x20000000, VALUES = 0x40000000 };

/* Sorted names, without doubles. */
struct names {
	char **name;
	size_t n;
};

struct index {
	uint8_t *data;
	size_t len, room;
	bool failed;
};

static size_t reserve(struct index *ix, size_t len)
{
	size_t at = ix->len;

	if (at + len > ix->room) {
		size_t room = (at + len) * 2;
		uint8_t *data = realloc(ix->data, room);

		if (!data) {
			ix->failed = true;
			return 0;
		}
		ix->data = data;
		ix->room = room;
	}
	memset(ix->data + at, 0, len);
	ix->len += len;
	return at;
}

static void put32(struct index *ix, size_t at, uint32_t value)
{
	value = htonl(value);
	if (!ix->failed)
		memcpy(ix->data + at, &value, sizeof(value));
}

/* The node of @n names that agree in their first @depth characters; returns what leads to it. */
static uint32_t put_node(struct index *ix, char **name, size_t n, size_t depth)
{
	uint32_t flags = 0;
	bool ends = n && !name[0][depth];
	size_t at = ix->len, table = 0, end;
	uint8_t first, last;

	if (ends) {
		name++;
		n--;
	}
	if (n) {
		first = (uint8_t)name[0][depth];
		last = (uint8_t)name[n - 1][depth];
		table = reserve(ix, 2) + 2;
		reserve(ix, (last - first + 1u) * sizeof(uint32_t));
		if (ix->failed)
			return 0;
		ix->data[table - 2] = first;
		ix->data[table - 1] = last;
		flags |= CHILDREN;
	}
	if (ends) {
		/* One value, of priority 0: an empty string. */
		put32(ix, reserve(ix, 9), 1);
		flags |= VALUES;
	}
	for (; n; name += end, n -= end) {
		for (end = 1; end < n && name[end][depth] == name[0][depth]; end++)
			;
		put32(ix, table + ((uint8_t)name[0][depth] - first) * sizeof(uint32_t),
		      put_node(ix, name, end, depth + 1));
	}
	return (uint32_t)at | flags;
}

/* "kernel/fs/fuse-x.ko" is called "fuse_x". */
static char *module_name(char *line)
{
	char *name = strrchr(line, '/') ? strrchr(line, '/') + 1 : line;

	name[strcspn(name, ".")] = 0;
	for (char *c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	return name;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* @text is taken to pieces. */
static bool collect(struct names *all, char *text)
{
	char *rest, *line;
	size_t lines = 0, kept = 0;

	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	all->n = 0;
	all->name = calloc(lines + 1, sizeof(*all->name));
	if (!all->name)
		return false;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		all->name[all->n++] = module_name(line);
	qsort(all->name, all->n, sizeof(*all->name), by_name);
	for (size_t i = 0; i < all->n; i++)
		if (*all->name[i] && (!kept || strcmp(all->name[i], all->name[kept - 1]) != 0))
			all->name[kept++] = all->name[i];
	all->n = kept;
	return true;
}

static void add_index(struct tree_node *dir, char *text)
{
	struct index ix = { 0 };
	struct names all;

	if (!collect(&all, text)) {
		tree_data(dir, "modules.builtin.bin", NULL, 0);
		return;
	}
	put32(&ix, reserve(&ix, 12), MAGIC);
	put32(&ix, 4, VERSION);
	put32(&ix, 8, put_node(&ix, all.name, all.n, 0));
	free(all.name);
	if (ix.failed) {
		free(ix.data);
		ix.data = NULL;
	}
	tree_data(dir, "modules.builtin.bin", (char *)ix.data, ix.len);
}

/* What the host says, if anything, and our line. */
static char *builtin(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL, buf[4096];
	size_t len = 0, n;
	FILE *out = open_memstream(&text, &len);

	if (out) {
		while (f && (n = fread(buf, 1, sizeof(buf), f)) > 0)
			fwrite(buf, 1, n, out);
		fputs(OURS, out);
		if (fclose(out)) {
			free(text);
			text = NULL;
		}
	}
	if (f)
		fclose(f);
	return text;
}

void modules_start(struct trees *t)
{
	struct tree_node *dir, *root = t->tree[TREES_MODULES].root;
	char path[300], *text, *copy;
	struct utsname u;

	if (uname(&u))
		return;
	dir = tree_path_dir(root, u.release);
	snprintf(path, sizeof(path), "%s/%s/modules.builtin", trees_place(TREES_MODULES),
		 u.release);
	text = builtin(path);
	copy = text ? strdup(text) : NULL;
	tree_data(dir, "modules.builtin", copy, copy ? strlen(copy) : 0);
	if (text)
		add_index(dir, text);
	free(text);
	path[strlen(path) - strlen("/modules.builtin")] = 0;
	mounts_host(dir, path, NULL);
	mounts_host(root, trees_place(TREES_MODULES), NULL);
	/* All of it is ours where it cannot be mounted: there is nothing of the host's. */
	if (dir)
		dir->mixed = root->mixed = false;
}
