/* SPDX-License-Identifier: MIT */
/* The machine as text, a fact a line; made of the JSON, so that both say the same. */
#include "system.h"

#include "../report/put.h"

#include <string.h>

static const char *str(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void begin(FILE *out, const char *what)
{
	put(out, what, NULL, NULL);
	fputs(": ", out);
}

/* ", LABEL VALUE" if there is a value. */
static void add(FILE *out, const char *label, const char *value)
{
	if (!value)
		return;
	fprintf(out, ", %s%s", label, *label ? " " : "");
	put(out, value, NULL, NULL);
}

static void show_kernel(const json_t *k, FILE *out)
{
	const json_t *taint = json_object_get(k, "taint"), *flags = json_object_get(taint, "flags");
	const json_t *flag;
	size_t i;

	begin(out, "kernel");
	put(out, str(k, "release") ? str(k, "release") : "of unknown release", NULL, NULL);
	add(out, "", str(k, "version"));
	add(out, "", str(k, "machine"));
	add(out, "flavour", str(k, "flavour") && *str(k, "flavour") ? str(k, "flavour") : NULL);
	fputc('\n', out);
	begin(out, "kernel headers");
	put(out, str(k, "headers") ? str(k, "headers") : "none", NULL, NULL);
	fputc('\n', out);
	if (str(k, "lockdown")) {
		begin(out, "kernel lockdown");
		put(out, str(k, "lockdown"), NULL, NULL);
		fputc('\n', out);
	}
	begin(out, "kernel taint");
	if (!json_is_object(taint))
		fputs("not known", out);
	else
		fprintf(out, "%llu%s",
			(unsigned long long)json_integer_value(json_object_get(taint, "value")),
			json_array_size(flags) ? "" : ", none");
	json_array_foreach(flags, i, flag)
	{
		fprintf(out, "%s %s (%s)", i ? "," : ":", str(flag, "letter"), str(flag, "means"));
	}
	fputc('\n', out);
}

static void show_config(const json_t *c, FILE *out)
{
	json_t *options = json_object_get(c, "options"), *value;
	const char *name, *gap = "";

	begin(out, "configuration");
	put(out, str(c, "source") ? str(c, "source") : "not to be found", NULL, NULL);
	fputc('\n', out);
	if (!str(c, "source"))
		return;
	begin(out, "configured");
	json_object_foreach(options, name, value)
	{
		if (!json_is_string(value))
			continue;
		fprintf(out, "%s%s=", gap, name);
		put(out, json_string_value(value), NULL, NULL);
		gap = " ";
	}
	fputs("\nnot configured: ", out);
	gap = "";
	json_object_foreach(options, name, value)
	{
		if (json_is_string(value))
			continue;
		fprintf(out, "%s%s", gap, name);
		gap = " ";
	}
	fputc('\n', out);
}

/* --- modules -----------------------------------------------------------------------------------
 */

static const char *support(const char *field)
{
	if (!field)
		return "the file does not say"; /* only SUSE's do */
	if (!strcmp(field, "yes"))
		return "yes, by the distribution";
	if (!strcmp(field, "external"))
		return "external: by a partner of the distribution";
	return field;
}

static void show_signature(const json_t *s, FILE *out)
{
	if (!json_is_true(json_object_get(s, "present"))) {
		fputs(", not signed", out);
		return;
	}
	fputs(", signed", out);
	fputs(str(s, "signer") ? " by " : "", out);
	put(out, str(s, "signer"), NULL, NULL);
	add(out, "", str(s, "kind"));
	add(out, "", str(s, "hash"));
}

static void show_file(const json_t *m, FILE *out)
{
	const json_t *others = json_object_get(m, "others"), *other;
	size_t i;

	if (!str(m, "path")) {
		if (str(m, "unlisted"))
			fprintf(out, "module %s, file: ", str(m, "name"));
		if (str(m, "unlisted"))
			put(out, str(m, "unlisted"), NULL, NULL);
		fputs(str(m, "unlisted") ? ", but not in modules.dep: depmod -a\n" : "", out);
		return;
	}
	fprintf(out, "module %s, file: ", str(m, "name"));
	put(out, str(m, "path"), NULL, NULL);
	add(out, "a link to", str(m, "link"));
	fprintf(out, " (%s", str(m, "kind"));
	fputs(": ", out);
	put(out, str(m, "why"), NULL, NULL);
	fputc(')', out);
	json_array_foreach(others, i, other)
	{
		add(out, i ? "" : "rather than", json_string_value(other));
	}
	if (json_is_true(json_object_get(m, "tie")))
		fputs(", by chance: no rule prefers it", out);
	if (str(m, "stale"))
		fputs(", but modules.dep is out of date, and depmod -a would choose ", out);
	put(out, str(m, "stale"), NULL, NULL);
	fputc('\n', out);
	fprintf(out, "module %s, says: ", str(m, "name"));
	if (str(m, "problem")) {
		put(out, str(m, "problem"), NULL, NULL);
		fputc('\n', out);
		return;
	}
	fputs("supported: ", out);
	put(out, support(str(m, "supported")), NULL, NULL);
	show_signature(json_object_get(m, "signature"), out);
	fputs(str(m, "intree") ? ", in-tree" : ", out of tree", out);
	add(out, "version", str(m, "version"));
	add(out, "for", str(m, "vermagic"));
	fputc('\n', out);
}

static void show_loaded(const json_t *m, FILE *out)
{
	const json_t *now = json_object_get(m, "loaded"), *same, *value;
	json_t *params = json_object_get(now, "parameters");
	const char *name, *gap = "";

	begin(out, str(m, "state"));
	same = json_object_get(m, "same_as_loaded");
	fputs(str(now, "taint") && *str(now, "taint") ? "taint " : "no taint", out);
	put(out, str(now, "taint"), NULL, NULL);
	add(out, "used by", str(now, "refcnt"));
	if (same)
		fputs(json_is_true(same) ? ", from that file"
					 : ", NOT from that file: another build",
		      out);
	fputc('\n', out);
	if (!json_object_size(params))
		return;
	fprintf(out, "module %s, parameters: ", str(m, "name"));
	json_object_foreach(params, name, value)
	{
		fputs(gap, out);
		put(out, name, NULL, NULL);
		fputc('=', out);
		put(out, json_is_string(value) ? json_string_value(value) : "?", NULL, NULL);
		gap = " ";
	}
	fputc('\n', out);
}

static void show_modprobe(const json_t *m, FILE *out)
{
	json_t *rules = json_object_get(m, "modprobe"), *line;
	const char *what, *gap = "";

	if (!rules && !str(m, "refused"))
		return;
	fprintf(out, "module %s, modprobe: ", str(m, "name"));
	json_object_foreach(rules, what, line)
	{
		fprintf(out, "%s%s ", gap, what);
		put(out, json_string_value(line), NULL, NULL);
		gap = ", ";
	}
	if (str(m, "refused")) {
		fprintf(out, "%srefuses what is not supported: ", gap);
		put(out, str(m, "refused"), NULL, NULL);
	}
	fputc('\n', out);
}

static void show_modules(const json_t *all, FILE *out)
{
	const json_t *m;
	size_t i;

	json_array_foreach(all, i, m)
	{
		fprintf(out, "module %s: ", str(m, "name"));
		if (json_object_get(m, "loaded"))
			show_loaded(m, out);
		else
			fprintf(out, "%s\n", str(m, "state"));
		show_file(m, out);
		show_modprobe(m, out);
	}
}

/* --- devices -----------------------------------------------------------------------------------
 */

static void show_holders(const json_t *device, FILE *out)
{
	const json_t *holders = json_object_get(device, "holders"), *h;
	size_t i;

	if (!json_array_size(holders))
		fputs(", open by nobody", out);
	json_array_foreach(holders, i, h)
	{
		fprintf(out, "%s%lld ", i ? ", " : ", open by process ",
			(long long)json_integer_value(json_object_get(h, "pid")));
		put(out, str(h, "command"), NULL, NULL);
		fprintf(out, " (%s%s%s)", json_object_get(h, "descriptor") ? "descriptor" : "",
			json_object_get(h, "descriptor") && json_object_get(h, "mapping") ? " and "
											  : "",
			json_object_get(h, "mapping") ? "mapping" : "");
	}
}

static void show_uio(const json_t *u, FILE *out)
{
	const json_t *devices = json_object_get(u, "devices"), *d;
	json_int_t unseen = json_integer_value(json_object_get(u, "unseen"));
	size_t i;

	if (!json_array_size(devices))
		fputs("UIO devices: none\n", out);
	json_array_foreach(devices, i, d)
	{
		fputs("UIO device ", out);
		begin(out, str(d, "name"));
		put(out, str(d, "is") ? str(d, "is") : "of no name", NULL, NULL);
		add(out, "region of", str(d, "region"));
		if (!json_is_true(json_object_get(d, "node")))
			fputs(", no node in /dev", out);
		show_holders(d, out);
		fputc('\n', out);
	}
	if (unseen)
		fprintf(out,
			"UIO devices, not known: %lld processes could not be looked into (root can)\n",
			(long long)unseen);
}

static void show_list(const json_t *list, const char *what, const char *part, FILE *out)
{
	const json_t *one, *sub, *name;
	size_t i, j;

	json_array_foreach(list, i, one)
	{
		fprintf(out, "%s ", what);
		begin(out, str(one, "name"));
		sub = json_object_get(one, part);
		if (!json_array_size(sub))
			fprintf(out, "no %s", part);
		json_array_foreach(sub, j, name)
		{
			fputs(j ? " " : "", out);
			put(out, json_string_value(name), NULL, NULL);
		}
		fputc('\n', out);
	}
}

static void show_target(const json_t *t, FILE *out)
{
	if (!json_is_true(json_object_get(t, "configfs")))
		fputs("target: configfs is not mounted on /sys/kernel/config\n", out);
	else if (!json_is_true(json_object_get(t, "loaded")))
		fputs("target: target_core_mod is not there: no /sys/kernel/config/target\n", out);
	else if (!json_array_size(json_object_get(t, "fabrics")))
		fputs("fabrics: none\n", out);
	show_list(json_object_get(t, "fabrics"), "fabric", "targets", out);
	show_list(json_object_get(t, "backstores"), "backstore", "devices", out);
}

static void show_limits(json_t *limits, FILE *out)
{
	const char *name, *gap = "", *const ends[] = { "soft", "hard" };
	const json_t *value;
	json_t *limit;
	size_t i;

	begin(out, "limits");
	json_object_foreach(limits, name, limit)
	{
		fprintf(out, "%s%s=", gap, name);
		for (i = 0; i < 2; i++) {
			value = json_object_get(limit, ends[i]);
			if (json_is_integer(value))
				fprintf(out, "%s%lld", i ? "/" : "",
					(long long)json_integer_value(value));
			else
				fprintf(out, "%sunlimited", i ? "/" : "");
		}
		gap = " ";
	}
	fputc('\n', out);
}

void system_text(const json_t *all, FILE *out)
{
	const json_t *unread = json_object_get(all, "unread"), *line;
	size_t i;

	show_kernel(json_object_get(all, "kernel"), out);
	show_config(json_object_get(all, "config"), out);
	show_modules(json_object_get(all, "modules"), out);
	show_uio(json_object_get(all, "uio"), out);
	show_target(json_object_get(all, "target"), out);
	show_limits(json_object_get(all, "limits"), out);
	json_array_foreach(unread, i, line)
	{
		begin(out, "unreadable");
		put(out, json_string_value(line), NULL, NULL);
		fputc('\n', out);
	}
}
