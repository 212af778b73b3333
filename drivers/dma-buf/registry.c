// SPDX-License-Identifier: GPL-2.0
/*
 * What there is: exports by id, and devices that have a node.
 *
 * An export is in the registry from when its DMA-BUF exists until its release
 * starts. Whoever finds one here takes a reference to the DMA-BUF's file, which
 * fails once the last one is gone: the registry itself keeps nothing alive.
 */
#include <linux/xarray.h>

#include "internal.h"

DEFINE_MUTEX(peerbuf_registry_lock);

static DEFINE_XARRAY(peerbuf_exports);
static atomic64_t peerbuf_last_id;
static LIST_HEAD(peerbuf_devices);

/*
 * Ids are never used again, so that a late "revoke 7" cannot hit somebody
 * else's buffer.
 */
int peerbuf_registry_add(struct peerbuf *pb)
{
	pb->id = atomic64_inc_return(&peerbuf_last_id);
	return xa_insert(&peerbuf_exports, pb->id, pb, GFP_KERNEL);
}

void peerbuf_registry_remove(struct peerbuf *pb)
{
	xa_erase(&peerbuf_exports, pb->id);
}

/*
 * The caller holds the xarray's lock: release takes it to remove @pb, so @pb and
 * its dmabuf are still there, even if their last reference is gone.
 */
static bool peerbuf_get_active(struct peerbuf *pb)
{
	return get_file_active(&pb->dmabuf->file);
}

/* Returns with a reference to the DMA-BUF, dropped by peerbuf_put(). */
struct peerbuf *peerbuf_registry_get(u64 id)
{
	struct peerbuf *pb;

	if (id > ULONG_MAX)
		return NULL;

	xa_lock(&peerbuf_exports);
	pb = xa_load(&peerbuf_exports, id);
	if (pb && !peerbuf_get_active(pb))
		pb = NULL;
	xa_unlock(&peerbuf_exports);
	return pb;
}

/* The export with the smallest id greater than @after, with a reference. */
struct peerbuf *peerbuf_registry_next(u64 after)
{
	unsigned long index = after;
	struct peerbuf *pb;

	if (after >= ULONG_MAX)
		return NULL;

	xa_lock(&peerbuf_exports);
	do {
		pb = xa_find_after(&peerbuf_exports, &index, ULONG_MAX,
				   XA_PRESENT);
	} while (pb && !peerbuf_get_active(pb));
	xa_unlock(&peerbuf_exports);
	return pb;
}

void peerbuf_put(struct peerbuf *pb)
{
	dma_buf_put(pb->dmabuf);
}

/* Returns with a reference to the device. */
struct peerbuf_device *peerbuf_device_find(struct pci_dev *pdev)
{
	struct peerbuf_device *pdevice;

	lockdep_assert_held(&peerbuf_registry_lock);

	list_for_each_entry(pdevice, &peerbuf_devices, registry_node) {
		if (pdevice->pdev == pdev) {
			peerbuf_device_get(pdevice);
			return pdevice;
		}
	}
	return NULL;
}

void peerbuf_device_enlist(struct peerbuf_device *pdevice)
{
	lockdep_assert_held(&peerbuf_registry_lock);
	list_add_tail(&pdevice->registry_node, &peerbuf_devices);
}

void peerbuf_device_delist(struct peerbuf_device *pdevice)
{
	lockdep_assert_held(&peerbuf_registry_lock);
	list_del_init(&pdevice->registry_node);
}

/* Stores the first @room addresses, returns how many there are. */
u32 peerbuf_device_addrs(u64 *addrs, u32 room)
{
	struct peerbuf_device *pdevice;
	u32 nr = 0;

	lockdep_assert_held(&peerbuf_registry_lock);

	list_for_each_entry(pdevice, &peerbuf_devices, registry_node) {
		if (nr < room)
			addrs[nr] = p2p_pci_addr(pdevice->pdev);
		nr++;
	}
	return nr;
}

bool peerbuf_registry_idle(void)
{
	return xa_empty(&peerbuf_exports);
}
