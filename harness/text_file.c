/* SPDX-License-Identifier: MIT */
/* Files as a whole: a file that grows meanwhile is read as far as it was long. */
#include "text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, size_t max, char **text, size_t *len)
{
	size_t size;
	struct stat st;
	ssize_t n = 1;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	size = (size_t)st.st_size;
	if ((uintmax_t)st.st_size > max) {
		*len = size;
		return -EFBIG;
	}
	*text = malloc(size + 1);
	if (!*text)
		return -ENOMEM;
	while (n && *len < size) {
		n = read(fd, *text + *len, size - *len);
		if (n > 0)
			*len += (size_t)n;
		else if (n < 0 && errno != EINTR)
			return -errno;
	}
	(*text)[*len] = 0;
	return 0;
}

int text_file_read(const char *path, size_t max, char **text, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), rc;

	*text = NULL;
	*len = 0;
	if (fd < 0)
		return -errno;
	rc = read_all(fd, max, text, len);
	if (rc) {
		free(*text);
		*text = NULL;
	}
	close(fd);
	return rc;
}
