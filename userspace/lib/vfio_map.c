// SPDX-License-Identifier: LGPL-2.1-or-later
/* Maps dma-bufs into the IOVA space of a VFIO device. */
#include <errno.h>

#include <peerbuf_vfio.h>

#include "internal.h"

int peerbuf_vfio_info(int device, struct peerbuf_vfio_ioc_info *info, struct peerbuf_error *error)
{
	*info = (struct peerbuf_vfio_ioc_info) { 0 };
	return PEERBUF_CALL(device, PEERBUF_VFIO_IOC_INFO, info, error);
}

int peerbuf_vfio_map(int device, int dmabuf, uint64_t offset, uint64_t length, uint64_t iova,
		     uint32_t access, int eventfd, struct peerbuf_route *route,
		     struct peerbuf_error *error)
{
	struct peerbuf_vfio_ioc_map map = {
		.flags = access,
		.fd = dmabuf,
		.offset = offset,
		.length = length,
		.iova = iova,
	};
	int ret;

	if (eventfd >= 0) {
		map.flags |= PEERBUF_VFIO_MAP_F_EVENTFD;
		map.eventfd = eventfd;
	}
	ret = PEERBUF_CALL(device, PEERBUF_VFIO_IOC_MAP, &map, error);
	if (route)
		*route = map.route;
	return ret;
}

int peerbuf_vfio_unmap(int device, uint64_t iova, uint64_t length, struct peerbuf_error *error)
{
	struct peerbuf_vfio_ioc_unmap unmap = { .iova = iova, .length = length };

	return PEERBUF_CALL(device, PEERBUF_VFIO_IOC_UNMAP, &unmap, error);
}

int peerbuf_vfio_query(int device, uint64_t iova, uint32_t flags,
		       struct peerbuf_vfio_ioc_query *query, struct peerbuf_error *error)
{
	*query = (struct peerbuf_vfio_ioc_query) { .iova = iova, .flags = flags };
	return PEERBUF_CALL(device, PEERBUF_VFIO_IOC_QUERY, query, error);
}

const char *peerbuf_vfio_state_name(uint32_t state)
{
	switch (state) {
	case PEERBUF_VFIO_STATE_MAPPED:
		return "MAPPED";
	case PEERBUF_VFIO_STATE_AWAY:
		return "AWAY";
	case PEERBUF_VFIO_STATE_DEAD:
		return "DEAD";
	case PEERBUF_VFIO_STATE_FAILED:
		return "FAILED";
	}
	return "UNKNOWN";
}
