#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tcmu-harness run: what clients see, what the exit status tells, what is said when handlers fail or
# die, and that nothing is left behind, whoever is killed. TAP.

set -u
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=harness/tests/programs.bash
. harness/tests/programs.bash
handle="$handler --uio {uio} --store memory:{size}"
dev=(--device "d0,size=16M")

${CC:-gcc} -o "$dir/scribble" harness/tests/bad/scribble.c || exit 2
chmod 755 "$dir/scribble"

# in_world STATUS HANDLER CLIENT…
in_world() {
	run "$1" "$harness" run "${dev[@]}" ${2:+--handler "$2"} -- "${@:3}"
}

bad() { # TITLE PATTERN OPTION…: refused with one line
	local problem
	problem=$(run 2 "$harness" run "${@:3}")$(says err "$2")
	[[ $(wc -l <"$dir/err") -eq 1 ]] || problem+="expected one line on stderr"
	verdict "$1" "$problem"
}

looks() {
	local name=$1
	verdict "$name: a client sees the device in sysfs" \
		"$(in_world 0 "$handle" cat /sys/class/uio/uio0/name)$(says out '^tcm-user/0/d0/any/x$')"
	verdict "$name: a client sees its nodes" \
		"$(in_world 0 "$handle" ls -d /dev/uio0 /dev/sg0)$(says out '^/dev/sg0$')"
	if command -v sg_inq >/dev/null; then
		verdict "$name: a client talks to it" \
			"$(in_world 0 "$handle" sg_inq /dev/sg0)$(says out 'Vendor identification: TCMU')$(
			says err '^  INQUIRY  ')$(says err 'sanitizer saw nothing wrong')"
	else
		skip "$name: a client talks to it" "sg3_utils is not installed"
	fi
	verdict "$name: a client starts the handler by itself" "$(
		in_world 0 '' bash -c "$handler --uio uio0 --store memory:16M & sleep 0.5
			[[ \$(cat /sys/class/uio/uio0/name) == tcm-user/0/d0/any/x ]]")"
}

# counted POLL TEST: a handler that a client starts with --poll-us POLL counts its looks for work as TEST wants them.
counted() {
	local problem
	problem=$(in_world 0 '' bash -c "$handler -v --uio uio0 --store memory:16M --poll-us $1 2>$dir/counts & sleep 0.5
		sg_dd if=/dev/sg0 of=/dev/null bs=512 bpt=1 count=1000 2>/dev/null && kill \$! && wait \$!")
	awk -F '[ =]' -v cpus="$(getconf _NPROCESSORS_ONLN)" '/statistics/ {
		for (i = 3; i < NF; i += 2) n[$i] = $(i + 1)
		exit !(n["served"] > 1000 && n["paid"] <= n["looks"] && '"$2"') }' "$dir/counts" ||
		problem+=$(cat "$dir/counts")
	verdict "looks for work with --poll-us $1" "$problem"
}

polling() {
	if ! command -v sg_dd >/dev/null; then
		skip "looks for work" "sg3_utils is not installed"
		return
	fi
	: >"$dir/counts" && chmod 666 "$dir/counts"
	counted 0 'n["looks"] == 0'
	counted 100 'n["looks"] > 0'
	counted auto '(cpus > 1 ? n["looks"] > 0 : n["looks"] == 0)' # none to spare
}

statuses() {
	verdict "the client's exit status" "$(in_world 7 "$handle" sh -c 'exit 7')"
	verdict "the signal that killed the client" \
		"$(in_world 143 "$handle" sh -c "kill -TERM \$\$")$(says err 'client died by signal 15')"
	verdict "a client that is not there" \
		"$(in_world 127 "$handle" /nonexistent/client)$(says err 'No such file')"
	verdict "a client that cannot be run" \
		"$(in_world 126 "$handle" /etc/passwd)$(says err 'Permission denied')"
	verdict "a breach of the contract" \
		"$(in_world 1 '' "$dir/scribble")$(says err 'explain LAY-|explain HND-')"
	verdict "a breach that is not to count" \
		"$(run 0 "$harness" run --no-strict "${dev[@]}" -- "$dir/scribble")$(
		says err 'explain (LAY|HND)-')"
	verdict "JSON" "$(run 1 "$harness" run "${dev[@]}" --json - -- "$dir/scribble")$(
		says out '"exit_status": 1')$(says out '"clause": "')"
}

several() {
	verdict "two devices, a handler each" "$(run 0 "$harness" run --device a,size=8M \
		--device b,size=16M,block=4096,'config=any/{file}' \
		--handler "$handler --uio {uio.a} --store memory:{size.a}" \
		--handler "$handler --uio {uio.b}" -- sh -c \
		'cat /sys/class/uio/uio?/name; ls /dev/sg0 /dev/sg1')$(
		says out '^tcm-user/0/a/any/x$')$(says out '^tcm-user/0/b/any//.*b\.disk$')"
	verdict "a daemon finds its devices" "$(run 0 "$harness" run --device a,size=8M,config=foo/memory \
		--device b,size=8M,config=foo/ --handler "$handler --daemon --subtype foo" -- true)"
	verdict "a daemon is told of them, and replies" "$(run 0 "$harness" run --replies \
		--device a,size=8M,config=foo/memory --device b,size=8M,config=foo/memory \
		--handler "$handler --daemon --replies --subtype foo" -- true)"
	verdict "a daemon refuses one" "$(run 2 "$harness" run --replies \
		--device a,size=8M,config=foo/relative \
		--handler "$handler --daemon --replies --subtype foo" -- true)$(
		says err 'device a: cannot be enabled')"
}

traces() {
	local t=$dir/trace action=/sys/kernel/config/target/core/user_0/d0/action
	verdict "a trace of the ring" "$(run 0 "$harness" run "${dev[@]}" --trace "$t" --handler "$handle" \
		-- sh -c "echo 1 >$action/block_dev; echo 0 >$action/block_dev; echo 1 >$action/reset_ring")$(
		says err '--trace .*: [1-9][0-9]* commands, [1-9][0-9]* entries of the ring$')"
	verdict "is replayed without a difference" "$(run 0 "$harness" trace replay "$t")$(
		says out 'entries .*identical')$(grep -q '^RESET ' "$t" || echo "expected a reset in it")"
	verdict "a trace on a full disk" "$(run 0 "$harness" run "${dev[@]}" --trace /dev/full \
		--handler "$handle" -- true)$(says err 'No space left on device: the trace ends here$')$(
		says err ' 0 entries of the ring; incomplete$')"
	bad "a trace nowhere" "No such file" "${dev[@]}" --trace /nonexistent/t -- true
	bad "a trace of two devices" "expected one --device, found 2" "${dev[@]}" \
		--device b,size=1M --trace "$t" -- true
	bad "a compressed trace" "found 't.xz'" "${dev[@]}" --trace t.xz -- true
}

handlers_fail() {
	local start=(--start-time-out 1) known="echo \$\$ >$dir/tmp/pid; exec $handle"
	verdict "a handler that fails" \
		"$(in_world 2 'echo no luck >&2; exit 3' true)$(says err 'exited with status 3 before')"
	verdict "a handler that ends well, and leaves nobody" \
		"$(in_world 2 true true)$(says err 'exited with status 0 before')"
	verdict "a handler that does not come" "$(run 2 "$harness" run "${start[@]}" "${dev[@]}" \
		--handler 'sleep 100' -- true)$(says err 'nobody opened /dev/uio0')"
	verdict "a handler of another device" "$(in_world 2 "$handler --uio uio7 --store memory:1M" \
		true)$(says err 'exited with status 2 before')"
	verdict "a handler that forks away" "$(in_world 0 "setsid $handle & exit 0" true)"
	verdict "a handler that dies while the client runs" "$(in_world 0 "$known" bash -c \
		"kill -9 \$(<$dir/tmp/pid); rm $dir/tmp/pid; sleep 0.5")$(
		says err 'nobody holds /dev/uio0 any more')"
	verdict "and is started again" "$(run 0 "$harness" run "${dev[@]}" --restart-handler \
		--handler "$known" -- bash -c "sleep 1.2; kill -9 \$(<$dir/tmp/pid); sleep 0.7
			rm $dir/tmp/pid")$(says err 'uio0 is held by process')"
}

# ends NAME SIGNAL WHO STATUS CLIENT: the client runs when WHO (front, owner or group) gets it
ends() {
	local name=$1 sig=$2 who=$3 want=$4 client=$5 pid owner status problem try
	rm -f "$dir/tmp-started"
	# a shell has its background jobs ignore SIGINT
	TEST_MARK=$mark env --default-signal=INT setsid "$harness" run "${dev[@]}" --handler "setsid $handle & exit 0" -- \
		bash -c "touch $dir/tmp-started; $client" >"$dir/out" 2>"$dir/err" </dev/null &
	pid=$!
	for ((try = 0; try < 100; try++)); do
		[[ -e $dir/tmp-started ]] && break
		sleep 0.1
	done
	owner=$(pgrep -P "$pid" | head -n 1)
	case $who in
	front) kill "-$sig" "$pid" ;;
	owner) kill "-$sig" "$owner" ;;
	group) kill "-$sig" -- "-$pid" ;;
	esac
	wait "$pid" 2>/dev/null
	status=$?
	problem=$(leftovers)
	[[ $status -eq $want ]] || problem+=" expected exit status $want, found $status"
	verdict "$name" "$problem"
}

signals() {
	ends "SIGTERM ends the client" TERM front 143 'exec sleep 100'
	ends "SIGHUP ends the client" HUP front 129 'exec sleep 100'
	ends "SIGINT is the client's, too" INT front 9 'trap "exit 9" INT; sleep 100 & wait'
	ends "a client that minds no SIGTERM" TERM front 137 'trap "" TERM; sleep 100 & wait; wait'
	ends "SIGKILL of the front" KILL front 137 'exec sleep 100'
	ends "SIGKILL of the owner" KILL owner 2 'exec sleep 100'
	ends "SIGKILL of the client's whole group" KILL group 137 'exec sleep 100'
}

echo "TAP version 14"
verdict "--help" "$(run 0 "$harness" run --help)$(says out '^Usage: tcmu-harness run')"
bad "no device" "expected --device" -- true
bad "no client" "expected a client" "${dev[@]}"
bad "no size" "expected size=BYTES" --device d0 -- true
bad "a size that is none" "a number like 64M" --device d0,size=x -- true
bad "no multiple of the block" "multiple of the block" --device d0,size=1000 -- true
bad "an odd block" "a power of two" --device d0,size=1M,block=520 -- true
bad "an unknown key" "found 'colour'" --device d0,size=1M,colour=red -- true
bad "one name twice" "another for each device" "${dev[@]}" "${dev[@]}" -- true
bad "a name with a slash" "letters, digits" --device a/b,size=1M -- true
bad "an unknown mechanism" "found 'magic'" "${dev[@]}" --mechanism magic -- true
bad "an empty handler" "found nothing" "${dev[@]}" --handler ' ' -- true
bad "an unknown option" "unknown option" "${dev[@]}" --frobnicate -- true
looks "$(id -un)"
if nobody_can; then
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	looks nobody
	as=()
else
	skip "an ordinary user" "cannot become one who may run $harness"
fi
polling
statuses
several
traces
handlers_fail
signals
summary
