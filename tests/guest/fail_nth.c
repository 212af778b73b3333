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
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "shapes.h"
#include "snapshot.h"

#define SIZE	(64 * 1024)
#define START	(128 * 1024)
#define MOST	400

static struct stage stage;
static struct snapshot before;
static int nth_fd;

#define FAILSLAB	"/sys/kernel/debug/failslab/"
#define FAIL_PAGE	"/sys/kernel/debug/fail_page_alloc/"

static void setting(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), FAILSLAB "%s", name);
	check_ok(sysfs_write(path, value));
	snprintf(path, sizeof(path), FAIL_PAGE "%s", name);
	check_ok(sysfs_write(path, value));
}

/*
 * DMA debugging switches itself off for want of memory, which is nothing to test: spare
 * what is allocated below that function.
 */
static void spare(const char *function)
{
	FILE *symbols = fopen("/proc/kallsyms", "re");
	unsigned long long address, start = 0, end = ~0ULL;
	char line[256], name[128], text[32];

	check(symbols);
	while (fgets(line, sizeof(line), symbols)) {
		if (sscanf(line, "%llx %*c %127s", &address, name) != 2)
			continue;
		if (!strcmp(name, function))
			start = address;
	}
	rewind(symbols);
	while (fgets(line, sizeof(line), symbols)) {
		address = strtoull(line, NULL, 16);
		if (address > start && address < end)
			end = address;
	}
	fclose(symbols);
	if (!start)
		return;
	snprintf(text, sizeof(text), "%#llx", end);
	setting("reject-end", text);
	snprintf(text, sizeof(text), "%#llx", start);
	setting("reject-start", text);
	setting("stacktrace-depth", "32");
}

static void set_up(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth",
		 syscall(SYS_gettid));
	nth_fd = open(path, O_RDWR | O_CLOEXEC);
	if (nth_fd < 0)
		skip("no fault injection in this kernel");
	setting("ignore-gfp-wait", "N");
	setting("verbose", "0");
	spare("add_dma_entry");
	stage_open(&stage);
}

static void arm(unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	check_eq(pwrite(nth_fd, text, n, 0), n);
}

/* Has the armed failure happened? Disarms it. */
static bool disarm(void)
{
	char text[16] = "";

	check(pread(nth_fd, text, sizeof(text) - 1, 0) > 0);
	arm(0);
	return atoi(text) == 0;
}

/**
 * struct call - a call to make again and again
 * @name: for messages
 * @prepare: what must be so before it; may be NULL
 * @make: the call: 0 or -errno
 * @undo: what a success changed; may be NULL
 */
struct call {
	const char *name;
	void (*prepare)(void);
	int (*make)(void);
	void (*undo)(void);
};

/* True when the call ran to its end without the failure having happened. */
static bool attempt(const struct call *call, unsigned int nth,
		    unsigned int *failed)
{
	bool happened;
	int ret;

	if (call->prepare)
		call->prepare();
	snapshot_take(&before);
	arm(nth);
	ret = call->make();
	happened = disarm();
	if (ret) {
		if (!happened)
			fail("%s: %s, with nothing having failed", call->name,
			     strerror(-ret));
		if (ret != -ENOMEM && ret != -EFAULT && ret != -ENFILE)
			fail("%s: %s for want of memory", call->name,
			     strerror(-ret));
		snapshot_unchanged(&before);
		(*failed)++;
	} else if (call->undo) {
		call->undo();
	}
	return !happened;
}

static void every_allocation(const struct call *call)
{
	unsigned int nth, failed = 0;

	for (nth = 1; !attempt(call, nth, &failed); nth++)
		check(nth < MOST);
	printf("%s: %u failing allocations, refused %u times\n", call->name,
	       nth - 1, failed);
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
	/* What is to be restored or denied must be revoked or lent just once. */
	if (!strcmp(shape->name, "RESTORE"))
		peer_restore(stage.node, stage.export.id);
	if (!strcmp(shape->name, "DENY"))
		peer_deny(stage.control, stage.addr, 1U << 2);
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

/* Wherever it is after a mapping that failed: it may have moved for it. */
static bool fall_back_once(unsigned int nth, const void *bytes)
{
	struct peerbuf_export_info info;
	bool happened;
	int ret;

	prepare_in_bar();
	check_ok(peer_query(stage.node, stage.export.id, &info));
	check_eq(info.system_size, 0);
	arm(nth);
	ret = edu_attach(edu, stage.export.fd, EDU_DMA_STATIC, 0, &handle);
	if (!ret) {
		ret = edu_map(edu, handle);
		happened = disarm();
		check_ok(edu_detach(edu, handle));
	} else {
		happened = disarm();
	}
	if (ret && ret != -ENOMEM)
		fail("%s for want of memory", strerror(-ret));
	check(!ret || happened);
	check(pattern_matches(bytes, SIZE, 2));
	check_ok(peer_query(stage.node, stage.export.id, &info));
	check(!info.system_size || info.system_size == SIZE);
	check(ret || info.system_size);
	check_eq(info.nr_mappings, 0);
	check_eq(info.pins, 0);
	return !happened;
}

TEST(fallback, .timeout = 300)
{
	unsigned int nth;
	__u8 *bytes;

	set_up();
	close(stage.export.fd);
	check_ok(peer_export_one(stage.node, MEM_BAR, START, SIZE,
				 PEERBUF_EXPORT_F_FALLBACK, &stage.export));
	bytes = buffer_map(stage.export.fd, SIZE, 0);
	pattern_fill(bytes, SIZE, 2);
	edu = edu_open("rp-edu");
	for (nth = 1; !fall_back_once(nth, bytes); nth++)
		check(nth < MOST);
	printf("%u failing allocations\n", nth - 1);
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
