// SPDX-License-Identifier: GPL-2.0
/* Memory for the contents of a buffer. */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "odd.h"

/* Pages that are allocated together if there are such: what a segment can be made of. */
#define ODD_ORDER	5

static void odd_place_free_pages(struct odd_place *place)
{
	unsigned long i;

	for (i = 0; i < place->buffer->nr_pages && place->pages[i]; i++)
		__free_page(place->pages[i]);
	kvfree(place->pages);
}

/* Adds the pages of a block of that order, or of one of fewer. Returns how many. */
static unsigned long odd_place_add(struct odd_place *place, unsigned long at)
{
	unsigned long left = place->buffer->nr_pages - at, i;
	unsigned int order = min_t(unsigned int, ODD_ORDER, ilog2(left));
	struct page *page;

	for (;;) {
		page = alloc_pages(GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN, order);
		if (page || !order)
			break;
		order--;
	}
	if (!page)
		return 0;
	split_page(page, order);
	for (i = 0; i < 1UL << order; i++)
		place->pages[at + i] = page + i;
	return 1UL << order;
}

static int odd_place_alloc(struct odd_place *place)
{
	unsigned long at, nr;

	place->pages = kvcalloc(place->buffer->nr_pages, sizeof(*place->pages), GFP_KERNEL);
	if (!place->pages)
		return -ENOMEM;
	for (at = 0; at < place->buffer->nr_pages; at += nr) {
		nr = odd_place_add(place, at);
		if (!nr) {
			odd_place_free_pages(place);
			return -ENOMEM;
		}
	}
	return 0;
}

/* A slot of its own, if need be that of the oldest place that was given back. */
static int odd_place_take_slot(struct odd_place *place)
{
	struct odd_buffer *buffer = place->buffer;

	if (!buffer->slots)
		return -EXDEV;
	if (READ_ONCE(buffer->device->gone))
		return -ENODEV;
	place->slot = find_first_zero_bit(&buffer->slots_taken, buffer->slots);
	if (place->slot == buffer->slots) {
		if (!odd_bury_one(buffer, ODD_IN_BAR))
			return -EBUSY;
		place->slot = find_first_zero_bit(&buffer->slots_taken, buffer->slots);
	}
	place->paddr = buffer->base + place->slot * odd_size(buffer);
	if (odd_movable(buffer)) {
		place->io = ioremap(place->paddr, odd_size(buffer));
		if (!place->io)
			return -ENOMEM;
	}
	__set_bit(place->slot, &buffer->slots_taken);
	return 0;
}

/*
 * Under resv, or of a buffer that nobody knows. Returns an ERR_PTR: -ENOMEM; of a BAR also -EXDEV
 * there are no slots, -ENODEV it is gone, -EBUSY none is free.
 */
struct odd_place *odd_place_create(struct odd_buffer *buffer, u32 kind)
{
	struct odd_place *place = kzalloc(sizeof(*place), GFP_KERNEL);
	int ret;

	if (!place)
		return ERR_PTR(-ENOMEM);
	place->buffer = buffer;
	place->kind = kind;
	INIT_LIST_HEAD(&place->given_back);
	ret = kind == ODD_IN_BAR ? odd_place_take_slot(place) : odd_place_alloc(place);
	if (ret) {
		kfree(place);
		return ERR_PTR(ret);
	}
	return place;
}

/* Nobody has mapped it. Of system memory without the lock, too, while the buffer is there. */
void odd_place_free(struct odd_place *place)
{
	if (place->kind == ODD_IN_BAR) {
		if (place->io)
			iounmap(place->io);
		__clear_bit(place->slot, &place->buffer->slots_taken);
	} else {
		odd_place_free_pages(place);
	}
	kfree(place);
}

phys_addr_t odd_place_phys(const struct odd_place *place, unsigned long page)
{
	if (place->kind == ODD_IN_BAR)
		return place->paddr + ((phys_addr_t)page << PAGE_SHIFT);
	return page_to_phys(place->pages[page]);
}

/* A page's bytes, if need be in the buffer's bounce page. */
static const void *odd_place_read(const struct odd_place *place, unsigned long page)
{
	if (place->kind == ODD_IN_SYSTEM)
		return page_address(place->pages[page]);
	memcpy_fromio(place->buffer->bounce, place->io + (page << PAGE_SHIFT), PAGE_SIZE);
	return place->buffer->bounce;
}

/* From system memory: callable without the lock, while both are there. */
void odd_place_copy(struct odd_place *to, const struct odd_place *from)
{
	unsigned long i;
	const void *src;

	for (i = 0; i < to->buffer->nr_pages; i++) {
		src = odd_place_read(from, i);
		if (to->kind == ODD_IN_BAR)
			memcpy_toio(to->io + (i << PAGE_SHIFT), src, PAGE_SIZE);
		else
			memcpy(page_address(to->pages[i]), src, PAGE_SIZE);
	}
}

void odd_place_poison(struct odd_place *place)
{
	unsigned long i;

	if (place->kind == ODD_IN_BAR) {
		memset_io(place->io, ODD_POISON, odd_size(place->buffer));
		return;
	}
	for (i = 0; i < place->buffer->nr_pages; i++)
		memset(page_address(place->pages[i]), ODD_POISON, PAGE_SIZE);
}

/* Under resv. */
bool odd_place_is_poison(const struct odd_place *place)
{
	unsigned long i;

	for (i = 0; i < place->buffer->nr_pages; i++)
		if (memchr_inv(odd_place_read(place, i), ODD_POISON, PAGE_SIZE))
			return false;
	return true;
}
