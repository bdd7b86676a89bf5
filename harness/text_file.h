/* SPDX-License-Identifier: MIT */
/* Files that somebody else wrote, as a whole. */
#ifndef HARNESS_TEXT_FILE_H
#define HARNESS_TEXT_FILE_H

#include <stddef.h>

/**
 * text_file_read() - all of a regular file, with a 0 behind
 * @text: to be freed by the caller; NULL on failure
 * @len:  without the 0; if the file is too large, its size
 * Opening waits for nobody, whatever @path is. Returns 0, -EFBIG above @max bytes, -EINVAL for
 * anything but a regular file, -ENOMEM, or the error of opening or reading.
 */
int text_file_read(const char *path, size_t max, char **text, size_t *len);

#endif
