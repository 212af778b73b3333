/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* Definitions shared by the hca module and its libibverbs provider. */
#ifndef _HCA_ABI_H
#define _HCA_ABI_H

/* Outside the range of the kernel's own drivers. */
#define HCA_DRIVER_ID		0x5042
#define HCA_ABI_VERSION		1

#endif /* _HCA_ABI_H */
