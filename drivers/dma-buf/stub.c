// SPDX-License-Identifier: GPL-2.0
/*
 * The stub driver: owns a device so that its memory can be exported, and does nothing
 * else with it. Bound by driver_override, so it takes no device by itself.
 *
 * Whoever has the node can write to the device's registers, and so may start whatever DMA it
 * does: bus mastering is off, until the administrator says otherwise (policy.c).
 */
#include <linux/module.h>

#include "internal.h"

static int peerbuf_stub_probe(struct pci_dev *pdev,
			      const struct pci_device_id *id)
{
	unsigned int bars = peerbuf_device_memory_bars(pdev);
	struct peerbuf_device *pdevice;
	int ret;

	/*
	 * A port's driver serves all that is below it, and disabling the port on remove would
	 * take bus mastering from them.
	 */
	if (pdev->hdr_type != PCI_HEADER_TYPE_NORMAL) {
		pci_err(pdev, "a bridge is left to its own driver\n");
		return -ENODEV;
	}
	if (!bars) {
		pci_err(pdev, "no memory BAR of a page or more to export\n");
		return -ENODEV;
	}

	ret = pci_enable_device_mem(pdev);
	if (ret)
		return ret;
	pci_clear_master(pdev);
	ret = pci_request_selected_regions(pdev, bars, "peerbuf");
	if (ret)
		goto err_disable;

	pdevice = peerbuf_device_register_as(pdev, bars, bars,
					     PEERBUF_OWNER_STUB, true);
	if (IS_ERR(pdevice)) {
		ret = PTR_ERR(pdevice);
		goto err_regions;
	}
	pci_set_drvdata(pdev, pdevice);
	/* What slot_reset() brings back. */
	pci_save_state(pdev);
	return 0;

err_regions:
	pci_release_selected_regions(pdev, bars);
err_disable:
	pci_disable_device(pdev);
	return ret;
}

static void peerbuf_stub_remove(struct pci_dev *pdev)
{
	struct peerbuf_device *pdevice = pci_get_drvdata(pdev);

	peerbuf_device_unregister(pdevice);
	pci_release_selected_regions(pdev, peerbuf_device_memory_bars(pdev));
	pci_disable_device(pdev);
}

/* The reset comes in any case. Who is left by then has been named in the kernel log. */
static void peerbuf_stub_reset_prepare(struct pci_dev *pdev)
{
	peerbuf_device_down(pci_get_drvdata(pdev), PEERBUF_CORE_PATIENCE);
}

static void peerbuf_stub_reset_done(struct pci_dev *pdev)
{
	peerbuf_device_up(pci_get_drvdata(pdev));
}

/* Recovery of everything below the port waits for us, so not without end. */
static pci_ers_result_t peerbuf_stub_error_detected(struct pci_dev *pdev,
						    pci_channel_state_t state)
{
	if (state == pci_channel_io_normal)
		return PCI_ERS_RESULT_CAN_RECOVER;
	if (peerbuf_device_down(pci_get_drvdata(pdev), PEERBUF_CORE_PATIENCE) ||
	    state == pci_channel_io_perm_failure)
		return PCI_ERS_RESULT_DISCONNECT;
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t peerbuf_stub_slot_reset(struct pci_dev *pdev)
{
	pci_restore_state(pdev);
	if (!peerbuf_device_decodes(pdev))
		return PCI_ERS_RESULT_DISCONNECT;
	peerbuf_policy_apply(pci_get_drvdata(pdev));
	pci_save_state(pdev);
	return PCI_ERS_RESULT_RECOVERED;
}

static const struct pci_error_handlers peerbuf_stub_err_handlers = {
	.error_detected = peerbuf_stub_error_detected,
	.slot_reset = peerbuf_stub_slot_reset,
	.resume = peerbuf_stub_reset_done,
	.reset_prepare = peerbuf_stub_reset_prepare,
	.reset_done = peerbuf_stub_reset_done,
};

static int peerbuf_stub_suspend(struct device *dev)
{
	struct peerbuf_device *pdevice = dev_get_drvdata(dev);

	if (!peerbuf_device_down(pdevice, PEERBUF_CORE_PATIENCE))
		return 0;
	peerbuf_device_up(pdevice);
	return -EBUSY;
}

static int peerbuf_stub_resume(struct device *dev)
{
	peerbuf_device_up(dev_get_drvdata(dev));
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(peerbuf_stub_pm, peerbuf_stub_suspend,
				peerbuf_stub_resume);

static const struct pci_device_id peerbuf_stub_ids[] = {
	{}
};

static struct pci_driver peerbuf_stub_driver = {
	.name = "peerbuf",
	.id_table = peerbuf_stub_ids,
	.probe = peerbuf_stub_probe,
	.remove = peerbuf_stub_remove,
	.err_handler = &peerbuf_stub_err_handlers,
	.driver.pm = pm_sleep_ptr(&peerbuf_stub_pm),
};

int peerbuf_stub_init(void)
{
	return pci_register_driver(&peerbuf_stub_driver);
}

void peerbuf_stub_exit(void)
{
	pci_unregister_driver(&peerbuf_stub_driver);
}
