// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>

#include "internal.h"

int peerbuf_route(int fd, uint64_t provider, uint64_t client, uint32_t bar,
		  struct peerbuf_route *route, struct peerbuf_error *error)
{
	struct peerbuf_ioc_route arg = {
		.provider = provider,
		.client = client,
		.bar = bar,
	};
	int ret = PEERBUF_CALL(fd, PEERBUF_IOC_ROUTE, &arg, error);

	if (!ret)
		*route = arg.route;
	return ret;
}

int peerbuf_lend(int control, uint64_t addr, uint32_t bar_mask, struct peerbuf_error *error)
{
	struct peerbuf_ioc_lend arg = { .addr = addr, .bar_mask = bar_mask };

	return PEERBUF_CALL(control, PEERBUF_IOC_LEND, &arg, error);
}

int peerbuf_lend_ranges(int control, uint64_t addr, uint32_t bar_mask,
			const struct peerbuf_range *ranges, size_t nr_ranges,
			struct peerbuf_error *error)
{
	struct peerbuf_ioc_lend arg = {
		.addr = addr,
		.bar_mask = bar_mask,
		.ranges = (uintptr_t)ranges,
	};

	/* The field is 32 bits wide: a larger count would be cut to a small one. */
	if (nr_ranges > PEERBUF_MAX_LENT)
		return peerbuf_fail(error, -EMSGSIZE, PEERBUF_REASON_TOO_MANY_RANGES);
	arg.nr_ranges = nr_ranges;
	return PEERBUF_CALL(control, PEERBUF_IOC_LEND, &arg, error);
}

int peerbuf_policy(int control, uint64_t addr, uint32_t set, uint32_t clear, uint32_t *policy,
		   struct peerbuf_error *error)
{
	struct peerbuf_ioc_policy arg = { .addr = addr, .set = set, .clear = clear };
	int ret = PEERBUF_CALL(control, PEERBUF_IOC_POLICY, &arg, error);

	if (!ret && policy)
		*policy = arg.policy;
	return ret;
}

int peerbuf_unlend(int control, uint64_t addr, uint32_t bar_mask, struct peerbuf_error *error)
{
	struct peerbuf_ioc_lend arg = { .addr = addr, .bar_mask = bar_mask };

	return PEERBUF_CALL(control, PEERBUF_IOC_UNLEND, &arg, error);
}
