/* SPDX-License-Identifier: MIT */
/*
 * Byte streams over iov lists: what a command's data looks like to code that does not care how the
 * kernel cut it up (HND-020). Every function stops where the list ends (HND-018).
 */
#include "consumer.h"

#include <string.h>

/* Position in a list: skips @off bytes. Returns the index of the iov, the rest in *@in. */
static uint32_t seek(const struct iovec *iov, uint32_t cnt, uint64_t off, size_t *in)
{
	uint32_t i = 0;

	while (i < cnt && off >= iov[i].iov_len)
		off -= iov[i++].iov_len;
	*in = (size_t)off;
	return i;
}

size_t consumer_iov_put(struct consumer *c, const struct iovec *iov, uint32_t cnt, uint64_t off,
			const void *src, size_t len)
{
	size_t done = 0, in, n;
	uint32_t i = seek(iov, cnt, off, &in);

	for (; i < cnt && done < len; i++, in = 0) {
		n = iov[i].iov_len - in;
		if (n > len - done)
			n = len - done;
		memcpy((char *)iov[i].iov_base + in, (const char *)src + done, n);
		done += n;
	}
	if (done)
		consumer_step(c, CONSUMER_STEP_DATA);
	return done;
}

size_t consumer_iov_get(const struct iovec *iov, uint32_t cnt, uint64_t off, void *dst, size_t len)
{
	size_t done = 0, in, n;
	uint32_t i = seek(iov, cnt, off, &in);

	for (; i < cnt && done < len; i++, in = 0) {
		n = iov[i].iov_len - in;
		if (n > len - done)
			n = len - done;
		memcpy((char *)dst + done, (const char *)iov[i].iov_base + in, n);
		done += n;
	}
	return done;
}

size_t consumer_iov_zero(struct consumer *c, const struct iovec *iov, uint32_t cnt, uint64_t off)
{
	size_t done = 0, in;
	uint32_t i = seek(iov, cnt, off, &in);

	for (; i < cnt; i++, in = 0) {
		memset((char *)iov[i].iov_base + in, 0, iov[i].iov_len - in);
		done += iov[i].iov_len - in;
	}
	if (done)
		consumer_step(c, CONSUMER_STEP_DATA);
	return done;
}
