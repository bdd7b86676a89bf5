/* SPDX-License-Identifier: MIT */
/*
 * A seat program: what someone in the handler's seat does, one operation a line.
 *
 *	[-|!]VERB ARGUMENT...          # comment
 *
 * Arguments are positional or KEY=VALUE, in the order in which the verb's row lists them. An
 * operation must succeed; with '-' it may fail, with '!' it must. A number is a sum of decimal, 0x
 * and named terms (head+8, ring+at, size-4); the names stand for what they are when the operation
 * runs. "loop N" and "thread" reach to their "end". A text in double quotes knows \n, \t, \\, \"
 * and \xNN.
 *
 * This half knows words only; run.h has who carries a program out.
 */
#ifndef HARNESS_SEAT_PROGRAM_H
#define HARNESS_SEAT_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SEAT_ARGS  7	/* of one verb */
#define SEAT_TERMS 6	/* of one number */
#define SEAT_DEPTH 8	/* of nested blocks */
#define SEAT_BYTES 4096 /* in one argument */

/** enum seat_do - the verbs; seat_verbs[] has their names and arguments in the same order. */
enum seat_do {
	SEAT_TAKE,
	SEAT_ANSWER,
	SEAT_DATA,
	SEAT_SKIP,
	SEAT_SERVE,
	SEAT_SEEK,
	SEAT_TAIL,
	SEAT_RING,
	SEAT_WAIT,
	SEAT_READ,
	SEAT_STORE,
	SEAT_LOAD,
	SEAT_FILL,
	SEAT_SHOW,
	SEAT_MAP,
	SEAT_UNMAP,
	SEAT_PROTECT,
	SEAT_ADVISE,
	SEAT_REMAP,
	SEAT_OPEN,
	SEAT_CLOSE,
	SEAT_DUP,
	SEAT_FORK,
	SEAT_SLEEP,
	SEAT_SEND,
	SEAT_RESET,
	SEAT_RESULTS,
	SEAT_WRITE,
	SEAT_NETLINK,
	SEAT_LOOP,
	SEAT_THREAD,
	SEAT_END,
	SEAT_VERBS
};

/** enum seat_name - what a term of a number can stand for; seat_names[] spells them. */
enum seat_name {
	SEAT_NUMBER,   /* itself */
	SEAT_HEAD,     /* cmd_head, now */
	SEAT_TAIL_NOW, /* cmd_tail, now */
	SEAT_AT,       /* ring offset of the entry taken last */
	SEAT_NEXT,     /* ring offset at which taking goes on */
	SEAT_LEN,      /* length of the entry taken last */
	SEAT_ID,       /* its cmd_id */
	SEAT_IOV,      /* region offset of its first buffer */
	SEAT_SIZE,     /* cmdr_size */
	SEAT_RING_OFF, /* region offset of the ring */
	SEAT_DATA_OFF, /* region offset of the data area */
	SEAT_MAP_LEN,  /* length of the region */
	SEAT_PAGE,     /* page size */
	SEAT_NAMES
};

struct seat_term {
	bool minus;
	enum seat_name name;
	uint64_t number;
};

/** struct seat_expr - a sum, modulo 2^64 */
struct seat_expr {
	uint8_t cnt;
	struct seat_term term[SEAT_TERMS];
};

/** enum seat_type - what an argument is made of. */
enum seat_type {
	SEAT_T_NUM = 1, /* seat_expr */
	SEAT_T_BYTES,	/* hexadecimal digits, two a byte */
	SEAT_T_WORD,	/* letters, digits, '_', '-', ',' and '/', or a text */
};

struct seat_param {
	const char *name;
	enum seat_type type;
	bool required;
};

struct seat_verb {
	const char *name;
	const char *help;
	struct seat_param param[SEAT_ARGS];
};

extern const struct seat_verb seat_verbs[SEAT_VERBS];
extern const char *const seat_names[SEAT_NAMES];

/** struct seat_arg - one argument; @text (@len bytes and a NUL) for words and bytes */
struct seat_arg {
	bool given;
	struct seat_expr expr;
	char *text;
	size_t len;
};

/** enum seat_want - how an operation must end. */
enum seat_want { SEAT_MUST, SEAT_MAY, SEAT_MUST_NOT };

/** struct seat_op - one line; @end: for loop and thread, index of the matching end */
struct seat_op {
	enum seat_do verb;
	enum seat_want want;
	uint32_t line;
	uint32_t end;
	struct seat_arg arg[SEAT_ARGS];
};

struct seat_program {
	struct seat_op *ops;
	uint32_t cnt;
};

/**
 * seat_parse() - read a program of @len bytes
 * @err: receives one line: where, what, expected, found
 *
 * Returns 0, -EINVAL (nothing to free) or -ENOMEM.
 */
int seat_parse(struct seat_program *p, const char *text, size_t len, char *err, size_t err_len);

void seat_program_free(struct seat_program *p);

/** seat_print_verbs() - one line for each verb and its arguments. */
void seat_print_verbs(FILE *f);

#endif
