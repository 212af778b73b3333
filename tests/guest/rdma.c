// SPDX-License-Identifier: GPL-2.0
/* See rdma.h. */
#include <dirent.h>
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "rdma.h"

#define DEPTH	64

/* The module with all its devices, of RoCE or of InfiniBand. */
static void hca_of_kind(bool roce)
{
	char is[8] = "";

	if (sysfs_exists("/sys/module/hca/parameters/roce"))
		sysfs_read("/sys/module/hca/parameters/roce", is, sizeof(is));
	if (*is && (*is == 'Y') != roce)
		/* A context that its process has just closed may hold it a moment longer. */
		eventually(10, !module_unload("hca"));
	check_eq(module_load_with("hca", roce ? "roce=1" : "roce=0"), 0);
}

void rdma_modules(void)
{
	check_eq(module_load("ib_uverbs"), 0);
	check_eq(module_load("edu_dma"), 0);
	hca_of_kind(false);
	/* Whatever an earlier test left. */
	check_ok(sysfs_write("/sys/module/hca/parameters/pinned", "0"));
	check_ok(sysfs_write("/sys/module/hca/parameters/cpu_copy", "1"));
}

void rdma_cm_modules(void)
{
	rdma_modules();
	hca_of_kind(true);
	check_eq(module_load("rdma_ucm"), 0);
}

/* The name of the RDMA device that is made of that edu. */
const char *rdma_name(const char *edu)
{
	static char name[64];
	char link[PATH_MAX], target[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	*name = '\0';
	dir = opendir("/sys/class/infiniband");
	while (dir && !*name && (entry = readdir(dir))) {
		snprintf(link, sizeof(link), "/sys/class/infiniband/%s/device",
			 entry->d_name);
		if (!realpath(link, target))
			continue;
		if (!strcmp(strrchr(target, '/') + 1, lab_where(edu)))
			snprintf(name, sizeof(name), "%.60s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return name;
}

static struct ibv_context *context_open(const char *name)
{
	struct ibv_context *context = NULL;
	struct ibv_device **list;

	list = ibv_get_device_list(NULL);
	for (int i = 0; list && list[i] && !context; i++)
		if (!strcmp(ibv_get_device_name(list[i]), name))
			context = ibv_open_device(list[i]);
	if (list)
		ibv_free_device_list(list);
	return context;
}

void rdma_open(struct rdma *rdma, const char *edu)
{
	struct ibv_port_attr port;
	const char *name;

	rdma_modules();
	device_bind(edu, "edu_dma");
	eventually(5, *rdma_name(edu));
	name = rdma_name(edu);
	rdma->id = edu;
	snprintf(rdma->name, sizeof(rdma->name), "%.63s", name);
	rdma->context = context_open(name);
	if (!rdma->context)
		fail("libibverbs does not open %s (%s): %s", name, edu,
		     strerror(errno));
	rdma->pd = ibv_alloc_pd(rdma->context);
	check(rdma->pd);
	rdma->cq = ibv_create_cq(rdma->context, 4 * DEPTH, NULL, NULL, 0);
	check(rdma->cq);
	check_eq(ibv_query_port(rdma->context, 1, &port), 0);
	rdma->lid = port.lid;
}

__u64 rdma_counter(struct rdma *rdma, const char *name)
{
	char path[256], text[32];

	snprintf(path, sizeof(path),
		 "/sys/class/infiniband/%s/hw_counters/%s", rdma->name, name);
	sysfs_read(path, text, sizeof(text));
	return strtoull(text, NULL, 0);
}

int rdma_reg_dmabuf(struct rdma *rdma, __u64 offset, __u64 length, __u64 iova,
		    int fd, int access, struct ibv_mr **mr)
{
	*mr = ibv_reg_dmabuf_mr(rdma->pd, offset, length, iova, fd, access);
	return *mr ? 0 : -errno;
}

void rdma_memory(struct rdma *rdma, size_t size, struct rdma_memory *memory)
{
	memory->size = size;
	memory->data = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(memory->data != MAP_FAILED);
	memory->mr = ibv_reg_mr(rdma->pd, memory->data, size, RDMA_ALL);
	if (!memory->mr)
		fail("ibv_reg_mr: %s", strerror(errno));
}

void rdma_bar(struct rdma *rdma, const char *mem, __u64 offset, __u64 length,
	      struct rdma_bar *bar)
{
	bar->mem = mem;
	bar->node = node_open(mem);
	check_ok(peer_export_one(bar->node, MEM_BAR, offset, length, 0,
				 &bar->export));
	check_ok(rdma_reg_dmabuf(rdma, 0, length, 0, bar->export.fd, RDMA_ALL,
				 &bar->mr));
}

struct ibv_qp *rdma_qp(struct rdma *rdma, struct ibv_pd *pd)
{
	struct ibv_qp_init_attr init = {
		.send_cq = rdma->cq,
		.recv_cq = rdma->cq,
		.qp_type = IBV_QPT_RC,
		.sq_sig_all = 1,
		.cap = {
			.max_send_wr = DEPTH,
			.max_recv_wr = DEPTH,
			.max_send_sge = 2,
			.max_recv_sge = 2,
		},
	};
	struct ibv_qp *qp = ibv_create_qp(pd ?: rdma->pd, &init);

	if (!qp)
		fail("ibv_create_qp: %s", strerror(errno));
	return qp;
}

int rdma_qp_init(struct ibv_qp *qp, int access)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT,
		.port_num = 1,
		.qp_access_flags = access,
	};

	return -ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX |
			      IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
}

static int qp_to_rts(struct ibv_qp *qp)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTS,
		.timeout = 14,
		.retry_cnt = 2,
		.rnr_retry = 2,
		.max_rd_atomic = 1,
	};

	return -ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_TIMEOUT |
			      IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
			      IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
}

int rdma_qp_connect(struct ibv_qp *qp, __u16 lid, __u32 number)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = number,
		.max_dest_rd_atomic = 1,
		.min_rnr_timer = 12,
		.ah_attr = { .dlid = lid, .port_num = 1 },
	};
	int ret;

	ret = ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_AV |
			    IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
			    IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
	return ret ? -ret : qp_to_rts(qp);
}

void rdma_connect(struct rdma *a, struct ibv_qp *qa, struct rdma *b,
		  struct ibv_qp *qb, int access)
{
	check_ok(rdma_qp_init(qa, access));
	check_ok(rdma_qp_init(qb, access));
	check_ok(rdma_qp_connect(qa, b->lid, qb->qp_num));
	check_ok(rdma_qp_connect(qb, a->lid, qa->qp_num));
}

void rdma_loop(struct rdma *rdma, struct ibv_qp *qp[2])
{
	qp[0] = rdma_qp(rdma, NULL);
	qp[1] = rdma_qp(rdma, NULL);
	rdma_connect(rdma, qp[0], rdma, qp[1], RDMA_ALL);
}

void rdma_begin(struct rdma *rdma, const char *edu, struct ibv_qp *qp[2], size_t size,
		struct rdma_memory *memory)
{
	rdma_open(rdma, edu);
	/* Before the memory: what a dying process has newest goes first. */
	rdma_loop(rdma, qp);
	rdma_memory(rdma, size, memory);
}

enum ibv_qp_state rdma_state(struct ibv_qp *qp)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	check_eq(ibv_query_qp(qp, &attr, IBV_QP_STATE, &init), 0);
	return attr.qp_state;
}

int rdma_post(struct ibv_qp *qp, enum ibv_wr_opcode opcode, __u64 local,
	      __u32 lkey, __u32 length, __u64 remote, __u32 rkey, __u64 wr_id)
{
	struct ibv_sge sge = { local, length, lkey };
	struct ibv_send_wr wr = {
		.wr_id = wr_id,
		.sg_list = &sge,
		.num_sge = 1,
		.opcode = opcode,
		.imm_data = htobe32(0x1234),
	}, *bad;

	if (opcode == IBV_WR_ATOMIC_FETCH_AND_ADD ||
	    opcode == IBV_WR_ATOMIC_CMP_AND_SWP) {
		wr.wr.atomic.remote_addr = remote;
		wr.wr.atomic.rkey = rkey;
	} else {
		wr.wr.rdma.remote_addr = remote;
		wr.wr.rdma.rkey = rkey;
	}
	return -ibv_post_send(qp, &wr, &bad);
}

int rdma_post_recv(struct ibv_qp *qp, __u64 local, __u32 lkey, __u32 length,
		   __u64 wr_id)
{
	struct ibv_sge sge = { local, length, lkey };
	struct ibv_recv_wr wr = {
		.wr_id = wr_id,
		.sg_list = &sge,
		.num_sge = 1,
	}, *bad;

	return -ibv_post_recv(qp, &wr, &bad);
}

static bool polled(struct ibv_cq *cq, struct ibv_wc *wc)
{
	int n = ibv_poll_cq(cq, 1, wc);

	if (n < 0)
		fail("ibv_poll_cq: %d, %s", n, strerror(errno));
	return n;
}

void rdma_wait(struct ibv_cq *cq, struct ibv_wc *wc)
{
	eventually(RDMA_PATIENCE, polled(cq, wc));
}

enum ibv_wc_status rdma_do(struct ibv_qp *qp, enum ibv_wr_opcode opcode,
			   struct rdma_memory *memory, __u64 at, __u32 length,
			   __u64 remote, __u32 rkey)
{
	struct ibv_wc wc;

	check_ok(rdma_post(qp, opcode, (__u64)(uintptr_t)memory->data + at,
			   memory->mr->lkey, length, remote, rkey, 77));
	rdma_wait(qp->send_cq, &wc);
	check_eq(wc.wr_id, 77);
	return wc.status;
}
