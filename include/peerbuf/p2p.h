/* SPDX-License-Identifier: GPL-2.0 */
/*
 * p2p: which device can access which PCIe BAR, and at which DMA address.
 *
 * This layer knows BARs, devices and DMA addresses. It knows nothing of
 * DMA-BUFs. There is no struct page anywhere in it: a piece of a BAR is a
 * physical range and the provider it belongs to.
 */
#ifndef _PEERBUF_P2P_H
#define _PEERBUF_P2P_H

#include <linux/dma-mapping.h>
#include <linux/kref.h>
#include <linux/types.h>

struct device;
struct notifier_block;
struct pci_dev;
struct p2p_provider;

/* ---- providers (drivers/pci/p2p/provider.c) ---- */

/* Why a BAR cannot be used. Numbers are those of enum peerbuf_reason, as for routes below. */
enum p2p_bar_reason {
	P2P_REASON_BAR_USABLE		= 0,
	P2P_REASON_NO_BAR		= 96,
	P2P_REASON_IO_BAR		= 97,
	P2P_REASON_BAR_UNASSIGNED	= 100,
	P2P_REASON_BAR_UNMAPPABLE	= 101,
};

int p2p_bar_check(struct pci_dev *pdev, unsigned int bar, u32 *reason);
struct p2p_provider *p2p_provider_create(struct pci_dev *pdev, int bar,
					 void *owner);
struct p2p_provider *p2p_provider_get(struct p2p_provider *provider);
void p2p_provider_put(struct p2p_provider *provider);
void p2p_provider_kill(struct p2p_provider *provider);
bool p2p_provider_alive(struct p2p_provider *provider);
struct pci_dev *p2p_provider_pdev(struct p2p_provider *provider);
void *p2p_provider_owner(struct p2p_provider *provider);
int p2p_provider_bar(struct p2p_provider *provider);
phys_addr_t p2p_provider_base(struct p2p_provider *provider);
u64 p2p_provider_length(struct p2p_provider *provider);
bool p2p_provider_prefetchable(struct p2p_provider *provider);
u64 p2p_provider_bus_offset(struct p2p_provider *provider);

/* ---- vec lists (drivers/pci/p2p/vecs.c) ---- */

/**
 * enum p2p_vec_kind - what a range of a buffer is made of
 * @P2P_VEC_BAR: a piece of a BAR: it has a provider and no struct page
 * @P2P_VEC_SYSTEM: system memory, cached, with struct pages
 * @P2P_VEC_HIDDEN: memory that no other device and no CPU can address, because it lies outside
 *	the BAR's window or behind a private link. Its owner knows it by a number. It is never
 *	mapped.
 */
enum p2p_vec_kind {
	P2P_VEC_BAR,
	P2P_VEC_SYSTEM,
	P2P_VEC_HIDDEN,
};

/**
 * struct p2p_vec - a physical range and whose memory it is
 * @paddr: CPU physical address of the first byte; for hidden memory the owner's number
 * @len: bytes
 * @start: offset of the first byte in the buffer: what p2p_vecs_find() searches
 * @provider: the BAR it lies in, NULL if it is in none
 * @part: if it is in a BAR: index of the list's part for that BAR
 * @kind: enum p2p_vec_kind
 * @owned: system memory that the list allocated, and frees
 */
struct p2p_vec {
	phys_addr_t paddr;
	u64 len;
	u64 start;
	struct p2p_provider *provider;
	u32 part;
	u8 kind;
	bool owned;
};

/**
 * struct p2p_part - the part of a list that lies in one BAR
 * @provider: the BAR; reference held
 * @base: p2p_provider_base() of it
 * @length: p2p_provider_length() of it
 * @last: offset in the BAR of the last byte that is in the list
 * @nr: ranges
 *
 * A buffer of thousands of ranges lies in one BAR, or a few. What depends on the BAR and not on
 * the range, above all the route, is found once per part.
 */
struct p2p_part {
	struct p2p_provider *provider;
	phys_addr_t base;
	u64 length;
	u64 last;
	u32 nr;
};

/**
 * struct p2p_vecs - a buffer's backing: ranges in buffer order
 * @ref: one reference is the placement's, one each mapping's that was made from it
 * @nr: vecs in use
 * @max: vecs that may be in use
 * @room: number of vecs that @vec has memory for
 * @size: sum of their lengths, in bytes
 * @system_size: bytes of system memory among them
 * @hidden_size: bytes of hidden memory
 * @owns: some of the system memory is the list's own
 * @nr_parts: number of BARs it lies in
 * @parts_room: number of parts that @part has memory for
 * @part: each BAR once, in the order of their first ranges
 * @one_part: the memory of @part for a list in one BAR or none
 * @release: called when the last reference is dropped, or NULL
 * @priv: for @release
 * @vec: the ranges; neighbours of one provider that touch are one vec
 * @first: the memory of @vec, until the list outgrows what p2p_vecs_alloc() was asked for
 *
 * Immutable once anybody else has been given it. Holds a reference to each part's provider.
 */
struct p2p_vecs {
	struct kref ref;
	u32 nr;
	u32 max;
	u32 room;
	u64 size;
	u64 system_size;
	u64 hidden_size;
	bool owns;
	u32 nr_parts;
	u32 parts_room;
	struct p2p_part *part;
	struct p2p_part one_part;
	void (*release)(void *priv);
	void *priv;
	struct p2p_vec *vec;
	struct p2p_vec first[];
};

struct p2p_vecs *p2p_vecs_alloc(u32 max);
int p2p_vecs_add_bar(struct p2p_vecs *vecs, struct p2p_provider *provider,
		     u64 offset, u64 len);
int p2p_vecs_add_system(struct p2p_vecs *vecs, phys_addr_t paddr, u64 len);
int p2p_vecs_add_new_system(struct p2p_vecs *vecs, u64 len, u64 limit);
int p2p_vecs_add_hidden(struct p2p_vecs *vecs, u64 cookie, u64 len);
int p2p_vecs_add_part(struct p2p_vecs *vecs, const struct p2p_vecs *from, u64 offset, u64 len);
void p2p_vecs_on_release(struct p2p_vecs *vecs, void (*release)(void *priv), void *priv);
void p2p_vecs_put(struct p2p_vecs *vecs);
const struct p2p_vec *p2p_vecs_find(const struct p2p_vecs *vecs, u64 offset,
				    u64 *vec_offset);
struct p2p_vecs *p2p_vecs_slice(struct p2p_vecs *vecs, u64 offset, u64 len);
bool p2p_vecs_overlap(const struct p2p_vecs *a, const struct p2p_vecs *b);
bool p2p_vecs_aliased(const struct p2p_vecs *vecs);

/**
 * p2p_vecs_get() - take a reference
 * @vecs: the caller holds a reference already
 *
 * Context: Any.
 * Return: @vecs
 */
static inline struct p2p_vecs *p2p_vecs_get(struct p2p_vecs *vecs)
{
	kref_get(&vecs->ref);
	return vecs;
}

/* ---- routes (drivers/pci/p2p/route.c) ---- */

enum p2p_route_type {
	P2P_ROUTE_NOT_SUPPORTED		= 0,
	P2P_ROUTE_BUS_ADDR		= 1,
	P2P_ROUTE_THRU_HOST_BRIDGE	= 2,
};

/* Numbers are those of enum peerbuf_reason in include/uapi/linux/peerbuf/reason.h. */
enum p2p_route_reason {
	P2P_REASON_NONE			= 0,
	P2P_REASON_SAME_FUNCTION	= 1,
	P2P_REASON_COMMON_BRIDGE	= 2,
	P2P_REASON_CPU_FORWARDS		= 3,
	P2P_REASON_HOST_BRIDGE_KNOWN	= 4,
	P2P_REASON_OVERRIDE_PAIR	= 5,
	P2P_REASON_OVERRIDE_HOST_BRIDGE	= 6,
	P2P_REASON_HOST_BRIDGE_UNKNOWN	= 16,
	P2P_REASON_ACS_REDIRECT		= 17,
	P2P_REASON_NO_COMMON_ROOT	= 18,
	P2P_REASON_DMA_MASK		= 19,
	P2P_REASON_NOT_PCI		= 20,
	P2P_REASON_PROVIDER_GONE	= 21,
	P2P_REASON_MEM_ENCRYPTION	= 22,
	P2P_REASON_CONFIDENTIAL_GUEST	= 23,
	P2P_REASON_DMA_MASK_IOMMU	= 24,
	P2P_REASON_BRIDGE_OFF		= 25,
};

#define P2P_ROUTE_F_ACS_REDIRECT	BIT(0)
#define P2P_ROUTE_F_OVERRIDE		BIT(1)
#define P2P_ROUTE_F_IOMMU		BIT(2)

/* domain << 16 | bus << 8 | devfn; all ones for none */
#define P2P_ADDR_NONE			(~0ULL)

/**
 * struct p2p_route - a verdict on "can this device reach this provider?"
 * @type: enum p2p_route_type
 * @reason: enum p2p_route_reason
 * @flags: P2P_ROUTE_F_*
 * @distance: hops over bridges
 * @decider: PCI address of the function that decides, or P2P_ADDR_NONE
 */
struct p2p_route {
	u32 type;
	u32 reason;
	u32 flags;
	u32 distance;
	u64 decider;
};

u64 p2p_pci_addr(struct pci_dev *pdev);
int p2p_route_get(struct p2p_provider *provider, struct device *client,
		  struct p2p_route *route);
int p2p_route_upto(struct p2p_provider *provider, u64 last, struct device *client,
		   struct p2p_route *route);
int p2p_route_look(struct p2p_provider *provider, struct device *client,
		   struct p2p_route *route);
int p2p_route_ask(struct p2p_provider *provider, u64 last, struct pci_dev *client,
		  struct p2p_route *route);
int p2p_route_translated(struct p2p_provider *provider, struct device *client,
			 struct p2p_route *route);
bool p2p_caught_on_the_way(struct pci_dev *client, u64 start, u64 last);
void p2p_route_between(struct pci_dev *provider, struct pci_dev *client,
		       struct p2p_route *route);
u64 p2p_routes_generation(void);
int p2p_routes_watch(struct notifier_block *watcher);
void p2p_routes_unwatch(struct notifier_block *watcher);
const char *p2p_route_type_name(u32 type);
const char *p2p_route_reason_text(u32 reason);

/* ---- plans (drivers/pci/p2p/plan.c) ---- */

/**
 * enum p2p_plan_mode - which kind of addresses a client uses
 * @P2P_PLAN_DMA: those of its DMA API, or bus addresses
 * @P2P_PLAN_TRANSLATED: those that only its IOMMU can read, in a domain managed by hand, as
 *	VFIO does: see p2p_route_translated()
 */
enum p2p_plan_mode {
	P2P_PLAN_DMA,
	P2P_PLAN_TRANSLATED,
};

/**
 * struct p2p_plan - how one device reaches a list
 * @client: the device; no reference is held
 * @vecs: the list, or NULL; reference held
 * @generation: the generation of verdicts in which the routes were found
 * @limit: the highest address that the client could put out at that time
 * @mode: enum p2p_plan_mode
 * @room: number of routes that @route has memory for
 * @route: one per part of @vecs
 * @one_route: the memory of @route for a list in one BAR or none
 */
struct p2p_plan {
	struct device *client;
	struct p2p_vecs *vecs;
	u64 generation;
	u64 limit;
	u32 mode;
	u32 room;
	struct p2p_route *route;
	struct p2p_route one_route;
};

void p2p_plan_init(struct p2p_plan *plan, struct device *client, enum p2p_plan_mode mode);
void p2p_plan_drop(struct p2p_plan *plan);
int p2p_plan_make(struct p2p_plan *plan, struct p2p_vecs *vecs, bool look);
bool p2p_plan_holds(const struct p2p_plan *plan, const struct p2p_vecs *vecs);
int p2p_plan_verdict(const struct p2p_plan *plan, struct p2p_route *route);
u64 p2p_system_limit(struct device *client);

/* ---- the mapper (drivers/pci/p2p/map.c, map_segment.c) ---- */

/**
 * struct p2p_segment - a piece of a mapping, in buffer order
 * @addr: DMA address for the client
 * @len: bytes
 * @provider: whose memory it is, NULL for system memory; with P2P_SEGMENTS_PER_PROVIDER that of
 *	the whole segment, otherwise of its first byte
 */
struct p2p_segment {
	dma_addr_t addr;
	u64 len;
	struct p2p_provider *provider;
};

/* A segment has memory of one provider only. Otherwise only the addresses have to be contiguous. */
#define P2P_SEGMENTS_PER_PROVIDER	BIT(0)
/* A segment may have 4 GiB and more, unless the device or the driver limits it. */
#define P2P_SEGMENTS_LONG		BIT(1)

/**
 * struct p2p_segment_limits - limits that every segment keeps to
 * @max_len: bytes, whole pages
 * @align: a segment that has to be cut is cut at a multiple of this, if there is one within
 *	@max_len; a power of two
 * @boundary: a mask: no segment crosses a multiple of @boundary + 1
 * @flags: P2P_SEGMENTS_*
 */
struct p2p_segment_limits {
	u64 max_len;
	u64 align;
	u64 boundary;
	unsigned long flags;
};

struct p2p_map;
struct p2p_map_part;

/**
 * struct p2p_segment_iter - a walk over a mapping's segments
 * @vecs: the ranges, in buffer order
 * @addr: their DMA addresses, or NULL: an address is then the CPU's plus the part's shift
 * @part: the mapping's parts
 * @limits: what each segment keeps to
 * @index: the vec in which the next segment begins
 * @offset: where in that vec, in bytes
 */
struct p2p_segment_iter {
	const struct p2p_vecs *vecs;
	const dma_addr_t *addr;
	const struct p2p_map_part *part;
	struct p2p_segment_limits limits;
	u32 index;
	u64 offset;
};

struct p2p_map *p2p_map_reserve(const struct p2p_plan *plan, enum dma_data_direction dir,
				size_t priv_size);
int p2p_map_link(struct p2p_map *map, u32 first, u32 nr);
int p2p_map_sync(struct p2p_map *map, u32 first, u32 nr);
void p2p_map_unlink(struct p2p_map *map, u32 first, u32 nr);
void p2p_map_free(struct p2p_map *map);
struct p2p_map *p2p_map_create(const struct p2p_plan *plan, enum dma_data_direction dir,
			       size_t priv_size);
void *p2p_map_priv(struct p2p_map *map);
void p2p_map_limit_segments(struct p2p_map *map, u64 max_len, u64 align);
u32 p2p_map_expect_segments(struct p2p_map *map, unsigned long flags);
bool p2p_map_begin_segments(struct p2p_map *map, unsigned long flags,
			    struct p2p_segment_iter *iter);
bool p2p_segment_next(struct p2p_segment_iter *iter, struct p2p_segment *segment);
u32 p2p_segments_take(struct p2p_segment_iter *iter, struct p2p_segment *segs, u32 room);
u32 p2p_map_count_segments(struct p2p_map *map, unsigned long flags);
u32 p2p_map_fill_segments(struct p2p_map *map, unsigned long flags,
			  struct p2p_segment *segs, u32 room);
void p2p_map_sync_for_cpu(struct p2p_map *map);
void p2p_map_sync_for_device(struct p2p_map *map);
dma_addr_t p2p_map_vec_addr(struct p2p_map *map, u32 index);
struct p2p_vecs *p2p_map_vecs(struct p2p_map *map);
bool p2p_map_holds(struct p2p_map *map);

/* ---- address space without a list (drivers/pci/p2p/iova_space.c) ---- */

struct p2p_space;

/**
 * enum p2p_memory - what a run consists of, and by which addresses a client reaches it
 * @P2P_MEMORY_NORMAL: system memory, by addresses of the DMA API
 * @P2P_MEMORY_SHARED: system memory that a confidential guest has made readable for devices
 *	(set_memory_decrypted()), by addresses of the DMA API, which has to be told
 * @P2P_MEMORY_BUS: a BAR, by its bus address; the DMA API is not involved
 * @P2P_MEMORY_HOST_BRIDGE: a BAR, by addresses of the DMA API
 */
enum p2p_memory {
	P2P_MEMORY_NORMAL,
	P2P_MEMORY_SHARED,
	P2P_MEMORY_BUS,
	P2P_MEMORY_HOST_BRIDGE,
};

/**
 * struct p2p_run - consecutive memory of one type
 * @paddr: CPU physical address of its first byte, page aligned
 * @len: bytes, whole pages
 * @provider: the BAR it lies in, NULL for system memory
 * @memory: enum p2p_memory; of a BAR, what p2p_space_memory() says
 */
struct p2p_run {
	phys_addr_t paddr;
	u64 len;
	struct p2p_provider *provider;
	enum p2p_memory memory;
};

/* What links get addresses from is one consecutive range of the client's IOVA space. */
#define P2P_SPACE_CONTIGUOUS	BIT(0)
/* An IOMMU translates the client's addresses. */
#define P2P_SPACE_TRANSLATED	BIT(1)
/* P2P_MEMORY_SHARED can be linked: a confidential guest whose DMA API can be told of it. */
#define P2P_SPACE_SHARED	BIT(2)

u32 p2p_space_probe(struct device *client);
struct p2p_space *p2p_space_reserve(struct device *client, u64 size,
				    enum dma_data_direction dir, u32 need);
u32 p2p_space_flags(const struct p2p_space *space);
int p2p_space_memory(const struct p2p_space *space, struct p2p_provider *provider, u64 last);
int p2p_space_link(struct p2p_space *space, u64 offset, const struct p2p_run *run);
int p2p_space_sync(struct p2p_space *space, u64 offset, u64 len);
void p2p_space_unlink(struct p2p_space *space, u64 offset, u64 len);
dma_addr_t p2p_space_addr(const struct p2p_space *space, u64 offset);
void p2p_space_free(struct p2p_space *space);

#endif /* _PEERBUF_P2P_H */
