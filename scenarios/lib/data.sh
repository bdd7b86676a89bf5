# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what scenario.sh and the other parts set
#
# Moving data and proving that it arrived: fio with a checksum in every block.

# Writes DISK at random and reads everything back; fails on any error or wrong byte. Options come
# last and win, e.g. --size=16M --bsrange=512-256k.
fio_verify() { # DISK [OPTION...]
	local disk=$1 said=$scenario_tmp/fio.${1##*/}
	shift
	bounded "${FIO_LIMIT:-240}" fio --name=verify --filename="$disk" --direct=1 --ioengine=libaio \
		--iodepth=16 --rw=randwrite --bs=4k --size=8M --verify=crc32c --verify_fatal=1 \
		--do_verify=1 --randseed=1 --randrepeat=1 --thread --minimal "$@" >"$said" 2>&1 || {
		tail -n 15 "$said" | cut -c 1-400
		watch_stuck
		return 1
	}
}

# Reads what an earlier fio_verify with the same options wrote, without writing.
fio_verify_again() { # DISK [OPTION...]
	fio_verify "$@" --verify_only=1
}

# The same on several disks at the same time, each with bytes of its own.
fio_verify_all() { # verify|again DISK... [-- OPTION...]
	local how=$1 disk pid failed=0 disks=() pids=() function=fio_verify
	[[ $how == verify ]] || function=fio_verify_again
	shift
	while (($#)) && [[ $1 != -- ]]; do
		disks+=("$1")
		shift
	done
	shift || :
	for disk in "${disks[@]}"; do
		"$function" "$disk" --randseed="$(disk_seed "$disk")" "$@" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || failed=1
	done
	return "$failed"
}

disk_seed() { # DISK: a number from its name
	cksum <<<"$1" | cut -d ' ' -f 1
}
