/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RDMA by libibverbs on the test HCA: devices by the lab's name of the edu they are
 * made of, connected QPs, work requests that are waited for. What goes wrong here
 * fails the test; calls that a test wants to see fail return 0 or -errno.
 */
#ifndef RDMA_H
#define RDMA_H

#include <infiniband/verbs.h>

#include "lab.h"

#define RDMA_ALL	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |	\
			 IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC)

/* Seconds to wait for a completion: a transfer takes a fifth of one per 4 KiB. */
#define RDMA_PATIENCE	30

struct rdma {
	const char *id;
	char name[64];
	struct ibv_context *context;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	__u16 lid;
};

/* Registered user memory. */
struct rdma_memory {
	__u8 *data;
	size_t size;
	struct ibv_mr *mr;
};

/**
 * struct rdma_bar - an exported BAR, or a piece of one, as an MR
 * @node: the owner's
 * @mem: the lab's name of the owner
 * @export: the DMA-BUF
 * @mr: the MR: all of the buffer, from address 0 on
 */
struct rdma_bar {
	int node;
	const char *mem;
	struct peer_export export;
	struct ibv_mr *mr;
};

void rdma_modules(void);
/* The same, but devices are of RoCE, for the RDMA CM. */
void rdma_cm_modules(void);
const char *rdma_name(const char *edu);
void rdma_open(struct rdma *rdma, const char *edu);
int rdma_reg_dmabuf(struct rdma *rdma, __u64 offset, __u64 length, __u64 iova,
		    int fd, int access, struct ibv_mr **mr);
void rdma_memory(struct rdma *rdma, size_t size, struct rdma_memory *memory);
void rdma_bar(struct rdma *rdma, const char *mem, __u64 offset, __u64 length,
	      struct rdma_bar *bar);

struct ibv_qp *rdma_qp(struct rdma *rdma, struct ibv_pd *pd);
int rdma_qp_init(struct ibv_qp *qp, int access);
int rdma_qp_connect(struct ibv_qp *qp, __u16 lid, __u32 number);
void rdma_connect(struct rdma *a, struct ibv_qp *qa, struct rdma *b,
		  struct ibv_qp *qb, int access);
/* Two QPs of one device, connected with each other. */
void rdma_loop(struct rdma *rdma, struct ibv_qp *qp[2]);
/* The device, such a pair, and memory: what most tests begin with. */
void rdma_begin(struct rdma *rdma, const char *edu, struct ibv_qp *qp[2], size_t size,
		struct rdma_memory *memory);
enum ibv_qp_state rdma_state(struct ibv_qp *qp);

int rdma_post(struct ibv_qp *qp, enum ibv_wr_opcode opcode, __u64 local,
	      __u32 lkey, __u32 length, __u64 remote, __u32 rkey, __u64 wr_id);
int rdma_post_recv(struct ibv_qp *qp, __u64 local, __u32 lkey, __u32 length,
		   __u64 wr_id);
void rdma_wait(struct ibv_cq *cq, struct ibv_wc *wc);
/* What the device has counted, by the counter's name. */
__u64 rdma_counter(struct rdma *rdma, const char *name);
/* Post, wait, and say how it ended. */
enum ibv_wc_status rdma_do(struct ibv_qp *qp, enum ibv_wr_opcode opcode,
			   struct rdma_memory *memory, __u64 at, __u32 length,
			   __u64 remote, __u32 rkey);

#endif /* RDMA_H */
