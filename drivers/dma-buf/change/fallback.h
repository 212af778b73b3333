/* SPDX-License-Identifier: GPL-2.0 */
/* Moving a buffer to where an importer, or the CPU, can reach it. */
#ifndef _PEERBUF_FALLBACK_H
#define _PEERBUF_FALLBACK_H

#include <linux/types.h>

struct peerbuf;
struct peerbuf_client;
struct peerbuf_refusal;

int peerbuf_make_reachable(struct peerbuf *pb, struct peerbuf_client *client,
			   struct peerbuf_refusal *why);
int peerbuf_make_cpu_reachable(struct peerbuf *pb, u32 reason);

#endif /* _PEERBUF_FALLBACK_H */
