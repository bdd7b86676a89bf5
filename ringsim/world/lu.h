/* SPDX-License-Identifier: MIT */
/*
 * A logical unit as the target core keeps it: what lu.c and pr.c share.
 *
 * There is one initiator, the loopback host that all SCSI nodes of the world stand for. A nexus
 * more would need a list where there is one registration here, and the conflicts that cannot arise.
 */
#ifndef RINGSIM_WORLD_LU_H
#define RINGSIM_WORLD_LU_H

#include "internal.h"

/**
 * struct pr - reservations of a unit (SCS-001)
 * @generation: of persistent reservations
 * @registered, @key, @all_ports: our nexus' registration
 * @type:       of the persistent reservation that we hold, 0 = none
 * @aptpl:      survives a loss of power, it says
 * @reserved:   by RESERVE
 */
struct pr {
	uint32_t generation;
	bool registered, all_ports, aptpl, reserved;
	uint64_t key;
	uint8_t type;
};

struct lu_tmr;

/**
 * struct lu
 * @first, @last: commands that the simulator has, oldest first
 * @ua:           a unit attention waits, with @ua_asc and @ua_ascq
 * @resets:       LUN resets that have not ended
 */
struct lu {
	struct world_device *d;
	struct lu_io *first, *last;
	struct lu_tmr *tmrs;
	struct pr pr;
	bool ua;
	uint8_t ua_asc, ua_ascq;
	unsigned int resets;
};

/*
 * A command that the target core carries out itself.
 * @len: what it goes by: the initiator's length, less where the CDB says so
 */
struct core_cmd {
	struct lu *lu;
	struct lu_io *io;
	uint32_t len;
	bool underflow;
};

/** lu_sense() - end with CHECK CONDITION; always 0, so that it can be returned. */
void lu_sense(struct lu_io *io, uint8_t key, uint8_t asc, uint8_t ascq);
/** lu_fits() - compare @size, of the CDB, with the initiator's length; false: already refused. */
bool lu_fits(struct core_cmd *c, uint32_t size);
/** lu_returned() - @len bytes are what there is to return. */
void lu_returned(struct core_cmd *c, uint32_t len);

/** pr_in(), pr_out(), pr_reserve(), pr_release() - carry out; the status is in @c->io. */
void pr_in(struct core_cmd *c);
void pr_out(struct core_cmd *c);
void pr_reserve(struct core_cmd *c);
void pr_release(struct core_cmd *c);

/** lu_host() - the loopback host that a device is on; it is 0:1:0 there. */
static inline unsigned int lu_host(unsigned int minor)
{
	return minor;
}

/** lu_resetting() - a reset is on its way: the midlayer sends nothing. */
bool lu_resetting(const struct world_device *d);

static inline uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static inline uint64_t be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static inline void put_be64(uint8_t *p, uint64_t v)
{
	put_be32(p, (uint32_t)(v >> 32));
	put_be32(p + 4, (uint32_t)v);
}

#endif
