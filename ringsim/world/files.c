/* SPDX-License-Identifier: MIT */
/*
 * A tree as plain files, where there is no FUSE or nothing can be mounted.
 *
 * They say what was so when they were written last: after every event in the tree. A write acts
 * when the file is closed; it cannot fail, so a refusal is said to the user, and the file says
 * again what is so. Directories are made by preload_tree.c, or not at all.
 */
#include "trees.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Which directory an inotify descriptor's number stands for. */
struct watched {
	int wd;
	struct tree_node *dir;
	struct watched *next;
};

struct files {
	struct tree *tree;
	char dir[400];
	struct world_watch watch;
	struct watched *watched;
	bool told; /* that files cannot be written */
};

/* A store that is answered later. */
struct late {
	struct tree_wait wait;
	struct files *files;
	char name[256];
};

static bool path_of(const struct files *f, const struct tree_node *n, char *path, size_t len)
{
	size_t used = (size_t)snprintf(path, len, "%s", f->dir);

	return used < len && tree_name(n, path + used, len - used);
}

/*
 * By way of another name: whoever reads finds the old text or the new, and inotify is silent.
 * We must be able to read it, too, whatever the attribute's permissions are.
 */
static void write_text(struct files *f, const char *path, const char *text, size_t len, mode_t mode)
{
	char temp[PATH_MAX + 8];
	bool ok = false;
	int fd;

	snprintf(temp, sizeof(temp), "%s.new", path);
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0) {
		ok = write(fd, text, len) == (ssize_t)len && !fchmod(fd, (mode & 07777) | 0600);
		close(fd); /* while it has the other name: that is the one that inotify tells */
		ok = ok && !rename(temp, path);
	}
	if (ok)
		return;
	if (!f->told)
		world_say(f->tree->w, "%s cannot be written: %s", path, strerror(errno));
	f->told = true;
	unlink(temp);
}

/* @n->data is the text that was written last. */
static void refresh(struct files *f, struct tree_node *n, bool anyway)
{
	char path[PATH_MAX], text[TREE_PAGE], *copy;
	int len = n->attr->show ? tree_show(n, text) : 0;

	if (len < 0)
		len = 0;
	if (n->data && n->len == (size_t)len && !memcmp(n->data, text, n->len) && !anyway)
		return;
	copy = malloc((size_t)len + 1);
	if (!copy || !path_of(f, n, path, sizeof(path))) {
		free(copy);
		return;
	}
	memcpy(copy, text, (size_t)len);
	free(n->data);
	n->data = copy;
	n->len = (size_t)len;
	write_text(f, path, copy, n->len, n->mode);
}

static void refresh_all(struct files *f, struct tree_node *n)
{
	for (; n; n = n->next) {
		if (n->attr)
			refresh(f, n, false);
		refresh_all(f, n->child);
	}
}

void files_refresh(struct files *f)
{
	refresh_all(f, f->tree->root);
}

/* --- writes of programs ------------------------------------------------------------------------
 */

static void outcome(struct files *f, const char *name, int rc)
{
	if (rc)
		world_say(f->tree->w, "a write to %s was refused: %s", name, strerror(-rc));
	files_refresh(f);
}

static void answer(struct tree_wait *wait, int rc)
{
	struct late *l = (struct late *)wait;

	outcome(l->files, l->name, rc);
	free(l);
}

static void store(struct files *f, struct tree_node *n)
{
	struct late *l = calloc(1, sizeof(*l));
	char path[PATH_MAX], text[TREE_PAGE];
	ssize_t len = -1;
	int fd, rc;

	if (!l || !path_of(f, n, path, sizeof(path))) {
		free(l);
		return;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0) {
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (len <= 0) { /* opened for writing and closed again: nothing was stored */
		refresh(f, n, true);
		free(l);
		return;
	}
	l->wait.answer = answer;
	l->files = f;
	tree_name(n, l->name, sizeof(l->name));
	tree_get(n);
	rc = tree_store(n, text, (size_t)len, &l->wait);
	/* What the program wrote is in the file now, whatever the attribute says. */
	if (!n->gone)
		refresh(f, n, true);
	tree_put(n, 1);
	if (rc != TREE_WAITS)
		answer(&l->wait, rc);
}

static void written(struct files *f, const struct inotify_event *e)
{
	struct watched *w = f->watched;
	struct tree_node *n;

	while (w && w->wd != e->wd)
		w = w->next;
	n = w && e->len ? tree_find(w->dir, e->name) : NULL;
	if (n && n->attr)
		store(f, n);
}

static void ready(struct world_watch *watch, uint32_t events)
{
	struct files *f = (struct files *)((char *)watch - offsetof(struct files, watch));
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t len = read(watch->fd, buf, sizeof(buf));

	(void)events;
	for (ssize_t at = 0; at < len;) {
		const struct inotify_event *e = (const struct inotify_event *)(buf + at);

		at += (ssize_t)(sizeof(*e) + e->len);
		written(f, e);
	}
}

/* --- nodes come and go -------------------------------------------------------------------------
 */

static void watch_dir(struct files *f, const char *path, struct tree_node *dir)
{
	int wd = inotify_add_watch(f->watch.fd, path, IN_CLOSE_WRITE | IN_ONLYDIR);
	struct watched *w = wd >= 0 ? calloc(1, sizeof(*w)) : NULL;

	if (w)
		*w = (struct watched){ .wd = wd, .dir = dir, .next = f->watched };
	if (w)
		f->watched = w;
}

static void unwatch_dir(struct files *f, const struct tree_node *dir)
{
	struct watched **p = &f->watched, *w;

	while ((w = *p)) {
		if (w->dir == dir) {
			inotify_rm_watch(f->watch.fd, w->wd);
			*p = w->next;
			free(w);
		} else {
			p = &w->next;
		}
	}
}

static void added(struct tree *t, struct tree_node *n)
{
	struct files *f = t->front;
	char path[PATH_MAX];

	if (!path_of(f, n, path, sizeof(path)))
		return;
	if (n->target) {
		(void)!symlink(n->target, path);
	} else if (S_ISDIR(n->mode)) {
		if (!mkdir(path, 0755) && !n->host)
			watch_dir(f, path, n);
	} else if (n->attr) {
		refresh(f, n, false);
	} else if (n->data) {
		write_text(f, path, n->data, n->len, n->mode);
	} else if (n->host || mknod(path, n->mode, n->rdev)) {
		/* Only root makes device nodes; it is the name that counts, opening is intercepted.
		 */
		write_text(f, path, "", 0, n->mode);
	}
}

static void removed(struct tree *t, struct tree_node *n)
{
	struct files *f = t->front;
	char path[PATH_MAX];

	if (S_ISDIR(n->mode))
		unwatch_dir(f, n);
	if (!path_of(f, n, path, sizeof(path)))
		return;
	if (S_ISDIR(n->mode))
		rmdir(path);
	else
		unlink(path);
}

static void added_below(struct tree *t, struct tree_node *n)
{
	for (n = n->child; n; n = n->next) {
		added(t, n);
		added_below(t, n);
	}
}

static void removed_below(struct tree *t, struct tree_node *n)
{
	for (n = n->child; n; n = n->next) {
		removed_below(t, n);
		removed(t, n);
	}
}

int files_start(struct files **out, struct tree *t, const char *dir)
{
	struct files *f = calloc(1, sizeof(*f));
	int rc = -ENOMEM;

	*out = NULL;
	if (!f)
		return rc;
	f->tree = t;
	snprintf(f->dir, sizeof(f->dir), "%s", dir);
	f->watch.fn = ready;
	f->watch.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	rc = f->watch.fd < 0 ? -errno : world_watch(t->w, &f->watch, EPOLLIN);
	if (rc) {
		if (f->watch.fd >= 0)
			close(f->watch.fd);
		free(f);
		return rc;
	}
	t->front = f;
	t->added = added;
	t->removed = removed;
	watch_dir(f, dir, t->root);
	added_below(t, t->root);
	*out = f;
	return 0;
}

void files_stop(struct files *f)
{
	if (!f)
		return;
	removed_below(f->tree, f->tree->root);
	unwatch_dir(f, f->tree->root);
	rmdir(f->dir);
	f->tree->added = f->tree->removed = NULL;
	world_unwatch(f->tree->w, &f->watch);
	close(f->watch.fd);
	free(f);
}
