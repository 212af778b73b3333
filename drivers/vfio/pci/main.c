// SPDX-License-Identifier: GPL-2.0
/*
 * A VFIO variant driver on vfio-pci-core. It adds two things to a VFIO device: its BARs can be
 * exported as DMA-BUFs, and DMA-BUFs can be mapped into its IOVA space.
 *
 * Bound by driver_override. There is no device table for the module loader: udev and
 * management tools would find two drivers that match every device equally well.
 */
#include <linux/module.h>

#include "internal.h"

static int peerbuf_vfio_init(struct vfio_device *device)
{
	struct peerbuf_vfio *pv = to_peerbuf_vfio(device);

	peerbuf_vfio_bars_init(&pv->bars);
	return vfio_pci_core_init_dev(device);
}

static void peerbuf_vfio_release(struct vfio_device *device)
{
	struct peerbuf_vfio *pv = to_peerbuf_vfio(device);

	peerbuf_vfio_bars_destroy(&pv->bars);
	vfio_pci_core_release_dev(device);
}

/*
 * Called for the first open only; the group is in its container by now. Everything that can refuse
 * the open comes before vfio_pci_core_enable(), because enabling and disabling reset the device.
 */
static int peerbuf_vfio_open(struct vfio_device *device)
{
	struct peerbuf_vfio *pv = to_peerbuf_vfio(device);
	struct peerbuf_device *pdevice;
	int ret;

	pdevice = peerbuf_vfio_bars_claim(pv);
	if (IS_ERR(pdevice))
		return PTR_ERR(pdevice);
	ret = vfio_pci_core_enable(&pv->core);
	if (ret) {
		peerbuf_device_unregister(pdevice);
		return ret;
	}
	peerbuf_vfio_bars_open(pv, pdevice);
	peerbuf_vfio_space_open(pv);
	vfio_pci_core_finish_enable(&pv->core);
	return 0;
}

/*
 * Called for the last close only, when no other call is under way. The group counts as in use until
 * this returns, so it is still in its container, and the domain exists to unmap from. Imports end
 * before exports, because an import may be of this device's own memory.
 */
static void peerbuf_vfio_close(struct vfio_device *device)
{
	struct peerbuf_vfio *pv = to_peerbuf_vfio(device);

	peerbuf_vfio_imports_close(pv);
	peerbuf_vfio_space_close(pv);
	peerbuf_vfio_bars_close(pv);
	vfio_pci_core_close_device(device);
}

/* For kernels in which region info is an operation of its own. */
static int __maybe_unused peerbuf_vfio_region_info(struct vfio_device *device,
						   struct vfio_region_info *info,
						   struct vfio_info_cap *caps)
{
	int ret = vfio_pci_ioctl_get_region_info(device, info, caps);

	peerbuf_vfio_woken(to_peerbuf_vfio(device));
	return ret;
}

static const struct vfio_device_ops peerbuf_vfio_ops = {
	.name = "peerbuf-vfio-pci",
	.init = peerbuf_vfio_init,
	.release = peerbuf_vfio_release,
	.open_device = peerbuf_vfio_open,
	.close_device = peerbuf_vfio_close,
	.ioctl = peerbuf_vfio_ioctl,
	.device_feature = peerbuf_vfio_feature,
	.read = peerbuf_vfio_read,
	.write = peerbuf_vfio_write,
	.mmap = peerbuf_vfio_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
	VFIO_PCI_OPS_IOMMUFD
	VFIO_PCI_OPS_DETACH
	VFIO_PCI_OPS_PASID
	VFIO_PCI_OPS_TOKEN
	VFIO_PCI_OPS_REGION_INFO(peerbuf_vfio_region_info)
};

bool peerbuf_vfio_is_ours(const struct vfio_device *device)
{
	return device->ops == &peerbuf_vfio_ops;
}

static struct peerbuf_vma_owner peerbuf_vfio_vma_owner = {
	.find = peerbuf_vfio_find,
};

static struct peerbuf_vfio *peerbuf_vfio_of(struct pci_dev *pdev)
{
	return container_of(dev_get_drvdata(&pdev->dev), struct peerbuf_vfio, core);
}

static int peerbuf_vfio_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct peerbuf_vfio *pv;
	int ret;

	pv = vfio_alloc_device(peerbuf_vfio, core.vdev, &pdev->dev, &peerbuf_vfio_ops);
	if (IS_ERR(pv))
		return PTR_ERR(pv);

	dev_set_drvdata(&pdev->dev, &pv->core);
	ret = vfio_pci_core_register_device(&pv->core);
	if (ret)
		vfio_put_device(&pv->core.vdev);
	return ret;
}

/*
 * The user may take any time to close the device; from now on no importer can map its BARs. The
 * driver core holds locks here that others need, so the wait for importers is long enough for one
 * that works, and no longer.
 */
static void peerbuf_vfio_remove(struct pci_dev *pdev)
{
	struct peerbuf_vfio *pv = peerbuf_vfio_of(pdev);

	peerbuf_vfio_block(pv, PEERBUF_VFIO_BLOCK_REMOVED, PEERBUF_VFIO_TIMEOUT);
	vfio_pci_core_unregister_device(&pv->core);
	vfio_put_device(&pv->core.vdev);
}

static void peerbuf_vfio_reset_prepare(struct pci_dev *pdev)
{
	peerbuf_vfio_block(peerbuf_vfio_of(pdev), PEERBUF_VFIO_BLOCK_RESET,
			   PEERBUF_VFIO_TIMEOUT);
}

static void peerbuf_vfio_reset_done(struct pci_dev *pdev)
{
	/* The reset has set the device up, so an earlier error is over if recovery is. */
	peerbuf_vfio_unblock(peerbuf_vfio_of(pdev), PEERBUF_VFIO_BLOCK_RESET);
}

/*
 * Error recovery of everything below the port waits for this callback, so it waits for importers
 * only up to the limit, and takes no lock whose holder may wait for longer.
 */
static pci_ers_result_t peerbuf_vfio_error_detected(struct pci_dev *pdev,
						    pci_channel_state_t state)
{
	if (state != pci_channel_io_normal)
		peerbuf_vfio_block(peerbuf_vfio_of(pdev), PEERBUF_VFIO_BLOCK_ERROR,
				   PEERBUF_VFIO_TIMEOUT);
	return vfio_pci_core_aer_err_detected(pdev, state);
}

/*
 * The user may have set the device up already, for example by a reset. If not, the user's next call
 * refreshes.
 */
static void peerbuf_vfio_error_resume(struct pci_dev *pdev)
{
	peerbuf_vfio_refresh(peerbuf_vfio_of(pdev));
}

static const struct pci_error_handlers peerbuf_vfio_err_handlers = {
	.error_detected = peerbuf_vfio_error_detected,
	.resume = peerbuf_vfio_error_resume,
	.reset_prepare = peerbuf_vfio_reset_prepare,
	.reset_done = peerbuf_vfio_reset_done,
};

static const struct pci_device_id peerbuf_vfio_ids[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_ANY_ID, PCI_ANY_ID) },
	{}
};

static struct pci_driver peerbuf_vfio_driver = {
	.name = "peerbuf-vfio-pci",
	.id_table = peerbuf_vfio_ids,
	.probe = peerbuf_vfio_probe,
	.remove = peerbuf_vfio_remove,
	.err_handler = &peerbuf_vfio_err_handlers,
	.driver_managed_dma = true,
};

static int __init peerbuf_vfio_module_init(void)
{
	int ret;

	ret = peerbuf_vfio_import_init();
	if (ret)
		return ret;
	peerbuf_vma_owner_register(&peerbuf_vfio_vma_owner);
	ret = pci_register_driver(&peerbuf_vfio_driver);
	if (ret) {
		peerbuf_vma_owner_unregister(&peerbuf_vfio_vma_owner);
		peerbuf_vfio_import_exit();
	}
	return ret;
}

static void __exit peerbuf_vfio_module_exit(void)
{
	pci_unregister_driver(&peerbuf_vfio_driver);
	peerbuf_vma_owner_unregister(&peerbuf_vfio_vma_owner);
	peerbuf_vfio_import_exit();
}

module_init(peerbuf_vfio_module_init);
module_exit(peerbuf_vfio_module_exit);

MODULE_DESCRIPTION("VFIO devices that share their memory, and reach that of others");
MODULE_VERSION(PEERBUF_RELEASE);
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
