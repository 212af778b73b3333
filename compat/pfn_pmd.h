/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PMD-sized mappings of memory without pages: from 6.12 on, where the
 * architecture can mark a PMD special. The first kernels to have it wrap the
 * frame number in a pfn_t.
 */
#ifndef _PEERBUF_COMPAT_PFN_PMD_H
#define _PEERBUF_COMPAT_PFN_PMD_H

#include <linux/mm.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0) && \
	defined(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)
#define HAVE_PFN_PMD	1

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/huge_mm.h>
#include <linux/pfn_t.h>

#define vmf_insert_pfn_pmd(vmf, pfn, write) \
	vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), write)
#endif
#endif

#endif /* _PEERBUF_COMPAT_PFN_PMD_H */
