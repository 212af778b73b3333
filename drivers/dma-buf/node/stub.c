// SPDX-License-Identifier: GPL-2.0
/*
 * The stub driver. It owns a device so that the device's memory can be exported, and does nothing
 * else. It is bound by driver_override, so it takes no device by itself.
 *
 * A process that has the node can write to the device's registers and so start DMA. So bus
 * mastering is off until the administrator allows it (policy.c).
 */
#include <linux/err.h>
#include <linux/pci.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "change/transition.h"
#include "core/device.h"
#include "core/reach.h"
#include "core/wait.h"
#include "node/policy.h"
#include "node/registration.h"
#include "node/stub.h"

static int peerbuf_stub_suspend(struct device *dev)
{
	struct peerbuf_device *pdevice = dev_get_drvdata(dev);

	if (!peerbuf_device_down(pdevice, PEERBUF_CORE_TIMEOUT))
		return 0;
	peerbuf_device_up(pdevice);
	return -EBUSY;
}

/*
 * Saves the state that slot_reset() restores. The PCI core discards a saved state when it
 * restores it after a reset or a sleep, so it is saved again each time.
 */
static void peerbuf_stub_save(struct pci_dev *pdev)
{
	if (peerbuf_device_decodes(pdev))
		pci_save_state(pdev);
}

static int peerbuf_stub_resume(struct device *dev)
{
	peerbuf_stub_save(to_pci_dev(dev));
	peerbuf_device_up(dev_get_drvdata(dev));
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(peerbuf_stub_pm, peerbuf_stub_suspend,
				peerbuf_stub_resume);

static int peerbuf_stub_probe(struct pci_dev *pdev,
			      const struct pci_device_id *id)
{
	unsigned int bars = peerbuf_device_memory_bars(pdev);
	struct peerbuf_device *pdevice;
	int ret;

	/*
	 * A port needs its own driver for everything below it, and disabling the port in remove()
	 * would take bus mastering away from those devices.
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
	peerbuf_stub_save(pdev);
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

/*
 * Calls @fn for @pdev and its virtual functions, which are reset with it without their drivers
 * being told. Covers only virtual functions that are registered here; if another driver has the
 * physical function, nobody tells peerbuf.
 */
static void peerbuf_stub_each_function(struct pci_dev *pdev,
				       void (*fn)(struct peerbuf_device *pdevice, void *data),
				       void *data)
{
	struct peerbuf_device *pdevice;
	struct pci_dev *vf = NULL;

	fn(pci_get_drvdata(pdev), data);
	if (!pdev->is_physfn)
		return;
	for_each_pci_dev(vf) {
		if (!vf->is_virtfn || pci_physfn(vf) != pdev)
			continue;
		pdevice = peerbuf_device_lookup(vf);
		if (!pdevice)
			continue;
		fn(pdevice, data);
		peerbuf_device_put(pdevice);
	}
}

/* A virtual function may be down for a reason of its own as well, so the reasons differ. */
static u32 peerbuf_stub_why(const struct peerbuf_device *pdevice, const struct pci_dev *reset)
{
	return pdevice->pdev == reset ? PEERBUF_DOWN_OWNER : PEERBUF_DOWN_PHYSFN;
}

static void peerbuf_stub_tell_down(struct peerbuf_device *pdevice, void *reset)
{
	peerbuf_device_tell_down(pdevice, peerbuf_stub_why(pdevice, reset));
}

static void peerbuf_stub_tell_up(struct peerbuf_device *pdevice, void *reset)
{
	peerbuf_device_tell_up(pdevice, peerbuf_stub_why(pdevice, reset));
}

static void peerbuf_stub_drain(struct peerbuf_device *pdevice, void *timeout)
{
	if (peerbuf_device_drain(pdevice, timeout))
		peerbuf_device_say_held(pdevice);
}

/* The reset is not stopped; importers that still have mappings are named in the kernel log. */
static void peerbuf_stub_reset_prepare(struct pci_dev *pdev)
{
	struct peerbuf_timeout timeout =
		peerbuf_timeout(PEERBUF_CORE_TIMEOUT, PEERBUF_WAIT_IDLE);

	peerbuf_stub_each_function(pdev, peerbuf_stub_tell_down, pdev);
	peerbuf_stub_each_function(pdev, peerbuf_stub_drain, &timeout);
}

/* Not up during error recovery: a reset of the whole bus may follow. */
static void peerbuf_stub_reset_done(struct pci_dev *pdev)
{
	peerbuf_stub_save(pdev);
	if (pdev->error_state == pci_channel_io_normal)
		peerbuf_stub_each_function(pdev, peerbuf_stub_tell_up, pdev);
}

/*
 * The error is over, whatever error_state says. A reset during recovery is over, too; its
 * reset_done() has left bringing the device up to this function.
 */
static void peerbuf_stub_error_resume(struct pci_dev *pdev)
{
	peerbuf_stub_each_function(pdev, peerbuf_stub_tell_up, pdev);
}

/* Recovery of everything below the port waits for this callback, so its wait is bounded. */
static pci_ers_result_t peerbuf_stub_error_detected(struct pci_dev *pdev,
						    pci_channel_state_t state)
{
	if (state == pci_channel_io_normal)
		return PCI_ERS_RESULT_CAN_RECOVER;
	if (peerbuf_device_down(pci_get_drvdata(pdev), PEERBUF_CORE_TIMEOUT) ||
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
	peerbuf_stub_save(pdev);
	return PCI_ERS_RESULT_RECOVERED;
}

static const struct pci_error_handlers peerbuf_stub_err_handlers = {
	.error_detected = peerbuf_stub_error_detected,
	.slot_reset = peerbuf_stub_slot_reset,
	.resume = peerbuf_stub_error_resume,
	.reset_prepare = peerbuf_stub_reset_prepare,
	.reset_done = peerbuf_stub_reset_done,
};

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
