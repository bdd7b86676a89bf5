/* SPDX-License-Identifier: MIT */
/*
 * What the page looks like. Light and dark follow the reader's system, paper is always light. The
 * colours differ for the colour-blind, too, and stand on either ground with enough contrast; where
 * there are more layers than colours, lines are dashed.
 */
#include "page_impl.h"

const char page_style[] =
	":root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--back:#fff;--line:#d0d7de;"
	"--head:#f3f5f7;--bad:#a40e26;--bad-back:#ffe5e5;--link:#0550ae;--under:#c3cbd4;"
	"--added:#0072b2;--handler:#d55e00;--s0:#0072b2;--s1:#c24e00;--s2:#007a5a;--s3:#a6448f;"
	"--s4:#8a6100;--s5:#1b1f24;--s6:#3d5ee0;--s7:#882255}\n"
	"@media screen and (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9da7b3;"
	"--back:#0d1117;--line:#30363d;--head:#161b22;--bad:#ff9d97;--bad-back:#3d1417;"
	"--link:#79b8ff;--under:#47505b;--added:#4aa8e8;--handler:#ff8b3d;--s0:#56b4e9;--s1:#ff8b3d;"
	"--s2:#2cc295;--s3:#e39ac9;--s4:#e8c33f;--s5:#e6edf3;--s6:#93a4ff;--s7:#f2789f}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back)}\n"
	"header,main{max-width:90rem;margin:0 auto;padding:0 1rem}\n"
	"h1{font-size:1.6rem;line-height:1.2;margin:1.5rem 0 .5rem}\n"
	"h2{font-size:1.35rem;margin:2.5rem 0 .25rem;overflow-wrap:anywhere}\n"
	"h3{font-size:1.15rem;margin:2rem 0 .25rem}\n"
	"p{max-width:46rem;margin:.25rem 0 .5rem}a{color:var(--link)}\n"
	".soft{color:var(--soft)}.bad{color:var(--bad)}\n"
	".note{background:var(--bad-back);padding:.5rem .75rem;border-radius:6px;"
	"overflow-wrap:anywhere}\n"
	"figure{margin:0 0 1rem}figcaption{font-weight:600;overflow-wrap:anywhere}\n"
	".panels{display:grid;gap:.5rem 2rem;"
	"grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr))}\n"
	".panels>*{min-width:0}.two{grid-template-columns:repeat(auto-fit,"
	"minmax(min(100%,26rem),1fr))}\n"
	"figure.whole{border-top:1px solid var(--line);padding-top:.75rem}\n"
	".layers{list-style:none;padding:0;margin:.5rem 0;columns:26rem;column-gap:2rem}\n"
	".layers li{break-inside:avoid;overflow-wrap:anywhere;margin:.15rem 0}\n"
	".layers input{margin:0 .4rem 0 0}.layers label{cursor:pointer}\n"
	".sample{vertical-align:middle}\n"
	"table{border-collapse:separate;border-spacing:0;font-size:.875rem;"
	"font-variant-numeric:tabular-nums}\n"
	"th,td{padding:.25rem .5rem;text-align:left;vertical-align:top;"
	"border-bottom:1px solid var(--line)}\n"
	"caption{text-align:left;color:var(--soft);padding:.25rem 0}\n"
	"thead th{background:var(--head);vertical-align:bottom}\n"
	"th[scope=row]{font-weight:400;overflow-wrap:anywhere}\n"
	".num td,.num thead th:not(:first-child){text-align:right}.num td{white-space:nowrap}\n"
	"td i{display:block;font-style:normal;font-size:.75rem;color:var(--soft)}\n"
	".scroll{overflow-x:auto;max-width:100%}\n"
	".rows th[scope=row]{position:sticky;left:0;background:var(--back);min-width:9rem;"
	"max-width:22rem}\n"
	".rows .group{background:var(--head)}.rows .group span{position:sticky;left:.5rem}\n"
	".rows td.bad{white-space:normal}td.bad[colspan]{text-align:left}\n"
	".invalid th,.invalid td{background:var(--bad-back)}.invalid th[scope=row]{"
	"background:var(--bad-back)}\n"
	".cake{width:100%}.cake th[scope=row]{min-width:5rem}.cake th,.cake td{border:0;padding:.2rem 0 0 .5rem}\n"
	".cake th:first-child{padding-left:0}.cake thead th{background:none;color:var(--soft);"
	"font-weight:400;border-bottom:1px solid var(--line)}\n"
	".cake .bars td{padding:0 0 .3rem;line-height:0}\n"
	".cake td i{display:inline;margin-left:.35rem}\n"
	".bar{display:block;overflow:visible;border-left:1px solid var(--soft)}\n"
	".under{fill:var(--under);background:var(--under)}.added,.initiator{fill:var(--added);"
	"background:var(--added)}\n"
	".alone{fill:var(--soft);background:var(--soft)}\n"
	".handler{fill:var(--handler);background:var(--handler)}\n"
	".saved{fill:none;stroke:var(--added);stroke-dasharray:3 2;border:1px dashed var(--added)}\n"
	".whisker{stroke:var(--ink);stroke-width:1}\n"
	".key{display:inline-block;width:1.4rem;height:.75rem;margin:0 .3rem 0 .75rem}\n"
	".key:first-child{margin-left:0}.keys{font-size:.875rem}\n"
	".plot{width:100%;max-width:34rem;height:auto;display:block;font-size:12px;overflow:visible}\n"
	".plot text{fill:var(--soft)}.plot .axis{fill:var(--ink)}\n"
	".grid{stroke:var(--line);stroke-width:1}\n"
	".s path{fill:none;stroke:var(--c,var(--ink));stroke-width:1.8;stroke-linejoin:round;"
	"stroke-dasharray:var(--d,none)}\n"
	".s .thin{stroke-dasharray:1 3;stroke-linecap:round}.s .interval{stroke-width:1.2;"
	"stroke-dasharray:none}\n"
	".s circle{fill:var(--c)}.s .leader{stroke:var(--c);stroke-width:.6;stroke-dasharray:1 2}\n"
	".plot .s text{fill:var(--c)}\n"
	".plot:has(.s:hover) .s:not(:hover){opacity:.2}.s:hover path{stroke-width:3}\n"
	".night{display:block;background:var(--head)}.night path{fill:none;"
	"vector-effect:non-scaling-stroke}.medians{stroke:var(--added);stroke-width:1.8}"
	".nights{stroke:var(--under);stroke-width:2}.missed{stroke:var(--bad);stroke-width:1.5;"
	"stroke-dasharray:3 2}\n"
	"details{font-size:.875rem}summary{cursor:pointer;color:var(--link)}\n"
	".settings th{white-space:nowrap;color:var(--soft)}.settings td{overflow-wrap:anywhere}\n"
	".settings caption{font-weight:600;color:var(--ink)}\n"
	":focus-visible{outline:3px solid var(--link);outline-offset:2px}\n"
	"@media(max-width:40rem){header,main{padding:0 .6rem}.settings th{white-space:normal}"
	".cake td i{display:block;margin:0}}\n"
	"@page{size:landscape;margin:10mm}\n"
	"@media print{html{font-size:10.5px}body{font-size:1rem}.scroll{overflow:visible}figure,tr,.layers li{"
	"break-inside:avoid}h2,h3,figcaption,thead{break-after:avoid}details,nav,.layers input{"
	"display:none}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}\n";

void page_style_layers(const struct page *p)
{
	static const char *const dashes[] = { "none", "7 3", "2 2.5", "9 3 2 3" };

	for (size_t l = 0; l < p->f->n_layers; l++) {
		fprintf(p->out, ".k%zu{--c:var(--s%zu);--d:%s}", l, l % PAGE_COLOURS,
			dashes[l / PAGE_COLOURS % (sizeof(dashes) / sizeof(*dashes))]);
		fprintf(p->out, "body:has(#l%zu:not(:checked)) .k%zu:not(.sample){display:none}\n",
			l, l);
	}
}
