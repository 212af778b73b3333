/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of peerbuf.ko share.
 *
 * Lock order, outermost first:
 *
 *	device_lock(&pdev->dev)		held by the driver core in probe, remove, unbind
 *	  peerbuf_registry_lock		which devices have a node
 *	  peerbuf_device.transition	going down, coming up
 *	  peerbuf_kept_lock		BARs that are still mapped though their driver has gone
 *	mmap_lock			held around a CPU fault or a debugger's access
 *	  dma_buf.resv			everything about where a buffer is
 *	    peerbuf_device.lock		the claims on a device, its providers
 *	    the list of devices, the tree of exports	(spin)
 *	    peerbuf.mappings_lock	(spin) which mappings are in force, where the buffer is
 *	      peerbuf.marks.lock	(spin) who has withdrawn the buffer
 *	    peerbuf_audience.lock	(spin) who listens to events
 *
 * Nothing is waited for under a device's lock, and no resv taken: the loop over a
 * device's claims becomes a visitor of one buffer, drops the lock, and only then
 * goes to the buffer. So a revoke that waits for one importer holds up nobody else.
 */
#ifndef _PEERBUF_INTERNAL_H
#define _PEERBUF_INTERNAL_H

#include <linux/dma-buf.h>
#include <linux/completion.h>
#include <linux/dma-resv.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/percpu.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "derived.h"
#include "device.h"
#include "event.h"
#include "ioctl.h"
#include "reach.h"
#include "rights.h"
#include "wait.h"

/* How long a call that only looks at buffers waits for all their locks together. */
#define PEERBUF_GLANCE		(HZ / 5)

struct peerbuf_file;

/**
 * struct peerbuf_placement - where a buffer is
 * @left: in peerbuf.left, when the buffer has left this placement but somebody may still map
 *	it; protected by resv
 * @left_at: the generation that began when the buffer left; protected by resv
 * @copied: fence of an engine that may still access the memory, or NULL; reference held;
 *	protected by resv
 * @vecs: the ranges, in buffer order
 * @nr_claims: number of devices that they belong to
 * @claims: one per device, with room for one per part of @vecs, or PEERBUF_MAX_DEVICES
 */
struct peerbuf_placement {
	struct list_head left;
	u64 left_at;
	struct dma_fence *copied;
	struct p2p_vecs *vecs;
	u32 nr_claims;
	struct peerbuf_claim claims[];
};

/**
 * struct peerbuf_client - an importer, as the exporter sees it
 * @node: in peerbuf.clients; protected as that list is
 * @attach: the core's attachment
 * @revocable: gives the memory back when invalidated; protected by resv
 * @native: uses the importer helper: segments, no sg_table; immutable
 * @by_phys: a native one that maps physical addresses itself; immutable
 * @pins: calls of pin() minus calls of unpin(); protected by resv
 * @maps: mappings in force; protected by resv
 * @core_maps: how many of @maps the DMA-BUF core made; protected by resv
 * @placing: the buffer is being moved for this importer, which has no mapping; protected by resv
 * @nr_segments: of the latest mapping; protected by resv
 * @mapped_ranges: vecs in the latest mapping; protected by resv
 * @dma_addr: first address of the latest mapping; protected by resv
 * @route: the last route verdict; changed under resv and mappings_lock
 * @plan: how it reaches the buffer's placement; protected by resv
 * @pid: the process that attached; reference held
 * @comm: name of that process
 */
struct peerbuf_client {
	struct list_head node;
	struct dma_buf_attachment *attach;
	bool revocable;
	bool native;
	bool by_phys;
	u32 pins;
	u32 maps;
	u32 core_maps;
	bool placing;
	u32 nr_segments;
	u32 mapped_ranges;
	dma_addr_t dma_addr;
	struct p2p_route route;
	struct p2p_plan plan;
	struct pid *pid;
	char comm[TASK_COMM_LEN];
};

/**
 * struct peerbuf_hold - something that can still reach the memory
 * @node: in peerbuf.holds, oldest generation first; changed under resv and mappings_lock, read
 *	under either
 * @generation: the buffer's generation when it was made
 * @client: the importer that has it; NULL for a vmap of the kernel, and for an importer that
 *	detached without unmapping
 * @map: its DMA addresses; NULL for a vmap, and for an importer by physical address
 */
struct peerbuf_hold {
	struct list_head node;
	u64 generation;
	struct peerbuf_client *client;
	struct p2p_map *map;
};

/**
 * struct peerbuf_dma - a mapping for one importer
 * @hold: what a revoke waits for. Its map has the DMA addresses, and this structure lies in the
 *	map's memory; NULL if the importer makes its own addresses
 * @vecs: what such an importer maps; reference held
 * @client: the importer
 * @via_core: made by dma_buf_map_attachment()
 */
struct peerbuf_dma {
	struct peerbuf_hold hold;
	struct p2p_vecs *vecs;
	struct peerbuf_client *client;
	bool via_core;
};

static inline struct p2p_vecs *peerbuf_dma_vecs(struct peerbuf_dma *dma)
{
	return dma->hold.map ? p2p_map_vecs(dma->hold.map) : dma->vecs;
}

/**
 * struct peerbuf - a buffer
 * @dmabuf: its DMA-BUF, which users hold
 * @inode: of the DMA-BUF's file; its mappings are zapped; reference held
 * @visitors: one for each user that found the buffer without holding its DMA-BUF, plus one
 * @unvisited: completed when the last visitor has gone, and no other can come
 * @registry_node: in the tree of exports by id; protected by that tree's lock
 * @id: unique until reboot; immutable
 * @size: bytes; immutable
 * @flags: PEERBUF_EXPORT_F_*; immutable
 * @segment_align: where segments are cut, or 0; immutable
 * @max_segment: maximum bytes of a segment, or 0; immutable
 * @ops: the exporting driver's, or NULL; immutable
 * @priv: for @ops
 * @pid: the process that exported, NULL for a driver; reference held
 * @comm: name of that process or driver
 * @by_user: made through a node, so userspace may move it; immutable
 * @home: the device that lists it wherever it lies, or NULL; reference held; immutable
 * @file: the node with which it ends, or NULL; reference held
 * @file_node: in @file's list; protected by file->lock
 * @placement: where it is; changed under resv and mappings_lock, read under either. A
 *	revoked buffer keeps its placement. NULL only while the export is being made, and
 *	when it is being released
 * @left: placements it has left and somebody may still map, oldest first; protected by resv
 * @marks: who has withdrawn it, and whether older mappings must go; set under
 *	mappings_lock or resv, lifted under resv
 * @asked: number of the latest call of peerbuf_settle()
 * @asker: the process that made the latest call, for the event; protected by mappings_lock
 * @settled: number of the latest call of which importers have been told; written under resv
 * @settling: the work item that tells them when the lock is free
 * @told: the last peerbuf_trouble() that importers were told of; protected by resv
 * @generation: counts invalidations; changed under resv and mappings_lock, read under either
 * @routes: the generation of verdicts with which the mappings were last compared; protected by
 *	resv
 * @clients: importers; changed under resv and mappings_lock, read under either
 * @vmap: the kernel's CPU mapping, or NULL; protected by resv
 * @mappings_lock: held, together with resv, to change @holds, @placement, @clients and others as
 *	said there; whoever only reads these holds it or resv
 * @holds: mappings and vmap in force, in order of generation; changed under resv and
 *	mappings_lock, read under either
 * @unheld: woken when a hold ends, and when importers have been told
 * @nr_holds: length of @holds; protected as that list is
 * @draining: the generation that began with the last revoke, while holds older than it are in
 *	@holds; otherwise 0
 * @root: the buffer with which it moves and whose reservation object it shares: the root of all
 *	its parts. Itself if it is not derived, or composed of parts of several roots; immutable
 * @read_only: importers may not write to it; immutable
 * @parts: if it is derived, the parts it is made of, or NULL; immutable
 * @nr_parts: number of parts
 * @depth: number of its ancestors; immutable
 * @family: struct peerbuf_part, of all buffers derived from it; changed under resv and
 *	mappings_lock, read under either
 * @last_part: number of the latest part in @family; protected as that list is
 * @followers: while it moves: the buffers of the family that move with it; protected by resv
 * @follow: while its root moves: where it goes; protected by its own resv and the root's
 * @account: what queries show; written under resv. Counters are also read without it
 */
struct peerbuf {
	struct dma_buf *dmabuf;
	struct inode *inode;
	refcount_t visitors;
	struct completion unvisited;
	struct rb_node registry_node;
	u64 id;
	u64 size;
	u32 flags;
	u64 segment_align;
	u64 max_segment;
	const struct peerbuf_exporter_ops *ops;
	void *priv;
	struct pid *pid;
	char comm[TASK_COMM_LEN];
	bool by_user;
	struct peerbuf_device *home;
	struct peerbuf_file *file;
	struct list_head file_node;

	struct peerbuf_placement *placement;
	struct list_head left;
	struct peerbuf_marks marks;
	atomic64_t asked;
	struct peerbuf_actor asker;
	atomic64_t settled;
	struct work_struct settling;
	u32 told;
	u64 generation;
	u64 routes;
	struct list_head clients;
	struct peerbuf_vmap *vmap;

	spinlock_t mappings_lock;
	struct list_head holds;
	wait_queue_head_t unheld;
	u32 nr_holds;
	u64 draining;

	struct peerbuf *root;
	bool read_only;
	struct peerbuf_part *parts;
	u32 nr_parts;
	u32 depth;
	struct list_head family;
	u64 last_part;
	struct list_head followers;
	struct peerbuf_follow follow;

	struct {
		u32 nr_clients;
		u64 maps;
		u64 moves;
		u64 fallbacks;
		u64 revokes;
		u64 refusals;
		u32 last_refusal;
		int last_refusal_errno;
		struct p2p_route last_refusal_route;
		u64 last_refusal_addr;
		u64 last_refusal_moves;
		atomic64_t file_direct;
		atomic64_t file_bounced;
	} account;
};

/**
 * struct peerbuf_file - an open node, or control
 * @ref: one reference for the file, and one for each export made through it
 * @pdevice: NULL for control; reference held
 * @writable: opened for writing
 * @lock: protects @exports
 * @exports: exports made through this file that end with it
 * @listener: receives the events of @pdevice
 */
struct peerbuf_file {
	struct kref ref;
	struct peerbuf_device *pdevice;
	bool writable;
	struct mutex lock;
	struct list_head exports;
	struct peerbuf_listener listener;
};

/* registry.c */
extern struct mutex peerbuf_registry_lock;
void peerbuf_registry_add(struct peerbuf *pb);
void peerbuf_registry_remove(struct peerbuf *pb);
struct peerbuf *peerbuf_registry_get(u64 id);
struct peerbuf *peerbuf_registry_next(u64 after);
bool peerbuf_visit(struct peerbuf *pb);
void peerbuf_put(struct peerbuf *pb);
struct peerbuf_device *peerbuf_device_find(struct pci_dev *pdev);
struct peerbuf_device *peerbuf_device_lookup(struct pci_dev *pdev);
void peerbuf_device_enlist(struct peerbuf_device *pdevice);
void peerbuf_device_delist(struct peerbuf_device *pdevice);
u32 peerbuf_device_addrs(u64 *addrs, u32 room);

/* placement.c */
struct peerbuf_placement *peerbuf_placement_create(struct peerbuf *pb,
						   struct p2p_vecs *vecs,
						   bool when_down, u32 *reason);
void peerbuf_placement_destroy(struct peerbuf_placement *placement);
u32 peerbuf_placement_trouble(const struct peerbuf_placement *placement);
int peerbuf_check_aliases(const struct peerbuf *pb, const struct p2p_vecs *to,
			  u32 flags, u32 *reason);
bool peerbuf_placement_uses(const struct peerbuf_placement *placement,
			    const struct peerbuf_device *pdevice);
bool peerbuf_placement_decodes(const struct peerbuf_placement *placement);
void peerbuf_reap(struct peerbuf *pb);
bool peerbuf_vecs_alive(const struct p2p_vecs *vecs);

/* export.c */
extern const struct dma_buf_ops peerbuf_dma_buf_ops;
struct dma_buf *peerbuf_export_for(const struct peerbuf_export_args *args,
				   struct peerbuf_file *file, bool by_user,
				   u32 *reason);
struct peerbuf *peerbuf_create(const struct peerbuf_export_args *args, u64 size);
int peerbuf_make_dma_buf(struct peerbuf *pb, const struct peerbuf_export_args *args);
void peerbuf_make_known(struct peerbuf *pb, struct peerbuf_file *file);
void peerbuf_give_up(struct peerbuf *pb);
void peerbuf_free(struct peerbuf *pb);
bool peerbuf_lies_in(struct peerbuf *pb, struct peerbuf_device *pdevice);
bool peerbuf_belongs_to(struct peerbuf *pb, struct peerbuf_device *pdevice);
bool peerbuf_belongs_held(struct peerbuf *pb, struct peerbuf_device *pdevice);
u32 peerbuf_trouble_unlocked(struct peerbuf *pb);
u32 peerbuf_state(struct peerbuf *pb, bool held);

/* attach.c */
int peerbuf_op_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);
void peerbuf_op_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);
int peerbuf_op_pin(struct dma_buf_attachment *attach);
void peerbuf_op_unpin(struct dma_buf_attachment *attach);
u32 peerbuf_client_pins(const struct peerbuf_client *client);
u32 peerbuf_pins(struct peerbuf *pb);
int peerbuf_check_decode(struct peerbuf *pb, struct device *dev);
int peerbuf_refuse(struct peerbuf *pb, struct device *dev, int error, u32 reason,
		   const struct p2p_route *route);

/* mapping.c */
/**
 * struct peerbuf_want - what an importer wants to map
 * @offset: first byte in the buffer
 * @len: bytes, or 0: all of the buffer
 * @dir: direction of the DMA
 * @via_core: the caller is dma_buf_map_attachment()
 * @extra: bytes of zeroed memory behind the mapping, for the caller; freed with the mapping
 */
struct peerbuf_want {
	u64 offset;
	u64 len;
	enum dma_data_direction dir;
	bool via_core;
	size_t extra;
};

struct peerbuf_dma *peerbuf_dma_create(struct peerbuf_client *client,
				       const struct peerbuf_want *want);
void peerbuf_dma_account(struct peerbuf_dma *dma, u32 nr_segments, dma_addr_t addr);
void peerbuf_dma_destroy(struct peerbuf_dma *dma);
void peerbuf_hold_remove(struct peerbuf *pb, struct peerbuf_hold *hold);

/* sgt.c */
struct sg_table *peerbuf_op_map(struct dma_buf_attachment *attach,
				enum dma_data_direction dir);
void peerbuf_op_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		      enum dma_data_direction dir);

/* importer.c */
bool peerbuf_attach_is_helper(const struct dma_buf_attachment *attach,
			      bool *revocable);
void peerbuf_tell_changed(struct peerbuf *pb);

/* foreign.c */
int peerbuf_foreign_init(void);
void peerbuf_foreign_exit(void);
struct device *peerbuf_foreign_device(void);
int peerbuf_foreign_piece(struct scatterlist *sg, u64 *paddr);

/* vma.c, cpu_access.c, vmap.c */
struct peerbuf *peerbuf_of_vma(const struct vm_area_struct *vma, u64 *begin);
void peerbuf_vma_suit(struct vm_area_struct *vma, const struct p2p_vecs *vecs);
int peerbuf_op_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma);
int peerbuf_op_refuse_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma);
int peerbuf_op_refuse_cpu_access(struct dma_buf *dmabuf,
				 enum dma_data_direction dir);
int peerbuf_op_begin_cpu_access(struct dma_buf *dmabuf,
				enum dma_data_direction dir);
int peerbuf_op_end_cpu_access(struct dma_buf *dmabuf,
			      enum dma_data_direction dir);
int peerbuf_op_vmap(struct dma_buf *dmabuf, struct iosys_map *map);
void peerbuf_op_vunmap(struct dma_buf *dmabuf, struct iosys_map *map);

/* move.c, copy.c */
int peerbuf_move_to(struct peerbuf *pb, struct p2p_vecs *vecs, u32 flags,
		    int finish_mode, struct peerbuf_rights *rights, u32 *reason);
int peerbuf_move_held(struct peerbuf *pb, struct p2p_vecs *vecs, u32 flags,
		      const struct peerbuf_patience *patience, u32 *reason);
u32 peerbuf_clients_lose(struct peerbuf *pb, const struct peerbuf_placement *to);
void peerbuf_arrive_at(struct peerbuf *pb, struct peerbuf_placement *to);
void peerbuf_has_left(struct peerbuf *pb, struct peerbuf_placement *from,
		      struct peerbuf_placement *to);
int peerbuf_copy(struct peerbuf *pb, const struct peerbuf_placement *to,
		 const struct peerbuf_patience *patience, u32 *reason);

/* revoke.c */
#define PEERBUF_REVOKED_USER	BIT(0)	/* through a node: see peerbuf_marks.owners */
#define PEERBUF_REVOKED_ADMIN	BIT(1)	/* by the administrator, through control */
#define PEERBUF_REVOKED_DRIVER	BIT(2)	/* by the exporting driver */
#define PEERBUF_REVOKED_DEAD	BIT(3)	/* final */

int peerbuf_mark_revoked(struct peerbuf *pb, u32 cause, struct peerbuf_device *owner);
int peerbuf_restore_for(struct peerbuf *pb, u32 causes, struct peerbuf_rights *rights,
			int mode, u32 *reason);
void peerbuf_device_buffer_down(struct peerbuf_device *pdevice,
				struct peerbuf *pb);
void peerbuf_device_buffer_up(struct peerbuf_device *pdevice,
			      struct peerbuf *pb);
void peerbuf_device_buffer_withdrawn(struct peerbuf_device *pdevice,
				     struct peerbuf *pb);

/* Any context, without a lock. Returns PEERBUF_REVOKED_*, zero if nobody has withdrawn it. */
static inline u32 peerbuf_revoked(const struct peerbuf *pb)
{
	return READ_ONCE(pb->marks.causes);
}

/* The placement and the list of clients change under both locks, so either one keeps them. */
static inline void peerbuf_assert_stays(const struct peerbuf *pb)
{
	lockdep_assert(dma_resv_held(pb->dmabuf->resv) || lockdep_is_held(&pb->mappings_lock));
}

/* What @pb was derived from, or NULL. Nothing is derived from a composed buffer. */
static inline struct peerbuf *peerbuf_origin(const struct peerbuf *pb)
{
	return pb->parts ? pb->parts[0].from : NULL;
}

/* Under resv, which orders generations: appending keeps the list sorted. */
static inline void peerbuf_hold_add(struct peerbuf *pb, struct peerbuf_hold *hold,
				    struct peerbuf_client *client, struct p2p_map *map)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	hold->generation = pb->generation;
	hold->client = client;
	hold->map = map;
	spin_lock(&pb->mappings_lock);
	list_add_tail(&hold->node, &pb->holds);
	pb->nr_holds++;
	spin_unlock(&pb->mappings_lock);
}

/*
 * Under resv. Waits until the memory has its final contents, which it nearly always has. Returns
 * 0; -EINTR if @mode lets a signal end the wait; -ENODEV.
 */
static inline int peerbuf_wait_kernel(struct peerbuf *pb, int mode)
{
	if (dma_resv_test_signaled(pb->dmabuf->resv, DMA_RESV_USAGE_KERNEL))
		return 0;
	return peerbuf_wait_kernel_fences(pb, mode);
}

/* lend.c */
int peerbuf_bar_check(struct pci_dev *pdev, unsigned int bar, u32 *reason);
int peerbuf_bar_check_pages(struct pci_dev *pdev, unsigned int bar, u32 *reason);
int peerbuf_admin_lock(struct pci_dev *pdev, u32 *reason);
int peerbuf_lend(struct pci_dev *pdev, struct peerbuf_ioc_lend *arg);
int peerbuf_unlend(struct pci_dev *pdev, struct peerbuf_ioc_lend *arg);
int peerbuf_lend_init(void);
void peerbuf_lend_exit(void);

/* policy.c */
int peerbuf_policy_set(struct pci_dev *pdev, u32 set, u32 clear, u32 *policy, u32 *reason);
void peerbuf_policy_apply(struct peerbuf_device *pdevice);

/* stub.c */
int peerbuf_stub_init(void);
void peerbuf_stub_exit(void);

/* chrdev.c */
int peerbuf_chrdev_add(struct peerbuf_device *pdevice);
void peerbuf_chrdev_remove(struct peerbuf_device *pdevice);
struct peerbuf_device *peerbuf_chrdev_find(const struct inode *inode);
int peerbuf_chrdev_init(const struct file_operations *fops);
void peerbuf_chrdev_exit(void);

/* node.c, control.c */
extern const struct file_operations peerbuf_node_fops;
struct peerbuf_file *peerbuf_file_from_fd(int fd, struct file **filp);
struct peerbuf_file *peerbuf_file_create(struct peerbuf_device *pdevice,
					 bool writable);
void peerbuf_file_get(struct peerbuf_file *pf);
void peerbuf_file_put(struct peerbuf_file *pf);
int peerbuf_control_init(void);
void peerbuf_control_exit(void);

/* ranges.c */
int peerbuf_range_check(const struct peerbuf_range *range, u32 *reason);
struct peerbuf_range *peerbuf_ranges_copy(u64 user_ranges, u32 nr, u32 *reason);
struct p2p_vecs *peerbuf_ranges_resolve(struct peerbuf_file *pf, u64 user_ranges,
					u32 nr, struct peerbuf_rights *rights,
					u32 *bad_range, u32 *reason);

/* debug.c */
void peerbuf_debug_init(void);
void peerbuf_debug_exit(void);

/* stats.c */
enum peerbuf_stat {
	PEERBUF_STAT_EXPORTS,
	PEERBUF_STAT_ATTACHES,
	PEERBUF_STAT_MAPS,
	PEERBUF_STAT_UNMAPS,
	PEERBUF_STAT_MOVES,
	PEERBUF_STAT_MIGRATIONS,
	PEERBUF_STAT_FALLBACKS,
	PEERBUF_STAT_REVOKES,
	PEERBUF_STAT_RESTORES,
	PEERBUF_STAT_REFUSALS,
	PEERBUF_STAT_FAULTS,
	PEERBUF_STAT_RELEASES,
	PEERBUF_STAT_FILE_CALLS,
	PEERBUF_STAT_FILE_COMMANDS,
	PEERBUF_STAT_FILE_DIRECT,
	PEERBUF_STAT_FILE_BOUNCED,
	PEERBUF_NR_STATS,
};

DECLARE_PER_CPU(unsigned long, peerbuf_stats[PEERBUF_NR_STATS]);

u64 peerbuf_stat_read(enum peerbuf_stat stat);

/* Process context. Not preempted while it counts, so nobody else changes this CPU's counter. */
static inline void peerbuf_stat_add(enum peerbuf_stat stat, u64 more)
{
	unsigned long *counter = get_cpu_ptr(&peerbuf_stats[stat]);

	WRITE_ONCE(*counter, *counter + more);
	put_cpu_ptr(&peerbuf_stats[stat]);
}

static inline void peerbuf_stat_inc(enum peerbuf_stat stat)
{
	peerbuf_stat_add(stat, 1);
}

static inline u64 peerbuf_dev_addr(struct device *dev)
{
	return dev && dev_is_pci(dev) ? p2p_pci_addr(to_pci_dev(dev)) : PEERBUF_PCI_NONE;
}

#endif /* _PEERBUF_INTERNAL_H */
