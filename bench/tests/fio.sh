#!/bin/bash
# SPDX-License-Identifier: MIT
#
# fio's jobs, rows whose commands fio sends, and results made of what fio wrote. Also with an fio that is missing, old,
# hangs, dies, or writes nonsense. TAP.

set -u
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=harness/tests/programs.bash
. harness/tests/programs.bash
limit_s=90
jobs=$PWD/bench/jobs
recorded=bench/tests/fio

command -v fio >/dev/null || {
	echo "1..0 # SKIP no fio here"
	exit 77
}
echo "TAP version 14"

# --- jobs

# job_line JOB: what it comes to, as fio says it.
job_line() {
	FILE=/dev/null ENGINE=null DIRECT=0 SIZE=1m RUNTIME=1 fio --showcmd "$1"
}

# A job is named like its file and does what the name says; the benchmark knows the workload.
for job in "$jobs"/[0-9]*.fio; do
	name=$(basename "$job" .fio)
	IFS=- read -r bs rw depth <<<"$name"
	problem=
	line=$(job_line "$job" 2>&1) || problem="fio does not parse it: $line"
	for want in "--name=$name" "--bs=$bs" "--rw=${rw%70}" "--iodepth=${depth#qd}" "--lat_percentiles=1"; do
		[[ $line == *" $want "* ]] || problem+="expected $want; "
	done
	[[ -n $problem ]] || problem=$(run 0 "$harness" bench --workloads "$name" --list)
	verdict "$name: does what its name says" "$problem"
done

"$harness" bench --list --full >"$dir/list" 2>&1
problem=
while read -r name; do
	[[ -e $jobs/$name.fio ]] || problem+="no job for $name; "
done < <(sed -n '/^workloads/,$p' "$dir/list" | grep -E '^[0-9]+[km]?-[a-z0-9]+-qd[0-9]+$')
grep -q '^4k-randread-qd32$' "$dir/list" || problem+="expected a list of workloads"
verdict "there is a job for each workload that fio can send" "$problem"

head -c 4M /dev/urandom >"$dir/disk"
export SIZE=4m RUNTIME=100ms
problem=$(FILE=$dir/disk ENGINE=libaio DIRECT=0 run 0 fio --output="$dir/fio.out" "$jobs/verify.fio")
verdict "verify: on a file" "$problem"

problem=$(unset ENGINE && FILE=$dir/disk DIRECT=0 run 1 fio "$jobs/4k-randread-qd1.fio")
[[ -n $problem ]] || problem=$(says err 'failed parsing ioengine=..ENGINE.')
verdict "a variable that is not set is an error" "$problem"

worlds=$("$harness" env 2>&1) || worlds=
if [[ $worlds ]]; then
	problem=$(FILE=/dev/sg0 ENGINE=sg DIRECT=0 run 0 "$harness" run --device d0,size=4M \
		--handler "$handler --uio {uio} --store memory:4M" -- fio --output="$dir/fio.out" "$jobs/verify.fio")
	verdict "verify: on /dev/sg0" "$problem"
else
	skip "verify: on /dev/sg0" "no world can be made here"
fi
unset SIZE RUNTIME

# --- rows

# rows LAYERS STATUS [OPTION…]: one short repeat of them into $dir/r.json.
rows() {
	local layers=$1 status=$2
	shift 2
	rm -f "$dir/r.json"
	run "$status" "$harness" bench --layers "$layers" --workloads 4k-randread-qd4 --repeats 1 --time-ms 50 --size 4M \
		--no-syscalls --json "$dir/r.json" "$@"
}

# The program under test finds none of those that are installed; we do.
without_path() {
	as=(env "PATH=$dir/nothing")
}

# value LAYER METRIC: the only one there is.
value() {
	python3 -c '
import json, sys
row = [r for r in json.load(open(sys.argv[1]))["rows"] if r["layer"] == sys.argv[2]][0]
print(row["side"], *row["metrics"].get(sys.argv[3], ["none"]))' "$dir/r.json" "$1" "$2"
}

# positive LAYER METRIC: prints what is wrong.
positive() {
	local found
	found=$(value "$1" "$2" 2>&1)
	[[ $found =~ ^fio\ [0-9.e+]+$ && ! $found =~ ^fio\ 0(\.0)?$ ]] ||
		echo "expected $2 of $1 to be more than 0, sent by fio; found '$found'"
}

problem=$(rows fio-direct,fio-cached 0)
for metric in iops latency_p50_ns command_ns; do
	[[ -n $problem ]] || problem=$(positive fio-direct $metric && positive fio-cached $metric)
done
[[ -n $problem || $(value fio-cached failed) == 'fio 0.0' ]] || problem="expected none to have failed"
verdict "fio straight on the file" "$problem"

if [[ $worlds ]]; then
	problem=$(rows sg-memory,sg-io_uring 0)
	for metric in iops cpu_initiator_ns cpu_handler_ns doorbells; do
		[[ -n $problem ]] || problem=$(positive sg-memory $metric && positive sg-io_uring $metric)
	done
	verdict "fio on /dev/sg0" "$problem"
	if command -v tcmu-runner >/dev/null && [[ -e /etc/tcmu/tcmu.conf ]]; then
		problem=$(rows runner,world-file 0)
		verdict "tcmu-runner, unmodified" "$problem"
	else
		skip "tcmu-runner, unmodified" "it is not installed"
	fi
	problem=$(without_path && rows runner 77)
	[[ -n $problem ]] || problem=$(says out '^not measured: runner: there is no tcmu-runner here')
	verdict "no tcmu-runner" "$problem"
	problem=$(rows program 1 --exec 'echo gone >&2; exit 3' --config any/x)
	[[ -n $problem ]] || problem=$(says err 'ended with status 3: gone')
	verdict "an unmodified handler that dies at once" "$problem"
else
	skip "unmodified programs" "no world can be made here"
fi

problem=$(run 77 "$harness" bench --layers fio-cached --workloads 4k-randread-qd4-poll --no-syscalls)
[[ -n $problem ]] || problem=$(says out 'fio has no job of that name')
verdict "a workload that fio cannot send" "$problem"

# --- an fio that is not as it should be

# with TITLE STATUS STREAM PATTERN: rows with a script of that name, from standard input, in fio's place.
with() {
	local title=$1 status=$2 stream=$3 pattern=$4 problem
	mkdir -p "$dir/bin"
	{
		echo '#!/bin/sh'
		# shellcheck disable=SC2016
		echo 'for o; do case $o in --output=*) out=${o#--output=} ;; esac; done'
		cat
	} >"$dir/bin/fio"
	chmod +x "$dir/bin/fio"
	problem=$(as=(env "PATH=$dir/bin:$PATH") && rows fio-cached "$status")
	[[ -n $problem ]] || problem=$(says "$stream" "$pattern")
	verdict "$title" "$problem"
}

# shellcheck disable=SC2016
version='[ "$1" = --version ] && echo fio-3.33 && exit'
problem=$(without_path && rows fio-cached 77)
[[ -n $problem ]] || problem=$(says out '^not measured: fio-cached: there is no fio: fio: No such file')
verdict "no fio" "$problem"
with "an old fio" 77 out 'expected fio 3.0 or later, found .fio-2.21.' <<<'echo fio-2.21'
with "something else called fio" 77 out "expected fio 3.0 or later, found 'I sing'" <<<'echo I sing'
with "fio does not like the job" 1 err 'fio: bad option <frob=1>' <<<"$version; echo 'fio: bad option <frob=1>' >&2; exit 1"
with "fio says nothing" 1 err 'fio.json: No such file' <<<"$version; exit 0"
with "fio writes half of it" 1 err 'fio.json: line ' <<<"$version; head -c 3000 $PWD/$recorded/sg.json >\$out"
with "fio dies" 1 err 'fio was ended: Killed' <<<"$version; kill -9 \$\$"
with "fio's commands fail" 1 err '1 of 1 commands of fio.s failed, status 1: fio: io_u error' \
	<<<"$version; cat $PWD/$recorded/error.json >\$out; echo 'fio: io_u error on file x' >&2; exit 1"
problem=
[[ $(value fio-cached failed) == 'fio 1.0' && $(value fio-cached iops) == 'fio none' ]] ||
	problem='expected failed 1 and no iops'
verdict "... and are counted, without a headline number" "$problem"
with "fio hangs" 1 err 'fio did not end: at it' <<<"$version; echo at it; trap '' TERM; while :; do sleep 1; done"

# --- import

import=("$harness" bench import --layer 'a disk' --below nothing --adds fio)
problem=$(run 0 "${import[@]}" -o "$dir/r.json" $recorded/sg.json $recorded/sg.json)
[[ -n $problem || $(value 'a disk' failed) == 'fio 0.0 0.0' ]] || problem='expected two repeats'
verdict "import: two repeats" "$problem"
problem=$(run 0 "${import[@]}" --append -o "$dir/r.json" $recorded/randrw.json)
[[ -n $problem || $(grep -c '"layer":"a disk"' "$dir/r.json") -eq 2 ]] || problem='expected two rows'
verdict "import: a row is added" "$problem"
bad "import: no layer" "expected --layer" "$harness" bench import -o x y
bad "import: no output" "expected -o" "${import[@]}" $recorded/sg.json
bad "import: no files" "expected what fio wrote" "${import[@]}" -o "$dir/x.json"
bad "import: no such file" "nonesuch: No such file" "${import[@]}" -o "$dir/x.json" nonesuch
bad "import: plain JSON" "format=json+" "${import[@]}" -o "$dir/x.json" $recorded/plain.json
bad "import: repeats of two kinds" "expected bins in lat_ns" "${import[@]}" -o "$dir/x.json" $recorded/sg.json \
	$recorded/notes.json
bad "import: a full disk" "No space left" "${import[@]}" -o /dev/full $recorded/sg.json
bad "import: no environment" "--environment" "${import[@]}" --environment /dev/null -o "$dir/x.json" $recorded/sg.json
bad "import: added to something else" "$dir/disk" "${import[@]}" --append -o "$dir/disk" $recorded/sg.json
bad "import: nothing there to add to" "No such file" "${import[@]}" --append -o "$dir/none.json" $recorded/sg.json
bad "import: unknown option" "'--frob'" "${import[@]}" --frob
problem=
[[ ! -e $dir/x.json ]] || problem='there is one'
verdict "import: what was refused leaves no file" "$problem"
summary
