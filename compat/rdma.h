/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RDMA: operations whose arguments differ between kernels. Included by RDMA drivers only, because
 * it needs <rdma/ib_verbs.h>. Each macro defines the operation with this kernel's arguments, as a
 * wrapper of a function that takes the arguments all kernels have.
 */
#ifndef _PEERBUF_COMPAT_RDMA_H
#define _PEERBUF_COMPAT_RDMA_H

#include <rdma/ib_umem.h>
#include <rdma/ib_verbs.h>

/* create_cq: newer kernels pass the attribute bundle instead of the udata. */
#ifndef HAVE_RDMA_CREATE_CQ_ATTRS
#define RDMA_OP_CREATE_CQ(op, impl)					\
static int op(struct ib_cq *cq, const struct ib_cq_init_attr *attr,	\
	      struct ib_udata *udata)					\
{									\
	return impl(cq, attr);						\
}
#else
#define RDMA_OP_CREATE_CQ(op, impl)					\
static int op(struct ib_cq *cq, const struct ib_cq_init_attr *attr,	\
	      struct uverbs_attr_bundle *attrs)				\
{									\
	return impl(cq, attr);						\
}
#endif

/* MRs: newer kernels pass a DMA handle as well, and for a DMA-BUF an attribute bundle. */
#ifndef HAVE_RDMA_MR_DMABUF_ATTRS
#define RDMA_OP_REG_MR_DMABUF_ARGS	struct ib_udata *udata
#elif !defined(HAVE_RDMA_MR_DMAH)
#define RDMA_OP_REG_MR_DMABUF_ARGS	struct uverbs_attr_bundle *attrs
#else
#define RDMA_OP_REG_MR_DMABUF_ARGS	\
	struct ib_dmah *dmah, struct uverbs_attr_bundle *attrs
#endif

#ifndef HAVE_RDMA_MR_DMAH
#define RDMA_OP_REG_MR_ARGS		struct ib_udata *udata
#else
#define RDMA_OP_REG_MR_ARGS		struct ib_dmah *dmah, struct ib_udata *udata
#endif

#define RDMA_OP_REG_USER_MR(op, impl)					\
static struct ib_mr *op(struct ib_pd *pd, u64 start, u64 length,	\
			u64 iova, int access, RDMA_OP_REG_MR_ARGS)	\
{									\
	return impl(pd, start, length, iova, access);			\
}

#define RDMA_OP_REG_USER_MR_DMABUF(op, impl)				\
static struct ib_mr *op(struct ib_pd *pd, u64 offset, u64 length,	\
			u64 iova, int fd, int access,			\
			RDMA_OP_REG_MR_DMABUF_ARGS)			\
{									\
	return impl(pd, offset, length, iova, fd, access);		\
}

#ifndef HAVE_IB_UMEM_GET_VA
#define ib_umem_get_va(device, addr, size, access)	\
	ib_umem_get(device, addr, size, access)
#endif

#endif /* _PEERBUF_COMPAT_RDMA_H */
