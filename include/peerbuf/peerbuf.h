/* SPDX-License-Identifier: GPL-2.0 */
/*
 * peerbuf: PCIe BAR memory as dynamic DMA-BUFs, for drivers.
 *
 * A driver that owns a BAR registers its device, exports pieces of the BAR, and
 * moves or revokes them at any time. A driver that wants to reach such memory
 * (or any other DMA-BUF) uses the importer helper below.
 *
 * The lock order is in Documentation/locking.rst.
 */
#ifndef _PEERBUF_PEERBUF_H
#define _PEERBUF_PEERBUF_H

#include <linux/bits.h>
#include <linux/dma-buf.h>
#include <linux/dma-direction.h>
#include <linux/mm_types.h>
#include <linux/types.h>

#include <peerbuf/p2p.h>

struct module;
struct peerbuf_ioc_file;
struct pci_dev;
struct peerbuf;
struct peerbuf_device;
struct peerbuf_attachment;
struct peerbuf_mapping;

/**
 * struct peerbuf_refusal - why something is refused
 * @error: a negative errno, or 0: it is not refused
 * @reason: enum peerbuf_reason of include/uapi/linux/peerbuf.h; 0 if there is no more to say than
 *	@error does
 * @route: how the importer reaches the buffer, as p2p_plan_verdict() says; the decider is
 *	P2P_ADDR_NONE if that was not looked at
 *
 * The check that fails fills it, and everybody above passes it on.
 */
struct peerbuf_refusal {
	int error;
	u32 reason;
	struct p2p_route route;
};

/* ---- owners: who has a BAR (drivers/dma-buf: node/registration.c, core/device.c) ---- */

struct peerbuf_device *peerbuf_device_register(struct pci_dev *pdev,
					       unsigned int bar_mask,
					       unsigned int user_mask);
struct peerbuf_device *peerbuf_device_register_private(struct pci_dev *pdev,
						       unsigned int bar_mask);
unsigned int peerbuf_device_memory_bars(struct pci_dev *pdev);
void peerbuf_device_accept_pinned(struct peerbuf_device *pdevice, bool accept);
void peerbuf_device_unregister(struct peerbuf_device *pdevice);
int peerbuf_device_down(struct peerbuf_device *pdevice, unsigned long timeout);
void peerbuf_device_up(struct peerbuf_device *pdevice);
struct p2p_provider *peerbuf_device_provider(struct peerbuf_device *pdevice,
					     int bar);

/* ---- exporter (drivers/dma-buf: ops/export.c, core/, change/) ---- */

/**
 * enum peerbuf_place_why - why somebody cannot use a buffer where it is
 * @PEERBUF_PLACE_NO_ROUTE: the device has no route to a BAR the buffer lies in
 * @PEERBUF_PLACE_HIDDEN: the buffer lies in hidden memory
 * @PEERBUF_PLACE_NO_PAGES: the importer takes system memory only: it is static, or
 *	not prepared for peer-to-peer
 */
enum peerbuf_place_why {
	PEERBUF_PLACE_NO_ROUTE = 1,
	PEERBUF_PLACE_HIDDEN,
	PEERBUF_PLACE_NO_PAGES,
};

/**
 * struct peerbuf_exporter_ops - operations of the exporting driver
 * @owner: THIS_MODULE; the DMA-BUF holds it, because @release may be called long
 *	after the device is gone
 * @attach: optional; may @client have this buffer? Called without a lock, before the
 *	route is checked. A negative errno refuses (reason: veto).
 * @place: optional; @client (NULL: the CPU) wants to map or pin the buffer and cannot
 *	use it where it is; @why is enum peerbuf_place_why. Move the buffer with
 *	peerbuf_move_locked() to where @client can use it, and return 0; a negative errno
 *	refuses. Called again if @client cannot use the new place for another reason. Called
 *	with the buffer's dma_resv held, and around a CPU fault with the mmap lock; at attach
 *	only where the DMA-BUF core maps static importers during attach (before 7.1). A buffer
 *	with this operation may be moved anywhere, whoever is attached. If it returns
 *	-EOPNOTSUPP, PEERBUF_EXPORT_F_FALLBACK applies.
 * @copy: optional; copy the buffer's contents. Called by a move with
 *	PEERBUF_MOVE_F_COPY, with the dma_resv held, importers stopped and CPU mappings
 *	zapped; may sleep. It may return with the copy under way if a fence for the copy is in
 *	the dma_resv as DMA_RESV_USAGE_KERNEL; it then keeps both lists referenced until
 *	the fence signals. Such a copy cannot be undone: if it fails the contents are lost,
 *	and the fence should have an error. -EOPNOTSUPP: let the CPU copy. Any other errno
 *	ends the move; if there is such a fence, the new place stays claimed until it signals. A
 *	long copy checks peerbuf_trouble() and fatal_signal_pending() from time to time and
 *	gives up with -ENODEV or -EINTR: a revoke does not wait for it.
 * @release: optional; the buffer is gone, and nothing maps it any more. Called
 *	without a lock, may sleep.
 */
struct peerbuf_exporter_ops {
	struct module *owner;
	int (*attach)(struct peerbuf *pb, struct device *client, void *priv);
	int (*place)(struct peerbuf *pb, struct device *client, u32 why, void *priv);
	int (*copy)(struct peerbuf *pb, struct p2p_vecs *to, struct p2p_vecs *from,
		    void *priv);
	void (*release)(struct peerbuf *pb, void *priv);
};

/**
 * struct peerbuf_export_args - what peerbuf_export() is to export
 * @placement: the backing; every provider in it must come from
 *	peerbuf_device_provider(). The export takes its own reference.
 * @flags: PEERBUF_EXPORT_F_FALLBACK, or 0
 * @open_flags: O_RDONLY, O_WRONLY or O_RDWR
 * @when_down: a device that is down is no error: the buffer comes up with the device
 * @segment_align: optional; DMA segments that must be cut are cut at multiples of this:
 *	a power of two, a page to PEERBUF_MAX_SEGMENT_ALIGN
 * @max_segment: optional; maximum bytes of a DMA segment, whole pages and a multiple of
 *	@segment_align
 * @no_cpu: neither mmap() nor a kernel mapping of the DMA-BUF is allowed
 * @ops: optional
 * @priv: for @ops
 * @device: optional; the device whose node lists the buffer wherever it lies. NULL: the
 *	devices it has memory of list it
 * @resv: optional reservation object to share, usually that of the driver's own buffer
 *	object; NULL: the DMA-BUF's own
 * @name: for accounting, at most 15 characters are kept; NULL: current->comm
 */
struct peerbuf_export_args {
	struct p2p_vecs *placement;
	u32 flags;
	int open_flags;
	bool when_down;
	bool no_cpu;
	u64 segment_align;
	u64 max_segment;
	const struct peerbuf_exporter_ops *ops;
	void *priv;
	struct peerbuf_device *device;
	struct dma_resv *resv;
	const char *name;
};

struct dma_buf *peerbuf_export(const struct peerbuf_export_args *args);
struct peerbuf *peerbuf_from_dma_buf(struct dma_buf *dmabuf);
struct dma_buf *peerbuf_dma_buf(struct peerbuf *pb);
u64 peerbuf_id(struct peerbuf *pb);
void *peerbuf_priv(struct peerbuf *pb, const struct peerbuf_exporter_ops *ops);
struct p2p_vecs *peerbuf_vecs(struct peerbuf *pb);
u32 peerbuf_trouble(struct peerbuf *pb);
int peerbuf_move(struct peerbuf *pb, struct p2p_vecs *placement, u32 flags);
int peerbuf_move_locked(struct peerbuf *pb, struct p2p_vecs *placement, u32 flags);
int peerbuf_revoke(struct peerbuf *pb, unsigned long timeout);
int peerbuf_restore(struct peerbuf *pb);

/* ---- CPU mappings by a driver's own file (drivers/dma-buf/ops/vma.c) ---- */

int peerbuf_vma_init(struct vm_area_struct *vma, const struct p2p_vecs *vecs);
vm_fault_t peerbuf_vma_fault(struct vm_fault *vmf, const struct p2p_vecs *vecs, u64 begin);
int peerbuf_vma_mprotect(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			 unsigned long newflags);
int peerbuf_vma_access(struct vm_area_struct *vma, unsigned long addr, void *buf, int len,
		       int write, const struct p2p_vecs *vecs, u64 begin);

/* ---- BARs that a driver's own file maps (drivers/dma-buf/node/vma_owner.c) ---- */

/**
 * struct peerbuf_vma_owner - a driver that knows which BAR its mappings show
 * @find: which BAR does @vma map? Called with the mmap lock held for reading, for VMAs with
 *	VM_IO or VM_PFNMAP of any driver. Returns the provider, with a reference, and in
 *	*@offset where in the BAR the VMA begins, in bytes; NULL if the VMA is not the driver's
 * @node: in the list of registered owners
 *
 * PEERBUF_IOC_LOOKUP exports what such a VMA shows, for the process that has mapped it.
 */
struct peerbuf_vma_owner {
	struct p2p_provider *(*find)(const struct vm_area_struct *vma, u64 *offset);
	struct list_head node;
};

void peerbuf_vma_owner_register(struct peerbuf_vma_owner *owner);
void peerbuf_vma_owner_unregister(struct peerbuf_vma_owner *owner);

/* ---- importer helper (drivers/dma-buf/helper) ---- */

/**
 * struct peerbuf_importer_ops - what an importing driver implements
 * @invalidate: the mapping must go: start no new DMA, and make sure that
 *	peerbuf_unmap() is called soon, from here or from elsewhere. Called with
 *	the buffer's dma_resv held; must not wait for fences. DMA under way may
 *	finish if a fence for it is in the dma_resv. Without this callback the
 *	importer counts as one that cannot give memory back.
 * @changed: optional; a buffer that was revoked, or away with its device, can be mapped again, or
 *	never will be. Called for peerbuf's own buffers only, with the buffer's dma_resv held.
 * @by_phys: the importer maps the memory itself, in an IOMMU domain that the device's DMA API
 *	does not manage (as VFIO does), and so wants CPU physical addresses: the segments hold
 *	these. The route through the IOMMU is the one that is checked. The importer may
 *	attach to a buffer that is away. From other exporters it gets system memory only, and
 *	must have @invalidate for that.
 * @max_segment: maximum bytes in a segment of peerbuf's own buffers, rounded down to whole pages;
 *	0: the device's limit (dma_set_max_seg_size()). A driver that wants exactly 65,536 says
 *	so here: the PCI core sets that for every device, so as a device's limit it counts as
 *	none, as does UINT_MAX. Not used with @by_phys.
 */
struct peerbuf_importer_ops {
	void (*invalidate)(struct peerbuf_attachment *att, void *priv);
	void (*changed)(struct peerbuf_attachment *att, void *priv);
	bool by_phys;
	u64 max_segment;
};

struct peerbuf_attachment *
peerbuf_attach(struct dma_buf *dmabuf, struct device *dev,
	       const struct peerbuf_importer_ops *ops, void *priv);
struct peerbuf_attachment *
peerbuf_attach_why(struct dma_buf *dmabuf, struct device *dev,
		   const struct peerbuf_importer_ops *ops, void *priv, struct peerbuf_refusal *why);
void peerbuf_detach(struct peerbuf_attachment *att);
int peerbuf_pin(struct peerbuf_attachment *att);
void peerbuf_unpin(struct peerbuf_attachment *att);
struct peerbuf_mapping *peerbuf_map(struct peerbuf_attachment *att,
				    enum dma_data_direction dir);
struct peerbuf_mapping *peerbuf_map_range(struct peerbuf_attachment *att,
					  enum dma_data_direction dir, u64 offset, u64 len);
void peerbuf_unmap(struct peerbuf_mapping *mapping);
const struct p2p_segment *peerbuf_segments(struct peerbuf_mapping *mapping,
					   u32 *nr);
int peerbuf_segment_at(struct peerbuf_mapping *mapping, u64 offset,
		       dma_addr_t *addr, u64 *len);
void peerbuf_mapping_route(struct peerbuf_mapping *mapping, struct p2p_route *route);
struct dma_buf *peerbuf_attachment_dma_buf(struct peerbuf_attachment *att);

/* ---- CPU access by a driver (drivers/dma-buf/helper/access.c) ---- */

int peerbuf_access(struct dma_buf *dmabuf, u64 offset, void *data, size_t len, bool write);

/* ---- files and buffers (drivers/dma-buf/node/storage.c) ---- */

/**
 * struct peerbuf_storage_ops - the module that serves PEERBUF_IOC_FILE_READ and _FILE_WRITE
 * @owner: THIS_MODULE, held during calls
 * @transfer: does what @arg asks for, and fills in the result, @arg->reason included. Called
 *	in the context of the calling process, with no lock held.
 */
struct peerbuf_storage_ops {
	struct module *owner;
	int (*transfer)(struct peerbuf_ioc_file *arg, bool write);
};

int peerbuf_storage_register(const struct peerbuf_storage_ops *ops);
void peerbuf_storage_unregister(const struct peerbuf_storage_ops *ops);
void peerbuf_storage_account(struct dma_buf *dmabuf, u32 commands, u64 direct, u64 bounced);

#endif /* _PEERBUF_PEERBUF_H */
