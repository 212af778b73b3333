/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* What the hca module and its libibverbs provider must agree on. */
#ifndef _HCA_ABI_H
#define _HCA_ABI_H

/* Out of the range the kernel gives to its own drivers. */
#define HCA_DRIVER_ID		0x5042
#define HCA_ABI_VERSION		1

#endif /* _HCA_ABI_H */
