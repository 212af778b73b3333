// SPDX-License-Identifier: GPL-2.0
/*
 * Derived buffers go where their parts go.
 *
 * Most share the reservation object of what they are part of, which the mover has. One that is
 * composed of parts of several buffers has its own. That one is only tried for: who has the lock
 * of one buffer must not wait for that of another, since the other way round somebody may do the
 * same. A mover that does not get it within a second gives up.
 *
 * All that can fail is done before anybody is invalidated: the new placements are made, with
 * their claims, and nobody is pinned. What was gathered is in force until
 * peerbuf_followers_release(). The mover has the root's reservation lock from the first to the
 * last of these calls, so that nobody joins or leaves the family.
 */
#include "internal.h"

#define PEERBUF_FOLLOW_PATIENCE	HZ

/* Of a buffer with several parts of one root, all but the first are passed over. */
static bool peerbuf_is_first_part(const struct peerbuf_part *part)
{
	const struct peerbuf_part *other;

	for (other = part->of->parts; other < part; other++)
		if (other->root == part->root)
			return false;
	return true;
}

/* With its own lock, if it has one; *@locked: whether that is to be let go of again. */
static int peerbuf_follower_lock(struct peerbuf *follower, struct peerbuf *pb, bool *locked,
				 u32 *reason)
{
	*locked = follower->root != pb;
	if (!*locked || peerbuf_lock_until(follower, jiffies + PEERBUF_FOLLOW_PATIENCE))
		return 0;
	*reason = PEERBUF_REASON_BUSY;
	return -EBUSY;
}

/* With both locks: may it go there? The same goes for it as for any buffer that moves. */
static int peerbuf_follower_check(struct peerbuf *follower, u32 *reason)
{
	if (peerbuf_revoked(follower) & ~PEERBUF_REVOKED_DEAD) {
		*reason = PEERBUF_REASON_REVOKED;
		return -ENODEV;
	}
	if (peerbuf_pins(follower)) {
		*reason = PEERBUF_REASON_PINNED;
		return -EBUSY;
	}
	/* A driver that places its buffers does so for importers of their parts. */
	if (follower->root->ops && follower->root->ops->place)
		return 0;
	*reason = peerbuf_clients_lose(follower, follower->follow.to);
	if (!*reason)
		return 0;
	return *reason == PEERBUF_REASON_DEVICE_GONE ? -ENODEV : -EHOSTUNREACH;
}

static struct peerbuf_placement *
peerbuf_follower_placement(struct peerbuf *follower, struct peerbuf *pb, struct p2p_vecs *to,
			   u32 *reason)
{
	struct peerbuf_placement *placement;
	struct p2p_vecs *vecs;

	vecs = peerbuf_parts_vecs(follower, pb, to);
	if (IS_ERR(vecs))
		return ERR_CAST(vecs);
	placement = peerbuf_placement_create(follower, vecs, false, reason);
	p2p_vecs_put(vecs);
	return placement;
}

/* One that lies nowhere is being released, and does not come along. */
static int peerbuf_follower_add(struct peerbuf *follower, struct peerbuf *pb,
				struct p2p_vecs *to, u32 *reason)
{
	struct peerbuf_placement *placement = NULL;
	bool locked;
	int ret;

	ret = peerbuf_follower_lock(follower, pb, &locked, reason);
	if (ret)
		return ret;
	if (follower->placement)
		placement = peerbuf_follower_placement(follower, pb, to, reason);
	if (IS_ERR_OR_NULL(placement)) {
		if (locked)
			dma_resv_unlock(follower->dmabuf->resv);
		return PTR_ERR_OR_ZERO(placement);
	}
	follower->follow.to = placement;
	follower->follow.locked = locked;
	list_add_tail(&follower->follow.node, &pb->followers);
	return peerbuf_follower_check(follower, reason);
}

/*
 * @pb is to go to @to. Returns 0; -EBUSY one that was derived from it is pinned, or somebody else
 * is at work on it; -ENODEV one is revoked; -EHOSTUNREACH an importer of one does not reach it
 * there; -EMSGSIZE one lay in too many devices; -ENOMEM. Whatever it returns,
 * peerbuf_followers_release() is to follow.
 */
int peerbuf_followers_gather(struct peerbuf *pb, struct p2p_vecs *to, u32 *reason)
{
	struct peerbuf_part *part;
	int ret;

	dma_resv_assert_held(pb->dmabuf->resv);

	list_for_each_entry(part, &pb->family, node) {
		if (!peerbuf_is_first_part(part))
			continue;
		ret = peerbuf_follower_add(part->of, pb, to, reason);
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

/* For the fences in objects of their own. Returns as peerbuf_wait_fences_held(). */
int peerbuf_followers_wait(struct peerbuf *pb, const struct peerbuf_patience *patience)
{
	struct peerbuf *follower;
	int ret;

	list_for_each_entry(follower, &pb->followers, follow.node) {
		if (!follower->follow.locked)
			continue;
		ret = peerbuf_wait_fences_held(follower, DMA_RESV_USAGE_BOOKKEEP, patience);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * Is there one with an object of its own? Its importers see no fence of a copy that is under way
 * in @pb's.
 */
bool peerbuf_followers_composed(const struct peerbuf *pb)
{
	const struct peerbuf *follower;

	list_for_each_entry(follower, &pb->followers, follow.node)
		if (follower->follow.locked)
			return true;
	return false;
}

/* What their importers wrote is to be seen by a CPU. */
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
 * @pb has arrived. One that was marked after it was gathered goes along all the same: it is
 * mapped by nobody, and where it lies is not its to say.
 */
void peerbuf_followers_arrive(struct peerbuf *pb)
{
	struct peerbuf_placement *from, *to;
	struct peerbuf *follower;

	list_for_each_entry(follower, &pb->followers, follow.node) {
		from = follower->placement;
		to = follower->follow.to;
		follower->follow.to = NULL;
		spin_lock(&follower->mappings_lock);
		peerbuf_arrive_at(follower, to);
		spin_unlock(&follower->mappings_lock);
		follower->account.moves++;
		peerbuf_has_left(follower, from, to);
	}
}

/* @pb stays where it is, and so do they: their importers may come back. */
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
