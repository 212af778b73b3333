// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's clock in virtual time: it jumps while the guest waits for a timer, and stays
 * with the host's while the guest waits for the host. tests/lab/guest/clock/lab_clock.c.
 */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

#define GUARD	"/dev/lab-clock"

/* So much more than the host's the guest's clock may count while it waits, and a little. */
#define FACTOR	4
#define MORE	0.5

/* The host's clock, in seconds. */
static double host_now(void)
{
	FILE *f = popen("lab-host now", "r");
	double seconds;

	check(f && fscanf(f, "%lf", &seconds) == 1);
	check_eq(pclose(f), 0);
	return seconds;
}

struct clocks {
	double guest;
	double host;
};

static struct clocks clocks_start(void)
{
	return (struct clocks){ .host = host_now(), .guest = now() };
}

/* How much each has counted since. */
static struct clocks clocks_end(const struct clocks *start)
{
	double guest = now() - start->guest;

	return (struct clocks){ .host = host_now() - start->host, .guest = guest };
}

static void check_stayed(const struct clocks *start)
{
	struct clocks took = clocks_end(start);

	printf("guest %.3f s, host %.3f s\n", took.guest, took.host);
	check(took.guest < FACTOR * took.host + MORE);
}

static void needs_virtual_time(void)
{
	if (access(GUARD, F_OK))
		skip("in real time");
}

TEST(jumps_over_a_sleep, .timeout = 200)
{
	struct clocks start, took;

	needs_virtual_time();
	start = clocks_start();
	pause_ms(120 * 1000);
	took = clocks_end(&start);
	printf("guest %.3f s, host %.3f s\n", took.guest, took.host);
	check(took.guest >= 120);
	check(took.host < 60);
}

TEST(stays_while_lab_host_is_waited_for)
{
	struct clocks start;

	needs_virtual_time();
	start = clocks_start();
	check_eq(lab_host("wait 3"), 0);
	check(now() - start.guest > 0.001);
	check_stayed(&start);
}

TEST(stays_while_9p_is_waited_for)
{
	struct clocks start;
	char bytes[4096];
	int fd;

	needs_virtual_time();
	fd = open("/mnt/bars/rp-mem", O_RDONLY | O_CLOEXEC);
	check(fd >= 0);
	start = clocks_start();
	for (unsigned int i = 0; i < 3000; i++)
		check_eq(pread(fd, bytes, sizeof(bytes), i % 1000 * sizeof(bytes)),
			 sizeof(bytes));
	check_stayed(&start);
}

TEST(stays_while_a_disk_is_waited_for)
{
	static char bytes[4096] __attribute__((aligned(4096)));
	struct clocks start;
	int fd;

	needs_virtual_time();
	fd = open("/dev/nvme0n1", O_RDONLY | O_DIRECT | O_CLOEXEC);
	check(fd >= 0);
	start = clocks_start();
	for (unsigned int i = 0; i < 2000; i++)
		check_eq(pread(fd, bytes, sizeof(bytes), i % 1000 * sizeof(bytes)),
			 sizeof(bytes));
	check_stayed(&start);
}

static bool nobody_waits(void)
{
	char waiting[16];

	sysfs_read("/sys/module/lab_clock/parameters/waiting", waiting, sizeof(waiting));
	return !strcmp(waiting, "0");
}

/* Whoever begins to wait also ends: else the clock would never jump again. */
TEST(nobody_waits_for_ever)
{
	needs_virtual_time();
	check_eq(lab_host("where rp-mem"), 0);
	eventually(5, nobody_waits());
}

static void reads_for_ever(void)
{
	char bytes[4096];
	int fd = open("/mnt/bars/rp-mem", O_RDONLY | O_CLOEXEC);

	check(fd >= 0);
	for (;;)
		check_eq(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
}

/*
 * A read that SIGKILL breaks off, of two under way: nobody sees it end. As long as it counts, a
 * sleep is waited for by a CPU that is busy, and a second takes this machine twenty.
 */
TEST(a_request_that_is_broken_off_is_forgotten)
{
	needs_virtual_time();
	for (unsigned int i = 0; i < 20; i++) {
		pid_t other = fork(), reader;

		if (!other)
			reads_for_ever();
		reader = fork();
		if (!reader)
			reads_for_ever();
		check(other > 0 && reader > 0);
		pause_ms(i);
		check_eq(kill(reader, SIGKILL), 0);
		check_eq(kill(other, SIGKILL), 0);
		process_was_killed(reader);
		process_was_killed(other);
		eventually(2, nobody_waits());
	}
}
