// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "internal.h"

int peerbuf_fail(struct peerbuf_error *error, int err, uint32_t reason)
{
	if (error)
		*error = (struct peerbuf_error) {
			.error = err,
			.reason = reason,
			.range = PEERBUF_NO_RANGE,
			.blocker = PEERBUF_PCI_NONE,
			.missing = PEERBUF_PCI_NONE,
		};
	return err;
}

int peerbuf_call(int fd, unsigned long request, void *arg, size_t size,
		 struct peerbuf_error *error)
{
	/* Every structure of the uAPI starts with these two. */
	__u32 *head = arg;
	int ret;

	head[0] = size;
	head[1] = PEERBUF_REASON_NONE;
	ret = KEEP_ERRNO(ioctl(fd, request, arg));
	if (ret > 0)
		ret = 0;
	return peerbuf_fail(error, ret, ret ? head[1] : PEERBUF_REASON_NONE);
}
