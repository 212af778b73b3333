// SPDX-License-Identifier: GPL-2.0
/*
 * What an export of a BAR costs beside what is used where there is none: a bounce buffer in
 * system memory, by the kernel's heap or of a memfd by udmabuf, and struct pages for the BAR, by
 * pci_p2pdma. Prints lines of JSON for tests/bench/run, see figures.h.
 */
#include <sys/ioctl.h>
#include <unistd.h>

#include "figures.h"
#include "harness.h"
#include "held.h"
#include "lab.h"
#include "system_buffer.h"

#define ROUNDS		21
#define PAGES_ROUNDS	3
#define SMALL		(64 * 1024ULL)
#define LARGE		(16ULL << 20)
#define PAGES_SMALL	(128ULL << 20) /* a section of the memory map */
#define PAGES_LARGE	(1ULL << 30)

enum step { MAKE, ATTACH, MAP, UNMAP, DETACH, CLOSE, STEPS };

static const char *const step_names[STEPS] = {
	"export", "attach", "map", "unmap", "detach", "close",
};

static int node, edu;

static int export_bar(__u64 bytes)
{
	struct peer_export export;

	check_ok(peer_export_one(node, MEM_BAR, 0, bytes, 0, &export));
	return export.fd;
}

static void measure_once(struct figures *figures, int (*make)(__u64 bytes))
{
	__u64 at[STEPS + 1];
	__u32 handle;
	int fd;

	figures_calm();
	at[MAKE] = instructions();
	fd = make(figures->bytes);
	at[ATTACH] = instructions();
	check(fd >= 0);
	check_ok(edu_attach(edu, fd, EDU_DMA_FOREIGN, 0, &handle));
	at[MAP] = instructions();
	check_ok(edu_map(edu, handle));
	at[UNMAP] = instructions();
	check_ok(edu_unmap(edu, handle));
	at[DETACH] = instructions();
	check_ok(edu_detach(edu, handle));
	at[CLOSE] = instructions();
	close(fd);
	at[STEPS] = instructions();
	figures_add(figures, at);
}

static void measure(const char *work, const char *who, __u64 bytes, int (*make)(__u64 bytes))
{
	struct figures figures = {
		.work = work, .who = who, .route = "bus", .ranges = 1, .bytes = bytes,
		.steps = step_names, .nr_steps = STEPS,
	};

	for (int i = 0; i < ROUNDS; i++)
		measure_once(&figures, make);
	figures_print(&figures);
}

static void compare(const char *work, const char *peer, int (*make)(__u64 bytes))
{
	int fd = make(SMALL);

	if (fd < 0)
		skip("this kernel has no such buffers");
	close(fd);
	node = node_open("sw-mem");
	edu = edu_open("sw-edu");
	figures_settle();
	for (__u64 bytes = SMALL; bytes <= LARGE; bytes *= 16) {
		measure(work, peer, bytes, make);
		measure(work, "peerbuf", bytes, export_bar);
	}
}

TEST(heap, .timeout = 300)
{
	compare("bounce buffer, heap", "system heap", heap_buffer);
}

TEST(udmabuf, .timeout = 300)
{
	compare("bounce buffer, memfd", "udmabuf", memfd_buffer);
}

static struct figures pages_figures(const char *work, const char *who, __u64 bytes)
{
	return (struct figures) {
		.work = work, .who = who, .route = "bus", .ranges = 1, .bytes = bytes,
	};
}

/* One registration per binding: the driver core takes it back when the driver goes. */
static int register_once(__u64 bytes, struct bar_owner_pages *least)
{
	struct bar_owner_pages req = { .size = sizeof(req), .length = bytes };
	int owner = owner_open("sw-mem");
	int ret = ioctl(owner, BAR_OWNER_IOC_PAGES, &req) ? -errno : 0;

	close(owner);
	device_unbind("sw-mem");
	if (ret)
		return ret;
	if (!least->nanoseconds || req.nanoseconds < least->nanoseconds)
		*least = req;
	return 0;
}

static void pages_of(__u64 bytes)
{
	struct figures time = pages_figures("struct pages", "pci_p2pdma", bytes);
	struct figures memory = pages_figures("struct page memory", "pci_p2pdma", bytes);
	struct bar_owner_pages least = { };
	int ret = 0;

	for (int i = 0; i < PAGES_ROUNDS && !ret; i++)
		ret = register_once(bytes, &least);
	if (ret) {
		check_eq(ret, -EOPNOTSUPP);
		figure_print(&time, "refused", EOPNOTSUPP);
		return;
	}
	figure_print(&time, "total", least.nanoseconds / NS_PER_INSTRUCTION);
	figure_print(&memory, "total", least.bytes);
}

static void memory_of_export(__u64 bytes)
{
	struct figures memory = pages_figures("struct page memory", "peerbuf", bytes);
	__u64 held, least = 0;

	for (int i = 0; i < PAGES_ROUNDS; i++) {
		int fd;

		held_start();
		fd = export_bar(bytes);
		held = held_bytes();
		close(fd);
		if (!i || held < least)
			least = held;
	}
	figure_print(&memory, "total", least);
}

static void export_for_pages(__u64 bytes)
{
	static const char *const one_step[] = { "total" };
	struct figures figures = pages_figures("struct pages", "peerbuf", bytes);
	__u64 at[2];
	int fd;

	figures.steps = one_step;
	figures.nr_steps = 1;
	for (int i = 0; i < ROUNDS; i++) {
		figures_calm();
		at[0] = instructions();
		fd = export_bar(bytes);
		at[1] = instructions();
		close(fd);
		figures_add(&figures, at);
	}
	figure_print(&figures, "total", figures.least[0]);
}

static void compare_pages(__u64 bytes)
{
	pages_of(bytes);
	node = node_open("sw-mem");
	export_for_pages(bytes);
	memory_of_export(bytes);
	close(node);
}

TEST(pages, .timeout = 600)
{
	figures_settle();
	compare_pages(PAGES_SMALL);
	if (bar_size("sw-mem", MEM_BAR) >= PAGES_LARGE)
		compare_pages(PAGES_LARGE);
}
