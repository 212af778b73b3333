/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's memory, counted so that a leak of one object or one page per round shows. */
#ifndef MEMORY_H
#define MEMORY_H

#include "pages.h"
#include "slab.h"

/**
 * struct memory - a count
 * @slab: what is in slabs and in vmalloc space
 * @pages: what is in neither
 */
struct memory {
	struct slab slab;
	struct pages pages;
};

/* Give back what is only cached, and count the rest. */
void memory_take(struct memory *memory);
/* Fail if it has grown with so many rounds. */
void memory_compare(const struct memory *before, const struct memory *after,
		    unsigned int count);
/* A line of /proc/meminfo, in kB. */
long meminfo(const char *field);

#endif /* MEMORY_H */
