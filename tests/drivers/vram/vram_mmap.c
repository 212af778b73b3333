// SPDX-License-Identifier: GPL-2.0
/*
 * CPU mappings through the DRM file: filled on fault, emptied when the BO moves.
 *
 * A fault takes the reservation lock, so it finds the BO either before a move or after it,
 * and waits for the copy. A BO in hidden memory is moved first, as an importer would have it.
 */
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_vma_manager.h>

#include "vram.h"

/* One fault brings in this many pages, if they are there. */
#define VRAM_FAULT_AROUND	16

/* The same as peerbuf gives those who map the DMA-BUF: two kinds of caching do not mix. */
static pgprot_t vram_pgprot(struct vm_area_struct *vma, const struct p2p_vec *vec)
{
	pgprot_t prot = vm_get_page_prot(vma->vm_flags);

	if (vec->kind == P2P_VEC_SYSTEM)
		return prot;
	prot = pgprot_decrypted(prot);
	if (p2p_provider_prefetchable(vec->provider))
		return pgprot_writecombine(prot);
	return pgprot_noncached(prot);
}

static vm_fault_t vram_insert_pages(struct vm_fault *vmf, struct vram_bo *bo)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long addr = vmf->address & PAGE_MASK;
	u64 offset = (u64)(vma->vm_pgoff - drm_vma_node_start(&bo->base.vma_node)) << PAGE_SHIFT;
	vm_fault_t ret = VM_FAULT_SIGBUS, more;
	const struct p2p_vec *vec;
	u64 at;
	int i;

	offset += addr - vma->vm_start;
	vec = p2p_vecs_find(bo->space->vecs, offset, &at);
	for (i = 0; i < VRAM_FAULT_AROUND && vec; i++) {
		more = vmf_insert_pfn_prot(vma, addr, PHYS_PFN(vec->paddr + at),
					   vram_pgprot(vma, vec));
		if (!i)
			ret = more;
		addr += PAGE_SIZE;
		at += PAGE_SIZE;
		if (more != VM_FAULT_NOPAGE || addr >= vma->vm_end || at >= vec->len)
			break;
	}
	return ret;
}

/*
 * Without a page the access faults again, with all locks free in between: others may go on, and
 * a signal is handled. The kernel's own accesses handle none, and end when the process is being
 * killed. No memory, be it this driver's limit, is not for the OOM killer to solve.
 */
static vm_fault_t vram_fault_error(int error)
{
	if (error == -EAGAIN || error == -EINTR)
		return fatal_signal_pending(current) ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
	return VM_FAULT_SIGBUS;
}

static vm_fault_t vram_fault_locked(struct vm_fault *vmf, struct vram_bo *bo, bool intr)
{
	long left;
	int ret;

	ret = vram_bo_make_reachable(bo, VRAM_FAULTING);
	if (ret)
		return vram_fault_error(ret);
	left = dma_resv_wait_timeout(bo->base.resv, DMA_RESV_USAGE_KERNEL, intr,
				     MAX_SCHEDULE_TIMEOUT);
	if (left < 0)
		return vram_fault_error(-EINTR);
	vram_lru_touch(bo);
	return vram_insert_pages(vmf, bo);
}

static vm_fault_t vram_vm_fault(struct vm_fault *vmf)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	struct vram_bo *bo = to_vram_bo(obj);
	bool intr = vmf->flags & FAULT_FLAG_USER;
	vm_fault_t ret;
	int idx;

	if (!drm_dev_enter(obj->dev, &idx))
		return VM_FAULT_SIGBUS;
	if (!intr) {
		dma_resv_lock(obj->resv, NULL);
	} else if (dma_resv_lock_interruptible(obj->resv, NULL)) {
		ret = vram_fault_error(-EINTR);
		goto out;
	}
	ret = vram_fault_locked(vmf, bo, intr);
	dma_resv_unlock(obj->resv);
out:
	drm_dev_exit(idx);
	return ret;
}

const struct vm_operations_struct vram_vm_ops = {
	.fault = vram_vm_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

/*
 * The BO is about to move: the next access of each CPU mapping faults. What CPUs have combined
 * for VRAM and not sent must arrive before it is copied. Flushing TLBs need not interrupt them,
 * so this does.
 */
void vram_bo_zap(struct vram_bo *bo)
{
	dma_resv_assert_held(bo->base.resv);
	drm_vma_node_unmap(&bo->base.vma_node, bo->base.dev->anon_inode->i_mapping);
	if (bo->space->where == VRAM_IN_WINDOW)
		kick_all_cpus_sync();
}

/* An import is mapped by its exporter, whose file takes the place of ours in the VMA. */
static int vram_mmap_import(struct vram_bo *bo, struct vm_area_struct *vma)
{
	int ret;

	vma->vm_private_data = NULL;
	vma->vm_ops = NULL;
	ret = dma_buf_mmap(bo->import->dmabuf, vma, 0);
	if (ret)
		return ret;
	/* Not every exporter sets it, and the DRM core insists. */
	vm_flags_set(vma, VM_DONTEXPAND);
	/* The core's reference was for a VMA of ours. On failure it drops that itself. */
	drm_gem_object_put(&bo->base);
	return 0;
}

/* A private mapping would copy pages, of which VRAM has none. */
int vram_gem_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	struct vram_bo *bo = to_vram_bo(obj);

	if (bo->import)
		return vram_mmap_import(bo, vma);
	if ((vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE)
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}
