// SPDX-License-Identifier: GPL-2.0
/*
 * A device's claims: how it finds the buffers that have memory of it, and waits for them.
 *
 * Claims come and go while somebody walks along them, and the device's lock is dropped at each
 * for a visit. So whoever walks has a cursor of his own in the list. The list is in the order
 * in which claims were made, and a walk ends at the last that was there when it began: those
 * made since were checked against the state that the walk is about.
 */
#include "internal.h"

/**
 * struct peerbuf_walk - a walk along a device's claims
 * @cursor: in the list, behind the last claim that was visited
 * @end: number of the last claim when the walk began
 */
struct peerbuf_walk {
	struct peerbuf_claim cursor;
	u64 end;
};

/* Under peerbuf_device.lock. Takes over the caller's reference to @pdevice. */
void peerbuf_claim_add(struct peerbuf_claim *claim, struct peerbuf_device *pdevice,
		       struct peerbuf *pb)
{
	lockdep_assert_held(&pdevice->lock);

	claim->pb = pb;
	claim->pdevice = pdevice;
	claim->nr = ++pdevice->last_claim;
	list_add_tail(&claim->node, &pdevice->claims);
}

/* Under peerbuf_device.lock. */
u32 peerbuf_device_exports(struct peerbuf_device *pdevice)
{
	struct peerbuf_claim *claim;
	u32 nr = 0;

	lockdep_assert_held(&pdevice->lock);

	list_for_each_entry(claim, &pdevice->claims, node)
		nr += !!claim->pb;
	return nr;
}

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
		if (claim->pb && peerbuf_visit(claim->pb))
			found = claim->pb;
	}
	mutex_unlock(&pdevice->lock);
	return found;
}

/* Visits each buffer that has a claim on the device. The caller holds no lock but transition. */
void peerbuf_device_walk(struct peerbuf_device *pdevice,
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
			 const struct peerbuf_patience *patience)
{
	struct peerbuf_walk walk;
	struct peerbuf *pb;
	int ret = 0;
	u32 reason;

	lockdep_assert_not_held(&pdevice->transition);

	peerbuf_walk_begin(&walk, pdevice);
	while (!ret && (pb = peerbuf_walk_next(&walk, pdevice))) {
		ret = peerbuf_drain(pb, patience, &reason);
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
