// SPDX-License-Identifier: GPL-2.0
/*
 * tcmu_probe: commands and task management functions, to the target core and back.
 *
 * A command has one reference, the target core's. It answers through queue_data_in(),
 * queue_status() or queue_tm_rsp(), or says aborted_task() of one that gets no answer; then it
 * releases the command, which is in the list of those that have ended from then on.
 *
 * What a process may ask for is bounded by what the target core and its backends take for granted:
 * a BIDI command has data both ways (TCMU has a BUG_ON for it), and a scatter list reaches, in
 * pages, as far as the expected length, since transport_kmap_data_sg() maps page by page.
 */
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <scsi/scsi_proto.h>
#include "module.h"

static_assert(TCMU_PROBE_SENSE == TRANSPORT_SENSE_BUFFER);
static_assert(TCMU_PROBE_SEGMENT == PAGE_SIZE);

static struct probe_cmd *to_cmd(struct se_cmd *se_cmd)
{
	return container_of(se_cmd, struct probe_cmd, se_cmd);
}

/* Data. */

static void free_data(struct probe_data *data)
{
	u32 i;

	for (i = 0; i < data->n; i++)
		__free_page(sg_page(&data->sgl[i]));
	kvfree(data->sgl);
	*data = (struct probe_data){ 0 };
}

/* Pages for @length bytes, or for the segments that there are instead. */
static int make_data(struct probe_data *data, u64 address, u32 length, const u32 *segments, u32 n)
{
	u32 i, left = length;
	struct page *page;

	data->address = address;
	n = segments ? n : DIV_ROUND_UP(length, PAGE_SIZE);
	if (!n)
		return 0;
	data->sgl = kvmalloc_array(n, sizeof(*data->sgl), GFP_KERNEL_ACCOUNT);
	if (!data->sgl)
		return -ENOMEM;
	sg_init_table(data->sgl, n);
	for (i = 0; i < n; i++) {
		page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
		if (!page)
			return -ENOMEM;
		sg_set_page(&data->sgl[i], page,
			    segments ? segments[i] : min_t(u32, left, PAGE_SIZE), 0);
		data->n = i + 1;
		left -= data->sgl[i].length;
	}
	return 0;
}

/* Each way until there is no more, or @length bytes. */
static int fetch_data(struct probe_data *data)
{
	u64 address = data->address;
	u32 i;

	for (i = 0; i < data->n; i++) {
		struct scatterlist *sg = &data->sgl[i];

		if (copy_from_user(sg_virt(sg), u64_to_user_ptr(address), sg->length))
			return -EFAULT;
		address += sg->length;
	}
	return 0;
}

static int deliver_data(struct probe_data *data, u32 length)
{
	u64 address = data->address;
	u32 i, n;

	for (i = 0; i < data->n && length; i++) {
		struct scatterlist *sg = &data->sgl[i];

		n = min(sg->length, length);
		if (copy_to_user(u64_to_user_ptr(address), sg_virt(sg), n))
			return -EFAULT;
		address += n;
		length -= n;
	}
	return 0;
}

/* NULL if there are none: whole pages then. */
static u32 *take_segments(const struct tcmu_probe_command *command)
{
	u64 in_all = 0;
	u32 *segments;
	u32 i, n = command->n_segments;

	if (!n)
		return command->segments ? ERR_PTR(-EINVAL) : NULL;
	if (n > TCMU_PROBE_SEGMENTS || command->length > n * PAGE_SIZE)
		return ERR_PTR(-EINVAL);
	segments = memdup_user(u64_to_user_ptr(command->segments), n * sizeof(*segments));
	if (IS_ERR(segments))
		return segments;
	for (i = 0; i < n; i++) {
		in_all += segments[i];
		if (!segments[i] || segments[i] > PAGE_SIZE || in_all > command->length) {
			kfree(segments);
			return ERR_PTR(-EINVAL);
		}
	}
	return segments;
}

static u32 pages_of(const struct tcmu_probe_command *command)
{
	u32 pages = command->n_segments ?: DIV_ROUND_UP(command->length, PAGE_SIZE);

	return pages + DIV_ROUND_UP(command->bidi_length, PAGE_SIZE);
}

/* Commands. */

void probe_cmd_free(struct probe_cmd *cmd)
{
	free_data(&cmd->data);
	free_data(&cmd->bidi);
	kfree(cmd);
}

/* Pages, and room for one more command, are the session's until give_back(). */
static struct probe_cmd *take_cmd(struct probe_session *session, u64 tag, u32 pages)
{
	struct probe_cmd *cmd;
	int rc = 0;

	spin_lock_irq(&session->ended_lock);
	if (session->commands == TCMU_PROBE_COMMANDS || pages > TCMU_PROBE_PAGES - session->pages) {
		rc = -EBUSY;
	} else {
		session->commands++;
		session->pages += pages;
	}
	spin_unlock_irq(&session->ended_lock);
	if (rc)
		return ERR_PTR(rc);
	cmd = kzalloc(sizeof(*cmd), GFP_KERNEL_ACCOUNT);
	if (!cmd) {
		spin_lock_irq(&session->ended_lock);
		session->commands--;
		session->pages -= pages;
		spin_unlock_irq(&session->ended_lock);
		return ERR_PTR(-ENOMEM);
	}
	cmd->session = session;
	cmd->pages = pages;
	cmd->se_cmd.tag = tag;
	cmd->event.tag = tag;
	return cmd;
}

static void give_back(struct probe_cmd *cmd)
{
	struct probe_session *session = cmd->session;

	spin_lock_irq(&session->ended_lock);
	session->commands--;
	session->pages -= cmd->pages;
	spin_unlock_irq(&session->ended_lock);
	probe_cmd_free(cmd);
}

static bool is_good(const struct tcmu_probe_command *command)
{
	bool bidi = command->direction == TCMU_PROBE_BIDI;

	return command->direction <= TCMU_PROBE_BIDI && command->attribute <= TCMU_PROBE_ACA &&
	       command->cdb_length && command->cdb_length <= TCMU_PROBE_CDB && !command->reserved &&
	       command->length <= TCMU_PROBE_LENGTH && command->bidi_length <= TCMU_PROBE_LENGTH &&
	       (bidi ? command->length && command->bidi_length
		     : !command->bidi_length && !command->bidi);
}

/* @cdb has room for the longest, as the target core copies as many bytes as the opcode says. */
static int hand_over(struct probe_cmd *cmd, const struct tcmu_probe_command *command,
		     unsigned char *cdb)
{
	static const int directions[] = { DMA_NONE, DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_TO_DEVICE };
	static const int attributes[] = { TCM_SIMPLE_TAG, TCM_ORDERED_TAG, TCM_HEAD_TAG,
					  TCM_ACA_TAG };
	struct probe_session *session = cmd->session;
	int flags = command->direction == TCMU_PROBE_BIDI ? TARGET_SCF_BIDI_OP : 0;
	int rc = -ESHUTDOWN;

	if (mutex_lock_killable(&session->lock))
		return -EINTR;
	if (session->se_sess)
		rc = target_init_cmd(&cmd->se_cmd, session->se_sess, cmd->sense, session->lun,
				     command->length, attributes[command->attribute],
				     directions[command->direction], flags);
	/* If this fails, the command has been answered. */
	if (!rc && !target_submit_prep(&cmd->se_cmd, cdb, cmd->data.sgl, cmd->data.n, cmd->bidi.sgl,
				       cmd->bidi.n, NULL, 0, GFP_KERNEL))
		target_submit(&cmd->se_cmd);
	mutex_unlock(&session->lock);
	return rc;
}

int probe_submit(struct probe_session *session, const struct tcmu_probe_command *command)
{
	unsigned char cdb[TCMU_PROBE_CDB] = { 0 };
	struct probe_cmd *cmd;
	u32 *segments;
	int rc;

	if (!is_good(command))
		return -EINVAL;
	segments = take_segments(command);
	if (IS_ERR(segments))
		return PTR_ERR(segments);
	cmd = take_cmd(session, command->tag, pages_of(command));
	if (IS_ERR(cmd)) {
		kfree(segments);
		return PTR_ERR(cmd);
	}
	memcpy(cdb, command->cdb, command->cdb_length);
	rc = make_data(&cmd->data, command->data, command->length, segments, command->n_segments);
	if (!rc)
		rc = make_data(&cmd->bidi, command->bidi, command->bidi_length, NULL, 0);
	if (!rc && (command->direction == TCMU_PROBE_OUT || command->direction == TCMU_PROBE_BIDI ||
		    command->data))
		rc = fetch_data(&cmd->data);
	if (!rc && command->bidi)
		rc = fetch_data(&cmd->bidi);
	if (!rc)
		rc = hand_over(cmd, command, cdb);
	if (rc)
		give_back(cmd);
	kfree(segments);
	return rc;
}

int probe_manage(struct probe_session *session, const struct tcmu_probe_manage *manage)
{
	struct probe_cmd *cmd;
	int rc = -ESHUTDOWN;

	if (manage->reserved || manage->function > 0xff)
		return -EINVAL;
	cmd = take_cmd(session, manage->tag, 0);
	if (IS_ERR(cmd))
		return PTR_ERR(cmd);
	cmd->event.kind = TCMU_PROBE_DROPPED;
	if (mutex_lock_killable(&session->lock)) {
		give_back(cmd);
		return -EINTR;
	}
	if (session->se_sess)
		rc = target_submit_tmr(&cmd->se_cmd, session->se_sess, cmd->sense, session->lun,
				       cmd, manage->function, GFP_KERNEL, manage->task, 0);
	mutex_unlock(&session->lock);
	if (rc)
		give_back(cmd);
	return rc;
}

/* Events. */

ssize_t probe_event(struct probe_session *session, void __user *to, size_t size)
{
	struct probe_cmd *cmd;
	struct probe_data *in;

	if (size < sizeof(cmd->event))
		return -EINVAL;
	spin_lock_irq(&session->ended_lock);
	cmd = list_first_entry_or_null(&session->ended, struct probe_cmd, entry);
	if (cmd)
		list_del(&cmd->entry);
	spin_unlock_irq(&session->ended_lock);
	if (!cmd)
		return -EAGAIN;
	in = cmd->bidi.n ? &cmd->bidi : &cmd->data;
	if (in->address && deliver_data(in, cmd->event.data_in))
		cmd->event.flags |= TCMU_PROBE_FAULT;
	if (copy_to_user(to, &cmd->event, sizeof(cmd->event))) {
		cmd->event.flags = 0;
		spin_lock_irq(&session->ended_lock);
		list_add(&cmd->entry, &session->ended);
		spin_unlock_irq(&session->ended_lock);
		return -EFAULT;
	}
	give_back(cmd);
	return sizeof(cmd->event);
}

/* Answers. */

static void stamp(struct probe_cmd *cmd, enum tcmu_probe_kind kind)
{
	unsigned long flags;

	cmd->event.kind = kind;
	cmd->event.ns = ktime_get_ns();
	spin_lock_irqsave(&cmd->session->ended_lock, flags);
	cmd->event.order = ++cmd->session->order;
	spin_unlock_irqrestore(&cmd->session->ended_lock, flags);
}

static void take_answer(struct probe_cmd *cmd)
{
	struct se_cmd *se_cmd = &cmd->se_cmd;
	struct tcmu_probe_event *event = &cmd->event;

	event->status = se_cmd->scsi_status;
	if (se_cmd->se_cmd_flags & (SCF_TRANSPORT_TASK_SENSE | SCF_EMULATED_TASK_SENSE)) {
		event->sense_length = min_t(u32, se_cmd->scsi_sense_length, sizeof(event->sense));
		memcpy(event->sense, cmd->sense, event->sense_length);
	}
	if (se_cmd->se_cmd_flags & SCF_UNDERFLOW_BIT)
		event->residual = se_cmd->residual_count;
	else if (se_cmd->se_cmd_flags & SCF_OVERFLOW_BIT)
		event->residual = -(s64)se_cmd->residual_count;
	stamp(cmd, TCMU_PROBE_ANSWERED);
}

int probe_write_pending(struct se_cmd *se_cmd)
{
	target_execute_cmd(se_cmd);
	return 0;
}

int probe_queue_data_in(struct se_cmd *se_cmd)
{
	struct probe_cmd *cmd = to_cmd(se_cmd);
	struct probe_data *in = cmd->bidi.n ? &cmd->bidi : &cmd->data;
	u32 i, length = 0;

	take_answer(cmd);
	for (i = 0; i < in->n; i++)
		length += in->sgl[i].length;
	if (cmd->bidi.n)
		cmd->event.data_in = length;
	else
		cmd->event.data_in = min(length, se_cmd->data_length);
	return 0;
}

int probe_queue_status(struct se_cmd *se_cmd)
{
	take_answer(to_cmd(se_cmd));
	return 0;
}

void probe_queue_tm_rsp(struct se_cmd *se_cmd)
{
	to_cmd(se_cmd)->event.status = se_cmd->se_tmr_req->response;
	stamp(to_cmd(se_cmd), TCMU_PROBE_MANAGED);
}

void probe_aborted_task(struct se_cmd *se_cmd)
{
	stamp(to_cmd(se_cmd), to_cmd(se_cmd)->event.kind == TCMU_PROBE_DROPPED
				      ? TCMU_PROBE_DROPPED
				      : TCMU_PROBE_ABORTED);
}

int probe_check_stop_free(struct se_cmd *se_cmd)
{
	return transport_generic_free_cmd(se_cmd, 0);
}

void probe_release_cmd(struct se_cmd *se_cmd)
{
	struct probe_cmd *cmd = to_cmd(se_cmd);
	struct probe_session *session = cmd->session;
	unsigned long flags;

	spin_lock_irqsave(&session->ended_lock, flags);
	list_add_tail(&cmd->entry, &session->ended);
	spin_unlock_irqrestore(&session->ended_lock, flags);
	wake_up_all(&session->wait);
}
