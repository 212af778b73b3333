// SPDX-License-Identifier: GPL-2.0
/*
 * Other exporters' system memory, for importers by physical address.
 *
 * An exporter answers in DMA addresses of the device that is attached. If that device's IOMMU
 * domain is managed by hand they mean nothing: they are made in the domain that the kernel
 * keeps for it, which is not the one in force, and which nobody outside the IOMMU core can
 * look them up in. So somebody else is attached in its stead: a device of our own, behind no
 * IOMMU, that could address all memory, and never does. For it a DMA address is a
 * physical one in another notation. The exporter keeps the memory there until it has told the
 * attachment to let go and the mapping is undone, which is all that the importer needs.
 *
 * That goes for system memory, which every device reaches alike. Whether a peer's BAR is
 * reached depends on who asks, and our device cannot ask for another. So it says that it takes
 * no peer memory, and what it gets is looked at.
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

static struct platform_device *peerbuf_anybody;

int peerbuf_foreign_init(void)
{
	struct platform_device *pdev;
	int ret;

	pdev = platform_device_register_simple("peerbuf-anybody", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);

	ret = dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret) {
		platform_device_unregister(pdev);
		return ret;
	}
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	peerbuf_anybody = pdev;
	return 0;
}

/* No attachment is left: each holds the module. */
void peerbuf_foreign_exit(void)
{
	platform_device_unregister(peerbuf_anybody);
}

/* The device to attach; NULL if on this machine its DMA addresses would not be physical ones. */
struct device *peerbuf_foreign_device(void)
{
	struct device *dev = &peerbuf_anybody->dev;

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
	phys_addr_t start = dma_to_phys(&peerbuf_anybody->dev, sg_dma_address(sg));

	if (region_intersects(start, sg_dma_len(sg), IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) !=
	    REGION_INTERSECTS)
		return -EHOSTUNREACH;
	*paddr = start;
	return 0;
}
