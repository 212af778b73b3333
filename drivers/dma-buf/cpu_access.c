// SPDX-License-Identifier: GPL-2.0
/*
 * CPU access by userspace: page tables filled on fault, emptied on move and revoke.
 *
 * A fault looks the place up under resv, so it sees the buffer either before a move or
 * after it. Waiting for that lock with the mmap lock held is fine: whoever holds resv
 * waits for fences at most, and must not touch user memory.
 */
#include <linux/mm.h>

#include "internal.h"

/* Of the buffer, where the VMA begins, in bytes. */
static u64 peerbuf_vma_begin(const struct vm_area_struct *vma)
{
	return (u64)vma->vm_pgoff << PAGE_SHIFT;
}

/*
 * Under resv: makes the memory what a CPU is to see, where it can see it. Returns 0, or
 * -ENODEV, -EHOSTUNREACH, what the exporter said, or -EINTR if @intr lets a signal end it.
 */
static int peerbuf_cpu_prepare(struct peerbuf *pb, bool intr)
{
	int ret = 0;

	if (peerbuf_trouble(pb))
		return -ENODEV;
	if (pb->placement->hidden_size)
		ret = peerbuf_make_cpu_reachable(pb, PEERBUF_REASON_HIDDEN);
	return ret ?: peerbuf_wait_kernel(pb, intr);
}

/*
 * Under resv: 0, or what the fault handler is to return. A signal sends a process back to
 * take it and fault again. The kernel accessing user memory would fault for ever: it waits.
 */
static vm_fault_t peerbuf_fault_prepare(struct peerbuf *pb, bool user)
{
	int ret = peerbuf_cpu_prepare(pb, user);

	if (ret == -EINTR && user)
		return VM_FAULT_NOPAGE;
	return ret ? VM_FAULT_SIGBUS : 0;
}

/* Returns with resv held, or what the fault handler is to return. */
static vm_fault_t peerbuf_fault_begin(struct vm_fault *vmf, struct peerbuf *pb)
{
	bool user = vmf->flags & FAULT_FLAG_USER;
	vm_fault_t ret;

	if (peerbuf_lock(pb, user ? PEERBUF_WAIT_INTR : PEERBUF_WAIT_IDLE))
		return VM_FAULT_NOPAGE;

	ret = peerbuf_fault_prepare(pb, user);
	if (ret)
		dma_resv_unlock(pb->dmabuf->resv);
	else
		peerbuf_stat_inc(PEERBUF_STAT_FAULTS);
	return ret;
}

static vm_fault_t peerbuf_vm_fault(struct vm_fault *vmf)
{
	struct peerbuf *pb = vmf->vma->vm_private_data;
	vm_fault_t ret;

	ret = peerbuf_fault_begin(vmf, pb);
	if (ret)
		return ret;

	ret = peerbuf_vma_fault(vmf, pb->placement->vecs, peerbuf_vma_begin(vmf->vma));
	dma_resv_unlock(pb->dmabuf->resv);
	return ret;
}

/*
 * A debugger, with the mmap lock of the process it looks at. Whatever the error, it is told
 * EIO; nobody gets a signal.
 */
static int peerbuf_vm_access(struct vm_area_struct *vma, unsigned long addr, void *buf, int len,
			     int write)
{
	struct peerbuf *pb = vma->vm_private_data;
	int ret = peerbuf_lock(pb, PEERBUF_WAIT_KILLABLE);

	if (ret)
		return ret;
	ret = peerbuf_cpu_prepare(pb, false);
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
 * Each DMA-BUF file has an inode of its own, so vma->vm_file's mapping is the one
 * peerbuf_invalidate() zaps. The VMA holds the file, and with it @pb.
 */
int peerbuf_op_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct peerbuf *pb = dmabuf->priv;
	int ret = -ENODEV;

	dma_resv_lock(dmabuf->resv, NULL);
	if (!peerbuf_trouble(pb))
		ret = peerbuf_vma_init(vma, pb->placement->vecs);
	dma_resv_unlock(dmabuf->resv);
	if (ret)
		return ret;

	vma->vm_private_data = pb;
	vma->vm_ops = &peerbuf_vm_ops;
	return 0;
}

/* Returns -EPERM if the export said so, else what a DMA-BUF without the operation gives. */
static int peerbuf_refuse_cpu(struct dma_buf *dmabuf, int otherwise)
{
	struct peerbuf *pb = dmabuf->priv;

	if (!(pb->flags & PEERBUF_EXPORT_F_NO_CPU))
		return otherwise;
	dma_resv_lock(dmabuf->resv, NULL);
	peerbuf_refuse(pb, NULL, -EPERM, PEERBUF_REASON_NO_CPU, NULL);
	dma_resv_unlock(dmabuf->resv);
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

/* Under resv: what devices that snoop no cache wrote, or are to read. */
static void peerbuf_sync_caches(struct peerbuf *pb, void (*sync)(struct p2p_map *map))
{
	struct peerbuf_hold *hold;

	dma_resv_assert_held(pb->dmabuf->resv);

	list_for_each_entry(hold, &pb->holds, node)
		if (hold->map)
			sync(hold->map);
}

/* The core waits for the fences that matter, too, but only after this: caches come last. */
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
 * BARs are mapped uncached or write-combined: there is no cache to clean, but what
 * this CPU has combined and not yet sent must go. System memory is cached.
 */
int peerbuf_op_end_cpu_access(struct dma_buf *dmabuf,
			      enum dma_data_direction dir)
{
	dma_resv_lock(dmabuf->resv, NULL);
	peerbuf_sync_caches(dmabuf->priv, p2p_map_sync_for_device);
	dma_resv_unlock(dmabuf->resv);
	/* Ordered before whatever tells a device to look. */
	wmb();
	return 0;
}
