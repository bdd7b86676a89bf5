/* SPDX-License-Identifier: MIT */
/*
 * What the files of ringsim/world share.
 *
 * world.c    the loop: descriptors, timers, life
 * device.c   a TCMU device of the world: life, UIO node, the glue between the others
 * call.c     an intercepted system call: who asks, their memory, the answer; dispatch by number
 * path.c     which file a caller's path means
 * notify.c   calls by seccomp user notification; spawn.c starts programs under its filter
 * remap.c    the one mmap of a UIO node: swapped in the caller by a moment of ptrace
 * preload.c  calls by messages of the preloaded library (preload/)
 * tree.c     directories, attributes and links, in memory; fuse.c and files.c show them
 * sysfs.c, configfs.c  what is in the tree
 * mounts.c   where the tree appears: /sys, /dev, /lib/modules
 * genl.c     the TCM-USER family
 * lu.c       the target core's side of a device: SCSI commands in, statuses out
 * sg.c       the SCSI generic node
 */
#ifndef RINGSIM_WORLD_INTERNAL_H
#define RINGSIM_WORLD_INTERNAL_H

#include "probe.h"
#include "world.h"

#include <ringsim/core.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* --- world.c ---------------------------------------------------------------------------------- */

/** struct world_watch - a descriptor in the loop; the owner's storage, zeroed but for @fd and @fn
 */
struct world_watch {
	int fd;
	void (*fn)(struct world_watch *watch, uint32_t events);
};

/** world_watch() - 0 or -errno. @events as epoll's. */
int world_watch(struct world *w, struct world_watch *watch, uint32_t events);
/**
 * world_unwatch() - also from within @fn of any watch: it is not called again. Does not close @fd.
 * The storage may be freed at once.
 */
void world_unwatch(struct world *w, struct world_watch *watch);

/** world_say() - one line for the user. */
void world_say(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** world_set_global_max() - the module parameter of that name (KRN-132). */
void world_set_global_max(struct world *w, uint64_t mb);

/** world_now_ns() - CLOCK_MONOTONIC. */
uint64_t world_now_ns(void);

/* --- files that we handed out ------------------------------------------------------------------
 */

/* What nodes say of themselves; UIO's major is dynamic on a real host. */
#define SG_RDEV(minor)	makedev(21, (minor))
#define UIO_RDEV(minor) makedev(243, (minor))

enum world_file_kind { FILE_UIO, FILE_SG, FILE_GENL };

/**
 * struct world_file - a descriptor of a program that is ours: a socket, known by its inode
 * Embedded in what it is about. However it was duplicated or passed on, its inode stays.
 * @minor: of FILE_UIO and FILE_SG, the owner's to fill in
 */
struct world_file {
	enum world_file_kind kind;
	unsigned int minor;
	uint64_t ino;
	struct world_file *next;
};

/** world_file_add() - @fd: the end that is given away. 0 or -errno. */
int world_file_add(struct world *w, struct world_file *f, enum world_file_kind kind, int fd);
void world_file_drop(struct world *w, struct world_file *f);

/* --- call.c ------------------------------------------------------------------------------------
 */

struct world_call;

/**
 * struct call_ops - how to reach a caller
 * @peek, @poke: its memory; 0 or -EFAULT
 * @answer:  @rc is the call's result, negative: -errno
 * @proceed: the call runs as if nobody had asked
 * @give:    install @fd in the caller and answer with its number; @at: the number wanted, or -1.
 *           On failure (-EMFILE, -EBADF ...) the call is still to be answered
 * @remap:   of an mmap: the caller maps @fd instead of the descriptor that it passed; answers
 * @file_ino: inode of the socket behind the caller's descriptor, 0 = no socket
 * @take:    a descriptor of our own for the same open file, or -errno
 * @waiting: the caller has not been interrupted or killed meanwhile
 */
struct call_ops {
	int (*peek)(const struct world_call *c, uint64_t addr, void *buf, size_t len);
	int (*poke)(const struct world_call *c, uint64_t addr, const void *buf, size_t len);
	void (*answer)(const struct world_call *c, int64_t rc);
	void (*proceed)(const struct world_call *c);
	int (*give)(const struct world_call *c, int fd, bool cloexec, int at);
	void (*remap)(const struct world_call *c, int fd);
	uint64_t (*file_ino)(const struct world_call *c, int fd);
	int (*take)(const struct world_call *c, int fd);
	bool (*waiting)(const struct world_call *c);
};

/**
 * struct world_call - a system call that somebody waits in
 *
 * Small and copyable: whoever cannot answer at once keeps a copy and answers later. Every call is
 * answered exactly once: call_answer(), call_proceed() or call_give().
 *
 * @tid: thread that called, in our pid namespace; @nr: as <sys/syscall.h>
 */
struct world_call {
	struct world *w;
	const struct call_ops *ops;
	void *via;
	int via_fd;
	uint64_t id;
	pid_t tid;
	int nr;
	uint64_t arg[6];
};

int call_peek(const struct world_call *c, uint64_t addr, void *buf, size_t len);
int call_poke(const struct world_call *c, uint64_t addr, const void *buf, size_t len);
/** call_string() - at most @len bytes with the NUL. Its length, -EFAULT or -ENAMETOOLONG. */
ssize_t call_string(const struct world_call *c, uint64_t addr, char *buf, size_t len);
void call_answer(const struct world_call *c, int64_t rc);
void call_proceed(const struct world_call *c);
int call_give(const struct world_call *c, int fd, bool cloexec, int at);
/** call_take() - the caller's open file, as a descriptor of ours (close-on-exec), or -errno. */
int call_take(const struct world_call *c, int fd);
/** call_waiting() - false: nobody waits any more, the answer would go nowhere. */
bool call_waiting(const struct world_call *c);
/**
 * call_interrupted() - a signal wants the caller, who waits where only a fatal one ends the wait
 * Whoever keeps a call for long looks now and then, and answers with -WORLD_RESTART: the kernel
 * starts the call again or makes it EINTR, as the signal's handler wants it.
 */
bool call_interrupted(const struct world_call *c);
#define WORLD_RESTART 512 /* ERESTARTSYS */
/** call_file() - which of ours the caller's descriptor is, or NULL. */
struct world_file *call_file(const struct world_call *c, int fd);
/** call_nonblock() - whether the caller's descriptor has O_NONBLOCK. */
bool call_nonblock(const struct world_call *c, int fd);
/** call_tgid() - the process that the caller is a thread of. */
pid_t call_tgid(const struct world_call *c);
/** call_privileged() - the caller may do what root may (CAP_SYS_ADMIN ...). */
bool call_privileged(const struct world_call *c);
/** call_capable() - the caller has the capability @cap (CAP_*). */
bool call_capable(const struct world_call *c, int cap);
/** call_uid() - the caller's real user id, as we see it. */
uid_t call_uid(const struct world_call *c);

/**
 * path_normalise() - absolute and without ".", ".." and "//", by its words alone
 * path_follow() - the same through the links on the way, the last word's unless @nofollow, as far
 * as that can be told without waiting for anybody. False: cannot be told.
 */
bool path_normalise(const struct world_call *c, int dirfd, const char *path, char *out, size_t len);
bool path_follow(const struct world_call *c, int dirfd, const char *path, bool nofollow, char *out,
		 size_t len);

/** call_dispatch() - the one entry for every mechanism: answers, or hands on. */
void call_dispatch(struct world_call *c);

/* --- notify.c, spawn.c, remap.c, preload.c ------------------------------------------------------
 */

/*
 * Netlink sockets are given descriptor numbers of this range, so that a filter, which sees numbers
 * alone, can trap what is done with them and nothing else.
 */
#define RESERVED_FD_FIRST 960
#define RESERVED_FD_LAST  1007

int notify_start(struct world *w, char *err, size_t err_len);
/** notify_install() - in a child about to exec: the filter; returns its listener or -errno. */
int notify_install(void);
/** notify_add() - serve @listener from now on; owns it. */
int notify_add(struct world *w, int listener);
void notify_stop(struct world *w);

/** remap_mmap() - the remap of notify.c's calls; @at is @fd's number in the caller. Answers. */
void remap_mmap(const struct world_call *c, int at);
/** In the upper half of a descriptor's argument, which the kernel ignores: let this mmap run. */
#define REMAP_MARK 0x54434d55

/**
 * preload_find() - where the library is: as @said, else beside the running program, else where it
 * is installed to. @library: PATH_MAX bytes. 0 or -errno with one line in @err.
 */
int preload_find(const char *said, char *library, char *err, size_t err_len);
int preload_start(struct world *w, char *err, size_t err_len);
/** preload_tree() - answers mkdirat, unlinkat and symlinkat with a path of the world. */
void preload_tree(const struct world_call *c);
/** preload_env() - in a child about to exec: what the library needs to know. */
void preload_env(struct world *w);
void preload_stop(struct world *w);

/* --- mounts.c ----------------------------------------------------------------------------------
 */

/**
 * mounts_user_namespace(), mounts_namespace() - enter a new one, for good
 * The first makes us root there; in the second nothing that is mounted shows outside. 0 or -errno.
 */
int mounts_user_namespace(char *err, size_t err_len);
int mounts_namespace(char *err, size_t err_len);
/**
 * mounts_enter() - move to where mounting is allowed: a user namespace, unless we may already
 * What the host has mounted stays what we see: only programs enter the namespace that tree_start()
 * makes. -errno with one line in @err.
 */
int mounts_enter(struct world *w, char *err, size_t err_len);
/** mounts_join() - in a child about to exec: enter the programs' mount namespace; 0 or -errno. */
int mounts_join(struct world *w);

/* --- device.c ----------------------------------------------------------------------------------
 */

struct lu;

/**
 * struct world_device - one directory below core/user_N, and from enable on a device
 * @hba, @name:  N of user_N, and the directory
 * @configured:  its enable has succeeded: action/ works (KRN-149)
 * @enabled:     the region is there: between the write to "enable" and removal
 * @busy:        an event waits for its reply: no second one may begin
 * @adopted:     time and commands are somebody else's
 * @attrs, @control ...: what configfs shows; fields not in @cfg
 */
struct world_device {
	struct world *w;
	struct world_device *next;
	unsigned int hba, minor;
	uint32_t id;
	char name[256], config[256], serial[256], udev_path[512], alias[512];
	uint64_t size_bytes;
	uint32_t block_size, max_sectors;
	bool write_cache, enabled, configured, removing, freeing, busy, adopted, mapped;
	uint32_t rings; /* doorbells since somebody asked */
	int nl_reply_supported;
	struct ringsim_config sim;
	struct ringsim_core_attrs core;
	struct ringsim_device *dev;
	struct ringsim_uio *uio, own_uio;
	struct uio_node *node; /* the open file: device.c */
	pid_t pid;
	struct lu *lu;
	void *configfs, *sysfs; /* tree nodes, owned by those files */
};

/*
 * Life as configfs drives it; device.c. All return 0 or -errno as the kernel would, and where a
 * callback is taken, it tells the end (it may be called before the function returns).
 */
struct world_device *device_new(struct world *w, unsigned int hba, const char *name);
void device_enable(struct world_device *d, void (*done)(void *ctx, int rc), void *ctx);
/** device_free() - at once, without an event. */
void device_free(struct world_device *d);
/** device_uio_name() - as sysfs shows it (KRN-133). */
void device_uio_name(const struct world_device *d, char *buf, size_t len);
/** node_open() - answers an open of /dev/uioN. */
void node_open(struct world_call *c, struct world_device *d, int flags);
/** node_mmap() - answers an mmap of it. */
void node_mmap(struct world_call *c, struct world_file *f);

/* --- tree, sysfs.c, configfs.c, mounts.c ---------------------------------------------------------
 */

/** tree_start() - make the trees and show them (FUSE or files) where programs look. */
int tree_start(struct world *w, char *err, size_t err_len);
void tree_stop(struct world *w);
/**
 * tree_wait() - wait until @fd is readable, as poll() would, and serve the trees meanwhile
 * For whoever waits for a process that may look at them: one that is about to exec does.
 */
int tree_wait(struct world *w, int fd, int timeout_ms);
/**
 * tree_device_added() - the directory in configfs; tree_device_enabled() - /sys/class/uio,
 * /dev/uioN; tree_device_configured() - /dev/sgN, /sys/class/scsi_generic (never if @adopted);
 * tree_device_disabled() - the latter go; tree_device_removed() - all go
 */
void tree_device_added(struct world_device *d);
void tree_device_enabled(struct world_device *d);
void tree_device_configured(struct world_device *d);
void tree_device_disabled(struct world_device *d);
void tree_device_removed(struct world_device *d);
/**
 * tree_path() - for the open of a node: what @path (absolute, normalised) means in the world
 * Where nothing is mounted (WORLD_PRELOAD, or no /lib/modules to mount on) *@real receives the path
 * of the file to open instead, or "".
 */
void tree_path(struct world *w, const char *path, char *real, size_t len);

/* --- genl.c ------------------------------------------------------------------------------------
 */

int genl_start(struct world *w, char *err, size_t err_len);
void genl_stop(struct world *w);
/** genl_socket() - answers socket(AF_NETLINK, ?, NETLINK_GENERIC). */
void genl_socket(struct world_call *c);
/**
 * genl_call() - answers a call on a socket of ours: all that sends or receives, bind(), connect(),
 * getsockname(), getsockopt() and setsockopt(). Any other call proceeds.
 */
void genl_call(struct world_call *c, struct world_file *f);
/** genl_replies() - what SET_FEATURES has set; a device takes it over when enabled (KRN-144). */
int genl_replies(const struct world *w);
/**
 * genl_event() - multicast an event and wait for its DONE if the device wants replies
 * @cmd: TCMU_CMD_*; of RECONFIG: @what with @text or @value. @done is always called.
 */
void genl_event(struct world_device *d, int cmd, enum world_reconfig what, const char *text,
		uint64_t value, void (*done)(void *ctx, int rc), void *ctx);
/** genl_forget() - @d goes away: pending waits of it end with EINTR. */
void genl_forget(struct world_device *d);
/** Module parameters (KRN-132, KRN-148). 0 or -errno. */
int genl_block_netlink(struct world *w, bool block);
bool genl_is_blocked(const struct world *w);
int genl_reset_netlink(struct world *w);

/* --- lu.c, sg.c ---------------------------------------------------------------------------------
 */

/**
 * struct lu_io - a SCSI command on its way; the submitter's until @done
 * @data: contiguous, @len bytes, or NULL
 */
struct lu_io {
	uint8_t cdb[RINGSIM_CDB_MAX];
	uint32_t cdb_len;
	enum ringsim_dir dir;
	void *data;
	uint32_t len;
	void (*done)(struct lu_io *io);
	void *user;

	uint8_t status;
	bool sense_valid;
	uint8_t sense[TCMU_SENSE_BUFFERSIZE];
	uint32_t residual;
	enum ringsim_outcome outcome;

	/* private */
	struct iovec iov;
	struct ringsim_cmd cmd;
	struct lu_io *prev, *next;
	struct lu *lu;
};

/** lu_create() - when the device is enabled; lu_destroy() ends what is outstanding. */
int lu_create(struct world_device *d);
void lu_destroy(struct world_device *d);
/** lu_submit() - routes by SCS-001 and SCS-002; @nexus distinguishes initiators (0 = the only). */
void lu_submit(struct world_device *d, struct lu_io *io);
/** lu_complete(), lu_tmr_done() - the device's ops. */
void lu_complete(struct world_device *d, struct ringsim_cmd *cmd);
void lu_tmr_done(struct world_device *d, struct ringsim_tmr *tmr);
/** lu_abort() - ABORT TASK (@io) or LUN RESET (NULL); @done: answered. 0 or -ENOMEM. */
int lu_abort(struct world_device *d, struct lu_io *io, void (*done)(void *ctx), void *ctx);

/** sg_open() - answers an open of /dev/sgN. */
void sg_open(struct world_call *c, struct world_device *d, int flags);
/** sg_ioctl(), sg_read(), sg_write() - answer calls on a node of ours. */
void sg_ioctl(struct world_call *c, struct world_file *f);
void sg_read(struct world_call *c, struct world_file *f);
void sg_write(struct world_call *c, struct world_file *f);
/** sg_mmap() - answers an mmap of it: its reserved buffer. */
void sg_mmap(struct world_call *c, struct world_file *f);
/** sg_gone() - the device is removed: open nodes see ENODEV. */
void sg_gone(struct world_device *d);
/** sg_stop() - forget nodes that are still open, after the last device. */
void sg_stop(struct world *w);
/** sg_next_timer(), sg_run_timers() - timeouts of SG_IO, CLOCK_MONOTONIC; UINT64_MAX: none. */
uint64_t sg_next_timer(const struct world *w);
void sg_run_timers(struct world *w, uint64_t now_ns);

/* --- the world itself ---------------------------------------------------------------------------
 */

struct world {
	struct world_config cfg;
	char dir[256];
	enum world_mechanism mechanism;
	int epoll_fd;
	struct epoll_event *batch; /* being handled now; NULL data = unwatched meanwhile */
	int batch_len;
	struct world_file *files;
	struct world_device *devices;
	uint32_t next_id;
	uint64_t global_max_data_area_mb;
	struct ringsim_pool *pool; /* of the devices that the world drives */
	struct world_stats stats;
	/* each owned by the file of that name; NULL = not started */
	void *notify, *preload, *tree, *genl, *sg;
};

#endif
