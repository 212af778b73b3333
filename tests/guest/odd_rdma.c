// SPDX-License-Identifier: GPL-2.0
/*
 * The test HCA against an exporter that does all it may do: MRs by the importer helper, which map
 * anew for an operation, and pinned ones, which keep the buffer where it is.
 */
#include <unistd.h>

#include "harness.h"
#include "odd.h"
#include "rdma.h"

#define EDU	"rp-edu"
#define MEM	"rp-mem"
#define LENGTH	1500

static struct rdma rdma;
static struct ibv_qp *qp[2];
static struct rdma_memory memory;
static struct ibv_mr *mr;

static int open_mr(int fd, __u64 size)
{
	if (!memory.data)
		rdma_begin(&rdma, EDU, qp, LENGTH, &memory);
	return rdma_reg_dmabuf(&rdma, 0, size, 0, fd, RDMA_ALL, &mr);
}

/* What fails, fails as an access to memory that is not there, and ends the connection. */
static int operation(enum ibv_wr_opcode opcode, __u64 offset, __u32 length)
{
	enum ibv_wc_status status = rdma_do(qp[0], opcode, &memory, 0, length, offset, mr->rkey);

	if (status == IBV_WC_SUCCESS)
		return 0;
	check_eq(status, IBV_WC_REM_ACCESS_ERR);
	return -EACCES;
}

static int write_buffer(__u64 offset, __u32 length, __u32 seed)
{
	pattern_fill(memory.data, length, seed);
	return operation(IBV_WR_RDMA_WRITE, offset, length);
}

static int read_buffer(__u64 offset, __u32 length, __u32 seed)
{
	int ret;

	memset(memory.data, 0, length);
	ret = operation(IBV_WR_RDMA_READ, offset, length);
	if (!ret)
		check(pattern_matches(memory.data, length, seed));
	return ret;
}

static void connect_anew(void)
{
	check_eq(ibv_destroy_qp(qp[0]), 0);
	check_eq(ibv_destroy_qp(qp[1]), 0);
	rdma_loop(&rdma, qp);
}

static void done(void)
{
	check_eq(ibv_dereg_mr(mr), 0);
}

static const struct odd_importer hca = {
	.open = open_mr, .write = write_buffer, .read = read_buffer, .again = connect_anew,
	.close = done, .unit = 1, .length = LENGTH,
};

ODD_TRIALS(mr_in_system_memory, &hca, NULL, ODD_IN_SYSTEM)
ODD_TRIALS(mr_in_a_bar, &hca, MEM, ODD_IN_BAR)

/* As in-tree drivers of RDMA have it: pinned, or not at all. */
TEST(pinned_mr_keeps_the_buffer_in_place)
{
	struct odd_export req = odd_request(NULL, ODD_IN_SYSTEM);
	static const struct odd_rule fails = {
		ODD_ON_PIN, ODD_DO_FAIL, .first = 1, .error = ENOMEM,
	};
	struct odd_counts counts;
	__u8 *cpu;

	rdma_begin(&rdma, EDU, qp, LENGTH, &memory);
	check_ok(sysfs_write("/sys/module/hca/parameters/pinned", "1"));
	req.piece[0] = 3;
	req.nr_pieces = 1;
	check_ok(odd_export(&req));
	cpu = buffer_map(req.fd, ODD_SIZE, 0);
	check_ok(odd_rules(req.fd, &fails, 1));
	check_fails(open_mr(req.fd, ODD_SIZE), ENOMEM);
	check_eq(odd_counts(req.fd).attachments, 0);
	check_ok(open_mr(req.fd, ODD_SIZE));
	check_ok(sysfs_write("/sys/module/hca/parameters/pinned", "0"));
	check_eq(odd_counts(req.fd).pins, 1);
	check_fails(odd_do(req.fd, ODD_DO_MOVE, 0), EBUSY);
	check_fails(odd_do(req.fd, ODD_DO_REVOKE, 0), EBUSY);
	check_ok(write_buffer(3 * PAGE - 700, LENGTH, 1));
	check(pattern_matches(cpu + 3 * PAGE - 700, LENGTH, 1));
	check_ok(read_buffer(3 * PAGE - 700, LENGTH, 1));
	done();
	counts = odd_counts(req.fd);
	check_eq(counts.attachments + counts.mappings + counts.pins, 0);
	odd_check_good(req.fd, ODD_NR_BAD);
	check_ok(odd_do(req.fd, ODD_DO_MOVE, 0));
}
