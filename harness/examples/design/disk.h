/* SPDX-License-Identifier: MIT */
/*
 * A SCSI disk over a file: what the ring's commands are about, and nothing about the ring.
 */
#ifndef EXAMPLE_DISK_H
#define EXAMPLE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#define __LINUX_UIO_H /* libc has had the same struct iovec in <sys/uio.h> */
#include <linux/target_core_user.h>

/**
 * struct disk - as the administrator configured it
 * @write_cache: emulate_write_cache; without it a write is durable before it is answered
 */
struct disk {
	int fd;
	uint64_t blocks;
	uint32_t block_size;
	bool write_cache;
	char serial[128];
};

/** disk_open() - @configfs: the device's directory; @path: the file, made if it is not there. */
bool disk_open(struct disk *d, const char *configfs, const char *path);

/**
 * disk_execute() - one command, from the first byte to the last
 * @region: the map; every offset of @e counts from here
 *
 * Returns its sense as key << 16 | code << 8 | qualifier, 0 for GOOD. Nothing of @e is written: the
 * response lies on top of the request, and is the caller's.
 */
uint32_t disk_execute(struct disk *d, unsigned char *region, const struct tcmu_cmd_entry *e);

/** read_text() - a file of sysfs or configfs without trailing newlines; "" if there is none. */
bool read_text(const char *dir, const char *file, char *buf, size_t len);

#endif
