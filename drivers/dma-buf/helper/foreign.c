// SPDX-License-Identifier: GPL-2.0
/*
 * System memory of other exporters, for importers by physical address.
 *
 * An exporter answers with DMA addresses of the attached device. If that device's IOMMU domain is
 * managed by its driver they mean nothing: they are made in the device's DMA API domain, which is
 * not attached then, and code outside the IOMMU core cannot translate them. So another device is
 * attached instead: a platform device of our own behind no IOMMU, with a DMA mask for all memory,
 * that never does DMA. Its DMA addresses translate to physical ones. The exporter keeps the memory
 * there until it has invalidated the attachment and the mapping is undone. That is all that the
 * importer needs.
 *
 * This works for system memory, which all devices reach alike. Whether a peer's BAR is reached
 * depends on the device, and ours cannot stand for another. So it does not allow peer-to-peer
 * memory, and the ranges that it gets are checked.
 */
#include <linux/cc_platform.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/err.h>
#include <linux/ioport.h>
#include <linux/limits.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>
#include <linux/swiotlb.h>

#include "helper/foreign.h"

static struct platform_device *peerbuf_phys_proxy;

int peerbuf_foreign_init(void)
{
	struct platform_device *pdev;
	int ret;

	pdev = platform_device_register_simple("peerbuf-phys-proxy", PLATFORM_DEVID_NONE, NULL,
					       0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);

	ret = dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret) {
		platform_device_unregister(pdev);
		return ret;
	}
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	peerbuf_phys_proxy = pdev;
	return 0;
}

/* No attachment is left: each holds the module. */
void peerbuf_foreign_exit(void)
{
	platform_device_unregister(peerbuf_phys_proxy);
}

/* The device to attach; NULL if on this machine its DMA addresses would not be physical ones. */
struct device *peerbuf_foreign_device(void)
{
	struct device *dev = &peerbuf_phys_proxy->dev;

	if (device_iommu_mapped(dev) || get_dma_ops(dev))
		return NULL;
	/* If it had to bounce, it would get the address of a copy. */
	if (is_swiotlb_force_bounce(dev) || cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT))
		return NULL;
	return dev;
}

/*
 * Translates a piece of a mapping that was made for that device. Returns -EHOSTUNREACH if it is not
 * system memory.
 */
int peerbuf_foreign_piece(struct scatterlist *sg, u64 *paddr)
{
	phys_addr_t start = dma_to_phys(&peerbuf_phys_proxy->dev, sg_dma_address(sg));

	if (region_intersects(start, sg_dma_len(sg), IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) !=
	    REGION_INTERSECTS)
		return -EHOSTUNREACH;
	*paddr = start;
	return 0;
}
