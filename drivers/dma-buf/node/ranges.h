/* SPDX-License-Identifier: GPL-2.0 */
/* Ranges of memory, as userspace names them. */
#ifndef _PEERBUF_RANGES_H
#define _PEERBUF_RANGES_H

#include <linux/types.h>

#include <linux/peerbuf.h>

struct p2p_vecs;
struct peerbuf_file;
struct peerbuf_refusal;
struct peerbuf_rights;

int peerbuf_range_check(const struct peerbuf_range *range, struct peerbuf_refusal *why);
struct peerbuf_range *peerbuf_ranges_copy(u64 user_ranges, u32 nr, struct peerbuf_refusal *why);
struct p2p_vecs *peerbuf_ranges_resolve(struct peerbuf_file *pf, u64 user_ranges,
					u32 nr, struct peerbuf_rights *rights,
					u32 *bad_range, struct peerbuf_refusal *why);

#endif /* _PEERBUF_RANGES_H */
