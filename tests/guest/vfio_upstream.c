// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel's own vfio-pci got wrong with its DMA-BUFs, and mended, since it has them
 * (6.19). Each is tried on ours, by what a user could see of it, or on the kernel's with
 * PEERBUF_VFIO_DRIVER=vfio-pci in the environment. Its commits:
 *
 *	e98137f0a874	freed twice when there is no descriptor
 *	61ceaf236115	importers that pin were let in
 *	1a8a5227f229	importers were told, and not waited for
 *	d97708701434	the device was disabled first, and importers told then
 *	c64a647c84f3	a count fell below zero when a revoked buffer was cleaned up
 *	702809dabdec	a BAR was exported that is somebody else's
 *	951ebc18d181	a BAR was exported that nobody may map
 *
 * Not mended up to 7.3: the file of a DMA-BUF is looked at after it was freed, if somebody
 * has its name open (O_PATH). KASAN reports it of 7.2's: Documentation/upstream.rst.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sys/resource.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "quirk.h"
#include "vfio.h"

#define MEM	"far-mem"
#define EDU	"rp-edu"
#define START	(32 * PAGE)
#define SIZE	(16 * PAGE)
#define LENGTH	2000
#define ROUNDS	10

static int device, edu, dmabuf;
static __u32 handle;

static const char *driver(void)
{
	return getenv("PEERBUF_VFIO_DRIVER") ?: VFIO_VARIANT;
}

static void begin(void)
{
	device = vfio_open(vfio_container(), MEM, driver());
	edu = edu_open(EDU);
	dmabuf = vfio_export_one(device, MEM_BAR, START, SIZE);
}

static bool mapped(void)
{
	struct edu_dma_state state;

	check_ok(edu_state(edu, handle, &state));
	return state.flags & EDU_DMA_STATE_F_MAPPED;
}

/* The importer is writing a pattern. It takes its time to unmap, too. */
static void begin_and_write(__u32 seed)
{
	__u8 inner[LENGTH];

	begin();
	lab_host_fill(MEM, START, SIZE, 0xee);
	check_ok(edu_attach(edu, dmabuf, EDU_DMA_FOREIGN, EDU_DMA_ATTACH_F_LAZY, &handle));
	pattern_fill(inner, LENGTH, seed);
	check_ok(edu_put(edu, 0, inner, LENGTH));
	check_ok(edu_copy(edu, handle, 0, 0, LENGTH, EDU_DMA_TO_BUFFER, EDU_DMA_COPY_F_NOWAIT));
}

/* All of it arrived before the device could not be reached any more. */
static void check_waited_for(__u32 seed)
{
	__u8 host[LENGTH];

	check(!mapped());
	lab_host_read(MEM, START, host, LENGTH);
	check(pattern_matches(host, LENGTH, seed));
}

static int memory(bool on)
{
	return on ? peerbuf_vfio_command(device, 0, PCI_COMMAND_MEMORY) :
		    peerbuf_vfio_command(device, PCI_COMMAND_MEMORY, 0);
}

TEST(no_descriptor_is_left_for_an_export)
{
	const struct vfio_region_dma_range range = { START, SIZE };
	struct rlimit limit, none;

	begin();
	check_sys(getrlimit(RLIMIT_NOFILE, &limit));
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = limit.rlim_max };
	check_sys(setrlimit(RLIMIT_NOFILE, &none));
	for (int i = 0; i < ROUNDS; i++)
		check_fails(peerbuf_vfio_export(device, MEM_BAR, &range, 1, O_RDWR), EMFILE);
	check_sys(setrlimit(RLIMIT_NOFILE, &limit));
	/* Of those nothing is left that a reset could stumble over, and others work. */
	check_ok(peerbuf_vfio_reset(device));
	check_ok(edu_attach(edu, dmabuf, EDU_DMA_FOREIGN, 0, &handle));
	check_ok(edu_map(edu, handle));
	close(vfio_export_one(device, MEM_BAR, 0, SIZE));
}

TEST(importers_that_pin_are_kept_out)
{
	static const __u32 modes[] = { EDU_DMA_HELPER_PINNED, EDU_DMA_PINNED, EDU_DMA_STATIC };
	int ret;

	begin();
	for (int i = 0; i < 3; i++) {
		ret = edu_attach(edu, dmabuf, modes[i], 0, &handle);
		if (!ret) {
			/* Older kernels tell when it comes to map. */
			ret = edu_map(edu, handle);
			check_ok(edu_detach(edu, handle));
		}
		check_eq(ret, -EOPNOTSUPP);
	}
	check_ok(memory(false));
	check_ok(memory(true));
}

TEST(importers_are_waited_for_when_memory_decode_goes_off)
{
	begin_and_write(1);
	check_ok(memory(false));
	check_waited_for(1);
}

TEST(importers_are_waited_for_before_a_reset, .timeout = 60)
{
	begin_and_write(2);
	check_ok(peerbuf_vfio_reset(device));
	check_waited_for(2);
}

TEST(importers_are_waited_for_before_the_device_is_disabled, .timeout = 60)
{
	begin_and_write(3);
	check_sys(close(device));
	check_waited_for(3);
	check_fails(edu_map(edu, handle), ENODEV);
}

/* Away more than once, asked for twice, and back, in any order, and closed in either state. */
static void away_and_back(bool at_the_end)
{
	begin();
	check_ok(edu_attach(edu, dmabuf, EDU_DMA_FOREIGN, 0, &handle));
	for (int i = 0; i < ROUNDS; i++) {
		check_ok(edu_map(edu, handle));
		check_ok(memory(false));
		check(!mapped());
		check_fails(edu_map(edu, handle), ENODEV);
		check_ok(memory(false));
		if (i % 2)
			check_ok(peerbuf_vfio_reset(device));
		check_ok(memory(true));
	}
	check_ok(edu_map(edu, handle));
	check_ok(memory(at_the_end));
	check_sys(close(device));
	check(!mapped());
	check_fails(edu_map(edu, handle), ENODEV);
	check_ok(edu_detach(edu, handle));
	close(dmabuf);
}

TEST(revoked_and_restored_again_and_again, .timeout = 120)
{
	away_and_back(true);
}

TEST(closed_while_it_is_revoked, .timeout = 120)
{
	away_and_back(false);
	/* And the next user finds it as new. */
	begin();
	check_ok(edu_attach(edu, dmabuf, EDU_DMA_FOREIGN, 0, &handle));
	check_ok(edu_map(edu, handle));
}

/* The file has been freed, the DMA-BUF has not been released: see stale.c. */
TEST(file_is_gone_and_the_name_is_left, .timeout = 60)
{
	char path[32];
	int name;

	begin();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dmabuf);
	name = check_sys(open(path, O_PATH | O_CLOEXEC));
	check_sys(close(dmabuf));
	pause_ms(200);
	check_ok(memory(false));
	check_ok(memory(true));
	check_ok(peerbuf_vfio_reset(device));
	check_sys(close(device));
	check_sys(close(name));
}

TEST(bar_of_somebody_else_is_not_exported)
{
	const struct vfio_region_dma_range range = { START, SIZE };
	int quirk;

	vfio_prepare(MEM, driver());
	quirk = quirk_begin("claimed", MEM);
	check(quirk >= 0);
	device = vfio_open(vfio_container(), MEM, driver());
	check_fails(peerbuf_vfio_export(device, MEM_BAR, &range, 1, O_RDWR), ENODEV);
	check_sys(close(device));
	check_sys(close(quirk));
	begin();
}

TEST(bar_that_nobody_may_map_is_not_exported)
{
	const struct vfio_region_dma_range range = { START, SIZE };
	int quirk;

	vfio_prepare(MEM, driver());
	quirk = quirk_begin("unmappable", MEM);
	if (quirk == -EOPNOTSUPP)
		skip("this kernel knows no such functions");
	check(quirk >= 0);
	device = vfio_open(vfio_container(), MEM, driver());
	/* Ours has no BAR then, as where somebody else has it. */
	check_fails(peerbuf_vfio_export(device, MEM_BAR, &range, 1, O_RDWR),
		    strcmp(driver(), VFIO_VARIANT) ? EINVAL : ENODEV);
	check_sys(close(device));
	check_sys(close(quirk));
	begin();
}
