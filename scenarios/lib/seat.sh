# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what scenario.sh and the other parts set
#
# A device whose handler is a program of `tcmu-harness seat`, on loopback, with its initiator at hand.
# A scenario that uses this reads it itself, behind scenario.sh.

seat_node='' seat_out=''

# The reference handler serves the scan, then leaves the seat to the programs.
seat_begin() { # NAME KEY=VALUE...
	device_create "$@"
	handler_start "$1"
	loop_link "$1"
	loop_disk "$1" >/dev/null
	seat_node=$(loop_sg "$1")
	seat_out=$scenario_tmp/seat
	# Into the program's own memory: the sg driver's buffers show what earlier commands left there.
	echo 1 >/sys/module/sg/parameters/allow_dio
	handler_stop "$1" || die "$1: the handler did not leave the seat"
}

seat() { # NAME: the program comes on standard input; what it saw is in $seat_out
	local uio
	uio=$(device_uio "$1")
	# What the disk driver may still have in flight is served first.
	{ echo 'serve ms=300' && cat; } >"$scenario_tmp/program"
	# On one processor: tcm_loop has a queue for each, and commands sent from two may overtake each other.
	taskset -c 0 tcmu-harness seat -i "$seat_node" "$uio" "$scenario_tmp/program" >"$seat_out" 2>&1 && return
	tail -n 30 "$seat_out"
	return 1
}

seat_saw() { # VERB LABEL: the rest of that line; with several, of the last one
	sed -n "s/^[0-9]* $1: $2 //p" "$seat_out" | tail -n 1
}

seat_result() { # LABEL: what the initiator got
	seat_saw results "$1"
}
