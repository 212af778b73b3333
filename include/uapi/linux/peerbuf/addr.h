/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* peerbuf: addresses of PCI functions. Programs include <linux/peerbuf.h>. */
#ifndef _UAPI_LINUX_PEERBUF_ADDR_H
#define _UAPI_LINUX_PEERBUF_ADDR_H

#include <linux/types.h>

/*
 * A PCI function's address in one number: domain << 16 | bus << 8 | device << 3
 * | function. All ones: none.
 */
#define PEERBUF_PCI_ADDR(domain, bus, dev, fn)				\
	(((__u64)(domain) << 16) | ((__u64)(bus) << 8) |		\
	 ((__u64)(dev) << 3) | (__u64)(fn))
#define PEERBUF_PCI_DOMAIN(addr)	((__u32)((addr) >> 16))
#define PEERBUF_PCI_BUS(addr)		((__u32)((addr) >> 8) & 0xff)
#define PEERBUF_PCI_DEV(addr)		((__u32)((addr) >> 3) & 0x1f)
#define PEERBUF_PCI_FN(addr)		((__u32)(addr) & 0x7)
#define PEERBUF_PCI_NONE		(~(__u64)0)

#endif /* _UAPI_LINUX_PEERBUF_ADDR_H */
