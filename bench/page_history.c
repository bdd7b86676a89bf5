/* SPDX-License-Identifier: MIT */
/*
 * History: for each row a small curve of what was measured night by night.
 *
 * Layers lie orders of magnitude apart and a loss of a few per cent matters, so that each has an
 * axis of its own, which does not begin at 0; which one it is stands beside the curve. Nights
 * without a number are marked, and the line has a gap there.
 */
#include "page_impl.h"

#include "figure_history.h"

#include <math.h>
#include <string.h>

#define HEIGHT 36.0

/* What a curve's axis reaches from and to, and its first and last nights with a number. */
struct span {
	double low, high;
	struct median first, last;
	size_t n;
};

static struct span span_of(const struct history_part *part, const struct history_curve *curve,
			   enum metric m)
{
	struct span s = { .low = INFINITY };
	struct median point;

	for (size_t i = 0; i < part->n; i++) {
		if (!history_point(part, curve, i, m, &point) || !point.n)
			continue;
		s.first = s.n++ ? s.first : point;
		s.last = point;
		s.low = fmin(s.low, fmin(point.low, point.value));
		s.high = fmax(s.high, fmax(point.high, point.value));
	}
	if (s.high <= s.low) { /* a line in the middle */
		s.low -= fabs(s.low) * 0.01 + 1e-9;
		s.high += fabs(s.high) * 0.01 + 1e-9;
	}
	return s;
}

static double x_of(const struct history_part *part, double night)
{
	return part->n < 2 ? 50 : 100 * night / (double)(part->n - 1);
}

static double y_of(const struct span *s, double v)
{
	return 2 + (HEIGHT - 4) * (1 - (v - s->low) / (s->high - s->low));
}

static void put_line(const struct page *p, const struct history_part *part,
		     const struct history_curve *curve, enum metric m, const struct span *s)
{
	struct median point;
	bool first = true;

	/* intervals, a bar a night */
	fputs("<path class=\"nights\" d=\"", p->out);
	for (size_t i = 0; i < part->n; i++)
		if (history_point(part, curve, i, m, &point) && point.n)
			fprintf(p->out, "M%.2f %.1fV%.1f", x_of(part, (double)i),
				y_of(s, point.low), y_of(s, point.high));
	fputs("\"/><path class=\"medians\" d=\"", p->out);
	for (size_t i = 0; i < part->n; i++) {
		if (history_point(part, curve, i, m, &point) && point.n)
			fprintf(p->out, "%s%.2f %.1f", first ? "M" : "L", x_of(part, (double)i),
				y_of(s, point.value));
		first = !point.n;
	}
	fputs("\"/><path class=\"missed\" d=\"", p->out);
	for (size_t i = 0; i < part->n; i++)
		if (history_point(part, curve, i, m, &point) && !point.n)
			fprintf(p->out, "M%.2f 0V%.0f", x_of(part, (double)i), HEIGHT);
	fputs("\"/>", p->out);
}

static void put_curve(const struct page *p, const struct history_part *part,
		      const struct history_curve *curve, enum metric m)
{
	struct span s = span_of(part, curve, m);
	double change = s.n > 1 && s.first.value > 0 ? s.last.value / s.first.value : 1;

	fputs("<tr><th scope=\"row\">", p->out);
	page_text(p, curve->layer);
	fputs("</th><td>", p->out);
	page_number(p, s.low, metric_kind(m)->unit);
	fputs(" \u2013 ", p->out);
	page_number(p, s.high, metric_kind(m)->unit);
	fputs("</td>", p->out);
	page_cell(p, s.last, metric_kind(m)->unit);
	fprintf(p->out, "<td>%+.1f\u202f%%</td></tr>\n<tr class=\"bars\" aria-hidden=\"true\">",
		100 * (change - 1));
	fprintf(p->out,
		"<td colspan=\"4\"><svg class=\"night\" width=\"100%%\" height=\"%.0f\" "
		"viewBox=\"0 0 100 %.0f\" preserveAspectRatio=\"none\">",
		HEIGHT, HEIGHT);
	put_line(p, part, curve, m, &s);
	fputs("</svg></td></tr>\n", p->out);
}

static bool has_number(const struct history_part *part, const struct history_curve *curve,
		       enum metric m)
{
	return span_of(part, curve, m).n > 0;
}

/* Whether the curve @i is the first of its workload that has such numbers. */
static bool begins_workload(const struct history_part *part, size_t i, enum metric m)
{
	if (!has_number(part, &part->curves[i], m))
		return false;
	for (size_t j = 0; j < i; j++)
		if (!strcmp(part->curves[j].workload, part->curves[i].workload) &&
		    has_number(part, &part->curves[j], m))
			return false;
	return true;
}

static void put_workload(const struct page *p, const struct history_part *part, size_t first,
			 enum metric m)
{
	const char *workload = part->curves[first].workload;

	fputs("<figure><figcaption>", p->out);
	page_text(p, workload);
	fputs("</figcaption>\n", p->out);
	page_table(p, "num cake", workload);
	fprintf(p->out,
		"<caption>%s</caption><thead><tr><th scope=\"col\">layer</th><th scope=\"col\">drawn "
		"between</th><th scope=\"col\">latest</th><th scope=\"col\">since the first</th></tr>"
		"</thead><tbody>\n",
		metric_kind(m)->title);
	for (size_t i = first; i < part->n_curves; i++)
		if (!strcmp(part->curves[i].workload, workload) &&
		    has_number(part, &part->curves[i], m))
			put_curve(p, part, &part->curves[i], m);
	fputs("</tbody>", p->out);
	page_table_end(p);
	fputs("</figure>\n", p->out);
}

/* What the first night and the last one have. */
static void put_ends(const struct page *p, const struct history_part *part, const char *name)
{
	page_text(p, history_text(part, 0, name));
	if (part->n < 2)
		return;
	fputs(" to ", p->out);
	page_text(p, history_text(part, part->n - 1, name));
}

static void put_part(const struct page *p, const struct history_part *part)
{
	static const enum metric shown[] = { METRIC_IOPS, METRIC_INSTRUCTIONS };

	fprintf(p->out, "<p>%zu night%s, ", part->n, part->n == 1 ? "" : "s");
	put_ends(p, part, "when");
	fputs("; commit ", p->out);
	put_ends(p, part, "commit");
	fputs("; environment ", p->out);
	page_text(p, part->environment);
	fputs("</p>\n", p->out);
	if (part->n < 2) /* no curve yet */
		return;
	fputs("<div class=\"panels\">\n", p->out);
	for (size_t m = 0; m < sizeof(shown) / sizeof(*shown); m++)
		for (size_t i = 0; i < part->n_curves; i++)
			if (begins_workload(part, i, shown[m]))
				put_workload(p, part, i, shown[m]);
	fputs("</div>", p->out);
}

void page_history(const struct page *p, const struct histories *h)
{
	if (!h->lines)
		return;
	fputs("<article id=\"history\"><h2>History</h2>\n"
	      "<p class=\"soft\">A line a row, a night each from left to right: medians, with their "
	      "intervals as bars. Each has an axis of its own, <b>which does not begin at 0</b>: what it "
	      "reaches from and to stands above it. Dashed: a night in which the row had no number. "
	      "Nights of different environments are not in one line.</p>\n",
	      p->out);
	if (!h->n)
		fputs("<p>No night has been recorded.</p>\n", p->out);
	for (size_t i = 0; i < h->n; i++)
		put_part(p, &h->parts[i]);
	if (h->more)
		fprintf(p->out,
			"<p class=\"soft\">%zu environments that were seen earlier are not "
			"shown.</p>\n",
			h->more);
	fputs("</article>\n", p->out);
}
