// SPDX-License-Identifier: GPL-2.0-only
/* The engine of QEMU's edu device, operated through the lab's driver. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <edu_dma_uapi.h>

#include "engine.h"
#include "tool.h"

struct edu {
	struct engine engine;
	int fd;
	uint32_t handle;
};

static int call(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument) ? -errno : 0;
}

static int handle_call(const struct edu *edu, unsigned long request)
{
	struct edu_dma_handle handle = { .size = sizeof(handle), .handle = edu->handle };

	return call(edu->fd, request, &handle);
}

static void edu_detach(struct engine *engine)
{
	struct edu *edu = (struct edu *)engine;

	handle_call(edu, EDU_DMA_IOC_UNMAP);
	handle_call(edu, EDU_DMA_IOC_DETACH);
}

static int edu_attach(struct engine *engine, int dmabuf, uint64_t size)
{
	struct edu *edu = (struct edu *)engine;
	struct edu_dma_attach attach = {
		.size = sizeof(attach),
		.mode = EDU_DMA_DYNAMIC,
		.fd = dmabuf,
	};
	int ret = call(edu->fd, EDU_DMA_IOC_ATTACH, &attach);

	(void)size;
	if (ret)
		return ret;
	edu->handle = attach.handle;
	ret = handle_call(edu, EDU_DMA_IOC_MAP);
	if (ret)
		edu_detach(engine);
	return ret;
}

static int local(struct edu *edu, uint32_t direction, void *data, size_t length)
{
	struct edu_dma_local copy = {
		.size = sizeof(copy),
		.direction = direction,
		.data = (uintptr_t)data,
		.length = length,
	};

	return call(edu->fd, EDU_DMA_IOC_LOCAL, &copy);
}

static int remote(struct edu *edu, uint32_t direction, uint64_t offset, size_t length)
{
	struct edu_dma_copy copy = {
		.size = sizeof(copy),
		.handle = edu->handle,
		.offset = offset,
		.length = length,
		.direction = direction,
	};

	return call(edu->fd, EDU_DMA_IOC_COPY, &copy);
}

/* Goes through the device's internal memory, which no CPU can address. */
static int edu_transfer(struct engine *engine, int to_buffer, uint64_t offset, void *data,
			size_t length)
{
	struct edu *edu = (struct edu *)engine;
	int ret;

	if (to_buffer) {
		ret = local(edu, EDU_DMA_FROM_BUFFER, data, length);
		return ret ? ret : remote(edu, EDU_DMA_TO_BUFFER, offset, length);
	}
	ret = remote(edu, EDU_DMA_FROM_BUFFER, offset, length);
	return ret ? ret : local(edu, EDU_DMA_TO_BUFFER, data, length);
}

static void edu_close(struct engine *engine)
{
	struct edu *edu = (struct edu *)engine;

	close(edu->fd);
	free(edu);
}

struct engine *engine_edu(uint64_t addr, const char *scratch)
{
	int fd = open(format_text("/dev/edu_dma/%s", addr_text(addr)), O_RDWR | O_CLOEXEC);
	struct edu *edu;

	(void)scratch;
	if (fd < 0)
		return NULL;
	edu = calloc(1, sizeof(*edu));
	if (!edu)
		out_of_memory();
	edu->fd = fd;
	edu->engine = (struct engine) {
		.kind = "edu",
		.most = EDU_DMA_MEMORY,
		.grain = 1,
		.align = 1,
		.attach = edu_attach,
		.detach = edu_detach,
		.transfer = edu_transfer,
		.close = edu_close,
	};
	snprintf(edu->engine.name, sizeof(edu->engine.name), "%s", addr_text(addr));
	return &edu->engine;
}
