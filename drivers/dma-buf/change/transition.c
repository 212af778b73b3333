// SPDX-License-Identifier: GPL-2.0
/*
 * Takes a device down, up or away, and with it the buffers that have memory of it.
 *
 * The device's claims lead to those buffers. Claims are added and removed while somebody walks
 * along them, because the device's lock is dropped to visit a buffer. So each walk has a cursor of
 * its own in the list. Claims are listed in the order in which they were made. A walk ends at the
 * last claim that was there when it began: later claims were checked against the new state.
 */
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/pci.h>

#include <peerbuf/peerbuf.h>

#include "change/revoke.h"
#include "change/settle.h"
#include "change/transition.h"
#include "core/buffer.h"
#include "core/claim.h"
#include "core/device.h"
#include "core/event.h"
#include "core/marks.h"
#include "core/placement.h"
#include "core/refusal.h"
#include "core/wait.h"

/**
 * struct peerbuf_walk - a walk along a device's claims
 * @cursor: in the list, behind the last claim that was visited
 * @end: number of the last claim when the walk began
 */
struct peerbuf_walk {
	struct peerbuf_claim cursor;
	u64 end;
};

static void peerbuf_walk_begin(struct peerbuf_walk *walk, struct peerbuf_device *pdevice)
{
	walk->cursor.pb = NULL;
	mutex_lock(&pdevice->lock);
	walk->end = pdevice->last_claim;
	list_add(&walk->cursor.node, &pdevice->claims);
	mutex_unlock(&pdevice->lock);
}

static void peerbuf_walk_end(struct peerbuf_walk *walk, struct peerbuf_device *pdevice)
{
	mutex_lock(&pdevice->lock);
	list_del(&walk->cursor.node);
	mutex_unlock(&pdevice->lock);
}

/* Returns the next buffer, as a visitor of it, or NULL. */
static struct peerbuf *peerbuf_walk_next(struct peerbuf_walk *walk,
					 struct peerbuf_device *pdevice)
{
	struct list_head *cursor = &walk->cursor.node;
	struct peerbuf *found = NULL;
	struct peerbuf_claim *claim;

	mutex_lock(&pdevice->lock);
	while (!found && !list_is_last(cursor, &pdevice->claims)) {
		claim = list_next_entry(&walk->cursor, node);
		if (claim->pb && claim->nr > walk->end)
			break;
		list_move(cursor, &claim->node);
		if (claim->pb && peerbuf_tryget(claim->pb))
			found = claim->pb;
	}
	mutex_unlock(&pdevice->lock);
	return found;
}

/* Visits each buffer that has a claim on the device. The caller holds no lock but transition. */
static void peerbuf_device_walk(struct peerbuf_device *pdevice,
				void (*visit)(struct peerbuf_device *pdevice, struct peerbuf *pb))
{
	struct peerbuf_walk walk;
	struct peerbuf *pb;

	peerbuf_walk_begin(&walk, pdevice);
	while ((pb = peerbuf_walk_next(&walk, pdevice))) {
		visit(pdevice, pb);
		peerbuf_put(pb);
	}
	peerbuf_walk_end(&walk, pdevice);
}

/*
 * Called after importers were told to unmap: waits until they have. Called without transition, so
 * that the device can change its state meanwhile, and the time limits of other callers hold.
 * Returns 0, -EINPROGRESS if time ran out while somebody still had a mapping, or -EINTR.
 */
int peerbuf_device_drain(struct peerbuf_device *pdevice,
			 const struct peerbuf_timeout *timeout)
{
	struct peerbuf_walk walk;
	struct peerbuf *pb;
	int ret = 0;
	struct peerbuf_refusal why;

	lockdep_assert_not_held(&pdevice->transition);

	peerbuf_walk_begin(&walk, pdevice);
	while (!ret && (pb = peerbuf_walk_next(&walk, pdevice))) {
		ret = peerbuf_drain(pb, timeout, &why);
		peerbuf_put(pb);
	}
	peerbuf_walk_end(&walk, pdevice);
	return ret;
}

/* @pb is dead or away, so it gets no new mappings: every hold is an old one. */
static void peerbuf_say_held(struct peerbuf_device *pdevice, struct peerbuf *pb)
{
	char name[32];
	u32 count;
	u64 addr;

	peerbuf_first_holder(pb, U64_MAX, &addr, name, sizeof(name), &count);
	if (count)
		pci_warn(pdevice->pdev, "peerbuf: export %llu is still mapped by %s (%u in all)\n",
			 pb->id, name, count);
}

/* Logs who still maps memory of a device that is down or gone. */
void peerbuf_device_say_held(struct peerbuf_device *pdevice)
{
	peerbuf_device_walk(pdevice, peerbuf_say_held);
}

/* Under peerbuf_device.lock. Returns whether the state changed; "gone" never does. */
static bool peerbuf_device_set_state(struct peerbuf_device *pdevice, unsigned int state)
{
	lockdep_assert_held(&pdevice->lock);

	if (pdevice->state == state || pdevice->state == PEERBUF_DEVICE_GONE)
		return false;
	WRITE_ONCE(pdevice->state, state);
	return true;
}

/* The device is up if no reason in PEERBUF_DOWN_* is left. */
static bool peerbuf_device_set_down(struct peerbuf_device *pdevice, u32 why, bool down)
{
	bool changed;

	mutex_lock(&pdevice->lock);
	if (down)
		pdevice->down |= why;
	else
		pdevice->down &= ~why;
	changed = peerbuf_device_set_state(pdevice, pdevice->down ? PEERBUF_DEVICE_DOWN :
								    PEERBUF_DEVICE_UP);
	mutex_unlock(&pdevice->lock);
	return changed;
}

static bool peerbuf_device_set_gone(struct peerbuf_device *pdevice)
{
	bool changed;

	mutex_lock(&pdevice->lock);
	changed = peerbuf_device_set_state(pdevice, PEERBUF_DEVICE_GONE);
	peerbuf_bars_remove(pdevice, ~0U);
	mutex_unlock(&pdevice->lock);
	return changed;
}

/*
 * @pdevice is no longer up, so every buffer with memory of it goes down. A buffer
 * that is marked revoked was recalled when it was marked. One that has moved away meanwhile
 * keeps working, and the caller drains its old mappings. One that is just moving here is
 * found to have trouble when it is visited.
 */
static void peerbuf_device_buffer_down(struct peerbuf_device *pdevice,
				       struct peerbuf *pb)
{
	if (peerbuf_lies_in(pb, pdevice))
		peerbuf_marks_recall(&pb->marks);
	peerbuf_settle(pb);
}

/*
 * From its return on nobody is given the memory, and importers that have it have been told to
 * unmap, or will be by a work item. @why: PEERBUF_DOWN_*. Does not wait for importers.
 */
void peerbuf_device_tell_down(struct peerbuf_device *pdevice, u32 why)
{
	mutex_lock(&pdevice->transition);
	if (peerbuf_device_set_down(pdevice, why, true))
		peerbuf_device_walk(pdevice, peerbuf_device_buffer_down);
	mutex_unlock(&pdevice->transition);
}

/* @pdevice is up again. A buffer that is marked revoked stays so. */
static void peerbuf_device_buffer_up(struct peerbuf_device *pdevice,
				     struct peerbuf *pb)
{
	peerbuf_settle(pb);
}

/* Undoes peerbuf_device_tell_down(). */
void peerbuf_device_tell_up(struct peerbuf_device *pdevice, u32 why)
{
	mutex_lock(&pdevice->transition);
	if (peerbuf_device_set_down(pdevice, why, false))
		peerbuf_device_walk(pdevice, peerbuf_device_buffer_up);
	mutex_unlock(&pdevice->transition);
}

void peerbuf_device_tell_gone(struct peerbuf_device *pdevice)
{
	mutex_lock(&pdevice->transition);
	if (peerbuf_device_set_gone(pdevice))
		peerbuf_device_walk(pdevice, peerbuf_device_buffer_down);
	peerbuf_event_hangup(pdevice);
	mutex_unlock(&pdevice->transition);
}

/* Some BARs of @pdevice were withdrawn: peerbuf_settle() marks buffers with memory of them dead. */
static void peerbuf_device_buffer_withdrawn(struct peerbuf_device *pdevice,
					    struct peerbuf *pb)
{
	peerbuf_settle(pb);
}

/*
 * Revokes for good every buffer that has memory of these BARs. Returns 0; -EINPROGRESS or -EINTR:
 * the BARs are withdrawn, but somebody still maps them.
 */
int peerbuf_device_withdraw_bars(struct peerbuf_device *pdevice,
				 unsigned int mask,
				 const struct peerbuf_timeout *timeout)
{
	mutex_lock(&pdevice->transition);
	mutex_lock(&pdevice->lock);
	peerbuf_bars_remove(pdevice, mask);
	mutex_unlock(&pdevice->lock);
	peerbuf_device_walk(pdevice, peerbuf_device_buffer_withdrawn);
	mutex_unlock(&pdevice->transition);

	return peerbuf_device_drain(pdevice, timeout);
}

/**
 * peerbuf_device_down() - withdraw a device for a while
 * @pdevice: from peerbuf_device_register()
 * @timeout: how long to wait for importers, in jiffies; 0, or MAX_SCHEDULE_TIMEOUT
 *
 * For reset, low power, and everything else that makes the BARs unreachable: everything exported
 * from the device is revoked, and nothing maps it when this returns 0. No export is made
 * until peerbuf_device_up(). Calling it twice is harmless. When the machine goes to sleep, peerbuf
 * takes all registered devices down itself, before processes are frozen. @timeout holds even if
 * others are waiting for the same importers.
 *
 * Context: process context, may sleep. The driver core's callbacks hold locks that others need:
 * they pass a timeout. An importer that cannot be revoked may take any time: a call
 * without a time limit ends when its process is killed.
 * Return: 0, or the device is down, but somebody still has a mapping: -EINPROGRESS (unless @timeout
 * is 0, the kernel log names the importer), or -EINTR the process is being killed.
 */
int peerbuf_device_down(struct peerbuf_device *pdevice, unsigned long timeout)
{
	struct peerbuf_timeout limit =
		peerbuf_timeout(timeout, timeout == MAX_SCHEDULE_TIMEOUT ?
				PEERBUF_WAIT_KILLABLE : PEERBUF_WAIT_IDLE);
	int ret;

	peerbuf_device_tell_down(pdevice, PEERBUF_DOWN_OWNER);
	ret = peerbuf_device_drain(pdevice, &limit);
	/* With @timeout 0 importers had no time to unmap, so they are not logged. */
	if (ret && timeout)
		peerbuf_device_say_held(pdevice);
	return ret;
}
EXPORT_SYMBOL_GPL(peerbuf_device_down);

/**
 * peerbuf_device_up() - undo peerbuf_device_down()
 * @pdevice: from peerbuf_device_register()
 *
 * Exports come back at their place, except those that are revoked for another reason. While the
 * machine is asleep, or on its way there, they come back when it is awake again.
 *
 * Context: process context, may sleep.
 */
void peerbuf_device_up(struct peerbuf_device *pdevice)
{
	peerbuf_device_tell_up(pdevice, PEERBUF_DOWN_OWNER);
}
EXPORT_SYMBOL_GPL(peerbuf_device_up);
