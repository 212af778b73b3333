// SPDX-License-Identifier: GPL-2.0-only
/* A libibverbs with four calls. The lkey says which call was made. */
#include <stdint.h>
#include <stdlib.h>

#include "fake-verbs.h"

static struct ibv_mr *made(uint32_t by, void *addr, size_t length, uint64_t iova)
{
	struct ibv_mr *mr = calloc(1, sizeof(*mr));

	mr->lkey = by;
	mr->addr = addr;
	mr->length = length;
	mr->handle = iova;
	return mr;
}

struct ibv_mr *fake_reg_mr(struct ibv_pd *pd, void *addr, size_t length, int access)
	__asm__("ibv_reg_mr");
struct ibv_mr *fake_reg_mr_ex(struct ibv_pd *pd, struct fake_attr *attr) __asm__("ibv_reg_mr_ex");

struct ibv_mr *fake_reg_mr(struct ibv_pd *pd, void *addr, size_t length, int access)
{
	(void)pd;
	(void)access;
	return made(BY_REG_MR, addr, length, 0);
}

struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova,
				unsigned int access)
{
	(void)pd;
	(void)access;
	return made(BY_REG_MR_IOVA2, addr, length, iova);
}

struct ibv_mr *ibv_reg_dmabuf_mr(struct ibv_pd *pd, uint64_t offset, size_t length, uint64_t iova,
				 int fd, int access)
{
	(void)pd;
	(void)offset;
	(void)fd;
	(void)access;
	return made(BY_REG_DMABUF_MR, NULL, length, iova);
}

struct ibv_mr *fake_reg_mr_ex(struct ibv_pd *pd, struct fake_attr *attr)
{
	(void)pd;
	return made(BY_REG_MR_EX, attr->addr, attr->length, attr->iova);
}
