// SPDX-License-Identifier: GPL-2.0
/* Exports of what a process has mapped: they go where their parent goes, and go when it goes. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "scene.h"
#include "snapshot.h"
#include "writer.h"

#define SIZE	SCENE_SIZE
#define PART	(8 * PAGE)
/* Where the part begins in the buffer. */
#define AT	(2 * PAGE)

static struct scene scene;
static int control;
/* Of the part, with an importer. */
static struct peerbuf_piece piece;
static struct writer writer;

static void derive_from(const void *address, __u64 length)
{
	__u32 nr = 1;

	check_ok(peer_lookup(control, address, length, 0, &piece, &nr));
	check_eq(nr, 1);
	check(piece.fd >= 0);
}

static void open_all(__u32 flags)
{
	scene_open(&scene, "rp-edu", "rp-mem", flags);
	control = control_open();
	derive_from(scene.cpu + AT, PART);
}

static void import(__u32 mode)
{
	writer_open(&writer, "rp-edu", piece.fd, mode);
}

static bool part_mapped(void)
{
	struct edu_dma_state state;

	check_ok(edu_state(writer.edu, writer.handle, &state));
	return state.flags & EDU_DMA_STATE_F_MAPPED;
}

static __u32 state_of(__u64 id)
{
	struct peerbuf_export_info info;

	check_ok(peer_query(scene.node, id, &info));
	return info.state;
}

TEST(device_writes_to_its_pages_and_no_others)
{
	open_all(0);
	import(EDU_DMA_DYNAMIC);
	check_ok(writer_put(&writer, 100, SCENE_LENGTH, 1));
	check_host_pattern("rp-mem", SCENE_START + AT + 100, SCENE_LENGTH, 1);
	check_host_bytes("rp-mem", SCENE_START, AT + 100, SCENE_PAINT);
	check_host_bytes("rp-mem", SCENE_START + AT + PART, PAGE, SCENE_PAINT);
	check(pattern_matches(scene.cpu + AT + 100, SCENE_LENGTH, 1));
	check_fails(writer_put(&writer, PART - 100, SCENE_LENGTH, 1), ERANGE);
}

TEST(outlives_the_mapping_and_the_parents_descriptor)
{
	open_all(0);
	check_sys(munmap(scene.cpu, SIZE));
	close(scene.export.fd);
	import(EDU_DMA_DYNAMIC);
	check_ok(writer_put(&writer, 0, SCENE_LENGTH, 2));
	check_host_pattern("rp-mem", SCENE_START + AT, SCENE_LENGTH, 2);
	/* The parent is there, for its owner to withdraw. */
	check_ok(peer_revoke(scene.node, scene.export.id, 1000));
	check_fails(writer_put(&writer, 0, SCENE_LENGTH, 2), ENODEV);
}

TEST(ends_with_the_node_of_the_parent)
{
	struct peerbuf_export_info info;
	__u8 *part;

	open_all(0);
	import(EDU_DMA_DYNAMIC);
	check_ok(writer_put(&writer, 0, SCENE_LENGTH, 2));
	part = buffer_map(piece.fd, PART, 0);
	check(touches(part, true));
	close(scene.node);
	check(!part_mapped());
	check(!touches(part, false));
	check_ok(peer_query_fd(control, piece.fd, &info));
	check_eq(info.state, PEERBUF_STATE_F_DEAD);
	check_fails(writer_put(&writer, 0, SCENE_LENGTH, 2), ENODEV);
}

static void revoked_and_back(__u32 mode)
{
	__u8 *part;

	open_all(0);
	import(mode);
	part = buffer_map(piece.fd, PART, 0);
	check_ok(writer_put(&writer, 0, SCENE_LENGTH, 3));
	check(touches(part, true));
	check(part_mapped());
	check_ok(peer_revoke(scene.node, scene.export.id, 1000));
	check(!part_mapped());
	check(!touches(part, true));
	check_fails(writer_put(&writer, 0, SCENE_LENGTH, 3), ENODEV);
	check_eq(state_of(piece.id), PEERBUF_STATE_F_REVOKED);
	check_ok(peer_restore(scene.node, scene.export.id));
	check_eq(state_of(piece.id), 0);
	check(touches(part, true));
	check_ok(writer_put(&writer, 0, SCENE_LENGTH, 4));
	check_host_pattern("rp-mem", SCENE_START + AT, SCENE_LENGTH, 4);
}

TEST(revoke_of_the_parent_and_its_restore)
{
	revoked_and_back(EDU_DMA_DYNAMIC);
}

TEST(revoke_of_the_parent_from_an_importer_with_a_scatterlist)
{
	revoked_and_back(EDU_DMA_FOREIGN);
}

/* Of somebody who has the part, whatever becomes of the rest. */
TEST(part_is_revoked_by_itself)
{
	open_all(0);
	import(EDU_DMA_DYNAMIC);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	check_ok(peer_revoke(scene.node, piece.id, 1000));
	check_fails(writer_put(&writer, 0, SCENE_LENGTH, 5), ENODEV);
	scene_put(&scene, 5);
	scene_write(&scene, AT, 5);
	check(touches(scene.cpu + AT, true));
	/* Revoked, it stays with the function whose owner has revoked it. */
	check_fails(peer_move_one(scene.node, scene.export.id, MEM_BAR, SCENE_ELSEWHERE, SIZE, 0),
		    ENODEV);
	check_eq(peer_reason, PEERBUF_REASON_REVOKED);
	/* The parent's restore does not give it back. */
	check_ok(peer_revoke(scene.node, scene.export.id, 1000));
	check_ok(peer_restore(scene.node, scene.export.id));
	check_fails(writer_put(&writer, 0, SCENE_LENGTH, 5), ENODEV);
	check_ok(peer_restore(scene.node, piece.id));
	check_ok(writer_put(&writer, 0, SCENE_LENGTH, 6));
}

TEST(revoke_says_who_maps_a_part)
{
	struct peerbuf_ioc_revoke revoke;

	open_all(0);
	accept_pinned("rp-mem");
	import(EDU_DMA_HELPER_PINNED);
	check_ok(edu_map(writer.edu, writer.handle));
	check_fails(peer_revoke_info(scene.node, scene.export.id, 100, &revoke), EINPROGRESS);
	check_eq(peer_reason, PEERBUF_REASON_STILL_MAPPED);
	check_eq(revoke.blockers, 1);
	check_eq(revoke.blocker, lab_addr("rp-edu"));
	check_ok(edu_unmap(writer.edu, writer.handle));
	check_ok(peer_revoke(scene.node, scene.export.id, 0));
}

TEST(moves_with_the_parent)
{
	__u8 *part;

	open_all(0);
	import(EDU_DMA_DYNAMIC);
	part = buffer_map(piece.fd, PART, 0);
	check_ok(writer_put(&writer, 0, SCENE_LENGTH, 7));
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, SCENE_ELSEWHERE, SIZE,
			       PEERBUF_MOVE_F_COPY));
	check(pattern_matches(part, SCENE_LENGTH, 7));
	check_host_pattern("rp-mem", SCENE_ELSEWHERE + AT, SCENE_LENGTH, 7);
	check_ok(writer_check(&writer, 0, SCENE_LENGTH, 7));
	check_ok(writer_put(&writer, 0, SCENE_LENGTH, 8));
	check_host_pattern("rp-mem", SCENE_ELSEWHERE + AT, SCENE_LENGTH, 8);
	check_host_pattern("rp-mem", SCENE_START + AT, SCENE_LENGTH, 7);
}

/* System memory that a buffer owns is still there for a part that is mapped. */
TEST(moves_to_system_memory_and_back)
{
	const struct peerbuf_range system = { .length = SIZE, .flags = PEERBUF_RANGE_F_SYSTEM };

	open_all(0);
	import(EDU_DMA_DYNAMIC);
	check_ok(writer_put(&writer, 0, SCENE_LENGTH, 9));
	check_ok(peer_move(scene.node, scene.export.id, &system, 1, PEERBUF_MOVE_F_COPY));
	check_ok(writer_check(&writer, 0, SCENE_LENGTH, 9));
	check_ok(writer_put(&writer, PAGE, SCENE_LENGTH, 10));
	check(pattern_matches(scene.cpu + AT + PAGE, SCENE_LENGTH, 10));
	check_host_bytes("rp-mem", SCENE_START + AT + PAGE, SCENE_LENGTH, SCENE_PAINT);
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, SCENE_START, SIZE,
			       PEERBUF_MOVE_F_COPY));
	check_host_pattern("rp-mem", SCENE_START + AT + PAGE, SCENE_LENGTH, 10);
	check_ok(writer_check(&writer, PAGE, SCENE_LENGTH, 10));
}

TEST(pinned_part_keeps_the_parent_where_it_is)
{
	struct snapshot before;

	open_all(0);
	accept_pinned("rp-mem");
	import(EDU_DMA_HELPER_PINNED);
	check_ok(edu_map(writer.edu, writer.handle));
	snapshot_take(&before);
	check_fails(peer_move_one(scene.node, scene.export.id, MEM_BAR, SCENE_ELSEWHERE, SIZE, 0),
		    EBUSY);
	check_eq(peer_reason, PEERBUF_REASON_PINNED);
	snapshot_unchanged(&before);
	check_ok(edu_unmap(writer.edu, writer.handle));
	check_ok(edu_detach(writer.edu, writer.handle));
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, SCENE_ELSEWHERE, SIZE, 0));
}

/* Where it lies is the parent's to say. */
TEST(does_not_move_by_itself)
{
	open_all(0);
	check_fails(peer_move_one(scene.node, piece.id, MEM_BAR, SCENE_ELSEWHERE, PART, 0), EPERM);
	check_eq(peer_reason, PEERBUF_REASON_DERIVED);
}

/* Who can take system memory only takes the parent there. */
TEST(falls_back_with_the_parent)
{
	struct peerbuf_export_info info;

	open_all(PEERBUF_EXPORT_F_FALLBACK);
	pattern_fill(scene.cpu, SIZE, 11);
	import(EDU_DMA_STATIC);
	check_ok(edu_map(writer.edu, writer.handle));
	check_ok(peer_query(scene.node, scene.export.id, &info));
	check_eq(info.system_size, SIZE);
	check_eq(info.fallbacks, 1);
	check_ok(peer_query(scene.node, piece.id, &info));
	check_eq(info.system_size, PART);
	check(pattern_matches(scene.cpu, SIZE, 11));
}

/* The parent takes nobody in for whom it would have to move, and neither does a part. */
TEST(refuses_whom_the_parent_refuses)
{
	__u32 handle;

	open_all(0);
	check_fails(edu_attach(scene.edu, piece.fd, EDU_DMA_STATIC, 0, &handle), EOPNOTSUPP);
	check_fails(edu_attach(scene.edu, piece.fd, EDU_DMA_HELPER_PINNED, 0, &handle),
		    EOPNOTSUPP);
}

TEST(mapping_that_cannot_be_written)
{
	struct peerbuf_range range = { .offset = SCENE_START, .length = SIZE, .bar = MEM_BAR };
	struct peerbuf_ioc_export req = {
		.size = sizeof(req), .open_flags = O_RDONLY | O_CLOEXEC,
		.nr_ranges = 1, .ranges = (unsigned long)&range,
	};
	struct peerbuf_export_info info;
	__u8 *mapped;

	open_all(0);
	check_ok(peer_ioctl(scene.node, PEERBUF_IOC_EXPORT, &req));
	mapped = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, req.fd, 0);
	check(mapped != MAP_FAILED);
	derive_from(mapped, SIZE);
	check_eq(piece.flags, 0);
	check(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, piece.fd, 0) == MAP_FAILED);
	check_eq(errno, EACCES);
	check(touches(mmap(NULL, SIZE, PROT_READ, MAP_SHARED, piece.fd, 0), false));
	import(EDU_DMA_DYNAMIC);
	check_fails(edu_map(writer.edu, writer.handle), EACCES);
	check_ok(peer_query(scene.node, piece.id, &info));
	check_eq(info.last_refusal, PEERBUF_REASON_READ_ONLY_BUFFER);
	/* One that can be made writable may be written. */
	mapped = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, scene.export.fd, 0);
	derive_from(mapped, SIZE);
	check_eq(piece.flags, PEERBUF_PIECE_F_WRITABLE);
}

TEST(node_of_the_parent_lists_it)
{
	struct peerbuf_export_info list[4];
	__u32 nr, total;

	open_all(0);
	check_ok(peer_list(scene.node, 0, list, 4, &nr, &total));
	check_eq(nr, 2);
	check_eq(list[1].id, piece.id);
	check_eq(list[1].parent, scene.export.id);
	check_eq(list[1].buffer_size, PART);
	check_eq(list[1].addr, lab_addr("rp-mem"));
	check_eq(list[1].pid, getpid());
	check_eq(list[0].parent, 0);
}

TEST(device_is_unbound)
{
	__u8 *part;

	open_all(0);
	import(EDU_DMA_DYNAMIC);
	check_ok(writer_put(&writer, 0, SCENE_LENGTH, 12));
	part = buffer_map(piece.fd, PART, 0);
	device_unbind("rp-mem");
	check(!part_mapped());
	check(!touches(part, false));
	check_fails(writer_put(&writer, 0, SCENE_LENGTH, 12), ENODEV);
	device_bind("rp-mem", "peerbuf");
}

/* ---- parts of parts ---- */

TEST(part_of_a_part)
{
	struct peerbuf_piece outer;
	__u8 *part;

	open_all(0);
	outer = piece;
	part = buffer_map(outer.fd, PART, 0);
	derive_from(part + PAGE, PAGE);
	check_eq(piece.parent, outer.id);
	import(EDU_DMA_DYNAMIC);
	check_ok(writer_put(&writer, 0, SCENE_LENGTH, 13));
	check_host_pattern("rp-mem", SCENE_START + AT + PAGE, SCENE_LENGTH, 13);
	/* What is done to either of the two above it. */
	check_ok(peer_revoke(scene.node, outer.id, 1000));
	check(!part_mapped());
	check_fails(writer_put(&writer, 0, SCENE_LENGTH, 13), ENODEV);
	check_ok(peer_restore(scene.node, outer.id));
	check_ok(peer_revoke(scene.node, scene.export.id, 1000));
	check_fails(writer_put(&writer, 0, SCENE_LENGTH, 13), ENODEV);
	check_ok(peer_restore(scene.node, scene.export.id));
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, SCENE_ELSEWHERE, SIZE, 0));
	check_ok(writer_put(&writer, 0, SCENE_LENGTH, 14));
	check_host_pattern("rp-mem", SCENE_ELSEWHERE + AT + PAGE, SCENE_LENGTH, 14);
	/* It keeps the one between. */
	close(outer.fd);
	check_sys(munmap(part, PART));
	check_ok(writer_put(&writer, 0, SCENE_LENGTH, 15));
}

TEST(not_for_ever)
{
	__u32 nr = 1, depth;
	__u8 *part = NULL;

	open_all(0);
	for (depth = 1; depth < 8; depth++) {
		part = buffer_map(piece.fd, PAGE, 0);
		derive_from(part, PAGE);
	}
	part = buffer_map(piece.fd, PAGE, 0);
	check_ok(peer_lookup(control, part, PAGE, 0, &piece, &nr));
	check_eq(piece.fd, -1);
	check_eq(piece.reason, PEERBUF_REASON_DERIVED_DEEP);
}

/* ---- one of several ---- */

static int far;
static struct peer_export other, composed;
static __u8 *room;

/* Buffers of two functions side by side, and one of the end of the first and what follows. */
static void compose(void)
{
	__u64 offset;

	open_all(0);
	far = node_open("far-mem");
	lab_host_fill("far-mem", 0, 1 << 20, SCENE_PAINT);
	check_ok(peer_export_one(far, MEM_BAR, 0, SIZE, 0, &other));
	room = mmap(NULL, 2 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(room != MAP_FAILED);
	check(mmap(room, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, scene.export.fd,
		   0) == room);
	check(mmap(room + SIZE, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, other.fd,
		   0) == room + SIZE);
	check_ok(peer_compose(control, room + SIZE - PAGE, 2 * PAGE, &composed, &offset, NULL));
	check_eq(offset, 0);
	writer_open(&writer, "rp-edu", composed.fd, EDU_DMA_DYNAMIC);
}

static void check_written(const char *first, __u64 at, const char *second, __u64 to, __u32 seed)
{
	static __u8 got[SCENE_LENGTH];
	const __u32 half = SCENE_LENGTH / 2;

	lab_host_read(first, at + PAGE - half, got, half);
	lab_host_read(second, to, got + half, half);
	check(pattern_matches(got, SCENE_LENGTH, seed));
}

TEST(composed_of_two_functions)
{
	struct peerbuf_export_info info;

	compose();
	check_ok(peer_query_fd(control, composed.fd, &info));
	check_eq(info.nr_devices, 2);
	check_eq(info.parent, scene.export.id);
	check_ok(writer_put(&writer, PAGE - SCENE_LENGTH / 2, SCENE_LENGTH, 16));
	check_written("rp-mem", SCENE_START + SIZE - PAGE, "far-mem", 0, 16);
}

static void revoke_one(int node, __u64 id)
{
	check_ok(writer_put(&writer, 0, SCENE_LENGTH, 17));
	check_ok(peer_revoke(node, id, 1000));
	check(!part_mapped());
	check_fails(writer_put(&writer, 0, SCENE_LENGTH, 17), ENODEV);
	check_ok(peer_restore(node, id));
}

TEST(composed_goes_with_any_of_its_parents)
{
	compose();
	revoke_one(scene.node, scene.export.id);
	revoke_one(far, other.id);
	check_ok(writer_put(&writer, 0, SCENE_LENGTH, 18));
	close(far);
	check(!part_mapped());
	check_fails(writer_put(&writer, 0, SCENE_LENGTH, 18), ENODEV);
}

TEST(composed_follows_each_of_its_parents)
{
	compose();
	check_ok(writer_put(&writer, PAGE - SCENE_LENGTH / 2, SCENE_LENGTH, 19));
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, SCENE_ELSEWHERE, SIZE,
			       PEERBUF_MOVE_F_COPY));
	check_ok(writer_check(&writer, PAGE - SCENE_LENGTH / 2, SCENE_LENGTH, 19));
	check_written("rp-mem", SCENE_ELSEWHERE + SIZE - PAGE, "far-mem", 0, 19);
	check_ok(peer_move_one(far, other.id, MEM_BAR, SCENE_ELSEWHERE, SIZE,
			       PEERBUF_MOVE_F_COPY));
	check_ok(writer_put(&writer, PAGE - SCENE_LENGTH / 2, SCENE_LENGTH, 20));
	check_written("rp-mem", SCENE_ELSEWHERE + SIZE - PAGE, "far-mem", SCENE_ELSEWHERE, 20);
}

/* Two mappings of one buffer, the second half first. */
TEST(composed_of_one_buffer)
{
	__u64 offset;

	open_all(0);
	room = mmap(NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(mmap(room, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, scene.export.fd,
		   4 * PAGE) == room);
	check(mmap(room + PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		   scene.export.fd, 0) == room + PAGE);
	check_ok(peer_compose(control, room + 10, 2 * PAGE - 10, &composed, &offset, NULL));
	check_eq(offset, 10);
	writer_open(&writer, "rp-edu", composed.fd, EDU_DMA_DYNAMIC);
	check_ok(writer_put(&writer, PAGE - SCENE_LENGTH / 2, SCENE_LENGTH, 21));
	check_written("rp-mem", SCENE_START + 4 * PAGE, "rp-mem", SCENE_START, 21);
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, SCENE_ELSEWHERE, SIZE, 0));
	check_ok(writer_put(&writer, PAGE - SCENE_LENGTH / 2, SCENE_LENGTH, 22));
	check_written("rp-mem", SCENE_ELSEWHERE + 4 * PAGE, "rp-mem", SCENE_ELSEWHERE, 22);
}

static void not_composed(void *address, __u64 length, void *bad, __u32 reason)
{
	struct snapshot before;
	__u64 bad_addr;

	snapshot_take(&before);
	check_fails(peer_compose(control, address, length, &composed, NULL, &bad_addr),
		    EOPNOTSUPP);
	check_eq(peer_reason, reason);
	check_eq(bad_addr, (unsigned long)bad);
	snapshot_unchanged(&before);
}

TEST(nothing_is_composed_with_other_memory)
{
	static __u8 here[PAGE];

	open_all(0);
	room = mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(mmap(room, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, scene.export.fd,
		   0) == room);
	not_composed(here, sizeof(here), here, PEERBUF_REASON_ORDINARY_MEMORY);
	not_composed(room, 2 * PAGE, room + PAGE, PEERBUF_REASON_ORDINARY_MEMORY);
	check_sys(munmap(room + PAGE, PAGE));
	not_composed(room, 2 * PAGE, room + PAGE, PEERBUF_REASON_NOTHING_MAPPED);
	check_ok(peer_compose(control, room, PAGE, &composed, NULL, NULL));
}
