// SPDX-License-Identifier: GPL-2.0
/* Does the device decode memory? What vfio-pci-core, the device and the PCI core say. */
#include "internal.h"

/*
 * Like vfio-pci-core, goes by the command register as the user sees it. A device that the user puts
 * to sleep counts as off from the moment vfio-pci-core has agreed. Read without memory_lock: every
 * writer calls peerbuf_vfio_access_end() or peerbuf_vfio_refresh() afterwards. A wake-up does not;
 * the next peerbuf_vfio_refresh() sees it.
 */
bool peerbuf_vfio_memory_enabled(struct peerbuf_vfio *pv)
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
 * Error recovery resets the bus and restores nothing. vfio-pci-core sets the device up again at the
 * user's next write to the command register, or at a reset. Until the host has finished recovery
 * another bus reset may come, so memory decode proves nothing before error_state is normal. A
 * virtual function has no decode bit; it only has to be present.
 */
bool peerbuf_vfio_recovered(struct peerbuf_vfio *pv)
{
	struct pci_dev *pdev = pv->core.pdev;
	u16 command;

	if (READ_ONCE(pdev->error_state) != pci_channel_io_normal)
		return false;
	if (pdev->no_command_memory)
		return pci_device_is_present(pdev);
	return peerbuf_vfio_decodes(pdev, &command);
}
