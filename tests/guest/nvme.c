// SPDX-License-Identifier: GPL-2.0
/* See nvme.h; names of registers and commands are those of the NVMe specification. */
#include <linux/vfio.h>

#include "harness.h"
#include "lab.h"
#include "nvme.h"
#include "peer.h"
#include "vfio.h"

#define REG_CAP		0x00
#define REG_CC		0x14
#define REG_CSTS	0x1c
#define REG_AQA		0x24
#define REG_ASQ		0x28
#define REG_ACQ		0x30
#define REG_DOORBELLS	0x1000

#define CC_ENABLE	1U
/* Entries of 64 bytes in submission queues, of 16 in completion queues. */
#define CC_ENTRY_SIZES	(6U << 16 | 4U << 20)
#define CSTS_READY	1U
#define CSTS_FATAL	2U

#define ADMIN_CREATE_SQ	0x01
#define ADMIN_CREATE_CQ	0x05
#define ADMIN_IDENTIFY	0x06
#define IO_FLUSH	0x00
#define IO_WRITE	0x01
#define IO_READ		0x02

#define NAMESPACE	1
#define ENTRIES		16U
#define CONTIGUOUS	1U

/* What RAM is used for, by offset. */
#define RAM_ADMIN_SQ	0x0000ULL
#define RAM_ADMIN_CQ	0x1000ULL
#define RAM_IO_SQ	0x2000ULL
#define RAM_IO_CQ	0x3000ULL
#define RAM_IDENTIFY	0x4000ULL
#define RAM_PRPS	0x5000ULL

struct command {
	__u8 opcode;
	__u8 flags;
	__u16 id;
	__u32 nsid;
	__u64 reserved;
	__u64 metadata;
	__u64 prp1;
	__u64 prp2;
	__u32 dw10;
	__u32 dw11;
	__u32 dw12;
	__u32 dw13;
	__u32 dw14;
	__u32 dw15;
};

struct completion {
	__u32 result;
	__u32 reserved;
	__u16 sq_head;
	__u16 sq_id;
	__u16 id;
	__u16 status;
};

static volatile __u32 *reg32(struct nvme *nvme, unsigned int offset)
{
	return (volatile __u32 *)(nvme->regs + offset);
}

static volatile __u64 *reg64(struct nvme *nvme, unsigned int offset)
{
	return (volatile __u64 *)(nvme->regs + offset);
}

static void queue_init(struct nvme *nvme, struct nvme_queue *queue, unsigned int number,
		       __u64 sq, __u64 cq)
{
	unsigned int stride = 4U << (*reg64(nvme, REG_CAP) >> 32 & 0xf);

	memset(nvme->ram + sq, 0, PAGE);
	memset(nvme->ram + cq, 0, PAGE);
	*queue = (struct nvme_queue) {
		.sq = nvme->ram + sq,
		.cq = nvme->ram + cq,
		.sq_doorbell = reg32(nvme, REG_DOORBELLS + 2 * number * stride),
		.cq_doorbell = reg32(nvme, REG_DOORBELLS + (2 * number + 1) * stride),
		.phase = true,
	};
}

/* One command, until it is done: the status, without phase and retry bits. */
static __u16 submit(struct nvme_queue *queue, struct command *command)
{
	volatile struct completion *done =
		(volatile struct completion *)queue->cq + queue->head;
	static __u16 next;
	__u16 status;
	int clock;

	command->id = ++next;
	memcpy((void *)(queue->sq + queue->tail * sizeof(*command)), command,
	       sizeof(*command));
	queue->tail = (queue->tail + 1) % ENTRIES;
	__sync_synchronize();
	*queue->sq_doorbell = queue->tail;
	/* The medium is a file of the host's. */
	clock = lab_clock_hold();
	eventually(10, (done->status & 1) == queue->phase);
	lab_clock_release(clock);
	check_eq(done->id, command->id);
	status = done->status >> 1 & 0x7ff;
	queue->head = (queue->head + 1) % ENTRIES;
	if (!queue->head)
		queue->phase = !queue->phase;
	*queue->cq_doorbell = queue->head;
	return status;
}

static void identify(struct nvme *nvme, __u32 nsid, __u32 what)
{
	struct command command = {
		.opcode = ADMIN_IDENTIFY, .nsid = nsid,
		.prp1 = RAM_IOVA + RAM_IDENTIFY, .dw10 = what,
	};

	memset(nvme->ram + RAM_IDENTIFY, 0, PAGE);
	check_eq(submit(&nvme->admin, &command), 0);
}

static void identify_controller(struct nvme *nvme)
{
	const __u8 *data = nvme->ram + RAM_IDENTIFY;

	identify(nvme, 0, 1);
	memcpy(nvme->serial, data + 4, 20);
	for (int i = 19; i >= 0 && nvme->serial[i] == ' '; i--)
		nvme->serial[i] = '\0';
	/* A power of two pages; none: no limit, but ours is one page of PRPs. */
	nvme->most = data[77] ? PAGE << data[77] : 512 * PAGE;
	if (nvme->most > 512 * PAGE)
		nvme->most = 512 * PAGE;
}

static void identify_namespace(struct nvme *nvme)
{
	const __u8 *data = nvme->ram + RAM_IDENTIFY;
	__u32 format;

	identify(nvme, NAMESPACE, 0);
	memcpy(&nvme->blocks, data, sizeof(nvme->blocks));
	memcpy(&format, data + 128 + 4 * (data[26] & 0xf), sizeof(format));
	nvme->block = 1U << (format >> 16 & 0xff);
}

static void create_io_queues(struct nvme *nvme)
{
	struct command cq = {
		.opcode = ADMIN_CREATE_CQ, .prp1 = RAM_IOVA + RAM_IO_CQ,
		.dw10 = (ENTRIES - 1) << 16 | 1, .dw11 = CONTIGUOUS,
	};
	struct command sq = {
		.opcode = ADMIN_CREATE_SQ, .prp1 = RAM_IOVA + RAM_IO_SQ,
		.dw10 = (ENTRIES - 1) << 16 | 1, .dw11 = 1 << 16 | CONTIGUOUS,
	};

	queue_init(nvme, &nvme->io, 1, RAM_IO_SQ, RAM_IO_CQ);
	check_eq(submit(&nvme->admin, &cq), 0);
	check_eq(submit(&nvme->admin, &sq), 0);
}

void nvme_open(struct nvme *nvme, int container, const char *id, const char *driver)
{
	nvme->fd = vfio_open(container, id, driver);
	nvme->regs = vfio_region_map(nvme->fd, VFIO_PCI_BAR0_REGION_INDEX, NULL);
	nvme->ram = vfio_ram(container);
	*reg32(nvme, REG_CC) = 0;
	eventually(10, !(*reg32(nvme, REG_CSTS) & CSTS_READY));
	queue_init(nvme, &nvme->admin, 0, RAM_ADMIN_SQ, RAM_ADMIN_CQ);
	*reg32(nvme, REG_AQA) = (ENTRIES - 1) << 16 | (ENTRIES - 1);
	*reg64(nvme, REG_ASQ) = RAM_IOVA + RAM_ADMIN_SQ;
	*reg64(nvme, REG_ACQ) = RAM_IOVA + RAM_ADMIN_CQ;
	*reg32(nvme, REG_CC) = CC_ENTRY_SIZES | CC_ENABLE;
	eventually(10, *reg32(nvme, REG_CSTS) & (CSTS_READY | CSTS_FATAL));
	check(!(*reg32(nvme, REG_CSTS) & CSTS_FATAL));
	identify_controller(nvme);
	identify_namespace(nvme);
	create_io_queues(nvme);
}

/*
 * One or two pages are named in the command itself, more in a list, which then is one
 * page long at most.
 */
static void set_prps(struct nvme *nvme, struct command *command, __u64 iova, __u64 length)
{
	__u64 *list = (__u64 *)(nvme->ram + RAM_PRPS);
	__u64 end = iova + length, page = (iova & ~(PAGE - 1)) + PAGE;
	unsigned int nr = 0;

	command->prp1 = iova;
	for (; page < end; page += PAGE)
		list[nr++] = page;
	if (nr == 1)
		command->prp2 = list[0];
	else if (nr)
		command->prp2 = RAM_IOVA + RAM_PRPS;
}

static __u16 transfer(struct nvme *nvme, __u8 opcode, __u64 offset, __u64 length, __u64 iova)
{
	__u64 first = offset / nvme->block;
	struct command command = {
		.opcode = opcode, .nsid = NAMESPACE,
		.dw10 = (__u32)first, .dw11 = (__u32)(first >> 32),
		.dw12 = length / nvme->block - 1,
	};

	check(length && length <= nvme->most);
	check_eq(offset % nvme->block, 0);
	check_eq(length % nvme->block, 0);
	set_prps(nvme, &command, iova, length);
	return submit(&nvme->io, &command);
}

__u16 nvme_read(struct nvme *nvme, __u64 offset, __u64 length, __u64 iova)
{
	return transfer(nvme, IO_READ, offset, length, iova);
}

__u16 nvme_write(struct nvme *nvme, __u64 offset, __u64 length, __u64 iova)
{
	return transfer(nvme, IO_WRITE, offset, length, iova);
}

__u16 nvme_flush(struct nvme *nvme)
{
	struct command command = { .opcode = IO_FLUSH, .nsid = NAMESPACE };

	return submit(&nvme->io, &command);
}
