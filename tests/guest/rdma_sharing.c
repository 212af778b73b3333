// SPDX-License-Identifier: GPL-2.0
/*
 * Several processes and one MR, several MRs and one buffer: who may use what, who is
 * said to have it, and what is left when one of them goes.
 */
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "rdma.h"

#define SIZE	(64 * 1024)
#define BLOCK	1000

static struct rdma rdma;
static struct ibv_qp *qp[2];
static struct rdma_memory memory;

/* What two ends of a connection tell each other, by a socket. */
struct contact {
	__u16 lid;
	__u32 number;
	__u32 rkey;
};

static void setup(void)
{
	rdma_begin(&rdma, "rp-edu", qp, SIZE, &memory);
}

static void meet(int sock, struct ibv_qp *q, __u32 rkey, struct contact *theirs)
{
	struct contact mine = { rdma.lid, q->qp_num, rkey };

	check_ok(rdma_qp_init(q, RDMA_ALL));
	check_eq(write(sock, &mine, sizeof(mine)), sizeof(mine));
	if (read(sock, theirs, sizeof(*theirs)) != sizeof(*theirs))
		fail("the other process failed");
	check_ok(rdma_qp_connect(q, theirs->lid, theirs->number));
}

/* A process with an MR of the buffer, which lets another in and waits to be killed. */
static pid_t server_start(int dmabuf, int *sock)
{
	struct contact theirs;
	struct ibv_mr *mr;
	struct ibv_qp *q;
	int pair[2];
	pid_t pid;

	check_sys(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = check_sys(fork());
	*sock = pair[0];
	if (pid) {
		close(pair[1]);
		return pid;
	}
	close(pair[0]);
	rdma_open(&rdma, "rp-edu");
	q = rdma_qp(&rdma, NULL);
	check_ok(rdma_reg_dmabuf(&rdma, 0, SIZE, 0, dmabuf, RDMA_ALL, &mr));
	close(dmabuf);
	meet(pair[1], q, mr->rkey, &theirs);
	for (;;)
		pause();
}

/* One process writes into another's MR; the owner sees whose that is. */
TEST(two_processes)
{
	struct peerbuf_attachment_info info;
	struct peer_export export;
	struct contact theirs;
	__u8 host[BLOCK];
	struct ibv_qp *q;
	pid_t server;
	__u32 total;
	int node, sock;

	rdma_modules();
	device_bind("rp-edu", "edu_dma");
	node = node_open("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, 0, SIZE, 0, &export));
	server = server_start(export.fd, &sock);
	rdma_open(&rdma, "far-edu");
	rdma_memory(&rdma, SIZE, &memory);
	q = rdma_qp(&rdma, NULL);
	meet(sock, q, 0, &theirs);
	check_ok(peer_attachments(node, export.id, &info, 1, &total));
	check_eq(total, 1);
	check_eq(info.pid, server);
	check_eq(info.addr, lab_addr("rp-edu"));
	pattern_fill(memory.data, BLOCK, 31);
	check_eq(rdma_do(q, IBV_WR_RDMA_WRITE, &memory, 0, BLOCK, 0x123, theirs.rkey),
		 IBV_WC_SUCCESS);
	lab_host_read("rp-mem", 0x123, host, BLOCK);
	check(pattern_matches(host, BLOCK, 31));
	process_kill(server);
	eventually(10, !peer_attachments(node, export.id, &info, 1, &total) && !total);
	check_eq(rdma_do(q, IBV_WR_RDMA_WRITE, &memory, 0, BLOCK, 0, theirs.rkey),
		 IBV_WC_RETRY_EXC_ERR);
}

/* The key of a process's MR opens nothing for a QP of another process's. */
TEST(anothers_key)
{
	struct peer_export export;
	struct contact theirs;
	int node, sock;
	pid_t server;

	rdma_modules();
	device_bind("rp-edu", "edu_dma");
	node = node_open("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, 0, SIZE, 0, &export));
	lab_host_fill("rp-mem", 0, SIZE, 0xc3);
	server = server_start(export.fd, &sock);
	setup();
	meet(sock, rdma_qp(&rdma, NULL), 0, &theirs);
	memset(memory.data, 0x11, BLOCK);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, BLOCK, 0, theirs.rkey),
		 IBV_WC_REM_ACCESS_ERR);
	check_host_bytes("rp-mem", 0, BLOCK, 0xc3);
	process_kill(server);
}

/* A child has its parent's objects: it may use them, and takes none along. */
TEST(forked_child)
{
	struct rdma_bar bar;
	__u8 host[BLOCK];
	int status;
	pid_t pid;

	check_eq(ibv_fork_init(), 0);
	setup();
	rdma_bar(&rdma, "rp-mem", 0, SIZE, &bar);
	pattern_fill(memory.data, BLOCK, 32);
	pid = check_sys(fork());
	if (!pid) {
		struct ibv_wc wc;

		/* The memory is not the child's, but the MR is, and what it names. */
		check_ok(rdma_post(qp[0], IBV_WR_RDMA_WRITE,
				   (__u64)(uintptr_t)memory.data, memory.mr->lkey, BLOCK,
				   0x2001, bar.mr->rkey, 5));
		rdma_wait(rdma.cq, &wc);
		_exit(wc.status != IBV_WC_SUCCESS);
	}
	check_sys(waitpid(pid, &status, 0));
	check_eq(status, 0);
	lab_host_read("rp-mem", 0x2001, host, BLOCK);
	check(pattern_matches(host, BLOCK, 32));
	pattern_fill(memory.data, BLOCK, 33);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, BLOCK, 0x2001,
			 bar.mr->rkey), IBV_WC_SUCCESS);
	lab_host_read("rp-mem", 0x2001, host, BLOCK);
	check(pattern_matches(host, BLOCK, 33));
}

/* The export outlives the process that made it, and so does what is registered. */
TEST(exporter_died_and_the_export_persists)
{
	struct peer_export export;
	__u8 host[BLOCK];
	struct ibv_mr *mr;
	pid_t exporter;

	setup();
	exporter = exporter_start("rp-mem", 0, SIZE, PEERBUF_EXPORT_F_PERSIST, &export);
	check_ok(rdma_reg_dmabuf(&rdma, 0, SIZE, 0, export.fd, RDMA_ALL, &mr));
	process_kill(exporter);
	check_sys(close(export.fd));
	pattern_fill(memory.data, BLOCK, 34);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, BLOCK, 0x3001, mr->rkey),
		 IBV_WC_SUCCESS);
	lab_host_read("rp-mem", 0x3001, host, BLOCK);
	check(pattern_matches(host, BLOCK, 34));
	check_eq(ibv_dereg_mr(mr), 0);
}

/* ---- many MRs of one buffer ---- */

#define MRS	64

static __u64 mr_at(int i)
{
	return i * BLOCK + 3;
}

static void write_through(struct ibv_mr *mr, int i, __u64 base)
{
	__u8 host[BLOCK];

	pattern_fill(memory.data, BLOCK, i);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, BLOCK, mr_at(i), mr->rkey),
		 IBV_WC_SUCCESS);
	lab_host_read("rp-mem", base + mr_at(i), host, BLOCK);
	check(pattern_matches(host, BLOCK, i));
}

TEST(many_mrs_of_one_buffer)
{
	struct ibv_mr *mr[MRS];
	struct peer_export export;
	int node;

	setup();
	node = node_open("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, 0, SIZE, 0, &export));
	for (int i = 0; i < MRS; i++)
		check_ok(rdma_reg_dmabuf(&rdma, mr_at(i), BLOCK, mr_at(i), export.fd,
					 RDMA_ALL, &mr[i]));
	write_through(mr[0], 0, 0);
	write_through(mr[MRS - 1], MRS - 1, 0);
	for (int i = 0; i < MRS; i += 2)
		check_eq(ibv_dereg_mr(mr[i]), 0);
	check_ok(peer_move_one(node, export.id, MEM_BAR, 4 * SIZE, SIZE, 0));
	write_through(mr[1], 1, 4 * SIZE);
	write_through(mr[MRS - 1], MRS - 1, 4 * SIZE);
	/* Each ends where it ends, although the buffer goes on. */
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, 2, mr_at(2) - 1,
			 mr[1]->rkey), IBV_WC_REM_ACCESS_ERR);
}

/* ---- what the RDMA core tells about it ---- */

/* So many lines of what the tool prints about one of our devices match. */
static void shown(const char *what, const char *pattern, int lines)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "rdma resource show %s | tee /dev/stderr | grep -c '%s' | grep -qx %d",
		 what, pattern, lines);
	check_eq(system(command), 0);
}

TEST(rdma_tool_shows_the_mr)
{
	struct rdma_bar bar;
	char what[80], pattern[80];

	setup();
	rdma_bar(&rdma, "rp-mem", 0, SIZE, &bar);
	/* Memory and buffer, of one length. */
	snprintf(what, sizeof(what), "mr dev %s", rdma.name);
	snprintf(pattern, sizeof(pattern), "mrlen %d .*pid %d", SIZE, getpid());
	shown(what, pattern, 2);
	snprintf(what, sizeof(what), "qp link %s/1", rdma.name);
	snprintf(pattern, sizeof(pattern), "lqpn %u .*state RTS .*pid %d",
		 qp[0]->qp_num, getpid());
	shown(what, pattern, 1);
}
