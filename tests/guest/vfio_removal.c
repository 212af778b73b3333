// SPDX-License-Identifier: GPL-2.0
/*
 * A VFIO device whose memory somebody keeps: an importer that was told to let go, and does not.
 * The device's process can be killed and its descriptor closed, and the device can be taken from it
 * all the same. Nobody else gets the memory before the importer has let go.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "kept.h"
#include "lab.h"
#include "vfio.h"
#include "vfio_exporter.h"

#define EDU	"rp-edu"
#define MEM	"rp-mem"
#define START	(128 * 1024ULL)
#define SIZE	(64 * 1024ULL)
/* Seconds. */
#define SOON	(15 * slowness())

static struct vfio_exporter exporter;
static __u32 handle;
static int edu;

static void hold(void)
{
	vfio_exporter_start(&exporter, MEM, MEM_BAR, START, SIZE);
	vfio_exporter_ready(&exporter);
	edu = edu_open(EDU);
	check_ok(edu_attach(edu, exporter.dmabuf, EDU_DMA_FOREIGN, EDU_DMA_ATTACH_F_KEEP, &handle));
	check_ok(edu_map(edu, handle));
}

static void let_go(void)
{
	check_ok(edu_detach(edu, handle));
	close(edu);
	close(exporter.dmabuf);
	eventually(5, !is_kept());
}

static int try_open(void)
{
	int container = vfio_container(), group, device;

	eventually(10, (group = peerbuf_vfio_open_group(container, lab_where(MEM))) != -EBUSY);
	check(group >= 0);
	device = peerbuf_vfio_open_device(group, lab_where(MEM));
	if (device >= 0)
		close(device);
	close(group);
	close(container);
	return device < 0 ? device : 0;
}

TEST(close_ends_before_the_last_unmap, .timeout = 90)
{
	int mark = kmsg_mark();
	double start;

	hold();
	start = now();
	check_ok(vfio_exporter_order(&exporter, ORDER_CLOSE));
	check(now() - start > 4 && now() - start < SOON);
	check(kmsg_has(mark, "still mapped by"));
	check(is_kept());
	check_fails(try_open(), EBUSY);
	let_go();
	check_ok(try_open());
}

/* It waits in a call for an importer that does not let go, and is killed in it. */
TEST(user_who_waits_can_be_killed, .timeout = 90)
{
	double start;
	pid_t pid;

	hold();
	pid = check_sys(fork());
	if (!pid) {
		vfio_exporter_order(&exporter, ORDER_MEMORY_OFF);
		_exit(0);
	}
	/* Longer than anybody would wait who does not wait for the importer. */
	pause_ms(8000);
	check_eq(waitpid(pid, NULL, WNOHANG), 0);
	start = now();
	process_kill(exporter.pid);
	check(now() - start < SOON);
	check_eq(waitpid(pid, NULL, 0), pid);
	check(is_kept());
	check_fails(try_open(), EBUSY);
	let_go();
	check_ok(try_open());
}

TEST(unbind_ends_before_the_last_unmap, .timeout = 90)
{
	double start;

	hold();
	start = now();
	device_unbind(MEM);
	check(now() - start < SOON);
	check(is_kept());
	check_fails(try_bind(MEM, "peerbuf"), EBUSY);
	let_go();
	check_ok(try_bind(MEM, "peerbuf"));
}
