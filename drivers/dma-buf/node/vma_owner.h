/* SPDX-License-Identifier: GPL-2.0 */
/* Which BAR a mapping by a driver's own file shows. */
#ifndef _PEERBUF_VMA_OWNER_H
#define _PEERBUF_VMA_OWNER_H

#include <linux/types.h>

struct p2p_provider;
struct vm_area_struct;

struct p2p_provider *peerbuf_vma_provider(const struct vm_area_struct *vma, u64 *offset);

#endif /* _PEERBUF_VMA_OWNER_H */
