// SPDX-License-Identifier: GPL-2.0-only
/* Runs other programs, reads their output or feeds their input, without a shell. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

/* One program at a time is enough. */
static pid_t running;

FILE *open_program(const char *const argv[])
{
	posix_spawn_file_actions_t actions;
	FILE *file = NULL;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (!posix_spawnp(&running, argv[0], &actions, NULL, (char *const *)argv, environ))
		file = fdopen(ends[0], "r");
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (!file)
		close(ends[0]);
	return file;
}

int close_program(FILE *file)
{
	int status = 0;

	fclose(file);
	if (!running)
		return 0;
	while (waitpid(running, &status, 0) < 0 && errno == EINTR)
		;
	running = 0;
	return status;
}

FILE *feed_program(const char *const argv[], int output)
{
	posix_spawn_file_actions_t actions;
	int ends[2], err;
	FILE *to;

	if (pipe2(ends, O_CLOEXEC))
		return NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	err = posix_spawnp(&running, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[0]);
	if (err) {
		running = 0;
		close(ends[1]);
		errno = err;
		return NULL;
	}
	/* If the program stops reading, its exit status tells why. */
	signal(SIGPIPE, SIG_IGN);
	to = fdopen(ends[1], "w");
	if (!to)
		out_of_memory();
	return to;
}

int close_fed(FILE *to)
{
	int status = close_program(to);

	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT : -EIO;
}
