// SPDX-License-Identifier: GPL-2.0
/*
 * The demo's last step, run by `peerbuf export … -- rdma_demo MEMORY-BDF MEMORY-ID
 * BAR-OFFSET HCA-BDF`: an ordinary libibverbs program gets a dma-buf, registers it,
 * and an RDMA WRITE lands in another device's BAR.
 *
 * Every line is printed after the thing it says was done and looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "verbs.h"

static uint8_t message[MESSAGE_SIZE], answer[MESSAGE_SIZE];

static void write_and_look_everywhere(const struct ibv_mr *bar)
{
	struct ibv_mr *source = verbs_register(message, sizeof(message));
	uint8_t owner[MESSAGE_SIZE], host[MESSAGE_SIZE];

	compose(message, "hello, RDMA:");
	verbs_transfer(IBV_WR_RDMA_WRITE, source, sizeof(message), bar, AT);
	expect(memory_read_cpu(AT, owner, sizeof(owner)), "SIGBUS while the export is in force");
	expect(!memcmp(owner, message, sizeof(owner)), "the owner sees other bytes than were sent");
	memory_read_host(AT, host, sizeof(host));
	expect(!memcmp(host, message, sizeof(host)), "the host's file has other bytes");
	say("RDMA WRITE of %d bytes from memory to offset 0x%x of the MR: completed",
	    MESSAGE_SIZE, AT);
	dump("seen by the CPU, in a mmap of the dma-buf:", owner, sizeof(owner));
	dump("and in the host's file behind the BAR:", host, sizeof(host));
	proven("an RDMA WRITE landed in another device's BAR");
}

static void read_it_back(const struct ibv_mr *bar)
{
	struct ibv_mr *sink = verbs_register(answer, sizeof(answer));

	verbs_transfer(IBV_WR_RDMA_READ, sink, sizeof(answer), bar, AT);
	expect(!memcmp(answer, message, sizeof(answer)), "the RDMA READ brought other bytes");
	say("RDMA READ of the same: the same %d bytes", MESSAGE_SIZE);
	proven("an RDMA READ brought the same bytes back");
}

int main(int argc, char **argv)
{
	const char *fd = getenv("PEERBUF_FD");
	struct ibv_mr *bar;

	expect(argc == 5 && fd, "usage: rdma_demo MEMORY-BDF MEMORY-ID BAR-OFFSET HCA-BDF");
	memory_open(atoi(fd), argv[1], argv[2], strtoull(argv[3], NULL, 0));
	verbs_open(argv[4]);
	bar = verbs_register_dmabuf(atoi(fd), memory_size());
	say("ibv_reg_dmabuf_mr(fd %s): rkey 0x%x", fd, bar->rkey);
	ps_shown_with(argv[4], "rdma_demo");
	verbs_connect();
	write_and_look_everywhere(bar);
	read_it_back(bar);
	return 0;
}
