/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_VERBS_H
#define FAKE_VERBS_H

#include <infiniband/verbs.h>

/* Values of an MR's lkey: which call made it. */
#define BY_REG_MR		1
#define BY_REG_MR_IOVA2		2
#define BY_REG_DMABUF_MR	3
#define BY_REG_MR_EX		4

/* Laid out as struct ibv_mr_init_attr of newer headers. */
struct fake_attr {
	size_t length;
	int access;
	uint64_t comp_mask;
	uint64_t iova;
	void *addr;
	int fd;
	uint64_t fd_offset;
	void *dmah;
};

#define FAKE_IOVA	(1U << 0)
#define FAKE_ADDR	(1U << 1)
#define FAKE_FD		(1U << 2)

#endif /* FAKE_VERBS_H */
