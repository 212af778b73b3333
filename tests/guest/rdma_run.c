// SPDX-License-Identifier: GPL-2.0
/* `peerbuf run`: programs that know nothing of peerbuf register what they have mapped. */
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "rdma.h"
#include "shell.h"

#define PROGRAM	"/usr/libexec/peerbuf/tests/stranger"
#define STATIC	"/usr/libexec/peerbuf/tests/statically"
#define SIZE	(4 * PAGE)
#define START	(32 * PAGE)
#define SAID	"/run/peerbuf-run-said"

static char hca[32], resource[128];
static struct peer_export export;
static int node;

static void setup(void)
{
	rdma_modules();
	device_bind("rp-edu", "edu_dma");
	eventually(5, *rdma_name("rp-edu"));
	snprintf(hca, sizeof(hca), "%s", lab_where("rp-edu"));
	node = node_open("rp-mem");
	lab_host_fill("rp-mem", 0, 1 << 20, 0);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	snprintf(resource, sizeof(resource), "/sys/bus/pci/devices/%s/resource2",
		 lab_where("rp-mem"));
}

static void check_arrived(__u64 offset, unsigned int seed)
{
	__u8 host[SIZE];

	lab_host_read("rp-mem", offset, host, SIZE);
	for (size_t n = 0; n < SIZE; n++)
		check_eq(host[n], (__u8)(seed + n));
}

static bool said(const char *text)
{
	return !shell("grep -q -- '%s' " SAID, text);
}

static int stranger(const char *how, unsigned int seed)
{
	/* The dma-buf's descriptor is close-on-exec. */
	int fd = check_sys(dup(export.fd));
	int ret;

	ret = shell("peerbuf run --explain -- " PROGRAM " %s fd:%d 0 %llu %u %s 2>" SAID, hca, fd,
		    SIZE, seed, how);
	close(fd);
	return ret;
}

TEST(without_it_a_mapped_bar_cannot_be_registered)
{
	int fd;

	setup();
	fd = check_sys(dup(export.fd));
	check_eq(shell(PROGRAM " %s fd:%d 0 %llu 1 linked 2>" SAID, hca, fd, SIZE), 1);
	check(said("ibv_reg_mr: Bad address"));
}

TEST(linked_program)
{
	setup();
	check_eq(stranger("linked", 1), 0);
	check_arrived(START, 1);
	check(said("a dma-buf of peerbuf"));
	check(said("ordinary memory"));
}

TEST(program_that_loads_libibverbs)
{
	setup();
	check_eq(stranger("dlsym", 2), 0);
	check_arrived(START, 2);
	check_eq(stranger("dlvsym", 3), 0);
	check_arrived(START, 3);
}

TEST(registration_with_an_iova)
{
	setup();
	check_eq(stranger("iova", 4), 0);
	check_arrived(START, 4);
}

TEST(children_inherit_it)
{
	int fd;

	setup();
	fd = check_sys(dup(export.fd));
	check_eq(shell("peerbuf run -- sh -c 'true; " PROGRAM " %s fd:%d 0 %llu 5 linked'", hca, fd,
		       SIZE), 0);
	check_arrived(START, 5);
}

TEST(bar_by_sysfs)
{
	setup();
	check_eq(shell("peerbuf run -- " PROGRAM " %s %s %llu %llu 6 linked", hca, resource,
		       2 * START, SIZE), 0);
	check_arrived(2 * START, 6);
}

/* They would run as if nothing were there. */
TEST(programs_that_would_not_notice_are_refused)
{
	setup();
	check_eq(shell("cp " PROGRAM " /run/stranger && chmod 4755 /run/stranger"), 0);
	check_eq(shell("chown 65534 /run/stranger && chmod 4755 /run/stranger"), 0);
	check_eq(shell(SOMEBODY "peerbuf run -- /run/stranger 2>" SAID), 125);
	check(said("set-user-ID"));
	check_eq(shell(STATIC), 0);
	check_eq(shell("peerbuf run -- " STATIC " 2>" SAID), 125);
	check(said("statically"));
	check_eq(shell("printf '#!" STATIC "\\n' >/run/script && chmod 755 /run/script"), 0);
	check_eq(shell("peerbuf run -- /run/script 2>" SAID), 125);
	check(said("statically"));
	check_eq(shell("peerbuf run -- /run/not-there 2>" SAID), 127);
	check_eq(shell("peerbuf run -- true"), 0);
	check_eq(shell("peerbuf run -- sh -c 'exit 7'"), 7);
}

/* Bandwidth into a BAR by the distribution's own benchmark, which maps a file and registers it. */
TEST(perftest_into_a_bar)
{
	if (shell("ib_write_bw --help 2>&1 | grep -q -- --mmap="))
		skip("this perftest has no --mmap");
	setup();
	check_eq(shell("d=%s; o='-n 5 -s 4096 --mmap='%s; "
		       "peerbuf run --explain -- ib_write_bw -d $d $o 2>" SAID " & s=$!; "
		       "n=0; until grep -qE ':4853 0+:0000 0A' /proc/net/tcp /proc/net/tcp6 || "
		       "test $n = 100; do sleep 0.1; n=$((n+1)); done; "
		       "ib_write_bw -d $d -n 5 -s 4096 127.0.0.1 && wait $s",
		       rdma_name("rp-edu"), resource), 0);
	check(said("a dma-buf of peerbuf"));
}
