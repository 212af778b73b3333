// SPDX-License-Identifier: GPL-2.0
/* The ioctls MAP, UNMAP, QUERY and INFO. */
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/user_namespace.h>

#include "internal.h"

#define PEERBUF_VFIO_ACCESS	(PEERBUF_VFIO_MAP_F_READ | PEERBUF_VFIO_MAP_F_WRITE)

static bool allow_unsafe_import;
module_param(allow_unsafe_import, bool, 0644);
MODULE_PARM_DESC(allow_unsafe_import,
		 "Let processes without CAP_SYS_RAWIO map DMA-BUFs for their devices on kernels whose IOMMU drivers do not refuse to map an IOVA twice");

/* May this process import for the device? @asks: it only asks, so no audit record is made. */
static int peerbuf_vfio_may_import(struct peerbuf_vfio *pv, bool asks, u32 *reason)
{
	bool (*may)(struct user_namespace *ns, int cap) = asks ? ns_capable_noaudit : ns_capable;

	if (!pv->space) {
		*reason = pv->import_reason;
		return -EOPNOTSUPP;
	}
	if (!pv->space->exclusive && !allow_unsafe_import &&
	    !may(&init_user_ns, CAP_SYS_RAWIO)) {
		*reason = PEERBUF_REASON_IOVA_SHARED;
		return -EPERM;
	}
	return 0;
}

static int peerbuf_vfio_map_check_buffer(const struct peerbuf_vfio_import *import,
					 u32 *reason)
{
	fmode_t mode = import->dmabuf->file->f_mode;
	struct peerbuf_vfio *pv = import->pv;
	u64 end;

	if (!import->length) {
		*reason = PEERBUF_REASON_ZERO_LENGTH;
		return -EINVAL;
	}
	if (!IS_ALIGNED(import->offset | import->length, pv->space->granule)) {
		*reason = PEERBUF_REASON_UNALIGNED;
		return -EINVAL;
	}
	if (check_add_overflow(import->offset, import->length, &end)) {
		*reason = PEERBUF_REASON_OVERFLOW;
		return -EOVERFLOW;
	}
	if (end > import->dmabuf->size) {
		*reason = PEERBUF_REASON_PAST_END;
		return -ERANGE;
	}
	if ((import->access & PEERBUF_VFIO_MAP_F_READ && !(mode & FMODE_READ)) ||
	    (import->access & PEERBUF_VFIO_MAP_F_WRITE && !(mode & FMODE_WRITE))) {
		*reason = PEERBUF_REASON_READ_ONLY_BUFFER;
		return -EACCES;
	}
	return peerbuf_vfio_space_check(pv, import->iova, import->length, reason);
}

static int peerbuf_vfio_map_check(struct peerbuf_vfio *pv,
				  const struct peerbuf_vfio_ioc_map *arg, u32 *reason)
{
	if (arg->flags & ~(PEERBUF_VFIO_ACCESS | PEERBUF_VFIO_MAP_F_EVENTFD)) {
		*reason = PEERBUF_REASON_FLAGS;
		return -EINVAL;
	}
	if (arg->reserved || (arg->eventfd && !(arg->flags & PEERBUF_VFIO_MAP_F_EVENTFD))) {
		*reason = PEERBUF_REASON_RESERVED;
		return -EINVAL;
	}
	if (!(arg->flags & PEERBUF_VFIO_ACCESS)) {
		*reason = PEERBUF_REASON_NO_ACCESS;
		return -EINVAL;
	}
	return peerbuf_vfio_may_import(pv, false, reason);
}

static int peerbuf_vfio_import_get_files(struct peerbuf_vfio_import *import,
					 const struct peerbuf_vfio_ioc_map *arg, u32 *reason)
{
	struct dma_buf *dmabuf;
	struct eventfd_ctx *eventfd;

	dmabuf = dma_buf_get(arg->fd);
	if (IS_ERR(dmabuf)) {
		*reason = PTR_ERR(dmabuf) == -EBADF ? PEERBUF_REASON_BAD_FD :
						      PEERBUF_REASON_NOT_DMABUF;
		return PTR_ERR(dmabuf);
	}
	import->dmabuf = dmabuf;

	if (!(arg->flags & PEERBUF_VFIO_MAP_F_EVENTFD))
		return 0;
	eventfd = eventfd_ctx_fdget(arg->eventfd);
	if (IS_ERR(eventfd)) {
		*reason = PEERBUF_REASON_BAD_EVENTFD;
		return -EBADF;
	}
	import->eventfd = eventfd;
	return 0;
}

static void peerbuf_vfio_route_out(struct peerbuf_route *to, const struct p2p_route *from)
{
	*to = (struct peerbuf_route){
		.type = from->type,
		.reason = from->reason,
		.flags = from->flags,
		.distance = from->distance,
		.decider = from->decider,
	};
}

int peerbuf_vfio_ioctl_map(struct peerbuf_vfio *pv, struct peerbuf_vfio_call *call)
{
	struct peerbuf_vfio_ioc_map *arg = &call->map;
	struct peerbuf_vfio_import *import;
	struct p2p_route route = {};
	int ret;

	memset(&arg->route, 0, sizeof(arg->route));
	ret = peerbuf_vfio_map_check(pv, arg, &arg->reason);
	if (ret)
		return ret;

	import = peerbuf_vfio_import_alloc(pv);
	if (!import)
		return -ENOMEM;
	import->iova = arg->iova;
	import->length = arg->length;
	import->offset = arg->offset;
	import->access = arg->flags & PEERBUF_VFIO_ACCESS;

	ret = peerbuf_vfio_import_get_files(import, arg, &arg->reason);
	if (!ret)
		ret = peerbuf_vfio_map_check_buffer(import, &arg->reason);
	if (!ret) {
		ret = peerbuf_vfio_import_add(import, &route, &arg->reason);
		peerbuf_vfio_route_out(&arg->route, &route);
	}
	peerbuf_vfio_import_put(import);
	return ret;
}

/*
 * The device's own import that contains @iova; with @next, or else the first one above. Imports
 * that are being made or ended are skipped. Returns it with a reference, or NULL.
 */
static struct peerbuf_vfio_import *
peerbuf_vfio_import_find(struct peerbuf_vfio *pv, u64 iova, bool next)
{
	struct peerbuf_vfio_import *import, *found = NULL;

	mutex_lock(&pv->space->lock);
	for (;;) {
		import = peerbuf_vfio_space_next(pv->space, iova);
		if (!import || (!next && import->iova > iova))
			break;
		if (import->pv == pv && peerbuf_vfio_import_is_live(import)) {
			kref_get(&import->ref);
			found = import;
			break;
		}
		if (!next || check_add_overflow(import->iova, import->length, &iova))
			break;
	}
	mutex_unlock(&pv->space->lock);
	return found;
}

int peerbuf_vfio_ioctl_unmap(struct peerbuf_vfio *pv, struct peerbuf_vfio_call *call)
{
	struct peerbuf_vfio_ioc_unmap *arg = &call->unmap;
	struct peerbuf_vfio_import *import;
	int ret = 0;

	if (arg->flags || arg->reserved) {
		arg->reason = PEERBUF_REASON_RESERVED;
		return -EINVAL;
	}
	arg->reason = PEERBUF_REASON_IOVA_UNKNOWN;
	if (!pv->space)
		return -ENOENT;

	import = peerbuf_vfio_import_find(pv, arg->iova, false);
	if (!import)
		return -ENOENT;
	if (import->iova != arg->iova) {
		ret = -ENOENT;
	} else if (import->length != arg->length) {
		arg->reason = PEERBUF_REASON_IOVA_LENGTH;
		ret = -EINVAL;
	} else if (!peerbuf_vfio_import_end(import)) {
		ret = -ENOENT;
	}
	peerbuf_vfio_import_put(import);
	if (!ret)
		arg->reason = PEERBUF_REASON_NONE;
	return ret;
}

/*
 * Returns -ENOENT if another call has begun to end the import. Others may hold the buffer's lock
 * for long. A signal ends the wait and restarts the call.
 *
 * A revoked buffer may die later, and its importers are not told again. So the buffer's present
 * state goes before what the user was told last.
 */
static int peerbuf_vfio_import_describe(struct peerbuf_vfio_import *import,
					struct peerbuf_vfio_ioc_query *arg)
{
	struct peerbuf *pb = peerbuf_from_dma_buf(import->dmabuf);

	if (dma_resv_lock_interruptible(import->dmabuf->resv, NULL))
		return -ERESTARTNOINTR;
	if (!peerbuf_vfio_import_is_live(import)) {
		dma_resv_unlock(import->dmabuf->resv);
		return -ENOENT;
	}
	arg->iova = import->iova;
	arg->length = import->length;
	arg->offset = import->offset;
	arg->access = import->access;
	arg->id = pb ? peerbuf_id(pb) : 0;
	peerbuf_vfio_route_out(&arg->route, &import->route);
	arg->reason = peerbuf_vfio_buffer_reason(import);
	arg->changes = import->changes;
	arg->state = import->told;
	arg->error = -import->error;
	if (arg->reason == PEERBUF_REASON_DEVICE_GONE) {
		arg->state = PEERBUF_VFIO_STATE_DEAD;
		arg->error = 0;
	} else if (import->told == PEERBUF_VFIO_STATE_FAILED) {
		arg->reason = import->reason;
	}
	dma_resv_unlock(import->dmabuf->resv);
	return 0;
}

int peerbuf_vfio_ioctl_query(struct peerbuf_vfio *pv, struct peerbuf_vfio_call *call)
{
	struct peerbuf_vfio_ioc_query *arg = &call->query;
	struct peerbuf_vfio_import *import;
	int ret;

	if (arg->flags & ~PEERBUF_VFIO_QUERY_F_NEXT) {
		arg->reason = PEERBUF_REASON_FLAGS;
		return -EINVAL;
	}
	arg->reason = PEERBUF_REASON_IOVA_UNKNOWN;
	if (!pv->space)
		return -ENOENT;

	/* One that another call has begun to end is not found again. */
	do {
		import = peerbuf_vfio_import_find(pv, arg->iova,
						  arg->flags & PEERBUF_VFIO_QUERY_F_NEXT);
		if (!import)
			return -ENOENT;
		ret = peerbuf_vfio_import_describe(import, arg);
		peerbuf_vfio_import_put(import);
	} while (ret == -ENOENT);
	return ret;
}

int peerbuf_vfio_ioctl_info(struct peerbuf_vfio *pv, struct peerbuf_vfio_call *call)
{
	struct peerbuf_vfio_ioc_info *arg = &call->info;
	struct iommu_domain *domain;

	*arg = (struct peerbuf_vfio_ioc_info){
		.size = arg->size,
		.flags = PEERBUF_VFIO_INFO_F_EXPORT,
		.version = PEERBUF_VFIO_UAPI_VERSION,
		.addr = p2p_pci_addr(pv->core.pdev),
		.max_mappings = PEERBUF_VFIO_MAX_MAPPINGS,
	};
	if (pv->space && pv->space->exclusive)
		arg->flags |= PEERBUF_VFIO_INFO_F_EXCLUSIVE;
	if (peerbuf_vfio_may_import(pv, true, &arg->reason))
		return 0;

	domain = pv->space->domain;
	arg->flags |= PEERBUF_VFIO_INFO_F_IMPORT;
	arg->page_sizes = domain->pgsize_bitmap;
	arg->iova_first = domain->geometry.aperture_start;
	arg->iova_last = domain->geometry.aperture_end;
	mutex_lock(&pv->space->lock);
	arg->nr_mappings = pv->nr_imports;
	mutex_unlock(&pv->space->lock);
	return 0;
}
