# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what scenario.sh and the other parts set
#
# Load that goes on while a scenario does things to the handler, and raw commands in the background.

# fio writes DISK at random in mixed sizes and checks every block that was acknowledged, again and
# again, until load_end. An error or a wrong byte ends it early.
load_start() { # DISK [OPTION...]
	local disk=$1
	shift
	load_block=/sys/class/block/${disk##*/}
	load_base=$(load_written)
	rm -f "$scenario_tmp/load.stop"
	(
		until [[ -e $scenario_tmp/load.stop ]]; do
			fio --name=load --filename="$disk" --direct=1 --ioengine=libaio --iodepth=16 \
				--rw=randwrite --bsrange=4k-64k --size=8M --verify=crc32c --verify_fatal=1 \
				--randseed=$((load_round + 1)) --thread --minimal "$@" || exit 1
			load_round=$((load_round + 1))
			echo "$load_round" >"$scenario_tmp/load.rounds"
		done
	) >"$scenario_tmp/load" 2>&1 3>&- &
	load_pid=$!
	at_exit load_kill
}
load_round=0 load_pid='' load_block='' load_base=0

load_written() { # writes that were acknowledged since the disk came
	local numbers
	read -ra numbers <"$load_block/stat"
	echo "${numbers[4]}"
}

load_moves() { # whether it is well under way
	(($(load_written) > load_base + 50))
}

load_hangs() { # whether commands of it wait for an answer
	local reads writes
	read -r reads writes <"$load_block/inflight"
	((reads + writes > 0))
}

load_runs() {
	running "$load_pid"
}

load_end() { # lets the round under way come to its end; fails if anything went wrong
	: >"$scenario_tmp/load.stop"
	until_true "${1:-180}" gone "$load_pid" || return 1
	wait "$load_pid" || {
		grep -av '^3;' "$scenario_tmp/load" | tail -n 10
		return 1
	}
}

load_rounds() { # how often everything was written and checked
	cat "$scenario_tmp/load.rounds" 2>/dev/null || echo 0
}

load_kill() {
	[[ -z $load_pid ]] || kill_tree "$load_pid"
}

# Raw commands to NAME in the background; their answers go to raw_answers. One set at a time.
raw_start() { # NAME OPTION-OR-CDB...
	local url
	url=$(iscsi_url "$1")
	raw_count=$(device_dir "$1")/statistics/scsi_lu/num_cmds
	raw_base=$(<"$raw_count")
	shift
	tcmu-harness scsi "$url" "$@" >"$scenario_tmp/raw" 2>&1 3>&- &
	raw_pid=$!
}

raw_arrived() { # NUMBER: whether as many have reached the target
	(($(<"$raw_count") >= raw_base + $1))
}

raw_end() { # waits for the answers
	until_true 90 gone "$raw_pid" || {
		kill "$raw_pid" || :
		return 1
	}
	wait "$raw_pid" || :
}

raw_waits() { # SECONDS: whether some have no answer yet after so long
	not until_true "$1" gone "$raw_pid"
}

raw_answers() { # status and sense of each, sorted and counted: "16 status=0x00 sense=-"
	sed -n 's/^cdb=[^ ]* \(status=[^ ]* sense=[^ ]*\).*/\1/p' "$scenario_tmp/raw" | sort | uniq -c |
		sed 's/^ *//' | paste -sd ';'
}

raw_ms() { # min|max: the shortest or longest time to an answer
	sed -n 's/.* ms=\([0-9]*\).*/\1/p' "$scenario_tmp/raw" | sort -n |
		if [[ $1 == min ]]; then head -n 1; else tail -n 1; fi
}

raw() { # NAME OPTION-OR-CDB...: send, wait, print the answers
	raw_start "$@"
	raw_end && raw_answers
}

between() { # NUMBER MIN MAX
	echo "$1 is not in $2..$3"
	(($1 >= $2 && $1 <= $3))
}
