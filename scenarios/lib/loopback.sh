# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what scenario.sh and the other parts set
#
# tcm_loop: this machine's own SCSI midlayer as the initiator. One target port, one LUN per device.
#
# Linking scans the LUN at once, so the handler should be there already; see 010 to 012 for what
# happens when it is not. sd and the midlayer retry BUSY and TASK SET FULL.

declare -A loop_luns=()
loop_dir=

loop_make() {
	local naa
	naa=$(printf 'naa.6001405%09x' "$$")
	modprobe -q tcm_loop || die 'tcm_loop cannot be loaded'
	modprobe -qa sd_mod sg || :
	[[ -d $configfs_target/loopback ]] || configfs_mkdir "$configfs_target/loopback" || die 'no loopback fabric'
	loop_dir=$configfs_target/loopback/$naa
	at_exit loop_unlink
	configfs_mkdir "$loop_dir"
	configfs_mkdir "$loop_dir/tpgt_1"
	configfs_write "$loop_dir/tpgt_1/nexus" "${naa/6001405/6001406}"
}

loop_add_lun() { # NAME: its directory, without the link
	[[ $loop_dir ]] || loop_make
	loop_luns[$1]=${#loop_luns[@]}
	configfs_mkdir "$loop_dir/tpgt_1/lun/lun_${loop_luns[$1]}"
}

loop_link_lun() { # NAME: may wait for the handler
	ln -s "$(device_dir "$1")" "$loop_dir/tpgt_1/lun/lun_${loop_luns[$1]}/device"
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
	address=$(<"$loop_dir/tpgt_1/address")
	echo "/sys/class/scsi_device/$address:${loop_luns[$1]}/device"
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
	local lun
	for lun in "$loop_dir"/tpgt_1/lun/lun_*; do
		[[ ! -L $lun/device ]] || rm "$lun/device"
	done
}

loop_unlink() {
	local lun
	[[ $loop_dir && -d $loop_dir ]] || return 0
	if [[ -d $loop_dir/tpgt_1 ]]; then
		configfs_teardown loop_remove_links || return 1
		for lun in "$loop_dir"/tpgt_1/lun/lun_*; do
			configfs_rmdir "$lun"
		done
		echo NULL >"$loop_dir/tpgt_1/nexus" 2>/dev/null || :
	fi
	configfs_rmdir "$loop_dir/tpgt_1" "$loop_dir" || return 1
	loop_luns=()
	loop_dir=
}
