// SPDX-License-Identifier: GPL-2.0
/*
 * labrun - the guest's process 1: run one command, tell the host all about it.
 *
 *   labrun run ARGV-FILE    the arguments, each ended by a NUL
 *   labrun shell TTY        an interactive shell on that terminal
 *   labrun fail MESSAGE     the guest's set-up failed; say so and stop
 *
 * The command's stdout and stderr are pipes (so that /dev/stderr can be opened
 * again), pumped byte for byte to two ports.  What the lab has to know goes
 * over a third, "lab.control", one line each:
 *
 *   booted | fail MESSAGE | exit STATUS | bytes STDOUT STDERR
 *   kmsg LENGTH and kmemleak LENGTH, each followed by that many bytes | done
 *
 * The host compares the byte counts with what it got, so that it knows when
 * everything has arrived, and only then ends the machine.
 */
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

#include "ports.h"

#define KMEMLEAK "/sys/kernel/debug/kmemleak"

/* kmemleak reports nothing younger than five seconds. */
#define KMEMLEAK_AGE 6

struct stream {
	int from;		/* our end of the pipe, -1 when it is over */
	int to;			/* the port */
	unsigned long long bytes;
};

static int control = -1;

static void tell(const char *format, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n >= (int)sizeof(line))
		n = sizeof(line) - 1;
	lab_write(control, line, n);
}

static void tell_data(const char *what, const char *data, size_t length)
{
	tell("%s %zu\n", what, length);
	lab_write(control, data, length);
}

/* The host ends the machine when it has everything; this is if it died. */
static void __attribute__((noreturn)) finish(void)
{
	tell("done\n");
	sleep(60);
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void send_kmsg(void)
{
	int size = klogctl(10 /* SIZE_BUFFER */, NULL, 0);
	char *log = size > 0 ? malloc(size) : NULL;
	int got = log ? klogctl(3 /* READ_ALL */, log, size) : -1;

	if (got >= 0)
		tell_data("kmsg", log, got);
	free(log);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	lab_write(fd, text, strlen(text));
	close(fd);
}

/* Two scans: a pointer on its way from one place to another escapes one. */
static void send_kmemleak(void)
{
	size_t size = 1 << 20, used = 0;
	char *text;
	ssize_t n;
	int fd;

	if (access(KMEMLEAK, W_OK))
		return;
	put(KMEMLEAK, "scan");
	sleep(KMEMLEAK_AGE);
	put(KMEMLEAK, "scan");
	fd = open(KMEMLEAK, O_RDONLY | O_CLOEXEC);
	text = malloc(size);
	if (fd < 0 || !text)
		return;
	while (used < size && (n = read(fd, text + used, size - used)) > 0)
		used += n;
	close(fd);
	tell_data("kmemleak", text, used);
	free(text);
}

/* Read the NUL-ended arguments. */
static char **read_argv(const char *path)
{
	struct stat st;
	char *text, *at, **argv;
	size_t count = 0, i;
	FILE *f = fopen(path, "r");

	if (!f || fstat(fileno(f), &st))
		return NULL;
	text = malloc(st.st_size + 1);
	if (!text || fread(text, 1, st.st_size, f) != (size_t)st.st_size)
		return NULL;
	fclose(f);
	for (i = 0; i < (size_t)st.st_size; i++)
		count += !text[i];
	argv = calloc(count + 1, sizeof(*argv));
	if (!argv)
		return NULL;
	for (at = text, i = 0; i < count; i++, at += strlen(at) + 1)
		argv[i] = at;
	return argv;
}

/* In the child: a session of its own, default signals, then the command. */
static void __attribute__((noreturn)) become(char **argv, int out, int err)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	setsid();
	dup2(null, 0);
	dup2(out, 1);
	dup2(err, 2);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], argv);
	dprintf(2, "lab: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* Move what there is; at its end, close it. */
static void pump(struct stream *s)
{
	char data[65536];
	ssize_t n = read(s->from, data, sizeof(data));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		close(s->from);
		s->from = -1;
		return;
	}
	if (!lab_write(s->to, data, n))
		s->bytes += n;
}

/*
 * The command is over, but its children may hold the pipes: end them all, so
 * that the streams end.  kill(-1) spares process 1, and kernel threads do not
 * listen.
 */
static void kill_leftovers(void)
{
	kill(-1, SIGKILL);
}

/* Collect the dead.  True if `child` was there; *status is then its own. */
static int reap(pid_t child, int *status)
{
	int one, found = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &one, WNOHANG)) > 0) {
		if (pid != child)
			continue;
		*status = WIFEXITED(one) ? WEXITSTATUS(one)
					 : 128 + WTERMSIG(one);
		found = 1;
	}
	return found;
}

static int child_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Pump until the command has ended and both streams are over. */
static int attend(pid_t child, struct stream *out, struct stream *err,
		  int sigfd)
{
	struct signalfd_siginfo info;
	int status = -1, ended = 0;

	while (!ended || out->from >= 0 || err->from >= 0) {
		struct pollfd fds[3] = {
			{ out->from, POLLIN, 0 },
			{ err->from, POLLIN, 0 },
			{ sigfd, POLLIN, 0 },
		};

		if (poll(fds, 3, -1) < 0)
			continue;
		if (fds[0].revents)
			pump(out);
		if (fds[1].revents)
			pump(err);
		if (!fds[2].revents)
			continue;
		while (read(sigfd, &info, sizeof(info)) > 0)
			;
		if (reap(child, &status) && !ended) {
			ended = 1;
			tell("exit %d\n", status);
			kill_leftovers();
		}
	}
	return status;
}

static void run(const char *path)
{
	struct stream out = { .to = lab_port("lab.stdout") };
	struct stream err = { .to = lab_port("lab.stderr") };
	char **argv = read_argv(path);
	int o[2], e[2], sigfd = child_signals();
	pid_t child;

	if (out.to < 0 || err.to < 0 || !argv || !argv[0] || sigfd < 0 ||
	    pipe2(o, O_CLOEXEC) || pipe2(e, O_CLOEXEC)) {
		tell("fail labrun cannot set up the command\n");
		finish();
	}
	tell("booted\n");
	child = fork();
	if (!child)
		become(argv, o[1], e[1]);
	close(o[1]);
	close(e[1]);
	out.from = o[0];
	err.from = e[0];
	attend(child, &out, &err, sigfd);
	tell("bytes %llu %llu\n", out.bytes, err.bytes);
}

/* A login-like shell with the terminal as its controlling one. */
static void shell(const char *tty)
{
	char *argv[] = { "-bash", NULL };
	int fd, status = 0;
	pid_t child = fork();

	if (!child) {
		setsid();
		fd = open(tty, O_RDWR);
		ioctl(fd, TIOCSCTTY, 1);
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		execv("/bin/bash", argv);
		_exit(127);
	}
	tell("booted\n");
	while (!reap(child, &status))
		usleep(50000);
	tell("exit %d\n", status);
	kill_leftovers();
	tell("bytes 0 0\n");
}

int main(int argc, char **argv)
{
	control = lab_port("lab.control");
	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "fail")) {
		tell("fail %s\n", argv[2]);
		send_kmsg();
		finish();
	}
	if (!strcmp(argv[1], "run"))
		run(argv[2]);
	else
		shell(argv[2]);
	sync();
	send_kmemleak();
	send_kmsg();
	finish();
}
