// SPDX-License-Identifier: GPL-2.0
/*
 * BARs of devices that keep their own driver, lent by the administrator.
 *
 * The device's driver does not know of it. So the BARs are taken back before that driver unbinds,
 * by a bus notifier that runs with the device locked. The administrator's calls take the same
 * lock, so a device is not lent while it loses its driver.
 */
#include <linux/bits.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "change/transition.h"
#include "core/device.h"
#include "core/refusal.h"
#include "core/wait.h"
#include "node/lend.h"
#include "node/ranges.h"
#include "node/registration.h"

static int peerbuf_lend_check_mask(struct pci_dev *pdev, unsigned int mask,
				   struct peerbuf_refusal *why)
{
	unsigned int bar;
	int ret;

	if (!mask || mask >> PEERBUF_NR_BARS)
		return peerbuf_fail(why, -ENXIO, PEERBUF_REASON_NO_BAR);
	for (bar = 0; bar < PEERBUF_NR_BARS; bar++) {
		if (!(mask & BIT(bar)))
			continue;
		ret = peerbuf_bar_check_pages(pdev, bar, why);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * The device must not be suspended while importers use it, and its driver does not know of them:
 * holds a runtime power reference as long as the device is lent.
 */
static struct peerbuf_device *peerbuf_lend_first(struct pci_dev *pdev, unsigned int mask,
						 struct peerbuf_refusal *why)
{
	struct peerbuf_device *pdevice;
	int ret;

	ret = pm_runtime_resume_and_get(&pdev->dev);
	if (ret)
		return ERR_PTR(ret);
	pdevice = peerbuf_device_register_as(pdev, mask, 0, PEERBUF_OWNER_LENT, true);
	if (!IS_ERR(pdevice)) {
		peerbuf_device_get(pdevice);
		return pdevice;
	}
	pm_runtime_put(&pdev->dev);
	if (pdevice == ERR_PTR(-EBUSY))
		peerbuf_fail(why, -EBUSY, PEERBUF_REASON_STILL_MAPPED);
	return pdevice;
}

static void peerbuf_lend_last(struct peerbuf_device *pdevice)
{
	struct pci_dev *pdev = pdevice->pdev;

	peerbuf_device_unregister(pdevice);
	pm_runtime_put(&pdev->dev);
}

static bool peerbuf_lent_nothing(struct peerbuf_device *pdevice)
{
	bool nothing;

	mutex_lock(&pdevice->lock);
	nothing = !pdevice->user_bars;
	mutex_unlock(&pdevice->lock);
	return nothing;
}

static int peerbuf_lend_check(struct pci_dev *pdev, struct peerbuf_refusal *why)
{
	/* Everything below a bridge depends on the bridge's own registers. */
	if (pdev->hdr_type != PCI_HEADER_TYPE_NORMAL)
		return peerbuf_fail(why, -ENODEV, PEERBUF_REASON_NO_DEVICE);
	if (!pdev->dev.driver)
		return peerbuf_fail(why, -EUNATCH, PEERBUF_REASON_NO_DRIVER);
	return 0;
}

/*
 * Returns the registration by which BARs of @pdev are lent, with a reference. -ENOENT: there is
 * none; -EEXIST: its driver has registered it.
 */
static struct peerbuf_device *peerbuf_lent_find(struct pci_dev *pdev)
{
	struct peerbuf_device *pdevice = peerbuf_device_lookup(pdev);

	if (!pdevice)
		return ERR_PTR(-ENOENT);
	if (pdevice->owner == PEERBUF_OWNER_LENT)
		return pdevice;
	peerbuf_device_put(pdevice);
	return ERR_PTR(-EEXIST);
}

/* Returns the registration that the BARs are added to, with a reference. */
static struct peerbuf_device *peerbuf_lend_more(struct pci_dev *pdev, unsigned int mask,
						struct peerbuf_refusal *why)
{
	struct peerbuf_device *pdevice = peerbuf_lent_find(pdev);
	int ret;

	if (pdevice == ERR_PTR(-ENOENT))
		return peerbuf_lend_first(pdev, mask, why);
	if (IS_ERR(pdevice))
		return ERR_PTR(peerbuf_fail(why, PTR_ERR(pdevice), PEERBUF_REASON_DRIVER_BOUND));
	ret = peerbuf_device_add_bars(pdevice, mask, 0);
	if (!ret)
		return pdevice;
	peerbuf_device_put(pdevice);
	return ERR_PTR(ret);
}

/* Under the device's lock. A BAR cannot be exported before it, or a range of it, has been lent. */
static int peerbuf_lend_locked(struct pci_dev *pdev, struct peerbuf_ioc_lend *arg,
			       const struct peerbuf_range *ranges, struct peerbuf_refusal *why)
{
	struct peerbuf_device *pdevice;
	u32 mask = arg->bar_mask;
	int ret;

	device_lock_assert(&pdev->dev);

	ret = peerbuf_lend_check(pdev, why);
	if (!ret)
		ret = peerbuf_lent_check(pdev, ranges, arg->nr_ranges, &mask, &arg->bad_range,
					 why);
	if (!ret)
		ret = peerbuf_lend_check_mask(pdev, mask, why);
	if (ret)
		return ret;

	pdevice = peerbuf_lend_more(pdev, mask, why);
	if (IS_ERR(pdevice))
		return PTR_ERR(pdevice);
	ret = peerbuf_lent_add(pdevice, arg->bar_mask, ranges, arg->nr_ranges, why);
	if (ret && peerbuf_lent_nothing(pdevice))
		peerbuf_lend_last(pdevice);
	peerbuf_device_put(pdevice);
	return ret;
}

/*
 * Takes the device's lock for the administrator. A driver's probe or remove may hold it for long:
 * the wait then ends with an error.
 */
int peerbuf_admin_lock(struct pci_dev *pdev, struct peerbuf_refusal *why)
{
	unsigned long until = jiffies + PEERBUF_CORE_TIMEOUT;

	while (!device_trylock(&pdev->dev)) {
		if (signal_pending(current))
			return peerbuf_fail(why, -EINTR, PEERBUF_REASON_INTERRUPTED);
		if (time_after(jiffies, until))
			return peerbuf_fail(why, -EBUSY, PEERBUF_REASON_DEVICE_BUSY);
		schedule_timeout_interruptible(1);
	}
	return 0;
}

static struct peerbuf_range *peerbuf_lend_ranges(const struct peerbuf_ioc_lend *arg,
						 struct peerbuf_refusal *why)
{
	if (!arg->nr_ranges)
		return NULL;
	if (arg->nr_ranges > PEERBUF_MAX_LENT)
		return ERR_PTR(peerbuf_fail(why, -EMSGSIZE, PEERBUF_REASON_TOO_MANY_RANGES));
	return peerbuf_ranges_copy(arg->ranges, arg->nr_ranges, why);
}

int peerbuf_lend(struct pci_dev *pdev, struct peerbuf_ioc_lend *arg, struct peerbuf_refusal *why)
{
	struct peerbuf_range *ranges;
	int ret;

	ranges = peerbuf_lend_ranges(arg, why);
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);
	ret = peerbuf_admin_lock(pdev, why);
	if (ret)
		goto out_free;
	ret = peerbuf_lend_locked(pdev, arg, ranges, why);
	if (!ret)
		pci_notice(pdev, "peerbuf: BARs %#x and %u ranges lent by the administrator\n",
			   arg->bar_mask, arg->nr_ranges);
	device_unlock(&pdev->dev);
out_free:
	kvfree(ranges);
	return ret;
}

/*
 * The wait is bounded: an importer that cannot be revoked may be the calling process itself, and
 * the device is locked. The next call, or the driver's unbind, waits again for what is still
 * mapped.
 */
static int peerbuf_unlend_bars(struct peerbuf_device *pdevice, unsigned int mask,
			       struct peerbuf_refusal *why)
{
	struct peerbuf_timeout timeout =
		peerbuf_timeout(PEERBUF_CORE_TIMEOUT, PEERBUF_WAIT_INTR);
	int ret;

	ret = peerbuf_device_withdraw_bars(pdevice, mask, &timeout);
	if (ret == -EINTR)
		return peerbuf_fail_untold(why, ret);
	if (ret)
		return peerbuf_fail(why, ret, PEERBUF_REASON_STILL_MAPPED);
	if (peerbuf_lent_nothing(pdevice))
		peerbuf_lend_last(pdevice);
	return 0;
}

static bool peerbuf_is_lent(struct pci_dev *pdev)
{
	struct peerbuf_device *pdevice = peerbuf_lent_find(pdev);

	if (IS_ERR(pdevice))
		return false;
	peerbuf_device_put(pdevice);
	return true;
}

static int peerbuf_unlend_locked(struct pci_dev *pdev, unsigned int mask,
				 struct peerbuf_refusal *why)
{
	struct peerbuf_device *pdevice;
	int ret;

	device_lock_assert(&pdev->dev);

	if (!mask || mask >> PEERBUF_NR_BARS)
		return peerbuf_fail(why, -ENXIO, PEERBUF_REASON_NO_BAR);

	pdevice = peerbuf_lent_find(pdev);
	if (IS_ERR(pdevice))
		return peerbuf_fail(why, -ENOENT, PEERBUF_REASON_NO_DEVICE);
	ret = peerbuf_unlend_bars(pdevice, mask, why);
	peerbuf_device_put(pdevice);
	return ret;
}

/*
 * If nothing is lent, the device lock is not waited for: its holder may be unbinding the driver and
 * taking the BARs back right now.
 */
int peerbuf_unlend(struct pci_dev *pdev, struct peerbuf_ioc_lend *arg, struct peerbuf_refusal *why)
{
	int ret;

	if (arg->nr_ranges || arg->ranges)
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_RESERVED);
	if (!peerbuf_is_lent(pdev))
		return peerbuf_fail(why, -ENOENT, PEERBUF_REASON_NO_DEVICE);
	ret = peerbuf_admin_lock(pdev, why);
	if (ret)
		return ret;
	ret = peerbuf_unlend_locked(pdev, arg->bar_mask, why);
	if (!ret)
		pci_notice(pdev, "peerbuf: BARs %#x taken back by the administrator\n",
			   arg->bar_mask);
	device_unlock(&pdev->dev);
	return ret;
}

static void peerbuf_lend_end(struct pci_dev *pdev)
{
	struct peerbuf_device *pdevice = peerbuf_lent_find(pdev);

	if (IS_ERR(pdevice))
		return;
	peerbuf_lend_last(pdevice);
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

/* Ends what is still lent when the module goes. Nothing is exported: an export holds the module. */
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
