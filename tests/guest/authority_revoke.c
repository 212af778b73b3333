// SPDX-License-Identifier: GPL-2.0
/*
 * Revokes of a buffer's several owners: each holds until its own owner undoes it. And what
 * owners do while the buffer moves from one to the other.
 */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "people.h"

/* ---- revoking ---- */

static void revoke_it(void)
{
	check_ok(peer_revoke(mine, export.id, 1000));
	check(state_by(mine) & PEERBUF_STATE_F_REVOKED);
}

static void restore_as_a(void)
{
	lacks_right_to(B, peer_restore(mine, export.id));
	lacks_right_to(B, peer_restore_with(mine, export.id, (__s32[]){ mine }, 1));
	check(state_by(mine) & PEERBUF_STATE_F_REVOKED);
}

static void restore_my_own(void)
{
	check_ok(peer_restore(mine, export.id));
}

/* By a process that is gone by then, on a node that is closed. */
TEST(revoke_by_any_owner_holds_until_that_owner_restores)
{
	int edu = edu_open("rp-edu");
	__u32 handle;

	open_shared(0);
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	as_owner_of(B, revoke_it);
	check_fails(edu_map(edu, handle), ENODEV);
	check(!touches(cpu, false));
	check(!touches(cpu + PAGE, false));
	as_owner_of(A, restore_as_a);
	check(revoked());
	as_owner_of(B, restore_my_own);
	check(!revoked());
	check_ok(edu_map(edu, handle));
	check(touches(cpu + PAGE, true));
}

static void restore_mine_of_two(void)
{
	check_ok(peer_restore(mine, export.id));
	check_eq(peer_reason, 0);
	check_eq(peer_missing, lab_addr(B));
	restore_as_a();
}

TEST(restore_by_one_leaves_the_others_revoke)
{
	open_shared(0);
	as_owner_of(A, revoke_it);
	as_owner_of(B, revoke_it);
	as_owner_of(A, restore_mine_of_two);
	check(revoked());
	check(!touches(cpu, false));
	as_owner_of(B, restore_my_own);
	check(!revoked());
	check(touches(cpu, false));
	/* One revoke each, however often. */
	as_owner_of(B, revoke_it);
	as_owner_of(B, revoke_it);
	as_owner_of(B, restore_my_own);
	check(!revoked());
}

TEST(one_call_restores_for_several)
{
	struct peerbuf_ioc_stats before, after;

	open_shared(0);
	check_ok(peer_stats(&before));
	check_ok(peer_revoke(node_a, export.id, 0));
	check_ok(peer_revoke(node_b, export.id, 0));
	check_ok(peer_restore_with(node_a, export.id, &node_b, 1));
	check_eq(peer_missing, PEERBUF_PCI_NONE);
	check(!revoked());
	check_fails(peer_restore_with(node_a, export.id, &node_b, 1), EALREADY);
	check_ok(peer_stats(&after));
	check_eq(after.revokes, before.revokes + 1);
	check_eq(after.restores, before.restores + 1);
}

TEST(administrator_restores_for_all)
{
	open_shared(0);
	check_ok(peer_revoke(node_a, export.id, 0));
	check_ok(peer_revoke(node_b, export.id, 0));
	check_ok(peer_restore(control, export.id));
	check(!revoked());
	/* But nobody for the administrator. */
	check_ok(peer_revoke(node_a, export.id, 0));
	check_ok(peer_revoke(control, export.id, 0));
	check_ok(peer_restore_with(node_a, export.id, &node_b, 1));
	check_eq(peer_missing, PEERBUF_PCI_NONE);
	check_fails(peer_restore_with(node_a, export.id, &node_b, 1), EPERM);
	check_eq(peer_reason, PEERBUF_REASON_REVOKED);
	check(revoked());
	check_ok(peer_restore(control, export.id));
}

/* Who has the node of the same function, bound anew, need not be who had it then. */
TEST(revoke_outlives_its_function)
{
	struct peerbuf_range range = in_system(PAGE);
	struct peerbuf_export_info info;
	int again;

	open_nodes();
	check_ok(peer_export(node_a, &range, 1, 0, &export));
	check_ok(peer_revoke(node_a, export.id, 0));
	device_unbind(A);
	check(revoked());
	again = node_open(A);
	check_fails(peer_query(again, export.id, &info), ENOENT);
	check_fails(peer_restore(again, export.id), ENOENT);
	check(revoked());
	/* Whoever still has it open, or the administrator. */
	check_ok(peer_restore(node_a, export.id));
	check(!revoked());
	check_ok(peer_revoke(node_a, export.id, 0));
	check_ok(peer_restore(control, export.id));
	check(!revoked());
}

/* ---- while it moves ---- */

static void take_when_it_may(void)
{
	unsigned int took = 0, lacked = 0;
	int ret;

	/* Until the exporter is done with it. */
	while ((ret = peer_move_one(mine, export.id, MEM_BAR, ELSEWHERE, 2 * PAGE,
				    PEERBUF_MOVE_F_COPY)) != -ENOENT) {
		check_among(ret, EACCES, EINVAL);
		if (ret == -EACCES)
			check_missing(B);
		took += !ret;
		lacked += ret == -EACCES;
	}
	check(took);
	check(lacked);
}

/*
 * Now all of A, now partly of B, and somebody who has A alone grabs it all the time: what is
 * in B never gets into A.
 */
TEST(right_is_looked_at_under_the_lock, .timeout = 120)
{
	struct peerbuf_range whole = in_a(AT_A, 2 * PAGE), parts[2] = { in_a(AT_A, PAGE), };
	unsigned int nr = rounds(2000);
	__u8 *bytes = malloc(ALL);
	pid_t pid;

	check(bytes);
	open_shared(0);
	parts[1] = in_b(AT_B, PAGE);
	pid = start_owner_of(A, take_when_it_may);
	for (unsigned int i = 0; i < nr; i++) {
		check_ok(peer_move_with(node_a, export.id, &whole, 1, 0, &node_b, 1));
		check_ok(peer_move_with(node_a, export.id, parts, 2, 0, &node_b, 1));
	}
	munmap(cpu, 2 * PAGE);
	close(export.fd);
	end_owner_of(A, pid);
	lab_host_read(A, 0, bytes, ALL);
	for (size_t i = 0; i < ALL; i++)
		check(bytes[i] != OF_B);
	free(bytes);
}

static void revoke_when_it_may(void)
{
	unsigned int in_time = 0, late = 0;
	int ret;

	while (in_time < 200 || !late) {
		ret = peer_revoke(mine, export.id, 0);
		check_among(ret, ENOENT);
		if (ret) {
			late++;
			continue;
		}
		/* A revoke that was made is found again by its owner, and nobody moves it. */
		pause_ms(in_time % 3);
		check_ok(peer_restore(mine, export.id));
		in_time++;
		/* It waits for no lock that the mover has, and so leaves him time to move. */
		pause_ms(1);
	}
}

/* No function withdraws what is not its any more. */
TEST(revoke_of_what_moves_away, .timeout = 120)
{
	struct peerbuf_range whole = in_a(AT_A, 2 * PAGE), parts[2] = { in_a(AT_A, PAGE), };
	int status;
	pid_t pid;

	open_shared(0);
	parts[1] = in_b(AT_B, PAGE);
	pid = start_owner_of(B, revoke_when_it_may);
	while (!waitpid(pid, &status, WNOHANG)) {
		check_among(peer_move_with(node_a, export.id, &whole, 1, 0, &node_b, 1), ENODEV);
		check_among(peer_move_with(node_a, export.id, parts, 2, 0, &node_b, 1), ENODEV);
	}
	node_mode(B, 0600);
	check_eq(status, 0);
	check(!revoked());
}
