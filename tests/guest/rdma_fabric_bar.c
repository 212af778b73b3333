// SPDX-License-Identifier: GPL-2.0
/*
 * RMA by libfabric into an exported BAR: registered as a DMA-BUF by its owner, written and
 * read by a peer. Where libfabric has FI_MR_DMABUF, from 1.20 on.
 */
#include <rdma/fabric.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_eq.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "harness.h"
#include "network.h"
#include "rdma.h"

#define ADDRESS	"10.1.0.1"
#define PORT	"7500"
#define START	(128 * 1024)
#define SIZE	(64 * 1024)
#define LENGTH	10000
#define PATIENCE	60000

static struct station near;

#define check_fi(call)							\
	do {								\
		long ret_ = (call);					\
									\
		if (ret_)						\
			fail("%s: %s", #call, fi_strerror(-ret_));	\
	} while (0)

/* What the owner of the memory tells who accesses it. */
struct target {
	__u64 address;
	__u64 key;
};

struct end {
	struct fi_info *info;
	struct fid_fabric *fabric;
	struct fid_domain *domain;
	struct fid_eq *eq;
	struct fid_cq *cq;
	struct fid_ep *ep;
};

static void end_find(struct end *end, __u64 flags)
{
	struct fi_info *hints = fi_allocinfo();

	hints->caps = FI_MSG | FI_RMA;
	hints->ep_attr->type = FI_EP_MSG;
	hints->addr_format = FI_SOCKADDR_IN;
	hints->fabric_attr->prov_name = strdup("verbs");
	hints->domain_attr->mr_mode = FI_MR_LOCAL | FI_MR_VIRT_ADDR | FI_MR_ALLOCATED |
				      FI_MR_PROV_KEY;
	check_fi(fi_getinfo(FI_VERSION(1, 20), ADDRESS, PORT, flags, hints, &end->info));
	fi_freeinfo(hints);
	check_fi(fi_fabric(end->info->fabric_attr, &end->fabric, NULL));
	check_fi(fi_eq_open(end->fabric, &(struct fi_eq_attr){ .wait_obj = FI_WAIT_FD },
			    &end->eq, NULL));
}

static void end_open(struct end *end, struct fi_info *info)
{
	struct fi_cq_attr attr = { .format = FI_CQ_FORMAT_CONTEXT, .wait_obj = FI_WAIT_FD };

	check_fi(fi_domain(end->fabric, info, &end->domain, NULL));
	check_fi(fi_cq_open(end->domain, &attr, &end->cq, NULL));
	check_fi(fi_endpoint(end->domain, info, &end->ep, NULL));
	check_fi(fi_ep_bind(end->ep, &end->eq->fid, 0));
	check_fi(fi_ep_bind(end->ep, &end->cq->fid, FI_TRANSMIT | FI_RECV));
	check_fi(fi_enable(end->ep));
}

/* The next event; its data, if there is to be any. */
static struct fi_info *event(struct end *end, __u32 expected, void *data, size_t size)
{
	struct {
		struct fi_eq_cm_entry entry;
		__u8 data[64];
	} cm;
	uint32_t kind;
	ssize_t got;

	got = fi_eq_sread(end->eq, &kind, &cm, sizeof(cm), PATIENCE, 0);
	if (got < 0)
		fail("no event %u: %s", expected, fi_strerror(-got));
	check_eq(kind, expected);
	check(got >= (ssize_t)(sizeof(cm.entry) + size));
	if (size)
		memcpy(data, cm.data, size);
	return cm.entry.info;
}

static void completed(struct end *end)
{
	struct fi_cq_entry entry;
	ssize_t got = fi_cq_sread(end->cq, &entry, 1, NULL, PATIENCE);

	if (got != 1)
		fail("no completion: %s", fi_strerror(-got));
}

/* The BAR's owner: all it does with the memory is to register it and say where it is. */
static void target_run(void)
{
	struct peer_export export;
	struct fi_mr_dmabuf dmabuf;
	struct fi_mr_attr attr = {
		.dmabuf = &dmabuf, .iov_count = 1, .iface = FI_HMEM_SYSTEM,
		.access = FI_REMOTE_READ | FI_REMOTE_WRITE,
	};
	struct target target = { .address = 0 };
	struct fid_pep *pep;
	struct end end = { 0 };
	struct fid_mr *mr;
	struct fi_info *from;

	check_ok(peer_export_one(node_open("rp-mem"), MEM_BAR, START, SIZE, 0, &export));
	dmabuf = (struct fi_mr_dmabuf){ .fd = export.fd, .len = SIZE };
	end_find(&end, FI_SOURCE);
	check_fi(fi_passive_ep(end.fabric, end.info, &pep, NULL));
	check_fi(fi_pep_bind(pep, &end.eq->fid, 0));
	check_fi(fi_listen(pep));
	from = event(&end, FI_CONNREQ, NULL, 0);
	end_open(&end, from);
	check_fi(fi_mr_regattr(end.domain, &attr, FI_MR_DMABUF, &mr));
	target.key = fi_mr_key(mr);
	check_fi(fi_accept(end.ep, &target, sizeof(target)));
	event(&end, FI_CONNECTED, NULL, 0);
	event(&end, FI_SHUTDOWN, NULL, 0);
	check_fi(fi_close(&end.ep->fid));
	check_fi(fi_close(&mr->fid));
}

static pid_t target_start(void)
{
	pid_t pid;

	fflush(stdout);
	pid = check_sys(fork());
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		target_run();
		fflush(stdout);
		_exit(0);
	}
	return pid;
}

TEST(rma_into_a_bar)
{
	static __u8 memory[2 * LENGTH], host[LENGTH];
	struct end end = { 0 };
	struct target target;
	struct fid_mr *mr;
	pid_t pid;
	void *desc;

	station_open(&near, "rp-edu", ADDRESS);
	pid = target_start();
	station_cm_listens(&near, pid);
	end_find(&end, 0);
	end_open(&end, end.info);
	check_fi(fi_mr_reg(end.domain, memory, sizeof(memory), FI_WRITE | FI_READ, 0, 0, 0, &mr,
			   NULL));
	desc = fi_mr_desc(mr);
	check_fi(fi_connect(end.ep, end.info->dest_addr, NULL, 0));
	event(&end, FI_CONNECTED, &target, sizeof(target));
	pattern_fill(memory, LENGTH, 31);
	check_fi(fi_write(end.ep, memory, LENGTH, desc, 0, target.address + 0x123, target.key,
			  NULL));
	completed(&end);
	lab_host_read("rp-mem", START + 0x123, host, LENGTH);
	check(pattern_matches(host, LENGTH, 31));
	check_fi(fi_read(end.ep, memory + LENGTH, LENGTH, desc, 0, target.address + 0x123,
			 target.key, NULL));
	completed(&end);
	check(pattern_matches(memory + LENGTH, LENGTH, 31));
	check_fi(fi_shutdown(end.ep, 0));
	check_eq(station_wait(pid), 0);
	check_fi(fi_close(&end.ep->fid));
	check_fi(fi_close(&mr->fid));
}
