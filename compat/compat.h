/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Force-included in front of every source file of the modules. Gives the newest
 * supported kernel's names to the older ones; the rest of the tree carries no
 * kernel version check. Each shim has a header of its own, named after what the
 * older kernel lacks. A shim tests for the feature: by a macro of the kernel's own, or by a
 * HAVE_* macro that compat/probe derives from the kernel's headers.
 */
#ifndef _PEERBUF_COMPAT_H
#define _PEERBUF_COMPAT_H

/* Defined here, because the includes of the shims already pull in printk.h. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "peerbuf needs Linux 6.1 or newer"
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 4, 0)
#error "peerbuf has not been tried on this kernel: 7.3 is the newest it knows"
#endif

#ifdef NO_KERNEL_HEADERS
#error "compat/probe has not found the kernel's headers"
#endif

#include "counted_by.h"
#include "dma_buf.h"
#include "import_ns.h"
#include "insert_mixed.h"
#include "two_step_dma.h"
#include "vm_flags.h"

#endif /* _PEERBUF_COMPAT_H */
