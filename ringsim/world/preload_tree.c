/* SPDX-License-Identifier: MIT */
/*
 * Directories of configfs that preloaded programs make and remove, where no FUSE asks for them.
 *
 * The plain files follow by themselves: files.c is told of every node.
 */
#include "trees.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

/* A rmdir() that is answered later. */
struct removal {
	struct tree_wait wait;
	struct world_call call;
};

static void removed(struct tree_wait *wait, int rc)
{
	struct removal *r = (struct removal *)wait;

	call_answer(&r->call, rc);
	free(r);
}

static void remove_dir(const struct world_call *c, struct tree_node *n)
{
	struct removal *r = calloc(1, sizeof(*r));
	int rc;

	if (!r) {
		call_answer(c, -ENOMEM);
		return;
	}
	r->wait.answer = removed;
	r->call = *c;
	rc = tree_rmdir(n, &r->wait);
	if (rc != TREE_WAITS)
		removed(&r->wait, rc);
}

/* @path, which is absolute and plain, below the place of a tree: what remains of it, or NULL. */
static char *within(char *path, const char *place)
{
	size_t n = strlen(place);

	return !strncmp(path, place, n) && (!path[n] || path[n] == '/') ? path + n : NULL;
}

void preload_tree(const struct world_call *c)
{
	const struct trees *t = c->w->tree;
	struct tree_node *n;
	char path[PATH_MAX], *rest, *name;

	if (c->nr == SYS_symlinkat || call_string(c, c->arg[1], path, sizeof(path)) < 0) {
		call_answer(c, -EPERM);
		return;
	}
	rest = within(path, trees_place(TREES_CONFIGFS));
	name = rest ? strrchr(rest, '/') : NULL;
	if (!name || !t->tree[TREES_CONFIGFS].root) {
		call_answer(c, -EPERM);
		return;
	}
	n = c->nr == SYS_unlinkat ? tree_walk(t->tree[TREES_CONFIGFS].root, rest) : NULL;
	if (n && !(c->arg[2] & AT_REMOVEDIR)) {
		call_answer(c, S_ISDIR(n->mode) ? -EISDIR : -EPERM);
	} else if (n) {
		remove_dir(c, n);
	} else if (c->nr == SYS_mkdirat) {
		*name++ = 0;
		n = tree_walk(t->tree[TREES_CONFIGFS].root, rest);
		call_answer(c, !n ? -ENOENT : !S_ISDIR(n->mode) ? -ENOTDIR : tree_mkdir(n, name));
	} else {
		call_answer(c, -ENOENT);
	}
}
