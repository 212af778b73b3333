// SPDX-License-Identifier: GPL-2.0
/*
 * Attaching and pinning.
 *
 * An importer that cannot give memory back would break the promise that nothing reaches a BAR after
 * revoke has returned, or delay revoke for any time. It is refused unless the functions' policy
 * accepts it, or it gets system memory, which belongs to the buffer: no device waits for that.
 *
 * From 7.1 on an importer says whether it can be revoked. Before, every dynamic importer has a
 * callback, and those that pin have one that does nothing. But they pin. Where the core pins on
 * every map (DMA_BUF_PINS_ON_MAP), the core's pins equal the mappings it made, plus the one that it
 * is making. A pin more than that is the importer's own. An importer that maps first and pins
 * afterwards is recognised at its next pin only; no importer in the tree does that.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/list.h>
#include <linux/spinlock.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "change/fallback.h"
#include "core/buffer.h"
#include "core/client.h"
#include "core/hold.h"
#include "core/part.h"
#include "core/placement.h"
#include "core/reach.h"
#include "core/refusal.h"
#include "core/stats.h"
#include "core/trace.h"
#include "core/wait.h"
#include "ops/attach.h"

/*
 * Under resv, when the plan has been made: may @client attach? If the buffer can be moved for
 * importers that do not reach it, reach is checked when they map.
 */
static int peerbuf_attach_check(struct peerbuf *pb, struct peerbuf_client *client,
				struct peerbuf_refusal *why)
{
	bool moves = peerbuf_moves_for_others(pb);
	u32 trouble = peerbuf_trouble(pb);
	int ret;

	if (!moves) {
		ret = peerbuf_kind_check(client, pb->placement, why);
		if (ret)
			return ret;
	}
	/* An importer by physical address reserves its address and waits for the buffer. */
	if (trouble && !(client->by_phys && trouble != PEERBUF_REASON_DEVICE_GONE))
		return peerbuf_fail(why, -ENODEV, trouble);
	if (!trouble && !peerbuf_placement_answers(pb->placement))
		return peerbuf_fail(why, -EIO, PEERBUF_REASON_MEMORY_DECODE_OFF);

	ret = peerbuf_reach_check(pb, client, pb->placement, why);
	if (moves && ret != -ENODEV && ret != -ENOMEM)
		return 0;
	return ret;
}

static int peerbuf_ask_driver_of(struct peerbuf *asked, struct device *dev)
{
	if (!asked->ops || !asked->ops->attach)
		return 0;
	return asked->ops->attach(asked, dev, asked->priv);
}

/* Asks the exporting driver, and those of the buffers it is derived from. */
static int peerbuf_ask_exporter(struct peerbuf *pb, struct device *dev)
{
	int ret = peerbuf_ask_driver_of(pb, dev);
	u32 i;

	for (i = 0; !ret && i < pb->nr_parts; i++)
		ret = peerbuf_ask_driver_of(pb->parts[i].root, dev);
	return ret;
}

/* Under resv. @veto: what the exporting drivers said. Returns 0, or an errno after a refusal. */
static int peerbuf_attach_client(struct peerbuf *pb, struct peerbuf_client *client, int veto,
				 struct peerbuf_refusal *why)
{
	/* Reads the bridges' registers. If there is no memory for the plan, the check says so. */
	p2p_plan_make(&client->plan, pb->placement->vecs, true);
	p2p_plan_verdict(&client->plan, &client->route);

	if (veto)
		peerbuf_fail(why, veto, PEERBUF_REASON_VETO);
	if (veto || peerbuf_attach_check(pb, client, why))
		return peerbuf_refuse(pb, client->attach->dev, why);
	peerbuf_client_add(pb, client);
	return 0;
}

int peerbuf_op_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct peerbuf_refusal why = PEERBUF_NOT_REFUSED;
	struct peerbuf *pb = dmabuf->priv;
	struct peerbuf_client *client;
	int ret, veto;

	client = peerbuf_client_create(attach);
	if (!client)
		return -ENOMEM;

	veto = peerbuf_ask_exporter(pb, attach->dev);
	ret = peerbuf_lock(pb, PEERBUF_WAIT_KILLABLE);
	if (ret) {
		ret = veto ?: peerbuf_fail_untold(&why, ret);
	} else {
		ret = peerbuf_attach_client(pb, client, veto, &why);
		dma_resv_unlock(dmabuf->resv);
	}
	peerbuf_client_tell(client, &why);

	if (ret) {
		peerbuf_client_free(client);
		return ret;
	}
	peerbuf_stat_inc(PEERBUF_STAT_ATTACHES);
	return 0;
}

void peerbuf_op_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct peerbuf_client *client = attach->priv;
	struct peerbuf *pb = dmabuf->priv;

	/* Older kernels call this for an attach() that failed half-way. */
	if (!client)
		return;

	dma_resv_lock(dmabuf->resv, NULL);
	if (WARN_ON_ONCE(client->maps))
		peerbuf_forget_client(pb, client);
	spin_lock(&pb->holds_lock);
	list_del(&client->node);
	pb->account.nr_clients--;
	spin_unlock(&pb->holds_lock);
	trace_peerbuf_detach(pb, attach->dev);
	dma_resv_unlock(dmabuf->resv);

	attach->priv = NULL;
	peerbuf_client_free(client);
}

/*
 * Does a pin show that the importer cannot be revoked? Not if importers declare it themselves, as
 * the importer helper's do on every kernel. Otherwise each pin that is not the core's own shows it;
 * if the core pins on map, that is a second pin for the same mapping.
 */
static bool peerbuf_pin_unmasks(const struct peerbuf_client *client)
{
	if (DMA_BUF_REVOCABLE_KNOWN || client->native ||
	    !client->attach->importer_ops)
		return false;
	return !DMA_BUF_PINS_ON_MAP || client->pins > client->core_maps;
}

/*
 * A static importer, and any other that cannot give memory back, is checked before the pin
 * counts: until then the buffer can still move to where the importer may have it.
 */
int peerbuf_op_pin(struct dma_buf_attachment *attach)
{
	struct peerbuf_client *client = attach->priv;
	struct peerbuf *pb = attach->dmabuf->priv;
	struct peerbuf_refusal why = PEERBUF_NOT_REFUSED;
	bool revocable = client->revocable;
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (peerbuf_trouble(pb))
		return -ENODEV;

	if (peerbuf_pin_unmasks(client))
		client->revocable = false;
	ret = peerbuf_map_check(pb, client, &why);
	if (ret)
		ret = peerbuf_make_reachable(pb, client, &why);
	if (ret)
		client->revocable = revocable;
	else
		client->pins++;
	/* dma_buf_pin() warns on -EBUSY. */
	return ret == -EBUSY ? -EHOSTUNREACH : ret;
}

void peerbuf_op_unpin(struct dma_buf_attachment *attach)
{
	struct peerbuf_client *client = attach->priv;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (!WARN_ON_ONCE(!client->pins))
		client->pins--;
}
