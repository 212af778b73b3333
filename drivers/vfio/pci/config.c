// SPDX-License-Identifier: GPL-2.0
/*
 * Reading and writing the device's regions. Config space writes may turn memory decode off or put
 * the device to sleep. A function level reset by a config write needs nothing here: the PCI core
 * calls reset_prepare() for it.
 *
 * vfio-pci-core fetches the bytes from the process's memory after this code could look at them,
 * and another thread may change them in between. So the bytes must not decide whether importers
 * have to unmap first: a write that covers a byte which can turn the BARs off keeps importers away
 * from the BARs while it runs (peerbuf_vfio_access_begin()), whatever the byte says. Importers lose
 * the memory for a moment.
 *
 * Drivers often write such a byte without changing it while peers transfer: they write all of the
 * command register to change its other byte, for interrupts. So if the low byte equals what the
 * register holds, that byte is left out of the write. vfio-pci-core then never fetches it, and
 * later changes of it in the process's memory have no effect.
 */
#include <linux/uaccess.h>

#include "internal.h"

static bool peerbuf_vfio_covers(u64 pos, size_t count, unsigned int reg)
{
	return pos <= reg && reg - pos < count;
}

/* The memory bit in a VF's command register has no effect. */
static bool peerbuf_vfio_may_turn_off(struct pci_dev *pdev, u64 pos, size_t count)
{
	if (!pdev->no_command_memory && peerbuf_vfio_covers(pos, count, PCI_COMMAND))
		return true;
	return pdev->pm_cap && peerbuf_vfio_covers(pos, count, pdev->pm_cap + PCI_PM_CTRL);
}

static ssize_t peerbuf_vfio_pass(struct peerbuf_vfio *pv, const char __user *buf,
				 size_t count, loff_t *ppos)
{
	ssize_t ret;

	if (!peerbuf_vfio_may_turn_off(pv->core.pdev, *ppos & VFIO_PCI_OFFSET_MASK, count))
		return vfio_pci_core_write(&pv->core.vdev, buf, count, ppos);

	peerbuf_vfio_access_begin(pv);
	ret = vfio_pci_core_write(&pv->core.vdev, buf, count, ppos);
	peerbuf_vfio_access_end(pv);
	return ret;
}

/* Not for a write past the end of config space: vfio-pci-core refuses that as a whole. */
static bool peerbuf_vfio_changes_nothing(struct peerbuf_vfio *pv, const char __user *buf,
					 u64 pos, size_t count)
{
	u8 command;

	if (!peerbuf_vfio_covers(pos, count, PCI_COMMAND) ||
	    count > pv->core.pdev->cfg_size - pos)
		return false;
	if (get_user(command, (const u8 __user *)buf + (PCI_COMMAND - pos)))
		return false;
	return peerbuf_vfio_command_is(pv, command);
}

/* Writes all bytes but the command register's low byte, which counts as written. */
static ssize_t peerbuf_vfio_write_around(struct peerbuf_vfio *pv, const char __user *buf,
					 size_t count, loff_t *ppos)
{
	size_t before = PCI_COMMAND - (*ppos & VFIO_PCI_OFFSET_MASK);
	size_t after = count - before - 1;
	ssize_t ret;

	if (before) {
		ret = peerbuf_vfio_pass(pv, buf, before, ppos);
		if (ret < 0)
			return ret;
	}
	(*ppos)++;
	/* After an error this may be the user's write that ends recovery. */
	peerbuf_vfio_refresh(pv);
	if (after) {
		ret = peerbuf_vfio_pass(pv, buf + before + 1, after, ppos);
		if (ret < 0)
			return ret;
	}
	return count;
}

static ssize_t peerbuf_vfio_write_config(struct peerbuf_vfio *pv, const char __user *buf,
					 size_t count, loff_t *ppos)
{
	u64 pos = *ppos & VFIO_PCI_OFFSET_MASK;

	if (peerbuf_vfio_changes_nothing(pv, buf, pos, count))
		return peerbuf_vfio_write_around(pv, buf, count, ppos);
	return peerbuf_vfio_pass(pv, buf, count, ppos);
}

ssize_t peerbuf_vfio_write(struct vfio_device *device, const char __user *buf,
			   size_t count, loff_t *ppos)
{
	struct peerbuf_vfio *pv = to_peerbuf_vfio(device);
	ssize_t ret;

	if (VFIO_PCI_OFFSET_TO_INDEX(*ppos) == VFIO_PCI_CONFIG_REGION_INDEX)
		ret = peerbuf_vfio_write_config(pv, buf, count, ppos);
	else
		ret = vfio_pci_core_write(device, buf, count, ppos);
	peerbuf_vfio_woken(pv);
	return ret;
}

ssize_t peerbuf_vfio_read(struct vfio_device *device, char __user *buf, size_t count,
			  loff_t *ppos)
{
	ssize_t ret = vfio_pci_core_read(device, buf, count, ppos);

	peerbuf_vfio_woken(to_peerbuf_vfio(device));
	return ret;
}
