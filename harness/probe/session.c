// SPDX-License-Identifier: GPL-2.0
/*
 * tcmu_probe: sessions, from a file's BIND until their last command has ended.
 *
 * A session ends with its file, or with the ACL of its initiator. Either way it is whoever takes it
 * out of the list that ends it, and that waits for its commands: for the handler of a TCMU device,
 * if need be for ever. So a file's end does not wait for it: a worker does.
 */
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "module.h"

#define CLOSE_WAIT HZ

/* All of them, of all groups; so a session is found by its address though it may be gone. */
static LIST_HEAD(sessions);
static DEFINE_MUTEX(sessions_lock);
static u32 last_index;
static struct workqueue_struct *enders;

int probe_sessions_init(void)
{
	enders = alloc_workqueue("tcmu_probe", WQ_UNBOUND, 0);
	return enders ? 0 : -ENOMEM;
}

void probe_sessions_exit(void)
{
	destroy_workqueue(enders);
}

static void free_session(struct kref *kref)
{
	struct probe_session *session = container_of(kref, struct probe_session, kref);
	struct probe_cmd *cmd, *next;

	list_for_each_entry_safe(cmd, next, &session->ended, entry) {
		probe_cmd_free(cmd);
	}
	kfree(session);
}

/* Nobody else does: it is out of the list. */
static void end_session(struct probe_session *session)
{
	struct se_session *se_sess;

	mutex_lock(&session->lock);
	se_sess = session->se_sess;
	session->se_sess = NULL;
	mutex_unlock(&session->lock);
	target_stop_session(se_sess);
	target_wait_for_sess_cmds(se_sess);
	target_remove_session(se_sess);
	probe_tpg_put(session->tpg);
	complete_all(&session->gone);
	wake_up_all(&session->wait);
	kref_put(&session->kref, free_session);
}

static void end_work(struct work_struct *work)
{
	end_session(container_of(work, struct probe_session, work));
}

static struct probe_session *find_session(struct probe_tpg *tpg, const char *name)
{
	struct probe_session *session;

	lockdep_assert_held(&sessions_lock);
	list_for_each_entry(session, &sessions, entry) {
		if (session->tpg == tpg && !strcmp(session->name, name))
			return session;
	}
	return NULL;
}

static struct probe_session *new_session(const struct tcmu_probe_bind *bind)
{
	struct probe_session *session = kzalloc(sizeof(*session), GFP_KERNEL);

	if (!session)
		return NULL;
	kref_init(&session->kref);
	INIT_WORK(&session->work, end_work);
	init_completion(&session->gone);
	mutex_init(&session->lock);
	spin_lock_init(&session->ended_lock);
	INIT_LIST_HEAD(&session->ended);
	init_waitqueue_head(&session->wait);
	session->lun = bind->lun;
	strscpy(session->name, bind->initiator, sizeof(session->name));
	return session;
}

static int set_up(struct probe_session *session)
{
	struct se_session *se_sess;

	lockdep_assert_held(&sessions_lock);
	if (find_session(session->tpg, session->name))
		return -EEXIST;
	se_sess = target_setup_session(&session->tpg->se_tpg, 0, 0, TARGET_PROT_NORMAL,
				       session->name, session, NULL);
	if (IS_ERR(se_sess))
		return PTR_ERR(se_sess);
	session->se_sess = se_sess;
	session->index = ++last_index;
	kref_get(&session->kref);
	list_add_tail(&session->entry, &sessions);
	return 0;
}

int probe_session_open(struct probe_session **out, const struct tcmu_probe_bind *bind)
{
	struct probe_session *session;
	struct probe_tpg *tpg;
	int rc;

	tpg = probe_tpg_get(bind->target, bind->tag);
	if (IS_ERR(tpg))
		return PTR_ERR(tpg);
	session = new_session(bind);
	if (!session) {
		probe_tpg_put(tpg);
		return -ENOMEM;
	}
	session->tpg = tpg;
	mutex_lock(&sessions_lock);
	rc = set_up(session);
	mutex_unlock(&sessions_lock);
	if (rc) {
		kref_put(&session->kref, free_session);
		probe_tpg_put(tpg);
		return rc;
	}
	*out = session;
	return 0;
}

/* Out of the list, if it is there: then it is the caller's to end. */
static bool take_out(struct probe_session *session)
{
	bool ours;

	mutex_lock(&sessions_lock);
	ours = !list_empty(&session->entry);
	list_del_init(&session->entry);
	mutex_unlock(&sessions_lock);
	return ours;
}

void probe_session_close(struct probe_session *session)
{
	if (take_out(session))
		queue_work(enders, &session->work);
	wait_for_completion_killable_timeout(&session->gone, CLOSE_WAIT);
	kref_put(&session->kref, free_session);
}

/* The ACL of its initiator goes, and waits for the session's end. */
void probe_close_session(struct se_session *se_sess)
{
	struct probe_session *session, *found = NULL;

	mutex_lock(&sessions_lock);
	list_for_each_entry(session, &sessions, entry) {
		if (session->se_sess == se_sess)
			found = session;
	}
	if (found)
		list_del_init(&found->entry);
	mutex_unlock(&sessions_lock);
	if (found)
		end_session(found);
}

u32 probe_get_index(struct se_session *se_sess)
{
	return ((struct probe_session *)se_sess->fabric_sess_ptr)->index;
}
