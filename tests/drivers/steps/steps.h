/* SPDX-License-Identifier: GPL-2.0 */
/*
 * steps: three small clients of p2p_space_*(), the two-step DMA API, with edu as their device.
 *
 *	steps_sg.c	a scatterlist mapper, as dma_map_sg() is one
 *	steps_walk.c	a walk along pieces of alternating types, as a bio's pieces are mapped
 *	steps_mirror.c	a process's memory, page by page, as on-demand paging maps it
 *
 * and what they need to be tried:
 *
 *	steps_list.c	the pieces, from memory of a process and from BARs
 *	steps_compare.c	the scatterlist mapper beside dma_map_sg()
 *	steps_check.c	the API by itself, page by page
 *	steps_job.c	what the device is told to do
 *	steps_file.c	the character device
 *	steps_main.c	the module, and all devices of it
 *
 * Locks, outermost first:
 *
 *	steps_file.lock -> steps_device.present -> the engine's claim -> mmap_lock ->
 *	steps_mirror.lock
 *
 * The mirror's lock is also taken by the MMU notifier: with it held nothing is allocated
 * in a way that waits for memory.
 */
#ifndef _STEPS_H
#define _STEPS_H

#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>

#include <peerbuf/p2p.h>

#include "edu_dma.h"
#include "steps_uapi.h"

struct scatterlist;
struct steps_mirror_state;

/**
 * struct steps_device - an edu
 * @ref: the registration and every open file hold one
 * @edu: good while @present is held and @gone is false
 * @dev: the same: whose DMA API is used
 * @present: held for reading by ioctls, for writing by remove
 * @gone: the device is going, or gone
 * @files: that are open; under @files_lock
 * @files_lock: guards the list only, takes nothing
 * @misc: the node
 * @name: of @misc
 * @node: path below /dev
 */
struct steps_device {
	struct kref ref;
	struct edu *edu;
	struct device *dev;
	struct rw_semaphore present; /* see above */
	bool gone;
	struct list_head files;
	struct mutex files_lock; /* the list */
	struct miscdevice misc;
	char name[32];
	char node[48];
};

/**
 * struct steps_file - an open file
 * @device: with a reference
 * @link: in steps_device.files
 * @lock: the file's ioctls take turns
 * @mirror: the file's, or NULL; changed with @lock held, or by remove
 */
struct steps_file {
	struct steps_device *device;
	struct list_head link;
	struct mutex lock; /* whole ioctls */
	struct steps_mirror_state *mirror;
};

/**
 * struct steps_entry - a piece that is physically consecutive
 * @paddr: of its first byte; not page aligned, if it is a process's memory
 * @len: bytes
 * @provider: the BAR, or NULL; borrowed from the list
 * @memory: which type it is, once steps_list_types() has asked
 * @page: of its first byte, or NULL if it has none
 */
struct steps_entry {
	phys_addr_t paddr;
	u64 len;
	struct p2p_provider *provider;
	enum p2p_memory memory;
	struct page *page;
};

/* A page range that holds all of the piece. */
static inline struct p2p_run steps_entry_run(const struct steps_entry *entry)
{
	return (struct p2p_run){
		.paddr = entry->paddr & PAGE_MASK,
		.len = PAGE_ALIGN(offset_in_page(entry->paddr) + entry->len),
		.provider = entry->provider,
		.memory = entry->memory,
	};
}

/**
 * struct steps_bar - a BAR that pieces lie in
 * @provider: made for this list, killed with it
 * @p2pmem: what pci_p2pdma allocated there, or NULL
 * @p2pmem_len: bytes
 */
struct steps_bar {
	struct p2p_provider *provider;
	void *p2pmem;
	size_t p2pmem_len;
};

/**
 * struct steps_list - pieces
 * @nr: pieces in @entry
 * @nr_bars: in @bar, one per range that is a BAR's
 * @size: bytes of all pieces
 * @bar: the BARs
 * @entry: the pieces, in order
 */
struct steps_list {
	u32 nr;
	u32 nr_bars;
	u64 size;
	struct steps_bar bar[STEPS_RANGES_MOST];
	struct steps_entry entry[STEPS_ENTRIES_MOST];
};

/* A list of what a device has to be told: addresses and lengths. */
struct steps_hw {
	u32 nr;
	struct {
		dma_addr_t addr;
		u64 len;
	} segment[STEPS_ENTRIES_MOST];
};

/**
 * struct steps_walk - a walk along a list
 * @space: where to link; as large as steps_list_span() says
 * @list: the pieces
 * @next: the first piece that has not been linked
 * @place: where in @space it goes
 * @runs: runs so far
 */
struct steps_walk {
	struct p2p_space *space;
	const struct steps_list *list;
	u32 next;
	u64 place;
	u32 runs;
};

/* steps_main.c */
void steps_device_put(struct steps_device *device);

/* steps_file.c */
int steps_file_register(struct steps_device *device);
void steps_files_stop(struct steps_device *device);

/* steps_list.c */
struct steps_list *steps_list_create(const struct steps_range __user *ranges, u32 nr);
void steps_list_destroy(struct steps_list *list);
u64 steps_list_span(const struct steps_list *list);
int steps_list_types(struct steps_list *list, const struct p2p_space *space);

/* steps_job.c */
struct edu_job *steps_job_create(void);
int steps_job_add(struct edu_job *job, const struct steps_hw *hw, u64 offset, u32 length,
		  u32 inner, bool from_device);
int steps_job_run(struct edu *edu, struct edu_job *job);
int steps_job_run_claimed(struct edu *edu, struct edu_job *job);

/* steps_sg.c */
int steps_sg_map(struct p2p_space *space, struct device *dev, const struct steps_list *list,
		 struct scatterlist *sgl);
void steps_sg_list(struct scatterlist *sgl, u32 nr, struct steps_hw *hw);

/* steps_compare.c */
int steps_compare(struct steps_device *device, struct steps_compare *req);

/* steps_check.c */
int steps_check(struct steps_device *device, struct steps_check *req);

/* steps_walk.c */
int steps_walk_next(struct steps_walk *walk, struct steps_hw *hw);

/* steps_mirror.c */
#ifdef CONFIG_HMM_MIRROR
struct steps_mirror_state *steps_mirror_create(struct steps_device *device, u64 start, u64 length);
void steps_mirror_destroy(struct steps_mirror_state *mirror);
int steps_mirror_copy(struct steps_device *device, struct steps_mirror_state *mirror,
		      const struct steps_mirror_copy *req);
int steps_mirror_page(struct steps_device *device, struct steps_mirror_state *mirror,
		      struct steps_mirror_page *req);
#else
static inline struct steps_mirror_state *steps_mirror_create(struct steps_device *device,
							     u64 start, u64 length)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline void steps_mirror_destroy(struct steps_mirror_state *mirror)
{
}

static inline int steps_mirror_copy(struct steps_device *device,
				    struct steps_mirror_state *mirror,
				    const struct steps_mirror_copy *req)
{
	return -EOPNOTSUPP;
}

static inline int steps_mirror_page(struct steps_device *device,
				    struct steps_mirror_state *mirror,
				    struct steps_mirror_page *req)
{
	return -EOPNOTSUPP;
}
#endif

#endif /* _STEPS_H */
