// SPDX-License-Identifier: GPL-2.0
/*
 * The demo's last step, run by `peerbuf export … -- rdma_demo MEMORY-ID BAR-OFFSET HCA`:
 * an ordinary libibverbs program gets a dma-buf, registers it, and an RDMA WRITE
 * lands in another device's BAR. HCA is the PCI address of the RDMA device.
 *
 * Every line is printed after the thing it says was done and looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <infiniband/verbs.h>

#define AT	0x2000	/* in the buffer */
#define SIZE	48
#define SECONDS	20

static struct ibv_pd *pd;
static struct ibv_cq *cq;
static uint16_t lid;
static char message[SIZE], seen[SIZE];

static void expect(int held, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void expect(int held, const char *format, ...)
{
	va_list args;

	if (held)
		return;
	va_start(args, format);
	fprintf(stderr, "\ndemo FAILED: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

static int is_at(struct ibv_device *device, const char *bdf)
{
	char link[300], target[PATH_MAX];

	snprintf(link, sizeof(link), "%s/device", device->ibdev_path);
	return realpath(link, target) && !strcmp(strrchr(target, '/') + 1, bdf);
}

static void open_device(const char *bdf)
{
	struct ibv_device **list = ibv_get_device_list(NULL), **device = list;
	struct ibv_context *context;
	struct ibv_port_attr port;

	while (device && *device && !is_at(*device, bdf))
		device++;
	expect(device && *device, "libibverbs finds no RDMA device at %s", bdf);
	context = ibv_open_device(*device);
	expect(!!context, "ibv_open_device: %s", strerror(errno));
	printf("   RDMA device %s is %s\n", ibv_get_device_name(*device), bdf);
	ibv_free_device_list(list);
	pd = ibv_alloc_pd(context);
	cq = ibv_create_cq(context, 16, NULL, NULL, 0);
	expect(pd && cq, "no protection domain or completion queue");
	expect(!ibv_query_port(context, 1, &port), "ibv_query_port");
	lid = port.lid;
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
	struct ibv_qp *qp = ibv_create_qp(pd, &init);

	expect(!!qp, "ibv_create_qp: %s", strerror(errno));
	return qp;
}

static void connect_qp(struct ibv_qp *qp, uint32_t number)
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

	ret = ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX |
			    IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
	attr.qp_state = IBV_QPS_RTR;
	ret = ret ?: ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_AV |
				   IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
				   IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
				   IBV_QP_MIN_RNR_TIMER);
	attr.qp_state = IBV_QPS_RTS;
	ret = ret ?: ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_TIMEOUT |
				   IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
				   IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
	expect(!ret, "ibv_modify_qp: %s", strerror(ret));
}

static enum ibv_wc_status rdma_write(struct ibv_qp *qp, struct ibv_mr *from,
				     struct ibv_mr *to)
{
	struct ibv_sge sge = { (uintptr_t)from->addr, SIZE, from->lkey };
	struct ibv_send_wr wr = {
		.sg_list = &sge,
		.num_sge = 1,
		.opcode = IBV_WR_RDMA_WRITE,
	}, *bad;
	time_t until = time(NULL) + SECONDS;
	struct ibv_wc wc;
	int n, ret;

	wr.wr.rdma.remote_addr = AT;
	wr.wr.rdma.rkey = to->rkey;
	ret = ibv_post_send(qp, &wr, &bad);
	expect(!ret, "ibv_post_send: %s", strerror(ret));
	do {
		n = ibv_poll_cq(cq, 1, &wc);
		usleep(1000);
	} while (!n && time(NULL) < until);
	expect(n == 1, "no completion");
	return wc.status;
}

/* Not to be confused with anything an earlier run left behind. */
static void compose(void)
{
	uint64_t nonce;

	expect(getrandom(&nonce, sizeof(nonce), 0) == sizeof(nonce), "getrandom");
	snprintf(message, sizeof(message), "hello by RDMA: %016" PRIx64, nonce);
}

static void look_on_the_host(const char *id, uint64_t bar_offset)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/mnt/bars/%s", id);
	fd = open(path, O_RDONLY);
	expect(fd >= 0, "%s: %s", path, strerror(errno));
	expect(pread(fd, seen, SIZE, bar_offset + AT) == SIZE, "%s: short", path);
	close(fd);
	expect(!memcmp(seen, message, SIZE), "the host's file has other bytes");
	printf("   in the host's file behind the BAR: \"%s\"\n", seen);
}

int main(int argc, char **argv)
{
	const char *fd = getenv("PEERBUF_FD");
	struct ibv_mr *bar, *memory;
	struct ibv_qp *a, *b;

	expect(argc == 4 && fd, "usage: rdma_demo MEMORY-ID BAR-OFFSET HCA");
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_device(argv[3]);
	bar = ibv_reg_dmabuf_mr(pd, 0, 0x10000, 0, atoi(fd), IBV_ACCESS_LOCAL_WRITE |
				IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ);
	expect(!!bar, "ibv_reg_dmabuf_mr: %s", strerror(errno));
	printf("   ibv_reg_dmabuf_mr(fd %s): rkey 0x%x\n", fd, bar->rkey);
	memory = ibv_reg_mr(pd, message, SIZE, IBV_ACCESS_LOCAL_WRITE);
	expect(!!memory, "ibv_reg_mr: %s", strerror(errno));
	a = create_qp();
	b = create_qp();
	connect_qp(a, b->qp_num);
	connect_qp(b, a->qp_num);
	compose();
	expect(rdma_write(a, memory, bar) == IBV_WC_SUCCESS, "the RDMA WRITE failed");
	printf("   RDMA WRITE of %d bytes to offset 0x%x: completed\n", SIZE, AT);
	look_on_the_host(argv[1], strtoull(argv[2], NULL, 0));
	printf("   * an RDMA WRITE landed in another device's BAR\n");
	return 0;
}
