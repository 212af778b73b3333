// SPDX-License-Identifier: GPL-2.0
/* See snapshot.h. */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "snapshot.h"

static unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	check(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

void snapshot_take(struct snapshot *snapshot)
{
	int control = control_open();
	__u32 total;

	memset(snapshot, 0, sizeof(*snapshot));
	check_ok(peer_list(control, 0, snapshot->list, 16, &snapshot->nr,
			   &total));
	check_eq(snapshot->nr, total);
	check_ok(peer_stats(&snapshot->stats));
	close(control);
	snapshot->fds = count_fds();
	/* A mapping that could not be finished was made and undone. */
	snapshot->stats.maps -= snapshot->stats.unmaps;
	snapshot->stats.unmaps = 0;
	snapshot->stats.refusals = 0;
	snapshot->stats.faults = 0;
	for (__u32 i = 0; i < snapshot->nr; i++) {
		struct peerbuf_export_info *info = &snapshot->list[i];

		info->maps = 0;
		info->refusals = 0;
		info->last_refusal = 0;
		info->last_refusal_errno = 0;
		info->last_refusal_addr = 0;
		memset(&info->last_refusal_route, 0,
		       sizeof(info->last_refusal_route));
	}
}

void snapshot_unchanged(const struct snapshot *before)
{
	__u32 reason = peer_reason;
	struct snapshot after;

	snapshot_take(&after);
	peer_reason = reason;
	check_eq(after.nr, before->nr);
	check_eq(after.fds, before->fds);
	check(!memcmp(&after.stats, &before->stats, sizeof(after.stats)));
	check(!memcmp(after.list, before->list,
		      after.nr * sizeof(*after.list)));
}
