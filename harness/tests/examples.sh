#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The examples that people start from: they build, they are right, and what the README says about
# them is true. TAP.

set -u
cd "$(dirname "$0")/../.." || exit 2
build=${BUILD:-build}
harness=$build/tcmu-harness
examples=harness/examples
read -ra compile <"$build/flags" || exit 2

dir=$(mktemp -d /tmp/examples.XXXXXX) || exit 2
trap 'rm -rf "$dir"' EXIT

# shellcheck source=ci/verdict.bash
. ci/verdict.bash
said=("$dir/out")

# check STATUS HANDLER OPTION…: the report in $dir/out; prints what is wrong.
check() {
	local want=$1 exec=$2 status
	shift 2
	timeout -k 5 100 "$harness" check --exec "$exec" "$@" >"$dir/out" 2>&1
	status=$?
	[[ $status -eq $want ]] || echo "expected exit status $want, found $status"
}

# passes HANDLER LEAST OPTION…: no failure, and at least LEAST cases passed.
passes() {
	local least=$2 problem n
	problem=$(check 0 "$1" "${@:3}")
	n=$(sed -n 's/^total: \([0-9]*\) passed.*/\1/p' "$dir/out")
	[[ ${n:-0} -ge $least ]] || problem="expected $least cases or more to pass, found ${n:-none}"
	echo "$problem"
}

build() { # OUTPUT SOURCE…
	"${compile[@]}" -Wall -Wextra -Werror -o "$@" >"$dir/out" 2>&1 || echo "does not build"
}

echo "TAP version 14"

verdict "minimal.c builds" \
	"$(build "$dir/minimal" $examples/minimal.c harness/consumer/attach.c)"
verdict "minimal.c is a right handler" \
	"$(passes "$dir/minimal" 70 --case 'hnd.*')"
verdict "minimal.c reads and writes" \
	"$(passes "$dir/minimal" 5 --case 'scs.030.read-*,scs.042.read*,scs.021.*')"

# What it does not serve is known: with a baseline made of its failures nothing fails any more ...
problem=$(check 1 "$dir/minimal" --case 'scs.030.*')
{
	echo '{ "schema": 1, "known": ['
	rest='"reason":"not served","date":"2025-01-01"'
	sed -n "s/^FAIL \\([^ ]*\\) .*/{\"handler\":\"*\",\"case\":\"\\1\",$rest},/p" "$dir/out"
	echo '{"handler":"*","case":"none",'"$rest"'} ] }'
} >"$dir/baseline"
verdict "minimal.c does not serve everything" "$problem"
verdict "a baseline makes failures known" \
	"$(check 0 "$dir/minimal" --case 'scs.030.*' --baseline "$dir/baseline")"
# ... but one that is expected and does not come is a failure.
sed -i 's/"case":"none"/"case":"scs.030.*"/' "$dir/baseline"
problem=$(check 1 "$dir/minimal" --case 'scs.030.*' --baseline "$dir/baseline")
grep -q 'unexpected pass' "$dir/out" || problem="expected an unexpected pass"
verdict "a baseline that is too wide fails" "$problem"

# Mistakes of one line. Each must be found by a case of the clause that it breaks.
mistake() { # CLAUSE SED-SCRIPT
	local problem
	sed "$2; s|\"../consumer|\"$PWD/harness/consumer|" $examples/minimal.c >"$dir/mistake.c"
	if [[ $(diff $examples/minimal.c "$dir/mistake.c" | grep -c '^>') -ne 2 ]]; then
		problem="expected the script to change one line beside the include"
	else
		problem=$("${compile[@]}" -w -o "$dir/mistake" "$dir/mistake.c" \
			harness/consumer/attach.c 2>&1)
		problem+=$(check 1 "$dir/mistake" --timeout-ms 500 --clause "$1")
	fi
	verdict "a mistake that breaks $1" "$problem"
}
mistake HND-002 's/% mb->cmdr_size/\& (mb->cmdr_size - 1)/'
mistake HND-013 's/case TCMU_OP_PAD:.*/case TCMU_OP_PAD: respond(e, 0); break;/'
mistake HND-015 's/|= TCMU_UFLAG_UNKNOWN_OP/= 0/'
mistake HND-032 's/define CHECK_CONDITION.*/define CHECK_CONDITION 1/'
mistake HND-035 's/memset(to + n, 0, room - n)/(void)room/'
mistake HND-045 's/write(io_fd, &word, sizeof(word))/write(io_fd, "12345678", 8)/'

# Starting Python is most of what this takes, so: without the site's modules, and not every case.
if python=$(python3 -c 'import socket, sys; socket.recv_fds; print(sys.executable)' 2>/dev/null); then
	verdict "minimal.py is a right handler" \
		"$(passes "$python -IS $examples/minimal.py" 40 --case 'hnd.01*,hnd.04*')"
	sed 's/min(cdb_off + 16, at + (len_op & ~7))/cdb_off + 16/' $examples/minimal.py \
		>"$dir/sixteen.py"
	problem=$(check 1 "$python -IS $dir/sixteen.py" --case 'hnd.014.flush*')
	grep -q 'HND-018: the handler touched data page 0' "$dir/out" ||
		problem="expected HND-018 as in the README"
	verdict "minimal.py with the mistake in the README" "$problem"
else
	verdict "minimal.py # SKIP no Python 3.9 or later" ""
fi

# Those that find their device as on a real host: in a world, where one can be made.
mkdir "$dir/examples"
verdict "design.c builds" \
	"$(build "$dir/examples/design" $examples/design/{design,disk}.c)"
verdict "sketch.c builds" \
	"$(build "$dir/examples/sketch" $examples/design/{sketch,disk}.c)"
in_world() { # TITLE HANDLER LEAST OPTION…
	local problem title=$1
	problem=$(passes "$2" "$3" --attach uio --config 'file/{file}' --persistent "${@:4}")
	[[ $problem == *"found 2"* ]] && title+=" # SKIP $(head -n 1 "$dir/out")" problem=
	verdict "$title" "$problem"
}
in_world "design.c is a right handler of /dev/uioN" "$dir/examples/design --subtype file" 40 \
	--case 'hnd.00*,hnd.01*,hnd.04*'
problem=$(check 1 "$dir/examples/sketch file" --attach uio --config 'file/{file}' --persistent \
	--case 'hnd.041.queued*' --timeout-ms 300)
[[ $problem == *"found 2"* ]] || verdict "sketch.c sleeps before it looks" "$problem"
if command -v go >/dev/null; then
	problem=$(cd $examples/go && CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOCACHE=$dir/cache \
		go build -o "$dir/examples/filedisk" 2>&1)
	verdict "the handler in Go builds" "$problem"
	in_world "it follows netlink and is right" "$dir/examples/filedisk -subtype file" 40 --daemon \
		--case 'hnd.00*,hnd.01*,hnd.04*'
else
	verdict "the handler in Go # SKIP no go" ""
fi
if [[ ${python:-} ]]; then
	in_world "filedisk.py follows netlink and is right" \
		"$python -IS $examples/python/filedisk.py file" 40 --daemon \
		--case 'hnd.00*,hnd.01*,hnd.04*'
fi

# The library, found as its users find it, and a handler that attaches to what it makes.
ln -s "$(realpath "$build/libringsim.so")" "$dir/libringsim.so.0"
read -ra found < <(PKG_CONFIG_PATH=$build pkg-config --define-variable=libdir="$(realpath "$build")" \
	--define-variable=includedir=ringsim/include --cflags --libs ringsim)
verdict "embed.c builds with pkg-config" "$(build "$dir/embed" $examples/embed.c "${found[@]}")"
LD_LIBRARY_PATH=$dir timeout 30 "$dir/embed" "$dir/sock" >"$dir/out" 2>&1 &
embed=$!
for _ in {1..100}; do
	[[ -S $dir/sock ]] && break
	sleep 0.05
done
TCMU_ATTACH=$dir/sock timeout 30 "$dir/minimal" 2>/dev/null
wait $embed
status=$?
problem=
[[ $status -eq 0 ]] || problem="expected exit status 0, found $status"
grep -q 'status 00: EXAMPLE minimal' "$dir/out" || problem="expected the INQUIRY data of minimal.c"
verdict "embed.c talks to minimal.c" "$problem"

summary
