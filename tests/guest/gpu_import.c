// SPDX-License-Identifier: GPL-2.0
/* DMA-BUFs that come into a GPU: its own, another GPU's, and a plain BAR. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "gpu.h"
#include "harness.h"

#define LENGTH	2000

static struct gpu gpu, other;
static struct bo bo, import, copy;

/* By the BO and not by the number: its id as an export, and its moves. */
static bool same_bo(const struct bo *a, const struct bo *b)
{
	struct drm_vram_bo_info left = {}, right = {};

	bo_info(a, &left);
	bo_info(b, &right);
	return left.export_id && left.export_id == right.export_id && left.moves == right.moves &&
	       left.where == right.where;
}

TEST(own_dmabuf_is_the_same_bo)
{
	int dmabuf;

	gpu_open(&gpu, "rp-mem", 0, 0);
	bo_new(&bo, &gpu, 64 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	dmabuf = bo_share(&bo);
	check_ok(bo_import(&import, &gpu, dmabuf));
	check_eq(import.handle, bo.handle);

	/* Through another file of the same device. */
	other.id = gpu.id;
	other.fd = gpu_node_open(gpu.id, "render");
	check_ok(bo_import(&import, &other, dmabuf));
	check(same_bo(&bo, &import));
	check_ok(bo_move(&import, VRAM_IN_SYSTEM));
	check_eq(bo_where(&bo), VRAM_IN_SYSTEM);
	check(same_bo(&bo, &import));
	pattern_fill(bo_map(&bo), bo.size, 1);
	check(pattern_matches(bo_map(&import), bo.size, 1));
}

/* Nobody has a handle in between, only the DMA-BUF is left. */
TEST(dmabuf_alone_keeps_the_bo)
{
	struct drm_vram_bo_info info = {};
	__u64 id;
	int dmabuf;

	gpu_open(&gpu, "rp-mem", 0, 0);
	bo_new(&bo, &gpu, 64 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	pattern_fill(bo_map(&bo), bo.size, 2);
	dmabuf = bo_share(&bo);
	bo_info(&bo, &info);
	id = info.export_id;
	bo_close(&bo);
	check_ok(bo_import(&import, &gpu, dmabuf));
	bo_info(&import, &info);
	check_eq(info.export_id, id);
	check(pattern_matches(bo_map(&import), import.size, 2));
	/* And what it exports is what it was. */
	close(bo_share(&import));
	bo_info(&import, &info);
	check_eq(info.export_id, id);
}

static void copy_has(__u32 seed)
{
	check_ok(bo_copy_wait(&import, &copy, import.size));
	check(pattern_matches(bo_map(&copy), copy.size, seed));
}

/* Peer to peer between GPUs, while the exporting one moves the BO around. */
TEST(bo_of_another_gpu)
{
	struct drm_vram_bo_info info = {};
	__u8 *cpu;
	int dmabuf;

	gpu_open(&gpu, "rp-mem", 0, 0);
	gpu_open(&other, "far-mem", 0, 0);
	bo_new(&bo, &gpu, 64 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	cpu = bo_map(&bo);
	pattern_fill(cpu, bo.size, 3);
	dmabuf = bo_share(&bo);
	check_ok(bo_import(&import, &other, dmabuf));
	bo_new(&copy, &other, bo.size, ANYWHERE, VRAM_BO_VISIBLE);
	check_eq(bo_where(&import), VRAM_IN_IMPORT);
	copy_has(3);

	/* The job's kernel mapping goes when the job is done. */
	eventually(5, !bo_move(&bo, VRAM_IN_SYSTEM));
	bo_info(&import, &info);
	check_eq(info.maps, 1);
	check_eq(info.invalidations, 1);
	pattern_fill(cpu, bo.size, 4);
	copy_has(4);
	bo_info(&import, &info);
	check_eq(info.maps, 2);

	/* Into it, too. */
	pattern_fill(bo_map(&copy), copy.size, 5);
	check_ok(bo_copy_wait(&copy, &import, copy.size));
	eventually(5, !bo_move(&bo, VRAM_IN_WINDOW));
	/* The copy is only queued so far. Who looks waits for it. */
	check(pattern_matches(cpu, bo.size, 5));
	bo_host_matches(&bo, 0, bo.size, 5);
	/* The CPU by way of the importer. */
	check(pattern_matches(bo_map(&import), bo.size, 5));
}

TEST(bo_of_another_gpu_out_of_hidden_memory)
{
	struct bo source;
	int dmabuf;

	gpu_open(&gpu, "rp-mem", 512, 128);
	gpu_open(&other, "far-mem", 0, 0);
	bo_new(&source, &gpu, 64 * KIB, VRAM_DOMAIN_SYSTEM, 0);
	pattern_fill(bo_map(&source), source.size, 6);
	bo_new(&bo, &gpu, 64 * KIB, VRAM_DOMAIN_VRAM, 0);
	check_ok(bo_copy_wait(&source, &bo, bo.size));
	dmabuf = bo_share(&bo);
	check_ok(bo_import(&import, &other, dmabuf));
	check_eq(bo_where(&bo), VRAM_IN_HIDDEN);
	bo_new(&copy, &other, bo.size, ANYWHERE, VRAM_BO_VISIBLE);
	copy_has(6);
	check_eq(bo_where(&bo), VRAM_IN_WINDOW);
}

TEST(plain_bar_through_its_node)
{
	struct drm_vram_bo_info info = {};
	struct peer_export export;
	int node;

	node = node_open("far-mem");
	check_ok(peer_export_one(node, MEM_BAR, MIB, 64 * KIB, 0, &export));
	pattern_fill(buffer_map(export.fd, export.size, 0), export.size, 7);
	gpu_open(&gpu, "rp-mem", 0, 0);
	check_ok(bo_import(&import, &gpu, export.fd));
	bo_new(&copy, &gpu, export.size, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE);
	copy_has(7);
	bo_host_matches(&copy, 0, copy.size, 7);

	/* Its owner moves it, and the next copy finds it there. */
	eventually(5, !peer_move_one(node, export.id, MEM_BAR, 2 * MIB, 64 * KIB,
				     PEERBUF_MOVE_F_COPY));
	bo_info(&import, &info);
	check_eq(info.invalidations, 1);
	copy_has(7);
	/* And takes it away. */
	eventually(5, !peer_revoke(node, export.id, 1000));
	check_fails(bo_copy(&import, &copy, import.size), ENODEV);
}

/* What came in goes out as what it was. */
TEST(import_is_exported_as_it_came)
{
	struct peerbuf_export_info info;
	struct peer_export export;
	int node, dmabuf;

	node = node_open("far-mem");
	check_ok(peer_export_one(node, MEM_BAR, MIB, 64 * KIB, 0, &export));
	gpu_open(&gpu, "rp-mem", 0, 0);
	check_ok(bo_import(&import, &gpu, export.fd));
	dmabuf = bo_share(&import);
	check_ok(peer_query_fd(node, dmabuf, &info));
	check_eq(info.id, export.id);
	check_fails(bo_move(&import, VRAM_IN_SYSTEM), EINVAL);
}
