# SPDX-License-Identifier: MIT
#
# What probe.awk said before and after each job of a round, as lines for `tcmu-harness bench import`.
#
#	awk -v fio=ROUND.json -f rows.awk ROWS PROBES
#
# ROWS: row|layer|below|adds|workload. Nothing is said of a job without both probes.
# Processor time of the initiator is that of the whole machine without the handler's: fio, block layer,
# initiator, fabric and target core cannot be told apart. So are context switches.

function change(name) {
	return after[name] - before[name]
}

function per(name, value) {
	printf "\t%s=%.9g", name, value
}

FNR == NR {
	split($0, field, "|")
	row[field[1]] = "layer=" field[2] "\tbelow=" field[3] "\tadds=" field[4] "\tworkload=" field[5]
	next
}
{
	split("", now)
	for (i = 1; i <= NF; i++) {
		at = index($i, "=")
		now[substr($i, 1, at - 1)] = substr($i, at + 1)
	}
	if (now["phase"] == "before") {
		split("", before)
		for (name in now)
			before[name] = now[name]
		next
	}
	split("", after)
	for (name in now)
		after[name] = now[name]
	if (before["row"] != after["row"] || !(after["row"] in row))
		next
	commands = change("commands")
	printf "row\t%s\tfio=%s\tjob=%s", row[after["row"]], fio, after["row"]
	if (commands > 0) {
		others = change("busy") * 1e7
		if ("handler" in after && "handler" in before)
			others -= change("handler")
		per("cpu_initiator_ns", others > 0 ? others / commands : 0)
		per("context_switches", change("switches") / commands)
		if ("handler" in after && "handler" in before) {
			per("cpu_handler_ns", change("handler") / commands)
			per("wakeups", change("wakeups") / commands)
			if (change("wakeups") > 0)
				per("entries_per_wakeup", commands / change("wakeups"))
		}
	}
	per("failed", change("errors"))
	per("timed_out", change("timeouts"))
	printf "\n"
}
