/* SPDX-License-Identifier: GPL-2.0 */
/* Moving a buffer to where an importer, or the CPU, can reach it. */
#ifndef _PEERBUF_FALLBACK_H
#define _PEERBUF_FALLBACK_H

#include <linux/types.h>

struct p2p_route;
struct peerbuf;
struct peerbuf_client;

int peerbuf_make_reachable(struct peerbuf *pb, struct peerbuf_client *client, u32 reason,
			   struct p2p_route *route);
int peerbuf_make_cpu_reachable(struct peerbuf *pb, u32 reason);

#endif /* _PEERBUF_FALLBACK_H */
