/* SPDX-License-Identifier: MIT */
/*
 * The INFORMATION field of sense data, in either format (HND-033).
 */
#include "expect.h"

#include "../cases/cdb.h"

#define DESCRIPTOR 0x72
#define VALID	   0x80
#define INFO_LEN   12 /* of the information descriptor, header and all */

/* The information descriptor; NULL if there is none. */
static const uint8_t *info_descriptor(const uint8_t *p)
{
	uint32_t end = 8u + p[7];

	if (end > TCMU_SENSE_BUFFERSIZE)
		end = TCMU_SENSE_BUFFERSIZE;
	for (uint32_t at = 8; at + INFO_LEN <= end; at += 2u + p[at + 1]) {
		if (p[at] == 0)
			return p + at;
	}
	return NULL;
}

bool fuzz_sense_information(const uint8_t *sense, uint64_t *info)
{
	const uint8_t *d;

	*info = 0;
	if ((sense[0] & 0x7f) < DESCRIPTOR) {
		*info = be_get(sense + 3, 4);
		return (sense[0] & VALID) != 0;
	}
	d = info_descriptor(sense);
	if (d == NULL || !(d[2] & VALID))
		return false;
	*info = be_get(d + 4, 8);
	return true;
}
