/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The little of the kernel that the pure files of drivers/pci/p2p use, in terms
 * of libc. Included in front of every file; most headers in linux/ lead here, too.
 */
#ifndef _SHIM_KERNEL_H
#define _SHIM_KERNEL_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef u64 phys_addr_t;
typedef u64 dma_addr_t;

#define U32_MAX			UINT32_MAX
#define U64_MAX			(~(u64)0)
#define PAGE_SIZE		4096UL
#define PAGE_ALIGNED(x)		(!((x) & (PAGE_SIZE - 1)))
#define ALIGN_DOWN(x, a)	((x) & ~((__typeof__(x))(a) - 1))
#define BIT(n)			(1UL << (n))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define max_t(type, a, b)	max((type)(a), (type)(b))

#define EXPORT_SYMBOL_GPL(symbol) extern __typeof__(symbol) symbol
#ifndef __counted_by
#define __counted_by(member)
#endif

#define check_add_overflow(a, b, sum) __builtin_add_overflow(a, b, sum)
#define array_size(n, size)	((size_t)(n) * (size))
#define struct_size(p, member, n) \
	(sizeof(*(p)) + array_size(n, sizeof((p)->member[0])))

enum dma_data_direction { DMA_BIDIRECTIONAL };

struct kref {
	unsigned int count;
};

static inline void kref_init(struct kref *ref)
{
	ref->count = 1;
}

static inline void kref_get(struct kref *ref)
{
	ref->count++;
}

static inline void kref_put(struct kref *ref, void (*release)(struct kref *ref))
{
	if (!--ref->count)
		release(ref);
}

static inline void *ERR_PTR(long error)
{
	return (void *)error;
}

static inline long PTR_ERR(const void *ptr)
{
	return (long)ptr;
}

#define GFP_KERNEL		0
#define GFP_KERNEL_ACCOUNT	0

/* Set by a test: how many allocations succeed before one fails; below 0, all. */
extern int shim_allocations;

static inline bool shim_fails(void)
{
	return !shim_allocations || (shim_allocations > 0 && !shim_allocations--);
}

#define kzalloc(size, gfp)	(shim_fails() ? NULL : calloc(1, size))
#define kfree(ptr)		free(ptr)
#define kvzalloc(size, gfp)	(shim_fails() ? NULL : calloc(1, size))
#define kvmalloc(size, gfp)	(shim_fails() ? NULL : malloc(size))
#define kvmalloc_array(n, size, gfp) (shim_fails() ? NULL : calloc(n, size))
#define kvfree(ptr)		free(ptr)
#define cond_resched()		((void)0)

#define sort(base, n, size, cmp, swap) qsort(base, n, size, cmp)

#endif /* _SHIM_KERNEL_H */
