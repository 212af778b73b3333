/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The claims of placements on devices. By them a device that goes down finds every buffer that has
 * memory of it, or had and is still mapped there.
 */
#ifndef _PEERBUF_CLAIM_H
#define _PEERBUF_CLAIM_H

#include <linux/list.h>
#include <linux/types.h>

struct peerbuf;
struct peerbuf_device;
struct peerbuf_placement;
struct peerbuf_refusal;

/**
 * struct peerbuf_claim - makes a buffer known to one device that it has memory of
 * @node: in the device's list; protected by peerbuf_device.lock
 * @pb: the buffer; has its DMA-BUF already. NULL in a cursor
 * @pdevice: reference held
 * @nr: number among all claims of the device
 * @nr_ranges: ranges of the placement that are in this device
 *
 * Exists from before its placement is used until every mapping made from that
 * placement is gone: a device that goes down finds the buffer all that time.
 */
struct peerbuf_claim {
	struct list_head node;
	struct peerbuf *pb;
	struct peerbuf_device *pdevice;
	u64 nr;
	u32 nr_ranges;
};

u32 peerbuf_device_exports(struct peerbuf_device *pdevice);
bool peerbuf_placement_uses(const struct peerbuf_placement *placement,
			    const struct peerbuf_device *pdevice);
int peerbuf_placement_claim(struct peerbuf_placement *placement, struct peerbuf *pb,
			    bool when_down, struct peerbuf_refusal *why);

#endif /* _PEERBUF_CLAIM_H */
