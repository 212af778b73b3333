// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual functions, whose memory comes and goes with their physical function, of which their own
 * drivers are not told.
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "kept.h"
#include "lab.h"

/* Of the virtual function: its registers. */
#define BAR	0
#define LENGTH	64
/* Seconds that a reset may take. */
#define SOON	(15 * slowness())

static struct peer_export export;
static int node, edu;
static __u32 handle;

static void switch_on(const char *number)
{
	char text[16];

	check_eq(module_load("pci_pf_stub"), 0);
	device_bind("pf", "pci-pf-stub");
	check_ok(device_write("pf", "sriov_drivers_autoprobe", "0"));
	device_read("pf", "sriov_numvfs", text, sizeof(text));
	if (strcmp(text, number))
		check_ok(device_write("pf", "sriov_numvfs", number));
}

/* The first virtual function, called "vf", is bound to the stub. */
static void open_function(void)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t length;

	switch_on("1");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/virtfn0", lab_where("pf"));
	length = check_sys(readlink(path, target, sizeof(target) - 1));
	target[length] = '\0';
	lab_name("vf", basename(target));
	node = node_open("vf");
}

static void share(__u32 mode)
{
	edu = edu_open("rp-edu");
	check_ok(peer_export_one(node, BAR, 0, bar_size("vf", BAR), 0, &export));
	check_ok(edu_attach(edu, export.fd, mode, 0, &handle));
	check_ok(edu_map(edu, handle));
}

/* What the importing device reads there is what the CPU does. Nobody who answers says ones. */
static void check_reads(void)
{
	volatile __u32 *registers = buffer_map(export.fd, LENGTH, 0);
	__u32 words[LENGTH / 4];
	bool answers = false;

	check_ok(edu_copy(edu, handle, 0, 0, LENGTH, EDU_DMA_FROM_BUFFER, 0));
	check_ok(edu_get(edu, 0, words, LENGTH));
	for (unsigned int i = 0; i < LENGTH / 4; i++) {
		check_eq(words[i], registers[i]);
		answers |= words[i] != ~0U;
	}
	check(answers);
	check_sys(munmap((void *)registers, LENGTH));
}

static __u64 revokes(void)
{
	struct peerbuf_export_info info;

	check_ok(peer_query(node, export.id, &info));
	check_eq(info.state & ~PEERBUF_STATE_F_PINNED, 0);
	return info.revokes;
}

TEST(physical_function_is_reset, .timeout = 90)
{
	struct edu_dma_state state;

	open_function();
	device_bind("pf", "peerbuf");
	share(EDU_DMA_DYNAMIC);
	check_reads();
	check_ok(device_write("pf", "reset", "1"));
	check_eq(revokes(), 1);
	check_ok(edu_state(edu, handle, &state));
	check_eq(state.invalidations, 1);
	check(!(state.flags & EDU_DMA_STATE_F_MAPPED));
	check_ok(edu_map(edu, handle));
	check_reads();
}

/* It waits for importers of the virtual function's memory, but not for ever. */
TEST(physical_functions_reset_ends_before_the_last_unmap, .timeout = 90)
{
	int mark = kmsg_mark();
	double start;

	open_function();
	device_bind("pf", "peerbuf");
	accept_pinned("vf");
	share(EDU_DMA_PINNED);
	start = now();
	check_ok(device_write("pf", "reset", "1"));
	check(now() - start > 4 && now() - start < SOON);
	check(kmsg_has(mark, "still mapped by"));
	check_eq(revokes(), 1);
	check_reads();
}

TEST(virtual_functions_are_switched_off, .timeout = 90)
{
	double start;

	open_function();
	share(EDU_DMA_DYNAMIC);
	start = now();
	check_ok(device_write("pf", "sriov_numvfs", "0"));
	check(now() - start < SOON);
	check_fails(edu_map(edu, handle), ENODEV);
	check(!is_kept());
	open_function();
	share(EDU_DMA_DYNAMIC);
	check_reads();
}

/* Where its extended capability of this number is. */
static __u64 extended(const char *id, __u32 capability)
{
	__u32 header, at = 0x100;

	do {
		config_read(id, at, &header, sizeof(header));
		if (PCI_EXT_CAP_ID(header) == capability)
			return at;
		at = PCI_EXT_CAP_NEXT(header);
	} while (at);
	fail("%s has no extended capability %u", id, capability);
}

/* The bit is the physical function's, for all of them. */
static void decode(bool on)
{
	__u64 at = extended("pf", PCI_EXT_CAP_ID_SRIOV) + PCI_SRIOV_CTRL;
	__u16 control;

	config_read("pf", at, &control, sizeof(control));
	control = on ? control | PCI_SRIOV_CTRL_MSE : control & ~PCI_SRIOV_CTRL_MSE;
	config_write("pf", at, &control, sizeof(control));
}

TEST(memory_of_virtual_functions_is_off)
{
	struct peer_export other;
	int ret;

	open_function();
	share(EDU_DMA_DYNAMIC);
	check_ok(edu_unmap(edu, handle));
	decode(false);
	ret = peer_export_one(node, BAR, 0, PAGE, 0, &other);
	if (ret == -EIO)
		ret = edu_map(edu, handle);
	decode(true);
	check_eq(ret, -EIO);
	check_ok(edu_map(edu, handle));
	check_reads();
}
