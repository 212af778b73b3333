// SPDX-License-Identifier: GPL-2.0
/*
 * Races: everybody does everything at once for some seconds. Calls may fail, but
 * only in the ways that they are allowed to, and the harness looks at what is left.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

#define SIZE	(64 * 1024)
#define BUFFERS	3
#define SECONDS	6
#define ACTORS	12

static int node, control;
static struct peer_export exports[BUFFERS];
static pid_t actors[ACTORS];
static unsigned int nr_actors;

static struct peer_export *any(void)
{
	return &exports[rand() % BUFFERS];
}

static void actor_start(void (*act)(const char *id), const char *id)
{
	pid_t pid = check_sys(fork());

	if (!pid) {
		srand(getpid());
		for (;;)
			act(id);
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

static void move_revoke_restore(const char *id)
{
	struct peer_export *export = any();

	(void)id;
	switch (rand() % 4) {
	case 0:
		check_among(peer_revoke(node, export->id, rand() % 50),
			    EINPROGRESS);
		break;
	case 1:
	case 2:
		check_among(peer_restore(node, export->id), EALREADY);
		break;
	default:
		check_among(peer_move_one(node, export->id, MEM_BAR,
					  rand() % 16 * SIZE, SIZE,
					  rand() % 2 * PEERBUF_MOVE_F_COPY),
			    ENODEV, EINVAL);
	}
}

static void import(const char *id)
{
	static const __u32 modes[] = { EDU_DMA_DYNAMIC, EDU_DMA_FOREIGN };
	__u32 handle, flags = rand() % 2 * EDU_DMA_ATTACH_F_LAZY;
	static int edu = -1;
	int ret;

	if (edu < 0)
		edu = edu_open(id);
	ret = edu_attach(edu, any()->fd, modes[rand() % 2], flags, &handle);
	check_among(ret, ENODEV);
	if (ret)
		return;
	for (int i = rand() % 20; i > 0; i--) {
		check_among(edu_map(edu, handle), ENODEV);
		if (rand() % 4 == 0)
			check_ok(edu_unmap(edu, handle));
	}
	if (rand() % 3 == 0)
		check_among(edu_copy(edu, handle, rand() % SIZE / 2, 0, 100,
				     rand() % 2, EDU_DMA_COPY_F_NOWAIT), ENODEV);
	check_ok(edu_detach(edu, handle));
}

static void touch(const char *id)
{
	__u8 *cpu = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 any()->fd, 0);

	(void)id;
	if (cpu == MAP_FAILED) {
		check_eq(errno, ENODEV);
		return;
	}
	for (int i = 0; i < 50; i++)
		touches(cpu + rand() % SIZE, rand() % 2);
	munmap(cpu, SIZE);
}

static void look(const char *id)
{
	struct peerbuf_attachment_info attachments[8];
	struct peerbuf_export_info infos[8], info;
	struct peerbuf_ioc_stats stats;
	__u32 stored, total;

	(void)id;
	check_ok(peer_list(control, 0, infos, 8, &stored, &total));
	for (__u32 i = 0; i < stored; i++) {
		check_among(peer_attachments(control, infos[i].id, attachments,
					     8, &total), ENOENT);
		check_among(peer_query(control, infos[i].id, &info), ENOENT);
	}
	check_ok(peer_stats(&stats));
	pause_ms(1);
}

/*
 * ENOTTY: between finding a node and opening it, its minor number can go and come back
 * as another driver's.
 */
static void export_and_close(const char *id)
{
	struct peer_export export;
	int mine = node_path_open(id, O_RDWR), ret;

	/* Unbound just now, or on its way. */
	check_among(mine < 0 ? mine : 0, ENOENT, ENODEV, ENXIO);
	if (mine < 0) {
		pause_ms(5);
		return;
	}
	ret = peer_export_one(mine, MEM_BAR, rand() % 16 * SIZE, SIZE, 0,
			      &export);
	check_among(ret, ENODEV, ENOTTY);
	if (!ret) {
		check_among(peer_revoke(mine, export.id, 20), EINPROGRESS,
			    ENOENT);
		close(export.fd);
	}
	close(mine);
}

TEST(everything_at_once, .timeout = 120)
{
	node = node_open("rp-mem");
	control = control_open();
	close(edu_open("rp-edu"));
	close(edu_open("far-edu"));
	for (unsigned int i = 0; i < BUFFERS; i++)
		check_ok(peer_export_one(node, MEM_BAR, i * SIZE, SIZE, 0,
					 &exports[i]));
	actor_start(move_revoke_restore, NULL);
	actor_start(move_revoke_restore, NULL);
	actor_start(import, "rp-edu");
	actor_start(import, "rp-edu");
	actor_start(import, "far-edu");
	actor_start(touch, NULL);
	actor_start(look, NULL);
	actor_start(export_and_close, "rp-mem");
	perform();
}

/* ---- drivers come and go ---- */

static void export_map_and_die(const char *id)
{
	struct peer_export export;
	int mine, edu, ret;
	char path[64];
	__u32 handle;

	mine = node_path_open(id, O_RDWR);
	check_among(mine < 0 ? mine : 0, ENOENT, ENODEV, ENXIO);
	snprintf(path, sizeof(path), "/dev/edu_dma/%s", lab_where("rp-edu"));
	edu = open(path, O_RDWR | O_CLOEXEC);
	if (mine >= 0 && edu >= 0) {
		ret = peer_export_one(mine, MEM_BAR, 0, SIZE, 0, &export);
		check_among(ret, ENODEV, ENOTTY);
		if (!ret) {
			check_among(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC,
					       0, &handle), ENODEV);
			edu_map(edu, handle);
			edu_copy(edu, handle, 0, 0, 100, EDU_DMA_TO_BUFFER,
				 EDU_DMA_COPY_F_NOWAIT);
			close(export.fd);
		}
	}
	if (mine >= 0)
		close(mine);
	if (edu >= 0)
		close(edu);
}

static void rebind(const char *id)
{
	char driver[64];

	device_driver(id, driver, sizeof(driver));
	device_unbind(id);
	pause_ms(rand() % 50);
	device_bind(id, !strcmp(id, "rp-edu") ? "edu_dma" : "peerbuf");
	pause_ms(rand() % 200);
}

TEST(drivers_come_and_go, .timeout = 180)
{
	control = control_open();
	close(node_open("rp-mem"));
	close(edu_open("rp-edu"));
	actor_start(export_map_and_die, "rp-mem");
	actor_start(export_map_and_die, "rp-mem");
	actor_start(export_and_close, "rp-mem");
	actor_start(rebind, "rp-mem");
	actor_start(rebind, "rp-edu");
	actor_start(look, NULL);
	perform();
	device_bind("rp-mem", "peerbuf");
	device_bind("rp-edu", "edu_dma");
}
