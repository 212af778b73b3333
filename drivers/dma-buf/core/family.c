// SPDX-License-Identifier: GPL-2.0
/*
 * The family of a buffer: all that was derived from it, directly or by way of other buffers.
 *
 * For derived buffers the marks of their origins work like the state of a device. Who wants the
 * memory of a derived buffer looks, under that buffer's reservation lock, at the marks of all its
 * origins. Who sets a mark visits the derived buffers afterwards. The visit finds those who looked
 * before the mark was set, and who looks later is refused. So a revoke takes no lock of a derived
 * buffer, and a derived buffer takes none of its origins.
 *
 * A root lists all buffers that have parts of it, in the order in which they were made. Who finds
 * a buffer in the list becomes its visitor under the root's holds_lock. Release takes that lock
 * to remove the buffer.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/spinlock.h>

#include "core/buffer.h"
#include "core/family.h"
#include "core/part.h"
#include "core/wait.h"

/* The id of the buffer it was derived from, or of the first of several; 0 if it is not derived. */
u64 peerbuf_parent_id(const struct peerbuf *pb)
{
	return pb->parts ? pb->parts[0].from->id : 0;
}

static bool peerbuf_comes_from(const struct peerbuf_part *part, const struct peerbuf *pb)
{
	const struct peerbuf *origin;

	for (origin = part->from; origin; origin = peerbuf_origin(origin))
		if (origin == pb)
			return true;
	return false;
}

/* With all roots locked. From here on the roots take @pb along when they move. */
void peerbuf_join_family(struct peerbuf *pb)
{
	struct peerbuf_part *part;
	struct peerbuf *root;
	u32 i;

	for (i = 0; i < pb->nr_parts; i++) {
		part = &pb->parts[i];
		root = part->root;
		dma_resv_assert_held(root->dmabuf->resv);
		spin_lock(&root->holds_lock);
		part->nr = ++root->last_part;
		list_add_tail(&part->node, &root->family);
		spin_unlock(&root->holds_lock);
	}
}

/* The caller holds no lock. The buffer has no placement and no visitors any more. */
void peerbuf_leave_family(struct peerbuf *pb)
{
	struct peerbuf_part *part;
	struct peerbuf *root;
	u32 i;

	for (i = 0; i < pb->nr_parts; i++) {
		part = &pb->parts[i];
		root = part->root;
		dma_resv_lock(root->dmabuf->resv, NULL);
		spin_lock(&root->holds_lock);
		list_del_init(&part->node);
		spin_unlock(&root->holds_lock);
		dma_resv_unlock(root->dmabuf->resv);
	}
}

/*
 * The caller holds no lock, and holds or visits @pb. Returns the next buffer derived from @pb, as a
 * visitor of it, or NULL. *@after: where to go on; 0 for the first call. A buffer with several
 * parts is returned several times.
 */
struct peerbuf *peerbuf_family_next(struct peerbuf *pb, u64 *after)
{
	struct peerbuf *root = pb->root, *found = NULL;
	struct peerbuf_part *part;

	spin_lock(&root->holds_lock);
	list_for_each_entry(part, &root->family, node) {
		if (part->nr <= *after || !peerbuf_comes_from(part, pb) ||
		    !peerbuf_tryget(part->of))
			continue;
		*after = part->nr;
		found = part->of;
		break;
	}
	spin_unlock(&root->holds_lock);
	return found;
}

/* Who still maps @pb, or else a buffer derived from it; see peerbuf_first_holder(). */
void peerbuf_family_holder(struct peerbuf *pb, u64 *addr, char *name, size_t len, u32 *count)
{
	struct peerbuf *derived;
	u64 nr = 0;

	peerbuf_first_holder(pb, U64_MAX, addr, name, len, count);
	while (!*count && (derived = peerbuf_family_next(pb, &nr))) {
		peerbuf_first_holder(derived, U64_MAX, addr, name, len, count);
		peerbuf_put(derived);
	}
}
