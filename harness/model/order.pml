/* SPDX-License-Identifier: MIT */
/*
 * Why publishing needs release and following needs acquire: the two halves on CPUs that let stores
 * become visible late and in any order, and loads be satisfied early.
 *
 * Each variable has one writer, whose store waits in @held until it becomes visible in @seen by
 * everybody. A release store waits for all that its CPU stored before; a system call waits for
 * everything. A load without acquire may have been done before the one that it depends on: then it
 * has an old value. The ring has no laps here, since order between laps is a matter of ring.pml.
 */
#ifndef V
#define V 0 /* what the clauses ask for; or one of these */
#endif
#define PLAIN_TAIL	1 /* HND-038 wrong cmd_tail is stored without release */
#define PLAIN_TAIL_RUNG 2 /* HND-038 ok    not found out if all walks are its own system calls' */
#define PLAIN_TAIL_X86	3 /* HND-038 ok    nor where stores become visible in their order */
#define PLAIN_LOAD	4 /* HND-010 wrong cmd_head is loaded without acquire */
#define LOAD_EARLY	5 /* HND-042 never the load of cmd_head overtakes the event's read */
#define PLAIN_HEAD	6 /* KRN-024 wrong the kernel stores cmd_head without release */
#define EVENT_UNORDERED 7 /* KRN-073 never the event can become visible before the head */
#define PLAIN_WALK	8 /* KRN-074 wrong the reclaimer loads cmd_tail without acquire */
#ifndef N
#define N 2
#endif
#define REQUEST 0	/* + command: its entry holds the request */
#define HEAD	2
#define EVENTS	3
#define ANSWER	4	/* + command: its entry holds the answer */
#define TAIL	6
#define VARS	7
#define KERNEL	(held[0] || held[1] || held[HEAD] || held[EVENTS])
#define HANDLER (held[4] || held[5] || held[TAIL])

byte seen[VARS], value[VARS];
bool held[VARS];
byte ended;

ltl served { <>(ended == N) }

inline store(var, what) { d_step { value[var] = what; held[var] = true } }

/* Before a store without release: nothing has to be visible, or on x86 everything. */
#define PLAIN(mine) (V != PLAIN_TAIL_X86 || !mine)
#define ORDERED(mine) (!mine)
#define PLAIN_STORE (V == PLAIN_TAIL || V == PLAIN_TAIL_RUNG || V == PLAIN_TAIL_X86)

/* Makes stores visible, whenever and in whatever order. */
active proctype memory()
{
	byte v;

end:	do
	:: atomic { held[0] -> seen[0] = value[0]; held[0] = false }
	:: atomic { held[1] -> seen[1] = value[1]; held[1] = false }
	:: atomic { held[2] -> seen[2] = value[2]; held[2] = false }
	:: atomic { held[3] -> seen[3] = value[3]; held[3] = false }
	:: atomic { held[4] -> seen[4] = value[4]; held[4] = false }
	:: atomic { held[5] -> seen[5] = value[5]; held[5] = false }
	:: atomic { held[6] -> seen[6] = value[6]; held[6] = false }
	od
}

/* KRN-024, KRN-073. */
active proctype kernel()
{
	byte i;

	for (i : 0 .. N - 1) {
		PLAIN(KERNEL);
		store(REQUEST + i, 1);
		V == PLAIN_HEAD || ORDERED(KERNEL);
		store(HEAD, i + 1);
		V == EVENT_UNORDERED || ORDERED(KERNEL);
		store(EVENTS, i + 1)
	}
}

/* KRN-061, under the kernel's ring lock. */
inline walk_to(to)
{
	do
	:: ended < to -> assert(seen[ANSWER + ended] == 1); ended++
	:: else -> break
	od
}

/* KRN-060: on a third CPU. */
active proctype reclaimer()
{
	byte early[2], to;

	V != PLAIN_TAIL_RUNG;
	early[0] = seen[ANSWER];
	early[1] = seen[ANSWER + 1];
	to = seen[TAIL];
	atomic {
		assert(V != PLAIN_WALK || ended >= to || early[ended] == 1);
		assert(V != PLAIN_WALK || ended + 1 >= to || early[ended + 1] == 1);
		walk_to(to)
	}
}

active proctype handler()
{
	byte next, head, events, early[2];

	do
	:: true ->
		early[0] = seen[REQUEST];
		early[1] = seen[REQUEST + 1];
		if :: V != LOAD_EARLY -> head = seen[HEAD] :: else fi;
		do
		:: next < head ->
			assert(V != PLAIN_LOAD || early[next] == 1);
			assert(seen[REQUEST + next] == 1);
			PLAIN(HANDLER);
			store(ANSWER + next, 1);
			next++
		:: else -> break
		od;
		(PLAIN_STORE && PLAIN(HANDLER)) || ORDERED(HANDLER);
		store(TAIL, next);
		!HANDLER;	/* write(): the walk, on this CPU */
		d_step { walk_to(next) };
		if :: V == LOAD_EARLY -> head = seen[HEAD] :: else fi;
		atomic { seen[EVENTS] != events -> events = seen[EVENTS] }
	od
}
