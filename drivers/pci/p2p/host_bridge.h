/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _P2P_HOST_BRIDGE_H
#define _P2P_HOST_BRIDGE_H

#include <linux/types.h>

struct p2p_path_host;
struct pci_dev;

void p2p_host_bridge_describe(struct pci_dev *top, struct p2p_path_host *host);

/* An architecture whose CPUs identify forwarding root complexes implements this in cpu_*.c. */
#ifdef CONFIG_X86
bool p2p_cpu_forwards(void);
#else
static inline bool p2p_cpu_forwards(void)
{
	return false;
}
#endif

#endif /* _P2P_HOST_BRIDGE_H */
