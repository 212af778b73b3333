// SPDX-License-Identifier: GPL-2.0
/* The test GPU against an exporter that does all it may do: PRIME imports that jobs copy. */
#include <string.h>

#include "gpu.h"
#include "harness.h"
#include "odd.h"

#define GPU	"rp-mem"
#define MEM	"far-mem"

static struct gpu gpu;
static struct bo import, own;

static int open_bo(int fd, __u64 size)
{
	if (!gpu.id) {
		gpu_open(&gpu, GPU, 0, 0);
		bo_new(&own, &gpu, size, ANYWHERE, VRAM_BO_VISIBLE);
	}
	return bo_import(&import, &gpu, fd);
}

/* Jobs copy from the beginning on: all of it, with what is to be new in the right place. */
static int write_buffer(__u64 offset, __u32 length, __u32 seed)
{
	int ret = bo_copy_wait(&import, &own, import.size);

	if (ret)
		return ret;
	pattern_fill((__u8 *)bo_map(&own) + offset, length, seed);
	return bo_copy_wait(&own, &import, import.size);
}

static int read_buffer(__u64 offset, __u32 length, __u32 seed)
{
	int ret;

	memset(bo_map(&own), 0, own.size);
	ret = bo_copy_wait(&import, &own, import.size);
	if (!ret)
		check(pattern_matches((__u8 *)bo_map(&own) + offset, length, seed));
	return ret;
}

static void done(void)
{
	bo_close(&import);
}

static const struct odd_importer vram = {
	.open = open_bo, .write = write_buffer, .read = read_buffer, .close = done,
	.unit = 1, .length = 3000,
};

ODD_TRIALS(prime_in_system_memory, &vram, NULL, ODD_IN_SYSTEM)
ODD_TRIALS(prime_in_a_bar, &vram, MEM, ODD_IN_BAR)
