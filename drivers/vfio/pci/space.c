// SPDX-License-Identifier: GPL-2.0
/*
 * IOVA spaces: one per IOMMU domain of this driver's open devices.
 *
 * The domain belongs to the container's IOMMU driver, which does not know of imports. A rule of
 * VFIO makes its use safe: while a device of a group is open, the group can neither leave its
 * container nor change its domain. So a device has the same domain from open to close.
 */
#include <linux/slab.h>

#include "internal.h"
#include "step.h"

static DEFINE_MUTEX(peerbuf_vfio_spaces_lock);
static LIST_HEAD(peerbuf_vfio_spaces);

/* Returns the domain, or NULL and in @reason why no domain can be used. */
static struct iommu_domain *peerbuf_vfio_domain(struct peerbuf_vfio *pv, u32 *reason)
{
	struct iommu_domain *domain;

	if (vfio_device_is_iommufd(&pv->core.vdev)) {
		*reason = PEERBUF_REASON_IOMMUFD;
		return NULL;
	}
	domain = iommu_get_domain_for_dev(&pv->core.pdev->dev);
	if (!domain || !(domain->type & __IOMMU_DOMAIN_PAGING)) {
		*reason = PEERBUF_REASON_NO_IOMMU;
		return NULL;
	}
	if (IOMMU_MAP_ENCRYPTS_MMIO) {
		*reason = PEERBUF_REASON_MEM_ENCRYPTION;
		return NULL;
	}
	return domain;
}

static struct peerbuf_vfio_space *
peerbuf_vfio_space_of(struct iommu_domain *domain, struct device *dev)
{
	struct peerbuf_vfio_space *space;

	lockdep_assert_held(&peerbuf_vfio_spaces_lock);

	list_for_each_entry(space, &peerbuf_vfio_spaces, node)
		if (space->domain == domain)
			return space;

	space = kzalloc(sizeof(*space), GFP_KERNEL_ACCOUNT);
	if (!space)
		return NULL;
	space->domain = domain;
	space->exclusive = iommu_map_is_exclusive(dev);
	space->granule = max_t(size_t, PAGE_SIZE, 1UL << __ffs(domain->pgsize_bitmap));
	space->step = peerbuf_vfio_step_size(domain->pgsize_bitmap, space->granule,
					     space->exclusive);
	space->imports = RB_ROOT;
	mutex_init(&space->lock);
	list_add(&space->node, &peerbuf_vfio_spaces);
	return space;
}

/* On failure the device opens all the same, but cannot import: see @import_reason. */
void peerbuf_vfio_space_open(struct peerbuf_vfio *pv)
{
	struct iommu_domain *domain;

	pv->import_reason = 0;
	pv->nr_imports = 0;
	domain = peerbuf_vfio_domain(pv, &pv->import_reason);
	if (!domain)
		return;

	mutex_lock(&peerbuf_vfio_spaces_lock);
	pv->space = peerbuf_vfio_space_of(domain, &pv->core.pdev->dev);
	if (pv->space)
		pv->space->users++;
	else
		pv->import_reason = PEERBUF_REASON_NO_IOMMU;
	mutex_unlock(&peerbuf_vfio_spaces_lock);
}

void peerbuf_vfio_space_close(struct peerbuf_vfio *pv)
{
	struct peerbuf_vfio_space *space = pv->space;

	if (!space)
		return;
	pv->space = NULL;

	mutex_lock(&peerbuf_vfio_spaces_lock);
	if (!--space->users) {
		list_del(&space->node);
		mutex_destroy(&space->lock);
		kfree(space);
	}
	mutex_unlock(&peerbuf_vfio_spaces_lock);
}

static bool peerbuf_vfio_reserved(struct peerbuf_vfio *pv, u64 first, u64 last)
{
	struct device *dev = &pv->core.pdev->dev;
	struct iommu_resv_region *region;
	struct iommu_group *group;
	bool reserved = false;
	LIST_HEAD(regions);

	group = iommu_group_get(dev);
	if (!group)
		return true;
	if (iommu_get_group_resv_regions(group, &regions))
		reserved = true;
	list_for_each_entry(region, &regions, list) {
		if (region->type == IOMMU_RESV_DIRECT_RELAXABLE)
			continue;
		if (region->start <= last && first <= region->start + (region->length - 1))
			reserved = true;
	}
	iommu_put_resv_regions(dev, &regions);
	iommu_group_put(group);
	return reserved;
}

/* May these IOVAs be mapped, and do the device's requests to them reach its IOMMU? */
int peerbuf_vfio_space_check(struct peerbuf_vfio *pv, u64 iova, u64 length, u32 *reason)
{
	struct iommu_domain_geometry *geometry = &pv->space->domain->geometry;
	u64 last;

	if (!IS_ALIGNED(iova, pv->space->granule)) {
		*reason = PEERBUF_REASON_IOVA_UNALIGNED;
		return -EINVAL;
	}
	if (check_add_overflow(iova, length - 1, &last)) {
		*reason = PEERBUF_REASON_OVERFLOW;
		return -EOVERFLOW;
	}
	if (iova < geometry->aperture_start || last > geometry->aperture_end ||
	    peerbuf_vfio_reserved(pv, iova, last)) {
		*reason = PEERBUF_REASON_IOVA_RANGE;
		return -ERANGE;
	}
	if (p2p_caught_on_the_way(pv->core.pdev, iova, last)) {
		*reason = PEERBUF_REASON_IOVA_BRIDGE;
		return -EADDRNOTAVAIL;
	}
	return 0;
}

/* The first import that ends at or after @iova, or NULL. */
struct peerbuf_vfio_import *
peerbuf_vfio_space_next(struct peerbuf_vfio_space *space, u64 iova)
{
	struct rb_node *node = space->imports.rb_node;
	struct peerbuf_vfio_import *import, *next = NULL;

	lockdep_assert_held(&space->lock);

	while (node) {
		import = rb_entry(node, struct peerbuf_vfio_import, node);
		if (import->iova + (import->length - 1) >= iova) {
			next = import;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return next;
}

/* Returns false if any of its IOVAs is taken. */
bool peerbuf_vfio_space_insert(struct peerbuf_vfio_space *space,
			       struct peerbuf_vfio_import *import)
{
	struct rb_node **link = &space->imports.rb_node, *parent = NULL;
	struct peerbuf_vfio_import *other;

	other = peerbuf_vfio_space_next(space, import->iova);
	if (other && other->iova <= import->iova + (import->length - 1))
		return false;

	while (*link) {
		parent = *link;
		other = rb_entry(parent, struct peerbuf_vfio_import, node);
		link = import->iova < other->iova ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&import->node, parent, link);
	rb_insert_color(&import->node, &space->imports);
	return true;
}
