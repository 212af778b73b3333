// SPDX-License-Identifier: GPL-2.0
/*
 * A GPU's driver on peerbuf when memory is short: each call is made again with its first
 * allocation failing, its second, its third, until none fails any more. It may fail, it may
 * manage; in either case no BO has lost a byte, and no byte of memory has lost its owner.
 *
 * Needs a kernel with fault injection.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "gpu.h"
#include "harness.h"
#include "nth.h"

#define SIZE		(64 * KIB)
#define LENGTH		2000
#define VRAM_KIB	512
#define WINDOW_KIB	256

static struct gpu gpu, other;
static struct bo bo, extra;
static struct writer writer;
static int dmabuf;
static __u8 *cpu;
static __u32 seed, where;

static void open_gpu(void)
{
	nth_set_up();
	gpu_open(&gpu, "rp-mem", VRAM_KIB, WINDOW_KIB);
}

/* A BO full of a pattern. */
static void open_bo(__u32 domains)
{
	bo_new(&bo, &gpu, SIZE, domains, VRAM_BO_VISIBLE);
	cpu = bo_map(&bo);
	pattern_fill(cpu, SIZE, ++seed);
}

static void share_bo(void)
{
	dmabuf = bo_share(&bo);
	writer_open(&writer, "rp-edu", dmabuf, EDU_DMA_DYNAMIC);
	check_ok(writer_check(&writer, 0, LENGTH, seed));
}

/* Bytes that BOs have, and copies that are under way. */
static __u64 in_use(void)
{
	struct drm_vram_stats stats;

	gpu_stats(&gpu, &stats);
	return stats.vram_size - stats.window_free - stats.hidden_free + stats.system_used;
}

/* Nothing is lost, and nothing has two owners once the copies have ended. */
static void only_this_is_in_use(__u64 bytes)
{
	eventually(20, in_use() == bytes);
}

/* It failed for want of memory and for nothing else, and only if there was a want. */
static bool excused(int ret, bool happened)
{
	if (ret && ret != -ENOMEM && ret != -ENFILE)
		fail("%s for want of memory", strerror(-ret));
	check(!ret || happened);
	return ret;
}

/* ---- BOs come and go ---- */

static __u32 domains, flags;

static bool create_once(unsigned int nth)
{
	bool happened;
	int ret;

	nth_arm(nth);
	ret = bo_try(&extra, &gpu, SIZE, domains, flags);
	happened = nth_disarm();
	if (!excused(ret, happened)) {
		check_eq(bo_where(&extra), where);
		bo_close(&extra);
	}
	only_this_is_in_use(0);
	return !happened;
}

static void create(const char *name, __u32 there, __u32 wanted, __u32 how)
{
	where = there;
	domains = wanted;
	flags = how;
	every_nth(name, create_once);
}

TEST(bo_create, .timeout = 300)
{
	open_gpu();
	create("in the window", VRAM_IN_WINDOW, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE);
	create("in hidden memory", VRAM_IN_HIDDEN, VRAM_DOMAIN_VRAM, 0);
	create("in system memory", VRAM_IN_SYSTEM, VRAM_DOMAIN_SYSTEM, 0);
	create("pinned", VRAM_IN_WINDOW, VRAM_DOMAIN_VRAM, VRAM_BO_PINNED);
}

/* A DMA-BUF that was made before the call failed may stay as long as the BO has a handle. */
static bool export_once(unsigned int nth)
{
	bool happened;
	int ret;

	open_bo(ANYWHERE);
	nth_arm(nth);
	ret = drmPrimeHandleToFD(gpu.fd, bo.handle, DRM_CLOEXEC | DRM_RDWR, &dmabuf) ? -errno : 0;
	happened = nth_disarm();
	if (excused(ret, happened))
		dmabuf = bo_share(&bo);
	writer_open(&writer, "rp-edu", dmabuf, EDU_DMA_DYNAMIC);
	check_ok(writer_check(&writer, 0, LENGTH, seed));
	close(writer.edu);
	close(dmabuf);
	munmap(cpu, SIZE);
	bo_close(&bo);
	only_this_is_in_use(0);
	return !happened;
}

TEST(export, .timeout = 600)
{
	open_gpu();
	every_nth("export", export_once);
}

/* ---- BOs move ---- */

/* The last round, in which nothing failed any more, looks at all of it. */
static void check_contents(bool happened)
{
	check(happened ? pattern_matches_seams(cpu, SIZE, seed) :
			 pattern_matches(cpu, SIZE, seed));
}

static bool move_once(unsigned int nth)
{
	__u32 from = where == VRAM_IN_SYSTEM ? VRAM_IN_WINDOW : VRAM_IN_SYSTEM;
	bool happened;
	int ret;

	if (bo_where(&bo) != from)
		check_ok(bo_move(&bo, from));
	nth_arm(nth);
	ret = bo_move(&bo, where);
	happened = nth_disarm();
	check_eq(bo_where(&bo), excused(ret, happened) ? from : where);
	check_contents(happened);
	only_this_is_in_use(SIZE);
	return !happened;
}

static void move_both_ways(void)
{
	where = VRAM_IN_SYSTEM;
	every_nth("to system memory", move_once);
	where = VRAM_IN_WINDOW;
	every_nth("to the window", move_once);
}

TEST(move, .timeout = 300)
{
	open_gpu();
	open_bo(ANYWHERE);
	move_both_ways();
}

TEST(move_under_an_importer, .timeout = 300)
{
	open_gpu();
	open_bo(ANYWHERE);
	share_bo();
	move_both_ways();
	check_ok(writer_check(&writer, 0, LENGTH, seed));
	check_ok(writer_put(&writer, 0, LENGTH, seed + 1));
	check(pattern_matches(cpu, LENGTH, seed + 1));
}

/* The new BO has room only where the old one is. */
static bool evict_once(unsigned int nth)
{
	bool happened;
	int ret;

	check_ok(bo_move(&bo, VRAM_IN_WINDOW));
	nth_arm(nth);
	ret = bo_try(&extra, &gpu, WINDOW_KIB * KIB, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE);
	happened = nth_disarm();
	check_contents(happened);
	if (!excused(ret, happened)) {
		check_eq(bo_where(&bo), VRAM_IN_SYSTEM);
		bo_close(&extra);
	}
	only_this_is_in_use(SIZE);
	return !happened;
}

TEST(eviction, .timeout = 300)
{
	open_gpu();
	open_bo(ANYWHERE);
	every_nth("eviction", evict_once);
	share_bo();
	every_nth("eviction of a shared BO", evict_once);
	check_ok(writer_check(&writer, 0, LENGTH, seed));
}

/* Who maps a BO outside of the window has the driver move it, in the mapper's own context. */
static bool place_once(unsigned int nth)
{
	bool happened;
	int ret;

	check_ok(bo_move(&bo, VRAM_IN_HIDDEN));
	nth_arm(nth);
	ret = edu_map(writer.edu, writer.handle);
	happened = nth_disarm();
	if (!excused(ret, happened))
		check(bo_where(&bo) != VRAM_IN_HIDDEN);
	check_ok(writer_check(&writer, 0, LENGTH, seed));
	check_contents(happened);
	only_this_is_in_use(SIZE);
	return !happened;
}

TEST(placement_for_an_importer, .timeout = 600)
{
	open_gpu();
	open_bo(ANYWHERE);
	share_bo();
	every_nth("placement", place_once);
}

/* ---- work for the engine, and BOs of another GPU ---- */

static struct bo target;

static void copied(__u32 timeline, uint64_t point)
{
	int64_t until = (now() + 20 * slowness()) * 1e9;

	check_eq(drmSyncobjTimelineWait(gpu.fd, &timeline, &point, 1, until, 0, NULL), 0);
}

/* (From an import it needs a kernel mapping, whose failure the DMA-BUF core warns about.) */
static bool copy_once(unsigned int nth)
{
	struct drm_vram_copy req = {
		.src = bo.handle, .dst = target.handle, .length = SIZE, .out_point = nth,
	};
	__u8 *seen = bo_map(&target);
	bool happened;
	int ret;

	pattern_fill(seen, SIZE, seed + 1);
	check_eq(drmSyncobjCreate(gpu.fd, 0, &req.out_syncobj), 0);
	nth_arm(nth);
	ret = drmIoctl(gpu.fd, DRM_IOCTL_VRAM_COPY, &req) ? -errno : 0;
	happened = nth_disarm();
	if (!excused(ret, happened))
		copied(req.out_syncobj, nth);
	check(happened ? pattern_matches_seams(seen, SIZE, ret ? seed + 1 : seed) :
			 pattern_matches(seen, SIZE, ret ? seed + 1 : seed));
	check_eq(drmSyncobjDestroy(gpu.fd, req.out_syncobj), 0);
	munmap(seen, SIZE);
	return !happened;
}

TEST(copy, .timeout = 300)
{
	open_gpu();
	open_bo(ANYWHERE);
	bo_new(&target, &gpu, SIZE, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE);
	every_nth("copy", copy_once);
}

static bool import_once(unsigned int nth)
{
	bool happened;
	int ret;

	nth_arm(nth);
	ret = bo_import(&extra, &other, dmabuf);
	happened = nth_disarm();
	if (!excused(ret, happened))
		bo_close(&extra);
	check_ok(bo_move(&bo, VRAM_IN_SYSTEM));
	check_ok(bo_move(&bo, VRAM_IN_WINDOW));
	check_contents(happened);
	return !happened;
}

TEST(prime_import, .timeout = 300)
{
	open_gpu();
	gpu_open(&other, "far-mem", 0, 0);
	open_bo(ANYWHERE);
	share_bo();
	every_nth("import", import_once);
}
