/* SPDX-License-Identifier: GPL-2.0 */
/*
 * peerbuf's and the test drivers' ioctls, as functions. They return 0 or -errno;
 * the reason of the last peerbuf ioctl is in peer_reason, and what the last move or
 * restore said about rights in peer_missing and peer_bad_right.
 */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/peerbuf.h>

#include "bar_owner_uapi.h"
#include "edu_dma_uapi.h"

/* PAGE, the bytes of a page, is meson's: lists of ranges are initialised with it. */

/**
 * struct peer_export - an export
 * @fd: the dma-buf
 * @id: its id
 * @size: bytes
 * @bad_range: which range was refused
 */
struct peer_export {
	int fd;
	__u64 id;
	__u64 size;
	__u32 bad_range;
};

extern __u32 peer_reason;
extern __u64 peer_missing;
extern __u32 peer_bad_right;

int peer_ioctl(int fd, unsigned long request, void *arg);
int peer_control(void);
int peer_stats(struct peerbuf_ioc_stats *stats);
int peer_info(int node, struct peerbuf_ioc_info *info);
int peer_export(int node, const struct peerbuf_range *ranges, __u32 nr,
		__u32 flags, struct peer_export *export);
int peer_export_cut(int node, const struct peerbuf_range *range, __u64 segment_align,
		    __u64 max_segment, struct peer_export *export);
int peer_export_one(int node, __u32 bar, __u64 offset, __u64 length, __u32 flags,
		    struct peer_export *export);
int peer_move(int node, __u64 id, const struct peerbuf_range *ranges, __u32 nr,
	      __u32 flags);
int peer_move_one(int node, __u64 id, __u32 bar, __u64 offset, __u64 length,
		  __u32 flags);
int peer_move_with(int node, __u64 id, const struct peerbuf_range *ranges, __u32 nr,
		   __u32 flags, const __s32 *rights, __u32 nr_rights);
int peer_revoke(int node, __u64 id, __u32 timeout_ms);
int peer_revoke_info(int node, __u64 id, __u32 timeout_ms,
		     struct peerbuf_ioc_revoke *out);
int peer_probe(int fd, struct peerbuf_ioc_probe *probe);
int peer_events(int node, __u64 types, __u32 record_size);
int peer_restore(int node, __u64 id);
int peer_restore_with(int node, __u64 id, const __s32 *rights, __u32 nr_rights);
int peer_query(int node, __u64 id, struct peerbuf_export_info *info);
int peer_query_fd(int node, int fd, struct peerbuf_export_info *info);
int peer_list(int node, __u64 after, struct peerbuf_export_info *entries,
	      __u32 room, __u32 *stored, __u32 *total);
int peer_attachments(int node, __u64 id, struct peerbuf_attachment_info *entries,
		     __u32 room, __u32 *total);
int peer_route_range(int node, __u64 provider, __u64 client, __u32 bar, __u64 offset,
		     __u64 length, struct peerbuf_route *route);
int peer_route(int node, __u64 provider, __u64 client, __u32 bar,
	       struct peerbuf_route *route);
int peer_lend(int control, __u64 addr, __u32 mask);
int peer_unlend(int control, __u64 addr, __u32 mask);
int peer_lend_ranges(int control, __u64 addr, __u32 mask, const struct peerbuf_range *ranges,
		     __u32 nr, __u32 *bad_range);
/* What is mapped at @addr; @pieces has room for *@nr, which becomes the number there are. */
int peer_lookup(int control, const void *addr, __u64 length, __u32 flags,
		struct peerbuf_piece *pieces, __u32 *nr);
/* One dma-buf of all of it; @bad_addr as the kernel says. */
int peer_compose(int control, const void *addr, __u64 length, struct peer_export *export,
		 __u64 *offset, __u64 *bad_addr);
int peer_file(int control, bool write, struct peerbuf_ioc_file *call);
int peer_policy(int control, __u64 addr, __u32 set, __u32 clear);

int edu_attach(int edu, int dmabuf, __u32 mode, __u32 flags, __u32 *handle);
int edu_detach(int edu, __u32 handle);
int edu_map(int edu, __u32 handle);
int edu_unmap(int edu, __u32 handle);
int edu_wait(int edu, __u32 handle);
int edu_copy(int edu, __u32 handle, __u64 offset, __u32 inner, __u32 length,
	     __u32 direction, __u32 flags);
int edu_put(int edu, __u32 inner, const void *data, __u32 length);
int edu_get(int edu, __u32 inner, void *data, __u32 length);
int edu_raw(int edu, __u64 addr, __u32 inner, __u32 length, __u32 direction);
int edu_segments(int edu, __u32 handle, struct edu_dma_segment *entries,
		 __u32 room, __u32 *total);
int edu_walk(int edu, struct edu_dma_walk *req);
int edu_state(int edu, __u32 handle, struct edu_dma_state *state);

int owner_export(int owner, __u64 offset, __u64 length, __u32 flags, int share,
		 struct peer_export *export);
int owner_call(int owner, unsigned long request, struct bar_owner_buffer *req);
int owner_switch(int owner, unsigned long request, bool on);
int owner_released(int owner, __u32 *count);

#endif /* PEER_H */
