/* SPDX-License-Identifier: MIT */
/*
 * Coverage-guided fuzzing: the entry that libFuzzer and AFL++ call with bytes of their own making.
 *
 * The bytes are a program (fuzz_decode()), carried out on the memory handler in this process with
 * all oracles watching; simulator, handler and harness are all instrumented. What is found is
 * printed as a program that `tcmu-harness replay` takes, and then the process aborts, so that the
 * fuzzer keeps the bytes. `make fuzz-libfuzzer`, `make fuzz-afl`.
 *
 * TCMU_FUZZ_PROFILE names the profile, else the bytes choose; TCMU_FUZZ_PRINT=1 prints each program
 * before it runs: what a kept file means.
 */
#include "exec.h"
#include "generate.h"

#include "../cases/tc.h"

#define HEADER 32u /* bytes of a program's setup, and of each of its moves */
#define RECORD 16u
#define MOST   (HEADER + 256 * RECORD)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max) __attribute__((weak));

struct body {
	struct fuzz_exec *x;
	const struct fuzz_program *p;
};

static void body(struct tc *tc, void *ctx)
{
	const struct body *b = ctx;

	fuzz_exec_run(b->x, tc, b->p);
}

/* What outlives one input: everything that is dear. */
struct lab {
	struct store_cache cache;
	struct target_spec spec;
	struct tc_stage *stage;
	struct fuzz_exec x;
	struct fuzz_limits limits;
	bool print;
};

static void choose_profile(struct lab *lab, const char *name)
{
	int i;

	for (i = 0; i < FUZZ_PROFILES; i++)
		if (!strcmp(name, fuzz_profiles[i])) {
			lab->limits.profile = (enum fuzz_profile)i;
			return;
		}
	fprintf(stderr, "TCMU_FUZZ_PROFILE: expected a profile (scsi, ring ...), found \"%s\"\n",
		name);
	exit(2);
}

static void equip(struct lab *lab)
{
	const char *profile = getenv("TCMU_FUZZ_PROFILE");

	if (profile)
		choose_profile(lab, profile);
	lab->print = getenv("TCMU_FUZZ_PRINT") != NULL;
	lab->spec = (struct target_spec){ .label = "memory",
					  .api = tcmu_handler_api(),
					  .engine = "memory",
					  .cache = &lab->cache };
	lab->x.oracles = FUZZ_O_ALL;
	lab->stage = tc_stage_new(&lab->spec, "fuzz");
	if (!lab->stage) {
		fputs("no memory for a target\n", stderr);
		exit(2);
	}
}

static void found(const struct fuzz_program *p, const struct result *r)
{
	fprintf(stderr, "%s: %s\n", r->clause ? r->clause : "no clause",
		r->reason ? r->reason : "failed");
	if (r->detail)
		fputs(r->detail, stderr);
	fputs("# the program, for tcmu-harness replay:\n", stderr);
	fuzz_print(p, stderr);
	fflush(stderr);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lab lab;
	static struct fuzz_program p;
	struct body b = { &lab.x, &p };
	struct result r = { 0 };

	if (!lab.stage)
		equip(&lab);
	if (size > MOST || fuzz_decode(&p, data, size, &lab.limits))
		return 0;
	if (lab.print) {
		fuzz_print(&p, stderr);
		fflush(stderr);
	}
	tc_stage_run(lab.stage, p.setup.seat ? NEEDS_SEAT : 0, 1, body, &b, &r);
	if (r.verdict == VERDICT_FAIL)
		found(&p, &r);
	free(r.clause);
	free(r.reason);
	free(r.detail);
	return 0;
}

/* Moves are dropped, doubled and swapped as a whole; else the fuzzer changes one of them. */
static size_t change_moves(uint8_t *data, size_t moves, size_t most, unsigned int seed)
{
	size_t a = seed / 8 % moves, b = seed / 8192 % moves;
	uint8_t *at = data + HEADER + a * RECORD, *other = data + HEADER + b * RECORD, tmp[RECORD];

	switch (seed % 4) {
	case 0:
		memmove(at, at + RECORD, (moves - a - 1) * RECORD);
		return moves - 1;
	case 1:
		memcpy(tmp, at, RECORD);
		memcpy(at, other, RECORD);
		memcpy(other, tmp, RECORD);
		return moves;
	case 2:
		if (moves == most)
			return moves;
		memmove(at + RECORD, at, (moves - a) * RECORD);
		return moves + 1;
	default:
		LLVMFuzzerMutate(at, RECORD, RECORD);
		return moves;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	size_t moves = size > HEADER ? (size - HEADER) / RECORD : 0;
	size_t most = max > HEADER ? (max - HEADER) / RECORD : 0;

	/* whatever it knows: other sizes, parts of other inputs, the setup */
	if (!moves || !most || moves > most || seed % 8 == 7)
		return LLVMFuzzerMutate(data, size, max);
	return HEADER + RECORD * change_moves(data, moves, most, seed);
}

#ifdef FUZZ_STANDALONE
/* For machines without either: each file named, or standard input, once. */
int main(int argc, char **argv)
{
	static uint8_t buf[MOST];
	FILE *f;
	size_t n;
	int i;

	for (i = argc > 1 ? 1 : 0; i < argc; i++) {
		f = i ? fopen(argv[i], "rb") : stdin;
		if (!f) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
			return 2;
		}
		n = fread(buf, 1, sizeof(buf), f);
		if (i)
			fclose(f);
		LLVMFuzzerTestOneInput(buf, n);
	}
	return 0;
}
#endif
