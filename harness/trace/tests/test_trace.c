/* SPDX-License-Identifier: MIT */
/*
 * Traces: the recording of a real kernel comes out of the simulator, a changed one does not, and
 * what is no trace is refused in one clear line.
 */
#include "fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_recording(void)
{
	static char text[TEXT_MAX];
	struct trace_result res;
	unsigned int line;
	char say[256];

	CU_ASSERT_EQUAL(replay_text(text, read_recording(text), &res, say, &line), 0);
	CU_ASSERT_STRING_EQUAL(say, "");
	CU_ASSERT_EQUAL(res.identical, 202);
	CU_ASSERT_EQUAL(res.cmds, 201);
	CU_ASSERT_EQUAL(res.pads, 1);
	CU_ASSERT_EQUAL(res.kicks, 201);
	CU_ASSERT_EQUAL(res.irqs, 52);
	CU_ASSERT_EQUAL(res.blk_size, 4096);
	CU_ASSERT_TRUE(res.blk_inferred);
	CU_ASSERT_EQUAL(res.lba_size, 512);
	/* Neither "always before" nor "always after" explains it. */
	CU_ASSERT_TRUE(res.after > 0 && res.after < res.open_order);
}

/* There is one spelling of everything. */
static void test_written_as_read(void)
{
	static char text[TEXT_MAX];
	size_t len = read_recording(text), out_len;
	char err[256], *out = NULL;
	struct trace t;
	FILE *f;

	CU_ASSERT_EQUAL_FATAL(trace_parse(&t, "t", text, len, err, sizeof(err)), 0);
	f = open_memstream(&out, &out_len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(trace_write(&t, f), 0);
	fclose(f);
	CU_ASSERT_EQUAL(out_len, len);
	CU_ASSERT_EQUAL(memcmp(out, text, len), 0);
	free(out);
	trace_free(&t);
}

/* Where line @n starts. */
static char *line_at(char *text, unsigned int n)
{
	while (--n)
		text = strchr(text, '\n') + 1;
	return text;
}

/* Whether a change of this byte makes another command or answer, which a replay takes as given. */
static bool is_given(const char *line, const char *byte)
{
	const char *eol = strchr(line, '\n'), *p;

	p = memmem(line, (size_t)(eol - line), " cdb=", 5);
	if (p)
		return byte > p + 4 && byte < p + 5 + strcspn(p + 5, " ");
	p = memmem(line, (size_t)(eol - line), " status=", 8);
	if (p)
		return byte > p + 7;
	/* Much went through the ring between the mailbox line and the first entry. */
	return !strncmp(line, "# mailbox", 9) && byte > strstr(line, " head=") + 5;
}

/*
 * Changes each byte of some lines to some others: rejected, and blamed on that line. A geometry
 * that is wrong shows in the entries at the latest.
 */
static void test_every_byte(void)
{
	static const unsigned int lines[] = {
		1, 2, 3, 5, 60, 158, 159, 200, 203, 350, 354, 355, 357
	};
	static const char digits[] = "0189f \n";
	static char text[TEXT_MAX];
	size_t len = read_recording(text), i;
	unsigned int line, tried = 0;
	struct trace_result res;
	char say[256];

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char *start = line_at(text, lines[i]), *eol = strchr(start, '\n'), *p;

		for (p = start; p <= eol; p++) {
			char was = *p;
			const char *d;
			int rc;

			for (d = digits; *d; d++) {
				if (*d == was || is_given(start, p))
					continue;
				*p = *d;
				rc = replay_text(text, len, &res, say, &line);
				*p = was;
				tried++;
				if (rc && (line == lines[i] || line == lines[i] + 1 || i == 0))
					continue;
				fprintf(stderr, "line %u column %d '%c': %d %s\n", lines[i],
					(int)(p - start), *d, rc, say);
				CU_FAIL("a changed byte passed");
			}
		}
	}
	CU_ASSERT_TRUE(tried > 2000);
}

/* Replaces @from in line @n by @to and replays. */
static int replay_changed(unsigned int n, const char *from, const char *to, char *say)
{
	static char text[TEXT_MAX];
	size_t len = read_recording(text), from_len = strlen(from), to_len = strlen(to);
	struct trace_result res;
	unsigned int line;
	char *p;

	p = strstr(line_at(text, n), from);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT_TRUE_FATAL(p < strchr(line_at(text, n), '\n'));
	CU_ASSERT_TRUE_FATAL(len + to_len < sizeof(text));
	memmove(p + to_len, p + from_len, len - (size_t)(p + from_len - text));
	memcpy(p, to, to_len);
	return replay_text(text, len - from_len + to_len, &res, say, &line);
}

static void test_named_fields(void)
{
	static const struct {
		unsigned int line;
		const char *from, *to, *say;
	} changes[] = {
		{ 1, "flags=f", "flags=e", "t:1: mailbox: flags: expected f, found e" },
		{ 4, "count=8582", "count=8583", "t:4: IRQ: count: expected 8582, found 8583" },
		{ 158, " off=1035888", " off=1035880", "off: expected 1035888, found 1035880" },
		{ 158, " tail=1035888", " tail=1035896", "tail: expected 1035888, found 1035896" },
		{ 158, "head=1036016", "head=1036024", "head: expected 1036016, found 1036024" },
		{ 158, "len=128", "len=136", "t:158: CMD: len: expected 128, found 136" },
		{ 158, " op=1", " op=2", "t:158: CMD: op: expected 1, found 2" },
		{ 158, " id=1", " id=2", "t:158: CMD: id: expected 1, found 2" },
		{ 158, "kf=0", "kf=1", "t:158: CMD: kf: expected 0, found 1" },
		{ 158, "uf=0", "uf=1", "t:158: CMD: uf: expected 0, found 1" },
		{ 158, "cdb_off=1036128", "cdb_off=1036136",
		  "t:158: CMD: cdb_off: expected 1036128, found 1036136" },
		{ 158, "iov=1/0/0", "iov=0/1/0",
		  "t:158: CMD: iov lengths: expected 88576 (173 blocks" },
		{ 158, "iov=1/0/0", "iov=1/0/1", "t:158: CMD: iov_dif_cnt: expected 0, found 1" },
		{ 158, "100000+", "101000+",
		  "t:158: CMD: iov[0].base: expected 100000, found 101000" },
		{ 158, "+15a00", "+15b00",
		  "t:158: CMD: iov lengths: expected 88576 (173 blocks of 512 "
		  "bytes in the CDB), found 88832" },
		{ 158, "cdb=2a", "cdb=0a",
		  "t:158: CMD: cdb: expected 0a0000001ee1, found 0a0000001ee1"
		  "0000ad00" },
		{ 354, "len=16", "len=24", "t:354: PAD: len: expected 16, found 24" },
		{ 354, "op=0", "op=1", "t:354: PAD: op: expected 0, found 1" },
		{ 354, "id=0", "id=1", "t:354: PAD: id: expected 0, found 1" },
		{ 355, "tail=0", "tail=8", "t:355: KICK: tail: expected 0, found 8" },
		{ 355, "status=0", "status=1", "status: expected a SAM status, found 1" },
	};
	char say[256];
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		CU_ASSERT_EQUAL(
			replay_changed(changes[i].line, changes[i].from, changes[i].to, say), 1);
		if (strstr(say, changes[i].say))
			continue;
		fprintf(stderr, "%s: %s\n", changes[i].say, say);
		CU_FAIL("not the field that was changed");
	}
}

/* The kernel publishes a PAD before its entry; a handler may look in between. */
static void test_pad_alone(void)
{
	char say[256];

	CU_ASSERT_EQUAL(replay_changed(334, "head=128 ", "head=0 ", say), 0);
	CU_ASSERT_EQUAL(replay_changed(335, "tail=1047280", "tail=1047288", say), 1);
	CU_ASSERT_EQUAL(replay_changed(336, "head=256 ", "head=0 ", say), 1);
	CU_ASSERT_STRING_EQUAL(say, "t:336: CMD: head: expected 128, found 0");
}

#define MAILBOX "# mailbox ver=2 flags=f cmdr_off=128 cmdr_size=1048448 map=2097152 head=0 tail=0\n"
#define CMD	"CMD head=120 tail=0 off=0 len=120 op=1 id=1 kf=0 uf=0 cdb_off=240"

static void test_bad_input(void)
{
	static const struct {
		const char *text, *say;
	} bad[] = {
		{ "", "t:1: file: expected a trace, found an empty file" },
		{ "\n", "t:1: first line: expected '# mailbox ver=2 ...', found end of line" },
		{ "hello\n", "t:1: first line: expected '# mailbox ver=2 ...', found 'hello'" },
		{ "# mailbox ver=3 flags=f\n",
		  "t:1: ver: expected 2, the only version this program knows, found '3'" },
		{ "# mailbox ver=2 flags=F\n",
		  "t:1: flags: expected a hexadecimal number, found 'F'" },
		{ "# mailbox ver=2 flags=10000 \n", "t:1: flags: expected at most ffff, found" },
		{ MAILBOX "KICK tail=4294967296 status=0\n",
		  "t:2: tail: expected at most 4294967295, found '4294967296'" },
		{ MAILBOX "KICK tail=99999999999999999999999 status=0\n",
		  "t:2: tail: expected at most" },
		{ MAILBOX "KICK tail=-1 status=0\n",
		  "t:2: tail: expected a decimal number, found '-1'" },
		{ MAILBOX "KICK tail=01 status=0\n", "without leading zeros, found '01'" },
		{ MAILBOX "KICK tail=0 status=256\n",
		  "t:2: status: expected at most 255, found '256'" },
		{ MAILBOX "KICK tail=0\n", "t:2: status: expected ' status=', found end of line" },
		{ MAILBOX "KICK  tail=0 status=0\n", "t:2: tail: expected ' tail=', found ' '" },
		{ MAILBOX "KICK tail=0 status=0 \n", "t:2: line: expected its end, found ' '" },
		{ MAILBOX "KICK tail=0 status=0",
		  "t:2: line: expected a line break at its end, found "
		  "end of file: the trace is truncated" },
		{ MAILBOX "KICKS tail=0\n",
		  "t:2: line: expected CMD, PAD, TMR, KICK, IRQ or '# '" },
		{ MAILBOX "KICK\rtail=0\n", "t:2: file: expected text, found byte 0x0d" },
		{ MAILBOX "IRQ count=4294967296 head=0 tail=0\n", "t:2: count: expected at most" },
		{ MAILBOX CMD " cdb=00000000000 iov=0/0/0\n", "t:2: cdb: expected pairs" },
		{ MAILBOX CMD " cdb= iov=0/0/0\n",
		  "t:2: cdb: expected pairs of hexadecimal digits" },
		{ MAILBOX CMD " cdb=000000000000 iov=1/0\n", "t:2: iov: expected '/' between" },
		{ MAILBOX CMD " cdb=000000000000 iov=2/0/0 1000+1\n",
		  "t:2: iov: expected 2 iovs, as counted, found end of line" },
		{ MAILBOX CMD " cdb=000000000000 iov=4294967295/4294967295/0\n",
		  "t:2: iov: expected 8589934590 iovs, as counted" },
		{ MAILBOX CMD " cdb=000000000000 iov=1/0/0 10000000000000000+1\n",
		  "t:2: iov base: expected at most ffffffffffffffff" },
		{ MAILBOX CMD " cdb=000000000000 iov=1/0/0 1000 1\n", "t:2: iov: expected '+'" },
		{ MAILBOX
		  "TMR head=40 tail=0 off=0 len=40 op=2 id=0 kf=0 uf=0 type=1 cnt=2 ids=1\n",
		  "t:2: ids: expected 2 ids, as counted, found end of line" },
		{ MAILBOX, "t: replay: expected ring entries, found none" },
		{ "# mailbox ver=2 flags=f cmdr_off=128 cmdr_size=0 map=2097152 head=0 tail=0\n" CMD
		  " cdb=000000000000 iov=0/0/0\n",
		  "t:1: mailbox: cmdr_size: expected more than 0, found 0" },
		{ "# mailbox ver=2 flags=f cmdr_off=128 cmdr_size=4294967288 map=2097152 head=0 "
		  "tail=0\n" CMD " cdb=000000000000 iov=0/0/0\n",
		  "t:1: mailbox: map: expected whole pages beyond the ring, found 2097152" },
		{ "# mailbox ver=2 flags=f cmdr_off=128 cmdr_size=1048448 map=18446744073709547520 "
		  "head=0 tail=0\n" CMD " cdb=000000000000 iov=0/0/0\n",
		  "t:1: mailbox: map: expected at most 4096 MiB of data" },
		{ "# mailbox ver=2 flags=f cmdr_off=132 cmdr_size=1048444 map=2097152 head=0 tail=0\n" CMD
		  " cdb=000000000000 iov=0/0/0\n",
		  "t:1: mailbox: geometry: cmdr_off: expected a multiple of 8" },
		{ MAILBOX "PAD head=8 tail=4 off=4 len=8 op=0 id=0 kf=0 uf=0\n",
		  "off of the first entry: expected a multiple of 8 inside the ring, found 4" },
	};
	struct trace_result res;
	unsigned int line;
	char say[256];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_EQUAL(replay_text(bad[i].text, strlen(bad[i].text), &res, say, &line), 2);
		CU_ASSERT_PTR_NULL(strchr(say, '\n'));
		if (strstr(say, bad[i].say))
			continue;
		fprintf(stderr, "%s: %s\n", bad[i].say, say);
		CU_FAIL("not the message that was expected");
	}
}

/* Cut anywhere, the recording is refused; cut between lines it is a shorter recording. */
static void test_truncated(void)
{
	static char text[TEXT_MAX];
	size_t len = read_recording(text), cut;
	struct trace_result res;
	unsigned int line;
	char say[256], *copy;
	int rc;

	for (cut = 1; cut < len; cut += 37) {
		copy = malloc(cut); /* so that a byte too far is noticed */
		CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
		memcpy(copy, text, cut);
		rc = replay_text(copy, cut, &res, say, &line);
		free(copy);
		if (copy && text[cut - 1] == '\n' && cut > 200)
			CU_ASSERT_EQUAL(rc, 0);
		if (text[cut - 1] != '\n')
			CU_ASSERT_EQUAL(rc, 2);
	}
}

static void test_overlong_line(void)
{
	size_t len = strlen(MAILBOX) + TRACE_LINE_MAX + 3;
	char *text = malloc(len), say[256];
	struct trace_result res;
	unsigned int line;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(text, 'x', len);
	memcpy(text, MAILBOX "# ", strlen(MAILBOX "# "));
	text[len - 1] = '\n';
	CU_ASSERT_EQUAL(replay_text(text, len, &res, say, &line), 2);
	CU_ASSERT_STRING_EQUAL(say, "t:2: line: expected at most 1048576 characters, found more");
	free(text);
}

/* Runs the verb with what it prints in @out. */
static int run(char *out, size_t out_len, int argc, char **argv)
{
	int pipe_fds[2], saved = dup(STDOUT_FILENO), saved_err = dup(STDERR_FILENO), rc;
	ssize_t n;

	fflush(stdout);
	CU_ASSERT_EQUAL_FATAL(pipe(pipe_fds), 0);
	fcntl(pipe_fds[1], F_SETPIPE_SZ, 1 << 20);
	fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
	dup2(pipe_fds[1], STDOUT_FILENO);
	dup2(pipe_fds[1], STDERR_FILENO);
	rc = trace_main(argc, argv);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	dup2(saved_err, STDERR_FILENO);
	close(pipe_fds[1]);
	for (*out = 0; (n = read(pipe_fds[0], out, out_len - 1)) > 0; out_len -= (size_t)n)
		out += n;
	*out = 0;
	close(pipe_fds[0]);
	close(saved);
	close(saved_err);
	return rc;
}

static void test_command_line(void)
{
	static const struct {
		const char *args[6];
		int status;
		const char *say;
	} runs[] = {
		{ { "--help" }, 0, "usage: tcmu-harness trace dump" },
		{ { "replay", "--help" }, 0, "usage: tcmu-harness trace dump" },
		{ { NULL }, 2, "expected dump, replay, diff, record or load, found nothing" },
		{ { "play" }, 2, "expected dump, replay, diff, record or load, found 'play'" },
		{ { "dump" }, 2, "dump: expected 1 file, found 0" },
		{ { "diff", RECORDING }, 2, "diff: expected 2 files, found 1" },
		{ { "dump", "--sumary", RECORDING },
		  2,
		  "expected options it knows, found '--sumary'" },
		{ { "replay", "-s", RECORDING }, 2, "expected options it knows, found '-s'" },
		{ { "replay", "-b", "12", RECORDING }, 2, "--block-size: expected 4096 to" },
		{ { "diff", "-n", "-1", RECORDING, RECORDING }, 2, "--max: expected 0 to" },
		{ { "dump", "/nonexistent" },
		  2,
		  "/nonexistent: expected a readable file, found: No" },
		{ { "dump", "/" }, 2, "/: expected a trace, found a read error: Is a directory" },
		{ { "dump", "/dev/zero" }, 2, "/dev/zero:1: file: expected text, found byte 0x00" },
		{ { "dump", "-s", RECORDING }, 0, "opcode    0x2a WRITE(10): " },
		{ { "dump", RECORDING }, 0, "iov[2] base 0x1ff000 len 512" },
		{ { "replay", RECORDING }, 0, "202 entries: 201 CMD, 1 PAD, 0 TMR identical" },
		{ { "replay", "-b", "8192", RECORDING },
		  1,
		  "no order of what the trace leaves open" },
		{ { "diff", RECORDING, RECORDING }, 0, "" },
	};
	static char out[1 << 20];
	size_t i;

	for (i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		char *argv[8] = { (char *)"trace" };
		int argc = 1;

		while (runs[i].args[argc - 1]) {
			argv[argc] = (char *)runs[i].args[argc - 1];
			argc++;
		}
		CU_ASSERT_EQUAL(run(out, sizeof(out), argc, argv), runs[i].status);
		if (strstr(out, runs[i].say))
			continue;
		fprintf(stderr, "%s: %s\n", runs[i].say, out);
		CU_FAIL("not what was expected");
	}
}

static void test_diff(void)
{
	static char text[TEXT_MAX], out[4096];
	char err[256];
	size_t len = read_recording(text);
	struct trace a, b;
	FILE *f;

	CU_ASSERT_EQUAL_FATAL(trace_parse(&a, "a", text, len, err, sizeof(err)), 0);
	memcpy(strstr(line_at(text, 158), "id=1"), "id=7", 4);
	memcpy(strstr(line_at(text, 159), "status=0"), "status=8", 8);
	CU_ASSERT_EQUAL_FATAL(trace_parse(&b, "b", text, len, err, sizeof(err)), 0);
	b.n--;
	f = fmemopen(out, sizeof(out), "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(trace_diff(&a, &b, 2, f), 3);
	fclose(f);
	CU_ASSERT_STRING_EQUAL(out, "a:158 b:158: CMD: id: 1, 7\n"
				    "a:159 b:159: KICK: status: 0, 8\n"
				    "and 1 more\n");
	trace_free(&a);
	trace_free(&b);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{ "the recording comes out of the simulator", test_recording },
		{ "what is written is what was read", test_written_as_read },
		{ "every changed byte is found", test_every_byte },
		{ "the changed field is named", test_named_fields },
		{ "a PAD seen before its entry", test_pad_alone },
		{ "what is no trace", test_bad_input },
		{ "a truncated trace", test_truncated },
		{ "an overlong line", test_overlong_line },
		{ "command line", test_command_line },
		{ "differences", test_diff },
		CU_TEST_INFO_NULL,
	};
	static CU_SuiteInfo suites[] = {
		{ .pName = "trace", .pTests = tests },
		CU_SUITE_INFO_NULL,
	};

	if (CU_initialize_registry() || CU_register_suites(suites))
		return EXIT_FAILURE;
	return run_registered();
}
