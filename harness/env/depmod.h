/* SPDX-License-Identifier: MIT */
/*
 * Which of several files of one module is loaded: depmod(8) chooses when it writes modules.dep, by
 * the lines `search` and `override` of depmod.d(5); modprobe(8) only looks there.
 */
#ifndef HARNESS_ENV_DEPMOD_H
#define HARNESS_ENV_DEPMOD_H

#include "rootfs.h"

#define SEARCH_MAX   32
#define OVERRIDE_MAX 256

/**
 * struct depmod - the rules for one kernel release
 * @search:   directories below /lib/modules/RELEASE, the best first; "built-in" is all the others
 * @override: only those that apply to the release, the latest last: that one counts
 */
struct depmod {
	char release[128];
	struct {
		char dir[128];
		char from[256];
	} search[SEARCH_MAX];
	struct {
		char module[64];
		char dir[128];
		char from[256]; /* FILE:LINE */
	} override[OVERRIDE_MAX];
	size_t n_search, n_override;
};

/** depmod_rules() - read them; bad lines are complained of, and ignored as depmod does. */
void depmod_rules(struct depmod *d, struct rootfs *t, const char *release);
/**
 * depmod_better() - 1 if @a is chosen over @b, -1 if @b is, 0 if that is left to chance
 * Both are paths below /lib/modules/RELEASE of the module @name.
 */
int depmod_better(const struct depmod *d, const char *name, const char *a, const char *b);
/** depmod_why() - one line: the rule by which @path is the one to load; @rivals: there are others
 */
void depmod_why(const struct depmod *d, const char *name, const char *path, bool rivals, char *buf,
		size_t len);
/** depmod_kind() - "override", "updates", "extra", "weak-updates", "release" or "elsewhere". */
const char *depmod_kind(const struct depmod *d, const char *name, const char *path);
/** module_name() - @buf: what modules are called by: "a-b.ko.xz" is a_b; false if it is none. */
bool module_name(const char *path, char *buf, size_t len);

#endif
