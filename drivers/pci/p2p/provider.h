/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _P2P_PROVIDER_H
#define _P2P_PROVIDER_H

#include <linux/kref.h>
#include <linux/rwsem.h>
#include <peerbuf/p2p.h>

#include "cache.h"

/**
 * struct p2p_provider - one BAR of one function, for as long as its owner wants
 * @ref: the owner's, and one per vec that lies in the BAR
 * @pdev: referenced; the pointer stays good after removal, the BAR does not
 * @owner: the creator's, never dereferenced here
 * @base: where the BAR was when the provider was made; so are the next four
 * @length: bytes
 * @bus_offset: bus address - CPU physical address, modulo 2^64
 * @bar: 0..5
 * @prefetchable: write-combining and speculation do no harm
 * @gate: read while an address of the BAR is being given to a device, written
 *	by p2p_provider_kill(). So when kill returns, every link that saw the
 *	provider alive has finished (its caller can find and undo it), and none
 *	starts any more. Nests inside a dma_resv; nothing that takes a dma_resv
 *	may be called under it.
 * @alive: true until killed; written under @gate
 * @cache: verdicts, with a lock of its own
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

int p2p_provider_enter(struct p2p_provider *provider);
void p2p_provider_exit(struct p2p_provider *provider);

#endif /* _P2P_PROVIDER_H */
