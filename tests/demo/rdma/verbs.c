// SPDX-License-Identifier: GPL-2.0
/* One RDMA device, and a pair of QPs on it that are connected with each other. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "verbs.h"

#define SECONDS	20

static struct ibv_pd *pd;
static struct ibv_cq *cq;
static struct ibv_qp *qp[2];
static uint16_t lid;

static bool is_at(struct ibv_device *device, const char *bdf)
{
	char link[300], target[PATH_MAX];

	snprintf(link, sizeof(link), "%s/device", device->ibdev_path);
	return realpath(link, target) && !strcmp(strrchr(target, '/') + 1, bdf);
}

void verbs_open(const char *bdf)
{
	struct ibv_device **list = ibv_get_device_list(NULL), **device = list;
	struct ibv_context *context;
	struct ibv_port_attr port;

	while (device && *device && !is_at(*device, bdf))
		device++;
	expect(device && *device, "libibverbs finds no RDMA device at %s", bdf);
	context = ibv_open_device(*device);
	expect(context, "ibv_open_device: %s", strerror(errno));
	pd = ibv_alloc_pd(context);
	cq = ibv_create_cq(context, 16, NULL, NULL, 0);
	expect(pd && cq, "no protection domain or completion queue");
	expect(!ibv_query_port(context, 1, &port), "ibv_query_port");
	lid = port.lid;
	say("the engine %s is the RDMA device %s", bdf, ibv_get_device_name(*device));
	ibv_free_device_list(list);
}

struct ibv_pd *verbs_pd(void)
{
	return pd;
}

struct ibv_mr *verbs_register_dmabuf(int fd, size_t length)
{
	struct ibv_mr *mr;

	mr = ibv_reg_dmabuf_mr(pd, 0, length, 0, fd, IBV_ACCESS_LOCAL_WRITE |
			       IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ);
	expect(mr, "ibv_reg_dmabuf_mr: %s", strerror(errno));
	return mr;
}

struct ibv_mr *verbs_register(void *memory, size_t length)
{
	struct ibv_mr *mr = ibv_reg_mr(pd, memory, length, IBV_ACCESS_LOCAL_WRITE);

	expect(mr, "ibv_reg_mr: %s", strerror(errno));
	return mr;
}

static struct ibv_qp *create_qp(void)
{
	struct ibv_qp_init_attr init = {
		.send_cq = cq,
		.recv_cq = cq,
		.qp_type = IBV_QPT_RC,
		.cap = { .max_send_wr = 4, .max_recv_wr = 1, .max_send_sge = 1,
			 .max_recv_sge = 1 },
		.sq_sig_all = 1,
	};
	struct ibv_qp *created = ibv_create_qp(pd, &init);

	expect(created, "ibv_create_qp: %s", strerror(errno));
	return created;
}

static void connect_qp(struct ibv_qp *to_connect, uint32_t number)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT,
		.port_num = 1,
		.qp_access_flags = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = number,
		.max_dest_rd_atomic = 1,
		.max_rd_atomic = 1,
		.min_rnr_timer = 12,
		.ah_attr = { .dlid = lid, .port_num = 1 },
		.timeout = 14,
		.retry_cnt = 7,
	};
	int ret;

	ret = ibv_modify_qp(to_connect, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX |
			    IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
	attr.qp_state = IBV_QPS_RTR;
	ret = ret ?: ibv_modify_qp(to_connect, &attr, IBV_QP_STATE | IBV_QP_AV |
				   IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
				   IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
				   IBV_QP_MIN_RNR_TIMER);
	attr.qp_state = IBV_QPS_RTS;
	ret = ret ?: ibv_modify_qp(to_connect, &attr, IBV_QP_STATE | IBV_QP_TIMEOUT |
				   IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
				   IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
	expect(!ret, "ibv_modify_qp: %s", strerror(ret));
}

void verbs_connect(void)
{
	qp[0] = create_qp();
	qp[1] = create_qp();
	connect_qp(qp[0], qp[1]->qp_num);
	connect_qp(qp[1], qp[0]->qp_num);
}

static void wait_for_success(const char *what)
{
	time_t until = time(NULL) + SECONDS;
	struct ibv_wc wc;
	int n;

	do {
		n = ibv_poll_cq(cq, 1, &wc);
		usleep(1000);
	} while (!n && time(NULL) < until);
	expect(n == 1, "the %s did not complete", what);
	expect(wc.status == IBV_WC_SUCCESS, "the %s failed: %s", what,
	       ibv_wc_status_str(wc.status));
}

void verbs_transfer(enum ibv_wr_opcode opcode, const struct ibv_mr *local, size_t length,
		    const struct ibv_mr *remote, uint64_t at)
{
	struct ibv_sge sge = { (uintptr_t)local->addr, length, local->lkey };
	struct ibv_send_wr wr = { .sg_list = &sge, .num_sge = 1, .opcode = opcode }, *bad;
	int ret;

	wr.wr.rdma.remote_addr = at;
	wr.wr.rdma.rkey = remote->rkey;
	ret = ibv_post_send(qp[0], &wr, &bad);
	expect(!ret, "ibv_post_send: %s", strerror(ret));
	wait_for_success(opcode == IBV_WR_RDMA_READ ? "RDMA READ" : "RDMA WRITE");
}
