/* SPDX-License-Identifier: MIT */
/* What came of a run, for people and as JSON. */
#include "run.h"

#include "../check/verbs.h"
#include "../trace/trace.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/wait.h>

/* --- words -------------------------------------------------------------------------------------
 */

static const char *status_name(uint8_t status)
{
	switch (status) {
	case 0x00:
		return "GOOD";
	case 0x02:
		return "CHECK CONDITION";
	case 0x04:
		return "CONDITION MET";
	case 0x08:
		return "BUSY";
	case 0x18:
		return "RESERVATION CONFLICT";
	case 0x28:
		return "TASK SET FULL";
	case 0x30:
		return "ACA ACTIVE";
	case 0x40:
		return "TASK ABORTED";
	}
	return "status";
}

static const char *outcome_name(enum ringsim_outcome o)
{
	static const char *const names[] = { [RINGSIM_REFUSED] = ", refused by the kernel",
					     [RINGSIM_EXPIRED] = ", expired",
					     [RINGSIM_QUEUE_EXPIRED] = ", expired in the queue",
					     [RINGSIM_RESET] = ", by a reset of the ring",
					     [RINGSIM_ABORTED] = ", aborted" };

	return (size_t)o < sizeof(names) / sizeof(names[0]) && names[o] ? names[o] : "";
}

/* "CHECK CONDITION 05/24/00, expired" */
static void ending_text(const struct ending *e, char *buf, size_t len)
{
	char sense[16] = "", code[8] = "";

	if (e->sense)
		snprintf(sense, sizeof(sense), " %02x/%02x/%02x", e->sense >> 16,
			 e->sense >> 8 & 0xff, e->sense & 0xff);
	if (!strcmp(status_name(e->status), "status"))
		snprintf(code, sizeof(code), " 0x%02x", e->status);
	snprintf(buf, len, "%s%s%s%s", status_name(e->status), code, sense,
		 outcome_name(e->outcome));
}

static void op_name(unsigned int op, char *buf, size_t len)
{
	const char *name = trace_opcode_name((uint8_t)op);

	if (!strcmp(name, "other") || !strcmp(name, "vendor specific"))
		snprintf(buf, len, "0x%02x", op);
	else
		snprintf(buf, len, "%s", name);
}

static void bytes_text(uint64_t bytes, char *buf, size_t len)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	unsigned int i = 0;

	while (value >= 1024 && i < 4) {
		value /= 1024;
		i++;
	}
	snprintf(buf, len, i ? "%.1f %s" : "%.0f %s", value, units[i]);
}

/* --- for people --------------------------------------------------------------------------------
 */

static void put_op(unsigned int op, const struct opcount *c, FILE *out)
{
	char name[32], bytes[24] = "", text[96];
	uint32_t i;

	op_name(op, name, sizeof(name));
	if (c->bytes)
		bytes_text(c->bytes, bytes, sizeof(bytes));
	fprintf(out, "  %-24s %9llu %11s", name, (unsigned long long)c->n, bytes);
	if (c->core)
		fprintf(out, "  by the target core: %llu", (unsigned long long)c->core);
	for (i = 0; i < c->n_endings; i++) {
		ending_text(&c->endings[i], text, sizeof(text));
		fprintf(out, "%s %s: %llu", i ? ";" : " ", text,
			(unsigned long long)c->endings[i].n);
	}
	if (c->other)
		fprintf(out, "; otherwise: %llu", (unsigned long long)c->other);
	fputc('\n', out);
}

static void put_device(const struct run_device *d, FILE *out)
{
	const struct counts *c = &d->counts;
	uint32_t i;

	fprintf(out,
		"%s: %llu commands, %llu expired; %llu events to the handler, %llu doorbells\n",
		d->cfg->name, (unsigned long long)c->n, (unsigned long long)c->expired,
		(unsigned long long)d->events, (unsigned long long)d->doorbells);
	for (i = 0; i < 256; i++)
		if (c->ops[i].n)
			put_op(i, &c->ops[i], out);
	if (!c->violations)
		fprintf(out, "  the sanitizer saw nothing wrong\n");
	for (i = 0; i < c->n_breaches; i++)
		fprintf(out, "  %s %llu times: %s (tcmu-harness explain %s)\n",
			c->breaches[i].clause, (unsigned long long)c->breaches[i].n,
			c->breaches[i].what, c->breaches[i].clause);
}

static void put_intercepted(const struct run *r, FILE *out)
{
	const struct world_stats *a = &r->before, *b = &r->after;

	fprintf(out,
		"intercepted while the client ran: %llu opens, %llu stats, %llu mmaps, %llu "
		"sockets, %llu sends, %llu ioctls, %llu reads, %llu writes, %llu others\n",
		(unsigned long long)(b->opens - a->opens),
		(unsigned long long)(b->stats - a->stats), (unsigned long long)(b->maps - a->maps),
		(unsigned long long)(b->sockets - a->sockets),
		(unsigned long long)(b->sends - a->sends),
		(unsigned long long)(b->ioctls - a->ioctls),
		(unsigned long long)(b->reads - a->reads),
		(unsigned long long)(b->writes - a->writes),
		(unsigned long long)(b->other - a->other));
}

static void put_text(const struct run *r, FILE *out)
{
	char how[64];
	uint32_t i;

	run_how(r->client_status, how, sizeof(how));
	fprintf(out, "tcmu-harness run: the client %s\n", how);
	for (i = 0; i < r->cfg->n_devices; i++)
		put_device(&r->devices[i], out);
	put_intercepted(r, out);
}

/* --- JSON --------------------------------------------------------------------------------------
 */

static json_t *json_op(const struct opcount *c)
{
	json_t *endings = json_object();
	char text[96];
	uint32_t i;

	if (c->good)
		json_object_set_new(endings, "GOOD", json_integer((json_int_t)c->good));
	for (i = 0; i < c->n_endings; i++) {
		ending_text(&c->endings[i], text, sizeof(text));
		json_object_set_new(endings, text, json_integer((json_int_t)c->endings[i].n));
	}
	if (c->other)
		json_object_set_new(endings, "other", json_integer((json_int_t)c->other));
	return json_pack("{s:I, s:I, s:I, s:o}", "commands", (json_int_t)c->n, "bytes",
			 (json_int_t)c->bytes, "target_core", (json_int_t)c->core, "ended",
			 endings);
}

static json_t *json_ns(uint64_t ns)
{
	return ns == UINT64_MAX ? json_null() : json_integer((json_int_t)ns);
}

static json_t *json_device(const struct run_device *d)
{
	const struct counts *c = &d->counts;
	json_t *ops = json_object(), *breaches = json_array();
	char name[32], node[16];
	uint32_t i;

	for (i = 0; i < 256; i++) {
		if (!c->ops[i].n)
			continue;
		op_name(i, name, sizeof(name));
		json_object_set_new(ops, name, json_op(&c->ops[i]));
	}
	for (i = 0; i < c->n_breaches; i++)
		json_array_append_new(breaches,
				      json_pack("{s:s, s:I, s:s}", "clause", c->breaches[i].clause,
						"count", (json_int_t)c->breaches[i].n, "first",
						c->breaches[i].what));
	snprintf(node, sizeof(node), "uio%u", d->minor);
	return json_pack("{s:s, s:s, s:s, s:I, s:i, s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:o}",
			 "name", d->cfg->name, "uio", node, "config", d->cfg->config, "size",
			 (json_int_t)d->cfg->size_bytes, "block", (int)d->cfg->block_size,
			 "commands", (json_int_t)c->n, "expired", (json_int_t)c->expired, "events",
			 (json_int_t)d->events, "doorbells", (json_int_t)d->doorbells,
			 "handler_cpu_ns", json_ns(d->cpu_ns), "opcodes", ops, "violations",
			 (json_int_t)c->violations, "clauses", breaches);
}

static json_t *json_intercepted(const struct run *r)
{
	const struct world_stats *a = &r->before, *b = &r->after;

	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "opens",
		(json_int_t)(b->opens - a->opens), "stats", (json_int_t)(b->stats - a->stats),
		"mmaps", (json_int_t)(b->maps - a->maps), "sockets",
		(json_int_t)(b->sockets - a->sockets), "sends", (json_int_t)(b->sends - a->sends),
		"ioctls", (json_int_t)(b->ioctls - a->ioctls), "reads",
		(json_int_t)(b->reads - a->reads), "writes", (json_int_t)(b->writes - a->writes),
		"other", (json_int_t)(b->other - a->other));
}

static json_t *json_client(const struct run *r)
{
	json_t *command = json_array();
	char **arg;

	for (arg = r->cfg->client; *arg; arg++)
		json_array_append_new(command, json_string(*arg));
	if (WIFSIGNALED(r->client_status))
		return json_pack("{s:o, s:n, s:i}", "command", command, "status", "signal",
				 WTERMSIG(r->client_status));
	return json_pack("{s:o, s:i, s:n}", "command", command, "status",
			 WEXITSTATUS(r->client_status), "signal");
}

static int put_json(const struct run *r, int status)
{
	json_t *devices = json_array(), *handlers = json_array(), *all;
	FILE *out = strcmp(r->cfg->json, "-") ? fopen(r->cfg->json, "we") : stdout;
	const struct run_handler *h;
	uint32_t i;
	int rc = out ? 0 : -errno;

	for (i = 0; i < r->cfg->n_devices; i++)
		json_array_append_new(devices, json_device(&r->devices[i]));
	for (i = 0; i < r->cfg->n_handlers; i++) {
		h = &r->handlers[i];
		json_array_append_new(handlers,
				      json_pack("{s:s, s:i, s:s}", "command", h->command,
						"restarts", (int)h->restarts, "ended", h->how));
	}
	all = json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:o}", "mechanism",
			world_mechanism(r->w) == WORLD_SECCOMP ? "seccomp" : "preload",
			"exit_status", status, "client", json_client(r), "devices", devices,
			"handlers", handlers, "intercepted", json_intercepted(r), "world_cpu_ns",
			json_ns(r->cpu_ns));
	if (!rc && (!all || json_dumpf(all, out, JSON_INDENT(2)) || fputc('\n', out) == EOF))
		rc = -EIO;
	json_decref(all);
	if (out && (out == stdout ? fflush(out) : fclose(out)) && !rc)
		rc = -errno;
	return rc;
}

int run_report(const struct run *r, int status)
{
	int rc;

	put_text(r, stderr);
	fflush(stderr);
	rc = r->cfg->json ? put_json(r, status) : 0;
	if (!rc)
		return status;
	run_say("--json %s: %s", r->cfg->json, strerror(-rc));
	return EXIT_USAGE;
}
