# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what scenario.sh and the other parts set
#
# The kernel's side of a scenario: its log, and how often its functions were called.
#
# A scenario fails if the kernel log shows trouble between watch_begin and watch_end (both automatic).
# watch_calls and watch_returns count by kprobes of the scenario's own; a function that the compiler
# inlined cannot be counted, and they say so by their exit status.

watch_trouble='BUG:|WARNING:|Oops|kernel panic|general protection fault|unable to handle|Call Trace:'
watch_trouble+='|soft lockup|hard LOCKUP|rcu.*(stall|self-detected)|blocked for more than'
watch_trouble+='|refcount_t:|list_(add|del) corruption|double fault|KASAN|UBSAN|lockdep'
watch_mark="scenario $scenario_name begins ($$)"
watch_tracing=/sys/kernel/tracing
watch_events=()

watch_begin() {
	echo "<6>$watch_mark" >/dev/kmsg 2>/dev/null || :
}

watch_log() { # the kernel's log since the scenario began
	dmesg | awk -v mark="$watch_mark" 'found; index($0, mark) { found = 1 }'
}

watch_end() {
	watch_log >"$scenario_tmp/kernel" 2>&1
	if grep -qiE "$watch_trouble" "$scenario_tmp/kernel"; then
		tap_result 'not ok' 'the kernel log shows no trouble'
		grep -iE -A 20 "$watch_trouble" "$scenario_tmp/kernel" | head -n 60 | sed 's/^/#   /' >&3
	else
		tap_result ok 'the kernel log shows no trouble'
	fi
}

watch_stuck() { # prints who waits uninterruptibly, and where
	local task
	for task in /proc/[0-9]*/task/*; do
		[[ $(<"$task/stat") == *') D '* ]] 2>/dev/null || continue
		echo "$(<"$task/comm") ($task) waits in:"
		sed 's/^/  /' "$task/stack"
	done
}

# --- counters ------------------------------------------------------------------------------------

watch_event() { # p|r FUNCTION [ARGUMENT]: a counting event of our own
	local kind=$1 function=$2 event="scenario$$/$1_$2"
	[[ -e $watch_tracing/kprobe_events ]] || return 1
	echo "$kind:$event $function ${3:-}" >>"$watch_tracing/kprobe_events" 2>/dev/null || return 1
	((${#watch_events[@]})) || at_exit watch_stop
	watch_events+=("$event")
}

watch_calls() { # FUNCTION: count its calls from now on
	watch_event p "$1" && echo 1 >"$watch_tracing/events/scenario$$/p_$1/enable"
}

watch_called() { # FUNCTION: prints the count
	awk -v event="p_$1" '$1 == event { n = $2 } END { print n + 0 }' "$watch_tracing/kprobe_profile"
}

watch_returns() { # FUNCTION [TYPE]: count what it returns from now on; TYPE as kprobes have it, s32
	# shellcheck disable=SC2016 # $retval is the kernel's
	watch_event r "$1" 'ret=$retval:'"${2:-s32}" &&
		echo 'hist:keys=ret' >"$watch_tracing/events/scenario$$/r_$1/trigger"
}

watch_returned() { # FUNCTION VALUE: prints how often it returned VALUE; "<0" counts all negative ones
	awk -v value="$2" '/ret:/ {
		gsub(/[^-0-9 ]/, " ")
		ret = $1
		hits = $2
		if (value == "<0" ? ret < 0 : ret == value)
			n += hits
	} END { print n + 0 }' "$watch_tracing/events/scenario$$/r_$1/hist"
}

watch_stop() {
	local event
	for event in "${watch_events[@]}"; do
		echo 0 >"$watch_tracing/events/$event/enable" || :
		[[ $event == */p_* ]] || echo '!hist:keys=ret' >"$watch_tracing/events/$event/trigger" || :
		echo "-:$event" >>"$watch_tracing/kprobe_events" || :
	done
	watch_events=()
}
