/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PEERBUF_INTERNAL_H
#define PEERBUF_INTERNAL_H

#include <stdbool.h>

#include <peerbuf.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Restores errno: the library's calls promise not to touch it, but libc's wrappers do. */
#define KEEP_ERRNO(call)						\
	({								\
		int saved_errno = errno;				\
		__typeof__(call) ret__ = (call);			\
									\
		if (ret__ < 0)						\
			ret__ = -errno;					\
		errno = saved_errno;					\
		ret__;							\
	})

/**
 * peerbuf_call() - the one place that calls ioctl(2)
 * @fd: a node or control
 * @request: PEERBUF_IOC_*
 * @arg: the call's structure; its size and reason fields are set here
 * @size: sizeof(*arg)
 * @error: out, or NULL; fields that belong to one call get their value for "none"
 *
 * Return: 0 or -errno.
 */
int peerbuf_call(int fd, unsigned long request, void *arg, size_t size,
		 struct peerbuf_error *error);

/** PEERBUF_CALL() - peerbuf_call() for a structure of known type. */
#define PEERBUF_CALL(fd, request, arg, error)				\
	peerbuf_call(fd, request, arg, sizeof(*(arg)), error)

/**
 * peerbuf_fail() - fill an error that the library found before it asked the kernel
 * @error: out, or NULL
 * @err: negative errno
 * @reason: enum peerbuf_reason
 *
 * Return: @err.
 */
int peerbuf_fail(struct peerbuf_error *error, int err, uint32_t reason);

/**
 * struct sysfs_bar - a range of addresses that maps a BAR through sysfs
 * @addr: the function
 * @bar: index of the BAR
 * @start: first address
 * @end: address behind the last
 * @offset: offset of @start in the BAR
 * @writable: the mapping is writable
 */
struct sysfs_bar {
	uint64_t addr;
	uint32_t bar;
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	bool writable;
};

/**
 * sysfs_bar_at() - find the BAR that is mapped at an address
 * @address: in this process
 * @found: out
 *
 * Return: true if there is one.
 */
bool sysfs_bar_at(uint64_t address, struct sysfs_bar *found);

/**
 * sysfs_bar_export() - make a dma-buf of pages of BARs
 * @bars: ranges of whole pages, in the order that they have in the buffer
 * @nr: number of ranges, at most PEERBUF_MAX_PIECES
 * @id: out, or NULL
 * @error: out, or NULL
 *
 * The export outlives the nodes, which are closed before this returns.
 *
 * Return: the dma-buf's descriptor, or -errno: as peerbuf_open_addr() and peerbuf_export().
 */
int sysfs_bar_export(const struct sysfs_bar *bars, size_t nr, uint64_t *id,
		     struct peerbuf_error *error);

#endif /* PEERBUF_INTERNAL_H */
