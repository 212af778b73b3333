// SPDX-License-Identifier: GPL-2.0
/*
 * One MR over a hodgepodge: ranges of a BAR, of two BARs, of two devices, in any
 * order. Every byte lands in its place, and none beside it.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "rdma.h"

#define PIECE	0x1000
#define SEAM	300
#define ROOM	(4 * PIECE)

static struct rdma rdma;
static struct ibv_qp *qp[2];
static struct rdma_memory memory;

static void setup(void)
{
	rdma_begin(&rdma, "rp-edu", qp, ROOM, &memory);
}

/* All of it; the export it is of is the latest. */
static struct peer_export export;

static struct ibv_mr *mr_of(int node, const struct peerbuf_range *ranges, __u32 nr,
			    __u64 length)
{
	struct ibv_mr *mr;

	check_ok(peer_export(node, ranges, nr, 0, &export));
	check_eq(export.size, length);
	check_ok(rdma_reg_dmabuf(&rdma, 0, length, 0, export.fd, RDMA_ALL, &mr));
	return mr;
}

static void write_pattern(struct ibv_mr *mr, __u64 remote, __u32 length, __u32 seed)
{
	pattern_fill(memory.data, length, seed);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, length, remote,
			 mr->rkey), IBV_WC_SUCCESS);
}

static void check_read_back(struct ibv_mr *mr, __u32 length, __u32 seed)
{
	memset(memory.data, 0, length);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_READ, &memory, 0, length, 0, mr->rkey),
		 IBV_WC_SUCCESS);
	check(pattern_matches(memory.data, length, seed));
}

static bool all_is(const __u8 *data, size_t length, __u8 byte)
{
	for (size_t i = 0; i < length; i++)
		if (data[i] != byte)
			return false;
	return true;
}

/* The pieces next to this one, which are not in the buffer, are as they were. */
static void check_around(const char *mem, __u64 offset)
{
	__u8 host[PIECE];

	lab_host_read(mem, offset - PIECE, host, PIECE);
	check(all_is(host, PIECE, 0xee));
	lab_host_read(mem, offset + PIECE, host, PIECE);
	check(all_is(host, PIECE, 0xee));
}

/* Neither neighbours nor in order, and not of one size: across both seams. */
TEST(ranges_of_one_bar)
{
	struct peerbuf_range ranges[] = {
		{ .bar = MEM_BAR, .offset = 0x40000, .length = 0x2000 },
		{ .bar = MEM_BAR, .offset = 0x10000, .length = 0x1000 },
		{ .bar = MEM_BAR, .offset = 0x80000, .length = 0x3000 },
	};
	__u8 host[2 * SEAM];
	struct ibv_mr *mr;

	setup();
	lab_host_fill("rp-mem", 0, 0x100000, 0xee);
	mr = mr_of(node_open("rp-mem"), ranges, 3, 0x6000);
	write_pattern(mr, 0x2000 - SEAM, 2 * SEAM, 4);
	lab_host_read("rp-mem", 0x42000 - SEAM, host, SEAM);
	lab_host_read("rp-mem", 0x10000, host + SEAM, SEAM);
	check(pattern_matches(host, 2 * SEAM, 4));
	write_pattern(mr, 0x3000 - SEAM, 2 * SEAM, 5);
	lab_host_read("rp-mem", 0x11000 - SEAM, host, SEAM);
	lab_host_read("rp-mem", 0x80000, host + SEAM, SEAM);
	check(pattern_matches(host, 2 * SEAM, 5));
	check_around("rp-mem", 0x10000);
}

/* Each range its own, so that one and a half of them are two of what there is. */
TEST(mr_of_a_piece_maps_no_more)
{
	struct peerbuf_attachment_info info;
	struct peerbuf_range ranges[16];
	__u8 host[SEAM];
	struct ibv_mr *mr;
	__u32 total;
	int node;

	for (unsigned int i = 0; i < 16; i++)
		ranges[i] = (struct peerbuf_range) {
			.bar = MEM_BAR, .offset = 2 * i * PIECE, .length = PIECE,
		};
	setup();
	node = node_open("rp-mem");
	lab_host_fill("rp-mem", 0, 0x100000, 0xee);
	check_ok(peer_export(node, ranges, 16, 0, &export));
	/* From the middle of the fifth to the middle of the sixth. */
	check_ok(rdma_reg_dmabuf(&rdma, 4 * PIECE + PIECE / 2, PIECE, PIECE / 2, export.fd,
				 RDMA_ALL, &mr));
	check_ok(peer_attachments(node, export.id, &info, 1, &total));
	check_eq(total, 1);
	check_eq(info.nr_mappings, 1);
	check_eq(info.mapped_ranges, 2);
	write_pattern(mr, PIECE - SEAM / 2, SEAM, 6);
	lab_host_read("rp-mem", 9 * PIECE - SEAM / 2, host, SEAM / 2);
	lab_host_read("rp-mem", 10 * PIECE, host + SEAM / 2, SEAM / 2);
	check(pattern_matches(host, SEAM, 6));
	check_around("rp-mem", 6 * PIECE);
	check_around("rp-mem", 12 * PIECE);
}

TEST(ranges_of_two_devices)
{
	struct peerbuf_range ranges[4] = {
		{ .bar = MEM_BAR, .offset = 0x20000, .length = PIECE },
		{ .bar = MEM_BAR, .offset = 0x30000, .length = PIECE,
		  .flags = PEERBUF_RANGE_F_DEVICE_FD },
		{ .bar = MEM_BAR, .offset = 0x10000, .length = PIECE },
		{ .bar = MEM_BAR, .offset = 0x50000, .length = PIECE,
		  .flags = PEERBUF_RANGE_F_DEVICE_FD },
	};
	__u8 host[4 * PIECE];
	struct ibv_mr *mr;
	int other;

	setup();
	lab_host_fill("rp-mem", 0, 0x100000, 0xee);
	lab_host_fill("far-mem", 0, 0x100000, 0xee);
	other = node_open("far-mem");
	ranges[1].device_fd = other;
	ranges[3].device_fd = other;
	mr = mr_of(node_open("rp-mem"), ranges, 4, sizeof(host));
	write_pattern(mr, 0, sizeof(host), 9);
	lab_host_read("rp-mem", 0x20000, host, PIECE);
	lab_host_read("far-mem", 0x30000, host + PIECE, PIECE);
	lab_host_read("rp-mem", 0x10000, host + 2 * PIECE, PIECE);
	lab_host_read("far-mem", 0x50000, host + 3 * PIECE, PIECE);
	check(pattern_matches(host, sizeof(host), 9));
	check_around("rp-mem", 0x20000);
	check_around("rp-mem", 0x10000);
	check_around("far-mem", 0x30000);
	check_around("far-mem", 0x50000);
	check_read_back(mr, sizeof(host), 9);
}

/* Two BARs with system memory between and behind them, which only the CPU can show. */
TEST(ranges_of_bars_and_system_memory)
{
	struct peerbuf_range ranges[4] = {
		{ .bar = MEM_BAR, .offset = 0x20000, .length = PIECE },
		{ .length = PIECE, .flags = PEERBUF_RANGE_F_SYSTEM },
		{ .bar = MEM_BAR, .offset = 0x30000, .length = PIECE,
		  .flags = PEERBUF_RANGE_F_DEVICE_FD },
		{ .length = PIECE, .flags = PEERBUF_RANGE_F_SYSTEM },
	};
	__u8 seen[4 * PIECE], *cpu;
	struct ibv_mr *mr;

	setup();
	lab_host_fill("rp-mem", 0, 0x100000, 0xee);
	lab_host_fill("far-mem", 0, 0x100000, 0xee);
	ranges[2].device_fd = node_open("far-mem");
	mr = mr_of(node_open("rp-mem"), ranges, 4, sizeof(seen));
	cpu = buffer_map(export.fd, sizeof(seen), 0);
	write_pattern(mr, 0, sizeof(seen), 11);
	lab_host_read("rp-mem", 0x20000, seen, PIECE);
	memcpy(seen + PIECE, cpu + PIECE, PIECE);
	lab_host_read("far-mem", 0x30000, seen + 2 * PIECE, PIECE);
	memcpy(seen + 3 * PIECE, cpu + 3 * PIECE, PIECE);
	check(pattern_matches(seen, sizeof(seen), 11));
	check_around("rp-mem", 0x20000);
	check_around("far-mem", 0x30000);
	check_read_back(mr, sizeof(seen), 11);
}

/* ---- two BARs of one device: the lab's NVMe controller ---- */

#define CMB_BAR		2
#define PMR_BAR		4
#define PMRCTL		0xe04
#define PMRCTL_EN	1

/*
 * The persistent memory region does not answer before the controller is told so by
 * a register of BAR 0. No driver has the device then, so its BARs are free to map.
 */
static void pmr_switch_on(void)
{
	volatile __u32 *registers;
	char path[128];
	int fd;

	device_unbind("sw-nvme");
	check_ok(device_write("sw-nvme", "enable", "1"));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0",
		 lab_where("sw-nvme"));
	fd = check_sys(open(path, O_RDWR | O_CLOEXEC));
	registers = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(registers != MAP_FAILED);
	registers[PMRCTL / sizeof(*registers)] = PMRCTL_EN;
	check_eq(registers[PMRCTL / sizeof(*registers)], PMRCTL_EN);
	check_sys(munmap((void *)registers, PIECE));
	close(fd);
	check_ok(device_write("sw-nvme", "enable", "0"));
}

/* The host has no file of the CMB: an export of that range alone shows it. */
static void *cmb_map(int node, __u64 offset)
{
	struct peer_export alone;

	check_ok(peer_export_one(node, CMB_BAR, offset, 3 * PIECE, 0, &alone));
	return buffer_map(alone.fd, 3 * PIECE, 0);
}

static void check_two_bars(int node)
{
	const struct peerbuf_range ranges[4] = {
		{ .bar = CMB_BAR, .offset = 0x21000, .length = PIECE },
		{ .bar = PMR_BAR, .offset = 0x31000, .length = PIECE },
		{ .bar = CMB_BAR, .offset = 0x11000, .length = PIECE },
		{ .bar = PMR_BAR, .offset = 0x51000, .length = PIECE },
	};
	__u8 seen[4 * PIECE], *cmb[2];
	struct ibv_mr *mr;

	lab_host_fill("sw-nvme", 0, 0x100000, 0xee);
	cmb[0] = cmb_map(node, 0x20000);
	cmb[1] = cmb_map(node, 0x10000);
	memset(cmb[0], 0xee, 3 * PIECE);
	memset(cmb[1], 0xee, 3 * PIECE);
	mr = mr_of(node, ranges, 4, sizeof(seen));
	write_pattern(mr, 0, sizeof(seen), 10);
	memcpy(seen, cmb[0] + PIECE, PIECE);
	lab_host_read("sw-nvme", 0x31000, seen + PIECE, PIECE);
	memcpy(seen + 2 * PIECE, cmb[1] + PIECE, PIECE);
	lab_host_read("sw-nvme", 0x51000, seen + 3 * PIECE, PIECE);
	check(pattern_matches(seen, sizeof(seen), 10));
	check_around("sw-nvme", 0x31000);
	check_around("sw-nvme", 0x51000);
	for (int i = 0; i < 2; i++)
		check(all_is(cmb[i], PIECE, 0xee) &&
		      all_is(cmb[i] + 2 * PIECE, PIECE, 0xee));
	check_read_back(mr, sizeof(seen), 10);
}

TEST(ranges_of_two_bars_of_one_device)
{
	setup();
	pmr_switch_on();
	check_two_bars(node_open("sw-nvme"));
}
