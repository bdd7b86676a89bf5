/* SPDX-License-Identifier: MIT */
/*
 * Where programs see the trees: a mount namespace of their own.
 *
 * The owner of a world stays where it is, outside: it can look at /dev or /sys as ever, and never
 * waits for itself. A child makes the namespace and mounts in it, while the owner answers what FUSE
 * asks; programs enter it before they exec (mounts_join()). Nothing of the host's own namespace
 * changes, and the last one to leave takes all the mounts away.
 *
 * A tree replaces /sys, /dev and /lib/modules as a whole. Between its own entries the host's are
 * mounted, one by one, onto nodes made for that (tree_node.host): this needs neither overlayfs nor
 * root, and /sys/class/net and /dev/null stay what they were.
 */
#include "trees.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static int said(char *err, size_t err_len, int rc, const char *what)
{
	snprintf(err, err_len, "%s: %s", what, strerror(-rc));
	return rc;
}

/* --- entering ----------------------------------------------------------------------------------
 */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

int mounts_user_namespace(char *err, size_t err_len)
{
	char uids[32], gids[32];
	int rc;

	snprintf(uids, sizeof(uids), "0 %u 1", (unsigned int)geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1", (unsigned int)getegid());
	if (unshare(CLONE_NEWUSER)) {
		rc = -errno;
		return said(err, err_len, rc,
			    rc == -ENOSPC   ? "user namespaces are switched off "
					      "(user.max_user_namespaces)"
			    : rc == -EINVAL ? "this kernel has no user namespaces"
					    : "user namespaces are forbidden (by the distribution, "
					      "a container or a chroot)");
	}
	/* Kernels older than the file know no such thing to deny. */
	rc = write_file("/proc/self/setgroups", "deny");
	if (!rc || rc == -ENOENT)
		rc = write_file("/proc/self/uid_map", uids);
	if (!rc)
		rc = write_file("/proc/self/gid_map", gids);
	return rc ? said(err, err_len, rc, "users of the user namespace") : 0;
}

/* In a chroot "/" is no mount point, and its mount has a path only from the namespace's root. */
static int make_private(void)
{
	int root, ns, rc = 0;

	if (!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 0;
	if (errno != EINVAL)
		return -errno;
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (root < 0 || ns < 0 || setns(ns, CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || fchdir(root) || chroot("."))
		rc = -errno;
	if (root >= 0)
		close(root);
	if (ns >= 0)
		close(ns);
	return rc;
}

int mounts_namespace(char *err, size_t err_len)
{
	int rc;

	if (unshare(CLONE_NEWNS))
		return said(err, err_len, -errno, "no mount namespace");
	rc = make_private();
	/* On what everybody has, where nobody sees it: a security module may forbid every mount. */
	if (!rc && mount("probe", "/proc/self/fdinfo", "tmpfs", 0, NULL) &&
	    mount("probe", "/tmp", "tmpfs", 0, NULL))
		rc = -errno;
	else if (!rc && umount2("/proc/self/fdinfo", MNT_DETACH))
		(void)umount2("/tmp", MNT_DETACH);
	return rc ? said(err, err_len, rc, "mounting in a namespace of our own is forbidden") : 0;
}

/* What a child has to say: one line, in the end. Empty: all is well. */
struct verdict {
	int rc;
	char line[400];
};

static int fail(struct verdict *v, int rc, const char *what)
{
	v->rc = said(v->line, sizeof(v->line), rc, what);
	return rc;
}

/* A child runs @fn and says its verdict; @finish is called while it still lives. */
struct errand {
	void (*fn)(struct errand *e, struct verdict *v);
	int (*finish)(struct errand *e);
	struct world *w;
	bool user;
	pid_t pid;
	int say, go;
};

static void errand_child(struct errand *e, int say, int go)
{
	struct verdict v = { 0 };
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	e->fn(e, &v);
	if (write(say, &v, sizeof(v)) == sizeof(v))
		while (read(go, &c, 1) < 0 && errno == EINTR)
			;
	_exit(0);
}

int tree_wait(struct world *w, int fd, int timeout_ms)
{
	uint64_t until = world_now_ns() + (uint64_t)timeout_ms * 1000000, now;
	const struct trees *t = w ? w->tree : NULL;

	while ((now = world_now_ns()) < until) {
		struct pollfd fds[TREES + 1] = { { .fd = fd, .events = POLLIN } };
		int n = 1, ms = (int)((until - now) / 1000000) + 1;

		for (int i = 0; t && i < TREES; i++) {
			if (!t->fuse[i])
				continue;
			fuse_front_serve(t->fuse[i]);
			if (fuse_front_mounted(t->fuse[i]))
				fds[n++] = (struct pollfd){ .fd = fuse_front_fd(t->fuse[i]),
							    .events = POLLIN };
			else if (ms > 2)
				ms = 2; /* not mounted yet: look again soon */
		}
		if (poll(fds, (nfds_t)n, ms) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents)
			return 1;
	}
	return 0;
}

static int errand_wait(struct errand *e, struct verdict *v)
{
	int rc = tree_wait(e->w, e->say, PATIENCE_MS);

	if (rc <= 0)
		return fail(v, rc ? rc : -ETIMEDOUT, "mounting does not end");
	if (read(e->say, v, sizeof(*v)) != sizeof(*v))
		return fail(v, -ECHILD, "the process that mounts died");
	v->line[sizeof(v->line) - 1] = 0;
	return v->rc;
}

static int errand_run(struct errand *e, char *err, size_t err_len)
{
	struct verdict v = { 0 };
	int say[2], go[2], rc;

	if (pipe2(say, O_CLOEXEC))
		return fail(&v, -errno, "pipe");
	if (pipe2(go, O_CLOEXEC)) {
		rc = fail(&v, -errno, "pipe");
		close(say[0]);
		close(say[1]);
		goto out;
	}
	e->pid = fork();
	if (e->pid == 0) {
		close(say[0]);
		close(go[1]);
		errand_child(e, say[1], go[0]);
	}
	close(say[1]);
	close(go[0]);
	e->say = say[0];
	if (e->pid < 0) {
		rc = fail(&v, -errno, "fork");
	} else {
		rc = errand_wait(e, &v);
		if (!rc && e->finish) {
			rc = e->finish(e);
			if (rc)
				fail(&v, rc, "/proc of a child");
		}
		kill(e->pid, SIGKILL);
		waitpid(e->pid, NULL, 0);
	}
	close(say[0]);
	close(go[1]);
out:
	if (rc)
		snprintf(err, err_len, "%s", v.line);
	return rc;
}

static void try_out(struct errand *e, struct verdict *v)
{
	if (e->user)
		v->rc = mounts_user_namespace(v->line, sizeof(v->line));
	if (!v->rc)
		v->rc = mounts_namespace(v->line, sizeof(v->line));
}

/* A child tries which way works: whoever cannot have either stays what they were. */
int mounts_enter(struct world *w, char *err, size_t err_len)
{
	struct errand e = { .fn = try_out };
	int rc = errand_run(&e, err, err_len);

	(void)w;
	if (!rc)
		return 0;
	e.user = true;
	rc = errand_run(&e, err, err_len);
	return rc ? rc : mounts_user_namespace(err, err_len);
}

/* --- showing -----------------------------------------------------------------------------------
 */

static bool excepted(const char *name, const char *const *except)
{
	for (; except && *except; except++)
		if (fnmatch(*except, name, 0) == 0)
			return true;
	return false;
}

static void host_entry(struct tree_node *dir, int fd, const char *name)
{
	char target[TREE_PAGE];
	struct tree_node *n;
	struct stat st;
	ssize_t len;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return;
	if (S_ISLNK(st.st_mode)) {
		len = readlinkat(fd, name, target, sizeof(target) - 1);
		if (len < 0)
			return;
		target[len] = 0;
		n = tree_link(dir, name, target);
	} else {
		n = tree_device(dir, name, st.st_mode, st.st_rdev);
	}
	if (n)
		n->host = n->stays = true;
}

void mounts_host(struct tree_node *dir, const char *path, const char *const *except)
{
	const struct dirent *e;
	DIR *d;

	if (!dir)
		return;
	dir->mixed = true;
	if (dir->tree->w->mechanism == WORLD_PRELOAD)
		return;
	d = opendir(path);
	if (!d)
		return;
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
		    !tree_find(dir, e->d_name) && !excepted(e->d_name, except))
			host_entry(dir, dirfd(d), e->d_name);
	closedir(d);
}

static void bind_host(const struct tree_node *n, const char *place, const char *stage)
{
	char name[TREE_PAGE / 2], from[TREE_PAGE], to[TREE_PAGE];

	for (; n; n = n->next) {
		if (!n->host) {
			bind_host(n->child, place, stage);
			continue;
		}
		if (n->target || !tree_name(n, name, sizeof(name)))
			continue;
		snprintf(from, sizeof(from), "%s%s", place, name);
		snprintf(to, sizeof(to), "%s%s", stage, name);
		/* One that cannot be had is an empty file, in a place of no interest to us. */
		(void)mount(from, to, NULL, MS_BIND | MS_REC, NULL);
	}
}

static int mount_tree(struct trees *t, int which, const char *at, struct verdict *v)
{
	const char *source = trees_name(which);
	char text[360];

	if (t->fuse[which]) {
		snprintf(text, sizeof(text),
			 "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other,"
			 "default_permissions",
			 fuse_front_fd(t->fuse[which]), (unsigned int)geteuid(),
			 (unsigned int)getegid());
		if (mount(source, at, "fuse", MS_NOSUID | MS_NODEV, text))
			return fail(v, -errno, "a FUSE file system cannot be mounted");
	} else {
		snprintf(text, sizeof(text), "%s/%s", t->files, source);
		if (mount(text, at, NULL, MS_BIND, NULL))
			return fail(v, -errno, text);
	}
	return 0;
}

static int show_tree(struct trees *t, int which, const char *stage, struct verdict *v)
{
	const char *place = trees_place(which);
	char inner[300];

	if (mount_tree(t, which, stage, v))
		return v->rc;
	bind_host(t->tree[which].root->child, place, stage);
	if (which == TREES_SYS) {
		snprintf(inner, sizeof(inner), "%s%s", stage,
			 trees_place(TREES_CONFIGFS) + strlen(place));
		if (mount_tree(t, TREES_CONFIGFS, inner, v))
			return v->rc;
	}
	if (mount(stage, place, NULL, MS_MOVE, NULL))
		return fail(v, -errno, place);
	return 0;
}

/* Something at @to, which we made, for the host's @from to be mounted on. */
static bool make_place(const char *from, const char *to)
{
	char target[TREE_PAGE];
	struct stat st;
	ssize_t len;

	if (lstat(from, &st))
		return false;
	if (S_ISDIR(st.st_mode))
		return !mkdir(to, 0755);
	if (S_ISREG(st.st_mode) &&
	    (access(from, W_OK) || !fnmatch("*.lock", from, 0) || !fnmatch("*.pid", from, 0)))
		return false; /* who runs on the host is nobody's business here */
	if (!S_ISLNK(st.st_mode))
		return !mknod(to, S_IFREG | 0600, 0);
	len = readlink(from, target, sizeof(target) - 1);
	target[len < 0 ? 0 : len] = 0;
	(void)!symlink(target, to);
	return false;
}

/*
 * Daemons keep their locks in /run, where a user who is not root cannot write, and where root's
 * would stay behind or meet the host's: they get one of their own, with all else that the host has
 * there. If that cannot be had, it stays as it is.
 */
static void own_run(const char *stage)
{
	char from[300], to[600];
	const struct dirent *e;
	DIR *d;

	if (mount("tmpfs", stage, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"))
		return;
	d = opendir("/run");
	while (d && (e = readdir(d))) {
		snprintf(from, sizeof(from), "/run/%s", e->d_name);
		snprintf(to, sizeof(to), "%s/%s", stage, e->d_name);
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && make_place(from, to))
			(void)mount(from, to, NULL, MS_BIND | MS_REC, NULL);
	}
	if (d)
		closedir(d);
	if (mount(stage, "/run", NULL, MS_MOVE, NULL))
		umount2(stage, MNT_DETACH);
}

static const struct tree_node *first_file(const struct tree_node *n)
{
	const struct tree_node *f = NULL;

	for (; n && !f; n = n->next)
		f = (n->attr && n->attr->show) || n->data ? n : first_file(n->child);
	return f;
}

/*
 * The kernel asks before every close of a file, until it is told once that nobody minds. Now, and
 * not when somebody who should answer waits for the end of a process with open files.
 */
static void first_close(const struct trees *t, int which)
{
	const struct tree_node *n = t->fuse[which] ? first_file(t->tree[which].root) : NULL;
	char path[TREE_PAGE];
	size_t used = (size_t)snprintf(path, sizeof(path), "%s", trees_place(which));
	int fd;

	if (!n || !tree_name(n, path + used, sizeof(path) - used))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
}

static void show(struct errand *e, struct verdict *v)
{
	struct trees *t = e->w->tree;
	char stage[300];

	snprintf(stage, sizeof(stage), "%s/stage", t->w->dir);
	if (mkdir(stage, 0700) && errno != EEXIST) {
		fail(v, -errno, stage);
		return;
	}
	v->rc = mounts_namespace(v->line, sizeof(v->line));
	if (v->rc)
		return;
	for (int i = 0; i < TREES; i++)
		if (i != TREES_CONFIGFS && !(i == TREES_MODULES && t->modules[0]) &&
		    show_tree(t, i, stage, v))
			return;
	own_run(stage);
	for (int i = 0; i < TREES; i++)
		first_close(t, i);
}

static int keep_namespace(struct errand *e)
{
	struct trees *t = e->w->tree;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)e->pid);
	t->ns_fd = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/root", (int)e->pid);
	t->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return t->ns_fd < 0 || t->root_fd < 0 ? -errno : 0;
}

int mounts_show(struct trees *t, char *err, size_t err_len)
{
	struct errand e = { .fn = show, .finish = keep_namespace, .w = t->w };
	char stage[300];
	int rc = errand_run(&e, err, err_len);

	snprintf(stage, sizeof(stage), "%s/stage", t->w->dir);
	rmdir(stage);
	return rc;
}

/* The root as well as the namespace: a namespace begins at its own, whatever chroot we are in. */
int mounts_join(struct world *w)
{
	const struct trees *t = w->tree;
	char cwd[TREE_PAGE];

	if (!t || t->ns_fd < 0)
		return 0;
	if (!getcwd(cwd, sizeof(cwd)))
		strcpy(cwd, "/");
	/* sanitizers have a thread of their own, with which root and directory are shared */
	if (unshare(CLONE_FS) || setns(t->ns_fd, CLONE_NEWNS) || fchdir(t->root_fd) || chroot("."))
		return -errno;
	if (chdir(cwd) && chdir("/"))
		return -errno;
	return 0;
}
