/* SPDX-License-Identifier: GPL-2.0 */
/* Attaching and pinning. */
#ifndef _PEERBUF_ATTACH_H
#define _PEERBUF_ATTACH_H

struct dma_buf;
struct dma_buf_attachment;

int peerbuf_op_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);
void peerbuf_op_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);
int peerbuf_op_pin(struct dma_buf_attachment *attach);
void peerbuf_op_unpin(struct dma_buf_attachment *attach);

#endif /* _PEERBUF_ATTACH_H */
