// SPDX-License-Identifier: GPL-2.0
/*
 * What PEERBUF_VFIO_IOC_MAP and its like refuse, and that nothing came of it; what they
 * say about a mapping; and how they get along with VFIO's own.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "quirk.h"
#include "vfio.h"

#define EDU	"rp-edu"
#define MEM	"rp-mem"
#define START	(32 * PAGE)
#define SIZE	(16 * PAGE)
#define LENGTH	1000
#define READ	PEERBUF_VFIO_MAP_F_READ
#define WRITE	PEERBUF_VFIO_MAP_F_WRITE
#define ACCESS	(READ | WRITE)

static int container, mem, dmabuf;
static struct vfio_edu edu;

static void scene(void)
{
	container = vfio_container();
	mem = vfio_open(container, MEM, VFIO_VARIANT);
	vfio_edu_open(&edu, container, EDU);
	dmabuf = vfio_export_one(mem, MEM_BAR, START, SIZE);
}

static int map_at(int fd, __u64 offset, __u64 length, __u64 iova, __u32 access,
		  struct peerbuf_error *error)
{
	return peerbuf_vfio_map(edu.fd, fd, offset, length, iova, access, -1, NULL, error);
}

static __u32 mappings(void)
{
	struct peerbuf_vfio_ioc_info info;

	check_ok(peerbuf_vfio_info(edu.fd, &info, NULL));
	return info.nr_mappings;
}

TEST(device_says_what_it_can)
{
	struct peerbuf_vfio_ioc_info info;
	int outside;

	scene();
	check_ok(peerbuf_vfio_info(edu.fd, &info, NULL));
	check_eq(info.version, PEERBUF_VFIO_UAPI_VERSION);
	check_eq(info.addr, lab_addr(EDU));
	check(info.flags & PEERBUF_VFIO_INFO_F_EXPORT);
	check(info.flags & PEERBUF_VFIO_INFO_F_IMPORT);
	check(info.page_sizes & PAGE);
	check(info.iova_first <= RAM_IOVA && info.iova_last >= PEER_IOVA + SIZE - 1);
	check_eq(info.nr_mappings, 0);
	check_eq(info.max_mappings, PEERBUF_VFIO_MAX_MAPPINGS);
	/* The stock driver's devices do not know the question. */
	outside = vfio_open(vfio_container(), "far-mem", VFIO_STOCK);
	check_fails(peerbuf_vfio_info(outside, &info, NULL), ENOTTY);
}

static void refused(int fd, __u64 offset, __u64 length, __u64 iova, __u32 access, int expected,
		    __u32 reason)
{
	struct peerbuf_error error;
	int ret = map_at(fd, offset, length, iova, access, &error);

	if (ret != -expected || error.reason != reason)
		fail("fd %d, %#llx+%#llx at %#llx, access %u: %s, %s; not %s, %s", fd,
		     (unsigned long long)offset, (unsigned long long)length,
		     (unsigned long long)iova, access, strerror(-ret),
		     peerbuf_reason_name(error.reason), strerror(expected),
		     peerbuf_reason_name(reason));
	check_eq(mappings(), 0);
}

TEST(bad_arguments_are_refused)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	scene();
#define REFUSED(fd, offset, length, iova, access, error, reason)	\
	refused(fd, offset, length, iova, access, error, PEERBUF_REASON_##reason)
	REFUSED(-1, 0, SIZE, PEER_IOVA, ACCESS, EBADF, BAD_FD);
	REFUSED(null, 0, SIZE, PEER_IOVA, ACCESS, EINVAL, NOT_DMABUF);
	REFUSED(dmabuf, 0, 0, PEER_IOVA, ACCESS, EINVAL, ZERO_LENGTH);
	REFUSED(dmabuf, 1, PAGE, PEER_IOVA, ACCESS, EINVAL, UNALIGNED);
	REFUSED(dmabuf, 0, 100, PEER_IOVA, ACCESS, EINVAL, UNALIGNED);
	REFUSED(dmabuf, 0, PAGE, PEER_IOVA + 512, ACCESS, EINVAL, IOVA_UNALIGNED);
	REFUSED(dmabuf, 0, SIZE + PAGE, PEER_IOVA, ACCESS, ERANGE, PAST_END);
	REFUSED(dmabuf, SIZE, PAGE, PEER_IOVA, ACCESS, ERANGE, PAST_END);
	REFUSED(dmabuf, -PAGE, 2 * PAGE, PEER_IOVA, ACCESS, EOVERFLOW, OVERFLOW);
	REFUSED(dmabuf, 0, 2 * PAGE, -PAGE, ACCESS, EOVERFLOW, OVERFLOW);
	REFUSED(dmabuf, 0, PAGE, 1ULL << 62, ACCESS, ERANGE, IOVA_RANGE);
	/* Where interrupts are. */
	REFUSED(dmabuf, 0, PAGE, 0xfee00000, ACCESS, ERANGE, IOVA_RANGE);
	REFUSED(dmabuf, 0, PAGE, PEER_IOVA, 0, EINVAL, NO_ACCESS);
	REFUSED(dmabuf, 0, PAGE, PEER_IOVA, ACCESS | 1U << 31, EINVAL, FLAGS);
#undef REFUSED
	/* After all that it works. */
	check_ok(map_at(dmabuf, 0, SIZE, PEER_IOVA, ACCESS, NULL));
}

/*
 * What a device below a switch sends to the memory of its neighbour never gets to the
 * IOMMU: there the address means the neighbour.
 */
TEST(addresses_that_a_switch_catches_are_refused)
{
	__u64 neighbour = bar_base("sw-mem", MEM_BAR);
	struct peerbuf_error error;

	container = vfio_container();
	mem = vfio_open(container, MEM, VFIO_VARIANT);
	vfio_edu_open(&edu, container, "sw-edu");
	dmabuf = vfio_export_one(mem, MEM_BAR, START, SIZE);
	check_fails(map_at(dmabuf, 0, SIZE, neighbour, ACCESS, &error), EADDRNOTAVAIL);
	check_eq(error.reason, PEERBUF_REASON_IOVA_BRIDGE);
	check_fails(map_at(dmabuf, 0, SIZE, neighbour - PAGE, ACCESS, &error), EADDRNOTAVAIL);
	check_eq(mappings(), 0);
	check_ok(map_at(dmabuf, 0, SIZE, PEER_IOVA, ACCESS, NULL));
}

static __u32 asked(void)
{
	struct peerbuf_route route;
	int control = control_open();

	check_ok(peer_route(control, lab_addr(MEM), lab_addr(EDU), PEERBUF_ANY_BAR, &route));
	close(control);
	return route.reason;
}

/* Whoever asks for the route finds it, and it is mapped again when somebody finds it on. */
TEST(bridge_above_the_device_is_no_master)
{
	struct peerbuf_vfio_ioc_query query;
	int off;

	scene();
	check_ok(map_at(dmabuf, 0, SIZE, PEER_IOVA, ACCESS, NULL));
	off = quirk_begin("no_master", "rp1");
	check(off >= 0);
	check_eq(asked(), PEERBUF_REASON_BRIDGE_OFF);
	eventually(5, vfio_state(edu.fd, PEER_IOVA) == PEERBUF_VFIO_STATE_FAILED);
	check_ok(peerbuf_vfio_query(edu.fd, PEER_IOVA, 0, &query, NULL));
	check_eq(query.reason, PEERBUF_REASON_NO_ROUTE);
	check_sys(close(off));
	check(asked() != PEERBUF_REASON_BRIDGE_OFF);
	vfio_mapped(edu.fd, PEER_IOVA);
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, 1);
	check(vfio_edu_reads(&edu, PEER_IOVA, LENGTH, 1));
}

TEST(bad_structures_are_refused)
{
	struct peerbuf_vfio_ioc_map map = {
		.size = sizeof(map), .flags = ACCESS, .length = SIZE, .iova = PEER_IOVA,
	};
	struct {
		struct peerbuf_vfio_ioc_map map;
		__u64 tail;
	} longer;

	scene();
	map.fd = dmabuf;
	map.reserved = 1;
	check_eq(ioctl(edu.fd, PEERBUF_VFIO_IOC_MAP, &map), -1);
	check_eq(errno, EINVAL);
	check_eq(map.reason, PEERBUF_REASON_RESERVED);
	map.reserved = 0;
	/* An eventfd without its flag, and a flag without an eventfd. */
	map.eventfd = 1;
	check_eq(ioctl(edu.fd, PEERBUF_VFIO_IOC_MAP, &map), -1);
	check_eq(errno, EINVAL);
	map.flags |= PEERBUF_VFIO_MAP_F_EVENTFD;
	map.eventfd = dmabuf;
	check_eq(ioctl(edu.fd, PEERBUF_VFIO_IOC_MAP, &map), -1);
	check_eq(errno, EBADF);
	check_eq(map.reason, PEERBUF_REASON_BAD_EVENTFD);
	map.flags = ACCESS;
	map.eventfd = 0;
	map.size = sizeof(map) - 8;
	check_eq(ioctl(edu.fd, PEERBUF_VFIO_IOC_MAP, &map), -1);
	check_eq(errno, EINVAL);
	map.size = sizeof(longer);
	longer.map = map;
	longer.tail = 1;
	check_eq(ioctl(edu.fd, PEERBUF_VFIO_IOC_MAP, &longer), -1);
	check_eq(errno, E2BIG);
	check_eq(mappings(), 0);
	longer.tail = 0;
	check_eq(ioctl(edu.fd, PEERBUF_VFIO_IOC_MAP, &longer), 0);
	check_eq(mappings(), 1);
	check_eq(ioctl(edu.fd, PEERBUF_VFIO_IOC_MAP, (void *)16), -1);
	check_eq(errno, EFAULT);
	/* Neither a number that nobody has, nor one of a node's. */
	check_eq(ioctl(edu.fd, _IO(PEERBUF_IOC_MAGIC, 0x5f), &map), -1);
	check_eq(errno, ENOTTY);
	check_eq(ioctl(edu.fd, PEERBUF_IOC_INFO, &map), -1);
	check_eq(errno, ENOTTY);
}

/* A descriptor that may not write gives a mapping that may not. */
TEST(read_only_buffer_gives_no_write_access)
{
	struct vfio_region_dma_range range = { .offset = START, .length = SIZE };
	struct peerbuf_error error;
	int reader;

	scene();
	reader = peerbuf_vfio_export(mem, MEM_BAR, &range, 1, O_RDONLY | O_CLOEXEC);
	check(reader >= 0);
	check_fails(map_at(reader, 0, SIZE, PEER_IOVA, ACCESS, &error), EACCES);
	check_eq(error.reason, PEERBUF_REASON_READ_ONLY_BUFFER);
	check_ok(map_at(reader, 0, SIZE, PEER_IOVA, READ, NULL));
}

TEST(read_only_mapping_cannot_be_written, .flags = TEST_IOMMU_FAULTS)
{
	scene();
	check_ok(map_at(dmabuf, 0, SIZE, PEER_IOVA, ACCESS, NULL));
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, 1);
	check_ok(peerbuf_vfio_unmap(edu.fd, PEER_IOVA, SIZE, NULL));
	check_ok(map_at(dmabuf, 0, SIZE, PEER_IOVA, READ, NULL));
	/* Before it reads: QEMU's IOTLB refuses what it has seen without a word. */
	vfio_edu_faults(&edu, PEER_IOVA);
	check(vfio_edu_reads(&edu, PEER_IOVA, LENGTH, 1));
}

TEST(part_of_a_buffer, .flags = TEST_IOMMU_FAULTS)
{
	struct peerbuf_vfio_ioc_query query;
	__u8 data[LENGTH];

	scene();
	check_ok(map_at(dmabuf, 2 * PAGE, PAGE, PEER_IOVA, ACCESS, NULL));
	check_ok(peerbuf_vfio_query(edu.fd, PEER_IOVA + 17, 0, &query, NULL));
	check_eq(query.iova, PEER_IOVA);
	check_eq(query.length, PAGE);
	check_eq(query.offset, 2 * PAGE);
	check_eq(query.access, ACCESS);
	check_eq(query.state, PEERBUF_VFIO_STATE_MAPPED);
	check_eq(query.changes, 0);
	lab_host_fill(MEM, START, SIZE, 0xee);
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, 3);
	lab_host_read(MEM, START + 2 * PAGE, data, sizeof(data));
	check(pattern_matches(data, sizeof(data), 3));
	check_host_bytes(MEM, START, 2 * PAGE, 0xee);
	/* Neither its neighbours. */
	vfio_edu_faults(&edu, PEER_IOVA + PAGE);
	vfio_edu_faults(&edu, PEER_IOVA - PAGE);
	check_host_bytes(MEM, START + 3 * PAGE, SIZE - 3 * PAGE, 0xee);
	check_host_bytes(MEM, START, 2 * PAGE, 0xee);
}

TEST(unmapped_address_faults, .flags = TEST_IOMMU_FAULTS)
{
	struct peerbuf_vfio_ioc_query query;
	struct peerbuf_error error;

	scene();
	check_fails(peerbuf_vfio_unmap(edu.fd, PEER_IOVA, SIZE, &error), ENOENT);
	check_eq(error.reason, PEERBUF_REASON_IOVA_UNKNOWN);
	check_ok(map_at(dmabuf, 0, SIZE, PEER_IOVA, ACCESS, NULL));
	check_fails(peerbuf_vfio_unmap(edu.fd, PEER_IOVA, PAGE, &error), EINVAL);
	check_eq(error.reason, PEERBUF_REASON_IOVA_LENGTH);
	check_fails(peerbuf_vfio_unmap(edu.fd, PEER_IOVA + PAGE, PAGE, &error), ENOENT);
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, 5);
	check(vfio_edu_reads(&edu, PEER_IOVA, LENGTH, 5));
	/* While a transfer is under way. */
	vfio_edu_start(&edu, PEER_IOVA, FAULT_LENGTH, true);
	check_ok(peerbuf_vfio_unmap(edu.fd, PEER_IOVA, SIZE, NULL));
	lab_host_fill(MEM, START, SIZE, 0xee);
	vfio_edu_wait(&edu);
	vfio_edu_faults(&edu, PEER_IOVA);
	check_host_bytes(MEM, START, SIZE, 0xee);
	check_fails(peerbuf_vfio_query(edu.fd, PEER_IOVA, 0, &query, NULL), ENOENT);
}

TEST(mappings_are_listed_in_order)
{
	struct peerbuf_vfio_ioc_query query;
	__u64 iova = 0;
	int nr = 0;

	scene();
	for (int i = 7; i >= 0; i--)
		check_ok(map_at(dmabuf, i * PAGE, PAGE, PEER_IOVA + 2 * i * PAGE, ACCESS, NULL));
	check_eq(mappings(), 8);
	while (vfio_next(edu.fd, iova, &query)) {
		check_eq(query.iova, PEER_IOVA + 2 * nr * PAGE);
		check_eq(query.offset, nr * PAGE);
		iova = query.iova + query.length;
		nr++;
	}
	check_eq(nr, 8);
}

/* ---- VFIO's own mappings ---- */

static void busy(__u64 length, __u64 iova)
{
	struct peerbuf_error error;

	check_fails(map_at(dmabuf, 0, length, iova, ACCESS, &error), EADDRINUSE);
	check_eq(error.reason, PEERBUF_REASON_IOVA_BUSY);
}

TEST(taken_addresses_are_refused)
{
	scene();
	/* RAM's, from its first page to its last, and what only overlaps. */
	busy(PAGE, RAM_IOVA);
	busy(PAGE, RAM_IOVA + RAM_SIZE - PAGE);
	busy(SIZE, RAM_IOVA - SIZE + PAGE);
	busy(SIZE, RAM_IOVA + RAM_SIZE - PAGE);
	check_ok(map_at(dmabuf, 0, SIZE, RAM_IOVA - SIZE, ACCESS, NULL));
	check_ok(map_at(dmabuf, 0, SIZE, RAM_IOVA + RAM_SIZE, ACCESS, NULL));
	/* Ours, too. */
	busy(PAGE, RAM_IOVA + RAM_SIZE + SIZE - PAGE);
	check_eq(mappings(), 2);
	/* RAM is where it was. */
	vfio_edu_write(&edu, RAM_IOVA + SIZE, LENGTH, 7);
	check(pattern_matches(edu.ram + SIZE, LENGTH, 7));
}

/* Of a mapping that is away the addresses stay taken. */
TEST(addresses_of_a_mapping_that_is_away_stay_taken)
{
	scene();
	check_ok(map_at(dmabuf, 0, SIZE, PEER_IOVA, ACCESS, NULL));
	check_ok(peerbuf_vfio_command(mem, 2, 0));
	check_eq(vfio_state(edu.fd, PEER_IOVA), PEERBUF_VFIO_STATE_AWAY);
	busy(PAGE, PEER_IOVA + PAGE);
	check_ok(peerbuf_vfio_command(mem, 0, 2));
	vfio_mapped(edu.fd, PEER_IOVA);
}

/* Asked for while the memory is away, it comes when the memory does. */
TEST(mapping_waits_for_the_memory)
{
	scene();
	check_ok(peerbuf_vfio_command(mem, 2, 0));
	check_ok(map_at(dmabuf, 0, SIZE, PEER_IOVA, ACCESS, NULL));
	check_eq(vfio_state(edu.fd, PEER_IOVA), PEERBUF_VFIO_STATE_AWAY);
	check_ok(peerbuf_vfio_command(mem, 0, 2));
	vfio_mapped(edu.fd, PEER_IOVA);
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, 8);
	check(vfio_edu_reads(&edu, PEER_IOVA, LENGTH, 8));
}

/*
 * The other way round only the IOMMU driver can refuse, and not every kernel's does:
 * INFO says. Where it does, nothing changes for either.
 */
TEST(ram_is_refused_where_a_buffer_is)
{
	struct peerbuf_vfio_ioc_info info;
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	scene();
	check_ok(peerbuf_vfio_info(edu.fd, &info, NULL));
	check_ok(map_at(dmabuf, 0, SIZE, PEER_IOVA, ACCESS, NULL));
	if (info.flags & PEERBUF_VFIO_INFO_F_EXCLUSIVE)
		check_fails(peerbuf_vfio_map_memory(container, page, PAGE, PEER_IOVA), EADDRINUSE);
	check_ok(peerbuf_vfio_map_memory(container, page, PAGE, PEER_IOVA - PAGE));
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, 9);
	check(vfio_edu_reads(&edu, PEER_IOVA, LENGTH, 9));
	check_ok(peerbuf_vfio_unmap(edu.fd, PEER_IOVA, SIZE, NULL));
	check_ok(peerbuf_vfio_map_memory(container, page, PAGE, PEER_IOVA));
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, 10);
	check(pattern_matches(page, LENGTH, 10));
}

/* ---- rights ---- */

static void without_rawio(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	check_sys(syscall(SYS_capget, &header, data));
	data[0].effective &= ~(1U << CAP_SYS_RAWIO);
	check_sys(syscall(SYS_capset, &header, data));
}

/* Where a mapping can be mapped over, making one takes a right. */
TEST(shared_addresses_need_a_capability)
{
	struct peerbuf_vfio_ioc_info info;
	struct peerbuf_error error;
	int ret;

	scene();
	check_ok(peerbuf_vfio_info(edu.fd, &info, NULL));
	without_rawio();
	ret = map_at(dmabuf, 0, SIZE, PEER_IOVA, ACCESS, &error);
	if (info.flags & PEERBUF_VFIO_INFO_F_EXCLUSIVE) {
		check_ok(ret);
		return;
	}
	check_eq(ret, -EPERM);
	check_eq(error.reason, PEERBUF_REASON_IOVA_SHARED);
	check_eq(mappings(), 0);
#define ALLOW	"/sys/module/peerbuf_vfio_pci/parameters/allow_unsafe_import"
	check_ok(sysfs_write(ALLOW, "1"));
	ret = map_at(dmabuf, 0, SIZE, PEER_IOVA, ACCESS, &error);
	check_ok(sysfs_write(ALLOW, "0"));
	check_ok(ret);
}

/* ---- other exporters ---- */

TEST(buffer_of_the_stock_driver)
{
	struct vfio_region_dma_range range = { .length = SIZE };
	int stock, fd;
	struct peerbuf_error error;

	scene();
	stock = vfio_open(vfio_container(), "far-mem", VFIO_STOCK);
	fd = peerbuf_vfio_export(stock, MEM_BAR, &range, 1, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		/* Before Linux 6.19 it does not export. */
		check_eq(fd, -ENOTTY);
		check_fails(peerbuf_vfio_can_export(stock), ENOTTY);
		return;
	}
	check_fails(map_at(fd, 0, SIZE, PEER_IOVA, ACCESS, &error), EOPNOTSUPP);
	check_eq(error.reason, PEERBUF_REASON_FOREIGN_EXPORTER);
	check_eq(mappings(), 0);
}

/* ---- mappings of millions of pages ---- */

#define MANY_PAGES	(32ULL << 30)
/* No page but the smallest fits: it is off the alignment of the BAR by one. */
#define MANY_PAGES_IOVA	((1ULL << 45) + PAGE)

static void map_many_pages(void)
{
	scene();
	close(dmabuf);
	dmabuf = vfio_export_one(mem, MEM_BAR, 0, MANY_PAGES);
	check_ok(map_at(dmabuf, 0, MANY_PAGES, MANY_PAGES_IOVA, ACCESS, NULL));
}

static pid_t many_pages_start(void)
{
	pid_t pid = check_sys(fork());

	if (!pid) {
		map_many_pages();
		_exit(0);
	}
	return pid;
}

TEST(long_map_ends_with_its_process, .timeout = 300)
{
	double start, all;
	int status;
	pid_t pid;

	if (bar_size(MEM, MEM_BAR) < MANY_PAGES)
		skip("the BAR has not that many pages");
	start = now();
	pid = many_pages_start();
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
	all = now() - start;
	pid = many_pages_start();
	pause_ms(all * 1000 / 4);
	start = now();
	process_kill(pid);
	check(now() - start < all / 2);
}
