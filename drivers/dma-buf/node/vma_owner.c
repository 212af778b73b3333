// SPDX-License-Identifier: GPL-2.0
/*
 * Drivers that map BARs by a file of their own, and can say which BAR a VMA shows.
 *
 * Their find callbacks run under the mmap lock and the list's lock, both held for reading.
 * Unregistering takes the list's lock for writing, so no callback runs after it has returned.
 */
#include <linux/export.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/rwsem.h>

#include <peerbuf/peerbuf.h>

#include "node/vma_owner.h"

static DECLARE_RWSEM(peerbuf_vma_owners_lock);
static LIST_HEAD(peerbuf_vma_owners);

/**
 * peerbuf_vma_owner_register() - register a driver that knows which BAR its mappings show
 * @owner: must exist until peerbuf_vma_owner_unregister()
 *
 * Context: process context, may sleep. The mmap lock may not be held.
 */
void peerbuf_vma_owner_register(struct peerbuf_vma_owner *owner)
{
	down_write(&peerbuf_vma_owners_lock);
	list_add_tail(&owner->node, &peerbuf_vma_owners);
	up_write(&peerbuf_vma_owners_lock);
}
EXPORT_SYMBOL_GPL(peerbuf_vma_owner_register);

/**
 * peerbuf_vma_owner_unregister() - undo peerbuf_vma_owner_register()
 * @owner: not asked any more when this returns
 *
 * Context: process context, may sleep. The mmap lock may not be held.
 */
void peerbuf_vma_owner_unregister(struct peerbuf_vma_owner *owner)
{
	down_write(&peerbuf_vma_owners_lock);
	list_del(&owner->node);
	up_write(&peerbuf_vma_owners_lock);
}
EXPORT_SYMBOL_GPL(peerbuf_vma_owner_unregister);

/* With the mmap lock. Returns the BAR that @vma shows, with a reference, or NULL. */
struct p2p_provider *peerbuf_vma_provider(const struct vm_area_struct *vma, u64 *offset)
{
	struct p2p_provider *provider = NULL;
	struct peerbuf_vma_owner *owner;

	mmap_assert_locked(vma->vm_mm);

	down_read(&peerbuf_vma_owners_lock);
	list_for_each_entry(owner, &peerbuf_vma_owners, node) {
		provider = owner->find(vma, offset);
		if (provider)
			break;
	}
	up_read(&peerbuf_vma_owners_lock);
	return provider;
}
