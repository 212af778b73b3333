/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of peerbuf-nvme.ko share.
 *
 * A transfer moves bytes between a block device, or a file on one, and a DMA-BUF. Its extents say
 * which of them the drive can move, and where they are. First the drive moves those, in pieces
 * that each one worker sends commands for; then the rest goes through system memory.
 *
 * Lock order, outermost first:
 *
 *	device_lock(&pdev->dev)		of the controller: while a transfer begins, and around
 *					the bus notifier
 *	  the list of users		(spin) transfers by controller
 *	peerbuf_nvme_transfer.lock	which piece is next, and how it went so far
 *	  dma_buf.resv			where the buffer is
 *
 * No lock is held while a command is under way.
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

/* A controller's page as Linux sets it up, whatever the CPU's is. */
#define PEERBUF_NVME_PAGE	4096U

/* A page full of entries: what one command can name besides its first page. */
#define PEERBUF_NVME_PRPS	(PEERBUF_NVME_PAGE / sizeof(__le64))

#define PEERBUF_NVME_MAX_DEPTH	64U

/* Instead of an errno: the file ended there. */
#define PEERBUF_NVME_END	1

/* What a worker moves through system memory at a time. */
#define PEERBUF_NVME_BOUNCE	(64U * 1024)

/**
 * struct peerbuf_nvme_namespace - a block device, as the drive knows it
 * @bdev: the disk or a partition of it; held open by the file
 * @path: the disk whose queue is used: of a multipath head, that of its only path. Reference
 *	held
 * @queue: of @path
 * @pdev: the controller's function; reference held
 * @nsid: the namespace's number
 * @block: bytes of a logical block
 * @start: where the block device begins in the namespace, in bytes
 * @size: bytes of the block device
 * @most: most bytes of one command
 * @chunk: bytes of what no command should cross the boundary of, or 0
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
 * struct peerbuf_nvme_user - a transfer, as its controller's unbinding sees it
 * @node: in the list of users; its lock
 * @pdev: the controller's function
 * @gone: its driver is being unbound: send no more
 */
struct peerbuf_nvme_user {
	struct list_head node;
	struct pci_dev *pdev;
	bool gone;
};

/**
 * struct peerbuf_nvme_window - the buffer, mapped for the controller
 * @mapping: the DMA addresses
 * @users: commands under way that use them; resv
 */
struct peerbuf_nvme_window {
	struct peerbuf_mapping *mapping;
	u32 users;
};

/**
 * struct peerbuf_nvme_import - the buffer, attached to the controller
 * @dmabuf: the buffer; reference held
 * @att: the attachment; NULL: there is no route, and all goes through system memory
 * @dir: direction of the DMA
 * @window: for the next command, NULL: to be mapped anew; resv
 * @context: the first of the fence contexts, one for each worker
 * @nr_contexts: how many
 */
struct peerbuf_nvme_import {
	struct dma_buf *dmabuf;
	struct peerbuf_attachment *att;
	enum dma_data_direction dir;
	struct peerbuf_nvme_window *window;
	u64 context;
	u32 nr_contexts;
};

struct peerbuf_nvme_transfer;

/**
 * struct peerbuf_nvme_source - a kind of file
 * @begin: nobody moves the blocks from now on, and what was written before is on the medium.
 *	May sleep; an errno, and the reason
 * @map: make extents of the whole transfer. May sleep; an errno, and the reason
 * @release: the drive is done: ordinary reads and writes are to come. May sleep
 * @end: all is done, well or not, and begin may have failed. May sleep; an errno
 */
struct peerbuf_nvme_source {
	int (*begin)(struct peerbuf_nvme_transfer *transfer, u32 *reason);
	int (*map)(struct peerbuf_nvme_transfer *transfer, u32 *reason);
	void (*release)(struct peerbuf_nvme_transfer *transfer);
	int (*end)(struct peerbuf_nvme_transfer *transfer);
};

/**
 * enum peerbuf_nvme_way - how a piece is moved, and why not by the drive
 * @PEERBUF_NVME_DIRECT: by the drive
 * @PEERBUF_NVME_UNALIGNED: through system memory, as it begins or ends within a block
 * @PEERBUF_NVME_UNMAPPED: through system memory, as the file has no block there that others may
 *	use
 * @PEERBUF_NVME_FALLBACK: through system memory, as the controller has no route
 * @PEERBUF_NVME_NR_WAYS: how many there are
 */
enum peerbuf_nvme_way {
	PEERBUF_NVME_DIRECT,
	PEERBUF_NVME_UNALIGNED,
	PEERBUF_NVME_UNMAPPED,
	PEERBUF_NVME_FALLBACK,
	PEERBUF_NVME_NR_WAYS,
};

/**
 * struct peerbuf_nvme_extent - a part of a transfer that is all alike
 * @at: where it begins in the transfer, in bytes
 * @len: bytes
 * @where: of a direct one, where it begins in the namespace, in bytes
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
 * @where: of a direct one, where it begins in the namespace, in bytes
 * @way: how
 */
struct peerbuf_nvme_piece {
	u64 at;
	u64 where;
	u32 len;
	enum peerbuf_nvme_way way;
};

/**
 * struct peerbuf_nvme_worker - who moves pieces
 * @work: for all but the first, which is the caller
 * @transfer: whose
 * @index: its fence context
 * @seqno: of its latest fence
 * @prps: a page of PRP entries, or NULL as long as none was needed
 * @prps_dma: its address for the controller
 * @bounce: system memory, or NULL as long as none was needed
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
 * struct peerbuf_nvme_transfer - a call
 * @file: the block device's, or the file; reference held
 * @source: what kind of file it is
 * @caller: the process, which waits
 * @write: to the drive
 * @flags: PEERBUF_FILE_F_*
 * @pos: where it begins in the file, in bytes
 * @offset: where it begins in the buffer, in bytes
 * @length: bytes
 * @held: the blocks of a file stay where they are
 * @ns: the block device
 * @user: for its controller
 * @import: the buffer
 * @extents: in their order, without gaps
 * @nr_extents: how many
 * @room: how many there is room for
 * @lock: protects the rest
 * @direct: extents for the drive are moved, else the others
 * @extent: the one of the next piece
 * @next: where the next piece begins in it
 * @valid: bytes from the first that are or will be good, if all under way goes well
 * @error: why it is over, or 0
 * @reason: enum peerbuf_reason for that
 * @status: the drive's
 * @commands: sent
 * @bytes: moved, by the way
 * @nr_workers: how many
 * @workers: the caller first
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

/* Exported by nvme-core, whose header is its own. */
int nvme_submit_sync_cmd(struct request_queue *q, struct nvme_command *cmd, void *buffer,
			 unsigned int bufflen);

/* namespace.c */
int peerbuf_nvme_namespace_get(struct peerbuf_nvme_namespace *ns, struct block_device *bdev,
			       bool write, u32 *reason);
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

/* import.c */
int peerbuf_nvme_import_attach(struct peerbuf_nvme_import *import, struct pci_dev *pdev,
			       u32 *reason);
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

/* system.c */
int peerbuf_nvme_through_system(struct peerbuf_nvme_worker *worker,
				struct peerbuf_nvme_piece *piece, u32 *reason);

/* cache.c */
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
