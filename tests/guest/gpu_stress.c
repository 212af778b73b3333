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
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xf86drm.h>

#include "gpu.h"
#include "harness.h"
#include "slab.h"

#define BOS		4
#define ROUNDS		16
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

static struct slice (*slices)[PARTIES];
static struct gpu gpu, other;
static struct bo bos[BOS];
static int dmabufs[BOS];
static __u8 *cpu[BOS];

static void slice_wrote(unsigned int b, enum party party, __u32 seed, __u32 length)
{
	slices[b][party] = (struct slice){ seed, length };
}

/* ---- the parties ---- */

/*
 * Somebody may hold the BO where a static importer cannot have it, but not for long. A pin that
 * is refused for that says EHOSTUNREACH: the core warns about EBUSY.
 */
#define patiently(call)							\
	({								\
		double until_ = now() + 20 * slowness();		\
		int ret_;						\
									\
		do {							\
			ret_ = (call);					\
		} while ((ret_ == -EBUSY || ret_ == -EHOSTUNREACH) &&	\
			 now() < until_ && (pause_ms(2), true));	\
		ret_;							\
	})

static void edu_round(struct writer *writer, enum party party, unsigned int b, __u32 seed)
{
	check_ok(patiently(writer_put(writer, party * SLICE, LENGTH, seed)));
	slice_wrote(b, party, seed, LENGTH);
	check_ok(patiently(writer_check(writer, party * SLICE, LENGTH, seed)));
}

static void edu_rounds(const char *id, __u32 mode, enum party party, __u32 seed,
		       unsigned int n)
{
	struct writer writers[BOS];

	for (unsigned int b = 0; b < BOS; b++)
		writer_open(&writers[b], id, dmabufs[b], mode);
	for (unsigned int i = 0; i < n; i++)
		edu_round(&writers[i % BOS], party, i % BOS, seed + i);
}

static void helper_rounds(__u32 seed, unsigned int n)
{
	edu_rounds("rp-edu", EDU_DMA_DYNAMIC, HELPER, seed, n);
}

static void foreign_rounds(__u32 seed, unsigned int n)
{
	edu_rounds("far-edu", EDU_DMA_FOREIGN, FOREIGN, seed, n);
}

static int vgem_open(void)
{
	int fd = drmOpen("vgem", NULL);

	check(fd >= 0);
	return fd;
}

static int vgem_import(int vgem, unsigned int b, __u32 *handle)
{
	return drmPrimeFDToHandle(vgem, dmabufs[b], handle) ? -errno : 0;
}

static void static_rounds(__u32 seed, unsigned int n)
{
	int vgem = vgem_open();
	struct writer writer;
	__u32 handle;

	writer.edu = edu_open("sw-edu");
	for (unsigned int i = 0; i < n; i++) {
		check_ok(patiently(edu_attach(writer.edu, dmabufs[i % BOS], EDU_DMA_STATIC,
					      0, &writer.handle)));
		check_ok(patiently(vgem_import(vgem, i % BOS, &handle)));
		edu_round(&writer, STATIC, i % BOS, seed + i);
		check_eq(drmCloseBufferHandle(vgem, handle), 0);
		check_ok(edu_detach(writer.edu, writer.handle));
	}
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

static void gpu_rounds(__u32 seed, unsigned int n)
{
	struct gpu file = { .id = other.id, .fd = gpu_node_open(other.id, "render") };
	struct bo own, imports[BOS];
	__u8 *mine;

	check(file.fd >= 0);
	bo_new(&own, &file, SLICE, ANYWHERE, VRAM_BO_VISIBLE);
	mine = bo_map(&own);
	for (unsigned int b = 0; b < BOS; b++)
		check_ok(bo_import(&imports[b], &file, dmabufs[b]));
	for (unsigned int i = 0; i < n; i++) {
		pattern_fill(mine, SLICE, seed + i);
		engine_copy(&own, &imports[i % BOS], false);
		slice_wrote(i % BOS, GPU, seed + i, SLICE);
		memset(mine, 0, SLICE);
		engine_copy(&own, &imports[i % BOS], true);
		check(pattern_matches(mine, SLICE, seed + i));
		/* As often as the edus, whose transfers take 100 ms. */
		pause_ms(150);
	}
}

static void cpu_rounds(__u32 seed, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		__u8 *other_way = bo_map(&bos[i % BOS]);

		pattern_fill(cpu[i % BOS] + CPU * SLICE, SLICE, seed + i);
		slice_wrote(i % BOS, CPU, seed + i, SLICE);
		pause_ms(150);
		check(pattern_matches(other_way + CPU * SLICE, SLICE, seed + i));
		munmap(other_way, bos[i % BOS].size);
	}
}

/* ---- the storm ---- */

static void move_one(void)
{
	static const __u32 places[] = { VRAM_IN_WINDOW, VRAM_IN_HIDDEN, VRAM_IN_SYSTEM };
	int ret = bo_move(&bos[rand() % BOS], places[rand() % 3]);

	/* A static importer is attached, or a copy is under way; or there is no room. */
	check(!ret || ret == -EBUSY || ret == -ENOSPC || ret == -EHOSTUNREACH);
}

static void storm(void)
{
	struct gpu file = { .id = gpu.id, .fd = gpu_node_open(gpu.id, "render") };
	struct bo crowd[STORM_BOS];

	/* A file of its own: the BOs go with it when it is killed. */
	check(file.fd >= 0);
	srand(getpid());
	for (;;) {
		for (unsigned int i = 0; i < STORM_BOS; i++)
			bo_new(&crowd[i], &file, MIB, ANYWHERE,
			       rand() % 2 ? VRAM_BO_VISIBLE : 0);
		for (unsigned int i = 0; i < STORM_BOS; i++)
			bo_close(&crowd[i]);
		move_one();
		pause_ms(rand() % 20);
	}
}

static void check_slices(unsigned int b)
{
	for (enum party party = 0; party < PARTIES; party++)
		check(pattern_matches(cpu[b] + party * SLICE, slices[b][party].length,
				      slices[b][party].seed));
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
					      slices[b][party].seed));
		close(reader.edu);
		eventually(5, !bo_move(&bos[b], VRAM_IN_WINDOW));
		/* The copy is only queued so far. Who looks waits for it. */
		check_slices(b);
		for (enum party party = 0; party < PARTIES; party++)
			bo_host_matches(&bos[b], party * SLICE, slices[b][party].length,
					slices[b][party].seed);
	}
}

static void weather(unsigned int n)
{
	static void (*const parties[PARTIES])(__u32 seed, unsigned int n) = {
		[HELPER] = helper_rounds, [FOREIGN] = foreign_rounds,
		[GPU] = gpu_rounds, [STATIC] = static_rounds, [CPU] = cpu_rounds,
	};
	static __u32 seed;
	pid_t pids[PARTIES], stormy;
	bool good = true;
	int status;

	stormy = check_sys(fork());
	if (!stormy)
		storm();
	for (enum party party = 0; party < PARTIES; party++) {
		pids[party] = check_sys(fork());
		if (pids[party])
			continue;
		parties[party](seed + party * 50, n);
		_exit(0);
	}
	seed += 7;
	for (enum party party = 0; party < PARTIES; party++)
		good &= waitpid(pids[party], &status, 0) == pids[party] && !status;
	good &= !waitpid(stormy, NULL, WNOHANG);
	process_kill(stormy);
	check(good);
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
	slices = mmap(NULL, BOS * sizeof(*slices), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(slices != MAP_FAILED);
	for (unsigned int b = 0; b < BOS; b++) {
		bo_new(&bos[b], &gpu, PARTIES * SLICE, ANYWHERE, 0);
		dmabufs[b] = bo_share(&bos[b]);
		cpu[b] = buffer_map(dmabufs[b], bos[b].size, 0);
	}
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
	unsigned int n = slowness() > 1 ? WARM_UP : rounds(ROUNDS);
	static struct slab before, after;
	struct drm_vram_stats calm, stormed;
	unsigned int done = 0;

	open_all();
	weather(WARM_UP);
	gpu_stats(&gpu, &calm);
	slab_take(&before);
	/* Chance alone decides whether importers find a BO outside the window. */
	do {
		weather(n);
		done += n;
		gpu_stats(&gpu, &stormed);
	} while (stormed.placements == calm.placements && done < 10 * n);
	slab_take(&after);
	printf("%u rounds: %llu evictions, %llu moves, %llu of them for importers\n", done,
	       stormed.evictions - calm.evictions, stormed.moves - calm.moves,
	       stormed.placements - calm.placements);
	check(stormed.evictions - calm.evictions > done);
	check(stormed.placements > calm.placements);
	/* A few hundred objects come and go with where the BOs happen to be. */
	slab_compare(&before, &after, done > LEAST_LEAKED ? done : LEAST_LEAKED);
	close_all();
}
