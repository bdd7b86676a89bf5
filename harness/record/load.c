/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness trace load`: traffic of every shape for a recording, by SCSI generic.
 *
 * Many threads, each with one command at a time: CDBs of all lengths, data of any length and
 * direction, fitting its CDB or not. What is answered does not matter here: a recording is judged
 * by what kernel and handler did with it. So the device must be one that may be overwritten.
 */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <scsi/sg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS_MAX 1024u
#define STACK	    65536u

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_BAD = 2 };

static const char usage[] =
	"usage: tcmu-harness trace load [OPTION]... /dev/sgN\n"
	"\n"
	"Send commands of every shape to a disk, which is overwritten.\n"
	"\n"
	"  -c, --commands N   how many (default 1000)\n"
	"  -j, --depth N      at once (default 16)\n"
	"  -m, --max BYTES    longest data (default 131072)\n"
	"  -z, --size MB      of the disk, for addresses (default 64)\n"
	"  -b, --block BYTES  of the disk (default 512)\n"
	"  -s, --seed N       (default 1)\n"
	"  -t, --timeout MS   after which a command is aborted (default 60000)\n"
	"  -r, --reset N      a LUN reset after every N commands (default never)\n"
	"  -n, --nodata PCT   commands without data, in percent (default 20)\n"
	"  -o, --odd PCT      commands whose data does not fit the CDB (default 10)\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 all were sent and came back, whatever the answers; 1 not; 2 usage.\n";

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },	   { "commands", required_argument, NULL, 'c' },
	{ "depth", required_argument, NULL, 'j' }, { "max", required_argument, NULL, 'm' },
	{ "size", required_argument, NULL, 'z' },  { "block", required_argument, NULL, 'b' },
	{ "seed", required_argument, NULL, 's' },  { "timeout", required_argument, NULL, 't' },
	{ "reset", required_argument, NULL, 'r' }, { "nodata", required_argument, NULL, 'n' },
	{ "odd", required_argument, NULL, 'o' },   { NULL, 0, NULL, 0 },
};

struct load {
	uint64_t commands, depth, max, size_mb, block, seed, timeout_ms, reset, nodata, odd;
	uint64_t sent, failed, answered[256];
};

struct worker {
	struct load *l;
	int fd; /* of its own: the driver allows 16 commands on each */
	pthread_t thread;
	uint64_t rng;
	uint8_t *buf;
};

static uint64_t roll(struct worker *w, uint64_t sides)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return (w->rng >> 11) % sides;
}

static void put_be(uint8_t *p, uint64_t v, unsigned int bytes)
{
	while (bytes--) {
		p[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

/* READ or WRITE of @blocks logical blocks, in a CDB of one of four sizes. */
static uint8_t make_rw(struct worker *w, uint8_t *cdb, uint64_t blocks, bool write)
{
	uint64_t lba = roll(w, (w->l->size_mb << 20) / w->l->block - blocks);

	switch (roll(w, 4)) {
	case 0:
		if (blocks < 256 && lba < 1u << 21) {
			put_be(cdb, (write ? 0x0aull : 0x08ull) << 24 | lba, 4);
			cdb[4] = (uint8_t)blocks;
			return 6;
		}
	/* fall through */
	case 1:
		cdb[0] = write ? 0x2a : 0x28;
		put_be(cdb + 2, lba, 4);
		put_be(cdb + 7, blocks, 2);
		return 10;
	case 2:
		cdb[0] = write ? 0xaa : 0xa8;
		put_be(cdb + 2, lba, 4);
		put_be(cdb + 6, blocks, 4);
		return 12;
	default:
		cdb[0] = write ? 0x8a : 0x88;
		put_be(cdb + 2, lba, 8);
		put_be(cdb + 10, blocks, 4);
		return 16;
	}
}

static uint8_t make_nodata(struct worker *w, uint8_t *cdb)
{
	static const uint8_t ops[] = { 0x00, 0x1b, 0x35, 0x91 };
	static const uint8_t lens[] = { 6, 6, 10, 16 };
	uint64_t i = roll(w, 4);

	cdb[0] = ops[i];
	if (ops[i] == 0x1b)
		cdb[4] = 1; /* START */
	return lens[i];
}

/* Something with data of any length: allocation lengths, unknown opcodes, variable-length CDBs. */
static uint8_t make_odd(struct worker *w, uint8_t *cdb, struct sg_io_hdr *io)
{
	static const uint8_t ops[] = { 0x12, 0x25, 0x1a, 0x5a, 0x03, 0xc1, 0x7f, 0x88, 0x2a, 0x3b };
	static const uint8_t lens[] = { 6, 10, 6, 10, 6, 10, 32, 16, 10, 10 };
	uint64_t i = roll(w, sizeof(ops)), len = 1 + roll(w, w->l->max);

	cdb[0] = ops[i];
	if (cdb[0] == 0x7f)
		cdb[7] = (uint8_t)(8 * roll(w, 4));
	if (cdb[0] == 0x12 || cdb[0] == 0x1a || cdb[0] == 0x03)
		cdb[4] = (uint8_t)len;
	if (cdb[0] == 0x1a || cdb[0] == 0x5a)
		cdb[2] = 0x3f;
	io->dxfer_direction = cdb[0] == 0x2a || cdb[0] == 0x3b || roll(w, 4) == 0
				      ? SG_DXFER_TO_DEV
				      : SG_DXFER_FROM_DEV;
	io->dxfer_len = (unsigned int)len;
	return cdb[0] == 0x7f ? (uint8_t)(cdb[7] + 8) : lens[i];
}

static void make(struct worker *w, uint8_t *cdb, struct sg_io_hdr *io)
{
	uint64_t kind = roll(w, 100), most = w->l->max / w->l->block, blocks;

	if (kind < w->l->nodata) {
		io->dxfer_direction = SG_DXFER_NONE;
		io->cmd_len = make_nodata(w, cdb);
		return;
	}
	if (kind < w->l->nodata + w->l->odd) {
		io->cmd_len = make_odd(w, cdb, io);
		return;
	}
	/* As many short ones as long ones. */
	blocks = 1 + roll(w, roll(w, 3) ? (most < 16 ? most : 16) : most);
	io->dxfer_direction = roll(w, 2) ? SG_DXFER_TO_DEV : SG_DXFER_FROM_DEV;
	io->dxfer_len = (unsigned int)(blocks * w->l->block);
	io->cmd_len = make_rw(w, cdb, blocks, io->dxfer_direction == SG_DXFER_TO_DEV);
}

static void send_one(struct worker *w)
{
	uint8_t cdb[32] = { 0 }, sense[64];
	struct sg_io_hdr io = { .interface_id = 'S',
				.cmdp = cdb,
				.dxferp = w->buf,
				.sbp = sense,
				.mx_sb_len = sizeof(sense),
				.timeout = (unsigned int)w->l->timeout_ms };

	make(w, cdb, &io);
	if (ioctl(w->fd, SG_IO, &io))
		__atomic_add_fetch(&w->l->failed, 1, __ATOMIC_RELAXED);
	else
		__atomic_add_fetch(&w->l->answered[io.status], 1, __ATOMIC_RELAXED);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	int how = SG_SCSI_RESET_DEVICE;
	uint64_t n;

	while ((n = __atomic_add_fetch(&w->l->sent, 1, __ATOMIC_RELAXED)) <= w->l->commands) {
		if (w->l->reset && n % w->l->reset == 0)
			ioctl(w->fd, SG_SCSI_RESET, &how);
		send_one(w);
	}
	return NULL;
}

static int complain(const char *text, const char *why)
{
	fprintf(stderr, "tcmu-harness trace load: %s: %s\n", text, why);
	return EXIT_BAD;
}

/* Returns -1 to go on, or an exit status. */
static int parse_options(struct load *l, int argc, char **argv)
{
	const struct {
		char c;
		uint64_t *value, min, max;
	} numbers[] = {
		{ 'c', &l->commands, 1, 1u << 30 },   { 'j', &l->depth, 1, THREADS_MAX },
		{ 'm', &l->max, 512, 16u << 20 },     { 'z', &l->size_mb, 1, 1u << 20 },
		{ 'b', &l->block, 512, 65536 },	      { 's', &l->seed, 0, UINT64_MAX / 4 },
		{ 't', &l->timeout_ms, 1, 1u << 30 }, { 'r', &l->reset, 0, 1u << 30 },
		{ 'n', &l->nodata, 0, 100 },	      { 'o', &l->odd, 0, 100 },
	};
	size_t i;
	char *end;
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":hc:j:m:z:b:s:t:r:n:o:", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return EXIT_FINE;
		}
		for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
			if (numbers[i].c == c)
				break;
		if (i == sizeof(numbers) / sizeof(numbers[0]))
			return complain(argv[optind - 1], "expected options it knows");
		*numbers[i].value = strtoull(optarg, &end, 10);
		if (*end || *optarg < '0' || *optarg > '9' || *numbers[i].value < numbers[i].min ||
		    *numbers[i].value > numbers[i].max)
			return complain(optarg, "expected a number in range");
	}
	if (argc - optind != 1)
		return complain("device", "expected /dev/sgN");
	if (l->max < l->block || l->max >= l->size_mb << 20)
		return complain("--max", "expected at least a block, and less than the disk");
	return -1;
}

/* Returns the descriptor or -1, with a line said. */
static int open_device(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), version = 0;
	struct stat st;

	if (fd < 0) {
		complain(path, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) || !S_ISCHR(st.st_mode) || ioctl(fd, SG_GET_VERSION_NUM, &version) ||
	    version < 30000) {
		close(fd);
		complain(path, "expected a SCSI generic device");
		return -1;
	}
	return fd;
}

static bool start(struct worker *w, const pthread_attr_t *attr, const char *path)
{
	w->fd = open_device(path);
	if (w->fd < 0)
		return false;
	w->buf = calloc(1, w->l->max);
	if (w->buf && !pthread_create(&w->thread, attr, run, w))
		return true;
	free(w->buf);
	close(w->fd);
	return false;
}

int load_main(int argc, char **argv)
{
	struct load l = { .commands = 1000,
			  .depth = 16,
			  .max = 131072,
			  .size_mb = 64,
			  .block = 512,
			  .seed = 1,
			  .timeout_ms = 60000,
			  .nodata = 20,
			  .odd = 10 };
	struct worker *w;
	pthread_attr_t attr;
	uint64_t i, started = 0;
	int rc = parse_options(&l, argc, argv);

	if (rc >= 0)
		return rc;
	w = calloc(l.depth, sizeof(*w));
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	for (; w && started < l.depth; started++) {
		w[started].l = &l;
		w[started].rng = (l.seed << 12) + started * 2 + 1;
		if (!start(&w[started], &attr, argv[optind]))
			break;
	}
	for (i = 0; i < started; i++) {
		pthread_join(w[i].thread, NULL);
		close(w[i].fd);
		free(w[i].buf);
	}
	pthread_attr_destroy(&attr);
	free(w);
	if (!started)
		return EXIT_BAD;
	printf("%" PRIu64 " commands, %" PRIu64 " not sent;", l.commands, l.failed);
	for (i = 0; i < 256; i++)
		if (l.answered[i])
			printf(" status 0x%02" PRIx64 ": %" PRIu64, i, l.answered[i]);
	putchar('\n');
	return started < l.depth || l.failed ? EXIT_FAILED : EXIT_FINE;
}
