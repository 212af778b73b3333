// SPDX-License-Identifier: GPL-2.0
/* A provider: a BAR whose owner lends it as memory and may take it away. */

#include <linux/err.h>
#include <linux/export.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "provider.h"

#include "../../../compat/non_mappable_bars.h"

/* Why nobody can reach the BAR, if so. */
static enum p2p_bar_reason bar_reason(struct pci_dev *pdev, unsigned int bar)
{
	unsigned long flags = bar < PCI_STD_NUM_BARS ? pci_resource_flags(pdev, bar) : 0;

	if (!flags)
		return P2P_REASON_NO_BAR;
	if (pci_non_mappable_bars(pdev))
		return P2P_REASON_BAR_UNMAPPABLE;
	if (flags & IORESOURCE_IO)
		return P2P_REASON_IO_BAR;
	/* A BAR without an address has a size and starts at zero, so check the flags first. */
	if (flags & (IORESOURCE_UNSET | IORESOURCE_DISABLED))
		return P2P_REASON_BAR_UNASSIGNED;
	if (!(flags & IORESOURCE_MEM) || !pci_resource_len(pdev, bar))
		return P2P_REASON_NO_BAR;
	if (!pci_resource_start(pdev, bar))
		return P2P_REASON_BAR_UNASSIGNED;
	return P2P_REASON_BAR_USABLE;
}

/**
 * p2p_bar_check() - has a BAR memory that other devices can reach?
 * @pdev: the function
 * @bar: index
 * @reason: enum p2p_bar_reason; set on failure only
 *
 * The one place that decides this: p2p_provider_create() asks here, and so does whoever has to
 * know before. It looks at the resources that the PCI core keeps, not at the device.
 *
 * Context: Any.
 * Return:
 * * 0: it has
 * * -ENXIO: the function has no such memory BAR
 * * -EADDRNOTAVAIL: an I/O port BAR, one without an address, or a device whose BARs nobody may map
 */
int p2p_bar_check(struct pci_dev *pdev, unsigned int bar, u32 *reason)
{
	enum p2p_bar_reason found = bar_reason(pdev, bar);

	if (found == P2P_REASON_BAR_USABLE)
		return 0;
	*reason = found;
	return found == P2P_REASON_NO_BAR ? -ENXIO : -EADDRNOTAVAIL;
}
EXPORT_SYMBOL_GPL(p2p_bar_check);

/**
 * p2p_provider_create() - make a BAR available as peer-to-peer memory
 * @pdev: the function whose BAR it is; a reference is taken
 * @bar: index, 0 to 5
 * @owner: any pointer; p2p_provider_owner() returns it, nothing else uses it
 *
 * The address is read once, here. The owner must kill the provider before the
 * BAR can go away, move or be used by another driver: in its remove() at the
 * latest.
 *
 * Context: May sleep.
 * Return: a provider with one reference, or ERR_PTR:
 * * -EINVAL: @bar is not a BAR index
 * * -ENXIO: the function has no such BAR
 * * -EADDRNOTAVAIL: an I/O port BAR, one without an address, or a device whose BARs nobody may map
 * * -ENOMEM
 */
struct p2p_provider *p2p_provider_create(struct pci_dev *pdev, int bar,
					 void *owner)
{
	struct p2p_provider *provider;
	u32 reason;
	int error;

	if (bar < 0 || bar >= PCI_STD_NUM_BARS)
		return ERR_PTR(-EINVAL);
	error = p2p_bar_check(pdev, bar, &reason);
	if (error)
		return ERR_PTR(error);
	provider = kzalloc(sizeof(*provider), GFP_KERNEL);
	if (!provider)
		return ERR_PTR(-ENOMEM);

	kref_init(&provider->ref);
	provider->pdev = pci_dev_get(pdev);
	provider->owner = owner;
	provider->bar = bar;
	provider->base = pci_resource_start(pdev, bar);
	provider->length = pci_resource_len(pdev, bar);
	provider->bus_offset = (u64)pci_bus_address(pdev, bar) - provider->base;
	provider->prefetchable = pci_resource_flags(pdev, bar) & IORESOURCE_PREFETCH;
	init_rwsem(&provider->gate);
	provider->alive = true;
	p2p_cache_init(&provider->cache);
	return provider;
}
EXPORT_SYMBOL_GPL(p2p_provider_create);

/**
 * p2p_provider_get() - take a reference
 * @provider: the caller holds a reference already
 *
 * Context: Any.
 * Return: @provider
 */
struct p2p_provider *p2p_provider_get(struct p2p_provider *provider)
{
	kref_get(&provider->ref);
	return provider;
}
EXPORT_SYMBOL_GPL(p2p_provider_get);

static void provider_release(struct kref *ref)
{
	struct p2p_provider *provider = container_of(ref, struct p2p_provider, ref);

	/* A lookup that overlapped kill may have stored a verdict after it. */
	p2p_cache_drop(&provider->cache);
	pci_dev_put(provider->pdev);
	kfree(provider);
}

/**
 * p2p_provider_put() - drop a reference
 * @provider: NULL is allowed
 *
 * Context: May sleep.
 */
void p2p_provider_put(struct p2p_provider *provider)
{
	if (provider)
		kref_put(&provider->ref, provider_release);
}
EXPORT_SYMBOL_GPL(p2p_provider_put);

/**
 * p2p_provider_kill() - prevent new DMA addresses of the BAR
 * @provider: the provider; killing it twice does nothing
 *
 * Waits for p2p_map_link() calls under way. After its return p2p_map_link(), p2p_map_create() and
 * p2p_route_get() fail with -ENODEV, as does every mapping by a plan made later. It undoes no
 * link: existing links belong to mappings, and whoever handed out the mappings takes them back.
 * An owner that kills first and takes back afterwards misses no mapping.
 *
 * Context: May sleep. May be called with a dma_resv held, but not by anything that a
 * p2p_map_*() call calls.
 */
void p2p_provider_kill(struct p2p_provider *provider)
{
	down_write(&provider->gate);
	WRITE_ONCE(provider->alive, false);
	up_write(&provider->gate);
	p2p_cache_drop(&provider->cache);
}
EXPORT_SYMBOL_GPL(p2p_provider_kill);

/**
 * p2p_provider_alive() - may the BAR still be mapped?
 * @provider: the provider
 *
 * Context: Any. True may be outdated at once; false is final.
 * Return: false once p2p_provider_kill() has begun to take effect
 */
bool p2p_provider_alive(struct p2p_provider *provider)
{
	return p2p_provider_lives(provider);
}
EXPORT_SYMBOL_GPL(p2p_provider_alive);

/**
 * p2p_provider_pdev() - the function whose BAR it is
 * @provider: the provider
 *
 * Context: Any.
 * Return: a pointer that is valid as long as the caller holds its reference to @provider, even
 * after the function has been removed
 */
struct pci_dev *p2p_provider_pdev(struct p2p_provider *provider)
{
	return provider->pdev;
}
EXPORT_SYMBOL_GPL(p2p_provider_pdev);

/**
 * p2p_provider_owner() - what p2p_provider_create() was given
 * @provider: the provider, dead or alive
 *
 * Context: Any. Only the owner knows whether the pointer is still valid.
 * Return: the owner
 */
void *p2p_provider_owner(struct p2p_provider *provider)
{
	return provider->owner;
}
EXPORT_SYMBOL_GPL(p2p_provider_owner);

/**
 * p2p_provider_bar() - which BAR it is
 * @provider: the provider
 *
 * Context: Any.
 * Return: 0 to 5
 */
int p2p_provider_bar(struct p2p_provider *provider)
{
	return provider->bar;
}
EXPORT_SYMBOL_GPL(p2p_provider_bar);

/**
 * p2p_provider_base() - where the CPU sees the BAR
 * @provider: the provider
 *
 * Context: Any.
 * Return: the physical address of its first byte
 */
phys_addr_t p2p_provider_base(struct p2p_provider *provider)
{
	return provider->base;
}
EXPORT_SYMBOL_GPL(p2p_provider_base);

/**
 * p2p_provider_length() - how large the BAR is
 * @provider: the provider
 *
 * Context: Any.
 * Return: bytes
 */
u64 p2p_provider_length(struct p2p_provider *provider)
{
	return provider->length;
}
EXPORT_SYMBOL_GPL(p2p_provider_length);

/**
 * p2p_provider_prefetchable() - may the CPU map it write-combined?
 * @provider: the provider
 *
 * Context: Any.
 * Return: true if the BAR says that it is prefetchable
 */
bool p2p_provider_prefetchable(struct p2p_provider *provider)
{
	return provider->prefetchable;
}
EXPORT_SYMBOL_GPL(p2p_provider_prefetchable);

/**
 * p2p_provider_bus_offset() - from CPU addresses to bus addresses
 * @provider: the provider
 *
 * Context: Any.
 * Return: what to add, modulo 2^64, to a CPU physical address in the BAR to get
 * the address that appears on the PCI bus
 */
u64 p2p_provider_bus_offset(struct p2p_provider *provider)
{
	return provider->bus_offset;
}
EXPORT_SYMBOL_GPL(p2p_provider_bus_offset);
