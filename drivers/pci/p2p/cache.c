// SPDX-License-Identifier: GPL-2.0
/*
 * Remembered verdicts.
 *
 * A verdict carries the generation that was current *before* it was worked out, and is valid
 * only while that generation lasts. p2p_cache_outdate() begins a new generation: when a PCI
 * function appears or disappears, when an override changes, when topology_look() finds a
 * verdict that differs from the remembered one (ACS bits changed by hand, a bridge switched
 * off), and when the administrator writes to flush_routes. It then calls the watchers, which
 * check every mapping that was made by an old verdict. Hence:
 *
 *  - a verdict that was being worked out during a change is stored as outdated;
 *  - entries hold the client's pointer without a reference. The pointer can only
 *    be reused for another function after that function was added, and adding it
 *    began a new generation; so no function gets the verdict of another.
 *
 * A verdict covers neither the client's DMA mask, which its driver may change at any time, nor
 * whether the provider is alive: p2p_route_get() reads both on each call.
 */

#include <linux/atomic.h>
#include <linux/export.h>
#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <peerbuf/p2p.h>

#include "cache.h"
#include "path.h"

struct p2p_cache_entry {
	struct pci_dev *client;
	u64 generation;
	struct p2p_route route;
	struct p2p_path_registers seen;
};

atomic64_t p2p_cache_now = ATOMIC64_INIT(1);

static ATOMIC_NOTIFIER_HEAD(watchers);

/* The caller has made the change visible before. */
void p2p_cache_outdate(void)
{
	/* Pairs with p2p_cache_generation(): the change is visible before the number. */
	smp_mb__before_atomic();
	atomic64_inc(&p2p_cache_now);
	atomic_notifier_call_chain(&watchers, 0, NULL);
}

/**
 * p2p_routes_generation() - the number of the present generation of verdicts
 *
 * Context: Any.
 * Return: a number that changes whenever verdicts may have changed, never 0
 */
u64 p2p_routes_generation(void)
{
	return p2p_cache_generation();
}
EXPORT_SYMBOL_GPL(p2p_routes_generation);

/**
 * p2p_routes_watch() - be told when verdicts may have changed
 * @watcher: called without arguments when a new generation of verdicts has begun. It arranges
 *	for p2p_map_holds() to be called on every existing mapping
 *
 * Context: May sleep. @watcher must not sleep, and may be called with any lock held.
 * Return: 0, or -EEXIST: @watcher is registered already
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
 * @through_host: the client uses addresses that only its IOMMU can read. On 32 bits two domains
 * may share an index; the pointer in the entry tells them apart.
 */
static unsigned long client_index(struct pci_dev *client, bool through_host)
{
	return p2p_pci_addr(client) << 1 | through_host;
}

/* The caller holds the xa_lock: xa_store() and xa_erase() take it before an entry is freed. */
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

/* Is there a valid verdict that was worked out from the same register contents as @seen? */
bool p2p_cache_confirms(struct p2p_cache *cache, struct pci_dev *client, u64 now,
			const struct p2p_path_registers *seen, struct p2p_route *route)
{
	const struct p2p_cache_entry *entry;

	xa_lock(&cache->entries);
	entry = entry_find(cache, client, false, now);
	if (entry && memcmp(&entry->seen, seen, sizeof(*seen)))
		entry = NULL;
	if (entry)
		*route = entry->route;
	xa_unlock(&cache->entries);
	return entry;
}

/* Is there a valid verdict that differs from @route? */
bool p2p_cache_contradicts(struct p2p_cache *cache, struct pci_dev *client, bool through_host,
			   const struct p2p_route *route)
{
	struct p2p_route known;

	return p2p_cache_find(cache, client, through_host, p2p_cache_generation(), &known) &&
	       (known.type != route->type || known.reason != route->reason ||
		known.flags != route->flags || known.distance != route->distance ||
		known.decider != route->decider);
}

/* Storing may fail silently: the next lookup then works the verdict out again. */
void p2p_cache_store(struct p2p_cache *cache, struct pci_dev *client, bool through_host,
		     u64 now, const struct p2p_route *route,
		     const struct p2p_path_registers *seen)
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
	pr_notice("flush_routes: all routes are checked again\n");
	return 0;
}

static const struct kernel_param_ops flush_routes_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = flush_routes_set,
};

module_param_cb(flush_routes, &flush_routes_ops, NULL, 0200);
MODULE_PARM_DESC(flush_routes, "write anything to have all ACS control bits read again now");
