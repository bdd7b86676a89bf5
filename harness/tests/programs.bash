# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What tests of programs share: running them with a limit, verdicts in TAP, and a look for what was
# left behind. To be sourced in the project's directory.

build=$(realpath "${BUILD:-build}") || exit 2
harness=$build/tcmu-harness
# shellcheck disable=SC2034
handler=$build/tcmu-handler
limit_s=30
export LC_ALL=C # what is expected is sorted by bytes
unset TCMU_ATTACH TCMU_UIO

dir=$(mktemp -d /tmp/programs.XXXXXX) || exit 2
trap 'rm -rf "$dir"' EXIT
mkdir -m 1777 "$dir/tmp"
: >"$dir/out" 2>"$dir/err"
chmod 755 "$dir"
export TMPDIR=$dir/tmp # of the programs under test: must be empty again after each
mark=test-$$
as=() # how to become whoever runs the programs under test

# shellcheck source=ci/verdict.bash
. ci/verdict.bash
said=("$dir/out" "$dir/err")

skip() { # TITLE REASON
	((count++))
	echo "ok $count - $1 # SKIP $2"
}

# Processes that inherited the mark; whoever was killed may take a moment to be gone.
leftovers() {
	local try pids
	for try in 1 2 3 4 5 6 7 8 9 9 9; do
		pids=$(grep -lsa "TEST_MARK=$mark" /proc/[0-9]*/environ)
		[[ -z $pids ]] && break
		sleep "0.$try"
	done
	[[ -n $pids ]] && echo "left processes behind: $pids"
	pids=$(ls -A "$TMPDIR")
	[[ -n $pids ]] && echo "left in TMPDIR: $pids" && rm -rf "${TMPDIR:?}"/*
}

# run STATUS COMMAND…: output in $dir/out and $dir/err; prints what is wrong.
run() {
	local want=$1 status
	shift
	TEST_MARK=$mark timeout -k 5 "$limit_s" "${as[@]}" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
	if [[ $status -eq 124 || $status -eq 137 && $want -ne 137 ]]; then
		echo "still running after $limit_s s"
	elif [[ $status -ne $want ]]; then
		echo "expected exit status $want, found $status"
	fi
	leftovers
}

# says FILE PATTERN: prints what is wrong unless the output has a line like that.
says() {
	grep -qE -- "$2" "$dir/$1" || echo "expected a line like '$2' on std$1"
}

# bad TITLE PATTERN COMMAND…: refused with one line that has PATTERN in it.
bad() {
	local title=$1 pattern=$2 problem
	shift 2
	problem=$(run 2 "$@")
	if [[ -z $problem ]]; then
		[[ $(wc -l <"$dir/err") -eq 1 ]] || problem="expected one line on standard error"
		[[ -s $dir/out ]] && problem="expected nothing on standard output"
		grep -q -e "$pattern" "$dir/err" || problem="expected '$pattern' on standard error"
	fi
	verdict "$title" "$problem"
}

# Whether an ordinary user may run what we built.
nobody_can() {
	[[ $(id -u) -eq 0 ]] && setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$harness" --version >/dev/null 2>&1
}
