// SPDX-License-Identifier: GPL-2.0
/* See system_buffer.h. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "peer.h"
#include "system_buffer.h"

/* <linux/dma-heap.h> and <linux/udmabuf.h>, which some userlands have not got. */
struct heap_allocation {
	__u64 length;
	__u32 fd;
	__u32 fd_flags;
	__u64 heap_flags;
};

struct udmabuf {
	__u32 memfd;
	__u32 flags;
	__u64 offset;
	__u64 length;
};

#define HEAP_ALLOC	_IOWR('H', 0, struct heap_allocation)
#define UDMABUF_CREATE	_IOW('u', 0x42, struct udmabuf)

int heap_buffer(__u64 size)
{
	struct heap_allocation allocation = {
		.length = size, .fd_flags = O_RDWR | O_CLOEXEC,
	};
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);

	if (heap < 0)
		return -1;
	check_sys(ioctl(heap, HEAP_ALLOC, &allocation));
	close(heap);
	return allocation.fd;
}

int memfd_buffer(__u64 size)
{
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd;
	struct udmabuf create = { .flags = 1, .offset = PAGE, .length = size };

	if (device < 0)
		return -1;
	create.memfd = check_sys(memfd_create("buffer", MFD_ALLOW_SEALING | MFD_CLOEXEC));
	check_sys(ftruncate(create.memfd, size + PAGE));
	check_sys(fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK));
	fd = check_sys(ioctl(device, UDMABUF_CREATE, &create));
	close(create.memfd);
	close(device);
	return fd;
}
