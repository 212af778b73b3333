// SPDX-License-Identifier: GPL-2.0
/* The CPU's mappings. A process's go when the buffer moves, and come back by faults. */
#include <linux/iosys-map.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "odd.h"

static vm_fault_t odd_fault_locked(struct odd_buffer *buffer, struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	pgprot_t prot = vma->vm_page_prot;
	unsigned long pfn;

	if (buffer->revoked || vmf->pgoff >= buffer->nr_pages)
		return VM_FAULT_SIGBUS;
	/* What arrives late. */
	if (dma_resv_wait_timeout(buffer->dmabuf->resv, DMA_RESV_USAGE_KERNEL, true,
				  msecs_to_jiffies(ODD_FENCES_MS)) <= 0)
		return VM_FAULT_NOPAGE;
	if (buffer->kind == ODD_IN_BAR)
		prot = pgprot_noncached(prot);
	pfn = odd_place_phys(buffer->place, vmf->pgoff) >> PAGE_SHIFT;
	return vmf_insert_pfn_prot(vma, vmf->address, pfn, prot);
}

static vm_fault_t odd_fault(struct vm_fault *vmf)
{
	struct odd_buffer *buffer = vmf->vma->vm_private_data;
	vm_fault_t ret;

	/* A signal: whoever is hit comes again. */
	if (dma_resv_lock_interruptible(buffer->dmabuf->resv, NULL))
		return VM_FAULT_NOPAGE;
	ret = odd_fault_locked(buffer, vmf);
	dma_resv_unlock(buffer->dmabuf->resv);
	return ret;
}

static const struct vm_operations_struct odd_vm_ops = {
	.fault = odd_fault,
};

int odd_op_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &odd_vm_ops;
	vma->vm_private_data = dmabuf->priv;
	return 0;
}

/* Under resv: whoever looks from now on waits for the lock. */
void odd_zap(struct odd_buffer *buffer)
{
	unmap_mapping_range(buffer->dmabuf->file->f_mapping, 0, 0, 1);
}

static int odd_vmap_locked(struct odd_buffer *buffer, struct iosys_map *map)
{
	void *addr;

	if (buffer->revoked)
		return -ENODEV;
	if (buffer->kind == ODD_IN_BAR) {
		if (!buffer->place->io)
			return -EOPNOTSUPP;
		iosys_map_set_vaddr_iomem(map, buffer->place->io);
		buffer->vmaps++;
		return 0;
	}
	addr = vmap(buffer->place->pages, buffer->nr_pages, VM_MAP, PAGE_KERNEL);
	if (!addr)
		return -ENOMEM;
	iosys_map_set_vaddr(map, addr);
	buffer->vmaps++;
	return 0;
}

int odd_op_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	int ret;

	if (!DMA_BUF_VMAP_LOCKED)
		dma_resv_lock(dmabuf->resv, NULL);
	ret = odd_vmap_locked(dmabuf->priv, map);
	if (!DMA_BUF_VMAP_LOCKED)
		dma_resv_unlock(dmabuf->resv);
	return ret;
}

void odd_op_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct odd_buffer *buffer = dmabuf->priv;

	if (!DMA_BUF_VMAP_LOCKED)
		dma_resv_lock(dmabuf->resv, NULL);
	if (!map->is_iomem)
		vunmap(map->vaddr);
	buffer->vmaps--;
	if (!DMA_BUF_VMAP_LOCKED)
		dma_resv_unlock(dmabuf->resv);
}
