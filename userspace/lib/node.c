// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

#define NODE_DIR "/dev/peerbuf/"
#define ALIAS_DIR NODE_DIR "by-path/pci-"

static int open_node(const char *path, int flags)
{
	return KEEP_ERRNO(open(path, flags | O_CLOEXEC));
}

/* A container may have the node under a name without colons. */
static int open_alias(const char *bdf, int flags)
{
	char path[sizeof(ALIAS_DIR) + PEERBUF_ADDR_LEN] = ALIAS_DIR;
	size_t n;

	for (n = strlen(path); *bdf; bdf++)
		path[n++] = *bdf == ':' || *bdf == '.' ? '_' : *bdf;
	path[n] = '\0';
	return open_node(path, flags);
}

int peerbuf_open_addr(uint64_t addr, int flags)
{
	char path[sizeof(NODE_DIR) + PEERBUF_ADDR_LEN] = NODE_DIR;
	char *bdf = path + sizeof(NODE_DIR) - 1;
	int ret;

	ret = peerbuf_addr_format(addr, bdf, PEERBUF_ADDR_LEN);
	if (ret < 0)
		return ret;
	ret = open_node(path, flags);
	return ret == -ENOENT ? open_alias(bdf, flags) : ret;
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

int peerbuf_probe(int fd, struct peerbuf_ioc_probe *probe, struct peerbuf_error *error)
{
	*probe = (struct peerbuf_ioc_probe) { 0 };
	return PEERBUF_CALL(fd, PEERBUF_IOC_PROBE, probe, error);
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

int peerbuf_events_select(int node, uint64_t types, struct peerbuf_error *error)
{
	struct peerbuf_ioc_events arg = {
		.types = types,
		.record_size = sizeof(struct peerbuf_event),
	};

	return PEERBUF_CALL(node, PEERBUF_IOC_EVENTS, &arg, error);
}

/*
 * A node's records have the first published size until it asks for another. When the structure
 * grows, this function has to ask for the new size first.
 */
_Static_assert(sizeof(struct peerbuf_event) ==
	       offsetof(struct peerbuf_event, comm) + sizeof(((struct peerbuf_event *)0)->comm),
	       "the first published size");

ssize_t peerbuf_events(int node, struct peerbuf_event *events, size_t nr_events)
{
	ssize_t ret = KEEP_ERRNO(read(node, events, nr_events * sizeof(*events)));

	return ret < 0 ? ret : (ssize_t)(ret / sizeof(*events));
}
