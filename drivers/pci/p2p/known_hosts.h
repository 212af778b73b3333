/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _P2P_KNOWN_HOSTS_H
#define _P2P_KNOWN_HOSTS_H

#include <linux/types.h>

/**
 * struct p2p_known_host - a host bridge that forwards peer traffic
 * @vendor: its PCI vendor ID
 * @device: its PCI device ID
 * @same_only: it does so between its own ports, but not to another host bridge
 */
struct p2p_known_host {
	u32 vendor;
	u32 device;
	bool same_only;
};

const struct p2p_known_host *p2p_known_host(u32 vendor, u32 device);

#endif /* _P2P_KNOWN_HOSTS_H */
