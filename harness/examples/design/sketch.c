/* SPDX-License-Identifier: MIT */
/*
 * What comes out if the example in the kernel's TCMU design document is completed just so that it
 * builds and moves data: a handler that works as long as nothing goes wrong. Not to be copied:
 * design.c is what it should be. "TRAP" marks each place, with the clause that tells more
 * (tcmu-harness explain CLAUSE).
 *
 * Two things the document has could not stay. It hands a pointer to tcmu_hdr_get_len(), which takes
 * the value of len_op (DIS-05): the tail would go anywhere. And it names constants for the status
 * that exist nowhere: 0 and 2 are meant (DIS-20).
 *
 *	cc -o sketch sketch.c disk.c
 *	./sketch SUBTYPE
 */
#include "disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct disk disk;

/* c) Managing the command ring */
static int handle_device_events(int fd, unsigned char *map)
{
	struct tcmu_mailbox *mb = (void *)map; /* TRAP: whatever its version is (HND-001) */
	struct tcmu_cmd_entry *ent = (void *)(map + mb->cmdr_off + mb->cmd_tail);
	int did_some_work = 0;

	/* TRAP: a plain load, which the compiler may keep and the processor may do late (HND-010)
	 */
	while (ent != (void *)(map + mb->cmdr_off + mb->cmd_head)) {
		if (tcmu_hdr_get_op(ent->hdr.len_op) == TCMU_OP_CMD) {
			uint32_t sense = disk_execute(&disk, map, ent);

			if (!sense) {
				ent->rsp.scsi_status = 0;
			} else {
				memset(ent->rsp.sense_buffer, 0, sizeof(ent->rsp.sense_buffer));
				ent->rsp.sense_buffer[0] = 0x70;
				ent->rsp.sense_buffer[2] = (char)(sense >> 16);
				ent->rsp.sense_buffer[7] = 10;
				ent->rsp.sense_buffer[12] = (char)(sense >> 8);
				ent->rsp.sense_buffer[13] = (char)sense;
				ent->rsp.scsi_status = 2;
			}
		} else if (tcmu_hdr_get_op(ent->hdr.len_op) != TCMU_OP_PAD) {
			/* TMR comes here, too; the kernel does not mind (HND-016) */
			ent->hdr.uflags |= TCMU_UFLAG_UNKNOWN_OP;
		}
		/* TRAP: a plain store, which may be seen before the answer (HND-038) */
		mb->cmd_tail = (mb->cmd_tail + tcmu_hdr_get_len(ent->hdr.len_op)) % mb->cmdr_size;
		ent = (void *)(map + mb->cmdr_off + mb->cmd_tail);
		did_some_work = 1;
	}

	/*
	 * TRAP: a predecessor that died between its last store and this write left work that
	 * nobody announces (HND-063). TRAP: an interrupted write is no doorbell (HND-045).
	 */
	if (did_some_work) {
		uint32_t buf = 0;

		if (write(fd, &buf, 4) != 4)
			return -1;
	}
	return 0;
}

/* "Further checking for subtype also needed here": the fourth part of the name, and what follows */
static char *match(char *name, const char *subtype, char *configfs, size_t len)
{
	char *hba = name + 8, *device, *type, *path; /* TRAP: "tcm-userX" is no TCMU (HND-004) */

	if (strncmp(name, "tcm-user", 8) || !(hba = strchr(name, '/')) ||
	    !(device = strchr(hba + 1, '/')) || !(type = strchr(device + 1, '/')))
		return NULL;
	path = strchr(type + 1, '/');
	if (path)
		*path++ = 0;
	if (strcmp(type + 1, subtype))
		return NULL;
	snprintf(configfs, len, "/sys/kernel/config/target/core/user_%.*s", (int)(type - hba - 1),
		 hba + 1);
	return path ? path : type + strlen(type);
}

/* a) Discovering and configuring TCMU UIO devices, b) waiting for events on the device */
int main(int argc, char **argv)
{
	char dir[64], dev[64], name[4096], size[64], configfs[512], *path = NULL;
	unsigned long long map_len;
	void *map;
	int dev_fd;

	for (int i = 0; argc == 2 && i < 64 && !path; i++) {
		snprintf(dir, sizeof(dir), "/sys/class/uio/uio%d", i);
		snprintf(dev, sizeof(dev), "/dev/uio%d", i);
		if (read_text(dir, "name", name, sizeof(name)))
			path = match(name, argv[1], configfs, sizeof(configfs));
	}
	if (!path || !disk_open(&disk, configfs, path) ||
	    !read_text(dir, "maps/map0/size", size, sizeof(size))) {
		fprintf(stderr, "sketch: no device that could be served\n");
		return 2;
	}
	map_len = strtoull(size, NULL, 0);

	/* TRAP: a program that is run from here inherits the device (HND-007) */
	dev_fd = open(dev, O_RDWR);
	map = mmap(NULL, map_len, PROT_READ | PROT_WRITE, MAP_SHARED, dev_fd, 0);
	if (dev_fd < 0 || map == MAP_FAILED) {
		perror("sketch");
		return 2;
	}
	/* TRAP: what was on the ring before the open is never reported, and waits (HND-041) */
	while (1) {
		char buf[4];

		/* TRAP: when the device is gone this fails at once, for ever (HND-046) */
		if (read(dev_fd, buf, 4) < 0)
			continue;
		handle_device_events(dev_fd, map);
	}
}
