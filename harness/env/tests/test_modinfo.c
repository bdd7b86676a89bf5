/* SPDX-License-Identifier: MIT */
/* What the file of a module says of itself, and broken files of every kind. */
#include "../modinfo.h"
#include "fake.h"

#include <CUnit/Basic.h>
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char info[] = "license=GPL\nsupported=external\nsupported=yes\nvermagic=6.1 SMP \n"
			   "intree=Y\nempty=\n";

static const char *str(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "(none)";
}

static void test_fields(void)
{
	unsigned char buf[4096];
	struct module_file m = { .data = buf, .len = fake_module(buf, info, 0xab) };
	const unsigned char *part;
	const char *why = NULL;
	size_t len = 0;
	char id[32];

	part = module_section(&m, ".modinfo", &len, &why);
	CU_ASSERT_PTR_NOT_NULL_FATAL(part);
	CU_ASSERT_STRING_EQUAL(module_field(part, len, "license"), "GPL");
	CU_ASSERT_STRING_EQUAL(module_field(part, len, "supported"), "external");
	CU_ASSERT_STRING_EQUAL(module_field(part, len, "vermagic"), "6.1 SMP ");
	CU_ASSERT_STRING_EQUAL(module_field(part, len, "empty"), "");
	CU_ASSERT_PTR_NULL(module_field(part, len, "licens"));
	CU_ASSERT_PTR_NULL(module_field(part, len - 1, "empty")); /* does not end */
	part = module_section(&m, ".note.gnu.build-id", &len, &why);
	CU_ASSERT_PTR_NOT_NULL_FATAL(part);
	CU_ASSERT_TRUE_FATAL(module_build_id(part, len, id, sizeof(id)));
	CU_ASSERT_STRING_EQUAL(id, "abababab");
	CU_ASSERT_FALSE(module_build_id(part, len - 1, id, sizeof(id)));
	CU_ASSERT_FALSE(module_build_id(part, len, id, 8));
	CU_ASSERT_PTR_NULL(module_section(&m, ".frob", &len, &why));
	CU_ASSERT_PTR_NULL(why);
}

static void test_signature(void)
{
	unsigned char buf[8192];
	size_t bare = fake_module(buf, info, 1), signed_len = fake_sign(buf, bare, "A key");
	struct module_file m = { .data = buf, .len = signed_len };
	json_t *s = module_signature(&m);
	uint32_t one_more;

	CU_ASSERT(json_is_true(json_object_get(s, "present")));
	CU_ASSERT_STRING_EQUAL(str(s, "kind"), "PKCS#7");
	CU_ASSERT_STRING_EQUAL(str(s, "hash"), "sha256");
	CU_ASSERT_STRING_EQUAL(str(s, "signer"), "A key");
	json_decref(s);
	m.len = bare;
	s = module_signature(&m);
	CU_ASSERT(json_is_false(json_object_get(s, "present")));
	json_decref(s);
	memset(buf + signed_len - 28 - 4, 0xff, 4); /* longer than the file */
	m.len = signed_len;
	s = module_signature(&m);
	CU_ASSERT(json_is_true(json_object_get(s, "present")));
	CU_ASSERT_STRING_EQUAL(str(s, "kind"), "cut off");
	CU_ASSERT_PTR_NULL(json_object_get(s, "signer"));
	json_decref(s);
	one_more = htobe32((uint32_t)(signed_len - 28 - 12 + 1)); /* by a byte */
	memcpy(buf + signed_len - 28 - 4, &one_more, 4);
	s = module_signature(&m);
	CU_ASSERT_STRING_EQUAL(str(s, "kind"), "cut off");
	json_decref(s);
	m.data = buf + signed_len - 28;
	m.len = 28; /* nothing but the trailer's last line */
	s = module_signature(&m);
	CU_ASSERT(json_is_true(json_object_get(s, "present")));
	json_decref(s);
}

static void look(const unsigned char *data, size_t len)
{
	struct module_file m = { .data = data, .len = len };
	const char *why = NULL;
	const unsigned char *part;
	size_t n = 0;
	char id[128];

	part = module_section(&m, ".modinfo", &n, &why);
	if (part) {
		CU_ASSERT(part >= data && n <= len && part + n <= data + len);
		module_field(part, n, "vermagic");
	}
	part = module_section(&m, ".note.gnu.build-id", &n, &why);
	if (part)
		module_build_id(part, n, id, sizeof(id));
	json_decref(module_signature(&m));
}

/* Cut off anywhere, and with any byte another: nothing is read beside the file, which the sanitizer
 * sees as each try has memory of its own. */
static void test_broken(void)
{
	unsigned char buf[8192], *copy;
	size_t len = fake_sign(buf, fake_module(buf, info, 2), "Somebody"), i;
	static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };
	size_t v;

	for (i = 0; i <= len; i++) {
		copy = malloc(i ? i : 1);
		memcpy(copy, buf, i);
		look(copy, i);
		free(copy);
	}
	for (i = 0; i < len; i++) {
		for (v = 0; v < sizeof(values); v++) {
			copy = malloc(len);
			memcpy(copy, buf, len);
			copy[i] = values[v];
			look(copy, len);
			free(copy);
		}
	}
}

static void test_refused(void)
{
	unsigned char buf[4096];
	struct module_file m = { .data = buf, .len = fake_module(buf, info, 3) };
	const char *why = NULL;
	size_t len;

	buf[4] = 1; /* 32 bits */
	CU_ASSERT_PTR_NULL(module_section(&m, ".modinfo", &len, &why));
	CU_ASSERT_PTR_NOT_NULL_FATAL(why);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "64 bits"));
	buf[0] = 0;
	CU_ASSERT_PTR_NULL(module_section(&m, ".modinfo", &len, &why));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "something else"));
}

int main(void)
{
	CU_pSuite s;
	unsigned int failures;

	CU_initialize_registry();
	s = CU_add_suite("modinfo", NULL, NULL);
	CU_add_test(s, "fields and build id", test_fields);
	CU_add_test(s, "signature", test_signature);
	CU_add_test(s, "broken files", test_broken);
	CU_add_test(s, "no modules", test_refused);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures != 0;
}
