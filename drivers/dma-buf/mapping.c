// SPDX-License-Identifier: GPL-2.0
/*
 * A mapping of a buffer for one importer.
 *
 * It keeps the ranges it was made from (the p2p_map holds the vec list, which
 * holds the providers), so that it can be undone after the buffer moved on.
 */
#include <linux/slab.h>

#include "internal.h"
#include "trace.h"

/* Under resv, which orders generations: the list stays sorted by appending. */
void peerbuf_hold_add(struct peerbuf *pb, struct peerbuf_hold *hold,
		      struct peerbuf_client *client, struct p2p_map *map)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	hold->generation = pb->generation;
	hold->client = client;
	hold->map = map;
	spin_lock(&pb->mappings_lock);
	list_add_tail(&hold->node, &pb->holds);
	pb->nr_holds++;
	spin_unlock(&pb->mappings_lock);
}

/* The last that was made from a place the buffer has left takes that with it. */
void peerbuf_hold_remove(struct peerbuf *pb, struct peerbuf_hold *hold)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	spin_lock(&pb->mappings_lock);
	list_del(&hold->node);
	pb->nr_holds--;
	spin_unlock(&pb->mappings_lock);
	peerbuf_tell_drained(pb);
	peerbuf_reap(pb);
	wake_up_all(&pb->unheld);
}

/*
 * For an importer by physical address there is nothing to map, and what addresses it gives the
 * memory is its own affair. The hold is what counts.
 */
static int peerbuf_dma_make(struct peerbuf_dma *dma, struct p2p_vecs *vecs,
			    enum dma_data_direction dir)
{
	struct peerbuf *pb = dma->client->attach->dmabuf->priv;
	u64 max_segment = 0;

	if (dma->client->by_phys) {
		dma->vecs = p2p_vecs_get(vecs);
		return 0;
	}
	dma->map = p2p_map_create(dma->client->attach->dev, vecs, dir);
	if (IS_ERR(dma->map))
		return PTR_ERR(dma->map);
	if (dma->client->native)
		max_segment = peerbuf_attach_max_segment(dma->client->attach);
	p2p_map_limit_segments(dma->map, min_not_zero(max_segment, pb->max_segment),
			       pb->segment_align);
	return 0;
}

static void peerbuf_dma_account(struct peerbuf *pb, struct peerbuf_dma *dma)
{
	struct peerbuf_client *client = dma->client;
	struct p2p_segment first = {};

	client->maps++;
	client->core_maps += dma->via_core;
	if (dma->map) {
		client->nr_segments = p2p_map_count_segments(dma->map, 0);
		client->mapped_ranges = p2p_map_vecs(dma->map)->nr;
		p2p_map_fill_segments(dma->map, 0, &first, 1);
	} else {
		client->nr_segments = dma->vecs->nr;
		client->mapped_ranges = dma->vecs->nr;
	}
	client->dma_addr = first.addr;

	pb->account.maps++;
	peerbuf_stat_inc(PEERBUF_STAT_MAPS);
	trace_peerbuf_map(pb, client->attach->dev, client->nr_segments);
}

/*
 * Under resv. @via_core: on behalf of dma_buf_map_attachment(). What the kernel itself does
 * to the memory, a copy say, is over before anybody gets an address of it.
 */
struct peerbuf_dma *peerbuf_dma_create(struct peerbuf_client *client,
				       enum dma_data_direction dir, bool via_core)
{
	struct peerbuf *pb = client->attach->dmabuf->priv;
	struct peerbuf_placement *before = pb->placement;
	struct device *dev = client->attach->dev;
	struct peerbuf_dma *dma;
	int ret;

	dma_resv_assert_held(pb->dmabuf->resv);

	if (peerbuf_trouble(pb))
		return ERR_PTR(-ENODEV);

	/* Before a copy out of it, and where the exporting driver has placed it. */
	ret = peerbuf_check_decode(pb, dev);
	if (!ret)
		ret = peerbuf_make_reachable(pb, client);
	if (!ret && pb->placement != before)
		ret = peerbuf_check_decode(pb, dev);
	if (ret)
		return ERR_PTR(ret);
	ret = peerbuf_wait_kernel(pb, PEERBUF_WAIT_KILLABLE);
	if (ret)
		return ERR_PTR(ret);

	dma = kzalloc(sizeof(*dma), GFP_KERNEL);
	if (!dma)
		return ERR_PTR(-ENOMEM);

	dma->client = client;
	ret = peerbuf_dma_make(dma, pb->placement->vecs, dir);
	if (ret) {
		kfree(dma);
		return ERR_PTR(ret);
	}
	dma->via_core = via_core;
	peerbuf_hold_add(pb, &dma->hold, client, dma->map);
	peerbuf_dma_account(pb, dma);
	return dma;
}

/*
 * Under resv. The hold ends last: by then no address of the mapping works any
 * more, and revoke may return.
 */
void peerbuf_dma_destroy(struct peerbuf_dma *dma)
{
	struct peerbuf_client *client = dma->client;
	struct peerbuf *pb = client->attach->dmabuf->priv;

	dma_resv_assert_held(pb->dmabuf->resv);

	trace_peerbuf_unmap(pb, client->attach->dev, client->nr_segments);
	peerbuf_stat_inc(PEERBUF_STAT_UNMAPS);
	if (dma->map)
		p2p_map_free(dma->map);
	else
		p2p_vecs_put(dma->vecs);

	client->maps--;
	client->core_maps -= dma->via_core;
	if (!client->maps) {
		client->dma_addr = 0;
		client->nr_segments = 0;
		client->mapped_ranges = 0;
	}
	peerbuf_hold_remove(pb, &dma->hold);
	kfree(dma);
}
