// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

/*
 * The kernel uses a 2 MiB page only if the address and the buffer's offset are equal
 * modulo 2 MiB. Some kernels' mmap() does not arrange that for a character device or
 * a dma-buf, so the address is chosen here.
 */
#define HUGE_SIZE	(2UL << 20)

/* Reserve addresses, and cut them to the first one that equals @offset modulo 2 MiB. */
static void *reserve(uint64_t offset, size_t length)
{
	size_t room = length + HUGE_SIZE;
	uintptr_t start, place;

	if (room < length)
		return MAP_FAILED;
	start = (uintptr_t)mmap(NULL, room, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start == (uintptr_t)MAP_FAILED)
		return MAP_FAILED;
	place = start + ((offset - start) & (HUGE_SIZE - 1));
	if (place > start)
		munmap((void *)start, place - start);
	munmap((void *)(place + length), start + room - place - length);
	return (void *)place;
}

static int map_huge(int dmabuf, uint64_t offset, size_t length, int prot, void **address)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t whole = (length + page - 1) & ~(page - 1);
	void *place, *mapped;
	int err;

	if (whole < length)
		return -ENOMEM;
	/*
	 * Such an address would not begin at a page, and munmap() could not undo the reservation.
	 */
	if (offset & (page - 1))
		return -EINVAL;
	place = reserve(offset, whole);
	if (place == MAP_FAILED)
		return -ENOMEM;
	mapped = mmap(place, length, prot, MAP_SHARED | MAP_FIXED, dmabuf, offset);
	if (mapped != MAP_FAILED) {
		*address = mapped;
		return 0;
	}
	err = -errno;
	munmap(place, whole);
	return err;
}

static int map_plain(int dmabuf, uint64_t offset, size_t length, int prot, void **address)
{
	void *mapped = mmap(NULL, length, prot, MAP_SHARED, dmabuf, offset);

	if (mapped == MAP_FAILED)
		return -errno;
	*address = mapped;
	return 0;
}

int peerbuf_mmap(int dmabuf, uint64_t offset, size_t length, int prot, void **address)
{
	int saved_errno = errno;
	int ret;

	if (length >= HUGE_SIZE)
		ret = map_huge(dmabuf, offset, length, prot, address);
	else
		ret = map_plain(dmabuf, offset, length, prot, address);
	errno = saved_errno;
	return ret;
}

int peerbuf_munmap(void *address, size_t length)
{
	return KEEP_ERRNO(munmap(address, length));
}
