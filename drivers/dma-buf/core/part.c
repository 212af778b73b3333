// SPDX-License-Identifier: GPL-2.0
/* The parts that a derived buffer is made of: whose memory each is, and which ranges. */
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/buffer.h"
#include "core/part.h"
#include "core/placement.h"
#include "core/refusal.h"

/**
 * struct peerbuf_sources - the lists of ranges that a derived list was made from
 * @nr: number of lists
 * @of: references to them, which keep the memory as long as the derived list
 */
struct peerbuf_sources {
	u32 nr;
	struct p2p_vecs *of[];
};

static void peerbuf_sources_put(void *priv)
{
	struct peerbuf_sources *sources = priv;

	while (sources->nr)
		p2p_vecs_put(sources->of[--sources->nr]);
	kvfree(sources);
}

static int peerbuf_sources_add(struct peerbuf_sources *sources, struct p2p_vecs *vecs,
			       struct p2p_vecs *from, u64 offset, u64 length)
{
	if (!sources->nr || sources->of[sources->nr - 1] != from)
		sources->of[sources->nr++] = p2p_vecs_get(from);
	return p2p_vecs_add_part(vecs, from, offset, length);
}

/*
 * The ranges of @pb: its parts one after the other. Parts whose root is @moved are taken from @to,
 * the others from where their roots are. The caller holds the locks of all roots; or, if @moved is
 * not NULL, the lock of @moved and @pb's own: no other root moves without @pb's own lock. Returns a
 * new list or an ERR_PTR.
 */
struct p2p_vecs *peerbuf_parts_vecs(const struct peerbuf *pb, const struct peerbuf *moved,
				    struct p2p_vecs *to)
{
	struct peerbuf_sources *sources;
	struct p2p_vecs *vecs, *from;
	const struct peerbuf_part *part;
	int ret = 0;
	u32 i;

	sources = kvzalloc(struct_size(sources, of, pb->nr_parts), GFP_KERNEL_ACCOUNT);
	vecs = p2p_vecs_alloc(pb->nr_parts);
	if (!sources || !vecs) {
		p2p_vecs_put(vecs);
		kvfree(sources);
		return ERR_PTR(-ENOMEM);
	}
	p2p_vecs_on_release(vecs, peerbuf_sources_put, sources);

	for (i = 0; !ret && i < pb->nr_parts; i++) {
		part = &pb->parts[i];
		from = part->root == moved ? to : part->root->placement->vecs;
		ret = peerbuf_sources_add(sources, vecs, from, part->offset, part->length);
	}
	if (ret) {
		p2p_vecs_put(vecs);
		return ERR_PTR(ret);
	}
	return vecs;
}

struct peerbuf_part *peerbuf_parts_alloc(u32 nr)
{
	struct peerbuf_part *parts;
	u32 i;

	parts = kvcalloc(nr, sizeof(*parts), GFP_KERNEL_ACCOUNT);
	for (i = 0; parts && i < nr; i++)
		INIT_LIST_HEAD(&parts[i].node);
	return parts;
}

/*
 * @from: the caller holds a reference to its DMA-BUF; the part takes one of its own.
 * @offset: in @from. Returns 0; -ELOOP: @from has PEERBUF_MAX_DEPTH ancestors already; -EOPNOTSUPP:
 * @from is composed of several parts.
 */
int peerbuf_part_set(struct peerbuf_part *part, struct peerbuf *from, u64 offset, u64 length,
		     struct peerbuf_refusal *why)
{
	const struct peerbuf_part *outer = from->parts;

	if (from->depth == PEERBUF_MAX_DEPTH)
		return peerbuf_fail(why, -ELOOP, PEERBUF_REASON_DERIVED_DEEP);
	if (from->nr_parts > 1)
		return peerbuf_fail(why, -EOPNOTSUPP, PEERBUF_REASON_COMPOSED);
	get_dma_buf(from->dmabuf);
	part->from = from;
	part->root = from->root;
	part->offset = outer ? outer->offset + offset : offset;
	part->length = length;
	return 0;
}

void peerbuf_parts_put(struct peerbuf_part *parts, u32 nr)
{
	while (nr--)
		if (parts[nr].from)
			dma_buf_put(parts[nr].from->dmabuf);
	kvfree(parts);
}

/* Nobody else uses @pb any more. May drop the last reference to a DMA-BUF it was made from. */
void peerbuf_parts_drop(struct peerbuf *pb)
{
	peerbuf_parts_put(pb->parts, pb->nr_parts);
}
