#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What tcmu-harness and tcmu-handler make of bad input: one line on standard error and exit status
# 2, or a failed case that gives the reason when a handler is at fault; soon; and nothing is left
# behind, neither a process nor a file. TAP.

set -u
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=harness/tests/programs.bash
. harness/tests/programs.bash
trace=results/traces/kernel-6.1.0-56-mixed.txt
mkdir "$dir/d"

# What is under test here is not the handler: no sanitizer in it. The other program links with ours.
read -ra compile <"$build/flags" || exit 2
${CC:-gcc} -Iringsim/include -o "$dir/misbehave" harness/tests/bad/misbehave.c \
	harness/consumer/attach.c || exit 2
"${compile[@]}" -o "$dir/embed" harness/examples/embed.c "$build/libringsim.a" || exit 2

# faulty TITLE PATTERN COMMAND: as a handler it fails, and PATTERN is in the report.
faulty() {
	local problem
	problem=$(run 1 "$harness" check --timeout-ms 400 --case hnd.001.version-2 --exec "$3")
	if [[ -z $problem ]]; then
		[[ -s $dir/err ]] && problem="expected nothing on standard error"
		grep -q -e "$2" "$dir/out" || problem="expected '$2' in the report"
	fi
	verdict "$1" "$problem"
}

# store TITLE PATTERN OPTION…: tcmu-handler, given a device, refuses to serve it.
store() {
	local title=$1 pattern=$2 try
	shift 2
	"$dir/embed" "$dir/disk.sock" >"$dir/embed.out" 2>&1 &
	for try in {1..100}; do
		[[ -S $dir/disk.sock ]] && break
		sleep 0.05
	done
	bad "$title" "$pattern" "$handler" --attach "$dir/disk.sock" "$@"
	wait $!
}

echo "TAP version 14"

# The command line.
bad "no verb" "expected a verb" "$harness"
bad "unknown verb" "'frob'" "$harness" frob
for verb in check list bench scsi seat env fabric; do
	bad "$verb: unknown option" "'--frob'" "$harness" $verb --frob
	bad "$verb: unknown short option" "'-x'" "$harness" $verb -xyz
	bad "$verb: unexpected argument" "" "$harness" $verb frob
done
bad "check: an initiator that there is not" "expected iscsi or probe, found 'fc'" "$harness" check --target kernel --initiator fc
bad "check: an initiator for a simulated kernel" "--initiator is for --target kernel" "$harness" check --initiator probe
bad "scsi: a target of the probe written otherwise" "expected probe:TARGET/TPGT/LUN" "$harness" scsi probe:naa.1 000000000000
bad "scsi: BIDI over iSCSI" "--bidi: expected data with --out, and a URL probe" "$harness" scsi iscsi://127.0.0.1/iqn/0 --bidi 8 00
bad "scsi: a long CDB over iSCSI" "expected a CDB of 1 to 16 bytes" "$harness" scsi iscsi://127.0.0.1/iqn/0 7f00000000000018000000000000000000000000
bad "check: option without its value" "'--seed'" "$harness" check --seed
bad "check: unknown clause" "'HND-999'" "$harness" check --clause HND-999
bad "check: unknown clause in a list" "'HND-999'" "$harness" check --clause HND-013,HND-999
bad "check: no clause" "nothing" "$harness" check --clause ''
bad "check: unknown case" "'hnd.frob'" "$harness" check --case hnd.frob
bad "check: unknown case in a list" "'hnd.frob'" "$harness" check --case 'hnd.013.*,hnd.frob'
bad "check: unknown handler" "'frob'" "$harness" check --handler frob
bad "check: unknown handler in a list" "'frob'" "$harness" check --handler memory,frob
bad "check: no handler" "nothing" "$harness" check --handler ''
bad "check: unknown mutant" "'frob'" "$harness" check --mutant frob
bad "check: a mutant elsewhere" "'../frob'" "$harness" check --mutant ../frob
bad "check: no mutants" "No such file" "$harness" check --mutants "$dir/none"
bad "check: two handlers" "only one of" "$harness" check --handler memory --exec true
bad "check: two reports at one place" "only one report" "$harness" check --tap --json -
bad "check: unknown level" "'must not'" "$harness" check --level 'must not'
for number in '' -1 1x 0x 18446744073709551616 ' 1'; do
	bad "check: seed '$number'" "'$number'" "$harness" check --seed "$number"
done
bad "check: repeat 0" "'0'" "$harness" check --repeat 0
bad "check: timeout out of range" "'1'" "$harness" check --timeout-ms 1
bad "check: no baseline" "$dir/none" \
	"$harness" check --case hnd.001.version-2 --baseline "$dir/none"
bad "check: a baseline that is a directory" "regular file" \
	"$harness" check --case hnd.001.version-2 --baseline "$dir/d"
echo '{"schema":1,"known":[{"case":"*"}]}' >"$dir/baseline"
bad "check: a baseline without a reason" "expected" \
	"$harness" check --case hnd.001.version-2 --baseline "$dir/baseline"
bad "check: a report where there is no directory" "$dir/none/x" \
	"$harness" check --case hnd.001.version-2 --junit "$dir/none/x"
bad "check: a report on a full disk" "No space" \
	"$harness" check --case hnd.001.version-2 --json /dev/full
for verb in --help list 'explain HND-013' 'fuzz --clauses' 'fuzz --runs 2' 'replay 1' 'bench --list' 'fabric --list'; do
	# shellcheck disable=SC2016,SC2086 # it is for the inner shell; words
	bad "a full standard output: $verb" "cannot write" bash -c '"$@" >/dev/full' - "$harness" $verb
done
# shellcheck disable=SC2016
verdict "a reader that has seen enough" "$(run 0 bash -c '"$1" list | true; exit "${PIPESTATUS[0]}"' - "$harness")"
# shellcheck disable=SC2016
problem=$(run 0 bash -c '"$@" <&- >&-' - "$harness" check --case hnd.001.version-2 --json "$dir/closed")
[[ -n $problem ]] || python3 -IS -m json.tool "$dir/closed" >/dev/null || problem="no JSON"
verdict "without standard files" "$problem"
# A user's own may have a name that is nearly the same, or other permissions.
for name in killed inuse0 public killed.mine; do
	mkdir -p "$TMPDIR/tcmu-harness-run.$name/deeper" && : >"$TMPDIR/tcmu-harness-run.$name/deeper/file"
	chmod "$([[ $name == public ]] && echo 755 || echo 700)" "$TMPDIR/tcmu-harness-run.$name"
	touch -d '1 hour ago' "$TMPDIR/tcmu-harness-run.$name"
done
exec 9<"$TMPDIR/tcmu-harness-run.inuse0" && flock 9
"$harness" check --case hnd.001.version-2 >"$dir/left" 2>&1
verdict "what a killed run left goes, what a running one or the user has stays" "$(
	cd "$TMPDIR" && diff <(ls -d tcmu-harness-run.*) <(printf 'tcmu-harness-run.%s\n' inuse0 killed.mine public))"
exec 9<&-
rm -r "$TMPDIR"/tcmu-harness-run.*
bad "check: no temporary directory" "$dir/none" \
	env TMPDIR="$dir/none" "$harness" check --case hnd.001.version-2
# shellcheck disable=SC2016 # it is for the inner shell
bad "list: no mutants here" "no mutants" \
	bash -c 'cp "$1" "$2/d/" && "$2/d/tcmu-harness" list --mutants' - "$harness" "$dir"
bad "explain: nothing" "expected a clause" "$harness" explain
bad "explain: unknown clause" "'HND-999'" "$harness" explain HND-013 HND-999
bad "check: unknown target" "'frob'" "$harness" check --target frob
bad "check: a mutant on a kernel" "mutants" "$harness" check --target kernel --mutant x
bad "report: nothing" "expected a file" "$harness" report
bad "report: no such file" "$dir/none" "$harness" report "x=$dir/none"
bad "report: no report" "schema" "$harness" report "$dir/baseline"
echo 'ring' >"$dir/program"
printf 'ring\nrung\n' >"$dir/wrong"
echo 'send a 00' >"$dir/sends"
bad "seat: no node" "expected a UIO node" "$harness" seat
bad "seat: no program" "No such file" "$harness" seat uio9999 "$dir/none"
bad "seat: a program that cannot be read" "line 2: expected a verb .*'rung'" "$harness" seat uio9999 "$dir/wrong"
bad "seat: no such device" "uio9999/maps/map0/size: No such file" "$harness" seat uio9999 "$dir/program"
bad "seat: nobody to send" "--initiator" "$harness" seat uio9999 "$dir/sends"
bad "seat: no time" "--time-limit" "$harness" seat -t 0 uio9999 "$dir/program"
bad "seat: block size" "'513'" "$harness" seat -b 513 uio9999 "$dir/program"
bad "seat: seed" "'frob'" "$harness" seat --generate frob
bad "seat: a program too large" "File too large" "$harness" seat --parse /dev/zero
bad "scsi: no URL" "'x'" "$harness" scsi x 00
bad "scsi: no CDB" "expected a CDB" "$harness" scsi iscsi://127.0.0.1:1/iqn.x/0
bad "scsi: no hexadecimal" "'0g'" "$harness" scsi iscsi://127.0.0.1:1/iqn.x/0 0g
bad "scsi: nobody there" "127.0.0.1:1" "$harness" scsi iscsi://127.0.0.1:1/iqn.x/0 00
bad "bench: depth out of range" "'257'" "$harness" bench --iodepth 257
bad "trace: no verb" "nothing" "$harness" trace
bad "trace: unknown verb" "'frob'" "$harness" trace frob
bad "trace: unknown option" "'--frob'" "$harness" trace dump --frob x
bad "trace: unknown short option" "'-x'" "$harness" trace dump -xyz
bad "trace: no file" "found 0" "$harness" trace replay
bad "trace: one file too many" "found 3" "$harness" trace diff a b c

# Traces.
bad "trace: no such file" "No such file" "$harness" trace replay "$dir/none"
bad "trace: a directory" "directory" "$harness" trace replay "$dir/d"
bad "trace: an empty file" "empty" "$harness" trace replay /dev/null
bad "trace: a program" "expected text" "$harness" trace replay "$harness"
bad "trace: zeros without end" "expected text" "$harness" trace replay /dev/zero
head -c 20000 "$trace" >"$dir/t"
bad "trace: truncated" "truncated" "$harness" trace replay "$dir/t"
edited() { # TITLE PATTERN SED-SCRIPT
	sed "$3" "$trace" >"$dir/t"
	bad "trace: $1" "$2" "$harness" trace replay "$dir/t"
}
edited "of another version" "ver: expected 2" '1s/ver=2/ver=3/'
edited "without its first line" "mailbox" 1d
edited "ring too small" "expected" '1s/cmdr_size=[0-9]*/cmdr_size=8/'
edited "ring too large" "expected" '1s/cmdr_size=[0-9]*/cmdr_size=4294967288/'
edited "ring beyond the region" "expected" '1s/cmdr_off=128/cmdr_off=4294967288/'
edited "region smaller than its ring" "map: expected" '1s/map=[0-9]*/map=4096/'
edited "region of 2^64 bytes" "map: expected" '1s/map=[0-9]*/map=18446744073709551616/'
edited "a word that is none" "t:9:" '9s/^[A-Z]*/FROB/'
edited "a field twice" "t:2:" '2s/ off=/ off=0 off=/'

# Programs that cannot be run.
bad "exec: nothing" "nothing" "$harness" check --exec ' '
bad "exec: no such program" "none" "$harness" check --exec "$dir/none --option"
bad "exec: no such program in PATH" "frob" "$harness" check --exec "frob --option"
bad "exec: not a program" "ermission" "$harness" check --exec "$trace"
bad "exec: a directory" "$dir/d" "$harness" check --exec "$dir/d"

# Handlers that can be run.
wrong=$dir/misbehave
faulty "handler exits at once" "status 3 before it attached: .*I do not feel like it" "$wrong exit"
faulty "handler exits when it has attached" "exited with status 0" "$wrong exit-attached"
faulty "handler crashes at once" "signal 11" "$wrong crash"
faulty "handler crashes when it has attached" "signal 11" "$wrong crash-attached"
faulty "handler never attaches" "did not attach" "$wrong hang"
faulty "handler hangs when it has attached" "never answered" "$wrong hang-attached"
faulty "handler that no signal ends" "never answered" "$wrong ignore-signals"
faulty "handler closes the device" "closed the device" "$wrong close-attached"
faulty "handler maps too little" "HND-003: the handler mapped" "$wrong short-map"
faulty "handler maps a copy" "HND-003: the handler mapped .* rw-p" "$wrong private-map"
faulty "handler forks away and hangs" "never answered" "$wrong fork-away"
faulty "handler forks away and fails" "exited with status 1" "$wrong fork-and-fail"
faulty "doorbells of any size" "HND-045" "$wrong doorbells"
faulty "doorbells without end" "never answered" "$wrong doorbell-flood"
faulty "scribbles over ring and mailbox" "HND-023" "$wrong scribble"
faulty "garbage instead of a request" "talked nonsense" "$wrong garbage"
faulty "connects and hangs up" "did not attach" "$wrong hang-up"
faulty "connections without end" "did not attach" "$wrong connect-flood"

# What is unusual but right.
right() {
	verdict "$1" "$(run 0 "$harness" check --case 'hnd.001.version-2,hnd.014.flush-120' --exec "$2")"
}
right "handler closes the connection and keeps the device" "$wrong close-connection"
right "handler is a daemon" "$wrong daemonise"
right "several commands in a shell" "cd / && true; exec $wrong polite"

# An interrupted run takes everything with it.
for signal in INT TERM; do
	TEST_MARK=$mark setsid "$harness" check --exec "$wrong polite" --repeat 100000 \
		--case hnd.001.version-2 >"$dir/out" 2>"$dir/err" </dev/null &
	sleep 0.5
	kill -$signal $!
	wait $!
	status=$?
	problem=$(leftovers)
	[[ $status -eq 2 ]] || problem="expected exit status 2, found $status; $problem"
	[[ $(wc -l <"$dir/err") -eq 1 ]] || problem="expected one line on standard error; $problem"
	verdict "SIG$signal" "$problem"
done

# tcmu-handler.
bad "handler: no store" "nothing" "$handler"
bad "handler: unknown option" "'--frob'" "$handler" --frob
bad "handler: unknown short option" "'-x'" "$handler" -xyz
bad "handler: option without its value" "store" "$handler" --store
bad "handler: unexpected argument" "'frob'" "$handler" --store memory:1M frob
bad "handler: no device" "expected --uio or --attach" "$handler" --store memory:1M
bad "handler: two devices" "found both" "$handler" --store memory:1M --uio uio0 --attach x
bad "handler: no such UIO device" "no such UIO" "$handler" --store memory:1M --uio uio987654
bad "handler: what is no UIO device" "'../uio0'" "$handler" --store memory:1M --uio ../uio0
bad "handler: no such socket" "No such file" "$handler" --store memory:1M --attach "$dir/none"
bad "handler: what is no socket" "refused" "$handler" --store memory:1M --attach "$dir/baseline"
bad "handler: depth out of range" "'0'" "$handler" --store memory:1M --depth 0
bad "handler: polls now and then" "a number or auto, found 'often'" "$handler" --store memory:1M --poll-us often
bad "handler: polls for hours" "0..1000000" "$handler" --store memory:1M --poll-us 3600000000
bad "handler: a thread for nothing" "expected --engine io_uring, found psync" "$handler" --store file:x --engine psync --sqpoll
bad "handler: unknown order" "'sideways'" "$handler" --store memory:1M --order sideways
bad "handler: block size out of range" "'100'" "$handler" --store memory:1M --block-size 100
bad "handler: a size that is none" "'1Z'" "$handler" --store file:x --size 1Z
bad "handler: daemon without a subtype" "--subtype" "$handler" --daemon
bad "handler: daemon with a device" "found two" "$handler" --daemon --subtype x --uio uio0
bad "handler: daemon with a store" "each device has its own" "$handler" --daemon --subtype x --store memory:1M
[[ -d /sys/module/target_core_user ]] ||
	bad "handler: daemon without TCMU" "target_core_user" "$handler" --daemon --subtype x
bad "handler: replies without daemon" "expected --daemon" "$handler" --replies --store memory:1M --uio uio0
bad "handler: die after nothing" "'rsp'" "$handler" --die-after rsp --store memory:1M --uio uio0
bad "handler: die after an unknown step" "'lunch:1'" "$handler" --die-after lunch:1 --store memory:1M --uio uio0
bad "handler: shuffled and in order" "found both" "$handler" --reorder 1 --order in --store memory:1M --uio uio0
bad "handler: memory is not created" "are for files" "$handler" --store memory:1M --create
store "store: of no kind" "'frob:1'" --store frob:1
store "store: memory of no size" "'x'" --store memory:x
store "store: empty memory" "found 0" --store memory:0
store "store: more memory than there is" "store" --store memory:8191P
bad "handler: stale reads from memory" "expected --store null" "$handler" --stale-reads --store memory:1M --uio uio0
bad "handler: null is not created" "are for files" "$handler" --store null:1M --stale-reads --create
store "store: null without being asked for" "with --stale-reads" --store null:64M
store "store: memory has no engine" "'psync'" --store memory:64M --engine psync
store "store: unknown engine" "'frob'" --store "file:$dir/none" --engine frob
store "store: no such file" "no such file" --store "file:$dir/none"
store "store: a directory" "directory" --store "file:$dir/d"
store "store: a character device" "expected a file or block device" --store file:/dev/zero
mkfifo "$dir/fifo"
store "store: a FIFO" "expected a file or block device" --store "file:$dir/fifo"
truncate -s 1M "$dir/small"
store "store: a file that is too small" "too small" --store "file:$dir/small"
truncate -s 64M "$dir/readonly" && chmod 0444 "$dir/readonly"
store "store: a file that may not be written" "read-only" --store "file:$dir/readonly"
store "store: another block size than the device's" "expected 512" \
	--store memory:64M --block-size 4096
store "store: no room in the file system" "cannot extend" --create \
	--store "file:$dir/huge" --size 8388607T
verdict "store: what could not be extended is not left behind" "$(ls "$dir/huge" 2>/dev/null)"

# A disk that is full, in a mount namespace of its own; else a file that may not grow.
# shellcheck disable=SC2016 # it is for the inner shell
full='mount -t tmpfs -o size=64k none "$1" && exec "${@:2}"'
on_full=()
small= # for the handler's own shell
if unshare -m bash -c "$full" - "$dir/d" true 2>/dev/null; then
	on_full=(unshare -m bash -c "$full" - "$dir/d")
elif unshare -rm bash -c "$full" - "$dir/d" true 2>/dev/null; then
	on_full=(unshare -rm bash -c "$full" - "$dir/d")
else
	truncate -s 64M "$dir/d/disk"
	small='trap "" XFSZ; ulimit -f 64; '
fi
if [[ ${#on_full[@]} -gt 0 ]]; then
	bad "check: no room for handlers' files" "expected 4096 KiB free" \
		"${on_full[@]}" env TMPDIR="$dir/d" "$harness" check --handler psync
else
	skip "check: no room for handlers' files" "no mount namespace here"
fi
for engine in psync libaio io_uring; do
	problem=$(run 1 "${on_full[@]}" "$harness" check --case 'hnd.001.version-2,scs.030.write-same' \
		--exec "$small$handler --store file:$dir/d/disk --create --engine $engine")
	[[ -z $problem ]] && ! grep -q 'sense' "$dir/out" &&
		problem="expected a command that ended with sense"
	verdict "store: a disk that is full, $engine" "$problem"
done

summary
