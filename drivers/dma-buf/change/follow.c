// SPDX-License-Identifier: GPL-2.0
/*
 * Moves derived buffers together with the buffer whose parts they are.
 *
 * Most derived buffers share the reservation object of their root, which the mover holds. A buffer
 * composed of parts of several roots has its own. The mover only tries to lock these, for a second
 * altogether: it must not wait for a second buffer's lock while it holds the first one's, because
 * somebody else may wait in the opposite order.
 *
 * Everything that can fail is done before any importer is invalidated: the new placements and
 * their claims are made, and no follower is pinned. The followers stay gathered until
 * peerbuf_followers_release(). The mover holds the root's reservation lock from the first of
 * these calls to the last, so nobody joins or leaves the family.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/spinlock.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "change/arrive.h"
#include "change/follow.h"
#include "core/buffer.h"
#include "core/client.h"
#include "core/hold.h"
#include "core/part.h"
#include "core/placement.h"
#include "core/reach.h"
#include "core/refusal.h"
#include "core/wait.h"

#define PEERBUF_FOLLOW_TIMEOUT	HZ

/* True for the first of a buffer's parts that have this root. */
static bool peerbuf_is_first_part(const struct peerbuf_part *part)
{
	const struct peerbuf_part *other;

	for (other = part->of->parts; other < part; other++)
		if (other->root == part->root)
			return false;
	return true;
}

/* Locks @follower if it has a lock of its own. *@locked: the caller has to unlock it. */
static int peerbuf_follower_lock(struct peerbuf *follower, struct peerbuf *pb,
				 unsigned long until, bool *locked, struct peerbuf_refusal *why)
{
	*locked = follower->root != pb;
	if (!*locked || peerbuf_lock_until(follower, until))
		return 0;
	return peerbuf_fail(why, -EBUSY, PEERBUF_REASON_BUSY);
}

/* With both locks: may @follower move? The checks are those for any buffer that moves. */
static int peerbuf_follower_check(struct peerbuf *follower, struct peerbuf_refusal *why)
{
	if (peerbuf_revoked(follower) & ~PEERBUF_REVOKED_DEAD)
		return peerbuf_fail(why, -ENODEV, PEERBUF_REASON_REVOKED);
	if (peerbuf_pins(follower))
		return peerbuf_fail(why, -EBUSY, PEERBUF_REASON_PINNED);
	/* A driver with a place operation places its buffers for importers of their parts, too. */
	if (follower->root->ops && follower->root->ops->place)
		return 0;
	return peerbuf_clients_check(follower, follower->follow.to, why);
}

static struct peerbuf_placement *
peerbuf_follower_placement(struct peerbuf *follower, struct peerbuf *pb, struct p2p_vecs *to,
			   struct peerbuf_refusal *why)
{
	struct peerbuf_placement *placement;
	struct p2p_vecs *vecs;

	vecs = peerbuf_parts_vecs(follower, pb, to);
	if (IS_ERR(vecs))
		return ERR_CAST(vecs);
	placement = peerbuf_placement_create(follower, vecs, false, why);
	p2p_vecs_put(vecs);
	return placement;
}

/* A buffer without a placement is being released, and is skipped. */
static int peerbuf_follower_add(struct peerbuf *follower, struct peerbuf *pb,
				struct p2p_vecs *to, unsigned long until,
				struct peerbuf_refusal *why)
{
	struct peerbuf_placement *placement = NULL;
	bool locked;
	int ret;

	ret = peerbuf_follower_lock(follower, pb, until, &locked, why);
	if (ret)
		return ret;
	if (follower->placement)
		placement = peerbuf_follower_placement(follower, pb, to, why);
	if (IS_ERR_OR_NULL(placement)) {
		if (locked)
			dma_resv_unlock(follower->dmabuf->resv);
		return PTR_ERR_OR_ZERO(placement);
	}
	follower->follow.to = placement;
	follower->follow.locked = locked;
	list_add_tail(&follower->follow.node, &pb->followers);
	return peerbuf_follower_check(follower, why);
}

/*
 * Prepares the family for @pb's move to @to. Returns 0; -EBUSY: a derived buffer is pinned, or its
 * lock was not free; -ENODEV: one is revoked; -EHOSTUNREACH: an importer of one does not reach the
 * new place; -EMSGSIZE: one would lie in too many devices; -ENOMEM. Whatever it returns, the caller
 * calls peerbuf_followers_release().
 */
int peerbuf_followers_gather(struct peerbuf *pb, struct p2p_vecs *to, struct peerbuf_refusal *why)
{
	unsigned long until = jiffies + PEERBUF_FOLLOW_TIMEOUT;
	struct peerbuf_part *part;
	int ret;

	dma_resv_assert_held(pb->dmabuf->resv);

	list_for_each_entry(part, &pb->family, node) {
		if (!peerbuf_is_first_part(part))
			continue;
		ret = peerbuf_follower_add(part->of, pb, to, until, why);
		if (ret)
			return ret;
	}
	return 0;
}

void peerbuf_followers_invalidate(struct peerbuf *pb)
{
	struct peerbuf *follower;

	list_for_each_entry(follower, &pb->followers, follow.node)
		peerbuf_invalidate(follower);
}

/* Waits for the fences in followers' own objects. Returns as peerbuf_wait_fences_held(). */
int peerbuf_followers_wait(struct peerbuf *pb, const struct peerbuf_timeout *timeout)
{
	struct peerbuf *follower;
	int ret;

	list_for_each_entry(follower, &pb->followers, follow.node) {
		if (!follower->follow.locked)
			continue;
		ret = peerbuf_wait_fences_held(follower, DMA_RESV_USAGE_BOOKKEEP, timeout);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * Does a follower have a reservation object of its own? Its importers do not see the fence of a
 * copy that is under way in @pb's object.
 */
bool peerbuf_followers_composed(const struct peerbuf *pb)
{
	const struct peerbuf *follower;

	list_for_each_entry(follower, &pb->followers, follow.node)
		if (follower->follow.locked)
			return true;
	return false;
}

/* Makes what the followers' importers wrote visible to a CPU. */
void peerbuf_followers_sync(struct peerbuf *pb)
{
	struct peerbuf *follower;
	struct peerbuf_hold *hold;

	list_for_each_entry(follower, &pb->followers, follow.node)
		list_for_each_entry(hold, &follower->holds, node)
			if (hold->map)
				p2p_map_sync_for_cpu(hold->map);
}

/*
 * @pb has arrived. A follower that was marked after it was gathered goes along nevertheless: nobody
 * maps it, and its place is always that of its root.
 */
void peerbuf_followers_arrive(struct peerbuf *pb)
{
	struct peerbuf_placement *from, *to;
	struct peerbuf *follower;

	list_for_each_entry(follower, &pb->followers, follow.node) {
		from = follower->placement;
		to = follower->follow.to;
		follower->follow.to = NULL;
		spin_lock(&follower->holds_lock);
		peerbuf_arrive_at(follower, to);
		spin_unlock(&follower->holds_lock);
		follower->account.moves++;
		peerbuf_retire(follower, from, to);
	}
}

/* @pb stays where it is, and so do its followers: tells their importers to map again. */
void peerbuf_followers_stay(struct peerbuf *pb)
{
	struct peerbuf *follower;

	list_for_each_entry(follower, &pb->followers, follow.node)
		peerbuf_tell_changed(follower);
}

void peerbuf_followers_release(struct peerbuf *pb)
{
	struct peerbuf *follower, *next;

	dma_resv_assert_held(pb->dmabuf->resv);

	list_for_each_entry_safe(follower, next, &pb->followers, follow.node) {
		list_del(&follower->follow.node);
		if (follower->follow.to)
			peerbuf_placement_destroy(follower->follow.to);
		follower->follow.to = NULL;
		if (follower->follow.locked)
			dma_resv_unlock(follower->dmabuf->resv);
	}
}
