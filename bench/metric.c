/* SPDX-License-Identifier: MIT */
/* What the metrics of a benchmark are called, in files and for people. */
#include "result.h"

#include <string.h>

static const struct metric_kind kinds[METRICS] = {
	[METRIC_IOPS] = { "iops", "commands per second", "/s", 1 },
	[METRIC_BANDWIDTH] = { "bandwidth_mib_s", "bandwidth", "MiB/s", 1 },
	[METRIC_LATENCY] = { "command_ns", "time per command", "ns", -1 },
	[METRIC_P50] = { "latency_p50_ns", "latency, median", "ns", -1 },
	[METRIC_P90] = { "latency_p90_ns", "latency, 90 %", "ns", -1 },
	[METRIC_P99] = { "latency_p99_ns", "latency, 99 %", "ns", -1 },
	[METRIC_P999] = { "latency_p99_9_ns", "latency, 99.9 %", "ns", -1 },
	[METRIC_P9999] = { "latency_p99_99_ns", "latency, 99.99 %", "ns", -1 },
	[METRIC_MAX] = { "latency_max_ns", "latency, longest", "ns", -1 },
	[METRIC_CPU_INITIATOR] = { "cpu_initiator_ns", "processor time, initiator", "ns", -1 },
	[METRIC_CPU_HANDLER] = { "cpu_handler_ns", "processor time, handler", "ns", -1 },
	[METRIC_INSTRUCTIONS] = { "instructions", "instructions per command", "", -1 },
	[METRIC_CYCLES] = { "cycles", "cycles per command", "", -1 },
	[METRIC_SYSCALLS] = { "syscalls", "system calls per command", "", -1 },
	[METRIC_SWITCHES] = { "context_switches", "context switches per command", "", -1 },
	[METRIC_WAKEUPS] = { "wakeups", "handler's wakeups per command", "", 0 },
	[METRIC_DOORBELLS] = { "doorbells", "doorbells per command", "", 0 },
	[METRIC_ENTRIES_PER_WAKEUP] = { "entries_per_wakeup", "entries per wakeup", "", 0 },
	[METRIC_RING_HIGH] = { "ring_high_bytes", "ring in use, most", "bytes", 0 },
	[METRIC_DATA_HIGH] = { "data_high_blocks", "data area in use, most", "blocks", 0 },
	[METRIC_QUEUE_FULL] = { "queue_full", "found the queue full", "times", 0 },
	[METRIC_LATE] = { "late_share", "sent too late", "", 0 },
	[METRIC_FAILED] = { "failed", "failed", "commands", -1 },
	[METRIC_TIMED_OUT] = { "timed_out", "timed out", "commands", -1 },
};

const struct metric_kind *metric_kind(enum metric m)
{
	return &kinds[m];
}

enum metric metric_find(const char *name)
{
	int m;

	for (m = 0; m < METRICS && strcmp(kinds[m].name, name) != 0; m++)
		;
	return (enum metric)m;
}
