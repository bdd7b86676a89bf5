/* SPDX-License-Identifier: MIT */
/* Offsets from BTF; anonymous structures and unions inside a structure count as part of it. */
#include "layout.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct layout {
	struct btf *kernel, *module;
};

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

struct layout *layout_open(const char *module, char *err, size_t err_len)
{
	struct layout *l = calloc(1, sizeof(*l));

	if (!l) {
		snprintf(err, err_len, "BTF: out of memory");
		return NULL;
	}
	libbpf_set_print(quiet);
	l->kernel = btf__load_vmlinux_btf();
	if (!l->kernel) {
		snprintf(err, err_len, "/sys/kernel/btf/vmlinux: expected BTF, found: %s",
			 strerror(errno));
		layout_close(l);
		return NULL;
	}
	l->module = btf__load_module_btf(module, l->kernel);
	if (!l->module) {
		snprintf(err, err_len, "/sys/kernel/btf/%s: expected BTF, found: %s", module,
			 strerror(errno));
		layout_close(l);
		return NULL;
	}
	return l;
}

void layout_close(struct layout *l)
{
	if (!l)
		return;
	btf__free(l->module);
	btf__free(l->kernel);
	free(l);
}

static const struct btf_type *composite(const struct btf *btf, int32_t id)
{
	const struct btf_type *t = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);

	return t && btf_is_composite(t) ? t : NULL;
}

/* Adds the offset of @member in @t to *@off. */
static bool find_member(const struct btf *btf, const struct btf_type *t, const char *member,
			int depth, int64_t *off)
{
	const struct btf_member *m = btf_members(t);
	uint32_t i;

	for (i = 0; i < btf_vlen(t); i++, m++) {
		const char *name = btf__name_by_offset(btf, m->name_off);
		int64_t here = *off + btf_member_bit_offset(t, i) / 8;
		const struct btf_type *inner;

		if (name && !strcmp(name, member)) {
			*off = here;
			return true;
		}
		inner = name && *name ? NULL : composite(btf, (int32_t)m->type);
		if (!inner || depth > 4 || !find_member(btf, inner, member, depth + 1, &here))
			continue;
		*off = here;
		return true;
	}
	return false;
}

/* "struct.member" of @len characters. */
static bool find(const struct layout *l, const char *name, size_t len, int64_t *off)
{
	char type[96], *dot;
	const struct btf_type *t;

	if (len >= sizeof(type))
		return false;
	memcpy(type, name, len);
	type[len] = 0;
	dot = strchr(type, '.');
	if (!dot)
		return false;
	*dot = 0;
	*off = 0;
	t = composite(l->module, btf__find_by_name_kind(l->module, type, BTF_KIND_STRUCT));
	return t && find_member(l->module, t, dot + 1, 0, off);
}

int layout_expand(const struct layout *l, const char *text, char *out, size_t out_len, char *err,
		  size_t err_len)
{
	size_t n = 0, len, first;
	int64_t off, minus;

	while (*text) {
		if (n + 24 > out_len)
			return -E2BIG;
		if (*text != '{') {
			out[n++] = *text++;
			continue;
		}
		len = strcspn(++text, "}");
		first = strcspn(text, "-}");
		minus = 0;
		if (!find(l, text, first, &off) ||
		    (first < len && !find(l, text + first + 1, len - first - 1, &minus))) {
			snprintf(err, err_len, "BTF: expected %.*s, found no such member", (int)len,
				 text);
			return -ENOENT;
		}
		n += (size_t)snprintf(out + n, out_len - n, "%+lld", (long long)(off - minus));
		text += len + (text[len] == '}');
	}
	out[n] = 0;
	return 0;
}
