// SPDX-License-Identifier: GPL-2.0
/*
 * Lockdown: nobody gets at PCI memory through peerbuf in a kernel that protects itself
 * from root. There is no way back from it, so this comes last in a boot.
 */
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "snapshot.h"

#define SIZE	(16 * PAGE)
#define LOCKDOWN "/sys/kernel/security/lockdown"

static struct snapshot before;

#define locked_down(call)						\
	do {								\
		snapshot_take(&before);					\
		check_fails(call, EPERM);				\
		check_eq(peer_reason, PEERBUF_REASON_LOCKDOWN);		\
		snapshot_unchanged(&before);				\
	} while (0)

TEST(access_to_memory_ends)
{
	int node, control = control_open();
	struct peer_export export, late;
	__u64 nvme = lab_addr("sw-nvme");
	struct peerbuf_ioc_info info;

	if (!sysfs_exists(LOCKDOWN))
		skip("no lockdown in this kernel");
	device_bind("sw-nvme", "nvme");
	node = node_open("rp-mem");
	check_ok(peer_lend(control, nvme, 1U << 2));
	check_ok(peer_export_one(node, MEM_BAR, 0, SIZE, 0, &export));
	check_ok(sysfs_write(LOCKDOWN, "integrity"));
	locked_down(peer_export_one(node, MEM_BAR, SIZE, SIZE, 0, &late));
	locked_down(peer_move_one(node, export.id, MEM_BAR, SIZE, SIZE, 0));
	locked_down(peer_lend(control, nvme, 1U << 0));
	/* Taking away is always possible, giving back is not. */
	check_ok(peer_revoke(node, export.id, 0));
	locked_down(peer_restore(node, export.id));
	locked_down(peer_restore(control, export.id));
	check_ok(peer_unlend(control, nvme, 1U << 2));
	check_ok(peer_info(node, &info));
}
