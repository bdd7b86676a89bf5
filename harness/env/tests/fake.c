/* SPDX-License-Identifier: MIT */
/* A machine that is a directory; see fake.h. */
#include "fake.h"

#include "../../check/verbs.h"

#include <elf.h>
#include <endian.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dir;

const char *fake_path(const char *path)
{
	static char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", dir, path);
	return full;
}

void fake_new(struct rootfs *t)
{
	dir = workdir_make("test");
	if (!dir || rootfs_open(t, dir))
		abort();
}

void fake_end(struct rootfs *t)
{
	rootfs_close(t);
	workdir_remove(dir);
	dir = NULL;
}

static const char *with_parents(const char *path)
{
	char *full = (char *)fake_path(path), *slash;

	for (slash = full + strlen(dir) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(full, 0755);
		*slash = '/';
	}
	return full;
}

void fake_file(struct rootfs *t, const char *path, const void *data, size_t len)
{
	FILE *f = fopen(with_parents(path), "we");

	(void)t;
	if (!f || fwrite(data, 1, len, f) != len || fclose(f))
		abort();
}

void fake_text(struct rootfs *t, const char *path, const char *text)
{
	fake_file(t, path, text, strlen(text));
}

void fake_dir(struct rootfs *t, const char *path)
{
	(void)t;
	if (mkdir(with_parents(path), 0755))
		abort();
}

void fake_link(struct rootfs *t, const char *path, const char *to)
{
	(void)t;
	if (symlink(to, with_parents(path)))
		abort();
}

/* Sections: 0 none, 1 .modinfo, 2 the note, 3 names. */
size_t fake_module(unsigned char *buf, const char *info, unsigned char id)
{
	static const char names[] = "\0.modinfo\0.note.gnu.build-id\0.shstrtab";
	Elf64_Ehdr eh = { .e_type = ET_REL,
			  .e_ehsize = sizeof(eh),
			  .e_shentsize = sizeof(Elf64_Shdr),
			  .e_shnum = 4,
			  .e_shstrndx = 3 };
	Elf64_Nhdr note = { .n_namesz = 4, .n_descsz = 4, .n_type = NT_GNU_BUILD_ID };
	Elf64_Shdr sh[4] = { 0 };
	size_t len = strlen(info), at = sizeof(eh), i;

	memset(buf, 0, 4096);
	sh[1] = (Elf64_Shdr){
		.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = at, .sh_size = len
	};
	for (i = 0; i < len; i++)
		buf[at + i] = info[i] == '\n' ? 0 : (unsigned char)info[i];
	at += len;
	sh[2] = (Elf64_Shdr){ .sh_name = 10, .sh_type = SHT_NOTE, .sh_offset = at, .sh_size = 20 };
	memcpy(buf + at, &note, sizeof(note));
	memcpy(buf + at + sizeof(note), "GNU", 4);
	memset(buf + at + sizeof(note) + 4, id, 4);
	at += 20;
	sh[3] = (Elf64_Shdr){
		.sh_name = 29, .sh_type = SHT_STRTAB, .sh_offset = at, .sh_size = sizeof(names)
	};
	memcpy(buf + at, names, sizeof(names));
	at += sizeof(names);
	memcpy(eh.e_ident, ELFMAG, SELFMAG);
	eh.e_ident[EI_CLASS] = ELFCLASS64;
	eh.e_ident[EI_DATA] = __BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB;
	eh.e_shoff = at;
	memcpy(buf, &eh, sizeof(eh));
	memcpy(buf + at, sh, sizeof(sh));
	return at + sizeof(sh);
}

size_t fake_sign(unsigned char *buf, size_t len, const char *signer)
{
	static const unsigned char sha256[] = { 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1 };
	static const unsigned char common_name[] = { 6, 3, 0x55, 4, 3, 12 };
	unsigned char *p = buf + len;
	uint32_t sig_len;

	p = mempcpy(p, sha256, sizeof(sha256));
	p = mempcpy(p, common_name, sizeof(common_name));
	*p++ = (unsigned char)strlen(signer);
	p = mempcpy(p, signer, strlen(signer));
	sig_len = htobe32((uint32_t)(p - buf - len));
	p = mempcpy(p, "\0\0\2\0\0\0\0\0", 8);
	p = mempcpy(p, &sig_len, 4);
	p = mempcpy(p, "~Module signature appended~\n", 28);
	return (size_t)(p - buf);
}
