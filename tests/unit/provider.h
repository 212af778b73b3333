/* SPDX-License-Identifier: GPL-2.0 */
/* A provider without a device: what vecs.c asks of one, and a count of references. */
#ifndef _TEST_PROVIDER_H
#define _TEST_PROVIDER_H

#include <peerbuf/p2p.h>

struct p2p_provider {
	phys_addr_t base;
	u64 length;
	int references;
};

#endif /* _TEST_PROVIDER_H */
