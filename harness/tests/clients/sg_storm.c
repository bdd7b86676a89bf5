/* SPDX-License-Identifier: MIT */
/*
 * Many users of one SCSI generic node at once, some of whom die: sg_storm NODE SECONDS
 *
 * Threads share a descriptor and read answers by pack id; processes share it after fork; others
 * open and close all the time, leave commands behind, are killed while they wait, are interrupted.
 * Each user has blocks of its own, above block 1024, and checks all that it reads. Exit status 0:
 * all data was right and nothing hung.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <scsi/sg.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 8
#define BLOCKS	8
#define LEN	(BLOCKS * 512)

static const char *node;
static int shared;
static time_t until;
static volatile int bad;

static void complain(const char *what)
{
	fprintf(stderr, "sg_storm: %s: %s\n", what, strerror(errno));
	bad = 1;
}

static sg_io_hdr_t header(uint8_t *cdb, bool write, uint32_t lba, void *buf, int id)
{
	memset(cdb, 0, 10);
	cdb[0] = write ? 0x2a : 0x28;
	cdb[2] = (uint8_t)(lba >> 24);
	cdb[3] = (uint8_t)(lba >> 16);
	cdb[4] = (uint8_t)(lba >> 8);
	cdb[5] = (uint8_t)lba;
	cdb[8] = BLOCKS;
	return (sg_io_hdr_t){
		.interface_id = 'S',
		.cmdp = cdb,
		.cmd_len = 10,
		.dxfer_direction = write ? SG_DXFER_TO_DEV : SG_DXFER_FROM_DEV,
		.dxferp = buf,
		.dxfer_len = LEN,
		.timeout = 20000,
		.pack_id = id,
	};
}

static void transfer(int fd, bool write_it, uint32_t lba, void *buf)
{
	uint8_t cdb[10];
	sg_io_hdr_t h = header(cdb, write_it, lba, buf, 0);

	while (ioctl(fd, SG_IO, &h))
		if (errno != EINTR) {
			complain("SG_IO");
			return;
		}
	if (h.status || h.host_status)
		fprintf(stderr, "sg_storm: status %x host %x\n", h.status, h.host_status), bad = 1;
}

/* The other half is read by whoever asks for its id. */
static void transfer_by_id(int fd, bool write_it, uint32_t lba, void *buf, int id)
{
	uint8_t cdb[10];
	sg_io_hdr_t h = header(cdb, write_it, lba, buf, id), r = h;

	while (write(fd, &h, sizeof(h)) != sizeof(h))
		if (errno != EINTR) {
			complain("write");
			return;
		}
	while (read(fd, &r, sizeof(r)) != sizeof(r))
		if (errno != EINTR) {
			complain("read");
			return;
		}
	if (r.pack_id != id || r.dxferp != buf || r.status)
		fprintf(stderr, "sg_storm: id %d, found %d\n", id, r.pack_id), bad = 1;
}

static void check(const uint8_t *buf, uint8_t value)
{
	for (size_t i = 0; i < LEN; i++)
		if (buf[i] != value) {
			fprintf(stderr, "sg_storm: byte %zu: expected %x, found %x\n", i, value,
				buf[i]);
			bad = 1;
			return;
		}
}

static void turn(int fd, uint32_t user, uint8_t value, bool by_id)
{
	uint8_t buf[LEN];
	uint32_t lba = 1024 + user * BLOCKS;

	memset(buf, value, sizeof(buf));
	if (by_id)
		transfer_by_id(fd, true, lba, buf, (int)user);
	else
		transfer(fd, true, lba, buf);
	memset(buf, ~value, sizeof(buf));
	if (by_id)
		transfer_by_id(fd, false, lba, buf, (int)user);
	else
		transfer(fd, false, lba, buf);
	check(buf, value);
}

static void *thread(void *arg)
{
	uint32_t user = (uint32_t)(uintptr_t)arg;

	for (unsigned int i = 0; time(NULL) < until && !bad; i++)
		turn(shared, user, (uint8_t)(i * 7 + user), user % 2);
	return NULL;
}

static void nothing(int sig)
{
	(void)sig;
}

/* A process with a descriptor of its own; or ours, but then it only waits for its own commands. */
static void child(uint32_t user, int fd)
{
	struct sigaction sa = { .sa_handler = nothing };

	sigaction(SIGUSR1, &sa, NULL);
	for (unsigned int i = 0; time(NULL) < until && !bad; i++) {
		int mine = fd < 0 ? open(node, O_RDWR) : fd;

		if (mine < 0 && errno == EINTR)
			continue;
		if (mine < 0) {
			complain("open");
			break;
		}
		turn(mine, user, (uint8_t)(i * 3 + user), false);
		if (fd < 0 && i % 4 == 3) { /* leave one behind */
			uint8_t cdb[10], buf[LEN];
			sg_io_hdr_t h = header(cdb, false, 1024 + user * BLOCKS, buf, 1);

			if (write(mine, &h, sizeof(h)) != sizeof(h) && errno != EINTR)
				complain("write");
		}
		if (fd < 0)
			close(mine);
	}
	_exit(bad);
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	pid_t pids[6], victim;
	int one = 1, status;
	time_t begun = time(NULL);

	if (argc != 3)
		return 2;
	node = argv[1];
	until = begun + atoi(argv[2]);
	shared = open(node, O_RDWR);
	if (shared < 0 || ioctl(shared, SG_SET_FORCE_PACK_ID, &one))
		return complain(node), 2;
	for (uint32_t i = 0; i < 6; i++) {
		pids[i] = fork();
		if (!pids[i])
			child(20 + i, i < 2 ? shared : -1);
	}
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, thread, (void *)i);
	for (uint32_t i = 0; time(NULL) < until && !bad;
	     i++) { /* somebody dies, somebody is woken */
		victim = fork();
		if (!victim)
			child(40, i % 2 ? shared : -1);
		usleep(1000 + i * 137 % 5000);
		kill(pids[2 + i % 4], SIGUSR1);
		kill(victim, SIGKILL);
		waitpid(victim, NULL, 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 6; i++)
		if (waitpid(pids[i], &status, 0) < 0 || status)
			complain("a child failed");
	return bad || time(NULL) > until + 15;
}
