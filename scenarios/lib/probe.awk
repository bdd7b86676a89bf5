# SPDX-License-Identifier: MIT
#
# One line about a disk and about the handler behind it, before and after a job: name=value pairs.
#
#	awk -v say='row=a phase=before' -f probe.awk /proc/uptime /proc/stat /sys/block/X/stat \
#		/sys/block/X/device/io*_cnt /proc/PID/task/*/schedstat /proc/PID/task/*/status
#
# Files that are not there are left out by the caller; a process that is gone has no figures.

function hex(text,   i, n) { # "0x1f"
	text = tolower(text)
	for (i = 3; i <= length(text); i++)
		n = n * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
	return n + 0
}

FILENAME == "/proc/uptime" { say = say " up=" $1 }
FILENAME == "/proc/stat" && $1 == "cpu" {
	# user, nice, system, irq, softirq: ticks of 10 ms
	say = say sprintf(" busy=%d", $2 + $3 + $4 + $7 + $8)
}
FILENAME == "/proc/stat" && $1 == "ctxt" { say = say sprintf(" switches=%.0f", $2) }
FILENAME ~ /^\/sys\/block\/[^\/]*\/stat$/ { say = say sprintf(" commands=%.0f", $1 + $5) }
FILENAME ~ /ioerr_cnt$/ { say = say sprintf(" errors=%.0f", hex($1)) }
FILENAME ~ /iotmo_cnt$/ { say = say sprintf(" timeouts=%.0f", hex($1)) }
FILENAME ~ /schedstat$/ { handler += $1; found = 1 }
FILENAME ~ /status$/ && $1 == "voluntary_ctxt_switches:" { wakeups += $2 }
END {
	if (found)
		say = say sprintf(" handler=%.0f wakeups=%.0f", handler, wakeups)
	print say
}
