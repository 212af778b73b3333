// SPDX-License-Identifier: GPL-2.0-only
/* How "peerbuf export -- COMMAND" runs it; a memfd stands in for the dma-buf. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "child.h"

/* In a process of its own: child_run() is the end of a program, and changes its signals. */
static int run(const char *const *argv, int signal)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct child_buffer buffer = { .node = -1, .id = 77 };

		buffer.fd = memfd_create("buffer", MFD_CLOEXEC);
		/* As it may be inherited: the kernel then reaps children unseen. */
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

int main(void)
{
	const char *const missing[] = { "./no/such/command", NULL };
	const char *const directory[] = { "/", NULL };

	CHECK_INT(run_shell("exit 0", 0), 0);
	CHECK_INT(run_shell("exit 42", 0), 42);
	CHECK_INT(run_shell("kill -KILL $$", 0), 128 + SIGKILL);
	CHECK_INT(run_shell("kill -ABRT $$", 0), 128 + SIGABRT);
	CHECK_INT(run_shell("test \"$PEERBUF_ID\" = 77", 0), 0);
	CHECK_INT(run_shell("readlink /proc/self/fd/$PEERBUF_FD | grep -q memfd:buffer", 0), 0);
	/* A stop is not an end. */
	CHECK_INT(run_shell("(sleep 1; kill -CONT $$) & kill -STOP $$; exit 7", 0), 7);
	CHECK_INT(run_shell("exec sleep 30", SIGTERM), 128 + SIGTERM);
	CHECK_INT(run_shell("trap 'kill $!; exit 9' INT; sleep 30 & wait", SIGINT), 9);
	CHECK_INT(run(missing, 0), 127);
	CHECK_INT(run(directory, 0), 126);

	return check_result();
}
