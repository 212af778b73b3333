/* SPDX-License-Identifier: GPL-2.0 */
/* Moving a buffer to other memory, with or without its contents. */
#ifndef _PEERBUF_MOVE_H
#define _PEERBUF_MOVE_H

#include <linux/types.h>

struct p2p_vecs;
struct peerbuf;
struct peerbuf_refusal;
struct peerbuf_timeout;
struct peerbuf_placement;
struct peerbuf_rights;

int peerbuf_move_to(struct peerbuf *pb, struct p2p_vecs *vecs, u32 flags,
		    int finish_mode, struct peerbuf_rights *rights, struct peerbuf_refusal *why);
int peerbuf_move_held(struct peerbuf *pb, struct p2p_vecs *vecs, u32 flags,
		      const struct peerbuf_timeout *timeout, struct peerbuf_refusal *why);
int peerbuf_copy(struct peerbuf *pb, const struct peerbuf_placement *to,
		 const struct peerbuf_timeout *timeout, struct peerbuf_refusal *why);

#endif /* _PEERBUF_MOVE_H */
