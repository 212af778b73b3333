// SPDX-License-Identifier: GPL-2.0
/*
 * Ways that change under those who use them: ACS bits changed by hand, a bridge that comes or
 * goes, an override that is taken back.
 *
 * Mapping trusts what was found out before. The registers are read when somebody attaches, when
 * a buffer is restored, and when somebody asks. If they say something else than what is
 * remembered p2p.ko begins a new generation of verdicts and calls us. Then each buffer is
 * visited, and its mappings are compared with what is so now. So what is said and what is used
 * are the same again, however it was found out.
 */
#include <linux/notifier.h>
#include <linux/workqueue.h>

#include "internal.h"

/*
 * Under resv. Makes the plans of all importers anew, from the registers of the bridges. An importer
 * by physical address does not depend on these.
 */
void peerbuf_look_for_clients(struct peerbuf *pb)
{
	struct peerbuf_client *client;

	dma_resv_assert_held(pb->dmabuf->resv);

	/* If there is no memory for a plan now, it is made when it is needed. */
	list_for_each_entry(client, &pb->clients, node)
		if (!client->by_phys)
			p2p_plan_make(&client->plan, pb->placement->vecs, true);
}

/* Reads the registers for all registered BARs of the function, to compare the cached verdicts. */
void peerbuf_look_between(struct pci_dev *provider_dev, struct pci_dev *client)
{
	struct peerbuf_device *pdevice = peerbuf_device_find(provider_dev);
	struct p2p_provider *provider;
	struct p2p_route route;
	int bar;

	if (!pdevice)
		return;
	for (bar = 0; bar < PEERBUF_NR_BARS; bar++) {
		provider = peerbuf_device_provider(pdevice, bar);
		if (provider)
			p2p_route_ask(provider, pci_resource_len(provider_dev, bar) - 1,
				      client, &route);
		p2p_provider_put(provider);
	}
	peerbuf_device_put(pdevice);
}

/* Under resv: does the device still reach what it has mapped, and by the same route? */
static bool peerbuf_hold_reaches(struct peerbuf_hold *hold)
{
	struct peerbuf_dma *dma = container_of(hold, struct peerbuf_dma, hold);
	struct p2p_route route;

	/*
	 * A vmap is always reached. Nothing is known of an importer that detached without
	 * unmapping.
	 */
	if (!hold->client)
		return true;
	if (hold->map)
		return p2p_map_holds(hold->map);
	return !peerbuf_check_routes(dma->vecs, hold->client->attach->dev, true, false, &route);
}

/*
 * Under resv; the buffer is not revoked and its devices are up. Invalidates it if a route has
 * changed. If only importers that cannot be revoked are affected, that would help nobody, so it is
 * not done.
 */
void peerbuf_follow_routes(struct peerbuf *pb)
{
	u64 generation = p2p_routes_generation();
	struct peerbuf_hold *hold;
	bool lost = false;

	dma_resv_assert_held(pb->dmabuf->resv);

	if (pb->routes == generation)
		return;
	pb->routes = generation;
	list_for_each_entry(hold, &pb->holds, node) {
		if (hold->generation != pb->generation || peerbuf_hold_reaches(hold))
			continue;
		dev_notice_ratelimited(hold->client->attach->dev,
				       "peerbuf: export %llu: the route of its mapping is gone or has changed%s\n",
				       pb->id,
				       hold->client->revocable ? "" : ", but the importer cannot be told");
		lost |= hold->client->revocable;
	}
	if (!lost)
		return;
	peerbuf_invalidate(pb);
	peerbuf_tell_changed(pb);
}

static void peerbuf_routes_work(struct work_struct *work)
{
	struct peerbuf *pb;
	u64 id = 0;

	while ((pb = peerbuf_registry_next(id))) {
		id = pb->id;
		peerbuf_settle(pb);
		peerbuf_put(pb);
		cond_resched();
	}
}

static DECLARE_WORK(peerbuf_routes_worker, peerbuf_routes_work);

/* Any context. If the work item is queued already, it has not checked the routes yet. */
static int peerbuf_routes_changed(struct notifier_block *nb, unsigned long action, void *data)
{
	peerbuf_queue(&peerbuf_routes_worker);
	return NOTIFY_OK;
}

static struct notifier_block peerbuf_routes_nb = {
	.notifier_call = peerbuf_routes_changed,
};

int peerbuf_routes_init(void)
{
	return p2p_routes_watch(&peerbuf_routes_nb);
}

void peerbuf_routes_exit(void)
{
	p2p_routes_unwatch(&peerbuf_routes_nb);
	cancel_work_sync(&peerbuf_routes_worker);
}
