/* SPDX-License-Identifier: MIT */
/*
 * Probes by tracefs: text in, text out. See probe.h.
 *
 * The events are read when tracing has stopped: only then does the kernel merge the buffers of its
 * CPUs in order. What each function shows is one table, so that a kernel with another layout needs
 * nothing, and one with other functions a line.
 */
#include "probe.h"
#include "layout.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRACEFS	   "/sys/kernel/tracing"
#define GROUP	   "tcmu_record"
#define EVENTS_MAX (1u << 24)

/* The device, reached from what a function has: all of them show how ring and flags stand. */
#define STATE(minus, dev)                                                      \
	" head={tcmu_mailbox.cmd_head}({tcmu_dev.mb_addr" minus "}(" dev       \
	")):u32 tail={tcmu_mailbox.cmd_tail}({tcmu_dev.mb_addr" minus "}(" dev \
	")):u32 clean={tcmu_dev.cmdr_last_cleaned" minus "}(" dev              \
	"):u32 flags={tcmu_dev.flags" minus "}(" dev "):x64 j=@jiffies:u64"
#define OF_DEV STATE("", "$arg1")
#define OF_CMD "dev={tcmu_cmd.tcmu_dev}($arg1):x64" STATE("", "{tcmu_cmd.tcmu_dev}($arg1)")
#define OF_SE                                                                   \
	"se=$arg1:x64 dev={se_cmd.se_dev}($arg1):x64" STATE("-tcmu_dev.se_dev", \
							    "{se_cmd.se_dev}($arg1)")
#define SE	"{tcmu_cmd.se_cmd}($arg1)"
#define CDB(at) "+" at "({se_cmd.t_task_cdb}(" SE ")):x64"
#define REPLY                                                                              \
	"se=$arg1:x64 status={se_cmd.scsi_status}($arg1):u8 "                              \
	"res={se_cmd.residual_count}($arg1):u32 sef={se_cmd.se_cmd_flags}($arg1):x32 "     \
	"s0=+0({se_cmd.sense_buffer}($arg1)):x64 s1=+8({se_cmd.sense_buffer}($arg1)):x64 " \
	"s2=+16({se_cmd.sense_buffer}($arg1)):x64"
#define ACTION "text=+0($arg2):string j=@jiffies:u64"

struct probe {
	const char *name;
	enum probe_kind kind;
	const char *function;
	const char *fields;
	const char *module; /* that need not be loaded; NULL: target_core_user or one it needs */
};

static const struct probe probes[] = {
	{ "queue", PROBE_QUEUE, "queue_cmd_ring",
	  "cmd=$arg1:x64 se=" SE ":x64 " OF_CMD " dir={se_cmd.data_direction}(" SE
	  "):u32 len={se_cmd.data_length}(" SE "):u32 sef={se_cmd.se_cmd_flags}(" SE
	  "):x32 bidi={tcmu_cmd.data_len_bidi}($arg1):u32 "
	  "ctmo={tcmu_dev.cmd_time_out}({tcmu_cmd.tcmu_dev}($arg1)):u32 "
	  "qtmo={tcmu_dev.qfull_time_out}({tcmu_cmd.tcmu_dev}($arg1)):s32 c0=" CDB("0") " c1=" CDB(
		  "8") " c2=" CDB("16") " c3=" CDB("24"),
	  false },
	{ "queued", PROBE_QUEUED, "queue_cmd_ring", "ret=$retval:s32 j=@jiffies:u64", NULL },
	{ "walk", PROBE_WALK, "tcmu_handle_completions", "dev=$arg1:x64" OF_DEV, NULL },
	{ "drain", PROBE_DRAIN, "run_qfull_queue", "dev=$arg1:x64" OF_DEV, NULL },
	{ "tmr", PROBE_TMR, "queue_tmr_ring", "dev=$arg1:x64" OF_DEV, NULL },
	{ "tmred", PROBE_TMRED, "queue_tmr_ring", "ret=$retval:s32", NULL },
	{ "drop_tmr", PROBE_DROP_TMR, "tcmu_remove_all_queued_tmr", "dev=$arg1:x64" OF_DEV, NULL },
	{ "unused", PROBE_UNUSED, "tcmu_cmd_free_data",
	  "cmd=$arg1:x64 dl={tcmu_cmd.deadline}($arg1):u64 " OF_CMD, NULL },
	{ "done", PROBE_DONE, "target_complete_cmd",
	  OF_SE " status=$arg2:u8 state={se_cmd.transport_state}($arg1):u32", NULL },
	{ "done_len", PROBE_DONE_LEN, "target_complete_cmd_with_length",
	  OF_SE " status=$arg2:u8 state={se_cmd.transport_state}($arg1):u32", NULL },
	{ "loop_data", PROBE_REPLY, "tcm_loop_queue_data_in", REPLY, "tcm_loop" },
	{ "loop_status", PROBE_REPLY, "tcm_loop_queue_status", REPLY, "tcm_loop" },
	{ "iscsi_data", PROBE_REPLY, "lio_queue_data_in", REPLY, "iscsi_target_mod" },
	{ "iscsi_status", PROBE_REPLY, "lio_queue_status", REPLY, "iscsi_target_mod" },
	{ "bell", PROBE_BELL, "tcmu_irqcontrol", "dev=$arg1:x64 j=@jiffies:u64", NULL },
	{ "work", PROBE_WORK, "tcmu_unmap_work_fn", "j=@jiffies:u64", NULL },
	{ "block", PROBE_BLOCK, "tcmu_block_dev_store", ACTION, NULL },
	{ "reset", PROBE_RESET, "tcmu_reset_ring_store", ACTION, NULL },
	{ "free", PROBE_FREE, "tcmu_free_kept_buf_store", ACTION, NULL },
	{ "release", PROBE_RELEASE, "tcmu_release", "dev=$arg1:x64 j=@jiffies:u64", NULL },
	{ "notify", PROBE_NOTIFY, "tcmu_tmr_notify",
	  "dev=$arg1:x64 type=$arg2:u32 list=$arg3:x64 first=+0($arg3):x64 j=@jiffies:u64", NULL },
	{ "notified", PROBE_NOTIFIED, "tcmu_tmr_notify", "", NULL },
};

#define N_PROBES (sizeof(probes) / sizeof(probes[0]))

struct probes {
	char instance[64];
	bool placed[N_PROBES];
	int64_t info_off, se_dev_off, list_off;
};

static int write_file(const char *dir, const char *file, int flags, const char *text)
{
	char path[192];
	size_t len = strlen(text);
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC | flags);
	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len)
		rc = errno ? -errno : -EIO;
	close(fd);
	return rc;
}

static int place(struct probes *p, const struct layout *l, size_t i, char *err, size_t err_len)
{
	const struct probe *probe = &probes[i];
	char fields[2048], line[2304];
	char module[64];
	bool ret = probe->kind == PROBE_QUEUED || probe->kind == PROBE_TMRED ||
		   probe->kind == PROBE_NOTIFIED;
	int rc;

	snprintf(module, sizeof(module), "/sys/module/%s", probe->module ? probe->module : "");
	if (access(module, F_OK))
		return 0;
	rc = layout_expand(l, probe->fields, fields, sizeof(fields), err, err_len);
	if (rc)
		return rc;
	snprintf(line, sizeof(line), "%c:" GROUP "/%s %s %s\n", ret ? 'r' : 'p', probe->name,
		 probe->function, fields);
	rc = write_file(TRACEFS, "kprobe_events", O_APPEND, line);
	if (rc) {
		snprintf(err, err_len, TRACEFS "/kprobe_events: %s: %s", probe->function,
			 rc == -ENOENT ? "this kernel has no such function" : strerror(-rc));
		return rc;
	}
	p->placed[i] = true;
	return 0;
}

static void clean_up(struct probes *p)
{
	char line[96];
	size_t i;

	write_file(p->instance, "events/" GROUP "/enable", 0, "0");
	rmdir(p->instance);
	for (i = 0; i < N_PROBES; i++) {
		snprintf(line, sizeof(line), "-:" GROUP "/%s\n", probes[i].name);
		if (p->placed[i])
			write_file(TRACEFS, "kprobe_events", O_APPEND, line);
	}
	free(p);
}

static int64_t offset(const struct layout *l, const char *member)
{
	char text[32], err[8];

	return layout_expand(l, member, text, sizeof(text), err, sizeof(err)) ? 0 : atoll(text);
}

static int enable(struct probes *p, uint32_t buffer_mb, char *err, size_t err_len)
{
	const struct {
		const char *file, *text;
	} settings[] = {
		{ "trace_clock", "counter" },
		{ "options/overwrite", "0" },
		{ "events/" GROUP "/enable", "1" },
		{ "tracing_on", "1" },
	};
	char kb[32];
	size_t i;
	int rc;

	snprintf(p->instance, sizeof(p->instance), TRACEFS "/instances/" GROUP "-%d",
		 (int)getpid());
	if (mkdir(p->instance, 0700)) {
		rc = -errno;
		snprintf(err, err_len, "%s: %s", p->instance, strerror(errno));
		return rc;
	}
	snprintf(kb, sizeof(kb), "%u", buffer_mb * 1024);
	rc = write_file(p->instance, "buffer_size_kb", 0, kb);
	if (rc)
		snprintf(err, err_len, "%s/buffer_size_kb: %s", p->instance, strerror(-rc));
	for (i = 0; !rc && i < sizeof(settings) / sizeof(settings[0]); i++) {
		rc = write_file(p->instance, settings[i].file, 0, settings[i].text);
		if (rc)
			snprintf(err, err_len, "%s/%s: %s", p->instance, settings[i].file,
				 strerror(-rc));
	}
	return rc;
}

struct probes *probes_start(uint32_t buffer_mb, char *err, size_t err_len)
{
	struct layout *l = layout_open("target_core_user", err, err_len);
	struct probes *p = l ? calloc(1, sizeof(*p)) : NULL;
	bool fabric = false;
	size_t i;
	int rc = 0;

	if (!p) {
		layout_close(l);
		return NULL;
	}
	p->info_off = offset(l, "{tcmu_dev.uio_info}");
	p->se_dev_off = offset(l, "{tcmu_dev.se_dev}");
	p->list_off = offset(l, "{se_cmd.state_list}");
	for (i = 0; !rc && i < N_PROBES; i++) {
		rc = place(p, l, i, err, err_len);
		fabric |= p->placed[i] && probes[i].kind == PROBE_REPLY;
	}
	layout_close(l);
	if (!rc && !fabric) {
		snprintf(err, err_len,
			 "expected tcm_loop or iscsi_target_mod to be loaded, found neither");
		rc = -ENOENT;
	}
	if (!rc)
		rc = enable(p, buffer_mb, err, err_len);
	if (rc) {
		clean_up(p);
		return NULL;
	}
	return p;
}

/*
 * Reading.
 */

static const struct {
	const char *key;
	uint32_t off, size;
} numbers[] = {
#define N(key, member)                                            \
	{                                                         \
		key, offsetof(struct probe_event, member),        \
			sizeof(((struct probe_event *)0)->member) \
	}
	N("j", jiffies),
	N("cmd", cmd),
	N("se", se),
	N("dev", dev),
	N("flags", flags),
	N("head", head),
	N("tail", tail),
	N("clean", clean),
	N("ret", ret),
	N("dir", dir),
	N("len", len),
	N("bidi", bidi),
	N("ctmo", cmd_time_out_ms),
	N("qtmo", qfull_time_out_ms),
	N("c0", cdb[0]),
	N("c1", cdb[1]),
	N("c2", cdb[2]),
	N("c3", cdb[3]),
	N("status", status),
	N("state", state),
	N("res", residual),
	N("sef", se_flags),
	N("s0", sense[0]),
	N("s1", sense[1]),
	N("s2", sense[2]),
	N("type", type),
	N("first", first),
	N("list", value),
	N("dl", deadline),
#undef N
};

static void set_number(struct probe_event *e, const char *key, size_t key_len, const char *value)
{
	uint64_t v;
	size_t i;

	if (key_len == 4 && !memcmp(key, "text", 4)) {
		e->value = strtoull(value + 1, NULL, 0);
		return;
	}
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strlen(numbers[i].key) != key_len || memcmp(numbers[i].key, key, key_len) != 0)
			continue;
		v = *value == '-' ? (uint64_t)strtoll(value, NULL, 0) : strtoull(value, NULL, 0);
		memcpy((char *)e + numbers[i].off, &v, numbers[i].size); /* little endian */
		return;
	}
}

/* "   comm-PID   [CPU] flags  ORDER: NAME: (function...) key=value ..."; false if it is no event.
 */
static bool parse_line(const char *line, struct probe_event *e)
{
	const char *p = strstr(line, " ["), *pid, *name, *eq;
	size_t i, len;

	/* A task's name may hold anything, even " [": what counts is "PID [NNN] ". */
	while (p && !(isdigit((unsigned char)p[2]) && isdigit((unsigned char)p[3]) &&
		      isdigit((unsigned char)p[4]) && p[5] == ']'))
		p = strstr(p + 1, " [");
	if (!p)
		return false;
	for (pid = p; pid > line && pid[-1] == ' '; pid--)
		;
	while (pid > line && isdigit((unsigned char)pid[-1]))
		pid--;
	*e = (struct probe_event){ .pid = (uint32_t)strtoul(pid, NULL, 10),
				   .cpu = (uint32_t)strtoul(p + 2, NULL, 10) };
	p = strstr(p, ": ");
	if (!p)
		return false;
	for (name = p; name > line && isdigit((unsigned char)name[-1]); name--)
		;
	e->order = strtoull(name, NULL, 10);
	name = p + 2;
	len = strcspn(name, ":");
	for (i = 0; i < N_PROBES; i++)
		if (strlen(probes[i].name) == len && !memcmp(probes[i].name, name, len))
			break;
	if (i == N_PROBES)
		return false;
	e->kind = probes[i].kind;
	p = strchr(name, ')');
	while (p && *p) {
		p += strspn(p, ") ");
		eq = strchr(p, '=');
		if (!eq)
			break;
		set_number(e, p, (size_t)(eq - p), eq + 1);
		p = strchr(eq, ' ');
	}
	return true;
}

/* What an event shows are addresses of members; this makes them the structures. */
static void adjust(const struct probes *p, struct probe_event *e)
{
	if (e->kind == PROBE_BELL || e->kind == PROBE_RELEASE)
		e->dev -= (uint64_t)p->info_off;
	if (e->kind == PROBE_NOTIFY || e->kind == PROBE_DONE || e->kind == PROBE_DONE_LEN)
		e->dev -= (uint64_t)p->se_dev_off;
	if (e->kind == PROBE_NOTIFY)
		e->first = e->first == e->value ? 0 : e->first - (uint64_t)p->list_off;
}

static int read_events(const struct probes *p, struct probe_event **events, size_t *n, char *err,
		       size_t err_len)
{
	size_t cap = 0, line_cap = 0;
	struct probe_event *more, e;
	char path[96], *line = NULL;
	FILE *in;
	int rc = 0;

	snprintf(path, sizeof(path), "%s/trace", p->instance);
	in = fopen(path, "re");
	if (!in) {
		snprintf(err, err_len, "%s: %s", path, strerror(errno));
		return -errno;
	}
	while (!rc && getline(&line, &line_cap, in) >= 0) {
		if (*line == '#' || !parse_line(line, &e)) {
			rc = strstr(line, "LOST") ? -EOVERFLOW : 0;
			continue;
		}
		adjust(p, &e);
		if (*n == cap) {
			cap = cap ? 2 * cap : 4096;
			more = cap > EVENTS_MAX ? NULL : realloc(*events, cap * sizeof(e));
			rc = more ? 0 : -ENOMEM;
			*events = more ? more : *events;
		}
		if (!rc)
			(*events)[(*n)++] = e;
	}
	if (!rc && ferror(in))
		rc = -EIO;
	fclose(in);
	free(line);
	if (rc)
		snprintf(err, err_len, "%s: %s", path,
			 rc == -EOVERFLOW ? "events were lost" : strerror(-rc));
	return rc;
}

/* Events that found no room, or whose probe could not run. */
static int count_lost(const struct probes *p, char *err, size_t err_len)
{
	unsigned long long lost = 0, v, missed;
	char path[160], line[256], name[64];
	unsigned int cpu;
	size_t i;
	FILE *in;

	for (cpu = 0;; cpu++) {
		snprintf(path, sizeof(path), "%s/per_cpu/cpu%u/stats", p->instance, cpu);
		in = fopen(path, "re");
		if (!in)
			break;
		while (fgets(line, sizeof(line), in))
			if (sscanf(line, "overrun: %llu", &v) == 1 ||
			    sscanf(line, "dropped events: %llu", &v) == 1)
				lost += v;
		fclose(in);
	}
	if (lost) {
		snprintf(err, err_len,
			 "%llu trace events were lost: expected a larger --buffer or a shorter "
			 "recording",
			 lost);
		return -EOVERFLOW;
	}
	in = fopen(TRACEFS "/kprobe_profile", "re");
	while (in && fgets(line, sizeof(line), in)) {
		if (sscanf(line, "%63s %llu %llu", name, &v, &missed) != 3 || !missed)
			continue;
		for (i = 0; i < N_PROBES; i++)
			if (p->placed[i] && !strcmp(name, probes[i].name))
				lost += missed;
	}
	if (in)
		fclose(in);
	if (lost)
		snprintf(err, err_len, "%llu probes could not run: the account has holes", lost);
	return lost ? -EOVERFLOW : 0;
}

int probes_stop(struct probes *p, struct probe_event **events, size_t *n, char *err, size_t err_len)
{
	int rc = write_file(p->instance, "tracing_on", 0, "0");

	*events = NULL;
	*n = 0;
	if (rc)
		snprintf(err, err_len, "%s/tracing_on: %s", p->instance, strerror(-rc));
	if (!rc)
		rc = count_lost(p, err, err_len);
	if (!rc)
		rc = read_events(p, events, n, err, err_len);
	clean_up(p);
	if (rc) {
		free(*events);
		*events = NULL;
	}
	return rc;
}
