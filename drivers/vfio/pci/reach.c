// SPDX-License-Identifier: GPL-2.0
/*
 * Whether the BARs can be reached, and telling importers when that changes.
 *
 * vfio-pci-core knows, but tells no variant driver. So each call that may turn the BARs off
 * is in doubt until it has returned: the exports go down first, the core does its part, and
 * then the state it left decides. Resets come by reset_prepare() and reset_done(), whoever
 * asked for them: a config write, a reset ioctl, another device of the set, sysfs.
 */
#include "internal.h"

/*
 * By what the user sees in the command register, like vfio-pci-core itself, and asleep at the
 * user's request from when the core agreed. Read without memory_lock: whoever changes it
 * looks again after having changed it, or is the device waking up, of which the user is told,
 * and is heard of at its next look.
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

/* What the device itself says. */
static bool peerbuf_vfio_decodes(struct pci_dev *pdev, u16 *command)
{
	if (pdev->no_command_memory ||
	    pci_read_config_word(pdev, PCI_COMMAND, command) ||
	    PCI_POSSIBLE_ERROR(*command))
		return false;
	return *command & PCI_COMMAND_MEMORY;
}

/*
 * Is memory decode on, and @low what the command register's low byte holds? The device and
 * the core's copy, which has the two bits that decode, must agree. Another write may come
 * right after that; then it came after whoever asks.
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
 * Tells the exports what is so now. Nobody is waited for: who takes this lock to say that the
 * BARs go gets it soon, whoever else is waiting for importers. Returns whether they cannot be
 * reached, so that importers have to let go.
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

/* Around each change of what says whether the BARs can be reached. */
static void peerbuf_vfio_reach_lock(struct peerbuf_vfio *pv)
{
	down_read(&pv->pdevice_lock);
	mutex_lock(&pv->reach_lock);
}

/*
 * Its end: waits for importers, up to @timeout, if the BARs cannot be reached. While we wait
 * somebody else may have found that they can be reached again, and our going down once more was
 * one too many; what is so then counts.
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
 * Recovery from an error resets the bus, and restores nothing; that is done by the core at the
 * user's next write to the command register, or by a reset. Until the host has said that recovery
 * is over the reset may still come, and a device that decodes memory is no sign of anything. A
 * virtual function has nothing to be set up.
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

	/* The core frees its copy of the config space after we have closed. */
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
 * Before the device is enabled, which resets it: a device whose BARs are lent is left alone.
 * Returns what its BARs will be exported through, or an ERR_PTR: -EBUSY if they are lent, or still
 * mapped by an importer of the last user's exports.
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
 * What was exported is dead for good. Importers are told before anybody is waited for: whoever
 * has the lock waits for them as well, and a reset that comes while we do waits for us. The process
 * may be dying, and a removal waiting for it, so that no wait here is without end: what an
 * importer keeps for longer stays taken (peerbuf_device_unregister()).
 */
void peerbuf_vfio_reach_close(struct peerbuf_vfio *pv)
{
	peerbuf_vfio_away(pv, PEERBUF_VFIO_AWAY_CLOSED, 0);

	down_write(&pv->pdevice_lock);
	peerbuf_device_unregister(pv->pdevice);
	pv->pdevice = NULL;
	up_write(&pv->pdevice_lock);
}

/* When it returns, or @timeout jiffies have passed, no importer reaches the BARs. */
void peerbuf_vfio_away(struct peerbuf_vfio *pv, u32 why, unsigned long timeout)
{
	peerbuf_vfio_reach_lock(pv);
	pv->away |= why;
	peerbuf_vfio_reach_unlock(pv, timeout);
}

/* For the driver core. If the BARs stay away for another reason, that was waited for before. */
void peerbuf_vfio_back(struct peerbuf_vfio *pv, u32 why)
{
	peerbuf_vfio_reach_lock(pv);
	pv->away &= ~why;
	peerbuf_vfio_look_locked(pv);
	peerbuf_vfio_reach_unlock(pv, 0);
}

/* A call may turn the BARs off. No importer reaches them until it settles. */
void peerbuf_vfio_doubt(struct peerbuf_vfio *pv)
{
	peerbuf_vfio_reach_lock(pv);
	pv->doubts++;
	peerbuf_vfio_reach_unlock(pv, MAX_SCHEDULE_TIMEOUT);
}

/* It has returned. */
void peerbuf_vfio_settle(struct peerbuf_vfio *pv)
{
	peerbuf_vfio_reach_lock(pv);
	pv->doubts--;
	peerbuf_vfio_look_locked(pv);
	peerbuf_vfio_reach_unlock(pv, MAX_SCHEDULE_TIMEOUT);
}

/* A call may have turned the BARs on. Whatever turned them off has waited. */
void peerbuf_vfio_look(struct peerbuf_vfio *pv)
{
	peerbuf_vfio_back(pv, 0);
}

/*
 * At the end of any call: VFIO wakes the device for it, and where the user wanted to be told of
 * a wakeup the device stays awake.
 */
void peerbuf_vfio_woken(struct peerbuf_vfio *pv)
{
	if (READ_ONCE(pv->away) & PEERBUF_VFIO_AWAY_MEMORY)
		peerbuf_vfio_look(pv);
}
