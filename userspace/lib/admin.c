// SPDX-License-Identifier: LGPL-2.1-or-later
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
