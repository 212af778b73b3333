/* SPDX-License-Identifier: GPL-2.0 */
/*
 * odd_exporter: a DMA-BUF exporter to try importers against. Plain <linux/dma-buf.h>, nothing
 * of peerbuf's.
 *
 *	odd_main.c	the module
 *	odd_device.c	PCI functions that lend their BARs
 *	odd_place.c	memory: allocate, copy, poison, look
 *	odd_buffer.c	a buffer as the DMA-BUF core sees it
 *	odd_map.c	mappings: segments of every size
 *	odd_move.c	moves, revokes, restores
 *	odd_late.c	contents that arrive late, and the fence for them
 *	odd_script.c	rules, and what they do
 *	odd_judge.c	what importers may not do
 *	odd_cpu.c	the CPU's mappings
 *	odd_file.c	the character device
 *
 * Locks, outermost first:
 *
 *	odd_devices_lock -> dma_buf.resv -> odd_script.lock
 */
#ifndef _ODD_H
#define _ODD_H

#include <linux/atomic.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "odd_uapi.h"

struct iosys_map;
struct odd_buffer;
struct pci_dev;

/* What a place has that was given back. */
#define ODD_POISON	0xd6

/**
 * struct odd_device - a PCI function
 * @ref: the binding and each buffer hold one
 * @pdev: good while bound
 * @all: in the list of all; under odd_devices_lock
 * @buffers: with places in its BARs; under odd_devices_lock
 * @gone: unbound; set before the buffers' locks are taken, looked at under them
 */
struct odd_device {
	struct kref ref;
	struct pci_dev *pdev;
	struct list_head all;
	struct list_head buffers;
	bool gone;
};

/**
 * struct odd_place - memory for the contents of a buffer
 * @buffer: whose
 * @kind: ODD_IN_*
 * @pages: system memory, one by one
 * @slot: which of the buffer's in the BAR
 * @paddr: where that is
 * @io: the CPU's way there, NULL for one too long to be moved
 * @users: mappings
 * @given_back: in the buffer's list of those
 * @since: when it was
 * @written: somebody wrote since, and that has been counted
 *
 * From @users on under the buffer's dma_resv.
 */
struct odd_place {
	struct odd_buffer *buffer;
	u32 kind;
	struct page **pages;
	u32 slot;
	phys_addr_t paddr;
	void __iomem *io;
	u32 users;
	struct list_head given_back;
	ktime_t since;
	bool written;
};

/**
 * struct odd_attachment - an importer
 * @node: in the buffer's list
 * @buffer: what it is attached to
 * @dev: its device
 * @dynamic: it has callbacks
 * @peer: it takes peer memory
 * @core_pins: the core pins at each of its maps
 * @pins: how often it is pinned, by the core or the importer
 * @mappings: it has, the one that is being made included
 * @excused: the core is about to unpin for an unmap that was none
 *
 * The first and the last three are under the buffer's dma_resv.
 */
struct odd_attachment {
	struct list_head node;
	struct odd_buffer *buffer;
	struct device *dev;
	bool dynamic;
	bool peer;
	bool core_pins;
	int pins;
	int mappings;
	bool excused;
};

/**
 * struct odd_mapping - what an importer has mapped
 * @node: in the buffer's list
 * @att: whose
 * @place: what
 * @sgt: what the importer sees; it is compared, and no importer's pointer is followed
 * @dir: direction
 * @told: the importer has been told to give it back
 * @since: when that was, or when its last fence signalled
 * @counted: it was kept too long, and that has been counted
 */
struct odd_mapping {
	struct list_head node;
	struct odd_attachment *att;
	struct odd_place *place;
	struct sg_table sgt;
	enum dma_data_direction dir;
	bool told;
	ktime_t since;
	bool counted;
};

/**
 * struct odd_script - the rules
 * @lock: guards the rest, takes nothing
 * @nr: rules
 * @rule: the rules
 * @done: how often each was followed
 * @seen: events since the rules are there
 */
struct odd_script {
	spinlock_t lock; /* see above */
	u32 nr;
	struct odd_rule rule[ODD_MOST_RULES];
	u64 done[ODD_MOST_RULES];
	u64 seen[ODD_NR_EVENTS];
};

/**
 * struct odd_tally - counters
 * @events: by ODD_ON_*
 * @actions: by ODD_DO_*
 * @bad: by ODD_BAD_*
 * @refused: actions
 * @attachments: now
 * @mappings: now
 * @longest_ns: a mapping was kept
 */
struct odd_tally {
	atomic64_t events[ODD_NR_EVENTS];
	atomic64_t actions[ODD_NR_ACTIONS];
	atomic64_t bad[ODD_NR_BAD];
	atomic64_t refused;
	atomic64_t attachments;
	atomic64_t mappings;
	atomic64_t longest_ns;
};

/**
 * struct odd_buffer - a buffer
 * @dmabuf: which
 * @nr_pages: its length
 * @device: whose BAR it may be in, or NULL
 * @link: in that device's list; under odd_devices_lock
 * @base: CPU address of the first slot
 * @slots: how many
 * @slots_taken: which, a bit each
 * @kind: where it is, or was when it was revoked
 * @per_page: an entry of the scatterlist for each page
 * @nr_pieces: how many lengths of segments
 * @piece: the lengths, pages
 * @limit_ms: how long a mapping may be kept
 * @place: the contents, NULL while they are in @stash
 * @stash: the contents while it is revoked
 * @revoked: nobody may map
 * @acting: an action is under way
 * @vmaps: the kernel's own mappings
 * @attachments: of importers
 * @no_peers: attachments that take no peer memory
 * @mappings: all importers'
 * @given_back: places that were, the oldest first
 * @nr_given_back: how many
 * @watch: looks after mappings that are kept, and places that were given back
 * @context: of fences
 * @seqno: of the latest
 * @bounce: a page, on the way out of a BAR
 * @script: rules
 * @tally: counters
 *
 * From @slots_taken on, but for what does not change, the watch, the script and the tally, all of
 * it is under the DMA-BUF's dma_resv.
 */
struct odd_buffer {
	struct dma_buf *dmabuf;
	unsigned long nr_pages;
	struct odd_device *device;
	struct list_head link;
	phys_addr_t base;
	u32 slots;
	unsigned long slots_taken;
	u32 kind;
	bool per_page;
	u32 nr_pieces;
	u32 piece[ODD_MOST_PIECES];
	u32 limit_ms;
	struct odd_place *place;
	struct odd_place *stash;
	bool revoked;
	bool acting;
	u32 vmaps;
	struct list_head attachments;
	u32 no_peers;
	struct list_head mappings;
	struct list_head given_back;
	u32 nr_given_back;
	struct delayed_work watch;
	u64 context;
	u64 seqno;
	void *bounce;
	struct odd_script script;
	struct odd_tally tally;
};

static inline u64 odd_size(const struct odd_buffer *buffer)
{
	return (u64)buffer->nr_pages << PAGE_SHIFT;
}

static inline bool odd_movable(const struct odd_buffer *buffer)
{
	return odd_size(buffer) <= ODD_MOST_MOVED;
}

/* odd_main.c */
extern struct workqueue_struct *odd_wq;

/* odd_device.c */
struct odd_device *odd_device_get(u32 addr);
void odd_device_put(struct odd_device *device);
int odd_device_slots(struct odd_device *device, const struct odd_export *req, phys_addr_t *base);
void odd_device_link(struct odd_buffer *buffer);
void odd_device_unlink(struct odd_buffer *buffer);
int odd_device_init(void);
void odd_device_exit(void);

/* odd_place.c */
struct odd_place *odd_place_create(struct odd_buffer *buffer, u32 kind);
void odd_place_free(struct odd_place *place);
phys_addr_t odd_place_phys(const struct odd_place *place, unsigned long page);
void odd_place_copy(struct odd_place *to, const struct odd_place *from);
void odd_place_poison(struct odd_place *place);
bool odd_place_is_poison(const struct odd_place *place);

/* odd_buffer.c */
struct dma_buf *odd_buffer_export(const struct odd_export *req);
struct odd_buffer *odd_buffer_of(struct dma_buf *dmabuf);

/* odd_map.c */
struct sg_table *odd_op_map(struct dma_buf_attachment *attach, enum dma_data_direction dir);
void odd_op_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		  enum dma_data_direction dir);
void odd_mapping_destroy(struct odd_mapping *mapping);

/* odd_move.c */
int odd_move(struct odd_buffer *buffer, u32 kind, u32 late_ms);
int odd_revoke(struct odd_buffer *buffer, bool by_force);
int odd_restore(struct odd_buffer *buffer);
int odd_tell(struct odd_buffer *buffer);

/* odd_late.c */
int odd_late_copy(struct odd_buffer *buffer, struct odd_place *to, struct odd_place *from,
		  u32 late_ms);

/* odd_script.c */
int odd_script_set(struct odd_buffer *buffer, const struct odd_rule *rules, u32 nr);
int odd_event(struct odd_buffer *buffer, u32 event);
int odd_act(struct odd_buffer *buffer, u32 action, u32 late_ms);

/* odd_judge.c */
void odd_bad(struct odd_attachment *att, u32 what);
void odd_bad_buffer(struct odd_buffer *buffer, u32 what);
bool odd_lock_if_not(struct odd_attachment *att, u32 what);
int odd_pins_of(const struct odd_attachment *att);
u32 odd_pins(const struct odd_buffer *buffer);
void odd_kept(struct odd_mapping *mapping);
void odd_give_back(struct odd_buffer *buffer, struct odd_place *place);
bool odd_bury_one(struct odd_buffer *buffer, u32 kind);
void odd_bury_all(struct odd_buffer *buffer);
void odd_look(struct odd_buffer *buffer);
void odd_watch(struct odd_buffer *buffer);
void odd_watch_work(struct work_struct *work);

/* odd_cpu.c */
int odd_op_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma);
int odd_op_vmap(struct dma_buf *dmabuf, struct iosys_map *map);
void odd_op_vunmap(struct dma_buf *dmabuf, struct iosys_map *map);
void odd_zap(struct odd_buffer *buffer);

/* odd_file.c */
int odd_file_init(void);
void odd_file_exit(void);

#endif /* _ODD_H */
