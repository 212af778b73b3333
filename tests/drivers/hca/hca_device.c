// SPDX-License-Identifier: GPL-2.0
/* The device as a whole, its one port, and user contexts. */
#include <linux/idr.h>
#include <linux/pci.h>

#include <rdma/ib_verbs.h>

#include "edu_dma.h"
#include "hca.h"
#include "hca_abi.h"
#include "rdma.h"

/* Addresses on the simulated subnet. Zero is not valid. */
static DEFINE_IDA(hca_lids);

static int hca_query_device(struct ib_device *ibdev, struct ib_device_attr *attr,
			    struct ib_udata *udata)
{
	struct hca *hca = to_hca(ibdev);

	memset(attr, 0, sizeof(*attr));
	attr->sys_image_guid = ibdev->node_guid;
	attr->vendor_id = hca->pdev->vendor;
	attr->vendor_part_id = hca->pdev->device;
	attr->device_cap_flags = IB_DEVICE_RC_RNR_NAK_GEN;
	attr->max_mr_size = HCA_MAX_MR_SIZE;
	attr->page_size_cap = PAGE_SIZE;
	if (hca->ndev)
		attr->kernel_cap_flags = IBK_LOCAL_DMA_LKEY;
	attr->max_ah = 65536;
	attr->max_srq = 65536;
	attr->max_srq_wr = HCA_MAX_WR;
	attr->max_srq_sge = HCA_MAX_SGE;
	attr->max_qp = 65536;
	attr->max_qp_wr = HCA_MAX_WR;
	attr->max_send_sge = HCA_MAX_SGE;
	attr->max_recv_sge = HCA_MAX_SGE;
	attr->max_sge_rd = HCA_MAX_SGE;
	attr->max_cq = 65536;
	attr->max_cqe = HCA_MAX_CQE;
	attr->max_mr = 1 << 20;
	attr->max_pd = 65536;
	attr->max_qp_rd_atom = HCA_MAX_RD_ATOMIC;
	attr->max_qp_init_rd_atom = HCA_MAX_RD_ATOMIC;
	attr->max_res_rd_atom = HCA_MAX_RD_ATOMIC * 65536;
	attr->atomic_cap = IB_ATOMIC_HCA;
	attr->max_pkeys = 1;
	return 0;
}

static int hca_query_port(struct ib_device *ibdev, u32 port,
			  struct ib_port_attr *attr)
{
	attr->state = IB_PORT_ACTIVE;
	attr->phys_state = IB_PORT_PHYS_STATE_LINK_UP;
	attr->max_mtu = IB_MTU_4096;
	attr->active_mtu = IB_MTU_4096;
	attr->gid_tbl_len = 1;
	attr->pkey_tbl_len = 1;
	attr->max_msg_sz = HCA_MAX_MESSAGE;
	attr->max_vl_num = 1;
	attr->lid = to_hca(ibdev)->lid;
	attr->active_width = IB_WIDTH_1X;
	attr->active_speed = IB_SPEED_SDR;
	if (to_hca(ibdev)->ndev)
		hca_roce_query_port(to_hca(ibdev), attr);
	return 0;
}

static int hca_get_port_immutable(struct ib_device *ibdev, u32 port,
				  struct ib_port_immutable *immutable)
{
	immutable->pkey_tbl_len = 1;
	if (to_hca(ibdev)->ndev) {
		hca_roce_immutable(immutable);
		return 0;
	}
	immutable->gid_tbl_len = 1;
	/* An InfiniBand link without MADs: the subnet has no manager. */
	immutable->core_cap_flags = RDMA_CORE_CAP_PROT_IB;
	return 0;
}

static enum rdma_link_layer hca_get_link_layer(struct ib_device *ibdev, u32 port)
{
	return to_hca(ibdev)->ndev ? IB_LINK_LAYER_ETHERNET :
				     IB_LINK_LAYER_INFINIBAND;
}

static int hca_query_gid(struct ib_device *ibdev, u32 port, int index,
			 union ib_gid *gid)
{
	gid->global.subnet_prefix = cpu_to_be64(0xfe80000000000000ULL);
	gid->global.interface_id = ibdev->node_guid;
	return 0;
}

static int hca_query_pkey(struct ib_device *ibdev, u32 port, u16 index, u16 *pkey)
{
	*pkey = 0xffff;
	return 0;
}

static int hca_alloc_ucontext(struct ib_ucontext *context, struct ib_udata *udata)
{
	return 0;
}

static void hca_dealloc_ucontext(struct ib_ucontext *context)
{
}

/* The core needs this to take a context from a process. The driver maps nothing into it. */
static void hca_disassociate_ucontext(struct ib_ucontext *context)
{
}

RDMA_OP_CREATE_CQ(hca_op_create_cq, hca_cq_create)
RDMA_OP_REG_USER_MR(hca_op_reg_user_mr, hca_mr_reg_user)
RDMA_OP_REG_USER_MR_DMABUF(hca_op_reg_user_mr_dmabuf, hca_mr_reg_dmabuf)

static const struct ib_device_ops hca_ops = {
	.owner = THIS_MODULE,
	.driver_id = (enum rdma_driver_id)HCA_DRIVER_ID,
	.uverbs_abi_ver = HCA_ABI_VERSION,

	.alloc_hw_device_stats = hca_alloc_stats,
	.alloc_pd = hca_alloc_pd,
	.alloc_ucontext = hca_alloc_ucontext,
	.create_ah = hca_create_ah,
	.create_cq = hca_op_create_cq,
	.create_qp = hca_create_qp,
	.create_srq = hca_create_srq,
	.create_user_ah = hca_create_ah,
	.dealloc_pd = hca_dealloc_pd,
	.dealloc_ucontext = hca_dealloc_ucontext,
	.dereg_mr = hca_dereg_mr,
	.destroy_ah = hca_destroy_ah,
	.destroy_cq = hca_destroy_cq,
	.destroy_qp = hca_destroy_qp,
	.destroy_srq = hca_destroy_srq,
	.disassociate_ucontext = hca_disassociate_ucontext,
	.get_hw_stats = hca_get_stats,
	.get_link_layer = hca_get_link_layer,
	.get_port_immutable = hca_get_port_immutable,
	.modify_qp = hca_modify_qp,
	.modify_srq = hca_modify_srq,
	.poll_cq = hca_poll_cq,
	.post_recv = hca_post_recv,
	.post_send = hca_post_send,
	.post_srq_recv = hca_post_srq_recv,
	.query_ah = hca_query_ah,
	.query_device = hca_query_device,
	.query_gid = hca_query_gid,
	.query_pkey = hca_query_pkey,
	.query_port = hca_query_port,
	.query_qp = hca_query_qp,
	.query_srq = hca_query_srq,
	.reg_user_mr = hca_op_reg_user_mr,
	.reg_user_mr_dmabuf = hca_op_reg_user_mr_dmabuf,
	.req_notify_cq = hca_req_notify_cq,

	INIT_RDMA_OBJ_SIZE(ib_ah, hca_ah, ibah),
	INIT_RDMA_OBJ_SIZE(ib_cq, hca_cq, ibcq),
	INIT_RDMA_OBJ_SIZE(ib_pd, hca_pd, ibpd),
	INIT_RDMA_OBJ_SIZE(ib_qp, hca_qp, ibqp),
	INIT_RDMA_OBJ_SIZE(ib_srq, hca_srq, ibsrq),
	INIT_RDMA_OBJ_SIZE(ib_ucontext, hca_ucontext, ibcontext),
};

static void hca_describe(struct hca *hca)
{
	struct ib_device *ibdev = &hca->ibdev;

	ibdev->node_type = RDMA_NODE_IB_CA;
	ibdev->phys_port_cnt = 1;
	ibdev->num_comp_vectors = 1;
	ibdev->dev.parent = &hca->pdev->dev;
	ibdev->node_guid = cpu_to_be64(0x0250420000000000ULL | hca->lid);
	strscpy(ibdev->node_desc, "peerbuf test HCA", sizeof(ibdev->node_desc));
	ibdev->uverbs_cmd_mask |= BIT_ULL(IB_USER_VERBS_CMD_POST_SEND) |
				  BIT_ULL(IB_USER_VERBS_CMD_POST_RECV) |
				  BIT_ULL(IB_USER_VERBS_CMD_POST_SRQ_RECV) |
				  BIT_ULL(IB_USER_VERBS_CMD_POLL_CQ) |
				  BIT_ULL(IB_USER_VERBS_CMD_REQ_NOTIFY_CQ);
	ib_set_device_ops(ibdev, &hca_ops);
}

static int hca_setup(struct hca *hca, struct edu *edu)
{
	int lid = ida_alloc_range(&hca_lids, 1, 0xbfff, GFP_KERNEL);

	if (lid < 0)
		return lid;
	hca->lid = lid;
	hca->edu = edu;
	hca->pdev = edu->pdev;
	xa_init_flags(&hca->qps, XA_FLAGS_ALLOC);
	xa_init_flags(&hca->mrs, XA_FLAGS_ALLOC);
	mutex_init(&hca->atomics);
	hca->wq = alloc_workqueue("hca%d", WQ_UNBOUND, 0, lid);
	if (!hca->wq) {
		ida_free(&hca_lids, lid);
		return -ENOMEM;
	}
	hca_describe(hca);
	return 0;
}

static int hca_register(struct hca *hca)
{
	int ret = 0;

	if (READ_ONCE(hca_roce))
		ret = hca_roce_setup(hca);
	if (ret)
		return ret;
	ret = ib_register_device(&hca->ibdev, "hca%d", &hca->pdev->dev);
	if (ret)
		goto err_roce;
	/* Not earlier: until now the device has no GIDs to be found by. */
	hca_list_add(hca);
	if (hca->ndev)
		hca_roce_start(hca);
	return 0;

err_roce:
	if (hca->ndev)
		hca_roce_cleanup(hca);
	return ret;
}

static void hca_cleanup(struct hca *hca)
{
	destroy_workqueue(hca->wq);
	mutex_destroy(&hca->atomics);
	xa_destroy(&hca->mrs);
	xa_destroy(&hca->qps);
	ida_free(&hca_lids, hca->lid);
}

/* Returns NULL, after a message, if no RDMA device can be made of @edu. */
struct hca *hca_device_create(struct edu *edu)
{
	struct hca *hca;
	int ret;

	hca = ib_alloc_device(hca, ibdev);
	if (!hca)
		return NULL;
	ret = hca_setup(hca, edu);
	if (ret)
		goto err_dealloc;
	ret = hca_register(hca);
	if (ret)
		goto err_cleanup;
	return hca;

err_cleanup:
	hca_cleanup(hca);
err_dealloc:
	ib_dealloc_device(&hca->ibdev);
	dev_err(&edu->pdev->dev, "no RDMA device: %d\n", ret);
	return NULL;
}

/*
 * The engine has stopped. Unregistering takes every object from its process and
 * destroys it, which also waits for other devices that use one of its QPs as a peer.
 */
void hca_device_destroy(struct hca *hca)
{
	struct ib_event event = {
		.device = &hca->ibdev,
		.element.port_num = 1,
		.event = IB_EVENT_DEVICE_FATAL,
	};

	if (hca->ndev)
		hca_roce_stop(hca);
	hca_list_del(hca);
	ib_dispatch_event(&event);
	ib_unregister_device(&hca->ibdev);
	if (hca->ndev)
		hca_roce_cleanup(hca);
	hca_cleanup(hca);
	ib_dealloc_device(&hca->ibdev);
}
