# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2004 # what scenario.sh and the other parts set
#
# The handler under test as a daemon, and the kernel's side of netlink replies.
#
# A daemon goes by its subtype wherever handler.sh wants a NAME: handler_kill, handler_stop, ...

netlink_parameters=/sys/module/target_core_user/parameters

daemon_start() { # SUBTYPE [OPTION...]: comes back when it listens and has looked at what is there
	daemon_launch "$@"
	until_true 60 daemon_ready "$1" || die "the daemon for $1 did not come up"
	handler_alive "$1" || die "the daemon for $1 ended at once"
}

daemon_launch() { # SUBTYPE [OPTION...]: the same without waiting
	local subtype=$1
	shift
	[[ -v handler_pids[$subtype] ]] || at_exit handler_end "$subtype"
	: >"$(handler_log "$subtype")"
	"$HANDLER" --verbose --daemon --subtype "$subtype" "$@" >"$(handler_log "$subtype")" 2>&1 3>&- &
	handler_pids[$subtype]=$!
}

daemon_ready() { # SUBTYPE
	handler_alive "$1" || return 0
	grep -q 'waiting for devices' "$(handler_log "$1")"
}

daemon_serves() { # SUBTYPE DEVICE: whether it has the ring mapped
	local uio
	uio=$(device_uio "$2") && grep -q "/dev/$uio\$" "/proc/$(handler_pid "$1")/maps"
}

daemon_holds() { # SUBTYPE: prints the UIO devices it has open or mapped, blanks between
	local pid
	pid=$(handler_pid "$1")
	{
		readlink /proc/"$pid"/fd/* || : # descriptors come and go
		sed -n 's/ (deleted)$//; s/.* \//\//p' "/proc/$pid/maps"
	} 2>/dev/null | sed -n 's/^\/dev\/\(uio[0-9]*\)$/\1/p' | sort -u | paste -sd ' '
}

# Starts a write that may wait in the kernel for good. Its process is $waiter, what became of it
# is in $scenario_tmp/waiter.
waiter_start() { # FILE TEXT, or NAME of a device to remove
	if (($# == 2)); then
		configfs_write "$1" "$2" >"$scenario_tmp/waiter" 2>&1 3>&- &
	else
		rmdir "$(device_dir "$1")" >"$scenario_tmp/waiter" 2>&1 3>&- &
	fi
	waiter=$!
}

waiter_removed() { # NAME: the waiter removed it
	unset "configfs_made[${device_dirs[$1]}]" "device_dirs[$1]"
}

waiter_waits() { # SECONDS: whether it still waits after so long
	pause "$1"
	running "$waiter"
}

waiter_ends() { # SECONDS: its exit status; 124 if it is still there
	until_true "$1" gone "$waiter" >/dev/null 2>&1 || return 124
	wait "$waiter"
}

# Ends whatever waits for a reply, as an administrator would (KRN-148).
netlink_escape() {
	echo 1 >"$netlink_parameters/block_netlink"
	echo 1 >"$netlink_parameters/reset_netlink"
	echo 0 >"$netlink_parameters/block_netlink"
}
