#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Pictures of what was measured: the page that bench and report write, figures by gnuplot, and what
# becomes of bad input. What the page looks like is not judged here. TAP.

set -u
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=harness/tests/programs.bash
. harness/tests/programs.bash
limit_s=120
export NO_COLOR=1 BUILD=$build
json=$dir/result.json
plots=$dir/plots

# doctor PROGRAM: change the result "r" in Python; prints where the changed one is.
doctor() {
	python3 -IS -c '
import json, sys
r = json.load(open(sys.argv[1]))
exec(sys.argv[3])
json.dump(r, open(sys.argv[2], "w"))' "$json" "$dir/doctored.json" "$1" && echo "$dir/doctored.json"
}

# whole FILE: prints what is wrong with a page.
whole() {
	grep -q '</html>' "$1" || echo "expected a whole page in $1"
	command -v xmllint >/dev/null && ! xmllint --noout "$1" 2>"$dir/xml" &&
		echo "not well-formed: $(head -n 1 "$dir/xml")"
	grep -qE '<script|src=|url\(|@import' "$1" && echo "expected nothing that loads or runs in $1"
}

# plot TITLE FORMAT FILES [OPTION]...: so many figures are drawn of that format.
plot() {
	local title=$1 format=$2 files=$3 problem found
	shift 3
	rm -rf "$plots"
	problem=$(run 0 bench/plot -o "$plots" -f "$format" "$@")
	found=$(find "$plots" -name "*.$format" -size +1k | wc -l)
	[[ -z $problem && $found -ne $files ]] && problem="expected $files figures, found $found"
	[[ -s $dir/err ]] && problem+=" expected nothing on standard error"
	verdict "$title" "$problem"
}

echo "TAP version 14"

# One run, of which everything else is made.
problem=$(run 0 "$harness" bench --json "$json" --html "$dir/bench.html" --layers floor,sim,data \
	--workloads 4k-randread-qd1,4k-randread-qd8 --repeats 3 --time-ms 20 --no-syscalls --size 4M)
[[ -z $problem ]] && problem=$(whole "$dir/bench.html")
verdict "bench: a page" "$problem"

problem=$(run 0 "$harness" report --html "$dir/report.html" "$json")
cmp -s "$dir/bench.html" "$dir/report.html" || problem+="expected the same page as from bench"
[[ -s $dir/out || -s $dir/err ]] && problem+="expected no output"
verdict "report: the same page from the result" "$problem"

problem=$(run 0 "$harness" report --html - "one=$json" "two & <more>=$json")
cp "$dir/out" "$dir/two.html"
[[ -z $problem ]] && problem=$(whole "$dir/two.html")
[[ $(grep -c '<article ' "$dir/two.html") -eq 2 ]] || problem+="expected two chapters"
grep -q '<h2>two &amp; &lt;more&gt;</h2>' "$dir/two.html" || problem+="expected the label as a title"
verdict "report: two results on standard output" "$problem"

# Bad input.
bad "bench: two files to standard output" "only one" "$harness" bench --json - --html -
bad "bench: page in no directory" "/nowhere" "$harness" bench --html /nowhere/page.html
bad "report: neither page nor data" "--html" "$harness" report "$json"
bad "report: TAP of a benchmark" "only --html and --data" "$harness" report --tap "$json"
bad "report: data of a check" "benchmark" "$harness" report --data "$dir/data" "$0"
echo '{"schema":1,"cases":[]}' >"$dir/check.json"
bad "report: a check among benchmarks" "check.json" \
	"$harness" report --html "$dir/bad.html" "$json" "$dir/check.json"
bad "report: a benchmark among checks" "result.json" "$harness" report "$dir/check.json" "$json"
bad "report: another schema" "schema" \
	"$harness" report --html "$dir/bad.html" "$(doctor 'r["schema"] = 2')"
bad "report: a metric of text" "expected" "$harness" report --html "$dir/bad.html" \
	"$(doctor 'r["rows"][0]["metrics"]["iops"] = ["many"]')"
head -c 500 "$json" >"$dir/cut.json"
bad "report: half a result" "cut.json" "$harness" report --html "$dir/bad.html" "$dir/cut.json"
bad "report: no history there" "nowhere" \
	"$harness" report --html "$dir/bad.html" --history /nowhere "$json"
problem=
[[ -e $dir/bad.html ]] && problem="expected no page after bad input"
verdict "report: bad input leaves no page" "$problem"

# Two nights, and one of another place.
for night in "$json" "$json" "$(doctor 'r["environment"]["kernel"] = "another"')"; do
	problem=$(run 0 "$harness" compare --history "$dir/history.jsonl" "$night")
	[[ -n $problem ]] && break
done
verdict "a history" "$problem"
problem=$(run 0 "$harness" report --html "$dir/history.html" --history "$dir/history.jsonl" "$json")
[[ -z $problem ]] && problem=$(whole "$dir/history.html")
grep -q '<p>2 nights, ' "$dir/history.html" || problem+="expected two nights of one environment"
grep -q '<p>1 night, ' "$dir/history.html" || problem+="expected a night of another environment"
verdict "report: history" "$problem"

problem=$(run 0 "$harness" bench --json "$dir/again.json" --html "$dir/again.html" --history "$dir/history.jsonl" \
	--layers floor,sim --workloads 4k-randread-qd1 --repeats 2 --time-ms 10 --no-syscalls --size 4M)
grep -q '<p>2 nights, ' "$dir/again.html" || problem+="expected the nights on the page of bench"
[[ -n $problem ]] ||
	problem=$(run 0 "$harness" report --html "$dir/report.html" --history "$dir/history.jsonl" "$dir/again.json")
cmp -s "$dir/again.html" "$dir/report.html" || problem+="expected the same page as from report"
verdict "bench: a page with history" "$problem"
rm -f "$dir/bad.html" "$dir/bad.json"
to=(--html "$dir/bad.html" --json "$dir/bad.json")
bad "bench: no history there" "/nowhere: " "$harness" bench "${to[@]}" --history /nowhere
bad "bench: a history that is none" "check.json: line 1" "$harness" bench "${to[@]}" --history "$dir/check.json"
bad "bench: a history that nothing shows" "expected with --html" "$harness" bench --history "$dir/history.jsonl"
problem=
[[ -e $dir/bad.html || -e $dir/bad.json ]] && problem="expected nothing to be measured"
verdict "bench: a bad history is told before measuring" "$problem"

bad "plot: nothing to plot" "expected a result" bench/plot
bad "plot: unknown option" "'--frob'" bench/plot --frob "$json"
bad "plot: option without its value" "'-o'" bench/plot "$json" -o
bad "plot: unknown format" "'gif'" bench/plot -f png,gif "$json"
if command -v gnuplot >/dev/null; then
	bad "plot: no such file" "/nowhere.json" bench/plot -o "$plots" /nowhere.json
	bad "plot: half a result" "cut.json" bench/plot -o "$plots" "$dir/cut.json"
	bad "plot: no row has a number" "no row" bench/plot -o "$plots" \
		"$(doctor 'for row in r["rows"]: row["metrics"]["failed"] = [1.0]')"
fi
mkdir "$dir/bin"
for tool in bash dirname cat; do
	ln -s "$(command -v $tool)" "$dir/bin/"
done
bad "plot: no gnuplot" "gnuplot is not here" env PATH="$dir/bin" bench/plot -o "$plots" "$json"

# Figures: of each workload latency, cake and processor time, and one of both depths.
if ! command -v gnuplot >/dev/null; then
	skip "plot: figures" "no gnuplot here"
	summary
	exit
fi
plot "plot: figures" png 7 "$json"
problem=$(cd "$plots" && rm -- *.png && run 0 gnuplot -e "form='svg'" depth-4k-randread.gp)
xmllint --noout "$plots/depth-4k-randread.svg" 2>/dev/null || problem+="expected an SVG"
verdict "plot: a figure drawn again, otherwise" "$problem"
plot "plot: PDF" pdf 7 "$json"
plot "plot: two results" svg 14 "$json" "$json"

plot "plot: history" png 9 -H "$dir/history.jsonl" "$json"
bad "plot: history that is none" "result.json: line 1" bench/plot -H "$json" -o "$plots" "$json"

# Neither gnuplot nor the shell takes a name for anything but a name.
# shellcheck disable=SC2016
nasty=$(doctor '
names = ["'"'"'; system(\"touch pwned\") #", "`touch pwned`", "$(touch pwned) \" \\ @a {/*9 b}_c^d %s"]
for i, row in enumerate(r["rows"]):
    row["layer"] = names[i % 3]
    row["workload"] = names[i // 3 % 3] + "/../x-qd%d" % (1 + i)
r["title"] = names[0]')
plot "plot: hostile names" png 20 "$nasty"
problem=$(find . "$dir" -name pwned)
verdict "plot: nothing was carried out" "$problem"

summary
