// SPDX-License-Identifier: GPL-2.0
/* See vfio.h. */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "vfio.h"

/* ---- modules and drivers ---- */

/*
 * The lab's IOMMU does not remap interrupts, so that the administrator has to say
 * that this is accepted.
 */
static void modules_ready(void)
{
	check_eq(module_load("vfio_iommu_type1"), 0);
	check_ok(sysfs_write("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts",
			     "1"));
	check_eq(module_load("vfio_pci"), 0);
}

void vfio_prepare(const char *id, const char *driver)
{
	modules_ready();
	if (!strcmp(driver, VFIO_VARIANT))
		check_eq(module_load("peerbuf_vfio_pci"), 0);
	device_bind(id, driver);
}

/* ---- containers, devices ---- */

static int opened(int fd, const char *what)
{
	if (fd < 0)
		fail("%s: %s", what, strerror(-fd));
	return fd;
}

int vfio_container(void)
{
	modules_ready();
	return opened(peerbuf_vfio_open_container(), "container");
}

static int open_decoding(int container, const char *id, const char *driver, int *group)
{
	int device;

	vfio_prepare(id, driver);
	/* A process that had it may still be about to die. */
	eventually(10, (*group = peerbuf_vfio_open_group(container, lab_where(id))) != -EBUSY);
	opened(*group, id);
	device = opened(peerbuf_vfio_open_device(*group, lab_where(id)), id);
	check_ok(peerbuf_vfio_command(device, 0, PCI_COMMAND_MEMORY));
	return device;
}

int vfio_open_with_group(int container, const char *id, const char *driver, int *group)
{
	int device = open_decoding(container, id, driver, group);

	check_ok(peerbuf_vfio_command(device, 0, PCI_COMMAND_MASTER));
	return device;
}

int vfio_open(int container, const char *id, const char *driver)
{
	int group, device = vfio_open_with_group(container, id, driver, &group);

	close(group);
	return device;
}

__u8 *vfio_ram(int container)
{
	__u8 *ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	check(ram != MAP_FAILED);
	check_ok(peerbuf_vfio_map_memory(container, ram, RAM_SIZE, RAM_IOVA));
	return ram;
}

void *vfio_region_map(int device, unsigned int region, __u64 *size)
{
	struct peerbuf_vfio_region info;
	void *address;

	check_ok(peerbuf_vfio_region(device, region, &info));
	check(info.flags & VFIO_REGION_INFO_FLAG_MMAP);
	address = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, device,
		       info.offset);
	check(address != MAP_FAILED);
	if (size)
		*size = info.size;
	return address;
}

/* ---- configuration space ---- */

void vfio_config(int device, __u64 offset, void *data, size_t length, bool write)
{
	struct peerbuf_vfio_region config;
	ssize_t n;

	check_ok(peerbuf_vfio_region(device, VFIO_PCI_CONFIG_REGION_INDEX, &config));
	if (write)
		n = pwrite(device, data, length, config.offset + offset);
	else
		n = pread(device, data, length, config.offset + offset);
	check_eq(n, length);
}

__u32 vfio_capability(int device, __u8 id)
{
	__u8 at, entry[2];

	vfio_config(device, PCI_CAPABILITY_LIST, &at, 1, false);
	for (int i = 0; at && i < 48; i++) {
		vfio_config(device, at, entry, 2, false);
		if (entry[0] == id)
			return at;
		at = entry[1];
	}
	return 0;
}

/* VFIO asks for the device back through this eventfd. */
int vfio_request(int device)
{
	struct {
		struct vfio_irq_set set;
		__s32 fd;
	} arm = {
		.set = {
			.argsz = sizeof(arm),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_REQ_IRQ_INDEX,
			.count = 1,
		},
	};

	arm.fd = check_sys(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	check_sys(ioctl(device, VFIO_DEVICE_SET_IRQS, &arm));
	return arm.fd;
}

int vfio_export_one(int device, unsigned int bar, __u64 offset, __u64 length)
{
	struct vfio_region_dma_range range = { .offset = offset, .length = length };

	return opened(peerbuf_vfio_export(device, bar, &range, 1, O_RDWR | O_CLOEXEC),
		      "export");
}

__u32 vfio_state(int device, __u64 iova)
{
	struct peerbuf_vfio_ioc_query query;

	check_ok(peerbuf_vfio_query(device, iova, 0, &query, NULL));
	return query.state;
}

bool vfio_next(int device, __u64 iova, struct peerbuf_vfio_ioc_query *query)
{
	int ret = peerbuf_vfio_query(device, iova, PEERBUF_VFIO_QUERY_F_NEXT, query, NULL);

	check_among(ret, ENOENT);
	return !ret;
}

void vfio_mapped(int device, __u64 iova)
{
	eventually(5, vfio_state(device, iova) == PEERBUF_VFIO_STATE_MAPPED);
}

/* ---- edu ---- */

#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_CMD	0x98
#define EDU_CMD_RUN	1
#define EDU_CMD_OUT	2
/* Its inner memory, as its engine sees it. */
#define EDU_INNER	0x40000ULL
/* QEMU 7.2 takes a transfer that ends with the inner memory for one past it. */
#define EDU_MOST	4088

static volatile __u64 *edu_register(struct vfio_edu *edu, unsigned int offset)
{
	return (volatile __u64 *)(edu->regs + offset);
}

void vfio_edu_open_with_group(struct vfio_edu *edu, int container, const char *id, int *group)
{
	edu->fd = open_decoding(container, id, VFIO_VARIANT, group);
	edu->regs = vfio_region_map(edu->fd, 0, &edu->regs_size);
	edu->ram = vfio_ram(container);
	/* A reset does not end a transfer of who had it before, so it gets out to nowhere. */
	vfio_edu_wait(edu);
	check_ok(peerbuf_vfio_command(edu->fd, 0, PCI_COMMAND_MASTER));
}

void vfio_edu_open(struct vfio_edu *edu, int container, const char *id)
{
	int group;

	vfio_edu_open_with_group(edu, container, id, &group);
	close(group);
}

/* Mapped registers keep the device open, too. */
void vfio_edu_close(struct vfio_edu *edu)
{
	check_sys(munmap((void *)edu->regs, edu->regs_size));
	close(edu->fd);
	edu->fd = -1;
}

void vfio_edu_start(struct vfio_edu *edu, __u64 iova, __u32 length, bool to_iova)
{
	check(length <= EDU_MOST);
	*edu_register(edu, EDU_DMA_SRC) = to_iova ? EDU_INNER : iova;
	*edu_register(edu, EDU_DMA_DST) = to_iova ? iova : EDU_INNER;
	*edu_register(edu, EDU_DMA_COUNT) = length;
	*edu_register(edu, EDU_DMA_CMD) = EDU_CMD_RUN | (to_iova ? EDU_CMD_OUT : 0);
}

void vfio_edu_wait(struct vfio_edu *edu)
{
	eventually(5, !(*edu_register(edu, EDU_DMA_CMD) & EDU_CMD_RUN));
}

static void run(struct vfio_edu *edu, __u64 iova, __u32 length, bool to_iova)
{
	vfio_edu_start(edu, iova, length, to_iova);
	vfio_edu_wait(edu);
}

void vfio_edu_write(struct vfio_edu *edu, __u64 iova, __u32 length, __u32 seed)
{
	pattern_fill(edu->ram, length, seed);
	run(edu, RAM_IOVA, length, false);
	run(edu, iova, length, true);
}

void vfio_edu_faults(struct vfio_edu *edu, __u64 iova)
{
	int mark = kmsg_mark();

	eventually(10, (run(edu, iova, FAULT_LENGTH, true), kmsg_has_iommu_fault_at(mark, iova)));
	kmsg_done(mark);
}

bool vfio_edu_reads(struct vfio_edu *edu, __u64 iova, __u32 length, __u32 seed)
{
	memset(edu->ram, 0, length);
	run(edu, iova, length, false);
	run(edu, RAM_IOVA, length, true);
	return pattern_matches(edu->ram, length, seed);
}
