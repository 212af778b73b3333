/* SPDX-License-Identifier: GPL-2.0 */
/* PCIe errors, by the kernel's aer_inject driver. */
#ifndef AER_H
#define AER_H

#include <linux/types.h>

/* The function says that it has met these, PCI_ERR_UNC_*. */
void aer_inject(const char *id, __u32 uncorrectable);

#endif /* AER_H */
