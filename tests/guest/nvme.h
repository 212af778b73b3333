/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small driver of an NVMe controller, in userspace: the admin queue, one pair of I/O
 * queues, one command at a time, no interrupts. Data addresses are IOVAs, so that they
 * may be those of RAM, or of a peer's BAR.
 */
#ifndef GUEST_NVME_H
#define GUEST_NVME_H

#include <stdbool.h>
#include <linux/types.h>

struct nvme_queue {
	volatile __u8 *sq;
	volatile __u8 *cq;
	volatile __u32 *sq_doorbell;
	volatile __u32 *cq_doorbell;
	unsigned int tail;
	unsigned int head;
	bool phase;
};

/**
 * struct nvme - a controller
 * @fd: the VFIO device
 * @regs: its registers
 * @ram: RAM it has at RAM_IOVA: queues, PRP lists, and space for data
 * @admin: the admin queue
 * @io: the I/O queue
 * @block: bytes of a logical block of namespace 1
 * @blocks: how many it has
 * @most: most bytes of one command
 * @serial: its serial number
 */
struct nvme {
	int fd;
	volatile __u8 *regs;
	__u8 *ram;
	struct nvme_queue admin;
	struct nvme_queue io;
	__u32 block;
	__u64 blocks;
	__u64 most;
	char serial[21];
};

/* Space for data in RAM: where it is for the CPU, and for the controller. */
#define NVME_DATA	0x100000ULL
#define NVME_DATA_SIZE	0x100000ULL

void nvme_open(struct nvme *nvme, int container, const char *id, const char *driver);
/*
 * Between blocks and an IOVA that is @length bytes long: block and length in bytes,
 * multiples of a block. The controller's status, 0 if all is well.
 */
__u16 nvme_read(struct nvme *nvme, __u64 offset, __u64 length, __u64 iova);
__u16 nvme_write(struct nvme *nvme, __u64 offset, __u64 length, __u64 iova);
__u16 nvme_flush(struct nvme *nvme);

#endif /* GUEST_NVME_H */
