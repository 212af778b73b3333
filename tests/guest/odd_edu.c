// SPDX-License-Identifier: GPL-2.0
/*
 * edu_dma as four kinds of importers against an exporter that does all it may do: by the importer
 * helper, which maps for it; by the plain DMA-BUF interface; the same for memory with pages only;
 * and one that unmaps by somebody else, later.
 */
#include "harness.h"
#include "odd.h"

#define EDU	"rp-edu"
#define MEM	"rp-mem"
#define LENGTH	2000

static int edu;
static __u32 handle;

static int attach(int fd, __u32 mode, __u32 flags)
{
	edu = edu_open(EDU);
	return edu_attach(edu, fd, mode, flags, &handle);
}

static int open_helper(int fd, __u64 size)
{
	(void)size;
	return attach(fd, EDU_DMA_DYNAMIC, 0);
}

static int open_foreign(int fd, __u64 size)
{
	(void)size;
	return attach(fd, EDU_DMA_FOREIGN, 0);
}

static int open_pages(int fd, __u64 size)
{
	(void)size;
	return attach(fd, EDU_DMA_PAGES, 0);
}

static int open_lazy(int fd, __u64 size)
{
	(void)size;
	return attach(fd, EDU_DMA_DYNAMIC, EDU_DMA_ATTACH_F_LAZY);
}

static int write_buffer(__u64 offset, __u32 length, __u32 seed)
{
	__u8 inner[LENGTH];

	pattern_fill(inner, length, seed);
	check_ok(edu_put(edu, 0, inner, length));
	return edu_copy(edu, handle, offset, 0, length, EDU_DMA_TO_BUFFER, 0);
}

static int read_buffer(__u64 offset, __u32 length, __u32 seed)
{
	__u8 inner[LENGTH] = {};
	int ret;

	check_ok(edu_put(edu, 0, inner, length));
	ret = edu_copy(edu, handle, offset, 0, length, EDU_DMA_FROM_BUFFER, 0);
	if (ret)
		return ret;
	check_ok(edu_get(edu, 0, inner, length));
	check(pattern_matches(inner, length, seed));
	return 0;
}

static void done(void)
{
	check_ok(edu_detach(edu, handle));
}

#define IMPORTER(how)								\
	{ .open = open_##how, .write = write_buffer, .read = read_buffer, .close = done,	\
	  .unit = 1, .length = LENGTH }

static const struct odd_importer helper = IMPORTER(helper);
static const struct odd_importer foreign = IMPORTER(foreign);
static const struct odd_importer pages = IMPORTER(pages);
static const struct odd_importer lazy = IMPORTER(lazy);

ODD_TRIALS(helper_in_system_memory, &helper, NULL, ODD_IN_SYSTEM)
ODD_TRIALS(helper_in_a_bar, &helper, MEM, ODD_IN_BAR)
ODD_TRIALS(foreign_in_system_memory, &foreign, NULL, ODD_IN_SYSTEM)
ODD_TRIALS(foreign_in_a_bar, &foreign, MEM, ODD_IN_BAR)
ODD_TRIALS(pages_in_system_memory, &pages, NULL, ODD_IN_SYSTEM)
ODD_TRIALS(lazy_in_a_bar, &lazy, MEM, ODD_IN_BAR)
