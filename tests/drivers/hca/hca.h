/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hca: a software RDMA device for machines without one.
 *
 * One ib_device per edu device. Queues are in memory and every verb is a system
 * call. Only the last step is real: edu's DMA engine reads and writes memory that only a
 * device can access, above all a BAR behind a DMA-BUF, at the DMA addresses that the exporter
 * gave. The CPU copies system memory, or the engine does if the module parameter cpu_copy is
 * off.
 *
 *	hca_main.c		module, parameters, list of devices
 *	hca_device.c		device, port and context operations
 *	hca_pd.c		protection domains
 *	hca_cq.c		completion queues
 *	hca_qp.c		queue pairs: creation, states, finding the peer
 *	hca_srq.c		shared receive queues
 *	hca_address.c		the destination of a packet: LIDs, GIDs, address handles
 *	hca_mr.c		memory regions: keys, checks, references
 *	hca_mr_umem.c		... of pinned memory
 *	hca_mr_dmabuf.c		... of a DMA-BUF, as a dynamic importer
 *	hca_mr_dma.c		... of all memory the device can access, for users in the kernel
 *	hca_engine.c		moving bytes between an MR and a wire page
 *	hca_vec.c		lists of parts of MRs
 *	hca_post.c		posting work requests
 *	hca_exec.c		the requester: runs one work request after the other
 *	hca_retry.c		... and decides when it retries
 *	hca_respond.c		the responder's part, which the requester runs
 *	hca_datagram.c		unconnected queue pairs
 *	hca_roce.c		devices with a network interface, for the RDMA CM
 *	hca_net.c		... and that interface
 *	hca_stats.c		counters, in hw_counters of the device
 *
 * Locks, outermost first:
 *
 *	hca_qp.modify -> (cancels hca_qp.work)
 *	hca.atomics -> edu engine claim -> dma_buf.resv -> edu_engine.lock
 *	hca_qp.receiving -> edu engine claim
 *	hca_list_lock -> hca.qps.xa_lock -> hca_qp.lock
 *	hca_list_lock -> the core's table of GIDs
 *
 * hca_cq.lock, hca_srq.lock, hca.mrs.xa_lock and hca_qp.lock are innermost: their holders take
 * no other lock of this driver. The first three are not nested in another lock of this driver
 * either. No thread ever holds the locks of two QPs.
 *
 * Users in the kernel post and poll with interrupts off, so hca_qp.lock, hca_srq.lock and
 * hca_cq.lock are always taken with interrupts off. No callback is called under them.
 */
#ifndef _HCA_H
#define _HCA_H

#include <linux/completion.h>
#include <linux/dma-fence.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <rdma/ib_verbs.h>

#include <peerbuf/peerbuf.h>

#include "hca_address.h"

struct edu;
struct edu_job;
struct hca_mr;
struct ib_umem;
struct net_device;
struct pci_dev;

#define HCA_MAX_SGE		8
#define HCA_MAX_WR		16384
#define HCA_MAX_CQE		BIT(20)
#define HCA_MAX_MR_SIZE		BIT_ULL(47)
#define HCA_MAX_MESSAGE		BIT(30)
#define HCA_MAX_RD_ATOMIC	16
#define HCA_MAX_INLINE		1024
#define HCA_MAX_DATAGRAM	4096

/* The QP that connection managers use to talk to each other. */
#define HCA_GSI_NUMBER		1

/* The key of the MR of all memory, for users in the kernel. No other MR has it: number zero. */
#define HCA_LOCAL_DMA_LKEY	1

/* The most that the engine moves in one job. */
#define HCA_STEP		4088U

/* The counters of a device. */
enum hca_stat {
	HCA_STAT_ENGINE_JOBS,
	HCA_STAT_ENGINE_BYTES,
	HCA_STAT_CPU_BYTES,
	HCA_STAT_DMABUF_MAPS,
	HCA_STAT_DMABUF_INVALIDATIONS,
	HCA_STAT_NR,
};

/**
 * struct hca - one device
 * @ibdev: the part that the RDMA core uses
 * @edu: the device whose engine it uses; valid until hca_remove() has returned
 * @pdev: the PCI device of @edu
 * @wq: runs the QPs and the deferred unmaps
 * @link: entry in the list of all devices, under hca_list_lock
 * @lid: its unique address on the simulated subnet
 * @ndev: the network interface of a RoCE device, else NULL
 * @netdev_events: reports changes of @ndev as events of the port
 * @dma_mr: the MR of all memory, for users in the kernel; RoCE devices only
 * @qps: QPs by number
 * @mrs: MRs by key >> 8
 * @next_qp: for the cyclic allocation of QP numbers
 * @next_mr: likewise, for MR numbers
 * @key_salt: the lower byte of the next key, so that a stale key is rarely valid
 * @atomics: serializes atomic operations on this device's memory
 * @stats: counters
 */
struct hca {
	struct ib_device ibdev;
	struct edu *edu;
	struct pci_dev *pdev;
	struct workqueue_struct *wq;
	struct list_head link;
	u16 lid;
	struct net_device *ndev;
	struct notifier_block netdev_events;
	struct hca_mr *dma_mr;
	struct xarray qps;
	struct xarray mrs;
	u32 next_qp;
	u32 next_mr;
	atomic_t key_salt;
	struct mutex atomics; /* whole read-modify-write cycles */
	atomic64_t stats[HCA_STAT_NR];
};

/**
 * struct hca_wire - a page that both the CPU and the engine can access
 * @cpu: its address for the CPU
 * @addr: its address for the engine
 */
struct hca_wire {
	void *cpu;
	dma_addr_t addr;
};

struct hca_ucontext {
	struct ib_ucontext ibcontext;
};

struct hca_pd {
	struct ib_pd ibpd;
};

/**
 * struct hca_cq - a completion queue
 * @ibcq: the part that the RDMA core uses
 * @lock: guards all members below
 * @wc: a ring of @size entries
 * @names: by QP number, a struct ib_qp that has only that number, for each QP that ever
 *	completed here. uverbs reads the number after the poll, when the real QP may have been
 *	destroyed. Freed with the queue
 * @size: entries
 * @head: the oldest entry
 * @count: entries in use
 * @overrun: an entry was lost and the event handler was told
 * @armed: report the next completion
 * @solicited_only: ... if it is solicited
 */
struct hca_cq {
	struct ib_cq ibcq;
	spinlock_t lock; /* all below */
	struct ib_wc *wc;
	struct xarray names;
	u32 size;
	u32 head;
	u32 count;
	bool overrun;
	bool armed;
	bool solicited_only;
};

/**
 * struct hca_srq - a shared receive queue
 * @ibsrq: the part that the RDMA core uses
 * @lock: guards @recv, @nr and @limit
 * @recv: requests that no QP has taken
 * @nr: number of those requests
 * @limit: report an event when @nr falls below this
 * @max_wr: room for this many requests
 * @max_sge: scatter/gather entries of a request, at most
 */
struct hca_srq {
	struct ib_srq ibsrq;
	spinlock_t lock; /* see above */
	struct list_head recv;
	u32 nr;
	u32 limit;
	u32 max_wr;
	u32 max_sge;
};

/* A work request of either queue. It has either SGEs or inline data. */
struct hca_wqe {
	struct list_head link;
	u64 wr_id;
	enum ib_wr_opcode opcode;
	int flags;
	__be32 imm;
	u32 rkey;
	u64 remote;
	u64 compare_add;
	u64 swap;
	struct hca_address to;
	u32 remote_qpn;
	u32 qkey;
	u32 data_len;
	u8 *data;
	u32 nr;
	struct ib_sge sge[] __counted_by(nr);
};

/**
 * struct hca_qp - a queue pair
 * @ibqp: the part that the RDMA core uses
 * @lock: guards @users, @attr, both queues and their counts
 * @users: requesters that are using it as their responder
 * @unused: woken when @users becomes zero
 * @modify: serializes state changes
 * @receiving: serializes senders of datagrams, which use @response
 * @attr: attributes as set so far; attr.qp_state is the state
 * @to: attr.ah_attr of a connected QP
 * @cap: the granted capacities
 * @signal_all: every send request generates a completion
 * @last_told: the event IB_EVENT_QP_LAST_WQE_REACHED has been reported
 * @send: requests not completed; the head is running, and only @work removes it
 * @recv: requests that no message has taken
 * @tries: how often the head of @send has found its peer not ready; only @work uses it
 * @rnr_timer: the delay that such a peer asked for; only @work uses it
 * @work: the requester
 * @request: wire page of the requester
 * @response: wire page of the responder, used by the peer or by the holder of @receiving
 */
struct hca_qp {
	struct ib_qp ibqp;
	spinlock_t lock; /* see above */
	u32 users;
	wait_queue_head_t unused;
	struct mutex modify; /* see above */
	struct mutex receiving; /* see above */
	struct ib_qp_attr attr;
	struct hca_address to;
	struct ib_qp_cap cap;
	bool signal_all;
	bool last_told;
	struct list_head send;
	struct list_head recv;
	u32 nr_send;
	u32 nr_recv;
	unsigned int tries;
	u8 rnr_timer;
	struct delayed_work work;
	struct hca_wire request;
	struct hca_wire response;
};

/**
 * struct hca_mr_kind - DMA access to one kind of memory
 * @begin: prepare a read or write, with the engine claimed: the addresses stay valid
 *	until @end. May sleep. May return with locks held, which @end releases
 * @segment_at: DMA address of a byte of the MR, and how many bytes follow it
 * @publish: called between @begin and @end when the job's fence exists; cannot fail
 * @end: undo @begin, whether or not a job was started
 * @destroy: the MR has no users; wait for the last job and release everything
 */
struct hca_mr_kind {
	int (*begin)(struct hca_mr *mr, bool write);
	int (*segment_at)(struct hca_mr *mr, u64 offset, dma_addr_t *addr, u64 *len);
	void (*publish)(struct hca_mr *mr, struct dma_fence *fence, bool write);
	void (*end)(struct hca_mr *mr);
	void (*destroy)(struct hca_mr *mr);
};

/**
 * struct hca_mr - a memory region
 * @ibmr: the part that the RDMA core uses
 * @hca: the device
 * @ref: one reference for the MR itself, and one for each operation that uses it
 * @unused: completed when the last reference is dropped
 * @gone: it is being deregistered: running operations end at their next step
 * @kind: the kind of memory
 * @iova: address of the first byte in work requests
 * @size: bytes
 * @access: IB_ACCESS_*
 * @context: fence context of the engine's jobs
 * @seqno: sequence number of the latest job; guarded by the engine's claim
 * @umem: pinned memory, or NULL
 * @by_cpu: @umem is system memory, which the CPU may copy
 * @dmabuf: the buffer, reference held, or NULL
 * @offset: offset of the MR in @dmabuf, bytes
 * @att: attachment, immutable
 * @mapping: the mapping; guarded by the buffer's dma_resv, as are all members below
 * @stale: it was invalidated: start no job, unmap when idle
 * @last: fence of the latest job, reference held
 * @unmap_work: unmaps a stale mapping that was busy
 */
struct hca_mr {
	struct ib_mr ibmr;
	struct hca *hca;
	refcount_t ref;
	struct completion unused;
	bool gone;
	const struct hca_mr_kind *kind;
	u64 iova;
	u64 size;
	int access;
	u64 context;
	u64 seqno;

	struct ib_umem *umem;
	bool by_cpu;

	struct dma_buf *dmabuf;
	u64 offset;
	struct peerbuf_attachment *att;
	struct peerbuf_mapping *mapping;
	bool stale;
	struct dma_fence *last;
	struct work_struct unmap_work;
};

/* A part of an MR, with a reference to the MR. */
struct hca_piece {
	struct hca_mr *mr;
	u64 offset;
	u64 len;
};

/* The parts that a request names or, if it has inline data, @data. */
struct hca_vec {
	u32 nr;
	u64 total;
	const u8 *data;
	struct hca_piece piece[HCA_MAX_SGE];
};

/* One end of a transfer: bytes from @start on, a wire page of the device, and the QP. */
struct hca_end {
	struct hca_vec *vec;
	struct hca_wire *wire;
	struct hca_qp *qp;
	u64 start;
};

/* The result of moving bytes from one vec to another. */
enum hca_moved {
	HCA_MOVED,
	HCA_FROM_FAILED,
	HCA_TO_FAILED,
	HCA_MOVE_ABORTED,
};

/*
 * The result of a request: a completion status, or one of these, which mean "try later".
 */
#define HCA_NO_PEER	1000
#define HCA_NO_RECV	1001

static inline struct hca *to_hca(struct ib_device *ibdev)
{
	return container_of(ibdev, struct hca, ibdev);
}

static inline struct hca_cq *to_hca_cq(struct ib_cq *ibcq)
{
	return container_of(ibcq, struct hca_cq, ibcq);
}

static inline struct hca_qp *to_hca_qp(struct ib_qp *ibqp)
{
	return container_of(ibqp, struct hca_qp, ibqp);
}

static inline struct hca_srq *to_hca_srq(struct ib_srq *ibsrq)
{
	return container_of(ibsrq, struct hca_srq, ibsrq);
}

static inline struct hca_mr *to_hca_mr(struct ib_mr *ibmr)
{
	return container_of(ibmr, struct hca_mr, ibmr);
}

static inline bool hca_mr_gone(struct hca_mr *mr)
{
	return READ_ONCE(mr->gone);
}

static inline struct hca *hca_of_qp(struct hca_qp *qp)
{
	return to_hca(qp->ibqp.device);
}

static inline bool hca_is_datagram(const struct hca_qp *qp)
{
	return qp->ibqp.qp_type == IB_QPT_UD || qp->ibqp.qp_type == IB_QPT_GSI;
}

/* Does the peer answer with data, which this end stores? */
static inline bool hca_fetches(enum ib_wr_opcode opcode)
{
	return opcode == IB_WR_RDMA_READ ||
	       opcode == IB_WR_ATOMIC_CMP_AND_SWP ||
	       opcode == IB_WR_ATOMIC_FETCH_AND_ADD;
}

/* hca_main.c */
extern bool hca_pinned;
extern bool hca_cpu_copy;
extern bool hca_roce;
void hca_list_add(struct hca *hca);
void hca_list_del(struct hca *hca);
struct hca_qp *hca_list_find_qp(const struct hca_address *to, u32 number);

/* hca_device.c */
struct hca *hca_device_create(struct edu *edu);
void hca_device_destroy(struct hca *hca);

/* hca_roce.c */
int hca_roce_setup(struct hca *hca);
void hca_roce_cleanup(struct hca *hca);
void hca_roce_start(struct hca *hca);
void hca_roce_stop(struct hca *hca);
void hca_roce_query_port(struct hca *hca, struct ib_port_attr *attr);
void hca_roce_immutable(struct ib_port_immutable *immutable);

/* hca_net.c */
struct net_device *hca_net_create(struct hca *hca);
void hca_net_destroy(struct net_device *ndev);

/* hca_srq.c */
int hca_create_srq(struct ib_srq *ibsrq, struct ib_srq_init_attr *init,
		   struct ib_udata *udata);
int hca_modify_srq(struct ib_srq *ibsrq, struct ib_srq_attr *attr,
		   enum ib_srq_attr_mask mask, struct ib_udata *udata);
int hca_query_srq(struct ib_srq *ibsrq, struct ib_srq_attr *attr);
int hca_destroy_srq(struct ib_srq *ibsrq, struct ib_udata *udata);
int hca_post_srq_recv(struct ib_srq *ibsrq, const struct ib_recv_wr *wr,
		      const struct ib_recv_wr **bad);
struct hca_wqe *hca_srq_take(struct hca_srq *srq);
void hca_srq_return(struct hca_srq *srq, struct hca_wqe *recv);

/* hca_pd.c */
int hca_alloc_pd(struct ib_pd *ibpd, struct ib_udata *udata);
int hca_dealloc_pd(struct ib_pd *ibpd, struct ib_udata *udata);

/* hca_cq.c */
int hca_cq_create(struct ib_cq *ibcq, const struct ib_cq_init_attr *attr);
int hca_destroy_cq(struct ib_cq *ibcq, struct ib_udata *udata);
int hca_cq_name(struct ib_cq *ibcq, u32 qp_num);
int hca_poll_cq(struct ib_cq *ibcq, int nr, struct ib_wc *wc);
int hca_req_notify_cq(struct ib_cq *ibcq, enum ib_cq_notify_flags flags);
bool hca_cq_push(struct ib_cq *ibcq, const struct ib_wc *wc, bool solicited);
void hca_cq_purge(struct ib_cq *ibcq, u32 qp_num);

/* hca_qp.c */
int hca_create_qp(struct ib_qp *ibqp, struct ib_qp_init_attr *init,
		  struct ib_udata *udata);
int hca_modify_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		  struct ib_udata *udata);
int hca_query_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		 struct ib_qp_init_attr *init);
int hca_destroy_qp(struct ib_qp *ibqp, struct ib_udata *udata);
void hca_qp_get_locked(struct hca_qp *qp);
void hca_qp_put(struct hca_qp *qp);
enum ib_qp_state hca_qp_state(struct hca_qp *qp);
void hca_qp_kick(struct hca_qp *qp);
void hca_qp_fail(struct hca_qp *qp, enum ib_event_type event);
void hca_qp_send_failed(struct hca_qp *qp);
void hca_qp_last_recv(struct hca_qp *qp);
void hca_qp_drained(struct hca_qp *qp);
struct hca_qp *hca_qp_find_peer(struct hca_qp *qp);

/* hca_mr.c */
void hca_mr_init(struct hca_mr *mr, struct hca *hca, struct ib_pd *pd, u64 iova,
		 u64 size, int access);
void hca_mr_free(struct hca_mr *mr);
struct hca_mr *hca_mr_alloc(struct ib_pd *pd, u64 iova, u64 size, int access);
struct ib_mr *hca_mr_publish(struct hca_mr *mr);
struct ib_mr *hca_mr_reg_dmabuf(struct ib_pd *pd, u64 offset, u64 length,
				u64 iova, int fd, int access);
int hca_dereg_mr(struct ib_mr *ibmr, struct ib_udata *udata);
struct hca_mr *hca_mr_get(struct hca *hca, struct ib_pd *pd, u32 key, u64 addr,
			  u64 len, int access);
void hca_mr_put(struct hca_mr *mr);

/* hca_mr_umem.c */
struct ib_mr *hca_mr_reg_user(struct ib_pd *pd, u64 start, u64 length, u64 iova,
			      int access);
int hca_mr_pin_dmabuf(struct hca_mr *mr, u64 offset, int fd);
int hca_mr_umem_copy(struct hca_mr *mr, u64 offset, void *data, u32 len,
		     bool write);

/* hca_mr_dmabuf.c */
int hca_mr_attach_dmabuf(struct hca_mr *mr, u64 offset, int fd);

/* hca_mr_dma.c */
struct hca_mr *hca_mr_dma_create(struct hca *hca, struct ib_pd *pd, int access);
struct ib_mr *hca_get_dma_mr(struct ib_pd *pd, int access);

/* hca_engine.c */
int hca_wire_alloc(struct hca *hca, struct hca_wire *wire);
void hca_wire_free(struct hca *hca, struct hca_wire *wire);
int hca_mr_read(struct hca_mr *mr, u64 offset, struct hca_wire *wire, u32 len);
int hca_mr_write(struct hca_mr *mr, u64 offset, struct hca_wire *wire, u32 len);

/* hca_vec.c */
int hca_vec_local(struct hca_qp *qp, const struct hca_wqe *wqe, int access,
		  struct hca_vec *vec);
int hca_vec_remote(struct hca_qp *peer, const struct hca_wqe *wqe, u64 len,
		   int access, struct hca_vec *vec);
void hca_vec_put(struct hca_vec *vec);
enum hca_moved hca_vec_move(struct hca_end *from, struct hca_end *to, u64 len);

/* hca_post.c */
struct hca_wqe *hca_wqe_alloc(u64 wr_id, const struct ib_sge *sge, int nr,
			      u32 data_len, gfp_t gfp);
void hca_wqes_free(struct list_head *list);
int hca_post_send(struct ib_qp *ibqp, const struct ib_send_wr *wr,
		  const struct ib_send_wr **bad);
int hca_post_recv(struct ib_qp *ibqp, const struct ib_recv_wr *wr,
		  const struct ib_recv_wr **bad);

/* hca_exec.c */
void hca_qp_work(struct work_struct *work);
void hca_qp_complete_recv(struct hca_qp *qp, struct hca_wqe *wqe,
			  const struct ib_wc *wc, bool solicited);

/* hca_retry.c */
bool hca_try_again(struct hca_qp *qp, int *status);

/* hca_stats.c */
struct rdma_hw_stats *hca_alloc_stats(struct ib_device *ibdev);
int hca_get_stats(struct ib_device *ibdev, struct rdma_hw_stats *stats, u32 port,
		  int index);
void hca_count(struct hca *hca, enum hca_stat stat, u64 n);

/* hca_datagram.c */
int hca_send_datagram(struct hca_qp *qp, struct hca_wqe *wqe, struct hca_vec *local);

/* hca_respond.c */
struct hca_wqe *hca_take_recv(struct hca_qp *peer);
void hca_return_recv(struct hca_qp *peer, struct hca_wqe *recv);
int hca_respond_write(struct hca_qp *qp, struct hca_qp *peer,
		      struct hca_wqe *wqe, struct hca_vec *local);
int hca_respond_read(struct hca_qp *qp, struct hca_qp *peer,
		     struct hca_wqe *wqe, struct hca_vec *local);
int hca_respond_send(struct hca_qp *qp, struct hca_qp *peer,
		     struct hca_wqe *wqe, struct hca_vec *local);
int hca_respond_atomic(struct hca_qp *qp, struct hca_qp *peer,
		       struct hca_wqe *wqe, struct hca_vec *local);

#endif /* _HCA_H */
