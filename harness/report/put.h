/* SPDX-License-Identifier: MIT */
/*
 * Putting untrusted strings on a stream: whatever bytes they hold, what is written is valid UTF-8
 * without control characters, and special to no reader of the format.
 */
#ifndef HARNESS_REPORT_PUT_H
#define HARNESS_REPORT_PUT_H

#include <stddef.h>
#include <stdio.h>

/** put_escape - what stands for the byte @c in the format being written, NULL for @c itself. */
typedef const char *put_escape(char c);

/**
 * put() - write @s as valid, printable UTF-8
 * @s:      any bytes; NULL is the empty string
 * @eol:    stands for a line break, such as "\n  " to indent; NULL puts everything on one line
 * @escape: the format's special characters, NULL if it has none
 *
 * Bytes that are no UTF-8 and control characters are shown as \xNN or \uNNNN. Line breaks at the
 * end are dropped.
 */
void put(FILE *out, const char *s, const char *eol, put_escape *escape);
/** put_cell() - write @s on one line, cut or padded to exactly @width (at least 4) columns. */
void put_cell(FILE *out, const char *s, size_t width);
/** put_width() - columns that put() needs for @s on one line. */
size_t put_width(const char *s);
/** put_end() - flush @out; 0 or -errno if anything written to it was lost. */
int put_end(FILE *out);
/** error_line() - format one line into @err, whatever bytes the arguments hold. */
void error_line(char *err, size_t err_len, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** escape_xml() - put_escape for XML and HTML, in text and in attributes. */
const char *escape_xml(char c);

#endif
