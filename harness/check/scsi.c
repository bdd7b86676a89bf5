/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness scsi`: send CDBs over iSCSI or the probe fabric and print what came back,
 * untouched.
 *
 * Options hold for the CDBs after them, so that one command line can write, read and abort. One
 * line for each command, in the order in which they ended.
 */
#include "../target/initiator.h"
#include "../target/target.h"
#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 4096
#define DATA_MAX     (64u << 20)
#define ISCSI_CDB    16
#define TMF_GRACE_MS 2000 /* for an aborted command to get a status after all */

static const char help[] =
	"Usage: tcmu-harness scsi URL [OPTION | CDB]...\n"
	"Send SCSI commands over iSCSI or the probe fabric; print the raw answers, one line each:\n"
	"  cdb=HEX status=0xNN sense=KEY/ASC/ASCQ residual=N ms=N [data=HEX]\n"
	"URL is iscsi://HOST[:PORT]/IQN/LUN or probe:TARGET/TPGT/LUN, a CDB is 1 to 16 bytes (probe:\n"
	"260) in hexadecimal, such as 28000000000000000800. Nothing is retried. status is none for a command that got no status,\n"
	"with end=timeout, end=aborted or end=lost behind it; sense is - without any; residual is\n"
	"positive for an underflow, negative for an overflow. Options hold for the CDBs after them:\n"
	"\n"
	"  --in LEN         expect LEN bytes of Data-In (0: no data)\n"
	"  --out FILE       send FILE's bytes as Data-Out; - is standard input\n"
	"  --out-len LEN    Data-Out of LEN bytes: the first of --out FILE, repeated; zeros without\n"
	"  --bidi LEN       with --out, over the probe: expect LEN bytes of Data-In, too (0: none)\n"
	"  --count N        send each CDB N times (default 1)\n"
	"  --abort-after MS ABORT TASK so long after it was sent if it has not ended; - is never\n"
	"\n"
	"These hold for all:\n"
	"  --parallel N     keep up to N commands outstanding (default 1: one after the other)\n"
	"  --lun-reset MS   LOGICAL UNIT RESET so long after the first was sent\n"
	"  --timeout-ms N   how long a command may take (default 30000)\n"
	"  --data FILE      append Data-In to FILE, in the order sent\n"
	"  --hex            print Data-In and the whole sense in hexadecimal\n"
	"  --name IQN       the initiator's name\n"
	"\n"
	"Exit status: 0 every command ended with GOOD, 1 one did not, 2 usage or no session.\n";

enum {
	O_IN = 256,
	O_OUT,
	O_OUT_LEN,
	O_BIDI,
	O_COUNT,
	O_ABORT,
	O_PARALLEL,
	O_RESET,
	O_TIMEOUT,
	O_DATA,
	O_HEX,
	O_NAME,
	O_HELP
};

static const struct option long_options[] = {
	{ "in", required_argument, NULL, O_IN },
	{ "out", required_argument, NULL, O_OUT },
	{ "out-len", required_argument, NULL, O_OUT_LEN },
	{ "bidi", required_argument, NULL, O_BIDI },
	{ "count", required_argument, NULL, O_COUNT },
	{ "abort-after", required_argument, NULL, O_ABORT },
	{ "parallel", required_argument, NULL, O_PARALLEL },
	{ "lun-reset", required_argument, NULL, O_RESET },
	{ "timeout-ms", required_argument, NULL, O_TIMEOUT },
	{ "data", required_argument, NULL, O_DATA },
	{ "hex", no_argument, NULL, O_HEX },
	{ "name", required_argument, NULL, O_NAME },
	{ "help", no_argument, NULL, O_HELP },
	{ NULL, 0, NULL, 0 },
};

#define NEVER UINT64_MAX

/* One command of the line. */
struct job {
	struct initiator_cmd cmd;
	struct initiator_tmf tmf;
	uint64_t abort_ms;
	const char *why; /* it was given up */
	bool aborted, shown;
};

struct scsi {
	const char *url, *name, *data;
	struct job *jobs;
	size_t n, sent, ended;
	uint64_t parallel, reset_ms, timeout_ms, start_us;
	struct initiator_tmf reset;
	bool hex, resetting, bad;
	/* for the CDBs that follow */
	enum initiator_dir dir;
	uint64_t len, bidi_len, count, abort_ms;
	uint8_t *out;
	size_t out_len;
};

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* The command line. */

static int load(struct scsi *s, const char *path)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : 0;
	size_t len = 0, room = 65536;
	ssize_t n = fd < 0 ? -1 : 1;
	uint8_t *buf = NULL, *more;

	while (n > 0) {
		room *= 2;
		more = len > DATA_MAX ? NULL : realloc(buf, room);
		if (!more) {
			errno = EFBIG;
			n = -1;
			break;
		}
		buf = more;
		n = read(fd, buf + len, room - len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (fd > 0)
		close(fd);
	free(s->out);
	s->out = buf;
	s->out_len = s->len = len;
	s->dir = INITIATOR_OUT;
	return n < 0 ? usage_error("scsi", "--out: cannot read %s: %s", path, strerror(errno)) : 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool over_probe(const struct scsi *s)
{
	return !strncmp(s->url, "probe:", 6);
}

static int parse_cdb(const char *text, int max, struct initiator_cmd *cmd)
{
	const char *p = text;
	int high, low;

	while (*p) {
		if (strchr(" :,", *p)) {
			p++;
			continue;
		}
		high = hex_digit(p[0]);
		low = high < 0 ? -1 : hex_digit(p[1]);
		if (low < 0 || cmd->cdb_len == max)
			break;
		cmd->cdb[cmd->cdb_len++] = (uint8_t)(high << 4 | low);
		p += 2;
	}
	if (!*p && cmd->cdb_len)
		return 0;
	return usage_error("scsi", "expected a CDB of 1 to %d bytes in hexadecimal, found '%s'",
			   max, text);
}

static int add_cdb(struct scsi *s, const char *text)
{
	struct job job = { .abort_ms = s->abort_ms,
			   .cmd = { .dir = s->dir, .len = (uint32_t)s->len } };
	uint64_t i, k;
	int rc = parse_cdb(text, over_probe(s) ? INITIATOR_CDB_MAX : ISCSI_CDB, &job.cmd);

	if (rc)
		return rc;
	if (s->bidi_len) {
		if (s->dir != INITIATOR_OUT || !s->len || !over_probe(s))
			return usage_error("scsi",
					   "--bidi: expected data with --out, and a URL probe:...");
		job.cmd.dir = INITIATOR_BIDI;
		job.cmd.bidi_len = (uint32_t)s->bidi_len;
	}
	for (i = 0; i < s->count; i++) {
		if (s->n == COMMANDS_MAX)
			return usage_error("scsi", "more than %d commands", COMMANDS_MAX);
		s->jobs[s->n] = job;
		if (s->len) {
			uint8_t *data = calloc(1, s->len);

			if (!data)
				return usage_error("scsi", "out of memory");
			for (k = 0; s->dir == INITIATOR_OUT && s->out_len && k < s->len; k++)
				data[k] = s->out[k % s->out_len];
			s->jobs[s->n].cmd.data = data;
		}
		if (s->bidi_len && !(s->jobs[s->n].cmd.bidi = calloc(1, s->bidi_len)))
			return usage_error("scsi", "out of memory");
		s->n++;
	}
	return 0;
}

static int number(const char *name, uint64_t min, uint64_t max, uint64_t *out)
{
	if (parse_u64(optarg, out) && *out >= min && *out <= max)
		return 0;
	return usage_error("scsi", "--%s: expected a number from %llu to %llu, found '%s'", name,
			   (unsigned long long)min, (unsigned long long)max, optarg);
}

static int set_option(struct scsi *s, int c)
{
	switch (c) {
	case 1:
		if (s->url)
			return add_cdb(s, optarg);
		s->url = optarg;
		return 0;
	case O_IN:
		s->dir = INITIATOR_IN;
		return number("in", 0, DATA_MAX, &s->len);
	case O_OUT:
		return load(s, optarg);
	case O_OUT_LEN:
		s->dir = INITIATOR_OUT;
		return number("out-len", 0, DATA_MAX, &s->len);
	case O_BIDI:
		return number("bidi", 0, DATA_MAX, &s->bidi_len);
	case O_COUNT:
		return number("count", 1, COMMANDS_MAX, &s->count);
	case O_ABORT:
		s->abort_ms = NEVER;
		return strcmp(optarg, "-") ? number("abort-after", 0, 3600000, &s->abort_ms) : 0;
	case O_PARALLEL:
		return number("parallel", 1, COMMANDS_MAX, &s->parallel);
	case O_RESET:
		return number("lun-reset", 0, 3600000, &s->reset_ms);
	case O_TIMEOUT:
		return number("timeout-ms", 1, 3600000, &s->timeout_ms);
	case O_DATA:
		s->data = optarg;
		return 0;
	case O_HEX:
		s->hex = true;
		return 0;
	case O_NAME:
		s->name = optarg;
		return 0;
	}
	return usage_error("scsi", "unusable option");
}

/* What is printed. */

static void print_hex(const char *name, const uint8_t *p, size_t len)
{
	size_t i;

	printf(" %s=", name);
	for (i = 0; i < len; i++)
		printf("%02x", p[i]);
}

static void print_sense(const struct scsi *s, const struct initiator_cmd *cmd)
{
	uint8_t sense[INITIATOR_SENSE_MAX] = { 0 };

	if (!cmd->sense_len) {
		fputs(" sense=-", stdout);
		return;
	}
	memcpy(sense, cmd->sense, cmd->sense_len);
	printf(" sense=%02x/%02x/%02x", sense_key(sense), sense_asc(sense) >> 8,
	       sense_asc(sense) & 0xff);
	if (s->hex)
		print_hex("sense-bytes", cmd->sense, cmd->sense_len);
}

static const void *data_in(const struct initiator_cmd *cmd)
{
	return cmd->dir == INITIATOR_BIDI ? cmd->bidi : cmd->data;
}

static void show(struct scsi *s, struct job *job)
{
	const struct initiator_cmd *cmd = &job->cmd;
	size_t i;

	job->shown = true;
	s->ended++;
	s->bad |= cmd->end != INITIATOR_STATUS || cmd->status;
	fputs("cdb=", stdout);
	for (i = 0; i < cmd->cdb_len; i++)
		printf("%02x", cmd->cdb[i]);
	if (cmd->end == INITIATOR_STATUS)
		printf(" status=0x%02x", cmd->status);
	else
		fputs(" status=none", stdout);
	print_sense(s, cmd);
	printf(" residual=%lld ms=%llu", (long long)cmd->residual,
	       (unsigned long long)(cmd->end_us - cmd->start_us) / 1000);
	if (cmd->end != INITIATOR_STATUS)
		printf(" end=%s", job->why			  ? job->why
				  : cmd->end == INITIATOR_ABORTED ? "aborted"
								  : "lost");
	if (job->aborted && job->tmf.done)
		printf(" abort-response=%d", job->tmf.response);
	else if (job->aborted)
		fputs(" abort-response=none", stdout);
	if (s->hex && cmd->end == INITIATOR_STATUS && cmd->data_in)
		print_hex("data", data_in(cmd), cmd->data_in);
	putchar('\n');
	fflush(stdout);
}

static int save_data(const struct scsi *s)
{
	FILE *f = s->data ? fopen(s->data, "ae") : NULL;
	size_t i;
	int rc = 0;

	if (!s->data)
		return 0;
	for (i = 0; f && i < s->n; i++) {
		const struct initiator_cmd *cmd = &s->jobs[i].cmd;

		if (cmd->end == INITIATOR_STATUS && cmd->data_in)
			fwrite(data_in(cmd), 1, cmd->data_in, f);
	}
	if (!f || ferror(f))
		rc = usage_error("scsi", "--data: cannot write %s: %s", s->data, strerror(errno));
	if (f && fclose(f) && !rc)
		rc = usage_error("scsi", "--data: cannot write %s: %s", s->data, strerror(errno));
	return rc;
}

/* Work. */

/* Gives up or aborts what is due. */
static void look_at(struct scsi *s, struct initiator *in, struct job *job)
{
	uint64_t age_ms = (now_us() - job->cmd.start_us) / 1000;

	if (job->shown)
		return;
	if (job->cmd.end == INITIATOR_PENDING && !job->aborted && age_ms >= job->abort_ms) {
		job->aborted = true;
		initiator_tmf(in, INITIATOR_ABORT_TASK, &job->cmd, &job->tmf);
	}
	if (job->cmd.end == INITIATOR_PENDING && age_ms >= s->timeout_ms)
		job->why = "timeout";
	if (job->cmd.end == INITIATOR_PENDING && job->aborted && job->tmf.done &&
	    now_us() - job->tmf.end_us > TMF_GRACE_MS * 1000ull)
		job->why = "aborted";
	if (job->cmd.end == INITIATOR_PENDING && s->resetting && s->reset.done &&
	    now_us() - s->reset.end_us > TMF_GRACE_MS * 1000ull)
		job->why = "reset";
	if (job->why)
		initiator_drop(in, &job->cmd);
	if (job->cmd.end != INITIATOR_PENDING)
		show(s, job);
}

static int run(struct scsi *s, struct initiator *in)
{
	size_t i;

	s->start_us = now_us();
	while (s->ended < s->n) {
		while (s->sent < s->n && s->sent - s->ended < s->parallel) {
			if (initiator_submit(in, &s->jobs[s->sent].cmd)) {
				fprintf(stderr, "tcmu-harness scsi: the connection is lost\n");
				return EXIT_FAILED;
			}
			s->sent++;
		}
		if (!s->resetting && (now_us() - s->start_us) / 1000 >= s->reset_ms) {
			s->resetting = true;
			initiator_tmf(in, INITIATOR_LUN_RESET, NULL, &s->reset);
		}
		initiator_poll(in, 10);
		for (i = 0; i < s->sent; i++)
			look_at(s, in, &s->jobs[i]);
	}
	if (s->resetting && initiator_wait_tmf(in, &s->reset, (uint32_t)s->timeout_ms)) {
		puts("lun-reset response=none");
		s->bad = true;
	} else if (s->resetting) {
		printf("lun-reset response=%d ms=%llu\n", s->reset.response,
		       (unsigned long long)(s->reset.end_us - s->reset.start_us) / 1000);
	}
	return s->bad ? EXIT_FAILED : EXIT_OK;
}

static int parse(struct scsi *s, int argc, char **argv)
{
	int c, rc = 0;

	opterr = 0;
	while (!rc && (c = getopt_long(argc, argv, "-:h", long_options, NULL)) != -1) {
		if (c == O_HELP || c == 'h') {
			fputs(help, stdout);
			return -1;
		}
		rc = c == '?' || c == ':' ? option_error("scsi", c, argv) : set_option(s, c);
	}
	if (!rc && !s->url)
		rc = usage_error("scsi", "expected a URL, found nothing");
	if (!rc && !s->n)
		rc = usage_error("scsi", "expected a CDB, found nothing");
	return rc;
}

int verb_scsi(int argc, char **argv)
{
	struct scsi s = {
		.parallel = 1, .count = 1, .timeout_ms = 30000, .reset_ms = NEVER, .abort_ms = NEVER
	};
	struct initiator *in = NULL;
	char err[300];
	size_t i;
	int rc;

	s.jobs = calloc(COMMANDS_MAX, sizeof(*s.jobs));
	if (!s.jobs)
		return usage_error("scsi", "out of memory");
	rc = parse(&s, argc, argv);
	if (rc)
		goto out;
	if (initiator_open(&in, s.url, s.name, (uint32_t)s.timeout_ms, err, sizeof(err))) {
		fprintf(stderr, "tcmu-harness scsi: %s\n", err);
		rc = EXIT_USAGE;
		goto out;
	}
	rc = run(&s, in);
	initiator_close(in);
	if (save_data(&s))
		rc = EXIT_USAGE;
out:
	for (i = 0; i < s.n; i++) {
		free(s.jobs[i].cmd.data);
		free(s.jobs[i].cmd.bidi);
	}
	free(s.jobs);
	free(s.out);
	return rc < 0 ? EXIT_OK : rc;
}
