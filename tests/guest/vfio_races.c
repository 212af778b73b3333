// SPDX-License-Identifier: GPL-2.0
/*
 * Races: buffers move, are revoked, lose their device's memory decode and are reset under
 * mappings that come and go, while the device goes on transferring. Calls may fail, but
 * only in the ways that they are allowed to; afterwards everything works.
 *
 * All places that a buffer may be in have the same bytes, and the device writes what is there
 * already: so whenever it reads it finds that, or a fault.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "actors.h"
#include "harness.h"
#include "lab.h"
#include "vfio.h"

#define EDU	"rp-edu"
#define MEM	"rp-mem"
#define FAR_MEM	"far-mem"
#define START	(32 * PAGE)
#define SIZE	(16 * PAGE)
#define IOVAS	4
#define SECONDS	2
#define PLACES	3
#define SEED	29
#define ROUNDS	4
#define ACCESS	(PEERBUF_VFIO_MAP_F_READ | PEERBUF_VFIO_MAP_F_WRITE)

static int node, mem, buffers[2];
static struct peer_export export;
static struct vfio_edu edu;

/* The places of the buffer that moves, or the one place of the other. */
static void paint(const char *id, int places)
{
	int owner = node_open(id);
	struct peer_export all;
	__u8 *cpu;

	for (int i = 1; i <= places; i++) {
		check_ok(peer_export_one(owner, MEM_BAR, i * START, SIZE, 0, &all));
		cpu = buffer_map(all.fd, SIZE, 0);
		pattern_fill(cpu, SIZE, SEED);
		munmap(cpu, SIZE);
		close(all.fd);
	}
	close(owner);
}

static void check_painted(const char *id, int places)
{
	static __u8 host[SIZE];

	for (int i = 1; i <= places; i++) {
		lab_host_read(id, i * START, host, SIZE);
		check(pattern_matches(host, SIZE, SEED));
	}
}

/* ---- actors ---- */

/* Four addresses, a buffer's length apart, for everybody. */
static __u64 some_iova(void)
{
	return PEER_IOVA + (rand() % IOVAS) * SIZE;
}

static void map_and_unmap(const void *unused)
{
	__u64 length = (1 + rand() % (SIZE / PAGE)) * PAGE, iova = some_iova();
	int ret;

	(void)unused;
	ret = peerbuf_vfio_map(edu.fd, buffers[rand() % 2], 0, length, iova, ACCESS, -1,
			       NULL, NULL);
	check_among(ret, EADDRINUSE);
	if (!ret)
		actor_did("map");
	pause_ms(rand() % 60);
	ret = peerbuf_vfio_unmap(edu.fd, iova, length, NULL);
	check_among(ret, ENOENT, EINVAL);
	if (!ret)
		actor_did("unmap");
}

static void look(const void *unused)
{
	struct peerbuf_vfio_ioc_query query;
	__u64 iova = 0;

	(void)unused;
	while (vfio_next(edu.fd, iova, &query)) {
		/* Meanwhile one may have come that begins before it. */
		check(query.iova + query.length > iova && query.length <= SIZE);
		check(query.state != PEERBUF_VFIO_STATE_DEAD);
		iova = query.iova + query.length;
		actor_did("query");
	}
	actor_breathe();
}

static void transfer(__u64 iova, bool to_iova)
{
	vfio_edu_start(&edu, iova, FAULT_LENGTH, to_iova);
	vfio_edu_wait(&edu);
}

static bool all_is(const __u8 *data, __u8 byte)
{
	for (size_t i = 0; i < FAULT_LENGTH; i++)
		if (data[i] != byte)
			return false;
	return true;
}

/* QEMU's device has zeros, or what it had before, when the IOMMU let it read nothing. */
static bool was_refused(const __u8 *data, __u8 before)
{
	return all_is(data, 0) || all_is(data, before);
}

static void write_or_read(const void *unused)
{
	const __u8 nothing = 0x5a;
	static bool write;

	(void)unused;
	write = !write;
	memset(edu.ram, nothing, FAULT_LENGTH);
	if (write)
		pattern_fill(edu.ram, FAULT_LENGTH, SEED);
	transfer(RAM_IOVA, false);
	transfer(some_iova(), write);
	if (write) {
		actor_did("write");
		return;
	}
	transfer(RAM_IOVA, true);
	if (was_refused(edu.ram, nothing)) {
		actor_did("refused");
		return;
	}
	check(pattern_matches(edu.ram, FAULT_LENGTH, SEED));
	actor_did("read");
}

static void move_and_revoke(const void *unused)
{
	(void)unused;
	actor_breathe();
	check_ok(peer_move_one(node, export.id, MEM_BAR, START * (1 + rand() % PLACES), SIZE, 0));
	actor_did("move");
	if (rand() % 2) {
		check_ok(peer_revoke(node, export.id, PEERBUF_WAIT_FOREVER));
		actor_did("revoke");
		check_ok(peer_restore(node, export.id));
		actor_did("restore");
	}
}

static void switch_memory(const void *unused)
{
	(void)unused;
	check_ok(peerbuf_vfio_command(mem, 2, 0));
	check_ok(peerbuf_vfio_command(mem, 0, 2));
	pause_ms(rand() % 10);
}

static void reset(const void *unused)
{
	int ret = peerbuf_vfio_reset(mem);

	(void)unused;
	check_among(ret, EAGAIN);
	if (!ret)
		actor_did("reset");
	pause_ms(rand() % 500);
}

static void export_more(const void *unused)
{
	(void)unused;
	close(vfio_export_one(mem, MEM_BAR, START, SIZE));
	actor_breathe();
}

#define OFTEN	20
/* A transfer takes a tenth of a second, a reset as much, and most that read are refused. */
#define SOME	2

static const struct part mapper = {
	.name = "mapper", .act = map_and_unmap, .least = OFTEN, .deeds = { "map", "unmap" },
};

static const struct part others[] = {
	mapper,
	{ .name = "looker", .act = look, .least = OFTEN, .deeds = { "query" } },
	{ .name = "device", .act = write_or_read, .least = 1,
	  .deeds = { "write", "read", "refused" } },
	{ .name = "mover", .act = move_and_revoke, .least = OFTEN,
	  .deeds = { "move", "revoke", "restore" } },
	{ .name = "switcher", .act = switch_memory, .least = OFTEN },
	{ .name = "resetter", .act = reset, .least = SOME, .deeds = { "reset" } },
	{ .name = "exporter", .act = export_more, .least = OFTEN },
};

/* ---- and afterwards ---- */

static void unmap_all(void)
{
	struct peerbuf_vfio_ioc_query query;

	while (vfio_next(edu.fd, 0, &query))
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

	paint(MEM, 1);
	paint(FAR_MEM, PLACES);
	node = node_open(FAR_MEM);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	mem = vfio_open(container, MEM, VFIO_VARIANT);
	buffers[0] = export.fd;
	buffers[1] = vfio_export_one(mem, MEM_BAR, START, SIZE);
	vfio_edu_open(&edu, container, EDU);
	actor_start(&mapper);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		actor_start(&others[i]);
	actors_perform(SECONDS);
	actors_stop();
	check_among(peer_restore(node, export.id), EALREADY);
	check_ok(peerbuf_vfio_command(mem, 0, 2));
	vfio_edu_wait(&edu);
	unmap_all();
	check_painted(MEM, 1);
	check_painted(FAR_MEM, PLACES);
	check_works(buffers[0], 1);
	check_works(buffers[1], 2);
}

static void take_device(const void *id)
{
	vfio_edu_open(&edu, vfio_container(), id);
}

/* One process after the other takes the device, is killed, and leaves nothing. */
TEST(importers_die_one_after_the_other, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	struct part victim = mapper;
	struct actor *actor;

	victim.with = EDU;
	victim.begin = take_device;
	victim.least = SOME;
	node = node_open(FAR_MEM);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	buffers[0] = export.fd;
	buffers[1] = export.fd;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		actor = actor_start(&victim);
		actor_await(actor, 1);
		for (int i = 0; i < 20; i++)
			move_and_revoke(NULL);
		actor_await(actor, SOME);
		actor_kill(actor);
	}
	vfio_edu_open(&edu, vfio_container(), EDU);
	unmap_all();
	check_works(export.fd, 3);
}
