/* SPDX-License-Identifier: GPL-2.0 */
/* What a node's owner is shown of buffers that are not all its own. */
#ifndef _PEERBUF_VIEW_H
#define _PEERBUF_VIEW_H

#include <linux/types.h>

#include <linux/peerbuf.h>

struct p2p_route;
struct peerbuf;
struct peerbuf_client;
struct peerbuf_device;

bool peerbuf_all_of(struct peerbuf *pb, const struct peerbuf_device *by);
void peerbuf_hide_export(struct peerbuf *pb, const struct peerbuf_device *by,
			 struct peerbuf_export_info *info);
bool peerbuf_route_to(struct peerbuf *pb, const struct peerbuf_device *by,
		      struct peerbuf_client *client, struct p2p_route *route);

#endif /* _PEERBUF_VIEW_H */
