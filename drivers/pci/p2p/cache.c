// SPDX-License-Identifier: GPL-2.0
/*
 * Remembered verdicts.
 *
 * A verdict carries the generation that was current *before* it was worked out,
 * and counts only while that generation lasts. A new one begins when a PCI
 * function appears or disappears, when an override changes, when somebody who looked at
 * the registers found another verdict than the one remembered (ACS bits that were changed
 * by hand), and when the administrator says so. Whoever made something of a verdict is
 * told then, and looks whether it still holds. Hence:
 *
 *  - a verdict that was being worked out during a change is stored as outdated;
 *  - entries know their client by its pointer without a reference. A pointer can
 *    only be used again for another function after that function was added,
 *    which began a new generation; so nobody is given another one's verdict.
 *
 * What a client's driver may change at any time (its DMA mask) and whether the
 * provider is alive are no part of a verdict: p2p_route_get() looks at them anew.
 */

#include <linux/atomic.h>
#include <linux/export.h>
#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include <peerbuf/p2p.h>

#include "cache.h"
#include "path.h"

struct p2p_cache_entry {
	struct pci_dev *client;
	u64 generation;
	struct p2p_route route;
	struct p2p_path_redirects seen;
};

static atomic64_t generation = ATOMIC64_INIT(1);

static ATOMIC_NOTIFIER_HEAD(watchers);

u64 p2p_cache_generation(void)
{
	u64 now = atomic64_read(&generation);

	/* Pairs with p2p_cache_outdate(): look at the topology after this. */
	smp_mb();
	return now;
}

/* To be called once the change can be seen. */
void p2p_cache_outdate(void)
{
	/* Pairs with p2p_cache_generation(): the change before the number. */
	smp_mb__before_atomic();
	atomic64_inc(&generation);
	atomic_notifier_call_chain(&watchers, 0, NULL);
}

/**
 * p2p_routes_generation() - the number of the present generation of verdicts
 *
 * Context: Any.
 * Return: what is another number once verdicts may have changed, never 0
 */
u64 p2p_routes_generation(void)
{
	return p2p_cache_generation();
}
EXPORT_SYMBOL_GPL(p2p_routes_generation);

/**
 * p2p_routes_watch() - be told when verdicts may have changed
 * @watcher: called without arguments when a new generation of verdicts has begun: those of
 *	mappings that exist are to be looked at again, see p2p_map_holds()
 *
 * Context: May sleep. @watcher must not, and may be called with any lock held.
 * Return: 0, or -EEXIST: it watches already
 */
int p2p_routes_watch(struct notifier_block *watcher)
{
	return atomic_notifier_chain_register(&watchers, watcher);
}
EXPORT_SYMBOL_GPL(p2p_routes_watch);

/**
 * p2p_routes_unwatch() - undo p2p_routes_watch()
 * @watcher: not called any more when this returns
 *
 * Context: May sleep.
 */
void p2p_routes_unwatch(struct notifier_block *watcher)
{
	atomic_notifier_chain_unregister(&watchers, watcher);
}
EXPORT_SYMBOL_GPL(p2p_routes_unwatch);

void p2p_cache_init(struct p2p_cache *cache)
{
	xa_init(&cache->entries);
}

void p2p_cache_drop(struct p2p_cache *cache)
{
	struct p2p_cache_entry *entry;
	unsigned long index;

	xa_for_each(&cache->entries, index, entry)
		kfree(xa_erase(&cache->entries, index));
}

/*
 * @through_host: for addresses that only the client's IOMMU can read. On 32 bits domains may
 * share an index; the pointer tells them apart.
 */
static unsigned long client_index(struct pci_dev *client, bool through_host)
{
	return p2p_pci_addr(client) << 1 | through_host;
}

/* Under the xa_lock: entries are freed after xa_store() or xa_erase() had it. */
static const struct p2p_cache_entry *entry_find(struct p2p_cache *cache, struct pci_dev *client,
						bool through_host, u64 now)
{
	struct p2p_cache_entry *entry;

	entry = xa_load(&cache->entries, client_index(client, through_host));
	return entry && entry->client == client && entry->generation == now ? entry : NULL;
}

bool p2p_cache_find(struct p2p_cache *cache, struct pci_dev *client, bool through_host,
		    u64 now, struct p2p_route *route)
{
	const struct p2p_cache_entry *entry;

	xa_lock(&cache->entries);
	entry = entry_find(cache, client, through_host, now);
	if (entry)
		*route = entry->route;
	xa_unlock(&cache->entries);
	return entry;
}

/* Is a verdict remembered, and believed, for which the registers said what they say now? */
bool p2p_cache_confirms(struct p2p_cache *cache, struct pci_dev *client, u64 now,
			const struct p2p_path_redirects *seen, struct p2p_route *route)
{
	const struct p2p_cache_entry *entry;

	xa_lock(&cache->entries);
	entry = entry_find(cache, client, false, now);
	if (entry && (entry->seen.provider != seen->provider ||
		      entry->seen.client != seen->client))
		entry = NULL;
	if (entry)
		*route = entry->route;
	xa_unlock(&cache->entries);
	return entry;
}

/* Is another verdict than @route remembered, and still believed? */
bool p2p_cache_contradicts(struct p2p_cache *cache, struct pci_dev *client,
			   const struct p2p_route *route)
{
	struct p2p_route known;

	return p2p_cache_find(cache, client, false, p2p_cache_generation(), &known) &&
	       (known.type != route->type || known.reason != route->reason ||
		known.flags != route->flags || known.distance != route->distance ||
		known.decider != route->decider);
}

/* Storing is optional: without memory the next lookup works it out again. */
void p2p_cache_store(struct p2p_cache *cache, struct pci_dev *client, bool through_host,
		     u64 now, const struct p2p_route *route,
		     const struct p2p_path_redirects *seen)
{
	struct p2p_cache_entry *entry, *old;

	entry = kmalloc(sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return;
	entry->client = client;
	entry->generation = now;
	entry->route = *route;
	entry->seen = *seen;
	old = xa_store(&cache->entries, client_index(client, through_host), entry, GFP_KERNEL);
	kfree(xa_is_err(old) ? entry : old);
}

static int topology_changed(struct notifier_block *block, unsigned long event,
			    void *device)
{
	switch (event) {
	case BUS_NOTIFY_ADD_DEVICE:
	case BUS_NOTIFY_DEL_DEVICE:
	case BUS_NOTIFY_REMOVED_DEVICE:
		p2p_cache_outdate();
		return NOTIFY_OK;
	default:
		return NOTIFY_DONE;
	}
}

static struct notifier_block topology_notifier = {
	.notifier_call = topology_changed,
};

int p2p_cache_watch(void)
{
	return bus_register_notifier(&pci_bus_type, &topology_notifier);
}

void p2p_cache_unwatch(void)
{
	bus_unregister_notifier(&pci_bus_type, &topology_notifier);
}

static int flush_routes_set(const char *value, const struct kernel_param *kp)
{
	p2p_cache_outdate();
	pr_notice("flush_routes: all routes will be worked out anew\n");
	return 0;
}

static const struct kernel_param_ops flush_routes_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = flush_routes_set,
};

module_param_cb(flush_routes, &flush_routes_ops, NULL, 0200);
MODULE_PARM_DESC(flush_routes, "write anything to have all ACS control bits read again now");
