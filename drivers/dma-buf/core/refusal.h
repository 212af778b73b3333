/* SPDX-License-Identifier: GPL-2.0 */
/* Why something is refused. */
#ifndef _PEERBUF_REFUSAL_H
#define _PEERBUF_REFUSAL_H

#include <linux/types.h>

#include <peerbuf/peerbuf.h>

struct device;
struct peerbuf;

#define PEERBUF_NOT_REFUSED ((struct peerbuf_refusal){ .route.decider = P2P_ADDR_NONE })

/*
 * For the check that fails. Returns @error, which its callers pass on as it is. @reason: enum
 * peerbuf_reason.
 */
static inline int peerbuf_fail(struct peerbuf_refusal *why, int error, u32 reason)
{
	why->error = error;
	why->reason = reason;
	return error;
}

int peerbuf_fail_untold(struct peerbuf_refusal *why, int error);
int peerbuf_fail_placing(struct peerbuf_refusal *why, int error);
int peerbuf_refuse(struct peerbuf *pb, struct device *dev, const struct peerbuf_refusal *why);
int peerbuf_refuse_for(struct peerbuf *pb, struct device *dev, int error, u32 reason);

#endif /* _PEERBUF_REFUSAL_H */
