/* SPDX-License-Identifier: MIT */
/* The verb `tcmu-harness run`: a directory of its own around it all. */
#include "run.h"

#include "../check/verbs.h"

int verb_run(int argc, char **argv)
{
	struct run_config cfg;
	int rc = run_options(&cfg, argc, argv);
	char *dir;

	if (rc >= 0)
		return rc;
	dir = workdir_make("run");
	if (!dir)
		return EXIT_USAGE;
	rc = run_front(&cfg, dir);
	workdir_remove(dir);
	return rc;
}
