// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine of an RDMA device: two of its queue pairs, connected to each other. RDMA WRITE and
 * READ go between memory of this process and the DMA-BUF, both through the same device.
 */
#include <errno.h>
#include <infiniband/verbs.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "tool.h"

#define MOST	(1 << 20) /* bytes of one transfer */
#define SECONDS	20	  /* timeout of one transfer */
/* Microseconds between two polls for its completion. */
#define FIRST_PAUSE	100
#define LONGEST_PAUSE	5000

struct verbs {
	struct engine engine;
	struct ibv_context *context;
	struct ibv_port_attr port;
	union ibv_gid gid;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_qp *qp[2];
	struct ibv_mr *remote;
	struct ibv_mr *local;
	char *memory;
};

static bool is_at(const struct ibv_device *device, uint64_t addr)
{
	char link[300], target[PATH_MAX];
	const char *slash;

	snprintf(link, sizeof(link), "%s/device", device->ibdev_path);
	slash = realpath(link, target) ? strrchr(target, '/') : NULL;
	return slash && !strcmp(slash + 1, addr_text(addr));
}

static struct ibv_context *open_device(uint64_t addr, char *name, size_t size)
{
	struct ibv_device **list = ibv_get_device_list(NULL), **device;
	struct ibv_context *context = NULL;

	for (device = list; device && *device && !context; device++) {
		if (!is_at(*device, addr))
			continue;
		context = ibv_open_device(*device);
		snprintf(name, size, "%s", ibv_get_device_name(*device));
	}
	if (list)
		ibv_free_device_list(list);
	return context;
}

static struct ibv_qp *create_qp(struct verbs *verbs)
{
	struct ibv_qp_init_attr init = {
		.send_cq = verbs->cq,
		.recv_cq = verbs->cq,
		.qp_type = IBV_QPT_RC,
		.cap = { .max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1,
			 .max_recv_sge = 1 },
		.sq_sig_all = 1,
	};

	return ibv_create_qp(verbs->pd, &init);
}

/* Ethernet has no LIDs and needs a GID; InfiniBand needs no GID to reach the same port. */
static struct ibv_ah_attr way(const struct verbs *verbs)
{
	struct ibv_ah_attr way = { .dlid = verbs->port.lid, .port_num = 1 };

	if (verbs->port.link_layer == IBV_LINK_LAYER_ETHERNET && !verbs->port.lid) {
		way.is_global = 1;
		way.grh.dgid = verbs->gid;
		way.grh.hop_limit = 1;
	}
	return way;
}

static int connect_qp(const struct verbs *verbs, struct ibv_qp *qp, uint32_t number)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT,
		.port_num = 1,
		.qp_access_flags = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ,
		.path_mtu = verbs->port.active_mtu,
		.dest_qp_num = number,
		.max_dest_rd_atomic = 1,
		.max_rd_atomic = 1,
		.min_rnr_timer = 12,
		.ah_attr = way(verbs),
		.timeout = 14,
		.retry_cnt = 7,
	};
	int ret;

	ret = ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
			    IBV_QP_ACCESS_FLAGS);
	attr.qp_state = IBV_QPS_RTR;
	if (!ret)
		ret = ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |
				    IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
				    IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
	attr.qp_state = IBV_QPS_RTS;
	if (!ret)
		ret = ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
				    IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
	return ret;
}

static int set_up(struct verbs *verbs)
{
	if (ibv_query_port(verbs->context, 1, &verbs->port) ||
	    ibv_query_gid(verbs->context, 1, 0, &verbs->gid))
		return -EIO;
	verbs->pd = ibv_alloc_pd(verbs->context);
	verbs->cq = ibv_create_cq(verbs->context, 4, NULL, NULL, 0);
	verbs->memory = calloc(1, MOST);
	if (!verbs->pd || !verbs->cq || !verbs->memory)
		return -ENOMEM;
	verbs->local = ibv_reg_mr(verbs->pd, verbs->memory, MOST, IBV_ACCESS_LOCAL_WRITE);
	verbs->qp[0] = create_qp(verbs);
	verbs->qp[1] = create_qp(verbs);
	if (!verbs->local || !verbs->qp[0] || !verbs->qp[1])
		return -errno;
	if (connect_qp(verbs, verbs->qp[0], verbs->qp[1]->qp_num) ||
	    connect_qp(verbs, verbs->qp[1], verbs->qp[0]->qp_num))
		return -EIO;
	return 0;
}

static int verbs_attach(struct engine *engine, int dmabuf, uint64_t size)
{
	struct verbs *verbs = (struct verbs *)engine;

	verbs->remote = ibv_reg_dmabuf_mr(verbs->pd, 0, size, 0, dmabuf, IBV_ACCESS_LOCAL_WRITE |
					  IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ);
	return verbs->remote ? 0 : -errno;
}

static void verbs_detach(struct engine *engine)
{
	struct verbs *verbs = (struct verbs *)engine;

	ibv_dereg_mr(verbs->remote);
	verbs->remote = NULL;
}

static int complete(struct verbs *verbs)
{
	time_t until = time(NULL) + SECONDS;
	useconds_t pause = FIRST_PAUSE;
	struct ibv_wc wc;
	int nr;

	/* Most devices are done by then; of one that is not, nobody has to ask all the time. */
	for (;;) {
		nr = ibv_poll_cq(verbs->cq, 1, &wc);
		if (nr || time(NULL) >= until)
			break;
		usleep(pause);
		if (pause < LONGEST_PAUSE)
			pause *= 2;
	}
	if (!nr)
		return -ETIMEDOUT;
	return nr < 0 || wc.status != IBV_WC_SUCCESS ? -EIO : 0;
}

static int verbs_transfer(struct engine *engine, int to_buffer, uint64_t offset, void *data,
			  size_t length)
{
	struct verbs *verbs = (struct verbs *)engine;
	struct ibv_sge piece = { (uintptr_t)verbs->memory, length, verbs->local->lkey };
	struct ibv_send_wr request = {
		.sg_list = &piece,
		.num_sge = 1,
		.opcode = to_buffer ? IBV_WR_RDMA_WRITE : IBV_WR_RDMA_READ,
		.wr.rdma = { .remote_addr = offset, .rkey = verbs->remote->rkey },
	}, *bad;
	int ret;

	if (to_buffer)
		memcpy(verbs->memory, data, length);
	ret = ibv_post_send(verbs->qp[0], &request, &bad);
	ret = ret ? -ret : complete(verbs);
	if (!ret && !to_buffer)
		memcpy(data, verbs->memory, length);
	return ret;
}

static void verbs_close(struct engine *engine)
{
	struct verbs *verbs = (struct verbs *)engine;
	int n;

	for (n = 0; n < 2; n++)
		if (verbs->qp[n])
			ibv_destroy_qp(verbs->qp[n]);
	if (verbs->remote)
		ibv_dereg_mr(verbs->remote);
	if (verbs->local)
		ibv_dereg_mr(verbs->local);
	if (verbs->cq)
		ibv_destroy_cq(verbs->cq);
	if (verbs->pd)
		ibv_dealloc_pd(verbs->pd);
	ibv_close_device(verbs->context);
	free(verbs->memory);
	free(verbs);
}

struct engine *engine_verbs(uint64_t addr, const char *scratch)
{
	struct verbs *verbs = calloc(1, sizeof(*verbs));

	(void)scratch;
	if (!verbs)
		out_of_memory();
	verbs->engine = (struct engine) {
		.kind = "verbs",
		.most = MOST,
		.grain = 1,
		.align = 1,
		.attach = verbs_attach,
		.detach = verbs_detach,
		.transfer = verbs_transfer,
		.close = verbs_close,
	};
	verbs->context = open_device(addr, verbs->engine.name, sizeof(verbs->engine.name));
	if (!verbs->context) {
		free(verbs);
		return NULL;
	}
	if (set_up(verbs)) {
		warning("the RDMA device %s cannot be used: no queue pair", verbs->engine.name);
		verbs_close(&verbs->engine);
		return NULL;
	}
	return &verbs->engine;
}
