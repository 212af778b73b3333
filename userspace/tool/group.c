// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO gives a program all functions of an IOMMU group or none, because the IOMMU cannot isolate
 * them from each other. So no function of the group may have a driver that uses DMA for the kernel.
 */
#include <stdio.h>
#include <string.h>

#include "group.h"
#include "machine.h"
#include "tool.h"

int group_of(uint64_t addr)
{
	const struct function *function = function_find(addr);

	return function ? function->iommu_group : -1;
}

/* VFIO's drivers, and drivers that do no DMA; "-" is no driver. */
static bool is_out_of_the_way(const char *driver)
{
	return !strcmp(driver, "-") || !strcmp(driver, "pcieport") ||
	       !strcmp(driver, "pci-stub") || strstr(driver, "vfio");
}

void group_explain(uint64_t addr)
{
	const struct machine *machine = machine_get();
	int group = group_of(addr);
	bool viable = true;
	size_t n;

	for (n = 0; n < machine->nr; n++) {
		const struct function *other = &machine->functions[n];
		const char *driver;

		if (other->iommu_group != group)
			continue;
		driver = function_driver(other->addr);
		if (is_out_of_the_way(driver))
			continue;
		viable = false;
		warning("IOMMU group %d cannot be used yet: %s, in the same group, has the driver "
			"%s", group, addr_text(other->addr), driver);
		hint("give it to VFIO as well, 'peerbuf bind --vfio %s', or to no driver",
		     addr_text(other->addr));
	}
	if (viable)
		printf("IOMMU group %d can be used: /dev/vfio/%d\n", group, group);
}
