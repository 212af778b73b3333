// SPDX-License-Identifier: GPL-2.0
/*
 * BARs of devices that keep their own driver, lent by the administrator.
 *
 * The driver does not know. What is lent is therefore taken back before that driver is
 * unbound, by a bus notifier that runs with the device locked, and the administrator's
 * calls take the same lock: a device cannot be lent while it loses its driver.
 */
#include "internal.h"

/* Is there a BAR @bar that has memory to offer? Says why not. */
int peerbuf_bar_check(struct pci_dev *pdev, unsigned int bar, u32 *reason)
{
	unsigned long flags;

	if (bar >= PEERBUF_NR_BARS || !pci_resource_flags(pdev, bar)) {
		*reason = PEERBUF_REASON_NO_BAR;
		return -ENXIO;
	}
	flags = pci_resource_flags(pdev, bar);
	if (flags & IORESOURCE_IO) {
		*reason = PEERBUF_REASON_IO_BAR;
		return -EADDRNOTAVAIL;
	}
	if (flags & IORESOURCE_UNSET) {
		*reason = PEERBUF_REASON_BAR_UNASSIGNED;
		return -EADDRNOTAVAIL;
	}
	if (!(flags & IORESOURCE_MEM) || !pci_resource_len(pdev, bar)) {
		*reason = PEERBUF_REASON_NO_BAR;
		return -ENXIO;
	}
	return 0;
}

static int peerbuf_lend_check_mask(struct pci_dev *pdev, unsigned int mask,
				   u32 *reason)
{
	unsigned int bar;
	int ret;

	if (!mask || mask >> PEERBUF_NR_BARS) {
		*reason = PEERBUF_REASON_NO_BAR;
		return -ENXIO;
	}
	for (bar = 0; bar < PEERBUF_NR_BARS; bar++) {
		if (!(mask & BIT(bar)))
			continue;
		ret = peerbuf_bar_check(pdev, bar, reason);
		if (ret)
			return ret;
	}
	return 0;
}

/* Returns a reference to the device's registration, or NULL. */
static struct peerbuf_device *peerbuf_lend_find(struct pci_dev *pdev)
{
	struct peerbuf_device *pdevice;

	mutex_lock(&peerbuf_registry_lock);
	pdevice = peerbuf_device_find(pdev);
	mutex_unlock(&peerbuf_registry_lock);
	return pdevice;
}

static int peerbuf_lend_locked(struct pci_dev *pdev, unsigned int mask,
			       u32 *reason)
{
	struct peerbuf_device *pdevice;
	int ret;

	device_lock_assert(&pdev->dev);

	if (!pdev->dev.driver) {
		*reason = PEERBUF_REASON_NO_DRIVER;
		return -EUNATCH;
	}
	ret = peerbuf_lend_check_mask(pdev, mask, reason);
	if (ret)
		return ret;

	pdevice = peerbuf_lend_find(pdev);
	if (!pdevice) {
		pdevice = peerbuf_device_register_as(pdev, mask, mask,
						     PEERBUF_OWNER_BORROWED);
		return PTR_ERR_OR_ZERO(pdevice);
	}

	if (pdevice->owner == PEERBUF_OWNER_BORROWED) {
		ret = peerbuf_device_add_bars(pdevice, mask, mask);
	} else {
		*reason = PEERBUF_REASON_DRIVER_BOUND;
		ret = -EEXIST;
	}
	peerbuf_device_put(pdevice);
	return ret;
}

int peerbuf_lend(struct pci_dev *pdev, unsigned int mask, u32 *reason)
{
	int ret;

	device_lock(&pdev->dev);
	ret = peerbuf_lend_locked(pdev, mask, reason);
	if (!ret)
		pci_notice(pdev, "peerbuf: BARs %#x lent by the administrator\n",
			   mask);
	device_unlock(&pdev->dev);
	return ret;
}

static bool peerbuf_lent_nothing(struct peerbuf_device *pdevice)
{
	bool nothing;

	mutex_lock(&pdevice->lock);
	nothing = !pdevice->user_bars;
	mutex_unlock(&pdevice->lock);
	return nothing;
}

static int peerbuf_unlend_locked(struct pci_dev *pdev, unsigned int mask,
				 u32 *reason)
{
	struct peerbuf_device *pdevice;
	int ret = 0;

	device_lock_assert(&pdev->dev);

	if (!mask || mask >> PEERBUF_NR_BARS) {
		*reason = PEERBUF_REASON_NO_BAR;
		return -ENXIO;
	}

	pdevice = peerbuf_lend_find(pdev);
	if (pdevice && pdevice->owner == PEERBUF_OWNER_BORROWED) {
		peerbuf_device_withdraw_bars(pdevice, mask);
		if (peerbuf_lent_nothing(pdevice))
			peerbuf_device_unregister(pdevice);
	} else {
		*reason = PEERBUF_REASON_NO_DEVICE;
		ret = -ENOENT;
	}
	if (pdevice)
		peerbuf_device_put(pdevice);
	return ret;
}

int peerbuf_unlend(struct pci_dev *pdev, unsigned int mask, u32 *reason)
{
	int ret;

	device_lock(&pdev->dev);
	ret = peerbuf_unlend_locked(pdev, mask, reason);
	if (!ret)
		pci_notice(pdev, "peerbuf: BARs %#x taken back by the administrator\n",
			   mask);
	device_unlock(&pdev->dev);
	return ret;
}

static void peerbuf_lend_end(struct pci_dev *pdev)
{
	struct peerbuf_device *pdevice = peerbuf_lend_find(pdev);

	if (!pdevice)
		return;
	if (pdevice->owner == PEERBUF_OWNER_BORROWED)
		peerbuf_device_unregister(pdevice);
	peerbuf_device_put(pdevice);
}

static int peerbuf_bus_event(struct notifier_block *nb, unsigned long action,
			     void *data)
{
	if (action == BUS_NOTIFY_UNBIND_DRIVER)
		peerbuf_lend_end(to_pci_dev(data));
	return NOTIFY_DONE;
}

static struct notifier_block peerbuf_bus_nb = {
	.notifier_call = peerbuf_bus_event,
};

int peerbuf_lend_init(void)
{
	return bus_register_notifier(&pci_bus_type, &peerbuf_bus_nb);
}

/* What is still lent when the module goes: nothing exported, or it could not go. */
void peerbuf_lend_exit(void)
{
	struct pci_dev *pdev = NULL;

	bus_unregister_notifier(&pci_bus_type, &peerbuf_bus_nb);
	for_each_pci_dev(pdev) {
		device_lock(&pdev->dev);
		peerbuf_lend_end(pdev);
		device_unlock(&pdev->dev);
	}
}
