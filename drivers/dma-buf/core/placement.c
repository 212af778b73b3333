// SPDX-License-Identifier: GPL-2.0
/* Where a buffer is, and the places it has left. */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/buffer.h"
#include "core/claim.h"
#include "core/device.h"
#include "core/placement.h"
#include "core/refusal.h"
#include "core/wait.h"

/*
 * Takes its own reference to @vecs. From here on the buffer's devices find the buffer, so it must
 * have its DMA-BUF. Under the buffer's resv: a device that goes away now visits the buffer under
 * resv, and finds it before or after the change of its placement, never in between.
 */
struct peerbuf_placement *peerbuf_placement_create(struct peerbuf *pb,
						   struct p2p_vecs *vecs,
						   bool when_down, struct peerbuf_refusal *why)
{
	u32 room = min_t(u32, vecs->nr_parts, PEERBUF_MAX_DEVICES);
	struct peerbuf_placement *placement;
	int ret;

	dma_resv_assert_held(pb->dmabuf->resv);

	placement = kzalloc(struct_size(placement, claims, room), GFP_KERNEL_ACCOUNT);
	if (!placement)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&placement->retired);
	placement->vecs = p2p_vecs_get(vecs);

	ret = peerbuf_placement_claim(placement, pb, when_down, why);
	if (ret) {
		peerbuf_placement_destroy(placement);
		return ERR_PTR(ret);
	}
	return placement;
}

/* To be called after the last mapping made from it is gone. The buffer's resv may be held. */
void peerbuf_placement_destroy(struct peerbuf_placement *placement)
{
	struct peerbuf_claim *claim;
	u32 i;

	for (i = 0; i < placement->nr_claims; i++) {
		claim = &placement->claims[i];
		mutex_lock(&claim->pdevice->lock);
		list_del(&claim->node);
		mutex_unlock(&claim->pdevice->lock);
		peerbuf_device_put(claim->pdevice);
	}
	dma_fence_put(placement->copied);
	p2p_vecs_put(placement->vecs);
	kfree(placement);
}

/*
 * Under resv. Frees the placements that the buffer has left and nobody maps any more. Mappings
 * older than the generation that began when the buffer left may have been made from there.
 *
 * While the exporting driver's engine still accesses such a placement its claims stay, so that its
 * devices find the buffer and wait for the engine. Only the reference to the list is dropped: the
 * driver holds its own for the engine, and the list's release function tells it when that is over.
 */
void peerbuf_reap(struct peerbuf *pb)
{
	struct peerbuf_placement *old, *next;

	dma_resv_assert_held(pb->dmabuf->resv);

	list_for_each_entry_safe(old, next, &pb->retired, retired) {
		if (!peerbuf_holds_ended(pb, old->retired_at))
			break;
		if (old->copied && !dma_fence_is_signaled(old->copied)) {
			p2p_vecs_put(old->vecs);
			old->vecs = NULL;
			continue;
		}
		list_del(&old->retired);
		peerbuf_placement_destroy(old);
	}
}

/*
 * Under resv: will the contents of @pb be right after a move to @to? A copy into memory that is
 * named twice loses bytes. A copy out of such memory makes two places of one; so would a later
 * fallback. Returns 0 or -EINVAL.
 */
int peerbuf_check_aliases(const struct peerbuf *pb, const struct p2p_vecs *to,
			  u32 flags, struct peerbuf_refusal *why)
{
	const struct p2p_vecs *from = pb->placement->vecs;
	bool copy = flags & PEERBUF_MOVE_F_COPY;

	dma_resv_assert_held(pb->dmabuf->resv);

	if (copy && (p2p_vecs_overlap(to, from) || p2p_vecs_aliased(to)))
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_OVERLAP);
	if (copy ? p2p_vecs_aliased(from) :
		   pb->flags & PEERBUF_EXPORT_F_FALLBACK && p2p_vecs_aliased(to))
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_ALIASED);
	return 0;
}

bool peerbuf_vecs_alive(const struct p2p_vecs *vecs)
{
	u32 i;

	for (i = 0; i < vecs->nr_parts; i++)
		if (!p2p_provider_alive(vecs->part[i].provider))
			return false;
	return true;
}

/*
 * Under holds_lock: does the buffer have memory of @pdevice, or is @pdevice its home? See
 * peerbuf_belongs_to().
 */
bool peerbuf_belongs_held(struct peerbuf *pb, struct peerbuf_device *pdevice)
{
	lockdep_assert_held(&pb->holds_lock);

	return pb->home == pdevice ||
	       (pb->placement && peerbuf_placement_uses(pb->placement, pdevice));
}

/*
 * Called without resv by a visitor; the answer is of this moment. A buffer that is being exported
 * has no placement yet, and nothing maps it.
 */
bool peerbuf_lies_in(struct peerbuf *pb, struct peerbuf_device *pdevice)
{
	bool lies;

	spin_lock(&pb->holds_lock);
	lies = pb->placement && peerbuf_placement_uses(pb->placement, pdevice);
	spin_unlock(&pb->holds_lock);
	return lies;
}

/*
 * Does the device's node list the buffer? It also lists buffers that were exported through it and
 * have moved away, so that their owner can find them.
 */
bool peerbuf_belongs_to(struct peerbuf *pb, struct peerbuf_device *pdevice)
{
	bool belongs;

	spin_lock(&pb->holds_lock);
	belongs = peerbuf_belongs_held(pb, pdevice);
	spin_unlock(&pb->holds_lock);
	return belongs;
}
