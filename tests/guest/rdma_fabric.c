// SPDX-License-Identifier: GPL-2.0
/*
 * libfabric and MPI on the test HCA: programs that know nothing of peerbuf, in memory of
 * their own. What libfabric does with a BAR is in rdma_fabric_bar.c.
 */
#include "harness.h"
#include "network.h"
#include "rdma.h"

#define ADDRESS	"10.1.0.1"

static struct station near;

/* -c: what arrives is compared. */
static void pingpong(const char *provider, const char *endpoint)
{
	char server[128], client[160];
	pid_t pid;

	station_open(&near, "rp-edu", ADDRESS);
	snprintf(server, sizeof(server), "fi_pingpong -p '%s' -e %s -I 8 -S 4096 -c", provider,
		 endpoint);
	snprintf(client, sizeof(client), "%s " ADDRESS, server);
	pid = station_start(&near, server);
	station_tcp_listens(&near, pid, 47592);
	check_eq(station_wait(station_start(&near, client)), 0);
	check_eq(station_wait(pid), 0);
}

TEST(pingpong_by_messages)
{
	pingpong("verbs", "msg");
}

TEST(pingpong_by_reliable_datagrams)
{
	pingpong("verbs", "rdm");
}

/* ---- MPI ---- */

#define MPI	"OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun "	\
		"--oversubscribe -n 2 --mca pml cm --mca mtl ofi "		\
		"--mca mtl_ofi_provider_include \"verbs;ofi_rxm\" "

/* Large enough to be fetched by RDMA; there and back, each byte read and written by the device. */
TEST(mpi_by_libfabric)
{
	__u64 before;

	station_open(&near, "rp-edu", ADDRESS);
	before = station_bytes(&near);
	check_eq(station_run(&near, MPI "/usr/libexec/peerbuf/tests/mpi_exchange 200000"), 0);
	check(station_bytes(&near) - before >= 4 * 200000);
}
