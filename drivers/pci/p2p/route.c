// SPDX-License-Identifier: GPL-2.0
/*
 * Describes real devices to path.c. The kernel's own verdict is no alternative: most kernels are
 * built without CONFIG_PCI_P2PDMA, and the others do not export it.
 */

#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/pci.h>

#include "host_bridge.h"
#include "override.h"
#include "path.h"
#include "provider.h"
#include "route.h"
#include "translate.h"

#include "../../../compat/mem_encrypt.h"

#define ACS_REDIRECTS	(PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_EC)

/**
 * p2p_pci_addr() - a function's address as one number
 * @pdev: the function
 *
 * Context: Any.
 * Return: domain << 16 | bus << 8 | devfn
 */
u64 p2p_pci_addr(struct pci_dev *pdev)
{
	return (u64)(u32)pci_domain_nr(pdev->bus) << 16 | pci_dev_id(pdev);
}
EXPORT_SYMBOL_GPL(p2p_pci_addr);

/*
 * A bridge that does not answer (asleep in D3cold, or just pulled out) is assumed to redirect,
 * which never results in a wrong address. @certain is cleared so that the verdict is not cached.
 */
static bool acs_redirects(struct pci_dev *pdev, bool *certain)
{
	u16 control;

	if (!pdev->acs_cap)
		return false;
	if (pci_read_config_word(pdev, pdev->acs_cap + PCI_ACS_CTRL, &control) ||
	    PCI_POSSIBLE_ERROR(control)) {
		*certain = false;
		return true;
	}
	return control & ACS_REDIRECTS;
}

/*
 * The bit of the command register that the bridges above @pdev need: PCI_COMMAND_MASTER to pass
 * its requests up, PCI_COMMAND_MEMORY to pass requests for it down. The kernel sets @bit in all of
 * them when a driver enables @pdev. Above a function that nobody has enabled it need not be set
 * yet, so for such a function this returns 0.
 */
static u16 bridges_bit(struct pci_dev *pdev, u16 bit)
{
	return pci_is_enabled(pdev) ? bit : 0;
}

/* True: @bit is clear, so somebody has cleared it by hand. */
static bool bridge_is_off(struct pci_dev *bridge, u16 bit, bool *certain)
{
	u16 command;

	if (!bit)
		return false;
	if (pci_read_config_word(bridge, PCI_COMMAND, &command) ||
	    PCI_POSSIBLE_ERROR(command)) {
		*certain = false;
		return false;
	}
	return !(command & bit);
}

/*
 * @bit: PCI_COMMAND_MASTER for a client, PCI_COMMAND_MEMORY for a provider.
 *
 * Needs no references: a function keeps its bus, and a bus its bridge, until the function itself
 * is released, even after hot-unplug.
 */
static bool side_describe(struct pci_dev *pdev, u16 bit, struct p2p_path_side *side,
			  bool *certain)
{
	struct pci_dev *top = pdev;

	side->domain = pci_domain_nr(pdev->bus);
	side->nr = 0;
	bit = bridges_bit(pdev, bit);
	for (; pdev; top = pdev, pdev = pci_upstream_bridge(pdev)) {
		if (side->nr == P2P_PATH_MAX_HOPS)
			return false;
		side->hop[side->nr].id = pci_dev_id(pdev);
		side->hop[side->nr].acs_redirect = acs_redirects(pdev, certain);
		side->hop[side->nr].off = side->nr && bridge_is_off(pdev, bit, certain);
		side->nr++;
	}
	p2p_host_bridge_describe(top, &side->host);
	return true;
}

/* Is @bridge the function @pdev itself, or a bridge above it? */
static bool is_above(struct pci_dev *bridge, struct pci_dev *pdev)
{
	for (; pdev; pdev = pci_upstream_bridge(pdev))
		if (pdev == bridge)
			return true;
	return false;
}

/* A bit for each function that redirects, from @pdev up to the lowest one above @other, too. */
static u64 redirects_read(struct pci_dev *pdev, struct pci_dev *other, bool with_common,
			  bool *certain)
{
	u64 redirects = 0;
	bool common;
	u32 i;

	for (i = 0; pdev && i < P2P_PATH_MAX_HOPS; i++, pdev = pci_upstream_bridge(pdev)) {
		common = is_above(pdev, other);
		if ((!common || with_common) && acs_redirects(pdev, certain))
			redirects |= BIT_ULL(i);
		if (common)
			break;
	}
	return redirects;
}

/*
 * A bit for each bridge above @pdev that is off: up to where the two paths meet, or, with @up, all
 * the way up.
 */
static u64 bridges_read(struct pci_dev *pdev, struct pci_dev *other, u16 bit, bool up,
			bool *certain)
{
	struct pci_dev *bridge = pdev;
	u64 off = 0;
	u32 i;

	bit = bridges_bit(pdev, bit);
	for (i = 0; bridge && i < P2P_PATH_MAX_HOPS; i++, bridge = pci_upstream_bridge(bridge)) {
		if (!up && is_above(bridge, other))
			break;
		if (i && bridge_is_off(bridge, bit, certain))
			off |= BIT_ULL(i);
	}
	return off;
}

/*
 * The bits that p2p_path_decide() and p2p_path_check_bridges() look at: what redirects, and on
 * the way that is left then, what is off.
 */
static bool registers_read(struct pci_dev *provider, struct pci_dev *client,
			   struct p2p_path_registers *seen)
{
	bool certain = true, up;

	seen->provider = redirects_read(provider, client, false, &certain);
	seen->client = redirects_read(client, provider, true, &certain);
	up = seen->provider || seen->client;
	seen->provider_off = bridges_read(provider, client, PCI_COMMAND_MEMORY, up, &certain);
	seen->client_off = bridges_read(client, provider, PCI_COMMAND_MASTER, up, &certain);
	return certain;
}

static void route_refuse(struct p2p_route *route, u32 reason)
{
	*route = (struct p2p_route) {
		.type = P2P_ROUTE_NOT_SUPPORTED,
		.reason = reason,
		.decider = P2P_ADDR_NONE,
	};
}

/*
 * Returns whether the verdict may be cached. @seen: what the registers said just before the
 * verdict was worked out. If they change in between, the next comparison finds a difference.
 */
static bool topology_decide(struct pci_dev *provider, struct pci_dev *client,
			    bool through_host, struct p2p_route *route,
			    struct p2p_path_registers *seen)
{
	struct p2p_path path;
	bool certain;

	certain = registers_read(provider, client, seen);
	if (!side_describe(provider, PCI_COMMAND_MEMORY, &path.provider, &certain) ||
	    !side_describe(client, PCI_COMMAND_MASTER, &path.client, &certain)) {
		route_refuse(route, P2P_REASON_NO_COMMON_ROOT);
		return true;
	}
	path.cpu_forwards = p2p_cpu_forwards();
	path.through_host = through_host;
	path.pair_vouched = p2p_override_pair(p2p_pci_addr(provider), p2p_pci_addr(client));
	p2p_path_decide(&path, route);
	p2p_path_check_bridges(&path, route);
	return certain;
}

static void iommu_flag(struct device *client, struct p2p_route *route)
{
	if (p2p_translated(client))
		route->flags |= P2P_ROUTE_F_IOMMU;
}

/*
 * Keep the IOMMU domain of a function that is not the caller's. A function's default domain is
 * freed when the administrator changes its group's type. The kernel allows that only if no driver
 * is bound, or one that does not use the DMA API (as VFIO's). So the domain stays while a driver
 * that uses the DMA API is bound, and the device lock prevents unbinding. The lock is only tried:
 * its holder may keep it for long, or wait for the caller. Returns true with the client locked.
 */
static bool client_hold(struct pci_dev *client)
{
	struct device_driver *driver;

	if (!device_trylock(&client->dev))
		return false;
	driver = client->dev.driver;
	if (driver && !to_pci_driver(driver)->driver_managed_dma)
		return true;
	device_unlock(&client->dev);
	return false;
}

static void encryption_check(struct pci_dev *client, struct p2p_route *route)
{
	p2p_path_check_encryption(route, cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT),
				  IOMMU_MAP_ENCRYPTS_MMIO, p2p_pci_addr(client));
}

/**
 * p2p_route_between() - what the topology says about two functions
 * @provider: the function whose memory it would be
 * @client: the function that would reach it
 * @route: where to put the verdict
 *
 * Nothing needs to be registered or bound. The client's DMA mask is ignored, as there is no BAR
 * and so no address. P2P_ROUTE_F_IOMMU is set as by p2p_route_ask(). The verdict is worked out on
 * each call.
 *
 * Context: May sleep. The caller holds references to both functions.
 */
void p2p_route_between(struct pci_dev *provider, struct pci_dev *client,
		       struct p2p_route *route)
{
	struct p2p_path_registers seen;

	topology_decide(provider, client, false, route, &seen);
	if (client_hold(client)) {
		iommu_flag(&client->dev, route);
		device_unlock(&client->dev);
	}
	encryption_check(client, route);
}
EXPORT_SYMBOL_GPL(p2p_route_between);

static void topology_recall(struct p2p_provider *provider, struct pci_dev *client,
			    bool through_host, struct p2p_route *route)
{
	u64 generation = p2p_cache_generation();
	struct p2p_path_registers seen;

	if (p2p_cache_find(&provider->cache, client, through_host, generation, route))
		return;
	if (topology_decide(provider->pdev, client, through_host, route, &seen))
		p2p_cache_store(&provider->cache, client, through_host, generation, route,
				&seen);
}

/*
 * Do the registers still say what the cached verdict was worked out from? Everything else that a
 * verdict depends on begins a new generation when it changes, so the cached verdict is then right.
 */
static bool topology_confirm(struct p2p_provider *provider, struct pci_dev *client,
			     struct p2p_route *route)
{
	u64 generation = p2p_cache_generation();
	struct p2p_path_registers seen;

	return registers_read(provider->pdev, client, &seen) &&
	       p2p_cache_confirms(&provider->cache, client, generation, &seen, route);
}

/* @route is what the registers say. If a valid verdict differs from it, drops all verdicts. */
static bool topology_outdate(struct p2p_provider *provider, struct pci_dev *client,
			     bool through_host, const struct p2p_route *route)
{
	if (!p2p_cache_contradicts(&provider->cache, client, through_host, route))
		return false;
	pci_notice(client, "p2p: the route to %s has changed (%s), all routes are checked again\n",
		   pci_name(provider->pdev), p2p_route_reason_text(route->reason));
	p2p_cache_outdate();
	return true;
}

/*
 * The same for the route through the host bridge, which a client takes whose addresses only the
 * IOMMU understands, if that verdict is cached.
 */
static void topology_look_up(struct p2p_provider *provider, struct pci_dev *client)
{
	struct p2p_path_registers seen;
	struct p2p_route route;

	if (p2p_cache_find(&provider->cache, client, true, p2p_cache_generation(), &route) &&
	    topology_decide(provider->pdev, client, true, &route, &seen))
		topology_outdate(provider, client, true, &route);
}

/*
 * Works the verdict out from what the registers say now. If it differs from the cached one, bits
 * were changed by hand, perhaps also between other functions: all cached verdicts are dropped. A
 * bridge that does not answer proves nothing.
 */
static void topology_look(struct p2p_provider *provider, struct pci_dev *client,
			  struct p2p_route *route)
{
	struct p2p_path_registers seen;
	u64 generation;

	topology_look_up(provider, client);
	if (topology_confirm(provider, client, route))
		return;
	generation = p2p_cache_generation();
	if (!topology_decide(provider->pdev, client, false, route, &seen))
		return;
	if (topology_outdate(provider, client, false, route)) {
		topology_recall(provider, client, false, route);
		return;
	}
	/* The register contents may differ without consequence: store them for comparison. */
	p2p_cache_store(&provider->cache, client, false, generation, route, &seen);
}

/*
 * An IOMMU helps against a mask that is too small: the IOVA allocator obeys the mask and leaves
 * out the windows of the host bridge, so no switch on the way up claims a request.
 */
static void mask_check(struct p2p_provider *provider, u64 last, struct device *client,
		       struct p2p_route *route)
{
	u64 end = provider->base + last;
	struct p2p_route up;

	p2p_path_check_mask(route, end + provider->bus_offset, end, p2p_client_limit(client),
			    p2p_pci_addr(to_pci_dev(client)));
	if (!p2p_path_wants_iommu(route))
		return;
	topology_recall(provider, to_pci_dev(client), true, &up);
	p2p_path_by_iommu(route, &up);
}

/* @last: offset of the last byte that the client is to reach, from the start of the BAR. */
int p2p_route_find(struct p2p_provider *provider, u64 last, struct device *client,
		   enum p2p_route_way way, struct p2p_route *route)
{
	if (!p2p_provider_alive(provider)) {
		route_refuse(route, P2P_REASON_PROVIDER_GONE);
		return -ENODEV;
	}
	if (!dev_is_pci(client)) {
		route_refuse(route, P2P_REASON_NOT_PCI);
		return 0;
	}
	switch (way) {
	case P2P_ROUTE_TRANSLATED:
		topology_recall(provider, to_pci_dev(client), true, route);
		route->flags |= P2P_ROUTE_F_IOMMU;
		encryption_check(to_pci_dev(client), route);
		return 0;
	case P2P_ROUTE_LOOK:
		topology_look(provider, to_pci_dev(client), route);
		break;
	case P2P_ROUTE_RECALL:
		topology_recall(provider, to_pci_dev(client), false, route);
		break;
	}
	iommu_flag(client, route);
	mask_check(provider, last, client, route);
	encryption_check(to_pci_dev(client), route);
	return 0;
}

/**
 * p2p_route_get() - can this device reach this provider, and how?
 * @provider: whose memory it is
 * @client: the device that is to reach it: the one whose DMA API is used
 * @route: where to put the verdict, in any case
 *
 * A verdict P2P_ROUTE_NOT_SUPPORTED is a successful answer. Only functions on a
 * PCI bus count as clients, not devices that a function's driver has made:
 * the DMA API of such a device may not use the function's IOMMU.
 *
 * The registers of bridges are not read on each call: a cached verdict is used until the kernel
 * hears of a change, or p2p_route_look() finds one.
 *
 * Context: May sleep. May be called with a dma_resv held. The caller holds a
 * reference to @client.
 * Return: 0, or -ENODEV if the provider has been killed
 */
int p2p_route_get(struct p2p_provider *provider, struct device *client,
		  struct p2p_route *route)
{
	return p2p_route_find(provider, provider->length - 1, client, P2P_ROUTE_RECALL, route);
}
EXPORT_SYMBOL_GPL(p2p_route_get);

/**
 * p2p_route_upto() - can this device reach the low end of this provider, and how?
 * @provider: whose memory it is
 * @last: offset in the BAR of the last byte that it is to reach
 * @client: see p2p_route_get()
 * @route: where to put the verdict, in any case
 *
 * Like p2p_route_get(), which asks for the whole BAR: a client whose DMA mask ends within the BAR
 * reaches the part below.
 *
 * Context: See p2p_route_get().
 * Return: 0, or -ENODEV if the provider has been killed
 */
int p2p_route_upto(struct p2p_provider *provider, u64 last, struct device *client,
		   struct p2p_route *route)
{
	return p2p_route_find(provider, last, client, P2P_ROUTE_RECALL, route);
}
EXPORT_SYMBOL_GPL(p2p_route_upto);

/**
 * p2p_route_look() - p2p_route_get(), by what the registers of the bridges say now
 * @provider: whose memory it is
 * @client: the device that is to reach it: the one whose DMA API is used
 * @route: where to put the verdict, in any case
 *
 * If the verdict differs from the cached one, the watchers of routes are called, see
 * p2p_routes_watch().
 *
 * Context: As p2p_route_get(). Use that one where speed matters.
 * Return: 0, or -ENODEV if the provider has been killed
 */
int p2p_route_look(struct p2p_provider *provider, struct device *client,
		   struct p2p_route *route)
{
	return p2p_route_find(provider, provider->length - 1, client, P2P_ROUTE_LOOK, route);
}
EXPORT_SYMBOL_GPL(p2p_route_look);

/**
 * p2p_route_ask() - can somebody else's device reach this provider, and how?
 * @provider: whose memory it is
 * @last: see p2p_route_upto()
 * @client: a function that need not be the caller's, nor have a driver
 * @route: where to put the verdict, in any case
 *
 * p2p_route_get() is for the driver of the client, and for drivers it has attached to. Here the
 * driver is not the caller, so whether an IOMMU translates, and the DMA mask, are considered only
 * while the client's device lock is free and a driver that uses the DMA API is bound. Otherwise
 * the verdict is that of the topology alone.
 *
 * Reads the registers of the bridges, as p2p_route_look() does.
 *
 * Context: May sleep. The caller holds a reference to @client. Tries to take its device lock.
 * Return: 0, or -ENODEV if the provider has been killed
 */
int p2p_route_ask(struct p2p_provider *provider, u64 last, struct pci_dev *client,
		  struct p2p_route *route)
{
	int ret = 0;

	if (client_hold(client)) {
		ret = p2p_route_find(provider, last, &client->dev, P2P_ROUTE_LOOK, route);
		device_unlock(&client->dev);
	} else if (p2p_provider_alive(provider)) {
		topology_look(provider, client, route);
		encryption_check(client, route);
	} else {
		route_refuse(route, P2P_REASON_PROVIDER_GONE);
		ret = -ENODEV;
	}
	return ret;
}
EXPORT_SYMBOL_GPL(p2p_route_ask);

/**
 * p2p_route_translated() - can this device reach this provider by way of its IOMMU?
 * @provider: whose memory it is
 * @client: the device that is to reach it, by addresses that only its IOMMU can read
 * @route: where to put the verdict, in any case
 *
 * For a device whose IOMMU domain is managed by hand, as VFIO does. Such an address is not the
 * peer's on any bus, so a switch passes the request upwards, and it reaches the peer only if the
 * host bridge forwards it. The verdict is never P2P_ROUTE_BUS_ADDR. Neither the client's DMA API
 * nor its DMA mask matters, and bridge registers are not read again: a cached verdict is used.
 *
 * Context: May sleep. May be called with a dma_resv held. The caller holds a
 * reference to @client.
 * Return: 0, or -ENODEV if the provider has been killed
 */
int p2p_route_translated(struct p2p_provider *provider, struct device *client,
			 struct p2p_route *route)
{
	return p2p_route_find(provider, provider->length - 1, client, P2P_ROUTE_TRANSLATED, route);
}
EXPORT_SYMBOL_GPL(p2p_route_translated);

static bool window_overlaps(struct pci_dev *bridge, u64 start, u64 last)
{
	struct pci_bus_region region;
	struct resource *res;
	unsigned int i;

	if (!bridge->subordinate)
		return false;
	pci_bus_for_each_resource(bridge->subordinate, res, i) {
		if (!res || !(res->flags & IORESOURCE_MEM) || !resource_size(res))
			continue;
		pcibios_resource_to_bus(bridge->bus, &region, res);
		if (region.start <= last && start <= region.end)
			return true;
	}
	return false;
}

/* On a conventional PCI bus every function sees a request before the bridge does. */
static bool is_shared_below(struct pci_dev *bridge)
{
	return !pci_is_pcie(bridge) || pci_pcie_type(bridge) == PCI_EXP_TYPE_PCI_BRIDGE;
}

/**
 * p2p_caught_on_the_way() - would a switch keep a request from the client's IOMMU?
 * @client: the device that sends it
 * @start: first address, as the client puts it out
 * @last: last address
 *
 * A switch compares a request that leaves a downstream port without ACS redirect with the
 * windows of that port's siblings. All of those lie in the window of the switch's upstream
 * port, and a request that falls into it never reaches the IOMMU.
 *
 * Context: May sleep. The caller holds a reference to @client.
 * Return: true if any of the addresses may be claimed on the way
 */
bool p2p_caught_on_the_way(struct pci_dev *client, u64 start, u64 last)
{
	struct pci_dev *port = pci_upstream_bridge(client);
	struct pci_dev *above;
	bool certain;

	for (; port; port = above) {
		above = pci_upstream_bridge(port);
		if (is_shared_below(port) && window_overlaps(port, start, last))
			return true;
		if (above && !acs_redirects(port, &certain) &&
		    window_overlaps(above, start, last))
			return true;
	}
	return false;
}
EXPORT_SYMBOL_GPL(p2p_caught_on_the_way);
