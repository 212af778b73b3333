// SPDX-License-Identifier: GPL-2.0
/*
 * Races: everybody does everything at once for some seconds. Calls may fail, but
 * only in the ways that they are allowed to, and the harness looks at what is left.
 *
 * All places that a buffer may be in have the same bytes, and writers write what is there
 * already: so whoever reads, at any time and wherever the buffer is, knows what to find.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "actors.h"
#include "harness.h"
#include "lab.h"

#define SIZE	(16 * PAGE)
#define BUFFERS	3
#define PLACES	16
#define GUARD	PAGE
#define SECONDS	2
#define SEED	23
#define LENGTH	100

static int node, control;
static struct peer_export exports[BUFFERS];
/* Where in its device's memory an importer has room of its own. */
static __u32 inner;

static struct peer_export *any(void)
{
	return &exports[rand() % BUFFERS];
}

static __u64 any_place(void)
{
	return rand() % PLACES * SIZE;
}

/* Every place the same, and behind the last of them what nobody may change. */
static void paint(void)
{
	int owner = node_open("rp-mem");
	struct peer_export all;
	__u8 *cpu;

	lab_host_fill("rp-mem", PLACES * SIZE, GUARD, 0xee);
	check_ok(peer_export_one(owner, MEM_BAR, 0, PLACES * SIZE, 0, &all));
	cpu = buffer_map(all.fd, PLACES * SIZE, 0);
	pattern_fill(cpu, SIZE, SEED);
	for (int i = 1; i < PLACES; i++)
		memcpy(cpu + i * SIZE, cpu, SIZE);
	munmap(cpu, PLACES * SIZE);
	close(all.fd);
	close(owner);
}

static void check_painted(void)
{
	static __u8 host[SIZE];

	for (int i = 0; i < PLACES; i++) {
		lab_host_read("rp-mem", i * SIZE, host, SIZE);
		check(pattern_matches(host, SIZE, SEED));
	}
	check_host_bytes("rp-mem", PLACES * SIZE, GUARD, 0xee);
}

static void perform(unsigned int seconds)
{
	actors_perform(seconds);
	actors_stop();
}

static void move_revoke_restore(const void *id)
{
	struct peer_export *export = any();
	int ret;

	(void)id;
	actor_breathe();
	switch (rand() % 4) {
	case 0:
		check_among(peer_revoke(node, export->id, rand() % 50),
			    EINPROGRESS);
		actor_did("revoke");
		break;
	case 1:
	case 2:
		ret = peer_restore(node, export->id);
		check_among(ret, EALREADY);
		if (!ret)
			actor_did("restore");
		break;
	default:
		ret = peer_move_one(node, export->id, MEM_BAR, any_place(), SIZE,
				    rand() % 2 * PEERBUF_MOVE_F_COPY);
		check_among(ret, ENODEV, EINVAL);
		if (!ret)
			actor_did("move");
	}
}

/* The device writes what is there, or reads it, in turns. */
static int transfer(int edu, __u32 handle)
{
	__u64 offset = rand() % (SIZE - LENGTH);
	static unsigned int turn;
	__u8 bytes[LENGTH];
	int ret;

	if (turn++ % 2) {
		pattern_fill_part(bytes, offset, LENGTH, SEED);
		ret = edu_put(edu, inner, bytes, LENGTH) ?:
		      edu_copy(edu, handle, offset, inner, LENGTH, EDU_DMA_TO_BUFFER,
			       rand() % 2 * EDU_DMA_COPY_F_NOWAIT);
		if (!ret)
			actor_did("write");
		return ret;
	}
	ret = edu_copy(edu, handle, offset, inner, LENGTH, EDU_DMA_FROM_BUFFER, 0) ?:
	      edu_get(edu, inner, bytes, LENGTH);
	if (ret)
		return ret;
	check(pattern_matches_part(bytes, offset, LENGTH, SEED));
	actor_did("read");
	return 0;
}

static void import(const void *id)
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
		ret = edu_map(edu, handle);
		check_among(ret, ENODEV);
		if (!ret)
			actor_did("map");
		if (rand() % 4 == 0)
			check_ok(edu_unmap(edu, handle));
	}
	if (rand() % 3 == 0)
		check_among(transfer(edu, handle), ENODEV);
	check_ok(edu_detach(edu, handle));
}

/* Two that share a device share its memory as well. */
static void in_the_second_half(const void *id)
{
	(void)id;
	inner = EDU_DMA_MEMORY / 2;
}

static void touch(const void *id)
{
	__u8 *cpu = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 any()->fd, 0);

	(void)id;
	if (cpu == MAP_FAILED) {
		check_eq(errno, ENODEV);
		return;
	}
	for (int i = 0; i < 50; i++) {
		size_t at = rand() % SIZE;
		int found = byte_read(cpu + at, rand() % 2);
		__u8 byte = found;

		if (found < 0)
			continue;
		check(pattern_matches_part(&byte, at, 1, SEED));
		actor_did("access");
	}
	munmap(cpu, SIZE);
	actor_breathe();
}

static void look(const void *id)
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
		actor_did("query");
	}
	check_ok(peer_stats(&stats));
	pause_ms(1);
}

/*
 * ENOTTY: between finding a node and opening it, its minor number can go and come back
 * as another driver's.
 */
static void export_and_close(const void *id)
{
	struct peer_export export;
	int mine = node_path_open(id, O_RDWR), ret;

	/* Unbound just now, or on its way. */
	check_among(mine < 0 ? mine : 0, ENOENT, ENODEV, ENXIO);
	if (mine < 0) {
		pause_ms(5);
		return;
	}
	ret = peer_export_one(mine, MEM_BAR, any_place(), SIZE, 0, &export);
	check_among(ret, ENODEV, ENOTTY);
	if (!ret) {
		actor_did("export");
		check_among(peer_revoke(mine, export.id, 20), EINPROGRESS,
			    ENOENT);
		close(export.fd);
	}
	close(mine);
	actor_breathe();
}

/* How often each does each of its deeds at least: a hundredth of what it does, or less. */
#define OFTEN	20
/* A transfer takes a tenth of a second, and waits for those of others. */
#define SOME	1

TEST(everything_at_once, .timeout = 120)
{
	static const struct part mover = {
		.name = "mover", .act = move_revoke_restore, .least = OFTEN,
		.deeds = { "move", "revoke", "restore" },
	}, toucher = {
		.name = "toucher", .act = touch, .least = OFTEN, .deeds = { "access" },
	}, looker = {
		.name = "looker", .act = look, .least = OFTEN, .deeds = { "query" },
	}, exporter = {
		.name = "exporter", .with = "rp-mem", .act = export_and_close, .least = OFTEN,
		.deeds = { "export" },
	};
	struct part importer = {
		.name = "importer", .with = "rp-edu", .act = import, .least = SOME,
		.deeds = { "map", "write", "read" },
	};

	paint();
	node = node_open("rp-mem");
	control = control_open();
	close(edu_open("rp-edu"));
	close(edu_open("far-edu"));
	for (unsigned int i = 0; i < BUFFERS; i++)
		check_ok(peer_export_one(node, MEM_BAR, i * SIZE, SIZE, 0,
					 &exports[i]));
	actor_start(&mover);
	actor_start(&mover);
	actor_start(&importer);
	importer.begin = in_the_second_half;
	importer.name = "second importer";
	actor_start(&importer);
	importer.name = "far importer";
	importer.with = "far-edu";
	actor_start(&importer);
	actor_start(&toucher);
	actor_start(&looker);
	actor_start(&exporter);
	perform(SECONDS);
	check_painted();
}

/* ---- drivers come and go ---- */

/* A device that is bound anew now and then. */
static int edu_path_open(const char *id)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/edu_dma/%s", lab_where(id));
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void map_and_transfer(int mine, int edu)
{
	struct peer_export export;
	__u32 handle;
	int ret;

	ret = peer_export_one(mine, MEM_BAR, any_place(), SIZE, 0, &export);
	check_among(ret, ENODEV, ENOTTY);
	if (ret)
		return;
	ret = edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle) ?:
	      edu_map(edu, handle);
	check_among(ret, ENODEV);
	if (!ret) {
		actor_did("map");
		check_among(transfer(edu, handle), ENODEV);
	}
	close(export.fd);
}

/* Nothing is given back before the file is closed. */
static void export_map_and_close(const void *id)
{
	int mine = node_path_open(id, O_RDWR), edu = edu_path_open("rp-edu");

	check_among(mine < 0 ? mine : 0, ENOENT, ENODEV, ENXIO);
	check_among(edu < 0 ? edu : 0, ENOENT, ENODEV, ENXIO);
	if (mine >= 0 && edu >= 0)
		map_and_transfer(mine, edu);
	else
		pause_ms(5);
	if (mine >= 0)
		close(mine);
	if (edu >= 0)
		close(edu);
}

static void rebind(const void *id)
{
	char driver[64];

	device_driver(id, driver, sizeof(driver));
	device_unbind(id);
	pause_ms(rand() % 50);
	device_bind(id, driver);
	/* A transfer that writes takes twice a tenth of a second. */
	pause_ms(rand() % 600);
}

TEST(drivers_come_and_go, .timeout = 180)
{
	static const struct part looker = {
		.name = "looker", .act = look, .least = OFTEN, .deeds = { "query" },
	}, exporter = {
		.name = "exporter", .with = "rp-mem", .act = export_and_close, .least = OFTEN,
		.deeds = { "export" },
	};
	struct part importer = {
		.name = "importer", .with = "rp-mem", .act = export_map_and_close,
		.least = SOME, .deeds = { "map", "write", "read" },
	}, rebinder = {
		.name = "rebinder of the exporter", .with = "rp-mem", .act = rebind, .least = SOME,
	};

	paint();
	control = control_open();
	close(node_open("rp-mem"));
	close(edu_open("rp-edu"));
	actor_start(&importer);
	importer.begin = in_the_second_half;
	importer.name = "second importer";
	actor_start(&importer);
	actor_start(&exporter);
	actor_start(&rebinder);
	rebinder.name = "rebinder of the importer";
	rebinder.with = "rp-edu";
	actor_start(&rebinder);
	actor_start(&looker);
	/* Half the time there is no driver. */
	perform(2 * SECONDS);
	device_bind("rp-mem", "peerbuf");
	device_bind("rp-edu", "edu_dma");
	check_painted();
}
