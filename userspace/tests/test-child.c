// SPDX-License-Identifier: GPL-2.0-only
/* How "peerbuf export -- COMMAND" runs the command; a memfd stands in for the dma-buf. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "child.h"

/* Runs in a process of its own, because child_run() ends the program and changes its signals. */
static int run(const char *const *argv, int signal)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct child_buffer buffer = { .node = -1, .id = 77 };

		buffer.fd = memfd_create("buffer", MFD_CLOEXEC);
		/* As it may be inherited: the kernel then reaps children without a SIGCHLD. */
		sigaction(SIGCHLD, &(struct sigaction) { .sa_handler = SIG_IGN }, NULL);
		exit(child_run((char **)argv, &buffer));
	}
	if (signal) {
		sleep(1);
		kill(pid, signal);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run_shell(const char *script, int signal)
{
	const char *const argv[] = { "sh", "-c", script, NULL };

	return run(argv, signal);
}

/* Has the command, which writes its PID to @told, ended after its peerbuf was killed? */
static int orphan_ends(void)
{
	const char *const argv[] = { "sh", "-c", "echo $$ >&9; exec sleep 30", NULL };
	struct pollfd gone = { .events = POLLIN };
	char number[16] = "";
	int told[2];
	pid_t pid;

	if (pipe(told))
		return 0;
	pid = fork();
	if (!pid) {
		struct child_buffer buffer = { .node = -1, .fd = memfd_create("buffer", 0) };

		dup2(told[1], 9);
		exit(child_run((char **)argv, &buffer));
	}
	if (read(told[0], number, sizeof(number) - 1) <= 0)
		return 0;
	gone.fd = syscall(SYS_pidfd_open, atoi(number), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return poll(&gone, 1, 10000) == 1;
}

int main(void)
{
	static const int passed_on[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };
	const char *const missing[] = { "./no/such/command", NULL };
	const char *const directory[] = { "/", NULL };
	size_t n;

	CHECK_INT(run_shell("exit 0", 0), 0);
	CHECK_INT(run_shell("exit 42", 0), 42);
	CHECK_INT(run_shell("kill -KILL $$", 0), 128 + SIGKILL);
	CHECK_INT(run_shell("kill -ABRT $$", 0), 128 + SIGABRT);
	CHECK_INT(run_shell("test \"$PEERBUF_ID\" = 77", 0), 0);
	CHECK_INT(run_shell("readlink /proc/self/fd/$PEERBUF_FD | grep -q memfd:buffer", 0), 0);
	/* The command is stopped and continued: it has not ended. */
	CHECK_INT(run_shell("(sleep 1; kill -CONT $$) & kill -STOP $$; exit 7", 0), 7);
	for (n = 0; n < sizeof(passed_on) / sizeof(passed_on[0]); n++)
		CHECK_INT(run_shell("exec sleep 30", passed_on[n]), 128 + passed_on[n]);
	CHECK_INT(orphan_ends(), 1);
	CHECK_INT(run_shell("trap 'kill $!; exit 9' INT; sleep 30 & wait", SIGINT), 9);
	CHECK_INT(run(missing, 0), 127);
	CHECK_INT(run(directory, 0), 126);

	return check_result();
}
