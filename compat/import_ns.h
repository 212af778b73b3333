/* SPDX-License-Identifier: GPL-2.0 */
/* MODULE_IMPORT_NS() takes a string from 6.13 on, a bare token before. */
#ifndef _PEERBUF_COMPAT_IMPORT_NS_H
#define _PEERBUF_COMPAT_IMPORT_NS_H

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#include <linux/module.h>

#undef MODULE_IMPORT_NS
#define MODULE_IMPORT_NS(ns)	MODULE_INFO(import_ns, ns)
#endif

#endif /* _PEERBUF_COMPAT_IMPORT_NS_H */
