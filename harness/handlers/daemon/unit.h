/* SPDX-License-Identifier: MIT */
/*
 * A unit: one device served from one store by one handler, in a thread of its own.
 *
 * Everything in a unit is touched by one thread at a time: by its own between unit_start() and
 * unit_stop(), by its owner otherwise. So a device that is slow or stuck holds up no other, and
 * changing a unit needs no lock: stop, change, start.
 */
#ifndef HANDLERS_DAEMON_UNIT_H
#define HANDLERS_DAEMON_UNIT_H

#include "../cli.h"
#include "../device.h"
#include "../handler.h"
#include "../spin.h"
#include "../uio_name.h"

#include <pthread.h>

/**
 * struct unit - zero it, fill the first part, then unit_open()
 * @cli:      options; outlives the unit
 * @uio:      "uioN", or empty for a simulated device at @cli->attach
 * @ended_fd: eventfd that is written when the thread ends by itself, the device being gone
 * @seats:    for --poll-us auto; shared with the other units, outlives them
 *
 * @name:     parts of @dev.name
 * @spec:     store that is open, as for store_open()
 * @flush:    the store's while @flush_busy
 * @stop:     the handler fetches nothing more
 * @wake_fd:  ends the thread's sleep
 * @started:  there is a thread to join
 * @ended:    the thread ended by itself with @result
 * @stuck:    the store did not finish in time: nothing of the unit may be released
 */
struct unit {
	const struct cli *cli;
	char uio[16];
	int ended_fd;
	struct spin_seats *seats;

	struct device dev;
	struct uio_name name;
	char *spec;
	struct store *store;
	struct consumer_fds fds;
	struct consumer_uio node;
	struct consumer_probe probe;
	uint32_t die_in;
	const struct handler_api *api;
	struct handler *handler;
	uint32_t block_size;
	bool in_order, wce;
	struct store_io flush;
	bool flush_busy;
	struct spin spin;

	int stop, wake_fd;
	pthread_t thread;
	bool started, ended, stuck;
	int result;
	struct unit *next; /* its owner's */
};

/**
 * unit_open() - find, check and open device and store, and make the handler
 *
 * Returns 0 or -errno with a line in @err: -ENODEV if the device is not of the options' subtype, in
 * which case it was not opened (HND-005). unit_close() is due either way.
 */
int unit_open(struct unit *u, char *err, size_t err_len);

/**
 * unit_attach() - take the ring over and serve what is there
 * @fresh: the device was announced just now: nobody was here before, and its actions do not work
 *         yet (HND-083, KRN-149)
 * Returns 0 or -errno with a line in @err.
 */
int unit_attach(struct unit *u, bool fresh, char *err, size_t err_len);

/** unit_start() - begin or go on serving, in a thread; 0 or -errno. */
int unit_start(struct unit *u);

/** unit_stop() - have no more commands fetched and wait for the thread; what was begun remains. */
void unit_stop(struct unit *u);

/**
 * unit_reconfigure() - apply what an administrator changed (HND-085)
 * @config:     new configuration string, or NULL
 * @size_bytes: new capacity, or 0
 * @wce:        new setting of the write cache, or NULL
 *
 * The unit is stopped and goes on afterwards. Returns 0, or -errno with a line in @err and nothing
 * changed: -EOPNOTSUPP for another subtype.
 */
int unit_reconfigure(struct unit *u, const char *config, uint64_t size_bytes, const bool *wce,
		     char *err, size_t err_len);

/**
 * unit_shut_down() - stop, finish what is on the ring, leave (HND-065)
 *
 * Bounded. Returns 0 or -errno with a line in @err.
 */
int unit_shut_down(struct unit *u, char *err, size_t err_len);

/** unit_close() - stop, unmap, close, in this order (HND-084); not for a unit that is stuck. */
void unit_close(struct unit *u);

#endif
