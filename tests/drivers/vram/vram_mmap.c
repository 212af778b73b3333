// SPDX-License-Identifier: GPL-2.0
/*
 * CPU mappings through the DRM file: a fault fills them, and a move empties them.
 *
 * A fault takes the reservation lock, so it finds the BO either before or after a move, and
 * waits for the copy. It first moves a BO out of hidden memory, as for an importer.
 */
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_vma_manager.h>

#include "vram.h"

/* The offset in the BO at which the VMA begins, in bytes. */
static u64 vram_vma_begin(const struct vm_area_struct *vma, struct vram_bo *bo)
{
	return (u64)(vma->vm_pgoff - drm_vma_node_start(&bo->base.vma_node)) << PAGE_SHIFT;
}

/*
 * VM_FAULT_NOPAGE repeats the access after all locks are released, so others make progress and
 * signals are handled. An access by the kernel handles no signals and must end when the process
 * is being killed. No memory is SIGBUS, not VM_FAULT_OOM: the OOM killer does not help, because
 * this driver's limit may be the cause.
 */
static vm_fault_t vram_fault_error(int error)
{
	if (error == -EAGAIN || error == -EINTR)
		return fatal_signal_pending(current) ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
	return VM_FAULT_SIGBUS;
}

/* Under resv. Returns when the CPU can access the BO and no copy into it is running. */
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

/* Called when a debugger reads or writes. */
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
 * Called before the BO moves: the next access through each CPU mapping faults. Writes that CPUs
 * hold in write-combining buffers must reach VRAM before it is copied. Flushing TLBs does not
 * interrupt the CPUs everywhere, so this interrupts them.
 */
void vram_bo_zap(struct vram_bo *bo)
{
	dma_resv_assert_held(bo->base.resv);
	drm_vma_node_unmap(&bo->base.vma_node, bo->base.dev->anon_inode->i_mapping);
	if (bo->space->where == VRAM_IN_WINDOW)
		kick_all_cpus_sync();
}

/* The exporter maps an import, and the DMA-BUF's file replaces the DRM file in the VMA. */
static int vram_mmap_import(struct vram_bo *bo, struct vm_area_struct *vma)
{
	int ret;

	vma->vm_private_data = NULL;
	vma->vm_ops = NULL;
	ret = dma_buf_mmap(bo->import->dmabuf, vma, 0);
	if (ret)
		return ret;
	/* Not every exporter sets this flag, and the DRM core warns if it is missing. */
	vm_flags_set(vma, VM_DONTEXPAND);
	/* The core's reference was for this VMA. On failure the core drops it itself. */
	drm_gem_object_put(&bo->base);
	return 0;
}

/* get_user_pages() refuses the VMA: a device that pinned pages would not be told of a move. */
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
