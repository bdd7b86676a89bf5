# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what scenario.sh and the other parts set
#
# TCMU devices in configfs.
#
# Every directory that a scenario makes is entered in configfs_made, and nothing outside of it is ever
# written to or removed: a host's own targets are safe. Devices get an HBA of their own.

configfs_target=/sys/kernel/config/target
declare -A configfs_made=() device_dirs=()
configfs_hba=

configfs_begin() {
	((EUID == 0)) || skip_all 'needs root'
	modprobe -q target_core_user 2>/dev/null || :
	grep -q ' /sys/kernel/config configfs ' /proc/mounts || skip_all 'no configfs at /sys/kernel/config'
	[[ -d /sys/module/target_core_user ]] ||
		skip_all "no TCMU here: target_core_user cannot be loaded into $(uname -r)"
	[[ -d $configfs_target/core ]] || skip_all "no $configfs_target/core"
}

configfs_mkdir() { # PATH: fails if it is there already
	mkdir "$1" || return 1
	configfs_made[$1]=1
}

configfs_ours() { # PATH
	[[ ${configfs_made[$1]:-} ]] || {
		echo "$1: not made by this scenario, left alone" >&2
		return 1
	}
}

configfs_rmdir() { # PATH...
	local path
	for path; do
		[[ -d $path ]] || continue
		configfs_ours "$path" && bounded 30 rmdir "$path" || return 1
		unset "configfs_made[$path]"
	done
}

# A write that the kernel refuses is an error with the file's name. The file is never created.
configfs_write() { # FILE TEXT
	[[ -e $1 ]] || {
		echo "$1: no such file" >&2
		return 1
	}
	printf '%s' "$2" 2>"$scenario_tmp/write" >"$1" && return
	echo "$1: '$2' refused: $(sed 's/.*: //' "$scenario_tmp/write")" >&2
	return 1
}

bytes() { # SIZE with K, M, G or T
	case $1 in
	*K) echo $((${1%K} << 10)) ;;
	*M) echo $((${1%M} << 20)) ;;
	*G) echo $((${1%G} << 30)) ;;
	*T) echo $((${1%T} << 40)) ;;
	*) echo "$1" ;;
	esac
}

# --- devices -------------------------------------------------------------------------------------

configfs_make_hba() { # user|rd_mcp|fileio: sets configfs_hba to a new one
	local n
	for n in {0..99}; do
		[[ -e $configfs_target/core/$1_$n ]] && continue
		configfs_mkdir "$configfs_target/core/$1_$n" 2>/dev/null || continue
		configfs_hba=$1_$n
		at_exit configfs_rmdir "$configfs_target/core/$1_$n"
		return
	done
	die "no free HBA $1_N in configfs"
}

device_key() { # KEY: its name in control, or nothing if it is an attribute
	case $1 in
	size) echo dev_size ;;
	ring) echo cmd_ring_size_mb ;;
	area) echo max_data_area_mb ;;
	pages) echo data_pages_per_blk ;;
	block) echo hw_block_size ;;
	max_sectors) echo hw_max_sectors ;;
	config) echo dev_config ;;
	nl_reply) echo nl_reply_supported ;;
	esac
}

# Keys: size block ring area pages max_sectors config nl_reply (see device_key), and every attribute.
# Defaults: size=64M block=512 config=harness/NAME, else the kernel's. enable=no leaves it unconfigured.
device_create() { # NAME KEY=VALUE...
	local name=$1 dir pair key enable=yes control=()
	local size=64M config=harness/$1 block=512
	[[ $configfs_hba ]] || configfs_make_hba user
	dir=$configfs_target/core/$configfs_hba/$name
	configfs_mkdir "$dir" || die "$dir: cannot be made"
	device_dirs[$name]=$dir
	at_exit device_remove "$name"
	shift
	for pair; do
		key=${pair%%=*}
		case $key in
		enable) enable=${pair#*=} ;;
		size) size=${pair#*=} ;;
		block) block=${pair#*=} ;;
		config) config=${pair#*=} ;;
		*)
			if [[ $(device_key "$key") ]]; then
				control+=("$(device_key "$key")=${pair#*=}")
			else
				configfs_write "$dir/attrib/$key" "${pair#*=}" || die "$name: $pair refused"
			fi
			;;
		esac
	done
	control+=("dev_size=$(bytes "$size")" "hw_block_size=$block" "dev_config=$config")
	for pair in "${control[@]}"; do
		configfs_write "$dir/control" "$pair" || die "$name: $pair refused"
	done
	[[ $enable == no ]] || bounded 30 configfs_write "$dir/enable" 1 || die "$name: cannot be enabled"
}

device_create_kernel() { # NAME HBA CONTROL: a device that the kernel serves itself
	local configfs_hba='' dir
	configfs_make_hba "$2"
	dir=$configfs_target/core/$configfs_hba/$1
	configfs_mkdir "$dir"
	device_dirs[$1]=$dir
	at_exit device_remove "$1"
	configfs_write "$dir/control" "$3"
	configfs_write "$dir/enable" 1
}

# A RAM disk of the kernel's own, for comparison: everything but the handler works on it.
device_create_control() { # NAME SIZE
	device_create_kernel "$1" rd_mcp "rd_pages=$(($(bytes "$2") / 4096))"
}

# A file, served by the kernel through the page cache; durable after a flush, like --wce.
device_create_fileio() { # NAME FILE SIZE
	modprobe -q target_core_file || die 'target_core_file cannot be loaded'
	device_create_kernel "$1" fileio "fd_dev_name=$2,fd_dev_size=$(bytes "$3"),fd_buffered_io=1"
}

# Target core keeps persistent reservations in files; without their directory PERSISTENT RESERVE OUT
# is carried out, and answered NOT READY.
configfs_make_pr_dir() {
	local dir
	dir=$(<"$configfs_target/dbroot")/pr
	[[ -d $dir ]] && return
	mkdir -p "$dir" || die "$dir: cannot be made"
	at_exit rm -rf "$dir"
}

device_dir() { # NAME
	[[ ${device_dirs[$1]:-} ]] || die "$1: no such device of this scenario"
	echo "${device_dirs[$1]}"
}

device_remove() { # NAME
	[[ ${device_dirs[$1]:-} ]] || return 0
	configfs_rmdir "${device_dirs[$1]}" || return 1
	unset "device_dirs[$1]"
}

device_attr() { # NAME ATTRIBUTE [VALUE]: prints or sets it
	local dir
	dir=$(device_dir "$1")
	if (($# > 2)); then
		configfs_write "$dir/attrib/$2" "$3"
	else
		cat "$dir/attrib/$2"
	fi
}

device_action() { # NAME ACTION VALUE
	local dir
	dir=$(device_dir "$1")
	configfs_write "$dir/action/$2" "$3"
}

device_uio_name() { # NAME: what sysfs calls it, up to dev_config
	echo "tcm-user/${configfs_hba#user_}/$1"
}

device_uio() { # NAME: prints uioN
	local file name want
	want=$(device_uio_name "$1")
	for file in /sys/class/uio/uio*/name; do
		name=$(<"$file") || continue
		if [[ $name == "$want" || $name == "$want"/* ]]; then
			file=${file%/name}
			echo "${file##*/}"
			return
		fi
	done
	echo "$1: no UIO device called $want" >&2
	return 1
}

# At the end of a scenario no command may be left waiting for a handler that will not come: until PID
# is done, every device's ring is emptied again and again.
configfs_rescue() { # PID SECONDS
	local dir until=$((SECONDS + $2)) patience=$((SECONDS + 5))
	while running "$1"; do
		((SECONDS < until)) || return 1
		if ((SECONDS >= patience)); then
			for dir in "${device_dirs[@]}"; do
				{ echo 0 >"$dir/action/block_dev" && echo 2 >"$dir/action/reset_ring"; } 2>/dev/null || :
			done
			pause 0.3
		fi
		pause 0.02
	done
	wait "$1"
}

# Taking links away waits for commands under way: bounded, and with rescue once the scenario ends.
configfs_teardown() { # FUNCTION...
	if ((scenario_leaving)); then
		"$@" &
		configfs_rescue $! 90
	else
		bounded 60 "$@"
	fi
}
