# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what scenario.sh and the other parts set
#
# Hostile cases: a program of `tcmu-harness seat` against a device of its own, and a look at the kernel
# afterwards. A scenario that uses this reads it itself, behind scenario.sh.
#
# Each case has its own device, SCSI host and time limit, and leaves nothing. The kernel is well if its
# log has no trouble, its taint did not change, everything of the case could be taken down in time, and
# another device, made before, still serves.

hostile_seq=0 hostile_dir='' hostile_naa='' hostile_node='' hostile_out=''
hostile_parameters=/sys/module/target_core_user/parameters

hostile_begin() {
	[[ $(</proc/sys/kernel/hostname) == tcmu-vm || ${HOSTILE_HERE:-} ]] ||
		skip_all 'only in a disposable machine (HOSTILE_HERE=1 if this is one)'
	# Lockups and hung tasks shall be seen within a case's time.
	echo 6 >/proc/sys/kernel/watchdog_thresh || :
	echo 15 >/proc/sys/kernel/hung_task_timeout_secs || :
	device_create healthy size=16M ring=1 area=2
	handler_start healthy
	loop_link healthy
	hostile_healthy=$(loop_disk healthy)
	hostile_taint=$(cat /proc/sys/kernel/tainted)
	# From now on the programs alone send commands: no disk driver probes or flushes.
	echo 0 >/sys/bus/scsi/drivers_autoprobe
	at_exit hostile_end
}

hostile_quiet() { # COMMAND...: whatever it says and however it ends
	"$@" >/dev/null 2>&1 || :
}

# A configfs or parameter write that may block, or be refused.
hostile_put() { # FILE TEXT
	hostile_quiet bounded 5 configfs_write "$1" "$2"
}

# --- one device ----------------------------------------------------------------------------------

# "#! FILE TEXT" lines, then enable. Fails if the kernel refuses the configuration, which is fine.
hostile_device() { # PROGRAM
	local file text
	hostile_dir=$configfs_target/core/$configfs_hba/hostile$((hostile_seq += 1))
	configfs_mkdir "$hostile_dir" || return 1
	hostile_put "$hostile_dir/control" 'dev_size=67108864,hw_block_size=512,dev_config=seat/hostile'
	while read -r _ file text; do
		hostile_put "$hostile_dir/$file" "$text"
	done < <(grep '^#!' "$1" || :)
	bounded 10 configfs_write "$hostile_dir/enable" 1 >/dev/null 2>&1
}

hostile_uio() {
	local name
	for name in /sys/class/uio/uio*/name; do
		[[ $(tr -d '\0' <"$name") == "tcm-user/${configfs_hba#user_}/${hostile_dir##*/}"* ]] || continue
		name=${name%/name}
		echo "${name##*/}"
		return
	done
	return 1
}

hostile_link() {
	local tpg
	hostile_naa=$configfs_target/loopback/$(printf 'naa.6001409%09x' "$hostile_seq")
	tpg=$hostile_naa/tpgt_1
	configfs_mkdir "$hostile_naa" && configfs_mkdir "$tpg" &&
		configfs_write "$tpg/nexus" "$(printf 'naa.600140a%09x' "$hostile_seq")" &&
		configfs_mkdir "$tpg/lun/lun_0" &&
		bounded 8 ln -s "$hostile_dir" "$tpg/lun/lun_0/device"
}

hostile_sg() {
	scsi_node "/sys/class/scsi_device/$(<"$hostile_naa/tpgt_1/address"):0/device" scsi_generic
}

# Linking scans, and somebody has to answer that: the seat, as a good handler.
hostile_attach() { # UIO: sets hostile_node, the SCSI generic node, or leaves it empty
	local server
	hostile_node=''
	tcmu-harness seat -t 20 "$1" - <<<'serve ms=20000' >/dev/null 2>&1 3>&- &
	server=$!
	if hostile_link >/dev/null 2>&1 && until_true 5 hostile_sg >/dev/null 2>&1; then
		hostile_node=$(hostile_sg)
		echo 1 >"/sys/class/scsi_generic/${hostile_node##*/}/device/eh_timeout" || :
	fi
	sleep 0.1
	kill "$server" 2>/dev/null || :
	wait "$server" 2>/dev/null || :
}

# --- taking it down ------------------------------------------------------------------------------

# What waits for a netlink reply or for a handler is sent home, again and again, until PID is done. A
# write to the device's own files may have to wait for PID itself, so that is left to a process.
hostile_rescue() { # PID SECONDS
	local until=$((SECONDS + $2)) helper=''
	while kill -0 "$1" 2>/dev/null; do
		((SECONDS < until)) || {
			echo "not taken down within $2 s" >&2
			return 1
		}
		hostile_quiet configfs_write "$hostile_parameters/block_netlink" 1
		hostile_quiet configfs_write "$hostile_parameters/reset_netlink" 1
		hostile_quiet configfs_write "$hostile_parameters/block_netlink" 0
		if [[ -z $helper ]] || ! kill -0 "$helper" 2>/dev/null; then
			hostile_empty_ring >/dev/null 2>&1 &
			helper=$!
		fi
		pause 0.1
	done
	wait "$1" || {
		echo "taking down ended with status $?" >&2
		return 1
	}
}

hostile_empty_ring() {
	configfs_write "$hostile_dir/action/block_dev" 0 && configfs_write "$hostile_dir/action/reset_ring" 2
}

hostile_unmake() {
	local tpg=$hostile_naa/tpgt_1
	[[ ! -L $tpg/lun/lun_0/device ]] || rm "$tpg/lun/lun_0/device" || return 1
	[[ ! -d $tpg/lun/lun_0 ]] || rmdir "$tpg/lun/lun_0" || return 1
	[[ ! -d $tpg ]] || echo NULL >"$tpg/nexus" 2>/dev/null || :
	[[ ! -d $tpg ]] || rmdir "$tpg" || return 1
	[[ -z $hostile_naa || ! -d $hostile_naa ]] || rmdir "$hostile_naa" || return 1
	[[ ! -d $hostile_dir ]] || rmdir "$hostile_dir"
}

hostile_down() {
	local path
	[[ $hostile_dir ]] || return 0
	configfs_ours "$hostile_dir" || return 1
	hostile_unmake &
	hostile_rescue $! 120 || return 1
	for path in "$hostile_dir" "$hostile_naa" "$hostile_naa/tpgt_1" "$hostile_naa/tpgt_1/lun/lun_0"; do
		unset "configfs_made[$path]"
	done
	hostile_dir='' hostile_naa=''
	hostile_put "$hostile_parameters/block_netlink" 0
	hostile_put "$hostile_parameters/global_max_data_area_mb" 2048
}

hostile_end() {
	hostile_down || :
}

# --- one case ------------------------------------------------------------------------------------

hostile_serves() { # the other device still reads back what is written
	dd if=/dev/urandom of="$scenario_tmp/block" bs=4k count=4 2>/dev/null &&
		dd if="$scenario_tmp/block" of="$hostile_healthy" bs=4k count=4 oflag=direct 2>/dev/null &&
		dd if="$hostile_healthy" bs=4k count=4 iflag=direct 2>/dev/null | cmp -s - "$scenario_tmp/block"
}

hostile_health() { # prints what is wrong with the kernel, one line; fails then
	local word
	word=$(watch_log | grep -m 1 -iE "$watch_trouble" || :)
	if [[ $word ]]; then
		echo "hurt: $word"
	elif [[ $(cat /proc/sys/kernel/tainted) != "$hostile_taint" ]]; then
		echo "hurt: tainted=$(cat /proc/sys/kernel/tainted)"
	elif ! bounded 60 hostile_serves 2>/dev/null; then
		echo 'hurt: another device no longer serves'
	else
		return 0
	fi
	return 1
}

# Runs the program and prints what became of the kernel. The program's own result does not matter.
hostile_case() { # PROGRAM
	local uio program=$1
	hostile_out=$scenario_tmp/seat.out
	if hostile_device "$program" && uio=$(hostile_uio); then
		hostile_attach "$uio"
		if [[ -z $hostile_node ]]; then # no disk came of this configuration: nobody to send
			sed 's/^-\(send\|reset\).*//' "$1" >"$scenario_tmp/program"
			program=$scenario_tmp/program
		fi
		bounded 15 tcmu-harness seat -t 8 ${hostile_node:+-i "$hostile_node"} "$uio" "$program" >"$hostile_out" 2>&1 3>&- || :
	fi
	# A second attempt tells what is stuck from what was busy a moment ago.
	hostile_down 2>"$scenario_tmp/down" || hostile_down 2>>"$scenario_tmp/down" || {
		echo 'hurt: the device cannot be removed'
		hostile_autopsy
		return 1
	}
	hostile_health || {
		hostile_autopsy
		return 1
	}
}

# What there is to see, for whoever looks into it. Nothing can be relied on any more, cleaning up less
# than anything.
hostile_autopsy() {
	local dir what
	# shellcheck disable=SC2034 # scenario.sh's
	at_exit_commands=()
	note_file "$scenario_tmp/down"
	note_file "$hostile_out" 8
	for dir in /proc/[0-9]*; do
		what=$(tr '\0' ' ' <"$dir/cmdline" | cut -c1-70)
		[[ $what ]] || continue
		echo "${dir#/proc/} $what: $(sed -n 's/^State:\t//p' "$dir/status")"
		sed -n 's/^\[<0>\] /    /p' "$dir/stack" | head -n 8
	done 2>/dev/null | sed 's/^/#   /' >&3
}

# The program that a scenario called NNN-hostile-FINDING is about.
hostile_finding() {
	local program=$scenario_dir/../results/findings/${scenario_name#*-hostile-}.seat
	[[ -r $program ]] || die "$program: cannot read it"
	note "begin ${program##*/}"
	check "the kernel is well after ${program##*/}" hostile_case "$program"
}
