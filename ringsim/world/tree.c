/* SPDX-License-Identifier: MIT */
/*
 * Directories, attributes, links and device nodes in memory; see tree.h.
 */
#include "tree.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct tree_node *node_new(struct tree *t, const char *name, mode_t mode, void *ctx)
{
	size_t len = strlen(name) + 1;
	struct tree_node *n = calloc(1, sizeof(*n) + len);

	if (!n)
		return NULL;
	memcpy(n->name, name, len);
	n->tree = t;
	n->mode = mode;
	n->ctx = ctx;
	n->born = time(NULL);
	n->ino = ++t->last_ino;
	return n;
}

static void node_free(struct tree_node *n)
{
	free(n->target);
	free(n->data);
	free(n);
}

bool tree_init(struct tree *t, struct world *w)
{
	/* Inode numbers and places in a listing: 1 and 2 are "." and "..". */
	*t = (struct tree){ .w = w, .last_ino = 2 };
	t->root = node_new(t, "", S_IFDIR | 0755, NULL);
	if (!t->root)
		return false;
	t->root->stays = true;
	return true;
}

static void free_below(struct tree_node *n)
{
	struct tree_node *next;

	for (struct tree_node *c = n->child; c; c = next) {
		next = c->next;
		free_below(c);
		node_free(c);
	}
}

void tree_free(struct tree *t)
{
	struct tree_node *next;

	if (!t->root)
		return;
	for (struct tree_node *n = t->gone; n; n = next) {
		next = n->next;
		node_free(n);
	}
	t->gone = NULL;
	free_below(t->root);
	node_free(t->root);
	t->root = NULL;
}

struct tree_node *tree_find(const struct tree_node *dir, const char *name)
{
	struct tree_node *n = dir ? dir->child : NULL;

	while (n && strcmp(n->name, name) != 0)
		n = n->next;
	return n;
}

struct tree_node *tree_walk(struct tree_node *from, const char *path)
{
	char name[256];

	while (from) {
		size_t len;

		path += strspn(path, "/");
		if (!*path)
			return from;
		len = strcspn(path, "/");
		if (len >= sizeof(name))
			return NULL;
		memcpy(name, path, len);
		name[len] = 0;
		from = tree_find(from, name);
		path += len;
	}
	return NULL;
}

static struct tree_node *add(struct tree_node *parent, const char *name, mode_t mode, void *ctx)
{
	struct tree_node *n = tree_find(parent, name);

	if (n || !parent)
		return n;
	n = node_new(parent->tree, name, mode, ctx);
	if (!n) {
		parent->tree->failed = true;
		return NULL;
	}
	n->parent = parent;
	if (parent->last)
		parent->last->next = n;
	else
		parent->child = n;
	parent->last = n;
	return n;
}

/* Told only when the node is complete: files.c looks at all of it. */
static struct tree_node *told(struct tree_node *n)
{
	if (n && n->tree->added)
		n->tree->added(n->tree, n);
	return n;
}

struct tree_node *tree_dir(struct tree_node *parent, const char *name,
			   const struct tree_dir_ops *ops, void *ctx)
{
	struct tree_node *n = add(parent, name, S_IFDIR | 0755, ctx);

	if (n)
		n->dir = ops;
	return told(n);
}

struct tree_node *tree_file(struct tree_node *parent, const struct tree_attr *attr, void *ctx)
{
	struct tree_node *n = add(parent, attr->name, S_IFREG | attr->mode, ctx);

	if (n)
		n->attr = attr;
	return told(n);
}

void tree_files(struct tree_node *parent, const struct tree_attr *attrs, size_t n, void *ctx)
{
	for (size_t i = 0; i < n; i++)
		tree_file(parent, &attrs[i], ctx);
}

struct tree_node *tree_link(struct tree_node *parent, const char *name, const char *target)
{
	struct tree_node *n = add(parent, name, S_IFLNK | 0777, NULL);

	if (!n || n->target)
		return n;
	n->target = strdup(target);
	if (!n->target) {
		parent->tree->failed = true;
		tree_remove(n);
		return NULL;
	}
	return told(n);
}

struct tree_node *tree_device(struct tree_node *parent, const char *name, mode_t mode, dev_t rdev)
{
	struct tree_node *n = add(parent, name, mode, NULL);

	if (n)
		n->rdev = rdev;
	return told(n);
}

struct tree_node *tree_data(struct tree_node *parent, const char *name, char *data, size_t len)
{
	struct tree_node *n = add(parent, name, S_IFREG | 0444, NULL);

	if (!n || n->data || !data) {
		if (n && !data)
			parent->tree->failed = true;
		free(data);
		return n;
	}
	n->data = data;
	n->len = len;
	n->stays = true;
	return told(n);
}

struct tree_node *tree_path_dir(struct tree_node *from, const char *path)
{
	char name[256];

	while (from && *(path += strspn(path, "/"))) {
		size_t len = strcspn(path, "/");

		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		from = tree_dir(from, name, NULL, NULL);
		if (from)
			from->stays = true;
		path += len;
	}
	return from;
}

static void unlink_node(struct tree_node *n)
{
	struct tree_node **at = &n->parent->child, *before = NULL;

	while (*at != n) {
		before = *at;
		at = &before->next;
	}
	*at = n->next;
	if (n->parent->last == n)
		n->parent->last = before;
	n->parent = n->next = NULL;
}

void tree_remove(struct tree_node *n)
{
	if (!n)
		return;
	while (n->child)
		tree_remove(n->child);
	if (n->tree->removed)
		n->tree->removed(n->tree, n);
	unlink_node(n);
	n->gone = true;
	if (n->refs) {
		n->next = n->tree->gone;
		n->tree->gone = n;
	} else {
		node_free(n);
	}
}

void tree_get(struct tree_node *n)
{
	n->refs++;
}

void tree_put(struct tree_node *n, uint64_t refs)
{
	struct tree_node **at = &n->tree->gone;

	n->refs = refs < n->refs ? n->refs - refs : 0;
	if (n->refs || !n->gone)
		return;
	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	node_free(n);
}

int tree_show(const struct tree_node *n, char *buf)
{
	if (n->gone)
		return -ENODEV;
	return n->attr && n->attr->show ? n->attr->show(n, buf) : -EACCES;
}

int tree_store(struct tree_node *n, const char *text, size_t len, struct tree_wait *wait)
{
	char copy[TREE_PAGE];

	if (n->gone)
		return -ENODEV;
	if (!n->attr || !n->attr->store)
		return -EACCES;
	if (len >= sizeof(copy))
		return -E2BIG;
	memcpy(copy, text, len);
	copy[len] = 0;
	return n->attr->store(n, copy, len, wait);
}

int tree_mkdir(struct tree_node *dir, const char *name)
{
	if (dir->gone)
		return -ENOENT;
	if (tree_find(dir, name))
		return -EEXIST;
	return dir->dir && dir->dir->mkdir ? dir->dir->mkdir(dir, name) : -EPERM;
}

int tree_rmdir(struct tree_node *dir, struct tree_wait *wait)
{
	if (!S_ISDIR(dir->mode))
		return -ENOTDIR;
	return dir->dir && dir->dir->rmdir ? dir->dir->rmdir(dir, wait) : -EPERM;
}

bool tree_name(const struct tree_node *n, char *buf, size_t len)
{
	size_t used;

	if (!n->parent)
		return len > 0 && (*buf = 0, true);
	if (!tree_name(n->parent, buf, len))
		return false;
	used = strlen(buf);
	return (size_t)snprintf(buf + used, len - used, "/%s", n->name) < len - used;
}

int tree_number(const char *text, int base, int64_t min, int64_t max, int64_t *value)
{
	const char *digits = text + (*text == '-' || *text == '+');
	char *end;
	long long v;

	/* What strtoll() takes and the kernel does not: blanks, a second sign. */
	if (!isxdigit((unsigned char)*digits))
		return -EINVAL;
	errno = 0;
	v = strtoll(text, &end, base);
	if (*end == '\n')
		end++;
	if (end == text || *end || (*text == '-' && min >= 0))
		return -EINVAL;
	if (errno == ERANGE || v < min || v > max)
		return -ERANGE;
	*value = v;
	return 0;
}

int tree_flag(const char *text, bool *value)
{
	static const char *const yes[] = { "y", "t", "1", "on" };
	static const char *const no[] = { "n", "f", "0", "of" };

	/* Only the beginning counts. */
	for (int i = 0; i < 4; i++) {
		if (strncasecmp(text, yes[i], strlen(yes[i])) == 0)
			return *value = true, 0;
		if (strncasecmp(text, no[i], strlen(no[i])) == 0)
			return *value = false, 0;
	}
	return -EINVAL;
}

int tree_text(char *buf, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(buf, TREE_PAGE - 1, fmt, ap);
	va_end(ap);
	if (len < 0 || len > TREE_PAGE - 2)
		len = TREE_PAGE - 2;
	buf[len++] = '\n';
	return len;
}
