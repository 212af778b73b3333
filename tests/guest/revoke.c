// SPDX-License-Identifier: GPL-2.0
/* Revoke, restore and move, as the importer, the CPU and the host see them. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "scene.h"

#define SIZE		SCENE_SIZE
#define START		SCENE_START
#define ELSEWHERE	SCENE_ELSEWHERE
#define LENGTH		SCENE_LENGTH

/* ---- revoke ---- */

static void waits_for_transfer(const char *edu, const char *mem, __u32 mode,
			       __u32 flags)
{
	struct scene scene;

	scene_open(&scene, edu, mem, 0);
	scene_attach(&scene, mode, flags);
	scene_put(&scene, 1);
	/* On a busy host it may be over before anybody looks. */
	eventually(10, (scene_start_write(&scene), scene_busy(&scene)));
	check_ok(peer_revoke(scene.node, scene.export.id, PEERBUF_WAIT_FOREVER));
	/* Over, all of it there, and nothing mapped any more. */
	check(!scene_busy(&scene));
	check(!scene_mapped(&scene));
	check_host_pattern(mem, START, LENGTH, 1);
	check_ok(edu_wait(scene.edu, scene.handle));
}

TEST_VARIANT(revoke_waits_for_running_transfer, waits_for_transfer, "rp-edu", "rp-mem",
	     EDU_DMA_DYNAMIC, 0)
TEST_VARIANT(revoke_waits_for_running_transfer_same_switch, waits_for_transfer, "sw-edu", "sw-mem",
	     EDU_DMA_DYNAMIC, 0)

TEST_VARIANT(revoke_waits_for_running_transfer_of_foreign_importer, waits_for_transfer, "rp-edu",
	     "rp-mem", EDU_DMA_FOREIGN, 0)
TEST_VARIANT(revoke_waits_for_late_unmap, waits_for_transfer, "rp-edu", "rp-mem", EDU_DMA_DYNAMIC,
	     EDU_DMA_ATTACH_F_LAZY)

TEST(map_after_revoke_fails)
{
	struct peerbuf_export_info info;
	struct scene scene;
	__u32 other;

	scene_open(&scene, "rp-edu", "rp-mem", 0);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	check_ok(edu_map(scene.edu, scene.handle));
	check_ok(peer_revoke(scene.node, scene.export.id, 1000));
	check(!scene_mapped(&scene));
	check_fails(edu_map(scene.edu, scene.handle), ENODEV);
	check_fails(edu_copy(scene.edu, scene.handle, 0, 0, 8,
			     EDU_DMA_TO_BUFFER, 0), ENODEV);
	check_fails(edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0,
			       &other), ENODEV);
	check_fails(edu_attach(scene.edu, scene.export.fd, EDU_DMA_FOREIGN, 0,
			       &other), ENODEV);
	check_ok(peer_query(scene.node, scene.export.id, &info));
	check_eq(info.state, PEERBUF_STATE_F_REVOKED);
	check_eq(info.nr_mappings, 0);
	check_eq(info.nr_attachments, 1);
	check_eq(info.last_refusal, PEERBUF_REASON_REVOKED);
	check_eq(info.last_refusal_errno, ENODEV);
}

TEST(map_after_revoke_fails_for_foreign_importer)
{
	struct scene scene;

	scene_open(&scene, "far-edu", "rp-mem", 0);
	scene_attach(&scene, EDU_DMA_FOREIGN, 0);
	check_ok(edu_map(scene.edu, scene.handle));
	check_ok(peer_revoke(scene.node, scene.export.id, 1000));
	check(!scene_mapped(&scene));
	check_fails(edu_map(scene.edu, scene.handle), ENODEV);
}

TEST(cpu_access_after_revoke_gets_sigbus)
{
	struct scene scene;
	__u8 *late;

	scene_open(&scene, "rp-edu", "rp-mem", 0);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	/* One page was touched before, the other never. */
	check(touches(scene.cpu, true));
	check_ok(peer_revoke(scene.node, scene.export.id, 0));
	check(!touches(scene.cpu, false));
	check(!touches(scene.cpu, true));
	check(!touches(scene.cpu + SIZE - 1, false));
	late = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, scene.export.fd, 0);
	check(late == MAP_FAILED ? errno == ENODEV : !touches(late, false));
	check_ok(peer_restore(scene.node, scene.export.id));
	check(touches(scene.cpu, true));
	check(touches(scene.cpu + SIZE - 1, true));
	check_eq(scene.cpu[SIZE - 1], 0xee);
}

/* The one promise all else is for. */
TEST(old_iova_faults, .flags = TEST_IOMMU_FAULTS)
{
	struct edu_dma_segment segment;
	struct scene scene;
	__u32 total;
	int mark;

	scene_open(&scene, "rp-edu", "rp-mem", 0);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	scene_put(&scene, 2);
	check_ok(edu_map(scene.edu, scene.handle));
	check_ok(edu_segments(scene.edu, scene.handle, &segment, 1, &total));
	/* While it is mapped the address works, whoever uses it. */
	check_ok(edu_raw(scene.edu, segment.addr, 0, LENGTH, EDU_DMA_TO_BUFFER));
	check_host_pattern("rp-mem", START, LENGTH, 2);
	lab_host_fill("rp-mem", START, SIZE, 0xee);

	mark = kmsg_mark();
	check_ok(peer_revoke(scene.node, scene.export.id, 1000));
	check_ok(edu_raw(scene.edu, segment.addr, 0, LENGTH, EDU_DMA_TO_BUFFER));
	check_host_untouched("rp-mem", START);
	check(kmsg_has_iommu_fault(mark));
	/* Reading it brings nothing either. */
	lab_host_fill("rp-mem", START, SIZE, 0x77);
	check_ok(edu_raw(scene.edu, segment.addr, 0, 16, EDU_DMA_FROM_BUFFER));
	__u8 inner[16];

	check_ok(edu_get(scene.edu, 0, inner, sizeof(inner)));
	check(inner[0] != 0x77 && inner[15] != 0x77);
}

/* An IOVA that worked before a move must not reach the old place after it. */
TEST(old_iova_does_not_reach_the_old_place, .flags = TEST_IOMMU_FAULTS)
{
	struct edu_dma_segment segment;
	struct scene scene;
	__u32 total;

	scene_open(&scene, "rp-edu", "rp-mem", 0);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	scene_put(&scene, 3);
	check_ok(edu_map(scene.edu, scene.handle));
	check_ok(edu_segments(scene.edu, scene.handle, &segment, 1, &total));
	check_ok(edu_raw(scene.edu, segment.addr, 0, LENGTH, EDU_DMA_TO_BUFFER));
	lab_host_fill("rp-mem", START, SIZE, 0xee);
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, ELSEWHERE,
			       SIZE, 0));
	check_ok(edu_raw(scene.edu, segment.addr, 0, LENGTH, EDU_DMA_TO_BUFFER));
	check_host_untouched("rp-mem", START);
}

TEST(revoke_through_control)
{
	int control = control_open();
	struct scene scene;

	scene_open(&scene, "rp-edu", "rp-mem", 0);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	check_ok(edu_map(scene.edu, scene.handle));
	check_ok(peer_revoke(control, scene.export.id, 1000));
	check(!scene_mapped(&scene));
	check_ok(peer_restore(control, scene.export.id));
	check_ok(edu_map(scene.edu, scene.handle));
}

/* What the administrator took, whoever has the node does not give back. */
TEST(each_restores_what_it_revoked)
{
	int control = control_open();
	struct scene scene;

	scene_open(&scene, "rp-edu", "rp-mem", 0);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	check_ok(peer_revoke(control, scene.export.id, 0));
	check_fails(peer_restore(scene.node, scene.export.id), EPERM);
	check_eq(peer_reason, PEERBUF_REASON_REVOKED);
	check_fails(edu_map(scene.edu, scene.handle), ENODEV);
	check_ok(peer_revoke(scene.node, scene.export.id, 0));
	/* Its own part, which is not all of it. */
	check_ok(peer_restore(scene.node, scene.export.id));
	check_fails(edu_map(scene.edu, scene.handle), ENODEV);
	check_fails(peer_restore(scene.node, scene.export.id), EPERM);
	check_ok(peer_restore(control, scene.export.id));
	check_ok(edu_map(scene.edu, scene.handle));
}

TEST(revoke_twice)
{
	struct scene scene;

	scene_open(&scene, "rp-edu", "rp-mem", 0);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	check_ok(peer_revoke(scene.node, scene.export.id, 0));
	check_ok(peer_revoke(scene.node, scene.export.id, 0));
	check_ok(peer_restore(scene.node, scene.export.id));
	check_fails(peer_restore(scene.node, scene.export.id), EALREADY);
	check_eq(peer_reason, PEERBUF_REASON_NOT_REVOKED);
}

TEST(close_of_the_node_revokes_for_good)
{
	int control = control_open();
	struct scene scene;

	scene_open(&scene, "rp-edu", "rp-mem", 0);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	check_ok(edu_map(scene.edu, scene.handle));
	close(scene.node);
	check(!scene_mapped(&scene));
	check(!touches(scene.cpu, false));
	check_fails(edu_map(scene.edu, scene.handle), ENODEV);
	check_fails(peer_restore(control, scene.export.id), ENODEV);
}

TEST(close_of_the_node_leaves_persistent_exports)
{
	struct scene scene;

	scene_open(&scene, "rp-edu", "rp-mem", PEERBUF_EXPORT_F_PERSIST);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	check_ok(edu_map(scene.edu, scene.handle));
	close(scene.node);
	check(scene_mapped(&scene));
	scene_write(&scene, 0, 4);
	check_host_pattern("rp-mem", START, LENGTH, 4);
}

/* ---- restore ---- */

static void restored(const char *edu, const char *mem, __u32 mode)
{
	struct scene scene;

	scene_open(&scene, edu, mem, 0);
	scene_attach(&scene, mode, 0);
	check_ok(edu_map(scene.edu, scene.handle));
	check_ok(peer_revoke(scene.node, scene.export.id, 1000));
	check_ok(peer_restore(scene.node, scene.export.id));
	/* The same attachment, mapped anew. */
	scene_write(&scene, 0, 5);
	check(pattern_matches(scene.cpu, LENGTH, 5));
	check_host_pattern(mem, START, LENGTH, 5);
}

TEST_VARIANT(restore_brings_the_buffer_back, restored, "rp-edu", "rp-mem", EDU_DMA_DYNAMIC)
TEST_VARIANT(restore_brings_the_buffer_back_same_switch, restored, "sw-edu", "sw-mem",
	     EDU_DMA_DYNAMIC)

TEST_VARIANT(restore_brings_the_buffer_back_to_foreign_importer, restored, "far-edu", "rp-mem",
	     EDU_DMA_FOREIGN)

/* ---- pinned importers ---- */

static void pinned(__u32 mode, __u32 flags, __u32 *expected_blockers)
{
	struct peerbuf_ioc_revoke revoke;
	struct peerbuf_export_info info;
	struct scene scene;

	scene_open(&scene, "rp-edu", "rp-mem", flags);
	if (mode == EDU_DMA_PINNED || mode == EDU_DMA_HELPER_PINNED)
		accept_pinned("rp-mem");
	scene_attach(&scene, mode, 0);
	check_ok(edu_map(scene.edu, scene.handle));
	check_ok(peer_query(scene.node, scene.export.id, &info));
	check(info.state & PEERBUF_STATE_F_PINNED);
	check(info.pins >= 1);
	check_fails(peer_move_one(scene.node, scene.export.id, MEM_BAR,
				  ELSEWHERE, SIZE, 0), EBUSY);
	check_eq(peer_reason, PEERBUF_REASON_PINNED);

	check_fails(peer_revoke_info(scene.node, scene.export.id, 200, &revoke),
		    EINPROGRESS);
	check_eq(peer_reason, PEERBUF_REASON_STILL_MAPPED);
	check_eq(revoke.blockers, *expected_blockers);
	check_eq(revoke.blocker, lab_addr("rp-edu"));
	check(!strcmp(revoke.blocker_name, lab_where("rp-edu")));
	/* In force all the same. */
	check(!touches(scene.cpu, false));
	check_ok(edu_detach(scene.edu, scene.handle));
	check_ok(peer_revoke(scene.node, scene.export.id, 0));
	check_ok(peer_restore(scene.node, scene.export.id));
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, ELSEWHERE,
			       SIZE, 0));
}

TEST_VARIANT(pinned_importer_holds_move_and_revoke, pinned, EDU_DMA_PINNED, 0, &(__u32){ 1 })
TEST_VARIANT(helper_pinned_importer_holds_move_and_revoke, pinned, EDU_DMA_HELPER_PINNED, 0,
	     &(__u32){ 1 })

/* In system memory, the only one it gets. */
TEST_VARIANT(static_importer_holds_move_and_revoke, pinned, EDU_DMA_STATIC,
	     PEERBUF_EXPORT_F_FALLBACK, &(__u32){ 1 })

TEST(revoke_waits_until_the_pinned_importer_lets_go)
{
	struct scene scene;
	double start;
	pid_t pid;
	int status;

	scene_open_pinned(&scene, "rp-edu", "rp-mem");
	pid = check_sys(fork());
	if (!pid) {
		pause_ms(500);
		check_ok(edu_detach(scene.edu, scene.handle));
		_exit(0);
	}
	start = now();
	check_ok(peer_revoke(scene.node, scene.export.id, PEERBUF_WAIT_FOREVER));
	check(now() - start > 0.3);
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
}

static void on_signal(int signal)
{
	(void)signal;
}

TEST(signal_ends_the_wait_but_not_the_revoke)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct scene scene;

	scene_open_pinned(&scene, "rp-edu", "rp-mem");
	sigaction(SIGALRM, &action, NULL);
	alarm(1);
	check_fails(peer_revoke(scene.node, scene.export.id,
				PEERBUF_WAIT_FOREVER), EINTR);
	check_eq(peer_reason, PEERBUF_REASON_INTERRUPTED);
	check(!touches(scene.cpu, false));
	check_ok(edu_detach(scene.edu, scene.handle));
	check_ok(peer_revoke(scene.node, scene.export.id, PEERBUF_WAIT_FOREVER));
}
