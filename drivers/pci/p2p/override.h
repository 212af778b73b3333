/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _P2P_OVERRIDE_H
#define _P2P_OVERRIDE_H

#include <linux/types.h>

bool p2p_override_pair(u64 a, u64 b);
bool p2p_override_host(u64 root);

#endif /* _P2P_OVERRIDE_H */
