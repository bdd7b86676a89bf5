/* SPDX-License-Identifier: MIT */
/* What the library knows from the start: the world's directory, and the functions it stands for. */
#include "next.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct next_table next_table;

static struct preload_state state;

const struct preload_state *preload_state(void)
{
	return &state;
}

static void __attribute__((constructor(101))) start(void)
{
	const char *dir = getenv(PRELOAD_ENV);
	struct stat st = { 0 };
	Dl_info self;

#define NEXT_FIND(fn) next_table.fn = (__typeof__(&fn))dlsym(RTLD_NEXT, #fn);
	NEXT_LIST(NEXT_FIND)
#undef NEXT_FIND
	/* The program may clear its environment and still start others. */
	if (!dir || dir[0] != '/' || strlen(dir) >= sizeof(state.dir))
		return;
	snprintf(state.dir, sizeof(state.dir), "%s", dir);
	snprintf(state.root, sizeof(state.root), "%s/" PRELOAD_FILES, dir);
	if (dladdr(&state, &self) && self.dli_fname)
		snprintf(state.library, sizeof(state.library), "%s", self.dli_fname);
	if (!NEXT(fstat)(STDERR_FILENO, &st)) {
		state.err_dev = st.st_dev;
		state.err_ino = st.st_ino;
	}
	/* last: from now on we are in the way */
	state.root_len = strlen(state.root);
}
