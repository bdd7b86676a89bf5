/* SPDX-License-Identifier: MIT */
/* Opens /dev/uio0 and maps a page of it, which a kernel refuses. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
	int fd = open("/dev/uio0", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return 3;
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED)
		return 4;
	pause();
	return 0;
}
