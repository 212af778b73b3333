/* SPDX-License-Identifier: GPL-2.0 */
/* Taking a buffer away from its importers, and giving it back. */
#ifndef _PEERBUF_REVOKE_H
#define _PEERBUF_REVOKE_H

#include <linux/types.h>

struct peerbuf;
struct peerbuf_device;
struct peerbuf_refusal;
struct peerbuf_timeout;
struct peerbuf_rights;

int peerbuf_mark_revoked(struct peerbuf *pb, u32 cause, struct peerbuf_device *owner);
int peerbuf_restore_for(struct peerbuf *pb, u32 causes, struct peerbuf_rights *rights,
			int mode, struct peerbuf_refusal *why);
int peerbuf_drain(struct peerbuf *pb, const struct peerbuf_timeout *timeout,
		  struct peerbuf_refusal *why);

#endif /* _PEERBUF_REVOKE_H */
