// SPDX-License-Identifier: GPL-2.0
/*
 * Files that are DMA-BUFs of somebody else, or no DMA-BUFs at all, and BARs by the wrong
 * call: an MR of an HCA that is built on peerbuf's helper is not for peerbuf's exports only.
 */
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm.h>

#include "card.h"
#include "harness.h"
#include "rdma.h"
#include "snapshot.h"

#define SIZE	(16 * 1024)
#define LENGTH	5000

static struct rdma rdma;
static struct ibv_qp *qp[2];
static struct rdma_memory memory;

static void setup(void)
{
	rdma_begin(&rdma, "rp-edu", qp, SIZE, &memory);
}

/* The engine writes it and reads it: also where the owner knows nothing of moves. */
static void round_trip(int fd)
{
	const __u64 iova = 0x10000123;
	struct ibv_mr *mr;
	__u8 *cpu;

	check_ok(rdma_reg_dmabuf(&rdma, 0x1123, LENGTH, iova, fd, RDMA_ALL, &mr));
	cpu = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(cpu != MAP_FAILED);
	check_sys(close(fd));
	pattern_fill(memory.data, LENGTH, 41);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, LENGTH, iova, mr->rkey),
		 IBV_WC_SUCCESS);
	check(pattern_matches(cpu + 0x1123, LENGTH, 41));
	pattern_fill(cpu + 0x1123, LENGTH, 42);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_READ, &memory, 0, LENGTH, iova, mr->rkey),
		 IBV_WC_SUCCESS);
	check(pattern_matches(memory.data, LENGTH, 42));
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, LENGTH, iova + 1, mr->rkey),
		 IBV_WC_REM_ACCESS_ERR);
	check_eq(ibv_dereg_mr(mr), 0);
}

static int vgem_buffer(void)
{
	struct drm_mode_create_dumb dumb = { .width = SIZE / 4, .height = 1, .bpp = 32 };
	struct drm_prime_handle prime = { .flags = O_CLOEXEC | O_RDWR };
	int card;

	card = check_sys(card_open("vgem", "vgem"));
	check_sys(ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &dumb));
	prime.handle = dumb.handle;
	check_sys(ioctl(card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime));
	check_sys(close(card));
	return prime.fd;
}

TEST(buffer_of_vgem)
{
	setup();
	round_trip(vgem_buffer());
}

static int sealed_memory(void)
{
	int fd = check_sys(memfd_create("foreign", MFD_ALLOW_SEALING));

	check_sys(ftruncate(fd, SIZE));
	check_sys(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	return fd;
}

TEST(buffer_of_udmabuf)
{
	struct udmabuf_create create = { .memfd = sealed_memory(), .size = SIZE };
	int device = open("/dev/udmabuf", O_RDWR);

	if (device < 0)
		skip("this kernel has no udmabuf");
	setup();
	round_trip(check_sys(ioctl(device, UDMABUF_CREATE, &create)));
}

static int reg(int fd, __u64 length)
{
	struct ibv_mr *mr;

	return rdma_reg_dmabuf(&rdma, 0, length, 0, fd, RDMA_ALL, &mr);
}

TEST(files_that_are_no_buffers)
{
	struct snapshot before;
	int memfd, event, here, pipes[2];

	setup();
	memfd = sealed_memory();
	event = check_sys(eventfd(0, 0));
	here = check_sys(open("/", O_RDONLY | O_DIRECTORY));
	check_sys(pipe(pipes));
	snapshot_take(&before);
	check_fails(reg(memfd, SIZE), EINVAL);
	check_fails(reg(event, PAGE), EINVAL);
	check_fails(reg(here, PAGE), EINVAL);
	check_fails(reg(pipes[1], PAGE), EINVAL);
	check_fails(reg(rdma.context->cmd_fd, PAGE), EINVAL);
	check_fails(reg(-1, PAGE), EBADF);
	check_fails(reg(1 << 20, PAGE), EBADF);
	snapshot_unchanged(&before);
}

/* A BAR that is mapped is no memory for ibv_reg_mr(): there are no pages to pin. */
TEST(mapped_bar_as_user_memory)
{
	struct rdma_bar bar;
	void *cpu;

	setup();
	rdma_bar(&rdma, "rp-mem", 0, SIZE, &bar);
	cpu = buffer_map(bar.export.fd, SIZE, 0);
	check(!ibv_reg_mr(rdma.pd, cpu, SIZE, RDMA_ALL));
	check_eq(errno, EFAULT);
	check(!ibv_reg_mr(rdma.pd, cpu, SIZE, 0));
	check_eq(errno, EFAULT);
	/* The buffer's MR is as good as before. */
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_READ, &memory, 0, 64, 0, bar.mr->rkey),
		 IBV_WC_SUCCESS);
}
