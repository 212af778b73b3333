// SPDX-License-Identifier: GPL-2.0
/* What struct pages for a BAR cost, as pci_p2pdma makes them: for comparison. */
#include <linux/ktime.h>
#include <linux/pci-p2pdma.h>
#include <linux/pci.h>
#include <linux/vmstat.h>

#include "bar_owner.h"

#if IS_ENABLED(CONFIG_PCI_P2PDMA)
/* The pages go with the driver: pci_p2pdma has them of the device's managed resources. */
int owner_pages(struct owner *owner, struct bar_owner_pages *req)
{
	unsigned long before;
	u64 start;
	int ret;

	if (!req->length || req->length > pci_resource_len(owner->pdev, OWNER_BAR))
		return -EINVAL;
	before = global_zone_page_state(NR_FREE_PAGES);
	start = ktime_get_raw_ns();
	ret = pci_p2pdma_add_resource(owner->pdev, OWNER_BAR, req->length, 0);
	if (ret)
		return ret;
	req->nanoseconds = ktime_get_raw_ns() - start;
	before -= min(before, global_zone_page_state(NR_FREE_PAGES));
	req->bytes = (u64)before << PAGE_SHIFT;
	return 0;
}
#else
int owner_pages(struct owner *owner, struct bar_owner_pages *req)
{
	return -EOPNOTSUPP;
}
#endif
