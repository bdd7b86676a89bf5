/* SPDX-License-Identifier: MIT */
/* Findings, told and saved; see findings.h. */
#include "findings.h"

#include "../check/subject.h"

#include <unistd.h>

#define SHRINK_MS 9000

/* The header of a saved program. */

static void take(char *to, size_t room, const char *value, size_t len)
{
	snprintf(to, room, "%.*s", (int)(len < 1024 ? len : 1024), value);
}

static void header_line(struct fuzz_header *h, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len), *value;
	char number[32];
	size_t n;

	if (!colon)
		return;
	for (value = colon + 1; value < line + len && *value == ' ';)
		value++;
	n = (size_t)(line + len - value);
	if (!strncmp(line, "# clause:", 9))
		take(h->clause, sizeof(h->clause), value, n);
	else if (!strncmp(line, "# why:", 6))
		take(h->why, sizeof(h->why), value, n);
	else if (!strncmp(line, "# handler:", 10))
		take(h->handler, sizeof(h->handler), value, n);
	else if (!strncmp(line, "# mutant:", 9))
		take(h->mutant, sizeof(h->mutant), value, n);
	if (!strncmp(line, "# seed:", 7)) {
		take(number, sizeof(number), value, n);
		h->seed = strtoull(number, NULL, 0);
	}
}

void fuzz_header_read(struct fuzz_header *h, const char *text, size_t len)
{
	const char *end = text + len, *eol;

	*h = (struct fuzz_header){ .seed = 1 };
	for (; text < end && *text == '#'; text = eol + 1) {
		eol = memchr(text, '\n', (size_t)(end - text));
		if (!eol)
			eol = end;
		header_line(h, text, (size_t)(eol - text));
	}
}

void fuzz_header_write(const struct fuzz_header *h, FILE *f)
{
	if (h->clause[0])
		fprintf(f, "# clause: %s\n", h->clause);
	if (h->why[0])
		fprintf(f, "# why: %.*s\n", (int)strcspn(h->why, "\n"), h->why);
	fprintf(f, "# seed: 0x%016llx\n", (unsigned long long)h->seed);
	if (h->handler[0])
		fprintf(f, "# handler: %.*s\n", (int)strcspn(h->handler, "\n"), h->handler);
	if (h->mutant[0])
		fprintf(f, "# mutant: %s\n", h->mutant);
}

/* Saving. */

static char *save(const struct findings *fs, const struct finding *f)
{
	static const char *const ends[] = { "", "broken", "crash", "hang" };
	struct fuzz_header h = { .seed = f->seed };
	char *path = NULL;
	bool good;
	FILE *out;
	int rc;

	if (asprintf(&path, "%s/%s-%08x.fuzz", fs->save, f->clause[0] ? f->clause : ends[f->kind],
		     finding_shape(f)) < 0)
		return NULL;
	memcpy(h.clause, f->clause, sizeof(h.clause));
	memcpy(h.why, f->reason, sizeof(h.why));
	snprintf(h.handler, sizeof(h.handler), "%s", fs->who);
	out = fopen(path, "we");
	if (out) {
		fuzz_header_write(&h, out);
		if (!f->alone)
			fputs("# alone: no; what went before in its process has a part in it\n",
			      out);
		fuzz_print(&f->program, out);
		good = !ferror(out);
		if (!fclose(out) && good)
			return path;
	}
	rc = errno;
	if (out)
		unlink(path); /* a part of it would be another program */
	fprintf(stderr, "tcmu-harness fuzz: --save: cannot write %s: %s\n", path, strerror(rc));
	free(path);
	return NULL;
}

/* Telling. */

static void indented(FILE *out, const char *text)
{
	for (const char *eol; *text; text = eol + (*eol == '\n')) {
		eol = text + strcspn(text, "\n");
		fprintf(out, "    %.*s\n", (int)(eol - text), text);
	}
}

static void tell_program(const struct fuzz_program *p, FILE *out)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return;
	fuzz_print(p, f);
	fclose(f);
	indented(out, text);
	free(text);
}

static void tell(const struct findings *fs, const struct finding *f, const char *file)
{
	const struct clause *clause = clause_find(f->clause);
	FILE *out = fs->out;

	fprintf(out, "finding %zu: %s%s%s%s\n", fs->n, f->clause, f->advice ? " (SHOULD)" : "",
		f->clause[0] ? ": " : "", f->reason);
	if (clause)
		fprintf(out, "  %s (tcmu-harness explain %s)\n", clause->title, clause->id);
	fprintf(out, "  seed %llu, program %llu with the seed 0x%016llx%s: %u operation%s",
		(unsigned long long)fs->seed, (unsigned long long)f->number,
		(unsigned long long)f->seed, f->made ? "" : ", out of the corpus", f->ops,
		f->ops == 1 ? "" : "s");
	if (f->program.cnt < f->ops)
		fprintf(out, ", shrunk to %u", f->program.cnt);
	fputs(f->alone || !fs->shrink ? "\n\n" : ", and only after others\n\n", out);
	tell_program(&f->program, out);
	fputc('\n', out);
	if (f->detail)
		indented(out, f->detail);
	if (file)
		fprintf(out, "  replay: tcmu-harness replay %s %s\n", file, fs->who);
	if (f->made)
		fprintf(out, "  replay: tcmu-harness replay 0x%016llx %s --profile %s\n",
			(unsigned long long)f->seed, fs->who, fs->profile);
	fputc('\n', out);
	fflush(out);
}

/* Keeping. */

static int make_room(struct findings *fs)
{
	void *v, *times, *files;

	if (fs->n >= FINDINGS_MAX)
		return -ENOSPC;
	v = reallocarray(fs->v, fs->n + 1, sizeof(*fs->v));
	if (v)
		fs->v = v;
	times = reallocarray(fs->times, fs->n + 1, sizeof(*fs->times));
	if (times)
		fs->times = times;
	files = reallocarray(fs->files, fs->n + 1, sizeof(*fs->files));
	if (files)
		fs->files = files;
	return v && times && files ? 0 : -ENOMEM;
}

static bool seen(struct findings *fs, const struct finding *f)
{
	for (size_t i = 0; i < fs->n; i++) {
		if (!finding_same(&fs->v[i], f) || finding_shape(&fs->v[i]) != finding_shape(f))
			continue;
		fs->times[i]++;
		return true;
	}
	return false;
}

int findings_take(struct findings *fs, struct finding *f)
{
	struct finding *kept;
	int rc = 0;

	if (seen(fs, f) || (rc = make_room(fs)) != 0) {
		finding_free(f);
		return rc;
	}
	if (fs->shrink)
		finding_shrink(f, &fs->plan, SHRINK_MS);
	/* shrunk, it may have become one that is known */
	if (seen(fs, f)) {
		finding_free(f);
		return 0;
	}
	kept = &fs->v[fs->n];
	fs->times[fs->n] = 1;
	fs->files[fs->n] = fs->save ? save(fs, f) : NULL;
	fs->n++;
	*kept = *f;
	if (fs->out)
		tell(fs, kept, fs->files[fs->n - 1]);
	free(kept->detail);
	kept->detail = NULL;
	return 0;
}

void findings_free(struct findings *fs)
{
	for (size_t i = 0; i < fs->n; i++) {
		finding_free(&fs->v[i]);
		free(fs->files[i]);
	}
	free(fs->v);
	free(fs->times);
	free(fs->files);
}
