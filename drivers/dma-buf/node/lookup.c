// SPDX-License-Identifier: GPL-2.0
/*
 * Finds what a process' addresses map. Only the calling process is looked at.
 *
 * VMAs are looked at under the mmap lock. A reference to each DMA-BUF is taken under it, while the
 * VMA still holds the DMA-BUF's file. Afterwards the process may unmap what it likes: what was
 * found stays until it is put.
 *
 * A VMA of a peerbuf is known by its operations, one of another exporter's DMA-BUF by its file.
 * What vm_pgoff means in the latter is up to the exporter: an offset in the buffer, or a key for
 * something else. So only exporters for which it is known are accepted, and only mappings of the
 * whole buffer, because there is no way to make a DMA-BUF of a part of theirs.
 */
#include <linux/dma-buf.h>
#include <linux/magic.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/buffer.h"
#include "node/lookup.h"
#include "node/vma_owner.h"
#include "ops/cpu.h"

/**
 * struct peerbuf_finding - a search of a process's addresses under way
 * @found: the first @room pieces
 * @room: number of entries in @found
 * @nr: pieces so far, stored or not
 * @last: the latest piece; its references are held in @found
 */
struct peerbuf_finding {
	struct peerbuf_found *found;
	u32 room;
	u32 nr;
	struct peerbuf_found last;
};

/* By &struct dma_buf.exp_name: exporters whose vm_pgoff is an offset in the buffer. */
static const char *const peerbuf_plain_exporters[] = { "udmabuf", "system" };

static bool peerbuf_is_plain(const struct dma_buf *dmabuf)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(peerbuf_plain_exporters); i++)
		if (!strcmp(dmabuf->exp_name, peerbuf_plain_exporters[i]))
			return true;
	return false;
}

/* The DMA-BUF whose file the VMA has, or NULL. With the mmap lock. */
static struct dma_buf *peerbuf_dma_buf_of_vma(const struct vm_area_struct *vma)
{
	const struct file *file = vma->vm_file;

	if (!file || file->f_path.dentry->d_sb->s_magic != DMA_BUF_MAGIC)
		return NULL;
	return file->private_data;
}

/*
 * Why the mapping cannot be used, or 0. A private mapping may have pages that are not the
 * buffer's.
 */
static u32 peerbuf_foreign_reason(const struct vm_area_struct *vma,
				  const struct dma_buf *dmabuf)
{
	if (!peerbuf_is_plain(dmabuf))
		return PEERBUF_REASON_FOREIGN_UNKNOWN;
	if (!(vma->vm_flags & VM_SHARED) || !(vma->vm_flags & VM_MAYWRITE) || vma->vm_pgoff ||
	    vma->vm_end - vma->vm_start < dmabuf->size)
		return PEERBUF_REASON_FOREIGN_PART;
	return 0;
}

/* With the mmap lock. A mapping by a driver; a registered peerbuf_vma_owner may know the BAR. */
static void peerbuf_find_device(const struct vm_area_struct *vma, struct peerbuf_found *found)
{
	u64 begin;

	found->kind = PEERBUF_PIECE_DEVICE;
	found->provider = peerbuf_vma_provider(vma, &begin);
	if (found->provider)
		found->offset = begin + (found->addr - vma->vm_start);
	else
		found->reason = PEERBUF_REASON_DEVICE_MEMORY;
}

/* Describes the VMA from @addr on. With the mmap lock. */
static void peerbuf_find_in_vma(const struct vm_area_struct *vma, struct peerbuf_found *found)
{
	struct peerbuf *pb;
	u64 begin;

	found->writable = vma->vm_flags & VM_MAYWRITE;
	pb = peerbuf_of_vma(vma, &begin);
	if (pb) {
		found->kind = PEERBUF_PIECE_PEERBUF;
		found->dmabuf = pb->dmabuf;
		found->offset = begin + (found->addr - vma->vm_start);
		return;
	}
	found->dmabuf = peerbuf_dma_buf_of_vma(vma);
	if (found->dmabuf) {
		found->kind = PEERBUF_PIECE_FOREIGN;
		found->reason = peerbuf_foreign_reason(vma, found->dmabuf);
		found->offset = found->addr - vma->vm_start;
		if (found->reason)
			found->dmabuf = NULL;
	} else if (vma->vm_flags & (VM_IO | VM_PFNMAP)) {
		peerbuf_find_device(vma, found);
	} else {
		found->kind = PEERBUF_PIECE_ORDINARY;
		found->reason = PEERBUF_REASON_ORDINARY_MEMORY;
	}
}

/*
 * Describes what @addr maps, up to @end at most. With the mmap lock. Takes a reference to a
 * provider, and none to a DMA-BUF.
 */
static struct peerbuf_found peerbuf_find_at(u64 addr, u64 end)
{
	struct peerbuf_found found = { .addr = addr };
	struct vm_area_struct *vma = NULL;

	mmap_assert_locked(current->mm);

	if (addr < TASK_SIZE)
		vma = find_vma(current->mm, addr);
	if (vma && vma->vm_start <= addr) {
		peerbuf_find_in_vma(vma, &found);
		found.length = min_t(u64, end, vma->vm_end) - addr;
		return found;
	}
	found.kind = PEERBUF_PIECE_HOLE;
	found.reason = PEERBUF_REASON_NOTHING_MAPPED;
	found.length = (vma ? min_t(u64, end, vma->vm_start) : end) - addr;
	return found;
}

/* Is @next contiguous with @found? Two whole mappings of one foreign buffer are not. */
static bool peerbuf_goes_on(const struct peerbuf_found *found, const struct peerbuf_found *next)
{
	return found->kind == next->kind && found->reason == next->reason &&
	       found->writable == next->writable && found->dmabuf == next->dmabuf &&
	       found->provider == next->provider &&
	       ((!found->dmabuf && !found->provider) ||
		found->offset + found->length == next->offset);
}

/* With the mmap lock. A piece that is not stored holds no references. */
static void peerbuf_found_add(struct peerbuf_finding *finding, struct peerbuf_found *next)
{
	bool more = finding->nr && peerbuf_goes_on(&finding->last, next);

	if (more)
		finding->last.length += next->length;
	else
		finding->last = *next;
	if (!more && finding->nr++ < finding->room) {
		finding->found[finding->nr - 1] = *next;
		if (next->dmabuf)
			get_dma_buf(next->dmabuf);
		return;
	}
	if (more && finding->nr <= finding->room)
		finding->found[finding->nr - 1].length = finding->last.length;
	p2p_provider_put(next->provider);
}

/* As peerbuf_find(), with the mmap lock. */
static int peerbuf_find_locked(u64 addr, u64 end, struct peerbuf_found *found, u32 room,
			       u32 *total)
{
	struct peerbuf_finding finding = { .found = found, .room = room };
	struct peerbuf_found next;

	for (; addr < end && finding.nr <= PEERBUF_MAX_PIECES; addr += next.length) {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		next = peerbuf_find_at(addr, end);
		peerbuf_found_add(&finding, &next);
	}
	*total = finding.nr;
	return finding.nr > room ? -EMSGSIZE : 0;
}

/*
 * Finds the pieces of the calling process's addresses from @addr on, in order. @addr + @length does
 * not overflow. @found: zeroed, @room entries. Returns 0, and the caller puts *@total pieces; or
 * an errno with no piece to put: -EMSGSIZE: *@total pieces, more than @room; -EINTR.
 */
int peerbuf_find(u64 addr, u64 length, struct peerbuf_found *found, u32 room, u32 *total)
{
	int ret;

	*total = 0;
	ret = mmap_read_lock_killable(current->mm);
	if (ret)
		return ret;
	ret = peerbuf_find_locked(addr, addr + length, found, room, total);
	mmap_read_unlock(current->mm);
	if (ret)
		peerbuf_found_put(found, room);
	return ret;
}

/* Drops the references of the pieces that have one. */
void peerbuf_found_put(struct peerbuf_found *found, u32 nr)
{
	for (; nr--; found++) {
		if (found->dmabuf)
			dma_buf_put(found->dmabuf);
		p2p_provider_put(found->provider);
		found->dmabuf = NULL;
		found->provider = NULL;
	}
}
