// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own DRM drivers import our buffers, unmodified: vgem and bochs attach
 * statically, virtio-gpu dynamically. What a display shows is looked at by the host.
 *
 * Kernel 7.2's vgem and bochs attach and do not map; before, a static importer maps for
 * as long as it is attached, and pins. bochs and virtio-gpu import from 7.2 on.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "card.h"
#include "harness.h"
#include "lab.h"

#define SIZE	(2 * 1024 * 1024)
#define START	(2 * 1024 * 1024)
#define ELSEWHERE (8 * 1024 * 1024)
#define LENGTH	2000

static struct peer_export export;
static int node, card;
static __u32 handle;
static __u8 *cpu;

static const struct peerbuf_range system_range = {
	.length = SIZE, .flags = PEERBUF_RANGE_F_SYSTEM,
};

static void export_bar(__u32 flags)
{
	node = node_open("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, flags, &export));
	cpu = buffer_map(export.fd, SIZE, 0);
	pattern_fill(cpu, SIZE, 1);
}

static void export_system(void)
{
	node = node_open("rp-mem");
	check_ok(peer_export(node, &system_range, 1, 0, &export));
	cpu = buffer_map(export.fd, SIZE, 0);
	pattern_fill(cpu, SIZE, 1);
}

static struct peerbuf_export_info query(void)
{
	struct peerbuf_export_info info;

	check_ok(peer_query_fd(node, export.fd, &info));
	return info;
}

static int to_system(void)
{
	return peer_move(node, export.id, &system_range, 1, PEERBUF_MOVE_F_COPY);
}

static int to_bar(__u64 offset)
{
	return peer_move_one(node, export.id, MEM_BAR, offset, SIZE,
			     PEERBUF_MOVE_F_COPY);
}

static void import(void)
{
	check_ok(card_import(card, export.fd, &handle));
}

static void check_refused(__u32 reason, __u32 error)
{
	struct peerbuf_export_info info = query();

	check_eq(info.last_refusal, reason);
	check_eq(info.last_refusal_errno, error);
	check_eq(info.nr_attachments, 0);
	check_eq(info.nr_mappings, 0);
	check_eq(info.pins, 0);
	check(pattern_matches(cpu, SIZE, 1));
}

/* The buffer is the one that was exported, whoever gives it out. */
static void check_same_buffer(void)
{
	int fd = card_export(card, handle);
	__u8 *other;

	check(fd >= 0);
	other = buffer_map(fd, SIZE, 0);
	check(pattern_matches(other, SIZE, 1));
	pattern_fill(other, SIZE, 2);
	check(pattern_matches(cpu, SIZE, 2));
	pattern_fill(cpu, SIZE, 1);
	munmap(other, SIZE);
	close(fd);
}

/* ---- vgem: attaches statically ---- */

static void static_importer_holds(void)
{
	bool maps = query().nr_mappings;

	check_eq(query().nr_attachments, 1);
	check_fails(to_bar(START), maps ? EBUSY : EHOSTUNREACH);
	check_eq(peer_reason, maps ? PEERBUF_REASON_PINNED :
				     PEERBUF_REASON_STATIC_IMPORTER);
	check(pattern_matches(cpu, SIZE, 1));
	if (maps)
		check_fails(to_system(), EBUSY);
	else
		check_ok(to_system());
	check(pattern_matches(cpu, SIZE, 1));
}

static void lets_go(void)
{
	__u8 host[LENGTH];

	check_ok(card_forget(card, handle));
	check_eq(query().nr_attachments, 0);
	check_ok(to_bar(ELSEWHERE));
	check(pattern_matches(cpu, SIZE, 1));
	lab_host_read("rp-mem", ELSEWHERE, host, LENGTH);
	check(pattern_matches(host, LENGTH, 1));
}

TEST(vgem_takes_system_memory)
{
	card = card_open("vgem", "vgem");
	export_system();
	import();
	check_same_buffer();
	static_importer_holds();
	lets_go();
}

static void is_refused_a_bar(const char *module, const char *driver)
{
	card = card_open(module, driver);
	export_bar(0);
	check_fails(card_import(card, export.fd, &handle), EOPNOTSUPP);
	check_refused(PEERBUF_REASON_STATIC_IMPORTER, EOPNOTSUPP);
}

TEST(vgem_is_refused_a_bar)
{
	is_refused_a_bar("vgem", "vgem");
}

/* Nobody is in its way as long as vgem does not map: see the top. */
TEST(vgem_makes_the_buffer_fall_back)
{
	struct peerbuf_export_info info;

	card = card_open("vgem", "vgem");
	export_bar(PEERBUF_EXPORT_F_FALLBACK);
	import();
	info = query();
	check_eq(info.nr_attachments, 1);
	check_eq(info.fallbacks, info.nr_mappings ? 1 : 0);
	check_eq(info.system_size, info.nr_mappings ? SIZE : 0);
	check_same_buffer();
	lets_go();
}

/* ---- a display: what it shows is what is in the buffer ---- */

static struct card_screen screen;

static void show(void)
{
	check_ok(card_show(card, handle, &screen));
}

static void device_writes(void)
{
	int edu = edu_open("rp-edu");
	__u8 inner[LENGTH];
	__u32 importer;

	pattern_fill(inner, LENGTH, 7);
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &importer));
	check_ok(edu_put(edu, 0, inner, LENGTH));
	check_ok(edu_copy(edu, importer, 0, 0, LENGTH, EDU_DMA_TO_BUFFER, 0));
	check(pattern_matches(cpu, LENGTH, 7));
	close(edu);
}

/* bochs copies what it shows to its own memory, by the CPU, and pins it meanwhile. */
TEST(bochs_shows_system_memory)
{
	card = card_open("bochs", "bochs-drm");
	export_system();
	import();
	show();
	card_check_shown(card, &screen, cpu, "bochs");
	device_writes();
	card_check_shown(card, &screen, cpu, "bochs");
	check_fails(to_system(), EBUSY);
	check_eq(peer_reason, PEERBUF_REASON_PINNED);
	check_ok(card_hide(card, &screen));
	check_fails(to_bar(START), EHOSTUNREACH);
	check_eq(peer_reason, PEERBUF_REASON_STATIC_IMPORTER);
	check_ok(to_system());
	show();
	card_check_shown(card, &screen, cpu, "bochs");
	check_ok(card_hide(card, &screen));
	check_ok(card_forget(card, handle));
	check_eq(query().nr_attachments, 0);
	check_ok(to_bar(START));
}

TEST(bochs_is_refused_a_bar)
{
	is_refused_a_bar("bochs", "bochs-drm");
}

TEST(bochs_makes_the_buffer_fall_back)
{
	struct peerbuf_export_info info;

	card = card_open("bochs", "bochs-drm");
	export_bar(PEERBUF_EXPORT_F_FALLBACK);
	import();
	show();
	info = query();
	check_eq(info.fallbacks, 1);
	check_eq(info.system_size, SIZE);
	card_check_shown(card, &screen, cpu, "bochs");
	check_ok(card_hide(card, &screen));
	lets_go();
}

/*
 * virtio-gpu is another device on the bus: it reads the buffer where it lies, in a third
 * one's BAR.
 */
TEST(virtio_gpu_shows_a_peers_bar)
{
	struct peerbuf_attachment_info importer;
	__u32 total;

	card = card_open("virtio_gpu", "virtio_gpu");
	export_bar(0);
	import();
	check_ok(peer_attachments(node, export.id, &importer, 1, &total));
	check_eq(total, 1);
	check_eq(importer.addr, lab_addr("virtio-gpu"));
	check(importer.flags & PEERBUF_ATTACH_F_DYNAMIC);
	check(importer.flags & PEERBUF_ATTACH_F_REVOCABLE);
	check_eq(importer.nr_mappings, 1);
	check_eq(importer.dma_addr, bar_base("rp-mem", MEM_BAR) + START);
	show();
	card_check_shown(card, &screen, cpu, "virtio-gpu");
	device_writes();
	card_check_shown(card, &screen, cpu, "virtio-gpu");
	pattern_fill(cpu, SIZE, 1);
	/* Only what is shown is pinned. */
	check_fails(to_bar(ELSEWHERE), EBUSY);
	check_ok(card_hide(card, &screen));
	lets_go();
}

TEST(virtio_gpu_follows_a_move)
{
	card = card_open("virtio_gpu", "virtio_gpu");
	export_bar(0);
	import();
	check_eq(query().nr_mappings, 1);
	check_ok(to_bar(ELSEWHERE));
	check_eq(query().nr_mappings, 0);
	show();
	check_eq(query().nr_mappings, 1);
	card_check_shown(card, &screen, cpu, "virtio-gpu");
	check_ok(card_hide(card, &screen));
	check_ok(peer_revoke(node, export.id, 0));
	check_eq(query().nr_mappings, 0);
	check_ok(peer_restore(node, export.id));
	check_ok(card_forget(card, handle));
}

TEST(virtio_gpu_takes_system_memory)
{
	card = card_open("virtio_gpu", "virtio_gpu");
	export_system();
	import();
	check_eq(query().nr_mappings, 1);
	check_same_buffer();
	check_ok(to_bar(START));
	show();
	card_check_shown(card, &screen, cpu, "virtio-gpu");
	check_ok(card_hide(card, &screen));
	lets_go();
}

/* ---- drivers that cannot import, on kernels before 7.2 ---- */

/* Each driver and each DRM core has an errno of its own; it is not we who refuse. */
static void cannot_import(const char *module, const char *driver, const int *errors)
{
	struct peerbuf_export_info info;
	int ret;

	card = card_open(module, driver);
	export_system();
	ret = card_import(card, export.fd, &handle);
	printf("%s\n", strerror(-ret));
	check(ret && among(ret, errors));
	info = query();
	check_eq(info.refusals, 0);
	check_eq(info.nr_attachments, 0);
	check_eq(info.nr_mappings, 0);
	check_eq(info.pins, 0);
	check(pattern_matches(cpu, SIZE, 1));
	check_ok(to_bar(START));
	check(pattern_matches(cpu, SIZE, 1));
}

TEST(bochs_cannot_import)
{
	/* Before 6.6 the core had no import for a driver that names none. */
	cannot_import("bochs", "bochs-drm", (const int[]){ ENOSYS, EINVAL, 0 });
}

TEST(virtio_gpu_cannot_import)
{
	cannot_import("virtio_gpu", "virtio_gpu", (const int[]){ ENODEV, 0 });
}
