// SPDX-License-Identifier: GPL-2.0
/* See harness.h. */
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "kmsg.h"
#include "lockdep.h"
#include "peer.h"
#include "protocol.h"
#include "watchdog.h"

#define TIMEOUT		60
#define EXIT_SKIP	77

static const struct protocol *protocol = &protocol_tap;

static struct test *tests, **tests_end = &tests;

void test_add(struct test *test)
{
	*tests_end = test;
	tests_end = &test->next;
}

void fail_at(const char *file, int line, const char *format, ...)
{
	const char *base = strrchr(file, '/');
	va_list args;

	printf("%s:%d: ", base ? base + 1 : file, line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

void skip(const char *format, ...)
{
	va_list args;

	printf("SKIP ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	_exit(EXIT_SKIP);
}

bool among(int ret, const int *allowed)
{
	if (!ret)
		return true;
	for (; *allowed; allowed++)
		if (ret == -*allowed)
			return true;
	return false;
}

static unsigned int number(const char *name, unsigned int standard)
{
	const char *text = getenv(name);

	return text && atoi(text) > 0 ? (unsigned int)atoi(text) : standard;
}

/* What is left of the standard number when that many in a hundred are asked for. */
static unsigned int share_of(unsigned int standard, unsigned int percent)
{
	unsigned long long share = (unsigned long long)standard * percent / 100;

	if (share >= standard || standard <= FEWEST_ROUNDS)
		return standard;
	return share > FEWEST_ROUNDS ? share : FEWEST_ROUNDS;
}

unsigned int rounds(unsigned int standard)
{
	const char *text = getenv("PEERBUF_TEST_ROUNDS");
	unsigned int n = number("PEERBUF_TEST_ROUNDS", standard);

	return text && strchr(text, '%') ? share_of(standard, n) : n;
}

unsigned int slowness(void)
{
	return number("PEERBUF_TEST_SLOW", 1);
}

unsigned int dice(unsigned int below)
{
	static unsigned long long state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

void pause_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

bool ended_within(pid_t pid, double seconds)
{
	struct pollfd pfd = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	bool ended;

	/* No such process: it has been waited for. */
	if (pfd.fd < 0)
		return true;
	ended = poll(&pfd, 1, seconds * 1000) == 1;
	close(pfd.fd);
	return ended;
}

/* What a test printed, line by line; the reason if it was skipped. */
struct output {
	char line[1024];
	size_t used;
	char skip[256];
};

static void output_line(struct output *out)
{
	out->line[out->used] = '\0';
	out->used = 0;
	if (!strncmp(out->line, "SKIP ", 5))
		snprintf(out->skip, sizeof(out->skip), "%.250s", out->line + 5);
	else
		printf("%s%s\n", protocol->prefix, out->line);
}

static void output_feed(struct output *out, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (data[i] == '\n' || out->used == sizeof(out->line) - 1)
			output_line(out);
		if (data[i] != '\n')
			out->line[out->used++] = data[i];
	}
}

/* What there is to read now; false if nobody is left to write more. */
static bool output_take(struct output *out, int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char data[4096];
	ssize_t n;

	while (poll(&pfd, 1, 0) > 0) {
		n = read(fd, data, sizeof(data));
		if (n <= 0)
			return false;
		output_feed(out, data, n);
	}
	return true;
}

/*
 * Until the child has ended or its time is up: its status, or -1. Sleeps until something
 * happens: in a guest whose clock leaps from timer to timer each look would cost.
 */
static int attend(pid_t pid, int fd, double until, struct output *out)
{
	int child = pidfd_open(pid, 0), status = -1;
	struct pollfd pfds[2] = {
		{ .fd = child, .events = POLLIN }, { .fd = fd, .events = POLLIN },
	};

	for (double left; status == -1 && (left = until - now()) > 0;) {
		poll(pfds, 2, left * 1000 + 1);
		if (waitpid(pid, &status, WNOHANG) != pid)
			status = -1;
		/* poll() passes over a negative descriptor. */
		if (!output_take(out, fd))
			pfds[1].fd = -1;
	}
	close(child);
	return status;
}

static pid_t launch(const struct test *test, int out[2])
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	setpgid(0, 0);
	dup2(out[1], 1);
	dup2(out[1], 2);
	close(out[0]);
	close(out[1]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	test->run();
	fflush(stdout);
	_exit(0);
}

/* Nothing may be left of a test once its process is gone. */
static bool leaves_nothing(void)
{
	double until = now() + 5 * slowness();
	struct peerbuf_ioc_stats stats;
	int ret;

	do {
		ret = peer_stats(&stats);
		if (ret)
			return ret == -ENOENT;
		if (!stats.live_exports && !stats.live_mappings)
			return true;
		pause_ms(20);
	} while (now() < until);
	printf("# left behind: %llu exports, %llu mappings\n",
	       (unsigned long long)stats.live_exports,
	       (unsigned long long)stats.live_mappings);
	return false;
}

static void reap(pid_t pid)
{
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	/* Whatever still runs belongs to the test; give it a moment to die. */
	ended_within(pid, 2);
	waitpid(pid, NULL, WNOHANG);
}

static bool passed(const struct test *test, int status, int mark, long watchdog)
{
	bool good = true;

	if (status == -1) {
		printf("# no end within the time limit\n");
		good = false;
	} else if (WIFSIGNALED(status)) {
		printf("# ended by signal %d\n", WTERMSIG(status));
		good = false;
	} else if (WEXITSTATUS(status)) {
		good = WEXITSTATUS(status) == EXIT_SKIP;
	}
	if (!leaves_nothing())
		good = false;
	if (!watchdog_was_idle(watchdog))
		good = false;
	if (kmsg_scan(mark, test->flags & TEST_IOMMU_FAULTS))
		good = false;
	return good;
}

static enum verdict run_one(const struct test *test, unsigned int index)
{
	unsigned int limit = (test->timeout ?: TIMEOUT) * slowness();
	int out[2], status, mark = kmsg_mark();
	enum verdict verdict = FAILED;
	struct output output = {};
	long watchdog = watchdog_count();
	double start = now();
	pid_t pid;

	protocol->start(test);
	if (mark < 0 || pipe(out)) {
		printf("# no /dev/kmsg or no pipe\n");
		protocol->end(test, index, FAILED, "", now() - start);
		return FAILED;
	}
	/* tests/run looks for these words. */
	if (lockdep_is_off())
		printf("# lockdep is off\n");
	pid = launch(test, out);
	close(out[1]);
	status = attend(pid, out[0], start + limit, &output);
	reap(pid);
	if (output.used)
		output_line(&output);
	close(out[0]);
	if (passed(test, status, mark, watchdog))
		verdict = *output.skip ? SKIPPED : PASSED;
	kmsg_done(mark);
	protocol->end(test, index, verdict, output.skip, now() - start);
	fflush(stdout);
	return verdict;
}

static bool wanted(const struct test *test, const struct request *request)
{
	bool found = false, any = false;

	for (unsigned int i = 0; i < request->nr; i++) {
		const char *pattern = request->patterns[i];

		if (*pattern == '!' && !fnmatch(pattern + 1, test->name, 0))
			return false;
		any |= *pattern != '!';
		found |= *pattern != '!' && !fnmatch(pattern, test->name, 0);
	}
	return found || !any;
}

int main(int argc, char **argv)
{
	struct request request = {};
	unsigned int index = 0;
	struct tally tally = {};
	struct test *test;

	protocol = request_read(&request, argc, argv);
	if (!request.list && sysconf(_SC_PAGESIZE) != PAGE) {
		fprintf(stderr, "compiled for pages of %llu bytes\n", PAGE);
		return 2;
	}
	for (test = tests; test; test = test->next)
		tally.planned += wanted(test, &request);
	if (!request.list)
		protocol->plan(&tally);
	for (test = tests; test; test = test->next) {
		if (!wanted(test, &request))
			continue;
		if (request.list)
			printf("%s\n", test->name);
		else
			tally.results[run_one(test, ++index)]++;
	}
	return request.list ? 0 : protocol->status(&tally);
}
