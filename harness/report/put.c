/* SPDX-License-Identifier: MIT */
/*
 * Strings nobody vouches for, made fit for a report.
 *
 * A string is taken apart into pieces: one character that may be shown as it is, or a visible
 * escape for anything else. A terminal then never obeys a handler's escape sequences, an XML or
 * YAML parser never meets a character that its format forbids, and a person still sees which byte
 * it was.
 */
#include "put.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* What stands for the next character of a string: @used bytes read, @columns wide when shown. */
struct piece {
	char text[12];
	size_t used, columns;
};

/* Length of the UTF-8 character at @s, 0 if there is none. A NUL ends any sequence early. */
static size_t utf8_decode(const unsigned char *s, uint32_t *code)
{
	/* The first code point that needs so many bytes; one below it is an overlong form. */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len;

	if (s[0] < 0x80)
		len = 1;
	else if ((s[0] & 0xe0) == 0xc0)
		len = 2;
	else if ((s[0] & 0xf0) == 0xe0)
		len = 3;
	else if ((s[0] & 0xf8) == 0xf0)
		len = 4;
	else
		return 0;

	*code = len == 1 ? s[0] : s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (s[i] & 0x3f);
	}
	if (*code < least[len] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return len;
}

/* Whether every format allows @code and no terminal or parser takes it for an instruction. */
static bool is_printable(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code <= 0x9f))
		return false;
	/* Line separators of YAML 1.1, and what turns the direction of the text that follows. */
	if ((code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
		return false;
	/* The byte order mark, and the last two of every plane, which are no characters. */
	return code != 0xfeff && (code & 0xfffe) != 0xfffe;
}

static struct piece next_piece(const char *s)
{
	struct piece p = { .columns = 1 };
	uint32_t code = 0;

	p.used = utf8_decode((const unsigned char *)s, &code);
	if (p.used && (is_printable(code) || code == '\t')) {
		memcpy(p.text, s, p.used);
	} else if (p.used && code > 0x7f) {
		p.columns = snprintf(p.text, sizeof(p.text), "\\u%04x", code);
	} else {
		p.columns = snprintf(p.text, sizeof(p.text), "\\x%02x", (unsigned char)*s);
		p.used = 1;
	}
	return p;
}

/* One line has room for neither breaks nor tabs. */
static struct piece next_piece_on_line(const char *s)
{
	if (*s == '\n' || *s == '\t')
		return (struct piece){ .text = " ", .used = 1, .columns = 1 };
	return next_piece(s);
}

static const char *end_of(const char *s)
{
	const char *end = s + strlen(s);

	while (end > s && end[-1] == '\n')
		end--;
	return end;
}

void put(FILE *out, const char *s, const char *eol, put_escape *escape)
{
	const char *end;

	s = s ? s : "";
	end = end_of(s);
	while (s < end) {
		struct piece p;

		if (eol && *s == '\n') {
			fputs(eol, out);
			s++;
			continue;
		}
		p = eol ? next_piece(s) : next_piece_on_line(s);
		for (const char *c = p.text; *c; c++) {
			const char *instead = escape ? escape(*c) : NULL;

			if (instead)
				fputs(instead, out);
			else
				putc(*c, out);
		}
		s += p.used;
	}
}

const char *escape_xml(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	default:
		return NULL;
	}
}

size_t put_width(const char *s)
{
	const char *end;
	size_t columns = 0;

	s = s ? s : "";
	end = end_of(s);
	while (s < end) {
		struct piece p = next_piece_on_line(s);

		columns += p.columns;
		s += p.used;
	}
	return columns;
}

void put_cell(FILE *out, const char *s, size_t width)
{
	static const char cut[] = "...";
	size_t columns = put_width(s);
	bool fits = columns <= width;
	size_t room = fits ? columns : width - strlen(cut);

	s = s ? s : "";
	columns = 0;
	while (columns < room) {
		struct piece p = next_piece_on_line(s);

		if (columns + p.columns > room)
			break;
		fputs(p.text, out);
		columns += p.columns;
		s += p.used;
	}
	if (!fits) {
		fputs(cut, out);
		columns += strlen(cut);
	}
	fprintf(out, "%*s", (int)(width - columns), "");
}

int put_end(FILE *out)
{
	if (fflush(out))
		return -errno;
	/* An earlier write that failed has taken its errno with it. */
	return ferror(out) ? -EIO : 0;
}

void error_line(char *err, size_t err_len, const char *format, ...)
{
	va_list args;

	if (!err_len)
		return;
	va_start(args, format);
	vsnprintf(err, err_len, format, args);
	va_end(args);
	for (char *c = err; *c; c++) {
		if (iscntrl((unsigned char)*c))
			*c = '?';
	}
}
