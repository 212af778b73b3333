/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PEERBUF_INTERNAL_H
#define PEERBUF_INTERNAL_H

#include <stdbool.h>

#include <peerbuf.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* The calls promise not to touch errno, but libc's wrappers under them do. */
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
 * @error: out, or NULL; the fields particular to one call get their "none"
 *
 * Return: 0 or -errno.
 */
int peerbuf_call(int fd, unsigned long request, void *arg, size_t size,
		 struct peerbuf_error *error);

/** PEERBUF_CALL() - peerbuf_call() for a structure of known type. */
#define PEERBUF_CALL(fd, request, arg, error)				\
	peerbuf_call(fd, request, arg, sizeof(*(arg)), error)

/**
 * peerbuf_fail() - fill an error that the library found before the kernel did
 * @error: out, or NULL
 * @err: negative errno
 * @reason: enum peerbuf_reason
 *
 * Return: @err.
 */
int peerbuf_fail(struct peerbuf_error *error, int err, uint32_t reason);

/**
 * struct sysfs_bar - a stretch of addresses that maps a BAR by sysfs
 * @addr: the function
 * @bar: which of its BARs
 * @start: first address
 * @end: behind the last
 * @offset: of @start in the BAR
 * @writable: the mapping may be written
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
 * sysfs_bar_at() - which BAR is mapped there
 * @address: of this process
 * @found: out
 *
 * Return: whether one is.
 */
bool sysfs_bar_at(uint64_t address, struct sysfs_bar *found);

/**
 * sysfs_bar_export() - a dma-buf of pages of BARs
 * @bars: stretches, in the order that they have in the buffer; of whole pages
 * @nr: how many, at most PEERBUF_MAX_PIECES
 * @id: out, or NULL
 * @error: out, or NULL
 *
 * The export outlives the nodes, which are closed again.
 *
 * Return: the dma-buf's descriptor, or -errno: as peerbuf_open_addr() and peerbuf_export().
 */
int sysfs_bar_export(const struct sysfs_bar *bars, size_t nr, uint64_t *id,
		     struct peerbuf_error *error);

#endif /* PEERBUF_INTERNAL_H */
