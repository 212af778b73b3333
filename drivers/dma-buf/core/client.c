// SPDX-License-Identifier: GPL-2.0
/* Importers: what kind each is, its pins, telling it of changes. */
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

#include "core/buffer.h"
#include "core/client.h"
#include "core/trace.h"

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

/*
 * At the end of the attach: tells an importer of the importer helper why it was refused, if it was,
 * and in any case how it reaches the buffer.
 */
void peerbuf_client_tell(const struct peerbuf_client *client, const struct peerbuf_refusal *why)
{
	const struct peerbuf_attachment *att = client->attach->importer_priv;

	if (!client->native || !att->why)
		return;
	*att->why = *why;
	att->why->route = client->route;
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
