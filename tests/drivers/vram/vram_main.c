// SPDX-License-Identifier: GPL-2.0
/* The PCI driver: see vram.h for an overview. */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sizes.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_mode_config.h>

#include "vram.h"

static unsigned long vram_kib;
module_param(vram_kib, ulong, 0644);
MODULE_PARM_DESC(vram_kib, "VRAM to use, in KiB (0: all of the largest BAR)");

static unsigned long window_kib;
module_param(window_kib, ulong, 0644);
MODULE_PARM_DESC(window_kib, "VRAM that others can reach, in KiB (0: all)");

static unsigned long system_kib = SZ_512M / SZ_1K;
module_param(system_kib, ulong, 0644);
MODULE_PARM_DESC(system_kib, "system memory all BOs may have, in KiB (512 MiB)");

static int vram_largest_bar(struct pci_dev *pdev)
{
	resource_size_t largest = 0;
	int bar, best = -ENODEV;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		if (!(pci_resource_flags(pdev, bar) & IORESOURCE_MEM) ||
		    pci_resource_len(pdev, bar) <= largest)
			continue;
		largest = pci_resource_len(pdev, bar);
		best = bar;
	}
	return best;
}

/* A parameter in KiB. 0, or more than @all, means all of it. */
static u64 vram_part_size(u64 all, unsigned long kib)
{
	u64 size = PAGE_ALIGN_DOWN((u64)kib * SZ_1K);

	return kib && size < all ? size : all;
}

static void vram_provider_put(struct drm_device *drm, void *data)
{
	p2p_provider_put(to_vram(drm)->provider);
}

/* Sets up all that must exist as long as the DRM device, which outlives the binding. */
static int vram_setup(struct vram_device *vram)
{
	int ret;

	ret = drmm_mutex_init(&vram->drm, &vram->imports_lock);
	if (ret)
		return ret;
	INIT_LIST_HEAD(&vram->imports);

	vram->provider = peerbuf_device_provider(vram->pdevice, vram->bar);
	if (!vram->provider)
		return -ENODEV;
	ret = drmm_add_action_or_reset(&vram->drm, vram_provider_put, NULL);
	if (!ret)
		ret = vram_mm_init(vram);
	if (!ret)
		ret = vram_engine_init(vram);
	if (!ret)
		ret = drmm_mode_config_init(&vram->drm);
	return ret;
}

static void __iomem *vram_map(struct pci_dev *pdev, int bar, u64 size)
{
	if (pci_resource_flags(pdev, bar) & IORESOURCE_PREFETCH)
		return ioremap_wc(pci_resource_start(pdev, bar), size);
	return ioremap(pci_resource_start(pdev, bar), size);
}

static int vram_start(struct vram_device *vram)
{
	int ret;

	vram->memory = vram_map(vram->pdev, vram->bar, vram->size);
	if (!vram->memory)
		return -ENOMEM;

	vram->pdevice = peerbuf_device_register(vram->pdev, BIT(vram->bar), 0);
	if (IS_ERR(vram->pdevice)) {
		ret = PTR_ERR(vram->pdevice);
		goto err_unmap;
	}
	ret = vram_setup(vram);
	if (!ret)
		ret = drm_dev_register(&vram->drm, 0);
	if (ret)
		goto err_unregister;
	return 0;

err_unregister:
	peerbuf_device_unregister(vram->pdevice);
err_unmap:
	iounmap(vram->memory);
	return ret;
}

static int vram_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vram_device *vram;
	int ret;

	vram = devm_drm_dev_alloc(&pdev->dev, &vram_drm_driver, struct vram_device, drm);
	if (IS_ERR(vram))
		return PTR_ERR(vram);
	vram->pdev = pdev;
	vram->bar = vram_largest_bar(pdev);
	if (vram->bar < 0)
		return vram->bar;
	vram->size = vram_part_size(PAGE_ALIGN_DOWN(pci_resource_len(pdev, vram->bar)), vram_kib);
	vram->window = vram_part_size(vram->size, window_kib);
	vram->system_limit = (u64)system_kib * SZ_1K;

	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	ret = pci_enable_device_mem(pdev);
	if (ret)
		return ret;
	ret = pci_request_region(pdev, vram->bar, "vram");
	if (ret)
		goto err_disable;
	pci_set_drvdata(pdev, vram);
	ret = vram_start(vram);
	if (ret)
		goto err_region;
	return 0;

err_region:
	pci_release_region(pdev, vram->bar);
err_disable:
	pci_disable_device(pdev);
	return ret;
}

/*
 * The order matters: first no new use of the device through DRM, and all CPU mappings zapped; then
 * no import mapped for the device; then no importer maps its BOs; then no copy is running. Only
 * then is the BAR released. BOs live on and hold the DRM device: those in VRAM are dead, those in
 * system memory can still be used through their DMA-BUFs.
 */
static void vram_remove(struct pci_dev *pdev)
{
	struct vram_device *vram = pci_get_drvdata(pdev);

	drm_dev_unplug(&vram->drm);
	vram_imports_detach(vram);
	peerbuf_device_unregister(vram->pdevice);
	vram_engine_stop(vram);
	iounmap(vram->memory);
	pci_release_region(pdev, vram->bar);
	pci_disable_device(pdev);
}

/* No ids: it binds only to devices whose driver_override names it. */
static struct pci_driver vram_pci_driver = {
	.name = "vram",
	.probe = vram_probe,
	.remove = vram_remove,
};

static int __init vram_init(void)
{
	return pci_register_driver(&vram_pci_driver);
}

/* RCU callbacks of this module free the fences; rcu_barrier() waits for them. */
static void __exit vram_exit(void)
{
	pci_unregister_driver(&vram_pci_driver);
	rcu_barrier();
}

module_init(vram_init);
module_exit(vram_exit);

MODULE_IMPORT_NS("DMA_BUF");
MODULE_DESCRIPTION("A GPU as far as memory goes, for tests of peerbuf");
MODULE_LICENSE("GPL");
