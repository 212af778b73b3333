// SPDX-License-Identifier: GPL-2.0
/*
 * Putting an import into the IOMMU's page tables, and taking it out.
 *
 * VFIO's type1 driver works on the same tables. Where the IOMMU driver refuses to map what
 * is mapped (space->exclusive), both sides find out by trying. Elsewhere we look
 * first, keep to pages that are one entry each (step.h), so that nobody walks through a large
 * one of ours taking it for a table, nor takes out ours with his own, and look again before we
 * unmap: an entry that type1 has put in place of ours maps its user's own memory, and is
 * type1's to undo. If instead ours stayed in
 * place of type1's, type1 will unpin what it finds there: no harm for a BAR, which is
 * never pinned, but system memory is kept out.
 */
#include <linux/sched/signal.h>

#include "internal.h"
#include "step.h"

/*
 * Under resv, between pieces of work that has not been done to the end: is it still wanted?
 * Whoever withdraws the buffer waits for this lock. Work items have no signals.
 */
static int peerbuf_vfio_pages_wanted(struct peerbuf_vfio_import *import)
{
	dma_resv_assert_held(import->dmabuf->resv);

	cond_resched();
	if (signal_pending(current))
		return -EINTR;
	return peerbuf_vfio_import_trouble(import) ? -ENODEV : 0;
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

/* A piece before the first: peerbuf_vfio_piece_next() goes on to that. */
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

/* Bytes from @at on whose entries are ours, as far as the next look at the CPU. */
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
 * Takes out entries that are ours. iommu_unmap() ends at the first page that is not mapped:
 * somebody took it out since we looked. So what it did not come to is looked at anew.
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

/* Bytes from @iova to the end of its step. The IOMMU's pages are aligned: none spans two steps. */
static u64 peerbuf_vfio_step(const struct peerbuf_vfio_space *space, u64 iova)
{
	return space->step - (iova & (space->step - 1));
}

/*
 * What nobody else can have touched. Should a page be missing all the same, the rest goes, and
 * none is left behind it.
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

/* The first @length bytes of an import. With the IOTLB flushed, too. */
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

/* 0, -EADDRINUSE, or why it is not looked for any more. */
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

/* Did we win against whoever mapped there at the same time? Returns as the former. */
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

/* What an IOMMU driver's errno is to us: the arguments were checked by us. */
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

/* @done: bytes of the import that are mapped, in any case. */
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
 * Under resv, with a mapping. All or nothing. Returns -EINTR if a signal arrived, -ENODEV if
 * the buffer was withdrawn meanwhile, -EADDRINUSE if any page is mapped already, -EINVAL if the
 * memory lies off the IOMMU's pages, -EOPNOTSUPP if it is system memory and the IOVAs are not
 * exclusively ours, -ENOMEM, or -EIO if the IOMMU driver fails.
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
 * Under resv, with the mapping it was made from. iommu_unmap() returns after the IOTLB, and
 * the device's own if it has one, has been flushed and what was under way has drained.
 */
void peerbuf_vfio_pages_unmap(struct peerbuf_vfio_import *import)
{
	dma_resv_assert_held(import->dmabuf->resv);

	peerbuf_vfio_pages_unmap_first(import, import->length);
}
