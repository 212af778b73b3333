// SPDX-License-Identifier: GPL-2.0
/*
 * What those who export a function's memory may do. Granted by the administrator, or by the driver
 * that registered the function.
 *
 * An importer that cannot be revoked delays everybody who has memory in the same buffer, and the
 * function's removal. So the exporting process does not decide whether such importers are accepted.
 */
#include <linux/export.h>
#include <linux/mutex.h>
#include <linux/pci.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/device.h"
#include "core/refusal.h"
#include "node/lend.h"
#include "node/policy.h"

static void peerbuf_policy_change(struct peerbuf_device *pdevice, u32 set, u32 clear)
{
	mutex_lock(&pdevice->lock);
	WRITE_ONCE(pdevice->policy, (pdevice->policy & ~clear) | set);
	mutex_unlock(&pdevice->lock);
}

/*
 * For a device bound to the stub, under its lock. Restoring the saved state after an error may
 * bring back another policy's bit, so the stub calls this after it.
 */
void peerbuf_policy_apply(struct peerbuf_device *pdevice)
{
	device_lock_assert(&pdevice->pdev->dev);

	if (READ_ONCE(pdevice->policy) & PEERBUF_POLICY_F_BUS_MASTER)
		pci_set_master(pdevice->pdev);
	else
		pci_clear_master(pdevice->pdev);
}

static bool peerbuf_policy_is_drivers(const struct peerbuf_device *pdevice, u32 flags)
{
	if (pdevice->owner == PEERBUF_OWNER_DRIVER)
		return true;
	return pdevice->owner != PEERBUF_OWNER_STUB && flags & PEERBUF_POLICY_F_BUS_MASTER;
}

/* Under the device's lock, so that it is not unbound. */
static int peerbuf_policy_set_locked(struct pci_dev *pdev, u32 set, u32 clear, u32 *policy,
				     struct peerbuf_refusal *why)
{
	struct peerbuf_device *pdevice = peerbuf_device_lookup(pdev);
	int ret = 0;

	device_lock_assert(&pdev->dev);

	if (!pdevice)
		return peerbuf_fail(why, -ENOENT, PEERBUF_REASON_NO_DEVICE);
	if (peerbuf_policy_is_drivers(pdevice, set | clear)) {
		ret = peerbuf_fail(why, -EOPNOTSUPP, PEERBUF_REASON_DRIVER_DECIDES);
	} else {
		peerbuf_policy_change(pdevice, set, clear);
		if ((set | clear) & PEERBUF_POLICY_F_BUS_MASTER)
			peerbuf_policy_apply(pdevice);
		*policy = pdevice->policy;
	}
	peerbuf_device_put(pdevice);
	return ret;
}

int peerbuf_policy_set(struct pci_dev *pdev, u32 set, u32 clear, u32 *policy,
		       struct peerbuf_refusal *why)
{
	int ret;

	ret = peerbuf_admin_lock(pdev, why);
	if (ret)
		return ret;
	ret = peerbuf_policy_set_locked(pdev, set, clear, policy, why);
	if (!ret && (set || clear))
		pci_notice(pdev, "peerbuf: policy is %#x by the administrator\n", *policy);
	device_unlock(&pdev->dev);
	return ret;
}

/**
 * peerbuf_device_accept_pinned() - may importers that cannot be revoked use a device's memory?
 * @pdevice: from peerbuf_device_register()
 * @accept: false, the initial state: they are refused
 *
 * If a buffer has memory of several devices, each of them has to accept. While such an importer
 * maps a buffer, the buffer does not move, and a revoke waits for the importer.
 * peerbuf_device_unregister() waits for a limited time, and keeps the BARs' ranges claimed
 * after that. Existing mappings stay when @accept becomes false; new ones are
 * refused.
 *
 * Context: process context, may sleep.
 */
void peerbuf_device_accept_pinned(struct peerbuf_device *pdevice, bool accept)
{
	peerbuf_policy_change(pdevice, accept ? PEERBUF_POLICY_F_PINNED : 0,
			      PEERBUF_POLICY_F_PINNED);
}
EXPORT_SYMBOL_GPL(peerbuf_device_accept_pinned);
