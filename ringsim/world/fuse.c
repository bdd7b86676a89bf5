/* SPDX-License-Identifier: MIT */
/*
 * A tree as a FUSE file system, served from the world's loop.
 *
 * What the kernel's own attribute files do: 4096 bytes long whatever is in them, text made when it
 * is read from its beginning, one write is one store, its error is the writer's, truncation is
 * accepted and means nothing. Nothing that can change is cached, neither names nor text.
 * A store or rmdir may be answered later (struct tree_wait); its caller cannot be interrupted
 * meanwhile, as in the kernel (KRN-145).
 */
#define FUSE_USE_VERSION 35

#include "internal.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOREVER	 1e6
#define REQUESTS 64 /* served per call, so that a flood of them cannot keep the loop busy */

struct fuse_front {
	struct tree *tree;
	struct fuse_session *session;
	struct world_watch watch;
	struct fuse_buf buf;
	struct handle *handles;
	bool watched, mounted;
};

/* An open attribute: the text as it was when reading began at offset 0. */
struct handle {
	struct handle *prev, *next;
	int len;
	char text[TREE_PAGE];
};

/* A caller in a store or rmdir; freed by its answer. */
struct wait {
	struct tree_wait wait;
	fuse_req_t req;
	size_t len;
};

static struct tree_node *node_of(fuse_req_t req, fuse_ino_t ino)
{
	const struct fuse_front *f = fuse_req_userdata(req);

	return ino == FUSE_ROOT_ID ? f->tree->root : (struct tree_node *)(uintptr_t)ino;
}

static struct stat stat_of(const struct tree_node *n)
{
	struct stat st = {
		.st_ino = n->ino,
		.st_mode = n->mode,
		.st_rdev = n->rdev,
		.st_uid = n->uid,
		.st_gid = n->gid,
		.st_nlink = 1,
		.st_size = n->attr ? TREE_PAGE : (off_t)n->len,
		.st_blksize = TREE_PAGE,
		.st_atime = n->born,
		.st_mtime = n->born,
		.st_ctime = n->born,
	};

	if (S_ISDIR(n->mode)) {
		st.st_nlink = 2;
		for (const struct tree_node *c = n->child; c; c = c->next)
			st.st_nlink += S_ISDIR(c->mode);
	}
	return st;
}

static void reply_node(fuse_req_t req, struct tree_node *n)
{
	struct fuse_entry_param e = {
		.ino = (fuse_ino_t)(uintptr_t)n,
		.attr = stat_of(n),
		.attr_timeout = n->stays ? FOREVER : 0,
		.entry_timeout = n->stays ? FOREVER : 0,
	};

	tree_get(n);
	if (fuse_reply_entry(req, &e))
		tree_put(n, 1);
}

static void on_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	conn->want &= ~(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
			FUSE_CAP_AUTO_INVAL_DATA);
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct tree_node *n = tree_find(node_of(req, parent), name);

	if (n)
		reply_node(req, n);
	else
		fuse_reply_err(req, ENOENT);
}

static void on_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	if (ino != FUSE_ROOT_ID)
		tree_put(node_of(req, ino), nlookup);
	fuse_reply_none(req);
}

static void on_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		if (forgets[i].ino != FUSE_ROOT_ID)
			tree_put(node_of(req, forgets[i].ino), forgets[i].nlookup);
	fuse_reply_none(req);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct tree_node *n = node_of(req, ino);
	struct stat st = stat_of(n);

	(void)fi;
	fuse_reply_attr(req, &st, n->stays ? FOREVER : 0);
}

/* Truncation means nothing; owner and permissions can be changed, as in configfs. */
static void on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		       struct fuse_file_info *fi)
{
	struct tree_node *n = node_of(req, ino);

	if (to_set & FUSE_SET_ATTR_MODE)
		n->mode = (n->mode & S_IFMT) | (attr->st_mode & 07777);
	if (to_set & FUSE_SET_ATTR_UID)
		n->uid = attr->st_uid;
	if (to_set & FUSE_SET_ATTR_GID)
		n->gid = attr->st_gid;
	on_getattr(req, ino, fi);
}

static void on_readlink(fuse_req_t req, fuse_ino_t ino)
{
	const struct tree_node *n = node_of(req, ino);

	if (n->target)
		fuse_reply_readlink(req, n->target);
	else
		fuse_reply_err(req, EINVAL);
}

static void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct tree_node *dir = node_of(req, parent);
	int rc = tree_mkdir(dir, name);
	struct tree_node *n = rc ? NULL : tree_find(dir, name);

	(void)mode;
	if (n)
		reply_node(req, n);
	else
		fuse_reply_err(req, rc ? -rc : ENOMEM);
}

static void answer(struct tree_wait *wait, int rc)
{
	struct wait *w = (struct wait *)wait;

	if (rc || !w->len)
		fuse_reply_err(w->req, -rc);
	else
		fuse_reply_write(w->req, w->len);
	free(w);
}

static struct wait *wait_new(fuse_req_t req, size_t len)
{
	struct wait *w = malloc(sizeof(*w));

	if (w)
		*w = (struct wait){ .wait.answer = answer, .req = req, .len = len };
	else
		fuse_reply_err(req, ENOMEM);
	return w;
}

static void on_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct tree_node *n = tree_find(node_of(req, parent), name);
	struct wait *w;
	int rc;

	if (!n) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	w = wait_new(req, 0);
	if (!w)
		return;
	rc = tree_rmdir(n, &w->wait);
	if (rc != TREE_WAITS)
		answer(&w->wait, rc);
}

static void on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent;
	(void)name;
	fuse_reply_err(req, EPERM);
}

static void on_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
	(void)link;
	on_unlink(req, parent, name);
}

static void on_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
		      const char *newname, unsigned int flags)
{
	(void)newparent;
	(void)newname;
	(void)flags;
	on_unlink(req, parent, name);
}

static void on_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	(void)mode;
	(void)rdev;
	on_unlink(req, parent, name);
}

static void on_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)fi;
	fuse_reply_err(req, EACCES);
}

static struct handle *handle_new(struct fuse_front *f)
{
	struct handle *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->next = f->handles;
	if (h->next)
		h->next->prev = h;
	f->handles = h;
	return h;
}

static void handle_free(struct fuse_front *f, struct handle *h)
{
	if (h->next)
		h->next->prev = h->prev;
	if (h->prev)
		h->prev->next = h->next;
	else
		f->handles = h->next;
	free(h);
}

static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct tree_node *n = node_of(req, ino);
	bool reads = (fi->flags & O_ACCMODE) != O_WRONLY;
	bool writes = (fi->flags & O_ACCMODE) != O_RDONLY;
	struct handle *h;

	if (n->data) {
		if (writes)
			fuse_reply_err(req, EACCES);
		else
			fuse_reply_open(req, fi);
		return;
	}
	if (n->gone || !n->attr) {
		fuse_reply_err(req, n->gone ? ENODEV : ENXIO);
		return;
	}
	if ((reads && !n->attr->show) || (writes && !n->attr->store)) {
		fuse_reply_err(req, EACCES);
		return;
	}
	h = handle_new(fuse_req_userdata(req));
	if (!h) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	fi->fh = (uintptr_t)h;
	fi->direct_io = 1;
	tree_get(n);
	if (fuse_reply_open(req, fi)) {
		tree_put(n, 1);
		handle_free(fuse_req_userdata(req), h);
	}
}

static void on_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (fi->fh) {
		handle_free(fuse_req_userdata(req), (struct handle *)(uintptr_t)fi->fh);
		tree_put(node_of(req, ino), 1);
	}
	fuse_reply_err(req, 0);
}

static void reply_part(fuse_req_t req, const char *text, size_t len, size_t size, off_t off)
{
	size_t left = (size_t)off < len ? len - (size_t)off : 0;

	fuse_reply_buf(req, text + (left ? off : 0), size < left ? size : left);
}

static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	struct handle *h = (struct handle *)(uintptr_t)fi->fh;
	const struct tree_node *n = node_of(req, ino);

	if (n->data) {
		reply_part(req, n->data, n->len, size, off);
		return;
	}
	if (off == 0)
		h->len = tree_show(n, h->text);
	if (h->len < 0 || n->gone)
		fuse_reply_err(req, n->gone ? ENODEV : -h->len);
	else
		reply_part(req, h->text, (size_t)h->len, size, off);
}

static void on_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	struct tree_node *n = node_of(req, ino);
	size_t len = size < TREE_PAGE ? size : TREE_PAGE - 1;
	struct wait *w = wait_new(req, len);
	int rc;

	(void)off;
	(void)fi;
	if (!w)
		return;
	rc = tree_store(n, buf, len, &w->wait);
	if (rc != TREE_WAITS)
		answer(&w->wait, rc);
}

/* The place in a listing is the inode's number, so entries may come and go meanwhile. */
static void on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	const struct tree_node *n = node_of(req, ino), *up = n->parent ? n->parent : n;
	struct stat st = { .st_mode = S_IFDIR };
	size_t used = 0, need = 0;
	char *buf = malloc(size);

	(void)fi;
	if (!buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	for (int i = 0; i < 2; i++) {
		st.st_ino = i ? up->ino : n->ino;
		if (off <= i) {
			need = fuse_add_direntry(req, buf + used, size - used, i ? ".." : ".", &st,
						 i + 1);
			if (need > size - used)
				goto out;
			used += need;
		}
	}
	for (const struct tree_node *c = n->child; c; c = c->next) {
		if (c->ino <= (uint64_t)off)
			continue;
		st = stat_of(c);
		need = fuse_add_direntry(req, buf + used, size - used, c->name, &st, (off_t)c->ino);
		if (need > size - used)
			break;
		used += need;
	}
out:
	fuse_reply_buf(req, buf, used);
	free(buf);
}

static const struct fuse_lowlevel_ops ops = {
	.init = on_init,
	.lookup = on_lookup,
	.forget = on_forget,
	.forget_multi = on_forget_multi,
	.getattr = on_getattr,
	.setattr = on_setattr,
	.readlink = on_readlink,
	.mknod = on_mknod,
	.mkdir = on_mkdir,
	.unlink = on_unlink,
	.rmdir = on_rmdir,
	.symlink = on_symlink,
	.rename = on_rename,
	.create = on_create,
	.open = on_open,
	.read = on_read,
	.write = on_write,
	.release = on_release,
	.readdir = on_readdir,
};

/* Before it is mounted and after its last mount is gone the descriptor is in error. */
bool fuse_front_mounted(const struct fuse_front *f)
{
	struct pollfd p = { .fd = f->watch.fd, .events = POLLIN };

	return poll(&p, 1, 0) >= 0 && !(p.revents & POLLERR);
}

void fuse_front_serve(struct fuse_front *f)
{
	if (fuse_front_mounted(f))
		f->mounted = true;
	else if (!f->mounted)
		return;
	for (int i = 0; i < REQUESTS && !fuse_session_exited(f->session); i++) {
		int rc = fuse_session_receive_buf(f->session, &f->buf);

		if (rc == -EINTR)
			continue;
		if (rc == -EAGAIN)
			return;
		if (rc <= 0)
			fuse_session_exit(f->session);
		else
			fuse_session_process_buf(f->session, &f->buf);
	}
	if (fuse_session_exited(f->session) && f->watched) {
		world_unwatch(f->tree->w, &f->watch);
		f->watched = false;
	}
}

static void ready(struct world_watch *watch, uint32_t events)
{
	(void)events;
	fuse_front_serve((struct fuse_front *)((char *)watch - offsetof(struct fuse_front, watch)));
}

int fuse_front_fd(const struct fuse_front *f)
{
	return f->watch.fd;
}

void fuse_front_stop(struct fuse_front *f)
{
	if (!f)
		return;
	if (f->watched)
		world_unwatch(f->tree->w, &f->watch);
	if (f->session)
		fuse_session_destroy(f->session); /* closes the descriptor */
	else if (f->watch.fd >= 0)
		close(f->watch.fd);
	while (f->handles)
		handle_free(f, f->handles);
	free(f->buf.mem);
	free(f);
}

int fuse_front_start(struct fuse_front **out, struct tree *t)
{
	char name[] = "world", *argv[] = { name, NULL }, path[32];
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_front *f = calloc(1, sizeof(*f));
	int rc = -ENOMEM;

	*out = NULL;
	if (!f)
		return rc;
	f->tree = t;
	f->watch.fn = ready;
	f->watch.fd = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (f->watch.fd < 0) {
		rc = -errno;
		goto fail;
	}
	f->session = fuse_session_new(&args, &ops, sizeof(ops), f);
	fuse_opt_free_args(&args);
	snprintf(path, sizeof(path), "/dev/fd/%d", f->watch.fd);
	if (!f->session || fuse_session_mount(f->session, path))
		goto fail;
	*out = f;
	return 0;
fail:
	fuse_front_stop(f);
	return rc;
}

int fuse_front_watch(struct fuse_front *f)
{
	int rc = world_watch(f->tree->w, &f->watch, EPOLLIN);

	f->watched = !rc;
	return rc;
}
