# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # the parts use what it sets
#
# What every scenario starts with:  . "$(dirname "$0")/lib/scenario.sh"
#
# TAP on standard output: check, is, like, skip. The plan, the exit status (0 all passed, 1 failures,
# 2 set-up failed, 77 nothing ran) and the cleaning up come from the EXIT trap, on every path.
# A scenario runs under `set -eu`: a set-up command that fails ends it with a Bail out line. What a
# command under test does is judged by check, which never ends the scenario.

set -euo pipefail
shopt -s inherit_errexit nullglob

scenario_name=$(basename "$0")
scenario_dir=$(cd "$(dirname "$0")" && pwd)
scenario_lib=$scenario_dir/lib
scenario_tmp=$(mktemp -d "${TMPDIR:-/tmp}/scenario.XXXXXX")
exec 3>&1                # TAP goes here, so that functions may print results
exec {scenario_tick}<> <(:) # never readable: lets pause() sleep without a process

tap_count=0 tap_failed=0 tap_skipped=0
at_exit_commands=()

# --- talking -------------------------------------------------------------------------------------

note() { # TEXT...
	printf '# %s\n' "$*" >&3
}

note_file() { # FILE [LINES]: its end, as a note
	tail -n "${2:-40}" "$1" 2>/dev/null | sed 's/^/#   /' >&3 || :
}

die() { # TEXT...: set-up failed, nothing can be judged
	printf 'Bail out! %s\n' "$*" >&3
	scenario_bailed=1
	exit 2
}

tap_result() { # ok|"not ok" DESCRIPTION [DIRECTIVE]
	((tap_count += 1))
	[[ $1 == ok ]] || ((tap_failed += 1))
	printf '%s %d - %s%s\n' "$1" "$tap_count" "${2//#/}" "${3:+ # $3}" >&3
}

check() { # DESCRIPTION COMMAND...: ok iff COMMAND succeeds
	local description=$1 status=0
	shift
	"$@" >"$scenario_tmp/check" 2>&1 || status=$?
	if ((status == 0)); then
		tap_result ok "$description"
	else
		tap_result 'not ok' "$description"
		note "exit status $status of: $*"
		note_file "$scenario_tmp/check"
	fi
}

not() { # COMMAND...: for check
	! "$@"
}

is() { # DESCRIPTION FOUND EXPECTED
	if [[ $2 == "$3" ]]; then
		tap_result ok "$1"
	else
		tap_result 'not ok' "$1"
		note "found    '${2//$'\n'/\\n}'"
		note "expected '${3//$'\n'/\\n}'"
	fi
}

like() { # DESCRIPTION FOUND REGEX
	if [[ $2 =~ $3 ]]; then
		tap_result ok "$1"
	else
		tap_result 'not ok' "$1"
		note "found    '${2//$'\n'/\\n}'"
		note "expected to match '$3'"
	fi
}

skip() { # DESCRIPTION REASON
	((tap_skipped += 1))
	tap_result ok "$1" "SKIP $2"
}

skip_all() { # REASON: nothing of this scenario can run here
	printf '1..0 # SKIP %s\n' "$*" >&3
	scenario_bailed=77
	exit 77
}

# --- time ----------------------------------------------------------------------------------------

pause() { # SECONDS
	read -r -t "$1" -u "$scenario_tick" || :
	((scenario_signal == 0)) || exit "$scenario_signal"
}

# Not by kill -0: that finds the dead, too, until the shell has collected them, which it may put off.
running() { # PID
	local stat
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
	[[ ${stat##*) } != [ZX]* ]]
}

gone() { # PID
	! running "$1"
}

# Runs COMMAND (a program or a function, in a subshell) for at most SECONDS; 124 if it took longer.
# It comes back even from a command that no signal can end.
bounded() { # SECONDS COMMAND...
	local limit=$1 pid until status=0
	shift
	("$@") &
	pid=$!
	scenario_bounded=$pid
	until=$((SECONDS + limit + 1))
	while running "$pid"; do
		if ((SECONDS >= until)); then
			show_tree "$pid" >&2
			kill_tree "$pid"
			echo "not done within $limit s: $*" >&2
			return 124
		fi
		pause 0.02
	done
	wait "$pid" || status=$?
	return "$status"
}

show_tree() { # PID: what it and what it started are doing
	local task child children
	for task in /proc/"$1"/task/*; do
		echo "${task#/proc/}: $(cut -d ' ' -f 2-3 "$task/stat"), waits in $(sed -n '1s/^.* //p' "$task/stack")"
	done 2>/dev/null
	read -ra children < <(cat /proc/"$1"/task/*/children 2>/dev/null) || :
	for child in "${children[@]}"; do
		show_tree "$child"
	done
}

kill_tree() { # PID: it and what it started
	local child children
	read -ra children < <(cat /proc/"$1"/task/*/children 2>/dev/null) || :
	for child in "${children[@]}"; do
		kill_tree "$child"
	done
	kill -KILL "$1" 2>/dev/null || :
}

until_true() { # SECONDS COMMAND...: polls; 1 if COMMAND did not succeed in time
	local limit=$1 until
	shift
	until=$((SECONDS + limit + 1))
	until "$@" >"$scenario_tmp/until" 2>&1; do
		if ((SECONDS >= until)); then
			echo "not so within $limit s: $*" >&2
			tail -n 5 "$scenario_tmp/until" >&2
			return 1
		fi
		pause 0.05
	done
}

# --- cleaning up ---------------------------------------------------------------------------------

at_exit() { # COMMAND...: run at the end, the last one first
	local command
	printf -v command '%q ' "$@"
	at_exit_commands+=("$command")
}

scenario_clean() {
	local i
	for ((i = ${#at_exit_commands[@]} - 1; i >= 0; i--)); do
		eval "${at_exit_commands[i]}" || {
			note "cleaning up failed: ${at_exit_commands[i]}"
			scenario_dirty=1
		}
	done
	rm -rf "$scenario_tmp"
}

# Only the scenario itself cleans up and reports, not its subshells.
scenario_end() {
	local status=$?
	[[ $BASHPID == "$$" ]] || exit "$status"
	trap - EXIT ERR
	trap '' HUP INT TERM
	set +e
	((scenario_signal == 0)) || status=$scenario_signal
	scenario_signal=0
	((status == 0 || scenario_bailed)) || printf 'Bail out! %s\n' "${scenario_where:-status $status}" >&3
	((scenario_bailed == 77)) || watch_end
	((tap_failed == 0 && status == 0)) || handler_logs
	scenario_leaving=1
	[[ -z $scenario_bounded ]] || gone "$scenario_bounded" || kill_tree "$scenario_bounded"
	scenario_clean
	((scenario_dirty == 0)) || tap_result 'not ok' 'everything is cleaned up'
	((scenario_bailed == 77)) && exit 77
	printf '1..%d\n' "$tap_count" >&3
	((status == 0)) || exit 2
	((tap_failed == 0)) || exit 1
	((tap_count > tap_skipped + 1)) || exit 77 # the kernel log alone proves nothing
	exit 0
}

scenario_failed() { # LINE COMMAND
	[[ $BASHPID == "$$" ]] || return 0
	scenario_where="$scenario_name: line $1: failed: $2"
}

scenario_bailed=0 scenario_dirty=0 scenario_leaving=0 scenario_where='' scenario_bounded='' scenario_signal=0
trap scenario_end EXIT
trap 'scenario_failed "$LINENO" "$BASH_COMMAND"' ERR
# Acted on at the next pause: bash may crash when a trap leaves a read that has a timeout.
trap 'scenario_where="ended by SIGHUP" scenario_signal=129' HUP
trap 'scenario_where="ended by SIGINT" scenario_signal=130' INT
trap 'scenario_where="ended by SIGTERM" scenario_signal=143' TERM

for scenario_part in watch configfs loopback iscsi handler daemon data load; do
	# shellcheck source=/dev/null
	. "$scenario_lib/$scenario_part.sh"
done
unset scenario_part

configfs_begin
watch_begin
