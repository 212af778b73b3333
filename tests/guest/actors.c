// SPDX-License-Identifier: GPL-2.0
/* See actors.h. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "actors.h"
#include "harness.h"

/* Seconds that a round may take once it is the last, and the first to begin with. */
#define SOON	30

/**
 * struct actor - in memory that all processes share
 * @part: what it does
 * @is_thread: and not a process
 * @thread: the thread, if it is one
 * @id: of the process or of the thread
 * @pidfd: of the process, -1 once it has ended
 * @stop: it was asked to
 * @rounds: done
 * @longest: what a round took, in microseconds
 * @done: how often each deed
 */
struct actor {
	struct part part;
	bool is_thread;
	pthread_t thread;
	pid_t id;
	int pidfd;
	atomic_bool stop;
	atomic_ulong rounds;
	atomic_ulong longest;
	atomic_ulong done[DEEDS_MOST];
};

static struct actor *actors;
static unsigned int nr_actors;
static __thread struct actor *self;

/* ---- an actor ---- */

void actor_did(const char *deed)
{
	if (!self)
		return;
	for (unsigned int i = 0; i < DEEDS_MOST && self->part.deeds[i]; i++) {
		if (!strcmp(self->part.deeds[i], deed)) {
			atomic_fetch_add(&self->done[i], 1);
			return;
		}
	}
	fail("%s does not count %s", self->part.name, deed);
}

void actor_breathe(void)
{
	pause_ms(rand() % 2);
}

static void act(struct actor *actor)
{
	const struct part *part = &actor->part;

	self = actor;
	if (part->begin)
		part->begin(part->with);
	while (!atomic_load(&actor->stop) &&
	       (!part->most || atomic_load(&actor->rounds) < part->most)) {
		double start = now();
		unsigned long took;

		part->act(part->with);
		took = (now() - start) * 1e6;
		if (took > atomic_load(&actor->longest))
			atomic_store(&actor->longest, took);
		atomic_fetch_add(&actor->rounds, 1);
	}
}

static void *thread_act(void *arg)
{
	struct actor *actor = arg;

	actor->id = syscall(SYS_gettid);
	act(actor);
	return NULL;
}

/* ---- those who watch them ---- */

static struct actor *actor_new(const struct part *part)
{
	struct actor *actor;

	if (!actors)
		actors = mmap(NULL, ACTORS_MOST * sizeof(*actors), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(actors != MAP_FAILED);
	check(nr_actors < ACTORS_MOST);
	actor = &actors[nr_actors++];
	memset(actor, 0, sizeof(*actor));
	actor->part = *part;
	actor->pidfd = -1;
	return actor;
}

struct actor *actor_start(const struct part *part)
{
	struct actor *actor = actor_new(part);
	pid_t pid;

	/* What is not written yet it would write again. */
	fflush(stdout);
	pid = check_sys(fork());

	if (!pid) {
		srand(getpid());
		act(actor);
		fflush(stdout);
		_exit(0);
	}
	actor->id = pid;
	actor->pidfd = check_sys(pidfd_open(pid, 0));
	return actor;
}

struct actor *actor_start_thread(const struct part *part)
{
	struct actor *actor = actor_new(part);

	actor->is_thread = true;
	check_eq(pthread_create(&actor->thread, NULL, thread_act, actor), 0);
	return actor;
}

unsigned long actor_rounds(const struct actor *actor)
{
	return atomic_load(&actor->rounds);
}

/* Said before the test fails, as it is the only chance to see where it hangs. */
static void print_whereabouts(const struct actor *actor)
{
	char path[64], line[256];
	FILE *stack;

	snprintf(path, sizeof(path), "/proc/%d/stack", actor->id);
	stack = fopen(path, "re");
	while (stack && fgets(line, sizeof(line), stack))
		printf("%s", line);
	if (stack)
		fclose(stack);
}

static void process_ended(struct actor *actor)
{
	int status;

	check_eq(waitpid(actor->id, &status, 0), actor->id);
	close(actor->pidfd);
	actor->pidfd = -1;
	if (WIFSIGNALED(status))
		fail("%s ended by signal %d", actor->part.name, WTERMSIG(status));
	if (WEXITSTATUS(status))
		fail("%s failed after %lu rounds", actor->part.name, actor_rounds(actor));
}

/* One of them may have ended: if it had a last round that is as it should be. */
static unsigned int watch(double seconds)
{
	struct pollfd pfds[ACTORS_MOST];
	unsigned int unfinished = 0;

	for (unsigned int i = 0; i < nr_actors; i++)
		pfds[i] = (struct pollfd){ .fd = actors[i].pidfd, .events = POLLIN };
	check_sys(poll(pfds, nr_actors, seconds * 1000));
	for (unsigned int i = 0; i < nr_actors; i++) {
		struct actor *actor = &actors[i];

		if (pfds[i].revents) {
			process_ended(actor);
			if (!actor->part.most)
				fail("%s has ended without being asked to", actor->part.name);
		}
		unfinished += actor->part.most && actor->pidfd >= 0;
	}
	return unfinished;
}

void actor_await(struct actor *actor, unsigned long more)
{
	unsigned long target = actor_rounds(actor) + more;

	eventually(SOON, (watch(0), actor_rounds(actor) >= target));
}

static bool has_done(const struct actor *actor)
{
	const struct part *part = &actor->part;
	bool done = actor_rounds(actor) >= part->least;

	for (unsigned int i = 0; i < DEEDS_MOST && part->deeds[i]; i++)
		done &= atomic_load(&actor->done[i]) >= part->least;
	return done;
}

static bool all_have_done(void)
{
	for (unsigned int i = 0; i < nr_actors; i++)
		if (!has_done(&actors[i]))
			return false;
	return true;
}

void actors_perform(double seconds)
{
	/* Of the time a share, too. What each must have done it is given time for below. */
	double share = slowness() > 1 ? 1 : rounds(100) / 100.0;
	double until = now() + seconds * share, late = until + SOON * slowness();

	for (double left; (left = until - now()) > 0;)
		watch(left);
	/* What is missing by then actors_stop() says. */
	while (!all_have_done() && now() < late)
		watch(0.1);
}

static void await_end(struct actor *actor)
{
	struct timespec until;

	if (actor->is_thread) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += SOON * slowness();
		if (!pthread_clockjoin_np(actor->thread, NULL, CLOCK_MONOTONIC, &until))
			return;
	} else {
		if (actor->pidfd < 0)
			return;
		if (ended_within(actor->id, SOON * slowness())) {
			process_ended(actor);
			return;
		}
	}
	print_whereabouts(actor);
	fail("%s is stuck in its round %lu", actor->part.name, actor_rounds(actor) + 1);
}

static void print_deeds(const struct actor *actor)
{
	const struct part *part = &actor->part;

	printf("%s: %lu rounds, the longest %.3f s", part->name, actor_rounds(actor),
	       atomic_load(&actor->longest) / 1e6);
	for (unsigned int i = 0; i < DEEDS_MOST && part->deeds[i]; i++)
		printf(", %s %lu", part->deeds[i], atomic_load(&actor->done[i]));
	printf("\n");
}

static void check_deeds(const struct actor *actor)
{
	const struct part *part = &actor->part;

	if (actor_rounds(actor) < part->least)
		fail("%s has done %lu rounds, not %u", part->name, actor_rounds(actor),
		     part->least);
	for (unsigned int i = 0; i < DEEDS_MOST && part->deeds[i]; i++)
		if (atomic_load(&actor->done[i]) < part->least)
			fail("%s has done %s %lu times, not %u", part->name, part->deeds[i],
			     atomic_load(&actor->done[i]), part->least);
}

void actors_stop(void)
{
	for (unsigned int i = 0; i < nr_actors; i++)
		atomic_store(&actors[i].stop, true);
	for (unsigned int i = 0; i < nr_actors; i++)
		await_end(&actors[i]);
	/* What each has done says much about why one of them did not. */
	for (unsigned int i = 0; i < nr_actors; i++)
		print_deeds(&actors[i]);
	for (unsigned int i = 0; i < nr_actors; i++)
		check_deeds(&actors[i]);
	nr_actors = 0;
}

void actors_finish(void)
{
	while (watch(60))
		;
	actors_stop();
}

void actor_idle(const void *with)
{
	(void)with;
	pause_ms(20);
}

void actor_kill(struct actor *actor)
{
	int status;

	check(actor == &actors[nr_actors - 1]);
	watch(0);
	print_deeds(actor);
	check_deeds(actor);
	check_sys(kill(actor->id, SIGKILL));
	check_eq(waitpid(actor->id, &status, 0), actor->id);
	/* Not before, by itself. */
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(actor->pidfd);
	nr_actors--;
}
