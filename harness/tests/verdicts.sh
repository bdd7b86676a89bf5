#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What scenarios/lib/judge.awk makes of a scenario's TAP and of what is known to fail, with the kernel's
# own modules and with others. TAP.

set -u
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=harness/tests/programs.bash
. harness/tests/programs.bash

row() { # STATUS MODULES: VERDICT PASSED FAILED KNOWN REASON
	awk -v scenario=s -v kernel=6.1 -v status="$1" -v ms=1 -v known="$dir/known" -v modules="$2" \
		-v json="$dir/json" -f scenarios/lib/judge.awk "$dir/known" "$dir/tap" 2>"$dir/err" | cut -f 3-6,9 | tr '\t' ' '
}

# judged TITLE KNOWN STATUS OWN [OTHER]: what comes of the TAP in $dir/tap and the machine's exit STATUS
# if KNOWN ("TEST | KERNEL", or nothing) is known to fail, with the kernel's modules and with others.
judged() {
	local title=$1 known=$2 status=$3 own=$4 other=${5:-$4} found problem=''
	: >"$dir/known"
	[[ -z $known ]] || echo "s | $known | because | evidence" >"$dir/known"
	found=$(row "$status" '')
	[[ $found == "$own" ]] || problem="expected '$own', found '$found'; "
	found=$(row "$status" 1)
	[[ $found == "$other" ]] || problem+="with modules: expected '$other', found '$found'"
	verdict "$title" "$problem"
}

echo "TAP version 14"
hurt='(machine): the kernel was hurt'
gone='no longer fails with these modules:'
was='passes, but is a known failure: because'

printf 'ok 1 - a\nok 2 - b\n1..2\n' >"$dir/tap"
judged 'all pass' '' 0 'ok 2 0 0 '
judged 'a known failure that passes' 'a | *' 0 "FAIL 2 1 0 a: $was" "ok 2 0 0 $gone a"
judged 'one that may pass' 'a | *~' 0 'ok 2 0 0 '
judged 'one of another kernel' 'a | 6.12' 0 'ok 2 0 0 '
judged 'one of a test that there is not' 'c | *' 0 'ok 2 0 0 '
judged 'a machine that is hurt' '' 125 'FAIL 2 1 0 the kernel was hurt'
judged 'a machine that is known to be hurt' "$hurt | *" 125 'ok 2 0 1 '
judged 'a machine that no longer is' "$hurt | *" 0 "FAIL 2 1 0 $hurt: $was" "ok 2 0 0 $gone $hurt"
judged 'a machine that may be hurt' "$hurt | *~" 0 'ok 2 0 0 '

printf 'ok 1 - a\nnot ok 2 - b\n1..2\n' >"$dir/tap"
judged 'one fails' '' 1 'FAIL 1 1 0 b'
judged 'one is known to fail' 'b | 6.1' 1 'ok 1 0 1 '
judged 'another is' 'a | 6.1' 1 "FAIL 1 2 0 b" 'FAIL 1 1 0 b'
judged 'one fails in a machine that is hurt' "$hurt | *" 125 'FAIL 1 1 1 the kernel was hurt'

echo '1..0 # SKIP no TCMU' >"$dir/tap"
judged 'nothing ran, although a machine is known to be hurt' "$hurt | *" 77 'skip 0 0 0 no TCMU'

summary
