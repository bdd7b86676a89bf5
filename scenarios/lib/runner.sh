# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what scenario.sh and the other parts set
#
# tcmu-runner as the handler: one daemon for all devices whose dev_config begins with "qcow/". On a host
# with a tcmu-runner of its own nothing is started.

runner_pid=''

runner_start() { # [NAME...]: comes back when it has them open, by default every device of the scenario
	local handlers name
	(($#)) || set -- "${!device_dirs[@]}"
	command -v tcmu-runner >/dev/null || skip_all 'no tcmu-runner here'
	handlers=(/usr/lib/*/tcmu-runner)
	((${#handlers[@]})) || skip_all 'tcmu-runner has no handlers here'
	[[ $runner_pid ]] || ! pgrep -x tcmu-runner >/dev/null || skip_all 'a tcmu-runner is running already'
	[[ $runner_pid ]] || at_exit runner_end
	mkdir -p /etc/tcmu /run/lock "$scenario_tmp/log"
	[[ -e /etc/tcmu/tcmu.conf ]] || runner_config
	tcmu-runner --handler-path "${handlers[0]}" --tcmu-log-dir "$scenario_tmp/log" >>"$scenario_tmp/runner.log" 2>&1 3>&- &
	runner_pid=$!
	for name; do
		until_true 60 runner_has "$name" || {
			note_file "$scenario_tmp/runner.log"
			die "$name: tcmu-runner did not open it"
		}
	done
}

runner_config() { # it insists on the file, at this place
	echo 'log_level = 3' >/etc/tcmu/tcmu.conf
	at_exit rm -f /etc/tcmu/tcmu.conf
}

runner_has() { # NAME
	local uio
	uio=$(device_uio "$1")
	grep -q "/dev/$uio\$" "/proc/$runner_pid/maps"
}

runner_kill() {
	kill -KILL "$runner_pid"
	until_true 30 gone "$runner_pid"
	wait "$runner_pid" 2>/dev/null || :
}

runner_stop() { # orderly; its exit status
	local status=0
	kill -TERM "$runner_pid"
	until_true 30 gone "$runner_pid" || return 1
	wait "$runner_pid" || status=$?
	return "$status"
}

runner_end() {
	gone "$runner_pid" || runner_stop >/dev/null 2>&1 || runner_kill
	((tap_failed == 0)) || note_file "$scenario_tmp/runner.log" 20
}
