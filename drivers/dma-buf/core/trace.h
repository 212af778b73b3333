/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM peerbuf

#if !defined(_PEERBUF_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PEERBUF_TRACE_H

#include <linux/tracepoint.h>

#include "core/buffer.h"
#include "core/placement.h"

#define PEERBUF_TRACE_NAME_LEN	32

TRACE_EVENT(peerbuf_export,
	TP_PROTO(const struct peerbuf *pb),
	TP_ARGS(pb),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, size)
		__field(u32, flags)
		__field(u32, nr)
	),
	TP_fast_assign(
		__entry->id = pb->id;
		__entry->size = pb->size;
		__entry->flags = pb->flags;
		__entry->nr = pb->placement->vecs->nr;
	),
	TP_printk("id=%llu size=%llu ranges=%u flags=%#x", __entry->id,
		  __entry->size, __entry->nr, __entry->flags)
);

TRACE_EVENT(peerbuf_release,
	TP_PROTO(const struct peerbuf *pb),
	TP_ARGS(pb),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, size)
	),
	TP_fast_assign(
		__entry->id = pb->id;
		__entry->size = pb->size;
	),
	TP_printk("id=%llu size=%llu", __entry->id, __entry->size)
);

TRACE_EVENT(peerbuf_attach,
	TP_PROTO(const struct peerbuf *pb, struct device *dev, bool revocable),
	TP_ARGS(pb, dev, revocable),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(bool, revocable)
		__array(char, dev, PEERBUF_TRACE_NAME_LEN)
	),
	TP_fast_assign(
		__entry->id = pb->id;
		__entry->revocable = revocable;
		strscpy(__entry->dev, dev_name(dev), PEERBUF_TRACE_NAME_LEN);
	),
	TP_printk("id=%llu dev=%s revocable=%d", __entry->id, __entry->dev,
		  __entry->revocable)
);

TRACE_EVENT(peerbuf_detach,
	TP_PROTO(const struct peerbuf *pb, struct device *dev),
	TP_ARGS(pb, dev),
	TP_STRUCT__entry(
		__field(u64, id)
		__array(char, dev, PEERBUF_TRACE_NAME_LEN)
	),
	TP_fast_assign(
		__entry->id = pb->id;
		strscpy(__entry->dev, dev_name(dev), PEERBUF_TRACE_NAME_LEN);
	),
	TP_printk("id=%llu dev=%s", __entry->id, __entry->dev)
);

DECLARE_EVENT_CLASS(peerbuf_mapping,
	TP_PROTO(const struct peerbuf *pb, struct device *dev, u32 segments),
	TP_ARGS(pb, dev, segments),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, generation)
		__field(u32, segments)
		__array(char, dev, PEERBUF_TRACE_NAME_LEN)
	),
	TP_fast_assign(
		__entry->id = pb->id;
		__entry->generation = pb->generation;
		__entry->segments = segments;
		strscpy(__entry->dev, dev_name(dev), PEERBUF_TRACE_NAME_LEN);
	),
	TP_printk("id=%llu dev=%s generation=%llu segments=%u", __entry->id,
		  __entry->dev, __entry->generation, __entry->segments)
);

DEFINE_EVENT(peerbuf_mapping, peerbuf_map,
	TP_PROTO(const struct peerbuf *pb, struct device *dev, u32 segments),
	TP_ARGS(pb, dev, segments)
);

DEFINE_EVENT(peerbuf_mapping, peerbuf_unmap,
	TP_PROTO(const struct peerbuf *pb, struct device *dev, u32 segments),
	TP_ARGS(pb, dev, segments)
);

DECLARE_EVENT_CLASS(peerbuf_place,
	TP_PROTO(const struct peerbuf *pb, u32 why),
	TP_ARGS(pb, why),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, generation)
		__field(u32, why)
	),
	TP_fast_assign(
		__entry->id = pb->id;
		__entry->generation = pb->generation;
		__entry->why = why;
	),
	TP_printk("id=%llu generation=%llu why=%u", __entry->id,
		  __entry->generation, __entry->why)
);

DEFINE_EVENT(peerbuf_place, peerbuf_move,
	TP_PROTO(const struct peerbuf *pb, u32 why),
	TP_ARGS(pb, why)
);

DEFINE_EVENT(peerbuf_place, peerbuf_revoke,
	TP_PROTO(const struct peerbuf *pb, u32 why),
	TP_ARGS(pb, why)
);

DEFINE_EVENT(peerbuf_place, peerbuf_drained,
	TP_PROTO(const struct peerbuf *pb, u32 why),
	TP_ARGS(pb, why)
);

DEFINE_EVENT(peerbuf_place, peerbuf_restore,
	TP_PROTO(const struct peerbuf *pb, u32 why),
	TP_ARGS(pb, why)
);

DECLARE_EVENT_CLASS(peerbuf_unreached,
	TP_PROTO(const struct peerbuf *pb, struct device *dev, u32 reason,
		 int error, const struct p2p_route *route),
	TP_ARGS(pb, dev, reason, error, route),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, decider)
		__field(u32, reason)
		__field(u32, route_reason)
		__field(int, error)
		__array(char, dev, PEERBUF_TRACE_NAME_LEN)
	),
	TP_fast_assign(
		__entry->id = pb->id;
		__entry->decider = route ? route->decider : P2P_ADDR_NONE;
		__entry->reason = reason;
		__entry->route_reason = route ? route->reason : 0;
		__entry->error = error;
		strscpy(__entry->dev, dev ? dev_name(dev) : "cpu",
			PEERBUF_TRACE_NAME_LEN);
	),
	TP_printk("id=%llu dev=%s reason=%u error=%d route_reason=%u decider=%#llx",
		  __entry->id, __entry->dev, __entry->reason, __entry->error,
		  __entry->route_reason, __entry->decider)
);

DEFINE_EVENT(peerbuf_unreached, peerbuf_refuse,
	TP_PROTO(const struct peerbuf *pb, struct device *dev, u32 reason,
		 int error, const struct p2p_route *route),
	TP_ARGS(pb, dev, reason, error, route)
);

DEFINE_EVENT(peerbuf_unreached, peerbuf_fallback,
	TP_PROTO(const struct peerbuf *pb, struct device *dev, u32 reason,
		 int error, const struct p2p_route *route),
	TP_ARGS(pb, dev, reason, error, route)
);

#endif /* _PEERBUF_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH core
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
