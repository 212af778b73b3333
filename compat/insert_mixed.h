/* SPDX-License-Identifier: GPL-2.0 */
/* vmf_insert_mixed() takes a frame number from 6.17 on, before that a pfn_t. */
#ifndef _PEERBUF_COMPAT_INSERT_MIXED_H
#define _PEERBUF_COMPAT_INSERT_MIXED_H

#ifndef HAVE_VMF_INSERT_MIXED_FRAME
#include <linux/mm.h>
#include <linux/pfn_t.h>

#define vmf_insert_mixed(vma, addr, pfn) \
	vmf_insert_mixed(vma, addr, __pfn_to_pfn_t(pfn, PFN_DEV))
#endif

#endif /* _PEERBUF_COMPAT_INSERT_MIXED_H */
