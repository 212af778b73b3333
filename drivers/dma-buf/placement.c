// SPDX-License-Identifier: GPL-2.0
/*
 * Where a buffer is: ranges, and a claim on every device they belong to.
 *
 * A claim is how a device that goes down finds the buffers it has to take down
 * with it. It is made before the placement is used by anybody and ends after the
 * last mapping made from it, so there is no moment at which memory of a device
 * is reachable and the device does not know of it. System memory needs none: it goes
 * when its last user has gone.
 */
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "internal.h"

static struct peerbuf_claim *
peerbuf_claim_of(struct peerbuf_placement *placement, struct pci_dev *pdev)
{
	u32 i;

	for (i = 0; i < placement->nr_claims; i++)
		if (placement->claims[i].pdevice->pdev == pdev)
			return &placement->claims[i];
	return NULL;
}

static int peerbuf_device_trouble(const struct peerbuf_device *pdevice,
				  bool when_down, u32 *reason)
{
	lockdep_assert_held(&pdevice->lock);

	switch (pdevice->state) {
	case PEERBUF_DEVICE_UP:
		return 0;
	case PEERBUF_DEVICE_DOWN:
		if (when_down)
			return 0;
		*reason = PEERBUF_REASON_DEVICE_DOWN;
		return -ENODEV;
	default:
		*reason = PEERBUF_REASON_DEVICE_GONE;
		return -ENODEV;
	}
}

/*
 * Providers are killed under the device's lock, before its claims are walked. So if a provider is
 * alive here, under that lock, the walk comes later and finds the claim.
 */
static int peerbuf_claim_check(struct peerbuf_device *pdevice,
			       struct p2p_provider *provider,
			       bool when_down, u32 *reason)
{
	int bar = p2p_provider_bar(provider);

	if (pdevice->providers[bar] != provider ||
	    !p2p_provider_alive(provider)) {
		*reason = PEERBUF_REASON_DEVICE_GONE;
		return -ENODEV;
	}
	return peerbuf_device_trouble(pdevice, when_down, reason);
}

static int peerbuf_claim_new(struct peerbuf_placement *placement,
			     struct peerbuf *pb, struct p2p_provider *provider,
			     bool when_down, u32 *reason)
{
	struct peerbuf_device *pdevice;
	struct peerbuf_claim *claim;
	int ret;

	if (placement->nr_claims == PEERBUF_MAX_DEVICES) {
		*reason = PEERBUF_REASON_TOO_MANY_DEVICES;
		return -EMSGSIZE;
	}

	pdevice = peerbuf_device_find(p2p_provider_pdev(provider));
	if (!pdevice) {
		*reason = PEERBUF_REASON_DEVICE_GONE;
		return -ENODEV;
	}

	mutex_lock(&pdevice->lock);
	ret = peerbuf_claim_check(pdevice, provider, when_down, reason);
	if (!ret) {
		claim = &placement->claims[placement->nr_claims++];
		peerbuf_claim_add(claim, pdevice, pb);
	}
	mutex_unlock(&pdevice->lock);

	if (ret)
		peerbuf_device_put(pdevice);
	return ret;
}

static int peerbuf_claim_provider(struct peerbuf_placement *placement,
				  struct peerbuf *pb,
				  struct p2p_provider *provider,
				  bool when_down, u32 *reason)
{
	struct peerbuf_claim *claim;
	int ret;

	claim = peerbuf_claim_of(placement, p2p_provider_pdev(provider));
	if (!claim)
		return peerbuf_claim_new(placement, pb, provider, when_down,
					 reason);

	mutex_lock(&claim->pdevice->lock);
	ret = peerbuf_claim_check(claim->pdevice, provider, when_down, reason);
	mutex_unlock(&claim->pdevice->lock);
	return ret;
}

static int peerbuf_placement_claim(struct peerbuf_placement *placement,
				   struct peerbuf *pb, bool when_down,
				   u32 *reason)
{
	const struct p2p_vecs *vecs = placement->vecs;
	const struct p2p_part *part;
	int ret;
	u32 i;

	for (i = 0; i < vecs->nr_parts; i++) {
		part = &vecs->part[i];
		ret = peerbuf_claim_provider(placement, pb, part->provider, when_down, reason);
		if (ret)
			return ret;
		peerbuf_claim_of(placement, p2p_provider_pdev(part->provider))->nr_ranges +=
			part->nr;
	}
	return 0;
}

/*
 * Takes its own reference to @vecs. From here on the buffer's devices find the buffer, so it must
 * have its DMA-BUF. Under the buffer's resv: a device that goes away now visits the buffer under
 * resv, and finds it before or after the change of its placement, never in between.
 */
struct peerbuf_placement *peerbuf_placement_create(struct peerbuf *pb,
						   struct p2p_vecs *vecs,
						   bool when_down, u32 *reason)
{
	u32 room = min_t(u32, vecs->nr_parts, PEERBUF_MAX_DEVICES);
	struct peerbuf_placement *placement;
	int ret;

	dma_resv_assert_held(pb->dmabuf->resv);

	placement = kzalloc(struct_size(placement, claims, room), GFP_KERNEL_ACCOUNT);
	if (!placement)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&placement->left);
	placement->vecs = p2p_vecs_get(vecs);

	ret = peerbuf_placement_claim(placement, pb, when_down, reason);
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

/* Under the buffer's resv: do all its devices decode memory, as far as that can be read? */
bool peerbuf_placement_decodes(const struct peerbuf_placement *placement)
{
	u32 i;

	for (i = 0; i < placement->nr_claims; i++)
		if (!peerbuf_device_decodes(placement->claims[i].pdevice->pdev))
			return false;
	return true;
}

/*
 * Under the buffer's resv: why the placement cannot be used, or 0.
 *
 * A device changes its state first and then visits each of its buffers under
 * that buffer's resv. Whoever reads the old state here is visited later, and the visit finds
 * the mapping it made. Whoever comes after the visit reads the new state.
 */
u32 peerbuf_placement_trouble(const struct peerbuf_placement *placement)
{
	u32 trouble = 0;
	u32 i;

	for (i = 0; i < placement->nr_claims; i++) {
		switch (READ_ONCE(placement->claims[i].pdevice->state)) {
		case PEERBUF_DEVICE_UP:
			break;
		case PEERBUF_DEVICE_DOWN:
			trouble = PEERBUF_REASON_DEVICE_DOWN;
			break;
		default:
			return PEERBUF_REASON_DEVICE_GONE;
		}
	}
	return trouble;
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

	list_for_each_entry_safe(old, next, &pb->left, left) {
		if (!peerbuf_unheld(pb, old->left_at))
			break;
		if (old->copied && !dma_fence_is_signaled(old->copied)) {
			p2p_vecs_put(old->vecs);
			old->vecs = NULL;
			continue;
		}
		list_del(&old->left);
		peerbuf_placement_destroy(old);
	}
}

/*
 * Under resv: will the contents of @pb be right after a move to @to? A copy into memory that is
 * named twice loses bytes. A copy out of such memory makes two places of one; so would a later
 * fallback. Returns 0 or -EINVAL.
 */
int peerbuf_check_aliases(const struct peerbuf *pb, const struct p2p_vecs *to,
			  u32 flags, u32 *reason)
{
	const struct p2p_vecs *from = pb->placement->vecs;
	bool copy = flags & PEERBUF_MOVE_F_COPY;

	dma_resv_assert_held(pb->dmabuf->resv);

	if (copy && (p2p_vecs_overlap(to, from) || p2p_vecs_aliased(to)))
		*reason = PEERBUF_REASON_OVERLAP;
	else if (copy ? p2p_vecs_aliased(from) :
			pb->flags & PEERBUF_EXPORT_F_FALLBACK && p2p_vecs_aliased(to))
		*reason = PEERBUF_REASON_ALIASED;
	else
		return 0;
	return -EINVAL;
}

bool peerbuf_vecs_alive(const struct p2p_vecs *vecs)
{
	u32 i;

	for (i = 0; i < vecs->nr_parts; i++)
		if (!p2p_provider_alive(vecs->part[i].provider))
			return false;
	return true;
}

bool peerbuf_placement_uses(const struct peerbuf_placement *placement,
			    const struct peerbuf_device *pdevice)
{
	u32 i;

	for (i = 0; i < placement->nr_claims; i++)
		if (placement->claims[i].pdevice == pdevice)
			return true;
	return false;
}
