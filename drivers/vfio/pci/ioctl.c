// SPDX-License-Identifier: GPL-2.0
/* The device's ioctls: peerbuf's own, and vfio-pci-core's, some of which change the BARs' state. */
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "internal.h"

/**
 * struct peerbuf_vfio_desc - describes an ioctl
 * @size: bytes of its structure
 * @min_size: bytes of the structure's first published version
 * @lasting: the call's effect stays even if its result cannot be copied out
 * @call: does it; on failure nothing has changed
 */
struct peerbuf_vfio_desc {
	u32 size;
	u32 min_size;
	bool lasting;
	int (*call)(struct peerbuf_vfio *pv, struct peerbuf_vfio_call *call);
};

#define DESC(_nr, _member, _lasting, _fn)					\
	[_IOC_NR(_nr) - PEERBUF_VFIO_IOC_BASE] = {				\
		.size = sizeof_field(struct peerbuf_vfio_call, _member),	\
		.min_size = sizeof_field(struct peerbuf_vfio_call, _member),	\
		.lasting = _lasting,						\
		.call = _fn,							\
	}

static const struct peerbuf_vfio_desc peerbuf_vfio_descs[] = {
	DESC(PEERBUF_VFIO_IOC_INFO, info, false, peerbuf_vfio_ioctl_info),
	DESC(PEERBUF_VFIO_IOC_MAP, map, true, peerbuf_vfio_ioctl_map),
	DESC(PEERBUF_VFIO_IOC_UNMAP, unmap, true, peerbuf_vfio_ioctl_unmap),
	DESC(PEERBUF_VFIO_IOC_QUERY, query, false, peerbuf_vfio_ioctl_query),
};

static int peerbuf_vfio_fetch(struct peerbuf_vfio_call *call,
			      const struct peerbuf_vfio_desc *desc,
			      void __user *user, u32 size, u32 *reason)
{
	int ret = -EINVAL;

	if (size >= desc->min_size)
		ret = size > PAGE_SIZE ? -E2BIG :
		      copy_struct_from_user(call, desc->size, user, size);
	if (ret) {
		if (ret != -EFAULT)
			*reason = PEERBUF_REASON_STRUCT_SIZE;
		return ret;
	}
	/*
	 * Copy it out once, unchanged: an argument that cannot be written to fails here, before
	 * the call has any effect.
	 */
	call->head.reason = 0;
	return copy_to_user(user, call, min(size, desc->size)) ? -EFAULT : 0;
}

static int peerbuf_vfio_run(struct peerbuf_vfio *pv, const struct peerbuf_vfio_desc *desc,
			    void __user *user, u32 size, u32 *reason)
{
	struct peerbuf_vfio_call call = {};
	int ret;

	ret = peerbuf_vfio_fetch(&call, desc, user, size, reason);
	if (ret)
		return ret;

	ret = desc->call(pv, &call);
	if (ret)
		*reason = call.head.reason;
	call.head.size = size;
	if (copy_to_user(user, &call, min(size, desc->size)) && !desc->lasting)
		return -EFAULT;
	return ret;
}

static long peerbuf_vfio_ours(struct peerbuf_vfio *pv, unsigned int cmd, unsigned long arg)
{
	u32 __user *user = (u32 __user *)arg;
	/* A number below the base wraps to a large one, and fails the check below. */
	unsigned int nr = _IOC_NR(cmd) - PEERBUF_VFIO_IOC_BASE;
	u32 reason = 0;
	u32 size;
	int ret;

	if (nr >= ARRAY_SIZE(peerbuf_vfio_descs))
		return -ENOTTY;
	nr = array_index_nospec(nr, ARRAY_SIZE(peerbuf_vfio_descs));
	if (get_user(size, user))
		return -EFAULT;
	if (size < 2 * sizeof(*user))
		return -EINVAL;

	ret = peerbuf_vfio_run(pv, &peerbuf_vfio_descs[nr], user, size, &reason);
	/* If the reason cannot be written, the user gets the errno alone. */
	if (ret && reason)
		(void)put_user(reason, user + 1);
	return ret;
}

static long peerbuf_vfio_cores(struct peerbuf_vfio *pv, unsigned int cmd, unsigned long arg)
{
	long ret = vfio_pci_core_ioctl(&pv->core.vdev, cmd, arg);

	/* A reset wakes the device first, even if the reset then fails. */
	if (cmd == VFIO_DEVICE_RESET || cmd == VFIO_DEVICE_PCI_HOT_RESET)
		peerbuf_vfio_refresh(pv);
	return ret;
}

long peerbuf_vfio_ioctl(struct vfio_device *device, unsigned int cmd, unsigned long arg)
{
	struct peerbuf_vfio *pv = to_peerbuf_vfio(device);
	long ret;

	if (_IOC_TYPE(cmd) == PEERBUF_IOC_MAGIC)
		ret = peerbuf_vfio_ours(pv, cmd, arg);
	else
		ret = peerbuf_vfio_cores(pv, cmd, arg);
	peerbuf_vfio_woken(pv);
	return ret;
}
