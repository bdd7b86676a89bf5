/* SPDX-License-Identifier: MIT */
/*
 * The layers: each one more thing on the way of a command, so that two rows tell what it costs.
 */
#ifndef BENCH_LAYERS_H
#define BENCH_LAYERS_H

#include "lane.h"

/**
 * enum layer_waits - how the two sides wait
 * @LAYER_EITHER: as the workload says
 * @LAYER_POLLS, @LAYER_SLEEPS: that is what the layer is about
 */
enum layer_waits { LAYER_EITHER, LAYER_POLLS, LAYER_SLEEPS };

/**
 * struct layer
 * @name:    as in --layers and in results
 * @below:   the layer that it adds one thing to; "" if none
 * @adds:    what that is
 * @engine:  of the reference handler, as in struct lane_config
 * @no_data: commands have lengths, but the initiator has no buffers for them
 * @cheap:   see generator.h
 * @serves:  what is written can be read back
 * @file:    the handler serves a file
 * @two:     wants two CPUs
 * @program: stands for a handler that the user names; not there without one
 * @command: of an unmodified handler, run by a shell in a world; @config: of its device, see
 *           struct lane_config; @needs: the program that has to be installed
 * @direct:  the file is opened with O_DIRECT
 * @adaptive: see struct lane_config
 * @fio:     fio sends the commands, see fio.h; without @ops straight to the file
 * @extra:   measured only if it is asked for by name
 */
struct layer {
	const char *name, *below, *adds, *engine, *command, *config, *needs;
	const struct lane_ops *ops;
	enum layer_waits waits;
	bool no_data, cheap, sanitize, serves, file, two, program, direct, adaptive, fio, extra;
};

/** layer_at() - in the order of the report, NULL past the last. */
const struct layer *layer_at(uint32_t i);
/** layer_find() - by name, NULL if there is none. */
const struct layer *layer_find(const char *name);

#endif
