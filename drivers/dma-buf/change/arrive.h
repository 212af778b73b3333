/* SPDX-License-Identifier: GPL-2.0 */
/* A buffer at its new place. */
#ifndef _PEERBUF_ARRIVE_H
#define _PEERBUF_ARRIVE_H

struct peerbuf;
struct peerbuf_placement;

void peerbuf_arrive_at(struct peerbuf *pb, struct peerbuf_placement *to);
void peerbuf_retire(struct peerbuf *pb, struct peerbuf_placement *from,
		    struct peerbuf_placement *to);

#endif /* _PEERBUF_ARRIVE_H */
