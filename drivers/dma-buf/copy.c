// SPDX-License-Identifier: GPL-2.0
/*
 * Copying from one placement to another by the CPU.
 *
 * Window by window: mapping a BAR of many gigabytes at once would cost page tables
 * in proportion.
 */
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "internal.h"

#define PEERBUF_COPY_WINDOW	SZ_1M

/**
 * struct peerbuf_window - one side of a copy
 * @io: where the CPU sees it, if it is in a BAR; NULL for system memory
 * @pfn: its first page, if it is system memory
 */
struct peerbuf_window {
	void __iomem *io;
	unsigned long pfn;
};

static int peerbuf_window_open(struct peerbuf_window *window,
			       const struct p2p_vec *vec, u64 at, size_t len)
{
	window->io = NULL;
	window->pfn = PHYS_PFN(vec->paddr + at);
	if (vec->kind == P2P_VEC_SYSTEM)
		return 0;
	window->io = ioremap(vec->paddr + at, len);
	return window->io ? 0 : -ENOMEM;
}

static void peerbuf_window_close(const struct peerbuf_window *window)
{
	if (window->io)
		iounmap(window->io);
}

static void peerbuf_page_read(void *to, const struct peerbuf_window *from, size_t at)
{
	void *page;

	if (from->io) {
		memcpy_fromio(to, from->io + at, PAGE_SIZE);
		return;
	}
	page = kmap_local_page(pfn_to_page(from->pfn + (at >> PAGE_SHIFT)));
	memcpy(to, page, PAGE_SIZE);
	kunmap_local(page);
}

static void peerbuf_page_write(const struct peerbuf_window *to, const void *from, size_t at)
{
	void *page;

	if (to->io) {
		memcpy_toio(to->io + at, from, PAGE_SIZE);
		return;
	}
	page = kmap_local_page(pfn_to_page(to->pfn + (at >> PAGE_SHIFT)));
	memcpy(page, from, PAGE_SIZE);
	kunmap_local(page);
}

static void peerbuf_copy_windows(const struct peerbuf_window *to,
				 const struct peerbuf_window *from, size_t len,
				 void *bounce)
{
	size_t done;

	for (done = 0; done < len; done += PAGE_SIZE) {
		peerbuf_page_read(bounce, from, done);
		peerbuf_page_write(to, bounce, done);
	}
	/* Posted writes have arrived once a read behind them returns. */
	if (to->io) {
		/* Combined ones are not even posted, and a read need not push them out. */
		wmb();
		readb(to->io + len - 1);
	}
	cond_resched();
}

/**
 * struct peerbuf_copy - a copy under way
 * @to: where to
 * @from: where from
 * @bounce: a page: what is in a BAR can only be read and written by its own functions
 */
struct peerbuf_copy {
	const struct p2p_vecs *to;
	const struct p2p_vecs *from;
	void *bounce;
};

/* From @offset on as far as one window goes. Returns the bytes copied, or -ENOMEM. */
static ssize_t peerbuf_copy_at(const struct peerbuf_copy *copy, u64 offset)
{
	struct peerbuf_window to, from;
	const struct p2p_vec *dst, *src;
	u64 dst_at, src_at;
	size_t len;
	int ret;

	dst = p2p_vecs_find(copy->to, offset, &dst_at);
	src = p2p_vecs_find(copy->from, offset, &src_at);
	len = min3(dst->len - dst_at, src->len - src_at, (u64)PEERBUF_COPY_WINDOW);

	ret = peerbuf_window_open(&to, dst, dst_at, len);
	if (ret)
		return ret;
	ret = peerbuf_window_open(&from, src, src_at, len);
	if (!ret) {
		peerbuf_copy_windows(&to, &from, len, copy->bounce);
		peerbuf_window_close(&from);
	}
	peerbuf_window_close(&to);
	return ret ?: len;
}

/* A device that goes down waits for resv, which we hold: it must not wait for long. */
static int peerbuf_copy_goes_on(const struct peerbuf_placement *to,
				const struct peerbuf_placement *from,
				const struct peerbuf_patience *patience)
{
	bool signal = patience->mode == PEERBUF_WAIT_INTR ?
			      signal_pending(current) : fatal_signal_pending(current);

	if (peerbuf_placement_trouble(to) || peerbuf_placement_trouble(from))
		return -ENODEV;
	return signal ? -EINTR : 0;
}

/*
 * Under the buffer's resv, importers stopped and CPU mappings zapped. The places have
 * the same size and do not overlap. Returns 0, -ENOMEM, -EINTR, -ENODEV, or -EOPNOTSUPP:
 * the CPU cannot address all of it.
 */
int peerbuf_copy(const struct peerbuf_placement *to,
		 const struct peerbuf_placement *from,
		 const struct peerbuf_patience *patience)
{
	struct peerbuf_copy copy = { .to = to->vecs, .from = from->vecs };
	u64 offset = 0;
	ssize_t len;
	int ret = 0;

	if (to->hidden_size || from->hidden_size)
		return -EOPNOTSUPP;
	copy.bounce = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!copy.bounce)
		return -ENOMEM;

	while (!ret && offset < from->vecs->size) {
		ret = peerbuf_copy_goes_on(to, from, patience);
		if (ret)
			break;
		len = peerbuf_copy_at(&copy, offset);
		if (len < 0)
			ret = len;
		else
			offset += len;
	}
	kfree(copy.bounce);
	return ret;
}
