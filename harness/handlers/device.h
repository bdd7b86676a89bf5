/* SPDX-License-Identifier: MIT */
/*
 * Where tcmu-handler gets its device from: /dev/uioN of a real kernel, or a simulator's socket.
 */
#ifndef HANDLERS_DEVICE_H
#define HANDLERS_DEVICE_H

#include "../consumer/attach.h"

#include <stdbool.h>

#define DEVICE_NAME_MAX 4096

/**
 * struct device - a device and what its owner configured
 * @socket:     attach socket, or NULL for a real node
 * @uio:        "uioN", or NULL
 * @name:       UIO name, no newline; known after device_find() for real ones, else after open
 * @configfs:   directory in configfs, empty if there is none
 * @serial:     unit serial number, empty if not known
 * @wce:        volatile write cache configured
 * @att:        descriptors, size of map 0; block size and capacity in bytes, 0 if not known
 */
struct device {
	const char *socket, *uio;
	char name[DEVICE_NAME_MAX];
	char configfs[DEVICE_NAME_MAX];
	char serial[256];
	bool wce;
	struct tcmu_attachment att;
};

/**
 * device_find() - read name and size of the map from sysfs, enough to tell whose it is (HND-005)
 * Returns 0 or -errno with a line in @err.
 */
int device_find(struct device *d, char *err, size_t err_len);

/**
 * device_open() - read the configuration and take the device; waits a bounded time while a
 * predecessor still holds it (HND-006)
 *
 * Descriptors are close-on-exec, @att.io_fd does not block. 0 or -errno with a line in @err.
 */
int device_open(struct device *d, char *err, size_t err_len);

/** device_action() - write @value to action/@action; 0 or -errno. */
int device_action(struct device *d, const char *action, unsigned int value);

/** device_close_node() - give the device back, keep the way to its actions. */
void device_close_node(struct device *d);
void device_close(struct device *d);

#endif
