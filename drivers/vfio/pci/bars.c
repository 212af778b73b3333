// SPDX-License-Identifier: GPL-2.0
/*
 * Whether the BARs can be reached, and telling importers when that changes.
 *
 * vfio-pci-core knows, but does not tell variant drivers. So each call that may turn the BARs off
 * first takes the exports down (peerbuf_vfio_doubt()), then calls vfio-pci-core, and then brings
 * them back up if the BARs can still be reached (peerbuf_vfio_settle()). For resets the PCI core
 * calls reset_prepare() and reset_done(), whoever asked for the reset: a config write, a reset
 * ioctl, another device of the set, or sysfs.
 */
#include "internal.h"

/*
 * Like vfio-pci-core, goes by the command register as the user sees it. A device that the user puts
 * to sleep counts as off from the moment vfio-pci-core has agreed. Read without memory_lock: every
 * writer calls peerbuf_vfio_settle() or peerbuf_vfio_look() afterwards. A wake-up does not; the
 * next peerbuf_vfio_look() sees it.
 */
static bool peerbuf_vfio_memory_enabled(struct peerbuf_vfio *pv)
{
	struct pci_dev *pdev = pv->core.pdev;
	__le16 *command = (__le16 *)&pv->core.vconfig[PCI_COMMAND];

	if (READ_ONCE(pv->core.pm_runtime_engaged))
		return false;
	if ((__force int)READ_ONCE(pdev->current_state) >= (__force int)PCI_D3hot)
		return false;
	return pdev->no_command_memory ||
	       le16_to_cpu(READ_ONCE(*command)) & PCI_COMMAND_MEMORY;
}

/* Does the device itself say that it decodes memory? */
static bool peerbuf_vfio_decodes(struct pci_dev *pdev, u16 *command)
{
	if (pdev->no_command_memory ||
	    pci_read_config_word(pdev, PCI_COMMAND, command) ||
	    PCI_POSSIBLE_ERROR(*command))
		return false;
	return *command & PCI_COMMAND_MEMORY;
}

/*
 * Is memory decode on, and @low the command register's low byte? The device must agree with
 * vfio-pci-core's copy, which holds the two decode bits. A write that comes after this check counts
 * as one that came after the caller's write.
 */
bool peerbuf_vfio_command_is(struct peerbuf_vfio *pv, u8 low)
{
	const u16 decode = PCI_COMMAND_MEMORY | PCI_COMMAND_IO;
	u8 copy = READ_ONCE(pv->core.vconfig[PCI_COMMAND]);
	u16 command;

	return peerbuf_vfio_memory_enabled(pv) &&
	       peerbuf_vfio_decodes(pv->core.pdev, &command) &&
	       (u8)command == low && (copy & decode) == (low & decode);
}

/*
 * Tells the exports the present state. Does not wait for importers, so reach_lock is never held for
 * long. Returns true if the BARs cannot be reached, so that the caller has to wait for importers.
 */
static bool peerbuf_vfio_apply(struct peerbuf_vfio *pv)
{
	lockdep_assert_held(&pv->reach_lock);

	if (!pv->pdevice)
		return false;
	if (!pv->away && !pv->doubts) {
		peerbuf_device_up(pv->pdevice);
		return false;
	}
	peerbuf_device_down(pv->pdevice, 0);
	return true;
}

/* Begins a change of @away or @doubts. */
static void peerbuf_vfio_reach_lock(struct peerbuf_vfio *pv)
{
	down_read(&pv->pdevice_lock);
	mutex_lock(&pv->reach_lock);
}

/*
 * Ends a change: if the BARs cannot be reached, waits for importers, up to @timeout. During that
 * wait another thread may have found that the BARs can be reached again, and then this second
 * peerbuf_device_down() was wrong. So the present state is applied once more.
 */
static void peerbuf_vfio_reach_unlock(struct peerbuf_vfio *pv, unsigned long timeout)
{
	bool down = peerbuf_vfio_apply(pv);

	mutex_unlock(&pv->reach_lock);
	if (down) {
		peerbuf_device_down(pv->pdevice, timeout);
		mutex_lock(&pv->reach_lock);
		peerbuf_vfio_apply(pv);
		mutex_unlock(&pv->reach_lock);
	}
	up_read(&pv->pdevice_lock);
}

/*
 * Error recovery resets the bus and restores nothing. vfio-pci-core sets the device up again at the
 * user's next write to the command register, or at a reset. Until the host has finished recovery
 * another bus reset may come, so memory decode proves nothing before error_state is normal. A
 * virtual function has no decode bit; it only has to be present.
 */
static bool peerbuf_vfio_recovered(struct pci_dev *pdev)
{
	u16 command;

	if (READ_ONCE(pdev->error_state) != pci_channel_io_normal)
		return false;
	if (pdev->no_command_memory)
		return pci_device_is_present(pdev);
	return peerbuf_vfio_decodes(pdev, &command);
}

static void peerbuf_vfio_look_locked(struct peerbuf_vfio *pv)
{
	lockdep_assert_held(&pv->reach_lock);

	/* vfio-pci-core frees its copy of the config space after peerbuf_vfio_reach_close(). */
	if (!pv->pdevice)
		return;
	if (peerbuf_vfio_memory_enabled(pv))
		pv->away &= ~PEERBUF_VFIO_AWAY_MEMORY;
	else
		pv->away |= PEERBUF_VFIO_AWAY_MEMORY;
	if (pv->away & PEERBUF_VFIO_AWAY_ERROR && peerbuf_vfio_recovered(pv->core.pdev))
		pv->away &= ~PEERBUF_VFIO_AWAY_ERROR;
}

/*
 * Called before the device is enabled, because enabling resets it and a device with lent BARs must
 * not be reset. Returns the object through which the BARs will be exported, or an ERR_PTR: -EBUSY
 * if the BARs are lent, or an importer still maps an export of the previous user.
 */
struct peerbuf_device *peerbuf_vfio_reach_claim(struct peerbuf_vfio *pv)
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

/* The device has been enabled; @pdevice is from peerbuf_vfio_reach_claim(). */
void peerbuf_vfio_reach_open(struct peerbuf_vfio *pv, struct peerbuf_device *pdevice)
{
	peerbuf_vfio_reach_lock(pv);
	pv->pdevice = pdevice;
	pv->away &= ~PEERBUF_VFIO_AWAY_CLOSED;
	peerbuf_vfio_look_locked(pv);
	peerbuf_vfio_reach_unlock(pv, MAX_SCHEDULE_TIMEOUT);
}

/*
 * The exports die for good. peerbuf_vfio_away() tells importers before pdevice_lock is taken for
 * writing: a reader of that lock may be waiting for the same importers, and a reset that comes
 * meanwhile waits for this function. Every wait here has a limit, because the process may be dying
 * and a removal waiting for it. What an importer keeps for longer stays claimed, see
 * peerbuf_device_unregister().
 */
void peerbuf_vfio_reach_close(struct peerbuf_vfio *pv)
{
	peerbuf_vfio_away(pv, PEERBUF_VFIO_AWAY_CLOSED, 0);

	down_write(&pv->pdevice_lock);
	peerbuf_device_unregister(pv->pdevice);
	pv->pdevice = NULL;
	up_write(&pv->pdevice_lock);
}

/* When it returns no importer reaches the BARs, unless @timeout jiffies have passed. */
void peerbuf_vfio_away(struct peerbuf_vfio *pv, u32 why, unsigned long timeout)
{
	peerbuf_vfio_reach_lock(pv);
	pv->away |= why;
	peerbuf_vfio_reach_unlock(pv, timeout);
}

/*
 * For the driver core. Does not wait: if the BARs stay away for another reason, whoever set that
 * reason has waited.
 */
void peerbuf_vfio_back(struct peerbuf_vfio *pv, u32 why)
{
	peerbuf_vfio_reach_lock(pv);
	pv->away &= ~why;
	peerbuf_vfio_look_locked(pv);
	peerbuf_vfio_reach_unlock(pv, 0);
}

/* Before a call that may turn the BARs off. No importer reaches them until it settles. */
void peerbuf_vfio_doubt(struct peerbuf_vfio *pv)
{
	peerbuf_vfio_reach_lock(pv);
	pv->doubts++;
	peerbuf_vfio_reach_unlock(pv, MAX_SCHEDULE_TIMEOUT);
}

/* After that call. */
void peerbuf_vfio_settle(struct peerbuf_vfio *pv)
{
	peerbuf_vfio_reach_lock(pv);
	pv->doubts--;
	peerbuf_vfio_look_locked(pv);
	peerbuf_vfio_reach_unlock(pv, MAX_SCHEDULE_TIMEOUT);
}

/* After a call that may have turned the BARs on. Does not wait: whoever turned them off did. */
void peerbuf_vfio_look(struct peerbuf_vfio *pv)
{
	peerbuf_vfio_back(pv, 0);
}

/*
 * At the end of every call: VFIO wakes the device for the call, and the device stays awake if the
 * user asked for wake-up events.
 */
void peerbuf_vfio_woken(struct peerbuf_vfio *pv)
{
	if (READ_ONCE(pv->away) & PEERBUF_VFIO_AWAY_MEMORY)
		peerbuf_vfio_look(pv);
}
