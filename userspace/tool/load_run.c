// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes the calls of load: each of its threads makes one at a time, with a part of the buffer of
 * its own. The first error ends all of them.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "file.h"
#include "load.h"

/**
 * struct crew - all threads
 * @load: what they do, and the sums of what they did
 * @control: control
 * @lock: protects the rest, and the sums
 * @next: where in the file the next block begins, in bytes from the first
 * @taken: number of calls begun
 * @state: of the random numbers; never zero
 * @until: when to end, in nanoseconds
 * @over: somebody has failed, or the file has ended
 * @ret: the exit code
 */
struct crew {
	struct load *load;
	int control;
	pthread_mutex_t lock;
	uint64_t next;
	uint64_t taken;
	uint64_t state;
	uint64_t until;
	bool over;
	int ret;
};

/**
 * struct hand - a thread
 * @crew: all threads
 * @thread: its id
 * @io: arguments of its next call
 * @latency: of its calls
 * @sum: what its calls have moved
 */
struct hand {
	struct crew *crew;
	pthread_t thread;
	struct peerbuf_ioc_file io;
	struct latency latency;
	struct peerbuf_ioc_file sum;
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * UINT64_C(1000000000) + time.tv_nsec;
}

/* The same numbers each time (xorshift), so that a run can be repeated. */
static uint64_t any_block(struct crew *crew)
{
	crew->state ^= crew->state << 13;
	crew->state ^= crew->state >> 7;
	crew->state ^= crew->state << 17;
	return crew->state % (crew->load->io.length / crew->load->block) * crew->load->block;
}

static uint64_t next_block(struct crew *crew)
{
	uint64_t at = crew->next;

	crew->next += crew->load->block;
	if (crew->load->io.length - crew->next < crew->load->block)
		crew->next = 0;
	return at;
}

/* Under the lock. */
static bool is_over(const struct crew *crew)
{
	if (crew->over)
		return true;
	if (crew->load->calls)
		return crew->taken == crew->load->calls;
	return now() >= crew->until;
}

/* Returns false if no more calls are to be made. */
static bool take(struct hand *hand)
{
	struct crew *crew = hand->crew;
	bool more;

	pthread_mutex_lock(&crew->lock);
	more = !is_over(crew);
	if (more) {
		hand->io.file_offset = crew->load->io.file_offset +
				       (crew->load->random ? any_block(crew) : next_block(crew));
		crew->taken++;
	}
	pthread_mutex_unlock(&crew->lock);
	return more;
}

/* Tells the first error only; the others' calls end, and nothing is said of them. */
static void fail(struct crew *crew, const struct peerbuf_ioc_file *io,
		 const struct peerbuf_error *error)
{
	const struct subject subject = { .id = crew->load->id, .client = io->controller };

	pthread_mutex_lock(&crew->lock);
	if (!crew->over && error)
		crew->ret = failed(error, &subject, "load %s, at %" PRIu64, crew->load->file,
				   (uint64_t)(io->file_offset + io->bytes));
	else if (!crew->over)
		crew->ret = failed_errno(-ENODATA, "load %s: it ended at %" PRIu64,
					 crew->load->file, (uint64_t)(io->file_offset + io->bytes));
	crew->over = true;
	pthread_mutex_unlock(&crew->lock);
}

static void *work(void *with)
{
	struct hand *hand = with;
	struct crew *crew = hand->crew;
	struct peerbuf_error error;
	struct peerbuf_ioc_file io;
	uint64_t began;
	ssize_t moved;

	while (take(hand)) {
		io = hand->io;
		began = now();
		moved = crew->load->write ? peerbuf_file_write(crew->control, &io, &error) :
					    peerbuf_file_read(crew->control, &io, &error);
		latency_add(&hand->latency, now() - began);
		file_add(&hand->sum, &io);
		if (moved < (ssize_t)crew->load->block)
			fail(crew, &io, moved < 0 ? &error : NULL);
	}
	return NULL;
}

static int start(struct crew *crew, struct hand *hand, uint32_t n)
{
	hand->crew = crew;
	hand->io = crew->load->io;
	hand->io.length = crew->load->block;
	hand->io.depth = 1;
	hand->io.offset += n * crew->load->block;
	latency_start(&hand->latency);
	return pthread_create(&hand->thread, NULL, work, hand);
}

static void join(struct hand *hand)
{
	struct load *load = hand->crew->load;

	pthread_join(hand->thread, NULL);
	latency_merge(&load->latency, &hand->latency);
	/* Who did nothing does not know the controller. */
	if (hand->latency.nr)
		file_add(&load->sum, &hand->sum);
}

int load_run(struct load *load, int control)
{
	struct crew crew = { .load = load, .control = control, .state = 88172645463325252ULL };
	struct hand *hands = calloc(load->depth, sizeof(*hands));
	uint64_t began = now();
	uint32_t n;
	int ret = 0;

	if (!hands)
		out_of_memory();
	pthread_mutex_init(&crew.lock, NULL);
	latency_start(&load->latency);
	crew.until = began + load->seconds * UINT64_C(1000000000);
	for (n = 0; n < load->depth && !ret; n++)
		ret = start(&crew, &hands[n], n);
	if (ret) {
		n--;
		pthread_mutex_lock(&crew.lock);
		crew.over = true;
		crew.ret = failed_errno(-ret, "load: thread %" PRIu32, n);
		pthread_mutex_unlock(&crew.lock);
	}
	while (n--)
		join(&hands[n]);
	load->nanoseconds = now() - began;
	pthread_mutex_destroy(&crew.lock);
	free(hands);
	return crew.ret;
}
