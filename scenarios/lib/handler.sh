# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what scenario.sh and the other parts set
#
# The handler under test: tcmu-handler, or whatever HANDLER names and understands its options.
# One process per device; what it says is kept and shown when the scenario fails.

HANDLER=${HANDLER:-tcmu-handler}
declare -A handler_pids=()

handler_log() { # NAME: the file with what it said
	echo "$scenario_tmp/handler.$1.log"
}

# Serves NAME; without --store among the options from memory of the device's size. Comes back when the
# ring is mapped.
handler_start() { # NAME [OPTION...]
	handler_launch "$@"
	until_true "${HANDLER_LIMIT:-60}" handler_attached "$1" || die "$1: the handler did not attach"
	handler_alive "$1" || die "$1: the handler ended at once"
}

handler_launch() { # NAME [OPTION...]: the same without waiting
	local name=$1 uio
	shift
	uio=$(device_uio "$name")
	[[ " $* " == *" --store "* ]] || set -- --store "memory:$(device_attr "$name" dev_size)" "$@"
	[[ -v handler_pids[$name] ]] || at_exit handler_end "$name"
	"$HANDLER" --verbose --uio "$uio" "$@" >>"$(handler_log "$name")" 2>&1 3>&- &
	handler_pids[$name]=$!
}

handler_attached() { # NAME; one that ended is not worth waiting for
	local uio
	handler_alive "$1" || return 0
	uio=$(device_uio "$1")
	grep -q "/dev/$uio\$" "/proc/${handler_pids[$1]}/maps"
}

handler_pid() { # NAME
	echo "${handler_pids[$1]}"
}

handler_alive() { # NAME
	[[ ${handler_pids[$1]:-} ]] && running "${handler_pids[$1]}"
}

handler_gone() { # NAME
	! handler_alive "$1"
}

handler_kill() { # NAME [SIGNAL]: KILL and TERM wait for its end
	local signal=${2:-KILL}
	kill -"$signal" "${handler_pids[$1]}"
	case $signal in
	KILL | TERM)
		until_true 30 handler_gone "$1" || return 1
		wait "${handler_pids[$1]}" 2>/dev/null || :
		;;
	esac
}

handler_stop() { # NAME: orderly; its exit status
	local pid=${handler_pids[$1]} status=0
	kill -TERM "$pid" || return 1
	until_true 60 handler_gone "$1" || return 1
	wait "$pid" || status=$?
	return "$status"
}

handler_end() { # NAME: at the end of the scenario, in whatever state it is
	handler_alive "$1" || return 0
	kill -CONT "${handler_pids[$1]}" 2>/dev/null || :
	handler_stop "$1" >/dev/null 2>&1 || handler_kill "$1" KILL
}

# A number from the statistics that tcmu-handler prints when it leaves: commands, pads, tmrs, ...
handler_count() { # NAME WHAT: the sum over all its lives
	awk -v what="$2" '/^tcmu-handler: statistics:/ {
		for (i = 3; i <= NF; i++)
			if (split($i, pair, "=") == 2 && pair[1] == what)
				n += pair[2]
	} END { print n + 0 }' "$(handler_log "$1")"
}

handler_logs() { # show what all of them said
	local name
	for name in "${!handler_pids[@]}"; do
		note "the handler of $name said:"
		note_file "$(handler_log "$name")" 20
	done
}
