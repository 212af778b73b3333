// SPDX-License-Identifier: GPL-2.0
/* Checks one range that userspace names: is it well-formed, and within its BAR? */
#include <linux/mm.h>
#include <linux/overflow.h>

#include <linux/peerbuf.h>

#include "node/ioctl.h"
#include "node/ranges.h"

/* System memory belongs to no device, so the fields that name a place in one must be zero. */
static int peerbuf_range_check_device(const struct peerbuf_range *range, u32 *reason)
{
	bool other = range->flags & PEERBUF_RANGE_F_DEVICE_FD;
	bool system = range->flags & PEERBUF_RANGE_F_SYSTEM;

	if (range->flags & ~PEERBUF_RANGE_FLAGS || (other && system)) {
		*reason = PEERBUF_REASON_FLAGS;
		return -EINVAL;
	}
	if (range->reserved || (!other && range->device_fd) ||
	    (system && (range->bar || range->offset))) {
		*reason = PEERBUF_REASON_RESERVED;
		return -EINVAL;
	}
	return 0;
}

int peerbuf_range_check(const struct peerbuf_range *range, u32 *reason)
{
	u64 end;
	int ret;

	ret = peerbuf_range_check_device(range, reason);
	if (ret)
		return ret;
	if (!range->length) {
		*reason = PEERBUF_REASON_ZERO_LENGTH;
		return -EINVAL;
	}
	if (!PAGE_ALIGNED(range->offset) || !PAGE_ALIGNED(range->length)) {
		*reason = PEERBUF_REASON_UNALIGNED;
		return -EINVAL;
	}
	if (check_add_overflow(range->offset, range->length, &end)) {
		*reason = PEERBUF_REASON_OVERFLOW;
		return -EOVERFLOW;
	}
	return 0;
}
