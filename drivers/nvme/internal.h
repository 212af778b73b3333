/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of peerbuf-nvme.ko share.
 *
 * A transfer moves bytes between a block device, or a file on one, and a DMA-BUF. Its extents say
 * which bytes the drive can move, and where they are. First workers move those bytes in pieces, by
 * commands to the drive; then the caller moves the rest through system memory.
 *
 * Documentation/locking.rst has the order of the locks.
 */
#ifndef _PEERBUF_NVME_INTERNAL_H
#define _PEERBUF_NVME_INTERNAL_H

#include <linux/blkdev.h>
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/nvme.h>
#include <linux/pci.h>
#include <linux/workqueue.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

/* Bytes of a page in a controller's memory page size, which Linux sets to this on every CPU. */
#define PEERBUF_NVME_PAGE	4096U

/* Entries in a page: how many pages one command can name besides its first. */
#define PEERBUF_NVME_PRPS	(PEERBUF_NVME_PAGE / sizeof(__le64))

#define PEERBUF_NVME_MAX_DEPTH	64U

/* Returned in place of an errno: the file ended there. */
#define PEERBUF_NVME_END	1

/* Bytes that a worker moves through system memory at a time. */
#define PEERBUF_NVME_BOUNCE	(64U * 1024)

/**
 * struct peerbuf_nvme_namespace - a block device, as the drive knows it
 * @bdev: the disk or a partition of it; held open by the file
 * @path: the disk whose queue is used: @bdev's disk, or the only path of a multipath head.
 *	Reference held
 * @queue: of @path
 * @pdev: the controller's function; reference held
 * @nsid: the namespace's number
 * @block: bytes of a logical block
 * @start: where the block device begins in the namespace, in bytes
 * @size: bytes of the block device
 * @most: maximum bytes of one command
 * @chunk: bytes: no command should cross a multiple of this; or 0
 * @dma_mask: bits of an address that must be zero
 */
struct peerbuf_nvme_namespace {
	struct block_device *bdev;
	struct gendisk *path;
	struct request_queue *queue;
	struct pci_dev *pdev;
	u32 nsid;
	u32 block;
	u64 start;
	u64 size;
	u32 most;
	u32 chunk;
	u32 dma_mask;
};

/**
 * struct peerbuf_nvme_user - a transfer in the list of users
 * @node: in the list of users; protected by its lock
 * @pdev: the controller's function
 * @gone: the controller's driver is being unbound: send no more commands
 */
struct peerbuf_nvme_user {
	struct list_head node;
	struct pci_dev *pdev;
	bool gone;
};

/**
 * struct peerbuf_nvme_window - the buffer, mapped for the controller
 * @mapping: the DMA addresses
 * @users: commands under way that use them; protected by resv
 */
struct peerbuf_nvme_window {
	struct peerbuf_mapping *mapping;
	u32 users;
};

/**
 * struct peerbuf_nvme_import - the buffer, attached to the controller
 * @dmabuf: the buffer; reference held
 * @pdev: the PCI function of the controller
 * @att: the attachment; NULL: there is no route, and everything goes through system memory
 * @dir: direction of the DMA
 * @window: for the next command; NULL: to be mapped. Protected by resv
 * @context: the first of the fence contexts, one for each worker
 * @nr_contexts: number of fence contexts
 */
struct peerbuf_nvme_import {
	struct dma_buf *dmabuf;
	struct pci_dev *pdev;
	struct peerbuf_attachment *att;
	enum dma_data_direction dir;
	struct peerbuf_nvme_window *window;
	u64 context;
	u32 nr_contexts;
};

struct peerbuf_nvme_transfer;

/**
 * struct peerbuf_nvme_source - operations on one kind of file
 * @begin: keep the blocks where they are from now on, and write dirty pages to the medium.
 *	May sleep. Returns an errno, with the reason
 * @map: make extents of the whole transfer. May sleep. Returns an errno, with the reason
 * @release: the drive has finished; ordinary reads and writes follow. May sleep
 * @end: the transfer has ended, successfully or not; @begin may have failed. May sleep. Returns
 *	an errno
 */
struct peerbuf_nvme_source {
	int (*begin)(struct peerbuf_nvme_transfer *transfer, u32 *reason);
	int (*map)(struct peerbuf_nvme_transfer *transfer, u32 *reason);
	void (*release)(struct peerbuf_nvme_transfer *transfer);
	int (*end)(struct peerbuf_nvme_transfer *transfer);
};

/**
 * enum peerbuf_nvme_way - how bytes are moved, and if not by the drive, why
 * @PEERBUF_NVME_DIRECT: by the drive
 * @PEERBUF_NVME_UNALIGNED: through system memory, because they are a part of a block
 * @PEERBUF_NVME_UNMAPPED: through system memory, because the file has no block there that others
 *	may use, or because the page cache does not let go of it
 * @PEERBUF_NVME_FALLBACK: through system memory, because the controller has no route
 * @PEERBUF_NVME_NR_WAYS: the number of ways
 */
enum peerbuf_nvme_way {
	PEERBUF_NVME_DIRECT,
	PEERBUF_NVME_UNALIGNED,
	PEERBUF_NVME_UNMAPPED,
	PEERBUF_NVME_FALLBACK,
	PEERBUF_NVME_NR_WAYS,
};

/**
 * struct peerbuf_nvme_extent - a part of a transfer that is moved in one way
 * @at: where it begins in the transfer, in bytes
 * @len: bytes
 * @where: if it is direct, where it begins in the namespace, in bytes
 * @way: how it is moved
 */
struct peerbuf_nvme_extent {
	u64 at;
	u64 len;
	u64 where;
	enum peerbuf_nvme_way way;
};

/**
 * struct peerbuf_nvme_piece - what one worker moves at a time
 * @at: where it begins in the transfer, in bytes
 * @len: bytes
 * @where: if it is direct, where it begins in the namespace, in bytes
 * @way: how it is moved
 */
struct peerbuf_nvme_piece {
	u64 at;
	u64 where;
	u32 len;
	enum peerbuf_nvme_way way;
};

/**
 * struct peerbuf_nvme_worker - moves pieces of a transfer
 * @work: not used for the first worker, which is the caller
 * @transfer: the transfer
 * @index: number of its fence context
 * @seqno: sequence number of its latest fence
 * @prps: a page of PRP entries, NULL until one is needed
 * @prps_dma: the DMA address of @prps
 * @bounce: system memory to copy through, NULL until it is needed
 */
struct peerbuf_nvme_worker {
	struct work_struct work;
	struct peerbuf_nvme_transfer *transfer;
	u32 index;
	u64 seqno;
	__le64 *prps;
	dma_addr_t prps_dma;
	void *bounce;
};

/**
 * struct peerbuf_nvme_transfer - one call of PEERBUF_IOC_FILE_READ or PEERBUF_IOC_FILE_WRITE
 * @file: the block device's, or the file; reference held
 * @source: operations for its kind
 * @caller: the calling process; it waits until the transfer ends
 * @write: to the drive
 * @flags: PEERBUF_FILE_F_*
 * @pos: where it begins in the file, in bytes
 * @offset: where it begins in the buffer, in bytes
 * @length: bytes
 * @held: the source keeps the file's blocks where they are and out of the page cache
 * @ns: the block device
 * @user: its entry in the list of users
 * @import: the buffer
 * @extents: in order, without gaps
 * @nr_extents: number of extents
 * @room: number of extents that @extents has room for
 * @lock: protects the rest
 * @direct: the workers move direct extents now; otherwise the others
 * @extent: index of the extent that the next piece is of
 * @next: where the next piece begins in that extent
 * @valid: bytes from the first one that are moved, or will be if everything under way succeeds
 * @error: why the transfer failed, or 0
 * @reason: enum peerbuf_reason for @error
 * @status: NVMe status of the last command that failed
 * @commands: number of commands sent
 * @bytes: bytes moved, by enum peerbuf_nvme_way
 * @nr_workers: number of workers
 * @workers: the first one is the caller
 */
struct peerbuf_nvme_transfer {
	struct file *file;
	const struct peerbuf_nvme_source *source;
	struct task_struct *caller;
	bool write;
	u32 flags;
	u64 pos;
	u64 offset;
	u64 length;
	bool held;
	struct peerbuf_nvme_namespace ns;
	struct peerbuf_nvme_user user;
	struct peerbuf_nvme_import import;

	struct peerbuf_nvme_extent *extents;
	u32 nr_extents;
	u32 room;

	struct mutex lock;
	bool direct;
	u32 extent;
	u64 next;
	u64 valid;
	int error;
	u32 reason;
	u32 status;
	u32 commands;
	u64 bytes[PEERBUF_NVME_NR_WAYS];

	u32 nr_workers;
	struct peerbuf_nvme_worker workers[] __counted_by(nr_workers);
};

/* Exported by nvme-core, which has no header for other modules. */
int nvme_submit_sync_cmd(struct request_queue *q, struct nvme_command *cmd, void *buffer,
			 unsigned int bufflen);

/* namespace.c */
int peerbuf_nvme_namespace_get(struct peerbuf_nvme_namespace *ns, struct block_device *bdev,
			       bool write, u32 *reason);
bool peerbuf_nvme_has(const struct peerbuf_nvme_namespace *ns, u64 where, u32 len);
void peerbuf_nvme_namespace_put(struct peerbuf_nvme_namespace *ns);

/* controller.c */
int peerbuf_nvme_enter(struct peerbuf_nvme_user *user, const struct peerbuf_nvme_namespace *ns,
		       u32 *reason);
void peerbuf_nvme_leave(struct peerbuf_nvme_user *user);
int peerbuf_nvme_controller_init(void);
void peerbuf_nvme_controller_exit(void);

/* fence.c */
struct dma_fence *peerbuf_nvme_fence_create(u64 context, u64 seqno);
void peerbuf_nvme_fence_end(struct dma_fence *fence);

/* window.c */
int peerbuf_nvme_import_attach(struct peerbuf_nvme_import *import, struct pci_dev *pdev,
			       u32 *reason);
void peerbuf_nvme_import_idle(struct peerbuf_nvme_import *import);
void peerbuf_nvme_import_detach(struct peerbuf_nvme_import *import);
struct peerbuf_nvme_window *peerbuf_nvme_window_get(struct peerbuf_nvme_import *import,
						    struct dma_fence *fence);
void peerbuf_nvme_window_put(struct peerbuf_nvme_import *import,
			     struct peerbuf_nvme_window *window);
u32 peerbuf_nvme_import_reason(struct peerbuf_nvme_import *import, int error);

/* prp.c */
u32 peerbuf_nvme_prps(struct peerbuf_nvme_worker *worker, struct peerbuf_mapping *mapping,
		      u64 offset, u32 len, struct nvme_rw_command *rw);

/* command.c */
int peerbuf_nvme_direct(struct peerbuf_nvme_worker *worker,
			const struct peerbuf_nvme_piece *piece, u32 *reason);

/* status.c */
int peerbuf_nvme_status_errno(u32 status);
bool peerbuf_nvme_may_retry(int result);

/* extent.c */
int peerbuf_nvme_add_blocks(struct peerbuf_nvme_transfer *transfer, u64 at, u64 len, u64 where);
int peerbuf_nvme_add_extent(struct peerbuf_nvme_transfer *transfer,
			    const struct peerbuf_nvme_extent *extent);
int peerbuf_nvme_check_strict(const struct peerbuf_nvme_transfer *transfer, u32 *reason);

/* piece.c */
void peerbuf_nvme_first_piece(struct peerbuf_nvme_transfer *transfer, bool direct);
bool peerbuf_nvme_next_piece(struct peerbuf_nvme_transfer *transfer,
			     struct peerbuf_nvme_piece *piece);

/* bounce.c */
int peerbuf_nvme_through_system(struct peerbuf_nvme_worker *worker,
				struct peerbuf_nvme_piece *piece, u32 *reason);

/* page_cache.c */
int peerbuf_nvme_flush(struct peerbuf_nvme_transfer *transfer, u32 *reason);
void peerbuf_nvme_forget_pages(struct peerbuf_nvme_transfer *transfer);
int peerbuf_nvme_sync(struct peerbuf_nvme_transfer *transfer);

/* block.c, regular.c */
extern const struct peerbuf_nvme_source peerbuf_nvme_block_source;
extern const struct peerbuf_nvme_source peerbuf_nvme_regular_source;
int peerbuf_nvme_block_check(struct file *file, bool write, u32 *reason);
int peerbuf_nvme_regular_check(struct file *file, bool write, u32 *reason);

/* target.c */
struct block_device *peerbuf_nvme_device_of(struct file *file);
u64 peerbuf_nvme_size_of(struct file *file);
int peerbuf_nvme_check_file(struct file *file, bool write, u32 *reason);
const struct peerbuf_nvme_source *peerbuf_nvme_source_of(struct file *file);

/* transfer.c */
bool peerbuf_nvme_stopped(struct peerbuf_nvme_transfer *transfer, int *error, u32 *reason);
int peerbuf_nvme_file_io(struct peerbuf_ioc_file *arg, bool write);
int peerbuf_nvme_transfer_init(void);
void peerbuf_nvme_transfer_exit(void);

/* main.c */
u32 peerbuf_nvme_depth(void);

#endif /* _PEERBUF_NVME_INTERNAL_H */
