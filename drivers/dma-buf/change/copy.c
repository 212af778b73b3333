// SPDX-License-Identifier: GPL-2.0
/*
 * Copies a buffer from one placement to another by the CPU.
 *
 * One window after the other is mapped: to map a BAR of many gigabytes at once would take page
 * tables in proportion. A window of a prefetchable BAR is mapped write-combining and written from
 * its first byte to its last, which gives the bus bursts. A window is copied in steps. Between
 * two steps the copy looks whether the buffer was withdrawn or the caller is being killed, so
 * that those wait for one step at most.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "change/move.h"
#include "core/buffer.h"
#include "core/placement.h"
#include "core/reach.h"
#include "core/refusal.h"
#include "core/wait.h"

#define PEERBUF_COPY_WINDOW	SZ_16M

/* Takes milliseconds, even if each read waits for a device. */
#define PEERBUF_COPY_STEP	SZ_64K

/**
 * struct peerbuf_window - one side of a copy
 * @io: CPU mapping, if it is in a BAR; NULL for system memory
 * @pfn: its first page frame, if it is system memory
 */
struct peerbuf_window {
	void __iomem *io;
	unsigned long pfn;
};

/**
 * struct peerbuf_copy - a copy under way
 * @pb: the buffer
 * @to: the destination
 * @timeout: says which signals end the copy
 * @bounce: memory for one step; a copy from one BAR to another goes through it
 */
struct peerbuf_copy {
	struct peerbuf *pb;
	const struct peerbuf_placement *to;
	const struct peerbuf_timeout *timeout;
	void *bounce;
};

static int peerbuf_window_open(struct peerbuf_window *window,
			       const struct p2p_vec *vec, u64 at, size_t len)
{
	window->io = NULL;
	window->pfn = PHYS_PFN(vec->paddr + at);
	if (vec->kind == P2P_VEC_SYSTEM)
		return 0;
	if (p2p_provider_prefetchable(vec->provider))
		window->io = ioremap_wc(vec->paddr + at, len);
	else
		window->io = ioremap(vec->paddr + at, len);
	return window->io ? 0 : -ENOMEM;
}

static void peerbuf_window_close(const struct peerbuf_window *window)
{
	if (window->io)
		iounmap(window->io);
}

static struct page *peerbuf_window_page(const struct peerbuf_window *window, size_t at)
{
	return pfn_to_page(window->pfn + (at >> PAGE_SHIFT));
}

/*
 * A read from a device takes one round trip, however wide it is, so reads are as wide as possible.
 * Some architectures' memcpy_fromio() reads half as much at a time.
 */
static void peerbuf_io_read(void *to, const void __iomem *from, size_t len)
{
#ifdef CONFIG_64BIT
	u64 *word = to;
	size_t at;

	for (at = 0; at < len; at += sizeof(*word))
		*word++ = __raw_readq(from + at);
#else
	memcpy_fromio(to, from, len);
#endif
}

static void peerbuf_io_write(void __iomem *to, const void *from, size_t len)
{
	__iowrite64_copy(to, from, len / sizeof(u64));
}

static void peerbuf_page_copy(const struct peerbuf_window *to,
			      const struct peerbuf_window *from, size_t at)
{
	void *page;

	if (to->io) {
		page = kmap_local_page(peerbuf_window_page(from, at));
		peerbuf_io_write(to->io + at, page, PAGE_SIZE);
	} else if (from->io) {
		page = kmap_local_page(peerbuf_window_page(to, at));
		peerbuf_io_read(page, from->io + at, PAGE_SIZE);
	} else {
		memcpy_page(peerbuf_window_page(to, at), 0,
			    peerbuf_window_page(from, at), 0, PAGE_SIZE);
		return;
	}
	kunmap_local(page);
}

/*
 * Is the copy still wanted? Somebody who withdraws the buffer, or takes one of its devices down,
 * may be waiting for resv, which this thread holds.
 */
static int peerbuf_copy_wanted(const struct peerbuf_copy *copy)
{
	bool signal = copy->timeout->mode == PEERBUF_WAIT_INTR ?
			      signal_pending(current) : fatal_signal_pending(current);

	if (peerbuf_trouble(copy->pb) || peerbuf_placement_trouble(copy->to))
		return -ENODEV;
	return signal ? -EINTR : 0;
}

/*
 * A device that does not decode memory reads as ones, and the contents would be lost. A BAR that
 * was withdrawn may belong to somebody else before the next window is copied.
 */
static int peerbuf_copy_possible(const struct peerbuf_copy *copy, struct peerbuf_refusal *why)
{
	const struct peerbuf_placement *from = copy->pb->placement;

	if (!peerbuf_vecs_alive(copy->to->vecs) || !peerbuf_vecs_alive(from->vecs))
		return -ENODEV;
	if (!peerbuf_placement_answers(copy->to) || !peerbuf_placement_answers(from))
		return peerbuf_fail(why, -EIO, PEERBUF_REASON_MEMORY_DECODE_OFF);
	return 0;
}

static void peerbuf_copy_step(const struct peerbuf_copy *copy, const struct peerbuf_window *to,
			      const struct peerbuf_window *from, size_t at, size_t len)
{
	size_t done;

	if (to->io && from->io) {
		peerbuf_io_read(copy->bounce, from->io + at, len);
		peerbuf_io_write(to->io + at, copy->bounce, len);
		return;
	}
	for (done = 0; done < len; done += PAGE_SIZE)
		peerbuf_page_copy(to, from, at + done);
}

static int peerbuf_copy_windows(const struct peerbuf_copy *copy, const struct peerbuf_window *to,
				const struct peerbuf_window *from, size_t len)
{
	size_t at, step;
	int ret;

	for (at = 0; at < len; at += step) {
		ret = peerbuf_copy_wanted(copy);
		if (ret)
			return ret;
		step = min_t(size_t, len - at, PEERBUF_COPY_STEP);
		peerbuf_copy_step(copy, to, from, at, step);
		cond_resched();
	}
	/* Posted writes have arrived when a read that follows them returns. */
	if (to->io) {
		wmb(); /* write-combined data goes out before the read */
		readb(to->io + len - 1);
	}
	return 0;
}

/* Copies one window, from @offset on. Returns the bytes copied, or an errno. */
static ssize_t peerbuf_copy_at(const struct peerbuf_copy *copy, u64 offset)
{
	struct peerbuf_window to, from;
	const struct p2p_vec *dst, *src;
	u64 dst_at, src_at;
	size_t len;
	int ret;

	dst = p2p_vecs_find(copy->to->vecs, offset, &dst_at);
	src = p2p_vecs_find(copy->pb->placement->vecs, offset, &src_at);
	len = min3(dst->len - dst_at, src->len - src_at, (u64)PEERBUF_COPY_WINDOW);

	ret = peerbuf_window_open(&to, dst, dst_at, len);
	if (ret)
		return ret;
	ret = peerbuf_window_open(&from, src, src_at, len);
	if (!ret) {
		ret = peerbuf_copy_windows(copy, &to, &from, len);
		peerbuf_window_close(&from);
	}
	peerbuf_window_close(&to);
	return ret ?: len;
}

static int peerbuf_copy_all(const struct peerbuf_copy *copy, struct peerbuf_refusal *why)
{
	u64 size = copy->pb->placement->vecs->size;
	u64 offset = 0;
	ssize_t len;
	int ret;

	for (;;) {
		ret = peerbuf_copy_possible(copy, why);
		if (ret || offset == size)
			return ret;
		len = peerbuf_copy_at(copy, offset);
		if (len < 0)
			return len;
		offset += len;
	}
}

/*
 * Under the buffer's resv, with importers stopped and CPU mappings zapped. Source and destination
 * have the same size and do not overlap. Returns 0, -ENOMEM, -EINTR; -ENODEV: the buffer was
 * withdrawn, or a device went down; -EIO: a device does not decode memory; -EOPNOTSUPP: the CPU
 * cannot address all of it. After an error the contents of @to are undefined.
 */
int peerbuf_copy(struct peerbuf *pb, const struct peerbuf_placement *to,
		 const struct peerbuf_timeout *timeout, struct peerbuf_refusal *why)
{
	struct peerbuf_copy copy = { .pb = pb, .to = to, .timeout = timeout };
	int ret;

	dma_resv_assert_held(pb->dmabuf->resv);

	if (to->vecs->hidden_size || pb->placement->vecs->hidden_size)
		return peerbuf_fail(why, -EOPNOTSUPP, PEERBUF_REASON_HIDDEN);
	copy.bounce = kvmalloc(PEERBUF_COPY_STEP, GFP_KERNEL);
	if (!copy.bounce)
		return -ENOMEM;
	ret = peerbuf_copy_all(&copy, why);
	kvfree(copy.bounce);
	return ret;
}
