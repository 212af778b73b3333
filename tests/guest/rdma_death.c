// SPDX-License-Identifier: GPL-2.0
/*
 * Death under RDMA load: of the exporting device, of the HCA, of either driver, of
 * either process. The harness checks after each that nothing is left and the kernel
 * did not complain.
 */
#include <unistd.h>

#include "actors.h"
#include "harness.h"
#include "rdma.h"

#define START	(32 * PAGE)
#define SIZE	(4 * PAGE)
#define BLOCK	64
#define LOAD	24

static struct rdma rdma;
static struct rdma_memory memory;
static struct ibv_qp *qp[2];

static void load(struct ibv_mr *mr)
{
	for (int i = 0; i < LOAD; i++)
		check_ok(rdma_post(qp[0], IBV_WR_RDMA_WRITE,
				   (__u64)(uintptr_t)memory.data, memory.mr->lkey,
				   BLOCK, i * BLOCK, mr->rkey, i));
}

static void setup(const char *edu)
{
	rdma_begin(&rdma, edu, qp, SIZE, &memory);
}

/* Some succeed, then one is refused, the rest is flushed. */
static void check_load_fails(void)
{
	struct ibv_wc wc;
	int i = 0;

	do
		rdma_wait(rdma.cq, &wc);
	while (i++ < LOAD && wc.status == IBV_WC_SUCCESS);
	check_eq(wc.status, IBV_WC_REM_ACCESS_ERR);
	for (; i < LOAD; i++) {
		rdma_wait(rdma.cq, &wc);
		check_eq(wc.status, IBV_WC_WR_FLUSH_ERR);
	}
}

TEST(exporter_is_killed)
{
	struct peer_export export;
	struct ibv_mr *mr;
	pid_t exporter;

	setup("rp-edu");
	exporter = exporter_start("rp-mem", START, SIZE, 0, &export);
	check_ok(rdma_reg_dmabuf(&rdma, 0, SIZE, 0, export.fd, RDMA_ALL, &mr));
	load(mr);
	pause_ms(300);
	process_kill(exporter);
	check_load_fails();
	check_eq(ibv_dereg_mr(mr), 0);
}

TEST(exporter_is_unbound)
{
	struct rdma_bar bar;

	setup("rp-edu");
	rdma_bar(&rdma, "rp-mem", START, SIZE, &bar);
	load(bar.mr);
	pause_ms(300);
	device_unbind("rp-mem");
	check_load_fails();
}

TEST(exporter_is_unplugged, .timeout = 120)
{
	struct rdma_bar bar;

	setup("rp-edu");
	rdma_bar(&rdma, "rp-mem", START, SIZE, &bar);
	load(bar.mr);
	pause_ms(300);
	check_eq(lab_host("unplug rp-mem"), 0);
	check_load_fails();
	check_eq(ibv_dereg_mr(bar.mr), 0);
	lab_plug("rp-mem");
	close(node_open("rp-mem"));
}

/* Its objects are taken from the process, and the buffer is its owner's alone again. */
static void check_hca_gone(struct rdma_bar *bar)
{
	struct peerbuf_export_info info;
	struct ibv_wc wc;

	eventually(10, !peer_query(bar->node, bar->export.id, &info) &&
		   !info.nr_attachments);
	check_eq(info.nr_mappings, 0);
	check_ok(peer_revoke(bar->node, bar->export.id, 1000));
	check_ok(peer_restore(bar->node, bar->export.id));
	errno = 0;
	check_eq(ibv_poll_cq(rdma.cq, 1, &wc), -1);
	check_eq(errno, EIO);
}

TEST(hca_is_unbound)
{
	struct rdma_bar bar;

	setup("rp-edu");
	rdma_bar(&rdma, "rp-mem", START, SIZE, &bar);
	load(bar.mr);
	pause_ms(300);
	device_unbind("rp-edu");
	check_hca_gone(&bar);
	setup("rp-edu");
	check_ok(rdma_reg_dmabuf(&rdma, 0, SIZE, 0, bar.export.fd, RDMA_ALL,
				 &bar.mr));
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, BLOCK, 0,
			 bar.mr->rkey), IBV_WC_SUCCESS);
}

TEST(hca_is_unplugged, .timeout = 120)
{
	struct rdma_bar bar;

	setup("rp-edu");
	rdma_bar(&rdma, "rp-mem", START, SIZE, &bar);
	load(bar.mr);
	pause_ms(300);
	check_eq(lab_host("unplug rp-edu"), 0);
	check_hca_gone(&bar);
	lab_plug("rp-edu");
	setup("rp-edu");
}

/* The other end of the connection is another device, which stays. */
TEST(peers_hca_is_unbound)
{
	struct rdma other;
	struct ibv_qp *a, *b;
	struct rdma_bar bar;
	struct ibv_wc wc;

	rdma_open(&rdma, "rp-edu");
	rdma_memory(&rdma, SIZE, &memory);
	rdma_open(&other, "far-edu");
	a = rdma_qp(&rdma, NULL);
	b = rdma_qp(&other, NULL);
	rdma_connect(&rdma, a, &other, b, RDMA_ALL);
	rdma_bar(&other, "rp-mem", START, SIZE, &bar);
	qp[0] = a;
	load(bar.mr);
	pause_ms(300);
	device_unbind("far-edu");
	do
		rdma_wait(rdma.cq, &wc);
	while (wc.status == IBV_WC_SUCCESS);
	/* It was in the middle of a write, or found nobody for the next. */
	check(wc.status == IBV_WC_REM_ACCESS_ERR ||
	      wc.status == IBV_WC_RETRY_EXC_ERR);
	check_eq(rdma_state(a), IBV_QPS_ERR);
}

static void register_and_load(const void *with)
{
	const struct peer_export *export = with;
	struct ibv_mr *mr;

	setup("rp-edu");
	check_ok(rdma_reg_dmabuf(&rdma, 0, SIZE, 0, export->fd, RDMA_ALL, &mr));
	load(mr);
}

TEST(application_is_killed)
{
	struct peerbuf_export_info info;
	struct peer_export export;
	/* A process with an MR and a load. */
	const struct part part = {
		.name = "application", .with = &export, .begin = register_and_load,
		.act = actor_idle, .least = 1,
	};
	int node = node_open("rp-mem");
	struct actor *application;

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	for (int i = 0; i < 3; i++) {
		application = actor_start(&part);
		actor_await(application, 1);
		pause_ms(150 * i);
		actor_kill(application);
		eventually(5, !peer_query(node, export.id, &info) &&
			   !info.nr_attachments);
		check_eq(info.nr_mappings, 0);
	}
	check_ok(peer_revoke(node, export.id, 0));
}

/* The module need not wait for who has a device open: it is taken from them. */
TEST(module_unload)
{
	struct rdma_bar bar;

	setup("rp-edu");
	rdma_bar(&rdma, "rp-mem", START, SIZE, &bar);
	load(bar.mr);
	pause_ms(150);
	check_eq(module_unload("hca"), 0);
	check_hca_gone(&bar);
	check_eq(module_unload("edu_dma"), 0);
	setup("rp-edu");
	check_ok(rdma_reg_dmabuf(&rdma, 0, SIZE, 0, bar.export.fd, RDMA_ALL,
				 &bar.mr));
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, BLOCK, 0,
			 bar.mr->rkey), IBV_WC_SUCCESS);
}
