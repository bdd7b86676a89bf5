/* SPDX-License-Identifier: MIT */
/* Workloads and their names; see workload.h. */
#include "workload.h"

#include "lane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the default run each costs a few seconds for every layer; the others are of the long run. */
static const char *const quick[] = { "4k-randread-qd1", "4k-randread-qd32", "128k-read-qd8" };

static const char *const all[] = {
	"4k-randread-qd1",
	"4k-randread-qd32",
	"128k-read-qd8",
	"512-randread-qd1",
	"512-randread-qd256",
	"4k-randread-qd4",
	"4k-randread-qd128",
	"4k-randread-qd256",
	"4k-randread-qd32-batch1",
	"4k-randread-qd1-poll",
	"4k-randread-qd32-poll",
	"4k-randread-qd256-open50",
	"4k-randread-qd256-open80",
	"4k-randread-qd256-open95",
	"4k-randwrite-qd1",
	"4k-randwrite-qd32",
	"4k-randrw70-qd32",
	"4k-read-qd32",
	"4k-write-qd32",
	"16k-randread-qd32",
	"64k-randread-qd32",
	"128k-write-qd8",
	"1m-read-qd4",
	"1m-write-qd4",
};

const char *workload_default(uint32_t i, bool full)
{
	if (full)
		return i < sizeof(all) / sizeof(all[0]) ? all[i] : NULL;
	return i < sizeof(quick) / sizeof(quick[0]) ? quick[i] : NULL;
}

/* A decimal number without sign at *@p, which is moved past it; false if there is none up to @max.
 */
static bool number(const char **p, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;
	const char *s = *p;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		v = v * 10 + (uint64_t)(*s - '0');
		if (v > max)
			return false;
	}
	*p = s;
	*out = (uint32_t)v;
	return true;
}

static bool size(const char **p, uint32_t *out)
{
	uint32_t shift = 0;

	if (!number(p, WORKLOAD_BYTES_MAX, out))
		return false;
	if (**p == 'k' || **p == 'm') {
		shift = **p == 'k' ? 10 : 20;
		(*p)++;
	}
	if (*out > WORKLOAD_BYTES_MAX >> shift)
		return false;
	*out <<= shift;
	return *out >= WORKLOAD_BYTES_MIN && *out % WORKLOAD_BYTES_MIN == 0;
}

bool workload_pattern(struct workload *w, const char *word)
{
	w->random = !strncmp(word, "rand", 4);
	if (w->random)
		word += 4;
	w->reads = 100;
	if (!strcmp(word, "read"))
		return true;
	w->reads = 0;
	if (!strcmp(word, "write"))
		return true;
	w->reads = 50;
	if (strncmp(word, "rw", 2))
		return false;
	word += 2;
	return !*word || (number(&word, 100, &w->reads) && !*word);
}

static bool pattern(const char **p, struct workload *w)
{
	size_t len = strcspn(*p, "-");
	char word[16];

	if (len >= sizeof(word))
		return false;
	memcpy(word, *p, len);
	word[len] = 0;
	if (!workload_pattern(w, word))
		return false;
	*p += len;
	return true;
}

/* "-WORD" and, if @out is not NULL, a number from 1 to @max behind it. */
static bool part(const char **p, const char *word, uint32_t max, uint32_t *out)
{
	const char *s = *p;

	if (*s++ != '-' || strncmp(s, word, strlen(word)) != 0)
		return false;
	s += strlen(word);
	if (out && (!number(&s, max, out) || !*out))
		return false;
	*p = s;
	return true;
}

int workload_parse(struct workload *w, const char *name, char *err, size_t err_len)
{
	const char *p = name, *want = "a size from 512 to 1m";

	memset(w, 0, sizeof(*w));
	if (!size(&p, &w->bytes) || *p != '-')
		goto bad;
	p++;
	want = "read, write, rw, randread, randwrite or randrw";
	if (!pattern(&p, w))
		goto bad;
	want = "-qdN with 1 to 256";
	if (!part(&p, "qd", LANE_DEPTH, &w->depth))
		goto bad;
	want = "-batchN with 1 to the depth, -poll, -openN with 1 to 200, or the end";
	(void)part(&p, "batch", w->depth, &w->batch);
	w->poll = part(&p, "poll", 0, NULL);
	(void)part(&p, "open", 200, &w->open);
	if (*p || strlen(name) >= sizeof(w->name))
		goto bad;
	workload_rename(w);
	return 0;
bad:
	snprintf(err, err_len, "workload '%s': expected %s, found '%s'", name, want, p);
	return -EINVAL;
}

void workload_rename(struct workload *w)
{
	uint32_t shift = w->bytes >= 1u << 20 ? 20 : w->bytes % 1024 == 0 ? 10 : 0;
	char reads[16] = "", batch[24] = "", open[40] = "";
	int n;

	if (w->bytes % (1u << shift))
		shift = 0;
	if (w->reads && w->reads < 100 && w->reads != 50)
		snprintf(reads, sizeof(reads), "%u", w->reads);
	if (w->batch)
		snprintf(batch, sizeof(batch), "-batch%u", w->batch);
	if (w->rate > 0)
		snprintf(open, sizeof(open), "-rate%.0f", w->rate);
	else if (w->open)
		snprintf(open, sizeof(open), "-open%u", w->open);
	n = snprintf(w->name, sizeof(w->name), "%u%s-%s%s%s-qd%u%s%s%s", w->bytes >> shift,
		     shift == 20   ? "m"
		     : shift == 10 ? "k"
				   : "",
		     w->random ? "rand" : "",
		     w->reads == 100 ? "read"
		     : w->reads == 0 ? "write"
				     : "rw",
		     reads, w->depth, batch, w->poll ? "-poll" : "", open);
	if (n >= (int)sizeof(w->name)) /* only of a rate beyond what is taken */
		w->name[0] = 0;
}
