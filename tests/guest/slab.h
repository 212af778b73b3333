/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel has in slabs and in vmalloc space: memory.h counts it in quiet. */
#ifndef SLAB_H
#define SLAB_H

#define SLAB_MOST	512

/**
 * struct slab - a count
 * @nr: caches
 * @name: of each
 * @objects: in use in each
 * @in_a_slab: objects that share one slab of each
 * @unreclaimable: kB of slab that cannot be reclaimed
 * @vmalloc: kB in use by vmalloc()
 */
struct slab {
	unsigned int nr;
	char name[SLAB_MOST][40];
	long objects[SLAB_MOST];
	long in_a_slab[SLAB_MOST];
	long unreclaimable;
	long vmalloc;
};

void slab_count(struct slab *slab);
/*
 * Fail if a cache has grown by an object every second of so many rounds, and by more than
 * what each CPU may have in hand.
 */
void slab_compare(const struct slab *before, const struct slab *after,
		  unsigned int count);

#endif /* SLAB_H */
