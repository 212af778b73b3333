// SPDX-License-Identifier: GPL-2.0
/*
 * Puts an import into the IOMMU's page tables and takes it out.
 *
 * VFIO's type1 driver works on the same tables. If the IOMMU driver refuses to map an IOVA that is
 * mapped (space->exclusive), a conflict makes iommu_map() fail. Otherwise this code:
 *
 *  - checks before mapping that nothing is mapped;
 *  - maps pages that are one entry each (step.h), so that type1 neither takes a large page for a
 *    table nor removes neighbouring entries with its own;
 *  - checks each entry again before unmapping it. An entry that type1 has put in place of an
 *    import's maps the memory of type1's own user, and is type1's to undo.
 *
 * If the import's entry stayed in place of type1's, type1 will unpin the page it finds there. That
 * does no harm to a BAR, which is never pinned. System memory is refused for that reason.
 */
#include <linux/sched/signal.h>

#include "internal.h"
#include "step.h"

/*
 * Under resv, between parts of an unfinished mapping: is it still wanted? Whoever withdraws the
 * buffer waits for this lock. Work items get no signals.
 */
static int peerbuf_vfio_pages_wanted(struct peerbuf_vfio_import *import)
{
	dma_resv_assert_held(import->dmabuf->resv);

	cond_resched();
	if (signal_pending(current))
		return -EINTR;
	return peerbuf_vfio_buffer_reason(import) ? -ENODEV : 0;
}

/**
 * struct peerbuf_vfio_piece - a physically contiguous piece of an import
 * @iova: first IOVA
 * @paddr: CPU physical address
 * @length: bytes
 * @device_memory: a BAR, not system memory
 * @done: bytes of the import before it
 * @index: its segment
 * @into: bytes of that segment before it
 */
struct peerbuf_vfio_piece {
	u64 iova;
	phys_addr_t paddr;
	u64 length;
	bool device_memory;
	u64 done;
	u32 index;
	u64 into;
};

/* The start of an iteration: peerbuf_vfio_piece_next() goes on to the first piece. */
static struct peerbuf_vfio_piece
peerbuf_vfio_piece_none(const struct peerbuf_vfio_import *import)
{
	return (struct peerbuf_vfio_piece){ .into = import->offset };
}

/* Goes on to the next piece; false if there is none. */
static bool peerbuf_vfio_piece_next(const struct peerbuf_vfio_import *import,
				    struct peerbuf_vfio_piece *piece)
{
	const struct p2p_segment *segs;
	u32 nr;

	segs = peerbuf_segments(import->mapping, &nr);
	piece->done += piece->length;
	piece->into += piece->length;
	while (piece->index < nr && piece->into >= segs[piece->index].len)
		piece->into -= segs[piece->index++].len;
	if (piece->done >= import->length || piece->index == nr)
		return false;

	piece->iova = import->iova + piece->done;
	piece->paddr = segs[piece->index].addr + piece->into;
	piece->length = min(segs[piece->index].len - piece->into,
			    import->length - piece->done);
	piece->device_memory = segs[piece->index].provider;
	return true;
}

static bool peerbuf_vfio_piece_is_ours(struct iommu_domain *domain,
				       const struct peerbuf_vfio_piece *piece, u64 done)
{
	return iommu_iova_to_phys(domain, piece->iova + done) == piece->paddr + done;
}

/* How many bytes from @at on have entries of this import. Limited, to reschedule in between. */
static u64 peerbuf_vfio_run_of_ours(struct iommu_domain *domain,
				    const struct peerbuf_vfio_piece *piece, u64 at)
{
	u64 most = min_t(u64, piece->length - at, PEERBUF_VFIO_SMALL_STEP);
	u64 run = 0;

	while (run < most && peerbuf_vfio_piece_is_ours(domain, piece, at + run))
		run += PAGE_SIZE;
	return run;
}

/*
 * Takes out the entries of this import. iommu_unmap() stops at the first page that is not mapped,
 * which type1 may have removed after the check. So the remaining pages are checked again.
 */
static void peerbuf_vfio_piece_unmap_ours(struct peerbuf_vfio_import *import,
					  const struct peerbuf_vfio_piece *piece)
{
	struct iommu_domain *domain = import->pv->space->domain;
	u64 at, run;

	for (at = 0; at < piece->length; at += run) {
		cond_resched();
		run = peerbuf_vfio_run_of_ours(domain, piece, at);
		if (run)
			run = iommu_unmap(domain, piece->iova + at, run);
		if (run)
			continue;
		if (WARN_ON_ONCE(peerbuf_vfio_piece_is_ours(domain, piece, at)))
			pci_crit(import->pv->core.pdev,
				 "the IOMMU driver does not unmap IOVA %#llx: the device still reaches memory that was withdrawn\n",
				 piece->iova + at);
		run = PAGE_SIZE;
	}
}

/* Bytes from @iova to the end of its step. IOMMU pages are aligned, so none spans two steps. */
static u64 peerbuf_vfio_step(const struct peerbuf_vfio_space *space, u64 iova)
{
	return space->step - (iova & (space->step - 1));
}

/*
 * For a range that nobody else can have changed. If a page is missing nevertheless, the loop goes
 * on behind it, so that no later page stays mapped.
 */
static void peerbuf_vfio_range_unmap(struct peerbuf_vfio_space *space, u64 iova, u64 length)
{
	u64 at, step, done;

	for (at = 0; at < length; at += done) {
		step = min(peerbuf_vfio_step(space, iova + at), length - at);
		cond_resched();
		done = iommu_unmap(space->domain, iova + at, step);
		WARN_ON_ONCE(done != step);
		if (!done)
			done = space->granule;
	}
}

/* Unmaps the first @length bytes of an import, and flushes the IOTLB. */
static void peerbuf_vfio_pages_unmap_first(struct peerbuf_vfio_import *import, u64 length)
{
	struct peerbuf_vfio_piece piece = peerbuf_vfio_piece_none(import);

	if (import->pv->space->exclusive) {
		peerbuf_vfio_range_unmap(import->pv->space, import->iova, length);
		return;
	}
	while (peerbuf_vfio_piece_next(import, &piece) && piece.done < length) {
		piece.length = min(piece.length, length - piece.done);
		peerbuf_vfio_piece_unmap_ours(import, &piece);
	}
}

/* Is nothing mapped at the import's IOVAs? 0, -EADDRINUSE, or why the mapping is not wanted. */
static int peerbuf_vfio_pages_free(struct peerbuf_vfio_import *import)
{
	struct iommu_domain *domain = import->pv->space->domain;
	int ret = 0;
	u64 done;

	for (done = 0; done < import->length; done += PAGE_SIZE) {
		if (!(done & (PEERBUF_VFIO_SMALL_STEP - 1)))
			ret = peerbuf_vfio_pages_wanted(import);
		if (ret)
			return ret;
		if (iommu_iova_to_phys(domain, import->iova + done))
			return -EADDRINUSE;
	}
	return 0;
}

/* Are all entries the import's, although type1 may have mapped there, too? Returns as above. */
static int peerbuf_vfio_pages_ours(struct peerbuf_vfio_import *import)
{
	struct peerbuf_vfio_piece piece = peerbuf_vfio_piece_none(import);
	struct iommu_domain *domain = import->pv->space->domain;
	int ret = 0;
	u64 at;

	while (peerbuf_vfio_piece_next(import, &piece)) {
		for (at = 0; at < piece.length; at += PAGE_SIZE) {
			if (!(at & (PEERBUF_VFIO_SMALL_STEP - 1)))
				ret = peerbuf_vfio_pages_wanted(import);
			if (ret)
				return ret;
			if (!peerbuf_vfio_piece_is_ours(domain, &piece, at))
				return -EADDRINUSE;
		}
	}
	return 0;
}

/* Translates the errno of iommu_map(), whose arguments have been checked. */
static int peerbuf_vfio_iommu_error(int error)
{
	switch (error) {
	case -EEXIST:
	case -EADDRINUSE:
		return -EADDRINUSE;
	case -ENOMEM:
		return error;
	default:
		return -EIO;
	}
}

/* Adds to @done the bytes that were mapped, on failure as well. */
static int peerbuf_vfio_piece_map(struct peerbuf_vfio_import *import,
				  const struct peerbuf_vfio_piece *piece, u64 *done)
{
	struct peerbuf_vfio_space *space = import->pv->space;
	u64 at, length;
	int prot, ret;

	prot = piece->device_memory ? IOMMU_MMIO : IOMMU_CACHE;
	if (import->access & PEERBUF_VFIO_MAP_F_READ)
		prot |= IOMMU_READ;
	if (import->access & PEERBUF_VFIO_MAP_F_WRITE)
		prot |= IOMMU_WRITE;

	for (at = 0; at < piece->length; at += length) {
		length = min(peerbuf_vfio_step(space, piece->iova + at), piece->length - at);
		ret = peerbuf_vfio_pages_wanted(import);
		if (ret)
			return ret;
		ret = iommu_map(space->domain, piece->iova + at, piece->paddr + at,
				length, prot, GFP_KERNEL_ACCOUNT);
		if (ret)
			return peerbuf_vfio_iommu_error(ret);
		*done += length;
	}
	return 0;
}

static int peerbuf_vfio_pieces_check(struct peerbuf_vfio_import *import)
{
	struct peerbuf_vfio_piece piece = peerbuf_vfio_piece_none(import);
	struct peerbuf_vfio_space *space = import->pv->space;

	while (peerbuf_vfio_piece_next(import, &piece)) {
		if (!IS_ALIGNED(piece.paddr | piece.length, space->granule))
			return -EINVAL;
		if (!space->exclusive && !piece.device_memory)
			return -EOPNOTSUPP;
	}
	return 0;
}

/*
 * Under resv, with import->mapping set. Maps all or nothing. Returns -EINTR if a signal arrived,
 * -ENODEV if the buffer was withdrawn meanwhile, -EADDRINUSE if any page is mapped already, -EINVAL
 * if the memory is not aligned to the IOMMU's pages, -EOPNOTSUPP if it is system memory and the
 * space is not exclusive, -ENOMEM, or -EIO if the IOMMU driver fails.
 */
int peerbuf_vfio_pages_map(struct peerbuf_vfio_import *import)
{
	struct peerbuf_vfio_piece piece = peerbuf_vfio_piece_none(import);
	bool exclusive = import->pv->space->exclusive;
	u64 done = 0;
	int ret;

	dma_resv_assert_held(import->dmabuf->resv);

	ret = peerbuf_vfio_pieces_check(import);
	if (ret)
		return ret;
	if (!exclusive)
		ret = peerbuf_vfio_pages_free(import);
	if (ret)
		return ret;

	while (!ret && peerbuf_vfio_piece_next(import, &piece))
		ret = peerbuf_vfio_piece_map(import, &piece, &done);
	if (!ret && !exclusive)
		ret = peerbuf_vfio_pages_ours(import);
	if (ret)
		peerbuf_vfio_pages_unmap_first(import, done);
	return ret;
}

/*
 * Under resv, with the mapping that the pages were made from. iommu_unmap() returns after the
 * IOTLB, and the device's own TLB if it has one, has been flushed and requests under way have
 * finished.
 */
void peerbuf_vfio_pages_unmap(struct peerbuf_vfio_import *import)
{
	dma_resv_assert_held(import->dmabuf->resv);

	peerbuf_vfio_pages_unmap_first(import, import->length);
}
