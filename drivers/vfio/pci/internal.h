/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of peerbuf-vfio-pci.ko share.
 *
 * Documentation/locking.rst has the order of the locks. vfio-pci-core is never called with a lock
 * of struct peerbuf_vfio_bars held: it takes its memory_lock itself, and resets call back into this
 * driver under it.
 */
#ifndef _PEERBUF_VFIO_INTERNAL_H
#define _PEERBUF_VFIO_INTERNAL_H

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/iommu.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rbtree.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>
#include <linux/workqueue.h>

#include "../../../compat/vfio.h"

#include <linux/peerbuf_vfio.h>
#include <peerbuf/peerbuf.h>

#include "bars.h"
#include "import_state.h"

struct peerbuf_vfio_space;

/**
 * struct peerbuf_vfio - a PCI function bound to this driver
 * @core: vfio-pci-core's; first, because drvdata has to point to it
 * @bars: whether importers may reach its BARs
 * @space: the IOVA space for the device's imports, NULL if there is none. Set by open and cleared
 *	by close, so ioctls read it without a lock
 * @import_reason: if @space is NULL, why: enum peerbuf_reason
 * @nr_imports: the device's imports; protected by space->lock
 */
struct peerbuf_vfio {
	struct vfio_pci_core_device core;
	struct peerbuf_vfio_bars bars;
	struct peerbuf_vfio_space *space;
	u32 import_reason;
	u32 nr_imports;
};

/* config.c */
ssize_t peerbuf_vfio_read(struct vfio_device *device, char __user *buf, size_t count,
			  loff_t *ppos);
ssize_t peerbuf_vfio_write(struct vfio_device *device, const char __user *buf,
			   size_t count, loff_t *ppos);

/* feature.c */
int peerbuf_vfio_feature(struct vfio_device *device, u32 flags, void __user *arg,
			 size_t argsz);

/* main.c */
bool peerbuf_vfio_is_ours(const struct vfio_device *device);

/* mmap.c */
int peerbuf_vfio_mmap(struct vfio_device *device, struct vm_area_struct *vma);
struct p2p_provider *peerbuf_vfio_find(const struct vm_area_struct *vma, u64 *offset);

/* ioctl.c */
struct peerbuf_vfio_call {
	union {
		struct {
			__u32 size;
			__u32 reason;
		} head;
		struct peerbuf_vfio_ioc_info info;
		struct peerbuf_vfio_ioc_map map;
		struct peerbuf_vfio_ioc_unmap unmap;
		struct peerbuf_vfio_ioc_query query;
	};
};

long peerbuf_vfio_ioctl(struct vfio_device *device, unsigned int cmd, unsigned long arg);

/**
 * struct peerbuf_vfio_space - the IOVA space of an IOMMU domain, as far as imports use it
 * @node: in the list of spaces; protected by spaces_lock
 * @users: open devices; protected by spaces_lock
 * @domain: exists while any of these devices is open
 * @exclusive: the IOMMU driver refuses to map an IOVA that is mapped already
 * @granule: alignment of IOVAs and physical addresses, in bytes
 * @step: bytes mapped at a time, see step.h
 * @lock: protects @imports, and is held while the state of one changes. May be taken under resv
 * @imports: all imports by IOVA, disjoint; also those that are not mapped at the moment. The
 *	space has a reference to each
 *
 * The devices of a container share the domain, and so the space.
 */
struct peerbuf_vfio_space {
	struct list_head node;
	unsigned int users;
	struct iommu_domain *domain;
	bool exclusive;
	size_t granule;
	u64 step;
	struct mutex lock;
	struct rb_root imports;
};

/**
 * struct peerbuf_vfio_import - a DMA-BUF in a device's IOVA space
 * @ref: one reference of the space, and one of each ioctl that uses it
 * @node: in the space; protected by space->lock
 * @pv: the device that mapped it; open
 * @iova: first IOVA
 * @length: bytes
 * @offset: first byte in the buffer
 * @access: PEERBUF_VFIO_MAP_F_READ and WRITE
 * @dmabuf: reference held
 * @eventfd: or NULL; reference held
 * @work: maps the import again
 * @state: written with resv and space->lock held, read with either
 * @att: once the import is attached. Protected by resv, as is all that follows
 * @route: the latest verdict
 * @mapping: what the IOMMU's entries are made from: not NULL in the state MAPPED, and while they
 *	are being made
 * @told: PEERBUF_VFIO_STATE_*, what the user was told last; 0 before the first
 * @error: negative errno with PEERBUF_VFIO_STATE_FAILED
 * @reason: why mapping it failed last
 * @changes: how often @told or @error have changed
 */
struct peerbuf_vfio_import {
	struct kref ref;
	struct rb_node node;
	struct peerbuf_vfio *pv;
	u64 iova;
	u64 length;
	u64 offset;
	u32 access;
	struct dma_buf *dmabuf;
	struct eventfd_ctx *eventfd;
	struct work_struct work;
	enum peerbuf_vfio_import_state state;

	struct peerbuf_attachment *att;
	struct p2p_route route;
	struct peerbuf_mapping *mapping;
	u32 told;
	int error;
	u32 reason;
	u64 changes;
};

/* space.c */
void peerbuf_vfio_space_open(struct peerbuf_vfio *pv);
void peerbuf_vfio_space_close(struct peerbuf_vfio *pv);
int peerbuf_vfio_space_check(struct peerbuf_vfio *pv, u64 iova, u64 length, u32 *reason);
struct peerbuf_vfio_import *
peerbuf_vfio_space_next(struct peerbuf_vfio_space *space, u64 iova);
bool peerbuf_vfio_space_insert(struct peerbuf_vfio_space *space,
			       struct peerbuf_vfio_import *import);

/* import_call.c */
int peerbuf_vfio_ioctl_info(struct peerbuf_vfio *pv, struct peerbuf_vfio_call *call);
int peerbuf_vfio_ioctl_map(struct peerbuf_vfio *pv, struct peerbuf_vfio_call *call);
int peerbuf_vfio_ioctl_unmap(struct peerbuf_vfio *pv, struct peerbuf_vfio_call *call);
int peerbuf_vfio_ioctl_query(struct peerbuf_vfio *pv, struct peerbuf_vfio_call *call);

/* import.c */
struct peerbuf_vfio_import *peerbuf_vfio_import_alloc(struct peerbuf_vfio *pv);
void peerbuf_vfio_import_put(struct peerbuf_vfio_import *import);
int peerbuf_vfio_import_add(struct peerbuf_vfio_import *import, struct p2p_route *route,
			    u32 *reason);
bool peerbuf_vfio_import_end(struct peerbuf_vfio_import *import);
u32 peerbuf_vfio_buffer_reason(const struct peerbuf_vfio_import *import);
void peerbuf_vfio_imports_close(struct peerbuf_vfio *pv);
int peerbuf_vfio_import_init(void);
void peerbuf_vfio_import_exit(void);

/* pages.c */
int peerbuf_vfio_pages_map(struct peerbuf_vfio_import *import);
void peerbuf_vfio_pages_unmap(struct peerbuf_vfio_import *import);

/* main.c */
static inline struct peerbuf_vfio *to_peerbuf_vfio(struct vfio_device *device)
{
	return container_of(device, struct peerbuf_vfio, core.vdev);
}

#endif /* _PEERBUF_VFIO_INTERNAL_H */
