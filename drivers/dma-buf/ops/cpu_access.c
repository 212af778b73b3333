// SPDX-License-Identifier: GPL-2.0
/*
 * CPU access by userspace. Page tables are filled by faults and zapped by moves and revokes.
 *
 * A fault takes resv to look where the buffer is, so it sees the buffer either before a move or
 * after it. The holder of resv may be copying gigabytes. So a fault that finds resv taken drops
 * the mmap lock, waits, and is retried. Meanwhile other threads can map and unmap, and a process
 * that is killed ends.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/spinlock.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "change/fallback.h"
#include "core/buffer.h"
#include "core/client.h"
#include "core/hold.h"
#include "core/part.h"
#include "core/placement.h"
#include "core/reach.h"
#include "core/refusal.h"
#include "core/stats.h"
#include "core/wait.h"
#include "ops/cpu.h"

/* The byte of the buffer at which the VMA begins. */
static u64 peerbuf_vma_begin(const struct vm_area_struct *vma)
{
	return (u64)vma->vm_pgoff << PAGE_SHIFT;
}

/*
 * Under resv. Makes the memory accessible to a CPU, with its final contents. Returns 0, -ENODEV,
 * -EIO, -EHOSTUNREACH, the errno of the exporting driver, or -EINTR if @mode lets a signal end it.
 */
static int peerbuf_cpu_prepare(struct peerbuf *pb, int mode)
{
	int ret;

	if (peerbuf_trouble(pb))
		return -ENODEV;
	ret = peerbuf_check_answers(pb, NULL);
	if (!ret && pb->placement->vecs->hidden_size)
		ret = peerbuf_make_cpu_reachable(pb, PEERBUF_REASON_HIDDEN);
	return ret ?: peerbuf_wait_kernel(pb, mode);
}

/*
 * If user code faulted, a signal ends the wait: the process handles it and faults again. If the
 * kernel faulted while it accessed user memory, it would fault for ever: only a fatal signal ends
 * that wait.
 */
static int peerbuf_fault_mode(unsigned int flags)
{
	return flags & FAULT_FLAG_USER ? PEERBUF_WAIT_INTR : PEERBUF_WAIT_KILLABLE;
}

static vm_fault_t peerbuf_fault_interrupted(unsigned int flags)
{
	return flags & FAULT_FLAG_USER ? VM_FAULT_NOPAGE : VM_FAULT_SIGBUS;
}

/* Under resv: can the fault be served without waiting? An error, too, can be returned at once. */
static bool peerbuf_fault_ready(struct peerbuf *pb)
{
	return peerbuf_trouble(pb) ||
	       (!pb->placement->vecs->hidden_size &&
		dma_resv_test_signaled(pb->dmabuf->resv, DMA_RESV_USAGE_KERNEL));
}

/* Under resv. Returns 0, or what the fault handler is to return. */
static vm_fault_t peerbuf_fault_prepare(struct peerbuf *pb, unsigned int flags)
{
	int ret = peerbuf_cpu_prepare(pb, peerbuf_fault_mode(flags));

	if (ret == -EINTR)
		return peerbuf_fault_interrupted(flags);
	return ret ? VM_FAULT_SIGBUS : 0;
}

/*
 * Drops the mmap lock for good, and then does or waits for what can take long. The retried fault
 * sees the result. The file's reference keeps the buffer, because the VMA may go.
 */
static vm_fault_t peerbuf_fault_later(struct vm_fault *vmf, struct peerbuf *pb)
{
	unsigned int flags = vmf->flags;
	struct file *file;

	if (flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;

	file = get_file(vmf->vma->vm_file);
	mmap_read_unlock(vmf->vma->vm_mm);
	if (!peerbuf_lock(pb, peerbuf_fault_mode(flags))) {
		peerbuf_fault_prepare(pb, flags);
		dma_resv_unlock(pb->dmabuf->resv);
	}
	fput(file);
	return VM_FAULT_RETRY;
}

/*
 * Returns 0 with resv held, or what the fault handler is to return. If resv is taken, the fault is
 * retried as often as the kernel allows, and other threads get the mmap lock in between. Preparing
 * the memory is done without the mmap lock at the first attempt; as it may fail, a later attempt
 * does it with the mmap lock held.
 */
static vm_fault_t peerbuf_fault_begin(struct vm_fault *vmf, struct peerbuf *pb)
{
	struct dma_resv *resv = pb->dmabuf->resv;
	vm_fault_t ret;

	if (!dma_resv_trylock(resv)) {
		if (vmf->flags & FAULT_FLAG_ALLOW_RETRY)
			return peerbuf_fault_later(vmf, pb);
		if (peerbuf_lock(pb, peerbuf_fault_mode(vmf->flags)))
			return peerbuf_fault_interrupted(vmf->flags);
	}
	if (!peerbuf_fault_ready(pb) && fault_flag_allow_retry_first(vmf->flags)) {
		dma_resv_unlock(resv);
		return peerbuf_fault_later(vmf, pb);
	}

	ret = peerbuf_fault_prepare(pb, vmf->flags);
	if (ret)
		dma_resv_unlock(resv);
	else
		peerbuf_stat_inc(PEERBUF_STAT_FAULTS);
	return ret;
}

static vm_fault_t peerbuf_vm_fault(struct vm_fault *vmf)
{
	struct peerbuf *pb = vmf->vma->vm_private_data;
	vm_fault_t ret;

	mmap_assert_locked(vmf->vma->vm_mm);

	ret = peerbuf_fault_begin(vmf, pb);
	if (ret)
		return ret;

	ret = peerbuf_vma_fault(vmf, pb->placement->vecs, peerbuf_vma_begin(vmf->vma));
	dma_resv_unlock(pb->dmabuf->resv);
	return ret;
}

/*
 * For a debugger, with the mmap lock of the traced process. Every error becomes -EIO for the
 * debugger; nobody gets a signal. The mmap lock cannot be dropped here, so a wait for resv holds
 * it, until the debugger is killed.
 */
static int peerbuf_vm_access(struct vm_area_struct *vma, unsigned long addr, void *buf, int len,
			     int write)
{
	struct peerbuf *pb = vma->vm_private_data;
	int ret = peerbuf_lock(pb, PEERBUF_WAIT_KILLABLE);

	if (ret)
		return ret;
	ret = peerbuf_cpu_prepare(pb, PEERBUF_WAIT_KILLABLE);
	if (!ret)
		ret = peerbuf_vma_access(vma, addr, buf, len, write, pb->placement->vecs,
					 peerbuf_vma_begin(vma));
	dma_resv_unlock(pb->dmabuf->resv);
	return ret;
}

static const struct vm_operations_struct peerbuf_vm_ops = {
	.fault = peerbuf_vm_fault,
	.mprotect = peerbuf_vma_mprotect,
	.access = peerbuf_vm_access,
};

/*
 * The buffer that a VMA maps, or NULL. @begin: out, the byte of the buffer at which the VMA begins.
 * The caller holds the mmap lock, which keeps the VMA and so the buffer.
 */
struct peerbuf *peerbuf_of_vma(const struct vm_area_struct *vma, u64 *begin)
{
	if (vma->vm_ops != &peerbuf_vm_ops)
		return NULL;
	*begin = peerbuf_vma_begin(vma);
	return vma->vm_private_data;
}

/*
 * Each DMA-BUF file has an inode of its own, so vma->vm_file's mapping is the one
 * peerbuf_invalidate() zaps. The VMA holds the file, and with it @pb.
 */
int peerbuf_op_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct peerbuf *pb = dmabuf->priv;
	int ret;

	/* No page is mapped yet, so do not wait for resv: each fault checks again under resv. */
	if (peerbuf_trouble_unlocked(pb))
		return -ENODEV;
	ret = peerbuf_vma_init(vma, NULL);
	if (ret)
		return ret;
	spin_lock(&pb->holds_lock);
	peerbuf_vma_suit(vma, pb->placement->vecs);
	spin_unlock(&pb->holds_lock);

	vma->vm_private_data = pb;
	vma->vm_ops = &peerbuf_vm_ops;
	return 0;
}

/*
 * Returns -EPERM if the export forbids CPU access, and otherwise what a DMA-BUF without the
 * operation returns. The caller may hold the mmap lock, so resv is only tried: if it is taken, the
 * refusal is not counted.
 */
static int peerbuf_refuse_cpu(struct dma_buf *dmabuf, int otherwise)
{
	struct peerbuf *pb = dmabuf->priv;

	if (!(pb->flags & PEERBUF_EXPORT_F_NO_CPU))
		return otherwise;
	if (dma_resv_trylock(dmabuf->resv)) {
		peerbuf_refuse_for(pb, NULL, -EPERM, PEERBUF_REASON_NO_CPU);
		dma_resv_unlock(dmabuf->resv);
	}
	return -EPERM;
}

int peerbuf_op_refuse_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	return peerbuf_refuse_cpu(dmabuf, -EINVAL);
}

int peerbuf_op_refuse_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	return peerbuf_refuse_cpu(dmabuf, 0);
}

static void peerbuf_sync_holds(struct peerbuf *pb, void (*sync)(struct p2p_map *map))
{
	struct peerbuf_hold *hold;

	list_for_each_entry(hold, &pb->holds, node)
		if (hold->map)
			sync(hold->map);
}

/*
 * Under resv. CPU cache maintenance for devices that do not snoop. Such a device may have the
 * memory through any buffer that shares @pb's memory and reservation object.
 */
static void peerbuf_sync_caches(struct peerbuf *pb, void (*sync)(struct p2p_map *map))
{
	struct peerbuf_part *part;

	dma_resv_assert_held(pb->dmabuf->resv);

	peerbuf_sync_holds(pb->root, sync);
	list_for_each_entry(part, &pb->root->family, node)
		if (part->of->root == pb->root)
			peerbuf_sync_holds(part->of, sync);
}

/* The core waits for the same fences, but only after this operation, and caches come last. */
int peerbuf_op_begin_cpu_access(struct dma_buf *dmabuf,
				enum dma_data_direction dir)
{
	bool write = dir != DMA_FROM_DEVICE;
	struct peerbuf *pb = dmabuf->priv;
	int ret = 0;

	if (dma_resv_wait_timeout(dmabuf->resv, dma_resv_usage_rw(write), true,
				  MAX_SCHEDULE_TIMEOUT) < 0)
		return -EINTR;
	if (dma_resv_lock_interruptible(dmabuf->resv, NULL))
		return -EINTR;
	if (peerbuf_trouble(pb))
		ret = -ENODEV;
	else
		peerbuf_sync_caches(pb, p2p_map_sync_for_cpu);
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

/*
 * BARs are mapped uncached or write-combined: there is no cache to clean, but data in the CPU's
 * write-combining buffers must go out. System memory is cached.
 */
int peerbuf_op_end_cpu_access(struct dma_buf *dmabuf,
			      enum dma_data_direction dir)
{
	if (peerbuf_lock(dmabuf->priv, PEERBUF_WAIT_KILLABLE))
		return -EINTR;
	peerbuf_sync_caches(dmabuf->priv, p2p_map_sync_for_device);
	dma_resv_unlock(dmabuf->resv);
	/* Orders the data before whatever tells a device to read it. */
	wmb();
	return 0;
}
