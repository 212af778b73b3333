/* SPDX-License-Identifier: GPL-2.0 */
/* From 6.16 on the kernel marks functions whose BARs neither a CPU nor a peer may map. */
#ifndef _PEERBUF_COMPAT_NON_MAPPABLE_BARS_H
#define _PEERBUF_COMPAT_NON_MAPPABLE_BARS_H

#include <linux/pci.h>

#ifdef HAVE_PCI_NON_MAPPABLE_BARS
static inline bool pci_non_mappable_bars(const struct pci_dev *pdev)
{
	return pdev->non_mappable_bars;
}

/* For tests. */
static inline int pci_set_non_mappable_bars(struct pci_dev *pdev, bool on)
{
	pdev->non_mappable_bars = on;
	return 0;
}
#else
static inline bool pci_non_mappable_bars(const struct pci_dev *pdev)
{
	return false;
}

static inline int pci_set_non_mappable_bars(struct pci_dev *pdev, bool on)
{
	return -EOPNOTSUPP;
}
#endif

#endif /* _PEERBUF_COMPAT_NON_MAPPABLE_BARS_H */
