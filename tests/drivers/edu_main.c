// SPDX-License-Identifier: GPL-2.0
/* The PCI driver: see edu_dma.h for an overview. */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "edu_dma.h"

static uint max_segment = UINT_MAX;
module_param(max_segment, uint, 0644);
MODULE_PARM_DESC(max_segment, "largest DMA segment in bytes, for devices bound from now on");

static uint dma_bits = 64;
module_param(dma_bits, uint, 0644);
MODULE_PARM_DESC(dma_bits, "width of the DMA mask, for devices bound from now on");

static ulong dma_limit;
module_param(dma_limit, ulong, 0644);
MODULE_PARM_DESC(dma_limit, "last address of the DMA mask, which then need be no power of two");

static void edu_free(struct kref *ref)
{
	kfree(container_of(ref, struct edu, ref));
}

void edu_put(struct edu *edu)
{
	kref_put(&edu->ref, edu_free);
}

static struct edu *edu_create(struct pci_dev *pdev)
{
	struct edu *edu = kzalloc(sizeof(*edu), GFP_KERNEL);

	if (!edu)
		return NULL;
	kref_init(&edu->ref);
	edu->pdev = pdev;
	init_rwsem(&edu->present);
	INIT_LIST_HEAD(&edu->attachments);
	mutex_init(&edu->attachments_lock);
	mutex_init(&edu->bounce_lock);
	edu_engine_init(&edu->engine, NULL);
	return edu;
}

static int edu_enable(struct edu *edu)
{
	struct pci_dev *pdev = edu->pdev;
	int ret;

	ret = pci_enable_device_mem(pdev);
	if (ret)
		return ret;
	ret = pci_request_region(pdev, 0, "edu_dma");
	if (ret)
		goto err_disable;
	edu->engine.regs = pci_iomap(pdev, 0, 0);
	if (!edu->engine.regs) {
		ret = -ENOMEM;
		goto err_region;
	}
	/* The narrow mask is for tests of unreachable memory, which the bounce page must not be. */
	ret = dma_set_mask(&pdev->dev, dma_limit ?: DMA_BIT_MASK(dma_bits));
	if (!ret)
		ret = dma_set_coherent_mask(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		goto err_iounmap;
	/* The engine has no limit of its own, so a segment may have any length. */
	dma_set_max_seg_size(&pdev->dev, max_segment);
	pci_set_master(pdev);
	return 0;

err_iounmap:
	pci_iounmap(pdev, edu->engine.regs);
err_region:
	pci_release_region(pdev, 0);
err_disable:
	pci_disable_device(pdev);
	return ret;
}

/* Also clears bus mastering, so the device does no DMA after this. */
static void edu_disable(struct edu *edu)
{
	pci_iounmap(edu->pdev, edu->engine.regs);
	pci_release_region(edu->pdev, 0);
	pci_disable_device(edu->pdev);
}

static int edu_request_irq(struct edu *edu)
{
	int ret;

	ret = pci_alloc_irq_vectors(edu->pdev, 1, 1, PCI_IRQ_ALL_TYPES);
	if (ret < 0)
		return ret;
	ret = request_irq(pci_irq_vector(edu->pdev, 0), edu_engine_irq,
			  IRQF_SHARED, "edu_dma", &edu->engine);
	if (ret)
		pci_free_irq_vectors(edu->pdev);
	return ret;
}

static void edu_free_irq(struct edu *edu)
{
	free_irq(pci_irq_vector(edu->pdev, 0), &edu->engine);
	pci_free_irq_vectors(edu->pdev);
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu *edu = edu_create(pdev);
	int ret;

	if (!edu)
		return -ENOMEM;
	ret = edu_enable(edu);
	if (ret)
		goto err_put;
	edu->bounce = dma_alloc_coherent(&pdev->dev, PAGE_SIZE,
					 &edu->bounce_addr, GFP_KERNEL);
	edu->workqueue = alloc_ordered_workqueue("edu_dma", 0);
	if (!edu->bounce || !edu->workqueue) {
		ret = -ENOMEM;
		goto err_disable;
	}
	ret = edu_request_irq(edu);
	if (ret)
		goto err_disable;
	pci_set_drvdata(pdev, edu);
	ret = edu_file_register(edu);
	if (ret)
		goto err_irq;
	edu_client_add_device(edu);
	return 0;

err_irq:
	edu_free_irq(edu);
err_disable:
	if (edu->workqueue)
		destroy_workqueue(edu->workqueue);
	if (edu->bounce)
		dma_free_coherent(&pdev->dev, PAGE_SIZE, edu->bounce,
				  edu->bounce_addr);
	edu_disable(edu);
err_put:
	edu_put(edu);
	return ret;
}

/*
 * Unbind and unplug. Files may stay open; they find @gone set and do not use the device.
 * All attachments are destroyed first, whichever file they belong to, because their DMA
 * mappings are of this device.
 */
static void edu_remove(struct pci_dev *pdev)
{
	struct edu *edu = pci_get_drvdata(pdev);
	struct edu_attachment *att;

	misc_deregister(&edu->misc);
	/* Before down_write(): this wakes the readers that wait for the engine. */
	edu_engine_stop(&edu->engine);
	edu_client_remove_device(edu);
	down_write(&edu->present);
	edu->gone = true;
	while ((att = list_first_entry_or_null(&edu->attachments,
					       struct edu_attachment, link)))
		edu_attachment_destroy(att);
	up_write(&edu->present);
	destroy_workqueue(edu->workqueue);
	edu_free_irq(edu);
	dma_free_coherent(&pdev->dev, PAGE_SIZE, edu->bounce, edu->bounce_addr);
	edu_disable(edu);
	edu_put(edu);
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = "edu_dma",
	.id_table = edu_ids,
	.probe = edu_probe,
	.remove = edu_remove,
};

static int __init edu_init(void)
{
	return pci_register_driver(&edu_driver);
}
module_init(edu_init);

static void __exit edu_exit(void)
{
	pci_unregister_driver(&edu_driver);
	/* edu_fence_free() has dropped the last reference to the module and may still run. */
	rcu_barrier();
}
module_exit(edu_exit);

MODULE_IMPORT_NS("DMA_BUF");
MODULE_DESCRIPTION("Importer of DMA-BUFs for the DMA engine of QEMU's edu device");
MODULE_LICENSE("GPL");
