/* SPDX-License-Identifier: MIT */
/* What this machine is, as far as timings depend on it. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/** machine_line() - the first line of @path without its newline in @buf, which is returned; "" if
 * there is none. */
const char *machine_line(const char *path, char *buf, size_t len);
/** machine_cpu() - model of the processor; *@guest says whether it is a virtual one. */
const char *machine_cpu(char *buf, size_t len, bool *guest);
/** machine_governor() - who sets the frequency; "" where that cannot be seen. */
const char *machine_governor(char *buf, size_t len);
/**
 * machine_mitigations() - object: names of vulnerabilities to what the kernel says of each
 * Those that do not affect this processor are left out; NULL if out of memory.
 */
json_t *machine_mitigations(void);

#endif
