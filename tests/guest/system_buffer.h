/* SPDX-License-Identifier: GPL-2.0 */
/* Buffers in system memory that the kernel's own exporters make. */
#ifndef SYSTEM_BUFFER_H
#define SYSTEM_BUFFER_H

#include <linux/types.h>

/* From the heap "system": a dma-buf's descriptor, or -1 where the kernel has none. */
int heap_buffer(__u64 size);
/* By udmabuf, of all of a memfd but its first page: the same. */
int memfd_buffer(__u64 size);

#endif /* SYSTEM_BUFFER_H */
