/* SPDX-License-Identifier: MIT */
/*
 * Lines on two axes, as SVG: made to be about as wide as a telephone, so that on a wide screen
 * several stand side by side and text is nowhere smaller than it is meant to be.
 *
 * A line is named where it ends. Names that would lie upon each other are moved apart, with a thin
 * line back to where they belong.
 */
#include "page_impl.h"

#include <math.h>
#include <stdlib.h>

#define WIDTH	   440.0
#define LEFT	   54.0
#define RIGHT	   124.0
#define TOP	   26.0
#define BOTTOM	   38.0
#define LABEL_GAP  14.0
#define LABEL_SIZE 18

/* 1, 2 or 5 times a power of ten: the largest not above @v, or the smallest not below it. */
static double round_to(double v, bool up)
{
	static const double steps[] = { 1, 2, 5, 10 };
	double decade = pow(10, floor(log10(v) + 1e-9));
	size_t i = 0;

	if (up) {
		while (i < 3 && steps[i] * decade < v * (1 - 1e-9))
			i++;
	} else {
		while (i < 3 && steps[i + 1] * decade <= v * (1 + 1e-9))
			i++;
	}
	return steps[i] * decade;
}

struct axis axis_log(double low, double high)
{
	struct axis a = { .log = true };

	low = low > 0 ? low : 1;
	a.low = round_to(low, false);
	a.high = round_to(high > low ? high : low, true);
	if (a.high <= a.low * 1.5)
		a.high = round_to(a.low * 1.9, true);
	return a;
}

static double tick_step(double high)
{
	return round_to(high / 5, true);
}

struct axis axis_of(double low, double high)
{
	double step;

	if (low > 0 && high / low > 20)
		return axis_log(low, high);
	if (high <= 0)
		high = 1;
	step = tick_step(high);
	return (struct axis){ .high = step * ceil(high / step - 1e-9) };
}

size_t axis_ticks(const struct axis *a, double *ticks, size_t max)
{
	double decades = a->log ? log10(a->high / a->low) : 0, step = tick_step(a->high);
	size_t n = 0;

	if (!a->log) {
		for (double v = 0; v <= a->high + step / 2 && n < max; v += step)
			ticks[n++] = v;
		return n;
	}
	if (decades > 3.1) {
		double by = decades > 7 ? 100 : 10;

		for (double v = round_to(a->low, true); v <= a->high * 1.001; v *= by) {
			if (fabs(log10(v) - round(log10(v))) > 0.01)
				v = pow(10, ceil(log10(v)));
			if (n < max && v <= a->high * 1.001)
				ticks[n++] = v;
		}
		return n;
	}
	for (double v = a->low; v <= a->high * 1.001 && n < max; v = round_to(v * 1.5, true))
		ticks[n++] = v;
	return n;
}

static double share(const struct axis *a, double v)
{
	if (a->log)
		return log(v / a->low) / log(a->high / a->low);
	return (v - a->low) / (a->high - a->low);
}

double plot_x(const struct plot *plot, double value)
{
	return LEFT + share(&plot->x, value) * (WIDTH - LEFT - RIGHT);
}

double plot_y(const struct plot *plot, double value)
{
	return TOP + (1 - share(&plot->y, value)) * plot->height;
}

void plot_begin(struct plot *plot, size_t lines, const char *title, const char *y_what,
		const char *y_unit, const char *x_what)
{
	FILE *out = plot->p->out;
	double ticks[24], needed = (double)lines * LABEL_GAP;
	size_t n = axis_ticks(&plot->y, ticks, sizeof(ticks) / sizeof(*ticks));
	char number[64];

	plot->height = needed > 230 ? needed : 230;
	fprintf(out, "<svg class=\"plot\" role=\"img\" viewBox=\"0 0 %.0f %.0f\"><title>", WIDTH,
		TOP + plot->height + BOTTOM);
	page_text(plot->p, title);
	fprintf(out, "</title>\n<text class=\"axis\" x=\"0\" y=\"12\">%s%s</text>\n", y_what,
		plot->y.log ? ", logarithmic" : ", from 0");
	fprintf(out,
		"<text class=\"axis\" x=\"%.0f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
		LEFT + (WIDTH - LEFT - RIGHT) / 2, TOP + plot->height + BOTTOM - 4, x_what);
	for (size_t i = 0; i < n; i++) {
		double y = plot_y(plot, ticks[i]);

		fprintf(out,
			"<line class=\"grid\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>"
			"<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4,
			figure_number(number, sizeof(number), ticks[i], y_unit));
	}
}

void plot_end(const struct plot *plot)
{
	fprintf(plot->p->out, "</svg>\n");
}

void plot_tick(const struct plot *plot, double x, const char *text)
{
	double at = plot_x(plot, x), bottom = TOP + plot->height;

	fprintf(plot->p->out,
		"<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.1f\"/>"
		"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
		at, at, TOP, bottom + 4, at, bottom + 17, text);
}

void plot_to(const struct plot *plot, bool first, double x, double y)
{
	fprintf(plot->p->out, "%s%.1f %.1f", first ? "M" : "L", plot_x(plot, x), plot_y(plot, y));
}

void plot_dot(const struct plot *plot, double x, double y)
{
	fprintf(plot->p->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\"><title>", plot_x(plot, x),
		plot_y(plot, y));
}

static int compare_labels(const void *a, const void *b)
{
	const struct plot_label *x = a, *y = b;

	if (x->from != y->from)
		return x->from > y->from ? 1 : -1;
	return (x->layer > y->layer) - (x->layer < y->layer);
}

void plot_labels(const struct plot *plot, struct plot_label *labels, size_t n)
{
	double bottom = TOP + plot->height;

	qsort(labels, n, sizeof(*labels), compare_labels);
	for (size_t i = 0; i < n; i++) {
		labels[i].y = labels[i].from;
		if (i && labels[i].y < labels[i - 1].y + LABEL_GAP)
			labels[i].y = labels[i - 1].y + LABEL_GAP;
	}
	for (size_t i = n; i-- > 0; bottom = labels[i].y - LABEL_GAP)
		if (labels[i].y > bottom)
			labels[i].y = bottom;
}

void plot_label(const struct plot *plot, const struct plot_label *label)
{
	double x = WIDTH - RIGHT;

	fprintf(plot->p->out,
		"<line class=\"leader\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>"
		"<text x=\"%.1f\" y=\"%.1f\">",
		label->x + 4, label->from, x + 11, label->y, x + 13, label->y + 4);
	page_label(plot->p, label->layer, LABEL_SIZE);
	fputs("</text>", plot->p->out);
}
