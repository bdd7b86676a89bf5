# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what scenario.sh and the other parts set
#
# Moving data and proving that it arrived: fio with a checksum in every block.

# Writes DISK at random and reads everything back; fails on any error or wrong byte. Options come
# last and win, e.g. --size=16M --bsrange=512-256k.
fio_verify() { # DISK [OPTION...]
	local disk=$1
	shift
	bounded "${FIO_LIMIT:-300}" fio --name=verify --filename="$disk" --direct=1 --ioengine=libaio \
		--iodepth=16 --rw=randwrite --bs=4k --size=8M --verify=crc32c --verify_fatal=1 \
		--do_verify=1 --randseed=1 --randrepeat=1 --thread --minimal "$@" >"$scenario_tmp/fio" 2>&1 || {
		tail -n 15 "$scenario_tmp/fio"
		return 1
	}
}

# Reads what an earlier fio_verify with the same options wrote, without writing.
fio_verify_again() { # DISK [OPTION...]
	fio_verify "$@" --verify_only=1
}
