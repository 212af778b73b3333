/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Devices owned by this process through VFIO, group and container, by the names the
 * lab gives them; and RAM that they can address. All of it by libpeerbuf, so that the
 * tests use what programs use. What goes wrong here fails the test.
 */
#ifndef GUEST_VFIO_H
#define GUEST_VFIO_H

#include <stdbool.h>

#include <linux/types.h>

#include <peerbuf_vfio.h>

/* Drivers. */
#define VFIO_STOCK	"vfio-pci"
#define VFIO_VARIANT	"peerbuf-vfio-pci"

/* Where RAM is in the IOVA space of a container, and where the tests put a peer's BAR. */
#define RAM_IOVA	0x10000000ULL
#define RAM_SIZE	(2ULL << 20)
#define PEER_IOVA	0x40000000ULL

/* What a device transfers when it is going to fault. */
#define FAULT_LENGTH	8

/**
 * struct vfio_edu - an edu driven by its registers
 * @fd: the device
 * @regs: its BAR 0
 * @regs_size: bytes
 * @ram: RAM, which it has at RAM_IOVA
 */
struct vfio_edu {
	int fd;
	volatile __u8 *regs;
	__u64 regs_size;
	__u8 *ram;
};

/* The modules loaded, the device bound; the rest does this as well. */
void vfio_prepare(const char *id, const char *driver);
int vfio_container(void);
/* Bound to that driver, opened, memory decode and bus mastering on. */
int vfio_open(int container, const char *id, const char *driver);
/* The same, its group open as well: for what a group's owner alone may do. */
int vfio_open_with_group(int container, const char *id, const char *driver, int *group);
/* RAM of the container, at RAM_IOVA. */
__u8 *vfio_ram(int container);
void *vfio_region_map(int device, unsigned int region, __u64 *size);
void vfio_config(int device, __u64 offset, void *data, size_t length, bool write);
/* Where a capability is, 0 if there is none. */
__u32 vfio_capability(int device, __u8 id);
/* An eventfd that is signalled when VFIO asks for the device back. */
int vfio_request(int device);
int vfio_export_one(int device, unsigned int bar, __u64 offset, __u64 length);

/* Until a mapping is in force. */
void vfio_mapped(int device, __u64 iova);
__u32 vfio_state(int device, __u64 iova);
/* The first mapping that ends behind this address, if there is one. */
bool vfio_next(int device, __u64 iova, struct peerbuf_vfio_ioc_query *query);

void vfio_edu_open(struct vfio_edu *edu, int container, const char *id);
void vfio_edu_open_with_group(struct vfio_edu *edu, int container, const char *id, int *group);
/* Given back to VFIO; its RAM stays the container's. */
void vfio_edu_close(struct vfio_edu *edu);
/* Between its inner memory and an IOVA; at most 4,088 bytes. */
void vfio_edu_start(struct vfio_edu *edu, __u64 iova, __u32 length, bool to_iova);
void vfio_edu_wait(struct vfio_edu *edu);
/*
 * It writes there, and the IOMMU says that it must not. Few bytes at a time: each is a
 * fault or more, and the kernel reports ten of them in five seconds.
 */
void vfio_edu_faults(struct vfio_edu *edu, __u64 iova);
/* A pattern to an IOVA; what an IOVA has. */
void vfio_edu_write(struct vfio_edu *edu, __u64 iova, __u32 length, __u32 seed);
bool vfio_edu_reads(struct vfio_edu *edu, __u64 iova, __u32 length, __u32 seed);

#endif /* GUEST_VFIO_H */
