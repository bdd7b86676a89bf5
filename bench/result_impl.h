/* SPDX-License-Identifier: MIT */
/* What the model, the reader and the writer of results share: how large a result may be. */
#ifndef BENCH_RESULT_IMPL_H
#define BENCH_RESULT_IMPL_H

#include "result.h"

/* Bytes of UTF-8. */
#define RESULT_NAME_MAX	  200
#define RESULT_WHY_MAX	  1000
#define RESULT_ROWS_MAX	  4096
#define RESULT_VALUES_MAX 65536
#define RESULT_FILE_MAX	  (64 << 20)

/**
 * result_text_step() - length of the character that the text @s (not "") begins with
 * 0 if it is no UTF-8, or would end a line or control a terminal.
 */
size_t result_text_step(const char *s);
/** result_row_value() - as result_row_repeat(), of one metric. */
int result_row_value(struct result_row *row, uint32_t repeat, enum metric m, double value);

#endif
