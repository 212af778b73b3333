// SPDX-License-Identifier: GPL-2.0
/*
 * The RDMA connection manager: programs of librdmacm's own, unmodified, on the test HCA as
 * a RoCE device, with both ends on it.
 */
#include "harness.h"
#include "network.h"
#include "rdma.h"

static struct station near;

/* Both ends end well. */
static void pair(struct station *server, const char *listen, struct station *client,
		 const char *connect)
{
	pid_t pid = station_start(server, listen);

	station_cm_listens(server, pid);
	check_eq(station_wait(station_start(client, connect)), 0);
	check_eq(station_wait(pid), 0);
}

static void alone(void)
{
	station_open(&near, "rp-edu", "10.1.0.1");
}

/* -V: the client compares what comes back with what it sent. */
TEST(rping_is_answered)
{
	alone();
	pair(&near, "rping -s -a 10.1.0.1 -C 5 -V -S 3000", &near,
	     "rping -c -a 10.1.0.1 -C 5 -V -S 3000");
}

TEST(ucmatose_connects_many)
{
	alone();
	pair(&near, "ucmatose -b 10.1.0.1 -c 4 -C 4 -S 2000", &near,
	     "ucmatose -s 10.1.0.1 -c 4 -C 4 -S 2000");
}

TEST(udaddy_by_datagrams)
{
	alone();
	pair(&near, "udaddy -b 10.1.0.1 -c 2 -C 4 -S 500", &near,
	     "udaddy -s 10.1.0.1 -c 2 -C 4 -S 500");
}

TEST(rdma_server_and_client)
{
	alone();
	pair(&near, "rdma_server -p 7471", &near, "rdma_client -s 10.1.0.1 -p 7471");
}

/* Sockets over RDMA. -T v: what arrives is compared. */
TEST(rsockets_carry_a_stream)
{
	alone();
	pair(&near, "rstream -b 10.1.0.1 -C 4 -S 5000 -T v", &near,
	     "rstream -s 10.1.0.1 -C 4 -S 5000 -T v");
}

/* It ends by itself and says that it did not work: it was there, and nobody killed it. */
static bool gives_up(pid_t pid)
{
	int status = station_wait(pid);

	printf("exit status %d\n", status);
	return status == 255 || (status > 0 && status < 126);
}

/*
 * Datagrams of rsockets are addressed by LID alone, which no RoCE device has: the program
 * says so and ends, on any device of the kind.
 */
TEST(rsockets_datagrams_need_infiniband)
{
	alone();
	check(gives_up(station_start(&near, "udpong -s 10.1.0.1 -C 1 -S 500")));
}

/* Nobody listens: the client is told, and does not wait for ever. */
TEST(nobody_listens)
{
	alone();
	check(gives_up(station_start(&near, "rping -c -a 10.1.0.1 -C 1")));
}

/* Data flows. Both ends hear of it and let go, so that the driver can. */
TEST(device_goes_while_connected)
{
	pid_t server, client;
	__u64 before;

	alone();
	before = station_bytes(&near);
	server = station_start(&near, "rping -s -a 10.1.0.1");
	station_cm_listens(&near, server);
	client = station_start(&near, "rping -c -a 10.1.0.1");
	eventually(30, station_bytes(&near) > before + 10000);
	device_unbind("rp-edu");
	check(gives_up(server));
	check(gives_up(client));
}
