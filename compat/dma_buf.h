/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DMA-BUF: 7.1 renamed move_notify to invalidate_mappings, made it optional, and
 * stopped pinning on behalf of dynamic importers.
 */
#ifndef _PEERBUF_COMPAT_DMA_BUF_H
#define _PEERBUF_COMPAT_DMA_BUF_H

#ifndef HAVE_DMA_BUF_INVALIDATE_MAPPINGS

#define invalidate_mappings		move_notify
#define dma_buf_invalidate_mappings(dmabuf)	dma_buf_move_notify(dmabuf)

/*
 * True if dma_buf_map_attachment() pins first, whoever the importer is. One pin
 * per mapping is then the core's own and says nothing about the importer.
 */
#define DMA_BUF_PINS_ON_MAP		(!IS_ENABLED(CONFIG_DMABUF_MOVE_NOTIFY))

/* An importer without an invalidate callback must supply this one instead. */
struct dma_buf_attachment;

static inline void compat_no_invalidate(struct dma_buf_attachment *attach)
{
}

#define DMA_BUF_NO_INVALIDATE		compat_no_invalidate

#else

#define DMA_BUF_PINS_ON_MAP		false
#define DMA_BUF_NO_INVALIDATE		NULL

#endif

/* Does dma_buf_attach_revocable() tell whether the importer can be revoked? */
#ifdef HAVE_DMA_BUF_ATTACH_REVOCABLE
#define DMA_BUF_REVOCABLE_KNOWN		true
#else
#define DMA_BUF_REVOCABLE_KNOWN		false

/* It does not: every dynamic importer has a callback, whether or not the callback works. */
#define dma_buf_attach_revocable(attach)	(!!(attach)->importer_ops)
#endif

/* dma_buf_vmap() takes the reservation lock from 6.2 on. */
#ifdef HAVE_DMA_BUF_VMAP_UNLOCKED
#define DMA_BUF_VMAP_LOCKED		true
#else
#define DMA_BUF_VMAP_LOCKED		false

#define dma_buf_vmap_unlocked(dmabuf, map)	dma_buf_vmap(dmabuf, map)
#define dma_buf_vunmap_unlocked(dmabuf, map)	dma_buf_vunmap(dmabuf, map)
#endif

#endif /* _PEERBUF_COMPAT_DMA_BUF_H */
