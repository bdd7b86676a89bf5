/* SPDX-License-Identifier: MIT */
/*
 * The range lock: COMPARE AND WRITE alone on its blocks, everything else side by side.
 *
 * Tasks stand in one list in order of arrival, holders and waiters alike. A task waits for each
 * earlier one that overlaps it if either is exclusive; nobody waits for a later one, so there is no
 * deadlock and no starvation. As long as no exclusive task is about, taking the lock is a list
 * insertion.
 */
#include "scsi_impl.h"

static bool conflict(const struct scsi_task *a, const struct scsi_task *b)
{
	if (!a->exclusive && !b->exclusive)
		return false;
	return a->lock_first < b->lock_end && b->lock_first < a->lock_end;
}

static bool must_wait(const struct scsi_task *t)
{
	const struct scsi_task *u;

	for (u = t->lun->lock_first; u != t; u = u->lock_next) {
		if (conflict(u, t))
			return true;
	}
	return false;
}

void scsi_lock(struct scsi_task *t, uint64_t lba, uint64_t blocks, bool exclusive, scsi_fn *go)
{
	struct scsi_lun *lun = t->lun;

	t->lock_first = lba;
	t->lock_end = lba + blocks;
	t->exclusive = exclusive;
	t->held = true;
	t->lock_next = NULL;
	t->lock_prev = lun->lock_last;
	if (lun->lock_last != NULL)
		lun->lock_last->lock_next = t;
	else
		lun->lock_first = t;
	lun->lock_last = t;
	if (exclusive)
		lun->exclusives++;
	if (lun->exclusives != 0 && must_wait(t)) {
		t->waiting = true;
		t->resume = go;
		lun->waiters++;
		return;
	}
	go(t);
}

static void grant(struct scsi_lun *lun)
{
	for (struct scsi_task *t = lun->lock_first; t != NULL; t = t->lock_next) {
		if (!t->waiting || must_wait(t))
			continue;
		t->waiting = false;
		lun->waiters--;
		scsi_again(t, t->resume);
	}
}

void scsi_unlock(struct scsi_task *t)
{
	struct scsi_lun *lun = t->lun;

	if (t->lock_prev != NULL)
		t->lock_prev->lock_next = t->lock_next;
	else
		lun->lock_first = t->lock_next;
	if (t->lock_next != NULL)
		t->lock_next->lock_prev = t->lock_prev;
	else
		lun->lock_last = t->lock_prev;
	t->held = false;
	if (t->exclusive)
		lun->exclusives--;
	if (t->waiting)
		lun->waiters--;
	if (lun->waiters != 0)
		grant(lun);
}
