// SPDX-License-Identifier: GPL-2.0
/*
 * Clients of the two-step DMA API: what is linked and unlinked by hand, a scatterlist mapper that
 * is compared with dma_map_sg(), and a walk along pieces of alternating types. What they map a
 * device writes and reads; witnesses are the CPU and the host's file behind a BAR.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "stepper.h"

#define PIECES_MOST	8
/* What one transfer moves. */
#define LENGTH		2000
/* The BAR that the kernel's pci_p2pdma has of the lab's NVMe: its CMB. */
#define CMB_BAR		2

static struct stepper stepper;
static struct steps_range ranges[PIECES_MOST];
/* Whose BAR a piece is, or NULL. */
static const char *mems[PIECES_MOST];
static __u32 nr;
static __u64 size;
static __u8 *memory;

static void set_up(const char *edu)
{
	stepper_open(&stepper, edu);
	memory = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(memory != MAP_FAILED);
	memset(memory, 0xee, 64 * PAGE);
	nr = 0;
	size = 0;
}

static void add(const struct steps_range *range, const char *mem)
{
	check(nr < PIECES_MOST);
	ranges[nr] = *range;
	mems[nr++] = mem;
	size += range->length;
}

/* From @offset in our memory on. */
static void add_user(__u64 offset, __u64 length)
{
	struct steps_range range = {
		.kind = STEPS_USER, .start = (unsigned long)memory + offset, .length = length,
	};

	add(&range, NULL);
}

static void add_bar(const char *mem, __u64 offset, __u64 length)
{
	struct steps_range range = {
		.kind = STEPS_BAR, .bar = MEM_BAR, .device = lab_addr(mem), .start = offset,
		.length = length,
	};

	/* A driver has switched its memory on. */
	close(node_open(mem));
	lab_host_fill(mem, offset, length, 0xee);
	add(&range, mem);
}

static void add_p2pmem(__u64 length)
{
	struct steps_range range = {
		.kind = STEPS_P2PMEM, .bar = CMB_BAR, .device = lab_addr("sw-nvme"),
		.length = length,
	};

	device_bind("sw-nvme", "nvme");
	add(&range, "sw-nvme");
}

static int copy(__u32 by, __u64 at, __u32 length, __u32 direction, struct steps_copy *req)
{
	*req = (struct steps_copy){
		.by = by, .ranges = (unsigned long)ranges, .nr_ranges = nr,
		.direction = direction, .offset = at, .length = length,
	};
	return stepper_copy(&stepper, req);
}

static int map_only(__u32 by, struct steps_copy *req)
{
	return copy(by, 0, 0, EDU_DMA_FROM_BUFFER, req);
}

static __u32 length_at(__u64 at)
{
	return size - at < LENGTH ? size - at : LENGTH;
}

/* All of the list, by the device. */
static void device_writes(__u32 by, __u32 seed)
{
	__u8 inner[LENGTH];
	struct steps_copy req;

	for (__u64 at = 0; at < size; at += LENGTH) {
		pattern_fill_part(inner, at, length_at(at), seed);
		check_ok(edu_put(stepper.edu, 0, inner, length_at(at)));
		check_ok(copy(by, at, length_at(at), EDU_DMA_TO_BUFFER, &req));
	}
}

static void device_reads(__u32 by, __u32 seed)
{
	__u8 inner[LENGTH] = {};
	struct steps_copy req;

	for (__u64 at = 0; at < size; at += LENGTH) {
		check_ok(copy(by, at, length_at(at), EDU_DMA_FROM_BUFFER, &req));
		check_ok(edu_get(stepper.edu, 0, inner, length_at(at)));
		check(pattern_matches_part(inner, at, length_at(at), seed));
	}
}

/* The CPU's view of memory, the host's of BARs. */
static void witnesses_see(__u32 seed)
{
	__u8 host[16 * PAGE];
	__u64 at = 0;

	for (__u32 i = 0; i < nr; at += ranges[i++].length) {
		void *seen = (void *)(unsigned long)ranges[i].start;

		if (mems[i]) {
			check(ranges[i].length <= sizeof(host));
			lab_host_read(mems[i], ranges[i].start, host, ranges[i].length);
			seen = host;
		}
		printf("piece %u\n", i);
		check(pattern_matches_part(seen, at, ranges[i].length, seed));
	}
}

static void bytes_move(void)
{
	device_writes(STEPS_BY_SG, 1);
	witnesses_see(1);
	device_reads(STEPS_BY_WALK, 1);
	device_writes(STEPS_BY_WALK, 2);
	witnesses_see(2);
	device_reads(STEPS_BY_SG, 2);
}

static bool contiguous(void)
{
	return stepper.flags & STEPS_PROBE_F_CONTIGUOUS;
}

/* ---- what the kernel can ---- */

TEST(probe_tells_what_the_kernel_can)
{
	const char *kernel = getenv("LAB_KERNEL"), *machine = getenv("LAB_MACHINE");
	bool translated = !strncmp(machine, "vtd", 3) || !strcmp(machine, "smmu");

	set_up("rp-edu");
	check_eq(!!(stepper.flags & STEPS_PROBE_F_TRANSLATED), translated);
	check_eq(contiguous(), translated && *kernel == '7');
	/* None of the lab's guests is a confidential one. */
	check(!(stepper.flags & STEPS_PROBE_F_SHARED));
	check(stepper.flags & STEPS_PROBE_F_MIRROR);
}

static void links_and_unlinks(const char *edu, const char *mem)
{
	struct steps_check req = { .device = lab_addr(mem), .bar = MEM_BAR };

	set_up(edu);
	close(node_open(mem));
	check_ok(stepper_check(&stepper, &req));
	if (req.line)
		fail("steps_check.c:%u, error %d", req.line, req.error);
	check_eq(req.contiguous, contiguous());
}

TEST(pages_are_linked_and_unlinked)
{
	links_and_unlinks("rp-edu", "rp-mem");
}

TEST(pages_are_linked_and_unlinked_same_switch)
{
	links_and_unlinks("sw-edu", "sw-mem");
}

/* ---- the scatterlist mapper ---- */

static void add_mixture(const char *one, const char *other)
{
	add_user(100, PAGE + 300);
	add_bar(one, 32 * PAGE, 2 * PAGE);
	add_user(8 * PAGE, 2 * PAGE);
	add_user(12 * PAGE, 77);
	add_bar(other, 5 * PAGE, PAGE);
	add_bar(one, 64 * PAGE, PAGE);
	add_user(20 * PAGE + 4000, 500);
}

TEST(memory_and_bars_in_one_list, .timeout = 120)
{
	set_up("rp-edu");
	add_mixture("rp-mem", "far-mem");
	bytes_move();
}

TEST(memory_and_bars_in_one_list_same_switch, .timeout = 120)
{
	set_up("sw-edu");
	add_mixture("sw-mem", "rp-mem");
	bytes_move();
}

TEST(consecutive_pages_are_one_segment)
{
	struct steps_copy req;

	set_up("rp-edu");
	add_user(0, 3 * PAGE);
	add_bar("rp-mem", 16 * PAGE, 2 * PAGE);
	add_user(8 * PAGE, 2 * PAGE);
	check_ok(map_only(STEPS_BY_SG, &req));
	check_eq(req.entries, 6);
	check_eq(req.segments, contiguous() ? 1 : 6);
}

TEST(memory_is_not_shared_by_a_guest_that_has_no_secrets)
{
	struct steps_copy req;

	set_up("rp-edu");
	add_user(100, 2 * PAGE);
	ranges[0].kind = STEPS_SHARED;
	check_fails(map_only(STEPS_BY_SG, &req), EOPNOTSUPP);
	check_fails(map_only(STEPS_BY_WALK, &req), EOPNOTSUPP);
}

static int compare(__u64 at, __u32 length, struct steps_compare *req)
{
	*req = (struct steps_compare){
		.nr_ranges = nr, .ranges = (unsigned long)ranges, .offset = at, .length = length,
	};
	return stepper_compare(&stepper, req);
}

/* With @length bytes written by the one's addresses and read by the other's. */
static void check_equal(__u64 at, __u32 length)
{
	__u8 inner[LENGTH];
	struct steps_compare req;

	if (length) {
		pattern_fill(inner, length, 3);
		check_ok(edu_put(stepper.edu, 0, inner, length));
	}
	check_ok(compare(at, length, &req));
	printf("%u pieces, %u segments, dma_map_sg() %u\n", req.entries, req.segments,
	       req.stock_segments);
	if (req.line)
		fail("steps_compare.c:%u", req.line);
	if (length) {
		check_ok(edu_get(stepper.edu, length, inner, length));
		check(pattern_matches(inner, length, 3));
	}
}

static void memory_of_all_shapes(void)
{
	add_user(0, 3 * PAGE);
	check_equal(0, 0);
	add_user(3 * PAGE, PAGE + 1);
	add_user(8 * PAGE + 5, 2 * PAGE);
	add_user(16 * PAGE + 100, PAGE - 100);
	add_user(20 * PAGE, 8 * PAGE);
	add_user(30 * PAGE + 4095, 1);
	add_user(32 * PAGE, 1);
	check_equal(3 * PAGE - 700, 1500);
}

TEST(equals_dma_map_sg_for_memory)
{
	set_up("rp-edu");
	memory_of_all_shapes();
}

TEST(equals_dma_map_sg_with_short_segments)
{
	check(edu_rebind("rp-edu", "max_segment", "8192", "4294967295"));
	set_up("rp-edu");
	memory_of_all_shapes();
	close(stepper.steps);
	close(stepper.edu);
	device_unbind("rp-edu");
}

/* dma_map_sg() knows BARs by the struct pages that the kernel's pci_p2pdma makes. */
static void memory_and_p2pmem(const char *edu, __u32 length)
{
	struct steps_compare req;

	set_up(edu);
	add_user(0, 2 * PAGE);
	add_p2pmem(2 * PAGE);
	add_user(8 * PAGE, PAGE);
	add_user(12 * PAGE + 30, 600);
	add_p2pmem(PAGE);
	add_p2pmem(PAGE);
	if (*getenv("LAB_KERNEL") == '6') {
		check_fails(compare(0, 0, &req), EOPNOTSUPP);
		return;
	}
	check_equal(2 * PAGE - 300, length);
}

TEST_VARIANT(equals_dma_map_sg_for_memory_and_bars, memory_and_p2pmem, "rp-edu", 800)
TEST_VARIANT(equals_dma_map_sg_for_memory_and_bars_same_switch, memory_and_p2pmem, "sw-edu", 800)

TEST_VARIANT(equals_dma_map_sg_in_addresses_same_switch, memory_and_p2pmem, "sw-edu", 0)

/* ---- the walk ---- */

TEST(runs_of_one_type_are_linked_together)
{
	struct steps_copy req;

	set_up("rp-edu");
	add_user(0, 2 * PAGE);
	add_bar("rp-mem", 16 * PAGE, PAGE);
	add_bar("far-mem", 16 * PAGE, PAGE);
	add_user(8 * PAGE, PAGE);
	add_user(16 * PAGE, PAGE);
	check_ok(map_only(STEPS_BY_WALK, &req));
	check_eq(req.entries, 6);
	check_eq(req.runs, 3);
	if (contiguous())
		check_eq(req.segments, 3);
	bytes_move();
}

static void add_alternating(void)
{
	add_user(0, PAGE);
	add_bar("sw-mem", 16 * PAGE, PAGE);
	add_user(8 * PAGE, PAGE);
	add_bar("rp-mem", 16 * PAGE, PAGE);
	add_bar("sw-mem", 32 * PAGE, PAGE);
	add_bar("sw-mem", 33 * PAGE, PAGE);
}

TEST(types_alternate)
{
	struct steps_copy req;

	set_up("sw-edu");
	add_alternating();
	check_ok(map_only(STEPS_BY_WALK, &req));
	check_eq(req.runs, 5);
	check_eq(req.segments, 5);
}

TEST(types_alternate_same_switch, .timeout = 120)
{
	set_up("sw-edu");
	add_alternating();
	bytes_move();
}

/* ---- refusals ---- */

TEST(no_route_is_said_before_anything_is_linked)
{
	struct steps_copy req;

	set_up("rp-edu");
	add_user(0, PAGE);
	add_bar("rp-mem", 0, PAGE);
	check_fails(map_only(STEPS_BY_SG, &req), EHOSTUNREACH);
}

TEST(lists_that_are_none)
{
	struct steps_copy req;
	int last;

	set_up("rp-edu");
	check_fails(map_only(STEPS_BY_SG, &req), EINVAL);
	add_user(0, PAGE);
	add_bar("rp-mem", 0, PAGE);
	last = nr - 1;
	ranges[last].start = bar_size("rp-mem", MEM_BAR) - PAGE;
	check_ok(map_only(STEPS_BY_SG, &req));
	ranges[last].length = 2 * PAGE;
	check_fails(map_only(STEPS_BY_SG, &req), ERANGE);
	check_fails(map_only(STEPS_BY_WALK, &req), ERANGE);
	ranges[last].length = PAGE;
	ranges[last].start = bar_size("rp-mem", MEM_BAR);
	check_fails(map_only(STEPS_BY_SG, &req), ERANGE);
	ranges[last].bar = 5;
	check_fails(map_only(STEPS_BY_SG, &req), ENXIO);
	ranges[last].bar = 6;
	check_fails(map_only(STEPS_BY_SG, &req), EINVAL);
	/* Nobody has memory there. */
	nr = 1;
	ranges[0].start = 0;
	check_fails(map_only(STEPS_BY_SG, &req), EFAULT);
}
