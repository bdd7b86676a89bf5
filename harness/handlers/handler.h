/* SPDX-License-Identifier: MIT */
/*
 * A reference handler: consumer + SCSI command set + backing store, as an event-loop object.
 *
 * tcmu-handler runs it behind poll(2) on a real /dev/uioN or a simulated device; the conformance
 * suite steps the same object in process, in virtual time; mutants are this object with one line
 * changed, built as a shared object that exports tcmu_handler_api().
 */
#ifndef HANDLERS_HANDLER_H
#define HANDLERS_HANDLER_H

#include "../consumer/consumer.h"
#include "store.h"

/**
 * struct handler_config - how a handler behaves
 * @block_size:   logical block size in bytes: 512 to 65536, multiple of 4 (520 is legal)
 * @depth:        commands held at once, 1..4096; 0 = 128
 * @wce:          report and honour a volatile write cache: writes are durable only after
 *                SYNCHRONIZE CACHE or FUA; without it every write is durable when it completes
 * @in_order:     publish in issue order: slower on mixed loads, restartable without reset_ring
 * @read_len:     use TCMU_UFLAG_READ_LEN for short Data-In when the kernel offers it (bytes beyond
 *                are zeroed all the same)
 * @reorder_seed: 0 = complete as the engine finishes; else hold finished commands and complete them
 *                in a pseudo-random order (for tests of out-of-order completion; memory engine)
 * @serial:       unit serial number; NULL = derived from @name
 * @name:         UIO name ("tcm-user/0/disk/SUBTYPE/PATH"); copied
 * @subtype:      the subtype that this handler serves; NULL = any non-empty (HND-004, HND-005)
 * @probe:        observer of every store, or NULL
 * @alloc:        allocation hook for tests, NULL = malloc
 * @stop:         once it is not 0, step() fetches nothing more and only finishes what it has; may
 * be set by a signal handler; NULL = never
 */
struct handler_config {
	uint32_t block_size;
	uint32_t depth;
	bool wce;
	bool read_only;
	bool in_order;
	bool read_len;
	uint64_t reorder_seed;
	const char *serial;
	const char *name;
	const char *subtype;
	const struct consumer_probe *probe;
	void *(*alloc)(size_t size);
	const volatile int *stop;
};

struct handler;

/* What one turn of the loop may be told and may answer. */
#define HANDLER_EV_UIO	 0x1u /* the UIO node is readable */
#define HANDLER_EV_STORE 0x2u /* store_fd() is readable */
#define HANDLER_EV_ERR	 0x4u /* POLLERR or POLLHUP on the UIO node (HND-047) */

/**
 * struct handler_api - entry points, versioned because mutants are loaded at run time
 *
 * @create:  make a handler over @store (which outlives it); NULL with one line in @err
 * @attach:  map and take over the device; 0, -ENODEV (@cfg->name is not ours: nothing touched),
 *           -EPROTO (mailbox not understood: nothing written), or -errno
 * @step:    one turn of the event loop with HANDLER_EV_* in @events: consume the UIO event first,
 *           drain the ring, start work, reap finished work, publish, ring. Call once after attach
 *           with @events = 0 before the first wait (HND-041), then whenever something polls ready.
 *           Returns 0, or -EIO when the device is gone and must be detached
 * @busy:    commands fetched and not yet published
 * @detach:  unmap; publishes nothing
 * @destroy: release everything but the store; safe after a simulated crash at any probe point
 * @open_store: store_open() of the same program, so that a mutant of an engine is judged, too
 */
struct handler_api {
	unsigned int version; /* HANDLER_API_VERSION */
	struct handler *(*create)(const struct handler_config *cfg, struct store *store, char *err,
				  size_t err_len);
	int (*attach)(struct handler *h, const struct consumer_uio *uio, size_t map0_len);
	int (*step)(struct handler *h, unsigned int events);
	uint32_t (*busy)(const struct handler *h);
	void (*detach)(struct handler *h);
	void (*destroy)(struct handler *h);
	int (*open_store)(struct store **out, const struct store_config *cfg, char *err,
			  size_t err_len);
};

#define HANDLER_API_VERSION 1u

/** tcmu_handler_api() - the handler in this program or shared object. */
const struct handler_api *tcmu_handler_api(void);

/**
 * handler_set_store() - go on with @store, another one or the same at another size, and with @wce
 *
 * For what an administrator changes while the device is served (HND-085); initiators are told by
 * unit attention. The caller has made durable what an old cache held, and closes the old store.
 * Returns 0, -EBUSY while commands are held, -EINVAL if the size is no multiple of the block size.
 */
int handler_set_store(struct handler *h, struct store *store, bool wce);

/** handler_served() - commands answered so far. */
uint64_t handler_served(const struct handler *h);

/** handler_pending() - whether a step would find something to take off the ring. */
bool handler_pending(struct handler *h);

/** handler_consumer() - the ring's side of it, for what it counted; valid until destroyed. */
const struct consumer *handler_consumer(const struct handler *h);

#endif
