// SPDX-License-Identifier: GPL-2.0
/*
 * A PCIe error below a port, which the host recovers from by resetting what is below it: the
 * memory of a VFIO device is taken back before that, and comes back when its user has set the
 * device up again. Nobody makes the port wait without end.
 */
#include <linux/pci_regs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aer.h"
#include "harness.h"
#include "lab.h"
#include "vfio.h"

#define MEM	"far-mem"
#define PORT	"fp-mem"
#define EDU	"rp-edu"
#define START	(32 * PAGE)
#define SIZE	(16 * PAGE)
#define LENGTH	1000

static int device, edu, dmabuf, control;
static __u32 handle;

static void begin(__u32 flags)
{
	control = control_open();
	device = vfio_open(vfio_container(), MEM, VFIO_VARIANT);
	edu = edu_open(EDU);
	dmabuf = vfio_export_one(device, MEM_BAR, START, SIZE);
	check_ok(edu_attach(edu, dmabuf, EDU_DMA_FOREIGN, flags, &handle));
	check_ok(edu_map(edu, handle));
}

/* The port itself says that its link has failed for good. */
static void fatal_error(void)
{
	aer_inject(PORT, PCI_ERR_UNC_DLP);
}

static bool mapped(void)
{
	struct edu_dma_state state;

	check_ok(edu_state(edu, handle, &state));
	return state.flags & EDU_DMA_STATE_F_MAPPED;
}

static bool down(void)
{
	struct peerbuf_export_info info;

	check_ok(peer_query_fd(control, dmabuf, &info));
	return info.state & PEERBUF_STATE_F_DEVICE_DOWN;
}

static void set_up(void)
{
	check_ok(peerbuf_vfio_command(device, PCI_COMMAND_MEMORY, 0));
	check_ok(peerbuf_vfio_command(device, 0, PCI_COMMAND_MEMORY));
}

static void check_works(__u32 seed)
{
	__u8 data[LENGTH];

	check(!down());
	pattern_fill(data, LENGTH, seed);
	check_ok(edu_put(edu, 0, data, LENGTH));
	check_ok(edu_copy(edu, handle, 0, 0, LENGTH, EDU_DMA_TO_BUFFER, 0));
	lab_host_read(MEM, START, data, LENGTH);
	check(pattern_matches(data, LENGTH, seed));
}

TEST(memory_is_away_until_the_device_is_set_up_again, .timeout = 90)
{
	int mark;

	begin(0);
	check_works(1);
	mark = kmsg_mark();
	fatal_error();
	eventually(20, kmsg_has(mark, "recovery successful"));
	check(!mapped());
	check(down());
	check_fails(edu_map(edu, handle), ENODEV);
	/* It let go in time: nobody is told off for it. */
	check(!kmsg_has(mark, "still mapped by"));
	set_up();
	check_works(2);
}

/*
 * While the host waits for an importer, before it resets the bus, the device still decodes
 * memory: who writes what the command register has already does not bring the memory back.
 */
TEST(memory_stays_away_until_recovery_is_over, .timeout = 120)
{
	int mark = kmsg_mark();

	begin(EDU_DMA_ATTACH_F_KEEP);
	fatal_error();
	eventually(5, down());
	check_ok(peerbuf_vfio_command(device, 0, PCI_COMMAND_MEMORY));
	check(down());
	check(!kmsg_has(mark, "recovery successful"));
	eventually(20, kmsg_has(mark, "recovery successful"));
	check(down());
	check_ok(edu_unmap(edu, handle));
	set_up();
	check_works(4);
	check_ok(edu_detach(edu, handle));
}

/* One call waits for an importer that does not give back, for as long as that takes. */
TEST(recovery_is_not_held_up_by_a_call_that_waits, .timeout = 120)
{
	int mark, status;
	pid_t pid;

	begin(EDU_DMA_ATTACH_F_KEEP);
	pid = check_sys(fork());
	if (!pid)
		_exit(!!peerbuf_vfio_command(device, PCI_COMMAND_MEMORY, 0));
	eventually(5, down());
	mark = kmsg_mark();
	fatal_error();
	eventually(20, kmsg_has(mark, "recovery successful"));
	check_eq(waitpid(pid, &status, WNOHANG), 0);
	check_ok(edu_unmap(edu, handle));
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
	set_up();
	check_works(3);
	/* It would keep the device from being closed. */
	check_ok(edu_detach(edu, handle));
}
