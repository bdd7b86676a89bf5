/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tcmu_probe: a fabric of the target core whose initiators are processes; SCSI over SAS's names.
 *
 * Begun from what `tcmu-harness fabric -m tcmu_probe -p SAS` generates. What belongs to what: a
 * target (struct probe_wwn) has portal groups (struct probe_tpg), made and dropped through
 * configfs. A session (struct probe_session) is of an open file of /dev/tcmu_probe and with a
 * portal group, which cannot be removed meanwhile. A command (struct probe_cmd) is of one session,
 * and a session ends only after its commands.
 */
#ifndef TCMU_PROBE_MODULE_H
#define TCMU_PROBE_MODULE_H

#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <target/target_core_base.h>
#include <target/target_core_fabric.h>
#include "tcmu_probe.h"

struct probe_wwn {
	struct se_wwn se_wwn;
	char name[TCMU_PROBE_NAME];
};

struct probe_tpg {
	struct se_portal_group se_tpg;
	struct list_head entry;
	struct probe_wwn *wwn;
	u16 tag;
	bool enabled;
	u32 holders;
};

/*
 * The file and the target core have a reference each. se_sess goes when the target core's does,
 * under the lock, so that whoever finds it there may submit.
 */
struct probe_session {
	struct kref kref;
	struct list_head entry;
	struct probe_tpg *tpg;
	u64 lun;
	u32 index;
	char name[TCMU_PROBE_NAME];
	struct work_struct work;
	struct completion gone;

	struct mutex lock;
	struct se_session *se_sess;

	spinlock_t ended_lock;
	struct list_head ended;
	u32 commands, pages;
	u64 order;
	wait_queue_head_t wait;
};

/* Pages of a command's data. */
struct probe_data {
	u64 address;
	u32 n;
	struct scatterlist *sgl;
};

/* Made when it is submitted, freed when its event has been read or the session's file is closed. */
struct probe_cmd {
	struct se_cmd se_cmd;
	struct probe_session *session;
	struct list_head entry;
	struct probe_data data, bidi;
	u32 pages;
	struct tcmu_probe_event event;
	unsigned char sense[TRANSPORT_SENSE_BUFFER];
};

/* configfs.c */

bool probe_name_is_good(const char *name);
/* Enabled, and stays so and in configfs until probe_tpg_put(). */
struct probe_tpg *probe_tpg_get(const char *target, u16 tag);
void probe_tpg_put(struct probe_tpg *tpg);

/* session.c */

int probe_sessions_init(void);
/* Waits for those that are being ended. */
void probe_sessions_exit(void);
int probe_session_open(struct probe_session **out, const struct tcmu_probe_bind *bind);
/* Ends the session in the background if its commands take their time. */
void probe_session_close(struct probe_session *session);

/* io.c */

int probe_submit(struct probe_session *session, const struct tcmu_probe_command *command);
int probe_manage(struct probe_session *session, const struct tcmu_probe_manage *manage);
/* To @to of @size bytes; -EAGAIN if there is none. */
ssize_t probe_event(struct probe_session *session, void __user *to, size_t size);
void probe_cmd_free(struct probe_cmd *cmd);

/* The callbacks of the target core. */

struct se_wwn *probe_make_wwn(struct target_fabric_configfs *tf, struct config_group *group,
			      const char *name);
void probe_drop_wwn(struct se_wwn *se_wwn);
struct se_portal_group *probe_make_tpg(struct se_wwn *se_wwn, const char *name);
int probe_enable_tpg(struct se_portal_group *se_tpg, bool enable);
void probe_drop_tpg(struct se_portal_group *se_tpg);
int probe_init_nodeacl(struct se_node_acl *se_nacl, const char *name);
char *probe_get_wwn(struct se_portal_group *se_tpg);
u16 probe_get_tag(struct se_portal_group *se_tpg);

void probe_close_session(struct se_session *se_sess);
u32 probe_get_index(struct se_session *se_sess);

int probe_write_pending(struct se_cmd *se_cmd);
int probe_queue_data_in(struct se_cmd *se_cmd);
int probe_queue_status(struct se_cmd *se_cmd);
void probe_queue_tm_rsp(struct se_cmd *se_cmd);
void probe_aborted_task(struct se_cmd *se_cmd);
int probe_check_stop_free(struct se_cmd *se_cmd);
void probe_release_cmd(struct se_cmd *se_cmd);

#endif
