// SPDX-License-Identifier: GPL-2.0
/*
 * CPU access by the kernel. A kernel mapping cannot be taken back, so it pins the buffer, and a
 * revoke waits for it.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/io.h>
#include <linux/iosys-map.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "change/fallback.h"
#include "core/buffer.h"
#include "core/client.h"
#include "core/hold.h"
#include "core/placement.h"
#include "core/reach.h"
#include "core/refusal.h"
#include "core/wait.h"
#include "ops/cpu.h"

#include "../../../compat/page_kernel_io.h"

/**
 * struct peerbuf_vmap - the kernel's CPU mapping of a buffer; there is at most one
 * @hold: what a revoke waits for
 * @map: its first byte, and whether it is I/O memory
 * @vmapped: made by vmap() or vmap_pfn() rather than ioremap()
 */
struct peerbuf_vmap {
	struct peerbuf_hold hold;
	struct iosys_map map;
	bool vmapped;
};

static void __iomem *peerbuf_ioremap(const struct p2p_vec *vec)
{
	if (p2p_provider_prefetchable(vec->provider))
		return ioremap_wc(vec->paddr, vec->len);
	return ioremap(vec->paddr, vec->len);
}

/* One protection for all vecs: uncached if one of them needs that. */
static pgprot_t peerbuf_vmap_prot(const struct p2p_vecs *vecs)
{
	u32 i;

	for (i = 0; i < vecs->nr; i++)
		if (!p2p_provider_prefetchable(vecs->vec[i].provider))
			return pgprot_device(PAGE_KERNEL_IO);
	return pgprot_writecombine(PAGE_KERNEL_IO);
}

/* vmap_pfn() warns about frames that have a page, and refuses. Some drivers give a BAR pages. */
static int peerbuf_fill_pfns(unsigned long *pfns, const struct p2p_vecs *vecs)
{
	u64 at;
	u32 i;

	for (i = 0; i < vecs->nr; i++) {
		for (at = 0; at < vecs->vec[i].len; at += PAGE_SIZE) {
			*pfns = PHYS_PFN(vecs->vec[i].paddr + at);
			if (pfn_valid(*pfns))
				return -EOPNOTSUPP;
			pfns++;
		}
	}
	return 0;
}

static void *peerbuf_vmap_bars(const struct p2p_vecs *vecs)
{
	unsigned long nr = vecs->size >> PAGE_SHIFT;
	unsigned long *pfns;
	void *vaddr = NULL;

	/* Only in-tree drivers can select CONFIG_VMAP_PFN, so some kernels lack vmap_pfn(). */
	if (!IS_ENABLED(CONFIG_VMAP_PFN) || nr > UINT_MAX)
		return NULL;
	pfns = kvmalloc_array(nr, sizeof(*pfns),
			      GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!pfns)
		return NULL;
	if (!peerbuf_fill_pfns(pfns, vecs))
		vaddr = vmap_pfn(pfns, nr, peerbuf_vmap_prot(vecs));
	kvfree(pfns);
	return vaddr;
}

static void *peerbuf_vmap_system(const struct p2p_vecs *vecs)
{
	unsigned long nr = vecs->size >> PAGE_SHIFT, n = 0;
	struct page **pages;
	void *vaddr = NULL;
	u64 at;
	u32 i;

	if (nr > UINT_MAX)
		return NULL;
	pages = kvmalloc_array(nr, sizeof(*pages), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!pages)
		return NULL;
	for (i = 0; i < vecs->nr; i++)
		for (at = 0; at < vecs->vec[i].len; at += PAGE_SIZE)
			pages[n++] = pfn_to_page(PHYS_PFN(vecs->vec[i].paddr + at));
	vaddr = vmap(pages, nr, VM_MAP, PAGE_KERNEL);
	kvfree(pages);
	return vaddr;
}

/* Under resv: may all attached importers have the buffer where it is, as far as their kind goes? */
static int peerbuf_kinds_check(struct peerbuf *pb, struct peerbuf_refusal *why)
{
	struct peerbuf_client *client;
	int ret = 0;

	list_for_each_entry(client, &pb->clients, node) {
		ret = peerbuf_kind_check(client, pb->placement, why);
		if (ret)
			break;
	}
	return ret;
}

/*
 * The kernel cannot map BARs and system memory together: vmap() needs pages, vmap_pfn() refuses
 * them, and an iosys_map is either I/O memory or not.
 *
 * It is not known who asks. But an importer that could attach only because the buffer falls back to
 * system memory may never map, and only read it by the CPU: display drivers do, and they access I/O
 * memory as if it were none. So the buffer is placed for such importers here, too.
 */
static int peerbuf_vmap_place(struct peerbuf *pb)
{
	struct peerbuf_placement *placement = pb->placement;
	struct peerbuf_refusal why = PEERBUF_NOT_REFUSED;

	if (peerbuf_kinds_check(pb, &why))
		return peerbuf_make_cpu_reachable(pb, why.reason);
	if (placement->vecs->hidden_size)
		return peerbuf_make_cpu_reachable(pb, PEERBUF_REASON_HIDDEN);
	if (placement->vecs->system_size && !peerbuf_all_system(placement))
		return peerbuf_make_cpu_reachable(pb, PEERBUF_REASON_NO_PEER2PEER);
	return 0;
}

static void peerbuf_vmap_fill(struct peerbuf_vmap *vmap,
			      const struct peerbuf_placement *placement)
{
	const struct p2p_vecs *vecs = placement->vecs;
	void *vaddr;

	if (peerbuf_all_system(placement)) {
		iosys_map_set_vaddr(&vmap->map, peerbuf_vmap_system(vecs));
		vmap->vmapped = true;
	} else if (placement->vecs->system_size || placement->vecs->hidden_size) {
		iosys_map_clear(&vmap->map);
	} else if (vecs->nr > 1) {
		vaddr = peerbuf_vmap_bars(vecs);
		iosys_map_set_vaddr_iomem(&vmap->map, (void __iomem __force *)vaddr);
		vmap->vmapped = true;
	} else {
		iosys_map_set_vaddr_iomem(&vmap->map, peerbuf_ioremap(&vecs->vec[0]));
	}
}

static int peerbuf_vmap_create(struct peerbuf *pb)
{
	struct peerbuf_vmap *vmap;
	int ret;

	if (peerbuf_trouble(pb))
		return -ENODEV;
	ret = peerbuf_check_answers(pb, NULL);
	if (ret)
		return ret;
	ret = peerbuf_vmap_place(pb);
	if (ret)
		return ret;
	/* Not interruptible: the core warns about any error, -EINTR included. */
	ret = peerbuf_wait_kernel(pb, PEERBUF_WAIT_IDLE);
	if (ret)
		return ret;

	vmap = kzalloc(sizeof(*vmap), GFP_KERNEL);
	if (!vmap)
		return -ENOMEM;
	peerbuf_vmap_fill(vmap, pb->placement);
	if (iosys_map_is_null(&vmap->map)) {
		kfree(vmap);
		return -ENOMEM;
	}
	peerbuf_hold_add(pb, &vmap->hold, NULL, NULL);
	WRITE_ONCE(pb->vmap, vmap);
	return 0;
}

static void peerbuf_vmap_destroy(struct peerbuf *pb)
{
	struct peerbuf_vmap *vmap = pb->vmap;

	if (!vmap->map.is_iomem)
		vunmap(vmap->map.vaddr);
	else if (vmap->vmapped)
		vunmap((void __force *)vmap->map.vaddr_iomem);
	else
		iounmap(vmap->map.vaddr_iomem);
	WRITE_ONCE(pb->vmap, NULL);
	peerbuf_hold_remove(pb, &vmap->hold);
	kfree(vmap);
}

static void peerbuf_vmap_lock(struct dma_buf *dmabuf)
{
	if (!DMA_BUF_VMAP_LOCKED)
		dma_resv_lock(dmabuf->resv, NULL);
}

static void peerbuf_vmap_unlock(struct dma_buf *dmabuf)
{
	if (!DMA_BUF_VMAP_LOCKED)
		dma_resv_unlock(dmabuf->resv);
}

/*
 * The core counts users and calls this for the first and the last one only. It warns about
 * any error, so there is no policy here: in-kernel users are trusted, and counted.
 */
int peerbuf_op_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct peerbuf *pb = dmabuf->priv;
	int ret;

	peerbuf_vmap_lock(dmabuf);
	ret = peerbuf_vmap_create(pb);
	if (!ret)
		*map = pb->vmap->map;
	peerbuf_vmap_unlock(dmabuf);
	return ret;
}

void peerbuf_op_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct peerbuf *pb = dmabuf->priv;

	peerbuf_vmap_lock(dmabuf);
	peerbuf_vmap_destroy(pb);
	peerbuf_vmap_unlock(dmabuf);
}
