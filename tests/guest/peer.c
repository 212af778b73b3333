// SPDX-License-Identifier: GPL-2.0
/* See peer.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "peer.h"

__u32 peer_reason;
__u64 peer_missing;
__u32 peer_bad_right;

int peer_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

/* peerbuf's structures begin with their size and the reason. */
static int peer_call(int fd, unsigned long request, void *arg, __u32 size)
{
	__u32 *head = arg;
	int ret;

	head[0] = size;
	head[1] = 0;
	ret = peer_ioctl(fd, request, arg);
	peer_reason = head[1];
	return ret;
}

#define CALL(fd, request, arg)	peer_call(fd, request, arg, sizeof(*(arg)))

int peer_control(void)
{
	int fd = open("/dev/peerbuf/control", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int peer_stats(struct peerbuf_ioc_stats *stats)
{
	int fd = peer_control(), ret;

	if (fd < 0)
		return fd;
	memset(stats, 0, sizeof(*stats));
	ret = CALL(fd, PEERBUF_IOC_STATS, stats);
	close(fd);
	return ret;
}

int peer_file(int control, bool write, struct peerbuf_ioc_file *call)
{
	return CALL(control, write ? PEERBUF_IOC_FILE_WRITE : PEERBUF_IOC_FILE_READ, call);
}

int peer_info(int node, struct peerbuf_ioc_info *info)
{
	memset(info, 0, sizeof(*info));
	return CALL(node, PEERBUF_IOC_INFO, info);
}

int peer_probe(int fd, struct peerbuf_ioc_probe *probe)
{
	memset(probe, 0, sizeof(*probe));
	return CALL(fd, PEERBUF_IOC_PROBE, probe);
}

int peer_events(int node, __u64 types, __u32 record_size)
{
	struct peerbuf_ioc_events req = { .types = types, .record_size = record_size };

	return CALL(node, PEERBUF_IOC_EVENTS, &req);
}

static int peer_export_call(int node, struct peerbuf_ioc_export *req,
			    struct peer_export *export)
{
	int ret = CALL(node, PEERBUF_IOC_EXPORT, req);

	export->fd = ret ? -1 : req->fd;
	export->id = req->id;
	export->size = req->buffer_size;
	export->bad_range = req->bad_range;
	return ret;
}

int peer_export(int node, const struct peerbuf_range *ranges, __u32 nr,
		__u32 flags, struct peer_export *export)
{
	struct peerbuf_ioc_export req = {
		.flags = flags,
		.open_flags = O_CLOEXEC | O_RDWR,
		.nr_ranges = nr,
		.ranges = (__u64)(uintptr_t)ranges,
	};

	return peer_export_call(node, &req, export);
}

int peer_export_cut(int node, const struct peerbuf_range *range, __u64 segment_align,
		    __u64 max_segment, struct peer_export *export)
{
	struct peerbuf_ioc_export req = {
		.open_flags = O_CLOEXEC | O_RDWR,
		.nr_ranges = 1,
		.ranges = (__u64)(uintptr_t)range,
		.segment_align = segment_align,
		.max_segment = max_segment,
	};

	return peer_export_call(node, &req, export);
}

int peer_export_one(int node, __u32 bar, __u64 offset, __u64 length, __u32 flags,
		    struct peer_export *export)
{
	struct peerbuf_range range = {
		.offset = offset, .length = length, .bar = bar,
	};

	return peer_export(node, &range, 1, flags, export);
}

int peer_move_with(int node, __u64 id, const struct peerbuf_range *ranges, __u32 nr,
		   __u32 flags, const __s32 *rights, __u32 nr_rights)
{
	struct peerbuf_ioc_move req = {
		.id = id,
		.flags = flags,
		.nr_ranges = nr,
		.ranges = (__u64)(uintptr_t)ranges,
		.rights = (__u64)(uintptr_t)rights,
		.nr_rights = nr_rights,
	};
	int ret = CALL(node, PEERBUF_IOC_MOVE, &req);

	peer_missing = req.missing;
	peer_bad_right = req.bad_right;
	return ret;
}

int peer_move(int node, __u64 id, const struct peerbuf_range *ranges, __u32 nr,
	      __u32 flags)
{
	return peer_move_with(node, id, ranges, nr, flags, NULL, 0);
}

int peer_move_one(int node, __u64 id, __u32 bar, __u64 offset, __u64 length,
		  __u32 flags)
{
	struct peerbuf_range range = {
		.offset = offset, .length = length, .bar = bar,
	};

	return peer_move(node, id, &range, 1, flags);
}

int peer_revoke_info(int node, __u64 id, __u32 timeout_ms,
		     struct peerbuf_ioc_revoke *out)
{
	memset(out, 0, sizeof(*out));
	out->id = id;
	out->timeout_ms = timeout_ms;
	return CALL(node, PEERBUF_IOC_REVOKE, out);
}

int peer_revoke(int node, __u64 id, __u32 timeout_ms)
{
	struct peerbuf_ioc_revoke req;

	return peer_revoke_info(node, id, timeout_ms, &req);
}

int peer_restore_with(int node, __u64 id, const __s32 *rights, __u32 nr_rights)
{
	struct peerbuf_ioc_restore req = {
		.id = id,
		.rights = (__u64)(uintptr_t)rights,
		.nr_rights = nr_rights,
	};
	int ret = CALL(node, PEERBUF_IOC_RESTORE, &req);

	peer_missing = req.missing;
	peer_bad_right = req.bad_right;
	return ret;
}

int peer_restore(int node, __u64 id)
{
	return peer_restore_with(node, id, NULL, 0);
}

static int peer_query_by(int node, __u64 id, int fd,
			 struct peerbuf_export_info *info)
{
	struct peerbuf_ioc_query req = { .id = id, .fd = fd };
	int ret = CALL(node, PEERBUF_IOC_QUERY, &req);

	*info = req.info;
	return ret;
}

int peer_query(int node, __u64 id, struct peerbuf_export_info *info)
{
	return peer_query_by(node, id, 0, info);
}

int peer_query_fd(int node, int fd, struct peerbuf_export_info *info)
{
	return peer_query_by(node, 0, fd, info);
}

int peer_list(int node, __u64 after, struct peerbuf_export_info *entries,
	      __u32 room, __u32 *stored, __u32 *total)
{
	struct peerbuf_ioc_list req = {
		.after = after,
		.entries = (__u64)(uintptr_t)entries,
		.nr_entries = room,
		.entry_size = sizeof(*entries),
	};
	int ret = CALL(node, PEERBUF_IOC_LIST, &req);

	*stored = req.nr_entries;
	*total = req.total;
	return ret;
}

int peer_attachments(int node, __u64 id, struct peerbuf_attachment_info *entries,
		     __u32 room, __u32 *total)
{
	struct peerbuf_ioc_attachments req = {
		.id = id,
		.entries = (__u64)(uintptr_t)entries,
		.nr_entries = room,
		.entry_size = sizeof(*entries),
	};
	int ret = CALL(node, PEERBUF_IOC_ATTACHMENTS, &req);

	*total = req.total;
	return ret;
}

int peer_route_range(int node, __u64 provider, __u64 client, __u32 bar, __u64 offset,
		     __u64 length, struct peerbuf_route *route)
{
	struct peerbuf_ioc_route req = {
		.provider = provider, .client = client, .bar = bar, .offset = offset,
		.length = length,
	};
	int ret = CALL(node, PEERBUF_IOC_ROUTE, &req);

	*route = req.route;
	return ret;
}

int peer_route(int node, __u64 provider, __u64 client, __u32 bar,
	       struct peerbuf_route *route)
{
	return peer_route_range(node, provider, client, bar, 0, 0, route);
}

int peer_lend(int control, __u64 addr, __u32 mask)
{
	struct peerbuf_ioc_lend req = { .addr = addr, .bar_mask = mask };

	return CALL(control, PEERBUF_IOC_LEND, &req);
}

int peer_unlend(int control, __u64 addr, __u32 mask)
{
	struct peerbuf_ioc_lend req = { .addr = addr, .bar_mask = mask };

	return CALL(control, PEERBUF_IOC_UNLEND, &req);
}

int peer_lend_ranges(int control, __u64 addr, __u32 mask, const struct peerbuf_range *ranges,
		     __u32 nr, __u32 *bad_range)
{
	struct peerbuf_ioc_lend req = {
		.addr = addr, .bar_mask = mask, .nr_ranges = nr,
		.ranges = (unsigned long)ranges, .bad_range = ~0U,
	};
	int ret = CALL(control, PEERBUF_IOC_LEND, &req);

	*bad_range = req.bad_range;
	return ret;
}

int peer_policy(int control, __u64 addr, __u32 set, __u32 clear)
{
	struct peerbuf_ioc_policy req = { .addr = addr, .set = set, .clear = clear };

	return CALL(control, PEERBUF_IOC_POLICY, &req);
}

/* ---- edu_dma ---- */

int edu_attach(int edu, int dmabuf, __u32 mode, __u32 flags, __u32 *handle)
{
	struct edu_dma_attach req = {
		.size = sizeof(req), .mode = mode, .fd = dmabuf, .flags = flags,
	};
	int ret = peer_ioctl(edu, EDU_DMA_IOC_ATTACH, &req);

	*handle = req.handle;
	return ret;
}

static int edu_simple(int edu, unsigned long request, __u32 handle)
{
	struct edu_dma_handle req = { .size = sizeof(req), .handle = handle };

	return peer_ioctl(edu, request, &req);
}

int edu_detach(int edu, __u32 handle)
{
	return edu_simple(edu, EDU_DMA_IOC_DETACH, handle);
}

int edu_map(int edu, __u32 handle)
{
	return edu_simple(edu, EDU_DMA_IOC_MAP, handle);
}

int edu_unmap(int edu, __u32 handle)
{
	return edu_simple(edu, EDU_DMA_IOC_UNMAP, handle);
}

int edu_wait(int edu, __u32 handle)
{
	return edu_simple(edu, EDU_DMA_IOC_WAIT, handle);
}

int edu_copy(int edu, __u32 handle, __u64 offset, __u32 inner, __u32 length,
	     __u32 direction, __u32 flags)
{
	struct edu_dma_copy req = {
		.size = sizeof(req), .handle = handle, .offset = offset,
		.edu_offset = inner, .length = length, .direction = direction,
		.flags = flags,
	};

	return peer_ioctl(edu, EDU_DMA_IOC_COPY, &req);
}

static int edu_local(int edu, __u32 inner, void *data, __u32 length,
		     __u32 direction)
{
	struct edu_dma_local req = {
		.size = sizeof(req), .direction = direction,
		.data = (__u64)(uintptr_t)data, .edu_offset = inner,
		.length = length,
	};

	return peer_ioctl(edu, EDU_DMA_IOC_LOCAL, &req);
}

int edu_put(int edu, __u32 inner, const void *data, __u32 length)
{
	return edu_local(edu, inner, (void *)data, length, EDU_DMA_FROM_BUFFER);
}

int edu_get(int edu, __u32 inner, void *data, __u32 length)
{
	return edu_local(edu, inner, data, length, EDU_DMA_TO_BUFFER);
}

int edu_raw(int edu, __u64 addr, __u32 inner, __u32 length, __u32 direction)
{
	struct edu_dma_raw req = {
		.size = sizeof(req), .direction = direction, .addr = addr,
		.edu_offset = inner, .length = length,
	};

	return peer_ioctl(edu, EDU_DMA_IOC_RAW, &req);
}

int edu_segments(int edu, __u32 handle, struct edu_dma_segment *entries,
		 __u32 room, __u32 *total)
{
	struct edu_dma_segments req = {
		.size = sizeof(req), .handle = handle,
		.entries = (__u64)(uintptr_t)entries, .nr_entries = room,
	};
	int ret = peer_ioctl(edu, EDU_DMA_IOC_SEGMENTS, &req);

	*total = req.total;
	return ret;
}

int edu_walk(int edu, struct edu_dma_walk *req)
{
	req->size = sizeof(*req);
	return peer_ioctl(edu, EDU_DMA_IOC_WALK, req);
}

int edu_state(int edu, __u32 handle, struct edu_dma_state *state)
{
	memset(state, 0, sizeof(*state));
	state->size = sizeof(*state);
	state->handle = handle;
	return peer_ioctl(edu, EDU_DMA_IOC_STATE, state);
}

/* ---- bar_owner ---- */

int owner_export(int owner, __u64 offset, __u64 length, __u32 flags, int share,
		 struct peer_export *export)
{
	struct bar_owner_export req = {
		.size = sizeof(req), .flags = flags, .offset = offset,
		.length = length, .share = share,
	};
	int ret = peer_ioctl(owner, BAR_OWNER_IOC_EXPORT, &req);

	export->fd = ret ? -1 : req.fd;
	export->id = req.id;
	export->size = length;
	return ret;
}

int owner_call(int owner, unsigned long request, struct bar_owner_buffer *req)
{
	req->size = sizeof(*req);
	return peer_ioctl(owner, request, req);
}

int owner_switch(int owner, unsigned long request, bool on)
{
	struct bar_owner_switch req = { .size = sizeof(req), .on = on };

	return peer_ioctl(owner, request, &req);
}

int owner_released(int owner, __u32 *count)
{
	struct bar_owner_count req = { .size = sizeof(req) };
	int ret = peer_ioctl(owner, BAR_OWNER_IOC_RELEASED, &req);

	*count = req.released;
	return ret;
}

int peer_lookup(int control, const void *addr, __u64 length, __u32 flags,
		struct peerbuf_piece *pieces, __u32 *nr)
{
	struct peerbuf_ioc_lookup req = {
		.flags = flags, .open_flags = O_CLOEXEC, .addr = (unsigned long)addr,
		.length = length, .pieces = (unsigned long)pieces, .nr_pieces = *nr,
		.piece_size = sizeof(*pieces),
	};
	int ret = CALL(control, PEERBUF_IOC_LOOKUP, &req);

	*nr = req.total;
	return ret;
}

int peer_compose(int control, const void *addr, __u64 length, struct peer_export *export,
		 __u64 *offset, __u64 *bad_addr)
{
	struct peerbuf_ioc_lookup req = {
		.flags = PEERBUF_LOOKUP_F_COMPOSE, .open_flags = O_CLOEXEC,
		.addr = (unsigned long)addr, .length = length,
	};
	int ret = CALL(control, PEERBUF_IOC_LOOKUP, &req);

	export->fd = req.fd;
	export->id = req.id;
	if (offset)
		*offset = req.offset;
	if (bad_addr)
		*bad_addr = req.bad_addr;
	return ret;
}
