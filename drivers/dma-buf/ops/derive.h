/* SPDX-License-Identifier: GPL-2.0 */
/* Making a buffer of parts of others. */
#ifndef _PEERBUF_DERIVE_H
#define _PEERBUF_DERIVE_H

#include <linux/types.h>

struct peerbuf;
struct peerbuf_part;
struct peerbuf_refusal;

struct peerbuf *peerbuf_derive(struct peerbuf_part *parts, u32 nr, bool writable,
			       struct peerbuf_refusal *why);

#endif /* _PEERBUF_DERIVE_H */
