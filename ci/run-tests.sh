#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Run test programs one after the other and sum up:
#	ci/run-tests.sh [-v] [-t SECONDS] [-w WRAPPER] 'COMMAND [ARG…]'…
#
# One line for each program, and its output if it failed (-v: always). A program reports through
# CUnit's run summary or TAP. Not to be trusted with its own verdict, it fails as well when it
# prints neither, leaves tests of its plan out, exits with another status than 0, dies by a signal
# or runs longer than SECONDS (300). Exit status 77 is a skip, and so are CUnit's inactive tests and
# TAP's SKIP and TODO; none of them counts as passed.
#
# The last line is "N passed, N failed, N skipped"; exit status 0, 1 if anything failed, 77 if
# nothing ran, 2 for usage.

set -u
limit_s=300
verbose=
wrapper=()
while getopts 'vt:w:' opt; do
	case $opt in
	v) verbose=1 ;;
	t) limit_s=$OPTARG ;;
	w) read -ra wrapper <<<"$OPTARG" ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
if [[ $# -eq 0 ]]; then
	echo "usage: $0 [-v] [-t SECONDS] [-w WRAPPER] 'COMMAND [ARG…]'…" >&2
	exit 2
fi

output=$(mktemp) || exit 2
trap 'rm -f "$output"' EXIT

# Prints "passed failed skipped [what is wrong]" for $output, or nothing when there is no report in it.
count() {
	awk '
	/^Run Summary:/			{ cunit = 1 }
	cunit && $1 == "suites" && $5	{ failed += $5; wrong = "suites that did not start" }
	cunit && $1 == "tests" {
		# Total Ran Passed Failed Inactive; Ran without Inactive: what was neither is lost.
		passed += $4; failed += $5; skipped += $6
		if ($2 - $3 - $6 > 0)
			failed += $2 - $3 - $6
		tests += $2
	}
	cunit				{ next }
	/^1\.\.[0-9]+/			{ plan = substr($1, 4) + 0; planned = 1; reason = $0 }
	/^Bail out!/			{ bail++ }
	/^(not )?ok( |$)/ {
		ran++
		if (toupper($0) ~ /# *SKIP/ || /^not ok.*# *TODO/)
			s++
		else if (/^not/)
			f++
		else
			p++
	}
	END {
		if (cunit && tests) {
			print passed + 0, failed + 0, skipped + 0, wrong
		} else if (!cunit && (planned || ran || bail)) {
			if (planned && !plan && toupper(reason) ~ /# *SKIP/)
				s++
			else if (bail || !plan || plan != ran) {
				f++
				wrong = bail ? "bailed out" : sprintf("%d tests planned, %d run", plan, ran)
			}
			print p + 0, f + 0, s + 0, wrong
		}
	}' "$output"
}

total_passed=0 total_failed=0 total_skipped=0
for command in "$@"; do
	read -ra argv <<<"$command"
	start=$EPOCHREALTIME
	{ # bash's own words about a signal are not wanted
		timeout -k 5 "$limit_s" "${wrapper[@]}" "${argv[@]}" </dev/null >"$output" 2>&1
		status=$?
	} 2>/dev/null
	ms=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))

	passed='' failed='' skipped='' fault='' note=''
	read -r passed failed skipped fault < <(count)
	if [[ $status -eq 124 || ($status -eq 137 && $ms -ge ${limit_s}000) ]]; then
		fault="stopped after $limit_s s"
	elif [[ $status -gt 128 ]]; then
		fault="died by signal $((status - 128))"
	elif [[ $status -eq 77 && -z $passed ]]; then
		skipped=1
		note=$(tail -n 1 "$output")
	elif [[ -z $passed ]]; then
		fault="no CUnit summary and no TAP in its output, exit status $status"
	elif [[ $status -ne 0 && $status -ne 77 ]]; then
		fault="exit status $status"
	fi
	# What the program counted itself is not counted again.
	[[ -n $fault && ${failed:-0} -eq 0 ]] && failed=1

	verdict=PASS
	((passed)) || verdict=SKIP
	((failed)) && verdict=FAIL
	printf '%s %4d.%03d s %5d passed %3d failed %3d skipped  %s%s\n' "$verdict" $((ms / 1000)) \
		$((ms % 1000)) "$passed" "$failed" "$skipped" "$command" "${fault:+: $fault}${note:+: $note}"
	if [[ -n $verbose || $verdict == FAIL ]]; then
		sed 's/^/    | /' "$output"
	fi
	((total_passed += passed, total_failed += failed, total_skipped += skipped))
done

echo "$total_passed passed, $total_failed failed, $total_skipped skipped"
((total_failed)) && exit 1
((total_passed)) || exit 77
exit 0
