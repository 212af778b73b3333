/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _P2P_HOST_LIST_H
#define _P2P_HOST_LIST_H

#include <linux/types.h>

struct p2p_path_host;

void p2p_host_known(struct p2p_path_host *host, u16 vendor, u16 device);
bool p2p_cpu_family_forwards(bool amd, unsigned int family);

#endif /* _P2P_HOST_LIST_H */
