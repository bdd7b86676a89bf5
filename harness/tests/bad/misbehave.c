/* SPDX-License-Identifier: MIT */
/*
 * misbehave HOW: a handler that does one thing wrong, for tests of what is done about it.
 *
 * It answers no command unless HOW says so: what is tested is how the harness gets rid of it.
 */
#include "../../consumer/attach.h"

#include <ringsim/abi.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define GARBAGE_BYTES 100000

static struct tcmu_attachment att;
static unsigned char *region;

static void attach(void)
{
	char err[256] = "TCMU_ATTACH is not set";
	const char *path = getenv(TCMU_ATTACH_ENV);

	if (path && !tcmu_attach(path, &att, err, sizeof(err)))
		return;
	fprintf(stderr, "misbehave: %s\n", err);
	exit(2);
}

static void map(size_t len, int how)
{
	region = mmap(NULL, len, PROT_READ | PROT_WRITE, how, att.mem_fd, 0);
	if (region != MAP_FAILED)
		return;
	perror("misbehave: mmap");
	exit(2);
}

static void attach_and_map(void)
{
	attach();
	map(att.map0_len, MAP_SHARED);
}

static void hang(void)
{
	for (;;)
		pause();
}

static void serve(void); /* below */

static void exit_at_once(void)
{
	fprintf(stderr, "misbehave: I do not feel like it\n");
	exit(3);
}

static void exit_attached(void)
{
	attach_and_map();
	exit(0);
}

static void crash(void)
{
	raise(SIGSEGV);
}

static void crash_attached(void)
{
	attach_and_map();
	raise(SIGSEGV);
}

static void hang_attached(void)
{
	attach_and_map();
	hang();
}

/* Not even SIGTERM ends it. */
static void ignore_signals(void)
{
	for (int sig = 1; sig < 32; sig++)
		signal(sig, SIG_IGN);
	hang_attached();
}

static void close_attached(void)
{
	attach_and_map();
	tcmu_attach_close(&att);
	hang();
}

/* The connection may go; the device is still held. */
static void close_connection(void)
{
	attach_and_map();
	close(att.ctl_fd);
	serve();
}

static void short_map(void)
{
	attach();
	map(att.map0_len - 4096, MAP_SHARED);
	serve();
}

static void private_map(void)
{
	attach();
	map(att.map0_len, MAP_PRIVATE);
	serve();
}

/* The parent goes away, the child leaves the process group and stays for good. */
static void fork_away(void)
{
	attach_and_map();
	if (fork())
		exit(0);
	setsid();
	if (fork())
		exit(0);
	hang();
}

/* The same without ever attaching. */
static void fork_and_fail(void)
{
	if (fork())
		exit(1);
	setsid();
	hang();
}

/* A daemon does as much, and that is fine. */
static void daemonise(void)
{
	if (fork())
		exit(0);
	setsid();
	attach_and_map();
	serve();
}

static void doorbells_of_any_size(void)
{
	char buf[64] = { 0 };

	attach_and_map();
	for (size_t n = 1; n <= sizeof(buf); n++)
		if (n != 4 && write(att.io_fd, buf, n) != (ssize_t)n)
			break;
	hang();
}

static void doorbells_without_end(void)
{
	char buf[4] = { 0 };

	attach_and_map();
	while (write(att.io_fd, buf, sizeof(buf)) == sizeof(buf))
		;
}

static void scribble(void)
{
	attach_and_map();
	memset(region, 0xff, att.map0_len < (1 << 20) ? att.map0_len : (1 << 20));
	doorbells_without_end();
}

/* A connection that nothing was sent on. */
static int dial(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", getenv(TCMU_ATTACH_ENV));
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -1;
	return fd;
}

static void garbage(void)
{
	static char noise[GARBAGE_BYTES];
	int fd = dial();

	for (size_t n = 0; n < sizeof(noise); n++)
		noise[n] = (char)(n * 2654435761u >> 13);
	for (size_t n = 1; n < sizeof(noise); n *= 3)
		if (send(fd, noise, n, MSG_NOSIGNAL) < 0)
			fd = dial();
	hang();
}

static void hang_up(void)
{
	for (int i = 0; i < 100; i++)
		close(dial());
	hang();
}

static void connect_flood(void)
{
	while (dial() >= 0)
		;
	hang();
}

static void polite(void)
{
	attach_and_map();
	serve();
}

/* Every command ends with GOOD at once, whatever it was. */
static void serve(void)
{
	struct tcmu_mailbox *mb = (struct tcmu_mailbox *)region;
	uint32_t word = 0, tail;

	do {
		for (tail = mb->cmd_tail; tail != mb->cmd_head; tail %= mb->cmdr_size) {
			struct tcmu_cmd_entry *e = (void *)(region + mb->cmdr_off + tail);

			if (tcmu_hdr_get_op(e->hdr.len_op) == TCMU_OP_CMD)
				e->rsp.scsi_status = 0;
			tail += tcmu_hdr_get_len(e->hdr.len_op);
		}
		mb->cmd_tail = tail;
	} while (write(att.io_fd, &word, sizeof(word)) > 0 &&
		 read(att.io_fd, &word, sizeof(word)) > 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} ways[] = {
	{ "exit", exit_at_once },
	{ "exit-attached", exit_attached },
	{ "crash", crash },
	{ "crash-attached", crash_attached },
	{ "hang", hang },
	{ "hang-attached", hang_attached },
	{ "ignore-signals", ignore_signals },
	{ "close-attached", close_attached },
	{ "close-connection", close_connection },
	{ "short-map", short_map },
	{ "private-map", private_map },
	{ "fork-away", fork_away },
	{ "fork-and-fail", fork_and_fail },
	{ "daemonise", daemonise },
	{ "doorbells", doorbells_of_any_size },
	{ "doorbell-flood", doorbells_without_end },
	{ "scribble", scribble },
	{ "garbage", garbage },
	{ "hang-up", hang_up },
	{ "connect-flood", connect_flood },
	{ "polite", polite },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(argv[1], ways[i].name)) {
			ways[i].run();
			return 0;
		}
	fprintf(stderr, "misbehave: expected a way to misbehave\n");
	return 2;
}
