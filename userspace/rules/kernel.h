/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parts of the kernel that the verdict's own files in drivers/pci/p2p use, implemented with
 * libc. Included in front of these files; the headers in linux/ include it, too.
 */
#ifndef PEERBUF_RULES_KERNEL_H
#define PEERBUF_RULES_KERNEL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef u64 phys_addr_t;
typedef u64 dma_addr_t;

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif
#define BIT(n)		(1UL << (n))
#define min(a, b)	((a) < (b) ? (a) : (b))
#define max(a, b)	((a) > (b) ? (a) : (b))

enum dma_data_direction { DMA_BIDIRECTIONAL };

struct kref {
	unsigned int count;
};

static inline void kref_get(struct kref *ref)
{
	ref->count++;
}

#endif /* PEERBUF_RULES_KERNEL_H */
