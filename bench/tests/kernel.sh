#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What bench/kernel and scenarios/bench make of wrong usage, and that nothing is left then: TAP. Boots
# nothing; scenarios/850 and 851 are the tests on real kernels.

set -u
cd "$(dirname "$0")/../.." || exit 2
work=$(mktemp -d "${TMPDIR:-/tmp}/bench-kernel-test.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
count=0 failed=0

# refused TITLE PATTERN COMMAND...: exit status 2, one line on standard error, nothing left
refused() {
	local title=$1 pattern=$2 status why=''
	shift 2
	timeout -k 3 60 "$@" --out "$work/out" >"$work/stdout" 2>"$work/stderr" </dev/null
	status=$?
	((status == 2)) || why+="exit status: expected 2, found $status; "
	(($(wc -l <"$work/stderr") == 1)) || why+='expected one line; '
	grep -qE -- "$pattern" "$work/stderr" || why+="expected /$pattern/, found: $(<"$work/stderr"); "
	[[ -z $(ls -A "$work/out" 2>/dev/null) ]] || why+="left $(ls -A "$work/out")"
	((count += 1))
	[[ -z $why ]] && echo "ok $count - $title" && return
	((failed += 1))
	printf 'not ok %d - %s\n# %s\n' "$count" "$title" "$why"
}

refused 'no kernel' 'no kernel given' bench/kernel
refused 'an unknown option' "unknown option '--fast'" bench/kernel --fast 6.1
refused 'repeats that are no number' "--repeats: expected a number, found 'x'" bench/kernel --repeats x 6.1
refused 'no time at all' "--ms: expected a number, found '0'" bench/kernel --ms 0 6.1
refused 'a directory in a virtual machine' '--dir: only with --host' bench/kernel --dir /tmp 6.1
refused 'programs that are not there' 'run make first' env BUILD="$work/none" bench/kernel 6.1
refused 'the host and a kernel' "--host: expected no kernel, found '6.1'" bench/kernel --host 6.1
if [[ ! -d /sys/module/target_core_user ]] && ! modprobe -qn target_core_user 2>/dev/null; then
	refused 'a host without TCMU' 'needs root|no TCMU here' bench/kernel --host
else
	((count += 1))
	echo "ok $count - a host without TCMU # SKIP this one has it"
fi
rm -rf "$work/out"
refused 'an option of the measuring script' "found '--out'" scenarios/bench
echo "1..$count"
((failed == 0))
