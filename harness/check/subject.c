/* SPDX-License-Identifier: MIT */
/* The handler that a verb is about, found and loaded; see subject.h. */
#include "subject.h"

#include "../clauses/clause.h"
#include "verbs.h"

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

#define MUTANT_TIMEOUT_MS 2000

void subject_reference(struct subject *s, const char *name, const char *dir, uint64_t timeout_ms)
{
	s->program = beside_program("tcmu-handler");
	if (s->program && access(s->program, X_OK)) {
		free(s->program);
		s->program = NULL;
	}
	s->spec = (struct target_spec){ .label = name,
					.cache = &s->cache,
					.api = tcmu_handler_api(),
					.engine = name,
					.program = s->program,
					.tmpdir = dir,
					.timeout_ms = (uint32_t)timeout_ms };
}

/* The engine that a change in @file shows in. */
static const char *engine_of(const char *file)
{
	if (strstr(file, "/store_libaio.c"))
		return "libaio";
	if (strstr(file, "/store_uring.c"))
		return "io_uring";
	return strstr(file, "/store_p") ? "psync" : "memory";
}

bool mutant_about(struct mutant_about *m, const char *verb, const char *so_dir, const char *name)
{
	char path[4096], line[512];
	FILE *f;

	*m = (struct mutant_about){ .engine = "memory" };
	snprintf(path, sizeof(path), "%s/%s.mutant", so_dir, name);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "clause:", 7))
			sscanf(line + 7, " %31s", m->clause);
		else if (!strncmp(line, "file:", 5))
			m->engine = engine_of(line);
		else if (!strncmp(line, "why:", 4))
			snprintf(m->why, sizeof(m->why), "%.150s",
				 line + 4 + strspn(line + 4, " "));
	}
	if (f)
		fclose(f);
	if (clause_find(m->clause))
		return true;
	fprintf(stderr,
		"tcmu-harness %s: %s: expected a line 'clause: ID' with an id of the catalogue\n",
		verb, path);
	return false;
}

int subject_load(struct subject *s, const char *verb, const char *so_dir, const char *name,
		 const char *dir)
{
	const struct handler_api *(*entry)(void);
	struct mutant_about about;
	char path[4096];

	if (!mutant_about(&about, verb, so_dir, name))
		return -EINVAL;
	snprintf(path, sizeof(path), "%s/%s.so", so_dir, name);
	s->so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	entry = s->so ? (const struct handler_api *(*)(void))dlsym(s->so, "tcmu_handler_api")
		      : NULL;
	if (!entry || entry()->version != HANDLER_API_VERSION) {
		fprintf(stderr, "tcmu-harness %s: %s: %s\n", verb, path,
			s->so ? "no handler" : dlerror());
		return -ENOENT;
	}
	s->spec = (struct target_spec){ .label = name,
					.api = entry(),
					.engine = about.engine,
					.tmpdir = dir,
					.timeout_ms = MUTANT_TIMEOUT_MS };
	return 0;
}

int subject_mutant(struct subject *s, const char *verb, const char *name, const char *dir)
{
	char *so_dir = beside_program("mutants"), *path = NULL;
	int rc = EXIT_USAGE;

	if (!so_dir || asprintf(&path, "%s/%s.so", so_dir, name) < 0 || strchr(name, '/') ||
	    access(path, R_OK))
		usage_error(verb, "--mutant: no mutant '%s' at %s; `make mutants` builds them",
			    name, path ? path : "mutants");
	else if (!subject_load(s, verb, so_dir, name, dir) &&
		 asprintf(&s->label, "mutant:%s", name) >= 0)
		rc = 0;
	if (!rc)
		s->spec.label = s->label;
	free(path);
	free(so_dir);
	return rc;
}

int subject_exec(struct subject *s, const char *verb, const struct subject_options *o,
		 const char *dir)
{
	char err[400];

	s->world = (struct world_site){ .mechanism = o->mechanism,
					.config = o->config,
					.daemon = o->daemon };
	if (o->uio && world_site_probe(&s->world, dir, err, sizeof(err))) {
		fprintf(stderr, "tcmu-harness %s: --attach uio: %s\n", verb, err);
		return EXIT_USAGE;
	}
	s->spec = (struct target_spec){ .label = o->exec,
					.exec = o->exec,
					.tmpdir = dir,
					.persistent = o->persistent,
					.overlook = o->overlook,
					.world = o->uio ? &s->world : NULL,
					.timeout_ms = (uint32_t)o->timeout_ms };
	return 0;
}

void subject_close(struct subject *s)
{
	inproc_drop_cache(&s->spec);
	if (s->so)
		dlclose(s->so);
	free(s->label);
	free(s->program);
	*s = (struct subject){ 0 };
}
