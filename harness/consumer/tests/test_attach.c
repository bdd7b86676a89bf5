/* SPDX-License-Identifier: MIT */
/*
 * The attach protocol, both halves: what it hands out, who it refuses, and that nonsense from a
 * peer costs nothing.
 */
#include "../attach.h"

#include <ringsim/attach.h>
#include <ringsim/sanitizer.h>
#include <CUnit/Basic.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct rig {
	struct ringsim_device *dev;
	struct ringsim_uio uio;
	struct ringsim_attach *server;
	char dir[64], path[96];
	uint32_t violations;
	const char *clause;
};

static void on_event(void *ctx)
{
	struct rig *rig = ctx;

	if (rig->server)
		ringsim_attach_event(rig->server);
}

static void on_violation(void *ctx, const struct ringsim_violation *v)
{
	struct rig *rig = ctx;

	rig->violations++;
	rig->clause = v->clause;
}

static const struct ringsim_ops ops = { .event = on_event, .violation = on_violation };

static void rig_open(struct rig *rig)
{
	struct ringsim_config cfg = { .geo = { .ring_mb = 1, .data_area_mb = 1 },
				      .cmd_time_out_s = 30,
				      .qfull_time_out_s = -1,
				      .sanitize = true };
	struct ringsim_attach_info info = { "tcm-user/0/d/any/x y", 1 << 20, 512 };
	char err[160];

	memset(rig, 0, sizeof(*rig));
	strcpy(rig->dir, "/tmp/test_attach_XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(rig->dir));
	snprintf(rig->path, sizeof(rig->path), "%s/s", rig->dir);
	CU_ASSERT_EQUAL_FATAL(ringsim_device_create(&rig->dev, &cfg, &ops, rig, NULL, 0), 0);
	rig->uio.dev = rig->dev;
	CU_ASSERT_EQUAL_FATAL(
		ringsim_attach_create(&rig->server, &rig->uio, rig->path, &info, err, sizeof(err)),
		0);
}

static void rig_close(struct rig *rig)
{
	ringsim_attach_destroy(rig->server);
	ringsim_device_destroy(rig->dev);
	CU_ASSERT_EQUAL(rmdir(rig->dir), 0); /* the socket is gone */
}

/* The client blocks for its answer, so it runs beside the server. */
struct client {
	pthread_t thread;
	const char *path, *action;
	unsigned int value;
	struct tcmu_attachment att;
	char err[256];
	int rc;
	volatile int finished;
};

static void *client_main(void *arg)
{
	struct client *c = arg;

	c->rc = c->action ? tcmu_attach_action(&c->att, c->action, c->value)
			  : tcmu_attach(c->path, &c->att, c->err, sizeof(c->err));
	__atomic_store_n(&c->finished, 1, __ATOMIC_RELEASE);
	return NULL;
}

static int drive(struct rig *rig, struct client *c)
{
	int i;

	c->finished = 0;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&c->thread, NULL, client_main, c), 0);
	for (i = 0; i < 20000 && !__atomic_load_n(&c->finished, __ATOMIC_ACQUIRE); i++) {
		ringsim_attach_service(rig->server);
		usleep(100);
	}
	pthread_join(c->thread, NULL);
	return c->rc;
}

static int action(struct rig *rig, struct client *c, const char *name, unsigned int value)
{
	int rc;

	c->action = name;
	c->value = value;
	rc = drive(rig, c);
	c->action = NULL;
	return rc;
}

static void test_attach(void)
{
	struct ringsim_stats st;
	struct client c = { 0 };
	struct rig rig;
	uint32_t count = 0;
	void *p;

	rig_open(&rig);
	c.path = rig.path;
	CU_ASSERT_EQUAL_FATAL(drive(&rig, &c), 0);
	CU_ASSERT_STRING_EQUAL(c.att.name, "tcm-user/0/d/any/x y");
	CU_ASSERT_EQUAL(c.att.map0_len, 2 << 20);
	CU_ASSERT_EQUAL(c.att.block_size, 512);
	CU_ASSERT_EQUAL(c.att.size_bytes, 1 << 20);
	CU_ASSERT_EQUAL(ringsim_attach_pid(rig.server), getpid());
	p = mmap(NULL, c.att.map0_len, PROT_READ | PROT_WRITE, MAP_SHARED, c.att.mem_fd, 0);
	CU_ASSERT_TRUE_FATAL(p != MAP_FAILED);
	CU_ASSERT_EQUAL(((struct tcmu_mailbox *)p)->version, 2);
	munmap(p, c.att.map0_len);

	/* events coalesce while one is unread, and come again afterwards */
	ringsim_spurious_event(rig.dev);
	ringsim_spurious_event(rig.dev);
	CU_ASSERT_EQUAL(read(c.att.io_fd, &count, 4), 4);
	CU_ASSERT_EQUAL(recv(c.att.io_fd, &count, 4, MSG_DONTWAIT), -1);
	ringsim_spurious_event(rig.dev);
	CU_ASSERT_EQUAL(read(c.att.io_fd, &count, 4), 4);
	CU_ASSERT_EQUAL(count, 3);

	/* doorbells, right and wrong */
	CU_ASSERT_EQUAL(write(c.att.io_fd, &count, 4), 4);
	CU_ASSERT_EQUAL(ringsim_attach_service(rig.server), 1);
	CU_ASSERT_EQUAL(write(c.att.io_fd, "12345678", 8), 8);
	CU_ASSERT_EQUAL(ringsim_attach_service(rig.server), 0);
	CU_ASSERT_EQUAL(rig.violations, 1);
	CU_ASSERT_STRING_EQUAL(rig.clause, "HND-045");
	CU_ASSERT_EQUAL(write(c.att.io_fd, "", 0), 0); /* neither a doorbell nor a close */
	CU_ASSERT_EQUAL(ringsim_attach_service(rig.server), 0);
	CU_ASSERT_EQUAL(rig.violations, 2);
	ringsim_stats(rig.dev, &st);
	CU_ASSERT_TRUE(st.open);

	CU_ASSERT_EQUAL(action(&rig, &c, "block_dev", 1), 0);
	ringsim_stats(rig.dev, &st);
	CU_ASSERT_TRUE(st.blocked);
	CU_ASSERT_EQUAL(action(&rig, &c, "reset_ring", 1), 0);
	CU_ASSERT_EQUAL(action(&rig, &c, "reset_ring", 3), -EINVAL);
	CU_ASSERT_EQUAL(action(&rig, &c, "block_dev", 2), -EINVAL);
	CU_ASSERT_EQUAL(action(&rig, &c, "free_kept_buf", 7), -EINVAL);
	CU_ASSERT_EQUAL(action(&rig, &c, "no_such", 1), -EINVAL);

	/* the last close releases the device */
	tcmu_attach_close(&c.att);
	ringsim_attach_service(rig.server);
	ringsim_stats(rig.dev, &st);
	CU_ASSERT_FALSE(st.open);
	rig_close(&rig);
}

static void test_busy_and_gone(void)
{
	struct client a = { 0 }, b = { 0 };
	struct rig rig;
	char byte;

	rig_open(&rig);
	a.path = b.path = rig.path;
	CU_ASSERT_EQUAL_FATAL(drive(&rig, &a), 0);
	CU_ASSERT_EQUAL(drive(&rig, &b), -EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(b.err, "held by another process"));
	CU_ASSERT_EQUAL(ringsim_attach_refused(rig.server), 1);
	ringsim_attach_hangup(rig.server);
	CU_ASSERT_EQUAL(read(a.att.io_fd, &byte, 1), 0);
	ringsim_spurious_event(rig.dev); /* nobody there */
	ringsim_uio_unregister(&rig.uio);
	CU_ASSERT_EQUAL(drive(&rig, &b), -ENODEV);
	tcmu_attach_close(&a.att);
	rig_close(&rig);
}

static int dial(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	CU_ASSERT_EQUAL(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void test_nonsense(void)
{
	static const char *const bad[] = { "",
					   "hello",
					   "TCMU-ATTACH 2",
					   "ACTION",
					   "ACTION block_dev",
					   "ACTION block_dev 1 1",
					   "ACTION block_dev x",
					   "ACTION free_kept_buf 4294967297",
					   "ACTION free_kept_buf -1" };
	struct pollfd fds[RINGSIM_ATTACH_FDS];
	char big[4096] = "TCMU-ATTACH 1", answer[256];
	struct client c = { 0 };
	struct rig rig;
	size_t i;
	int fd[16];

	rig_open(&rig);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fd[0] = dial(rig.path);
		CU_ASSERT_TRUE(send(fd[0], bad[i], strlen(bad[i]), 0) >= 0);
		ringsim_attach_service(rig.server);
		ringsim_attach_service(rig.server);
		if (*bad[i]) {
			memset(answer, 0, sizeof(answer));
			CU_ASSERT_TRUE(recv(fd[0], answer, sizeof(answer) - 1, MSG_DONTWAIT) > 0);
			CU_ASSERT_EQUAL(strncmp(answer, "ERR ", 4), 0);
		}
		close(fd[0]);
		ringsim_attach_service(rig.server);
	}
	/* a line may have an end */
	fd[0] = dial(rig.path);
	CU_ASSERT_EQUAL(send(fd[0], "ACTION block_dev 0\n", 19, 0), 19);
	ringsim_attach_service(rig.server);
	ringsim_attach_service(rig.server);
	CU_ASSERT_EQUAL(recv(fd[0], answer, sizeof(answer), MSG_DONTWAIT), 2);
	CU_ASSERT_EQUAL(strncmp(answer, "OK", 2), 0);
	close(fd[0]);
	fd[0] = dial(rig.path);
	CU_ASSERT_EQUAL(send(fd[0], big, sizeof(big), 0), sizeof(big));
	ringsim_attach_service(rig.server);
	close(fd[0]);
	/* more connections than it keeps: the rest is dropped, and it still serves */
	for (i = 0; i < 16; i++) {
		fd[i] = dial(rig.path);
		ringsim_attach_service(rig.server);
	}
	CU_ASSERT_TRUE(ringsim_attach_pollfds(rig.server, fds) <= RINGSIM_ATTACH_FDS);
	for (i = 0; i < 16; i++)
		close(fd[i]);
	ringsim_attach_service(rig.server);
	c.path = rig.path;
	CU_ASSERT_EQUAL(drive(&rig, &c), 0);
	tcmu_attach_close(&c.att);
	rig_close(&rig);
}

static void test_bad_paths(void)
{
	struct ringsim_attach_info info = { "n", 0, 512 };
	struct tcmu_attachment att;
	struct ringsim_attach *a;
	char err[256], path[200];
	struct rig rig;

	rig_open(&rig);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	CU_ASSERT_EQUAL(ringsim_attach_create(&a, &rig.uio, path, &info, err, sizeof(err)),
			-ENAMETOOLONG);
	CU_ASSERT_EQUAL(ringsim_attach_create(&a, &rig.uio, rig.path, &info, err, sizeof(err)),
			-EADDRINUSE);
	CU_ASSERT_EQUAL(ringsim_attach_create(&a, &rig.uio, "/nowhere/s", &info, NULL, 0), -ENOENT);
	CU_ASSERT_EQUAL(tcmu_attach(path, &att, err, sizeof(err)), -ENAMETOOLONG);
	CU_ASSERT_EQUAL(tcmu_attach("/nowhere/s", &att, err, sizeof(err)), -ENOENT);
	rig_close(&rig);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{ "attach, events, doorbells, actions, close", test_attach },
		{ "a second handler, a removed device", test_busy_and_gone },
		{ "nonsense", test_nonsense },
		{ "paths that cannot be", test_bad_paths },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "attach", NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };
	unsigned int failed;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed != 0;
}
