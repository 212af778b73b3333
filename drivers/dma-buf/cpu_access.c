// SPDX-License-Identifier: GPL-2.0
/*
 * CPU access by userspace: page tables filled on fault, emptied on move and revoke.
 *
 * A fault looks the place up under resv, so it sees the buffer either before a move or
 * after it. Waiting for that lock with the mmap lock held is fine: whoever holds resv
 * waits for fences at most, and must not touch user memory.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "internal.h"

/* One fault brings in this many pages, if they are there. */
#define PEERBUF_FAULT_AROUND	16

/*
 * As the BAR demands: only a prefetchable one may be write-combined (PCIe base
 * specification, section 7.5.1.2.1). Where a driver has the range mapped otherwise the
 * architecture's cache attribute tracking wins. System memory stays cached.
 */
pgprot_t peerbuf_pgprot(const struct p2p_vec *vec, pgprot_t prot)
{
	if (vec->kind != P2P_VEC_BAR)
		return prot;
	prot = pgprot_decrypted(prot);
	if (p2p_provider_prefetchable(vec->provider))
		return pgprot_writecombine(prot);
	return pgprot_noncached(prot);
}

static pgprot_t peerbuf_vma_prot(struct vm_area_struct *vma,
				 const struct p2p_vec *vec)
{
	return peerbuf_pgprot(vec, vm_get_page_prot(vma->vm_flags));
}

static u64 peerbuf_fault_offset(struct vm_fault *vmf, unsigned long addr)
{
	struct vm_area_struct *vma = vmf->vma;

	return ((u64)vma->vm_pgoff << PAGE_SHIFT) + (addr - vma->vm_start);
}

static vm_fault_t peerbuf_insert_pages(struct vm_fault *vmf, struct peerbuf *pb)
{
	unsigned long addr = vmf->address & PAGE_MASK;
	struct vm_area_struct *vma = vmf->vma;
	const struct p2p_vec *vec;
	vm_fault_t ret, more;
	u64 at;
	int i;

	vec = p2p_vecs_find(pb->placement->vecs, peerbuf_fault_offset(vmf, addr),
			    &at);
	if (!vec)
		return VM_FAULT_SIGBUS;

	ret = vmf_insert_pfn_prot(vma, addr, PHYS_PFN(vec->paddr + at),
				  peerbuf_vma_prot(vma, vec));
	for (i = 1; i < PEERBUF_FAULT_AROUND && ret == VM_FAULT_NOPAGE; i++) {
		addr += PAGE_SIZE;
		at += PAGE_SIZE;
		/* Beyond may be a large page, which no small one fits into. */
		if (addr >= vma->vm_end || at >= vec->len ||
		    IS_ALIGNED(addr, PMD_SIZE))
			break;
		more = vmf_insert_pfn_prot(vma, addr, PHYS_PFN(vec->paddr + at),
					   peerbuf_vma_prot(vma, vec));
		if (more != VM_FAULT_NOPAGE)
			break;
	}
	return ret;
}

/*
 * Under resv: 0, or what the fault handler is to return. A signal sends a process back to
 * take it and fault again. The kernel accessing user memory would fault for ever: it waits.
 */
static vm_fault_t peerbuf_fault_prepare(struct peerbuf *pb, bool user)
{
	int ret = 0;

	if (peerbuf_trouble(pb))
		return VM_FAULT_SIGBUS;
	if (pb->placement->hidden_size)
		ret = peerbuf_make_cpu_reachable(pb, PEERBUF_REASON_HIDDEN);
	if (!ret)
		ret = peerbuf_wait_kernel(pb, user);
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

	ret = peerbuf_insert_pages(vmf, pb);
	dma_resv_unlock(pb->dmabuf->resv);
	return ret;
}

#ifdef HAVE_PFN_PMD
/*
 * A whole PMD, when the fault's 2 MiB lie in the VMA and in one vec, and both sides
 * are aligned alike. vmf_insert_pfn_pmd() takes the VMA's protection, so the vec must
 * want just that.
 */
static vm_fault_t peerbuf_insert_pmd(struct vm_fault *vmf, struct peerbuf *pb)
{
	unsigned long addr = vmf->address & PMD_MASK;
	struct vm_area_struct *vma = vmf->vma;
	const struct p2p_vec *vec;
	u64 at;

	if (addr < vma->vm_start || addr + PMD_SIZE > vma->vm_end)
		return VM_FAULT_FALLBACK;

	vec = p2p_vecs_find(pb->placement->vecs, peerbuf_fault_offset(vmf, addr),
			    &at);
	if (!vec || vec->len - at < PMD_SIZE ||
	    !IS_ALIGNED(vec->paddr + at, PMD_SIZE))
		return VM_FAULT_FALLBACK;
	if (pgprot_val(peerbuf_vma_prot(vma, vec)) !=
	    pgprot_val(vma->vm_page_prot))
		return VM_FAULT_FALLBACK;

	return vmf_insert_pfn_pmd(vmf, PHYS_PFN(vec->paddr + at),
				  vmf->flags & FAULT_FLAG_WRITE);
}

static vm_fault_t peerbuf_vm_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct peerbuf *pb = vmf->vma->vm_private_data;
	vm_fault_t ret;

	if (order != PMD_SHIFT - PAGE_SHIFT)
		return VM_FAULT_FALLBACK;

	ret = peerbuf_fault_begin(vmf, pb);
	if (ret)
		return ret;

	ret = peerbuf_insert_pmd(vmf, pb);
	dma_resv_unlock(pb->dmabuf->resv);
	return ret;
}
#endif

static const struct vm_operations_struct peerbuf_vm_ops = {
	.fault = peerbuf_vm_fault,
#ifdef HAVE_PFN_PMD
	.huge_fault = peerbuf_vm_huge_fault,
#endif
};

/*
 * Each DMA-BUF file has an inode of its own, so vma->vm_file's mapping is the one
 * peerbuf_invalidate() zaps. The VMA holds the file, and with it @pb. A private mapping
 * would copy pages there are none of.
 */
int peerbuf_op_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct peerbuf *pb = dmabuf->priv;
	int ret = 0;

	if ((vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE)
		return -EINVAL;

	dma_resv_lock(dmabuf->resv, NULL);
	if (peerbuf_trouble(pb))
		ret = -ENODEV;
	else
		vma->vm_page_prot = peerbuf_vma_prot(vma,
						     &pb->placement->vecs->vec[0]);
	dma_resv_unlock(dmabuf->resv);
	if (ret)
		return ret;

	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = pb;
	vma->vm_ops = &peerbuf_vm_ops;
	return 0;
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
