// SPDX-License-Identifier: GPL-2.0-only
/*
 * Describes the functions of a machine to drivers/pci/p2p/path.c, as route.c does in the kernel,
 * and returns its verdict.
 */
#include "host_list.h"
#include "override_list.h"
#include "path.h"

#include <linux/pci_regs.h>
#include <peerbuf/p2p.h>
#include <stdlib.h>

#include "machine.h"
#include "rules.h"
#include "tool.h"

/**
 * struct rules - the input of path.c, computed once
 * @machine: the functions
 * @overrides: what the administrator vouches for
 * @side: for each function as a provider, with unknown bridges assumed not to redirect
 * @worst: for each function as a provider, with unknown bridges assumed to redirect
 * @fits: for each function: it has no more bridges above it than path.c accepts
 * @path: for the current pair
 */
struct rules {
	const struct machine *machine;
	struct p2p_override_list overrides;
	struct p2p_path_side *side;
	struct p2p_path_side *worst;
	bool *fits;
	struct p2p_path path;
};

/* Does the same as host_function_get() in host_bridge.c. */
static const struct function *host_function(const struct machine *machine,
					    const struct function *top)
{
	const struct function *function = machine_find(machine, top->root);

	if (function)
		return function;
	return top->pcie == PCIE_ROOT_PORT ? top : NULL;
}

static void describe_host(const struct rules *rules, const struct function *top,
			  struct p2p_path_host *host)
{
	const struct function *function = host_function(rules->machine, top);

	host->root = top->root;
	host->addr = top->root;
	host->known = false;
	host->same_only = false;
	if (function) {
		host->addr = function->addr;
		p2p_host_known(host, function->vendor, function->device);
	}
	host->vouched = p2p_override_list_host(&rules->overrides, host->root);
}

/*
 * As bridge_is_off() of route.c: are requests not let through that go up from @function, or else
 * down to it? All ones: it did not answer.
 */
static bool bridge_is_off(const struct function *bridge, const struct function *function, bool up)
{
	uint16_t bit = up ? PCI_COMMAND_MASTER : PCI_COMMAND_MEMORY;

	return function->enabled && bridge != function && bridge->command != UINT16_MAX &&
	       !(bridge->command & bit);
}

/* The bridges of @side as those of a provider, or else of a client. */
static void describe_bridges(const struct function *function, bool client,
			     struct p2p_path_side *side)
{
	const struct function *hop = function;
	uint32_t n;

	for (n = 0; n < side->nr; n++, hop = hop->up)
		side->hop[n].off = bridge_is_off(hop, function, client);
}

static bool describe_side(const struct rules *rules, const struct function *function,
			  bool worst, struct p2p_path_side *side)
{
	const struct function *bottom = function, *top = function;

	side->domain = PEERBUF_PCI_DOMAIN(function->addr);
	side->nr = 0;
	for (; function; top = function, function = function->up) {
		struct p2p_path_hop *hop = &side->hop[side->nr];

		if (side->nr == P2P_PATH_MAX_HOPS)
			return false;
		hop->id = function->addr & 0xffff;
		hop->acs_redirect = function_redirects(function) ||
				    (worst && function->acs == ACS_UNKNOWN);
		side->nr++;
	}
	describe_bridges(bottom, false, side);
	describe_host(rules, top, &side->host);
	return true;
}

struct rules *rules_new(const struct machine *machine)
{
	struct rules *rules = calloc(1, sizeof(*rules));
	const char *bad;
	int length;
	size_t n;

	if (!rules)
		out_of_memory();
	rules->machine = machine;
	rules->side = calloc(machine->nr + 1, sizeof(*rules->side));
	rules->worst = calloc(machine->nr + 1, sizeof(*rules->worst));
	rules->fits = calloc(machine->nr + 1, sizeof(*rules->fits));
	if (!rules->side || !rules->worst || !rules->fits)
		out_of_memory();
	if (p2p_override_list_parse(&rules->overrides, machine->overrides, &bad, &length))
		warning("overrides not understood: %.*s", length, bad);
	rules->path.cpu_forwards =
		p2p_cpu_family_forwards(!strcmp(machine->cpu_vendor, "AuthenticAMD"),
					machine->cpu_family);
	for (n = 0; n < machine->nr; n++) {
		const struct function *function = &machine->functions[n];

		rules->fits[n] = describe_side(rules, function, false, &rules->side[n]) &&
				 describe_side(rules, function, true, &rules->worst[n]);
	}
	return rules;
}

void rules_free(struct rules *rules)
{
	if (!rules)
		return;
	free(rules->side);
	free(rules->worst);
	free(rules->fits);
	free(rules);
}

/* Copies only the hops in use: most of the structure is empty. */
static void copy_side(struct p2p_path_side *to, const struct p2p_path_side *from)
{
	to->domain = from->domain;
	to->nr = from->nr;
	to->host = from->host;
	memcpy(to->hop, from->hop, from->nr * sizeof(*from->hop));
}

/*
 * Drivers that use another domain than the group's default one: those with driver_managed_dma in
 * the kernel, which sysfs does not show.
 */
static bool manages_dma(const char *driver)
{
	static const char *const names[] = { "vfio-pci", "peerbuf-vfio-pci", "pci-stub" };
	size_t n;

	for (n = 0; n < sizeof(names) / sizeof(*names); n++) {
		if (!strcmp(driver, names[n]))
			return true;
	}
	return false;
}

/*
 * An IOMMU translates for the DMA API if the domain's type is "DMA" or "DMA-FQ". As in the
 * kernel, this counts only while a driver that uses the DMA API is bound, because the type may
 * change before.
 */
static bool is_translated(const struct function *client)
{
	if (!strcmp(client->driver, "-") || manages_dma(client->driver))
		return false;
	return !strncmp(client->iommu_type, "DMA", 3);
}

static uint64_t dma_limit(const struct function *client)
{
	if (!client->dma_bits || client->dma_bits >= 64)
		return UINT64_MAX;
	return (UINT64_C(1) << client->dma_bits) - 1;
}

/* For the current path. */
static void by_iommu(struct rules *rules, struct p2p_route *answer)
{
	struct p2p_route up;

	rules->path.through_host = true;
	p2p_path_decide(&rules->path, &up);
	p2p_path_check_bridges(&rules->path, &up);
	rules->path.through_host = false;
	p2p_path_by_iommu(answer, &up);
}

void rules_decide(struct rules *rules, const struct function *provider,
		  const struct function *client, uint32_t bar, bool redirects,
		  struct peerbuf_route *route)
{
	const struct p2p_path_side *sides = redirects ? rules->worst : rules->side;
	size_t p = provider - rules->machine->functions, c = client - rules->machine->functions;
	struct p2p_route answer = {
		.type = P2P_ROUTE_NOT_SUPPORTED,
		.reason = P2P_REASON_NO_COMMON_ROOT,
		.decider = P2P_ADDR_NONE,
	};

	if (rules->fits[p] && rules->fits[c]) {
		copy_side(&rules->path.provider, &sides[p]);
		copy_side(&rules->path.client, &sides[c]);
		describe_bridges(client, true, &rules->path.client);
		rules->path.pair_vouched = rules->overrides.nr &&
			p2p_override_list_pair(&rules->overrides, provider->addr, client->addr);
		p2p_path_decide(&rules->path, &answer);
		p2p_path_check_bridges(&rules->path, &answer);
	}
	if (is_translated(client))
		answer.flags |= P2P_ROUTE_F_IOMMU;
	if (bar < ARRAY_SIZE(provider->bars) && provider->bars[bar].size) {
		const struct bar *memory = &provider->bars[bar];

		p2p_path_check_mask(&answer, memory->bus + memory->size - 1,
				    memory->base + memory->size - 1, dma_limit(client),
				    client->addr);
		if (p2p_path_wants_iommu(&answer))
			by_iommu(rules, &answer);
	}
	*route = (struct peerbuf_route) {
		.type = answer.type,
		.reason = answer.reason,
		.flags = answer.flags,
		.distance = answer.distance,
		.decider = answer.decider,
	};
}
