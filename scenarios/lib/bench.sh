# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what scenario.sh and the other parts set
#
# The benchmark on a real kernel: layers side by side on one file, the same jobs of fio on each in
# turn, and what they cost. A scenario that uses this reads it itself, behind scenario.sh.
#
# A layer is a backstore (rd, fileio, null, psync, psync-poll, ..., runner) and, behind a dot, the
# fabric (loop, iscsi). A row is a layer and a workload. All devices are there all the time; a round
# measures every row once, by one fio with one job for each, as starting fio takes longer than a
# repeat. What a handler used is read before and after each job.
#
# A handler that ends takes its rows along: its commands are given back as failed, so that the round
# comes to its end, and what was measured before is kept and marked as incomplete.

bench_poll_us=${BENCH_POLL_US:-auto}
bench_size=${BENCH_SIZE:-64M}
bench_jobs=$scenario_lib/../../bench/jobs
bench_dir=$scenario_tmp/bench
bench_backs=() bench_fabrics=() bench_workloads=() bench_file=''
declare -A bench_disks=() bench_pids=() bench_dead=()

# --- what there is -------------------------------------------------------------------------------

bench_all='rd fileio null null-poll psync psync-poll libaio libaio-poll io_uring io_uring-poll runner'

bench_choose() { # BACKS FABRICS WORKLOADS: what is to be measured
	local name
	read -ra bench_backs <<<"$1"
	read -ra bench_fabrics <<<"$2"
	read -ra bench_workloads <<<"$3"
	for name in "${bench_backs[@]}"; do
		[[ " $bench_all " == *" $name "* ]] || die "layer: expected one of $bench_all, found '$name'"
	done
	for name in "${bench_fabrics[@]}"; do
		[[ $name == loop || $name == iscsi ]] || die "fabric: expected loop or iscsi, found '$name'"
	done
	# Once tcmu-runner is there, the kernel asks it about every new device.
	if [[ " ${bench_backs[*]} " == *' runner '* ]]; then
		read -ra bench_backs <<<"${bench_backs[*]/runner/} runner"
	fi
	for name in "${bench_workloads[@]}"; do
		[[ -r $bench_jobs/$name.fio ]] || die "job: expected a file of bench/jobs, found '$name'"
	done
}

bench_describe() { # LAYER: sets layer, below (as a layer) and adds
	local back=${1%.*}
	below='' adds=''
	case $back in
	rd) layer='rd_mcp' ;;
	fileio) layer='fileio' below=rd adds='a file, in the kernel' ;;
	null) layer='TCMU, null handler' below=rd adds='TCMU: a ring, and a process that answers' ;;
	runner) layer='TCMU, tcmu-runner' below=null adds='a file, by tcmu-runner' ;;
	*-poll) layer="TCMU, $(bench_engine "$back"), polling" below=${back%-poll} adds='polling before it sleeps' ;;
	*) layer="TCMU, $back" below=null adds="a file, by $back" ;;
	esac
	if [[ $1 == *.iscsi ]]; then
		layer+=', iSCSI' below=$back.loop adds='iSCSI on 127.0.0.1'
	else
		layer+=', tcm_loop' below=${below:+$below.loop}
	fi
}

bench_engine() { # BACK: as people read it
	[[ $1 == null* ]] && echo 'null handler' || echo "${1%-poll}"
}

bench_title() { # LAYER: its name, or nothing if it is not measured
	local layer below adds
	[[ -n ${1:-} && " ${bench_backs[*]} " == *" ${1%.*} "* && " ${bench_fabrics[*]} " == *" ${1#*.} "* ]] || return 0
	bench_describe "$1"
	echo "$layer"
}

# --- setting up ----------------------------------------------------------------------------------

# The file that all serve: on a file system of its own in memory where one can be made, as tmpfs knows
# nothing of direct or asynchronous input and output; or in DIRECTORY.
bench_store() { # DIRECTORY, or nothing
	local dir=$1 mib=$(($(bytes "$bench_size") >> 20))
	if [[ -z $dir ]]; then
		dir=$scenario_tmp/store
		mkdir "$dir"
		if type -P mke2fs >/dev/null && [[ ! -e /dev/ram0 ]] &&
			modprobe -q brd rd_nr=1 rd_size=$((mib * 1024 + 65536)) && modprobe -q ext4; then
			at_exit modprobe -qr brd
			mke2fs -q -t ext4 -m 0 /dev/ram0
			mount -t ext4 /dev/ram0 "$dir"
			at_exit umount "$dir"
		else
			note 'no ext4 in memory here: the file is on tmpfs'
		fi
	fi
	bench_file=$(mktemp "$dir/bench.XXXXXX")
	at_exit rm -f "$bench_file"
	dd if=/dev/zero of="$bench_file" bs=1M count="$mib" status=none || die "$bench_file: cannot be written"
}

bench_can() { # BACK: whether there is such a backstore here; says why not
	case $1 in
	runner)
		command -v tcmu-runner >/dev/null || { echo 'no tcmu-runner here' && return 1; }
		! pgrep -x tcmu-runner >/dev/null || { echo 'a tcmu-runner is running already' && return 1; }
		;;
	null*)
		"$HANDLER" --help | grep -q 'null:SIZE' || { echo "$HANDLER has no null store" && return 1; }
		;;
	fileio)
		modprobe -q target_core_file || { echo 'target_core_file cannot be loaded' && return 1; }
		;;
	esac
}

bench_serve() { # BACK: its device, with a handler
	local back=$1 options=()
	local device=(size="$bench_size" max_sectors=2048 cmd_time_out=10)
	case $back in
	rd) device_create_control rd "$bench_size" ;;
	fileio) device_create_fileio fileio "$bench_file" "$bench_size" ;;
	runner)
		device_create runner "${device[@]}" config="qcow/$bench_file"
		runner_start runner
		bench_pids[runner]=$runner_pid
		;;
	*)
		device_create "$back" "${device[@]}"
		options=(--store "file:$bench_file" --engine "${back%-poll}" --wce)
		[[ $back != null* ]] || options=(--store "null:$bench_size" --stale-reads --wce)
		if [[ $back == *-poll ]]; then
			options+=(--poll-us "$bench_poll_us")
		else
			options+=(--poll-us 0)
		fi
		handler_start "$back" "${options[@]}"
		bench_pids[$back]=$(handler_pid "$back")
		;;
	esac
}

# What is set up for a disk is the same for all: no sorting, no merging.
bench_disk() { # LAYER DISK
	local queue=/sys/block/${2##*/}/queue
	bench_disks[$1]=$2
	echo none >"$queue/scheduler"
	echo 2 >"$queue/nomerges"
	echo 0 >"$queue/add_random"
	echo 1 >"$queue/iostats"
}

bench_set_up() { # uses bench_backs and bench_fabrics; what cannot be is skipped and left out
	local back why backs=("${bench_backs[@]}")
	bench_backs=()
	for back in "${backs[@]}"; do
		if why=$(bench_can "$back"); then
			bench_backs+=("$back")
			bench_serve "$back"
		else
			skip "layer $back" "$why"
		fi
	done
	((${#bench_backs[@]})) || die 'no layer can be measured here'
	if [[ " ${bench_fabrics[*]} " == *' loop '* ]]; then
		loop_link "${bench_backs[@]}"
		for back in "${bench_backs[@]}"; do
			bench_disk "$back.loop" "$(loop_disk "$back")"
		done
	fi
	if [[ " ${bench_fabrics[*]} " == *' iscsi '* ]]; then
		iscsi_export "${bench_backs[@]}"
		iscsi_login
		for back in "${bench_backs[@]}"; do
			bench_disk "$back.iscsi" "$(iscsi_disk "$back")"
		done
	fi
	bench_attend
}

# The first command after a link gets a unit attention, which would count as a failure.
bench_attend() {
	local layer
	for layer in "${!bench_disks[@]}"; do
		dd if="${bench_disks[$layer]}" of=/dev/null bs=4k count=1 iflag=direct status=none ||
			die "$layer: ${bench_disks[$layer]} cannot be read"
	done
}

# --- rows ----------------------------------------------------------------------------------------

# row|layer|below|adds|workload of everything to be measured, without what is dead
bench_rows() {
	local fabric back workload layer below adds
	for fabric in "${bench_fabrics[@]}"; do
		for workload in "${bench_workloads[@]}"; do
			for back in "${bench_backs[@]}"; do
				[[ ! -v bench_dead[$back] ]] || continue
				bench_describe "$back.$fabric"
				below=$(bench_title "$below")
				[[ $below ]] || adds=''
				printf '%s|%s|%s|%s|%s\n' "$back.$fabric.$workload" "$layer" "$below" "$adds" "$workload"
			done
		done
	done
}

# One job file of all rows, in order, one after the other, for one fio.
bench_job_file() { # ROWS
	local row layer disk workload
	# Of a file name that is global each job would have two.
	printf '[global]\n%s\nthread=1\n' "$(grep -v '^filename=' "$bench_jobs/tcmu-bench.inc")"
	[[ -z ${BENCH_CPU-0} ]] || echo "cpus_allowed=${BENCH_CPU-0}"
	while IFS='|' read -r row _ _ _ workload; do
		layer=${row%."$workload"}
		disk=${bench_disks[$layer]}
		printf '\n[%s]\nstonewall\nfilename=%s\n' "$row" "$disk"
		printf 'exec_prerun=%s\n' "$(bench_probe_command "$row" before "$disk" "${layer%.*}")"
		printf 'exec_postrun=%s\n' "$(bench_probe_command "$row" after "$disk" "${layer%.*}")"
		awk '/^\[/ { on = $0 != "[global]"; next } on && NF && !/^;/' "$bench_jobs/$workload.fio"
	done <"$1"
}

bench_probe_command() { # ROW PHASE DISK BACK: for a shell of fio's
	local block=/sys/block/${3##*/} files
	files="/proc/uptime /proc/stat $block/stat $block/device/io*_cnt"
	[[ ! -v bench_pids[$4] ]] || files+=" /proc/${bench_pids[$4]}/task/*/schedstat /proc/${bench_pids[$4]}/task/*/status"
	# What it says fio puts into ROW.prerun.txt and ROW.postrun.txt; a semicolon would begin a comment.
	printf "awk -v say='row=%s phase=%s' -f %s %s" "$1" "$2" "$scenario_lib/probe.awk" "$files"
}

# --- rounds --------------------------------------------------------------------------------------

bench_begin() {
	mkdir "$bench_dir"
	: >"$bench_dir/manifest"
	at_exit bench_end
}

bench_round() { # FILE MILLISECONDS: every row once; fio's output in FILE, ours in probes
	local rows=$bench_dir/rows row limit status=0
	bench_rows >"$rows"
	bench_job_file "$rows" >"$bench_dir/round.fio"
	rm -f "$bench_dir"/*.txt
	limit=$((SECONDS + 120 + $(wc -l <"$rows") * ($2 / 1000 + 15)))
	(cd "$bench_dir" && ENGINE=${BENCH_ENGINE:-libaio} DIRECT=1 SIZE=$bench_size RUNTIME=${2}ms \
		exec fio --output-format=json+ --output="$1" round.fio) >"$bench_dir/said" 2>&1 3>&- &
	bench_fio=$!
	while running "$bench_fio"; do
		bench_rescue
		((SECONDS < limit)) || kill -KILL "$bench_fio"
		pause 0.5
	done
	wait "$bench_fio" || status=$?
	bench_fio=''
	bench_rescue
	while IFS='|' read -r row _; do
		cat "$bench_dir/$row.prerun.txt" "$bench_dir/$row.postrun.txt" 2>/dev/null || :
	done <"$rows" | grep '^row=' >"$bench_dir/probes" || :
	((status == 0)) || { # one of its jobs failed: which did is in its output
		bench_unhappy+=1
		note "fio: exit status $status"
		note_file "$bench_dir/said" 10
	}
}
bench_fio='' bench_unhappy=''

# Commands of a handler that is gone come back as failed, so that nobody waits for them.
bench_rescue() {
	local back
	for back in "${!bench_pids[@]}"; do
		if [[ ! -v bench_dead[$back] ]] && gone "${bench_pids[$back]}"; then
			bench_dead[$back]=1
			note "layer $back: its handler ended"
		fi
		[[ -v bench_dead[$back] ]] || continue
		{ device_action "$back" block_dev 0 && device_action "$back" reset_ring 2; } 2>/dev/null || :
	done
}

bench_commands() { # of the last round, in all rows
	awk '{ for (i = 1; i <= NF; i++)
			if (sub(/^commands=/, "", $i))
				n += /phase=after/ ? $i : -$i
		} END { printf "%d", n }' "$bench_dir/probes"
}

# Rounds that are thrown away, until one does about as much as the one before; says how many.
bench_warm_up() { # MILLISECONDS
	local last=0 now=0
	for bench_warm in 1 2 3 4; do
		bench_round "$bench_dir/warm-up.json" "$1"
		now=$(bench_commands)
		((last == 0 || now * 10 < last * 9 || now * 10 > last * 11)) || break
		last=$now
	done
	note "warmed up after $bench_warm rounds"
}
bench_warm=0

bench_measure() { # REPEATS MILLISECONDS
	local n file rows
	bench_option repeats "$1"
	bench_option ms "$2"
	bench_option poll_us "$bench_poll_us"
	bench_option fio_cpus "${BENCH_CPU-0}"
	bench_option size "$bench_size"
	bench_option file_system "$(stat -f -c %T "$bench_file")"
	bench_option warm_up_rounds "$bench_warm"
	for ((n = 1; n <= $1; n++)); do
		file=$bench_dir/round-$n.json
		bench_round "$file" "$2"
		((${#bench_dead[@]} == 0)) || bench_bury
		awk -v fio="$file" -f "$scenario_lib/rows.awk" "$bench_dir/rows" "$bench_dir/probes" >>"$bench_dir/manifest"
		rows=$(wc -l <"$bench_dir/rows")
		note "round $n: $rows rows, $(bench_commands) commands"
		((${#bench_dead[@]} < ${#bench_backs[@]})) || break
	done
	bench_complete=1
}
bench_complete=''

# Rows of a handler that is gone are incomplete from here on.
bench_bury() {
	local row layer workload back
	while IFS='|' read -r row layer _ _ workload; do
		back=${row%%.*}
		[[ ! -v bench_dead[$back] ]] ||
			printf 'stop\tlayer=%s\tworkload=%s\twhy=its handler ended\n' "$layer" "$workload"
	done <"$bench_dir/rows" >>"$bench_dir/manifest"
}

# --- the result ----------------------------------------------------------------------------------

bench_option() { # KEY VALUE: for the result
	printf 'option\t%s=%s\n' "$1" "$2" >>"$bench_dir/manifest"
}

bench_import() { # FILE
	tcmu-harness bench import --title "TCMU on $(uname -r)" --manifest "$bench_dir/manifest" -o "$1"
}

# Also when a signal came in between: what there is, is kept.
bench_end() {
	[[ -z $bench_fio ]] || kill_tree "$bench_fio"
	[[ -z $bench_complete && -s $bench_dir/manifest && $bench_result ]] || return 0
	printf 'stop\twhy=%s\n' "${scenario_where:-set-up failed}" >>"$bench_dir/manifest"
	bench_import "$bench_result" || :
}
bench_result=''

# Commands that went through the disks of a layer, since they came.
bench_disk_commands() { # BACK
	local fabric numbers n=0
	for fabric in "${bench_fabrics[@]}"; do
		read -ra numbers <"/sys/block/${bench_disks[$1.$fabric]##*/}/stat"
		((n += numbers[0] + numbers[4])) || :
	done
	echo "$n"
}

bench_repeats() { # BACK: jobs of it that came to an end
	grep -c "job=$1\." "$bench_dir/manifest" || :
}

bench_failures() { # BACK: commands that failed or timed out, as the initiator saw it
	awk -F '\t' -v back="job=$1." '{ mine = 0; for (i = 1; i <= NF; i++) {
			if (index($i, back) == 1) mine = 1
			if (mine && (sub(/^failed=/, "", $i) || sub(/^timed_out=/, "", $i))) n += $i
		} } END { print n + 0 }' "$bench_dir/manifest"
}

# The verdict on the machinery, never on speed: everything ended well, and all counts are of the same
# commands. Takes the layers down.
bench_judge() { # REPEATS
	local back commands sent=()
	is 'every fio ended in good order' "$bench_unhappy" ''
	for back in "${bench_backs[@]}"; do
		is "layer $back: every repeat was made" "$(bench_repeats "$back")" \
			$(($1 * ${#bench_fabrics[@]} * ${#bench_workloads[@]}))
		is "layer $back: no command failed" "$(bench_failures "$back")" 0
		sent+=("$(bench_disk_commands "$back")")
	done
	check 'the figures make a result' bench_import "$bench_result"
	[[ " ${bench_fabrics[*]} " != *' iscsi '* ]] || iscsi_logout
	[[ " ${bench_fabrics[*]} " != *' loop '* ]] || loop_unlink
	for back in "${bench_backs[@]}"; do
		commands=${sent[0]}
		sent=("${sent[@]:1}")
		[[ ${bench_pids[$back]:-} && $back != runner ]] || continue
		check "layer $back: the handler leaves in good order" handler_stop "$back"
		# Beside what was sent there are the scan and the questions of the disk driver.
		check "layer $back: the handler has seen what was sent" \
			between "$(handler_count "$back" commands)" "$commands" $((commands + 500))
	done
}
