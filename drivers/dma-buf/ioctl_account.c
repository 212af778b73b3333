// SPDX-License-Identifier: GPL-2.0
/* Calls that tell who holds what. */
#include <linux/capability.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

static void peerbuf_route_out(struct peerbuf_route *to,
			      const struct p2p_route *from)
{
	to->type = from->type;
	to->reason = from->reason;
	to->flags = from->flags;
	to->distance = from->distance;
	to->decider = from->decider;
}

static u64 peerbuf_first_addr(const struct peerbuf *pb)
{
	const struct p2p_vecs *vecs = pb->placement->vecs;
	u32 i;

	for (i = 0; i < vecs->nr; i++)
		if (vecs->vec[i].provider)
			return p2p_pci_addr(p2p_provider_pdev(vecs->vec[i].provider));
	return pb->home ? p2p_pci_addr(pb->home->pdev) : PEERBUF_PCI_NONE;
}

/* @by: whose node asks, or NULL. Returns 0, or -ERESTARTNOINTR when a signal arrived. */
static int peerbuf_describe(struct peerbuf *pb, const struct peerbuf_device *by,
			    struct peerbuf_export_info *info)
{
	memset(info, 0, sizeof(*info));
	info->id = pb->id;
	info->buffer_size = pb->size;
	info->flags = pb->flags;
	info->pid = pid_vnr(pb->pid);
	strscpy(info->comm, pb->comm, sizeof(info->comm));

	if (peerbuf_lock(pb, PEERBUF_WAIT_INTR))
		return -ERESTARTNOINTR;
	info->addr = peerbuf_first_addr(pb);
	info->state = peerbuf_state(pb);
	info->nr_ranges = pb->placement->vecs->nr;
	info->nr_devices = pb->placement->nr_claims;
	info->nr_attachments = pb->account.nr_clients;
	info->nr_mappings = pb->nr_holds - (pb->vmap ? 1 : 0);
	info->pins = peerbuf_pins(pb);
	info->maps = pb->account.maps;
	info->moves = pb->account.moves;
	info->revokes = pb->account.revokes;
	info->refusals = pb->account.refusals;
	info->last_refusal = pb->account.last_refusal;
	info->last_refusal_errno = pb->account.last_refusal_errno;
	info->last_refusal_addr = pb->account.last_refusal_addr;
	peerbuf_route_out(&info->last_refusal_route,
			  &pb->account.last_refusal_route);
	info->fallbacks = pb->account.fallbacks;
	info->system_size = pb->placement->system_size;
	info->hidden_size = pb->placement->hidden_size;
	peerbuf_hide_export(pb, by, info);
	dma_resv_unlock(pb->dmabuf->resv);
	return 0;
}

/* By fd: whoever holds the DMA-BUF may know about it. Visited. */
static struct peerbuf *peerbuf_query_fd(int fd, u32 *reason)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);
	struct peerbuf *pb;

	if (IS_ERR(dmabuf)) {
		*reason = PTR_ERR(dmabuf) == -EBADF ? PEERBUF_REASON_BAD_FD :
						      PEERBUF_REASON_NOT_DMABUF;
		return ERR_CAST(dmabuf);
	}
	pb = peerbuf_from_dma_buf(dmabuf);
	if (pb && !peerbuf_visit(pb))
		pb = NULL;
	dma_buf_put(dmabuf);
	if (!pb)
		*reason = PEERBUF_REASON_NOT_PEERBUF;
	return pb ?: ERR_PTR(-EXDEV);
}

static struct peerbuf *peerbuf_query_id(struct peerbuf_file *pf, u64 id,
					u32 *reason)
{
	if (!pf->pdevice && !capable(CAP_SYS_ADMIN)) {
		*reason = PEERBUF_REASON_CAPABILITY;
		return ERR_PTR(-EPERM);
	}
	return peerbuf_file_lookup(pf, id, reason);
}

int peerbuf_ioctl_query(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	const struct peerbuf_device *by = call->query.id ? pf->pdevice : NULL;
	struct peerbuf_ioc_query *arg = &call->query;
	struct peerbuf *pb;
	int ret;

	if (arg->flags) {
		arg->reason = PEERBUF_REASON_FLAGS;
		return -EINVAL;
	}
	if (arg->id)
		pb = peerbuf_query_id(pf, arg->id, &arg->reason);
	else
		pb = peerbuf_query_fd(arg->fd, &arg->reason);
	if (IS_ERR(pb))
		return PTR_ERR(pb);

	ret = peerbuf_describe(pb, by, &arg->info);
	if (!ret)
		arg->id = pb->id;
	peerbuf_put(pb);
	return ret;
}

/* Arrays grow like structures: each side writes and reads what both know. */
static int peerbuf_put_entry(u64 entries, u32 index, u32 entry_size,
			     const void *entry, u32 known)
{
	void __user *to = u64_to_user_ptr(entries + (u64)index * entry_size);

	if (copy_to_user(to, entry, min(entry_size, known)))
		return -EFAULT;
	if (entry_size > known && clear_user(to + known, entry_size - known))
		return -EFAULT;
	return 0;
}

/* @first: the size of an entry as it was first published. */
static int peerbuf_check_array(u32 flags, u32 entry_size, u32 first, u32 *reason)
{
	if (flags) {
		*reason = PEERBUF_REASON_FLAGS;
		return -EINVAL;
	}
	if (entry_size < first || entry_size > PAGE_SIZE) {
		*reason = PEERBUF_REASON_STRUCT_SIZE;
		return -EINVAL;
	}
	return 0;
}

/* Whether @pf lists @pb: 1, 0, or -ERESTARTNOINTR when a signal arrived. */
static int peerbuf_listed_on(struct peerbuf_file *pf, struct peerbuf *pb)
{
	bool here;

	if (!pf->pdevice)
		return 1;
	if (peerbuf_lock(pb, PEERBUF_WAIT_INTR))
		return -ERESTARTNOINTR;
	here = peerbuf_belongs_to(pb, pf->pdevice);
	dma_resv_unlock(pb->dmabuf->resv);
	return here;
}

/*
 * The next export for the list after *@id, if there is room described in @info. Returns 1, 0
 * at the end, or an error. The visit is over when this returns: user memory is not
 * touched during one.
 */
static int peerbuf_list_next(struct peerbuf_file *pf, u64 *id, bool room,
			     struct peerbuf_export_info *info)
{
	struct peerbuf *pb;
	int ret = 0;

	while (!ret && (pb = peerbuf_registry_next(*id))) {
		*id = pb->id;
		ret = peerbuf_listed_on(pf, pb);
		if (ret > 0 && room)
			ret = peerbuf_describe(pb, pf->pdevice, info) ?: 1;
		peerbuf_put(pb);
		cond_resched();
	}
	return ret;
}

int peerbuf_ioctl_list(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	struct peerbuf_ioc_list *arg = &call->list;
	struct peerbuf_export_info info;
	u32 stored = 0, total = 0;
	u64 id = arg->after;
	int ret;

	ret = peerbuf_check_array(arg->flags, arg->entry_size,
				  offsetofend(struct peerbuf_export_info, comm),
				  &arg->reason);
	if (ret)
		return ret;

	while ((ret = peerbuf_list_next(pf, &id, stored < arg->nr_entries,
					&info)) > 0) {
		total++;
		if (stored == arg->nr_entries)
			continue;
		ret = peerbuf_put_entry(arg->entries, stored++, arg->entry_size,
					&info, sizeof(info));
		if (ret) {
			arg->reason = PEERBUF_REASON_BAD_POINTER;
			break;
		}
	}
	if (!ret) {
		arg->nr_entries = stored;
		arg->total = total;
	}
	return ret;
}

/* DMA addresses tell where memory is, which is not for everybody to know. */
static void peerbuf_describe_mapping(struct peerbuf *pb,
				     const struct peerbuf_client *client,
				     struct peerbuf_attachment_info *info)
{
	struct p2p_route route;

	info->nr_segments = client->nr_segments;
	info->mapped_ranges = client->mapped_ranges;
	if (capable(CAP_SYS_ADMIN))
		info->dma_addr = client->dma_addr;
	peerbuf_check_routes(pb->placement->vecs, client->attach->dev, client->by_phys,
			     &route);
	peerbuf_route_out(&info->route, &route);
}

static void peerbuf_describe_client(struct peerbuf *pb, const struct peerbuf_device *by,
				    const struct peerbuf_client *client,
				    struct peerbuf_attachment_info *info)
{
	struct device *dev = client->attach->dev;
	struct p2p_route route;

	memset(info, 0, sizeof(*info));
	info->route.decider = PEERBUF_PCI_NONE;
	info->addr = peerbuf_dev_addr(dev);
	if (client->attach->importer_ops)
		info->flags |= PEERBUF_ATTACH_F_DYNAMIC;
	if (client->revocable)
		info->flags |= PEERBUF_ATTACH_F_REVOCABLE;
	if (client->native)
		info->flags |= PEERBUF_ATTACH_F_SEGMENTS;
	info->pins = peerbuf_client_pins(client);
	info->nr_mappings = client->maps;
	info->pid = pid_vnr(client->pid);
	if (peerbuf_all_of(pb, by))
		peerbuf_describe_mapping(pb, client, info);
	else if (peerbuf_route_to(pb, by, client, &route))
		peerbuf_route_out(&info->route, &route);
	strscpy(info->device, dev_name(dev), sizeof(info->device));
	strscpy(info->driver, dev_driver_string(dev), sizeof(info->driver));
	strscpy(info->comm, client->comm, sizeof(info->comm));
}

/**
 * struct peerbuf_clients - what is told about an export's importers
 * @info: one per importer; to be freed with kvfree()
 * @stored: entries in @info
 * @total: importers there are
 */
struct peerbuf_clients {
	struct peerbuf_attachment_info *info;
	u32 stored;
	u32 total;
};

/* Under resv. */
static void peerbuf_fill_clients(struct peerbuf *pb, const struct peerbuf_device *by,
				 u32 room, struct peerbuf_clients *clients)
{
	struct peerbuf_client *client;

	list_for_each_entry(client, &pb->clients, node) {
		if (clients->stored < room)
			peerbuf_describe_client(pb, by, client,
						&clients->info[clients->stored++]);
		clients->total++;
	}
}

/*
 * Copying to userspace may fault, and a fault may want resv: the entries are gathered under
 * it and copied after. An importer that attaches between the two times the lock is
 * taken is counted but not stored.
 */
static int peerbuf_gather_clients(struct peerbuf *pb, const struct peerbuf_device *by,
				  u32 room, struct peerbuf_clients *clients)
{
	if (peerbuf_lock(pb, PEERBUF_WAIT_INTR))
		return -ERESTARTNOINTR;
	room = min(room, pb->account.nr_clients);
	dma_resv_unlock(pb->dmabuf->resv);

	clients->info = kvmalloc_array(max(room, 1U), sizeof(*clients->info),
				       GFP_KERNEL_ACCOUNT);
	if (!clients->info)
		return -ENOMEM;

	if (peerbuf_lock(pb, PEERBUF_WAIT_INTR))
		return -ERESTARTNOINTR;
	peerbuf_fill_clients(pb, by, room, clients);
	dma_resv_unlock(pb->dmabuf->resv);
	return 0;
}

static int peerbuf_put_clients(const struct peerbuf_clients *clients,
			       struct peerbuf_ioc_attachments *arg)
{
	int ret;
	u32 i;

	for (i = 0; i < clients->stored; i++) {
		ret = peerbuf_put_entry(arg->entries, i, arg->entry_size,
					&clients->info[i],
					sizeof(clients->info[i]));
		if (ret) {
			arg->reason = PEERBUF_REASON_BAD_POINTER;
			return ret;
		}
	}
	arg->nr_entries = clients->stored;
	arg->total = clients->total;
	return 0;
}

int peerbuf_ioctl_attachments(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	struct peerbuf_ioc_attachments *arg = &call->attachments;
	struct peerbuf_clients clients = {};
	struct peerbuf *pb;
	int ret;

	ret = peerbuf_check_array(arg->flags, arg->entry_size,
				  sizeof(struct peerbuf_attachment_info),
				  &arg->reason);
	if (ret)
		return ret;

	pb = peerbuf_file_lookup(pf, arg->id, &arg->reason);
	if (IS_ERR(pb))
		return PTR_ERR(pb);
	ret = peerbuf_gather_clients(pb, pf->pdevice, arg->nr_entries, &clients);
	peerbuf_put(pb);
	if (!ret)
		ret = peerbuf_put_clients(&clients, arg);
	kvfree(clients.info);
	return ret;
}

static void peerbuf_describe_bars(struct peerbuf_device *pdevice,
				  struct peerbuf_bar *bars)
{
	struct pci_dev *pdev = pdevice->pdev;
	unsigned long flags;
	int bar;

	for (bar = 0; bar < PEERBUF_NR_BARS; bar++) {
		flags = pci_resource_flags(pdev, bar);
		memset(&bars[bar], 0, sizeof(bars[bar]));
		bars[bar].size = pci_resource_len(pdev, bar);
		if (flags & IORESOURCE_MEM)
			bars[bar].flags |= PEERBUF_BAR_F_MEMORY;
		if (flags & IORESOURCE_IO)
			bars[bar].flags |= PEERBUF_BAR_F_IO;
		if (flags & IORESOURCE_PREFETCH)
			bars[bar].flags |= PEERBUF_BAR_F_PREFETCHABLE;
		if (flags & IORESOURCE_MEM_64)
			bars[bar].flags |= PEERBUF_BAR_F_64BIT;
		if (pdevice->user_bars & BIT(bar))
			bars[bar].flags |= PEERBUF_BAR_F_ALLOWED;
		if (capable(CAP_SYS_ADMIN))
			bars[bar].base = pci_resource_start(pdev, bar);
	}
}

int peerbuf_ioctl_info(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	struct peerbuf_device *pdevice = pf->pdevice;
	struct peerbuf_ioc_info *arg = &call->info;
	struct peerbuf_claim *claim;
	int ret = 0;

	*arg = (struct peerbuf_ioc_info){};
	arg->version = PEERBUF_UAPI_VERSION;
	arg->addr = p2p_pci_addr(pdevice->pdev);
	arg->owner = pdevice->owner;

	mutex_lock(&pdevice->lock);
	if (pdevice->state == PEERBUF_DEVICE_GONE) {
		arg->reason = PEERBUF_REASON_DEVICE_GONE;
		ret = -ENODEV;
	} else {
		if (pdevice->state == PEERBUF_DEVICE_DOWN)
			arg->flags |= PEERBUF_INFO_F_DOWN;
		list_for_each_entry(claim, &pdevice->claims, node)
			arg->nr_exports++;
		strscpy(arg->driver, dev_driver_string(&pdevice->pdev->dev),
			sizeof(arg->driver));
		peerbuf_describe_bars(pdevice, arg->bars);
	}
	mutex_unlock(&pdevice->lock);
	return ret;
}
