// SPDX-License-Identifier: GPL-2.0
/*
 * MRs on exported BARs: what ibv_reg_dmabuf_mr() takes, what it refuses, and that
 * bytes land where they belong. Witness is the host's file behind the BAR.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "memory.h"
#include "rdma.h"
#include "snapshot.h"

#define START	(32 * PAGE)
#define SIZE	(16 * PAGE)
#define LENGTH	1500

static struct rdma rdma;
static struct ibv_qp *qp[2];
static struct rdma_memory memory;

static void setup(const char *edu)
{
	rdma_begin(&rdma, edu, qp, 64 * 1024, &memory);
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

TEST_VARIANT(range_of_a_bar_same_switch, range, "sw-edu", "sw-mem")
TEST_VARIANT(range_of_a_bar_root_ports, range, "rp-edu", "rp-mem")

TEST_VARIANT(range_of_a_bar_host_bridges, range, "far-edu", "rp-mem")

TEST(whole_bar)
{
	__u64 size = bar_size("rp-mem", MEM_BAR);
	struct rdma_bar bar;

	setup("rp-edu");
	rdma_bar(&rdma, "rp-mem", 0, size, &bar);
	check_round_trip("rp-mem", 0, 0, bar.mr->rkey, 2);
	check_round_trip("rp-mem", size - LENGTH, size - LENGTH, bar.mr->rkey, 3);
}

/*
 * The MR begins in the middle of the buffer, in the middle of a page, at an address
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
	int node, fd, dead;

	setup("rp-edu");
	node = node_open("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	fd = check_sys(open("/dev/null", O_RDWR));
	dead = check_sys(dup(export.fd));
	check_sys(close(dead));
	snapshot_take(&before);
	check_fails(reg(export.fd, 0, SIZE + 1, 0, RDMA_ALL), EINVAL);
	check_fails(reg(export.fd, SIZE, 4096, 0, RDMA_ALL), EINVAL);
	check_fails(reg(export.fd, -4096ULL, 8192, 0, RDMA_ALL), EINVAL);
	check_fails(reg(export.fd, 0, 0, 0, RDMA_ALL), EINVAL);
	/* Address and offset must agree within a page. */
	check_fails(reg(export.fd, 0x100, 4096, 0x200, RDMA_ALL), EINVAL);
	/* Remote write takes local write. */
	check_fails(reg(export.fd, 0, 4096, 0, IBV_ACCESS_REMOTE_WRITE), EINVAL);
	check_fails(reg(export.fd, 0, 4096, -4095ULL, RDMA_ALL), EINVAL);
	/* What the RDMA core takes of no device, or not of this one. */
	check_fails(reg(export.fd, 0, 4096, 0, RDMA_ALL | IBV_ACCESS_ON_DEMAND),
		    EINVAL);
	check_fails(reg(export.fd, 0, 4096, 0, RDMA_ALL | IBV_ACCESS_ZERO_BASED),
		    EINVAL);
	check_fails(reg(dead, 0, 4096, 0, RDMA_ALL), EBADF);
	check_fails(reg(fd, 0, 4096, 0, RDMA_ALL), EINVAL);
	check_fails(reg(node, 0, 4096, 0, RDMA_ALL), EINVAL);
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

/* No route: said at registration, and not at the first access. */
TEST(unreachable_memory_is_refused)
{
	struct peer_export export;
	struct snapshot before;
	int node, ret;

	rdma_modules();
	if (!edu_rebind("rp-edu", "dma_bits", "31", "64")) {
		device_bind("rp-edu", "edu_dma");
		skip("without a DMA zone this kernel accepts no such mask");
	}
	check(bar_base("rp-mem", MEM_BAR) >> 31);
	setup("rp-edu");
	node = node_open("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	snapshot_take(&before);
	ret = reg(export.fd, 0, SIZE, 0, RDMA_ALL);
	snapshot_unchanged(&before);
	device_unbind("rp-edu");
	device_bind("rp-edu", "edu_dma");
	check_eq(ret, -EHOSTUNREACH);
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

/* The same by `peerbuf ps`: memory, HCA, its driver and this process in one row. */
TEST(peerbuf_ps_shows_the_mr)
{
	char mem[24], edu[24], process[40], pid[24], json[128];
	const char *row[] = { mem, edu, "edu_dma", process, NULL };
	const char *importer[] = { "\"importers\":[{", edu, pid, "\"dynamic\":true",
				   NULL };
	const char *nobody[] = { "\"importers\":[]", NULL };
	struct rdma_bar bar;

	setup("rp-edu");
	rdma_bar(&rdma, "rp-mem", START, SIZE, &bar);
	snprintf(mem, sizeof(mem), "%s", lab_where("rp-mem"));
	snprintf(edu, sizeof(edu), "%s", lab_where("rp-edu"));
	snprintf(process, sizeof(process), "%.15s/%d",
		 program_invocation_short_name, getpid());
	check(command_prints("peerbuf ps", row));
	snprintf(edu, sizeof(edu), "\"%s\"", lab_where("rp-edu"));
	snprintf(pid, sizeof(pid), "\"pid\":%d", getpid());
	snprintf(json, sizeof(json), "peerbuf ps -j %s | tr -d ' \\n'", mem);
	check(command_prints(json, importer));
	check_eq(ibv_dereg_mr(bar.mr), 0);
	check(command_prints(json, nobody));
}

static void register_often(int dmabuf, unsigned int count)
{
	struct ibv_mr *mr;

	for (unsigned int i = 0; i < count; i++) {
		check_ok(rdma_reg_dmabuf(&rdma, 0, SIZE, 0, dmabuf, RDMA_ALL, &mr));
		check_eq(ibv_dereg_mr(mr), 0);
	}
}

TEST(registration_rounds, .timeout = 240)
{
	static struct memory before, after;
	unsigned int n = rounds(10000);
	struct peer_export export;
	double start;
	int node;

	setup("rp-edu");
	node = node_open("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	/* What is needed once is not a leak. */
	register_often(export.fd, n / 10);
	memory_take(&before);
	start = now();
	register_often(export.fd, n);
	printf("%u rounds, %.0f us each\n", n, (now() - start) / n * 1e6);
	memory_take(&after);
	memory_compare(&before, &after, n);
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
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	accept_pinned("rp-mem");
	check_ok(rdma_reg_dmabuf(&rdma, 0x1123, 0x4000, 0x123, export.fd,
				 RDMA_ALL, &mr));
	check_ok(sysfs_write("/sys/module/hca/parameters/pinned", "0"));
	check_round_trip("rp-mem", START + 0x1000 + 0x800, 0x800, mr->rkey, 8);
	check_fails(peer_move_one(node, export.id, MEM_BAR, 0, SIZE, 0), EBUSY);
	check_fails(peer_revoke(node, export.id, 200), EINPROGRESS);
	check_eq(ibv_dereg_mr(mr), 0);
	check_ok(peer_revoke(node, export.id, 1000));
}
