/* SPDX-License-Identifier: GPL-2.0 */
/* Derived buffers, which go where their parts go. */
#ifndef _PEERBUF_FOLLOW_H
#define _PEERBUF_FOLLOW_H

#include <linux/types.h>

struct p2p_vecs;
struct peerbuf;
struct peerbuf_refusal;
struct peerbuf_timeout;

int peerbuf_followers_gather(struct peerbuf *pb, struct p2p_vecs *to, struct peerbuf_refusal *why);
void peerbuf_followers_invalidate(struct peerbuf *pb);
int peerbuf_followers_wait(struct peerbuf *pb, const struct peerbuf_timeout *timeout);
bool peerbuf_followers_composed(const struct peerbuf *pb);
void peerbuf_followers_sync(struct peerbuf *pb);
void peerbuf_followers_arrive(struct peerbuf *pb);
void peerbuf_followers_stay(struct peerbuf *pb);
void peerbuf_followers_release(struct peerbuf *pb);

#endif /* _PEERBUF_FOLLOW_H */
