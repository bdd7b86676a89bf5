/* SPDX-License-Identifier: MIT */
/*
 * The running kernel as a target: real TCMU devices, exported to this process over iSCSI or, with
 * what the probe fabric alone can carry, over that (harness/probe).
 *
 * A run makes a site: one HBA directory and one target in configfs, both with names that
 * nobody else has. Whatever a case makes is made below them, so that what is left of a case that
 * crashed or was killed can be found and removed, and nothing of anybody else's is touched.
 *
 * Time is real. For cases that move time (NEEDS_TIME) timeouts are configured smaller, in
 * proportion, and target_advance() sleeps for four fifths of its share: what must not have expired
 * yet has room for a slow machine, and what must expire is waited for, as kernels are late by up to
 * a second and more (KRN-090).
 */
#ifndef HARNESS_KERNEL_H
#define HARNESS_KERNEL_H

#include "impl.h"
#include "initiator.h"

#define KERNEL_CONFIGFS "/sys/kernel/config/target"
#define KERNEL_PORTAL	"127.0.0.1:3260"
#define KERNEL_SESSIONS 20
#define KERNEL_NAME_MAX 32
#define KERNEL_PATH_MAX 192

/** enum kernel_fabric - the way to a device */
enum kernel_fabric { KERNEL_ISCSI, KERNEL_PROBE };

/**
 * struct kernel_site - where a run makes its objects
 * @hba: N of user_N
 * @target: the target's name; @tpg: its directory tpgt_1
 */
struct kernel_site {
	enum kernel_fabric fabric;
	uint32_t hba;
	char hba_dir[KERNEL_PATH_MAX];
	char target[KERNEL_PATH_MAX], target_dir[KERNEL_PATH_MAX], tpg[KERNEL_PATH_MAX];
	bool made;
};

/**
 * kernel_site_make() - 0, or -errno with one line in @err (no root, no TCMU, no configfs ...)
 * Loads the modules that it needs. kernel_site_remove() when the run is over, also after failure.
 */
int kernel_site_make(struct kernel_site *site, enum kernel_fabric fabric, char *err, size_t len);
/**
 * kernel_site_sweep() - remove whatever cases left below the site, bounded. False if something
 * stays.
 */
bool kernel_site_sweep(const struct kernel_site *site);
void kernel_site_remove(struct kernel_site *site);

/** struct kernel_tmr - a request that may be answered later, and the commands it concerns */
struct kernel_tmr {
	struct initiator_tmf tmf;
	struct target_io **ios;
	uint32_t n;
	uint8_t type;
	bool open;
};

/**
 * struct kernel - one device of a case
 * @serial:   makes names of devices and LUNs
 * @uio:      N of /dev/uioN
 * @fd:       the seat's, or -1
 * @snapshot: the region as it was, while the seat's UIO node is closed
 * @divisor:  configured seconds per real one
 * @attention: a LUN RESET has left unit attentions
 * @unsent:   sessions that have commands which may not have reached the core
 * @mapper, @map_at: the process that has mapped the region, and where
 */
struct kernel {
	const struct kernel_site *site;
	uint32_t serial, uio, lun;
	char name[KERNEL_NAME_MAX], dir[KERNEL_PATH_MAX];
	bool made, linked, wedged, attention;
	int fd;
	uint8_t *map, *snapshot;
	uint64_t snapshot_ms, rang_ms;
	uint32_t divisor;
	struct initiator *sessions[KERNEL_SESSIONS];
	uint32_t n_sessions, at_session, unsent;
	struct kernel_tmr tmrs[TMRS];
	pid_t mapper;
	uint64_t map_at;
};

uint64_t kernel_now_ms(void);

/* configfs: all return 0 or -errno. */
int kernel_put(const char *dir, const char *file, const char *text);
int kernel_get(const char *path, char *buf, size_t len);
int kernel_device_make(struct kernel *k, const struct target_opts *o, char *err, size_t len);
void kernel_unit_serial(const struct kernel *k, char *buf, size_t len);
/** kernel_device_export() - as a LUN of the site's target. */
int kernel_device_export(struct kernel *k);
/**
 * kernel_device_remove() - with everything that is in flight; nobody must hold it any more
 * False if the kernel does not let go of it within a bound.
 */
bool kernel_device_remove(struct kernel *k);

/* The initiator's side. */

/** kernel_url() - of the device, for initiator_open(). */
void kernel_url(const struct kernel *k, char *buf, size_t len);
/** kernel_other_name() - of an initiator that is not one of the sessions'; NULL: any. */
const char *kernel_other_name(const struct kernel *k);
int kernel_login(struct target *t);
void kernel_logout(struct kernel *k);
void kernel_poll(struct target *t, uint32_t ms);
void kernel_submit(struct target *t, struct target_io *io);
void kernel_settle_submits(struct target *t);
bool kernel_tmr(struct target *t, uint8_t type, struct target_io **ios, uint32_t n);
void kernel_await_tmrs(struct target *t);
uint32_t kernel_outstanding(const struct kernel *k);

/** kernel_ring_end() - region offset of the data area. */
uint64_t kernel_ring_end(const struct target *t);

/* The UIO node, when the case sits in the handler's seat: as in target.h. */
int kernel_uio_open(struct target *t);
void kernel_uio_close(struct target *t);
ssize_t kernel_uio_read(struct target *t, void *buf, size_t len);
ssize_t kernel_uio_write(struct target *t, const void *buf, size_t len);
short kernel_uio_poll(struct target *t);
uint32_t kernel_events(struct target *t);
/** kernel_close_node() - unmap and close, without a copy to look at. */
void kernel_close_node(struct target *t);
/** kernel_refresh() - while the node is closed: bring the copy up to date. */
void kernel_refresh(struct target *t);

/* The handler. */
int kernel_start_handler(struct target *t);
void kernel_stop_handler(struct target *t);
pid_t kernel_handler_pid(const struct target *t);
bool kernel_is_node(const struct target *t, const char *link);
void kernel_hold_node(struct target *t, uint32_t ms);
/** kernel_mapped_by() - whether process @pid has mapped the device. */
bool kernel_mapped_by(struct kernel *k, pid_t pid);
/** kernel_find_mapper() - who has mapped the device? False: nobody. */
bool kernel_find_mapper(struct kernel *k);
/** kernel_peek() - a word of the region through the handler's own mapping; 0 without one. */
uint32_t kernel_peek(struct target *t, uint32_t off);

#endif
