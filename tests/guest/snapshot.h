/* SPDX-License-Identifier: GPL-2.0 */
/* What there is, to show that a refused call changed nothing. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "peer.h"

struct snapshot {
	struct peerbuf_ioc_stats stats;
	struct peerbuf_export_info list[16];
	__u32 nr;
	unsigned int fds;
};

void snapshot_take(struct snapshot *snapshot);
/* Counters of refusals and page faults may have gone up; nothing else may. */
void snapshot_unchanged(const struct snapshot *before);

#endif /* SNAPSHOT_H */
