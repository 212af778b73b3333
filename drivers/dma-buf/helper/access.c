// SPDX-License-Identifier: GPL-2.0
/* Copies a few bytes between a DMA-BUF and a driver by the CPU, without a lasting mapping. */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/iosys-map.h>
#include <linux/minmax.h>
#include <linux/mm.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/buffer.h"
#include "core/hold.h"
#include "core/placement.h"
#include "core/reach.h"
#include "core/wait.h"

static void peerbuf_access_page(unsigned long pfn, size_t offset, void *data, size_t len,
				bool write)
{
	if (write)
		memcpy_to_page(pfn_to_page(pfn), offset, data, len);
	else
		memcpy_from_page(data, pfn_to_page(pfn), offset, len);
}

static int peerbuf_access_bar(const struct p2p_vec *vec, u64 at, void *data, size_t len,
			      bool write)
{
	void __iomem *io;

	if (p2p_provider_prefetchable(vec->provider))
		io = ioremap_wc(vec->paddr + at, len);
	else
		io = ioremap(vec->paddr + at, len);
	if (!io)
		return -ENOMEM;
	if (write)
		memcpy_toio(io, data, len);
	else
		memcpy_fromio(data, io, len);
	/* Push out what the CPU still has in its write-combining buffers. */
	wmb();
	iounmap(io);
	return 0;
}

/* Copies what lies in one vec, and for system memory in one page. Returns bytes or an errno. */
static ssize_t peerbuf_access_some(const struct p2p_vecs *vecs, u64 offset, void *data,
				   size_t len, bool write)
{
	const struct p2p_vec *vec;
	phys_addr_t paddr;
	int ret;
	u64 at;

	vec = p2p_vecs_find(vecs, offset, &at);
	if (!vec || vec->kind == P2P_VEC_HIDDEN)
		return -EOPNOTSUPP;
	len = min_t(u64, len, vec->len - at);
	if (vec->kind != P2P_VEC_SYSTEM) {
		ret = peerbuf_access_bar(vec, at, data, len, write);
		return ret ?: len;
	}
	paddr = vec->paddr + at;
	len = min_t(size_t, len, PAGE_SIZE - offset_in_page(paddr));
	peerbuf_access_page(PHYS_PFN(paddr), offset_in_page(paddr), data, len, write);
	return len;
}

/* Under resv: is it there, and is what it should be in it? Waits for a copy that is under way. */
static int peerbuf_access_may(struct peerbuf *pb)
{
	if (peerbuf_trouble(pb))
		return -ENODEV;
	if (!peerbuf_placement_answers(pb->placement))
		return -EIO;
	return peerbuf_wait_kernel(pb, PEERBUF_WAIT_INTR);
}

static int peerbuf_access_native(struct peerbuf *pb, u64 offset, void *data, size_t len,
				 bool write)
{
	ssize_t done;

	if (pb->flags & PEERBUF_EXPORT_F_NO_CPU)
		return -EPERM;
	if (dma_resv_lock_interruptible(pb->dmabuf->resv, NULL))
		return -EINTR;
	done = peerbuf_access_may(pb);
	while (done >= 0 && len) {
		done = peerbuf_access_some(pb->placement->vecs, offset, data, len, write);
		if (done > 0) {
			offset += done;
			data += done;
			len -= done;
		}
	}
	dma_resv_unlock(pb->dmabuf->resv);
	return min_t(ssize_t, done, 0);
}

static int peerbuf_access_foreign(struct dma_buf *dmabuf, u64 offset, void *data, size_t len,
				  bool write)
{
	enum dma_data_direction dir = write ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
	struct iosys_map map;
	int ret;

	ret = dma_buf_begin_cpu_access(dmabuf, dir);
	if (ret)
		return ret;
	ret = dma_buf_vmap_unlocked(dmabuf, &map);
	if (!ret) {
		if (write)
			iosys_map_memcpy_to(&map, offset, data, len);
		else
			iosys_map_memcpy_from(data, &map, offset, len);
		dma_buf_vunmap_unlocked(dmabuf, &map);
	}
	dma_buf_end_cpu_access(dmabuf, dir);
	return ret;
}

/**
 * peerbuf_access() - copy between a DMA-BUF and kernel memory, by the CPU
 * @dmabuf: a DMA-BUF of any exporter; the caller holds a reference
 * @offset: first byte in it
 * @data: kernel memory
 * @len: bytes; @offset + @len is at most the buffer's size
 * @write: to the DMA-BUF
 *
 * For small amounts: the reservation lock of a peerbuf buffer is held during the copy. An engine's
 * copy that is under way into the buffer's current place is waited for.
 *
 * Context: process context, may sleep. The reservation lock must not be held.
 * Return: 0; -EPERM it was exported without CPU access. From a peerbuf: -ENODEV it is revoked,
 * or its device is down or gone; -EIO its device does not decode memory; -EOPNOTSUPP it lies
 * in hidden memory; -EINTR; -ENOMEM. From another exporter, the errno of its kernel mapping.
 */
int peerbuf_access(struct dma_buf *dmabuf, u64 offset, void *data, size_t len, bool write)
{
	struct peerbuf *pb = peerbuf_from_dma_buf(dmabuf);

	if (pb)
		return peerbuf_access_native(pb, offset, data, len, write);
	return peerbuf_access_foreign(dmabuf, offset, data, len, write);
}
EXPORT_SYMBOL_GPL(peerbuf_access);
