/* SPDX-License-Identifier: MIT */
/*
 * The command line of tcmu-handler.
 */
#ifndef HANDLERS_CLI_H
#define HANDLERS_CLI_H

#include "../consumer/consumer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CLI_VERSION "0.1.0"

/** enum cli_order - --order; CLI_ORDER_DEFAULT lets the engine decide. */
enum cli_order { CLI_ORDER_DEFAULT, CLI_ORDER_IN, CLI_ORDER_OUT };

/**
 * struct cli - the options as given; strings point into argv, 0 and NULL mean not given
 * @attach:    also from the environment when neither --uio nor --attach is given
 * @die_count: crash after this many steps of kind @die_step; 0 = never
 */
struct cli {
	const char *store, *engine, *subtype, *serial, *uio, *attach;
	uint64_t size_bytes;
	uint32_t block_size, depth, poll_us, reorder_seed, die_count;
	enum consumer_step die_step;
	enum cli_order order;
	bool create, direct, wce, read_only, stale_reads, sqpoll, poll_auto, verbose, daemon,
		replies;
	bool help, version;
};

/** cli_parse() - 0, or -EINVAL with one line in @err. */
int cli_parse(struct cli *cli, int argc, char **argv, char *err, size_t err_len);

/** cli_help() - the options, one line each. */
void cli_help(FILE *out);

#endif
