// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

#define NODE_DIR "/dev/peerbuf/"

static int open_node(const char *path, int flags)
{
	return KEEP_ERRNO(open(path, flags | O_CLOEXEC));
}

int peerbuf_open_addr(uint64_t addr, int flags)
{
	char path[sizeof(NODE_DIR) + PEERBUF_ADDR_LEN] = NODE_DIR;
	int ret;

	ret = peerbuf_addr_format(addr, path + sizeof(NODE_DIR) - 1, PEERBUF_ADDR_LEN);
	if (ret < 0)
		return ret;
	return open_node(path, flags);
}

int peerbuf_open(const char *bdf, int flags)
{
	uint64_t addr;

	if (peerbuf_addr_parse(bdf, &addr))
		return -EINVAL;
	return peerbuf_open_addr(addr, flags);
}

int peerbuf_open_control(int flags)
{
	return open_node(NODE_DIR "control", flags);
}

int peerbuf_close(int fd)
{
	return KEEP_ERRNO(close(fd));
}

int peerbuf_probe(int fd, uint64_t *ioctls)
{
	uint64_t found = 0;
	unsigned int nr;

	/*
	 * A structure of four bytes is too short for every ioctl there is and
	 * will be, so one that the node knows refuses it before looking further.
	 */
	for (nr = 0; nr < 64; nr++) {
		__u32 size[2] = { sizeof(size[0]), 0 };
		int ret = KEEP_ERRNO(ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, PEERBUF_IOC_MAGIC,
						    nr, sizeof(size)), size));

		if (ret == -EBADF)
			return ret;
		if (ret != -ENOTTY)
			found |= 1ULL << nr;
	}
	if (ioctls)
		*ioctls = found;
	return found ? 0 : -ENOTTY;
}

int peerbuf_info(int node, struct peerbuf_ioc_info *info, struct peerbuf_error *error)
{
	*info = (struct peerbuf_ioc_info) { 0 };
	return PEERBUF_CALL(node, PEERBUF_IOC_INFO, info, error);
}

int peerbuf_stats(int fd, struct peerbuf_ioc_stats *stats, struct peerbuf_error *error)
{
	*stats = (struct peerbuf_ioc_stats) { 0 };
	return PEERBUF_CALL(fd, PEERBUF_IOC_STATS, stats, error);
}

ssize_t peerbuf_events(int node, struct peerbuf_event *events, size_t nr_events)
{
	ssize_t ret = KEEP_ERRNO(read(node, events, nr_events * sizeof(*events)));

	return ret < 0 ? ret : (ssize_t)(ret / sizeof(*events));
}
