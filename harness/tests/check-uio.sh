#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tcmu-harness check --attach uio: handlers that open /dev/uioN are judged as those that attach are,
# and whatever a program does instead of serving has a line of its own. TAP.

set -u
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=harness/tests/programs.bash
. harness/tests/programs.bash
# shellcheck disable=SC2153
handle="$handler --uio {uio} --store memory:64M"
one=(--case 'hnd.003.attach')
some=(--case 'hnd.003.*,hnd.007.*,hnd.06?.process*,scs.030.*,scs.021.*' --persistent)
block=/sys/module/target_core_user/parameters/block_netlink
file=(--config 'any/{file}' --exec "$handler --uio {uio}")

# check STATUS OPTION…
check() {
	run "$1" "$harness" check --attach uio "${@:2}"
}

# passes LEAST OPTION…: no failure, and at least LEAST cases passed.
passes() {
	local problem n
	problem=$(check 0 "${@:2}")
	n=$(sed -n 's/^total: \([0-9]*\) passed.*/\1/p' "$dir/out")
	[[ ${n:-0} -ge $1 ]] || problem+="expected $1 cases or more to pass, found ${n:-none}"
	echo "$problem"
}

bad() { # TITLE PATTERN OPTION…: refused with one line
	local problem
	problem=$(run 2 "$harness" check "${@:3}")$(says err "$2")
	[[ $(wc -l <"$dir/err") -eq 1 ]] || problem+="expected one line on stderr"
	verdict "$1" "$problem"
}

fails() { # TITLE PATTERN COMMAND: a case that fails and says why
	verdict "$1" "$(check 1 "${one[@]}" --exec "$3")$(says out "$2")"
}

judged() {
	local name=$1
	verdict "$name: a handler for each case" "$(passes 30 "${some[@]}" "${file[@]}")"
	verdict "$name: a daemon that is told of devices" "$(passes 30 "${some[@]}" --daemon \
		--config 'foo/{file}' --exec "$handler --daemon --replies --subtype foo")"
	verdict "$name: a daemon that promises no replies" "$(passes 30 "${some[@]}" --daemon \
		--config 'foo/{file}' --exec "$handler --daemon --subtype foo")"
	verdict "$name: a busy node, and what configfs says" \
		"$(passes 2 --case 'hnd.006.busy,hnd.008.configfs' "${file[@]}")"
}

misbehaves() {
	fails "exits at once" 'the handler exited with status 3 before it opened' 'exit 3'
	fails "ends well at once" 'the handler exited with status 0 before it opened' true
	fails "dies by a signal" 'the handler died by signal 9 \(Killed\) before' 'kill -9 $$'
	fails "says why" 'status 2 before .*/sys/class/uio/uio7' \
		"$handler --uio uio7 --store memory:64M"
	verdict "never opens" "$(check 1 "${one[@]}" --timeout-ms 100 --exec 'sleep 100')$(
		says out 'did not open and map its UIO node within 5000 ms')"
	verdict "forks away" "$(check 0 "${one[@]}" --exec "setsid $handle & exit 0")"
	verdict "is two" "$(check 0 "${one[@]}" --exec "$handle & exec $handle")"
	verdict "maps too little" "$(check 1 "${one[@]}" --exec "$dir/small")$(
		says out 'maps 4096 bytes at offset 0 of /dev/uio0: expected [0-9]* at 0')"
	if command -v python3 >/dev/null; then
		verdict "never answers REMOVED" "$(check 0 --case 'hnd.003.attach,hnd.003.to-the-end' \
			--daemon --config foo/memory \
			--exec "exec python3 harness/tests/bad/mute.py $handler --store memory:64M")"
	else
		skip "never answers REMOVED" "python3 is not installed"
	fi
	# each failure has the daemon started again, and the next device must wait for it
	verdict "blocks netlink while it starts" "$(check 1 --daemon --config 'foo/{file}' \
		--case 'scs.030.read-write,scs.030.caw*,scs.041.*' --persistent \
		--exec "echo 1 >$block; sleep 0.4; echo 0 >$block
			exec $handler --daemon --replies --subtype foo --read-only")$(
		says out '^total: [1-9]')$(grep 'temporarily unavailable' "$dir/out")"
	fails "scribbles" 'LAY-|HND-' "$dir/scribble; exec $handle"
}

for name in scribble small; do
	${CC:-gcc} -o "$dir/$name" "harness/tests/bad/$name.c" || exit 2
	chmod 755 "$dir/$name"
done

echo "TAP version 14"
bad "a command that is not there" "cannot be run" --attach uio --exec /nonexistent/handler
bad "no --exec" "expected --exec" --attach uio
bad "another way" "found 'door'" --attach door --exec true
bad "--daemon elsewhere" "expected --attach uio" --daemon --exec true
bad "--config elsewhere" "expected --attach uio" --config any/x --exec true
bad "a configuration without a subtype" "SUBTYPE/PATH" --attach uio --config /x --exec true
bad "an unknown mechanism" "found 'magic'" --attach uio --mechanism magic --exec true
judged "$(id -un)"
if nobody_can; then
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	judged nobody
	as=()
else
	skip "an ordinary user" "cannot become one who may run $harness"
fi
misbehaves
summary
