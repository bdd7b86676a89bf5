#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Places that forbid something that a world wants: programs run by the next best mechanism, or one
# clear line says why they cannot; nothing hangs, and nothing is left behind. TAP.

set -u
cd "$(dirname "$0")/../.." || exit 2
build=$(realpath "${BUILD:-build}")
harness=$build/tcmu-harness
limit_s=40 # for anything; most takes a fraction of a second, but machines may be slow
# A sanitizer's runtime wants to be loaded first, and is not at home in other programs.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0:detect_leaks=0

dir=$(mktemp -d /tmp/forbidden.XXXXXX) || exit 2
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -m 1777 "$dir/tmp"
export TMPDIR=$dir/tmp
${CC:-gcc} -O -o "$dir/deny" harness/tests/programs/deny.c || exit 2
${CC:-gcc} -O -static -x c -o "$dir/static" - <<<'int main(void) { return 0; }' || exit 2
# Where an ordinary user may be unable to look at the tree.
cp "$build/tcmu-harness" "$build/tcmu-handler" "$build/tcmu-world.so" "$dir/" || exit 2
user=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all)
handler=(--device "d0,size=4M" --handler "$dir/tcmu-handler --store memory:4M --uio {uio}")

# shellcheck source=ci/verdict.bash
. ci/verdict.bash
said=("$dir/out")

# Runs a command; prints what is wrong with its exit status or with what it left behind.
run() { # STATUS COMMAND…
	local want=$1 status left
	shift
	timeout -k 5 "$limit_s" "$@" >"$dir/out" 2>&1 </dev/null
	status=$?
	if [[ $status -eq 124 || $status -eq 137 ]]; then
		echo "still running after $limit_s s"
	elif [[ $status -ne $want ]]; then
		echo "expected exit status $want, found $status"
	fi
	left=$(ls -A "$TMPDIR")
	[[ -z $left ]] || echo "left in TMPDIR: $left"
	rm -rf "${TMPDIR:?}"/*
}

expect() { # PATTERN: prints what is wrong if no line of the output has it
	grep -q -e "$1" "$dir/out" || echo "expected '$1'"
}

# falls_back TITLE REASON PLACE…: env names the preloaded library and the reason, and the client runs.
falls_back() {
	local title=$1 reason=$2 problem
	shift 2
	problem=$(run 0 "$@" "$dir/tcmu-harness" env)
	problem+=$(expect "^world: yes, by a preloaded library:.*$reason")
	verdict "$title: env" "$problem"
	problem=$(run 0 "$@" "$dir/tcmu-harness" run "${handler[@]}" -- sg_inq /dev/sg0)
	problem+=$(expect 'Product identification: reference disk')
	problem+=$(expect "only dynamically linked programs can run: .*$reason")
	verdict "$title: a client and its handler" "$problem"
	problem=$(run 126 "$@" "$dir/tcmu-harness" run "${handler[@]}" -- "$dir/static")
	problem+=$(expect "$dir/static: statically linked; only dynamically linked programs can run here")
	verdict "$title: a static client" "$problem"
}

# works TITLE PLACE…: by seccomp, nothing to fall back to.
works() {
	local title=$1 problem
	shift
	problem=$(run 0 "$@" "$dir/tcmu-harness" run "${handler[@]}" -- sg_inq /dev/sg0)
	problem+=$(expect 'Product identification: reference disk')
	grep -q 'only dynamically linked' "$dir/out" && problem+="expected the better mechanism"
	verdict "$title: a client and its handler" "$problem"
	problem=$(run 0 "$@" "$dir/tcmu-harness" run "${handler[@]}" -- "$dir/static")
	verdict "$title: a static client" "$problem"
}

echo "TAP version 14"
if ! command -v sg_inq >/dev/null; then
	echo "1..0 # SKIP no sg_inq (sg3-utils)"
	exit 77
fi
if ! "$harness" env >"$dir/out" 2>&1 || ! grep -q '^world: yes, by seccomp' "$dir/out"; then
	echo "1..0 # SKIP nothing can be forbidden that is not forbidden here already"
	exit 77
fi

works "nothing forbidden"
works "io_uring forbidden" "$dir/deny" EPERM io_uring_setup
falls_back "ptrace forbidden" "ptrace is forbidden" "$dir/deny" EPERM ptrace
falls_back "seccomp forbidden" "seccomp filters are forbidden" "$dir/deny" EPERM seccomp
falls_back "seccomp missing" "no seccomp filters" "$dir/deny" ENOSYS seccomp
falls_back "memory of others forbidden" "reading a child's memory" "$dir/deny" EPERM process_vm_readv
falls_back "pidfd_getfd missing" "pidfd_getfd" "$dir/deny" ENOSYS pidfd_getfd
falls_back "namespaces forbidden" "namespace" "$dir/deny" EPERM unshare
# ThreadSanitizer's own thread keeps us out of user namespaces.
threads=$(grep -o 'fsanitize=thread' "$build/flags")
if [[ -z $threads ]]; then
	falls_back "mounts forbidden" "mounting in a namespace of our own" "$dir/deny" EPERM mount
fi
if [[ $EUID -eq 0 && -z $threads ]]; then
	works "an ordinary user" "${user[@]}"
	falls_back "an ordinary user without user namespaces" "user namespaces are forbidden" \
		"${user[@]}" "$dir/deny" EPERM unshare
	falls_back "an ordinary user where ptrace is forbidden" "ptrace is forbidden" \
		"${user[@]}" "$dir/deny" EPERM ptrace
	# shellcheck disable=SC2016
	no_fuse='mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/zero c 1 5 &&
		mknod -m 666 /dev/urandom c 1 9 && mkdir -m 1777 /dev/shm && exec "$@"'
	works "no /dev/fuse" unshare -m bash -c "$no_fuse" sh
	falls_back "no /dev/fuse and no ptrace" "ptrace is forbidden" unshare -m bash -c "$no_fuse" sh \
		"$dir/deny" EPERM ptrace
fi

# Few descriptors do for who speaks no netlink; the others are told.
problem=$(run 0 prlimit --nofile=64 "$dir/tcmu-harness" run "${handler[@]}" -- sg_inq /dev/sg0)
verdict "64 open files: a client and its handler" "$problem"
problem=$(run 0 prlimit --nofile=64 "$dir/tcmu-harness" env)
problem+=$(expect '^open files: no, RLIMIT_NOFILE is 64')
verdict "64 open files: env" "$problem"

# Netlink sockets want numbers that such a limit excludes; who may raise it is helped.
daemon=(--device "d0,size=4M,config=any/memory" --handler "$dir/tcmu-handler --daemon --subtype any")
problem=$(run 0 "$dir/tcmu-harness" run "${daemon[@]}" -- sg_inq /dev/sg0)
verdict "a handler that uses netlink" "$problem"
if [[ $EUID -eq 0 && -z $threads ]]; then
	for mechanism in seccomp preload; do
		problem=$(run 2 "${user[@]}" prlimit --nofile=64:64 "$dir/tcmu-harness" run \
			--mechanism $mechanism "${daemon[@]}" -- sg_inq /dev/sg0)
		problem+=$(expect 'may have no descriptor above 63: its netlink socket needs one')
		verdict "64 open files and $mechanism: a handler that uses netlink" "$problem"
	done
fi

# A world in a world: somebody answers these calls already.
problem=$(run 0 "$dir/tcmu-harness" run "${handler[@]}" -- "$dir/tcmu-harness" env)
problem+=$(expect '^seccomp user notification: no, somebody answers our system calls already')
verdict "within a world: env" "$problem"

# Nothing works: one line, with both reasons.
mkdir -p "$dir/quite/alone"
cp "$build/tcmu-harness" "$dir/quite/alone/"
problem=$(run 1 "$dir/deny" EPERM ptrace "$dir/quite/alone/tcmu-harness" env)
problem+=$(expect '^world: no, not by seccomp: ptrace is forbidden.*tcmu-world.so: expected beside')
verdict "no library either: env" "$problem"
problem=$(run 2 "$dir/deny" EPERM ptrace "$dir/quite/alone/tcmu-harness" run "${handler[@]}" -- sg_inq /dev/sg0)
problem+=$(expect 'no unmodified program can run here: ptrace is forbidden')
[[ $(wc -l <"$dir/out") -eq 1 ]] || problem+="expected one line"
verdict "no library either: run" "$problem"
problem=$(run 2 "$dir/tcmu-harness" run --mechanism frob "${handler[@]}" -- true)
verdict "a mechanism that does not exist" "$problem"

summary
