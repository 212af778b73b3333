/* SPDX-License-Identifier: GPL-2.0 */
/* Registering a device, and ending that. */
#ifndef _PEERBUF_REGISTRATION_H
#define _PEERBUF_REGISTRATION_H

#include <linux/types.h>

struct pci_dev;
struct peerbuf_device;

struct peerbuf_device *peerbuf_device_register_as(struct pci_dev *pdev,
						  unsigned int bar_mask,
						  unsigned int user_mask,
						  u32 owner, bool has_node);

#endif /* _PEERBUF_REGISTRATION_H */
