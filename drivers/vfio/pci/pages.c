// SPDX-License-Identifier: GPL-2.0
/*
 * Putting an import into the IOMMU's page tables, and taking it out.
 *
 * VFIO's type1 driver works on the same tables. Where the IOMMU driver refuses to map what
 * is mapped (space->exclusive), both sides find out by trying. Elsewhere we look
 * first, keep to the smallest pages, so that nobody walks through a large entry of ours
 * taking it for a table, and look again before we unmap: an entry that type1 has put in
 * place of ours maps its user's own memory, and is type1's to undo. If instead ours stayed in
 * place of type1's, type1 will unpin what it finds there: no harm for a BAR, which is
 * never pinned, but system memory is kept out.
 */
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "internal.h"

/* Below the second page size of every page table there is. */
#define PEERBUF_VFIO_SMALL_STEP		SZ_1M

/* Quick even where it takes the smallest pages, and no smaller than any page that pays. */
#define PEERBUF_VFIO_LARGE_STEP		SZ_1G

/* Between two looks at whether somebody else wants the CPU. */
static void peerbuf_vfio_breathe(u64 done)
{
	if (!(done & (PEERBUF_VFIO_SMALL_STEP - 1)))
		cond_resched();
}

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

static bool peerbuf_vfio_is_ours(struct iommu_domain *domain,
				 const struct peerbuf_vfio_piece *piece, u64 done)
{
	return iommu_iova_to_phys(domain, piece->iova + done) == piece->paddr + done;
}

/* Takes out runs of entries that are ours. */
static void peerbuf_vfio_piece_unmap_ours(struct iommu_domain *domain,
					  const struct peerbuf_vfio_piece *piece)
{
	u64 done, run = 0;

	for (done = 0; done < piece->length; done += PAGE_SIZE) {
		peerbuf_vfio_breathe(done);
		if (peerbuf_vfio_is_ours(domain, piece, done)) {
			run += PAGE_SIZE;
			continue;
		}
		if (run)
			iommu_unmap(domain, piece->iova + done - run, run);
		run = 0;
	}
	if (run)
		iommu_unmap(domain, piece->iova + done - run, run);
}

/* Bytes from @iova to the end of its step. The IOMMU's pages are aligned: none spans two steps. */
static u64 peerbuf_vfio_step(const struct peerbuf_vfio_space *space, u64 iova)
{
	u64 step = space->exclusive ? PEERBUF_VFIO_LARGE_STEP : PEERBUF_VFIO_SMALL_STEP;

	return step - (iova & (step - 1));
}

static void peerbuf_vfio_range_unmap(struct peerbuf_vfio_space *space, u64 iova, u64 length)
{
	u64 at, step;

	for (at = 0; at < length; at += step) {
		step = min(peerbuf_vfio_step(space, iova + at), length - at);
		cond_resched();
		WARN_ON_ONCE(iommu_unmap(space->domain, iova + at, step) != step);
	}
}

/* The first @length bytes of an import. With the IOTLB flushed, too. */
static void peerbuf_vfio_pages_unmap_first(struct peerbuf_vfio_import *import, u64 length)
{
	struct peerbuf_vfio_piece piece = peerbuf_vfio_piece_none(import);
	struct iommu_domain *domain = import->pv->space->domain;

	if (import->pv->space->exclusive) {
		peerbuf_vfio_range_unmap(import->pv->space, import->iova, length);
		return;
	}
	while (peerbuf_vfio_piece_next(import, &piece) && piece.done < length) {
		piece.length = min(piece.length, length - piece.done);
		peerbuf_vfio_piece_unmap_ours(domain, &piece);
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
			if (!peerbuf_vfio_is_ours(domain, &piece, at))
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
