// SPDX-License-Identifier: GPL-2.0
/*
 * VFIO_DEVICE_FEATURE_DMA_BUF: the interface that vfio-pci has from Linux 6.19 on, with the same
 * errno for each bad argument, implemented by peerbuf's exporter.
 */
#include <linux/file.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

/* Checks of the whole buffer. vfio-pci, too, does them before it checks single ranges. */
static int peerbuf_vfio_ranges_check(const struct vfio_region_dma_range *ranges, u32 nr)
{
	u64 size = 0;
	u32 i;

	for (i = 0; i < nr; i++) {
		if (!ranges[i].length || !PAGE_ALIGNED(ranges[i].offset) ||
		    !PAGE_ALIGNED(ranges[i].length))
			return -EINVAL;
		if (check_add_overflow(size, ranges[i].length, &size))
			return -EINVAL;
	}
	return size >> 63 ? -EINVAL : 0;
}

/* As in vfio-pci, an overflow of the physical address is -EOVERFLOW, not -EINVAL. */
static int peerbuf_vfio_range_add(struct p2p_vecs *vecs, struct p2p_provider *provider,
				  u64 base, const struct vfio_region_dma_range *range)
{
	u64 start, end;
	int ret;

	if (check_add_overflow(base, range->offset, &start) ||
	    check_add_overflow(start, range->length, &end))
		return -EOVERFLOW;

	ret = p2p_vecs_add_bar(vecs, provider, range->offset, range->length);
	return ret == -ERANGE ? -EINVAL : ret;
}

static struct p2p_vecs *
peerbuf_vfio_ranges_resolve(struct p2p_provider *provider,
			    const struct vfio_region_dma_range *ranges, u32 nr)
{
	u64 base = p2p_provider_base(provider);
	struct p2p_vecs *vecs;
	int ret = 0;
	u32 i;

	vecs = p2p_vecs_alloc(nr);
	if (!vecs)
		return ERR_PTR(-ENOMEM);

	for (i = 0; i < nr && !ret; i++)
		ret = peerbuf_vfio_range_add(vecs, provider, base, &ranges[i]);
	if (ret) {
		p2p_vecs_put(vecs);
		return ERR_PTR(ret);
	}
	return vecs;
}

/*
 * If memory decode is off now, the buffer starts in the state "away", as vfio-pci's do. The
 * device is open during this call, so pv->bars.pdevice stays.
 */
static struct dma_buf *
peerbuf_vfio_export(struct peerbuf_vfio *pv,
		    const struct vfio_device_feature_dma_buf *args,
		    const struct vfio_region_dma_range *ranges)
{
	struct peerbuf_export_args export = {
		.open_flags = args->open_flags,
		.when_down = true,
		/*
		 * vfio-pci's buffers cannot be mmapped either: a process could hand the mapping
		 * to type1, which maps it for its device and does not learn of a revoke.
		 */
		.no_cpu = true,
	};
	struct p2p_provider *provider;
	struct dma_buf *dmabuf;

	provider = peerbuf_device_provider(pv->bars.pdevice, args->region_index);
	if (!provider)
		return ERR_PTR(-EINVAL);

	export.placement = peerbuf_vfio_ranges_resolve(provider, ranges, args->nr_ranges);
	p2p_provider_put(provider);
	if (IS_ERR(export.placement))
		return ERR_CAST(export.placement);

	dmabuf = peerbuf_export(&export);
	p2p_vecs_put(export.placement);
	return dmabuf;
}

static int peerbuf_vfio_feature_dma_buf(struct peerbuf_vfio *pv, u32 flags,
					struct vfio_device_feature_dma_buf __user *arg,
					size_t argsz)
{
	struct vfio_device_feature_dma_buf args;
	struct vfio_region_dma_range *ranges;
	struct dma_buf *dmabuf;
	int ret;

	ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_GET, sizeof(args));
	if (ret != 1)
		return ret;
	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (!args.nr_ranges || args.flags)
		return -EINVAL;
	if (args.region_index >= VFIO_PCI_ROM_REGION_INDEX ||
	    !pci_resource_len(pv->core.pdev, args.region_index) ||
	    vfio_pci_core_claim_bar(&pv->core, args.region_index))
		return -ENODEV;

	ranges = memdup_user(arg->dma_ranges,
			     array_size(args.nr_ranges, sizeof(*ranges)));
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);

	ret = peerbuf_vfio_ranges_check(ranges, args.nr_ranges);
	dmabuf = ret ? ERR_PTR(ret) : peerbuf_vfio_export(pv, &args, ranges);
	kfree(ranges);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	ret = dma_buf_fd(dmabuf, args.open_flags);
	if (ret < 0)
		dma_buf_put(dmabuf);
	return ret;
}

/* vfio-pci-core puts the device to sleep only after the ioctl has returned. */
static int peerbuf_vfio_feature_sleep(struct peerbuf_vfio *pv, u32 flags,
				      void __user *arg, size_t argsz)
{
	int ret;

	peerbuf_vfio_access_begin(pv);
	ret = vfio_pci_core_ioctl_feature(&pv->core.vdev, flags, arg, argsz);
	peerbuf_vfio_access_end(pv);
	return ret;
}

static int peerbuf_vfio_feature_wake(struct peerbuf_vfio *pv, u32 flags,
				     void __user *arg, size_t argsz)
{
	int ret;

	ret = vfio_pci_core_ioctl_feature(&pv->core.vdev, flags, arg, argsz);
	peerbuf_vfio_refresh(pv);
	return ret;
}

int peerbuf_vfio_feature(struct vfio_device *device, u32 flags, void __user *arg,
			 size_t argsz)
{
	struct peerbuf_vfio *pv = to_peerbuf_vfio(device);
	bool probe = flags & VFIO_DEVICE_FEATURE_PROBE;
	int ret;

	switch (flags & VFIO_DEVICE_FEATURE_MASK) {
	case VFIO_DEVICE_FEATURE_DMA_BUF:
		return peerbuf_vfio_feature_dma_buf(pv, flags, arg, argsz);
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY:
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP:
		if (!probe)
			return peerbuf_vfio_feature_sleep(pv, flags, arg, argsz);
		break;
	case VFIO_DEVICE_FEATURE_LOW_POWER_EXIT:
		if (!probe)
			return peerbuf_vfio_feature_wake(pv, flags, arg, argsz);
		break;
	}
	ret = vfio_pci_core_ioctl_feature(device, flags, arg, argsz);
	peerbuf_vfio_woken(pv);
	return ret;
}
