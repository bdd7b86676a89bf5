/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness replay`: one program, operation by operation, and what came of it; and putting it
 * among those that the tests carry out for ever.
 */
#include "export.h"
#include "fuzz.h"
#include "hostile.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX (16u << 20)
#define KEPT	 "harness/fuzz/regress"

struct replay {
	const struct fuzz_options *o;
	struct fuzz_header header;
	struct fuzz_program p;
	struct finding f;
	bool failed, skipped;
};

/* The whole of @path, the caller's; NULL after complaining. */
static char *read_text(const char *path, size_t *len)
{
	int fd = strcmp(path, "-") != 0 ? open(path, O_RDONLY | O_CLOEXEC) : dup(0);
	char *text = fd >= 0 ? malloc(TEXT_MAX + 1) : NULL;
	ssize_t n = 0;

	*len = 0;
	while (text && *len <= TEXT_MAX && (n = read(fd, text + *len, TEXT_MAX + 1 - *len)) > 0)
		*len += (size_t)n;
	if (text && n == 0 && *len <= TEXT_MAX) {
		close(fd);
		return text;
	}
	usage_error("replay", "%s: %s", path,
		    *len > TEXT_MAX ? "expected a program of at most 16 MiB, found more"
				    : strerror(errno));
	free(text);
	if (fd >= 0)
		close(fd);
	return NULL;
}

static int read_program(struct replay *r, const char *path)
{
	char *text, err[256];
	size_t len;
	int rc;

	text = read_text(path, &len);
	if (!text)
		return EXIT_USAGE;
	fuzz_header_read(&r->header, text, len);
	rc = fuzz_parse(&r->p, text, len, err, sizeof(err));
	free(text);
	return rc ? usage_error("replay", "%s: %s", path, rc == -EINVAL ? err : strerror(-rc)) : 0;
}

static int make_program(struct replay *r, uint64_t seed)
{
	struct fuzz_limits limits = fuzz_limits_for(r->o);
	int rc = fuzz_generate(&r->p, seed, &limits);

	r->header.seed = seed;
	return rc ? usage_error("replay", "%s: %s", r->o->program, strerror(-rc)) : 0;
}

static void tell_setup(const struct fuzz_program *p)
{
	struct fuzz_program only = { .setup = p->setup };

	fuzz_print(&only, stdout);
}

static int on_handler(void *ctx, const struct target_spec *spec)
{
	struct replay *r = ctx;
	const struct trial_plan plan = { .spec = spec,
					 .oracles = r->o->oracles,
					 .limits = watch_limits_for(spec),
					 .say = stdout };
	struct finding *f = &r->f;

	finding_free(f);
	printf("%s: seed 0x%016llx, %u operations\n", spec->label,
	       (unsigned long long)r->header.seed, r->p.cnt);
	tell_setup(&r->p);
	if (!trial_apart(&plan, &r->p, r->header.seed, f))
		return usage_error("replay", "no process to be had: %s", strerror(errno));
	if (f->kind == FINDING_NONE) {
		r->skipped |= f->reason[0] != 0;
		printf("%s: %s%s\n", spec->label,
		       f->reason[0] ? "cannot be carried out: " : "passes", f->reason);
		return 0;
	}
	r->failed = true;
	printf("%s: FAILS: %s%s%s%s\n", spec->label, f->clause, f->advice ? " (SHOULD)" : "",
	       f->clause[0] ? ": " : "", f->reason);
	if (r->o->verbose && f->detail)
		printf("\n%s\n", f->detail);
	return 0;
}

/* Which of the two it is for: a mutant that must be found, or a handler that must pass. */
static int keep(struct replay *r)
{
	struct fuzz_header *h = &r->header;
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.fuzz", KEPT, r->o->keep);
	if (r->o->who.mutant) {
		if (!r->failed)
			return usage_error("replay", "--keep: it passes with this mutant");
		memcpy(h->clause, r->f.clause, sizeof(h->clause));
		memcpy(h->why, r->f.reason, sizeof(h->why));
		snprintf(h->mutant, sizeof(h->mutant), "%s", r->o->who.mutant);
		h->handler[0] = 0;
	} else if (r->failed) {
		memcpy(h->clause, r->f.clause, sizeof(h->clause));
		memcpy(h->why, r->f.reason, sizeof(h->why));
	}
	f = fopen(path, "wxe");
	if (!f)
		return usage_error("replay", "--keep: cannot make %s: %s", path, strerror(errno));
	fuzz_header_write(h, f);
	fuzz_print(&r->p, f);
	if (fclose(f))
		return usage_error("replay", "--keep: cannot write %s: %s", path, strerror(errno));
	printf("kept as %s\n", path);
	return 0;
}

static int replay(struct replay *r)
{
	char *dir = workdir_make("replay");
	int rc;

	if (!dir)
		return EXIT_USAGE;
	setvbuf(stdout, NULL, _IOLBF, 0); /* the child that is telling may die of it */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	rc = fuzz_subjects(r->o, "replay", dir, on_handler, r);
	workdir_remove(dir);
	if (!rc && r->o->keep)
		rc = keep(r);
	if (rc)
		return rc;
	return r->failed ? EXIT_FAILED : r->skipped ? EXIT_NOTHING : EXIT_OK;
}

int verb_replay(int argc, char **argv, const volatile sig_atomic_t *stop)
{
	struct fuzz_options o = { .oracles = FUZZ_O_ALL, .jobs = 1, .shards = 1, .triggers = -1 };
	struct replay r = { .o = &o };
	uint64_t seed;
	int rc = fuzz_options(&o, "replay", argc, argv);

	(void)stop;
	if (rc >= 0)
		return rc;
	if (parse_u64(o.program, &seed) && access(o.program, F_OK))
		rc = make_program(&r, seed);
	else
		rc = read_program(&r, o.program);
	if (!rc && o.export_seat)
		fuzz_export_seat(&r.p, r.header.seed, o.triggers, stdout);
	else if (!rc && o.hostile)
		rc = fuzz_hostile_program(&r.p);
	else if (!rc)
		rc = replay(&r);
	finding_free(&r.f);
	fuzz_program_free(&r.p);
	return rc;
}
