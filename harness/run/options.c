/* SPDX-License-Identifier: MIT */
/* The command line of `tcmu-harness run`: every mistake is answered with one line. */
#include "../check/verbs.h"
#include "../handlers/store.h"
#include "run.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: tcmu-harness run --device SPEC... [--handler 'CMD ...']... [OPTION]... -- CLIENT...\n"
	"Run a client on simulated SCSI devices, with unmodified handlers behind them.\n"
	"\n"
	"CLIENT and CMD see /dev/uioN and /dev/sgN, sysfs, configfs and netlink as on a host with\n"
	"TCMU; this kernel needs none of it.\n"
	"\n"
	"  --device NAME,size=64M[,block=512][,ring=8][,data-area=1024][,config=SUBTYPE/PATH]\n"
	"                     a device, ring and data area in MiB; config= takes the rest of SPEC.\n"
	"                     The first is uio0 and sg0. {file} in config= is a new file of its size\n"
	"  --handler 'CMD'    started for all devices, its output on standard error; {uio}, {file},\n"
	"                     {size} and {block} are the first device's, {uio.NAME} ... another's.\n"
	"                     Without a handler nobody is waited for: CLIENT may start one\n"
	"  --replies          handlers first; devices are announced by netlink, and wait for the\n"
	"                     replies that a handler promised\n"
	"  --restart-handler  start a handler again that ends while CLIENT runs\n"
	"  --start-time-out S seconds until all devices are served (default 10)\n"
	"  --cmd-time-out S   cmd_time_out of the devices (default 30; 0: never)\n"
	"  --mechanism NAME   auto (default), seccomp or preload; see tcmu-harness env\n"
	"\n"
	"Reports, on standard error when CLIENT has ended:\n"
	"  --json FILE        as JSON as well\n"
	"  --trace FILE       what happens on the ring of the only device, for tcmu-harness trace\n"
	"  --no-strict        what the sanitizer saw does not change the exit status\n"
	"\n"
	"Exit status: CLIENT's, 128 and the signal that killed it, 126 or 127 if it cannot be run;\n"
	"1 if a handler broke a clause; 2 if devices, handlers or the world could not be set up.\n";

enum {
	O_DEVICE = 256,
	O_HANDLER,
	O_REPLIES,
	O_RESTART,
	O_START,
	O_CMD,
	O_MECHANISM,
	O_JSON,
	O_LAX,
	O_TRACE,
};

static const struct option longs[] = {
	{ "device", required_argument, NULL, O_DEVICE },
	{ "handler", required_argument, NULL, O_HANDLER },
	{ "replies", no_argument, NULL, O_REPLIES },
	{ "restart-handler", no_argument, NULL, O_RESTART },
	{ "start-time-out", required_argument, NULL, O_START },
	{ "cmd-time-out", required_argument, NULL, O_CMD },
	{ "mechanism", required_argument, NULL, O_MECHANISM },
	{ "json", required_argument, NULL, O_JSON },
	{ "no-strict", no_argument, NULL, O_LAX },
	{ "trace", required_argument, NULL, O_TRACE },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int bad_device(const char *spec, const char *what, const char *expected, const char *found)
{
	return usage_error("run", "--device '%s': %s: expected %s, found '%s'", spec, what,
			   expected, found);
}

static int megabytes(const char *spec, const char *key, const char *value, uint32_t max,
		     uint32_t *out)
{
	char expected[64];
	uint64_t n;

	if (parse_u64(value, &n) && n >= 1 && n <= max) {
		*out = (uint32_t)n;
		return 0;
	}
	snprintf(expected, sizeof(expected), "MiB, 1 to %u", max);
	return bad_device(spec, key, expected, value);
}

/* What configfs takes: a power of two is what initiators take. */
static int block_size(const char *spec, const char *value, uint32_t *out)
{
	uint64_t n;

	if (!parse_u64(value, &n) || n < 512 || n > 65536 || n & (n - 1))
		return bad_device(spec, "block", "a power of two, 512 to 65536", value);
	*out = (uint32_t)n;
	return 0;
}

static int device_key(const char *spec, struct run_device_config *d, const char *key,
		      const char *value)
{
	if (!strcmp(key, "size")) {
		if (!store_parse_size(value, &d->size_bytes) && d->size_bytes)
			return 0;
		return bad_device(spec, key, "a number like 64M", value);
	}
	if (!strcmp(key, "block"))
		return block_size(spec, value, &d->block_size);
	if (!strcmp(key, "ring"))
		return megabytes(spec, key, value, 8, &d->ring_mb);
	if (!strcmp(key, "data-area"))
		return megabytes(spec, key, value, 4096, &d->data_area_mb);
	if (!strcmp(key, "config")) {
		if (*value && *value != '/' && strlen(value) < 256) {
			d->config = value;
			return 0;
		}
		return bad_device(spec, key, "SUBTYPE/PATH, shorter than 256 bytes", value);
	}
	return bad_device(spec, "key", "size, block, ring, data-area or config", key);
}

static bool is_name(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.:", name[i]))
			return false;
	return i >= 1 && i <= 60 && name[0] != '.';
}

static int check_device(const struct run_config *cfg, const char *spec,
			const struct run_device_config *d)
{
	uint32_t i;

	if (!is_name(d->name))
		return bad_device(spec, "name", "up to 60 letters, digits and -_.:", d->name);
	for (i = 0; i < cfg->n_devices; i++)
		if (!strcmp(cfg->devices[i].name, d->name))
			return bad_device(spec, "name", "another for each device", d->name);
	if (!d->size_bytes)
		return bad_device(spec, "size", "size=BYTES", "");
	if (d->size_bytes % d->block_size)
		return usage_error("run",
				   "--device '%s': size: expected a multiple of the block, %u, "
				   "found %llu",
				   spec, d->block_size, (unsigned long long)d->size_bytes);
	return 0;
}

/* Strings point into a copy of @spec, which begins with the name: run_options_free(). */
static int add_device(struct run_config *cfg, const char *spec)
{
	struct run_device_config *d = &cfg->devices[cfg->n_devices];
	char *copy, *p, *item, *value;
	int rc = 0;

	if (cfg->n_devices == RUN_DEVICES)
		return usage_error("run", "--device: expected at most %d", RUN_DEVICES);
	p = copy = strdup(spec);
	if (!copy)
		return usage_error("run", "out of memory");
	*d = (struct run_device_config){ .name = strsep(&p, ","),
					 .config = "any/x",
					 .block_size = 512 };
	while (!rc && p && *p) {
		item = !strncmp(p, "config=", 7) ? p : strsep(&p, ",");
		if (item == p)
			p = NULL;
		value = strchr(item, '=');
		if (value)
			*value++ = 0;
		rc = value ? device_key(spec, d, item, value)
			   : bad_device(spec, "key", "KEY=VALUE", item);
	}
	if (!rc)
		rc = check_device(cfg, spec, d);
	if (rc)
		free(copy);
	cfg->n_devices += !rc;
	return rc;
}

static int seconds(const char *name, const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
	uint64_t n;

	if (!parse_u64(text, &n) || n < min || n > max)
		return usage_error("run", "--%s: expected seconds, %u to %u, found '%s'", name, min,
				   max, text);
	*out = (uint32_t)n;
	return 0;
}

static int add_handler(struct run_config *cfg, const char *command)
{
	if (!command[strspn(command, " \t")])
		return usage_error("run", "--handler: expected a command, found nothing");
	if (cfg->n_handlers == RUN_HANDLERS)
		return usage_error("run", "--handler: expected at most %d", RUN_HANDLERS);
	cfg->handlers[cfg->n_handlers++] = command;
	return 0;
}

static int set_mechanism(struct run_config *cfg, const char *text)
{
	static const char *const names[] = {
		[WORLD_AUTO] = "auto", [WORLD_SECCOMP] = "seccomp", [WORLD_PRELOAD] = "preload"
	};
	int i;

	for (i = 0; i < 3; i++) {
		cfg->mechanism = (enum world_mechanism)i;
		if (!strcmp(text, names[i]))
			return 0;
	}
	return usage_error("run", "--mechanism: expected auto, seccomp or preload, found '%s'",
			   text);
}

static int set_option(struct run_config *cfg, int opt)
{
	int rc;

	switch (opt) {
	case O_DEVICE:
		return add_device(cfg, optarg);
	case O_HANDLER:
		return add_handler(cfg, optarg);
	case O_START:
		rc = seconds("start-time-out", optarg, 1, 3600, &cfg->start_ms);
		cfg->start_ms *= 1000;
		return rc;
	case O_CMD:
		return seconds("cmd-time-out", optarg, 0, 86400, &cfg->cmd_time_out_s);
	case O_MECHANISM:
		return set_mechanism(cfg, optarg);
	case O_JSON:
		cfg->json = optarg;
		return 0;
	case O_TRACE:
		cfg->trace = optarg;
		return 0;
	case O_REPLIES:
		cfg->replies = true;
		return 0;
	case O_RESTART:
		cfg->restart = true;
		return 0;
	default: /* O_LAX */
		cfg->lax = true;
		return 0;
	}
}

static int check_trace(const struct run_config *cfg)
{
	size_t len = cfg->trace ? strlen(cfg->trace) : 0;

	if (!cfg->trace)
		return 0;
	if (cfg->n_devices > 1)
		return usage_error("run", "--trace: expected one --device, found %u",
				   cfg->n_devices);
	if (!len || !strcmp(cfg->trace, "-") || (len > 3 && !strcmp(cfg->trace + len - 3, ".xz")))
		return usage_error("run",
				   "--trace: expected a file, not compressed while it is written, "
				   "found '%s'",
				   cfg->trace);
	return 0;
}

int run_options(struct run_config *cfg, int argc, char **argv)
{
	int opt, rc;

	*cfg = (struct run_config){ .cmd_time_out_s = 30, .start_ms = 10000 };
	opterr = 0;
	/* what follows the client's name is the client's */
	while ((opt = getopt_long(argc, argv, "+:h", longs, NULL)) != -1) {
		if (opt == 'h') {
			fputs(help, stdout);
			return EXIT_OK;
		}
		if (opt == '?' || opt == ':')
			return option_error("run", opt, argv);
		rc = set_option(cfg, opt);
		if (rc)
			return rc;
	}
	if (!cfg->n_devices)
		return usage_error("run", "expected --device NAME,size=SIZE, found none");
	rc = check_trace(cfg);
	if (rc)
		return rc;
	if (optind >= argc)
		return usage_error("run", "expected a client's command, found nothing");
	if (cfg->restart && !cfg->n_handlers)
		return usage_error("run", "--restart-handler: expected --handler");
	cfg->client = argv + optind;
	return -1;
}

void run_options_free(struct run_config *cfg)
{
	while (cfg->n_devices)
		free((char *)(uintptr_t)cfg->devices[--cfg->n_devices].name);
}
