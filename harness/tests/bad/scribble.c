/* SPDX-License-Identifier: MIT */
/* Opens /dev/uio0 as a handler would, and stores where none may: into the mailbox's version. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
	FILE *f = fopen("/sys/class/uio/uio0/maps/map0/size", "re");
	int fd = open("/dev/uio0", O_RDWR | O_CLOEXEC);
	char text[32] = "";
	uint32_t one = 1;
	uint16_t *map;

	if (!f || fd < 0 || !fgets(text, sizeof(text), f))
		return 3;
	fclose(f);
	map = mmap(NULL, strtoul(text, NULL, 0), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return 4;
	*map = 77;
	return write(fd, &one, sizeof(one)) == sizeof(one) ? 0 : 5;
}
