/* SPDX-License-Identifier: MIT */
/* The verb `tcmu-harness run`: a directory of its own around it all. */
#include "run.h"

#include "../check/verbs.h"

int verb_run(int argc, char **argv)
{
	struct run_config cfg;
	int rc = run_options(&cfg, argc, argv);
	char *dir;

	if (rc < 0)
		rc = run_trace_open(&cfg) ? EXIT_USAGE : -1;
	if (rc < 0) {
		dir = workdir_make("run");
		rc = dir ? run_front(&cfg, dir) : EXIT_USAGE;
		workdir_remove(dir);
		run_trace_close(&cfg);
	}
	run_options_free(&cfg);
	return rc;
}
