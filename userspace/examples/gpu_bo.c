// SPDX-License-Identifier: GPL-2.0-only
/*
 * A GPU's buffer object, written by another device while the GPU moves it around.
 *
 *	gpu_bo GPU ENGINE		PCI addresses: 0000:05:00.0
 *
 * The GPU is any that tests/drivers/vram drives, the engine an edu device. A real program does
 * the same, except for the two drivers' own ioctls: it makes a BO, calls drmPrimeHandleToFD(),
 * and hands the DMA-BUF to an importer. Neither the importer nor this program does anything when
 * the BO moves.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xf86drm.h>

#include <peerbuf.h>

#include "edu_dma_uapi.h"
#include "vram/vram_uapi.h"

#define SIZE	(256 * 1024)
#define LINE	64
#define CROWD	1024 /* more BOs of that size than any GPU of the lab has room for */

static void need(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "gpu_bo: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the GPU ---- */

static int gpu_open(uint64_t addr)
{
	drmDevicePtr devices[64];
	int nr = drmGetDevices2(0, devices, 64), fd = -1;

	for (int i = 0; i < nr; i++) {
		const drmPciBusInfo *pci = devices[i]->businfo.pci;

		if (devices[i]->bustype == DRM_BUS_PCI &&
		    devices[i]->available_nodes & 1 << DRM_NODE_RENDER &&
		    PEERBUF_PCI_ADDR(pci->domain, pci->bus, pci->dev, pci->func) == addr)
			fd = open(devices[i]->nodes[DRM_NODE_RENDER], O_RDWR | O_CLOEXEC);
	}
	if (nr > 0)
		drmFreeDevices(devices, nr);
	need(fd >= 0, "no render node of that GPU");
	return fd;
}

static uint32_t bo_create(int gpu)
{
	struct drm_vram_bo_create req = {
		.size = SIZE, .domains = VRAM_DOMAIN_VRAM | VRAM_DOMAIN_SYSTEM,
		.flags = VRAM_BO_VISIBLE,
	};

	need(!drmIoctl(gpu, DRM_IOCTL_VRAM_BO_CREATE, &req), "a BO");
	return req.handle;
}

static struct drm_vram_bo_info bo_info(int gpu, uint32_t handle)
{
	struct drm_vram_bo_info info = { .handle = handle };

	need(!drmIoctl(gpu, DRM_IOCTL_VRAM_BO_INFO, &info), "where the BO is");
	return info;
}

/* ---- the engine: another device, with a driver that imports DMA-BUFs ---- */

static int engine_open(const char *bdf)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/edu_dma/%s", bdf);
	fd = open(path, O_RDWR | O_CLOEXEC);
	need(fd >= 0, path);
	return fd;
}

static uint32_t engine_attach(int engine, int dmabuf)
{
	struct edu_dma_attach req = {
		.size = sizeof(req), .mode = EDU_DMA_DYNAMIC, .fd = dmabuf,
	};

	need(!ioctl(engine, EDU_DMA_IOC_ATTACH, &req), "attaching the engine");
	return req.handle;
}

/* The engine writes a line of text into the buffer. */
static void engine_write(int engine, uint32_t handle, unsigned int line, const char *text)
{
	char bytes[LINE] = "";
	struct edu_dma_local local = {
		.size = sizeof(local), .direction = EDU_DMA_FROM_BUFFER,
		.data = (uintptr_t)bytes, .length = LINE,
	};
	struct edu_dma_copy copy = {
		.size = sizeof(copy), .handle = handle, .offset = line * LINE, .length = LINE,
		.direction = EDU_DMA_TO_BUFFER,
	};

	snprintf(bytes, sizeof(bytes), "%s", text);
	need(!ioctl(engine, EDU_DMA_IOC_LOCAL, &local), "bytes for the engine");
	need(!ioctl(engine, EDU_DMA_IOC_COPY, &copy), "DMA into the buffer");
}

/* ---- what peerbuf knows ---- */

static void tell(int control, int gpu, uint32_t bo, const char *when)
{
	struct peerbuf_export_info info;
	struct peerbuf_error error;

	if (peerbuf_query(control, bo_info(gpu, bo).export_id, &info, &error)) {
		fprintf(stderr, "gpu_bo: %s\n", peerbuf_reason_text(error.reason));
		exit(1);
	}
	printf("%-12s %s, moved %" PRIu64 " times, %" PRIu32 " importer\n", when,
	       info.system_size ? "in system memory" : "in VRAM", (uint64_t)info.moves,
	       info.nr_attachments);
}

static void look(const char *cpu, unsigned int line, const char *text)
{
	errno = EIO;
	need(!strcmp(cpu + line * LINE, text), text);
}

int main(int argc, char **argv)
{
	struct drm_vram_bo_move back = { .where = VRAM_IN_WINDOW };
	static uint32_t crowd[CROWD];
	int gpu, engine, dmabuf, control;
	uint32_t bo, handle;
	unsigned int nr = 0;
	uint64_t addr;
	char *cpu;

	if (argc != 3 || peerbuf_addr_parse(argv[1], &addr)) {
		fprintf(stderr, "usage: gpu_bo GPU ENGINE\n");
		return 2;
	}
	gpu = gpu_open(addr);
	engine = engine_open(argv[2]);
	control = peerbuf_open_control(O_RDONLY);
	need(control >= 0, "/dev/peerbuf/control");

	bo = bo_create(gpu);
	need(!drmPrimeHandleToFD(gpu, bo, DRM_CLOEXEC | DRM_RDWR, &dmabuf), "a DMA-BUF of the BO");
	cpu = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
	need(cpu != MAP_FAILED, "mmap of the DMA-BUF");
	handle = engine_attach(engine, dmabuf);

	engine_write(engine, handle, 0, "written peer to peer, into VRAM");
	tell(control, gpu, bo, "at first:");

	/* Creating many BOs evicts this one, because it has been unused for longest. */
	while (bo_info(gpu, bo).where != VRAM_IN_SYSTEM && nr < CROWD)
		crowd[nr++] = bo_create(gpu);
	engine_write(engine, handle, 1, "written into system memory, where it was evicted to");
	tell(control, gpu, bo, "evicted:");

	while (nr)
		drmCloseBufferHandle(gpu, crowd[--nr]);
	back.handle = bo;
	need(!drmIoctl(gpu, DRM_IOCTL_VRAM_BO_MOVE, &back), "moving the BO back");
	engine_write(engine, handle, 2, "written into VRAM again");
	tell(control, gpu, bo, "back again:");

	look(cpu, 0, "written peer to peer, into VRAM");
	look(cpu, 1, "written into system memory, where it was evicted to");
	look(cpu, 2, "written into VRAM again");
	printf("every line is there\n");
	return 0;
}
