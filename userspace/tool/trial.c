// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that reports success proves nothing: a switch or a virtual IOMMU may have dropped
 * everything. So one side writes bytes and the other side reads them, different bytes each time.
 */
#include <linux/dma-buf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "trial.h"
#include "tool.h"

#define AROUND	64 /* bytes on either side that must not change */

/* One byte of a sequence that is different for each trial: splitmix64. */
static unsigned char pattern(uint64_t seed, uint64_t n)
{
	uint64_t z = seed * UINT64_C(0x9e3779b97f4a7c15) + n * UINT64_C(0xbf58476d1ce4e5b9);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void cpu_access(const struct place *place, uint64_t flags)
{
	struct dma_buf_sync sync = { .flags = flags | DMA_BUF_SYNC_RW };

	/* BARs do not need this, but the buffer may be system memory. */
	ioctl(place->dmabuf, DMA_BUF_IOCTL_SYNC, &sync);
	/* Mappings of BARs may combine writes. */
	__sync_synchronize();
}

/* The window that is checked around a trial: [from, to). */
static void window(const struct place *place, const struct trial *trial, uint64_t *from,
		   uint64_t *to)
{
	*from = trial->offset > AROUND ? trial->offset - AROUND : 0;
	*to = trial->offset + trial->length + AROUND;
	if (*to > place->size)
		*to = place->size;
}

static void paint(const struct place *place, uint64_t from, uint64_t to, uint64_t seed)
{
	uint64_t n;

	cpu_access(place, DMA_BUF_SYNC_START);
	for (n = from; n < to; n++)
		place->memory[n] = pattern(seed, n);
	cpu_access(place, DMA_BUF_SYNC_END);
}

/* Compares what is on one side with what was on the other, and with what was there @before. */
static void compare(const struct place *place, struct trial *trial, const unsigned char *data,
		    uint64_t seed, uint64_t before)
{
	size_t n, old = 0;

	for (n = 0; n < trial->length; n++) {
		uint64_t at = trial->offset + n;
		unsigned char is = trial->to_buffer ? place->memory[at] : data[n];
		unsigned char wanted = trial->to_buffer ? data[n] : pattern(seed, at);

		old += is == pattern(before, at);
		if (is == wanted)
			continue;
		if (!trial->wrong++)
			trial->first = n;
	}
	trial->nothing = trial->wrong && old == trial->length;
}

static int transfer(struct place *place, const struct trial *trial, unsigned char *data)
{
	struct engine *engine = place->engine;
	int ret = engine->prepare ? engine->prepare(engine, data, trial->length) : 0;

	return ret ? ret : engine->transfer(engine, trial->to_buffer, trial->offset, data,
					    trial->length);
}

static void look_around(const struct place *place, struct trial *trial, uint64_t before)
{
	uint64_t n, from, to;

	window(place, trial, &from, &to);
	for (n = from; n < to; n++)
		if ((n < trial->offset || n >= trial->offset + trial->length) &&
		    place->memory[n] != pattern(before, n))
			trial->around = true;
}

static void device_writes(struct place *place, struct trial *trial, unsigned char *data)
{
	uint64_t before = place->seed++, seed = place->seed++;
	uint64_t from, to;
	size_t n;

	window(place, trial, &from, &to);
	paint(place, from, to, before);
	for (n = 0; n < trial->length; n++)
		data[n] = pattern(seed, trial->offset + n);
	trial->error = transfer(place, trial, data);
	cpu_access(place, DMA_BUF_SYNC_START);
	if (!trial->error)
		compare(place, trial, data, seed, before);
	look_around(place, trial, before);
	cpu_access(place, DMA_BUF_SYNC_END);
}

static void device_reads(struct place *place, struct trial *trial, unsigned char *data)
{
	uint64_t before = place->seed++, seed = place->seed++;
	size_t n;

	paint(place, trial->offset, trial->offset + trial->length, seed);
	for (n = 0; n < trial->length; n++)
		data[n] = pattern(before, trial->offset + n);
	trial->error = transfer(place, trial, data);
	if (!trial->error)
		compare(place, trial, data, seed, before);
}

void trial_run(struct place *place, struct trial *trial)
{
	unsigned char *data = malloc(trial->length);

	if (!data)
		out_of_memory();
	if (trial->to_buffer)
		device_writes(place, trial, data);
	else
		device_reads(place, trial, data);
	free(data);
}

bool trial_passed(const struct trial *trial)
{
	return !trial->error && !trial->wrong && !trial->around;
}

/*
 * Both ways, unless the engine knows but one, and but once where its steps make two places the
 * same: it moves whole grains, which the end of the buffer has to have room for.
 */
static size_t add(const struct place *place, struct trial *trials, size_t nr, uint64_t offset,
		  uint64_t length)
{
	const struct engine *engine = place->engine;
	size_t n;

	length = (length + engine->grain - 1) / engine->grain * engine->grain;
	if (length > engine->most)
		length = engine->most;
	if (offset + length > place->size && length <= place->size)
		offset = place->size - length;
	offset -= offset % engine->align;
	if (offset + length > place->size || offset + length < offset)
		return nr;
	for (n = 0; n < nr; n++)
		if (trials[n].offset == offset && trials[n].length == length)
			return nr;
	trials[nr++] = (struct trial) { .to_buffer = true, .offset = offset, .length = length };
	if (!engine->only_writes)
		trials[nr++] = (struct trial) { .offset = offset, .length = length };
	return nr;
}

size_t trials_plan(const struct place *place, struct trial *trials)
{
	uint64_t page = sysconf(_SC_PAGESIZE), size = place->size;
	uint64_t most = place->engine->most < size ? place->engine->most : size;
	size_t nr = 0;

	nr = add(place, trials, nr, 0, 64);		  /* the beginning */
	nr = add(place, trials, nr, size - 64, 64);	  /* the end */
	nr = add(place, trials, nr, size - 1, 1);	  /* its last byte */
	nr = add(place, trials, nr, 0, most);		  /* the largest transfer */
	nr = add(place, trials, nr, size - most, most);
	if (size <= page)
		return nr;
	nr = add(place, trials, nr, page - 7, 15);	  /* across two pages */
	nr = add(place, trials, nr, size / 2 - 33, 65);
	nr = add(place, trials, nr, size / page / 2 * page - 1, 2);
	return nr;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

double trials_rate(struct place *place, double seconds)
{
	size_t length = place->engine->most < place->size ? place->engine->most : place->size;
	unsigned char *data = calloc(1, length);
	double began, moved = 0, took;

	if (!data)
		out_of_memory();
	if (place->engine->prepare && place->engine->prepare(place->engine, data, length)) {
		free(data);
		return 0;
	}
	began = now();
	do {
		if (place->engine->transfer(place->engine, true, 0, data, length)) {
			moved = 0;
			break;
		}
		moved += length;
	} while (now() - began < seconds);
	took = now() - began;
	free(data);
	return took > 0 ? moved / took : 0;
}
