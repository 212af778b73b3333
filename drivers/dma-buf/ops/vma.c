// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of a vec list in the page tables of a process, filled by faults. For DMA-BUFs, and for
 * drivers that map their memory by a file of their own.
 *
 * Such a mapping is for the CPU only. No device may be given memory through it, because nobody
 * would tell that device of a revoke. VFIO's type1 driver accepts what it finds in a VM_PFNMAP
 * mapping, so this one is VM_MIXEDMAP with VM_IO: neither type1 nor get_user_pages() accepts that.
 * Each entry is marked special, as in a VM_PFNMAP mapping, so nobody looks for a struct page or
 * counts one.
 *
 * No entry is larger than a page. Walks of a process' page tables that only VM_PFNMAP keeps out
 * (/proc/PID/pagemap and clear_refs, MADV_COLD) go from a large entry to its struct page without
 * asking whether there is one. Instead one fault fills two MiB where a large entry would have
 * fitted, so there are no more faults than with large entries.
 */
#include <linux/align.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include <peerbuf/peerbuf.h>

#include "ops/cpu.h"

/* One fault maps an aligned block of this size, if all of it is there ... */
#define PEERBUF_FAULT_BLOCK	((unsigned long)SZ_2M)

/* ... and otherwise this many bytes from the faulting page on. */
#define PEERBUF_FAULT_AROUND	(16 * PAGE_SIZE)

/*
 * The caching that a BAR needs: only a prefetchable one may be write-combined (PCIe base
 * specification, section 7.5.1.2.1). The types are those of ioremap() and ioremap_wc(), by which
 * drivers map their BARs: on arm64 that is pgprot_device() and not
 * pgprot_noncached(). If a driver has mapped the range with another type, x86's cache attribute
 * tracking decides. arm64 has no such tracking: one user then has a prefetchable BAR as Device
 * memory and the other as Normal-NC memory, and neither is cached. System memory stays cached.
 */
static pgprot_t peerbuf_pgprot(const struct vm_area_struct *vma, const struct p2p_vec *vec)
{
	pgprot_t prot = vm_get_page_prot(vma->vm_flags);

	if (vec->kind != P2P_VEC_BAR)
		return prot;
	prot = pgprot_decrypted(prot);
	if (p2p_provider_prefetchable(vec->provider))
		return pgprot_writecombine(prot);
	return pgprot_device(prot);
}

/* Any context, for a VMA that is being made or is locked for writing. @vecs must not change. */
void peerbuf_vma_suit(struct vm_area_struct *vma, const struct p2p_vecs *vecs)
{
	if (vecs->nr)
		vma->vm_page_prot = peerbuf_pgprot(vma, &vecs->vec[0]);
}

/**
 * peerbuf_vma_init() - set up a VMA through which only a CPU reaches the memory
 * @vma: in the mmap operation of a file
 * @vecs: where the memory is now, or NULL if that is not known
 *
 * The VMA's fault operation must call peerbuf_vma_fault(), and its mprotect and
 * access operations peerbuf_vma_mprotect() and peerbuf_vma_access(). The VMA does not grow
 * (VM_DONTEXPAND) and is left out of core dumps.
 *
 * Context: process context, the mmap lock is held for writing. @vecs must not change while
 * this runs: hold the lock that guards the placement.
 * Return: 0, or -EINVAL: a private mapping that may be written would copy pages, and there
 * are none.
 */
int peerbuf_vma_init(struct vm_area_struct *vma, const struct p2p_vecs *vecs)
{
	if ((vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE)
		return -EINVAL;
	if (vecs)
		peerbuf_vma_suit(vma, vecs);
	vm_flags_set(vma, VM_MIXEDMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}
EXPORT_SYMBOL_GPL(peerbuf_vma_init);

/*
 * Only vmf_insert_mixed() inserts a frame with a struct page into a VM_MIXEDMAP mapping. It uses
 * the protection of the VMA, which suits the buffer's first range. For a range that needs another
 * protection, pass it a copy of the VMA.
 */
static vm_fault_t peerbuf_insert_valid(struct vm_area_struct *vma, unsigned long addr,
				       unsigned long pfn, pgprot_t prot)
{
	struct vm_area_struct wanted = *vma;

	wanted.vm_page_prot = prot;
	return vmf_insert_mixed(&wanted, addr, pfn);
}

static vm_fault_t peerbuf_insert_page(struct vm_area_struct *vma, unsigned long addr,
				      const struct p2p_vec *vec, u64 at)
{
	unsigned long pfn = PHYS_PFN(vec->paddr + at);
	pgprot_t prot = peerbuf_pgprot(vma, vec);

	if (!pfn_valid(pfn))
		return vmf_insert_pfn_prot(vma, addr, pfn, prot);
	if (pgprot_val(prot) == pgprot_val(vma->vm_page_prot))
		return vmf_insert_mixed(vma, addr, pfn);
	return peerbuf_insert_valid(vma, addr, pfn, prot);
}

/*
 * Maps pages around the one at @addr, which is @at bytes into @vec: all of its block if the block
 * lies in the VMA and in the range, otherwise a few pages behind it. Pages that are mapped
 * already stay. A page that cannot be mapped here will fault by itself.
 */
static void peerbuf_insert_around(struct vm_area_struct *vma, unsigned long addr,
				  const struct p2p_vec *vec, u64 at)
{
	unsigned long block = ALIGN_DOWN(addr, PEERBUF_FAULT_BLOCK);
	unsigned long before = addr - block, behind = PEERBUF_FAULT_BLOCK - before;
	unsigned long first = before + PAGE_SIZE, end = PEERBUF_FAULT_BLOCK, next;

	if (block >= vma->vm_start && behind <= vma->vm_end - addr && before <= at &&
	    behind <= vec->len - at) {
		first = 0;
	} else {
		behind = min3(behind, PEERBUF_FAULT_AROUND, vma->vm_end - addr);
		end = before + min_t(u64, behind, vec->len - at);
	}
	for (next = first; next < end; next += PAGE_SIZE)
		if (next != before &&
		    peerbuf_insert_page(vma, block + next, vec, at - before + next) !=
			    VM_FAULT_NOPAGE)
			break;
}

/**
 * peerbuf_vma_fault() - map the page of a fault, and some around it
 * @vmf: the fault; its VMA was set up by peerbuf_vma_init()
 * @vecs: where the memory is
 * @begin: the byte of the memory at which the VMA begins
 *
 * Pages of BARs are write-combined or uncached as the BAR requires, those of system memory
 * cached, also side by side in one VMA.
 *
 * Context: the fault operation, may sleep. The driver holds the lock that it also holds when it
 * moves the memory and zaps the mapping: that of the reservation object.
 * Return: VM_FAULT_NOPAGE if the page is mapped; VM_FAULT_OOM; VM_FAULT_SIGBUS: past the
 * end of @vecs, or the memory is hidden.
 */
vm_fault_t peerbuf_vma_fault(struct vm_fault *vmf, const struct p2p_vecs *vecs, u64 begin)
{
	unsigned long addr = vmf->address & PAGE_MASK;
	struct vm_area_struct *vma = vmf->vma;
	const struct p2p_vec *vec;
	vm_fault_t ret;
	u64 at;

	vec = p2p_vecs_find(vecs, begin + (addr - vma->vm_start), &at);
	if (!vec || vec->kind == P2P_VEC_HIDDEN)
		return VM_FAULT_SIGBUS;

	ret = peerbuf_insert_page(vma, addr, vec, at);
	if (ret == VM_FAULT_NOPAGE)
		peerbuf_insert_around(vma, addr, vec, at);
	return ret;
}
EXPORT_SYMBOL_GPL(peerbuf_vma_fault);

/**
 * peerbuf_vma_mprotect() - before the protection of a part of a VMA changes
 * @vma: set up by peerbuf_vma_init()
 * @start: where the part begins
 * @end: where it ends
 * @newflags: the VMA's new flags
 *
 * Some architectures give every entry the memory type of the VMA when they change its
 * protection, and here the entries of one VMA differ in type. So the entries are removed; faults
 * map them again with the new protection and the right type. For the mprotect operation.
 *
 * Context: the mmap lock is held for writing. May sleep.
 * Return: 0
 */
int peerbuf_vma_mprotect(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			 unsigned long newflags)
{
	loff_t offset = ((loff_t)vma->vm_pgoff << PAGE_SHIFT) + (start - vma->vm_start);

	unmap_mapping_range(vma->vm_file->f_mapping, offset, end - start, 1);
	return 0;
}
EXPORT_SYMBOL_GPL(peerbuf_vma_mprotect);

static void peerbuf_copy_system(unsigned long pfn, size_t offset, void *buf, int len, bool write)
{
	void *page = kmap_local_page(pfn_to_page(pfn));

	if (write)
		memcpy(page + offset, buf, len);
	else
		memcpy(buf, page + offset, len);
	kunmap_local(page);
}

/* Maps the page as the process has it mapped: two kinds of caching must not mix. */
static int peerbuf_copy_bar(const struct p2p_vec *vec, u64 at, void *buf, int len, bool write)
{
	phys_addr_t page = (vec->paddr + at) & PAGE_MASK;
	size_t offset = offset_in_page(at);
	void __iomem *io;

	if (p2p_provider_prefetchable(vec->provider))
		io = ioremap_wc(page, PAGE_SIZE);
	else
		io = ioremap(page, PAGE_SIZE);
	if (!io)
		return -ENOMEM;
	if (write)
		memcpy_toio(io + offset, buf, len);
	else
		memcpy_fromio(buf, io + offset, len);
	/* Push out what the CPU still has in its write-combining buffers. */
	wmb();
	iounmap(io);
	return 0;
}

/**
 * peerbuf_vma_access() - read or write a mapping on behalf of a debugger
 * @vma: set up by peerbuf_vma_init()
 * @addr: in the VMA
 * @buf: kernel memory to copy from or to
 * @len: bytes
 * @write: not zero to write
 * @vecs: where the memory is
 * @begin: the byte of the memory at which the VMA begins
 *
 * For the access operation: ptrace and /proc/PID/mem see what the process itself sees. They
 * call again for the rest if less than the whole transfer was done.
 *
 * Context: the mmap lock is held, and the lock that peerbuf_vma_fault() needs. May sleep.
 * Return: bytes copied, at least one and at most to the end of the page, or -EACCES: the VMA
 * is not readable, or not writable; -EFAULT: past the end of @vecs, or the memory is
 * hidden; -ENOMEM.
 */
int peerbuf_vma_access(struct vm_area_struct *vma, unsigned long addr, void *buf, int len,
		       int write, const struct p2p_vecs *vecs, u64 begin)
{
	const struct p2p_vec *vec;
	int ret = 0;
	u64 at;

	if (!(vma->vm_flags & (write ? VM_WRITE : VM_READ)))
		return -EACCES;
	vec = p2p_vecs_find(vecs, begin + (addr - vma->vm_start), &at);
	if (!vec || vec->kind == P2P_VEC_HIDDEN)
		return -EFAULT;

	len = min_t(unsigned long, len, PAGE_SIZE - offset_in_page(addr));
	if (vec->kind == P2P_VEC_SYSTEM)
		peerbuf_copy_system(PHYS_PFN(vec->paddr + at), offset_in_page(at), buf, len, write);
	else
		ret = peerbuf_copy_bar(vec, at, buf, len, write);
	return ret ?: len;
}
EXPORT_SYMBOL_GPL(peerbuf_vma_access);
