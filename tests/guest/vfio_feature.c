// SPDX-License-Identifier: GPL-2.0
/*
 * VFIO_DEVICE_FEATURE_DMA_BUF is Linux's interface: what a driver answers to good and to
 * bad input is fixed. The same table is put to peerbuf's driver on every kernel, and to
 * the kernel's own where that has the feature, so that the table itself is checked.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "vfio.h"

#define MEM	"far-mem"
#define IO	"io-dev"
#define SIZE	(64 * 1024ULL)
#define GET	VFIO_DEVICE_FEATURE_GET
#define SET	VFIO_DEVICE_FEATURE_SET
#define PROBE	VFIO_DEVICE_FEATURE_PROBE
#define HEAD	sizeof(struct vfio_device_feature)
#define BODY	sizeof(struct vfio_device_feature_dma_buf)
#define RANGES	2

/* The ioctl's argument: as large as it ever has to be. */
struct request {
	struct vfio_device_feature feature;
	struct vfio_device_feature_dma_buf buffer;
	struct vfio_region_dma_range ranges[RANGES];
};

/**
 * struct question - input, and what has to come of it
 * @name: what is special about it
 * @flags: besides the feature's number
 * @argsz: of the whole, 0: what it is
 * @region: region_index
 * @buffer_flags: flags
 * @nr: nr_ranges
 * @ranges: dma_ranges
 * @error: errno; 0: it succeeds
 */
struct question {
	const char *name;
	__u32 flags;
	__u32 argsz;
	__u32 region;
	__u32 buffer_flags;
	__u32 nr;
	struct vfio_region_dma_range ranges[RANGES];
	int error;
};

/* A BAR of 16 MiB is what the lab gives to this device. */
#define BAR	(16ULL << 20)
#define HUGE	(1ULL << 63)

static const struct question questions[] = {
	{ "one range", GET, 0, MEM_BAR, 0, 1, { { 0, SIZE } }, 0 },
	{ "the whole BAR", GET, 0, MEM_BAR, 0, 1, { { 0, BAR } }, 0 },
	{ "two ranges", GET, 0, MEM_BAR, 0, 2, { { SIZE, SIZE }, { 0, PAGE } }, 0 },
	{ "the same range twice", GET, 0, MEM_BAR, 0, 2, { { 0, PAGE }, { 0, PAGE } }, 0 },
	{ "argsz without the ranges", GET, HEAD + BODY, MEM_BAR, 0, 1, { { 0, SIZE } }, 0 },
	{ "probe for get", GET | PROBE, 0, MEM_BAR, 0, 0, { }, 0 },
	{ "probe alone", PROBE, 0, MEM_BAR, 0, 0, { }, 0 },
	{ "probe without a body", GET | PROBE, HEAD, MEM_BAR, 0, 0, { }, 0 },

	{ "probe for set", SET | PROBE, 0, MEM_BAR, 0, 0, { }, EINVAL },
	{ "probe for get and set", GET | SET | PROBE, 0, MEM_BAR, 0, 0, { }, EINVAL },
	{ "set", SET, 0, MEM_BAR, 0, 1, { { 0, SIZE } }, EINVAL },
	{ "get and set", GET | SET, 0, MEM_BAR, 0, 1, { { 0, SIZE } }, EINVAL },
	{ "neither", 0, 0, MEM_BAR, 0, 1, { { 0, SIZE } }, EINVAL },
	{ "unknown flag", GET | 1U << 20, 0, MEM_BAR, 0, 1, { { 0, SIZE } }, EINVAL },
	{ "argsz too short for a header", GET, HEAD - 1, MEM_BAR, 0, 1, { { 0, SIZE } }, EINVAL },
	{ "argsz too short for a body", GET, HEAD + BODY - 1, MEM_BAR, 0, 1, { { 0, SIZE } },
	  EINVAL },

	{ "no ranges", GET, 0, MEM_BAR, 0, 0, { }, EINVAL },
	{ "flags", GET, 0, MEM_BAR, 1, 1, { { 0, SIZE } }, EINVAL },
	{ "flags of a region that is not there", GET, 0, 5, 1, 1, { { 0, SIZE } }, EINVAL },
	{ "no such BAR", GET, 0, 5, 0, 1, { { 0, SIZE } }, ENODEV },
	{ "upper half of a BAR", GET, 0, MEM_BAR + 1, 0, 1, { { 0, PAGE } }, ENODEV },
	{ "the ROM", GET, 0, VFIO_PCI_ROM_REGION_INDEX, 0, 1, { { 0, PAGE } }, ENODEV },
	{ "configuration space", GET, 0, VFIO_PCI_CONFIG_REGION_INDEX, 0, 1, { { 0, PAGE } },
	  ENODEV },
	{ "no region at all", GET, 0, ~0U, 0, 1, { { 0, PAGE } }, ENODEV },
	{ "no such BAR, no length", GET, 0, 5, 0, 1, { { 0, 0 } }, ENODEV },

	{ "length zero", GET, 0, MEM_BAR, 0, 1, { { 0, 0 } }, EINVAL },
	{ "second length zero", GET, 0, MEM_BAR, 0, 2, { { 0, PAGE }, { 0, 0 } }, EINVAL },
	{ "offset not aligned", GET, 0, MEM_BAR, 0, 1, { { 512, PAGE } }, EINVAL },
	{ "length not aligned", GET, 0, MEM_BAR, 0, 1, { { 0, PAGE + 1 } }, EINVAL },
	{ "past the end", GET, 0, MEM_BAR, 0, 1, { { BAR - PAGE, 2 * PAGE } }, EINVAL },
	{ "behind the end", GET, 0, MEM_BAR, 0, 1, { { BAR, PAGE } }, EINVAL },
	{ "second past the end", GET, 0, MEM_BAR, 0, 2, { { 0, PAGE }, { BAR, PAGE } }, EINVAL },
	{ "longer than the BAR", GET, 0, MEM_BAR, 0, 1, { { 0, BAR + PAGE } }, EINVAL },
	{ "offset wraps", GET, 0, MEM_BAR, 0, 1, { { -PAGE, PAGE } }, EOVERFLOW },
	{ "the end wraps", GET, 0, MEM_BAR, 0, 1, { { PAGE, HUGE - PAGE } }, EINVAL },
	{ "the sum wraps", GET, 0, MEM_BAR, 0, 2, { { 0, HUGE }, { 0, HUGE } }, EINVAL },
	{ "the sum is beyond what can be mapped", GET, 0, MEM_BAR, 0, 1, { { 0, HUGE } }, EINVAL },
	{ "more ranges than memory", GET, 0, MEM_BAR, 0, ~0U, { { 0, PAGE } }, ENOMEM },
};

#define NR	(sizeof(questions) / sizeof(*questions))

static int ask(int device, const struct question *question)
{
	struct request request = {
		.feature = {
			.argsz = question->argsz ?: sizeof(request),
			.flags = question->flags | VFIO_DEVICE_FEATURE_DMA_BUF,
		},
		.buffer = {
			.region_index = question->region,
			.open_flags = O_RDWR | O_CLOEXEC,
			.flags = question->buffer_flags,
			.nr_ranges = question->nr,
		},
	};
	int ret;

	memcpy(request.ranges, question->ranges, sizeof(request.ranges));
	ret = ioctl(device, VFIO_DEVICE_FEATURE, &request);
	return ret < 0 ? -errno : ret;
}

/* All of them; how many were answered otherwise. */
static unsigned int ask_all(int device)
{
	unsigned int wrong = 0;

	for (size_t i = 0; i < NR; i++) {
		const struct question *question = &questions[i];
		int ret = ask(device, question);

		if (question->error ? ret != -question->error : ret < 0) {
			printf("%s: %s, not %s\n", question->name,
			       ret < 0 ? strerror(-ret) : "succeeds",
			       question->error ? strerror(question->error) : "success");
			wrong++;
		}
		if (ret > 0)
			close(ret);
	}
	return wrong;
}

TEST(input_is_judged_as_linux_does)
{
	int device = vfio_open(vfio_container(), MEM, VFIO_VARIANT);

	check_eq(bar_size(MEM, MEM_BAR), BAR);
	check_eq(ask_all(device), 0);
	check_ok(peerbuf_vfio_can_export(device));
}

/* It came with Linux 6.19; before that the stock driver does not know the feature. */
static bool stock_has_it(int device)
{
	const char *kernel = getenv("LAB_KERNEL");
	int ret = peerbuf_vfio_can_export(device);

	if (ret)
		check_eq(ret, -ENOTTY);
	if (kernel)
		check_eq(!ret, !!strncmp(kernel, "6.", 2));
	return !ret;
}

TEST(table_is_that_of_the_stock_driver)
{
	int device = vfio_open(vfio_container(), MEM, VFIO_STOCK);

	if (stock_has_it(device))
		check_eq(ask_all(device), 0);
	else
		check_fails(ask(device, &questions[0]), ENOTTY);
}

/* The argument ends where the process's memory does. */
static void bad_pointers(int device)
{
	__u8 *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	struct request request = {
		.feature = {
			.argsz = sizeof(request), .flags = GET | VFIO_DEVICE_FEATURE_DMA_BUF,
		},
		.buffer = { .region_index = MEM_BAR, .nr_ranges = 1 },
		.ranges = { { 0, PAGE } },
	};
	static const size_t there[] = {
		4, HEAD, HEAD + BODY - 4, HEAD + BODY, HEAD + BODY + 8,
	};

	check_sys(munmap(pages + PAGE, PAGE));
	for (size_t i = 0; i < sizeof(there) / sizeof(*there); i++) {
		memcpy(pages + PAGE - there[i], &request, there[i]);
		check_eq(ioctl(device, VFIO_DEVICE_FEATURE, pages + PAGE - there[i]), -1);
		check_eq(errno, EFAULT);
	}
}

TEST(bad_pointers_are_refused_as_linux_does)
{
	int container = vfio_container(), device = vfio_open(container, MEM, VFIO_VARIANT);

	bad_pointers(device);
	close(device);
	device = vfio_open(container, MEM, VFIO_STOCK);
	if (stock_has_it(device))
		bad_pointers(device);
}

/* BAR 0 of the lab's I/O device is memory, BAR 1 ports. */
static int ports_as_memory(int device)
{
	struct vfio_region_dma_range range = { .length = PAGE };
	int fd = peerbuf_vfio_export(device, 0, &range, 1, O_RDWR | O_CLOEXEC);

	check(fd >= 0);
	close(fd);
	return peerbuf_vfio_export(device, 1, &range, 1, O_RDWR | O_CLOEXEC);
}

TEST(port_bar_is_refused_as_linux_does)
{
	int container = vfio_container(), device = vfio_open(container, IO, VFIO_VARIANT);

	check_fails(ports_as_memory(device), EINVAL);
	close(device);
	device = vfio_open(container, IO, VFIO_STOCK);
	if (stock_has_it(device))
		check_fails(ports_as_memory(device), EINVAL);
}

/* Features that are not peerbuf's work as if it were not there. */
TEST(other_features_are_as_ever)
{
	int container = vfio_container(), answers[2][16];
	static const char *const drivers[] = { VFIO_VARIANT, VFIO_STOCK };
	struct vfio_device_feature feature = { .argsz = sizeof(feature) };

	for (int d = 0; d < 2; d++) {
		int device = vfio_open(container, MEM, drivers[d]);

		for (int i = 0; i < 16; i++) {
			feature.flags = PROBE | GET | i;
			answers[d][i] = ioctl(device, VFIO_DEVICE_FEATURE, &feature) ? errno : 0;
		}
		close(device);
	}
	for (int i = 0; i < 16; i++)
		if (i != VFIO_DEVICE_FEATURE_DMA_BUF)
			check_eq(answers[0][i], answers[1][i]);
	check_eq(answers[0][VFIO_DEVICE_FEATURE_DMA_BUF], 0);
}

/* Exported while memory decode is off: the descriptor is there, the memory is not. */
TEST(export_without_memory_decode_comes_later)
{
	int container = vfio_container(), device = vfio_open(container, MEM, VFIO_VARIANT), fd;
	struct vfio_edu edu;

	check_ok(peerbuf_vfio_command(device, PCI_COMMAND_MEMORY, 0));
	fd = vfio_export_one(device, MEM_BAR, 0, SIZE);
	vfio_edu_open(&edu, container, "rp-edu");
	check_ok(peerbuf_vfio_map(edu.fd, fd, 0, SIZE, PEER_IOVA,
				  PEERBUF_VFIO_MAP_F_READ | PEERBUF_VFIO_MAP_F_WRITE, -1, NULL,
				  NULL));
	check_eq(vfio_state(edu.fd, PEER_IOVA), PEERBUF_VFIO_STATE_AWAY);
	check_ok(peerbuf_vfio_command(device, 0, PCI_COMMAND_MEMORY));
	vfio_mapped(edu.fd, PEER_IOVA);
	vfio_edu_write(&edu, PEER_IOVA, 1000, 1);
	check(vfio_edu_reads(&edu, PEER_IOVA, 1000, 1));
}

/* Importers of the kernel's take the buffer as they take any other. */
TEST(kernel_importer_maps_it, .timeout = 90)
{
	struct vfio_region_dma_range ranges[64];
	int device = vfio_open(vfio_container(), MEM, VFIO_VARIANT), edu = edu_open("rp-edu"), fd;
	struct edu_dma_state state;
	__u8 data[1000], inner[1000];
	__u32 handle;

	for (int i = 0; i < 64; i++)
		ranges[i] = (struct vfio_region_dma_range) { (63 - i) * 2 * PAGE, PAGE };
	fd = peerbuf_vfio_export(device, MEM_BAR, ranges, 64, O_RDWR | O_CLOEXEC);
	check(fd >= 0);
	check_ok(edu_attach(edu, fd, EDU_DMA_FOREIGN, 0, &handle));
	pattern_fill(inner, sizeof(inner), 2);
	check_ok(edu_put(edu, 0, inner, sizeof(inner)));
	check_ok(edu_copy(edu, handle, 40 * PAGE, 0, sizeof(inner), EDU_DMA_TO_BUFFER, 0));
	lab_host_read(MEM, ranges[40].offset, data, sizeof(data));
	check(pattern_matches(data, sizeof(data), 2));
	check_ok(peerbuf_vfio_reset(device));
	check_ok(edu_state(edu, handle, &state));
	check_eq(state.invalidations, 1);
	check(!(state.flags & EDU_DMA_STATE_F_MAPPED));
	check_ok(edu_map(edu, handle));
	close(device);
	check_ok(edu_state(edu, handle, &state));
	check(!(state.flags & EDU_DMA_STATE_F_MAPPED));
	check_fails(edu_map(edu, handle), ENODEV);
}
