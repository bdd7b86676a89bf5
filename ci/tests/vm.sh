#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What ci/vm makes of kernels that die, commands that hang and machines that lack something: TAP.
# KERNEL names the kernel (6.1). As root, it also tries a full disk and a machine without a network.

set -u
cd "$(dirname "$0")/../.." || exit 2
kernel=${KERNEL:-6.1}
# shellcheck source=ci/tests/tap.bash
. ci/tests/tap.bash
mkdir "$work/small" "$work/empty"
mark=vm-test-$$-$RANDOM

# Processes that inherited the mark, and temporary files.
leftovers() {
	local pids='' try
	for try in 1 2 3 4 5 6 7 8; do
		pids=$(grep -lsa "VM_MARK=$mark" /proc/[0-9]*/environ)
		[[ -z $pids ]] && break
		sleep "0.$try"
	done
	[[ -z $pids ]] || echo "left processes: $pids; "
	[[ -z $(ls -A "$work/tmp") ]] || echo "left files: $(ls -A "$work/tmp"); "
}

# What prefixes ci/vm: another environment, a name space, a signal to come.
with=(env)

# vm TITLE STATUS SECONDS PATTERN ARG…: `ci/vm ARG…` ends with STATUS within SECONDS, says what
# matches PATTERN (-: anything) on standard error, and leaves nothing. For status 2 that is its only line.
vm() {
	local title=$1 want=$2 max=$3 pattern=$4 start=$SECONDS status why=''
	shift 4
	{ # bash's own words about a signal are not wanted
		VM_MARK=$mark TMPDIR=$work/tmp timeout -k 2 $((max * 3)) "${with[@]}" ci/vm \
			--kernel "$kernel" "$@" >"$work/out" 2>"$work/err" </dev/null
		status=$?
	} 2>/dev/null
	((status == want)) || why+="exit status: expected $want, found $status; "
	((SECONDS - start <= max)) || why+="time: expected at most $max s, found $((SECONDS - start)) s; "
	[[ $pattern == - ]] || grep -qE -- "$pattern" "$work/err" || why+="standard error: expected /$pattern/; "
	((want != 2)) || (($(wc -l <"$work/err") == 1)) || why+="expected one line; "
	[[ ${with[*]} == *KILL* ]] && rm -rf "$work"/tmp/*
	why+=$(leftovers)
	verdict "$title" "$why"
}

vm "a command's status comes back" 7 60 - --out "$work/art" -- \
	bash -c 'echo out; echo "Kernel panic - not syncing"; echo kept >/out/file; exit 7'
verdict "so does its output" "$([[ $(head -n 1 "$work/out") == out ]] || echo "no 'out' in it")"
verdict "so do its files" "$([[ $(<"$work/art/file") == kept && -s $work/art/dmesg.txt ]] || echo "none in --out")"

# The kernel.
vm "a panic" 125 60 'the kernel was hurt: .*Kernel panic' -- bash -c 'echo c >/proc/sysrq-trigger; sleep 60'
vm "a warning in the log" 125 60 'hurt: .*WARNING: CPU' -- \
	bash -c 'echo "<4>WARNING: CPU: 0 PID: 1 at somewhere" >/dev/kmsg'
vm "a tainted kernel whose words were lost" 125 60 'hurt: tainted=512' -- \
	bash -c 'echo 512 >/proc/sys/kernel/tainted'
vm "a reset in the middle" 125 60 'hurt: no closing line' -- bash -c 'echo b >/proc/sysrq-trigger; sleep 60'
vm "power off in the middle" 125 60 'hurt: no closing line' -- bash -c 'busybox poweroff -f; sleep 60'
vm "a closing line with another run's nonce" 125 60 'hurt: no closing line' -- \
	bash -c 'echo "tcmu-vm: end 0123456789abcdef status=0 tainted=0" >/dev/ttyS0; busybox poweroff -f; sleep 60'
vm "a kernel that never starts" 125 60 'hurt: ' --cmdline 'rdinit=/nothing root=none' -- true

# Time.
vm "a command that hangs" 124 40 'time limit: ended after 15 s \(the command had started\)' --time-limit 15 -- \
	sleep 1000
vm "a command that leaves children behind" 0 60 - -- bash -c 'sleep 1000 & sleep 1000 & exit 0'
with=(timeout -s TERM 12)
vm "SIGTERM to ci/vm" 124 30 - -- sleep 1000
# Nobody can clean up then, but the machine must not outlive it.
with=(timeout -s KILL 12)
vm "SIGKILL to ci/vm" 137 30 - -- sleep 1000
with=(env)

# What is asked for.
vm "a kernel that no package has" 2 60 "kernel '9.99': no such package" --kernel 9.99 -- true
vm "a kernel's name that is none" 2 10 "kernel 'six': expected SERIES" --kernel six -- true
vm "a path that is not there" 2 10 '/nonexistent: no such file' --kernel /nonexistent -- true
vm "a path to something else" 2 20 'not a Debian package' --kernel ci/../README.md -- true
vm "no command" 2 10 'no command given' --time-limit 5
vm "a time limit that is none" 2 10 "expected seconds, found 'soon'" --time-limit soon -- true
vm "a file that is not there" 2 20 '--file /nonexistent: no such file' --file /nonexistent -- true
vm "an unknown option" 2 10 "unknown option '--colour'" --colour -- true

# The machine.
mkdir "$work/bin"
for tool in bash dirname cat mktemp od tr rm sed grep env timeout ls tail head wait; do
	ln -s "$(type -P $tool)" "$work/bin/" 2>/dev/null
done
with=(env "PATH=$work/bin")
vm "no QEMU" 2 10 'needs qemu-system-x86_64' -- true
if ((EUID == 0)) && unshare -mn true 2>/dev/null; then
	with=(unshare -m bash -c "mount -t tmpfs -o size=64m small $work/small && TMPDIR=$work/small exec \"\$@\"" -)
	vm "a full disk" 2 30 'cannot build the initramfs|cannot write' -- true
	with=(unshare -n env "TCMU_CACHE=$work/empty")
	vm "no network, an empty cache" 2 200 'cannot download|no such package' -- true
	with=(unshare -n)
	vm "no network, a warm cache" 0 60 - -- true
else
	echo "ok $((++count)) - a full disk, no network # SKIP needs root and unshare(1)"
fi
summary
