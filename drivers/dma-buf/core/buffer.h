/* SPDX-License-Identifier: GPL-2.0 */
/* The buffer. Documentation/locking.rst says which lock protects what, and their order. */
#ifndef _PEERBUF_BUFFER_H
#define _PEERBUF_BUFFER_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/completion.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/event.h"
#include "core/family.h"
#include "core/marks.h"

struct inode;
struct peerbuf_file;
struct peerbuf_part;
struct peerbuf_placement;
struct peerbuf_vmap;
struct pid;

/* How long a call that only looks at buffers waits for all their locks together. */
#define PEERBUF_GLANCE		(HZ / 5)

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
 * @placement: where it is; changed under resv and holds_lock, read under either. A
 *	revoked buffer keeps its placement. NULL only while the export is being made, and
 *	when it is being released
 * @retired: placements it has left and somebody may still map, oldest first; protected by resv
 * @marks: who has withdrawn it, and whether older mappings must go; set under
 *	holds_lock or resv, lifted under resv
 * @asked: number of the latest call of peerbuf_settle()
 * @asker: the process that made the latest call, for the event; protected by holds_lock
 * @settled: number of the latest call of which importers have been told; written under resv
 * @settling: the work item that tells them when the lock is free
 * @told: the last peerbuf_trouble() that importers were told of; protected by resv
 * @generation: counts invalidations; changed under resv and holds_lock, read under either
 * @routes: the generation of verdicts with which the mappings were last compared; protected by
 *	resv
 * @clients: importers; changed under resv and holds_lock, read under either
 * @vmap: the kernel's CPU mapping, or NULL; protected by resv
 * @holds_lock: held, together with resv, to change @holds, @placement, @clients and others as
 *	said there; whoever only reads these holds it or resv
 * @holds: mappings and vmap in force, in order of generation; changed under resv and
 *	holds_lock, read under either
 * @holds_wq: woken when a hold ends, and when importers have been told
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
 *	holds_lock, read under either
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
	struct list_head retired;
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

	spinlock_t holds_lock;
	struct list_head holds;
	wait_queue_head_t holds_wq;
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
		struct peerbuf_refusal last_refusal;
		u64 last_refusal_addr;
		u64 last_refusal_moves;
		atomic64_t file_direct;
		atomic64_t file_bounced;
	} account;
};

#define PEERBUF_REVOKED_USER	BIT(0)	/* through a node: see peerbuf_marks.owners */
#define PEERBUF_REVOKED_ADMIN	BIT(1)	/* by the administrator, through control */
#define PEERBUF_REVOKED_DRIVER	BIT(2)	/* by the exporting driver */
#define PEERBUF_REVOKED_DEAD	BIT(3)	/* final */

#define PEERBUF_EXPORT_FLAGS	(PEERBUF_EXPORT_F_PERSIST | \
				 PEERBUF_EXPORT_F_FALLBACK | \
				 PEERBUF_EXPORT_F_NO_CPU)

void peerbuf_registry_add(struct peerbuf *pb);
void peerbuf_registry_remove(struct peerbuf *pb);
struct peerbuf *peerbuf_registry_get(u64 id);
struct peerbuf *peerbuf_registry_next(u64 after);
bool peerbuf_tryget(struct peerbuf *pb);
void peerbuf_put(struct peerbuf *pb);
void peerbuf_free(struct peerbuf *pb);
int peerbuf_lock(struct peerbuf *pb, int mode);
bool peerbuf_lock_until(struct peerbuf *pb, unsigned long until);

/* Any context, without a lock. Returns PEERBUF_REVOKED_*, zero if nobody has withdrawn it. */
static inline u32 peerbuf_revoked(const struct peerbuf *pb)
{
	return READ_ONCE(pb->marks.causes);
}

/* The placement and the list of clients change under both locks, so either one keeps them. */
static inline void peerbuf_assert_stays(const struct peerbuf *pb)
{
	lockdep_assert(dma_resv_held(pb->dmabuf->resv) || lockdep_is_held(&pb->holds_lock));
}

#endif /* _PEERBUF_BUFFER_H */
