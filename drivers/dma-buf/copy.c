// SPDX-License-Identifier: GPL-2.0
/*
 * Copying from one placement to another by the CPU.
 *
 * Window by window: mapping a BAR of many gigabytes at once would cost page tables
 * in proportion.
 */
#include <linux/io.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "internal.h"

#define PEERBUF_COPY_WINDOW	SZ_1M

static int peerbuf_copy_window(phys_addr_t to, phys_addr_t from, size_t len,
			       void *bounce)
{
	void __iomem *dst, *src;
	size_t done;

	src = ioremap(from, len);
	if (!src)
		return -ENOMEM;
	dst = ioremap(to, len);
	if (!dst) {
		iounmap(src);
		return -ENOMEM;
	}

	for (done = 0; done < len; done += PAGE_SIZE) {
		memcpy_fromio(bounce, src + done, PAGE_SIZE);
		memcpy_toio(dst + done, bounce, PAGE_SIZE);
	}
	/* Posted writes have arrived once a read behind them returns. */
	readb(dst + len - 1);

	iounmap(dst);
	iounmap(src);
	cond_resched();
	return 0;
}

/* A device that goes down waits for resv, which we hold: it must not wait for long. */
static int peerbuf_copy_goes_on(const struct peerbuf_placement *to,
				const struct peerbuf_placement *from)
{
	if (peerbuf_placement_trouble(to) || peerbuf_placement_trouble(from))
		return -ENODEV;
	return signal_pending(current) ? -EINTR : 0;
}

/*
 * Under the buffer's resv, importers stopped and CPU mappings zapped. The places have
 * the same size and do not overlap. Returns 0, -ENOMEM, -EINTR, or -ENODEV.
 */
int peerbuf_copy(const struct peerbuf_placement *to_place,
		 const struct peerbuf_placement *from_place)
{
	const struct p2p_vecs *to = to_place->vecs, *from = from_place->vecs;
	const struct p2p_vec *dst, *src;
	u64 offset, dst_at, src_at;
	void *bounce;
	size_t len;
	int ret = 0;

	bounce = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!bounce)
		return -ENOMEM;

	for (offset = 0; offset < from->size && !ret; offset += len) {
		ret = peerbuf_copy_goes_on(to_place, from_place);
		if (ret)
			break;
		dst = p2p_vecs_find(to, offset, &dst_at);
		src = p2p_vecs_find(from, offset, &src_at);
		len = min3(dst->len - dst_at, src->len - src_at,
			   (u64)PEERBUF_COPY_WINDOW);
		ret = peerbuf_copy_window(dst->paddr + dst_at,
					  src->paddr + src_at, len, bounce);
	}
	kfree(bounce);
	return ret;
}
