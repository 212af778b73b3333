// SPDX-License-Identifier: GPL-2.0
/*
 * Every error path of every call: a call that succeeds is made again with its first
 * allocation failing, its second, its third, until none fails any more. It may
 * fail, it may manage, but it must not change anything when it fails.
 *
 * Needs a kernel with fault injection.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "nth.h"
#include "shapes.h"

#define SIZE	(16 * PAGE)
#define START	(32 * PAGE)

static struct stage stage;

static void set_up(void)
{
	nth_set_up();
	stage_open(&stage);
}

/* ---- ioctls of peerbuf ---- */

static const struct shape *shape;
static __u8 data[SHAPE_MOST];

static int make_shape(void)
{
	return shape_call(shape, &stage, data);
}

static void prepare_shape(void)
{
	/* What is to be restored or taken back must be revoked or lent just once. */
	if (!strcmp(shape->name, "RESTORE"))
		peer_restore(stage.node, stage.export.id);
	if (!strcmp(shape->name, "UNLEND"))
		peer_unlend(stage.control, stage.addr, 1U << 2);
	shape_prepare(shape, &stage, data);
}

static void undo_shape(void)
{
	if (shape->undo)
		shape->undo(&stage, data);
}

TEST(every_ioctl, .timeout = 300)
{
	struct call call = {
		.prepare = prepare_shape, .make = make_shape,
		.undo = undo_shape,
	};

	set_up();
	for (shape = shapes; shape < shapes + nr_shapes; shape++) {
		/* They attach to the buffer on their way, which is counted. */
		if (!strncmp(shape->name, "FILE_", 5))
			continue;
		call.name = shape->name;
		every_allocation(&call);
	}
}

static int opened;
static char node_path[64];

static int make_open(void)
{
	opened = open(node_path, O_RDWR | O_CLOEXEC);
	return opened < 0 ? -errno : 0;
}

static void undo_open(void)
{
	close(opened);
}

TEST(open_of_a_node)
{
	struct call call = {
		.name = "open", .make = make_open, .undo = undo_open,
	};

	set_up();
	snprintf(node_path, sizeof(node_path), "/dev/peerbuf/%s",
		 lab_where("rp-mem"));
	every_allocation(&call);
}

/* ---- importers ---- */

static int edu;
static __u32 handle, mode;

static int make_attach(void)
{
	return edu_attach(edu, stage.export.fd, mode, 0, &handle);
}

static void undo_attach(void)
{
	check_ok(edu_detach(edu, handle));
}

static int make_map(void)
{
	return edu_map(edu, handle);
}

static void undo_map(void)
{
	check_ok(edu_unmap(edu, handle));
}

/* Mapped beforehand, as a copy that fails leaves a mapping it has made. */
static void prepare_map(void)
{
	check_ok(make_map());
}

static int make_copy(void)
{
	return edu_copy(edu, handle, 0, 0, 64, EDU_DMA_TO_BUFFER, 0);
}

static void importer(const char *edu_id, __u32 kind)
{
	struct call attach = { "attach", NULL, make_attach, undo_attach };
	struct call map = { "map", NULL, make_map, undo_map };
	struct call copy = { "copy", prepare_map, make_copy, NULL };

	mode = kind;
	edu = edu_open(edu_id);
	every_allocation(&attach);
	check_ok(make_attach());
	every_allocation(&map);
	every_allocation(&copy);
	check_ok(edu_detach(edu, handle));
	close(edu);
}

TEST(importer_helper, .timeout = 300)
{
	set_up();
	importer("rp-edu", EDU_DMA_DYNAMIC);
}

TEST(foreign_importer, .timeout = 300)
{
	set_up();
	importer("rp-edu", EDU_DMA_FOREIGN);
}

/* Many ranges: the mapper has more to undo half-way. */
TEST(mapping_of_many_ranges, .timeout = 300)
{
	struct call map = { "map", NULL, make_map, undo_map };
	struct peerbuf_range ranges[32];

	set_up();
	for (__u32 i = 0; i < 32; i++)
		ranges[i] = (struct peerbuf_range){
			.offset = 2 * i * PAGE, .length = PAGE, .bar = MEM_BAR,
		};
	close(stage.export.fd);
	check_ok(peer_export(stage.node, ranges, 32, 0, &stage.export));
	edu = edu_open("far-edu");
	mode = EDU_DMA_DYNAMIC;
	check_ok(make_attach());
	every_allocation(&map);
	check_ok(edu_detach(edu, handle));
	mode = EDU_DMA_FOREIGN;
	check_ok(make_attach());
	every_allocation(&map);
	check_ok(edu_detach(edu, handle));
}

/* ---- system memory ---- */

static struct peer_export mixture;

static int make_mixture(void)
{
	const struct peerbuf_range ranges[] = {
		{ .length = 3 * PAGE, .flags = PEERBUF_RANGE_F_SYSTEM },
		{ .offset = 64 * PAGE, .length = PAGE, .bar = MEM_BAR },
		{ .length = 37 * PAGE, .flags = PEERBUF_RANGE_F_SYSTEM },
		{ .offset = 66 * PAGE, .length = PAGE, .bar = MEM_BAR },
		{ .length = 4 << 20, .flags = PEERBUF_RANGE_F_SYSTEM },
	};

	return peer_export(stage.node, ranges, 5, 0, &mixture);
}

static void undo_mixture(void)
{
	close(mixture.fd);
}

TEST(export_of_a_mixture, .timeout = 300)
{
	struct call call = { "export", NULL, make_mixture, undo_mixture };

	set_up();
	every_allocation(&call);
}

static int move_to_system(void)
{
	struct peerbuf_range range = { .length = SIZE, .flags = PEERBUF_RANGE_F_SYSTEM };

	return peer_move(stage.node, stage.export.id, &range, 1, PEERBUF_MOVE_F_COPY);
}

static int move_to_bar(void)
{
	return peer_move_one(stage.node, stage.export.id, MEM_BAR, START, SIZE,
			     PEERBUF_MOVE_F_COPY);
}

static void prepare_in_bar(void)
{
	struct peerbuf_export_info info;

	check_ok(peer_query(stage.node, stage.export.id, &info));
	if (info.system_size)
		check_ok(move_to_bar());
}

static void prepare_in_system(void)
{
	struct peerbuf_export_info info;

	check_ok(peer_query(stage.node, stage.export.id, &info));
	if (!info.system_size)
		check_ok(move_to_system());
}

/* A buffer that did not get there is where it was, with what it had. */
TEST(migration, .timeout = 300)
{
	struct call there = { "to system memory", prepare_in_bar, move_to_system, NULL };
	struct call back = { "to the BAR", prepare_in_system, move_to_bar, NULL };
	__u8 *bytes;

	set_up();
	bytes = buffer_map(stage.export.fd, SIZE, 0);
	pattern_fill(bytes, SIZE, 1);
	every_allocation(&there);
	check(pattern_matches(bytes, SIZE, 1));
	every_allocation(&back);
	check(pattern_matches(bytes, SIZE, 1));
}

static __u8 *fallen_back;

/* Wherever it is after a mapping that failed: it may have moved for it. */
static bool fall_back_once(unsigned int nth)
{
	struct peerbuf_export_info info;
	bool happened;
	int ret;

	prepare_in_bar();
	check_ok(peer_query(stage.node, stage.export.id, &info));
	check_eq(info.system_size, 0);
	nth_arm(nth);
	ret = edu_attach(edu, stage.export.fd, EDU_DMA_STATIC, 0, &handle);
	if (!ret) {
		ret = edu_map(edu, handle);
		happened = nth_disarm();
		check_ok(edu_detach(edu, handle));
	} else {
		happened = nth_disarm();
	}
	if (ret && ret != -ENOMEM)
		fail("%s for want of memory", strerror(-ret));
	check(!ret || happened);
	check(happened ? pattern_matches_seams(fallen_back, SIZE, 2) :
			 pattern_matches(fallen_back, SIZE, 2));
	check_ok(peer_query(stage.node, stage.export.id, &info));
	check(!info.system_size || info.system_size == SIZE);
	check(ret || info.system_size);
	check_eq(info.nr_mappings, 0);
	check_eq(info.pins, 0);
	return !happened;
}

TEST(fallback, .timeout = 300)
{
	set_up();
	close(stage.export.fd);
	check_ok(peer_export_one(stage.node, MEM_BAR, START, SIZE,
				 PEERBUF_EXPORT_F_FALLBACK, &stage.export));
	fallen_back = buffer_map(stage.export.fd, SIZE, 0);
	pattern_fill(fallen_back, SIZE, 2);
	edu = edu_open("rp-edu");
	every_nth("fallback", fall_back_once);
}

/* ---- the CPU ---- */

static void *cpu;

static int make_mmap(void)
{
	cpu = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		   stage.export.fd, 0);
	return cpu == MAP_FAILED ? -errno : 0;
}

static void undo_mmap(void)
{
	check_sys(munmap(cpu, SIZE));
}

TEST(mmap_of_a_buffer)
{
	struct call call = { "mmap", NULL, make_mmap, undo_mmap };

	set_up();
	every_allocation(&call);
}
