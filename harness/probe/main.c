// SPDX-License-Identifier: GPL-2.0
/*
 * tcmu_probe: /dev/tcmu_probe, what the target core knows of this fabric, loading and unloading.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include "module.h"

/* The session is there once and for all after BIND; it is the lock's to say who was first. */
struct probe_file {
	struct mutex lock;
	struct probe_session *session;
};

static struct probe_session *session_of(struct file *file)
{
	struct probe_file *pf = file->private_data;

	return smp_load_acquire(&pf->session);
}

static int probe_open(struct inode *inode, struct file *file)
{
	struct probe_file *pf;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	pf = kzalloc(sizeof(*pf), GFP_KERNEL);
	if (!pf)
		return -ENOMEM;
	mutex_init(&pf->lock);
	file->private_data = pf;
	return nonseekable_open(inode, file);
}

static int probe_release(struct inode *inode, struct file *file)
{
	struct probe_file *pf = file->private_data;

	if (pf->session)
		probe_session_close(pf->session);
	kfree(pf);
	return 0;
}

static int bind(struct probe_file *pf, const struct tcmu_probe_bind *request)
{
	struct probe_session *session;
	int rc;

	if (request->reserved[0] || request->reserved[1] || request->reserved[2] ||
	    !memchr(request->target, 0, sizeof(request->target)) ||
	    !memchr(request->initiator, 0, sizeof(request->initiator)) ||
	    !probe_name_is_good(request->initiator))
		return -EINVAL;
	mutex_lock(&pf->lock);
	rc = pf->session ? -EBUSY : probe_session_open(&session, request);
	if (!rc)
		smp_store_release(&pf->session, session);
	mutex_unlock(&pf->lock);
	return rc;
}

static long probe_ioctl(struct file *file, unsigned int number, unsigned long arg)
{
	struct probe_session *session = session_of(file);
	void __user *from = (void __user *)arg;
	union {
		struct tcmu_probe_bind bind;
		struct tcmu_probe_command command;
		struct tcmu_probe_manage manage;
	} request;

	if (number != TCMU_PROBE_BIND && number != TCMU_PROBE_SUBMIT && number != TCMU_PROBE_MANAGE)
		return -ENOTTY;
	if (number != TCMU_PROBE_BIND && !session)
		return -ENOTCONN;
	if (copy_from_user(&request, from, _IOC_SIZE(number)))
		return -EFAULT;
	switch (number) {
	case TCMU_PROBE_BIND:
		return bind(file->private_data, &request.bind);
	case TCMU_PROBE_SUBMIT:
		return probe_submit(session, &request.command);
	default:
		return probe_manage(session, &request.manage);
	}
}

static ssize_t probe_read(struct file *file, char __user *to, size_t size, loff_t *at)
{
	struct probe_session *session = session_of(file);
	ssize_t n;

	if (!session)
		return -ENOTCONN;
	for (;;) {
		bool gone = completion_done(&session->gone);

		n = probe_event(session, to, size);
		if (n != -EAGAIN)
			return n;
		if (gone)
			return -ESHUTDOWN;
		if (file->f_flags & O_NONBLOCK)
			return n;
		if (wait_event_interruptible(session->wait,
					     !list_empty_careful(&session->ended) ||
						     completion_done(&session->gone)))
			return -ERESTARTSYS;
	}
}

static __poll_t probe_poll(struct file *file, struct poll_table_struct *table)
{
	struct probe_session *session = session_of(file);
	__poll_t events = 0;

	if (!session)
		return EPOLLERR;
	poll_wait(file, &session->wait, table);
	if (!list_empty_careful(&session->ended))
		events |= EPOLLIN | EPOLLRDNORM;
	if (completion_done(&session->gone))
		events |= EPOLLHUP;
	return events;
}

static const struct file_operations probe_fops = {
	.owner = THIS_MODULE,
	.open = probe_open,
	.release = probe_release,
	.unlocked_ioctl = probe_ioctl,
	.read = probe_read,
	.poll = probe_poll,
};

static struct miscdevice probe_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tcmu_probe",
	.mode = 0600,
	.fops = &probe_fops,
};

static u32 default_depth(struct se_portal_group *se_tpg)
{
	return 128;
}

static u32 inst_index(struct se_portal_group *se_tpg)
{
	return 1;
}

static int no(struct se_portal_group *se_tpg)
{
	return 0;
}

static int yes(struct se_portal_group *se_tpg)
{
	return 1;
}

static void no_attributes(struct se_node_acl *se_nacl)
{
}

static int no_state(struct se_cmd *se_cmd)
{
	return 0;
}

/* Whoever may open the device is let in, ACL or not, and may write. */
static const struct target_core_fabric_ops probe_ops = {
	.module = THIS_MODULE,
	.fabric_name = "tcmu_probe",
	.tpg_get_wwn = probe_get_wwn,
	.tpg_get_tag = probe_get_tag,
	.tpg_get_default_depth = default_depth,
	.tpg_check_demo_mode = yes,
	.tpg_check_demo_mode_cache = no,
	.tpg_check_demo_mode_write_protect = no,
	.tpg_check_prod_mode_write_protect = no,
	.tpg_get_inst_index = inst_index,
	.check_stop_free = probe_check_stop_free,
	.release_cmd = probe_release_cmd,
	.close_session = probe_close_session,
	.sess_get_index = probe_get_index,
	.write_pending = probe_write_pending,
	.set_default_node_attributes = no_attributes,
	.get_cmd_state = no_state,
	.queue_data_in = probe_queue_data_in,
	.queue_status = probe_queue_status,
	.queue_tm_rsp = probe_queue_tm_rsp,
	.aborted_task = probe_aborted_task,
	.fabric_make_wwn = probe_make_wwn,
	.fabric_drop_wwn = probe_drop_wwn,
	.fabric_make_tpg = probe_make_tpg,
	.fabric_enable_tpg = probe_enable_tpg,
	.fabric_drop_tpg = probe_drop_tpg,
	.fabric_init_nodeacl = probe_init_nodeacl,
/* A command is with the backend when SUBMIT returns. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	.default_submit_type = TARGET_DIRECT_SUBMIT,
	.direct_submit_supp = 1,
#endif
};

static int __init probe_init(void)
{
	int rc = probe_sessions_init();

	if (rc)
		return rc;
	rc = target_register_template(&probe_ops);
	if (rc)
		goto no_template;
	rc = misc_register(&probe_device);
	if (rc)
		goto no_device;
	return 0;
no_device:
	target_unregister_template(&probe_ops);
no_template:
	probe_sessions_exit();
	return rc;
}

static void __exit probe_exit(void)
{
	misc_deregister(&probe_device);
	probe_sessions_exit();
	target_unregister_template(&probe_ops);
}

module_init(probe_init);
module_exit(probe_exit);

MODULE_DESCRIPTION("tcmu_probe: a fabric of the target core, for processes that test targets");
MODULE_LICENSE("GPL");
