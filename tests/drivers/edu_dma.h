/* SPDX-License-Identifier: GPL-2.0 */
/*
 * edu_dma: an importing driver, small enough to be read as an example.
 *
 * The device is QEMU's edu: a DMA engine that moves bytes between its internal
 * memory and a bus address, one transfer at a time, about 100 ms each.
 *
 *	edu_main.c		the PCI driver: probe, remove
 *	edu_engine.c		the hardware: claim, start, interrupt
 *	edu_job.c		a transfer, and the fence that represents it
 *	edu_attachment.c	a buffer: attach, map, invalidate, unmap, detach
 *	edu_copy.c		transfers
 *	edu_foreign.c		importers that do not use the importer helper
 *	edu_bad.c		importers that break the rules on purpose
 *	edu_file.c		the character device
 *	edu_client.c		lets another kernel module use the engine
 *
 * Locks, outermost first:
 *
 *	edu_file.lock -> edu.present -> dma_buf.resv -> edu_engine.lock
 *
 * edu.bounce_lock nests in edu.present; its holder claims the engine and takes no other lock.
 * The engine is claimed before the resv lock is taken, and the interrupt handler ends the claim.
 * So whoever waits for the engine holds no lock that the running transfer needs.
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
 * struct edu_chunk - one operation of the engine
 * @addr: DMA address outside the device
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
 * @lock: the fence's lock
 * @from_device: default direction of a chunk: the device writes to memory
 * @nr: number of chunks
 * @done: chunks done; under edu_engine.lock once the job runs
 * @max: number of chunks there is room for
 * @chunk: the chunks, in order
 */
struct edu_job {
	struct dma_fence fence;
	spinlock_t lock; /* the fence's lock */
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
 * @job: the running job, reference held; NULL while the engine is idle or only claimed
 * @claimed: a job is being prepared or is running
 * @stopped: there are no new claims, for good
 * @idle: woken when @claimed becomes false
 * @looks: how often the watchdog has seen the current chunk running
 * @watchdog: detects a lost interrupt, and a lost device
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
 * @ref: held by the binding and by every open file
 * @pdev: valid while @present is held and @gone is false
 * @present: held for reading by all who use the device, for writing by remove
 * @gone: the driver is unbound
 * @attachments: of all files; under @attachments_lock
 * @attachments_lock: guards only the list; no lock nests in it
 * @workqueue: runs the deferred unmaps
 * @bounce_lock: guards @bounce
 * @bounce: a page of coherent memory, through which the CPU accesses the internal memory
 * @bounce_addr: its DMA address
 * @all: entry in the list of all devices; under edu_client_lock
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
 * struct edu_client - another module that uses engines
 * @add: a device has come; returns what is passed to @remove, or NULL to ignore the device
 * @remove: the engine has stopped and the device is about to go: release all that
 *	was mapped for it before returning
 *
 * The callbacks are serialized and may sleep.
 */
struct edu_client {
	void *(*add)(struct edu *edu);
	void (*remove)(void *priv);
};

/**
 * struct edu_importer - the operations of one kind of importer
 * @attach: attach to att->dmabuf, and pin it if this kind pins; no lock held
 * @detach: undo @attach; nothing is mapped; no lock held
 * @map: called under the resv lock
 * @unmap: called under the resv lock
 * @segment_at: DMA address of a byte and how many follow it; called under the resv lock
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
 * struct edu_attachment - a buffer this device can access
 *
 * The open file that created it frees it. If the device goes first, its remove function
 * detaches it from the buffer earlier.
 *
 * @edu: the device; valid while edu.present is held
 * @link: entry in edu.attachments
 * @dmabuf: reference held until detached
 * @importer: the kind of importer
 * @lazy: only the worker unmaps
 * @keep: unmap only when userspace asks for it
 * @bad: EDU_DMA_BAD_*
 * @stuck: the fence of EDU_DMA_BAD_FENCE, with a reference
 * @helper: attachment of the importer helper, immutable while attached
 * @mapping: ... and its mapping
 * @plain: attachment of the plain dma-buf API, immutable while attached
 * @sgt: ... and its mapping
 * @mapped: @mapping or @sgt is valid
 * @stale: it was invalidated: start no transfer, unmap when idle
 * @last: fence of the latest transfer, reference held
 * @context: fence context: the transfers of an attachment end in order
 * @seqno: sequence number of the latest fence
 * @unmap_work: unmaps a stale mapping that was busy
 * @invalidations: how often the exporter asked for an unmap
 * @maps: mappings made
 * @transfers: transfers started
 *
 * The buffer's dma_resv lock guards the members from @mapping on.
 */
struct edu_attachment {
	struct edu *edu;
	struct list_head link;
	struct dma_buf *dmabuf;
	const struct edu_importer *importer;
	bool lazy;
	bool keep;
	bool short_segments;
	u32 bad;
	struct edu_job *stuck;
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

/* edu_bad.c */
extern const struct edu_importer edu_importer_bad;

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
