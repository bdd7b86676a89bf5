#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What ci/nightly makes of shards and of results that changed: TAP. Boots nothing.

set -u
cd "$(dirname "$0")/../.." || exit 2
work=$(mktemp -d "${TMPDIR:-/tmp}/tcmu-nightly-test.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
count=0 failed=0

report() { # TITLE WHY: no reason, no failure
	((count++))
	[[ -z $2 ]] && echo "ok $count - $1" && return
	((failed++))
	printf 'not ok %d - %s\n# %s\n' "$count" "$1" "${2//$'\n'/$'\n'# }"
}

# result DIR ROW...: a row is "KERNEL SUITE TEST VERDICT"
result() {
	local dir=$1 row
	shift
	mkdir -p "$dir/jobs/one" && echo "commit x" >"$dir/environment.txt"
	for row; do
		# shellcheck disable=SC2086 # four words
		printf '%s\t%s\t%s\t%s\t\n' $row
	done | tee "$dir/jobs/one/results.tsv" >"$dir/results.tsv"
}

# nightly TITLE STATUS PATTERN ARG...
nightly() {
	local title=$1 want=$2 pattern=$3 found status why=''
	shift 3
	found=$(ci/nightly "$@" 2>&1)
	status=$?
	((status == want)) || why="exit status: expected $want, found $status"$'\n'
	grep -qE -- "$pattern" <<<"$found" || why+="expected /$pattern/, found: $found"
	report "$title" "$why"
}

result "$work/old" '6.1 data a pass' '6.1 data b fail' '6.12 data c pass' '6.12 data d pass'
result "$work/same" '6.1 data a pass' '6.1 data b fail' '6.12 data c pass' '6.12 data d pass'
result "$work/better" '6.1 data a pass' '6.1 data b pass' '6.12 data c pass' '6.12 data d pass' '6.12 data e pass'
result "$work/worse" '6.1 data a fail' '6.1 data b fail' '6.12 data c pass' '6.12 data d pass'
result "$work/skips" '6.1 data a skip' '6.1 data b fail' '6.12 data c pass' '6.12 data d pass'
result "$work/gone" '6.1 data a pass' '6.1 data b fail' '6.12 data c pass'
result "$work/new" '6.1 data a pass' '6.1 data b fail' '6.12 data c pass' '6.12 data d pass' '6.12 data e fail'

nightly 'nothing changed' 0 '^$' compare "$work/old" "$work/same"
nightly 'a test is mended' 0 '^better .*6.1  data: b \(fail before, now pass\)' compare "$work/old" "$work/better"
nightly 'a new test passes' 0 '^new .*6.12  data: e' compare "$work/old" "$work/better"
nightly 'a test fails that passed' 1 '^WORSE .*6.1  data: a' compare "$work/old" "$work/worse"
nightly 'a test is skipped that passed' 1 '^WORSE .*6.1  data: a' compare "$work/old" "$work/skips"
nightly 'a test is gone' 1 '^GONE .*6.12  data: d' compare "$work/old" "$work/gone"
nightly 'a new test fails' 1 '^new, FAILS .*6.12  data: e' compare "$work/old" "$work/new"
nightly 'what is no result' 2 'expected a result \(results.tsv\), found none' compare "$work/old" "$work"

mkdir -p "$work/1/jobs" "$work/2/jobs"
result "$work/1" '6.1 data a pass'
result "$work/2" '6.12 data c fail'
mv "$work/2/jobs/one" "$work/2/jobs/two"
nightly 'merged shards have all failures' 1 '^1 passed, 1 failed, 0 skipped$' merge "$work/all" "$work/1" "$work/2"
report 'and all rows' "$( (($(wc -l <"$work/all/results.tsv") == 2)) || cat "$work/all/results.tsv")"
nightly 'a shard without a result' 2 'expected a result' merge "$work/all" "$work/1" "$work/nothing"

# Every job is in exactly one shard.
ci/nightly jobs | sort >"$work/jobs"
report 'there are jobs for every kernel' "$(sed 's/#.*//' ci/kernels.list | while read -r kernel; do
	for suite in conformance probe; do
		[[ -z $kernel ]] || grep -q "^$suite $kernel\$" "$work/jobs" || echo "no $suite for $kernel"
	done
done)"
report 'one benchmark a night' "$([[ $(grep -c '^bench -$' "$work/jobs") == 1 ]] || echo "expected one job 'bench -'")"
: >"$work/history"
# Of a program that measures nothing but says what the job makes of it.
mkdir "$work/bin"
cat >"$work/bin/tcmu-harness" <<'EOT'
#!/bin/bash
case $1 in
bench) echo "{}" >"$3" && echo "all rows" && exit "${BENCH_STATUS:-0}" ;;
compare) echo "of $4" >>"$3" && exit "${COMPARE_STATUS:-0}" ;;
esac
EOT
chmod +x "$work/bin/tcmu-harness"
bench() { # TITLE VERDICT LINES
	BUILD=$work/bin ci/nightly --history "$work/history" one "$work/job" bench - - >/dev/null 2>&1
	report "$1" "$(grep -qP "^-\tbench\tmeasured\t$2\t" "$work/job/results.tsv" || cat "$work/job/results.tsv"
		[[ $(wc -l <"$work/history") == "$3" ]] || echo "expected $3 lines of history")"
}
BENCH_STATUS=1 bench 'a benchmark that fails leaves no line' fail 0
BENCH_STATUS=77 bench 'nor one that could not be' skip 0
bench 'a benchmark leaves a line' pass 1
COMPARE_STATUS=2 bench 'a history that cannot be written' fail 2
nightly 'a shard that is none' 2 'expected I up to 2, found 3' --shard 3/2 jobs
nightly 'an unknown verb' 2 "unknown verb 'walk'" walk
echo "1..$count"
((failed == 0))
