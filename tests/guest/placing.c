// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers of a driver's own: hidden from everybody else, placed where somebody reaches them
 * when somebody asks, copied by the driver's engine, and let go of when nobody has them.
 */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "writer.h"

#define SIZE	(8 * PAGE)
#define START	(32 * PAGE)
#define LENGTH	2000

static struct bar_owner_export export;
static int owner, edu;
static __u32 handle;
static __u8 *cpu;

static struct bar_owner_places places(void)
{
	struct bar_owner_places req = { .size = sizeof(req) };

	check_ok(peer_ioctl(owner, BAR_OWNER_IOC_PLACES, &req));
	return req;
}

static void open_all(struct bar_owner_export req)
{
	owner = owner_open("rp-mem");
	edu = edu_open("rp-edu");
	req.size = sizeof(req);
	req.offset = START;
	if (req.where == BAR_OWNER_IN_HIDDEN)
		req.offset = 0;
	req.length = SIZE;
	req.share = -1;
	check_ok(peer_ioctl(owner, BAR_OWNER_IOC_EXPORT, &req));
	export = req;
	cpu = buffer_map(export.fd, SIZE, 0);
}

static int move(__u32 where, __u64 offset, bool locked)
{
	struct bar_owner_buffer req = {
		.fd = export.fd, .offset = offset, .flags = PEERBUF_MOVE_F_COPY,
		.where = where, .locked = locked,
	};

	return owner_call(owner, BAR_OWNER_IOC_MOVE, &req);
}

static void query(struct peerbuf_export_info *info)
{
	int control = control_open();

	check_ok(peer_query(control, export.id, info));
	close(control);
}

static void edu_reads(__u32 seed)
{
	check_ok(writer_check(&(struct writer){ edu, handle }, 0, LENGTH, seed));
}

static void edu_writes(__u32 seed)
{
	check_ok(writer_put(&(struct writer){ edu, handle }, 0, LENGTH, seed));
}

static void hidden_is_out_of_reach(void)
{
	struct peerbuf_export_info info;

	query(&info);
	check_eq(info.hidden_size, SIZE);
	check_eq(info.system_size, 0);
	check(!touches(cpu, false));
	check(!touches(cpu + SIZE - 1, true));
}

TEST(hidden_memory_is_refused)
{
	struct peerbuf_export_info info;

	open_all((struct bar_owner_export){ .where = BAR_OWNER_IN_HIDDEN });
	hidden_is_out_of_reach();
	check_fails(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle), EHOSTUNREACH);
	query(&info);
	check_eq(info.refusals, 1);
	check_eq(info.last_refusal, PEERBUF_REASON_HIDDEN);
	check_eq(info.last_refusal_errno, EHOSTUNREACH);
	/* It does exist: in the BAR it can be seen. */
	check_ok(move(BAR_OWNER_IN_BAR, START, false));
	check(touches(cpu, true));
	pattern_fill(cpu, SIZE, 1);
	check_ok(move(BAR_OWNER_IN_HIDDEN, PAGE, false));
	hidden_is_out_of_reach();
	check_ok(move(BAR_OWNER_IN_BAR, 2 * START, false));
	check(pattern_matches(cpu, SIZE, 1));
}

/* Nobody goes where an attached importer cannot follow, unless asked to place it later. */
TEST(hidden_memory_is_no_place_for_importers)
{
	struct peerbuf_export_info info;

	open_all((struct bar_owner_export){ .where = BAR_OWNER_IN_BAR });
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_fails(move(BAR_OWNER_IN_HIDDEN, 0, false), EHOSTUNREACH);
	check_fails(move(BAR_OWNER_IN_HIDDEN, 0, true), EHOSTUNREACH);
	query(&info);
	check_eq(info.hidden_size, 0);
	check_eq(info.moves, 0);
}

static void is_placed_for_importers(__u32 place, __u64 system_size, __u32 mode)
{
	struct peerbuf_export_info info;
	struct bar_owner_places now;
	__u32 asked;

	open_all((struct bar_owner_export){
		.where = BAR_OWNER_IN_BAR, .place = place,
	});
	asked = places().asked;
	pattern_fill(cpu, SIZE, 2);
	check_ok(edu_attach(edu, export.fd, mode, 0, &handle));
	for (__u32 round = 0; round < 3; round++) {
		check_ok(edu_map(edu, handle));
		check_ok(move(BAR_OWNER_IN_HIDDEN, 0, round % 2));
		query(&info);
		check_eq(info.hidden_size, SIZE);
		edu_reads(2 + round);
		now = places();
		check_eq(now.asked, ++asked);
		check_eq(now.why, BAR_OWNER_WHY_HIDDEN);
		check(!now.for_cpu);
		query(&info);
		check_eq(info.fallbacks, round + 1);
		check_eq(info.hidden_size, 0);
		check_eq(info.system_size, system_size);
		edu_writes(3 + round);
		check(pattern_matches(cpu, LENGTH, 3 + round));
	}
	check_eq(places().asked, asked);
	check_ok(edu_detach(edu, handle));
}

TEST_VARIANT(is_placed_in_the_bar, is_placed_for_importers, BAR_OWNER_PLACE_BAR, 0, EDU_DMA_DYNAMIC)
TEST_VARIANT(is_placed_in_system_memory, is_placed_for_importers, BAR_OWNER_PLACE_SYSTEM, SIZE,
	     EDU_DMA_DYNAMIC)

TEST_VARIANT(is_placed_for_a_foreign_importer, is_placed_for_importers, BAR_OWNER_PLACE_BAR, 0,
	     EDU_DMA_FOREIGN)

/* Not at attach, but when it is pinned or mapped. */
TEST(is_placed_for_a_static_importer)
{
	struct peerbuf_export_info info;

	open_all((struct bar_owner_export){
		.where = BAR_OWNER_IN_BAR, .place = BAR_OWNER_PLACE_SYSTEM,
	});
	pattern_fill(cpu, SIZE, 4);
	check_ok(edu_attach(edu, export.fd, EDU_DMA_STATIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	check_eq(places().why, BAR_OWNER_WHY_NO_PAGES);
	query(&info);
	check_eq(info.system_size, SIZE);
	edu_reads(4);
	check_fails(move(BAR_OWNER_IN_BAR, START, false), EBUSY);
	check_fails(move(BAR_OWNER_IN_BAR, START, true), EBUSY);
	check_ok(edu_detach(edu, handle));
	check_ok(move(BAR_OWNER_IN_BAR, START, true));
	check(pattern_matches(cpu, SIZE, 4));
}

TEST(is_placed_for_the_cpu)
{
	struct bar_owner_places now;
	__u8 host[SIZE];

	open_all((struct bar_owner_export){
		.where = BAR_OWNER_IN_BAR, .place = BAR_OWNER_PLACE_BAR,
	});
	pattern_fill(cpu, SIZE, 5);
	check_ok(move(BAR_OWNER_IN_HIDDEN, 0, true));
	lab_host_fill("rp-mem", START, SIZE, 0);
	check(pattern_matches(cpu, SIZE, 5));
	now = places();
	check(now.for_cpu);
	check_eq(now.why, BAR_OWNER_WHY_HIDDEN);
	lab_host_read("rp-mem", START, host, SIZE);
	check(pattern_matches(host, SIZE, 5));
}

static void driver_says_no(__u32 place, __u32 flags, int error)
{
	struct peerbuf_export_info info;

	open_all((struct bar_owner_export){
		.where = BAR_OWNER_IN_HIDDEN, .place = place, .flags = flags,
	});
	check(!touches(cpu, false));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_fails(edu_map(edu, handle), error);
	query(&info);
	check_eq(info.refusals, 1);
	check_eq(info.last_refusal, PEERBUF_REASON_HIDDEN);
	check_eq(info.last_refusal_errno, error);
	check_eq(info.hidden_size, SIZE);
	check_eq(info.nr_mappings, 0);
}

TEST_VARIANT(driver_has_no_room, driver_says_no, BAR_OWNER_PLACE_REFUSE, 0, ENOSPC)

/* Its no is a no, also where falling back was allowed. */
TEST_VARIANT(driver_has_no_room_but_the_flag, driver_says_no, BAR_OWNER_PLACE_REFUSE,
	     PEERBUF_EXPORT_F_FALLBACK, ENOSPC)

/* What it says is not relied upon. */
TEST_VARIANT(driver_only_says_so, driver_says_no, BAR_OWNER_PLACE_LIE, 0, EHOSTUNREACH)

TEST(fallback_of_a_hidden_buffer)
{
	struct peerbuf_export_info info;

	open_all((struct bar_owner_export){
		.where = BAR_OWNER_IN_BAR, .flags = PEERBUF_EXPORT_F_FALLBACK,
	});
	pattern_fill(cpu, SIZE, 6);
	check_ok(move(BAR_OWNER_IN_HIDDEN, 0, false));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	edu_reads(6);
	query(&info);
	check_eq(info.fallbacks, 1);
	check_eq(info.system_size, SIZE);
	check(pattern_matches(cpu, SIZE, 6));
}

/*
 * Where no host bridge is known to forward: out of hiding it is in the BAR, and there it
 * cannot be reached for another reason.
 */
TEST(no_route_to_where_it_was_placed)
{
	struct peerbuf_export_info info;
	__u32 asked;

	open_all((struct bar_owner_export){
		.where = BAR_OWNER_IN_BAR, .place = BAR_OWNER_PLACE_BAR,
		.flags = PEERBUF_EXPORT_F_FALLBACK,
	});
	asked = places().asked;
	pattern_fill(cpu, SIZE, 12);
	check_ok(move(BAR_OWNER_IN_HIDDEN, 0, false));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	edu_reads(12);
	check_eq(places().asked, asked + 2);
	check_eq(places().why, BAR_OWNER_WHY_NO_ROUTE);
	query(&info);
	check_eq(info.system_size, SIZE);
	check_eq(info.fallbacks, 2);
	check_eq(info.refusals, 0);
	check(pattern_matches(cpu, SIZE, 12));
}

TEST(no_route_and_no_other_place)
{
	struct peerbuf_export_info info;

	open_all((struct bar_owner_export){
		.where = BAR_OWNER_IN_HIDDEN, .place = BAR_OWNER_PLACE_BAR,
	});
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_fails(edu_map(edu, handle), EHOSTUNREACH);
	query(&info);
	check_eq(info.refusals, 1);
	check_eq(info.last_refusal, PEERBUF_REASON_NO_ROUTE);
	check_eq(info.hidden_size, 0);
}

/* ---- the engine ---- */

static void engine_copies(__u32 engine, __u32 copies)
{
	open_all((struct bar_owner_export){
		.where = BAR_OWNER_IN_BAR, .place = BAR_OWNER_PLACE_BAR, .engine = engine,
	});
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	copies += places().copies;
	for (__u32 round = 0; round < 4; round++) {
		check_ok(edu_map(edu, handle));
		pattern_fill(cpu, SIZE, round);
		check_ok(move(round % 2 ? BAR_OWNER_IN_BAR : BAR_OWNER_IN_PAGES, START,
			      round / 2));
		/* Whoever comes first waits until it is there. */
		if (round % 2)
			edu_reads(round);
		check(pattern_matches(cpu, SIZE, round));
		edu_reads(round);
	}
	check_eq(places().copies, copies);
	check_ok(edu_detach(edu, handle));
}

TEST_VARIANT(engine_copies_at_once, engine_copies, BAR_OWNER_ENGINE_ALWAYS, 4)
TEST_VARIANT(engine_copies_later, engine_copies, BAR_OWNER_ENGINE_QUEUED, 4)

TEST_VARIANT(engine_leaves_it_to_the_cpu, engine_copies, BAR_OWNER_ENGINE_HIDDEN, 0)

TEST(engine_fails)
{
	struct peerbuf_export_info info;

	open_all((struct bar_owner_export){
		.where = BAR_OWNER_IN_BAR, .engine = BAR_OWNER_ENGINE_BROKEN,
	});
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	edu_writes(7);
	check_fails(move(BAR_OWNER_IN_PAGES, 0, false), EIO);
	check_fails(move(BAR_OWNER_IN_PAGES, 0, true), EIO);
	query(&info);
	check_eq(info.moves, 0);
	check_eq(info.system_size, 0);
	check(pattern_matches(cpu, LENGTH, 7));
	edu_reads(7);
	/* The places it did not go to are nobody's. */
	check_eq(places().held, 1);
}

/* ---- what was left behind ---- */

TEST(old_place_is_held_until_the_last_unmap)
{
	open_all((struct bar_owner_export){ .where = BAR_OWNER_IN_BAR });
	pattern_fill(cpu, SIZE, 8);
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	check_eq(places().held, 1);
	check_ok(move(BAR_OWNER_IN_PAGES, 0, true));
	/* This importer unmaps when it is told; a lazy one when it gets to it. */
	check_eq(places().held, 1);
	check_ok(edu_detach(edu, handle));

	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, EDU_DMA_ATTACH_F_LAZY, &handle));
	check_ok(edu_map(edu, handle));
	check_ok(move(BAR_OWNER_IN_BAR, START, true));
	check_ok(move(BAR_OWNER_IN_SYSTEM, 0, true));
	eventually(10, places().held == 1);
	edu_reads(8);
	check_ok(edu_detach(edu, handle));
	check_sys(munmap(cpu, SIZE));
	close(export.fd);
	eventually(10, places().held == 0);
}

/* The device is not given away while somebody still has its memory from before. */
TEST(device_waits_for_what_was_left_behind)
{
	struct edu_dma_state state;

	open_all((struct bar_owner_export){ .where = BAR_OWNER_IN_BAR });
	pattern_fill(cpu, SIZE, 9);
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, EDU_DMA_ATTACH_F_LAZY, &handle));
	for (unsigned int round = 0; round < 10; round++) {
		check_ok(edu_map(edu, handle));
		check_ok(move(BAR_OWNER_IN_SYSTEM, 0, true));
		if (round < 9)
			check_ok(move(BAR_OWNER_IN_BAR, START, true));
	}
	close(owner);
	device_unbind("rp-mem");
	check_ok(edu_state(edu, handle, &state));
	check(!(state.flags & EDU_DMA_STATE_F_MAPPED));
	/* The buffer itself is not the device's any more. */
	check(pattern_matches(cpu, SIZE, 9));
	edu_reads(9);
}

TEST(knows_its_own)
{
	struct bar_owner_buffer req = { 0 };
	struct peer_export other;
	int node;

	open_all((struct bar_owner_export){ .where = BAR_OWNER_IN_PAGES });
	req.fd = export.fd;
	check_ok(owner_call(owner, BAR_OWNER_IOC_MINE, &req));
	node = node_open("far-mem");
	check_ok(peer_export_one(node, MEM_BAR, 0, PAGE, 0, &other));
	req.fd = other.fd;
	check_fails(owner_call(owner, BAR_OWNER_IOC_MINE, &req), EMEDIUMTYPE);
	req.fd = node;
	check_fails(owner_call(owner, BAR_OWNER_IOC_MINE, &req), EINVAL);
}

/* ---- mappings of the kernel's own ---- */

static void kernel_reads(__u32 where)
{
	struct bar_owner_buffer req = { .offset = SIZE - 4 };
	__u32 want;

	open_all((struct bar_owner_export){ .where = where });
	pattern_fill(cpu, SIZE, 10);
	memcpy(&want, cpu + SIZE - 4, sizeof(want));
	req.fd = export.fd;
	check_ok(owner_call(owner, BAR_OWNER_IOC_VMAP, &req));
	check_eq(req.value, want);
	check_fails(move(BAR_OWNER_IN_BAR, 2 * START, false), EBUSY);
	check_ok(owner_call(owner, BAR_OWNER_IOC_VUNMAP, &req));
	check_ok(move(BAR_OWNER_IN_BAR, 2 * START, false));
	check(pattern_matches(cpu, SIZE, 10));
}

TEST(kernel_maps_pages_of_the_driver)
{
	kernel_reads(BAR_OWNER_IN_PAGES);
}

TEST(kernel_maps_system_memory)
{
	kernel_reads(BAR_OWNER_IN_SYSTEM);
}

TEST(kernel_maps_what_is_placed_for_it)
{
	struct bar_owner_buffer req = { 0 };
	__u32 want;

	open_all((struct bar_owner_export){
		.where = BAR_OWNER_IN_BAR, .place = BAR_OWNER_PLACE_BAR,
	});
	pattern_fill(cpu, SIZE, 11);
	memcpy(&want, cpu, sizeof(want));
	check_ok(move(BAR_OWNER_IN_HIDDEN, 0, false));
	req.fd = export.fd;
	check_ok(owner_call(owner, BAR_OWNER_IOC_VMAP, &req));
	check_eq(req.value, want);
	check(places().for_cpu);
	check_ok(owner_call(owner, BAR_OWNER_IOC_VUNMAP, &req));
}
