/* SPDX-License-Identifier: GPL-2.0 */
/* BARs that the administrator lends to userspace, as a whole or in part. */
#ifndef _PEERBUF_LEND_H
#define _PEERBUF_LEND_H

#include <linux/types.h>

#include <linux/peerbuf.h>

struct pci_dev;
struct peerbuf_device;
struct peerbuf_refusal;

int peerbuf_lent_check(struct pci_dev *pdev, const struct peerbuf_range *ranges, u32 nr,
		       u32 *mask, u32 *bad_range, struct peerbuf_refusal *why);
int peerbuf_lent_add(struct peerbuf_device *pdevice, u32 whole,
		     const struct peerbuf_range *ranges, u32 nr, struct peerbuf_refusal *why);
int peerbuf_lent_allows(struct peerbuf_device *pdevice, const struct peerbuf_range *range,
			struct peerbuf_refusal *why);
int peerbuf_admin_lock(struct pci_dev *pdev, struct peerbuf_refusal *why);
int peerbuf_lend(struct pci_dev *pdev, struct peerbuf_ioc_lend *arg, struct peerbuf_refusal *why);
int peerbuf_unlend(struct pci_dev *pdev, struct peerbuf_ioc_lend *arg, struct peerbuf_refusal *why);
int peerbuf_lend_init(void);
void peerbuf_lend_exit(void);

#endif /* _PEERBUF_LEND_H */
