/* SPDX-License-Identifier: MIT */
/*
 * Directories, attributes, links and device nodes in memory: what a kernel's own file systems show.
 *
 * sysfs.c and configfs.c say what is in them, fuse.c or files.c show them to programs.
 *
 * A node that is removed stays, marked @gone, while a program holds it (tree_get(), tree_put()).
 * Nothing here blocks. What a program writes may be answered later: KRN-145.
 */
#ifndef RINGSIM_WORLD_TREE_H
#define RINGSIM_WORLD_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

/* An attribute's text, and what sysfs and configfs say is a file's size. */
#define TREE_PAGE 4096

struct world;
struct tree_node;

/**
 * struct tree_wait - somebody waits for the end of what they asked
 * Whoever returned TREE_WAITS calls tree_answer() exactly once, then or later.
 */
struct tree_wait {
	void (*answer)(struct tree_wait *wait, int rc);
};
#define TREE_WAITS 1

static inline void tree_answer(struct tree_wait *wait, int rc)
{
	wait->answer(wait, rc);
}

/**
 * struct tree_attr - one kind of attribute
 * @show:  text into @buf of TREE_PAGE bytes; its length or -errno. NULL = cannot be read
 * @store: @text ends in a NUL that is not counted; may be changed. 0, -errno, or TREE_WAITS and
 *         @wait is kept. NULL = cannot be written
 * @arg:   for tables whose functions serve many attributes
 */
struct tree_attr {
	const char *name;
	mode_t mode;
	int (*show)(const struct tree_node *n, char *buf);
	int (*store)(struct tree_node *n, char *text, size_t len, struct tree_wait *wait);
	uintptr_t arg;
};

/**
 * struct tree_dir_ops - a directory in which programs make and remove directories
 * @mkdir: make @name below @dir; 0 or -errno
 * @rmdir: remove @dir itself, tree_remove() included; 0, -errno or TREE_WAITS
 */
struct tree_dir_ops {
	int (*mkdir)(struct tree_node *dir, const char *name);
	int (*rmdir)(struct tree_node *dir, struct tree_wait *wait);
};

/**
 * struct tree - one file system
 * @gone:   nodes that were removed and are still held, linked by their next
 * @added, @removed: for files.c: a node appeared, a node is about to go; or NULL
 * @failed: memory ran out while something was added, the tree is not complete
 */
struct tree {
	struct world *w;
	struct tree_node *root, *gone;
	uint64_t last_ino;
	bool failed;
	void (*added)(struct tree *t, struct tree_node *n);
	void (*removed)(struct tree *t, struct tree_node *n);
	void *front;
};

/**
 * struct tree_node
 * @stays: never removed, never changes: may be cached
 * @host:  the host's: something to be mounted here, or a copied link; implies @stays
 * @mixed: a directory that has entries of the host, too
 * @mode:  type and permissions; @uid, @gid: root's until somebody changes them
 * @rdev:  of device nodes; @target: of links; @attr: of attributes; @dir: of directories, or NULL
 * @data, @len: of files that never change
 * @ctx:   whose node it is
 */
struct tree_node {
	struct tree *tree;
	struct tree_node *parent, *child, *last, *next;
	uint64_t ino;
	uint32_t refs;
	bool gone, stays, host, mixed;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	time_t born;
	char *target, *data;
	size_t len;
	const struct tree_attr *attr;
	const struct tree_dir_ops *dir;
	void *ctx;
	char name[];
};

/** tree_init() - an empty one; false if out of memory. tree_free() - with all that is in it. */
bool tree_init(struct tree *t, struct world *w);
void tree_free(struct tree *t);

/*
 * Adding. A name that is there already is returned as it is. NULL if memory ran out (then @failed)
 * or @parent is NULL, so a chain of calls needs one look at the end.
 */
struct tree_node *tree_dir(struct tree_node *parent, const char *name,
			   const struct tree_dir_ops *ops, void *ctx);
struct tree_node *tree_file(struct tree_node *parent, const struct tree_attr *attr, void *ctx);
void tree_files(struct tree_node *parent, const struct tree_attr *attrs, size_t n, void *ctx);
struct tree_node *tree_link(struct tree_node *parent, const char *name, const char *target);
/** tree_device() - @mode with its type; also regular files and sockets of the host. */
struct tree_node *tree_device(struct tree_node *parent, const char *name, mode_t mode, dev_t rdev);
/** tree_data() - a file that never changes; takes @data (malloc()ed) over, whatever comes of it. */
struct tree_node *tree_data(struct tree_node *parent, const char *name, char *data, size_t len);
/** tree_path_dir() - the directory @path ("a/b/c"), made where it is missing; all of it stays. */
struct tree_node *tree_path_dir(struct tree_node *from, const char *path);

/** tree_remove() - @n and everything below; NULL does nothing. */
void tree_remove(struct tree_node *n);

/** tree_find() - a child by name. tree_walk() - a node by path, @from for "". NULL: not there. */
struct tree_node *tree_find(const struct tree_node *dir, const char *name);
struct tree_node *tree_walk(struct tree_node *from, const char *path);

void tree_get(struct tree_node *n);
void tree_put(struct tree_node *n, uint64_t refs);

/** tree_show(), tree_store() - with the checks that are the same for everyone. */
int tree_show(const struct tree_node *n, char *buf);
int tree_store(struct tree_node *n, const char *text, size_t len, struct tree_wait *wait);
int tree_mkdir(struct tree_node *dir, const char *name);
int tree_rmdir(struct tree_node *dir, struct tree_wait *wait);

/** tree_name() - the path from its root: "/a/b"; false if it does not fit. */
bool tree_name(const struct tree_node *n, char *buf, size_t len);

/**
 * tree_number() - a number as the kernel's kstrto*() read it: @base 0 also takes 0x and 0, one
 * newline may follow. -EINVAL if it is none, -ERANGE outside of @min..@max.
 */
int tree_number(const char *text, int base, int64_t min, int64_t max, int64_t *value);
/** tree_flag() - a truth value as kstrtobool() reads it, or -EINVAL. */
int tree_flag(const char *text, bool *value);
/** tree_text() - show a line: @fmt and a newline; for show functions. */
int tree_text(char *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Show @t: fuse.c. The mount itself is mounts.c's, with the descriptor that this opens.
 */
struct fuse_front;
/** fuse_front_start() - a session for @t; -errno (ENOENT, EACCES: no /dev/fuse here). */
int fuse_front_start(struct fuse_front **out, struct tree *t);
/** fuse_front_watch() - serve it from the loop, now that it is mounted (epoll forgets it before).
 */
int fuse_front_watch(struct fuse_front *f);
int fuse_front_fd(const struct fuse_front *f);
bool fuse_front_mounted(const struct fuse_front *f);
/** fuse_front_serve() - what is there; never waits. The loop calls it, and who waits for others. */
void fuse_front_serve(struct fuse_front *f);
void fuse_front_stop(struct fuse_front *f);

#endif
