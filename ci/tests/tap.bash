# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What tests of programs of ci/ share: $work, which is gone at the end, with tmp/ for the temporary
# files of the program under test, and verdicts with what it said in $work/out and $work/err.

work=$(mktemp -d "${TMPDIR:-/tmp}/tcmu-ci-test.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
mkdir "$work/tmp"
# shellcheck source=ci/verdict.bash
. ci/verdict.bash
# shellcheck disable=SC2034
said=("$work/out" "$work/err")
