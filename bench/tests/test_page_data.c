/* SPDX-License-Identifier: MIT */
/* Pictures and files: data for gnuplot, the history on the page, and what cannot be written. */
#include "../history.h"
#include "../page.h"
#include "pictures.h"

#include <CUnit/Basic.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/test-page-data.XXXXXX";

static void remove_all(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (*e->d_name != '.')
			CU_ASSERT_EQUAL(unlinkat(dirfd(d), e->d_name, 0), 0);
	}
	if (d)
		closedir(d);
	CU_ASSERT_EQUAL(rmdir(path), 0);
}

/* Each file of the list is there, and quotes in it come in pairs. */
static size_t check_data(const char *path)
{
	char list_path[128], *list, *line, *save = NULL;
	size_t n = 0;

	snprintf(list_path, sizeof(list_path), "%s/figures.list", path);
	list = picture_file(list_path);
	for (line = strtok_r(list, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char kind[32], name[160], file[320], *text, *rest = NULL;

		CU_ASSERT_EQUAL_FATAL(sscanf(line, "%31[^\t]\t%159[^\t]", kind, name), 2);
		CU_ASSERT_EQUAL(strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					     "0123456789-_."),
				strlen(name));
		CU_ASSERT_EQUAL(strncmp(name, kind, strlen(kind)), 0);
		snprintf(file, sizeof(file), "%s/%s", path, name);
		text = picture_file(file);
		CU_ASSERT_EQUAL(picture_count(text, "nan"), 0);
		for (char *l = strtok_r(text, "\n", &rest); l; l = strtok_r(NULL, "\n", &rest)) {
			CU_ASSERT(*l == '#' || picture_count(l, "\"") % 2 == 0);
			CU_ASSERT(*l == '#' || !strchr(l, '\\'));
		}
		free(text);
		n++;
	}
	free(list);
	return n;
}

static void test_data(void)
{
	struct result *r = picture_result();
	const struct result *two[2] = { r, r };
	char path[64], file[96], err[256] = "", *text;

	snprintf(path, sizeof(path), "%s/data", dir);
	CU_ASSERT_EQUAL(bench_data_write(two, 1, NULL, path, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(check_data(path), 10);
	snprintf(file, sizeof(file), "%s/depth-4k-randread.dat", path);
	text = picture_file(file);
	picture_has(text, "\"1 floor\"\n1 4.");
	picture_has(text, "\n\n\n\"2 middle\"\n1 ");
	/* "top" has one of the two depths only */
	picture_has(text, "\"3 top\"\n1 NaN NaN NaN\n8 ");
	free(text);
	snprintf(file, sizeof(file), "%s/cake-4k-randread-qd8.dat", path);
	text = picture_file(file);
	picture_has(text,
		    "\"3 top\" 3003.5 3000 3007 203.5 2800 2800 2800 1 \"3.00 µs (+2.80 µs)\"\n");
	free(text);
	remove_all(path);

	/* two results do not overwrite each other's */
	CU_ASSERT_EQUAL(bench_data_write(two, 2, NULL, path, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(check_data(path), 20);
	remove_all(path);
	result_free(r);

	r = picture_nasty();
	two[0] = r;
	CU_ASSERT_EQUAL(bench_data_write(two, 1, NULL, path, err, sizeof(err)), 0);
	CU_ASSERT(check_data(path) > 6);
	remove_all(path);
	result_free(r);
}

static void test_history(void)
{
	struct result *r = picture_result();
	const struct result *one = r;
	char path[64], err[256] = "", *text;

	snprintf(path, sizeof(path), "%s/history.jsonl", dir);
	CU_ASSERT_EQUAL(history_append(r, path, err, sizeof(err)), 0);
	text = picture_page(&one, 1, path);
	picture_has(text, "<p>1 night, ");
	CU_ASSERT_EQUAL(picture_count(text, "class=\"night\""), 0);
	free(text);

	/* in the second of three nights, a row fails */
	CU_ASSERT_EQUAL(result_row_add(r->rows[0], METRIC_FAILED, 1), 0);
	CU_ASSERT_EQUAL(history_append(r, path, err, sizeof(err)), 0);
	r->rows[0]->metric[METRIC_FAILED].n--;
	CU_ASSERT_EQUAL(history_append(r, path, err, sizeof(err)), 0);
	text = picture_page(&one, 1, path);
	picture_xml(text);
	picture_alone(text);
	picture_has(text, "<p>3 nights, ");
	CU_ASSERT_EQUAL(picture_count(text, "class=\"night\""), r->n_rows);
	CU_ASSERT_EQUAL(picture_count(text, "class=\"missed\" d=\"\""), r->n_rows - 1);
	picture_has(text, "class=\"missed\" d=\"M50.00 0V36\"");
	free(text);
	result_free(r);

	r = picture_nasty();
	one = r;
	CU_ASSERT_EQUAL(history_append(r, path, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(history_append(r, path, err, sizeof(err)), 0);
	text = picture_page(&one, 1, path);
	picture_xml(text);
	CU_ASSERT_EQUAL(picture_count(text, "<script"), 0);
	free(text);
	unlink(path);
	CU_ASSERT(bench_page_write(&one, 1, path, "-", err, sizeof(err)) < 0);
	picture_has(err, path);
	result_free(r);
}

static void test_no_room(void)
{
	struct result *r = picture_result();
	const struct result *one = r;
	char err[256] = "";

	CU_ASSERT_EQUAL(bench_page_write(&one, 1, NULL, "/nowhere/at/all", err, sizeof(err)),
			-ENOENT);
	picture_has(err, "/nowhere/at/all: cannot write the page: ");
	CU_ASSERT_EQUAL(bench_page_write(&one, 1, NULL, "/dev/full", err, sizeof(err)), -ENOSPC);
	CU_ASSERT_EQUAL(bench_data_write(&one, 1, NULL, "/nowhere/at/all", err, sizeof(err)),
			-ENOENT);
	picture_has(err, "/nowhere/at/all: cannot write data files: ");
	result_free(r);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{ "data files", test_data },
		{ "history", test_history },
		{ "what cannot be written", test_no_room },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "files of pictures", NULL, NULL, NULL, NULL, tests },
				  CU_SUITE_INFO_NULL };
	unsigned failed;

	if (!mkdtemp(dir) || CU_initialize_registry() || CU_register_suites(suites))
		return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	rmdir(dir);
	return failed ? 1 : 0;
}
