// SPDX-License-Identifier: GPL-2.0
/*
 * Claims: a placement has one on each device that its ranges belong to.
 *
 * By its claims a device that goes down finds the buffers that have memory of it. A claim is made
 * before anybody uses the placement, and removed after the last mapping made from it is gone. So
 * whenever memory of a device can be reached the device knows of it. System memory has no claim:
 * it is freed when its last user is gone.
 */
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/buffer.h"
#include "core/claim.h"
#include "core/device.h"
#include "core/placement.h"
#include "core/refusal.h"

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
				  bool when_down, struct peerbuf_refusal *why)
{
	lockdep_assert_held(&pdevice->lock);

	switch (pdevice->state) {
	case PEERBUF_DEVICE_UP:
		return 0;
	case PEERBUF_DEVICE_DOWN:
		if (when_down)
			return 0;
		return peerbuf_fail(why, -ENODEV, PEERBUF_REASON_DEVICE_DOWN);
	default:
		return peerbuf_fail(why, -ENODEV, PEERBUF_REASON_DEVICE_GONE);
	}
}

/*
 * Providers are killed under the device's lock, before its claims are walked. So if a provider is
 * alive here, under that lock, the walk comes later and finds the claim.
 */
static int peerbuf_claim_check(struct peerbuf_device *pdevice,
			       struct p2p_provider *provider,
			       bool when_down, struct peerbuf_refusal *why)
{
	int bar = p2p_provider_bar(provider);

	if (pdevice->providers[bar] != provider ||
	    !p2p_provider_alive(provider))
		return peerbuf_fail(why, -ENODEV, PEERBUF_REASON_DEVICE_GONE);
	return peerbuf_device_trouble(pdevice, when_down, why);
}

/* Under peerbuf_device.lock. Takes over the caller's reference to @pdevice. */
static void peerbuf_claim_add(struct peerbuf_claim *claim, struct peerbuf_device *pdevice,
			      struct peerbuf *pb)
{
	lockdep_assert_held(&pdevice->lock);

	claim->pb = pb;
	claim->pdevice = pdevice;
	claim->nr = ++pdevice->last_claim;
	list_add_tail(&claim->node, &pdevice->claims);
}

static int peerbuf_claim_new(struct peerbuf_placement *placement,
			     struct peerbuf *pb, struct p2p_provider *provider,
			     bool when_down, struct peerbuf_refusal *why)
{
	struct peerbuf_device *pdevice;
	struct peerbuf_claim *claim;
	int ret;

	if (placement->nr_claims == PEERBUF_MAX_DEVICES)
		return peerbuf_fail(why, -EMSGSIZE, PEERBUF_REASON_TOO_MANY_DEVICES);

	pdevice = peerbuf_device_find(p2p_provider_pdev(provider));
	if (!pdevice)
		return peerbuf_fail(why, -ENODEV, PEERBUF_REASON_DEVICE_GONE);

	mutex_lock(&pdevice->lock);
	ret = peerbuf_claim_check(pdevice, provider, when_down, why);
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
				  bool when_down, struct peerbuf_refusal *why)
{
	struct peerbuf_claim *claim;
	int ret;

	claim = peerbuf_claim_of(placement, p2p_provider_pdev(provider));
	if (!claim)
		return peerbuf_claim_new(placement, pb, provider, when_down,
					 why);

	mutex_lock(&claim->pdevice->lock);
	ret = peerbuf_claim_check(claim->pdevice, provider, when_down, why);
	mutex_unlock(&claim->pdevice->lock);
	return ret;
}

int peerbuf_placement_claim(struct peerbuf_placement *placement,
			    struct peerbuf *pb, bool when_down,
			    struct peerbuf_refusal *why)
{
	const struct p2p_vecs *vecs = placement->vecs;
	const struct p2p_part *part;
	int ret;
	u32 i;

	for (i = 0; i < vecs->nr_parts; i++) {
		part = &vecs->part[i];
		ret = peerbuf_claim_provider(placement, pb, part->provider, when_down, why);
		if (ret)
			return ret;
		peerbuf_claim_of(placement, p2p_provider_pdev(part->provider))->nr_ranges +=
			part->nr;
	}
	return 0;
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
