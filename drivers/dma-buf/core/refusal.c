// SPDX-License-Identifier: GPL-2.0
/*
 * Refusals: what goes with an errno, and who is told.
 *
 * A check that fails fills a struct peerbuf_refusal with the errno, the reason and, if it is about
 * one, the route. Everybody above passes that on. Only here a reason is made of an errno: for those
 * who give nothing but an errno.
 */
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/addr.h"
#include "core/buffer.h"
#include "core/refusal.h"
#include "core/stats.h"
#include "core/trace.h"

/*
 * For an errno that came without a reason: of p2p.ko, of a wait, or of an exporting driver. Returns
 * @error.
 */
int peerbuf_fail_untold(struct peerbuf_refusal *why, int error)
{
	switch (error) {
	case -ENODEV:
		return peerbuf_fail(why, error, PEERBUF_REASON_DEVICE_GONE);
	case -EINTR:
		return peerbuf_fail(why, error, PEERBUF_REASON_INTERRUPTED);
	default:
		return peerbuf_fail(why, error, PEERBUF_REASON_NONE);
	}
}

/*
 * @why says why somebody cannot use a buffer where it is. A move to another place ended with
 * @error; 0 or -EOPNOTSUPP: there is no better place. Returns the errno.
 */
int peerbuf_fail_placing(struct peerbuf_refusal *why, int error)
{
	switch (error) {
	case 0:
	case -EOPNOTSUPP:
		return why->error;
	case -EBUSY:
		return peerbuf_fail(why, error, PEERBUF_REASON_PINNED);
	case -ENOMEM:
		return peerbuf_fail(why, error, PEERBUF_REASON_NO_MEMORY);
	default:
		return peerbuf_fail(why, error, why->reason);
	}
}

static const char *peerbuf_refusal_text(const struct peerbuf_refusal *why)
{
	switch (why->reason) {
	case PEERBUF_REASON_STATIC_IMPORTER:
		return "attaches statically and cannot be revoked";
	case PEERBUF_REASON_NO_PEER2PEER:
		return "cannot take memory without pages";
	case PEERBUF_REASON_PINNED_IMPORTER:
		return "pins and cannot be revoked";
	case PEERBUF_REASON_VETO:
		return "the exporting driver refused it";
	case PEERBUF_REASON_NO_ROUTE:
		return p2p_route_reason_text(why->route.reason);
	case PEERBUF_REASON_HIDDEN:
		return "the buffer is in memory that only its own device can address";
	case PEERBUF_REASON_PINNED:
		return "the buffer is pinned where the importer cannot access it";
	case PEERBUF_REASON_NO_MEMORY:
		return "there is no system memory for the buffer";
	case PEERBUF_REASON_IOMMU_REFUSED:
		return "the importer has no room for the buffer in its IOVA space";
	case PEERBUF_REASON_READ_ONLY_BUFFER:
		return "the buffer was derived from a read-only mapping";
	case PEERBUF_REASON_MEMORY_DECODE_OFF:
		return "its device, or a bridge above, does not decode memory";
	default:
		return "the buffer is revoked or its device is not available";
	}
}

/* Under resv. Counts and logs a refusal. @dev: NULL for a CPU. Returns the errno. */
int peerbuf_refuse(struct peerbuf *pb, struct device *dev, const struct peerbuf_refusal *why)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	pb->account.refusals++;
	pb->account.last_refusal = *why;
	pb->account.last_refusal_addr = peerbuf_dev_addr(dev);
	pb->account.last_refusal_moves = pb->account.moves;

	peerbuf_stat_inc(PEERBUF_STAT_REFUSALS);
	trace_peerbuf_refuse(pb, dev, why->reason, why->error, &why->route);
	if (dev)
		dev_info_ratelimited(dev, "peerbuf: export %llu refused: %s (reason %u, error %d)\n",
				     pb->id, peerbuf_refusal_text(why), why->reason, why->error);
	return why->error;
}

/* The same for a refusal that is not about a route. */
int peerbuf_refuse_for(struct peerbuf *pb, struct device *dev, int error, u32 reason)
{
	struct peerbuf_refusal why = PEERBUF_NOT_REFUSED;

	peerbuf_fail(&why, error, reason);
	return peerbuf_refuse(pb, dev, &why);
}
