# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what scenario.sh and the other parts set
#
# tcm_loop: this machine's own SCSI midlayer as the initiator. One target port, one LUN per device.
#
# Linking scans the LUN at once, so the handler should be there already; see 010 to 012 for what
# happens when it is not. sd and the midlayer retry BUSY and TASK SET FULL.

declare -A loop_luns=() loop_dirs=()
loop_current=0

loop_host() { # N: what follows is about initiator number N; there is one, number 0, at first
	loop_current=$1
}

loop_dir() {
	echo "${loop_dirs[$loop_current]}"
}

loop_make() {
	local naa dir
	naa=$(printf 'naa.6001405%06x%03x' "$(($$ & 0xffffff))" "$loop_current")
	modprobe -q tcm_loop || die 'tcm_loop cannot be loaded'
	modprobe -qa sd_mod sg || :
	[[ -d $configfs_target/loopback ]] || configfs_mkdir "$configfs_target/loopback" || die 'no loopback fabric'
	((${#loop_dirs[@]})) || at_exit loop_unlink
	dir=$configfs_target/loopback/$naa
	configfs_mkdir "$dir"
	loop_dirs[$loop_current]=$dir
	configfs_mkdir "$dir/tpgt_1"
	configfs_write "$dir/tpgt_1/nexus" "${naa/6001405/6001406}"
}

loop_add_lun() { # NAME: its directory, without the link
	local luns
	[[ ${loop_dirs[$loop_current]:-} ]] || loop_make
	luns=("$(loop_dir)"/tpgt_1/lun/lun_*)
	loop_luns[$loop_current:$1]=${#luns[@]}
	configfs_mkdir "$(loop_dir)/tpgt_1/lun/lun_${#luns[@]}"
}

loop_lun() { # NAME
	echo "${loop_luns[$loop_current:$1]}"
}

loop_link_lun() { # NAME: may wait for the handler
	ln -s "$(device_dir "$1")" "$(loop_dir)/tpgt_1/lun/lun_$(loop_lun "$1")/device"
}

loop_link() { # NAME...
	local name
	for name; do
		loop_add_lun "$name"
		bounded "${LOOP_LINK_LIMIT:-120}" loop_link_lun "$name"
	done
}

loop_sysfs() { # NAME: its SCSI device in sysfs
	local address
	address=$(<"$(loop_dir)/tpgt_1/address")
	echo "/sys/class/scsi_device/$address:$(loop_lun "$1")/device"
}

scsi_node() { # SYSFS block|scsi_generic: prints the /dev node
	local nodes=("$1/$2"/*)
	((${#nodes[@]})) && [[ -e /dev/${nodes[0]##*/} ]] && echo "/dev/${nodes[0]##*/}"
}

loop_disk() { # NAME: prints /dev/sdX, once it is there
	until_true "${2:-60}" scsi_node "$(loop_sysfs "$1")" block && scsi_node "$(loop_sysfs "$1")" block
}

loop_sg() { # NAME: prints /dev/sgN
	until_true "${2:-60}" scsi_node "$(loop_sysfs "$1")" scsi_generic &&
		scsi_node "$(loop_sysfs "$1")" scsi_generic
}

loop_remove_links() {
	local lun dir
	for dir in "${loop_dirs[@]}"; do
		for lun in "$dir"/tpgt_1/lun/lun_*; do
			[[ ! -L $lun/device ]] || rm "$lun/device"
		done
	done
}

loop_remove() { # DIR
	local lun
	if [[ -d $1/tpgt_1 ]]; then
		for lun in "$1"/tpgt_1/lun/lun_*; do
			configfs_rmdir "$lun"
		done
		echo NULL >"$1/tpgt_1/nexus" 2>/dev/null || :
	fi
	configfs_rmdir "$1/tpgt_1" "$1"
}

loop_unlink() {
	local host
	((${#loop_dirs[@]})) || return 0
	configfs_teardown loop_remove_links || return 1
	for host in "${!loop_dirs[@]}"; do
		loop_remove "${loop_dirs[$host]}" || return 1
		unset "loop_dirs[$host]"
	done
	loop_luns=()
}
