/* SPDX-License-Identifier: GPL-2.0 */
/* Making a buffer, and the DMA-BUF operations of one. */
#ifndef _PEERBUF_EXPORT_H
#define _PEERBUF_EXPORT_H

#include <linux/types.h>

struct dma_buf;
struct peerbuf;
struct peerbuf_export_args;
struct peerbuf_file;
struct peerbuf_refusal;

struct dma_buf *peerbuf_export_for(const struct peerbuf_export_args *args,
				   struct peerbuf_file *file, bool by_user,
				   struct peerbuf_refusal *why);
struct peerbuf *peerbuf_create(const struct peerbuf_export_args *args, u64 size);
int peerbuf_make_dma_buf(struct peerbuf *pb, const struct peerbuf_export_args *args);
void peerbuf_make_known(struct peerbuf *pb, struct peerbuf_file *file);
void peerbuf_give_up(struct peerbuf *pb);

#endif /* _PEERBUF_EXPORT_H */
