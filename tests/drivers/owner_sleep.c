// SPDX-License-Identifier: GPL-2.0
/*
 * System sleep for one function. The PM core would put the whole machine to sleep, and devices
 * that the test guests need do not survive that.
 */
#include <linux/device.h>
#include <linux/pci.h>
#include <linux/pm.h>

#include "bar_owner.h"

/* As in D3hot, the state in which the PM core leaves a function: it decodes no memory. */
static void owner_power_off(struct pci_dev *pdev)
{
	u16 command;

	pci_save_state(pdev);
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	pci_write_config_word(pdev, PCI_COMMAND, command & ~PCI_COMMAND_MEMORY);
}

static int owner_sleep_locked(struct pci_dev *pdev, bool on)
{
	const struct dev_pm_ops *pm = pdev->dev.driver ? pdev->dev.driver->pm : NULL;
	int ret;

	device_lock_assert(&pdev->dev);

	if (!pm || !pm->suspend || !pm->resume)
		return -EOPNOTSUPP;
	if (!on) {
		pci_restore_state(pdev);
		return pm->resume(&pdev->dev);
	}
	ret = pm->suspend(&pdev->dev);
	if (!ret)
		owner_power_off(pdev);
	return ret;
}

/* Returns after the driver's callback, as the PM core does. */
int owner_sleep(u64 addr, bool on)
{
	struct pci_dev *pdev;
	int ret;

	pdev = pci_get_domain_bus_and_slot(PEERBUF_PCI_DOMAIN(addr), PEERBUF_PCI_BUS(addr),
					   addr & 0xff);
	if (!pdev)
		return -ENODEV;
	device_lock(&pdev->dev);
	ret = owner_sleep_locked(pdev, on);
	device_unlock(&pdev->dev);
	pci_dev_put(pdev);
	return ret;
}
