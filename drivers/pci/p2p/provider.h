/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _P2P_PROVIDER_H
#define _P2P_PROVIDER_H

#include <linux/kref.h>
#include <linux/rwsem.h>
#include <peerbuf/p2p.h>

#include "cache.h"

/**
 * struct p2p_provider - one BAR of one function, for as long as its owner wants
 * @ref: one reference is the owner's, one each vec list's that has memory in the BAR
 * @pdev: referenced; the pointer stays valid after removal, the BAR does not
 * @owner: the creator's pointer, never dereferenced here
 * @base: CPU physical address. This and the next four are read once, when the provider is made
 * @length: bytes
 * @bus_offset: bus address - CPU physical address, modulo 2^64
 * @bar: 0..5
 * @prefetchable: write-combining and speculation do no harm
 * @gate: read while the BAR's memory is being linked for a device, written by
 *	p2p_provider_kill(). So when kill returns, every link that saw the provider
 *	alive has finished (its caller can find and undo it), and no new one
 *	succeeds. Nests inside a dma_resv; nothing that takes a dma_resv may be
 *	called under it.
 * @alive: true until killed; written under @gate
 * @cache: verdicts; it has a lock of its own
 */
struct p2p_provider {
	struct kref ref;
	struct pci_dev *pdev;
	void *owner;
	phys_addr_t base;
	u64 length;
	u64 bus_offset;
	int bar;
	bool prefetchable;
	struct rw_semaphore gate;
	bool alive;
	struct p2p_cache cache;
};

/* See p2p_provider_alive(). */
static inline bool p2p_provider_lives(const struct p2p_provider *provider)
{
	return READ_ONCE(provider->alive);
}

/*
 * Hold off p2p_provider_kill() while a DMA address is made. Returns -ENODEV if the provider is
 * dead already; after 0 the caller calls p2p_provider_exit().
 */
static inline int p2p_provider_enter(struct p2p_provider *provider)
{
	down_read(&provider->gate);
	if (provider->alive)
		return 0;
	up_read(&provider->gate);
	return -ENODEV;
}

static inline void p2p_provider_exit(struct p2p_provider *provider)
{
	up_read(&provider->gate);
}

#endif /* _P2P_PROVIDER_H */
