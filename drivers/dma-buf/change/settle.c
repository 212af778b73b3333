// SPDX-License-Identifier: GPL-2.0
/*
 * Tells a buffer's importers that it was withdrawn or is back.
 *
 * Whether a buffer may be used is decided without its reservation lock: somebody marks it, or a
 * device changes its state. From then on everybody who asks for the memory is refused. Importers
 * that have it already must be told, which needs the reservation lock. That may be held for a
 * while, by a copy or by an importer. So who changes something calls peerbuf_settle(): it tells
 * importers at once if the lock is free, and otherwise queues a work item. The caller then waits
 * in peerbuf_drain() for as long as it wants to.
 *
 * Who holds the lock for long looks at the mark from time to time.
 */
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "change/settle.h"
#include "core/buffer.h"
#include "core/client.h"
#include "core/event.h"
#include "core/hold.h"
#include "core/marks.h"
#include "core/placement.h"
#include "core/reach.h"
#include "core/stats.h"
#include "core/trace.h"

static struct workqueue_struct *peerbuf_wq;

int peerbuf_settle_init(void)
{
	peerbuf_wq = alloc_workqueue("peerbuf", WQ_UNBOUND, 0);
	return peerbuf_wq ? 0 : -ENOMEM;
}

/* Returns false if the work item is queued already. */
bool peerbuf_queue(struct work_struct *work)
{
	return queue_work(peerbuf_wq, work);
}

/* No work item is left: each was a visitor, and the buffer's release has waited for it. */
void peerbuf_settle_exit(void)
{
	destroy_workqueue(peerbuf_wq);
}

static void peerbuf_withdraw(struct peerbuf *pb, u32 trouble)
{
	peerbuf_invalidate(pb);
	pb->account.revokes++;
	peerbuf_stat_inc(PEERBUF_STAT_REVOKES);
	trace_peerbuf_revoke(pb, trouble);
	peerbuf_event_asked(pb, PEERBUF_EVENT_REVOKE);

	spin_lock(&pb->holds_lock);
	pb->draining = pb->generation;
	spin_unlock(&pb->holds_lock);
	peerbuf_tell_drained(pb);
}

static void peerbuf_give_back(struct peerbuf *pb)
{
	peerbuf_stat_inc(PEERBUF_STAT_RESTORES);
	trace_peerbuf_restore(pb, pb->told == PEERBUF_REASON_DEVICE_DOWN ? pb->told : 0);
	peerbuf_event_asked(pb, PEERBUF_EVENT_RESTORE);
	peerbuf_tell_changed(pb);
}

/* Was there a recall since the last call? A killed provider marks the buffer dead first. */
static bool peerbuf_take_recall(struct peerbuf *pb)
{
	if (!peerbuf_vecs_alive(pb->placement->vecs))
		peerbuf_marks_set(&pb->marks, PEERBUF_REVOKED_DEAD, NULL);
	return peerbuf_marks_take_recall(&pb->marks);
}

/*
 * Under resv; @hold is of the present generation. Does the device still reach what it has mapped,
 * and by the same route?
 */
static bool peerbuf_hold_reaches(struct peerbuf *pb, struct peerbuf_hold *hold)
{
	struct peerbuf_client *client = hold->client;

	/*
	 * A vmap is always reached. Nothing is known of an importer that detached without
	 * unmapping.
	 */
	if (!client)
		return true;
	if (hold->map)
		return p2p_map_holds(hold->map);
	return !peerbuf_client_plan(pb, client) && !p2p_plan_verdict(&client->plan, NULL);
}

/*
 * Under resv; the buffer is not revoked and its devices are up. Invalidates it if a route has
 * changed. If only importers that cannot be revoked are affected, that would help nobody, so it is
 * not done.
 */
static void peerbuf_follow_routes(struct peerbuf *pb)
{
	u64 generation = p2p_routes_generation();
	struct peerbuf_hold *hold;
	bool lost = false;

	dma_resv_assert_held(pb->dmabuf->resv);

	if (pb->routes == generation)
		return;
	pb->routes = generation;
	list_for_each_entry(hold, &pb->holds, node) {
		if (hold->generation != pb->generation || peerbuf_hold_reaches(pb, hold))
			continue;
		dev_notice_ratelimited(hold->client->attach->dev,
				       "peerbuf: export %llu: the route of its mapping is gone or has changed%s\n",
				       pb->id,
				       hold->client->revocable ? "" :
				       ", but the importer cannot be told");
		lost |= hold->client->revocable;
	}
	if (lost)
		peerbuf_invalidate(pb);
	/* An importer that had no route may have one now. */
	peerbuf_tell_changed(pb);
}

/*
 * The buffer may have been withdrawn, even several times, and be back since the last call:
 * older mappings have to go even then.
 */
static void peerbuf_tell(struct peerbuf *pb)
{
	bool recall = peerbuf_take_recall(pb);
	u32 trouble = peerbuf_trouble(pb);

	if (recall || (trouble && !pb->told))
		peerbuf_withdraw(pb, trouble);
	if (!trouble && (recall || pb->told))
		peerbuf_give_back(pb);
	else if (trouble == PEERBUF_REASON_DEVICE_GONE && pb->told != trouble)
		peerbuf_tell_changed(pb);
	pb->told = trouble;
	if (!trouble)
		peerbuf_follow_routes(pb);
}

/*
 * Under resv. Reads the number first, so it tells importers of every change made before the call
 * with that number. A buffer without a placement is being made or released, and has no importer.
 */
void peerbuf_settle_held(struct peerbuf *pb)
{
	s64 asked = atomic64_read_acquire(&pb->asked);

	dma_resv_assert_held(pb->dmabuf->resv);

	if (pb->placement) {
		peerbuf_tell(pb);
		peerbuf_reap(pb);
	}
	atomic64_set_release(&pb->settled, asked);
	if (wq_has_sleeper(&pb->holds_wq))
		wake_up_all(&pb->holds_wq);
}

void peerbuf_settle_work(struct work_struct *work)
{
	struct peerbuf *pb = container_of(work, struct peerbuf, settling);

	dma_resv_lock(pb->dmabuf->resv, NULL);
	peerbuf_settle_held(pb);
	dma_resv_unlock(pb->dmabuf->resv);
	peerbuf_put(pb);
}

/*
 * To be called after a change of what peerbuf_trouble() or a route says. The caller holds no lock
 * of the buffer, and holds the DMA-BUF or visits the buffer. Does not wait: peerbuf_drain() does.
 */
void peerbuf_settle(struct peerbuf *pb)
{
	lockdep_assert_not_held(&pb->dmabuf->resv->lock.base);

	peerbuf_note_asker(pb);
	atomic64_inc_return(&pb->asked);
	if (dma_resv_trylock(pb->dmabuf->resv)) {
		peerbuf_settle_held(pb);
		dma_resv_unlock(pb->dmabuf->resv);
		return;
	}
	/* Zap CPU mappings without the lock. The work item zaps those of faults under way again. */
	if (peerbuf_trouble_unlocked(pb))
		peerbuf_zap(pb);
	if (WARN_ON_ONCE(!peerbuf_tryget(pb)))
		return;
	/* If it is queued already, it has not read the number yet. */
	if (!peerbuf_queue(&pb->settling))
		peerbuf_put(pb);
}
