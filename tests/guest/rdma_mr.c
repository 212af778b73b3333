// SPDX-License-Identifier: GPL-2.0
/*
 * MRs on exported BARs: what ibv_reg_dmabuf_mr() takes, what it refuses, and that
 * bytes land where they belong. Witness is the host's file behind the BAR.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "rdma.h"
#include "snapshot.h"

#define START	(128 * 1024)
#define SIZE	(64 * 1024)
#define LENGTH	1500

static struct rdma rdma;
static struct ibv_qp *qp[2];
static struct rdma_memory memory;

static void setup(const char *edu)
{
	rdma_open(&rdma, edu);
	rdma_loop(&rdma, qp);
	rdma_memory(&rdma, 64 * 1024, &memory);
}

/* WRITE there, look on the host, READ back. @bar_at: the same byte in the BAR. */
static void check_round_trip(const char *mem, __u64 bar_at, __u64 remote,
			     __u32 rkey, __u32 seed)
{
	__u8 host[LENGTH];

	pattern_fill(memory.data, LENGTH, seed);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, LENGTH, remote,
			 rkey), IBV_WC_SUCCESS);
	lab_host_read(mem, bar_at, host, LENGTH);
	check(pattern_matches(host, LENGTH, seed));
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_READ, &memory, 8192, LENGTH, remote,
			 rkey), IBV_WC_SUCCESS);
	check(pattern_matches(memory.data + 8192, LENGTH, seed));
}

static void range(const char *edu, const char *mem)
{
	struct rdma_bar bar;

	setup(edu);
	lab_host_fill(mem, START, SIZE, 0xee);
	rdma_bar(&rdma, mem, START, SIZE, &bar);
	check_round_trip(mem, START + 0x3100, 0x3100, bar.mr->rkey, 1);
	check_eq(ibv_dereg_mr(bar.mr), 0);
}

TEST(range_of_a_bar_same_switch)
{
	range("sw-edu", "sw-mem");
}

TEST(range_of_a_bar_root_ports)
{
	range("rp-edu", "rp-mem");
}

TEST(range_of_a_bar_host_bridges)
{
	range("far-edu", "rp-mem");
}

TEST(whole_bar)
{
	__u64 size = bar_size("rp-mem", MEM_BAR);
	struct rdma_bar bar;

	setup("rp-edu");
	rdma_bar(&rdma, "rp-mem", 0, size, &bar);
	check_round_trip("rp-mem", 0, 0, bar.mr->rkey, 2);
	check_round_trip("rp-mem", size - LENGTH, size - LENGTH, bar.mr->rkey, 3);
}

/* Ranges that are neither neighbours nor in order: one buffer, one MR. */
TEST(several_ranges)
{
	struct peerbuf_range ranges[] = {
		{ .bar = MEM_BAR, .offset = 0x40000, .length = 0x2000 },
		{ .bar = MEM_BAR, .offset = 0x10000, .length = 0x1000 },
		{ .bar = MEM_BAR, .offset = 0x80000, .length = 0x3000 },
	};
	struct peer_export export;
	struct ibv_mr *mr;
	__u8 host[600];
	int node;

	setup("rp-edu");
	node = node_open("rp-mem");
	check_ok(peer_export(node, ranges, 3, 0, &export));
	check_ok(rdma_reg_dmabuf(&rdma, 0, 0x6000, 0, export.fd, RDMA_ALL, &mr));
	/* Across the first seam and the second. */
	pattern_fill(memory.data, 600, 4);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, 600,
			 0x2000 - 300, mr->rkey), IBV_WC_SUCCESS);
	lab_host_read("rp-mem", 0x42000 - 300, host, 300);
	lab_host_read("rp-mem", 0x10000, host + 300, 300);
	check(pattern_matches(host, 600, 4));
	pattern_fill(memory.data, 600, 5);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, 600,
			 0x3000 - 300, mr->rkey), IBV_WC_SUCCESS);
	lab_host_read("rp-mem", 0x11000 - 300, host, 300);
	lab_host_read("rp-mem", 0x80000, host + 300, 300);
	check(pattern_matches(host, 600, 5));
}

/* The MR begins in the middle of the buffer, in the middle of a page, at an address
 * of its own, and the fd is closed before it is used.
 */
TEST(page_offset_iova_and_closed_fd)
{
	const __u64 iova = 0x7f0000005123;
	struct peer_export export;
	struct ibv_mr *mr;
	int node;

	setup("rp-edu");
	node = node_open("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	check_ok(rdma_reg_dmabuf(&rdma, 0x2123, 0x4000, iova, export.fd,
				 RDMA_ALL, &mr));
	check_sys(close(export.fd));
	check_round_trip("rp-mem", START + 0x2123, iova, mr->rkey, 6);
	check_round_trip("rp-mem", START + 0x2123 + 0x4000 - LENGTH,
			 iova + 0x4000 - LENGTH, mr->rkey, 7);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, LENGTH,
			 iova + 0x4001 - LENGTH, mr->rkey), IBV_WC_REM_ACCESS_ERR);
}

static int reg(int fd, __u64 offset, __u64 length, __u64 iova, int access)
{
	struct ibv_mr *mr;

	return rdma_reg_dmabuf(&rdma, offset, length, iova, fd, access, &mr);
}

/* Each with its errno, and nothing is left behind. */
TEST(refused_registrations)
{
	struct snapshot before;
	struct peer_export export;
	int node, fd;

	setup("rp-edu");
	node = node_open("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	fd = check_sys(open("/dev/null", O_RDWR));
	snapshot_take(&before);
	check_fails(reg(export.fd, 0, SIZE + 1, 0, RDMA_ALL), EINVAL);
	check_fails(reg(export.fd, SIZE, 4096, 0, RDMA_ALL), EINVAL);
	check_fails(reg(export.fd, -4096ULL, 8192, 0, RDMA_ALL), EINVAL);
	check_fails(reg(export.fd, 0, 0, 0, RDMA_ALL), EINVAL);
	/* Address and offset must agree within a page. */
	check_fails(reg(export.fd, 0x100, 4096, 0x200, RDMA_ALL), EINVAL);
	/* Remote write takes local write. */
	check_fails(reg(export.fd, 0, 4096, 0, IBV_ACCESS_REMOTE_WRITE), EINVAL);
	check_fails(reg(999, 0, 4096, 0, RDMA_ALL), EBADF);
	check_fails(reg(fd, 0, 4096, 0, RDMA_ALL), EINVAL);
	snapshot_unchanged(&before);
	check_ok(reg(export.fd, 0, SIZE, 0, RDMA_ALL));
}

TEST(read_only_buffer)
{
	struct peerbuf_range range = {
		.bar = MEM_BAR, .offset = START, .length = SIZE,
	};
	struct peerbuf_ioc_export req = {
		.size = sizeof(req),
		.open_flags = O_CLOEXEC | O_RDONLY,
		.nr_ranges = 1,
		.ranges = (__u64)(uintptr_t)&range,
	};
	struct ibv_mr *mr;
	int node;

	setup("rp-edu");
	node = node_open("rp-mem");
	check_ok(peer_ioctl(node, PEERBUF_IOC_EXPORT, &req));
	check_fails(reg(req.fd, 0, SIZE, 0, RDMA_ALL), EACCES);
	check_ok(rdma_reg_dmabuf(&rdma, 0, SIZE, 0, req.fd,
				 IBV_ACCESS_REMOTE_READ, &mr));
	lab_host_fill("rp-mem", START, 64, 0x44);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_READ, &memory, 0, 64, 0, mr->rkey),
		 IBV_WC_SUCCESS);
	check_eq(memory.data[63], 0x44);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, 64, 0, mr->rkey),
		 IBV_WC_REM_ACCESS_ERR);
}

TEST(revoked_buffer_is_refused)
{
	struct peer_export export;
	int node;

	setup("rp-edu");
	node = node_open("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	check_ok(peer_revoke(node, export.id, 1000));
	check_fails(reg(export.fd, 0, SIZE, 0, RDMA_ALL), ENODEV);
	check_ok(peer_restore(node, export.id));
	check_ok(reg(export.fd, 0, SIZE, 0, RDMA_ALL));
}

/* The owner sees which device has the buffer, and which process. */
TEST(owner_sees_device_and_process)
{
	struct peerbuf_attachment_info info[4];
	struct rdma_bar bar;
	__u32 total;

	setup("rp-edu");
	rdma_bar(&rdma, "rp-mem", START, SIZE, &bar);
	check_ok(peer_attachments(bar.node, bar.export.id, info, 4, &total));
	check_eq(total, 1);
	check_eq(info[0].addr, lab_addr("rp-edu"));
	check_eq(info[0].pid, getpid());
	check(info[0].flags & PEERBUF_ATTACH_F_REVOCABLE);
	check_eq(info[0].nr_mappings, 1);
	check_eq(ibv_dereg_mr(bar.mr), 0);
	check_ok(peer_attachments(bar.node, bar.export.id, info, 4, &total));
	check_eq(total, 0);
}

/* Unevictable kernel memory in KiB: what rounds must not make grow. */
static long slab_kib(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	long kib = -1;

	check(file);
	while (fgets(line, sizeof(line), file))
		sscanf(line, "SUnreclaim: %ld", &kib);
	fclose(file);
	check(kib > 0);
	return kib;
}

TEST(registration_rounds, .timeout = 240)
{
	unsigned int n = rounds(10000);
	struct peer_export export;
	struct ibv_mr *mr;
	long before = 0;
	double start;
	int node;

	setup("rp-edu");
	node = node_open("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	start = now();
	for (unsigned int i = 0; i < n; i++) {
		if (i == n / 10)
			before = slab_kib();
		check_ok(rdma_reg_dmabuf(&rdma, 0, SIZE, 0, export.fd, RDMA_ALL,
					 &mr));
		check_eq(ibv_dereg_mr(mr), 0);
	}
	printf("%u rounds, %.0f us each, slab %+ld KiB after the first tenth\n", n,
	       (now() - start) / n * 1e6, slab_kib() - before);
	/* A leaked attachment alone would be 9,000 times 200 bytes. */
	check(slab_kib() - before < 1024);
}

/* Today's pinned importers: refused; accepted under a flag, and then they hold on. */
TEST(pinned_personality)
{
	struct peer_export export;
	struct ibv_mr *mr;
	int node;

	setup("rp-edu");
	check_ok(sysfs_write("/sys/module/hca/parameters/pinned", "1"));
	node = node_open("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	check_fails(reg(export.fd, 0, SIZE, 0, RDMA_ALL), EOPNOTSUPP);
	check_sys(close(export.fd));
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE,
				 PEERBUF_EXPORT_F_ALLOW_PINNED, &export));
	check_ok(rdma_reg_dmabuf(&rdma, 0x1123, 0x4000, 0x123, export.fd,
				 RDMA_ALL, &mr));
	check_ok(sysfs_write("/sys/module/hca/parameters/pinned", "0"));
	check_round_trip("rp-mem", START + 0x1000 + 0x800, 0x800, mr->rkey, 8);
	check_fails(peer_move_one(node, export.id, MEM_BAR, 0, SIZE, 0), EBUSY);
	check_fails(peer_revoke(node, export.id, 200), EINPROGRESS);
	check_eq(ibv_dereg_mr(mr), 0);
	check_ok(peer_revoke(node, export.id, 1000));
}

/* ---- one MR over a hodgepodge ---- */

/* Ranges of the BARs of two devices, interleaved: every byte lands in its place. */
TEST(one_mr_over_two_devices)
{
	struct peerbuf_range ranges[4] = {
		{ .bar = MEM_BAR, .offset = 0x20000, .length = 0x1000 },
		{ .bar = MEM_BAR, .offset = 0x30000, .length = 0x1000,
		  .flags = PEERBUF_RANGE_F_DEVICE_FD },
		{ .bar = MEM_BAR, .offset = 0x10000, .length = 0x1000 },
		{ .bar = MEM_BAR, .offset = 0x50000, .length = 0x1000,
		  .flags = PEERBUF_RANGE_F_DEVICE_FD },
	};
	struct peer_export export;
	__u8 host[4 * 0x1000];
	struct ibv_mr *mr;
	int node, other;

	setup("rp-edu");
	node = node_open("rp-mem");
	other = node_open("far-mem");
	ranges[1].device_fd = other;
	ranges[3].device_fd = other;
	check_ok(peer_export(node, ranges, 4, 0, &export));
	check_ok(rdma_reg_dmabuf(&rdma, 0, sizeof(host), 0, export.fd, RDMA_ALL,
				 &mr));
	pattern_fill(memory.data, sizeof(host), 9);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, sizeof(host), 0,
			 mr->rkey), IBV_WC_SUCCESS);
	lab_host_read("rp-mem", 0x20000, host, 0x1000);
	lab_host_read("far-mem", 0x30000, host + 0x1000, 0x1000);
	lab_host_read("rp-mem", 0x10000, host + 0x2000, 0x1000);
	lab_host_read("far-mem", 0x50000, host + 0x3000, 0x1000);
	check(pattern_matches(host, sizeof(host), 9));
	memset(memory.data, 0, sizeof(host));
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_READ, &memory, 0, sizeof(host), 0,
			 mr->rkey), IBV_WC_SUCCESS);
	check(pattern_matches(memory.data, sizeof(host), 9));
}
