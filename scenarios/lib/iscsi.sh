# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what scenario.sh and the other parts set
#
# LIO's iSCSI target on 127.0.0.1, and open-iscsi as an initiator of this machine.
#
# One target, one LUN per device; no authentication, every initiator is let in. Only the node record
# of this target is made and deleted. iscsid is started if there is none, and ended again.

declare -A iscsi_luns=()
iscsi_dir='' iscsi_daemon=''
iscsi_portal=${ISCSI_PORTAL:-127.0.0.1:3260}
iscsi_iqn=iqn.2026-01.test.tcmu-harness:s$$

iscsi_make() {
	local tpg=$configfs_target/iscsi/$iscsi_iqn/tpgt_1 pair
	modprobe -q iscsi_target_mod || die 'iscsi_target_mod cannot be loaded'
	[[ -d $configfs_target/iscsi ]] || configfs_mkdir "$configfs_target/iscsi" || die 'no iSCSI fabric'
	iscsi_dir=${tpg%/*}
	at_exit iscsi_unexport
	configfs_mkdir "$iscsi_dir"
	configfs_mkdir "$tpg"
	for pair in authentication=0 generate_node_acls=1 cache_dynamic_acls=1 demo_mode_write_protect=0; do
		configfs_write "$tpg/attrib/${pair%=*}" "${pair#*=}"
	done
	configfs_mkdir "$tpg/np/$iscsi_portal" || die "iSCSI portal $iscsi_portal cannot be had"
}

iscsi_link_lun() { # NAME
	ln -s "$(device_dir "$1")" "$iscsi_dir/tpgt_1/lun/lun_${iscsi_luns[$1]}/device"
}

iscsi_export() { # NAME...
	local name
	[[ $iscsi_dir ]] || iscsi_make
	for name; do
		iscsi_luns[$name]=${#iscsi_luns[@]}
		configfs_mkdir "$iscsi_dir/tpgt_1/lun/lun_${iscsi_luns[$name]}"
		bounded 60 iscsi_link_lun "$name"
	done
	configfs_write "$iscsi_dir/tpgt_1/enable" 1
}

iscsi_url() { # NAME: for programs on libiscsi
	echo "iscsi://$iscsi_portal/$iscsi_iqn/${iscsi_luns[$1]}"
}

# --- open-iscsi ----------------------------------------------------------------------------------

iscsi_start_daemon() {
	local pid
	for pid in /proc/[0-9]*; do
		[[ $(<"$pid/comm") == iscsid ]] 2>/dev/null && return
	done
	mkdir -p /run/lock/iscsi
	# On its way out it ends its whole process group.
	setsid iscsid -f >"$scenario_tmp/iscsid.log" 2>&1 {scenario_tick}>&- 3>&- &
	iscsi_daemon=$!
	at_exit iscsi_stop_daemon
}

iscsi_stop_daemon() {
	[[ $iscsi_daemon ]] || return 0
	kill "$iscsi_daemon" 2>/dev/null || :
	until_true 10 gone "$iscsi_daemon" || kill -KILL "$iscsi_daemon"
	iscsi_daemon=
}

iscsi_node() { # ISCSIADM-OPTIONS...
	iscsiadm -m node -T "$iscsi_iqn" -p "$iscsi_portal" "$@"
}

iscsi_prepare() { # everything for a login but the login
	modprobe -q iscsi_tcp || die 'iscsi_tcp cannot be loaded'
	modprobe -qa sd_mod sg || :
	iscsi_start_daemon
	until_true 30 iscsi_node -o new || die 'iscsiadm cannot make a node record'
	at_exit iscsi_logout
	# No pings: on a slow machine they would break the connection.
	iscsi_node -o update -n 'node.conn[0].timeo.noop_out_interval' -v 0
}

iscsi_login() {
	iscsi_prepare
	bounded 60 iscsi_node --login >/dev/null || die 'no iSCSI login'
}

iscsi_session() { # prints the session's directory in sysfs
	local session
	for session in /sys/class/iscsi_session/session*; do
		[[ $(<"$session/targetname") == "$iscsi_iqn" ]] || continue
		echo "$session"
		return
	done
	return 1
}

iscsi_node_of() { # NAME block|scsi_generic
	local session luns
	session=$(iscsi_session) || return 1
	luns=("$session"/device/target*/*:"${iscsi_luns[$1]}")
	((${#luns[@]})) && scsi_node "${luns[0]}" "$2"
}

iscsi_disk() { # NAME: prints /dev/sdX, once it is there
	until_true 60 iscsi_node_of "$1" block && iscsi_node_of "$1" block
}

iscsi_sg() { # NAME: prints /dev/sgN
	until_true 60 iscsi_node_of "$1" scsi_generic && iscsi_node_of "$1" scsi_generic
}

iscsi_logout() {
	iscsi_session >/dev/null || return 0
	configfs_teardown iscsi_node --logout >/dev/null || return 1
	iscsi_node -o delete >/dev/null 2>&1 || :
}

# --- taking it down ------------------------------------------------------------------------------

iscsi_remove_links() {
	local lun
	for lun in "$iscsi_dir"/tpgt_1/lun/lun_*; do
		[[ ! -L $lun/device ]] || rm "$lun/device"
	done
}

iscsi_unexport() {
	local lun tpg=$iscsi_dir/tpgt_1
	[[ $iscsi_dir && -d $iscsi_dir ]] || return 0
	if [[ -d $tpg ]]; then
		configfs_write "$tpg/enable" 0 2>/dev/null || :
		configfs_teardown iscsi_remove_links || return 1
		for lun in "$tpg"/lun/lun_*; do
			configfs_rmdir "$lun"
		done
		configfs_rmdir "$tpg/np/$iscsi_portal"
	fi
	configfs_rmdir "$tpg" "$iscsi_dir" || return 1
	iscsi_luns=()
	iscsi_dir=
}
