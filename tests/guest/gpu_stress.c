// SPDX-License-Identifier: GPL-2.0
/*
 * Eviction storms: BOs that five parties write to all the while, each in a slice of its own,
 * and reads back what it wrote, while others push the BOs out of VRAM, out of the window and
 * about. Bounded by rounds: each party has as many, and the storm ends with the last of them.
 *
 *	rp-edu		dynamic, by the importer helper
 *	far-edu		dynamic, by dma-buf alone
 *	far-mem		another GPU, by PRIME
 *	sw-edu, vgem	static: the BO goes to system memory and stays while they are attached
 *	the CPU		mmap of the DMA-BUF and of the BO
 */
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "actors.h"
#include "gpu.h"
#include "harness.h"
#include "memory.h"

#define BOS		4
#define ROUNDS		8
#define WARM_UP		4
#define SLICE		(32 * KIB)
#define LENGTH		2000
#define VRAM_KIB	4096
#define WINDOW_KIB	2048
#define STORM_BOS	6
#define LEAST_LEAKED	400

enum party { HELPER, FOREIGN, GPU, STATIC, CPU, PARTIES };

/* What is in each slice, and how much of it. */
struct slice {
	__u32 seed;
	__u32 length;
};

/**
 * struct record - what all processes write down
 * @slices: of each BO
 * @calls: that may have to be made again
 * @held: of those, how many were
 * @retries: how often
 * @longest: until one succeeded, in microseconds
 */
static struct record {
	struct slice slices[BOS][PARTIES];
	atomic_uint calls;
	atomic_uint held;
	atomic_uint retries;
	atomic_ulong longest;
} *record;

static struct gpu gpu, other;
static struct bo bos[BOS];
static int dmabufs[BOS];
static __u8 *cpu[BOS];

static void slice_wrote(unsigned int b, enum party party, __u32 seed, __u32 length)
{
	record->slices[b][party] = (struct slice){ seed, length };
}

/* ---- the parties ---- */

/* Seconds that a BO may be held for. */
#define PATIENCE	20

/*
 * Somebody may hold the BO where a static importer cannot have it, but not for long. A pin that
 * is refused for that says EHOSTUNREACH: the core warns about EBUSY.
 */
static bool again(int ret, double since, unsigned int tries)
{
	unsigned long took = (now() - since) * 1e6;

	if ((ret == -EBUSY || ret == -EHOSTUNREACH) && took < PATIENCE * slowness() * 1e6) {
		pause_ms(2);
		return true;
	}
	atomic_fetch_add(&record->calls, 1);
	atomic_fetch_add(&record->retries, tries);
	if (tries) {
		atomic_fetch_add(&record->held, 1);
		if (took > atomic_load(&record->longest))
			atomic_store(&record->longest, took);
	}
	return false;
}

#define patiently(call)							\
	({								\
		double since_ = now();					\
		unsigned int tries_ = 0;				\
		int result_;						\
									\
		while (again(result_ = (call), since_, tries_))		\
			tries_++;					\
		result_;						\
	})

/* Of this run of the storm. */
static __u32 first_seed;
/* Of this party. */
static unsigned int nr;
static struct writer writers[BOS];

static __u32 next_round(enum party party, unsigned int *b)
{
	*b = nr % BOS;
	return first_seed + party * 50 + nr++;
}

static void edu_round(struct writer *writer, enum party party, unsigned int b, __u32 seed)
{
	check_ok(patiently(writer_put(writer, party * SLICE, LENGTH, seed)));
	slice_wrote(b, party, seed, LENGTH);
	check_ok(patiently(writer_check(writer, party * SLICE, LENGTH, seed)));
	actor_did("write and read");
}

/* A party that is an edu, attached all the time. */
struct importer {
	const char *id;
	enum party party;
	__u32 mode;
};

static void importer_begin(const void *with)
{
	const struct importer *importer = with;

	for (unsigned int b = 0; b < BOS; b++)
		writer_open(&writers[b], importer->id, dmabufs[b], importer->mode);
}

static void importer_round(const void *with)
{
	const struct importer *importer = with;
	unsigned int b;
	__u32 seed = next_round(importer->party, &b);

	edu_round(&writers[b], importer->party, b, seed);
}

static int vgem;

static int vgem_open(void)
{
	int fd = drmOpen("vgem", NULL);

	check(fd >= 0);
	return fd;
}

static int vgem_import(unsigned int b, __u32 *handle)
{
	return drmPrimeFDToHandle(vgem, dmabufs[b], handle) ? -errno : 0;
}

static void static_begin(const void *id)
{
	vgem = vgem_open();
	writers[0].edu = edu_open(id);
}

static void static_round(const void *id)
{
	struct writer *writer = &writers[0];
	__u32 handle, seed;
	unsigned int b;

	(void)id;
	seed = next_round(STATIC, &b);
	check_ok(patiently(edu_attach(writer->edu, dmabufs[b], EDU_DMA_STATIC, 0,
				      &writer->handle)));
	check_ok(patiently(vgem_import(b, &handle)));
	edu_round(writer, STATIC, b, seed);
	check_eq(drmCloseBufferHandle(vgem, handle), 0);
	check_ok(edu_detach(writer->edu, writer->handle));
}

/* The other GPU's engine, from one of its own BOs into the slice or back. */
static void engine_copy(struct bo *own, struct bo *import, bool back)
{
	struct drm_vram_copy req = {
		.src = back ? import->handle : own->handle,
		.dst = back ? own->handle : import->handle,
		.length = SLICE,
	};
	int64_t until = (now() + 20 * slowness()) * 1e9;

	*(back ? &req.src_offset : &req.dst_offset) = GPU * SLICE;
	check_eq(drmSyncobjCreate(own->gpu->fd, 0, &req.out_syncobj), 0);
	check_ok(patiently(drmIoctl(own->gpu->fd, DRM_IOCTL_VRAM_COPY, &req) ? -errno : 0));
	check_eq(drmSyncobjWait(own->gpu->fd, &req.out_syncobj, 1, until, 0, NULL), 0);
	check_eq(drmSyncobjDestroy(own->gpu->fd, req.out_syncobj), 0);
}

static struct gpu file;
static struct bo own, imports[BOS];
static __u8 *mine;

static void gpu_begin(const void *id)
{
	file = (struct gpu){ .id = id, .fd = gpu_node_open(id, "render") };
	check(file.fd >= 0);
	bo_new(&own, &file, SLICE, ANYWHERE, VRAM_BO_VISIBLE);
	mine = bo_map(&own);
	for (unsigned int b = 0; b < BOS; b++)
		check_ok(bo_import(&imports[b], &file, dmabufs[b]));
}

static void gpu_round(const void *id)
{
	unsigned int b;
	__u32 seed = next_round(GPU, &b);

	(void)id;
	pattern_fill(mine, SLICE, seed);
	engine_copy(&own, &imports[b], false);
	slice_wrote(b, GPU, seed, SLICE);
	memset(mine, 0, SLICE);
	engine_copy(&own, &imports[b], true);
	check(pattern_matches(mine, SLICE, seed));
	actor_did("write and read");
	/* As often as the edus, whose transfers take 100 ms. */
	pause_ms(150);
}

static void cpu_round(const void *id)
{
	unsigned int b;
	__u32 seed = next_round(CPU, &b);
	__u8 *other_way = bo_map(&bos[b]);

	(void)id;
	pattern_fill(cpu[b] + CPU * SLICE, SLICE, seed);
	slice_wrote(b, CPU, seed, SLICE);
	pause_ms(150);
	check(pattern_matches(other_way + CPU * SLICE, SLICE, seed));
	munmap(other_way, bos[b].size);
	actor_did("write and read");
}

/* ---- the storm ---- */

static void move_one(void)
{
	static const __u32 places[] = { VRAM_IN_WINDOW, VRAM_IN_HIDDEN, VRAM_IN_SYSTEM };
	int ret = bo_move(&bos[rand() % BOS], places[rand() % 3]);

	/* A static importer is attached, or a copy is under way; or there is no room. */
	check_among(ret, EBUSY, ENOSPC, EHOSTUNREACH);
	if (!ret)
		actor_did("move");
}

/* A file of its own. */
static void storm_begin(const void *id)
{
	file = (struct gpu){ .id = id, .fd = gpu_node_open(id, "render") };
	check(file.fd >= 0);
}

static void storm(const void *id)
{
	struct bo crowd[STORM_BOS];

	(void)id;
	for (unsigned int i = 0; i < STORM_BOS; i++)
		bo_new(&crowd[i], &file, MIB, ANYWHERE, rand() % 2 ? VRAM_BO_VISIBLE : 0);
	for (unsigned int i = 0; i < STORM_BOS; i++)
		bo_close(&crowd[i]);
	move_one();
	pause_ms(rand() % 20);
}

static void check_slices(unsigned int b)
{
	for (enum party party = 0; party < PARTIES; party++)
		check(pattern_matches(cpu[b] + party * SLICE, record->slices[b][party].length,
				      record->slices[b][party].seed));
}

/* All of it, as each kind of reader sees it, and in the host's file in the end. */
static void check_contents(void)
{
	struct writer reader;

	for (unsigned int b = 0; b < BOS; b++) {
		check_slices(b);
		writer_open(&reader, "rp-edu", dmabufs[b], EDU_DMA_DYNAMIC);
		for (enum party party = 0; party < PARTIES; party++)
			check_ok(writer_check(&reader, party * SLICE, LENGTH,
					      record->slices[b][party].seed));
		close(reader.edu);
		eventually(5, !bo_move(&bos[b], VRAM_IN_WINDOW));
		/* The copy is only queued so far. Who looks waits for it. */
		check_slices(b);
		for (enum party party = 0; party < PARTIES; party++)
			bo_host_matches(&bos[b], party * SLICE, record->slices[b][party].length,
					record->slices[b][party].seed);
	}
}

static void weather(unsigned int n)
{
	static const struct importer helper = { "rp-edu", HELPER, EDU_DMA_DYNAMIC };
	static const struct importer foreign = { "far-edu", FOREIGN, EDU_DMA_FOREIGN };
	static struct part parties[PARTIES] = {
		[HELPER] = { .name = "importer with the helper", .with = &helper,
			     .begin = importer_begin, .act = importer_round },
		[FOREIGN] = { .name = "foreign importer", .with = &foreign,
			      .begin = importer_begin, .act = importer_round },
		[GPU] = { .name = "other GPU", .with = "far-mem",
			  .begin = gpu_begin, .act = gpu_round },
		[STATIC] = { .name = "static importer", .with = "sw-edu",
			     .begin = static_begin, .act = static_round },
		[CPU] = { .name = "CPU", .act = cpu_round },
	};
	static const struct part stormy = {
		.name = "storm", .with = "rp-mem", .begin = storm_begin, .act = storm,
		.least = 2, .deeds = { "move" },
	};

	actor_start(&stormy);
	for (enum party party = 0; party < PARTIES; party++) {
		parties[party].most = n;
		parties[party].least = n;
		parties[party].deeds[0] = "write and read";
		actor_start(&parties[party]);
	}
	actors_finish();
	first_seed += 7;
	check_contents();
}

static void open_all(void)
{
	gpu_open(&gpu, "rp-mem", VRAM_KIB, WINDOW_KIB);
	gpu_open(&other, "far-mem", 0, 0);
	check_eq(module_load("vgem"), 0);
	close(edu_open("rp-edu"));
	close(edu_open("far-edu"));
	close(edu_open("sw-edu"));
	record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(record != MAP_FAILED);
	for (unsigned int b = 0; b < BOS; b++) {
		bo_new(&bos[b], &gpu, PARTIES * SLICE, ANYWHERE, 0);
		dmabufs[b] = bo_share(&bos[b]);
		cpu[b] = buffer_map(dmabufs[b], bos[b].size, 0);
	}
}

/* To be made again is the exception: each round makes two such calls or more. */
static void check_patience(void)
{
	unsigned int calls = atomic_load(&record->calls), held = atomic_load(&record->held);

	printf("%u calls, %u of them held up, %u retries, the longest for %.3f s\n", calls, held,
	       atomic_load(&record->retries), atomic_load(&record->longest) / 1e6);
	check(held <= calls / 4);
}

static void close_all(void)
{
	struct drm_vram_stats stats;

	for (unsigned int b = 0; b < BOS; b++) {
		munmap(cpu[b], bos[b].size);
		close(dmabufs[b]);
		bo_close(&bos[b]);
	}
	eventually(10, (gpu_stats(&gpu, &stats), !stats.leaving));
	check_eq(stats.window_free, stats.window_size);
	check_eq(stats.hidden_free, stats.vram_size - stats.window_size);
	check_eq(stats.system_used, 0);
}

TEST(eviction_storm, .timeout = 3600)
{
	unsigned int n = rounds(100) < 100 ? WARM_UP : rounds(ROUNDS);
	static struct memory before, after;
	struct drm_vram_stats calm, stormed;
	unsigned int done = 0;

	open_all();
	weather(WARM_UP);
	gpu_stats(&gpu, &calm);
	memory_take(&before);
	/* Chance alone decides whether importers find a BO outside the window. */
	do {
		weather(n);
		done += n;
		gpu_stats(&gpu, &stormed);
	} while (stormed.placements == calm.placements && done < 10 * n);
	memory_take(&after);
	printf("%u rounds: %llu evictions, %llu moves, %llu of them for importers\n", done,
	       stormed.evictions - calm.evictions, stormed.moves - calm.moves,
	       stormed.placements - calm.placements);
	check(stormed.evictions - calm.evictions > done);
	check(stormed.placements > calm.placements);
	/* A few hundred objects come and go with where the BOs happen to be. */
	memory_compare(&before, &after, done > LEAST_LEAKED ? done : LEAST_LEAKED);
	check_patience();
	close_all();
}
