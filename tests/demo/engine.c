// SPDX-License-Identifier: GPL-2.0
/* The device that does the DMA: QEMU's edu, by the test driver edu_dma. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "demo.h"
#include "edu_dma_uapi.h"

static int engine = -1;
static uint32_t handle;

void engine_open(const char *bdf)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/edu_dma/%s", bdf);
	engine = open(path, O_RDWR | O_CLOEXEC);
	expect(engine >= 0, "%s: %s", path, strerror(errno));
}

static void attach_dmabuf(int dmabuf)
{
	struct edu_dma_attach attach = {
		.size = sizeof(attach),
		.mode = EDU_DMA_DYNAMIC,
		.fd = dmabuf,
	};

	expect(!ioctl(engine, EDU_DMA_IOC_ATTACH, &attach), "attach: %s", strerror(errno));
	handle = attach.handle;
}

/* 0 or the errno. */
int engine_map(void)
{
	struct edu_dma_handle map = { .size = sizeof(map), .handle = handle };

	return ioctl(engine, EDU_DMA_IOC_MAP, &map) ? errno : 0;
}

void engine_attach_and_map(void)
{
	int error;

	attach_dmabuf(atoi(getenv("PEERBUF_FD")));
	error = engine_map();
	expect(!error, "mapping the export: %s", strerror(error));
}

/* Where the buffer's first byte is, in the engine's eyes. */
uint64_t engine_dma_address(void)
{
	struct edu_dma_segment first = {};
	struct edu_dma_segments segments = {
		.size = sizeof(segments),
		.handle = handle,
		.entries = (uintptr_t)&first,
		.nr_entries = 1,
	};

	expect(!ioctl(engine, EDU_DMA_IOC_SEGMENTS, &segments) && segments.nr_entries == 1,
	       "segments: %s", strerror(errno));
	return first.addr;
}

/* Between this program and the engine's internal memory. */
static void local(uint8_t *message, uint32_t direction)
{
	struct edu_dma_local copy = {
		.size = sizeof(copy),
		.direction = direction,
		.data = (uintptr_t)message,
		.length = MESSAGE_SIZE,
	};

	expect(!ioctl(engine, EDU_DMA_IOC_LOCAL, &copy), "local copy: %s", strerror(errno));
}

void engine_load(const uint8_t *message)
{
	uint8_t copy[MESSAGE_SIZE];

	memcpy(copy, message, sizeof(copy));
	local(copy, EDU_DMA_FROM_BUFFER);
}

void engine_unload(uint8_t *message)
{
	memset(message, 0, MESSAGE_SIZE);
	local(message, EDU_DMA_TO_BUFFER);
}

/* Between the engine's internal memory and the buffer; 0 or the errno. */
static int transfer(uint64_t offset, uint32_t direction)
{
	struct edu_dma_copy copy = {
		.size = sizeof(copy),
		.handle = handle,
		.offset = offset,
		.length = MESSAGE_SIZE,
		.direction = direction,
	};

	return ioctl(engine, EDU_DMA_IOC_COPY, &copy) ? errno : 0;
}

int engine_to_buffer(uint64_t offset)
{
	return transfer(offset, EDU_DMA_TO_BUFFER);
}

int engine_from_buffer(uint64_t offset)
{
	return transfer(offset, EDU_DMA_FROM_BUFFER);
}

/* DMA to an address nobody vouches for: what a device that goes wrong would do. */
void engine_to_address(uint64_t address)
{
	struct edu_dma_raw raw = {
		.size = sizeof(raw),
		.direction = EDU_DMA_TO_BUFFER,
		.addr = address,
		.length = MESSAGE_SIZE,
	};

	expect(!ioctl(engine, EDU_DMA_IOC_RAW, &raw), "raw DMA: %s", strerror(errno));
}
