// SPDX-License-Identifier: GPL-2.0
/*
 * CPU access by the kernel. A kernel mapping cannot be taken back: it pins the
 * buffer, and a revoke waits for it.
 */
#include <linux/io.h>
#include <linux/iosys-map.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "internal.h"

/**
 * struct peerbuf_vmap - the kernel's CPU mapping of a buffer; there is at most one
 * @hold: what revoke waits for
 * @vaddr: first byte
 * @pfns: made by vmap_pfn() rather than ioremap()
 */
struct peerbuf_vmap {
	struct peerbuf_hold hold;
	void __iomem *vaddr;
	bool pfns;
};

static void __iomem *peerbuf_ioremap(const struct p2p_vec *vec)
{
	if (p2p_provider_prefetchable(vec->provider))
		return ioremap_wc(vec->paddr, vec->len);
	return ioremap(vec->paddr, vec->len);
}

/* The protection all vecs agree on: uncached as soon as one wants it. */
static pgprot_t peerbuf_vmap_prot(const struct p2p_vecs *vecs)
{
	u32 i;

	for (i = 0; i < vecs->nr; i++)
		if (!p2p_provider_prefetchable(vecs->vec[i].provider))
			return pgprot_noncached(PAGE_KERNEL_IO);
	return pgprot_writecombine(PAGE_KERNEL_IO);
}

/* vmap_pfn() refuses, loudly, frames that have a page. Some drivers give a BAR pages. */
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

static void *peerbuf_vmap_vecs(const struct p2p_vecs *vecs)
{
	unsigned long nr = vecs->size >> PAGE_SHIFT;
	unsigned long *pfns;
	void *vaddr = NULL;

	/* Nobody but in-tree drivers can select it: some kernels lack vmap_pfn(). */
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

static int peerbuf_vmap_create(struct peerbuf *pb)
{
	const struct p2p_vecs *vecs = pb->placement->vecs;
	struct peerbuf_vmap *vmap;

	if (peerbuf_trouble(pb))
		return -ENODEV;

	vmap = kzalloc(sizeof(*vmap), GFP_KERNEL);
	if (!vmap)
		return -ENOMEM;

	vmap->pfns = vecs->nr > 1;
	if (vmap->pfns)
		vmap->vaddr = (void __iomem __force *)peerbuf_vmap_vecs(vecs);
	else
		vmap->vaddr = peerbuf_ioremap(&vecs->vec[0]);
	if (!vmap->vaddr) {
		kfree(vmap);
		return -ENOMEM;
	}
	peerbuf_hold_add(pb, &vmap->hold, NULL);
	pb->vmap = vmap;
	return 0;
}

static void peerbuf_vmap_destroy(struct peerbuf *pb)
{
	struct peerbuf_vmap *vmap = pb->vmap;

	if (vmap->pfns)
		vunmap((void __force *)vmap->vaddr);
	else
		iounmap(vmap->vaddr);
	pb->vmap = NULL;
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
 * The core counts users and calls us for the first and the last only. It warns about
 * any error, so there is no policy here: in-kernel users are trusted, and counted.
 */
int peerbuf_op_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct peerbuf *pb = dmabuf->priv;
	int ret;

	peerbuf_vmap_lock(dmabuf);
	ret = peerbuf_vmap_create(pb);
	if (!ret)
		iosys_map_set_vaddr_iomem(map, pb->vmap->vaddr);
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
