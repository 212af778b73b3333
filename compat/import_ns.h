/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MODULE_IMPORT_NS() takes a string from 6.13 on, and a bare token before. This one takes a
 * string.
 */
#ifndef _PEERBUF_COMPAT_IMPORT_NS_H
#define _PEERBUF_COMPAT_IMPORT_NS_H

#include <linux/module.h>

#undef MODULE_IMPORT_NS
#define MODULE_IMPORT_NS(ns)	MODULE_INFO(import_ns, ns)

#endif /* _PEERBUF_COMPAT_IMPORT_NS_H */
