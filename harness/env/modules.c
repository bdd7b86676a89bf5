/* SPDX-License-Identifier: MIT */
/*
 * The target's modules: which file modprobe would load and by which rule, what that file says of
 * itself, and what is loaded now, which may be something else.
 */
#include "depmod.h"
#include "modinfo.h"
#include "system.h"

#include "../report/clean.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_FILE_MAX ((size_t)16 << 20) /* modules.dep and its like */
#define DEPTH_MAX     16
#define VISITS_MAX    200000 /* files below /lib/modules/RELEASE */
#define RIVALS_MAX    16

const char *const system_modules[] = { "target_core_mod",
				       "target_core_user",
				       "target_core_file",
				       "target_core_iblock",
				       "target_core_pscsi",
				       "tcm_loop",
				       "iscsi_target_mod",
				       "uio",
				       NULL };

#define MODULES 8

/* The files of one module below /lib/modules/RELEASE. */
struct files {
	char *path[RIVALS_MAX];
	size_t n;
};

struct place {
	struct rootfs *t;
	char dir[160]; /* /lib/modules/RELEASE */
	struct depmod rules;
	struct files files[MODULES];
	char *dep, *builtin;
	json_t *modprobe;
	size_t visits;
};

static void found(struct place *p, const char *path)
{
	char name[64];
	size_t i;

	if (!module_name(path, name, sizeof(name)))
		return;
	for (i = 0; system_modules[i]; i++) {
		if (!strcmp(name, system_modules[i]) && p->files[i].n < RIVALS_MAX &&
		    (p->files[i].path[p->files[i].n] = strdup(path)))
			p->files[i].n++;
	}
}

/* As depmod looks for modules: not through links to directories, but links to files count. */
static void walk(struct place *p, const char *below, int depth)
{
	char path[PATH_MAX], full[PATH_MAX];
	char **names;
	size_t i;

	if ((size_t)snprintf(full, sizeof(full), "%s/%s", p->dir, below) >= sizeof(full))
		return;
	names = rootfs_list(p->t, full);
	for (i = 0; names && names[i] && p->visits < VISITS_MAX; i++, p->visits++) {
		if ((size_t)snprintf(path, sizeof(path), "%s%s%s", below, *below ? "/" : "",
				     names[i]) >= sizeof(path) ||
		    (size_t)snprintf(full, sizeof(full), "%s/%s", p->dir, path) >= sizeof(full))
			continue;
		if (strstr(names[i], ".ko"))
			found(p, path);
		else if (depth < DEPTH_MAX && rootfs_is_dir(p->t, full))
			walk(p, path, depth + 1);
	}
	rootfs_list_free(names);
}

/* The path of @name in a list of paths, one a line, up to a colon; false if it is not there. */
static bool listed(const char *list, const char *name, char *path, size_t len)
{
	char found_name[64];
	size_t n;

	for (; list && *list; list += n + (list[n] != 0)) {
		n = strcspn(list, "\n");
		if ((size_t)snprintf(path, len, "%.*s", (int)strcspn(list, ":\n"), list) < len &&
		    module_name(path, found_name, sizeof(found_name)) && !strcmp(found_name, name))
			return true;
	}
	return false;
}

/* --- the file ----------------------------------------------------------------------------------
 */

static void set_text(json_t *m, const char *key, const char *value)
{
	if (value)
		json_object_set_new(m, key, clean_json(value));
}

static void file_says(struct rootfs *t, const char *path, json_t *m)
{
	static const char *const fields[] = { "supported",  "vermagic", "version",
					      "srcversion", "intree",	"license" };
	const char *why = NULL;
	const unsigned char *part;
	struct module_file f;
	char id[128];
	size_t i, len;

	f.data = (unsigned char *)rootfs_read(t, path, MODULE_MAX, &f.len);
	if (!f.data) {
		set_text(m, "problem", strerror(errno));
		return;
	}
	part = module_section(&f, ".modinfo", &len, &why);
	for (i = 0; part && i < sizeof(fields) / sizeof(*fields); i++)
		set_text(m, fields[i], module_field(part, len, fields[i]));
	if (!part)
		rootfs_complain(t, path, why ? why : "has no section .modinfo");
	if (!part)
		set_text(m, "problem", why ? why : "has no section .modinfo");
	part = module_section(&f, ".note.gnu.build-id", &len, &why);
	if (part && module_build_id(part, len, id, sizeof(id)))
		set_text(m, "build_id", id);
	json_object_set_new(m, "signature", module_signature(&f));
	free((void *)f.data);
}

/* The one of the files that depmod would choose; *@tie if there is another as good. */
static const char *choose(const struct place *p, size_t which, bool *tie)
{
	const struct files *f = &p->files[which];
	const char *best = f->n ? f->path[0] : NULL;
	size_t i;
	int order;

	for (*tie = false, i = 1; i < f->n; i++) {
		order = depmod_better(&p->rules, system_modules[which], f->path[i], best);
		*tie = order ? *tie && order < 0 : true;
		best = order > 0 ? f->path[i] : best;
	}
	return best;
}

static json_t *rivals(const struct files *f, const char *chosen)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < f->n; i++) {
		if (strcmp(f->path[i], chosen) != 0)
			json_array_append_new(list, clean_json(f->path[i]));
	}
	return list;
}

/* What is in modules.dep is what is loaded, right or wrong. */
static void choice(struct place *p, size_t which, json_t *m)
{
	const char *name = system_modules[which], *should;
	char path[PATH_MAX], full[PATH_MAX + 200], link[PATH_MAX], why[512];
	bool tie, absolute;

	should = choose(p, which, &tie);
	if (!listed(p->dep, name, path, sizeof(path))) {
		if (should)
			json_object_set_new(m, "unlisted", clean_json(should));
		return;
	}
	absolute = *path == '/';
	snprintf(full, sizeof(full), "%s%s%s", absolute ? "" : p->dir, absolute ? "" : "/", path);
	set_text(m, "path", full);
	set_text(m, "kind", depmod_kind(&p->rules, name, path));
	depmod_why(&p->rules, name, path, p->files[which].n > 1, why, sizeof(why));
	set_text(m, "why", why);
	json_object_set_new(m, "others", rivals(&p->files[which], path));
	if (!absolute && should && strcmp(should, path) != 0 &&
	    depmod_better(&p->rules, name, should, path) > 0)
		set_text(m, "stale", should);
	json_object_set_new(m, "tie", json_boolean(tie));
	if (!rootfs_link(p->t, full, link, sizeof(link)))
		set_text(m, "link", link);
	file_says(p->t, full, m);
}

/* What modprobe.d has to say of it. */
static void told(const struct place *p, const char *name, json_t *m)
{
	json_t *rules = json_object_get(p->modprobe, name);
	json_t *strict = json_object_get(p->modprobe, "allow_unsupported_modules");

	if (rules)
		json_object_set(m, "modprobe", rules);
	if (strict && json_object_get(m, "path") && !json_object_get(m, "supported"))
		json_object_set(m, "refused", strict);
}

/* --- what is loaded ----------------------------------------------------------------------------
 */

static json_t *parameters(struct rootfs *t, const char *dir)
{
	json_t *all = json_object(), *value;
	char path[PATH_MAX];
	char **names;
	size_t i;

	snprintf(path, sizeof(path), "%s/parameters", dir);
	names = rootfs_list(t, path);
	for (i = 0; names && names[i] && i < 64; i++) {
		snprintf(path, sizeof(path), "%s/parameters/%s", dir, names[i]);
		value = rootfs_line(t, path);
		json_object_set_new(all, names[i], value ? value : json_null());
	}
	rootfs_list_free(names);
	return all;
}

static void loaded(struct rootfs *t, const char *name, json_t *m)
{
	static const char *const lines[] = { "taint", "refcnt", "srcversion", "version" };
	char dir[128], path[256], key[64], id[128];
	json_t *now = json_object();
	char *notes;
	size_t i, len;

	snprintf(dir, sizeof(dir), "/sys/module/%s", name);
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, lines[i]);
		snprintf(key, sizeof(key), "%s", lines[i]);
		if (rootfs_has(t, path))
			json_object_set_new(now, key, rootfs_line(t, path));
	}
	snprintf(path, sizeof(path), "%s/notes/.note.gnu.build-id", dir);
	notes = rootfs_read(t, path, 4096, &len);
	if (notes && module_build_id((unsigned char *)notes, len, id, sizeof(id)))
		set_text(now, "build_id", id);
	free(notes);
	json_object_set_new(now, "parameters", parameters(t, dir));
	json_object_set_new(m, "loaded", now);
}

/* Whether what is loaded came from the file: true, false, or nothing if that cannot be told. */
static void compare(json_t *m)
{
	static const char *const keys[] = { "build_id", "srcversion" };
	const json_t *now = json_object_get(m, "loaded"), *a, *b;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		a = json_object_get(m, keys[i]);
		b = json_object_get(now, keys[i]);
		if (!a || !b)
			continue;
		json_object_set_new(m, "same_as_loaded", json_boolean(json_equal(a, b)));
		return;
	}
}

/* Who is built in has no initstate, and a directory only if there is something in it. */
static const char *state_now(struct rootfs *t, const char *name)
{
	char path[128];
	const char *state;
	json_t *line;

	snprintf(path, sizeof(path), "/sys/module/%s/initstate", name);
	line = rootfs_line(t, path);
	if (line) {
		state = json_string_value(line);
		state = !strcmp(state, "live")	   ? "loaded"
			: !strcmp(state, "coming") ? "being loaded"
						   : "being unloaded";
		json_decref(line);
		return state;
	}
	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return rootfs_has(t, path) ? "built in" : NULL;
}

static json_t *one_module(struct place *p, size_t which)
{
	const char *name = system_modules[which], *state = state_now(p->t, name);
	char path[PATH_MAX];
	json_t *m = json_pack("{s:s}", "name", name);

	if (p->t && *p->dir)
		choice(p, which, m);
	told(p, name, m);
	if (state)
		loaded(p->t, name, m);
	else if (listed(p->builtin, name, path, sizeof(path)))
		state = "built in";
	else
		state = json_object_get(m, "path") ? "not loaded" : "missing";
	json_object_set_new(m, "state", json_string(state));
	compare(m);
	return m;
}

static char *read_list(struct place *p, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	return rootfs_read(p->t, path, LIST_FILE_MAX, NULL);
}

json_t *module_facts(struct rootfs *t, const char *release)
{
	struct place *p = calloc(1, sizeof(*p));
	json_t *all = json_array();
	size_t i, j;

	if (!p) {
		json_decref(all);
		return NULL;
	}
	p->t = t;
	p->modprobe = modprobe_rules(t);
	if (release) {
		snprintf(p->dir, sizeof(p->dir), "/lib/modules/%s", release);
		depmod_rules(&p->rules, t, release);
		walk(p, "", 0);
		p->dep = read_list(p, "modules.dep");
		p->builtin = read_list(p, "modules.builtin");
	}
	for (i = 0; i < MODULES; i++) {
		json_array_append_new(all, one_module(p, i));
		for (j = 0; j < p->files[i].n; j++)
			free(p->files[i].path[j]);
	}
	free(p->dep);
	free(p->builtin);
	json_decref(p->modprobe);
	free(p);
	return all;
}
