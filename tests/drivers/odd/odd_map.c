// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings. Each segment is mapped for the device by itself, whatever lies next to it, so that a
 * buffer looks as the script's pieces say.
 */
#include <linux/dma-mapping.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "odd.h"

/* What a segment of a scatterlist can hold. */
#define ODD_LONGEST	((4ULL << 30) - PAGE_SIZE)

/**
 * struct odd_cut - how a place is cut into segments
 * @place: the place
 * @most: pages that the device takes in one segment
 * @page: where the next segment begins
 * @nr: segments so far
 */
struct odd_cut {
	const struct odd_place *place;
	unsigned long most;
	unsigned long page;
	u32 nr;
};

static void odd_cut_start(struct odd_cut *cut, const struct odd_place *place, struct device *dev)
{
	u64 most = min_t(u64, ODD_LONGEST, dma_get_max_seg_size(dev));

	*cut = (struct odd_cut){
		.place = place,
		.most = max_t(unsigned long, most >> PAGE_SHIFT, 1),
	};
}

/* Pages of the next segment, 0 at the end. They follow each other in memory. */
static unsigned long odd_cut_next(struct odd_cut *cut)
{
	struct odd_buffer *buffer = cut->place->buffer;
	unsigned long most = min(cut->most, buffer->nr_pages - cut->page), nr = 1;
	phys_addr_t start;

	if (!most)
		return 0;
	if (buffer->nr_pieces)
		most = min_t(unsigned long, most, buffer->piece[cut->nr % buffer->nr_pieces]);
	start = odd_place_phys(cut->place, cut->page);
	if (cut->place->kind == ODD_IN_BAR)
		nr = most;
	while (nr < most && odd_place_phys(cut->place, cut->page + nr) ==
			    start + ((phys_addr_t)nr << PAGE_SHIFT))
		nr++;
	cut->page += nr;
	cut->nr++;
	return nr;
}

static u32 odd_cut_count(const struct odd_place *place, struct device *dev)
{
	struct odd_cut cut;

	odd_cut_start(&cut, place, dev);
	while (odd_cut_next(&cut))
		;
	return cut.nr;
}

static dma_addr_t odd_map_piece(struct odd_mapping *mapping, unsigned long page, size_t len)
{
	struct odd_place *place = mapping->place;
	struct device *dev = mapping->att->dev;

	if (place->kind == ODD_IN_BAR)
		return dma_map_resource(dev, odd_place_phys(place, page), len, mapping->dir, 0);
	return dma_map_page(dev, place->pages[page], 0, len, mapping->dir);
}

static void odd_unmap_segments(struct odd_mapping *mapping, u32 nr)
{
	struct device *dev = mapping->att->dev;
	struct scatterlist *sg;
	unsigned int i;

	for_each_sg(mapping->sgt.sgl, sg, nr, i) {
		if (mapping->place->kind == ODD_IN_BAR)
			dma_unmap_resource(dev, sg_dma_address(sg), sg_dma_len(sg),
					   mapping->dir, 0);
		else
			dma_unmap_page(dev, sg_dma_address(sg), sg_dma_len(sg), mapping->dir);
	}
}

/* The entries' own lengths: of each segment, or each a page. BARs have no pages. */
static void odd_fill_entries(struct odd_mapping *mapping)
{
	struct odd_buffer *buffer = mapping->att->buffer;
	struct scatterlist *sg = mapping->sgt.sgl;
	unsigned long page = 0, nr;
	struct odd_cut cut;

	odd_cut_start(&cut, mapping->place, mapping->att->dev);
	while (page < buffer->nr_pages) {
		nr = buffer->per_page ? 1 : odd_cut_next(&cut);
		sg_set_page(sg, mapping->place->kind == ODD_IN_BAR ? NULL :
			    mapping->place->pages[page], nr << PAGE_SHIFT, 0);
		page += nr;
		sg = sg_next(sg);
	}
}

static int odd_map_segments(struct odd_mapping *mapping)
{
	struct scatterlist *sg = mapping->sgt.sgl;
	struct device *dev = mapping->att->dev;
	unsigned long page = 0, nr;
	struct odd_cut cut;
	dma_addr_t addr;

	odd_cut_start(&cut, mapping->place, dev);
	while ((nr = odd_cut_next(&cut))) {
		addr = odd_map_piece(mapping, page, nr << PAGE_SHIFT);
		if (dma_mapping_error(dev, addr)) {
			odd_unmap_segments(mapping, cut.nr - 1);
			return -EIO;
		}
		sg_dma_address(sg) = addr;
		sg_dma_len(sg) = nr << PAGE_SHIFT;
		page += nr;
		sg = sg_next(sg);
	}
	mapping->sgt.nents = cut.nr;
	return 0;
}

static int odd_mapping_fill(struct odd_mapping *mapping)
{
	struct odd_buffer *buffer = mapping->att->buffer;
	unsigned long nr;
	int ret;

	nr = buffer->per_page ? buffer->nr_pages :
				odd_cut_count(mapping->place, mapping->att->dev);
	ret = sg_alloc_table(&mapping->sgt, nr, GFP_KERNEL);
	if (ret)
		return ret;
	odd_fill_entries(mapping);
	ret = odd_map_segments(mapping);
	if (ret)
		sg_free_table(&mapping->sgt);
	return ret;
}

static struct sg_table *odd_mapping_create(struct odd_attachment *att, enum dma_data_direction dir)
{
	struct odd_buffer *buffer = att->buffer;
	struct odd_mapping *mapping;
	int ret;

	if (buffer->revoked)
		return ERR_PTR(-ENODEV);
	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		return ERR_PTR(-ENOMEM);
	mapping->att = att;
	mapping->place = buffer->place;
	mapping->dir = dir;
	ret = odd_mapping_fill(mapping);
	if (ret) {
		kfree(mapping);
		return ERR_PTR(ret);
	}
	mapping->place->users++;
	list_add_tail(&mapping->node, &buffer->mappings);
	atomic64_inc(&buffer->tally.mappings);
	return &mapping->sgt;
}

/* Under resv. */
void odd_mapping_destroy(struct odd_mapping *mapping)
{
	struct odd_buffer *buffer = mapping->att->buffer;

	dma_resv_assert_held(buffer->dmabuf->resv);
	odd_kept(mapping);
	odd_unmap_segments(mapping, mapping->sgt.nents);
	sg_free_table(&mapping->sgt);
	list_del(&mapping->node);
	mapping->place->users--;
	mapping->att->mappings--;
	atomic64_dec(&buffer->tally.mappings);
	kfree(mapping);
}

struct sg_table *odd_op_map(struct dma_buf_attachment *attach, enum dma_data_direction dir)
{
	struct odd_attachment *att = attach->priv;
	bool took = odd_lock_if_not(att, ODD_BAD_MAP_UNLOCKED);
	struct sg_table *sgt;
	int ret;

	/* Before the rules, as they ask who is pinned: the core's pin is there already. */
	att->mappings++;
	ret = odd_event(att->buffer, ODD_ON_MAP);
	sgt = ret ? ERR_PTR(ret) : odd_mapping_create(att, dir);
	if (IS_ERR(sgt))
		att->mappings--;
	if (took)
		dma_resv_unlock(attach->dmabuf->resv);
	return sgt;
}

static struct odd_mapping *odd_mapping_find(struct odd_attachment *att, struct sg_table *sgt)
{
	struct odd_mapping *mapping;

	list_for_each_entry(mapping, &att->buffer->mappings, node)
		if (mapping->att == att && &mapping->sgt == sgt)
			return mapping;
	return NULL;
}

void odd_op_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		  enum dma_data_direction dir)
{
	struct odd_attachment *att = attach->priv;
	bool took = odd_lock_if_not(att, ODD_BAD_UNMAP_UNLOCKED);
	struct odd_mapping *mapping = odd_mapping_find(att, sgt);

	if (!mapping) {
		odd_bad(att, ODD_BAD_UNMAP_UNKNOWN);
		att->excused = att->core_pins;
	} else {
		if (mapping->dir != dir)
			odd_bad(att, ODD_BAD_UNMAP_DIRECTION);
		odd_mapping_destroy(mapping);
	}
	odd_event(att->buffer, ODD_ON_UNMAP);
	if (took)
		dma_resv_unlock(attach->dmabuf->resv);
}
