// SPDX-License-Identifier: GPL-2.0
/*
 * Whether importers may reach the BARs, and telling importers when that changes.
 *
 * vfio-pci-core knows, but does not tell variant drivers. So each call that may turn the BARs off
 * first takes the exports down (peerbuf_vfio_access_begin()), then calls vfio-pci-core, and then
 * brings them back up if the BARs can still be reached (peerbuf_vfio_access_end()). For resets the
 * PCI core calls reset_prepare() and reset_done(), whoever asked for the reset: a config write, a
 * reset ioctl, another device of the set, or sysfs.
 */
#include "internal.h"

void peerbuf_vfio_bars_init(struct peerbuf_vfio_bars *bars)
{
	init_rwsem(&bars->pdevice_lock);
	mutex_init(&bars->lock);
}

void peerbuf_vfio_bars_destroy(struct peerbuf_vfio_bars *bars)
{
	mutex_destroy(&bars->lock);
}

/*
 * Tells the exports the present state. Does not wait for importers, so the lock is never held for
 * long. Returns true if the BARs cannot be reached, so that the caller has to wait for importers.
 */
static bool peerbuf_vfio_apply(struct peerbuf_vfio_bars *bars)
{
	lockdep_assert_held(&bars->lock);

	if (!bars->pdevice)
		return false;
	if (!bars->blocks && !bars->accesses) {
		peerbuf_device_up(bars->pdevice);
		return false;
	}
	peerbuf_device_down(bars->pdevice, 0);
	return true;
}

/* Begins a change of @blocks or @accesses. */
static void peerbuf_vfio_change_begin(struct peerbuf_vfio_bars *bars)
{
	down_read(&bars->pdevice_lock);
	mutex_lock(&bars->lock);
}

/*
 * Ends a change: if the BARs cannot be reached, waits for importers, up to @timeout. During that
 * wait another thread may have found that the BARs can be reached again, and then this second
 * peerbuf_device_down() was wrong. So the present state is applied once more.
 */
static void peerbuf_vfio_change_end(struct peerbuf_vfio_bars *bars, unsigned long timeout)
{
	bool down = peerbuf_vfio_apply(bars);

	mutex_unlock(&bars->lock);
	if (down) {
		peerbuf_device_down(bars->pdevice, timeout);
		mutex_lock(&bars->lock);
		peerbuf_vfio_apply(bars);
		mutex_unlock(&bars->lock);
	}
	up_read(&bars->pdevice_lock);
}

/* Sets and lifts those of @blocks that follow from the device's state. */
static void peerbuf_vfio_refresh_locked(struct peerbuf_vfio *pv)
{
	struct peerbuf_vfio_bars *bars = &pv->bars;

	lockdep_assert_held(&bars->lock);

	/* vfio-pci-core frees its copy of the config space after peerbuf_vfio_bars_close(). */
	if (!bars->pdevice)
		return;
	if (peerbuf_vfio_memory_enabled(pv))
		bars->blocks &= ~PEERBUF_VFIO_BLOCK_MEMORY;
	else
		bars->blocks |= PEERBUF_VFIO_BLOCK_MEMORY;
	if (bars->blocks & PEERBUF_VFIO_BLOCK_ERROR && peerbuf_vfio_recovered(pv))
		bars->blocks &= ~PEERBUF_VFIO_BLOCK_ERROR;
}

/*
 * Called before the device is enabled, because enabling resets it and a device with lent BARs must
 * not be reset. Returns the object through which the BARs will be exported, or an ERR_PTR: -EBUSY
 * if the BARs are lent, or an importer still maps an export of the previous user.
 */
struct peerbuf_device *peerbuf_vfio_bars_claim(struct peerbuf_vfio *pv)
{
	struct pci_dev *pdev = pv->core.pdev;
	struct peerbuf_device *pdevice;

	pdevice = peerbuf_device_register_private(pdev,
						  peerbuf_device_memory_bars(pdev));
	if (pdevice == ERR_PTR(-EEXIST)) {
		pci_warn(pdev, "not opened: the administrator has lent its BARs\n");
		return ERR_PTR(-EBUSY);
	}
	if (pdevice == ERR_PTR(-EBUSY))
		pci_warn(pdev, "not opened: an importer still maps what its last user exported\n");
	return pdevice;
}

/* The device has been enabled; @pdevice is from peerbuf_vfio_bars_claim(). */
void peerbuf_vfio_bars_open(struct peerbuf_vfio *pv, struct peerbuf_device *pdevice)
{
	struct peerbuf_vfio_bars *bars = &pv->bars;

	peerbuf_vfio_change_begin(bars);
	bars->pdevice = pdevice;
	bars->blocks &= ~PEERBUF_VFIO_BLOCK_CLOSED;
	peerbuf_vfio_refresh_locked(pv);
	peerbuf_vfio_change_end(bars, MAX_SCHEDULE_TIMEOUT);
}

/*
 * The exports die for good. peerbuf_vfio_block() tells importers before pdevice_lock is taken for
 * writing: a reader of that lock may be waiting for the same importers, and a reset that comes
 * meanwhile waits for this function. Every wait here has a limit, because the process may be dying
 * and a removal waiting for it. What an importer keeps for longer stays claimed, see
 * peerbuf_device_unregister().
 */
void peerbuf_vfio_bars_close(struct peerbuf_vfio *pv)
{
	struct peerbuf_vfio_bars *bars = &pv->bars;

	peerbuf_vfio_block(pv, PEERBUF_VFIO_BLOCK_CLOSED, 0);

	down_write(&bars->pdevice_lock);
	peerbuf_device_unregister(bars->pdevice);
	bars->pdevice = NULL;
	up_write(&bars->pdevice_lock);
}

/* When it returns no importer reaches the BARs, unless @timeout jiffies have passed. */
void peerbuf_vfio_block(struct peerbuf_vfio *pv, u32 why, unsigned long timeout)
{
	peerbuf_vfio_change_begin(&pv->bars);
	pv->bars.blocks |= why;
	peerbuf_vfio_change_end(&pv->bars, timeout);
}

/*
 * For the driver core. Does not wait: if the BARs stay blocked for another reason, whoever set that
 * reason has waited.
 */
void peerbuf_vfio_unblock(struct peerbuf_vfio *pv, u32 why)
{
	peerbuf_vfio_change_begin(&pv->bars);
	pv->bars.blocks &= ~why;
	peerbuf_vfio_refresh_locked(pv);
	peerbuf_vfio_change_end(&pv->bars, 0);
}

/* Before a call that may turn the BARs off. No importer reaches them until that call has ended. */
void peerbuf_vfio_access_begin(struct peerbuf_vfio *pv)
{
	peerbuf_vfio_change_begin(&pv->bars);
	pv->bars.accesses++;
	peerbuf_vfio_change_end(&pv->bars, MAX_SCHEDULE_TIMEOUT);
}

/* After that call. */
void peerbuf_vfio_access_end(struct peerbuf_vfio *pv)
{
	peerbuf_vfio_change_begin(&pv->bars);
	pv->bars.accesses--;
	peerbuf_vfio_refresh_locked(pv);
	peerbuf_vfio_change_end(&pv->bars, MAX_SCHEDULE_TIMEOUT);
}

/* After a call that may have turned the BARs on. Does not wait: whoever turned them off did. */
void peerbuf_vfio_refresh(struct peerbuf_vfio *pv)
{
	peerbuf_vfio_unblock(pv, 0);
}

/*
 * At the end of every call: VFIO wakes the device for the call, and the device stays awake if the
 * user asked for wake-up events.
 */
void peerbuf_vfio_woken(struct peerbuf_vfio *pv)
{
	if (READ_ONCE(pv->bars.blocks) & PEERBUF_VFIO_BLOCK_MEMORY)
		peerbuf_vfio_refresh(pv);
}
