// SPDX-License-Identifier: GPL-2.0
/* What the tests themselves rest on: a process that fails is not taken for one that was killed. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

static void exits(void)
{
	_exit(1);
}

static void exits_well(void)
{
	_exit(0);
}

static void dies(void)
{
	raise(SIGTERM);
}

static void works(void)
{
	for (;;)
		pause();
}

/* The exit status of one who kills such a process when it has come to its end, or waits. */
static int killer(void (*work)(void), bool ends)
{
	siginfo_t info;
	int status;
	pid_t pid;

	pid = check_sys(fork());
	if (!pid) {
		/* Its words would be taken for this test's. */
		check(freopen("/dev/null", "w", stdout));
		pid = check_sys(fork());
		if (!pid)
			work();
		if (ends)
			check_sys(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
		process_kill(pid);
		_exit(0);
	}
	check_eq(waitpid(pid, &status, 0), pid);
	check(WIFEXITED(status));
	return WEXITSTATUS(status);
}

TEST(killing_one_that_works_is_right)
{
	check_eq(killer(works, false), 0);
}

TEST(killing_one_that_failed_is_a_failure)
{
	check_eq(killer(exits, true), 1);
}

TEST(killing_one_that_had_finished_is_a_failure)
{
	check_eq(killer(exits_well, true), 1);
}

TEST(killing_one_that_died_is_a_failure)
{
	check_eq(killer(dies, true), 1);
}
