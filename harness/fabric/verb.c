/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness fabric`: the command line, and putting files where they are wanted. A directory
 * that exists is never touched; one that cannot be filled is taken away again.
 */
#include "../check/verbs.h"
#include "fabric.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char help[] =
	"Usage: tcmu-harness fabric -m NAME -p PROTOCOL -o DIR [--headers KDIR]\n"
	"Generate a new fabric module for the kernel's target core.\n"
	"\n"
	"Callbacks and their signatures are read from the headers of the kernel that it is for.\n"
	"The module loads and takes targets, portal groups, LUNs, ACLs and sessions in configfs;\n"
	"DIR/README.md says how to build and try it and what the transport has to fill in.\n"
	"\n"
	"  -m, --module NAME      of the module, and of its directory in configfs\n"
	"  -p, --protocol NAME    what its ports are; --list says which there are\n"
	"  -o, --output DIR       a new directory\n"
	"      --headers KDIR     where modules for that kernel are built (default: this\n"
	"                         kernel's, /lib/modules/RELEASE/build)\n"
	"      --list             the protocols, their names and TransportIDs\n"
	"\n"
	"Exit status: 0, or 2 for bad usage, headers that do not fit, or what cannot be written.\n";

struct choices {
	const char *module, *protocol, *output, *headers;
};

static int list(void)
{
	const struct fabric_protocol *p;

	for (size_t n = 0; (p = fabric_protocol_at(n)); n++)
		printf("%-6s %s\n       names: %s\n       TransportID: %s\n", p->name, p->title,
		       p->names, p->transport_id);
	return EXIT_OK;
}

static int parse(int argc, char **argv, struct choices *o)
{
	static const struct option longs[] = {
		{ "module", required_argument, NULL, 'm' },
		{ "protocol", required_argument, NULL, 'p' },
		{ "output", required_argument, NULL, 'o' },
		{ "headers", required_argument, NULL, 'H' },
		{ "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, ":m:p:o:h", longs, NULL)) != -1) {
		switch (c) {
		case 'm':
			o->module = optarg;
			break;
		case 'p':
			o->protocol = optarg;
			break;
		case 'o':
			o->output = optarg;
			break;
		case 'H':
			o->headers = optarg;
			break;
		case 'l':
			list();
			return -1;
		case 'h':
			fputs(help, stdout);
			return -1;
		default:
			return option_error("fabric", c, argv);
		}
	}
	if (optind < argc)
		return usage_error("fabric", "unexpected argument '%s'", argv[optind]);
	if (!o->module)
		return usage_error("fabric", "no name given: expected -m NAME");
	if (!o->protocol)
		return usage_error("fabric", "no protocol given: expected -p PROTOCOL");
	if (!o->output)
		return usage_error("fabric", "no directory given: expected -o DIR");
	return EXIT_OK;
}

static int unknown_protocol(const char *name)
{
	const struct fabric_protocol *p;
	char names[128] = "";

	for (size_t n = 0; (p = fabric_protocol_at(n)); n++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 n ? ", " : "", p->name);
	return usage_error("fabric", "-p: expected one of %s, found '%s'", names, name);
}

static int write_file(int dir, const struct fabric_file *file)
{
	int fd = openat(dir, file->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	const char *at = file->text;
	size_t left = strlen(at);

	if (fd < 0)
		return -errno;
	while (left) {
		ssize_t n = write(fd, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int rc = n ? -errno : -EIO;

			close(fd);
			return rc;
		}
		at += n;
		left -= (size_t)n;
	}
	return close(fd) ? -errno : 0;
}

static int write_files(const char *path, struct fabric_file files[FABRIC_FILES])
{
	int dir, rc = 0, i;

	if (mkdir(path, 0777))
		return usage_error("fabric", "-o %s: expected a new directory: %s", path,
				   strerror(errno));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		rc = -errno;
	for (i = 0; i < FABRIC_FILES && !rc; i++)
		rc = write_file(dir, &files[i]);
	if (rc) {
		fprintf(stderr, "tcmu-harness fabric: %s/%s: %s\n", path, files[i ? i - 1 : 0].name,
			strerror(-rc));
		while (dir >= 0 && i--)
			unlinkat(dir, files[i].name, 0);
		rmdir(path);
	}
	if (dir >= 0)
		close(dir);
	return rc ? EXIT_USAGE : EXIT_OK;
}

static int generate(const struct choices *o, struct fabric_order *order, struct fabric_table *table)
{
	struct fabric_file files[FABRIC_FILES];
	char error[FABRIC_ERROR_SIZE];
	char kdir[128], release[128];
	struct utsname host;
	int rc;

	if (!o->headers && !uname(&host))
		snprintf(kdir, sizeof(kdir), "/lib/modules/%s/build", host.release);
	fabric_kernel_release(o->headers ? o->headers : kdir, release, sizeof(release));
	rc = fabric_table_read(table, o->headers ? o->headers : kdir, error);
	order->table = table;
	order->release = release;
	if (!rc)
		rc = fabric_generate(order, files, error);
	if (rc) {
		fprintf(stderr, "tcmu-harness fabric: %s\n", error);
		return EXIT_USAGE;
	}
	rc = write_files(o->output, files);
	if (!rc)
		printf("%s: a fabric module for %s; read %s/README.md\n", o->module,
		       *release ? release : "a kernel of unknown release", o->output);
	fabric_files_free(files);
	return rc;
}

int verb_fabric(int argc, char **argv)
{
	char error[FABRIC_ERROR_SIZE];
	struct fabric_order order = { .name = NULL };
	struct fabric_table *table;
	struct choices o = { .module = NULL };
	int rc = parse(argc, argv, &o);

	if (rc)
		return rc < 0 ? EXIT_OK : rc;
	if (fabric_name_check(o.module, error))
		return usage_error("fabric", "-m: %s", error);
	order.name = o.module;
	order.protocol = fabric_protocol_find(o.protocol);
	if (!order.protocol)
		return unknown_protocol(o.protocol);
	table = calloc(1, sizeof(*table));
	if (!table) {
		fputs("tcmu-harness fabric: out of memory\n", stderr);
		return EXIT_USAGE;
	}
	rc = generate(&o, &order, table);
	fabric_table_free(table);
	free(table);
	return rc;
}
