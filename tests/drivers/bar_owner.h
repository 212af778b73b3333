/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bar_owner: an exporting driver, as small as it can be.
 *
 * It binds to an ivshmem device whose driver_override names it, registers the device's BAR 2,
 * and exports, moves and withdraws parts of that BAR when a test asks for it.
 *
 *	owner_main.c		the PCI driver
 *	owner_export.c		buffers: the in-kernel exporter API
 *	owner_place.c		where buffers can be, and placing them for importers
 *	owner_copy.c		the copy engine
 *	owner_map_check.c	the mapper of p2p.ko, range by range
 *	owner_pages.c		struct pages for the BAR, for comparison
 *	owner_file.c		the character device
 *	owner_sleep.c		system sleep of one function
 */
#ifndef _BAR_OWNER_H
#define _BAR_OWNER_H

#include <linux/atomic.h>
#include <linux/iosys-map.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "bar_owner_uapi.h"

#define OWNER_BAR	2
#define OWNER_HIDDEN	SZ_1M /* bytes of hidden memory */

/**
 * struct owner - one device
 * @ref: held by the binding, by each buffer and by each open file
 * @pdev: valid while @present is held and @gone is false
 * @pdevice: likewise
 * @present: held for reading by all who use the device, for writing by remove
 * @gone: the driver is unbound
 * @veto: refuse importers
 * @released: buffers released
 * @hidden: stands for memory that only the device can access
 * @places: placements that still have a reference
 * @asked: number of place() calls
 * @why: the reason given to the last place() call
 * @for_cpu: the last place() call was for the CPU
 * @copies: copies made
 */
struct owner {
	struct kref ref;
	struct pci_dev *pdev;
	struct peerbuf_device *pdevice;
	struct rw_semaphore present; /* see above */
	bool gone;
	bool veto;
	atomic_t released;
	u8 *hidden;
	atomic_t places;
	u32 asked;
	u32 why;
	bool for_cpu;
	u32 copies;
	struct miscdevice misc;
	char name[40];
	char node[48];
};

/**
 * struct owner_buffer - the driver's part of an exported buffer
 * @owner: reference held
 * @share: the dma-buf whose dma_resv the buffer uses, reference held, or NULL
 * @offset: offset in the BAR at which op_place() puts the buffer
 * @place: BAR_OWNER_PLACE_*
 * @engine: BAR_OWNER_ENGINE_*
 * @copy_work: makes the queued copy; the members below describe that copy
 * @copy_done: its fence, reference held
 * @copy_to: destination, reference held
 * @copy_from: source, reference held
 */
struct owner_buffer {
	struct owner *owner;
	struct dma_buf *share;
	u64 offset;
	u32 place;
	u32 engine;
	struct delayed_work copy_work;
	struct dma_fence *copy_done;
	struct p2p_vecs *copy_to;
	struct p2p_vecs *copy_from;
};

/* owner_main.c */
void owner_put(struct owner *owner);

/* owner_export.c */
int owner_export(struct owner *owner, struct bar_owner_export *req);
int owner_move(struct owner *owner, const struct bar_owner_buffer *req);
int owner_revoke(const struct bar_owner_buffer *req);
int owner_restore(const struct bar_owner_buffer *req);
int owner_mine(const struct bar_owner_buffer *req);
int owner_try_vmap(const struct bar_owner_buffer *req);
struct dma_buf *owner_vmap(struct bar_owner_buffer *req, struct iosys_map *map);
void owner_vunmap(struct dma_buf *dmabuf, struct iosys_map *map);

/* owner_place.c */
struct p2p_vecs *owner_place(struct owner *owner, u32 where, u64 offset, u64 len);
int owner_op_place(struct peerbuf *pb, struct device *client, u32 why, void *priv);

/* owner_copy.c */
void owner_copy_work(struct work_struct *work);
int owner_op_copy(struct peerbuf *pb, struct p2p_vecs *to, struct p2p_vecs *from,
		  void *priv);

/* owner_map_check.c */
void owner_map_check(struct owner *owner, struct bar_owner_map_check *req);

/* owner_sleep.c */
int owner_sleep(u64 addr, bool on);

/* owner_pages.c */
int owner_pages(struct owner *owner, struct bar_owner_pages *req);

/* owner_file.c */
int owner_file_register(struct owner *owner);

#endif /* _BAR_OWNER_H */
