// SPDX-License-Identifier: GPL-2.0
/* Calls that tell who holds what. */
#include <linux/bits.h>
#include <linux/capability.h>
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/ioport.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/addr.h"
#include "core/buffer.h"
#include "core/claim.h"
#include "core/client.h"
#include "core/device.h"
#include "core/family.h"
#include "core/file.h"
#include "core/placement.h"
#include "core/reach.h"
#include "core/refusal.h"
#include "node/ioctl.h"
#include "node/view.h"

/**
 * struct peerbuf_asker - who asks about importers
 * @by: the device whose node it is, or NULL for control
 * @addrs: may see DMA addresses, which show where memory is
 * @held: the buffer's resv is held; else its holds_lock is, and routes are the last ones
 *	found
 */
struct peerbuf_asker {
	const struct peerbuf_device *by;
	bool addrs;
	bool held;
};

/**
 * struct peerbuf_clients - descriptions of an export's importers
 * @info: one per importer; to be freed with kvfree()
 * @stored: entries in @info
 * @total: number of importers
 */
struct peerbuf_clients {
	struct peerbuf_attachment_info *info;
	u32 stored;
	u32 total;
};

static void peerbuf_route_out(struct peerbuf_route *to,
			      const struct p2p_route *from)
{
	to->type = from->type;
	to->reason = from->reason;
	to->flags = from->flags;
	to->distance = from->distance;
	to->decider = from->decider;
}

/* Claims are in the order of the ranges, so the first claim is the first range in a BAR. */
static u64 peerbuf_first_addr(const struct peerbuf *pb)
{
	if (pb->placement->nr_claims)
		return p2p_pci_addr(pb->placement->claims[0].pdevice->pdev);
	return pb->home ? p2p_pci_addr(pb->home->pdev) : PEERBUF_PCI_NONE;
}

/* Under holds_lock. Fields that resv protects are counters; slightly old values will do. */
static void peerbuf_describe_glance(struct peerbuf *pb, bool held,
				    struct peerbuf_export_info *info)
{
	lockdep_assert_held(&pb->holds_lock);

	info->maps = READ_ONCE(pb->account.maps);
	info->moves = READ_ONCE(pb->account.moves);
	info->revokes = READ_ONCE(pb->account.revokes);
	info->refusals = READ_ONCE(pb->account.refusals);
	info->fallbacks = READ_ONCE(pb->account.fallbacks);
	info->file_direct = atomic64_read(&pb->account.file_direct);
	info->file_bounced = atomic64_read(&pb->account.file_bounced);
	info->nr_attachments = pb->account.nr_clients;
	info->nr_mappings = pb->nr_holds - (READ_ONCE(pb->vmap) ? 1 : 0);
	/* No placement: it is being released. */
	if (!pb->placement) {
		info->state = PEERBUF_STATE_F_DEAD;
		return;
	}
	info->addr = peerbuf_first_addr(pb);
	info->state = peerbuf_state(pb, held);
	info->nr_ranges = pb->placement->vecs->nr;
	info->nr_devices = pb->placement->nr_claims;
	info->system_size = pb->placement->vecs->system_size;
	info->hidden_size = pb->placement->vecs->hidden_size;
}

/* Under resv. */
static void peerbuf_describe_held(struct peerbuf *pb, struct peerbuf_export_info *info)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	info->pins = peerbuf_pins(pb);
	info->last_refusal = pb->account.last_refusal.reason;
	info->last_refusal_errno = -pb->account.last_refusal.error;
	info->last_refusal_addr = pb->account.last_refusal_addr;
	peerbuf_route_out(&info->last_refusal_route, &pb->account.last_refusal.route);
}

/* Did a signal end the wait for the buffer's lock? Then the call is restarted. */
static bool peerbuf_cut_short(const struct peerbuf_export_info *info)
{
	return info->state & PEERBUF_STATE_F_BUSY && signal_pending(current);
}

/*
 * @by: the device whose node asks, or NULL. Waits for the buffer's lock until @until, in
 * jiffies.
 */
static void peerbuf_describe(struct peerbuf *pb, const struct peerbuf_device *by,
			     unsigned long until, struct peerbuf_export_info *info)
{
	bool held = peerbuf_lock_until(pb, until);

	memset(info, 0, sizeof(*info));
	info->id = pb->id;
	info->buffer_size = pb->size;
	info->flags = pb->flags;
	info->segment_align = pb->segment_align;
	info->max_segment = pb->max_segment;
	info->parent = peerbuf_parent_id(pb);
	info->pid = pid_vnr(pb->pid);
	strscpy(info->comm, pb->comm, sizeof(info->comm));
	info->addr = PEERBUF_PCI_NONE;
	info->last_refusal_addr = PEERBUF_PCI_NONE;
	info->last_refusal_route.decider = PEERBUF_PCI_NONE;

	if (held)
		peerbuf_describe_held(pb, info);
	spin_lock(&pb->holds_lock);
	peerbuf_describe_glance(pb, held, info);
	if (pb->placement)
		peerbuf_hide_export(pb, by, info);
	spin_unlock(&pb->holds_lock);
	if (held)
		dma_resv_unlock(pb->dmabuf->resv);
}

/* Finds a buffer by an fd: who holds the DMA-BUF may query it. Returns as a visitor. */
static struct peerbuf *peerbuf_query_fd(int fd, struct peerbuf_refusal *why)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);
	struct peerbuf *pb;

	if (dmabuf == ERR_PTR(-EBADF))
		return ERR_PTR(peerbuf_fail(why, -EBADF, PEERBUF_REASON_BAD_FD));
	if (IS_ERR(dmabuf))
		return ERR_PTR(peerbuf_fail(why, PTR_ERR(dmabuf), PEERBUF_REASON_NOT_DMABUF));
	pb = peerbuf_from_dma_buf(dmabuf);
	if (pb && !peerbuf_tryget(pb))
		pb = NULL;
	dma_buf_put(dmabuf);
	return pb ?: ERR_PTR(peerbuf_fail(why, -EXDEV, PEERBUF_REASON_NOT_PEERBUF));
}

static struct peerbuf *peerbuf_query_id(struct peerbuf_file *pf, u64 id,
					struct peerbuf_refusal *why)
{
	if (!pf->pdevice && !capable(CAP_SYS_ADMIN))
		return ERR_PTR(peerbuf_fail(why, -EPERM, PEERBUF_REASON_CAPABILITY));
	return peerbuf_file_lookup(pf, id, why);
}

int peerbuf_ioctl_query(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	const struct peerbuf_device *by = call->query.id ? pf->pdevice : NULL;
	struct peerbuf_ioc_query *arg = &call->query;
	struct peerbuf *pb;

	if (arg->flags)
		return peerbuf_fail(&call->why, -EINVAL, PEERBUF_REASON_FLAGS);
	if (arg->id)
		pb = peerbuf_query_id(pf, arg->id, &call->why);
	else
		pb = peerbuf_query_fd(arg->fd, &call->why);
	if (IS_ERR(pb))
		return PTR_ERR(pb);

	peerbuf_describe(pb, by, jiffies + PEERBUF_GLANCE, &arg->info);
	peerbuf_put(pb);
	if (peerbuf_cut_short(&arg->info))
		return -ERESTARTNOINTR;
	arg->id = arg->info.id;
	return 0;
}

/* Entries may grow like structures: only the fields that both sides know are copied. */
int peerbuf_put_entry(u64 entries, u32 index, u32 entry_size, const void *entry, u32 known)
{
	void __user *to = u64_to_user_ptr(entries + (u64)index * entry_size);

	if (copy_to_user(to, entry, min(entry_size, known)))
		return -EFAULT;
	if (entry_size > known && clear_user(to + known, entry_size - known))
		return -EFAULT;
	return 0;
}

/* @first: the size of an entry when it was first published. */
int peerbuf_check_array(u32 flags, u32 entry_size, u32 first, struct peerbuf_refusal *why)
{
	if (flags)
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_FLAGS);
	if (entry_size < first || entry_size > PAGE_SIZE)
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_STRUCT_SIZE);
	return 0;
}

/* Does @pf list @pb? Does not wait for any lock, as most buffers may belong to others. */
static bool peerbuf_listed_on(struct peerbuf_file *pf, struct peerbuf *pb)
{
	return !pf->pdevice || peerbuf_belongs_to(pb, pf->pdevice);
}

/*
 * Finds the next export after *@id for the list, and describes it in @info if @room. Returns 1, 0
 * at the end, or -ERESTARTNOINTR when a signal arrived. The visit is over when this returns,
 * because user memory must not be touched during a visit.
 */
static int peerbuf_list_next(struct peerbuf_file *pf, u64 *id, bool room,
			     unsigned long until, struct peerbuf_export_info *info)
{
	struct peerbuf *pb;
	bool listed = false;

	while (!listed && (pb = peerbuf_registry_next(*id))) {
		*id = pb->id;
		listed = peerbuf_listed_on(pf, pb);
		if (listed && room)
			peerbuf_describe(pb, pf->pdevice, until, info);
		peerbuf_put(pb);
		if (listed && room && peerbuf_cut_short(info))
			return -ERESTARTNOINTR;
		cond_resched();
	}
	return listed;
}

int peerbuf_ioctl_list(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	struct peerbuf_ioc_list *arg = &call->list;
	struct peerbuf_export_info info;
	unsigned long until = jiffies + PEERBUF_GLANCE;
	u32 stored = 0, total = 0;
	u64 id = arg->after;
	int ret;

	ret = peerbuf_check_array(arg->flags, arg->entry_size,
				  offsetofend(struct peerbuf_export_info, comm),
				  &call->why);
	if (ret)
		return ret;

	while ((ret = peerbuf_list_next(pf, &id, stored < arg->nr_entries, until,
					&info)) > 0) {
		total++;
		if (stored == arg->nr_entries)
			continue;
		ret = peerbuf_put_entry(arg->entries, stored++, arg->entry_size,
					&info, sizeof(info));
		if (ret) {
			peerbuf_fail(&call->why, ret, PEERBUF_REASON_BAD_POINTER);
			break;
		}
	}
	if (!ret) {
		arg->nr_entries = stored;
		arg->total = total;
	}
	return ret;
}

/* Under resv. Updates how the importer reaches the buffer where it is now: what its plan says. */
static void peerbuf_update_route(struct peerbuf *pb, struct peerbuf_client *client)
{
	struct p2p_route route;

	peerbuf_client_plan(pb, client);
	p2p_plan_verdict(&client->plan, &route);
	spin_lock(&pb->holds_lock);
	client->route = route;
	spin_unlock(&pb->holds_lock);
}

static void peerbuf_describe_mapping(struct peerbuf *pb, const struct peerbuf_asker *asker,
				     struct peerbuf_client *client,
				     struct peerbuf_attachment_info *info)
{
	info->nr_segments = client->nr_segments;
	info->mapped_ranges = client->mapped_ranges;
	if (asker->addrs)
		info->dma_addr = client->dma_addr;
	if (asker->held)
		peerbuf_update_route(pb, client);
	peerbuf_route_out(&info->route, &client->route);
}

/* Without resv, and if not all of the buffer is the asker's, nothing is told of its place. */
static void peerbuf_describe_client(struct peerbuf *pb, const struct peerbuf_asker *asker,
				    struct peerbuf_client *client,
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
	if (pb->placement && peerbuf_all_of(pb, asker->by))
		peerbuf_describe_mapping(pb, asker, client, info);
	else if (asker->held && peerbuf_route_to(pb, asker->by, client, &route))
		peerbuf_route_out(&info->route, &route);
	strscpy(info->device, dev_name(dev), sizeof(info->device));
	strscpy(info->driver, dev_driver_string(dev), sizeof(info->driver));
	strscpy(info->comm, client->comm, sizeof(info->comm));
}

/* Under resv or holds_lock, as @asker says. */
static void peerbuf_fill_clients(struct peerbuf *pb, const struct peerbuf_asker *asker,
				 u32 room, struct peerbuf_clients *clients)
{
	struct peerbuf_client *client;

	peerbuf_assert_stays(pb);

	list_for_each_entry(client, &pb->clients, node) {
		if (clients->stored < room)
			peerbuf_describe_client(pb, asker, client,
						&clients->info[clients->stored++]);
		clients->total++;
	}
}

static void peerbuf_look_at_clients(struct peerbuf *pb, struct peerbuf_asker *asker, u32 room,
				    struct peerbuf_clients *clients)
{
	asker->held = peerbuf_lock_until(pb, jiffies + PEERBUF_GLANCE);
	if (asker->held) {
		peerbuf_fill_clients(pb, asker, room, clients);
		dma_resv_unlock(pb->dmabuf->resv);
		return;
	}
	spin_lock(&pb->holds_lock);
	peerbuf_fill_clients(pb, asker, room, clients);
	spin_unlock(&pb->holds_lock);
}

/*
 * Copying to userspace may fault, and the fault may take resv. So the entries are gathered first
 * and copied afterwards. An importer that attaches between counting and gathering is counted but
 * not stored.
 */
static int peerbuf_gather_clients(struct peerbuf *pb, const struct peerbuf_device *by,
				  u32 room, struct peerbuf_clients *clients)
{
	struct peerbuf_asker asker = { .by = by, .addrs = capable(CAP_SYS_ADMIN) };

	room = min(room, READ_ONCE(pb->account.nr_clients));
	clients->info = kvmalloc_array(max(room, 1U), sizeof(*clients->info),
				       GFP_KERNEL_ACCOUNT);
	if (!clients->info)
		return -ENOMEM;

	peerbuf_look_at_clients(pb, &asker, room, clients);
	return 0;
}

static int peerbuf_put_clients(const struct peerbuf_clients *clients,
			       struct peerbuf_ioc_attachments *arg, struct peerbuf_refusal *why)
{
	int ret;
	u32 i;

	for (i = 0; i < clients->stored; i++) {
		ret = peerbuf_put_entry(arg->entries, i, arg->entry_size,
					&clients->info[i],
					sizeof(clients->info[i]));
		if (ret)
			return peerbuf_fail(why, ret, PEERBUF_REASON_BAD_POINTER);
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
				  &call->why);
	if (ret)
		return ret;

	pb = peerbuf_file_lookup(pf, arg->id, &call->why);
	if (IS_ERR(pb))
		return PTR_ERR(pb);
	ret = peerbuf_gather_clients(pb, pf->pdevice, arg->nr_entries, &clients);
	peerbuf_put(pb);
	if (!ret)
		ret = peerbuf_put_clients(&clients, arg, &call->why);
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
			bars[bar].flags |= PEERBUF_BAR_F_EXPORTABLE;
		if (capable(CAP_SYS_ADMIN))
			bars[bar].base = pci_resource_start(pdev, bar);
	}
}

int peerbuf_ioctl_info(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	struct peerbuf_device *pdevice = pf->pdevice;
	struct peerbuf_ioc_info *arg = &call->info;
	int ret = 0;

	*arg = (struct peerbuf_ioc_info){};
	arg->version = PEERBUF_UAPI_VERSION;
	arg->addr = p2p_pci_addr(pdevice->pdev);
	arg->owner = pdevice->owner;

	mutex_lock(&pdevice->lock);
	if (pdevice->state == PEERBUF_DEVICE_GONE) {
		ret = peerbuf_fail(&call->why, -ENODEV, PEERBUF_REASON_DEVICE_GONE);
	} else {
		if (pdevice->state == PEERBUF_DEVICE_DOWN)
			arg->flags |= PEERBUF_INFO_F_DOWN;
		if (pdevice->policy & PEERBUF_POLICY_F_PINNED)
			arg->flags |= PEERBUF_INFO_F_PINNED;
		if (pdevice->policy & PEERBUF_POLICY_F_BUS_MASTER)
			arg->flags |= PEERBUF_INFO_F_BUS_MASTER;
		arg->nr_exports = peerbuf_device_exports(pdevice);
		strscpy(arg->driver, dev_driver_string(&pdevice->pdev->dev),
			sizeof(arg->driver));
		peerbuf_describe_bars(pdevice, arg->bars);
	}
	mutex_unlock(&pdevice->lock);
	return ret;
}
