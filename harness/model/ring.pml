/* SPDX-License-Identifier: MIT */
/*
 * Head, tail, event and doorbell: both halves of a ring of R slots through which N commands go.
 *
 * Between any two statements the other half can do something, or a SIGKILL strike; d_step is what
 * happens at once for whoever could look. The mailbox is @head and @tail, the UIO node is @news.
 *
 * Claimed, whatever the interleaving and the batches, with one death of the handler and one walk
 * that nobody rang for: every command ends (the LTL formula, under weak fairness; there is no
 * timer, and no event or walk to spare for who sleeps wrongly), ends once, and only with a whole
 * answer; a tail lies between the last one and the head (HND-040).
 */
#ifndef V
#define V 0 /* what the clauses ask for; or one of these, which are each different in one thing */
#endif
#define ONE_LOAD       1 /* HND-042 ok    cmd_head is loaded once after each event, not again */
#define WAIT_FIRST     2 /* HND-041 never waits for an event before it has looked at the ring */
#define OPEN_LATE      3 /* HND-041 never opens the node after the first drain: too new a baseline */
#define CLEAR_LATE     4 /* HND-042 never drains, then reads the event away, then waits */
#define HEAD_EARLY     5 /* HND-042 never loads cmd_head before it reads the event */
#define HEAD_ONCE      6 /* HND-010 never loads cmd_head at attach and never again */
#define ONE_PER_EVENT  7 /* HND-043 never takes one event for one command */
#define NO_DOORBELL    8 /* HND-044 never stores the tail and leaves it at that */
#define BELL_FIRST     9 /* HND-044 never rings, then stores the tail */
#define TAIL_FIRST     10 /* HND-038 wrong stores the tail before the answer */
#define TAIL_BEYOND    11 /* HND-011 wrong publishes one slot more than it was given */
#define TAIL_AT_HEAD   12 /* HND-048 wrong a successor begins at cmd_head: what waited is lost */
#define TAIL_AT_ZERO   13 /* HND-048 wrong a successor begins at the ring's first slot */
#define NO_MARK        14 /* HND-061 wrong a successor takes a half-answered slot for a request */
#define NO_ATTACH_BELL 15 /* HND-063 never a successor does not ring for the tail that it finds */
#define EVENT_EARLY    16 /* KRN-073 never the kernel raises the event, then moves the head */
#define SILENT_QUEUE   17 /* KRN-073 never the kernel raises none for what waited for room */
#define UNPLUG_SILENT  18 /* KRN-073 never the kernel raises none for a batch that found no room */
#ifndef N
#define N 4
#endif
#define R 3		/* one stays free, so two commands are on the ring at most */
#define NEXT(i)	    ((i + 1) % R)
#define DIST(a, b)  ((b + R - a) % R)
#define ROOM	    (NEXT(head) != reclaim)

mtype = { OLD, REQUEST, BEGUN, ANSWERED };
mtype slot[R] = OLD;	/* the entry; OLD is whatever the lap before left there */
byte id[R], head, tail;
bool news;		/* the node's count of events differs from the listener's */
bool locked;		/* the kernel's ring lock; the rest is its own: */
byte reclaim, issued, waiting, ended;	/* @waiting: queue-full list (KRN-080) */
bool plugged, done[N];
bool killed;

ltl served { <>(ended == N) }

inline notify() { if :: !plugged -> news = true :: else fi }

/* KRN-024, KRN-073: the entry, the head, the event. */
inline publish(queued)
{
	d_step { id[head] = issued; slot[head] = REQUEST; issued++ }
	if :: V == EVENT_EARLY -> notify() :: else fi;
	head = NEXT(head);
	if :: V == EVENT_EARLY || (V == SILENT_QUEUE && queued) :: else -> notify() fi
}

/* KRN-061, KRN-072: complete up to the tail; only if that was something, see who waits for room. */
inline walk(some)
{
	do
	:: reclaim != tail -> d_step {
		assert(reclaim != head && slot[reclaim] == ANSWERED && !done[id[reclaim]]);
		done[id[reclaim]] = true;
		ended++;
		reclaim = NEXT(reclaim);
		some = true }
	:: else -> break
	od;
	do :: some && waiting > 0 && ROOM -> waiting--; publish(true) :: else -> break od;
	some = false
}

inline lock() { atomic { !locked -> locked = true } }

inline submit()
{
	lock();
	left--;
	if
	:: waiting == 0 && ROOM -> publish(false); added = true
	:: else -> waiting++
	fi;
	locked = false
}

/* Commands one by one or in batches, which end with an event (KRN-073); and one event for nothing. */
active proctype initiator()
{
	byte left = N;
	bool added;

	do
	:: left == 0 -> break
	:: left > 0 -> submit()
	:: left > 0 ->
		plugged = true;
		added = false;
		submit();
		do :: left > 0 -> submit() :: break od;
		plugged = false;
		if :: V == UNPLUG_SILENT && !added :: else -> news = true fi
	od;
	if :: news = true :: true fi
}

/* KRN-060 (b): looks at the tail when it likes, or never. */
active proctype reclaimer()
{
	bool some;
	if :: lock(); walk(some); locked = false :: true fi
}

/* HND-061 */
active proctype killer() { if :: killed = true :: true fi }

/* KRN-060 (a): the walk has been done when write() returns. */
inline doorbell() { d_step { !locked -> walk(some) } }

inline store_tail(to)
{
	assert(DIST(tail, to) <= DIST(tail, head));
	tail = to;
	owed = true
}

/*
 * An answer is two stores, status and sense; the first overwrites part of the request. A successor
 * sees from its mark that there is nothing to execute, and finishes it (HND-061, HND-062).
 */
inline answer()
{
	assert(slot[next] != OLD && !(V == NO_MARK && slot[next] == BEGUN));
	if :: V == TAIL_FIRST -> store_tail(NEXT(next)) :: else fi;
	if :: slot[next] == REQUEST -> slot[next] = BEGUN :: else fi;
	slot[next] = ANSWERED;
	next = NEXT(next)
}

/* HND-038, HND-044: what was answered becomes visible, then it is announced. */
inline flush()
{
	if
	:: next == tail
	:: next != tail && V == TAIL_BEYOND -> store_tail(NEXT(next))
	:: next != tail && V == BELL_FIRST -> doorbell(); store_tail(next); owed = false
	:: else -> store_tail(next)
	fi;
	if :: owed && V != NO_DOORBELL -> owed = false; doorbell() :: else fi
}

#define FRESH (V != ONE_LOAD && V != HEAD_ONCE && V != HEAD_EARLY)

inline drain()
{
	if :: V == ONE_LOAD -> h = head :: else fi;
	do
	:: true ->
		if :: FRESH -> h = head :: else fi;
		if :: next == h -> break :: else -> answer() fi;
		if
		:: V == ONE_PER_EVENT -> break
		:: V != ONE_PER_EVENT -> flush()
		:: V != ONE_PER_EVENT
		fi
	od;
	flush()
}

active proctype handler()
{
	byte next, h;
	bool some, owed;

	do
	:: {
		owed = false;
		if :: V != OPEN_LATE -> news = false :: else fi; /* KRN-121: open() */
		next = (V == TAIL_AT_HEAD -> head : (V == TAIL_AT_ZERO -> 0 : tail)); /* HND-048 */
		h = head;
		if :: V != NO_ATTACH_BELL -> doorbell() :: else fi; /* HND-063 */
		if :: V != WAIT_FIRST -> drain() :: else fi; /* HND-041 */
		if :: V == OPEN_LATE -> news = false :: else fi;
		do
		:: news -> /* poll() says so; read() takes it before the head is loaded (HND-042) */
			if :: V == HEAD_EARLY -> h = head :: else fi;
			if :: V == CLEAR_LATE -> drain() :: else fi;
			news = false;
			if :: V != CLEAR_LATE -> drain() :: else fi
		od
	} unless { atomic { killed -> killed = false } }
	od
}
