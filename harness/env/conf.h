/* SPDX-License-Identifier: MIT */
/* Directories of configuration files as depmod.d(5) and modprobe.d(5) are. */
#ifndef HARNESS_ENV_CONF_H
#define HARNESS_ENV_CONF_H

#include "rootfs.h"

/**
 * typedef conf_line - take one line
 * @line: without its newline, may be changed; where a backslash ended it, with the next one
 * @from: "FILE:LINE"
 */
typedef void conf_line(struct rootfs *t, char *line, const char *from, void *ctx);

/**
 * conf_lines() - all lines of the files NAME.conf in /etc/@dir, /run/@dir and so on
 * By NAME; one in /etc hides those of the same name elsewhere. Comments and empty lines, too.
 */
void conf_lines(struct rootfs *t, const char *dir, conf_line *take, void *ctx);

#endif
