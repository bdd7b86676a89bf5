/* SPDX-License-Identifier: MIT */
/*
 * Finding and opening the device.
 *
 * A real device is described by sysfs (name, size of the map, in hexadecimal) and configfs (block
 * size, capacity, cache, serial number); a simulated one by the answer to the attach request.
 * Clauses: HND-003 to HND-008.
 */
#include "device.h"
#include "uio_name.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSFS_UIO	"/sys/class/uio"
#define CONFIGFS_CORE	"/sys/kernel/config/target/core"

#define BUSY_WAIT_MS	2000
#define BUSY_BACKOFF_MS 10
#define SERIAL_PREFIX	"T10 VPD Unit Serial Number: "
#define ATTRIBUTE_MAX	4096

static int fail(char *err, size_t err_len, int rc, const char *what, const char *why)
{
	snprintf(err, err_len, "%s: %s", what, why);
	return rc;
}

/* One attribute, without its trailing newlines; 0 or -errno. */
static int read_attribute(const char *dir, const char *file, char *buf, size_t buf_len)
{
	char path[ATTRIBUTE_MAX + 64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, buf_len - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	while (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return 0;
}

static uint64_t read_number(const char *dir, const char *file)
{
	char text[64];

	if (read_attribute(dir, file, text, sizeof(text)) != 0)
		return 0;
	return strtoull(text, NULL, 0);
}

/* What the administrator configured; a device without configfs is served with our own defaults. */
static void read_configuration(struct device *d)
{
	struct uio_name name;
	char text[ATTRIBUTE_MAX];

	if (uio_name_parse(d->name, &name) != 0)
		return;
	snprintf(d->configfs, sizeof(d->configfs), CONFIGFS_CORE "/user_%u/%.*s", name.hba,
		 (int)name.device_len, name.device);
	if (access(d->configfs, F_OK) != 0) {
		d->configfs[0] = '\0';
		return;
	}
	d->att.block_size = (uint32_t)read_number(d->configfs, "attrib/hw_block_size");
	d->att.size_bytes = read_number(d->configfs, "attrib/dev_size");
	d->wce = read_number(d->configfs, "attrib/emulate_write_cache") != 0;
	if (read_attribute(d->configfs, "wwn/vpd_unit_serial", text, sizeof(text)) == 0 &&
	    strncmp(text, SERIAL_PREFIX, strlen(SERIAL_PREFIX)) == 0)
		snprintf(d->serial, sizeof(d->serial), "%.255s", text + strlen(SERIAL_PREFIX));
}

int device_find(struct device *d, char *err, size_t err_len)
{
	char dir[128], text[64], *end;

	d->att.io_fd = -1;
	d->att.mem_fd = -1;
	d->att.ctl_fd = -1;
	if (d->uio == NULL)
		return 0;
	snprintf(dir, sizeof(dir), SYSFS_UIO "/%s", d->uio);
	if (read_attribute(dir, "name", d->name, sizeof(d->name)) != 0)
		return fail(err, err_len, -ENODEV, dir, "no such UIO device");
	if (read_attribute(dir, "maps/map0/size", text, sizeof(text)) != 0)
		return fail(err, err_len, -ENODEV, dir, "maps/map0/size cannot be read");
	d->att.map0_len = strtoull(text, &end, 16);
	if (d->att.map0_len == 0 || *end != '\0')
		return fail(err, err_len, -EPROTO, dir,
			    "maps/map0/size: expected a hexadecimal number");
	return 0;
}

static int open_node(struct device *d, char *err, size_t err_len)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", d->uio);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return fail(err, err_len, -errno, path, strerror(errno));
	d->att.io_fd = fd;
	d->att.mem_fd = fd;
	return 0;
}

static int open_once(struct device *d, char *err, size_t err_len)
{
	int rc, flags;

	if (d->uio != NULL)
		return open_node(d, err, err_len);
	rc = tcmu_attach(d->socket, &d->att, err, err_len);
	if (rc != 0)
		return rc;
	flags = fcntl(d->att.io_fd, F_GETFL);
	fcntl(d->att.io_fd, F_SETFL, flags | O_NONBLOCK);
	snprintf(d->name, sizeof(d->name), "%s", d->att.name);
	return 0;
}

int device_open(struct device *d, char *err, size_t err_len)
{
	int waited_ms = 0, pause_ms = BUSY_BACKOFF_MS;
	int rc;

	if (d->uio != NULL)
		read_configuration(d);
	rc = open_once(d, err, err_len);
	while (rc == -EBUSY && waited_ms < BUSY_WAIT_MS) {
		poll(NULL, 0, pause_ms);
		waited_ms += pause_ms;
		pause_ms *= 2;
		rc = open_once(d, err, err_len);
	}
	return rc;
}

int device_action(struct device *d, const char *action, unsigned int value)
{
	char path[DEVICE_NAME_MAX + 64], text[16];
	int fd, rc = 0, len;

	if (d->socket != NULL)
		return tcmu_attach_action(&d->att, action, value);
	if (d->configfs[0] == '\0')
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/action/%s", d->configfs, action);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = snprintf(text, sizeof(text), "%u", value);
	if (write(fd, text, (size_t)len) != len)
		rc = -errno;
	close(fd);
	return rc;
}

void device_close_node(struct device *d)
{
	if (d->att.mem_fd >= 0 && d->att.mem_fd != d->att.io_fd)
		close(d->att.mem_fd);
	if (d->att.io_fd >= 0)
		close(d->att.io_fd);
	d->att.io_fd = -1;
	d->att.mem_fd = -1;
}

void device_close(struct device *d)
{
	device_close_node(d);
	if (d->att.ctl_fd >= 0)
		close(d->att.ctl_fd);
	d->att.ctl_fd = -1;
}
