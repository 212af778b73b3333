// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that know nothing of peerbuf or of the test HCA: rdma-core's and
 * perftest's own, as the distribution ships them.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "rdma.h"
#include "shell.h"

static char device[64];

static void setup(void)
{
	rdma_modules();
	device_bind("rp-edu", "edu_dma");
	eventually(5, *rdma_name("rp-edu"));
	snprintf(device, sizeof(device), "%s", rdma_name("rp-edu"));
}

static int run(const char *format, const char *program, const char *more)
{
	char command[256];
	int status;

	snprintf(command, sizeof(command), format, program, device, more);
	printf("$ %s\n", command);
	fflush(stdout);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* The same program twice: once it waits, once it connects. */
static void pair(const char *program, const char *options)
{
	int status;
	pid_t pid;

	if (run("command -v %s", program, ""))
		skip("no %s", program);
	setup();
	pid = check_sys(fork());
	if (!pid)
		_exit(run("%s -d %s %s", program, options));
	/* Both use this port unless told otherwise: 18515 is 0x4853; 0A: listens. */
	check(shell_in_time(20, "grep -qE ':4853 0+:0000 0A' /proc/net/tcp /proc/net/tcp6"));
	check_eq(run("%s -d %s %s 127.0.0.1", program, options), 0);
	check_sys(waitpid(pid, &status, 0));
	check(WIFEXITED(status));
	check_eq(WEXITSTATUS(status), 0);
}

TEST(ibv_devinfo)
{
	setup();
	check_eq(run("%s -v -d %s %s", "ibv_devinfo", ""), 0);
	check_eq(run("%s -d %s | grep -q 'PORT_ACTIVE'%s", "ibv_devinfo", ""), 0);
}

/* -c: what was received is checked. */
TEST_VARIANT(pingpong_polls, pair, "ibv_rc_pingpong", "-n 200 -c")
TEST_VARIANT(pingpong_sleeps, pair, "ibv_rc_pingpong", "-n 200 -c -e")

TEST_VARIANT(pingpong_with_a_shared_queue, pair, "ibv_srq_pingpong", "-n 200 -q 4 -c")
TEST_VARIANT(pingpong_by_datagrams, pair, "ibv_ud_pingpong", "-n 200 -c")

TEST_VARIANT(write_bandwidth, pair, "ib_write_bw", "-F -n 200 -s 8192")
TEST_VARIANT(read_bandwidth, pair, "ib_read_bw", "-F -n 200 -s 8192")

TEST_VARIANT(send_bandwidth, pair, "ib_send_bw", "-F -n 200 -s 8192")
TEST_VARIANT(send_bandwidth_with_events, pair, "ib_send_bw", "-F -n 200 -s 8192 -e")

TEST_VARIANT(write_latency, pair, "ib_write_lat", "-F -n 200 -s 64")
TEST_VARIANT(read_latency, pair, "ib_read_lat", "-F -n 200 -s 64")

TEST_VARIANT(send_latency, pair, "ib_send_lat", "-F -n 200 -s 64")
TEST_VARIANT(send_bandwidth_with_a_shared_queue, pair, "ib_send_bw", "-F -n 200 -s 8192 --use-srq")

TEST_VARIANT(send_bandwidth_by_datagrams, pair, "ib_send_bw", "-F -n 200 -s 2048 -c UD")
TEST_VARIANT(send_latency_by_datagrams, pair, "ib_send_lat", "-F -n 200 -s 64 -c UD")

TEST_VARIANT(atomic_bandwidth, pair, "ib_atomic_bw", "-F -n 200")
