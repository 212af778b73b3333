// SPDX-License-Identifier: GPL-2.0
/*
 * Decides whether a buffer can be reached where it is, and by which importer.
 *
 * Nobody reaches a buffer that is withdrawn or whose device is down or gone: peerbuf_trouble() says
 * so. Nobody is given memory of a device that does not decode memory. Each importer has a plan
 * (p2p_plan) of how it reaches the buffer. The plan is made at attach, dropped when the buffer
 * moves, and made anew when it is asked for and does not hold any more. A mapping is made by it.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/spinlock.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/addr.h"
#include "core/buffer.h"
#include "core/client.h"
#include "core/device.h"
#include "core/part.h"
#include "core/placement.h"
#include "core/reach.h"
#include "core/refusal.h"

/* A device that sleeps answers only configuration accesses, or none. */
static bool peerbuf_device_asleep(struct pci_dev *pdev)
{
	pci_power_t state = READ_ONCE(pdev->current_state);

	return state == PCI_D1 || state == PCI_D2 || state == PCI_D3hot || state == PCI_D3cold;
}

/*
 * The memory bit of a virtual function is always clear. Its physical function has two bits for all
 * virtual functions: one makes them exist, and a reset of the physical function clears it; the
 * other makes them decode memory.
 */
static bool peerbuf_vf_decodes(struct pci_dev *pdev)
{
	const u16 bits = PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE;
	struct pci_dev *physfn = pci_physfn(pdev);
	u16 cap = pci_find_ext_capability(physfn, PCI_EXT_CAP_ID_SRIOV);
	u16 control;

	if (!cap || pci_read_config_word(physfn, cap + PCI_SRIOV_CTRL, &control) ||
	    PCI_POSSIBLE_ERROR(control))
		return false;
	return (control & bits) == bits;
}

/* Does the function answer memory accesses? */
bool peerbuf_device_decodes(struct pci_dev *pdev)
{
	u16 command;

	if (peerbuf_device_asleep(pdev))
		return false;
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	if (PCI_POSSIBLE_ERROR(command))
		return false;
	if (pdev->is_virtfn)
		return peerbuf_vf_decodes(pdev);
	return pdev->no_command_memory || command & PCI_COMMAND_MEMORY;
}

/*
 * True if the function decodes memory and so do all bridges above it. People switch bridges off by
 * hand, and nothing tells the kernel.
 */
bool peerbuf_device_answers(struct pci_dev *pdev)
{
	struct pci_dev *bridge;
	u16 command;

	if (!peerbuf_device_decodes(pdev))
		return false;
	for (bridge = pci_upstream_bridge(pdev); bridge; bridge = pci_upstream_bridge(bridge)) {
		pci_read_config_word(bridge, PCI_COMMAND, &command);
		if (PCI_POSSIBLE_ERROR(command) || !(command & PCI_COMMAND_MEMORY))
			return false;
	}
	return true;
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

/* Under the buffer's resv: do all its devices decode memory, and all bridges above them? */
bool peerbuf_placement_answers(const struct peerbuf_placement *placement)
{
	u32 i;

	for (i = 0; i < placement->nr_claims; i++)
		if (!peerbuf_device_answers(placement->claims[i].pdevice->pdev))
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

/* Any context. Returns the marks of all buffers that @pb was derived from, PEERBUF_REVOKED_*. */
u32 peerbuf_origins_revoked(const struct peerbuf *pb)
{
	const struct peerbuf *origin;
	u32 marks = 0;
	u32 i;

	for (i = 0; i < pb->nr_parts; i++)
		for (origin = pb->parts[i].from; origin; origin = peerbuf_origin(origin))
			marks |= peerbuf_revoked(origin);
	return marks;
}

static u32 peerbuf_trouble_at(struct peerbuf *pb, const struct peerbuf_placement *placement)
{
	u32 trouble = peerbuf_placement_trouble(placement);
	u32 marks = peerbuf_revoked(pb) | peerbuf_origins_revoked(pb);

	if (marks & PEERBUF_REVOKED_DEAD ||
	    trouble == PEERBUF_REASON_DEVICE_GONE)
		return PEERBUF_REASON_DEVICE_GONE;
	if (marks)
		return PEERBUF_REASON_REVOKED;
	return trouble;
}

/**
 * peerbuf_trouble() - why a buffer cannot be reached now
 * @pb: the buffer
 *
 * The answer may change at any time: a revoke does not wait for the lock. A mapping made
 * while this returns 0 is found under the lock afterwards by whoever revokes. An operation of
 * an exporting driver that takes long, above all a copy, checks from time to time and gives up.
 *
 * Context: the DMA-BUF's reservation lock is held.
 * Return: 0 if it can be reached; PEERBUF_REASON_REVOKED or PEERBUF_REASON_DEVICE_DOWN if it may
 * come back; PEERBUF_REASON_DEVICE_GONE if it does not.
 */
u32 peerbuf_trouble(struct peerbuf *pb)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	return peerbuf_trouble_at(pb, pb->placement);
}
EXPORT_SYMBOL_GPL(peerbuf_trouble);

/*
 * Without resv: what was true at some moment of the call. Nobody may be given the memory because of
 * it. The caller is a visitor or holds the DMA-BUF.
 */
u32 peerbuf_trouble_unlocked(struct peerbuf *pb)
{
	u32 trouble = PEERBUF_REASON_DEVICE_GONE;

	spin_lock(&pb->holds_lock);
	if (pb->placement)
		trouble = peerbuf_trouble_at(pb, pb->placement);
	spin_unlock(&pb->holds_lock);
	return trouble;
}

/*
 * Returns PEERBUF_STATE_F_*. Under resv (@held), or under holds_lock only: then what needs resv
 * is left out.
 */
u32 peerbuf_state(struct peerbuf *pb, bool held)
{
	u32 trouble = peerbuf_placement_trouble(pb->placement);
	u32 marks = peerbuf_revoked(pb) | peerbuf_origins_revoked(pb);
	u32 state = 0;

	if (marks & ~PEERBUF_REVOKED_DEAD)
		state |= PEERBUF_STATE_F_REVOKED;
	if (marks & PEERBUF_REVOKED_DEAD || trouble == PEERBUF_REASON_DEVICE_GONE)
		state |= PEERBUF_STATE_F_DEAD;
	else if (trouble)
		state |= PEERBUF_STATE_F_DEVICE_DOWN;
	if (READ_ONCE(pb->vmap))
		state |= PEERBUF_STATE_F_VMAPPED;
	if (!held)
		state |= PEERBUF_STATE_F_BUSY;
	else if (peerbuf_pins(pb))
		state |= PEERBUF_STATE_F_PINNED;
	return state;
}

/*
 * Under resv. Makes the client's plan again if it does not hold any more. Returns 0, or -ENOMEM
 * with the plan empty.
 */
int peerbuf_client_plan(struct peerbuf *pb, struct peerbuf_client *client)
{
	struct p2p_vecs *vecs = pb->placement->vecs;

	dma_resv_assert_held(pb->dmabuf->resv);

	if (p2p_plan_holds(&client->plan, vecs))
		return 0;
	return p2p_plan_make(&client->plan, vecs, false);
}

bool peerbuf_all_system(const struct peerbuf_placement *placement)
{
	return placement->vecs->system_size == placement->vecs->size;
}

/* Under resv: do all functions' registrations accept importers that cannot be revoked? */
static bool peerbuf_takes_pinned(const struct peerbuf_placement *placement)
{
	u32 i;

	for (i = 0; i < placement->nr_claims; i++)
		if (!(READ_ONCE(placement->claims[i].pdevice->policy) &
		      PEERBUF_POLICY_F_PINNED))
			return false;
	return true;
}

/*
 * Under resv: may this kind of importer have memory of a BAR? Returns 0 or -EOPNOTSUPP. An importer
 * that cannot give memory back may always have system memory: it keeps that from nobody. An
 * importer that is not prepared for memory without pages, as no static one is, gets no BAR,
 * whatever the policy.
 */
int peerbuf_kind_check(const struct peerbuf_client *client,
		       const struct peerbuf_placement *placement, struct peerbuf_refusal *why)
{
	const struct dma_buf_attachment *attach = client->attach;
	bool pinned_ok = peerbuf_takes_pinned(placement);

	if (peerbuf_all_system(placement))
		return 0;
	if (!attach->importer_ops)
		return peerbuf_fail(why, -EOPNOTSUPP, PEERBUF_REASON_STATIC_IMPORTER);
	if (!attach->peer2peer)
		return peerbuf_fail(why, -EOPNOTSUPP, PEERBUF_REASON_NO_PEER2PEER);
	if (!client->revocable && !pinned_ok)
		return peerbuf_fail(why, -EOPNOTSUPP, PEERBUF_REASON_PINNED_IMPORTER);
	return 0;
}

/* What a plan says, which holds. Returns 0, -EHOSTUNREACH, or -ENODEV. */
static int peerbuf_plan_check(const struct p2p_plan *plan, struct peerbuf_refusal *why)
{
	int ret = p2p_plan_verdict(plan, NULL);

	if (!ret)
		return 0;
	p2p_plan_verdict(plan, &why->route);
	if (ret == -EHOSTUNREACH)
		return peerbuf_fail(why, ret, PEERBUF_REASON_NO_ROUTE);
	return peerbuf_fail_untold(why, ret);
}

/* The same for a list that is not the buffer's yet. */
static int peerbuf_vecs_check(struct p2p_vecs *vecs, const struct peerbuf_client *client,
			      struct peerbuf_refusal *why)
{
	struct p2p_plan plan;
	int ret;

	p2p_plan_init(&plan, client->plan.client, client->plan.mode);
	if (p2p_plan_make(&plan, vecs, false))
		ret = peerbuf_fail(why, -ENOMEM, PEERBUF_REASON_NO_MEMORY);
	else
		ret = peerbuf_plan_check(&plan, why);
	p2p_plan_drop(&plan);
	return ret;
}

/*
 * Under resv: can @client use @placement? Returns 0, -EOPNOTSUPP: not this kind of importer,
 * -EHOSTUNREACH, -ENODEV, or -ENOMEM.
 */
int peerbuf_reach_check(struct peerbuf *pb, struct peerbuf_client *client,
			const struct peerbuf_placement *placement, struct peerbuf_refusal *why)
{
	int ret = peerbuf_kind_check(client, placement, why);

	if (ret)
		return ret;
	if (placement->vecs->hidden_size)
		return peerbuf_fail(why, -EHOSTUNREACH, PEERBUF_REASON_HIDDEN);
	if (placement != pb->placement)
		return peerbuf_vecs_check(placement->vecs, client, why);
	if (peerbuf_client_plan(pb, client))
		return peerbuf_fail(why, -ENOMEM, PEERBUF_REASON_NO_MEMORY);
	return peerbuf_plan_check(&client->plan, why);
}

/* Under resv: is all the system memory in the buffer below the importer's limit? */
static bool peerbuf_reaches_system(const struct peerbuf *pb, const struct peerbuf_client *client)
{
	const struct p2p_vecs *vecs = pb->placement->vecs;
	u64 limit;
	u32 i;

	if (client->by_phys || !pb->placement->vecs->system_size)
		return true;
	limit = p2p_system_limit(client->attach->dev);
	for (i = 0; limit != U64_MAX && i < vecs->nr; i++)
		if (vecs->vec[i].kind == P2P_VEC_SYSTEM &&
		    vecs->vec[i].paddr + (vecs->vec[i].len - 1) > limit)
			return false;
	return true;
}

/*
 * Under resv: can @client, which is about to map, use the buffer where it is? Returns as
 * peerbuf_reach_check(). Its DMA mask is not checked at attach, because many importers attach and
 * never map.
 */
int peerbuf_map_check(struct peerbuf *pb, struct peerbuf_client *client,
		      struct peerbuf_refusal *why)
{
	int ret = peerbuf_reach_check(pb, client, pb->placement, why);

	if (ret || peerbuf_reaches_system(pb, client))
		return ret;
	why->route = (struct p2p_route) {
		.type = P2P_ROUTE_NOT_SUPPORTED,
		.reason = P2P_REASON_DMA_MASK,
		.decider = peerbuf_dev_addr(client->attach->dev),
	};
	return peerbuf_fail(why, -EHOSTUNREACH, PEERBUF_REASON_NO_ROUTE);
}

/* May an importer attach although it does not reach the buffer where it is now? */
bool peerbuf_moves_for_others(const struct peerbuf *pb)
{
	const struct peerbuf *root = pb->root;

	return root->flags & PEERBUF_EXPORT_F_FALLBACK || (root->ops && root->ops->place);
}

/*
 * Under resv. Called before memory is given to anybody: a BAR of a device that does not decode
 * memory reads as ones. Nothing tells peerbuf when somebody other than the device's driver switches
 * decoding off or on, so the registers are read. @dev: NULL for a CPU. Returns 0, or -EIO after
 * counting the refusal.
 */
int peerbuf_check_decode(struct peerbuf *pb, struct device *dev)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	if (peerbuf_placement_decodes(pb->placement))
		return 0;
	return peerbuf_refuse_for(pb, dev, -EIO, PEERBUF_REASON_MEMORY_DECODE_OFF);
}

/*
 * Under resv. The same for a CPU, with the bridges. To read these takes too long for each mapping,
 * so a mapping relies on what the attach has found.
 */
int peerbuf_check_answers(struct peerbuf *pb, struct device *dev)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	if (peerbuf_placement_answers(pb->placement))
		return 0;
	return peerbuf_refuse_for(pb, dev, -EIO, PEERBUF_REASON_MEMORY_DECODE_OFF);
}

/*
 * Under resv. Makes the plans of all importers anew, from the registers of the bridges. An importer
 * by physical address does not depend on these.
 */
void peerbuf_look_for_clients(struct peerbuf *pb)
{
	struct peerbuf_client *client;

	dma_resv_assert_held(pb->dmabuf->resv);

	/* If there is no memory for a plan now, it is made when it is needed. */
	list_for_each_entry(client, &pb->clients, node)
		if (!client->by_phys)
			p2p_plan_make(&client->plan, pb->placement->vecs, true);
}

/* Reads the registers for all registered BARs of the function, to compare the cached verdicts. */
void peerbuf_look_between(struct pci_dev *provider_dev, struct pci_dev *client)
{
	struct peerbuf_device *pdevice = peerbuf_device_find(provider_dev);
	struct p2p_provider *provider;
	struct p2p_route route;
	int bar;

	if (!pdevice)
		return;
	for (bar = 0; bar < PEERBUF_NR_BARS; bar++) {
		provider = peerbuf_device_provider(pdevice, bar);
		if (provider)
			p2p_route_ask(provider, pci_resource_len(provider_dev, bar) - 1,
				      client, &route);
		p2p_provider_put(provider);
	}
	peerbuf_device_put(pdevice);
}

/*
 * Would all attached importers reach @to? Returns 0; -ENODEV; -ENOMEM; -EHOSTUNREACH: one would
 * not, whatever the reason. Not checked if the exporting driver has a place operation: it moves the
 * buffer again when that importer maps. PEERBUF_EXPORT_F_FALLBACK does not count here: it serves
 * importers that come to a buffer, not those that a move would leave behind.
 */
int peerbuf_clients_check(struct peerbuf *pb, const struct peerbuf_placement *to,
			  struct peerbuf_refusal *why)
{
	struct peerbuf_client *client;
	int ret;

	if (pb->ops && pb->ops->place)
		return 0;
	list_for_each_entry(client, &pb->clients, node) {
		ret = peerbuf_reach_check(pb, client, to, why);
		if (ret == -EOPNOTSUPP)
			return peerbuf_fail(why, -EHOSTUNREACH, why->reason);
		if (ret)
			return ret;
	}
	return 0;
}
