/* SPDX-License-Identifier: MIT */
/* `tcmu-harness fuzz --record FILE`; see record.h. ci/differential compares such files. */
#include "record.h"
#include "fuzz.h"

#include "../cases/tc.h"
#include "../target/kernel.h"

#define RECORD_RUNS 256

static int set_up(const struct fuzz_options *o, struct kernel_site *site)
{
	char err[400];

	if (o->kernel && kernel_site_make(site, KERNEL_ISCSI, err, sizeof(err)))
		return usage_error("fuzz", "--target kernel: %s", err);
	return 0;
}

/* One device after the other; stops at the first that does not do what it should. */
static int record_all(struct record *rec, const struct target_spec *spec, uint64_t runs,
		      const volatile sig_atomic_t *stop)
{
	struct tc_stage *stage = tc_stage_new(spec, "record");
	int rc = stage ? EXIT_OK : usage_error("fuzz", "out of memory");

	while (rc == EXIT_OK && rec->done < runs && !*stop) {
		struct result r = { 0 };

		rec->first = rec->done;
		rec->programs = runs - rec->done;
		if (rec->programs > RECORD_PROGRAMS)
			rec->programs = RECORD_PROGRAMS;
		tc_stage_run(stage, NEEDS_SEAT, rec->seed, record_device, rec, &r);
		if (r.verdict != VERDICT_PASS) {
			fprintf(stderr, "tcmu-harness fuzz: --record: program %llu: %s%s%s\n%s",
				(unsigned long long)rec->done + 1, r.clause ? r.clause : "",
				r.clause && *r.clause ? ": " : "", r.reason ? r.reason : "",
				r.detail ? r.detail : "");
			rc = EXIT_FAILED;
		}
		free(r.clause);
		free(r.reason);
		free(r.detail);
		if (spec->site && !kernel_site_sweep(spec->site) && rc == EXIT_OK)
			rc = usage_error("fuzz", "--record: a device stays");
	}
	tc_stage_free(stage);
	return rc;
}

int fuzz_record(const struct fuzz_options *o, const volatile sig_atomic_t *stop)
{
	struct record rec = { .seed = o->seed };
	struct kernel_site site = { 0 };
	struct subject s = { 0 };
	uint64_t runs = o->runs ? o->runs : RECORD_RUNS;
	char *dir = workdir_make("fuzz");
	int rc = dir ? set_up(o, &site) : EXIT_USAGE;

	if (rc == EXIT_OK) {
		rec.f = strcmp(o->record, "-") != 0 ? fopen(o->record, "we") : stdout;
		if (!rec.f)
			rc = usage_error("fuzz", "--record: cannot write '%s': %s", o->record,
					 strerror(errno));
	}
	if (rc == EXIT_OK) {
		subject_reference(&s, "memory", dir, o->who.timeout_ms);
		s.spec.site = o->kernel ? &site : NULL;
		rc = record_all(&rec, &s.spec, runs, stop);
		subject_close(&s);
	}
	if (rec.f && (rec.f == stdout ? fflush(rec.f) : fclose(rec.f)) && rc == EXIT_OK)
		rc = usage_error("fuzz", "--record: cannot write '%s': %s", o->record,
				 strerror(errno));
	if (rec.f)
		fprintf(stderr, "%llu programs, %llu commands, %llu entries recorded\n",
			(unsigned long long)rec.done, (unsigned long long)rec.commands,
			(unsigned long long)rec.entries);
	kernel_site_remove(&site);
	workdir_remove(dir);
	return rc == EXIT_OK && !rec.done ? EXIT_NOTHING : rc;
}
