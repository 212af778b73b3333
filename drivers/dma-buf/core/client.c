// SPDX-License-Identifier: GPL-2.0
/* Importers: what kind each is, its pins, telling it of changes, counting refusals. */
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/addr.h"
#include "core/buffer.h"
#include "core/client.h"
#include "core/stats.h"
#include "core/trace.h"

static const char *peerbuf_refusal_text(u32 reason, const struct p2p_route *route)
{
	switch (reason) {
	case PEERBUF_REASON_STATIC_IMPORTER:
		return "attaches statically and cannot be revoked";
	case PEERBUF_REASON_NO_PEER2PEER:
		return "cannot take memory without pages";
	case PEERBUF_REASON_PINNED_IMPORTER:
		return "pins and cannot be revoked";
	case PEERBUF_REASON_VETO:
		return "the exporting driver refused it";
	case PEERBUF_REASON_NO_ROUTE:
		return p2p_route_reason_text(route->reason);
	case PEERBUF_REASON_HIDDEN:
		return "the buffer is in memory that only its own device can address";
	case PEERBUF_REASON_PINNED:
		return "the buffer is pinned where the importer cannot access it";
	case PEERBUF_REASON_NO_MEMORY:
		return "there is no system memory for the buffer";
	case PEERBUF_REASON_IOMMU_REFUSED:
		return "the importer has no room for the buffer in its IOVA space";
	case PEERBUF_REASON_READ_ONLY_BUFFER:
		return "the buffer was derived from a read-only mapping";
	case PEERBUF_REASON_MEMORY_DECODE_OFF:
		return "its device, or a bridge above, does not decode memory";
	default:
		return "the buffer is revoked or its device is not available";
	}
}

/* Under resv. Counts and logs a refusal. @dev: NULL for a CPU. Returns @error. */
int peerbuf_refuse(struct peerbuf *pb, struct device *dev, int error, u32 reason,
		   const struct p2p_route *route)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	pb->account.refusals++;
	pb->account.last_refusal = reason;
	pb->account.last_refusal_errno = -error;
	pb->account.last_refusal_addr = peerbuf_dev_addr(dev);
	pb->account.last_refusal_moves = pb->account.moves;
	if (route)
		pb->account.last_refusal_route = *route;
	else
		memset(&pb->account.last_refusal_route, 0, sizeof(*route));

	peerbuf_stat_inc(PEERBUF_STAT_REFUSALS);
	trace_peerbuf_refuse(pb, dev, reason, error, route);
	if (dev)
		dev_info_ratelimited(dev, "peerbuf: export %llu refused: %s (reason %u, error %d)\n",
				     pb->id, peerbuf_refusal_text(reason, route), reason,
				     error);
	return error;
}

/* Is it an attachment of the importer helper? Then sets @revocable, on every kernel. */
static bool peerbuf_attach_is_helper(const struct dma_buf_attachment *attach,
				     bool *revocable)
{
	*revocable = attach->importer_ops == &peerbuf_helper_ops;
	return *revocable || attach->importer_ops == &peerbuf_helper_pinned_ops;
}

struct peerbuf_client *
peerbuf_client_create(struct dma_buf_attachment *attach)
{
	struct peerbuf_client *client;

	client = kzalloc(sizeof(*client), GFP_KERNEL);
	if (!client)
		return NULL;

	client->attach = attach;
	client->route.decider = P2P_ADDR_NONE;
	client->native = peerbuf_attach_is_helper(attach, &client->revocable);
	if (client->native)
		client->by_phys = peerbuf_attach_is_by_phys(attach);
	else
		client->revocable = dma_buf_attach_revocable(attach);
	p2p_plan_init(&client->plan, attach->dev,
		      client->by_phys ? P2P_PLAN_TRANSLATED : P2P_PLAN_DMA);
	client->pid = get_pid(task_tgid(current));
	strscpy(client->comm, current->comm, sizeof(client->comm));
	return client;
}

void peerbuf_client_free(struct peerbuf_client *client)
{
	p2p_plan_drop(&client->plan);
	put_pid(client->pid);
	kfree(client);
}

/* Under resv. */
void peerbuf_client_add(struct peerbuf *pb, struct peerbuf_client *client)
{
	struct dma_buf_attachment *attach = client->attach;

	spin_lock(&pb->holds_lock);
	list_add_tail(&client->node, &pb->clients);
	pb->account.nr_clients++;
	spin_unlock(&pb->holds_lock);
	attach->priv = client;
	trace_peerbuf_attach(pb, attach->dev, client->revocable);
}

/* How many of the client's pins were made by the core, one for each mapping that it made. */
static u32 peerbuf_client_core_pins(const struct peerbuf_client *client)
{
	if (DMA_BUF_PINS_ON_MAP || !client->attach->importer_ops)
		return client->core_maps;
	return 0;
}

/*
 * What keeps the buffer where it is for this importer: its own pins, and, if it cannot be
 * revoked, its mappings.
 */
u32 peerbuf_client_pins(const struct peerbuf_client *client)
{
	u32 pins = client->pins - min(client->pins,
				      peerbuf_client_core_pins(client));

	/*
	 * The buffer is being moved for it. It has no address yet, so its own pin does not count.
	 */
	if (client->placing)
		return 0;
	return pins + (client->revocable ? 0 : client->maps);
}

u32 peerbuf_pins(struct peerbuf *pb)
{
	struct peerbuf_client *client;
	u32 pins = pb->vmap ? 1 : 0;

	dma_resv_assert_held(pb->dmabuf->resv);

	list_for_each_entry(client, &pb->clients, node)
		pins += peerbuf_client_pins(client);
	return pins;
}

static void peerbuf_helper_invalidate(struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *att = attach->importer_priv;

	att->ops->invalidate(att, att->priv);
}

const struct dma_buf_attach_ops peerbuf_helper_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = peerbuf_helper_invalidate,
};

/* For importers of the helper that cannot give memory back. */
const struct dma_buf_attach_ops peerbuf_helper_pinned_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = DMA_BUF_NO_INVALIDATE,
};

/* For other exporters' system memory, by physical address. */
const struct dma_buf_attach_ops peerbuf_helper_foreign_ops = {
	.invalidate_mappings = peerbuf_helper_invalidate,
};

/* Under resv. Tells importers that they may map the buffer again, or need not wait any longer. */
void peerbuf_tell_changed(struct peerbuf *pb)
{
	struct peerbuf_attachment *att;
	struct peerbuf_client *client;

	dma_resv_assert_held(pb->dmabuf->resv);

	list_for_each_entry(client, &pb->clients, node) {
		if (!client->native)
			continue;
		att = client->attach->importer_priv;
		if (att->ops && att->ops->changed)
			att->ops->changed(att, att->priv);
	}
}
