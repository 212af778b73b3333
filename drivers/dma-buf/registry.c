// SPDX-License-Identifier: GPL-2.0
/*
 * What there is: exports by id, and devices that have a node.
 *
 * Neither keeps a buffer alive. Whoever finds one here, or by a device's claims, or in
 * a node's list, is a visitor: release waits for the visitors that are there and lets no
 * other in. A reference to the DMA-BUF's file would not do: its release hangs off the
 * dentry, which an O_PATH descriptor keeps after the file itself is gone.
 */
#include <linux/rbtree.h>

#include "internal.h"

/* Held to register or unregister a device, so that none is registered twice. */
DEFINE_MUTEX(peerbuf_registry_lock);

/* Protects the list of devices: a buffer that moves searches it under its resv. */
static DEFINE_SPINLOCK(peerbuf_devices_lock);

/* Protects the tree, and the latest id: so exports enter the tree in the order of their ids. */
static DEFINE_SPINLOCK(peerbuf_exports_lock);
static struct rb_root peerbuf_exports = RB_ROOT;
static u64 peerbuf_last_id;

static LIST_HEAD(peerbuf_devices);

static struct peerbuf *peerbuf_of_node(struct rb_node *node)
{
	return rb_entry(node, struct peerbuf, registry_node);
}

/*
 * Ids are never reused, so that a late "revoke 7" cannot hit another buffer. The new id is the
 * largest, so its place is at the right end of the tree.
 */
void peerbuf_registry_add(struct peerbuf *pb)
{
	struct rb_node **link = &peerbuf_exports.rb_node, *parent = NULL;

	spin_lock(&peerbuf_exports_lock);
	while (*link) {
		parent = *link;
		link = &parent->rb_right;
	}
	pb->id = ++peerbuf_last_id;
	rb_link_node(&pb->registry_node, parent, link);
	rb_insert_color(&pb->registry_node, &peerbuf_exports);
	spin_unlock(&peerbuf_exports_lock);
}

void peerbuf_registry_remove(struct peerbuf *pb)
{
	spin_lock(&peerbuf_exports_lock);
	rb_erase(&pb->registry_node, &peerbuf_exports);
	spin_unlock(&peerbuf_exports_lock);
}

/* Under the tree's lock: the first export whose id is @id or greater, or NULL. */
static struct peerbuf *peerbuf_registry_from(u64 id)
{
	struct rb_node *node = peerbuf_exports.rb_node;
	struct peerbuf *pb, *found = NULL;

	lockdep_assert_held(&peerbuf_exports_lock);

	while (node) {
		pb = peerbuf_of_node(node);
		if (pb->id < id) {
			node = node->rb_right;
		} else {
			found = pb;
			node = node->rb_left;
		}
	}
	return found;
}

/*
 * The caller holds the lock of the list in which it found @pb: release takes that lock to
 * remove it, so @pb exists, even if its release is under way.
 */
bool peerbuf_visit(struct peerbuf *pb)
{
	return refcount_inc_not_zero(&pb->visitors);
}

/* Ends a visit. */
void peerbuf_put(struct peerbuf *pb)
{
	if (refcount_dec_and_test(&pb->visitors))
		complete(&pb->unvisited);
}

/* Returns as a visitor: the caller calls peerbuf_put(). */
struct peerbuf *peerbuf_registry_get(u64 id)
{
	struct peerbuf *pb;

	spin_lock(&peerbuf_exports_lock);
	pb = peerbuf_registry_from(id);
	if (pb && (pb->id != id || !peerbuf_visit(pb)))
		pb = NULL;
	spin_unlock(&peerbuf_exports_lock);
	return pb;
}

/* Returns the export with the smallest id greater than @after, as a visitor of it. */
struct peerbuf *peerbuf_registry_next(u64 after)
{
	struct rb_node *node;
	struct peerbuf *pb;

	if (after == U64_MAX)
		return NULL;

	spin_lock(&peerbuf_exports_lock);
	pb = peerbuf_registry_from(after + 1);
	while (pb && !peerbuf_visit(pb)) {
		node = rb_next(&pb->registry_node);
		pb = node ? peerbuf_of_node(node) : NULL;
	}
	spin_unlock(&peerbuf_exports_lock);
	return pb;
}

/* Returns with a reference to the device. */
struct peerbuf_device *peerbuf_device_find(struct pci_dev *pdev)
{
	struct peerbuf_device *pdevice, *found = NULL;

	spin_lock(&peerbuf_devices_lock);
	list_for_each_entry(pdevice, &peerbuf_devices, registry_node) {
		if (pdevice->pdev == pdev) {
			peerbuf_device_get(pdevice);
			found = pdevice;
			break;
		}
	}
	spin_unlock(&peerbuf_devices_lock);
	return found;
}

/*
 * The same, after any registration or unregistration under way: a device that is being unregistered
 * is not found.
 */
struct peerbuf_device *peerbuf_device_lookup(struct pci_dev *pdev)
{
	struct peerbuf_device *pdevice;

	mutex_lock(&peerbuf_registry_lock);
	pdevice = peerbuf_device_find(pdev);
	mutex_unlock(&peerbuf_registry_lock);
	return pdevice;
}

void peerbuf_device_enlist(struct peerbuf_device *pdevice)
{
	lockdep_assert_held(&peerbuf_registry_lock);
	spin_lock(&peerbuf_devices_lock);
	list_add_tail(&pdevice->registry_node, &peerbuf_devices);
	spin_unlock(&peerbuf_devices_lock);
}

void peerbuf_device_delist(struct peerbuf_device *pdevice)
{
	lockdep_assert_held(&peerbuf_registry_lock);
	spin_lock(&peerbuf_devices_lock);
	list_del_init(&pdevice->registry_node);
	spin_unlock(&peerbuf_devices_lock);
}

/* Stores the first @room addresses. Returns how many devices have a node. */
u32 peerbuf_device_addrs(u64 *addrs, u32 room)
{
	struct peerbuf_device *pdevice;
	u32 nr = 0;

	lockdep_assert_held(&peerbuf_registry_lock);

	list_for_each_entry(pdevice, &peerbuf_devices, registry_node) {
		if (!pdevice->has_node)
			continue;
		if (nr < room)
			addrs[nr] = p2p_pci_addr(pdevice->pdev);
		nr++;
	}
	return nr;
}
