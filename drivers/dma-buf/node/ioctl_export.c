// SPDX-License-Identifier: GPL-2.0
/* Calls that make, move, withdraw and give back a buffer. */
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/jiffies.h>
#include <linux/string.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "change/move.h"
#include "change/revoke.h"
#include "core/buffer.h"
#include "core/family.h"
#include "core/file.h"
#include "core/placement.h"
#include "core/refusal.h"
#include "core/rights.h"
#include "core/wait.h"
#include "node/ioctl.h"
#include "node/ranges.h"
#include "ops/export.h"

static int peerbuf_refuse_args(struct peerbuf_refusal *why, u32 unknown_flags, u32 reserved)
{
	if (unknown_flags)
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_FLAGS);
	if (reserved)
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_RESERVED);
	return 0;
}

static struct dma_buf *peerbuf_export_ranges(struct peerbuf_file *pf,
					     struct peerbuf_ioc_export *arg,
					     struct peerbuf_refusal *why)
{
	bool persist = arg->flags & PEERBUF_EXPORT_F_PERSIST;
	struct peerbuf_export_args args = {
		.flags = arg->flags,
		.open_flags = arg->open_flags & O_ACCMODE,
		.device = pf->pdevice,
		.segment_align = arg->segment_align,
		.max_segment = arg->max_segment,
	};
	struct dma_buf *dmabuf;

	args.placement = peerbuf_ranges_resolve(pf, arg->ranges, arg->nr_ranges, NULL,
						&arg->bad_range, why);
	if (IS_ERR(args.placement))
		return ERR_CAST(args.placement);

	dmabuf = peerbuf_export_for(&args, persist ? NULL : pf, true,
				    why);
	p2p_vecs_put(args.placement);
	return dmabuf;
}

int peerbuf_ioctl_export(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	struct peerbuf_ioc_export *arg = &call->export;
	u32 unknown = (arg->flags & ~PEERBUF_EXPORT_FLAGS) |
		      (arg->open_flags & ~(O_CLOEXEC | O_ACCMODE));
	struct dma_buf *dmabuf;
	int fd, ret;

	if ((arg->open_flags & O_ACCMODE) == O_ACCMODE)
		unknown = O_ACCMODE;
	ret = peerbuf_refuse_args(&call->why, unknown, arg->reserved);
	if (ret)
		return ret;

	fd = get_unused_fd_flags(arg->open_flags & O_CLOEXEC);
	if (fd < 0)
		return fd;

	dmabuf = peerbuf_export_ranges(pf, arg, &call->why);
	if (IS_ERR(dmabuf)) {
		put_unused_fd(fd);
		return PTR_ERR(dmabuf);
	}
	call->dmabuf = dmabuf;
	arg->fd = fd;
	arg->id = peerbuf_id(dmabuf->priv);
	arg->buffer_size = dmabuf->size;
	return 0;
}

/* The fd is installed only after its number has been copied out. */
void peerbuf_ioctl_export_done(struct peerbuf_call *call, bool keep)
{
	if (keep) {
		fd_install(call->export.fd, call->dmabuf->file);
	} else {
		put_unused_fd(call->export.fd);
		dma_buf_put(call->dmabuf);
	}
}

/*
 * Finds the export that a call names: on a node one with memory of its function or exported through
 * it, on control any. Does not wait for the buffer's lock. Returns as a visitor.
 */
struct peerbuf *peerbuf_file_lookup(struct peerbuf_file *pf, u64 id, struct peerbuf_refusal *why)
{
	struct peerbuf *pb = peerbuf_registry_get(id);

	if (pb && (!pf->pdevice || peerbuf_belongs_to(pb, pf->pdevice)))
		return pb;

	if (pb)
		peerbuf_put(pb);
	return ERR_PTR(peerbuf_fail(why, -ENOENT, PEERBUF_REASON_NO_EXPORT));
}

/* Userspace moves only what it exported: a driver decides where its own buffers are. */
static int peerbuf_move_found(struct peerbuf_file *pf, struct p2p_vecs *vecs,
			      struct peerbuf_rights *rights, struct peerbuf_ioc_move *arg,
			      struct peerbuf_refusal *why)
{
	struct peerbuf *pb;
	int ret;

	pb = peerbuf_file_lookup(pf, arg->id, why);
	if (IS_ERR(pb))
		return PTR_ERR(pb);

	if (pb->by_user) {
		ret = peerbuf_move_to(pb, vecs, arg->flags,
				      PEERBUF_WAIT_KILLABLE, rights, why);
	} else {
		ret = peerbuf_fail(why, -EPERM,
				   pb->parts ? PEERBUF_REASON_DERIVED : PEERBUF_REASON_VETO);
	}
	peerbuf_put(pb);
	return ret;
}

/* Copies the arrays in first: user memory is not touched while visiting a buffer. */
static int peerbuf_move_with(struct peerbuf_file *pf, struct peerbuf_rights *rights,
			     struct peerbuf_ioc_move *arg, struct peerbuf_refusal *why)
{
	struct p2p_vecs *vecs;
	int ret;

	vecs = peerbuf_ranges_resolve(pf, arg->ranges, arg->nr_ranges, rights,
				      &arg->bad_range, why);
	if (IS_ERR(vecs))
		return PTR_ERR(vecs);

	ret = peerbuf_rights_fetch(rights, arg->rights, arg->nr_rights, &arg->bad_right,
				   why);
	if (!ret)
		ret = peerbuf_move_found(pf, vecs, rights, arg, why);
	p2p_vecs_put(vecs);
	return ret;
}

int peerbuf_ioctl_move(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	struct peerbuf_ioc_move *arg = &call->move;
	struct peerbuf_rights rights;
	int ret;

	ret = peerbuf_refuse_args(&call->why,
				  arg->flags & ~PEERBUF_MOVE_FLAGS,
				  arg->reserved);
	if (ret)
		return ret;

	peerbuf_rights_init(&rights, pf);
	ret = peerbuf_move_with(pf, &rights, arg, &call->why);
	peerbuf_rights_drop(&rights);
	arg->missing = rights.missing;
	return ret;
}

static unsigned long peerbuf_timeout_jiffies(u32 timeout_ms)
{
	if (timeout_ms == PEERBUF_WAIT_FOREVER)
		return MAX_SCHEDULE_TIMEOUT;
	return msecs_to_jiffies(timeout_ms);
}

/* Who revokes: the owner of the node's function, or on control the administrator. */
static u32 peerbuf_file_cause(const struct peerbuf_file *pf)
{
	return pf->pdevice ? PEERBUF_REVOKED_USER : PEERBUF_REVOKED_ADMIN;
}

int peerbuf_ioctl_revoke(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	struct peerbuf_ioc_revoke *arg = &call->revoke;
	struct peerbuf_timeout timeout =
		peerbuf_timeout(peerbuf_timeout_jiffies(arg->timeout_ms),
				PEERBUF_WAIT_INTR);
	struct peerbuf *pb;
	int ret;

	ret = peerbuf_refuse_args(&call->why, arg->flags, arg->reserved);
	if (ret)
		return ret;

	pb = peerbuf_file_lookup(pf, arg->id, &call->why);
	if (IS_ERR(pb))
		return PTR_ERR(pb);

	ret = peerbuf_mark_revoked(pb, peerbuf_file_cause(pf), pf->pdevice);
	if (ret) {
		peerbuf_put(pb);
		return peerbuf_fail(&call->why, ret, PEERBUF_REASON_NO_EXPORT);
	}
	ret = peerbuf_drain(pb, &timeout, &call->why);
	arg->blocker = PEERBUF_PCI_NONE;
	arg->blockers = 0;
	memset(arg->blocker_name, 0, sizeof(arg->blocker_name));
	if (ret)
		peerbuf_family_holder(pb, &arg->blocker, arg->blocker_name,
				      sizeof(arg->blocker_name), &arg->blockers);
	peerbuf_put(pb);
	return ret;
}

static int peerbuf_restore_with(struct peerbuf_file *pf, struct peerbuf_rights *rights,
				struct peerbuf_ioc_restore *arg, struct peerbuf_refusal *why)
{
	struct peerbuf *pb;
	u32 causes;
	int ret;

	ret = peerbuf_rights_fetch(rights, arg->rights, arg->nr_rights, &arg->bad_right,
				   why);
	if (ret)
		return ret;

	pb = peerbuf_file_lookup(pf, arg->id, why);
	if (IS_ERR(pb))
		return PTR_ERR(pb);

	/* The administrator may undo a user's revoke, but not the other way round. */
	causes = PEERBUF_REVOKED_USER | peerbuf_file_cause(pf);
	ret = peerbuf_restore_for(pb, causes, rights, PEERBUF_WAIT_INTR, why);
	peerbuf_put(pb);
	/* A signal ended the wait for the lock before anything was done: restart the call. */
	return ret == -EINTR ? -ERESTARTNOINTR : ret;
}

int peerbuf_ioctl_restore(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	struct peerbuf_ioc_restore *arg = &call->restore;
	struct peerbuf_rights rights;
	int ret;

	ret = peerbuf_refuse_args(&call->why, arg->flags, arg->reserved);
	if (ret)
		return ret;

	peerbuf_rights_init(&rights, pf);
	ret = peerbuf_restore_with(pf, &rights, arg, &call->why);
	peerbuf_rights_drop(&rights);
	arg->missing = rights.missing;
	return ret;
}
