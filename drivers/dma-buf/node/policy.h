/* SPDX-License-Identifier: GPL-2.0 */
/* The administrator's policies for a device. */
#ifndef _PEERBUF_POLICY_H
#define _PEERBUF_POLICY_H

#include <linux/types.h>

struct pci_dev;
struct peerbuf_device;
struct peerbuf_refusal;

int peerbuf_policy_set(struct pci_dev *pdev, u32 set, u32 clear, u32 *policy,
		       struct peerbuf_refusal *why);
void peerbuf_policy_apply(struct peerbuf_device *pdevice);

#endif /* _PEERBUF_POLICY_H */
