/* SPDX-License-Identifier: MIT */
/*
 * The file systems of a world: their life, and what changes in them when devices come and go.
 *
 * With a mount namespace programs find them mounted (mounts.c), by FUSE, or, without /dev/fuse, as
 * plain files. Without one, plain files stand beside, and tree_path() says which to open instead.
 */
#include "trees.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const places[TREES] = { "/sys", "/sys/kernel/config", "/dev", "/lib/modules" };
static const char *const names[TREES] = { "sysfs", "configfs", "devtmpfs", "modules" };

const char *trees_place(int which)
{
	return places[which];
}

const char *trees_name(int which)
{
	return names[which];
}

static void stop_fronts(struct trees *t)
{
	for (int i = 0; i < TREES; i++) {
		fuse_front_stop(t->fuse[i]);
		files_stop(t->file[i]);
		t->fuse[i] = NULL;
		t->file[i] = NULL;
	}
	rmdir(t->files);
}

static int start_files(struct trees *t, int which)
{
	char dir[400];

	snprintf(dir, sizeof(dir), "%s/%s", t->files, names[which]);
	if ((mkdir(t->files, 0755) && errno != EEXIST) || mkdir(dir, 0755))
		return -errno;
	return files_start(&t->file[which], &t->tree[which], dir);
}

/* What cannot be mounted is a plain file in any case. */
static int start_fronts(struct trees *t, bool fuse, char *err, size_t err_len)
{
	bool mounted = t->w->mechanism == WORLD_SECCOMP;
	int rc = 0;

	for (int i = 0; i < TREES && !rc; i++) {
		bool here = mounted && fuse && !(i == TREES_MODULES && t->modules[0]);

		rc = here ? fuse_front_start(&t->fuse[i], &t->tree[i]) : start_files(t, i);
		if (rc)
			snprintf(err, err_len, "%s: %s", here ? "/dev/fuse" : t->files,
				 strerror(-rc));
	}
	if (!rc && mounted)
		rc = mounts_show(t, err, err_len);
	for (int i = 0; i < TREES && !rc; i++)
		if (t->fuse[i])
			rc = fuse_front_watch(t->fuse[i]);
	if (rc)
		stop_fronts(t);
	return rc;
}

static int start_any(struct trees *t, char *err, size_t err_len)
{
	int rc = start_fronts(t, true, err, err_len);

	if (!rc || t->w->mechanism != WORLD_SECCOMP)
		return rc;
	world_say(t->w,
		  "no FUSE here (%s): attributes are plain files, a write acts a moment later and "
		  "its error is only said here",
		  err);
	return start_fronts(t, false, err, err_len);
}

int tree_start(struct world *w, char *err, size_t err_len)
{
	struct trees *t = calloc(1, sizeof(*t));
	bool ok = t != NULL;
	struct stat st;
	int rc;

	if (!t)
		return -ENOMEM;
	w->tree = t;
	t->w = w;
	t->ns_fd = t->root_fd = -1;
	snprintf(t->files, sizeof(t->files), "%s/files", w->dir);
	if (w->mechanism == WORLD_PRELOAD || stat(places[TREES_MODULES], &st))
		snprintf(t->modules, sizeof(t->modules), "%s/%s", t->files, names[TREES_MODULES]);
	for (int i = 0; i < TREES; i++)
		ok = tree_init(&t->tree[i], w) && ok;
	if (ok) {
		sysfs_start(t);
		modules_start(t);
		configfs_start(t);
	}
	for (int i = 0; i < TREES; i++)
		ok = ok && !t->tree[i].failed;
	rc = ok ? start_any(t, err, err_len) : -ENOMEM;
	if (!ok)
		snprintf(err, err_len, "%s", strerror(ENOMEM));
	if (rc)
		tree_stop(w);
	return rc;
}

void tree_stop(struct world *w)
{
	struct trees *t = w->tree;

	if (!t)
		return;
	stop_fronts(t);
	for (int i = 0; i < TREES; i++)
		tree_free(&t->tree[i]);
	if (t->ns_fd >= 0)
		close(t->ns_fd);
	if (t->root_fd >= 0)
		close(t->root_fd);
	free(t);
	w->tree = NULL;
}

static void refresh(struct trees *t)
{
	for (int i = 0; i < TREES; i++)
		if (t->file[i])
			files_refresh(t->file[i]);
}

void tree_device_added(struct world_device *d)
{
	if (d->w->tree) {
		configfs_added(d->w->tree, d);
		refresh(d->w->tree);
	}
}

void tree_device_enabled(struct world_device *d)
{
	if (d->w->tree) {
		sysfs_enabled(d->w->tree, d);
		refresh(d->w->tree);
	}
}

void tree_device_configured(struct world_device *d)
{
	if (d->w->tree) {
		sysfs_configured(d->w->tree, d);
		refresh(d->w->tree);
	}
}

void tree_device_disabled(struct world_device *d)
{
	if (d->w->tree)
		sysfs_disabled(d->w->tree, d);
}

void tree_device_removed(struct world_device *d)
{
	if (d->w->tree) {
		sysfs_disabled(d->w->tree, d);
		configfs_removed(d->w->tree, d);
	}
}

/* Whether @path is ours alone: directories that we share with the host (@mixed) are the host's. */
static bool ours(const struct tree *t, const char *path)
{
	const struct tree_node *n = t->root, *next;
	char name[256];

	while (*(path += strspn(path, "/"))) {
		size_t len = strcspn(path, "/");

		if (n->target)
			return true; /* a link: what it leads to is ours, too */
		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		next = tree_find(n, name);
		if (!next)
			return !n->mixed;
		n = next;
		if (n->host)
			return false;
		path += len;
	}
	return !n->mixed;
}

void tree_path(struct world *w, const char *path, char *real, size_t len)
{
	const struct trees *t = w->tree;

	real[0] = 0;
	/* The last place first: configfs is inside of /sys. */
	for (int i = TREES - 1; t && i >= 0; i--) {
		size_t n = strlen(places[i]);

		if (strncmp(path, places[i], n) != 0 || (path[n] && path[n] != '/'))
			continue;
		if (t->file[i] && (t->ns_fd < 0 || (i == TREES_MODULES && t->modules[0])) &&
		    ours(&t->tree[i], path + n))
			snprintf(real, len, "%s/%s%s", t->files, names[i], path + n);
		return;
	}
}
