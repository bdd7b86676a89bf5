#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Handlers with odd ways, each in a world, by every mechanism: what they serve is right, or a clear
# line says what is wrong; nothing hangs, and nothing is left behind. TAP.

set -u
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=harness/tests/programs.bash
. harness/tests/programs.bash

# No sanitizer: what is under test here is what is around the handler.
${CC:-gcc} -std=gnu11 -D_GNU_SOURCE -O1 -Iringsim/include -o "$dir/odd" harness/tests/programs/odd.c \
	harness/consumer/{ring,iov,uio_fd}.c -luring -pthread || exit 2
# What the client does: what it wrote must come back, more than one command at a time.
cat >"$dir/client" <<END
#!/bin/sh
set -e
sg_turs -n 20 /dev/sg0
sg_dd if=$dir/pattern of=/dev/sg0 bs=512 bpt=64 2>/dev/null
sg_dd if=/dev/sg0 of=$dir/back bs=512 bpt=64 count=2048 2>/dev/null
cmp $dir/pattern $dir/back
sg_inq /dev/sg0 | grep 'ODD'
END
chmod +x "$dir/client"
dd if=/dev/urandom of="$dir/pattern" bs=512 count=2048 status=none

# odd STATUS WAY [OPTION…]: prints what is wrong; the client is $client.
odd() {
	local want=$1 way=$2
	shift 2
	rm -f "$dir/back"
	run "$want" "$harness" run --mechanism "$mechanism" --device d0,size=4M "$@" \
		--handler "echo \$\$ >$dir/pid; exec $dir/odd $way {uio}" -- "${client[@]}"
	cat "$dir/err" >>"$dir/out"
}

expect() { # PATTERN: prints what is wrong if no line of the output has it
	grep -q -e "$1" "$dir/out" || echo "expected '$1'"
}

# Serves properly: the client is content, and so is the sanitizer.
serves() { # WAY TITLE
	local problem
	problem=$(odd 0 "$1")
	problem+=$(expect 'the sanitizer saw nothing wrong')
	verdict "$mechanism: $2" "$problem"
}

# Does not serve, and a line says why.
told() { # WAY TITLE PATTERN
	local problem
	problem=$(odd 2 "$1" --start-time-out 2)
	problem+=$(expect "$3")
	verdict "$mechanism: $2" "$problem"
}

all_ways() {
	client=("$dir/client")
	serves plain "nothing odd"
	serves twice "opens twice: EBUSY, and goes on"
	serves reopened "opens and closes many times"
	serves fork "a child serves what its parent opened"
	serves fork-mapped "a child serves what its parent mapped"
	serves exec "another image serves what the first opened"
	serves vfork "starts programs by vfork() while it serves"
	serves drop "becomes somebody else after it has opened"
	serves close-all "closes all descriptors but one"
	serves select "waits by select()"
	serves threads "waits in another thread"
	serves dup2 "occupies the descriptors that we reserve"
	serves map-twice "maps twice"
	serves pass "another process serves what it got by a message"
	serves namespace "leaves our mount namespace after it has opened"
	serves few-files "may open 16 files"
	serves locks "locks its memory, and wants it all at once"
	serves wrong-flags "opens with flags that do not fit"
	if [[ $uring ]]; then
		serves uring-poll "waits by io_uring"
		serves uring-read "reads events by io_uring"
	fi
	told another-device "wants a device that is not there" "exited with status 2 before device d0 was served"
	told never-serves "opens and never serves" "d0"
	told drop-first "becomes somebody else before it opens" "Permission denied"
	# Ends while the client waits: the command expires, and everybody hears of it.
	client=(sg_dd "if=/dev/sg0" "of=$dir/back" bs=512 count=8)
	local way problem pattern
	for way in exits killed crashes; do
		case $way in
		exits) pattern="handler .* exited with status 3" ;;
		killed) pattern="handler .* died by signal 9" ;;
		crashes) pattern="handler .* died by signal 6" ;;
		esac
		problem=$(odd 99 "$way" --cmd-time-out 1)
		[[ $problem == "expected exit status 99, found "[1-9]* ]] && problem=
		problem+=$(expect "$pattern")
		verdict "$mechanism: $way while the client waits" "$problem"
	done
}

# The client is killed while its command waits for a handler that has been stopped; then all goes on.
client_dies() {
	local problem
	cat >"$dir/dies" <<-END
		#!/bin/sh
		kill -STOP \$(cat $dir/pid)
		timeout -s KILL 0.5 sg_dd if=/dev/sg0 of=/dev/null bs=512 count=8
		timeout -s INT 0.5 sg_dd if=/dev/sg0 of=/dev/null bs=512 count=8
		kill -CONT \$(cat $dir/pid)
		exec $dir/client
	END
	chmod +x "$dir/dies"
	client=("$dir/dies")
	problem=$(odd 0 plain)
	problem+=$(expect 'the sanitizer saw nothing wrong')
	verdict "$mechanism: the client dies while its command waits" "$problem"
}

echo "TAP version 14"
for program in sg_inq sg_dd sg_turs; do
	command -v $program >/dev/null || {
		echo "1..0 # SKIP no $program (sg3-utils)"
		exit 77
	}
done
"$harness" env >"$dir/env" 2>&1
uring=$(grep '^io_uring: yes' "$dir/env")
if grep -q '^world: yes, by seccomp' "$dir/env"; then
	mechanism=seccomp
	all_ways
	client_dies
	client=("$dir/client")
	serves namespace-first "opens in a mount namespace of its own"
	serves by-number "makes its system calls itself"
	serves links "opens the node by links"
	[[ $uring ]] && told uring-open "opens by io_uring" "odd: /dev/uio0 by io_uring: "
fi
if grep -q '^preloading: yes' "$dir/env"; then
	mechanism=preload
	all_ways
	client_dies
	client=("$dir/client")
	serves namespace-first "opens in a mount namespace of its own"
	told by-number "makes its system calls itself" "odd: /dev/uio0 by system call: No such file"
	[[ $uring ]] && told uring-open "opens by io_uring" "odd: /dev/uio0 by io_uring: No such file"
fi
summary
