/* SPDX-License-Identifier: GPL-2.0 */
/* BARs that are still mapped though their owner has gone. */
#ifndef _PEERBUF_KEEP_H
#define _PEERBUF_KEEP_H

#include <linux/types.h>

struct pci_dev;
struct peerbuf_device;

void peerbuf_keep(struct peerbuf_device *pdevice);
bool peerbuf_keeps(struct pci_dev *pdev, unsigned int bars);
int peerbuf_keep_init(void);
void peerbuf_keep_exit(void);

#endif /* _PEERBUF_KEEP_H */
