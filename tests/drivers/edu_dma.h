/* SPDX-License-Identifier: GPL-2.0 */
/*
 * edu_dma: an importing driver, small enough to be read as an example.
 *
 * The device is QEMU's edu: a DMA engine that moves bytes between its internal
 * memory and a bus address, one transfer at a time, about 100 ms each.
 *
 *	edu_main.c		the PCI driver: probe, remove
 *	edu_engine.c		the hardware: claim, start, interrupt
 *	edu_job.c		a transfer, and the fence that stands for it
 *	edu_attachment.c	a buffer: attach, map, invalidate, unmap, detach
 *	edu_copy.c		buffer and engine together
 *	edu_foreign.c		the same as importers without the helper do it
 *	edu_file.c		the character device
 *	edu_client.c		the engine, for another module of this kernel
 *
 * Locks, outermost first:
 *
 *	edu_file.lock -> edu.present -> dma_buf.resv -> edu_engine.lock
 *
 * edu.bounce_lock nests in edu.present and takes nothing but the engine.
 * The engine is claimed before the resv lock is taken and is given back by the
 * interrupt: who waits for it holds no lock that the running transfer needs.
 */
#ifndef _EDU_DMA_H
#define _EDU_DMA_H

#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <peerbuf/peerbuf.h>

#include "edu_dma_uapi.h"

struct pci_dev;
struct edu;
struct edu_attachment;

/**
 * struct edu_chunk - what the engine does at one go
 * @addr: DMA address outside of the device
 * @inner: offset in the device's memory, bytes
 * @len: bytes
 * @from_device: the device writes to memory
 */
struct edu_chunk {
	dma_addr_t addr;
	u32 inner;
	u32 len;
	bool from_device;
};

/**
 * struct edu_job - a transfer of one or more chunks
 * @fence: signals when the last chunk is done; its reference count is the job's
 * @lock: the fence's
 * @from_device: the device writes to memory, in chunks that do not say otherwise
 * @nr: chunks
 * @done: chunks done; under edu_engine.lock once the job runs
 * @max: chunks there is room for
 * @chunk: in order
 */
struct edu_job {
	struct dma_fence fence;
	spinlock_t lock; /* the fence's own */
	bool from_device;
	u32 nr;
	u32 done;
	u32 max;
	struct edu_chunk chunk[] __counted_by(max);
};

/**
 * struct edu_engine - the device's one DMA engine
 * @regs: BAR 0
 * @lock: guards the members below and the registers
 * @job: what runs, with a reference; NULL while idle or claimed only
 * @claimed: somebody prepares or runs a job
 * @stopped: no new claims; for good
 * @idle: woken when @claimed goes
 * @looks: that the watchdog has had at the chunk under way
 * @watchdog: looks after a lost interrupt, or a lost device
 */
struct edu_engine {
	void __iomem *regs;
	spinlock_t lock; /* the members below, and the registers */
	struct edu_job *job;
	bool claimed;
	bool stopped;
	unsigned int looks;
	wait_queue_head_t idle;
	struct delayed_work watchdog;
};

/**
 * struct edu - one device
 * @ref: the binding and every open file hold one
 * @pdev: good while @present is held and @gone is false
 * @present: held for reading by all who use the device, for writing by remove
 * @gone: the driver is unbound
 * @attachments: of all files; under @attachments_lock
 * @attachments_lock: guards the list only, takes nothing
 * @workqueue: runs the late unmaps
 * @bounce_lock: guards @bounce
 * @bounce: a page of coherent memory, the way to the internal memory
 * @bounce_addr: its DMA address
 * @all: in the list of all devices; under edu_client_lock
 * @client_priv: what the client's add() returned; under edu_client_lock
 */
struct edu {
	struct kref ref;
	struct pci_dev *pdev;
	struct rw_semaphore present; /* see above */
	bool gone;
	struct edu_engine engine;
	struct list_head attachments;
	struct mutex attachments_lock; /* the list */
	struct workqueue_struct *workqueue;
	struct mutex bounce_lock; /* the page */
	void *bounce;
	dma_addr_t bounce_addr;
	struct miscdevice misc;
	char name[32];
	char node[48];
	struct list_head all;
	void *client_priv;
};

/**
 * struct edu_client - another module that drives engines
 * @add: a device is there; returns what to hand to @remove, NULL to leave it alone
 * @remove: the engine has stopped and the device is about to go: give back all that
 *	was mapped for it before returning
 *
 * Both are called one at a time and may sleep.
 */
struct edu_client {
	void *(*add)(struct edu *edu);
	void (*remove)(void *priv);
};

/**
 * struct edu_importer - how to be one kind of importer
 * @attach: attach to att->dmabuf, and pin if that is its nature; unlocked
 * @detach: undo that; nothing is mapped; unlocked
 * @map: under the resv lock
 * @unmap: under the resv lock
 * @segment_at: DMA address of a byte and how many follow it; under the resv lock
 */
struct edu_importer {
	int (*attach)(struct edu_attachment *att);
	void (*detach)(struct edu_attachment *att);
	int (*map)(struct edu_attachment *att);
	void (*unmap)(struct edu_attachment *att);
	int (*segment_at)(struct edu_attachment *att, u64 offset,
			  dma_addr_t *addr, u64 *len);
};

/**
 * struct edu_attachment - a buffer this device may reach
 *
 * Belongs to the open file that made it, which frees it; detached from the
 * buffer earlier if the device goes.
 *
 * @edu: whose it is; good while edu.present is held
 * @link: in edu.attachments
 * @dmabuf: with a reference until detached
 * @importer: what kind it is
 * @lazy: unmap from the worker only
 * @keep: unmap only when userspace says so
 * @helper: the importer helper's side, immutable while attached
 * @mapping: ... and its mapping
 * @plain: the plain dma-buf API's side, immutable while attached
 * @sgt: ... and its mapping
 * @mapped: @mapping or @sgt is there
 * @stale: it was invalidated: start nothing new, unmap when idle
 * @last: fence of the latest transfer, with a reference
 * @context: fence context: transfers of an attachment end in order
 * @seqno: of the latest fence
 * @unmap_work: unmaps what was stale but busy
 * @invalidations: how often the exporter asked
 * @maps: mappings made
 * @transfers: transfers started
 *
 * From @mapping on all is guarded by the buffer's dma_resv lock.
 */
struct edu_attachment {
	struct edu *edu;
	struct list_head link;
	struct dma_buf *dmabuf;
	const struct edu_importer *importer;
	bool lazy;
	bool keep;
	bool short_segments;
	struct peerbuf_attachment *helper;
	struct dma_buf_attachment *plain;

	struct peerbuf_mapping *mapping;
	struct sg_table *sgt;
	bool mapped;
	bool stale;
	struct dma_fence *last;
	u64 context;
	u64 seqno;
	struct work_struct unmap_work;
	u64 invalidations;
	u64 maps;
	u64 transfers;
};

/* edu_main.c */
void edu_put(struct edu *edu);

/* edu_engine.c */
void edu_engine_init(struct edu_engine *engine, void __iomem *regs);
irqreturn_t edu_engine_irq(int irq, void *data);
int edu_engine_claim(struct edu_engine *engine);
void edu_engine_release(struct edu_engine *engine);
void edu_engine_run(struct edu_engine *engine, struct edu_job *job);
void edu_engine_stop(struct edu_engine *engine);

/* edu_job.c */
struct edu_job *edu_job_create(u32 max, bool from_device);
int edu_job_add(struct edu_job *job, dma_addr_t addr, u32 inner, u32 len);
int edu_job_add_chunk(struct edu_job *job, dma_addr_t addr, u32 inner, u32 len,
		      bool from_device);
void edu_job_publish(struct edu_job *job, u64 context, u64 seqno);
void edu_job_abandon(struct edu_job *job);
void edu_job_complete(struct edu_job *job, int error);
u64 edu_job_private_context(void);

/* edu_attachment.c */
struct edu_attachment *edu_attachment_create(struct edu *edu, int fd, u32 mode,
					     u32 flags);
void edu_attachment_destroy(struct edu_attachment *att);
int edu_attachment_map(struct edu_attachment *att);
void edu_attachment_unmap(struct edu_attachment *att);
void edu_attachment_invalidate(struct edu_attachment *att);
bool edu_attachment_busy(struct edu_attachment *att);
int edu_attachment_wait(struct edu_attachment *att, bool intr);
extern const struct edu_importer edu_importer_dynamic;
extern const struct edu_importer edu_importer_helper_pinned;

/* edu_foreign.c */
int edu_foreign_walk(struct edu_attachment *att, struct edu_dma_walk *req, void *data);
extern const struct edu_importer edu_importer_pinned;
extern const struct edu_importer edu_importer_static;
extern const struct edu_importer edu_importer_foreign;
extern const struct edu_importer edu_importer_pages;

/* edu_copy.c */
int edu_copy(struct edu_attachment *att, const struct edu_dma_copy *req);
int edu_copy_raw(struct edu *edu, const struct edu_dma_raw *req);
int edu_copy_local(struct edu *edu, const struct edu_dma_local *req);

/* edu_client.c */
void edu_client_add_device(struct edu *edu);
void edu_client_remove_device(struct edu *edu);
int edu_client_register(const struct edu_client *client);
void edu_client_unregister(const struct edu_client *client);

/* edu_file.c */
int edu_file_register(struct edu *edu);

#endif /* _EDU_DMA_H */
