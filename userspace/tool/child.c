// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "tool.h"

/* Signals sent to peerbuf are passed on to the command. */
static const int passed_on[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };

/*
 * When peerbuf ends for any reason, its export is revoked, and the command has nothing left to work
 * with. So the command is killed, too, and does not run on without a parent.
 */
static void child_follow(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL)) {
		failed_errno(-errno, "prctl");
		_exit(EXIT_OWN);
	}
	if (getppid() != parent)
		_exit(EXIT_OWN);
}

static void child_exec(char **argv, const struct child_buffer *buffer)
{
	char fd[16], id[24];

	snprintf(fd, sizeof(fd), "%d", buffer->fd);
	snprintf(id, sizeof(id), "%" PRIu64, buffer->id);
	if (setenv("PEERBUF_FD", fd, 1) || setenv("PEERBUF_ID", id, 1) ||
	    fcntl(buffer->fd, F_SETFD, 0)) {
		failed_errno(-errno, "%s", argv[0]);
		_exit(EXIT_OWN);
	}
	execvp(argv[0], argv);
	failed_errno(-errno, "%s", argv[0]);
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN);
}

/*
 * The terminal sends its signals to the command as well. So only signals that a process sent to
 * this one are passed on.
 */
static bool sent_by_process(const siginfo_t *info)
{
	return info->si_code == SI_USER || info->si_code == SI_QUEUE ||
	       info->si_code == SI_TKILL;
}

/*
 * The command is reaped only here, after the wait for SIGCHLD, so when a signal is passed on
 * the PID cannot belong to another process.
 */
static int child_wait(pid_t pid, const sigset_t *signals)
{
	siginfo_t info;
	int status;

	for (;;) {
		if (sigwaitinfo(signals, &info) < 0)
			continue;
		if (info.si_signo != SIGCHLD) {
			if (sent_by_process(&info))
				kill(pid, info.si_signo);
			continue;
		}
		if (waitpid(pid, &status, WNOHANG) != pid)
			continue;
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		if (WIFSIGNALED(status))
			return EXIT_SIGNAL + WTERMSIG(status);
	}
}

int child_run(char **argv, const struct child_buffer *buffer)
{
	sigset_t signals, before;
	pid_t pid, self = getpid();
	size_t n;

	/* If SIGCHLD were ignored, as it may be inherited, the kernel would reap the command. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	for (n = 0; n < ARRAY_SIZE(passed_on); n++)
		sigaddset(&signals, passed_on[n]);
	sigprocmask(SIG_BLOCK, &signals, &before);

	pid = fork();
	if (pid < 0) {
		failed_errno(-errno, "fork");
		return EXIT_OWN;
	}
	if (!pid) {
		child_follow(self);
		sigprocmask(SIG_SETMASK, &before, NULL);
		child_exec(argv, buffer);
	}
	/* The dma-buf ends when the command closes it, not when peerbuf does. */
	close(buffer->fd);
	return child_wait(pid, &signals);
}
