# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what scenario.sh and the other parts set
#
# tcmu-export in scenarios that use it:  . "$(dirname "$0")/lib/export.sh"

export=$scenario_dir/tcmu-export

export_state() { # all backstores, targets and ports of the machine, to be compared before and after
	printf '%s\n' "$configfs_target"/core/*/* "$configfs_target"/{iscsi,loopback}/*[.]*
}

export_remove_left() { # NAME: at the end, if the scenario got no further
	[[ $("$export" --list) != *$'\n'"$1 "* ]] || "$export" --remove "$1"
}
