// SPDX-License-Identifier: GPL-2.0
/*
 * A device owned through VFIO has a peer's BAR in its IOVA space, is transferring, and goes:
 * the administrator takes it, it is unplugged, its process lets go of it piece by piece or is
 * killed. Of the mapping nothing is left, the exporter does not notice, and the device's
 * next user finds it as new.
 */
#include <linux/vfio.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "vfio.h"
#include "vfio_exporter.h"

#define EDU	"rp-edu"
#define MEM	"rp-mem"
#define START	(32 * PAGE)
#define SIZE	(16 * PAGE)
#define LENGTH	1000
#define ACCESS	(PEERBUF_VFIO_MAP_F_READ | PEERBUF_VFIO_MAP_F_WRITE)

static struct vfio_exporter exporter;
static struct vfio_edu edu;
static int control;

static void import(void)
{
	check_ok(peerbuf_vfio_map(edu.fd, exporter.dmabuf, 0, SIZE, PEER_IOVA, ACCESS, -1, NULL,
				  NULL));
	check_eq(vfio_state(edu.fd, PEER_IOVA), PEERBUF_VFIO_STATE_MAPPED);
}

/* The buffer's attachments, as the administrator sees them. */
static __u32 attachments(void)
{
	struct peerbuf_attachment_info entries[4];
	struct peerbuf_export_info info;
	__u32 total;

	check_ok(peer_query_fd(control, exporter.dmabuf, &info));
	check_ok(peer_attachments(control, info.id, entries, 4, &total));
	return total;
}

static void scene(void)
{
	vfio_exporter_start(&exporter, MEM, MEM_BAR, START, SIZE);
	vfio_exporter_ready(&exporter);
	control = control_open();
}

/* ---- the process that has the importing device ---- */

/**
 * struct importer - it
 * @pid: its id
 * @obeys: it closes the device when VFIO asks for it
 */
struct importer {
	pid_t pid;
	bool obeys;
};

/* One transfer after the other, until it has to go in the middle of one. */
static void import_until_asked(bool obeys, int container, int ready)
{
	struct pollfd request;
	int group;

	vfio_edu_open_with_group(&edu, container, EDU, &group);
	request = (struct pollfd){ .fd = vfio_request(edu.fd), .events = POLLIN };
	import();
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, 4);
	check_eq(write(ready, "", 1), 1);
	do {
		vfio_edu_wait(&edu);
		vfio_edu_start(&edu, PEER_IOVA, LENGTH, true);
	} while (!obeys || poll(&request, 1, 0) <= 0);
	vfio_edu_close(&edu);
	close(group);
	close(container);
	for (;;)
		pause();
}

static void importer_start(struct importer *importer, bool obeys)
{
	int ready[2];
	char byte;

	check_sys(pipe(ready));
	importer->obeys = obeys;
	importer->pid = check_sys(fork());
	if (!importer->pid) {
		close(ready[0]);
		import_until_asked(obeys, vfio_container(), ready[1]);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		fail("the importing process failed");
	close(ready[0]);
	check_eq(attachments(), 1);
}

/* ---- what has to come of it ---- */

static void check_gone(void)
{
	eventually(5, !attachments());
	/* The exporter has its memory for itself, and waits for nobody. */
	check_ok(vfio_exporter_order(&exporter, ORDER_MEMORY_OFF));
	check_ok(vfio_exporter_order(&exporter, ORDER_MEMORY_ON));
	lab_host_fill(MEM, START, SIZE, 0xee);
}

/* By its next user. */
static void check_usable(__u32 seed)
{
	struct peerbuf_vfio_ioc_query query;
	__u8 data[LENGTH];

	vfio_edu_open(&edu, vfio_container(), EDU);
	check_fails(peerbuf_vfio_query(edu.fd, 0, PEERBUF_VFIO_QUERY_F_NEXT, &query, NULL),
		    ENOENT);
	vfio_edu_faults(&edu, PEER_IOVA);
	check_host_bytes(MEM, START, SIZE, 0xee);
	import();
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, seed);
	check(vfio_edu_reads(&edu, PEER_IOVA, LENGTH, seed));
	lab_host_read(MEM, START, data, sizeof(data));
	check(pattern_matches(data, sizeof(data), seed));
}

/*
 * Whoever takes the device waits for its user. One that does not listen keeps it, and its
 * mapping, until it is killed.
 */
static void taken_away(void (*take)(void), bool obeys)
{
	struct importer importer;
	int status;
	pid_t pid;

	scene();
	importer_start(&importer, obeys);
	pid = check_sys(fork());
	if (!pid) {
		take();
		_exit(0);
	}
	if (!obeys) {
		pause_ms(500);
		check_eq(waitpid(pid, NULL, WNOHANG), 0);
		check_eq(attachments(), 1);
		process_kill(importer.pid);
	}
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
	check_gone();
}

/* ---- the administrator ---- */

static void unbind(void)
{
	device_unbind(EDU);
}

TEST(importer_is_unbound, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	taken_away(unbind, true);
	check_usable(1);
}

TEST(importer_is_unbound_and_does_not_listen, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	taken_away(unbind, false);
	check_usable(2);
}

/* ---- its process ---- */

TEST(importer_is_killed, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	struct importer importer;

	scene();
	importer_start(&importer, false);
	pause_ms(50);
	process_kill(importer.pid);
	check_gone();
	check_usable(3);
}

/*
 * A container that is closed lives on for as long as a device of it is open: so do the
 * mappings, and they end with the last device.
 */
TEST(importer_closes_container_first, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	int container, group;
	__u8 data[LENGTH];

	scene();
	container = vfio_container();
	vfio_edu_open_with_group(&edu, container, EDU, &group);
	import();
	vfio_edu_start(&edu, PEER_IOVA, LENGTH, true);
	close(container);
	close(group);
	vfio_edu_wait(&edu);
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, 4);
	lab_host_read(MEM, START, data, sizeof(data));
	check(pattern_matches(data, sizeof(data), 4));
	vfio_edu_start(&edu, PEER_IOVA, LENGTH, true);
	vfio_edu_close(&edu);
	check_gone();
	check_usable(5);
}

/* Nor does a group leave its container while a device of it is open. */
TEST(importers_group_is_detached, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	int container, group;

	scene();
	container = vfio_container();
	vfio_edu_open_with_group(&edu, container, EDU, &group);
	import();
	vfio_edu_start(&edu, PEER_IOVA, LENGTH, true);
	check_eq(ioctl(group, VFIO_GROUP_UNSET_CONTAINER), -1);
	check_eq(errno, EBUSY);
	vfio_edu_wait(&edu);
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, 6);
	check(vfio_edu_reads(&edu, PEER_IOVA, LENGTH, 6));
	vfio_edu_start(&edu, PEER_IOVA, LENGTH, true);
	vfio_edu_close(&edu);
	check_sys(ioctl(group, VFIO_GROUP_UNSET_CONTAINER));
	check_gone();
	close(group);
	close(container);
	check_usable(7);
}

/* ---- last, because it takes the device away ---- */

static void unplug(void)
{
	check_eq(lab_host("unplug %s", EDU), 0);
}

TEST(importer_is_unplugged, .flags = TEST_IOMMU_FAULTS, .timeout = 120)
{
	taken_away(unplug, true);
	lab_plug(EDU);
	check_usable(8);
}
