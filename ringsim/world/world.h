/* SPDX-License-Identifier: MIT */
/*
 * The world around simulated devices, as unmodified programs see it on a host with TCMU.
 *
 * A world is a kernel's outside: /dev/uioN and /dev/sgN, /sys/class/uio, configfs below
 * /sys/kernel/config/target, and the TCM-USER netlink family. Programs started in it are what they
 * are: static or dynamic, any language, several processes and threads.
 *
 * How (WORLD_SECCOMP): a mount namespace, in a user namespace unless we are root, holds the files;
 * a seccomp filter asks this process about the few system calls that a file system cannot answer:
 * opening a node, creating a netlink socket, mapping a UIO node, ioctls of a SCSI node. What runs
 * often, reads and writes of a UIO node and all access to the ring, is not intercepted. Where that
 * is forbidden (WORLD_PRELOAD), a library preloaded into dynamic programs asks the same questions.
 *
 * One thread, no locks: whoever owns the world polls world_fd() and calls world_service(), which
 * never blocks. It must not touch the world's own files meanwhile: nobody else would answer.
 */
#ifndef RINGSIM_WORLD_H
#define RINGSIM_WORLD_H

#include <ringsim/device.h>
#include <ringsim/uio.h>
#include <stddef.h>
#include <sys/types.h>

struct world;
struct world_device;

/** enum world_mechanism - how programs are made to see the world; see above */
enum world_mechanism { WORLD_AUTO, WORLD_SECCOMP, WORLD_PRELOAD };

/**
 * struct world_command - a SCSI command of a device that the world drives, when it has ended
 * @len:  bytes of Data-Out or Data-In that were asked for
 * @core: the target core answered it; it was never on the ring
 */
struct world_command {
	const uint8_t *cdb, *sense;
	uint32_t cdb_len, len, residual;
	enum ringsim_dir dir;
	uint8_t status;
	bool sense_valid, core;
	enum ringsim_outcome outcome;
};

/**
 * struct world_observer - somebody who is told what happens to devices that the world drives
 * Any may be NULL; none may call the world but to look. @ended: see struct world_command; @gone: it
 * will be freed, whoever removed it.
 */
struct world_observer {
	void (*ended)(void *ctx, struct world_device *d, const struct world_command *cmd);
	void (*violation)(void *ctx, struct world_device *d, const struct ringsim_violation *v);
	void (*gone)(void *ctx, struct world_device *d);
};

/**
 * struct world_config
 * @dir:       an empty directory that is ours; sockets and plain files go there
 * @mechanism: WORLD_AUTO takes the first that works here
 * @preload:   path of the preloaded library; NULL = beside the running program
 * @say:       one line, no newline, that somebody who uses the world should read; may be NULL
 * @observer:  may be NULL; must outlive the world. @ctx: of both
 */
struct world_config {
	const char *dir;
	enum world_mechanism mechanism;
	const char *preload;
	void (*say)(void *ctx, const char *line);
	const struct world_observer *observer;
	void *ctx;
};

/**
 * world_create() - enter a new world
 * With WORLD_SECCOMP the calling process, which must have one thread, moves into new namespaces for
 * good. Returns 0, or -errno with one line in @err: what is missing, and what would do instead.
 */
int world_create(struct world **out, const struct world_config *cfg, char *err, size_t err_len);
/** world_destroy() - after its last program has ended; devices go, too. */
void world_destroy(struct world *w);

/** world_mechanism() - which one it is; never WORLD_AUTO. */
enum world_mechanism world_mechanism(const struct world *w);

/** world_fd() - readable when world_service() has something to do. */
int world_fd(const struct world *w);
/** world_timeout_ms() - when it wants to be called at the latest; -1: no hurry. */
int world_timeout_ms(const struct world *w);
/** world_service() - do everything that is ready; never blocks. */
void world_service(struct world *w);

/**
 * struct world_program - a program to start
 * @command:   for /bin/sh -c, or
 * @argv:      NULL-terminated, looked up in PATH
 * @output_fd: stdout and stderr, and stdin is /dev/null; -1 = all three are ours
 * @env, @value: one more environment variable, or NULL
 * @foreground: stays in our process group (a shell on a terminal)
 */
struct world_program {
	const char *command;
	char *const *argv;
	int output_fd;
	const char *env, *value;
	bool foreground;
};

/** world_spawn() - its pid, or -errno with one line in @err. It dies with us. */
pid_t world_spawn(struct world *w, const struct world_program *p, char *err, size_t err_len);

/**
 * struct world_device_config - what configfs would be told; start from WORLD_DEVICE_CONFIG
 * @name:       directory below core/user_N
 * @config:     dev_config, "SUBTYPE/PATH"; "" = none
 * @size_bytes: dev_size
 * @block_size, @max_sectors: hw_block_size in bytes, hw_max_sectors
 * @write_cache: emulate_write_cache
 * @nl_reply_supported: as the control key (KRN-130)
 * @serial: wwn/vpd_unit_serial; NULL = none
 * @sim:        geometry and timeouts
 */
struct world_device_config {
	const char *name;
	const char *config;
	uint64_t size_bytes;
	uint32_t block_size, max_sectors;
	bool write_cache;
	int nl_reply_supported;
	const char *serial;
	struct ringsim_config sim;
};

#define WORLD_DEVICE_CONFIG                                \
	((struct world_device_config){ .config = "",       \
				       .block_size = 512,  \
				       .max_sectors = 128, \
				       .sim = RINGSIM_CONFIG_DEFAULT })

/**
 * world_device_create() - make, configure and enable a device in real time
 * It gets a UIO node, its directories, an ADDED event and a SCSI node. @rc of @done is what the
 * write to "enable" would have returned; with netlink replies that is not before a daemon answers.
 * Returns 0 (@done may have been called), or -errno with one line in @err.
 */
int world_device_create(struct world *w, struct world_device **out,
			const struct world_device_config *cfg,
			void (*done)(void *ctx, struct world_device *d, int rc), void *ctx,
			char *err, size_t err_len);

/**
 * world_device_adopt() - show a device that somebody else drives: its time, its commands
 * @uio: with its device; both must outlive the world's device. The owner's ops.event must call
 *       world_device_event(). It gets no SCSI node. Otherwise as world_device_create(); @cfg's @sim
 *       is what the device was made from.
 */
int world_device_adopt(struct world *w, struct world_device **out,
		       const struct world_device_config *cfg, struct ringsim_uio *uio,
		       void (*done)(void *ctx, struct world_device *d, int rc), void *ctx,
		       char *err, size_t err_len);

/**
 * world_device_remove() - REMOVED event, wait for a reply if one is due, unregister, forget
 * @done: may be NULL; @d is gone when it is called
 */
void world_device_remove(struct world_device *d, void (*done)(void *ctx), void *ctx);

/** enum world_reconfig - which attribute of a live device changes (KRN-135) */
enum world_reconfig { WORLD_DEV_CONFIG, WORLD_DEV_SIZE, WORLD_WRITE_CACHE };
/**
 * world_device_reconfig() - RECONFIG event, then take the value over if the reply was 0
 * @text: of WORLD_DEV_CONFIG; @value: of the others
 */
void world_device_reconfig(struct world_device *d, enum world_reconfig what, const char *text,
			   uint64_t value, void (*done)(void *ctx, int rc), void *ctx);

/**
 * world_device_ask() - send TEST UNIT READY through the ring: is the device served?
 * @done: called once, with its status; also when the device goes first
 * Returns 0, -ENODEV while it is not enabled or -ENOMEM.
 */
int world_device_ask(struct world_device *d, void (*done)(void *ctx, uint8_t status), void *ctx);

/**
 * world_withdraw_replies() - devices to come wait for no replies, until somebody promises them
 * again What an administrator does when he who made the promise has died (KRN-144).
 */
void world_withdraw_replies(struct world *w);

/**
 * struct world_replies - what handlers answered to events, since the world began
 * @right: what was waited for, @stray: for a device that waited for nothing, @wrong: of another
 * kind; @promised: SET_FEATURES says that events are answered
 */
struct world_replies {
	uint32_t right, stray, wrong;
	bool promised;
};
void world_replies(const struct world *w, struct world_replies *r);

/** world_device_event() - see world_device_adopt(). */
void world_device_event(struct world_device *d);

/** world_device_find() - by name, or NULL. */
struct world_device *world_device_find(struct world *w, const char *name);

/** world_device_sim(), world_device_uio() - the simulator behind it, NULL before it is enabled. */
struct ringsim_device *world_device_sim(const struct world_device *d);
struct ringsim_uio *world_device_uio(const struct world_device *d);
/** world_device_minor() - N of /dev/uioN and of /dev/sgN. */
unsigned int world_device_minor(const struct world_device *d);
/** world_device_pid() - the process that opened the UIO node last, 0 if none did. */
pid_t world_device_pid(const struct world_device *d);

/** world_device_inode() - of the open UIO node's descriptors, 0 while it is closed. */
uint64_t world_device_inode(const struct world_device *d);
/** world_device_mapped() - somebody holds the UIO node and has mapped it. */
bool world_device_mapped(const struct world_device *d);
/** world_device_take_rings() - proper doorbells since this was called last. */
uint32_t world_device_take_rings(struct world_device *d);

/** world_blocked() - a program has set block_netlink: devices fail with EAGAIN (KRN-148). */
bool world_blocked(const struct world *w);

/** struct world_stats - system calls that were intercepted, by kind, since the world began */
struct world_stats {
	uint64_t opens, maps, sockets, sends, ioctls, reads, writes, stats, other;
};
void world_stats(const struct world *w, struct world_stats *st);

#endif
