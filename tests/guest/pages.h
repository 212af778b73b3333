/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages that belong to nothing the kernel counts: not free, not of a process, a file, a slab,
 * a page table or vmalloc space. What a driver allocates as pages is among them, and stays
 * there if it is leaked: no slab has grown, and kmemleak does not look at pages.
 */
#ifndef PAGES_H
#define PAGES_H

/**
 * struct pages - a count
 * @managed: all there are
 * @idle: free, or in a CPU's own store of free ones
 * @counted: what the kernel says what it is for
 */
struct pages {
	long managed;
	long idle;
	long counted;
};

/* After a moment of quiet, as memory_take() makes it. */
void pages_count(struct pages *pages);
/*
 * Fail if those that belong to nothing have become more by one every second of so many rounds.
 * That finds a page leaked per round, and a page in two rounds is more than what comes and
 * goes by itself: a few pages of pipes and of processes' top-level page tables.
 */
void pages_compare(const struct pages *before, const struct pages *after,
		   unsigned int count);

#endif /* PAGES_H */
