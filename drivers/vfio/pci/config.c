// SPDX-License-Identifier: GPL-2.0
/*
 * Config space writes that turn memory decode off or put the device to sleep. A function
 * level reset by a config write needs nothing here: it comes by reset_prepare().
 */
#include <linux/uaccess.h>

#include "internal.h"

/* The byte of register @reg that is written, or -1 if it is not. */
static int peerbuf_vfio_written(const char __user *buf, size_t count, u64 pos,
				unsigned int reg)
{
	u8 value;

	if (pos > reg || reg - pos >= count)
		return -1;
	/* Where it cannot be read, the core cannot either, and nothing is written. */
	if (get_user(value, (const u8 __user *)buf + (reg - pos)))
		return -1;
	return value;
}

/*
 * The core reads the bytes once more. A process that changes them in between gets its revoke
 * after the write, not before: peerbuf_vfio_look() finds the BARs off.
 */
static bool peerbuf_vfio_goes_off(int command, int pm_control)
{
	if (command >= 0 && !(command & PCI_COMMAND_MEMORY))
		return true;
	return pm_control >= 0 &&
	       (pm_control & PCI_PM_CTRL_STATE_MASK) == (__force int)PCI_D3hot;
}

ssize_t peerbuf_vfio_write(struct vfio_device *device, const char __user *buf,
			   size_t count, loff_t *ppos)
{
	struct peerbuf_vfio *pv = to_peerbuf_vfio(device);
	u64 pos = *ppos & VFIO_PCI_OFFSET_MASK;
	int command, pm_control = -1;
	ssize_t ret;

	if (VFIO_PCI_OFFSET_TO_INDEX(*ppos) != VFIO_PCI_CONFIG_REGION_INDEX)
		return vfio_pci_core_write(device, buf, count, ppos);

	command = peerbuf_vfio_written(buf, count, pos, PCI_COMMAND);
	if (pv->core.pdev->pm_cap)
		pm_control = peerbuf_vfio_written(buf, count, pos,
						  pv->core.pdev->pm_cap + PCI_PM_CTRL);

	if (peerbuf_vfio_goes_off(command, pm_control)) {
		peerbuf_vfio_doubt(pv);
		ret = vfio_pci_core_write(device, buf, count, ppos);
		peerbuf_vfio_settle(pv);
		return ret;
	}

	ret = vfio_pci_core_write(device, buf, count, ppos);
	if (command >= 0 || pm_control >= 0)
		peerbuf_vfio_look(pv);
	return ret;
}
