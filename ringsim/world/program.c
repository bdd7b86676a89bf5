/* SPDX-License-Identifier: MIT */
/*
 * Which programs a library can be preloaded into; see program.h.
 *
 * Part of the library, too: there it runs between vfork() and exec, so it allocates nothing.
 */
#include "program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define INTERPRETERS 4 /* scripts run by scripts; the kernel's own limit */
#define HEADERS	     64
#define NOTE_MAX     256

const char *program_find(const char *name, char *buf)
{
	const char *path = getenv("PATH");
	size_t len;

	if (strchr(name, '/'))
		return name;
	if (!path)
		path = "/bin:/usr/bin";
	for (;; path += len + 1) {
		len = strcspn(path, ":");
		if (snprintf(buf, PATH_MAX, "%.*s%s%s", (int)len, path, len ? "/" : "", name) <
			    PATH_MAX &&
		    !access(buf, X_OK))
			return buf;
		if (!path[len])
			return NULL;
	}
}

static int cannot(char *why, size_t len, const char *text)
{
	snprintf(why, len, "%s", text);
	return -ENOTSUP;
}

/* What the kernel says is privileged loads no libraries from elsewhere. */
static bool privileged(int fd, const struct stat *st)
{
	if (st->st_mode & S_ISUID && st->st_uid != getuid())
		return true;
	if (st->st_mode & S_ISGID && st->st_mode & S_IXGRP && st->st_gid != getgid())
		return true;
	return getuid() && fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

/* Go's programs make their system calls themselves, even where they load libraries. */
static bool is_go(int fd, const Elf64_Phdr *ph)
{
	char note[NOTE_MAX];
	ssize_t n = pread(fd, note, sizeof(note), (off_t)ph->p_offset);
	Elf64_Nhdr head;

	if (n < (ssize_t)sizeof(head) + 4)
		return false;
	memcpy(&head, note, sizeof(head));
	return head.n_namesz == 4 && !memcmp(note + sizeof(head), "Go\0", 4);
}

static int check_elf(int fd, const Elf64_Ehdr *eh, const char *path, char *why, size_t len)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	char interpreter[NOTE_MAX];
	bool dynamic = false;
	Elf64_Phdr ph;
	int i;

	for (i = 0; i < eh->e_phnum && i < HEADERS; i++) {
		if (pread(fd, &ph, sizeof(ph), (off_t)(eh->e_phoff + (size_t)i * sizeof(ph))) !=
		    sizeof(ph))
			return 0;
		if (ph.p_type == PT_NOTE && is_go(fd, &ph))
			return cannot(why, len,
				      "a Go program, which makes its system calls itself");
		if (ph.p_type != PT_INTERP)
			continue;
		dynamic = true;
		memset(interpreter, 0, sizeof(interpreter));
		if (pread(fd, interpreter, sizeof(interpreter) - 1, (off_t)ph.p_offset) > 0 &&
		    strstr(interpreter, "ld-musl"))
			return cannot(why, len, "linked with another C library (musl)");
	}
	/* The loader itself starts what is named behind it. */
	if (!dynamic && strncmp(base, "ld-linux", 8) && strncmp(base, "ld.so", 5))
		return cannot(why, len, "statically linked");
	return 0;
}

/* The line behind "#!": the interpreter, without its argument. */
static bool interpreter_of(const char *head, char *out, size_t len)
{
	size_t n;

	if (head[0] != '#' || head[1] != '!')
		return false;
	head += 2;
	head += strspn(head, " \t");
	n = strcspn(head, " \t\r\n");
	if (!n || n >= len)
		return false;
	memcpy(out, head, n);
	out[n] = 0;
	return true;
}

int program_preloadable(const char *path, char *why, size_t len)
{
	union {
		Elf64_Ehdr elf;
		char text[NOTE_MAX];
	} head;
	char name[NOTE_MAX];
	struct stat st;
	int fd, rc = 0, depth;
	ssize_t n;

	for (depth = 0; depth < INTERPRETERS; depth++, path = name) {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			return 0; /* exec will tell, or a program that may be run and not read */
		memset(&head, 0, sizeof(head));
		n = fstat(fd, &st) || !S_ISREG(st.st_mode) ? 0 : read(fd, &head, sizeof(head) - 1);
		if (n > 0 && privileged(fd, &st))
			rc = cannot(why, len, "set-user-ID, or with capabilities of its own");
		else if (n >= (ssize_t)sizeof(head.elf) && !memcmp(head.text, ELFMAG, SELFMAG))
			rc = head.elf.e_ident[EI_CLASS] != ELFCLASS64
				     ? cannot(why, len, "a program of 32 bits")
				     : check_elf(fd, &head.elf, path, why, len);
		close(fd);
		if (rc || n <= 0 || !interpreter_of(head.text, name, sizeof(name)))
			return rc;
	}
	return 0;
}
