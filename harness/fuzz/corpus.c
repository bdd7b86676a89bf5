/* SPDX-License-Identifier: MIT */
/* The corpus in a directory, and a worker's view of it; see corpus.h. */
#include "corpus.h"

#include "trial.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define VIEW_MAX 4096

struct corpus_view {
	struct corpus pool;
	size_t first; /* of the pool: the corpus as it was loaded */
	struct features known, last;
	struct fuzz_stats before;
};

bool features_add(struct features *to, const struct features *from)
{
	uint64_t news = 0;

	for (size_t i = 0; i < sizeof(to->bits) / sizeof(to->bits[0]); i++) {
		news |= from->bits[i] & ~to->bits[i];
		to->bits[i] |= from->bits[i];
	}
	return news != 0;
}

/* The directory. */

/* Takes over what @p has. */
static int append(struct corpus *c, struct fuzz_program *p)
{
	struct fuzz_program *more;

	if (c->n == c->room) {
		more = reallocarray(c->v, c->room + 64, sizeof(*more));
		if (!more)
			return -ENOMEM;
		c->v = more;
		c->room += 64;
	}
	c->v[c->n++] = *p;
	*p = (struct fuzz_program){ 0 };
	return 0;
}

static int is_program(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && !strcmp(e->d_name + n - 5, ".fuzz");
}

static int load_one(struct corpus *c, int dir, const char *name)
{
	static const size_t max = 16u << 20;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = -EINVAL;
	struct fuzz_program p = { 0 };
	char *text = NULL, err[256] = "expected a file of at most 16 MiB that can be read";
	struct stat st;
	ssize_t n = -1;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && (size_t)st.st_size <= max)
		text = malloc((size_t)st.st_size + 1);
	if (text)
		n = read(fd, text, (size_t)st.st_size);
	if (n >= 0)
		rc = fuzz_parse(&p, text, (size_t)n, err, sizeof(err));
	if (!rc)
		rc = append(c, &p);
	else if (rc == -EINVAL && !c->skipped++)
		snprintf(c->why, sizeof(c->why), "%s: %s", name, err);
	if (fd >= 0)
		close(fd);
	free(text);
	return rc == -EINVAL ? 0 : rc;
}

int corpus_load(struct corpus *c, const char *dir)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, is_program, alphasort), rc = 0, i, fd;

	if (n < 0)
		return -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		rc = -errno;
	for (i = 0; i < n; i++) {
		if (!rc)
			rc = load_one(c, fd, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	if (fd >= 0)
		close(fd);
	return rc;
}

void corpus_free(struct corpus *c)
{
	for (size_t i = 0; i < c->n; i++)
		fuzz_program_free(&c->v[i]);
	free(c->v);
	*c = (struct corpus){ 0 };
}

static uint64_t hash_of(const char *text, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3ull;
	return hash;
}

bool corpus_save(const char *dir, size_t have, const struct fuzz_program *p)
{
	char *text = NULL, path[4096];
	size_t len = 0;
	bool saved = false;
	FILE *f = have < CORPUS_PROGRAMS ? open_memstream(&text, &len) : NULL;

	if (!f)
		return false;
	fuzz_print(p, f);
	if (!fclose(f) && len <= CORPUS_TEXT) {
		snprintf(path, sizeof(path), "%s/%016llx.fuzz", dir,
			 (unsigned long long)hash_of(text, len));
		f = fopen(path, "wxe"); /* what is there already is the same */
		saved = f && fwrite(text, 1, len, f) == len;
		if (f && fclose(f))
			saved = false;
		if (f && !saved)
			unlink(path);
	}
	free(text);
	return saved;
}

/* A worker's view. */

struct corpus_view *corpus_view_new(const struct corpus *c)
{
	struct corpus_view *v = calloc(1, sizeof(*v));
	struct fuzz_program copy;

	for (size_t i = 0; v && i < c->n; i++) {
		if (!fuzz_program_copy(&copy, &c->v[i]) && !append(&v->pool, &copy))
			continue;
		corpus_view_free(v);
		return NULL;
	}
	if (v)
		v->first = c->n;
	return v;
}

void corpus_view_free(struct corpus_view *v)
{
	if (!v)
		return;
	corpus_free(&v->pool);
	free(v);
}

static bool copy_into(struct fuzz_program *p, const struct fuzz_program *from)
{
	fuzz_program_free(p);
	*p = (struct fuzz_program){ 0 };
	return fuzz_program_copy(p, from) == 0;
}

bool corpus_program(struct corpus_view *v, uint64_t number, uint64_t seed, struct fuzz_program *p)
{
	const struct fuzz_program *other;

	if (number < v->first)
		return copy_into(p, &v->pool.v[number]);
	if (!v->pool.n || seed & 1)
		return false;
	if (!copy_into(p, &v->pool.v[fuzz_program_seed(seed, 0) % v->pool.n]))
		return false;
	other = &v->pool.v[fuzz_program_seed(seed, 1) % v->pool.n];
	mutate_program(p, other, fuzz_program_seed(seed, 2));
	return true;
}

void corpus_before(struct corpus_view *v, const struct fuzz_stats *st)
{
	v->before = *st;
}

static void set(struct features *f, uint32_t what, unsigned int states)
{
	for (uint32_t s = 0; s < FEATURE_STATES; s++) {
		uint32_t bit = what * FEATURE_STATES + s;

		if (states & 1u << s)
			f->bits[bit / 64] |= 1ull << bit % 64;
	}
}

static unsigned int states_of(const struct fuzz_stats *a, const struct fuzz_stats *b)
{
	return 1u | (b->pads > a->pads) << 1 | (b->wraps > a->wraps) << 2 |
	       (b->ring_full > a->ring_full) << 3 | (b->data_full > a->data_full) << 4 |
	       (b->kills > a->kills) << 5 | (b->restarts > a->restarts) << 6 |
	       (b->resets > a->resets) << 7 | (b->tmrs > a->tmrs) << 8;
}

bool corpus_after(struct corpus_view *v, const struct fuzz_stats *st, const struct fuzz_program *p)
{
	unsigned int states = states_of(&v->before, st), i, k;
	struct features *f = &v->last;
	struct fuzz_program copy;

	*f = (struct features){ 0 };
	for (i = 0; i < 256; i++) {
		if (st->opcodes[i] == v->before.opcodes[i])
			continue;
		for (k = 0; k < 8; k++)
			if (st->ended[k] != v->before.ended[k])
				set(f, i * 8 + k, states);
	}
	for (i = 0; i < FUZZ_VERBS; i++)
		if (st->verbs[i] != v->before.verbs[i])
			set(f, 256 * 8 + i, states);
	if (!features_add(&v->known, f))
		return false;
	if (v->pool.n < VIEW_MAX && !fuzz_program_copy(&copy, p) && append(&v->pool, &copy))
		fuzz_program_free(&copy);
	return true;
}

const struct features *corpus_features(const struct corpus_view *v)
{
	return &v->last;
}
