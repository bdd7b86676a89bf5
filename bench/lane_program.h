/* SPDX-License-Identifier: MIT */
/* The handler's program behind a lane: its command line, its life, its last words. */
#ifndef BENCH_LANE_PROGRAM_H
#define BENCH_LANE_PROGRAM_H

#include "lane.h"

/**
 * struct lane_program - a running program; zero it
 * @pid: of its shell and process group; 0 if there is none
 * @log: what it says goes there
 */
struct lane_program {
	pid_t pid;
	char log[160];
};

/**
 * lane_program_command() - what to run: @cfg's own program, or tcmu-handler
 * @where: options that say which device it is to serve ("--uio uio0"), with tcmu-handler only
 * 0, or -errno with one line in @err: there is no tcmu-handler beside this program.
 */
int lane_program_command(const struct lane_config *cfg, const char *where, char *cmd, size_t len,
			 char *err, size_t err_len);
/**
 * lane_program_start() - start @cmd in a process group of its own, on @cfg's CPU
 * @env, @value: one more environment variable
 * It dies with us. 0 or -errno with one line in @err.
 */
int lane_program_start(struct lane_program *p, const struct lane_config *cfg, const char *cmd,
		       const char *env, const char *value, char *err, size_t err_len);
/** lane_program_gone() - whether it ended; if so, one line says how and what it said last. */
bool lane_program_gone(struct lane_program *p, char *err, size_t err_len);
/**
 * lane_program_end() - terminate it, soon, with its process group
 * @serve: while it ends it may ask for something, and somebody has to answer: called until it is
 *         gone, to serve for a few ms
 */
void lane_program_end(struct lane_program *p, void (*serve)(void *ctx), void *ctx);

#endif
