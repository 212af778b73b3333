/* SPDX-License-Identifier: GPL-2.0 */
/* vm_flags became read-only, with accessors, in 6.3. */
#ifndef _PEERBUF_COMPAT_VM_FLAGS_H
#define _PEERBUF_COMPAT_VM_FLAGS_H

#ifndef HAVE_VM_FLAGS_SET
#include <linux/mm.h>

static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}
#endif

#endif /* _PEERBUF_COMPAT_VM_FLAGS_H */
