// SPDX-License-Identifier: GPL-2.0-only
/* The bridges between two functions, and what isolation their redirects provide. */
#include <stdlib.h>
#include <string.h>

#include "tool.h"
#include "why.h"

static void add(struct bridges *bridges, const struct function *function)
{
	bridges->hop = reallocarray(bridges->hop, bridges->nr + 1, sizeof(*bridges->hop));
	if (!bridges->hop)
		out_of_memory();
	bridges->hop[bridges->nr++] = function;
}

void bridges_between(struct bridges *bridges, const struct function *provider,
		     const struct function *client)
{
	const struct function *common = functions_common(provider, client), *hop;

	*bridges = (struct bridges) { 0 };
	if (!common || provider == client)
		return;
	for (hop = provider; hop != common; hop = hop->up)
		add(bridges, hop);
	add(bridges, common);
	for (hop = client; hop != common; hop = hop->up)
		add(bridges, hop);
}

void bridges_free(struct bridges *bridges)
{
	free(bridges->hop);
}

const char *bridges_redirecting(const struct bridges *bridges)
{
	const char *text = "";
	size_t n;

	for (n = 0; n < bridges->nr; n++)
		if (function_redirects(bridges->hop[n]))
			text = format_text("%s%s%s", text, *text ? ";" : "",
					   addr_text(bridges->hop[n]->addr));
	return text;
}

const char *acs_words(const struct function *function)
{
	static const char *const names[] = {
		"SrcValid", "TransBlk", "ReqRedir", "CmpltRedir", "UpstreamFwd", "EgressCtrl",
		"DirectTrans",
	};
	const char *text;
	size_t n;

	switch (function->acs) {
	case ACS_NONE:
		return "no ACS";
	case ACS_UNKNOWN:
		return "ACS cannot be read without privilege";
	case ACS_GROUPED:
		return "ACS redirects: IOMMU groups could not be as they are otherwise";
	case ACS_READ:
		break;
	}
	text = format_text("ACS control 0x%04x:", function->acs_control);
	for (n = 0; n < ARRAY_SIZE(names); n++)
		if (function->acs_capability >> n & 1)
			text = format_text("%s %s%c", text, names[n],
					   function->acs_control >> n & 1 ? '+' : '-');
	return text;
}

static bool is_below(const struct function *function, const struct bridges *bridges)
{
	size_t n;

	for (; function; function = function->up)
		for (n = 0; n < bridges->nr; n++)
			if (bridges->hop[n] == function &&
			    function_redirects(function))
				return true;
	return false;
}

const char *isolation_cost(const struct machine *machine, const struct bridges *bridges)
{
	const char *groups = "";
	size_t n, functions = 0, nr_groups = 0;
	int last = -1;

	for (n = 0; n < machine->nr; n++) {
		const struct function *function = &machine->functions[n];

		if (function->is_bridge || !is_below(function, bridges))
			continue;
		functions++;
		if (function->iommu_group < 0 || function->iommu_group == last)
			continue;
		last = function->iommu_group;
		if (nr_groups++ < 8)
			groups = format_text("%s%s%d", groups, *groups ? ", " : "", last);
	}
	if (!functions)
		return NULL;
	if (nr_groups > 8)
		groups = format_text("%s, …", groups);
	if (nr_groups < 2)
		return format_text("%zu function%s there can reach, and be reached by, the others "
				   "without the IOMMU", functions, functions > 1 ? "s" : "");
	return format_text("%zu functions there can reach each other without the IOMMU: their "
			   "IOMMU groups %s become one, which VFIO hands out as a whole", functions,
			   groups);
}
