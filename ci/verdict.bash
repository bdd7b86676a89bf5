# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Verdicts in TAP. To be sourced; who sets said has those files, out and err by name, shown with a
# failure: what the program under test said.

count=0
failed=0
said=()
verdict() { # TITLE PROBLEM: no problem, no failure
	local file
	((count++))
	if [[ -z $2 ]]; then
		echo "ok $count - $1"
		return
	fi
	((failed++))
	echo "not ok $count - $1"
	echo "# $2"
	for file in "${said[@]}"; do
		sed "s/^/# std${file##*/}: /" "$file" | tail -n 60
	done
}

summary() {
	echo "1..$count"
	((failed == 0))
}
