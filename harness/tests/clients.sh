#!/bin/bash
# SPDX-License-Identifier: MIT
#
# SCSI clients, unmodified, on a device of a world: what they are told is compared with what a real
# kernel told them (results/clients), line by line, and what they do must work; by either mechanism. TAP.
#
# Nothing is normalised but the initiator port's name, which is each run's own.

set -u
cd "$(dirname "$0")/../.." || exit 2
build=${BUILD:-build}
clients=$PWD/harness/tests/clients
kernel=6.12
limit_s=120

build=$(realpath "$build") || exit 2
why=$("$build/tcmu-harness" env 2>&1) || {
	echo "1..0 # SKIP no world can be made here: $(head -n 1 <<<"$why")"
	exit 77
}
for program in sg_inq sg_turs sgp_dd fio iscsi-test-cu; do
	command -v "$program" >/dev/null || {
		echo "1..0 # SKIP no $program here"
		exit 77
	}
done
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
"${CC:-gcc}" -std=gnu11 -D_GNU_SOURCE -O1 -w -o "$dir/sg_answers" "$clients/sg_answers.c" || exit 2

"${CC:-gcc}" -std=gnu11 -D_GNU_SOURCE -O1 -w -pthread -o "$dir/sg_storm" "$clients/sg_storm.c" || exit 2

count=0 failed=0 mechanism=auto
result() { # OK? TITLE FILE-THAT-TELLS
	((count++))
	if (($1 == 0)); then
		echo "ok $count - $2"
	else
		((failed++))
		echo "not ok $count - $2"
		head -n 40 "$3" | sed 's/^/# /'
	fi
}

world() { # CLIENT...
	timeout -k 5 "$limit_s" "$build/tcmu-harness" run --mechanism "$mechanism" --device disk,size=64M,config=harness/disk \
		--handler "$build/tcmu-handler --uio {uio} --store memory:64M --serial harness0001 --wce" -- "$@"
}

# In one world and in the order of scenarios/clients: what was reserved before shows in generations.
ask() {
	world sh -c "'$clients/tools' /dev/sg0 >'$dir/tools' 2>&1
		'$dir/sg_answers' commands /dev/sg0 <'$clients/commands' >'$dir/commands' 2>&1
		'$dir/sg_answers' calls /dev/sg0 >'$dir/calls' 2>&1" >"$dir/err" 2>&1
	sed -i -E 's/6001406[0-9a-f]{9}/6001406xxxxxxxxx/g' "$dir/commands"
}

same() { # calls|commands|tools
	diff -a "results/clients/$kernel-$1.txt" "$dir/$1" >"$dir/diff" 2>&1
	local status=$?
	tail -n 5 "$dir/err" >>"$dir/diff"
	result $status "$1: as on Linux $kernel, by $mechanism" "$dir/diff"
}

works() { # TITLE CLIENT...
	local title=$1
	shift
	world "$@" >"$dir/out" 2>&1
	result $? "$title" "$dir/out"
}

testcu() { # SUITE: its exit status says nothing
	world iscsi-test-cu -d -n -t "SCSI.$1" /dev/sg0 >"$dir/out" 2>&1
	awk '$1 == "tests" { ran = $3; passed = $4 } END { exit !(ran && ran == passed) }' "$dir/out"
	result $? "iscsi-test-cu: $1" "$dir/out"
}

verify=(fio --name=v --verify_state_save=0 --filename=/dev/sg0 --ioengine=sg --rw=randrw --verify=crc32c --bs=4k --size=4m
	--output="$dir/fio")
for mechanism in seccomp preload; do
	if ! world true >"$dir/err" 2>&1; then
		((count++))
		echo "ok $count - what clients are told # SKIP $mechanism does not work here: $(head -n 1 "$dir/err")"
		continue
	fi
	ask
	same tools
	same commands
	same calls
done
mechanism=auto
for depth in 1 16 32; do
	works "fio verifies at depth $depth" "${verify[@]}" --iodepth="$depth"
done
works 'fio verifies, four jobs' "${verify[@]}" --iodepth=8 --numjobs=4 --offset_increment=8m
for suite in Read16 Write16 CompareAndWrite ProutReserve ProutRegister ProutPreempt Unmap; do
	testcu "$suite"
done
works 'many users at once, some of whom die' "$dir/sg_storm" /dev/sg0 3
echo "1..$count"
((failed == 0))
