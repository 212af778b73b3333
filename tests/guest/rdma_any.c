// SPDX-License-Identifier: GPL-2.0
/* peerbuf_reg_mr(): one MR of whatever is mapped at an address. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <peerbuf_verbs.h>

#include "harness.h"
#include "rdma.h"
#include "system_buffer.h"

#define SIZE	(8 * PAGE)
#define START	(64 * PAGE)
#define LENGTH	3000

static struct rdma rdma;
static struct ibv_qp *qp[2];
static struct rdma_memory memory;
static struct peerbuf_error error;
static struct peer_export export;
static struct ibv_mr *mr;
static int node;
static __u8 *cpu;

static void setup(void)
{
	rdma_begin(&rdma, "rp-edu", qp, 2 * SIZE, &memory);
	node = node_open("rp-mem");
	lab_host_fill("rp-mem", 0, 1 << 20, 0xee);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	cpu = buffer_map(export.fd, SIZE, 0);
}

static int reg(void *address, size_t length)
{
	return peerbuf_reg_mr(rdma.pd, address, length, RDMA_ALL, &mr, &error);
}

static void write_to(const void *address, __u32 length, __u32 seed)
{
	pattern_fill(memory.data, length, seed);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, length, (unsigned long)address,
			 mr->rkey), IBV_WC_SUCCESS);
}

static void check_host(const char *mem, __u64 offset, __u32 from, __u32 length, __u32 seed)
{
	static __u8 host[2 * SIZE];

	lab_host_read(mem, offset, host, length);
	check(pattern_matches_part(host, from, length, seed));
}

TEST(mapped_bar_is_registered_by_its_address)
{
	setup();
	check_ok(reg(cpu + 100, SIZE - 100));
	check_eq((unsigned long)mr->addr, (unsigned long)cpu + 100);
	check_eq(mr->length, SIZE - 100);
	write_to(cpu + 500, LENGTH, 1);
	check_host("rp-mem", START + 500, 0, LENGTH, 1);
	/* What the MR begins with is where the registration did. */
	check(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, 100, (unsigned long)cpu, mr->rkey) !=
	      IBV_WC_SUCCESS);
}

TEST(mr_outlives_mapping_and_descriptor)
{
	struct peerbuf_export_info info;

	setup();
	check_ok(reg(cpu, SIZE));
	check_sys(munmap(cpu, SIZE));
	close(export.fd);
	write_to(cpu + PAGE, LENGTH, 2);
	check_host("rp-mem", START + PAGE, 0, LENGTH, 2);
	/* A revoke after all that. */
	check_ok(peer_query(node, export.id, &info));
	check_ok(peer_revoke(node, export.id, 1000));
	check(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, LENGTH, (unsigned long)cpu + PAGE,
		      mr->rkey) != IBV_WC_SUCCESS);
	check_host("rp-mem", START + PAGE, 0, LENGTH, 2);
}

/* It keeps open nothing that the MR does not need, and the MR nothing that is over. */
TEST(nothing_is_left_open)
{
	__u32 before, nr, total;
	struct peerbuf_export_info list[4];

	setup();
	before = check_sys(dup(node));
	check_sys(close(before));
	check_ok(reg(cpu, SIZE));
	nr = check_sys(dup(node));
	check_eq(nr, before);
	check_ok(peer_list(node, 0, list, 4, &nr, &total));
	check_eq(total, 2);
	check_eq(ibv_dereg_mr(mr), 0);
	eventually(5, !peer_list(node, 0, list, 4, &nr, &total) && total == 1);
}

TEST(mr_spans_buffers_of_two_functions)
{
	struct peer_export other;
	int far;
	__u8 *room;

	setup();
	far = node_open("far-mem");
	check_ok(peer_export_one(far, MEM_BAR, 0, SIZE, 0, &other));
	room = mmap(NULL, 2 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(mmap(room, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, export.fd, 0) ==
	      room);
	check(mmap(room + SIZE, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, other.fd,
		   0) == room + SIZE);
	check_ok(reg(room, 2 * SIZE));
	write_to(room + SIZE - LENGTH / 2, LENGTH, 3);
	check_host("rp-mem", START + SIZE - LENGTH / 2, 0, LENGTH / 2, 3);
	check_host("far-mem", 0, LENGTH / 2, LENGTH / 2, 3);
	/* One of them goes elsewhere, the other is withdrawn. */
	check_ok(peer_move_one(far, other.id, MEM_BAR, START, SIZE, 0));
	write_to(room + SIZE - LENGTH / 2, LENGTH, 4);
	check_host("far-mem", START, LENGTH / 2, LENGTH / 2, 4);
	check_ok(peer_revoke(node, export.id, 1000));
	check(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, LENGTH,
		      (unsigned long)room + SIZE, mr->rkey) != IBV_WC_SUCCESS);
}

TEST(bar_that_is_mapped_by_sysfs)
{
	char path[128];
	__u8 *mapped;
	int file;

	setup();
	close(node_open("far-mem"));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource2", lab_where("far-mem"));
	file = check_sys(open(path, O_RDWR | O_CLOEXEC));
	mapped = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, PAGE);
	check(mapped != MAP_FAILED);
	check_ok(reg(mapped + 10, SIZE - 10));
	write_to(mapped + 10, LENGTH, 5);
	check_host("far-mem", PAGE + 10, 0, LENGTH, 5);
}

TEST(ordinary_memory_is_registered_as_ever)
{
	static __u8 here[SIZE];

	setup();
	check_ok(reg(here, SIZE));
	write_to(here + 7, LENGTH, 6);
	check(pattern_matches(here + 7, LENGTH, 6));
}

TEST(whole_buffer_of_the_system_heap)
{
	int fd = heap_buffer(SIZE);
	__u8 *mapped;

	if (fd < 0)
		skip("this kernel has no such heap");
	setup();
	mapped = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(mapped != MAP_FAILED);
	close(fd);
	check_ok(reg(mapped, SIZE));
	write_to(mapped + PAGE, LENGTH, 7);
	check(pattern_matches(mapped + PAGE, LENGTH, 7));
}

static void refused(void *address, size_t length, int err, __u32 reason)
{
	check_fails(reg(address, length), err);
	check_eq(error.reason, reason);
}

TEST(mixtures_are_refused_with_a_word)
{
	__u8 *room;

	setup();
	room = mmap(NULL, 3 * SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(room != MAP_FAILED);
	check(mmap(room + SIZE, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, export.fd,
		   0) == room + SIZE);
	refused(room + SIZE, 2 * SIZE, EOPNOTSUPP, PEERBUF_REASON_ORDINARY_MEMORY);
	refused(room, 2 * SIZE, EOPNOTSUPP, PEERBUF_REASON_ORDINARY_MEMORY);
	check_sys(munmap(room + 2 * SIZE, SIZE));
	refused(room + SIZE, 2 * SIZE, EOPNOTSUPP, PEERBUF_REASON_NOTHING_MAPPED);
	check_ok(reg(room + SIZE, SIZE));
}

TEST(revoked_buffer_is_not_registered)
{
	setup();
	check_ok(peer_revoke(node, export.id, 0));
	refused(cpu, SIZE, ENODEV, PEERBUF_REASON_REVOKED);
	check_ok(peer_restore(node, export.id));
	check_ok(reg(cpu, SIZE));
}
