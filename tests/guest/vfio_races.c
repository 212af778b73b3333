// SPDX-License-Identifier: GPL-2.0
/*
 * Races: buffers move, are revoked, lose their device's memory decode and are reset under
 * mappings that come and go, while the device goes on transferring. Calls may fail, but
 * only in the ways that they are allowed to; afterwards everything works.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "vfio.h"

#define EDU	"rp-edu"
#define MEM	"rp-mem"
#define FAR_MEM	"far-mem"
#define START	(128 * 1024ULL)
#define SIZE	(64 * 1024ULL)
#define PLACES	4
#define SECONDS	6
#define ACTORS	8
#define ROUNDS	4
#define ACCESS	(PEERBUF_VFIO_MAP_F_READ | PEERBUF_VFIO_MAP_F_WRITE)

static int node, mem, buffers[2];
static struct peer_export export;
static struct vfio_edu edu;
static pid_t actors[ACTORS];
static unsigned int nr_actors;

static void actor_start(void (*act)(void))
{
	pid_t pid = check_sys(fork());

	if (!pid) {
		srand(getpid());
		for (;;)
			act();
	}
	check(nr_actors < ACTORS);
	actors[nr_actors++] = pid;
}

/* Let them act; none may have ended before it was killed. */
static void perform(void)
{
	bool died = false;

	pause_ms(1000 * SECONDS * (slowness() > 1 ? 3 : 1));
	for (unsigned int i = 0; i < nr_actors; i++)
		died |= waitpid(actors[i], NULL, WNOHANG) != 0;
	for (unsigned int i = 0; i < nr_actors; i++)
		kill(actors[i], SIGKILL);
	for (unsigned int i = 0; i < nr_actors; i++)
		waitpid(actors[i], NULL, 0);
	check(!died);
}

/* ---- actors ---- */

/* Four addresses, a buffer's length apart, for everybody. */
static __u64 some_iova(void)
{
	return PEER_IOVA + (rand() % PLACES) * SIZE;
}

static void map_and_unmap(void)
{
	__u64 length = (1 + rand() % (SIZE / PAGE)) * PAGE, iova = some_iova();

	check_among(peerbuf_vfio_map(edu.fd, buffers[rand() % 2], 0, length, iova, ACCESS, -1,
				     NULL, NULL), EADDRINUSE);
	if (rand() % 2)
		pause_ms(rand() % 20);
	check_among(peerbuf_vfio_unmap(edu.fd, iova, length, NULL), ENOENT, EINVAL);
}

static void look(void)
{
	struct peerbuf_vfio_ioc_query query;
	__u64 iova = 0;

	while (!peerbuf_vfio_query(edu.fd, iova, PEERBUF_VFIO_QUERY_F_NEXT, &query, NULL)) {
		/* Meanwhile one may have come that begins before it. */
		check(query.iova + query.length > iova && query.length <= SIZE);
		check(query.state != PEERBUF_VFIO_STATE_DEAD);
		iova = query.iova + query.length;
	}
}

static void transfer(void)
{
	vfio_edu_start(&edu, some_iova(), FAULT_LENGTH, rand() % 2);
	vfio_edu_wait(&edu);
}

static void move_and_revoke(void)
{
	check_among(peer_move_one(node, export.id, MEM_BAR, START * (1 + rand() % 3), SIZE, 0),
		    ENODEV);
	if (rand() % 2)
		check_ok(peer_revoke(node, export.id, PEERBUF_WAIT_FOREVER));
	check_among(peer_restore(node, export.id), EALREADY);
}

static void switch_memory(void)
{
	check_ok(peerbuf_vfio_command(mem, 2, 0));
	check_ok(peerbuf_vfio_command(mem, 0, 2));
	pause_ms(rand() % 10);
}

static void reset(void)
{
	check_among(peerbuf_vfio_reset(mem), EAGAIN);
	pause_ms(rand() % 500);
}

static void export_more(void)
{
	close(vfio_export_one(mem, MEM_BAR, START, SIZE));
}

/* ---- and afterwards ---- */

static void unmap_all(void)
{
	struct peerbuf_vfio_ioc_query query;

	while (!peerbuf_vfio_query(edu.fd, 0, PEERBUF_VFIO_QUERY_F_NEXT, &query, NULL))
		check_ok(peerbuf_vfio_unmap(edu.fd, query.iova, query.length, NULL));
}

static void check_works(int dmabuf, __u32 seed)
{
	check_ok(peerbuf_vfio_map(edu.fd, dmabuf, 0, SIZE, PEER_IOVA, ACCESS, -1, NULL, NULL));
	vfio_mapped(edu.fd, PEER_IOVA);
	vfio_edu_write(&edu, PEER_IOVA, 1000, seed);
	check(vfio_edu_reads(&edu, PEER_IOVA, 1000, seed));
	check_ok(peerbuf_vfio_unmap(edu.fd, PEER_IOVA, SIZE, NULL));
}

TEST(everything_at_once, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	int container = vfio_container();

	node = node_open(FAR_MEM);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	mem = vfio_open(container, MEM, VFIO_VARIANT);
	buffers[0] = export.fd;
	buffers[1] = vfio_export_one(mem, MEM_BAR, START, SIZE);
	vfio_edu_open(&edu, container, EDU);
	actor_start(map_and_unmap);
	actor_start(map_and_unmap);
	actor_start(look);
	actor_start(transfer);
	actor_start(move_and_revoke);
	actor_start(switch_memory);
	actor_start(reset);
	actor_start(export_more);
	perform();
	check_among(peer_restore(node, export.id), EALREADY);
	check_ok(peerbuf_vfio_command(mem, 0, 2));
	vfio_edu_wait(&edu);
	unmap_all();
	check_works(buffers[0], 1);
	check_works(buffers[1], 2);
}

/* One process after the other takes the device, is killed, and leaves nothing. */
TEST(importers_die_one_after_the_other, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	node = node_open(FAR_MEM);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	buffers[0] = export.fd;
	buffers[1] = export.fd;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		check_sys(pipe(ready));
		pid = check_sys(fork());
		if (!pid) {
			vfio_edu_open(&edu, vfio_container(), EDU);
			check_eq(write(ready[1], &byte, 1), 1);
			for (;;)
				map_and_unmap();
		}
		close(ready[1]);
		if (read(ready[0], &byte, 1) != 1)
			fail("the importing process failed");
		close(ready[0]);
		for (int i = 0; i < 20; i++)
			move_and_revoke();
		process_kill(pid);
	}
	vfio_edu_open(&edu, vfio_container(), EDU);
	unmap_all();
	check_works(export.fd, 3);
}
