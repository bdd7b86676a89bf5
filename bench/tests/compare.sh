#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tcmu-harness compare: what it says of results whose truth is known, what it refuses, and the history
# it keeps; and that what bench writes is as results/bench/schema.json says. TAP.

set -u
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=harness/tests/programs.bash
. harness/tests/programs.bash

# result FILE STATEMENTS: a result of 10 repeats with 1 % of noise, changed by Python: "r" is it, iops(x)
# is a series about x. The noise is the same in every run: what chance says of it is known.
result() {
	python3 -IS - "$dir/$1" "$2" <<-'EOT'
		import json, os, random, sys
		random.seed(os.path.basename(sys.argv[1]) + sys.argv[2])
		def iops(x, n=10):
		    return [x * random.gauss(1, 0.01) for i in range(n)]
		def row(layer, **more):
		    return {"layer": layer, "below": "", "adds": "", "workload": "w", "side": "own",
		            "complete": True, "why": "", "metrics": {"iops": iops(1000), "failed": [0] * 10}, **more}
		r = {"schema": 1, "title": "t", "when": "2026-11-22T00:00:00Z", "complete": True, "why": "",
		     "environment": {"cpu": "x", "commit": sys.argv[1]}, "options": {}, "rows": [row("floor"), row("sim")]}
		rows = r["rows"]
		exec(sys.argv[2])
		json.dump(r, open(sys.argv[1], "w"))
	EOT
}

# compared TITLE STATUS PATTERN OPTION...: A and B in $dir/a and $dir/b; "!PATTERN" must not be there.
compared() {
	local title=$1 status=$2 pattern=$3 problem
	shift 3
	problem=$(run "$status" "$harness" compare "$@" "$dir/a" "$dir/b")
	if [[ -z $problem && $pattern == !* ]]; then
		! grep -qE -- "${pattern#!}" "$dir/out" || problem="expected no '${pattern#!}'"
	elif [[ -z $problem ]]; then
		problem=$(says out "$pattern")
	fi
	verdict "$title" "$problem"
}

echo "TAP version 14"

result a ''
cp "$dir/a" "$dir/b"
compared "with itself: no difference" 0 '^0 better, 0 worse'
compared "with itself: only ~" 0 '!(better|worse|small)$'
result b ''
compared "the same once more" 0 '!(better|worse)$'
result b 'rows[1]["metrics"]["iops"] = iops(950)'
compared "5 % less" 1 '0\.9[45][0-9]x  p .*  worse$'
compared "5 % less, and 10 % is of interest" 0 '0\.9[45][0-9]x  p .*  small$' --threshold 10%
compared "5 % less, in another metric" 77 '0 better' --metric command_ns
result b 'rows[1]["metrics"]["iops"] = iops(1100)'
compared "10 % more" 0 '1\.[01][0-9]*x  p .*  better$'
result a 'rows[1]["metrics"]["command_ns"] = iops(100)'
result b 'rows[1]["metrics"]["command_ns"] = iops(110)'
compared "where less is better" 1 'worse$' --metric command_ns
compared "all metrics" 1 'worse$' --metric all
result a 'rows[1]["metrics"]["iops"] = iops(1000, 3)'
result b 'rows[1]["metrics"]["iops"] = iops(500, 3)'
compared "3 repeats tell nothing" 0 'too few repeats: 3 and 3'
compared "but to those who ask for little" 1 'worse$' --alpha 0.2

# Sixty rows without a difference: there is no alarm, though some are below 5 % alone.
result a 'r["rows"] = [row("l%d" % i) for i in range(60)]'
result b 'r["rows"] = [row("l%d" % i) for i in range(60)]'
compared "many rows" 0 '^60 tests: by chance alone 3.0 of them'
problem=$(run 0 "$harness" compare --json "$dir/a" "$dir/b")
[[ -n $problem ]] || python3 -IS - "$dir/out" <<-'EOT' || problem="expected p below 5 % somewhere, but not corrected"
	import json, sys
	m = [row["metrics"]["iops"] for row in json.load(open(sys.argv[1]))["rows"]]
	sys.exit(not (min(x["p"] for x in m) < 0.05 < min(x["p_adjusted"] for x in m)))
EOT
verdict "many rows: the correction is what saves them" "$problem"

# Failures, and rows that are gone.
result a ''
result b 'rows[1]["metrics"]["failed"][3] = 2'
compared "failures are worse than any number" 1 'no numbers: B has 2 failed, 0 timed out; worse'
result b 'rows[1]["complete"] = False; rows[1]["why"] = "the handler died"'
compared "so is a dead handler" 1 'no numbers: B has the handler died; worse'
result a 'rows[1]["metrics"]["timed_out"] = [1]'
result b ''
compared "failures before are no regression" 0 'no numbers: A has 0 failed, 1 timed out'
result a 'rows.append(row("old"))'
result b 'rows.append(row("new"))'
compared "a row that is gone" 0 '^  only in A'
compared "a row that is new" 0 '^  only in B'
result a 'r["rows"] = [row("old")]'
compared "nothing in common" 77 'only in A'
result a 'r["complete"] = False; r["why"] = "interrupted"'
compared "what is not complete says so" 0 'NOT COMPLETE: interrupted'

# What is not comparable.
result a ''
result b 'r["environment"]["cpu"] = "y"'
bad "another environment" '"cpu": "x" and "y"' "$harness" compare "$dir/a" "$dir/b"
compared "another environment, by force" 0 'different environments, compared by force: "cpu"' --force
result b 'r["options"]["time_ms"] = 3'
compared "other options are told" 0 'different options: "time_ms": nothing and 3'
result b 'r["schema"] = 2'
bad "another schema" 'schema: expected 1, found 2' "$harness" compare "$dir/a" "$dir/b"
bad "another schema: not even by force" 'expected 1, found 2' "$harness" compare --force "$dir/a" "$dir/b"
head -c 300 "$dir/a" >"$dir/b"
bad "cut short" 'expected JSON' "$harness" compare "$dir/a" "$dir/b"
bad "no file" 'No such file' "$harness" compare "$dir/a" "$dir/none"
bad "a directory" 'expected a regular file' "$harness" compare "$dir" "$dir/a"

# The command line.
bad "no results" 'two results, A and B, found 0' "$harness" compare
bad "one result" 'found 1 argument ' "$harness" compare "$dir/a"
bad "three results" 'found 3' "$harness" compare "$dir/a" "$dir/a" "$dir/a"
bad "unknown option" "'--frob'" "$harness" compare --frob
bad "option without value" "'--alpha'" "$harness" compare "$dir/a" "$dir/a" --alpha
for value in 0 -1 0.6 nan x 5%x ''; do
	bad "--alpha '$value'" 'expected more than 0 and at most 0.5' "$harness" compare --alpha "$value" "$dir/a" "$dir/a"
done
for value in -1% 101% inf x; do
	bad "--threshold $value" 'expected 0% to 100%' "$harness" compare --threshold "$value" "$dir/a" "$dir/a"
done
for value in frob iops,frob 'iops,' ''; do
	bad "--metric '$value'" 'expected the name of a metric' "$harness" compare --metric "$value" "$dir/a" "$dir/a"
done
verdict "a full standard output" "$(
	"$harness" compare "$dir/a" "$dir/a" >/dev/full 2>"$dir/err"
	[[ $? -eq 2 ]] || echo "expected exit status 2"
)"

# History.
problem=''
for _ in 1 2 3; do
	[[ -n $problem ]] || problem=$(run 0 "$harness" compare --history "$dir/history" "$dir/a")
done
[[ -n $problem || $(wc -l <"$dir/history") -eq 3 ]] || problem="expected 3 lines"
[[ -n $problem ]] || python3 -IS - "$dir/history" "$dir/a" <<-'EOT' || problem="expected the medians of $dir/a"
	import json, statistics, sys
	a = json.load(open(sys.argv[2]))
	for line in open(sys.argv[1]):
	    row = json.loads(line)["rows"][1]
	    median, low, high, n = row["metrics"]["iops"]
	    values = sorted(a["rows"][1]["metrics"]["iops"])
	    assert abs(median - statistics.median(values)) < 1e-3 and n == 10
	    assert abs(low - values[1]) < 1e-3 and abs(high - values[8]) < 1e-3
EOT
verdict "a line a night" "$problem"
bad "history: no place for it" 'cannot append to the history' "$harness" compare --history /nowhere/h "$dir/a"
bad "history: a full disk" 'cannot append to the history: No space' "$harness" compare --history /dev/full "$dir/a"
printf '{"schema":1' >"$dir/cut"
bad "history: its last line cut off" 'cut off' "$harness" compare --history "$dir/cut" "$dir/a"
mkfifo "$dir/fifo"
bad "history: a pipe" 'cannot append' "$harness" compare --history "$dir/fifo" "$dir/a"
bad "report: a pipe for history" 'a regular file' "$harness" report --html "$dir/html" --history "$dir/fifo" "$dir/a"
bad "report: a history without end" 'a regular file' "$harness" report --html "$dir/html" --history /dev/zero "$dir/a"
bad "history: of a damaged result" 'expected JSON' "$harness" compare --history "$dir/history" "$dir/b"
verdict "history: as it was" "$([[ $(wc -l <"$dir/history") -eq 3 ]] || echo "expected 3 lines")"

# Whether a file is as the schema says: prints what is wrong.
fits() {
	python3 -W ignore - results/bench/schema.json "$1" <<-'EOT' 2>&1 | tail -n 1
		import json, jsonschema, sys
		schema = json.load(open(sys.argv[1]))
		jsonschema.Draft202012Validator.check_schema(schema)
		jsonschema.Draft202012Validator(schema).validate(json.load(open(sys.argv[2])))
	EOT
}
if python3 -c 'import jsonschema' 2>/dev/null; then
	limit_s=120
	problem=$(run 0 "$harness" bench --layers sim --workloads 4k-randread-qd1 --repeats 2 --time-ms 10 --json "$dir/c")
	verdict "what bench writes fits the schema" "${problem:-$(fits "$dir/c")}"
	result b 'rows[1]["metrics"]["iops"] = [None, None] + iops(1000, 8)'
	verdict "repeats without a value fit the schema" "$(run 0 "$harness" compare "$dir/a" "$dir/b")$(fits "$dir/b")"
	for what in 'rows[0]["metrics"]["frob"] = [1]' 'rows[0]["metrics"]["iops"] = [None]' 'rows[0]["metrics"]["iops"] = []' 'del r["why"]' \
		'rows[0]["metrics"]["iops"] = [-1]' 'r["title"] = "a\nb"' 'r["frob"] = 1' 'r["schema"] = 2' \
		'rows[0]["latency_ns"] = {"count": 1}'; do
		result b "$what"
		bad "refused: $what" '' "$harness" compare "$dir/b" "$dir/b"
		verdict "and it does not fit the schema: $what" "$([[ -n $(fits "$dir/b") ]] || echo "it fits")"
	done
else
	skip "what bench writes fits the schema" "there is no python3-jsonschema here"
fi
summary
