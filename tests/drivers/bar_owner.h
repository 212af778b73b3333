/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bar_owner: an exporting driver, as small as it can be.
 *
 * Takes an ivshmem device whose driver_override says so, registers its BAR 2, and
 * exports, moves and withdraws pieces of it as a test tells it.
 *
 *	owner_main.c		the PCI driver
 *	owner_export.c		buffers: the in-kernel exporter API
 *	owner_map_check.c	the mapper of p2p.ko, range by range
 *	owner_file.c		the character device
 */
#ifndef _BAR_OWNER_H
#define _BAR_OWNER_H

#include <linux/atomic.h>
#include <linux/iosys-map.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/xarray.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "bar_owner_uapi.h"

#define OWNER_BAR	2

/**
 * struct owner - one device
 * @ref: the binding, each buffer and each open file hold one
 * @pdev: good while @present is held and @gone is false
 * @pdevice: the same
 * @present: held for reading by all who use the device, for writing by remove
 * @gone: the driver is unbound
 * @veto: refuse importers
 * @released: buffers released
 */
struct owner {
	struct kref ref;
	struct pci_dev *pdev;
	struct peerbuf_device *pdevice;
	struct rw_semaphore present; /* see above */
	bool gone;
	bool veto;
	atomic_t released;
	struct miscdevice misc;
	char name[40];
	char node[48];
};

/* owner_main.c */
void owner_put(struct owner *owner);

/* owner_export.c */
int owner_export(struct owner *owner, struct bar_owner_export *req);
int owner_move(struct owner *owner, const struct bar_owner_buffer *req);
int owner_revoke(const struct bar_owner_buffer *req);
int owner_restore(const struct bar_owner_buffer *req);
struct dma_buf *owner_vmap(struct bar_owner_buffer *req, struct iosys_map *map);
void owner_vunmap(struct dma_buf *dmabuf, struct iosys_map *map);

/* owner_map_check.c */
void owner_map_check(struct owner *owner, struct bar_owner_map_check *req);

/* owner_file.c */
int owner_file_register(struct owner *owner);

#endif /* _BAR_OWNER_H */
