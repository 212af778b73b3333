// SPDX-License-Identifier: GPL-2.0
/*
 * Counters: which device moved what, and how. To be read where an RDMA device's
 * counters are, in /sys/class/infiniband/DEVICE/hw_counters.
 */
#include <linux/atomic.h>

#include "hca.h"

static const struct rdma_stat_desc hca_stat_descs[HCA_STAT_NR] = {
	[HCA_STAT_ENGINE_JOBS].name = "engine_jobs",
	[HCA_STAT_ENGINE_BYTES].name = "engine_bytes",
	[HCA_STAT_CPU_BYTES].name = "cpu_bytes",
	[HCA_STAT_DMABUF_MAPS].name = "dmabuf_maps",
	[HCA_STAT_DMABUF_INVALIDATIONS].name = "dmabuf_invalidations",
};

struct rdma_hw_stats *hca_alloc_stats(struct ib_device *ibdev)
{
	/* No lifespan: who reads wants to know what is, not what was. */
	return rdma_alloc_hw_stats_struct(hca_stat_descs, HCA_STAT_NR, 0);
}

int hca_get_stats(struct ib_device *ibdev, struct rdma_hw_stats *stats, u32 port,
		  int index)
{
	struct hca *hca = to_hca(ibdev);
	int i;

	/* All there are belong to the device; zero is what the core calls that. */
	if (port)
		return -EOPNOTSUPP;
	for (i = 0; i < HCA_STAT_NR; i++)
		stats->value[i] = atomic64_read(&hca->stats[i]);
	return HCA_STAT_NR;
}

void hca_count(struct hca *hca, enum hca_stat stat, u64 n)
{
	atomic64_add(n, &hca->stats[stat]);
}
