/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DMA-BUF: 7.1 renamed move_notify to invalidate_mappings, made it optional, and
 * stopped pinning on behalf of dynamic importers.
 */
#ifndef _PEERBUF_COMPAT_DMA_BUF_H
#define _PEERBUF_COMPAT_DMA_BUF_H

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)

#define invalidate_mappings		move_notify
#define dma_buf_invalidate_mappings(dmabuf)	dma_buf_move_notify(dmabuf)

/* Not to be had: every dynamic importer has a callback, working or not. */
#define dma_buf_attach_revocable(attach)	(!!(attach)->importer_ops)

/*
 * True where dma_buf_map_attachment() pins first, whoever the importer is. One
 * pin per mapping is then the core's own and says nothing about the importer.
 */
#define DMA_BUF_PINS_ON_MAP		(!IS_ENABLED(CONFIG_DMABUF_MOVE_NOTIFY))

/* Whether dma_buf_attach_revocable() can tell. */
#define DMA_BUF_REVOCABLE_KNOWN		false

/* What an importer without an invalidate callback must put in its place. */
struct dma_buf_attachment;

static inline void compat_no_invalidate(struct dma_buf_attachment *attach)
{
}

#define DMA_BUF_NO_INVALIDATE		compat_no_invalidate

#else

#define DMA_BUF_PINS_ON_MAP		false
#define DMA_BUF_REVOCABLE_KNOWN		true
#define DMA_BUF_NO_INVALIDATE		NULL

#endif

/* dma_buf_vmap() takes the reservation lock from 6.2 on. */
#define DMA_BUF_VMAP_LOCKED \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0))

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define dma_buf_vmap_unlocked(dmabuf, map)	dma_buf_vmap(dmabuf, map)
#define dma_buf_vunmap_unlocked(dmabuf, map)	dma_buf_vunmap(dmabuf, map)
#endif

#endif /* _PEERBUF_COMPAT_DMA_BUF_H */
