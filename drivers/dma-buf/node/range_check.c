// SPDX-License-Identifier: GPL-2.0
/* Checks one range that userspace names: is it well-formed, and within its BAR? */
#include <linux/mm.h>
#include <linux/overflow.h>

#include <linux/peerbuf.h>

#include "core/refusal.h"
#include "node/ioctl.h"
#include "node/ranges.h"

/* System memory belongs to no device, so the fields that name a place in one must be zero. */
static int peerbuf_range_check_device(const struct peerbuf_range *range,
				      struct peerbuf_refusal *why)
{
	bool other = range->flags & PEERBUF_RANGE_F_DEVICE_FD;
	bool system = range->flags & PEERBUF_RANGE_F_SYSTEM;

	if (range->flags & ~PEERBUF_RANGE_FLAGS || (other && system))
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_FLAGS);
	if (range->reserved || (!other && range->device_fd) ||
	    (system && (range->bar || range->offset)))
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_RESERVED);
	return 0;
}

int peerbuf_range_check(const struct peerbuf_range *range, struct peerbuf_refusal *why)
{
	u64 end;
	int ret;

	ret = peerbuf_range_check_device(range, why);
	if (ret)
		return ret;
	if (!range->length)
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_ZERO_LENGTH);
	if (!PAGE_ALIGNED(range->offset) || !PAGE_ALIGNED(range->length))
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_UNALIGNED);
	if (check_add_overflow(range->offset, range->length, &end))
		return peerbuf_fail(why, -EOVERFLOW, PEERBUF_REASON_OVERFLOW);
	return 0;
}
