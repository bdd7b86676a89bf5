# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # the counts are whoever sources this's
#
# What tests of programs of ci/ share: $work, which is gone at the end, with tmp/ for the temporary
# files of the program under test, and verdicts with what it said in $work/out and $work/err.

work=$(mktemp -d "${TMPDIR:-/tmp}/tcmu-ci-test.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
mkdir "$work/tmp"
count=0 failed=0

report() { # TITLE WHY: no reason, no failure
	((count++))
	if [[ -z $2 ]]; then
		echo "ok $count - $1"
		return
	fi
	((failed++))
	echo "not ok $count - $1"
	echo "# $2"
	sed 's/^/# stdout: /' "$work/out" | tail -n 20
	sed 's/^/# stderr: /' "$work/err" | tail -n 20
}
