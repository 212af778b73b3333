// SPDX-License-Identifier: GPL-2.0
/*
 * Maps a buffer for one importer.
 *
 * A mapping keeps the ranges that it was made from: the p2p_map holds the vec list, which holds the
 * providers. So it can be undone after the buffer has moved. One allocation has the p2p_map, our
 * part of the mapping, and the importer's.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "change/fallback.h"
#include "core/buffer.h"
#include "core/client.h"
#include "core/hold.h"
#include "core/placement.h"
#include "core/reach.h"
#include "core/refusal.h"
#include "core/stats.h"
#include "core/trace.h"
#include "core/wait.h"
#include "ops/mapping.h"

/*
 * For an importer by physical address no DMA address is made: it maps the memory itself. Only the
 * hold is needed.
 */
static struct peerbuf_dma *peerbuf_dma_make_by_phys(struct p2p_vecs *vecs, size_t extra)
{
	struct peerbuf_dma *dma;

	dma = kzalloc(sizeof(*dma) + extra, GFP_KERNEL_ACCOUNT);
	if (!dma)
		return ERR_PTR(-ENOMEM);
	dma->vecs = p2p_vecs_get(vecs);
	return dma;
}

/* Uses the importer's plan if it is for @vecs; @vecs may be a piece of the buffer only. */
static struct p2p_map *peerbuf_dma_map(struct peerbuf_client *client, struct p2p_vecs *vecs,
				       enum dma_data_direction dir, size_t priv_size)
{
	struct p2p_plan plan;
	struct p2p_map *map;
	int ret;

	if (client->plan.vecs == vecs)
		return p2p_map_create(&client->plan, dir, priv_size);
	p2p_plan_init(&plan, client->attach->dev, P2P_PLAN_DMA);
	ret = p2p_plan_make(&plan, vecs, false);
	map = ret ? ERR_PTR(ret) : p2p_map_create(&plan, dir, priv_size);
	p2p_plan_drop(&plan);
	return map;
}

static struct peerbuf_dma *peerbuf_dma_make(struct peerbuf_client *client, struct p2p_vecs *vecs,
					    enum dma_data_direction dir, size_t extra)
{
	struct peerbuf *pb = client->attach->dmabuf->priv;
	struct peerbuf_dma *dma;
	u64 max_segment = 0;
	struct p2p_map *map;

	if (client->by_phys)
		return peerbuf_dma_make_by_phys(vecs, extra);
	map = peerbuf_dma_map(client, vecs, dir, sizeof(*dma) + extra);
	if (IS_ERR(map))
		return ERR_CAST(map);
	if (client->native)
		max_segment = peerbuf_attach_max_segment(client->attach);
	p2p_map_limit_segments(map, min_not_zero(max_segment, pb->max_segment),
			       pb->segment_align);
	dma = p2p_map_priv(map);
	dma->hold.map = map;
	return dma;
}

/* Under resv. Records what the importer of a new mapping got. */
void peerbuf_dma_account(struct peerbuf_dma *dma, u32 nr_segments, dma_addr_t addr)
{
	struct peerbuf_client *client = dma->client;
	struct peerbuf *pb = client->attach->dmabuf->priv;

	dma_resv_assert_held(pb->dmabuf->resv);

	client->nr_segments = nr_segments;
	client->mapped_ranges = peerbuf_dma_vecs(dma)->nr;
	client->dma_addr = dma->hold.map ? addr : 0;
	trace_peerbuf_map(pb, client->attach->dev, nr_segments);
}

/* Returns 0 if the memory can be given to @client now, or an errno; a refusal has been counted. */
static int peerbuf_dma_may(struct peerbuf *pb, struct peerbuf_client *client,
			   enum dma_data_direction dir)
{
	struct peerbuf_placement *before = pb->placement;
	struct peerbuf_refusal why = PEERBUF_NOT_REFUSED;
	struct device *dev = client->attach->dev;
	int ret;

	if (peerbuf_trouble(pb))
		return -ENODEV;
	if (pb->read_only && dir != DMA_TO_DEVICE)
		return peerbuf_refuse_for(pb, dev, -EACCES, PEERBUF_REASON_READ_ONLY_BUFFER);

	/* Check before a copy out of it, and again where the exporting driver has placed it. */
	ret = peerbuf_check_decode(pb, dev);
	if (ret)
		return ret;
	ret = peerbuf_map_check(pb, client, &why);
	if (ret)
		ret = peerbuf_make_reachable(pb, client, &why);
	if (!ret && pb->placement != before)
		ret = peerbuf_check_decode(pb, dev);
	return ret ?: peerbuf_wait_kernel(pb, PEERBUF_WAIT_KILLABLE);
}

/* Under resv. Maps the piece of the buffer that @want names. */
static struct peerbuf_dma *peerbuf_dma_make_piece(struct peerbuf_client *client,
						  const struct peerbuf_want *want)
{
	struct peerbuf *pb = client->attach->dmabuf->priv;
	struct p2p_vecs *vecs = pb->placement->vecs;
	struct peerbuf_dma *dma;

	if (!want->len)
		return peerbuf_dma_make(client, vecs, want->dir, want->extra);
	vecs = p2p_vecs_slice(vecs, want->offset, want->len);
	if (IS_ERR(vecs))
		return ERR_CAST(vecs);
	dma = peerbuf_dma_make(client, vecs, want->dir, want->extra);
	p2p_vecs_put(vecs);
	return dma;
}

/*
 * Under resv. Kernel work on the memory, such as a copy, is over before anybody gets an address of
 * it. The caller reports the result to peerbuf_dma_account(). The importer must reach all of the
 * buffer, even if it maps a piece: it may map another piece next.
 */
struct peerbuf_dma *peerbuf_dma_create(struct peerbuf_client *client,
				       const struct peerbuf_want *want)
{
	struct peerbuf *pb = client->attach->dmabuf->priv;
	bool via_core = want->via_core;
	struct peerbuf_dma *dma;
	int ret;

	dma_resv_assert_held(pb->dmabuf->resv);

	ret = peerbuf_dma_may(pb, client, want->dir);
	if (ret)
		return ERR_PTR(ret);

	dma = peerbuf_dma_make_piece(client, want);
	if (dma == ERR_PTR(-ENOSPC))
		peerbuf_refuse_for(pb, client->attach->dev, -ENOSPC, PEERBUF_REASON_IOMMU_REFUSED);
	if (IS_ERR(dma))
		return dma;
	dma->client = client;
	dma->via_core = via_core;
	peerbuf_hold_add(pb, &dma->hold, client, dma->hold.map);

	client->maps++;
	client->core_maps += via_core;
	pb->account.maps++;
	peerbuf_stat_inc(PEERBUF_STAT_MAPS);
	return dma;
}

/*
 * Under resv. The hold ends, and a revoke may return, when no address of the mapping works any
 * more. The memory of the mapping, which contains the hold, is freed after that.
 */
void peerbuf_dma_destroy(struct peerbuf_dma *dma)
{
	struct peerbuf_client *client = dma->client;
	struct peerbuf *pb = client->attach->dmabuf->priv;

	dma_resv_assert_held(pb->dmabuf->resv);

	trace_peerbuf_unmap(pb, client->attach->dev, client->nr_segments);
	peerbuf_stat_inc(PEERBUF_STAT_UNMAPS);
	if (dma->hold.map)
		p2p_map_unlink(dma->hold.map, 0, p2p_map_vecs(dma->hold.map)->nr);

	client->maps--;
	client->core_maps -= dma->via_core;
	if (!client->maps) {
		client->dma_addr = 0;
		client->nr_segments = 0;
		client->mapped_ranges = 0;
	}
	peerbuf_hold_remove(pb, &dma->hold);
	if (dma->hold.map) {
		p2p_map_free(dma->hold.map);
	} else {
		p2p_vecs_put(dma->vecs);
		kfree(dma);
	}
}
