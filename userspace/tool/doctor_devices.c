// SPDX-License-Identifier: GPL-2.0-only
/* Findings from the PCI functions: IOMMU, routes, BARs, DMA masks, links. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "machine.h"
#include "tool.h"
#include "verdict.h"
#include "why.h"

/* A line with more bridges than this is no help. */
#define MANY_BRIDGES	16

#define MEMORY_DECODE	(1 << 1) /* in the command register */

/* Functions that users usually mean: not those built into the root complex. */
static bool is_meant(const struct function *function)
{
	return function->shareable && function->below_port;
}

void check_privilege(struct report *report)
{
	size_t n, unread = 0;

	for (n = 0; n < report->machine->nr; n++)
		unread += report->machine->functions[n].is_bridge &&
			  (report->machine->functions[n].acs == ACS_UNKNOWN ||
			   report->machine->functions[n].acs == ACS_GROUPED);
	if (unread)
		found(report, SEVERITY_WARNING, "privilege",
		      format_text("the ACS of %zu bridges could not be read: verdicts may be "
				  "unknown", unread), "run it as root");
}

void check_iommu(struct report *report)
{
	size_t n, grouped = 0, lazy = 0, strict = 0, identity = 0;

	for (n = 0; n < report->machine->nr; n++) {
		const struct function *function = &report->machine->functions[n];

		grouped += function->iommu_group >= 0;
		lazy += !strcmp(function->iommu_type, "DMA-FQ");
		strict += !strcmp(function->iommu_type, "DMA");
		identity += !strcmp(function->iommu_type, "identity");
	}
	if (!grouped) {
		found(report, SEVERITY_NOTE, "iommu",
		      "no IOMMU: devices reach peers, and all memory, by physical address", "");
		return;
	}
	if (lazy)
		found(report, SEVERITY_NOTE, "iommu",
		      format_text("translates, lazily: for %zu functions an address stays usable "
				  "for a moment after it was unmapped", lazy),
		      "iommu.strict=1 on the kernel's command line ends that, at some cost per "
		      "mapping");
	if (strict)
		found(report, SEVERITY_OK, "iommu",
		      format_text("translates, strictly, for %zu functions", strict), "");
	if (identity)
		found(report, SEVERITY_NOTE, "iommu",
		      format_text("passes %zu functions through: they use physical addresses",
				  identity), "");
}

/* Bridges with redirect on, each one once, in the form of the kernel's parameter. */
struct redirects {
	const struct function **bridge;
	size_t nr;
	size_t refused;
	size_t detours;
};

static void add_redirects(struct redirects *redirects, const struct function *provider,
			  const struct function *client)
{
	struct bridges bridges;
	size_t n, m;

	bridges_between(&bridges, provider, client);
	for (n = 0; n < bridges.nr; n++) {
		for (m = 0; m < redirects->nr && redirects->bridge[m] != bridges.hop[n]; m++)
			;
		if (m < redirects->nr || !function_redirects(bridges.hop[n]))
			continue;
		redirects->bridge = reallocarray(redirects->bridge, redirects->nr + 1,
						 sizeof(*redirects->bridge));
		if (!redirects->bridge)
			out_of_memory();
		redirects->bridge[redirects->nr++] = bridges.hop[n];
	}
	bridges_free(&bridges);
}

static void report_redirects(struct report *report, struct redirects *redirects)
{
	const struct bridges bridges = { .hop = redirects->bridge, .nr = redirects->nr };
	const char *cost = isolation_cost(report->machine, &bridges), *remedy;

	if (redirects->nr > MANY_BRIDGES)
		remedy = format_text("'peerbuf why' names the bridges between two functions, of "
				     "%zu in all; with their redirects off, %s", redirects->nr,
				     cost ? cost : "");
	else
		remedy = format_text("to make them direct, boot with pci=disable_acs_redir=%s; "
				     "then %s", bridges_redirecting(&bridges), cost ? cost : "");
	if (redirects->refused)
		found(report, SEVERITY_ERROR, "acs",
		      format_text("ACS sends %zu routes up to a host bridge that is not known to "
				  "forward", redirects->refused), remedy);
	if (redirects->detours)
		found(report, SEVERITY_WARNING, "acs",
		      format_text("ACS sends %zu routes between neighbours through the root "
				  "complex", redirects->detours), remedy);
}

/**
 * struct tally - counts of routes
 * @redirects: bridges with ACS redirect on routes
 * @all: all routes
 * @unknown: routes that are not known
 * @foreign: routes across host bridges that are not known to forward
 */
struct tally {
	struct redirects redirects;
	size_t all;
	size_t unknown;
	size_t foreign;
};

static void tally_pair(struct tally *tally, const struct judge *who,
		       const struct function *provider, const struct function *client)
{
	struct verdict verdict;
	bool refused;

	if (judge(who, provider, client, PEERBUF_ANY_BAR, &verdict, NULL))
		return;
	tally->all++;
	refused = verdict.route.type == PEERBUF_ROUTE_NOT_SUPPORTED;
	if (!verdict.certain)
		tally->unknown++;
	else if (!(verdict.route.flags & PEERBUF_ROUTE_F_ACS_REDIRECT))
		tally->foreign += refused;
	else if (refused)
		tally->redirects.refused++;
	else
		tally->redirects.detours++;
	if (verdict.certain && verdict.route.flags & PEERBUF_ROUTE_F_ACS_REDIRECT)
		add_redirects(&tally->redirects, provider, client);
}

void check_routes(struct report *report)
{
	const struct machine *machine = report->machine;
	struct tally tally = { 0 };
	struct judge who;
	size_t p, c;

	judge_open(&who);
	for (p = 0; p < machine->nr; p++)
		for (c = 0; c < machine->nr; c++)
			if (p != c && is_meant(&machine->functions[p]) &&
			    is_meant(&machine->functions[c]))
				tally_pair(&tally, &who, &machine->functions[p],
					   &machine->functions[c]);
	judge_close(&who);
	report_redirects(report, &tally.redirects);
	free(tally.redirects.bridge);
	if (tally.foreign)
		found(report, SEVERITY_WARNING, "routes",
		      format_text("%zu of %zu routes cross a host bridge that is not known to "
				  "forward", tally.foreign, tally.all),
		      "put the devices below one switch, or, if the platform's vendor says that it "
		      "forwards, 'peerbuf allow --host-bridge'; 'peerbuf topo' shows which");
	else if (tally.all && !tally.unknown && !tally.redirects.refused)
		found(report, SEVERITY_OK, "routes",
		      format_text("there are routes for all of %zu pairs", tally.all), "");
	if (tally.unknown)
		found(report, SEVERITY_WARNING, "routes",
		      format_text("%zu of %zu routes are not known", tally.unknown, tally.all),
		      "run it as root");
}

static unsigned int largest(uint64_t sizes)
{
	return 63 - __builtin_clzll(sizes);
}

static void check_bar(struct report *report, const struct function *function, unsigned int n)
{
	const struct bar *bar = &function->bars[n];
	uint64_t most;

	if (!bar->sizes)
		return;
	most = UINT64_C(1) << (20 + largest(bar->sizes));
	if (bar->size >= most)
		return;
	/* The kernel does not resize BARs of a function that has a driver. */
	found(report, SEVERITY_NOTE, "bars",
	      format_text("BAR %u of %s shows %s and could show %s", n, addr_text(function->addr),
			  size_text(bar->size), size_text(most)),
	      format_text("%secho %u > /sys/bus/pci/devices/%s/resource%u_resize%s",
			  strcmp(function->driver, "-") ?
			  format_text("unbind %s, then ", function->driver) : "",
			  largest(bar->sizes), addr_text(function->addr), n,
			  "; if there is no room, \"Above 4G decoding\" and \"Resizable BAR\" in "
			  "the firmware make it"));
}

void check_bars(struct report *report)
{
	size_t n;
	unsigned int bar;

	for (n = 0; n < report->machine->nr; n++)
		for (bar = 0; bar < 6; bar++)
			if (report->machine->functions[n].shareable)
				check_bar(report, &report->machine->functions[n], bar);
}

void check_decode(struct report *report)
{
	size_t n;

	for (n = 0; n < report->machine->nr; n++) {
		const struct function *function = &report->machine->functions[n];

		/* Without a driver nobody has switched decoding on yet; for VFs it is always on. */
		if (!is_meant(function) || function->command & MEMORY_DECODE ||
		    function->physical != PEERBUF_PCI_NONE || !strcmp(function->driver, "-"))
			continue;
		found(report, SEVERITY_WARNING, "decode",
		      format_text("%s does not answer to memory accesses, though %s is bound to it",
				  addr_text(function->addr), function->driver),
		      "it may be suspended: use it, or echo on > power/control in its directory");
	}
}

/* The highest address of any BAR that could be reached as a peer's. */
static uint64_t highest(const struct machine *machine)
{
	uint64_t end = 0;
	size_t n, bar;

	for (n = 0; n < machine->nr; n++)
		for (bar = 0; bar < 6; bar++) {
			const struct bar *memory = &machine->functions[n].bars[bar];

			if (is_meant(&machine->functions[n]) && memory->size && !memory->io &&
			    memory->base + memory->size - 1 > end)
				end = memory->base + memory->size - 1;
		}
	return end;
}

void check_masks(struct report *report)
{
	uint64_t end = highest(report->machine);
	size_t n;

	for (n = 0; n < report->machine->nr; n++) {
		const struct function *function = &report->machine->functions[n];

		if (!is_meant(function) || !strcmp(function->driver, "-") || !function->dma_bits ||
		    function->dma_bits >= 64 || !(end >> function->dma_bits) ||
		    !strncmp(function->iommu_type, "DMA", 3))
			continue;
		found(report, SEVERITY_WARNING, "masks",
		      format_text("%s puts out addresses of %u bits, and BARs reach up to 0x%"
				  PRIx64, addr_text(function->addr), function->dma_bits, end),
		      "have an IOMMU translate for it, or the firmware place BARs lower");
	}
}

void check_links(struct report *report)
{
	struct link most = { 0 };
	size_t n;

	for (n = 0; n < report->machine->nr; n++) {
		const struct function *function = &report->machine->functions[n];
		const struct link *link = &function->link;

		if (!link->speed || !is_meant(function) ||
		    (link->speed >= link->max_speed && link->width >= link->max_width))
			continue;
		most.speed = link->max_speed;
		most.width = link->max_width;
		found(report, SEVERITY_NOTE, "links",
		      format_text("%s has a link of %s and could do %s", addr_text(function->addr),
				  link_text(link), link_text(&most)),
		      link->width < link->max_width ? "a wider slot, or seat the card again" :
		      "an idle device may have slowed it down; otherwise a faster slot");
	}
}
