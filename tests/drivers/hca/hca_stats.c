// SPDX-License-Identifier: GPL-2.0
/*
 * Counters: how many bytes and jobs, moved by which means. Users read them in
 * /sys/class/infiniband/DEVICE/hw_counters.
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
	/* Lifespan 0: the core does not cache the values, so each read gets the current ones. */
	return rdma_alloc_hw_stats_struct(hca_stat_descs, HCA_STAT_NR, 0);
}

int hca_get_stats(struct ib_device *ibdev, struct rdma_hw_stats *stats, u32 port,
		  int index)
{
	struct hca *hca = to_hca(ibdev);
	int i;

	/* All counters belong to the device, which the core calls port 0. */
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
