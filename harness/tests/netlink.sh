#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Daemons in a world learn of devices by netlink, and configfs waits for their replies: KRN-140 to
# KRN-149, as an administrator sees them. TAP.
#
# This file is both the test and, with an argument, the program that runs in the world.

set -u
cd "$(dirname "$0")/../.." || exit 2
build=${BUILD:-$PWD/build}
harness=$build/tcmu-harness
handler=$build/tcmu-handler

count=0
failed=0
verdict() { # TITLE STATUS [NOTE]
	((count++))
	if (($2 == 0)); then
		echo "ok $count - $1"
	else
		((failed++))
		echo "not ok $count - $1${3:+ ($3)}"
	fi
}
check() { # TITLE COMMAND…
	local title=$1 status
	shift
	"$@" >"$dir/now" 2>&1
	status=$?
	mv "$dir/now" "$dir/check"
	verdict "$title" "$status" "$(tail -n 1 "$dir/check")"
}
not() {
	! "$@"
}

# --- in the world ---------------------------------------------------------------------------------

core=/sys/kernel/config/target/core/user_1
parameters=/sys/module/target_core_user/parameters
declare -A pids=()

within() { # SECONDS COMMAND…
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS <= end)) || return 1
		sleep 0.05
	done
}
lines() { # FILE COUNT TEXT: the text is in so many of its lines
	(($(grep -c "$3" "$1") == $2))
}
daemon() { # NAME OPTION…
	"$handler" --verbose --daemon --subtype "$@" >"$dir/$1" 2>&1 &
	pids[$1]=$!
	within 20 grep -q 'waiting for devices' "$dir/$1" || verdict "the daemon $1 comes up" 1
}
end() { # NAME SIGNAL
	kill "-$2" "${pids[$1]}"
	wait "${pids[$1]}" 2>/dev/null
}
make() { # NAME CONFIG
	mkdir -p "$core/$1" && echo "dev_config=$2,dev_size=1048576" >"$core/$1/control"
}
enable() { # NAME
	echo 1 >"$core/$1/enable"
}
# Something that may wait, in the background; its status is in $dir/waiter when it is over.
begin() {
	rm -f "$dir/waiter"
	{
		"$@" 2>"$dir/error"
		echo $? >"$dir/waiter"
	} &
}
waits() {
	sleep 0.7
	[[ ! -e $dir/waiter ]]
}
ended() { # STATUS
	within 10 test -s "$dir/waiter" && (($(<"$dir/waiter") == $1))
}
escape() {
	echo 1 >"$parameters/block_netlink" && echo 1 >"$parameters/reset_netlink"
	echo 0 >"$parameters/block_netlink"
}

plain() {
	daemon a
	make one a/memory
	make other b/memory
	check 'enabling does not wait' enable one
	check 'an added device is served' within 10 lines "$dir/a" 1 'serving tcm-user/1/one/'
	check 'somebody else is not waited for' enable other
	check 'an attribute is changed' eval "echo 2097152 >$core/one/attrib/dev_size"
	check 'which is announced' within 10 lines "$dir/a" 1 'reconfigured'
	check 'a device is removed' rmdir "$core/one"
	check 'which is announced' within 10 lines "$dir/a" 1 'removed'
	end a KILL
	check 'without a listener nothing is changed' \
		not eval "echo 2097152 >$core/other/attrib/dev_size"
	check 'but a device can be removed' rmdir "$core/other"
}

replies() {
	daemon a --replies
	make one a/memory
	check 'enabling waits until a device is served' enable one
	check 'it is served then' lines "$dir/a" 1 'serving tcm-user/1/one/'
	check 'removing waits until it is given back' rmdir "$core/one"
	check 'it was given back then' lines "$dir/a" 1 'removed'
	make bad a//no/such/file
	check 'a refused device is not enabled' not enable bad
	check 'for the reason given' grep -q 'No such file' "$dir/check"
	check 'and can be given up' rmdir "$core/bad"
	make slow a/memory
	kill -STOP "${pids[a]}"
	begin enable slow
	check 'enabling waits for a daemon that sleeps' waits
	check 'and actions are refused meanwhile' not eval "echo 1 >$core/slow/action/block_dev"
	kill -CONT "${pids[a]}"
	check 'it goes on with it' ended 0
	end a KILL
	begin rmdir "$core/slow"
	check 'nobody listens, removing does not wait' ended 0
}

# The promise outlives who made it, until it is withdrawn (TRP-48) or the escape is used.
killed() {
	daemon a --replies
	end a KILL
	make one a/memory
	begin enable one
	check 'a dead daemon is waited for' waits
	check 'reset_netlink wants to be asked twice' not eval "echo 1 >$parameters/reset_netlink"
	check 'the escape is there' escape
	check 'and ends the wait with a failure' ended 1
	check 'which says so' grep -q 'Interrupted' "$dir/error"
	begin enable one
	check 'a successor is waited for' waits
	daemon a --replies
	check 'it finds the device and is not the one to answer' waits
	escape
	check 'until the escape is used' ended 1
	end a TERM
	check 'who leaves in good order withdraws his promise' enable one
}

two() {
	local name
	daemon a --replies
	daemon b --replies
	for name in a1 a2 b1 b2; do
		make "$name" "${name%?}/memory"
	done
	for name in a1 b1 b2 a2; do
		check "$name is enabled" enable "$name"
	done
	check 'the one serves its own' lines "$dir/a" 2 'serving tcm-user/1/a[12]/a/memory'
	check 'and so does the other' lines "$dir/b" 2 'serving tcm-user/1/b[12]/b/memory'
	end a KILL
	check 'one goes, the other serves on' rmdir "$core/b1"
	begin rmdir "$core/a1"
	check 'its device waits for nobody else' waits
	escape
	check 'until the escape is used' ended 0
}

# The world ends while configfs waits.
left() {
	daemon a --replies
	make one a/memory
	make other a/memory
	enable one
	kill -STOP "${pids[a]}"
	begin rmdir "$core/one"
	check 'a device waits to be removed' waits
	begin enable other
	check 'another one to be enabled' waits
}

if (($#)); then
	dir=$(mktemp -d /tmp/netlink.XXXXXX) || exit 2
	"$1"
	for name in "${!pids[@]}"; do
		kill -KILL "${pids[$name]}" 2>/dev/null
	done
	rm -rf "$dir"
	exit $((failed > 0))
fi

# --- the test -------------------------------------------------------------------------------------

dir=$(mktemp -d /tmp/netlink.XXXXXX) || exit 2
trap 'rm -rf "$dir"' EXIT
echo "TAP version 14"
for part in plain replies killed two left; do
	BUILD=$build timeout -k 5 120 "$harness" run --device spare,size=1M -- "$0" $part >"$dir/out" 2>"$dir/err"
	status=$?
	while read -r line; do
		verdict "$part: ${line#*ok * - }" "$([[ $line == ok* ]]; echo $?)"
	done < <(grep -E '^(not )?ok ' "$dir/out")
	verdict "$part: it ran" $status
	((status)) && sed 's/^/# /' "$dir/err"
done
echo "1..$count"
exit $((failed > 0))
