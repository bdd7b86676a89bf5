#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bench/instructions: that it passes what costs as much as before, and that a cost which is added, by
# a program that is truly slower, makes it fail. TAP.

set -u
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=harness/tests/programs.bash
. harness/tests/programs.bash
limit_s=400
export BUILD=$build

echo "TAP version 14"
if ! command -v valgrind >/dev/null || grep -q -- '-fsanitize\|--coverage' "$build/flags"; then
	echo "1..0 # SKIP needs valgrind, and programs that are not instrumented"
	exit 0
fi

gate() { # STATUS OPTION...
	local status=$1
	shift
	run "$status" bench/instructions --layer sim --baseline "$dir/baseline" "$@"
}

# A baseline of this very program; only rows of one layer, for the time it takes.
: >"$dir/baseline"
problem=$(gate 0)
[[ -n $problem ]] || problem=$(says out '^sim .* no baseline$')
verdict "rows without a baseline are told" "$problem"
{
	echo "compiler $("$(cut -d' ' -f1 "$build/flags")" --version | head -n 1)"
	echo "flags $(cut -d' ' -f2- "$build/flags" | tr ' ' '\n' | grep -v '^-W[^l]' | xargs)"
	awk '$1 == "sim" { print $1, $2, $4 }' "$dir/out"
} >"$dir/good"
cp "$dir/good" "$dir/baseline"
problem=$(gate 0)
[[ -n $problem ]] || ! grep -q 'another\|no baseline\|MORE' "$dir/out" || problem="expected the same once more"
verdict "the same program passes" "$problem"

# consumer_fetch_all() goes a few times around a loop first; all else is the program that passed.
cat >"$dir/slower.c" <<-'EOT'
	unsigned int __real_consumer_fetch_all(void *c, void *cmds, unsigned int n);
	unsigned int __wrap_consumer_fetch_all(void *c, void *cmds, unsigned int n);
	unsigned int __wrap_consumer_fetch_all(void *c, void *cmds, unsigned int n)
	{
		for (volatile int i = 0; i < 16; i++)
			;
		return __real_consumer_fetch_all(c, cmds, n);
	}
EOT
mkdir "$dir/slower"
cp "$build/flags" "$dir/slower/"
read -ra compile <"$build/flags"
libs=$(pkg-config --libs liburing jansson libiscsi libbpf liblzma fuse3)
# shellcheck disable=SC2086 # words
if "${compile[@]}" -Wl,--wrap=consumer_fetch_all -o "$dir/slower/tcmu-harness" "$dir/slower.c" \
	"$build/obj/harness/main.o" "$build/built.o" "$build/libharness.a" "$build/libworld.a" \
	"$build/libringsim.a" $libs -laio -ldl -lm 2>"$dir/err"; then
	problem=$(BUILD=$dir/slower gate 1)
	[[ -n $problem ]] || problem=$(says out '^sim .*MORE$')
else
	problem="the slower program cannot be linked"
fi
verdict "a cost that was added fails" "$problem"

sed 's/^compiler .*/compiler another one/' "$dir/good" >"$dir/baseline"
problem=$(BUILD=$dir/slower gate 0)
[[ -n $problem ]] || problem=$(says out '^another compiler: told, not judged')
verdict "with another compiler it is told" "$problem"

echo 'sim 4k-randread-qd1 many' >"$dir/baseline"
bad "a damaged baseline" "line 1: expected LAYER WORKLOAD INSTRUCTIONS, found 'sim 4k-randread-qd1 many'" \
	bench/instructions --baseline "$dir/baseline"
bad "no baseline" 'expected a baseline, found none' bench/instructions --baseline "$dir/none"
bad "unknown option" "'--frob'" bench/instructions --frob
bad "a part of the baseline" 'expected no --layer' bench/instructions --update --layer sim
bad "no programs" 'run make first' env BUILD="$dir" bench/instructions
summary
