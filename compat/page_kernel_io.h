/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PAGE_KERNEL_IO exists on x86 only: a kernel mapping without the memory encryption that RAM may
 * have. Other architectures map I/O memory like RAM, except for the caching.
 */
#ifndef _PEERBUF_COMPAT_PAGE_KERNEL_IO_H
#define _PEERBUF_COMPAT_PAGE_KERNEL_IO_H

#include <linux/pgtable.h>

#ifndef PAGE_KERNEL_IO
#define PAGE_KERNEL_IO	PAGE_KERNEL
#endif

#endif /* _PEERBUF_COMPAT_PAGE_KERNEL_IO_H */
