# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what scenario.sh and the other parts set
#
# iscsi-test-cu, test by test, against a device served by the handler and against a RAM disk of the
# kernel's own on the same target: what the RAM disk passes, the handler must pass.
#
# Its exit status says nothing, and totals are no comparison: the RAM disk fails several tens of tests.

testcu_setup() { # devices "disk" and "control", exported
	command -v iscsi-test-cu >/dev/null || skip_all 'no iscsi-test-cu here'
	configfs_make_pr_dir
	device_create disk size=64M
	device_create_control control 64M
	handler_start disk
	iscsi_export disk control
}

testcu_run() { # DEVICE SUITE: prints "TEST pass|fail|skip", one a line, and all it said into a file
	local said=$scenario_tmp/testcu.$1.$2
	bounded "${TESTCU_LIMIT:-240}" iscsi-test-cu -v -d -t "ALL.$2" "$(iscsi_url "$1")" >"$said" 2>&1 || :
	awk '$1 == "Test:" { test = $2; skipped = 0 }
		/\[SKIPPED\]/ { skipped = 1 }
		test != "" && /passed$/ { print test, skipped ? "skip" : "pass"; test = "" }
		test != "" && /FAILED$/ { print test, "fail"; test = "" }' "$said"
}

testcu_suite() { # SUITE
	local test verdict ours
	declare -A control=() disk=()
	testcu_run control "$1" >"$scenario_tmp/control"
	while read -r test verdict; do control[$test]=$verdict; done <"$scenario_tmp/control"
	testcu_run disk "$1" >"$scenario_tmp/disk"
	while read -r test verdict; do disk[$test]=$verdict; done <"$scenario_tmp/disk"
	while read -r test _; do
		ours=${disk[$test]:-did not end}
		if [[ ${control[$test]} == pass && $ours == pass ]]; then
			tap_result ok "$1.$test"
		elif [[ ${control[$test]} == pass ]]; then
			tap_result 'not ok' "$1.$test"
			note "the RAM disk passes, the handler: $ours"
			awk -v test="$test" '$1 == "Test:" { on = $2 == test } on' "$scenario_tmp/testcu.disk.$1" | head -n 20 | sed 's/^/#   /' >&3
		else
			skip "$1.$test" "the RAM disk: ${control[$test]}; the handler: $ours"
		fi
	done <"$scenario_tmp/control"
	# A machine that does not run the suite at all compares nothing.
	((${#control[@]})) || tap_result 'not ok' "$1: the RAM disk runs it"
}
