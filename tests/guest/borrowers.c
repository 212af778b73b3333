// SPDX-License-Identifier: GPL-2.0
/*
 * A mapping of a buffer is for the CPU. Nobody gets hold of the memory through it who would
 * not hear of a revoke: no VFIO device, nothing that takes pages from a process.
 */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/kvm.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "gpu.h"
#include "harness.h"
#include "lab.h"
#include "vfio.h"

/* From Linux 6.1 on; Debian 12's C library does not name it yet. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define PART	(8 * PAGE)
#define LARGE	(8ULL << 20)

static struct peer_export export;
static int node;
static __u8 *cpu;

/* What a buffer can be made of. */
struct kind {
	const char *name;
	struct peerbuf_range ranges[3];
	__u32 nr;
};

#define BAR(at, bytes)	{ .offset = (at), .length = (bytes), .bar = MEM_BAR }
#define SYSTEM(bytes)	{ .length = (bytes), .flags = PEERBUF_RANGE_F_SYSTEM }

static const struct kind kinds[] = {
	{ "BAR", { BAR(0, PART) }, 1 },
	{ "system memory", { SYSTEM(PART) }, 1 },
	{ "mixture", { BAR(PART, PART), SYSTEM(PART), BAR(0, PAGE) }, 3 },
	{ "large BAR", { BAR(0, LARGE) }, 1 },
	{ "large system memory", { SYSTEM(LARGE) }, 1 },
};

#define NR_KINDS	(sizeof(kinds) / sizeof(*kinds))

/* Mapped where large page table entries would fit, all of it touched. */
static void kind_map(const struct kind *kind)
{
	const __u64 align = 2 << 20;
	__u8 *room;

	check_ok(peer_export(node, kind->ranges, kind->nr, 0, &export));
	room = mmap(NULL, export.size + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(room != MAP_FAILED);
	room = (__u8 *)(((unsigned long)room + align - 1) & ~(align - 1));
	cpu = mmap(room, export.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		   export.fd, 0);
	check(cpu == room);
	for (__u64 at = 0; at < export.size; at += PAGE)
		check(touches(cpu + at, true));
}

static void kind_unmap(void)
{
	check_sys(munmap(cpu, export.size));
	close(export.fd);
}

/* ---- VFIO devices ---- */

static void type1_refuses(int container, const void *address, __u64 length, __u32 flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = flags, .vaddr = (unsigned long)address,
		.iova = PEER_IOVA, .size = length,
	};

	check(ioctl(container, VFIO_IOMMU_MAP_DMA, &map) && errno == EFAULT);
}

static void type1_refuses_all(int container, const void *address, __u64 length)
{
	type1_refuses(container, address, length, VFIO_DMA_MAP_FLAG_READ);
	type1_refuses(container, address, length, VFIO_DMA_MAP_FLAG_WRITE);
	type1_refuses(container, address, length,
		      VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
}

TEST(type1_refuses_a_mapping)
{
	int container = vfio_container();
	struct vfio_edu edu;
	void *untouched;

	vfio_edu_open(&edu, container, "rp-edu");
	node = node_open("rp-mem");
	for (size_t i = 0; i < NR_KINDS; i++) {
		printf("# %s\n", kinds[i].name);
		kind_map(&kinds[i]);
		type1_refuses_all(container, cpu, export.size);
		type1_refuses_all(container, cpu + export.size - PAGE, PAGE);
		untouched = buffer_map(export.fd, export.size, 0);
		type1_refuses_all(container, untouched, export.size);
		check_sys(munmap(untouched, export.size));
		kind_unmap();
	}
	/* What it was asked for between all this it still does. */
	check_ok(peerbuf_vfio_map_memory(container, edu.ram, RAM_SIZE, PEER_IOVA));
}

/* A driver that maps its memory by a file of its own. */
TEST(type1_refuses_a_drivers_mapping)
{
	static const __u32 places[] = { VRAM_IN_WINDOW, VRAM_IN_SYSTEM };
	int container = vfio_container();
	struct vfio_edu edu;
	struct gpu gpu;
	struct bo bo;

	vfio_edu_open(&edu, container, "rp-edu");
	gpu_open(&gpu, "rp-mem", 512, 256);
	bo_new(&bo, &gpu, PART, ANYWHERE, VRAM_BO_VISIBLE);
	cpu = bo_map(&bo);
	for (size_t i = 0; i < 2; i++) {
		check_ok(bo_move(&bo, places[i]));
		pattern_fill(cpu, PART, i);
		type1_refuses_all(container, cpu, PART);
		check(pattern_matches(cpu, PART, i));
	}
}

/* ---- whoever takes pages from a process ---- */

static void direct_io_is_refused(void)
{
	int disk = open("/dev/nvme0n1", O_RDWR | O_DIRECT | O_CLOEXEC);

	check_sys(disk);
	check(pread(disk, cpu, PAGE, 0) == -1 && errno == EFAULT);
	check(pwrite(disk, cpu, PAGE, 0) == -1 && errno == EFAULT);
	close(disk);
}

static void registered_buffer_is_refused(void)
{
	struct iovec iov = { .iov_base = cpu, .iov_len = PAGE };
	struct io_uring_params params = {};
	int ring = syscall(SYS_io_uring_setup, 4, &params);

	check_sys(ring);
	check(syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov, 1) == -1);
	check_eq(errno, EFAULT);
	close(ring);
}

static void other_process_is_refused(void)
{
	__u8 copy[PAGE];
	struct iovec mine = { copy, PAGE }, its = { cpu, PAGE };

	check(process_vm_readv(getpid(), &mine, 1, &its, 1, 0) == -1 && errno == EFAULT);
	check(process_vm_writev(getpid(), &mine, 1, &its, 1, 0) == -1 && errno == EFAULT);
}

static void pipe_is_refused(void)
{
	struct iovec iov = { cpu, PAGE };
	int ends[2];

	check_sys(pipe2(ends, O_CLOEXEC));
	check(vmsplice(ends[1], &iov, 1, 0) == -1 && errno == EFAULT);
	close(ends[0]);
	close(ends[1]);
}

TEST(pages_are_not_taken)
{
	node = node_open("rp-mem");
	eventually(10, !access("/dev/nvme0n1", R_OK));
	for (size_t i = 0; i < NR_KINDS; i++) {
		printf("# %s\n", kinds[i].name);
		kind_map(&kinds[i]);
		direct_io_is_refused();
		registered_buffer_is_refused();
		other_process_is_refused();
		pipe_is_refused();
		check_ok(peer_revoke(node, export.id, 0));
		check(!touches(cpu, false));
		kind_unmap();
	}
}

/* ---- whoever walks the page tables of a process ---- */

static void proc_write(const char *path, const char *text)
{
	int fd = check_sys(open(path, O_WRONLY | O_CLOEXEC));

	check_eq(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void proc_read(const char *path, off_t from, size_t length)
{
	int fd = check_sys(open(path, O_RDONLY | O_CLOEXEC));
	static __u8 room[64 * 1024];
	ssize_t n;

	while ((n = pread(fd, room, length < sizeof(room) ? length : sizeof(room), from)) > 0 &&
	       length) {
		from += n;
		length -= n;
	}
	check(n >= 0);
	close(fd);
}

static void walk(void)
{
	static unsigned char resident[LARGE / PAGE];
	__u64 pages = export.size / PAGE;

	proc_read("/proc/self/pagemap", (unsigned long)cpu / PAGE * 8, pages * 8);
	proc_read("/proc/self/smaps", 0, 1 << 20);
	proc_read("/proc/self/numa_maps", 0, 1 << 20);
	for (const char *what = "1234"; *what; what++)
		proc_write("/proc/self/clear_refs", (char[]){ *what, 0 });
	check_sys(mincore(cpu, export.size, resident));
	madvise(cpu, export.size, MADV_COLD);
	madvise(cpu + PAGE, export.size - 2 * PAGE, MADV_COLD);
	madvise(cpu, export.size, MADV_PAGEOUT);
	madvise(cpu, export.size, MADV_COLLAPSE);
	mlock(cpu, export.size);
	munlock(cpu, export.size);
}

TEST(walks_find_no_pages)
{
	if (access("/proc/self/pagemap", F_OK))
		skip("no /proc/self/pagemap");
	node = node_open("rp-mem");
	for (size_t i = 0; i < NR_KINDS; i++) {
		printf("# %s\n", kinds[i].name);
		kind_map(&kinds[i]);
		pattern_fill(cpu, PART, i);
		walk();
		check(pattern_matches(cpu, PART, i));
		check_sys(mprotect(cpu, export.size, PROT_READ));
		walk();
		check(pattern_matches(cpu, PART, i));
		check_sys(mprotect(cpu, export.size, PROT_READ | PROT_WRITE));
		pattern_fill(cpu, PART, i + 1);
		check(pattern_matches(cpu, PART, i + 1));
		kind_unmap();
	}
}

/* ---- virtual machines: they are told when a page goes; the program is one of x86's ---- */

#ifdef __x86_64__

#define GUEST_CODE	0x1000
#define GUEST_BUFFER	0x10000

/* Real mode: writes 0x5a to byte 0x123 of the buffer, shows byte 0x124 on port 0x10. */
static const __u8 guest_code[] = {
	0xb8, 0x00, 0x10,		/* mov $0x1000, %ax */
	0x8e, 0xd8,			/* mov %ax, %ds */
	0xc6, 0x06, 0x23, 0x01, 0x5a,	/* movb $0x5a, 0x123 */
	0xa0, 0x24, 0x01,		/* mov 0x124, %al */
	0xe6, 0x10,			/* out %al, $0x10 */
	0xf4,				/* hlt */
};

static void guest_memory(int vm, __u32 slot, __u64 address, void *memory, __u64 size)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot, .guest_phys_addr = address, .memory_size = size,
		.userspace_addr = (unsigned long)memory,
	};

	check_sys(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region));
}

static void guest_start(int vcpu)
{
	struct kvm_regs regs = { .rip = GUEST_CODE, .rflags = 2 };
	struct kvm_sregs sregs;

	check_sys(ioctl(vcpu, KVM_GET_SREGS, &sregs));
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	check_sys(ioctl(vcpu, KVM_SET_SREGS, &sregs));
	check_sys(ioctl(vcpu, KVM_SET_REGS, &regs));
}

/* Runs to the output, and returns it; or -errno. */
static int guest_run(int vcpu, const struct kvm_run *run)
{
	guest_start(vcpu);
	if (ioctl(vcpu, KVM_RUN, 0))
		return -errno;
	check_eq(run->exit_reason, KVM_EXIT_IO);
	check_eq(run->io.port, 0x10);
	return ((const __u8 *)run)[run->io.data_offset];
}

TEST(virtual_machine_has_a_mapping_until_a_revoke)
{
	int kvm, vm, vcpu;
	struct kvm_run *run;
	void *code;

	kvm = module_load("kvm_amd") ? -1 : open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		skip("no KVM here");
	node = node_open("rp-mem");
	kind_map(&kinds[0]);
	code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(code != MAP_FAILED);
	memcpy(code, guest_code, sizeof(guest_code));
	vm = check_sys(ioctl(kvm, KVM_CREATE_VM, 0));
	guest_memory(vm, 0, GUEST_CODE, code, PAGE);
	guest_memory(vm, 1, GUEST_BUFFER, cpu, export.size);
	vcpu = check_sys(ioctl(vm, KVM_CREATE_VCPU, 0));
	run = mmap(NULL, check_sys(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0)),
		   PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	check(run != MAP_FAILED);

	cpu[0x123] = 0;
	cpu[0x124] = 0x77;
	check_eq(guest_run(vcpu, run), 0x77);
	check_eq(cpu[0x123], 0x5a);
	check_ok(peer_revoke(node, export.id, 0));
	lab_host_fill("rp-mem", 0x123, 1, 0);
	check_eq(guest_run(vcpu, run), -EFAULT);
	check_host_bytes("rp-mem", 0x123, 1, 0);
	check_ok(peer_restore(node, export.id));
	check_eq(guest_run(vcpu, run), 0x77);
	check_eq(cpu[0x123], 0x5a);
}

#else

TEST(virtual_machine_has_a_mapping_until_a_revoke)
{
	skip("the program of its guest is for x86");
}

#endif /* __x86_64__ */
