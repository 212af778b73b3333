// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * libibverbs provider of the hca test device: every verb is a system call, so this file only
 * passes them on. Built against the sources of the libibverbs that loads it,
 * see build.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <infiniband/driver.h>

#include "hca_abi.h"

/* The name in libibverbs' private interface for a context allocated as part of a structure. */
struct hca_context {
	struct verbs_context base;
};

static int hca_query_device(struct ibv_context *context,
			    const struct ibv_query_device_ex_input *input,
			    struct ibv_device_attr_ex *attr, size_t size)
{
	struct ib_uverbs_ex_query_device_resp resp;
	size_t resp_size = sizeof(resp);

	return ibv_cmd_query_device_any(context, input, attr, size, &resp,
					&resp_size);
}

static int hca_query_port(struct ibv_context *context, uint8_t port,
			  struct ibv_port_attr *attr)
{
	struct ibv_query_port cmd;

	return ibv_cmd_query_port(context, port, attr, &cmd, sizeof(cmd));
}

static struct ibv_pd *hca_alloc_pd(struct ibv_context *context)
{
	struct ib_uverbs_alloc_pd_resp resp;
	struct ibv_alloc_pd cmd;
	struct ibv_pd *pd;

	pd = calloc(1, sizeof(*pd));
	if (!pd)
		return NULL;
	if (ibv_cmd_alloc_pd(context, pd, &cmd, sizeof(cmd), &resp, sizeof(resp))) {
		free(pd);
		return NULL;
	}
	return pd;
}

static int hca_dealloc_pd(struct ibv_pd *pd)
{
	int ret = ibv_cmd_dealloc_pd(pd);

	if (!ret)
		free(pd);
	return ret;
}

static struct ibv_mr *hca_reg_mr(struct ibv_pd *pd, void *addr, size_t length,
				 uint64_t iova, int access)
{
	struct ib_uverbs_reg_mr_resp resp;
	struct ibv_reg_mr cmd;
	struct verbs_mr *mr;

	mr = calloc(1, sizeof(*mr));
	if (!mr)
		return NULL;
	if (ibv_cmd_reg_mr(pd, addr, length, iova, access, mr, &cmd, sizeof(cmd),
			   &resp, sizeof(resp))) {
		free(mr);
		return NULL;
	}
	return &mr->ibv_mr;
}

static struct ibv_mr *hca_reg_dmabuf_mr(struct ibv_pd *pd, uint64_t offset,
					size_t length, uint64_t iova, int fd,
					int access)
{
	struct verbs_mr *mr;

	mr = calloc(1, sizeof(*mr));
	if (!mr)
		return NULL;
	if (ibv_cmd_reg_dmabuf_mr(pd, offset, length, iova, fd, access, mr, NULL)) {
		free(mr);
		return NULL;
	}
	return &mr->ibv_mr;
}

static int hca_dereg_mr(struct verbs_mr *mr)
{
	int ret = ibv_cmd_dereg_mr(mr);

	if (!ret)
		free(mr);
	return ret;
}

static struct ibv_cq *hca_create_cq(struct ibv_context *context, int cqe,
				    struct ibv_comp_channel *channel, int vector)
{
	struct ib_uverbs_create_cq_resp resp;
	struct ibv_create_cq cmd;
	struct ibv_cq *cq;

	cq = calloc(1, sizeof(*cq));
	if (!cq)
		return NULL;
	if (ibv_cmd_create_cq(context, cqe, channel, vector, cq, &cmd, sizeof(cmd),
			      &resp, sizeof(resp))) {
		free(cq);
		return NULL;
	}
	return cq;
}

static int hca_destroy_cq(struct ibv_cq *cq)
{
	int ret = ibv_cmd_destroy_cq(cq);

	if (!ret)
		free(cq);
	return ret;
}

static struct ibv_qp *hca_create_qp(struct ibv_pd *pd,
				    struct ibv_qp_init_attr *attr)
{
	struct ib_uverbs_create_qp_resp resp;
	struct ibv_create_qp cmd;
	struct verbs_qp *qp;

	/* ibv_qp_to_qp_ex() accesses memory behind the public part. */
	qp = calloc(1, sizeof(*qp));
	if (!qp)
		return NULL;
	if (ibv_cmd_create_qp(pd, &qp->qp, attr, &cmd, sizeof(cmd), &resp,
			      sizeof(resp))) {
		free(qp);
		return NULL;
	}
	return &qp->qp;
}

static int hca_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask)
{
	struct ibv_modify_qp cmd;

	return ibv_cmd_modify_qp(qp, attr, mask, &cmd, sizeof(cmd));
}

static int hca_query_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask,
			struct ibv_qp_init_attr *init)
{
	struct ibv_query_qp cmd;

	return ibv_cmd_query_qp(qp, attr, mask, init, &cmd, sizeof(cmd));
}

static int hca_destroy_qp(struct ibv_qp *qp)
{
	int ret = ibv_cmd_destroy_qp(qp);

	if (!ret)
		free(container_of(qp, struct verbs_qp, qp));
	return ret;
}

static struct ibv_srq *hca_create_srq(struct ibv_pd *pd,
				      struct ibv_srq_init_attr *attr)
{
	struct ib_uverbs_create_srq_resp resp;
	struct ibv_create_srq cmd;
	struct ibv_srq *srq;

	srq = calloc(1, sizeof(*srq));
	if (!srq)
		return NULL;
	if (ibv_cmd_create_srq(pd, srq, attr, &cmd, sizeof(cmd), &resp,
			       sizeof(resp))) {
		free(srq);
		return NULL;
	}
	return srq;
}

static int hca_modify_srq(struct ibv_srq *srq, struct ibv_srq_attr *attr, int mask)
{
	struct ibv_modify_srq cmd;

	return ibv_cmd_modify_srq(srq, attr, mask, &cmd, sizeof(cmd));
}

static int hca_query_srq(struct ibv_srq *srq, struct ibv_srq_attr *attr)
{
	struct ibv_query_srq cmd;

	return ibv_cmd_query_srq(srq, attr, &cmd, sizeof(cmd));
}

static int hca_destroy_srq(struct ibv_srq *srq)
{
	int ret = ibv_cmd_destroy_srq(srq);

	if (!ret)
		free(srq);
	return ret;
}

static struct ibv_ah *hca_create_ah(struct ibv_pd *pd, struct ibv_ah_attr *attr)
{
	struct ib_uverbs_create_ah_resp resp;
	struct ibv_ah *ah;

	ah = calloc(1, sizeof(*ah));
	if (!ah)
		return NULL;
	if (ibv_cmd_create_ah(pd, ah, attr, &resp, sizeof(resp))) {
		free(ah);
		return NULL;
	}
	return ah;
}

static int hca_destroy_ah(struct ibv_ah *ah)
{
	int ret = ibv_cmd_destroy_ah(ah);

	if (!ret)
		free(ah);
	return ret;
}

static void hca_free_context(struct ibv_context *context)
{
	struct verbs_context *base = verbs_get_ctx(context);

	verbs_uninit_context(base);
	free(container_of(base, struct hca_context, base));
}

static const struct verbs_context_ops hca_context_ops = {
	.alloc_pd = hca_alloc_pd,
	.create_ah = hca_create_ah,
	.create_cq = hca_create_cq,
	.create_qp = hca_create_qp,
	.create_srq = hca_create_srq,
	.dealloc_pd = hca_dealloc_pd,
	.dereg_mr = hca_dereg_mr,
	.destroy_ah = hca_destroy_ah,
	.destroy_cq = hca_destroy_cq,
	.destroy_qp = hca_destroy_qp,
	.destroy_srq = hca_destroy_srq,
	.free_context = hca_free_context,
	.modify_qp = hca_modify_qp,
	.modify_srq = hca_modify_srq,
	.poll_cq = ibv_cmd_poll_cq,
	.post_recv = ibv_cmd_post_recv,
	.post_send = ibv_cmd_post_send,
	.post_srq_recv = ibv_cmd_post_srq_recv,
	.query_device_ex = hca_query_device,
	.query_port = hca_query_port,
	.query_qp = hca_query_qp,
	.query_srq = hca_query_srq,
	.reg_dmabuf_mr = hca_reg_dmabuf_mr,
	.reg_mr = hca_reg_mr,
	.req_notify_cq = ibv_cmd_req_notify_cq,
};

static int hca_get_context(struct hca_context *hca)
{
	struct ib_uverbs_get_context_resp resp;
	struct ibv_get_context cmd;

	return HCA_CMD_GET_CONTEXT(&hca->base, &cmd, sizeof(cmd), &resp,
				   sizeof(resp));
}

static struct verbs_context *hca_alloc_context(struct ibv_device *device, int fd,
					       void *private_data)
{
	struct hca_context *hca;

	(void)private_data;
	hca = verbs_init_and_alloc_context(device, fd, hca, base, HCA_DRIVER_ID);
	if (!hca)
		return NULL;
	if (hca_get_context(hca)) {
		verbs_uninit_context(&hca->base);
		free(hca);
		return NULL;
	}
	verbs_set_ops(&hca->base, &hca_context_ops);
	return &hca->base;
}

static struct verbs_device *hca_alloc_device(struct verbs_sysfs_dev *sysfs)
{
	(void)sysfs;
	return calloc(1, sizeof(struct verbs_device));
}

static void hca_uninit_device(struct verbs_device *device)
{
	free(device);
}

static const struct verbs_match_ent hca_match[] = {
	VERBS_DRIVER_ID(HCA_DRIVER_ID),
	{ }
};

static const struct verbs_device_ops hca_device_ops = {
	.name = "hca",
	.match_min_abi_version = HCA_ABI_VERSION,
	.match_max_abi_version = HCA_ABI_VERSION,
	.match_table = hca_match,
	.alloc_device = hca_alloc_device,
	.uninit_device = hca_uninit_device,
	.alloc_context = hca_alloc_context,
};

PROVIDER_DRIVER(hca, hca_device_ops);
