/* SPDX-License-Identifier: MIT */
/* What the file of a kernel module says of itself; see modinfo.h. */
#include "modinfo.h"

#include "../report/clean.h"

#include <elf.h>
#include <endian.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool inside(const struct module_file *m, uint64_t at, uint64_t len)
{
	return at <= m->len && len <= m->len - at;
}

/* Header @i of the table that @eh tells of; false if it is not in the file. */
static bool header(const struct module_file *m, const Elf64_Ehdr *eh, size_t i, Elf64_Shdr *sh)
{
	if (!inside(m, eh->e_shoff, (uint64_t)(i + 1) * sizeof(*sh)))
		return false;
	memcpy(sh, m->data + eh->e_shoff + i * sizeof(*sh), sizeof(*sh));
	return inside(m, sh->sh_offset, sh->sh_type == SHT_NOBITS ? 0 : sh->sh_size);
}

static const char *refuse(const struct module_file *m, Elf64_Ehdr *eh, Elf64_Shdr *names)
{
	const unsigned char own = __BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB;

	if (m->len < sizeof(*eh) || memcmp(m->data, ELFMAG, SELFMAG) != 0)
		return "expected a module (an ELF file), found something else";
	memcpy(eh, m->data, sizeof(*eh));
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_ident[EI_DATA] != own)
		return "expected an ELF file of 64 bits and this machine's byte order";
	if (eh->e_shentsize != sizeof(*names) || !header(m, eh, eh->e_shstrndx, names))
		return "its table of sections is broken or cut off";
	return NULL;
}

const unsigned char *module_section(const struct module_file *m, const char *name, size_t *len,
				    const char **why)
{
	Elf64_Shdr sh, names;
	Elf64_Ehdr eh;
	const char *problem = refuse(m, &eh, &names);
	size_t i, room = strlen(name) + 1;

	if (problem) {
		*why = problem;
		return NULL;
	}
	for (i = 0; i < eh.e_shnum; i++) {
		if (!header(m, &eh, i, &sh) || sh.sh_type == SHT_NOBITS)
			continue;
		if (sh.sh_name >= names.sh_size || room > names.sh_size - sh.sh_name ||
		    memcmp(m->data + names.sh_offset + sh.sh_name, name, room) != 0)
			continue;
		*len = sh.sh_size;
		return m->data + sh.sh_offset;
	}
	return NULL;
}

const char *module_field(const unsigned char *info, size_t len, const char *key)
{
	const unsigned char *p = info, *end = info + len, *stop;
	size_t n = strlen(key);

	while (p < end && (stop = memchr(p, 0, (size_t)(end - p)))) {
		if ((size_t)(stop - p) > n && p[n] == '=' && !memcmp(p, key, n))
			return (const char *)p + n + 1;
		p = stop + 1;
	}
	return NULL;
}

bool module_build_id(const unsigned char *notes, size_t len, char *buf, size_t buf_len)
{
	Elf64_Nhdr n;
	size_t i, name;

	if (len < sizeof(n))
		return false;
	memcpy(&n, notes, sizeof(n));
	name = ((size_t)n.n_namesz + 3) & ~(size_t)3;
	if (n.n_type != NT_GNU_BUILD_ID || name > len - sizeof(n) ||
	    n.n_descsz > len - sizeof(n) - name || !n.n_descsz || n.n_descsz * 2 + 1 > buf_len)
		return false;
	for (i = 0; i < n.n_descsz; i++)
		snprintf(buf + 2 * i, 3, "%02x", notes[sizeof(n) + name + i]);
	return true;
}

/* --- the signature -----------------------------------------------------------------------------
 */

#define TRAILER "~Module signature appended~\n"

/* In front of the trailer; all of it is zero but @id_type and @sig_len where PKCS#7 tells it. */
struct trailer {
	uint8_t algo, hash, id_type, signer_len, key_id_len, pad[3];
	uint32_t sig_len; /* big-endian */
};

/* The contents of the last ASN.1 string that the encoded object identifier @oid stands before, as
 * in a name: { OID commonName, UTF8String }. A search, as no more of PKCS#7 is needed. */
static bool name_after(const unsigned char *der, size_t len, char *buf, size_t buf_len)
{
	static const unsigned char common_name[] = { 6, 3, 0x55, 4, 3 };
	const unsigned char *p = der, *end = der + len;
	bool found = false;
	size_t n;

	while ((p = memmem(p, (size_t)(end - p), common_name, sizeof(common_name)))) {
		p += sizeof(common_name);
		if (end - p < 2 || (p[0] != 12 && p[0] != 19 && p[0] != 20 && p[0] != 22))
			continue;
		n = p[1]; /* from 128 on it would be a length of a length; no name is so long */
		if (n > 127 || n > (size_t)(end - p) - 2 || n + 1 > buf_len)
			continue;
		memcpy(buf, p + 2, n);
		buf[n] = 0;
		found = true;
	}
	return found;
}

static const char *hash_of(const unsigned char *der, size_t len)
{
	/* of { joint-iso-itu-t ... hashAlgs(2) N } the last byte tells */
	static const unsigned char family[] = { 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2 };
	static const unsigned char sha1[] = { 6, 5, 0x2b, 0x0e, 3, 2, 0x1a };
	static const char *const names[] = { "",	 "sha256",     "sha384",     "sha512",
					     "sha224",	 "sha512-224", "sha512-256", "sha3-224",
					     "sha3-256", "sha3-384",   "sha3-512" };
	const unsigned char *p = memmem(der, len, family, sizeof(family));
	unsigned int n;

	if (!p || (size_t)(p - der) + sizeof(family) >= len)
		return memmem(der, len, sha1, sizeof(sha1)) ? "sha1" : NULL;
	n = p[sizeof(family)];
	return n && n < sizeof(names) / sizeof(*names) ? names[n] : NULL;
}

json_t *module_signature(const struct module_file *m)
{
	const size_t tail = sizeof(TRAILER) - 1;
	json_t *out = json_pack("{s:b}", "present", 0);
	const unsigned char *der;
	struct trailer t;
	char signer[128];
	size_t before, len;

	if (m->len < tail || memcmp(m->data + m->len - tail, TRAILER, tail) != 0)
		return out;
	json_object_set_new(out, "present", json_true());
	before = m->len - tail;
	if (before < sizeof(t))
		return out;
	memcpy(&t, m->data + before - sizeof(t), sizeof(t));
	before -= sizeof(t);
	len = be32toh(t.sig_len);
	if (t.id_type != 2 || len > before) {
		json_object_set_new(out, "kind",
				    json_string(t.id_type == 2 ? "cut off" : "not PKCS#7"));
		return out;
	}
	der = m->data + before - len;
	json_object_set_new(out, "kind", json_string("PKCS#7"));
	if (hash_of(der, len))
		json_object_set_new(out, "hash", json_string(hash_of(der, len)));
	if (name_after(der, len, signer, sizeof(signer)))
		json_object_set_new(out, "signer", clean_json(signer));
	return out;
}
