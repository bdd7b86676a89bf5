#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tcmu-harness bench: what it makes of its options; that its figures agree with each other; and what
# is left of a run when handlers die, hang, lie or refuse, when disks are full, when it is
# interrupted, when there is one processor only. Nothing here depends on how fast anything is. TAP.

set -u
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=harness/tests/programs.bash
. harness/tests/programs.bash
limit_s=120
export NO_COLOR=1
json=$dir/result.json
short=(--repeats 2 --time-ms 20 --no-syscalls --size 4M --bs 4k --iodepth 8)

# bench STATUS OPTION…: a run; prints what is wrong.
bench() {
	local status=$1
	shift
	rm -f "$json"
	run "$status" "$harness" bench --json "$json" "$@"
}

# holds EXPRESSION: of the result "r" and its "rows", in Python; prints what is wrong.
holds() {
	python3 -IS -c '
import json, math, sys
r = json.load(open(sys.argv[1]))
rows = {row["layer"]: row for row in r["rows"]}
def m(layer, name):
    return rows[layer]["metrics"].get(name, [])
ok = eval("(" + sys.argv[2] + ")")
sys.exit(0 if ok else 1)' "$json" "$1" 2>"$dir/python" ||
		echo "does not hold: $1 $(tail -n 1 "$dir/python")"
}

# good TITLE EXPRESSION OPTION…: it ends well, and what is measured is so.
good() {
	local title=$1 expression=$2 problem
	shift 2
	problem=$(bench 0 "$@")
	[[ -z $problem ]] && problem=$(holds "$expression")
	verdict "$title" "$problem"
}

# fails TITLE PATTERN OPTION…: a row fails, with PATTERN in the one line that says so.
fails() {
	local title=$1 pattern=$2 problem
	shift 2
	problem=$(bench 1 "$@")
	if [[ -z $problem ]]; then
		[[ $(wc -l <"$dir/err") -eq 1 ]] || problem="expected one line on standard error"
		[[ -z $problem ]] && problem=$(says err "$pattern")
		[[ -z $problem ]] && problem=$(says out 'no number: ')
		[[ -z $problem ]] && problem=$(says out '^INCOMPLETE: rows failed')
		[[ -z $problem ]] && problem=$(holds 'not r["complete"]')
	fi
	verdict "$title" "$problem"
}

echo "TAP version 14"

# The command line.
bad "an argument" "'frob'" "$harness" bench frob
bad "unknown layer" "'frob'" "$harness" bench --layers sim,frob
bad "no layer" "nothing" "$harness" bench --layers ''
bad "unknown workload" "'frob'" "$harness" bench --workloads 4k-read-qd1,frob
bad "no workload" "nothing" "$harness" bench --workloads ''
bad "two ways to say a workload" "not with" "$harness" bench --full --bs 4k
bad "a size between blocks" "'513-read" "$harness" bench --bs 513 --rw read
bad "unknown pattern" "'reed" "$harness" bench --rw reed
bad "a share of reads without a mix" "rwmixread" "$harness" bench --rw read --rwmixread 50
bad "a share above all" "'101'" "$harness" bench --rw rw --rwmixread 101
bad "a batch above the depth" "found 9" "$harness" bench --iodepth 8 --batch 9
bad "a device smaller than a command" "'1k'" "$harness" bench --size 1k
for n in 0 1001 x ''; do
	bad "repeats '$n'" "'$n'" "$harness" bench --repeats "$n"
done
bad "no time" "'0'" "$harness" bench --time-ms 0
bad "a result into nowhere" "$dir/none/x" "$harness" bench --json "$dir/none/x"
bad "a store into nowhere" "$dir/none/" "$harness" bench --layers psync --store "$dir/none"
bad "a result without a name" "'': No such" "$harness" bench --json ''
bad "a result where a directory is" 'Is a directory' "$harness" bench --json "$dir"
bad "result and page in one file" 'only one' "$harness" bench --json "$dir/x" --html "$dir/x"
bad "no handler of one's own" 'with --exec' "$harness" bench --layers 'sim,prog*'
bad "a configuration of nothing" 'with --exec' "$harness" bench --config disk/x
bad "a configuration of no kind" "'/x'" "$harness" bench --exec true --config /x
bad "exact: too little" "COMMANDS" "$harness" bench exact sim
bad "exact: unknown layer" "'frob'" "$harness" bench exact frob 4k-read-qd1 1
bad "exact: no handler of one's own" 'with --exec' "$harness" bench exact program 4k-read-qd1 1
verdict "exact: no such job of fio" "$(run 77 "$harness" bench exact fio-cached 512-write-qd3 1)"
bad "exact: nothing" "'0'" "$harness" bench exact sim 4k-read-qd1 0

problem=$(run 0 "$harness" bench --list)
for word in floor ring sim threads memory io_uring world 4k-randread-qd32; do
	[[ -z $problem ]] && problem=$(says out "^$word( |\$)")
done
verdict "the list" "$problem"

# Figures agree with each other.
good "a row for each layer, a value for each repeat" \
	'set(rows) == {"floor", "sim", "data", "sanitizer"} and r["complete"] and
	all(len(m(l, "iops")) == 2 for l in rows)' \
	"${short[@]}" --layers floor,sim,data,sanitizer
problem=$(holds 'all(abs(a * b / 1e9 - 1) < 1e-6 for l in rows
	for a, b in zip(m(l, "iops"), m(l, "command_ns")))')
verdict "commands per second and ns per command" "$problem"
problem=$(holds 'all(abs(a * 4096 / 2**20 / b - 1) < 1e-6 for l in rows
	for a, b in zip(m(l, "iops"), m(l, "bandwidth_mib_s")))')
verdict "commands per second and bandwidth" "$problem"
problem=$(holds 'all(a <= b * 1.01 for l in rows
	for a, b in zip(m(l, "latency_p50_ns"), m(l, "latency_max_ns")))')
verdict "percentiles in order" "$problem"
problem=$(holds 'all(sum(m(l, n)) == 0 for l in rows for n in ("failed", "timed_out"))')
verdict "no failures" "$problem"
problem=$(holds 'm("sim", "data_high_blocks") == [8, 8] and m("sim", "ring_high_bytes") == [1024] * 2')
verdict "high-water of ring and data area" "$problem"
problem=$(holds 'all(0 < d <= 1 for d in m("sim", "doorbells")) and len(r["environment"]) > 3')
verdict "doorbells, and where it was" "$problem"

good "between threads" 'set(rows) == {"ring", "threads", "sleeping"} and
	m("threads", "doorbells") == [0, 0] and all(w > 0 for w in m("sleeping", "wakeups")) and
	all(c > 0 for l in rows for c in m(l, "cpu_handler_ns"))' \
	"${short[@]}" --layers ring,threads,sleeping
good "between processes, with every engine" 'len(rows) == 5 and r["complete"] and
	all(c > 0 for l in rows for c in m(l, "cpu_handler_ns")) and
	all(1 <= e for l in rows for e in m(l, "entries_per_wakeup"))' \
	"${short[@]}" --layers process,memory,psync,libaio,io_uring
good "writes and reads" 'r["complete"] and len(m("memory", "iops")) == 2' \
	--layers memory --rw randrw --rwmixread 70 --repeats 2 --time-ms 20 --no-syscalls
good "a megabyte each, polling" 'r["complete"] and len(m("psync", "iops")) == 1' \
	--layers psync --rw write --bs 1m --iodepth 4 --poll --repeats 1 --time-ms 20 --no-syscalls
good "an open loop" 'all(100 < i < 1300 for i in m("memory", "iops")) and
	all(0 <= x <= 1 for x in m("memory", "late_share")) and not m("memory", "command_ns")' \
	--layers memory --rate 1000 --iodepth 32 --repeats 2 --time-ms 500 --no-syscalls
good "a share of the peak" 'len(m("sim", "iops")) == 2 and r["complete"]' \
	--layers sim --workloads 4k-read-qd8-open50 --repeats 2 --time-ms 20

# What is counted in runs of their own; a leak checker wants to trace them itself.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
problem=$(bench 0 --layers floor,sim,memory,psync --bs 4k --iodepth 1 --repeats 1 --time-ms 10)
if [[ -z $problem ]] && grep -q '^not counted: .*ptrace cannot' "$dir/out"; then
	skip "system calls are counted" "ptrace is forbidden here"
else
	[[ -z $problem ]] && problem=$(holds 'm("floor", "syscalls")[0] < 0.01 and
		m("sim", "syscalls")[0] < 0.01 and
		1 < m("memory", "syscalls")[0] < m("psync", "syscalls")[0]')
	verdict "system calls are counted" "$problem"
fi
if grep -q -- -fsanitize "$build/flags"; then
	skip "instructions are counted" "valgrind and a sanitizer do not go together"
elif command -v valgrind >/dev/null; then
	problem=$(bench 0 --layers floor,sim --repeats 1 --time-ms 10 --no-syscalls --instructions)
	[[ -z $problem ]] &&
		problem=$(holds '0 < m("floor", "instructions")[0] < m("sim", "instructions")[0]')
	verdict "instructions are counted" "$problem"
else
	skip "instructions are counted" "there is no valgrind"
fi
problem=$(run 0 "$harness" bench exact data 4k-randrw-qd8 5000)
[[ -z $problem && -s $dir/out$dir/err ]] && problem="expected no output"
verdict "exactly so many commands" "$problem"

# Standard output is one thing.
problem=$(run 0 "$harness" bench "${short[@]}" --layers floor --json -)
[[ -z $problem ]] && ! python3 -IS -m json.tool <"$dir/out" >/dev/null && problem="no JSON"
[[ -z $problem ]] && problem=$(says err '^  floor ')
verdict "the result on standard output" "$problem"

# Handlers of one's own.
memory="exec '$handler' --store memory:4M"
good "a handler of one's own" 'len(m("program", "iops")) == 2 and r["complete"]' \
	"${short[@]}" --layers program --exec "$memory"
fails "a handler that does not start" 'program, .*ended with status 3: sorry$' \
	"${short[@]}" --layers program --exec 'echo sorry; exit 3'
fails "a handler that does not keep data" 'does not give back what was written' \
	"${short[@]}" --layers program --exec "exec '$handler' --store null:4M --stale-reads"
fails "a handler that refuses" 'failed, the first with status 0x02' \
	"${short[@]}" --layers program --exec "exec '$handler' --store memory:2M"
fails "a handler that dies" 'the handler was ended by signal 9' \
	"${short[@]}" --layers program,sim --exec "$memory --die-after tail:50"
problem=$(holds '[x["layer"] for x in r["rows"] if x["complete"]] == ["sim"] and
	len(m("sim", "iops")) == 2')
verdict "what others have measured stays" "$problem"
fails "a handler that hangs" 'timed out' "${short[@]}" --layers program \
	--exec "'$handler' --store memory:4M & sleep 0.3; kill -STOP \$!; wait" --time-ms 2000

# Machines that lack something.
if [[ $(nproc) -gt 1 ]] && command -v taskset >/dev/null; then
	as=(taskset -c 0)
	good "one processor" '"ring" not in rows and len(m("sim", "iops")) == 2' \
		"${short[@]}" --layers ring,sim,memory
	problem=$(says out '^one CPU only')$(says out '^not measured: ring: wants two CPUs')
	verdict "one processor: it says so" "$problem"
	verdict "one processor: nothing left" "$(bench 77 "${short[@]}" --layers ring)"
	as=()
else
	skip "one processor" "there is one only, or no taskset"
fi

# A disk of 8 MiB, for the file that handlers serve and for the result.
if [[ $(id -u) -eq 0 ]] && unshare -m true 2>/dev/null; then
	mkdir "$dir/small"
	# shellcheck disable=SC2016
	as=(unshare -m sh -c 'mount -t tmpfs -o size=8m small "$0" && exec "$@"' "$dir/small")
	problem=$(run 2 "$harness" bench --layers psync --size 64M --store "$dir/small")
	[[ -z $problem ]] && problem=$(says err '64 MiB .* No space left on device$')
	verdict "a full disk under the handlers' file" "$problem"
	# shellcheck disable=SC2016
	as=(unshare -m sh -c 'mount -t tmpfs -o size=8m small "$0" && echo old >"$0/result" &&
		head -c 9m /dev/zero >"$0/fill" 2>/dev/null
		"$@"; rc=$?; cat "$0/result"; exit $rc' "$dir/small")
	problem=$(run 2 "$harness" bench "${short[@]}" --layers floor --json "$dir/small/result")
	[[ -z $problem ]] && problem=$(says err 'No space left on device')$(says out '^  floor ')
	[[ -z $problem && $(tail -n 1 "$dir/out") != old ]] && problem="the old result is gone"
	verdict "a full disk under the result" "$problem"
	as=()
else
	skip "full disks" "no mount namespace here"
fi

# Interrupted: what there is, is kept.
# shellcheck disable=SC2016
problem=$(TEST_MARK=$mark timeout -k 5 60 bash -c '
	"$0" bench --layers sim,memory --repeats 1000 --time-ms 50 --no-syscalls --bs 4k \
		--json "$1" >"$2/out" 2>"$2/err" </dev/null &
	sleep 4; kill -INT $!; wait $!' "$harness" "$json" "$dir" ||
	[[ $? -eq 1 ]] || echo "expected exit status 1")
[[ -z $problem ]] && problem=$(leftovers)
[[ -z $problem ]] && problem=$(says out '^INCOMPLETE: interrupted')
[[ -z $problem ]] && problem=$(holds 'not r["complete"] and r["why"] == "interrupted" and
	len(m("sim", "iops")) > 0 and not any(x["complete"] for x in r["rows"])')
verdict "interrupted" "$problem"

summary
