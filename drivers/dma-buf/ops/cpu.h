/* SPDX-License-Identifier: GPL-2.0 */
/* CPU access: mappings of userspace, of the kernel, and cache maintenance. */
#ifndef _PEERBUF_CPU_H
#define _PEERBUF_CPU_H

#include <linux/dma-direction.h>
#include <linux/types.h>

struct dma_buf;
struct iosys_map;
struct p2p_vecs;
struct peerbuf;
struct vm_area_struct;

struct peerbuf *peerbuf_of_vma(const struct vm_area_struct *vma, u64 *begin);
void peerbuf_vma_suit(struct vm_area_struct *vma, const struct p2p_vecs *vecs);
int peerbuf_op_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma);
int peerbuf_op_refuse_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma);
int peerbuf_op_refuse_cpu_access(struct dma_buf *dmabuf,
				 enum dma_data_direction dir);
int peerbuf_op_begin_cpu_access(struct dma_buf *dmabuf,
				enum dma_data_direction dir);
int peerbuf_op_end_cpu_access(struct dma_buf *dmabuf,
			      enum dma_data_direction dir);
int peerbuf_op_vmap(struct dma_buf *dmabuf, struct iosys_map *map);
void peerbuf_op_vunmap(struct dma_buf *dmabuf, struct iosys_map *map);

#endif /* _PEERBUF_CPU_H */
