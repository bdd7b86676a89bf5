/* SPDX-License-Identifier: MIT */
/*
 * The files of a module. Templates are files beside this one, taken into the program as they are:
 * it needs nothing but itself to generate.
 */
#include "fabric.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define TEMPLATE(symbol, file)                                        \
	extern const char symbol[] __attribute__((visibility("hidden")));                                   \
	__asm__(".pushsection .rodata\n"                              \
		#symbol ": .incbin \"harness/fabric/templates/" file "\"\n" \
		".byte 0\n"                                           \
		".popsection\n")
/* clang-format on */

TEMPLATE(fabric_template_configfs, "configfs.c.in");
TEMPLATE(fabric_template_io, "io.c.in");
TEMPLATE(fabric_template_main, "main.c.in");
TEMPLATE(fabric_template_header, "module.h.in");
TEMPLATE(fabric_template_kbuild, "Kbuild.in");
TEMPLATE(fabric_template_kconfig, "Kconfig.in");
TEMPLATE(fabric_template_readme, "README.md.in");

/* What makes callbacks comes before what tells of them. */
static const struct {
	const char *name; /* behind the module's and '_' if it begins with '*' */
	const char *text;
} templates[FABRIC_FILES] = {
	{ "*_configfs.c", fabric_template_configfs }, { "*_io.c", fabric_template_io },
	{ "*_main.c", fabric_template_main },	      { "*.h", fabric_template_header },
	{ "Kbuild", fabric_template_kbuild },	      { "Kconfig", fabric_template_kconfig },
	{ "README.md", fabric_template_readme },
};

int fabric_name_check(const char *name, char error[FABRIC_ERROR_SIZE])
{
	static const char *const taken[] = { "core", "iscsi", "loopback" };
	size_t length = strlen(name), good = 0;

	while (islower((unsigned char)name[good]) || name[good] == '_' ||
	       (good && isdigit((unsigned char)name[good])))
		good++;
	if (!length || good < length || length > FABRIC_MODULE_MAX || *name == '_') {
		snprintf(error, FABRIC_ERROR_SIZE,
			 "expected a name of up to %d lower-case letters, digits and _, with a "
			 "letter in front, found '%.64s'",
			 FABRIC_MODULE_MAX, name);
		return -EINVAL;
	}
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
		if (strcmp(taken[i], name) != 0)
			continue;
		snprintf(error, FABRIC_ERROR_SIZE,
			 "expected a new name, found '%s', which the target core has already",
			 name);
		return -EINVAL;
	}
	return 0;
}

void fabric_files_free(struct fabric_file files[FABRIC_FILES])
{
	for (int i = 0; i < FABRIC_FILES; i++) {
		free(files[i].text);
		files[i].text = NULL;
	}
}

int fabric_generate(const struct fabric_order *order, struct fabric_file files[FABRIC_FILES],
		    char error[FABRIC_ERROR_SIZE])
{
	struct fabric_use use[FABRIC_MAX_MEMBERS] = { { .template = NULL } };
	int rc = 0;

	memset(files, 0, FABRIC_FILES * sizeof(*files));
	for (int i = 0; i < FABRIC_FILES && !rc; i++) {
		const char *name = templates[i].name;

		snprintf(files[i].name, sizeof(files[i].name), "%s%s",
			 *name == '*' ? order->name : "", name + (*name == '*'));
		rc = fabric_expand(order, name + (*name == '*') + (name[1] == '_'),
				   templates[i].text, use, &files[i].text, error);
	}
	if (rc)
		fabric_files_free(files);
	return rc;
}
