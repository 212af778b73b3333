// SPDX-License-Identifier: GPL-2.0
/*
 * Checks the mapper of p2p.ko range by range: reserve, link some ranges, link the others,
 * unlink and link again, destroy a half-linked mapping. After each step every range's address
 * is compared with where the hardware would go: behind an IOMMU by walking its tables,
 * otherwise by comparing with the bus address.
 */
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "bar_owner.h"

/**
 * struct owner_check - a running check
 * @req: gets the result
 * @vecs: the ranges
 * @map: their mapping
 * @domain: the client's domain, if it translates
 * @route: from the BAR to the client
 * @bus_offset: CPU address minus bus address
 * @addr: address of each range when it was first linked
 */
struct owner_check {
	struct bar_owner_map_check *req;
	struct p2p_vecs *vecs;
	struct p2p_map *map;
	struct iommu_domain *domain;
	struct p2p_route route;
	u64 bus_offset;
	dma_addr_t *addr;
};

static int owner_fail_at(struct owner_check *check, int line, int error)
{
	check->req->line = line;
	check->req->error = error;
	return -EINVAL;
}

#define owner_fail(check, error)	owner_fail_at(check, __LINE__, error)

/* Does @addr lead to the range, as far as the CPU can check? */
static bool owner_addr_right(struct owner_check *check, dma_addr_t addr, u32 i)
{
	phys_addr_t paddr = check->vecs->vec[i].paddr;

	if (check->route.type == P2P_ROUTE_BUS_ADDR)
		return addr == paddr - check->bus_offset;
	if (!check->domain)
		return addr == paddr;
	/* Not an error if both are equal by chance: the IOMMU may be below another host bridge. */
	return iommu_iova_to_phys(check->domain, addr) == paddr &&
	       iommu_iova_to_phys(check->domain, addr + PAGE_SIZE - 1) ==
	       paddr + PAGE_SIZE - 1;
}

static bool owner_translated(struct owner_check *check)
{
	return check->domain && check->route.type != P2P_ROUTE_BUS_ADDR;
}

static void owner_say(struct owner_check *check, dma_addr_t addr, u32 i)
{
	phys_addr_t seen = 0;

	if (owner_translated(check))
		seen = iommu_iova_to_phys(check->domain, addr);
	pr_info("range %u of %u, %pa, is mapped at %pad and seen there as %pa\n",
		i, check->vecs->nr, &check->vecs->vec[i].paddr, &addr, &seen);
}

static int owner_link(struct owner_check *check, u32 first, u32 nr)
{
	dma_addr_t addr;
	int ret;
	u32 i;

	ret = p2p_map_link(check->map, first, nr);
	if (ret)
		return owner_fail(check, ret);
	ret = p2p_map_sync(check->map, first, nr);
	if (ret)
		return owner_fail(check, ret);
	for (i = first; i < first + nr; i++) {
		addr = p2p_map_vec_addr(check->map, i);
		if (!owner_addr_right(check, addr, i)) {
			owner_say(check, addr, i);
			return owner_fail(check, i);
		}
		check->addr[i] = addr;
	}
	return 0;
}

/* The IOMMU must not translate any of the addresses any more. */
static int owner_check_gone(struct owner_check *check, u32 first, u32 nr)
{
	u32 i;

	if (!owner_translated(check))
		return 0;
	for (i = first; i < first + nr; i++)
		if (iommu_iova_to_phys(check->domain, check->addr[i]))
			return owner_fail(check, i);
	return 0;
}

static int owner_check_there(struct owner_check *check, u32 first, u32 nr)
{
	u32 i;

	for (i = first; i < first + nr; i++)
		if (!owner_addr_right(check, check->addr[i], i))
			return owner_fail(check, i);
	return 0;
}

/* Unlinks the ranges in the middle, which must not affect the others, and links them again. */
static int owner_relink(struct owner_check *check)
{
	u32 nr = check->vecs->nr;
	u32 first = nr / 4, count = nr / 2;
	int ret;

	if (!count)
		return 0;
	p2p_map_unlink(check->map, first, count);
	ret = owner_check_gone(check, first, count);
	if (!ret)
		ret = owner_check_there(check, 0, first);
	if (!ret)
		ret = owner_check_there(check, first + count,
					nr - first - count);
	if (!ret)
		ret = owner_link(check, first, count);
	check->req->relinked = count;
	return ret;
}

static int owner_check_steps(struct owner_check *check)
{
	u32 nr = check->vecs->nr;
	int ret;

	/* The second half first, because the order must not matter. */
	ret = owner_link(check, nr / 2, nr - nr / 2);
	if (!ret && nr / 2)
		ret = owner_link(check, 0, nr / 2);
	if (!ret)
		ret = owner_check_there(check, 0, nr);
	if (!ret)
		ret = owner_relink(check);
	return ret;
}

static int owner_check_segments(struct owner_check *check)
{
	struct p2p_segment first = {};
	u32 count = p2p_map_count_segments(check->map, 0);

	if (!count || count > check->vecs->nr)
		return owner_fail(check, count);
	if (p2p_map_fill_segments(check->map, 0, &first, 1) != count ||
	    first.addr != check->addr[0] ||
	    first.provider != check->vecs->vec[0].provider)
		return owner_fail(check, 0);
	return p2p_map_vecs(check->map) == check->vecs ?
	       0 : owner_fail(check, 0);
}

/* Maps everything; then makes a second mapping and destroys it when half of it is linked. */
static void owner_check_map(struct owner_check *check, const struct p2p_plan *plan)
{
	u32 nr = check->vecs->nr;
	int ret;

	check->map = p2p_map_reserve(plan, DMA_BIDIRECTIONAL, 0);
	if (IS_ERR(check->map)) {
		owner_fail(check, PTR_ERR(check->map));
		return;
	}
	ret = owner_check_steps(check);
	if (!ret)
		ret = owner_check_segments(check);
	p2p_map_free(check->map);
	if (!ret)
		ret = owner_check_gone(check, 0, nr);
	if (ret || nr < 2)
		return;
	check->map = p2p_map_reserve(plan, DMA_BIDIRECTIONAL, 0);
	if (IS_ERR(check->map)) {
		owner_fail(check, PTR_ERR(check->map));
		return;
	}
	ret = owner_link(check, 0, nr / 2);
	p2p_map_free(check->map);
	if (!ret)
		owner_check_gone(check, 0, nr / 2);
}

static void owner_check_plan(struct owner_check *check, struct device *client)
{
	struct p2p_plan plan;
	int ret;

	p2p_plan_init(&plan, client, P2P_PLAN_DMA);
	ret = p2p_plan_make(&plan, check->vecs, false);
	if (ret)
		owner_fail(check, ret);
	else if (!p2p_plan_holds(&plan, check->vecs))
		owner_fail(check, -ESTALE);
	else
		owner_check_map(check, &plan);
	p2p_plan_drop(&plan);
}

/* Lists pages from the end of the BAR to its start. */
static int owner_check_vecs(struct owner_check *check,
			    struct p2p_provider *provider)
{
	u64 offset = p2p_provider_length(provider);
	u32 i;
	int ret;

	for (i = 0; i < check->req->nr; i++) {
		offset -= PAGE_SIZE;
		ret = p2p_vecs_add_bar(check->vecs, provider, offset, PAGE_SIZE);
		if (ret)
			return owner_fail(check, ret);
	}
	return check->vecs->nr == check->req->nr ?
	       0 : owner_fail(check, check->vecs->nr);
}

static void owner_check_client(struct owner_check *check, struct device *client,
			       struct p2p_provider *provider)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(client);

	if (domain && domain->type & __IOMMU_DOMAIN_PAGING)
		check->domain = domain;
	check->bus_offset = p2p_provider_bus_offset(provider);
	if (p2p_route_get(provider, client, &check->route) ||
	    check->route.type == P2P_ROUTE_NOT_SUPPORTED) {
		owner_fail(check, check->route.reason);
		return;
	}
	check->req->translated = owner_translated(check);
	if (!owner_check_vecs(check, provider))
		owner_check_plan(check, client);
}

/* Caller holds owner.present. The client's driver must stay bound during the call. */
void owner_map_check(struct owner *owner, struct bar_owner_map_check *req)
{
	struct p2p_provider *provider =
		peerbuf_device_provider(owner->pdevice, OWNER_BAR);
	struct owner_check check = { .req = req };
	struct pci_dev *client;

	client = pci_get_domain_bus_and_slot(PEERBUF_PCI_DOMAIN(req->client),
					     PEERBUF_PCI_BUS(req->client),
					     req->client & 0xff);
	check.vecs = p2p_vecs_alloc(req->nr);
	check.addr = kvcalloc(req->nr, sizeof(*check.addr), GFP_KERNEL);
	if (!provider || !client || !check.vecs || !check.addr)
		owner_fail(&check, client ? -ENOMEM : -ENODEV);
	else
		owner_check_client(&check, &client->dev, provider);
	kvfree(check.addr);
	if (check.vecs)
		p2p_vecs_put(check.vecs);
	if (provider)
		p2p_provider_put(provider);
	pci_dev_put(client);
}
