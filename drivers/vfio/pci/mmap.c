// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of BARs through the VFIO device's own file. vfio-pci-core makes them; this file tells
 * which BAR such a mapping shows, so that a process that has only the address can export it.
 *
 * vfio-pci-core does not publish the operations of its VMAs, so they are learned from the first
 * one. So is the meaning of vm_pgoff, which depends on the kernel: it stays the region and offset
 * that the process asked for, or becomes the frame number.
 */
#include <linux/mm.h>

#include "internal.h"

static const struct vm_operations_struct *peerbuf_vfio_vm_ops;
static bool peerbuf_vfio_pgoff_is_frame;

int peerbuf_vfio_mmap(struct vfio_device *device, struct vm_area_struct *vma)
{
	struct peerbuf_vfio *pv = to_peerbuf_vfio(device);
	unsigned long pgoff = vma->vm_pgoff;
	int ret;

	ret = vfio_pci_core_mmap(device, vma);
	/* A region that another driver provides, such as a display's, has its own operations. */
	if (!ret && vma->vm_private_data == &pv->core && vma->vm_ops) {
		WRITE_ONCE(peerbuf_vfio_pgoff_is_frame, vma->vm_pgoff != pgoff);
		/* Pairs with the acquire in peerbuf_vfio_find(). */
		smp_store_release(&peerbuf_vfio_vm_ops, vma->vm_ops);
	}
	return ret;
}

/* The BAR that contains the physical address, or -1. */
static int peerbuf_vfio_bar_at(struct pci_dev *pdev, phys_addr_t paddr, u64 *offset)
{
	int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		*offset = paddr - pci_resource_start(pdev, bar);
		if (paddr >= pci_resource_start(pdev, bar) &&
		    *offset < pci_resource_len(pdev, bar))
			return bar;
	}
	return -1;
}

/*
 * The caller holds the mmap lock. The VMA holds the device's file, which keeps the device open, and
 * pv->bars.pdevice stays until the device is closed.
 */
struct p2p_provider *peerbuf_vfio_find(const struct vm_area_struct *vma, u64 *offset)
{
	const struct vm_operations_struct *ops;
	u64 at = (u64)vma->vm_pgoff << PAGE_SHIFT;
	struct vfio_pci_core_device *core;
	struct peerbuf_vfio *pv;
	int bar;

	/* Pairs with the release in peerbuf_vfio_mmap(). */
	ops = smp_load_acquire(&peerbuf_vfio_vm_ops);
	if (!ops || vma->vm_ops != ops)
		return NULL;
	core = vma->vm_private_data;
	if (!peerbuf_vfio_is_ours(&core->vdev))
		return NULL;
	pv = to_peerbuf_vfio(&core->vdev);
	if (READ_ONCE(peerbuf_vfio_pgoff_is_frame)) {
		bar = peerbuf_vfio_bar_at(core->pdev, at, offset);
	} else {
		bar = VFIO_PCI_OFFSET_TO_INDEX(at);
		*offset = at & VFIO_PCI_OFFSET_MASK;
	}
	if (bar < 0 || bar >= PCI_STD_NUM_BARS || !pv->bars.pdevice)
		return NULL;
	return peerbuf_device_provider(pv->bars.pdevice, bar);
}
