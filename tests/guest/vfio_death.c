// SPDX-License-Identifier: GPL-2.0
/*
 * A device owned through VFIO goes away, for a while or for good, while another one has
 * its BAR in its IOVA space and is transferring. From then on the transfers end in the
 * IOMMU; after what comes back, the same address works again.
 */
#include <signal.h>
#include <unistd.h>

#include "actors.h"
#include "harness.h"
#include "lab.h"
#include "sleep.h"
#include "vfio.h"
#include "vfio_exporter.h"

#define EDU	"rp-edu"
#define MEM	"rp-mem"
#define CMB	"sw-nvme"
#define CMB_BAR	2
#define START	(32 * PAGE)
#define SIZE	(16 * PAGE)
#define LENGTH	1000
#define ACCESS	(PEERBUF_VFIO_MAP_F_READ | PEERBUF_VFIO_MAP_F_WRITE)

static struct vfio_exporter exporter;
static struct vfio_edu edu;

static void import(void)
{
	check_ok(peerbuf_vfio_map(edu.fd, exporter.dmabuf, 0, SIZE, PEER_IOVA, ACCESS, -1, NULL,
				  NULL));
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, 1);
	check(vfio_edu_reads(&edu, PEER_IOVA, LENGTH, 1));
}

/* Mapped, proven, and a transfer under way. */
static void scene(const char *id, unsigned int bar)
{
	vfio_exporter_start(&exporter, id, bar, START, SIZE);
	vfio_edu_open(&edu, vfio_container(), EDU);
	vfio_exporter_ready(&exporter);
	import();
	vfio_edu_start(&edu, PEER_IOVA, FAULT_LENGTH, true);
}

/* Neither what is under way nor anything new arrives: the IOMMU says so. */
static void check_cut_off(const char *id)
{
	if (id)
		lab_host_fill(id, START, SIZE, 0xee);
	vfio_edu_wait(&edu);
	vfio_edu_faults(&edu, PEER_IOVA);
	if (id)
		check_host_bytes(id, START, SIZE, 0xee);
	/* Nor is anything there to be read. */
	vfio_edu_start(&edu, PEER_IOVA, FAULT_LENGTH, false);
	vfio_edu_wait(&edu);
	vfio_edu_start(&edu, RAM_IOVA, FAULT_LENGTH, true);
	vfio_edu_wait(&edu);
	for (int i = 0; i < FAULT_LENGTH; i++)
		check(edu.ram[i] != 0xee);
}

static __u64 changes(void)
{
	struct peerbuf_vfio_ioc_query query;

	check_ok(peerbuf_vfio_query(edu.fd, PEER_IOVA, 0, &query, NULL));
	return query.changes;
}

static void check_works(const char *id, __u32 seed)
{
	__u8 data[LENGTH];

	vfio_mapped(edu.fd, PEER_IOVA);
	vfio_edu_wait(&edu);
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, seed);
	check(vfio_edu_reads(&edu, PEER_IOVA, LENGTH, seed));
	if (!id)
		return;
	lab_host_read(id, START, data, sizeof(data));
	check(pattern_matches(data, sizeof(data), seed));
}

/* ---- for a while ---- */

static void away_and_back(const char *id, enum vfio_order order)
{
	__u64 before = changes();

	vfio_edu_start(&edu, PEER_IOVA, FAULT_LENGTH, true);
	check_ok(vfio_exporter_order(&exporter, order));
	/* It went, and it comes back by itself. */
	vfio_mapped(edu.fd, PEER_IOVA);
	check(changes() >= before + 2);
	check_works(id, 3 + order);
}

TEST(exporter_is_reset, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	scene(MEM, MEM_BAR);
	vfio_edu_wait(&edu);
	away_and_back(MEM, ORDER_RESET);
	away_and_back(MEM, ORDER_HOT_RESET);
}

/* Not by its user: by the administrator. */
TEST(exporter_is_reset_by_sysfs, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	__u64 before;

	scene(MEM, MEM_BAR);
	before = changes();
	check_ok(device_write(MEM, "reset", "1"));
	check(changes() >= before + 1);
	check_works(MEM, 15);
	check(changes() >= before + 2);
}

TEST(exporter_has_a_function_level_reset, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	scene(CMB, CMB_BAR);
	vfio_edu_wait(&edu);
	away_and_back(NULL, ORDER_FLR);
	away_and_back(NULL, ORDER_RESET);
}

/* Its user has both, and asks the one: of the other nobody says anything but the PCI core. */
TEST(sibling_is_reset, .timeout = 90)
{
	__u64 before;

	vfio_prepare("sibling", VFIO_VARIANT);
	vfio_exporter_start(&exporter, "pf", 0, 0, SIZE);
	vfio_edu_open(&edu, vfio_container(), EDU);
	vfio_exporter_ready(&exporter);
	check_ok(peerbuf_vfio_map(edu.fd, exporter.dmabuf, 0, SIZE, PEER_IOVA, ACCESS, -1, NULL,
				  NULL));
	before = changes();
	check_ok(vfio_exporter_order(&exporter, ORDER_SIBLING_RESET));
	vfio_mapped(edu.fd, PEER_IOVA);
	check(changes() >= before + 2);
}

static void cut_off_by(const char *id, enum vfio_order off, enum vfio_order on)
{
	check_ok(vfio_exporter_order(&exporter, off));
	check_eq(vfio_state(edu.fd, PEER_IOVA), PEERBUF_VFIO_STATE_AWAY);
	check_cut_off(id);
	check_ok(vfio_exporter_order(&exporter, on));
	check_works(id, 20 + off);
}

TEST(exporter_loses_memory_decode, .flags = TEST_IOMMU_FAULTS)
{
	scene(MEM, MEM_BAR);
	cut_off_by(MEM, ORDER_MEMORY_OFF, ORDER_MEMORY_ON);
	/* Again: nothing was used up. */
	vfio_edu_start(&edu, PEER_IOVA, FAULT_LENGTH, true);
	cut_off_by(MEM, ORDER_MEMORY_OFF, ORDER_MEMORY_ON);
}

TEST(exporter_sleeps_in_d3, .flags = TEST_IOMMU_FAULTS)
{
	scene(CMB, CMB_BAR);
	cut_off_by(NULL, ORDER_D3, ORDER_D0);
}

/* Put to sleep by VFIO's own means. */
TEST(exporter_enters_low_power, .flags = TEST_IOMMU_FAULTS)
{
	scene(CMB, CMB_BAR);
	cut_off_by(NULL, ORDER_LOW_POWER, ORDER_FULL_POWER);
}

/* Whatever its user does with it wakes it up. */
TEST(exporter_enters_low_power_until_it_is_woken, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	scene(CMB, CMB_BAR);
	cut_off_by(NULL, ORDER_LOW_POWER_WAKEUP, ORDER_READ);
	vfio_edu_start(&edu, PEER_IOVA, FAULT_LENGTH, true);
	cut_off_by(NULL, ORDER_LOW_POWER_WAKEUP, ORDER_ASK);
}

/* What is decoded again while it sleeps stays away until it is awake. */
TEST(both_reasons_must_end, .flags = TEST_IOMMU_FAULTS)
{
	scene(CMB, CMB_BAR);
	check_ok(vfio_exporter_order(&exporter, ORDER_MEMORY_OFF));
	check_ok(vfio_exporter_order(&exporter, ORDER_D3));
	check_ok(vfio_exporter_order(&exporter, ORDER_MEMORY_ON));
	check_eq(vfio_state(edu.fd, PEER_IOVA), PEERBUF_VFIO_STATE_AWAY);
	check_ok(vfio_exporter_order(&exporter, ORDER_D0));
	check_works(NULL, 40);
}

/* Its user need not do anything for it, nor the importer's. */
TEST(machine_sleeps, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	__u64 before;

	scene(MEM, MEM_BAR);
	before = changes();
	check_ok(machine_sleep());
	check_works(MEM, 60);
	check(changes() >= before + 2);
}

/* ---- for good ---- */

static void check_dead(const char *id)
{
	struct peerbuf_error error;

	check_eq(vfio_state(edu.fd, PEER_IOVA), PEERBUF_VFIO_STATE_DEAD);
	check_cut_off(id);
	check_fails(peerbuf_vfio_map(edu.fd, exporter.dmabuf, 0, SIZE, 2 * PEER_IOVA, ACCESS, -1,
				     NULL, &error), ENODEV);
}

/* Exported anew, to the same address. */
static void check_anew(const char *id)
{
	struct vfio_exporter old = exporter;

	close(old.dmabuf);
	close(old.socket);
	check_ok(peerbuf_vfio_unmap(edu.fd, PEER_IOVA, SIZE, NULL));
	vfio_exporter_start(&exporter, id, MEM_BAR, START, SIZE);
	vfio_exporter_ready(&exporter);
	import();
	check_works(id, 50);
}

TEST(exporter_is_closed, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	scene(MEM, MEM_BAR);
	check_ok(vfio_exporter_order(&exporter, ORDER_CLOSE));
	check_dead(MEM);
	check_anew(MEM);
}

TEST(exporter_is_killed, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	scene(MEM, MEM_BAR);
	process_kill(exporter.pid);
	check_dead(MEM);
	check_anew(MEM);
}

/* Its user is asked for it, and gives it back. */
TEST(exporter_is_unbound, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	scene(MEM, MEM_BAR);
	device_unbind(MEM);
	check_dead(MEM);
	check_anew(MEM);
}

/* ---- the importer ---- */

static void importer_begin(const void *id)
{
	vfio_edu_open(&edu, vfio_container(), id);
	import();
}

static void importer_act(const void *id)
{
	(void)id;
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, 4);
}

TEST(both_processes_are_killed, .timeout = 90)
{
	static const struct part part = {
		.name = "importer", .with = EDU, .begin = importer_begin,
		.act = importer_act, .least = 1,
	};
	struct actor *importer;

	vfio_exporter_start(&exporter, MEM, MEM_BAR, START, SIZE);
	vfio_exporter_ready(&exporter);
	importer = actor_start(&part);
	actor_await(importer, 1);
	check_sys(kill(exporter.pid, SIGKILL));
	actor_kill(importer);
	process_was_killed(exporter.pid);
	close(exporter.dmabuf);
}

TEST(modules_stay_while_they_are_used)
{
	scene(MEM, MEM_BAR);
	check_fails(module_unload("peerbuf_vfio_pci"), EAGAIN);
	check_fails(module_unload("peerbuf"), EAGAIN);
	vfio_edu_wait(&edu);
	check_works(MEM, 70);
}

/* ---- last, because it takes the device away ---- */

TEST(exporter_is_unplugged, .flags = TEST_IOMMU_FAULTS, .timeout = 120)
{
	scene(MEM, MEM_BAR);
	check_eq(lab_host("unplug %s", MEM), 0);
	check_dead(NULL);
	lab_plug(MEM);
	check_anew(MEM);
}
