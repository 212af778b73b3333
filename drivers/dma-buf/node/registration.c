// SPDX-License-Identifier: GPL-2.0
/* Registers and unregisters devices that own BARs: the interface of owning drivers. */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/pci.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "change/keep.h"
#include "change/transition.h"
#include "core/device.h"
#include "core/wait.h"
#include "node/chrdev.h"
#include "node/power.h"
#include "node/registration.h"

/* Makes the device known. Nobody can find it before. */
static int peerbuf_device_publish(struct peerbuf_device *pdevice)
{
	int ret = 0;

	lockdep_assert_held(&peerbuf_registry_lock);

	pdevice->down = peerbuf_power_why();
	if (pdevice->down)
		pdevice->state = PEERBUF_DEVICE_DOWN;
	if (pdevice->has_node)
		ret = peerbuf_chrdev_add(pdevice);
	if (!ret)
		peerbuf_device_enlist(pdevice);
	return ret;
}

/* Like peerbuf_device_register(), for any kind of owner. */
struct peerbuf_device *peerbuf_device_register_as(struct pci_dev *pdev,
						  unsigned int bar_mask,
						  unsigned int user_mask,
						  u32 owner, bool has_node)
{
	struct peerbuf_device *pdevice, *other;
	int ret;

	if (bar_mask >> PEERBUF_NR_BARS || user_mask & ~bar_mask)
		return ERR_PTR(-EINVAL);
	if (peerbuf_keeps(pdev, bar_mask))
		return ERR_PTR(-EBUSY);

	pdevice = peerbuf_device_create(pdev, owner);
	if (!pdevice)
		return ERR_PTR(-ENOMEM);
	pdevice->has_node = has_node;

	ret = peerbuf_device_add_bars(pdevice, bar_mask, user_mask);
	if (ret)
		goto err_put;

	mutex_lock(&peerbuf_registry_lock);
	other = peerbuf_device_find(pdev);
	if (other) {
		peerbuf_device_put(other);
		ret = -EEXIST;
	} else {
		ret = peerbuf_device_publish(pdevice);
	}
	mutex_unlock(&peerbuf_registry_lock);
	if (ret)
		goto err_bars;
	return pdevice;

err_bars:
	mutex_lock(&pdevice->lock);
	peerbuf_bars_remove(pdevice, bar_mask);
	mutex_unlock(&pdevice->lock);
err_put:
	peerbuf_device_put(pdevice);
	return ERR_PTR(ret);
}

/**
 * peerbuf_device_register() - make BARs of a device exportable
 * @pdev: the device; the caller is its driver
 * @bar_mask: the BARs, bit 0 for BAR 0; each must be a memory BAR of at least a page
 * @user_mask: those of them that userspace may export through the node, in any pieces;
 *	0 for a driver that hands out its memory itself
 *
 * Makes the node /dev/peerbuf/<dddd:bb:dd.f>. Its file permissions are the right to
 * export what @user_mask allows, and to see and revoke what is exported.
 *
 * Context: process context, may sleep; from probe, with the device locked.
 * Return: the device, or an ERR_PTR: -EEXIST it is registered already; -EINVAL a bit past
 * BAR 5, or one in @user_mask only; -ENXIO, -EADDRNOTAVAIL a BAR is absent, has I/O
 * ports or no address; -EBUSY an importer still maps memory that an earlier registration of
 * these BARs exported; -ENOMEM.
 */
struct peerbuf_device *peerbuf_device_register(struct pci_dev *pdev,
					       unsigned int bar_mask,
					       unsigned int user_mask)
{
	return peerbuf_device_register_as(pdev, bar_mask, user_mask,
					  PEERBUF_OWNER_DRIVER, true);
}
EXPORT_SYMBOL_GPL(peerbuf_device_register);

/**
 * peerbuf_device_register_private() - make BARs exportable by the driver alone
 * @pdev: the device; the caller is its driver
 * @bar_mask: as for peerbuf_device_register(); 0 is no error
 *
 * Like peerbuf_device_register(), without a node in /dev/peerbuf: for a driver whose own file is
 * the right to the memory. Its exports are listed by control only.
 *
 * Context: process context, may sleep; while the driver is bound.
 * Return: the device, or an ERR_PTR as from peerbuf_device_register(). -EEXIST may also mean
 * that the administrator has lent the device's BARs.
 */
struct peerbuf_device *peerbuf_device_register_private(struct pci_dev *pdev,
						       unsigned int bar_mask)
{
	return peerbuf_device_register_as(pdev, bar_mask, 0,
					  PEERBUF_OWNER_DRIVER, false);
}
EXPORT_SYMBOL_GPL(peerbuf_device_register_private);

/* For a device that was pulled out, do not wait: only its addresses must not be reused yet. */
static struct peerbuf_timeout peerbuf_device_timeout(struct peerbuf_device *pdevice)
{
	return peerbuf_timeout(pci_device_is_present(pdevice->pdev) ? PEERBUF_CORE_TIMEOUT : 0,
			       PEERBUF_WAIT_IDLE);
}

/**
 * peerbuf_device_unregister() - withdraw a device for good
 * @pdevice: from peerbuf_device_register(); gone when this returns
 *
 * Revokes everything exported from it and waits until the last importer has unmapped, for five
 * seconds at most, and not at all if the device was pulled out. DMA-BUFs may live on; they are
 * dead. Call this before giving up the BARs.
 *
 * An importer that cannot be revoked (see peerbuf_device_accept_pinned()) may map a BAR for
 * longer. Then the kernel log names it, and the BARs' ranges stay claimed until the last unmap:
 * requesting them, or registering them here, fails with -EBUSY.
 *
 * Context: process context, may sleep; from remove, with the device locked, or when probe fails.
 */
void peerbuf_device_unregister(struct peerbuf_device *pdevice)
{
	struct peerbuf_timeout timeout = peerbuf_device_timeout(pdevice);

	mutex_lock(&peerbuf_registry_lock);
	peerbuf_device_delist(pdevice);
	mutex_unlock(&peerbuf_registry_lock);

	if (pdevice->has_node)
		peerbuf_chrdev_remove(pdevice);
	peerbuf_device_tell_gone(pdevice);
	if (peerbuf_device_drain(pdevice, &timeout))
		peerbuf_keep(pdevice);
	else
		peerbuf_bars_free_wc(pdevice);
	peerbuf_device_put(pdevice);
}
EXPORT_SYMBOL_GPL(peerbuf_device_unregister);
