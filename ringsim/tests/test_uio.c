/* SPDX-License-Identifier: MIT */
/* The semantics of the UIO node: KRN-120 to KRN-128. */
#include "rig.h"

#include <ringsim/attach.h>
#include <errno.h>
#include <poll.h>

static void test_open(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_uio other;
	struct rig r;

	rig_up(&r, &cfg);
	other = (struct ringsim_uio){ .dev = r.dev };
	CU_ASSERT_EQUAL(ringsim_uio_open(&other), -EBUSY);
	CU_ASSERT_FALSE(other.is_open);
	ringsim_uio_close(&other); /* it never had it */
	CU_ASSERT(rig_stats(&r).open);
	ringsim_uio_close(&r.uio);
	CU_ASSERT_FALSE(rig_stats(&r).open);
	CU_ASSERT_EQUAL(ringsim_uio_open(&other), 0);
	CU_ASSERT_EQUAL(ringsim_uio_open(&r.uio), -EBUSY);
	ringsim_uio_close(&other);
	CU_ASSERT_EQUAL(ringsim_uio_open(&r.uio), 0);
	rig_down(&r);
}

static void test_read(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	uint32_t count[2] = { 0 };
	struct ringsim_cmd cmd[3];
	struct rig r;

	cfg.first_event = UINT32_MAX - 1;
	rig_up(&r, &cfg);
	ringsim_spurious_event(r.dev);
	ringsim_uio_close(&r.uio);
	ringsim_uio_open(&r.uio); /* what happened before the open is never reported */
	CU_ASSERT_EQUAL(ringsim_uio_read(&r.uio, count, 4), -EAGAIN);
	CU_ASSERT_EQUAL(ringsim_uio_poll(&r.uio), 0);
	rig_nodata(&r, &cmd[0]);
	rig_nodata(&r, &cmd[1]);
	CU_ASSERT_EQUAL(ringsim_uio_poll(&r.uio), POLLIN);
	CU_ASSERT_EQUAL(ringsim_uio_read(&r.uio, count, 8), -EINVAL);
	rig_expect(&r, "HND-046", UINT64_MAX);
	CU_ASSERT_EQUAL(ringsim_uio_read(&r.uio, count, 0), -EINVAL);
	rig_expect(&r, "HND-046", UINT64_MAX);
	CU_ASSERT_EQUAL(r.uio.bad_reads, 2);
	CU_ASSERT_EQUAL(ringsim_uio_poll(&r.uio), POLLIN);
	CU_ASSERT_EQUAL(ringsim_uio_read(&r.uio, count, 4), 4);
	CU_ASSERT_EQUAL(count[0], 1); /* a running count of 32 bits that wraps */
	CU_ASSERT_EQUAL(count[1], 0);
	CU_ASSERT_EQUAL(ringsim_uio_poll(&r.uio), 0);
	CU_ASSERT_EQUAL(ringsim_uio_read(&r.uio, count, 4), -EAGAIN);
	rig_answer_all(&r);
	rig_down(&r);
}

static void test_write(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	static const uint8_t any[8] = { 0xff, 1, 2, 3, 4, 5, 6, 7 };
	static const size_t sizes[] = { 0, 1, 2, 3, 5, 8 };
	struct ringsim_cmd cmd;
	struct rig r;
	uint32_t i;

	rig_up(&r, &cfg);
	rig_nodata(&r, &cmd);
	rig_answer(&r, 0, 0, 0, 0);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		CU_ASSERT_EQUAL(ringsim_uio_write(&r.uio, any, sizes[i]), -EINVAL);
		rig_expect(&r, "HND-045", UINT64_MAX);
	}
	CU_ASSERT_EQUAL(r.uio.bad_writes, 6);
	CU_ASSERT_EQUAL(r.n_done, 0);
	CU_ASSERT_EQUAL(ringsim_uio_write(&r.uio, any, 4), 4);
	CU_ASSERT_EQUAL(r.uio.doorbells, 1);
	CU_ASSERT_EQUAL(r.n_done, 1);
	rig_nodata(&r, &cmd);
	rig_answer(&r, 77, 0, 0, 0);
	CU_ASSERT_EQUAL(ringsim_uio_write(&r.uio, any, 4), 4); /* also when that breaks the ring */
	CU_ASSERT_EQUAL(ringsim_uio_write(&r.uio, any, 4), 4);
	CU_ASSERT(rig_stats(&r).broken);
	rig_expect(&r, "HND-053", 128 + 120 + 4);
	rig_down(&r);
}

static void test_mmap(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	uint64_t size;
	struct rig r;

	rig_up(&r, &cfg);
	size = r.lay->region_size;
	CU_ASSERT_EQUAL(size, 2 << 20);
	CU_ASSERT_EQUAL(ringsim_uio_mmap(&r.uio, size, 0), 0);
	CU_ASSERT_EQUAL(ringsim_uio_mmap(&r.uio, size - 1, 0), 0);
	CU_ASSERT_EQUAL(ringsim_uio_mmap(&r.uio, size - 4095, 0), 0);
	CU_ASSERT_EQUAL(ringsim_uio_mmap(&r.uio, size - 4096, 0), -EINVAL);
	CU_ASSERT_EQUAL(ringsim_uio_mmap(&r.uio, size + 1, 0), -EINVAL);
	CU_ASSERT_EQUAL(ringsim_uio_mmap(&r.uio, size, 4096), -EINVAL);
	CU_ASSERT_EQUAL(ringsim_uio_mmap(&r.uio, 0, 0), -EINVAL);
	CU_ASSERT_EQUAL(ringsim_uio_mmap(&r.uio, UINT64_MAX, 0), -EINVAL);
	ringsim_uio_unregister(&r.uio);
	CU_ASSERT_EQUAL(ringsim_uio_mmap(&r.uio, size, 0), -EINVAL);
	rig_down(&r);
}

static void test_gone(void)
{
	struct ringsim_config cfg = RIG_CONFIG;
	struct ringsim_cmd cmd;
	uint32_t count = 7;
	struct rig r;

	rig_up(&r, &cfg);
	rig_nodata(&r, &cmd);
	rig_answer(&r, 0, 0, TCMU_UFLAG_KEEP_BUF, 0);
	ringsim_doorbell(r.dev);
	ringsim_uio_unregister(&r.uio);
	CU_ASSERT_EQUAL(ringsim_uio_poll(&r.uio), POLLIN | POLLERR | POLLHUP);
	CU_ASSERT_EQUAL(ringsim_uio_read(&r.uio, &count, 4), -EIO);
	CU_ASSERT_EQUAL(count, 7);
	CU_ASSERT_EQUAL(ringsim_uio_write(&r.uio, &count, 4), -EINVAL);
	CU_ASSERT_EQUAL(r.uio.doorbells, 0);
	ringsim_uio_close(&r.uio); /* does not reach the driver any more */
	CU_ASSERT_FALSE(r.uio.is_open);
	CU_ASSERT_EQUAL(rig_stats(&r).kept, 1);
	CU_ASSERT_EQUAL(ringsim_uio_open(&r.uio), -ENODEV);
	ringsim_attach_destroy(NULL); /* a node that was never handed out */
	rig_down(&r);
}

int main(void)
{
	static const CU_TestInfo tests[] = {
		{ "one opener", test_open },
		{ "read, poll and the baseline", test_read },
		{ "the doorbell is 4 bytes", test_write },
		{ "mmap of just map0", test_mmap },
		{ "after unregistering", test_gone },
		CU_TEST_INFO_NULL,
	};

	return rig_run("uio", tests);
}
