// SPDX-License-Identifier: GPL-2.0
/*
 * Makes a buffer of parts of other buffers.
 *
 * It has a DMA-BUF, importers, and claims on devices, like any buffer. It has no memory of its own:
 * it lies where its parts lie, moves with them (follow.c), and is withdrawn when one of its
 * origins is (family.c).
 *
 * If all parts are of one root, it shares the root's reservation object: both are in the same
 * memory, so one lock serves both. With parts of several roots it has an object of its own. All
 * roots are locked together while it is made.
 *
 * It holds the DMA-BUFs that it was made from, and each of those holds what it was made from. So
 * its roots are not released before it.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/buffer.h"
#include "core/family.h"
#include "core/hold.h"
#include "core/part.h"
#include "core/placement.h"
#include "core/reach.h"
#include "core/refusal.h"
#include "core/wait.h"
#include "ops/derive.h"
#include "ops/export.h"

static void peerbuf_roots_unlock(struct peerbuf *pb, struct dma_resv *first,
				 struct ww_acquire_ctx *ctx)
{
	u32 i;

	if (first)
		dma_resv_unlock(first);
	for (i = 0; i < pb->nr_parts; i++) {
		if (pb->parts[i].locked)
			dma_resv_unlock(pb->parts[i].root->dmabuf->resv);
		pb->parts[i].locked = false;
	}
	if (ctx)
		ww_acquire_fini(ctx);
}

/* Returns 0; -EINTR; or -EDEADLK, and then *@contended has to be locked before all others. */
static int peerbuf_roots_try(struct peerbuf *pb, struct dma_resv **contended,
			     struct ww_acquire_ctx *ctx)
{
	struct dma_resv *resv;
	int ret;
	u32 i;

	for (i = 0; i < pb->nr_parts; i++) {
		resv = pb->parts[i].root->dmabuf->resv;
		ret = dma_resv_lock_interruptible(resv, ctx);
		/* Locked already, as the root of another part. */
		if (ret == -EALREADY)
			continue;
		if (ret) {
			*contended = resv;
			return ret;
		}
		pb->parts[i].locked = true;
	}
	return 0;
}

/*
 * Locks all roots, in any order that works. *@first: out, a root that is locked besides, or NULL.
 */
static int peerbuf_roots_lock(struct peerbuf *pb, struct dma_resv **first,
			      struct ww_acquire_ctx *ctx)
{
	struct dma_resv *contended;
	int ret;

	*first = NULL;
	ww_acquire_init(ctx, &reservation_ww_class);
	do {
		ret = peerbuf_roots_try(pb, &contended, ctx);
		if (!ret)
			break;
		peerbuf_roots_unlock(pb, *first, NULL);
		*first = NULL;
		if (ret != -EDEADLK)
			break;
		ret = dma_resv_lock_slow_interruptible(contended, ctx);
		if (!ret)
			*first = contended;
	} while (!ret);
	if (ret)
		ww_acquire_fini(ctx);
	else
		ww_acquire_done(ctx);
	return ret;
}

/*
 * With all roots locked: may @pb be made now? If @pb has a reservation object of its own, waits
 * here for the KERNEL fences in the roots' objects, because @pb's object does not have them.
 */
static int peerbuf_roots_ready(struct peerbuf *pb, struct peerbuf_refusal *why)
{
	u32 i, trouble;
	int ret = 0;

	if (peerbuf_origins_revoked(pb))
		return peerbuf_fail(why, -ENODEV, PEERBUF_REASON_REVOKED);
	for (i = 0; !ret && i < pb->nr_parts; i++) {
		trouble = peerbuf_trouble(pb->parts[i].root);
		if (trouble)
			return peerbuf_fail(why, -ENODEV, trouble);
		if (pb->root == pb)
			ret = peerbuf_wait_kernel(pb->parts[i].root, PEERBUF_WAIT_INTR);
	}
	return ret;
}

static struct peerbuf_placement *
peerbuf_parts_placement(struct peerbuf *pb, struct peerbuf_refusal *why)
{
	struct peerbuf_placement *placement;
	struct p2p_vecs *vecs;

	vecs = peerbuf_parts_vecs(pb, NULL, NULL);
	if (IS_ERR(vecs))
		return ERR_CAST(vecs);
	placement = peerbuf_placement_create(pb, vecs, false, why);
	p2p_vecs_put(vecs);
	if (IS_ERR(placement) || peerbuf_placement_answers(placement))
		return placement;
	peerbuf_placement_destroy(placement);
	return ERR_PTR(peerbuf_fail(why, -EIO, PEERBUF_REASON_MEMORY_DECODE_OFF));
}

/*
 * With all roots and @pb locked. A mark that is set meanwhile is seen here, or by whoever maps
 * the buffer: nothing is mapped yet.
 */
static int peerbuf_place_parts(struct peerbuf *pb, struct peerbuf_refusal *why)
{
	struct peerbuf_placement *placement = peerbuf_parts_placement(pb, why);

	if (IS_ERR(placement))
		return PTR_ERR(placement);

	spin_lock(&pb->holds_lock);
	pb->placement = placement;
	spin_unlock(&pb->holds_lock);
	pb->told = peerbuf_trouble(pb);
	peerbuf_join_family(pb);
	return 0;
}

/* With all roots locked. If @pb has a lock of its own, nobody else knows that lock yet. */
static int peerbuf_place_derived(struct peerbuf *pb, struct peerbuf_refusal *why)
{
	bool own = pb->root == pb;
	int ret;

	ret = peerbuf_roots_ready(pb, why);
	if (ret)
		return ret;
	if (own && WARN_ON_ONCE(!dma_resv_trylock(pb->dmabuf->resv)))
		return -EBUSY;
	ret = peerbuf_place_parts(pb, why);
	if (own)
		dma_resv_unlock(pb->dmabuf->resv);
	return ret;
}

/* Returns the root of all parts if they have the same one, or NULL. */
static struct peerbuf *peerbuf_common_root(const struct peerbuf_part *parts, u32 nr)
{
	u32 i;

	for (i = 1; i < nr; i++)
		if (parts[i].root != parts[0].root)
			return NULL;
	return parts[0].root;
}

/*
 * A derived buffer has the limits that the owner of its parts has set. One with parts of several
 * owners is listed by the devices it lies in, and never falls back.
 */
static struct peerbuf_export_args peerbuf_derived_args(const struct peerbuf_part *parts,
						       struct peerbuf *root, bool writable)
{
	struct peerbuf_export_args args = { .open_flags = writable ? O_RDWR : O_RDONLY };

	if (!root)
		return args;
	args.flags = root->flags & PEERBUF_EXPORT_F_FALLBACK;
	args.segment_align = root->segment_align;
	args.max_segment = root->max_segment;
	args.device = root->home;
	args.resv = root->dmabuf->resv;
	return args;
}

static struct peerbuf *peerbuf_derived_create(struct peerbuf_part *parts, u32 nr, bool writable)
{
	struct peerbuf *root = peerbuf_common_root(parts, nr);
	struct peerbuf_export_args args = peerbuf_derived_args(parts, root, writable);
	struct peerbuf *pb;
	u64 size = 0;
	int ret;
	u32 i;

	for (i = 0; i < nr; i++)
		size += parts[i].length;
	pb = peerbuf_create(&args, size);
	if (!pb)
		return ERR_PTR(-ENOMEM);
	if (root)
		pb->root = root;
	pb->read_only = !writable;

	ret = peerbuf_make_dma_buf(pb, &args);
	if (ret) {
		peerbuf_free(pb);
		return ERR_PTR(ret);
	}
	pb->parts = parts;
	pb->nr_parts = nr;
	for (i = 0; i < nr; i++) {
		parts[i].of = pb;
		pb->depth = max(pb->depth, parts[i].from->depth + 1);
	}
	return pb;
}

/*
 * Makes a buffer of @parts, in this order. Takes over @parts, also on failure. The caller holds no
 * lock. @writable: importers may write to it. Returns the buffer, with a reference to its
 * DMA-BUF, or an ERR_PTR with the errno values of PEERBUF_IOC_LOOKUP.
 */
struct peerbuf *peerbuf_derive(struct peerbuf_part *parts, u32 nr, bool writable,
			       struct peerbuf_refusal *why)
{
	struct ww_acquire_ctx ctx;
	struct dma_resv *first;
	struct peerbuf *pb;
	int ret;

	pb = peerbuf_derived_create(parts, nr, writable);
	if (IS_ERR(pb)) {
		peerbuf_parts_put(parts, nr);
		return pb;
	}
	ret = peerbuf_roots_lock(pb, &first, &ctx);
	if (!ret) {
		ret = peerbuf_place_derived(pb, why);
		peerbuf_roots_unlock(pb, first, &ctx);
	}
	if (ret) {
		peerbuf_give_up(pb);
		return ERR_PTR(ret);
	}
	peerbuf_make_known(pb, NULL);
	return pb;
}
