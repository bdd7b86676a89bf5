/* SPDX-License-Identifier: MIT */
/*
 * What stands in for the open file of a UIO node in another process.
 *
 * One end of a SOCK_SEQPACKET pair: sizes of reads and writes stay visible, poll and O_NONBLOCK
 * work by themselves. An event is sent only when nothing is unread, which is how events coalesce: a
 * handler that has not read yet will drain after it does. The last close of the far end, however it
 * was duplicated and passed on, is seen here as a hangup (KRN-120).
 */
#ifndef RINGSIM_STANDIN_H
#define RINGSIM_STANDIN_H

#include <ringsim/uio.h>

/** struct ringsim_standin - @fd: our end, -1 while nobody holds the node */
struct ringsim_standin {
	struct ringsim_uio *uio;
	int fd;
};

/** ringsim_standin_open() - open the node; *@far is to be given away and closed. 0 or -errno. */
int ringsim_standin_open(struct ringsim_standin *s, int *far);
/**
 * ringsim_standin_service() - doorbells that have come in, or the hangup (@fd is -1 then)
 * Returns how many rang properly. Bounded: a flood of doorbells leaves some for the next call.
 */
uint32_t ringsim_standin_service(struct ringsim_standin *s);
/** ringsim_standin_event() - wake the far end, unless it has an event unread. */
void ringsim_standin_event(struct ringsim_standin *s);
/** ringsim_standin_hangup() - the far end sees POLLHUP; the node is not released by this. */
void ringsim_standin_hangup(struct ringsim_standin *s);

#endif
