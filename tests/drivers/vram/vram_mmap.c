// SPDX-License-Identifier: GPL-2.0
/*
 * CPU mappings through the DRM file: filled on fault, emptied when the BO moves.
 *
 * A fault takes the reservation lock, so it finds the BO either before a move or after it,
 * and waits for the copy. A BO in hidden memory is moved first, as an importer would have it.
 */
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_vma_manager.h>

#include "vram.h"

/* Of the BO, where the VMA begins, in bytes. */
static u64 vram_vma_begin(const struct vm_area_struct *vma, struct vram_bo *bo)
{
	return (u64)(vma->vm_pgoff - drm_vma_node_start(&bo->base.vma_node)) << PAGE_SHIFT;
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

/* Under resv: the BO is where a CPU reaches it, and nothing is being copied there any more. */
static int vram_cpu_prepare(struct vram_bo *bo, bool intr)
{
	int ret = vram_bo_make_reachable(bo, VRAM_FAULTING);

	if (ret)
		return ret;
	if (dma_resv_wait_timeout(bo->base.resv, DMA_RESV_USAGE_KERNEL, intr,
				  MAX_SCHEDULE_TIMEOUT) < 0)
		return -EINTR;
	vram_lru_touch(bo);
	return 0;
}

static vm_fault_t vram_fault_locked(struct vm_fault *vmf, struct vram_bo *bo, bool intr)
{
	int ret = vram_cpu_prepare(bo, intr);

	if (ret)
		return vram_fault_error(ret);
	return peerbuf_vma_fault(vmf, bo->space->vecs, vram_vma_begin(vmf->vma, bo));
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

/* A debugger reads or writes. */
static int vram_vm_access(struct vm_area_struct *vma, unsigned long addr, void *buf, int len,
			  int write)
{
	struct drm_gem_object *obj = vma->vm_private_data;
	struct vram_bo *bo = to_vram_bo(obj);
	int idx, ret;

	if (!drm_dev_enter(obj->dev, &idx))
		return -ENODEV;
	dma_resv_lock(obj->resv, NULL);
	ret = vram_cpu_prepare(bo, false);
	if (!ret)
		ret = peerbuf_vma_access(vma, addr, buf, len, write, bo->space->vecs,
					 vram_vma_begin(vma, bo));
	dma_resv_unlock(obj->resv);
	drm_dev_exit(idx);
	return ret;
}

const struct vm_operations_struct vram_vm_ops = {
	.fault = vram_vm_fault,
	.mprotect = peerbuf_vma_mprotect,
	.access = vram_vm_access,
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

/* No device gets at the BO by way of a mapping, in which nobody would tell it of a move. */
int vram_gem_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	struct vram_bo *bo = to_vram_bo(obj);
	int ret;

	if (bo->import)
		return vram_mmap_import(bo, vma);
	dma_resv_lock(obj->resv, NULL);
	ret = peerbuf_vma_init(vma, bo->space->vecs);
	dma_resv_unlock(obj->resv);
	return ret;
}
