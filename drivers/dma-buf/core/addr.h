/* SPDX-License-Identifier: GPL-2.0 */
/* How userspace names a device. */
#ifndef _PEERBUF_ADDR_H
#define _PEERBUF_ADDR_H

#include <linux/pci.h>
#include <linux/types.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

static inline u64 peerbuf_dev_addr(struct device *dev)
{
	return dev && dev_is_pci(dev) ? p2p_pci_addr(to_pci_dev(dev)) : PEERBUF_PCI_NONE;
}

#endif /* _PEERBUF_ADDR_H */
