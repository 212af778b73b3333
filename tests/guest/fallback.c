// SPDX-License-Identifier: GPL-2.0
/*
 * Importers that cannot reach a buffer where it is: with the export's flag it moves to
 * system memory for them, and that can be seen; without, they are refused.
 */
#include <poll.h>
#include <unistd.h>

#include "harness.h"
#include "scene.h"
#include "snapshot.h"

#define SIZE		SCENE_SIZE
#define START		SCENE_START
#define ELSEWHERE	SCENE_ELSEWHERE
#define LENGTH		SCENE_LENGTH

static struct peerbuf_export_info info;
static struct scene scene;

static void open_all(const char *edu, const char *mem, __u32 flags)
{
	scene_open(&scene, edu, mem, flags);
	pattern_fill(scene.cpu, SIZE, 1);
}

static void query(void)
{
	check_ok(peer_query(scene.node, scene.export.id, &info));
}

static void edu_writes(__u64 offset, __u32 seed)
{
	scene_write(&scene, offset, seed);
	check(pattern_matches(scene.cpu + offset, LENGTH, seed));
}

static __u64 fallbacks(void)
{
	struct peerbuf_ioc_stats stats;

	check_ok(peer_stats(&stats));
	return stats.fallbacks;
}

static unsigned int events_of(__u32 type)
{
	struct pollfd poller = { .fd = scene.node, .events = POLLIN };
	struct peerbuf_event event;
	unsigned int count = 0;

	while (poll(&poller, 1, 0) == 1 && poller.revents & POLLIN) {
		check_eq(read(scene.node, &event, sizeof(event)), sizeof(event));
		check_eq(event.lost, 0);
		if (event.type != type || event.id != scene.export.id)
			continue;
		count++;
		if (type != PEERBUF_EVENT_FALLBACK)
			continue;
		check(event.client != PEERBUF_PCI_NONE);
		check(event.reason);
	}
	return count;
}

/* The buffer is in system memory with all it had, everybody sees that, and it is one. */
static void fell_back(__u64 before)
{
	query();
	check_eq(info.fallbacks, 1);
	check_eq(info.moves, 1);
	check_eq(info.refusals, 0);
	check_eq(info.system_size, SIZE);
	check_eq(info.nr_devices, 0);
	check_eq(fallbacks(), before + 1);
	check_eq(events_of(PEERBUF_EVENT_FALLBACK), 1);
	check(pattern_matches(scene.cpu, SIZE, 1));
	edu_writes(PAGE - 7, 2);
	/* Nothing of that is in the BAR any more. */
	check_host_pattern("rp-mem", START, LENGTH, 1);
}

static void unfit_importer_falls_back(__u32 mode)
{
	__u64 before = fallbacks();

	open_all("rp-edu", "rp-mem", PEERBUF_EXPORT_F_FALLBACK);
	check_ok(edu_attach(scene.edu, scene.export.fd, mode, 0, &scene.handle));
	check_ok(edu_map(scene.edu, scene.handle));
	fell_back(before);
	check(info.state & PEERBUF_STATE_F_PINNED);
	check_fails(peer_move_one(scene.node, scene.export.id, MEM_BAR, START, SIZE,
				  PEERBUF_MOVE_F_COPY), EBUSY);
	check_ok(edu_detach(scene.edu, scene.handle));
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, ELSEWHERE, SIZE,
			       PEERBUF_MOVE_F_COPY));
	check(pattern_matches(scene.cpu + PAGE - 7, LENGTH, 2));
}

TEST_VARIANT(static_importer_falls_back, unfit_importer_falls_back, EDU_DMA_STATIC)
TEST_VARIANT(pinned_importer_falls_back, unfit_importer_falls_back, EDU_DMA_PINNED)

TEST_VARIANT(helper_pinned_importer_falls_back, unfit_importer_falls_back, EDU_DMA_HELPER_PINNED)

/* Others that have it mapped come along. */
TEST(dynamic_importers_come_along)
{
	__u32 dynamic, fixed;
	int other;

	open_all("rp-edu", "rp-mem", PEERBUF_EXPORT_F_FALLBACK);
	other = edu_open("far-edu");
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &dynamic));
	scene.handle = dynamic;
	edu_writes(0, 3);
	check_ok(edu_attach(other, scene.export.fd, EDU_DMA_STATIC, 0, &fixed));
	check_ok(edu_map(other, fixed));
	query();
	check_eq(info.fallbacks, 1);
	check(pattern_matches(scene.cpu, LENGTH, 3));
	edu_writes(LENGTH, 4);
	query();
	check_eq(info.fallbacks, 1);
	check_eq(info.nr_mappings, 2);
	check_ok(edu_detach(other, fixed));
}

TEST(without_the_flag_it_is_refused)
{
	__u64 before = fallbacks();

	open_all("rp-edu", "rp-mem", 0);
	check_fails(edu_attach(scene.edu, scene.export.fd, EDU_DMA_STATIC, 0, &scene.handle),
		    EOPNOTSUPP);
	query();
	check_eq(info.refusals, 1);
	check_eq(info.last_refusal, PEERBUF_REASON_STATIC_IMPORTER);
	check_eq(info.fallbacks, 0);
	check_eq(info.system_size, 0);
	check_eq(fallbacks(), before);
	check_eq(events_of(PEERBUF_EVENT_FALLBACK), 0);
}

/* A flag that has nothing to do changes nothing. */
TEST(who_reaches_the_bar_stays_there)
{
	open_all("rp-edu", "rp-mem", PEERBUF_EXPORT_F_FALLBACK);
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &scene.handle));
	edu_writes(0, 5);
	check_host_pattern("rp-mem", START, LENGTH, 5);
	query();
	check_eq(info.fallbacks, 0);
	check_eq(info.moves, 0);
}

/* And detaches. Before 7.1 a static importer is mapped when it attaches. */
static int attach_and_map(int edu, __u32 mode)
{
	__u32 handle;
	int ret;

	ret = edu_attach(edu, scene.export.fd, mode, 0, &handle);
	if (ret)
		return ret;
	ret = edu_map(edu, handle);
	check_ok(edu_detach(edu, handle));
	return ret;
}

/* Who pins it where it is has been promised that it stays. */
TEST(pinned_buffer_does_not_fall_back)
{
	__u32 pinned;
	int other;

	open_all("rp-edu", "rp-mem", PEERBUF_EXPORT_F_FALLBACK);
	accept_pinned("rp-mem");
	other = edu_open("sw-edu");
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_PINNED, 0, &pinned));
	check_ok(edu_map(scene.edu, pinned));
	/* It is accepted in the BAR, and no reason to leave. */
	query();
	check_eq(info.fallbacks, 0);
	/* Nor does one that needs system memory get it to leave. */
	check_fails(attach_and_map(other, EDU_DMA_STATIC), EHOSTUNREACH);
	query();
	check_eq(info.fallbacks, 0);
	check_eq(info.last_refusal, PEERBUF_REASON_PINNED);
	check_ok(edu_detach(scene.edu, pinned));
	check_ok(attach_and_map(other, EDU_DMA_STATIC));
}

TEST(revoked_buffer_does_not_fall_back)
{
	open_all("rp-edu", "rp-mem", PEERBUF_EXPORT_F_FALLBACK);
	check_ok(peer_revoke(scene.node, scene.export.id, 0));
	check_fails(edu_attach(scene.edu, scene.export.fd, EDU_DMA_STATIC, 0, &scene.handle),
		    ENODEV);
	query();
	check_eq(info.fallbacks, 0);
	check_eq(info.last_refusal, PEERBUF_REASON_REVOKED);
}

static bool prints(const char *command, const char *text)
{
	return command_prints(command, (const char *const[]){ text, NULL });
}

TEST(peerbuf_ps_tells)
{
	open_all("rp-edu", "rp-mem", PEERBUF_EXPORT_F_FALLBACK);
	check(prints("peerbuf ps -j | tr -d ' '", "\"system_size\":0,"));
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_STATIC, 0, &scene.handle));
	check_ok(edu_map(scene.edu, scene.handle));
	check(prints("peerbuf ps -j | tr -d ' '", "\"system_size\":65536,"));
	check(prints("peerbuf ps -j | tr -d ' '", "\"fallbacks\":1,"));
	/* ID, function, size, of that in system memory, fallbacks. */
	check(prints("peerbuf ps | awk 'NR == 2 { print $3, $4, $5 }'", "64K 64K 1"));
	check(prints("peerbuf stats", "fallbacks"));
	check_ok(edu_detach(scene.edu, scene.handle));
}

/* The command makes mixtures, and moves them. */
TEST(peerbuf_exports_and_moves_mixtures)
{
	const char *command = "peerbuf export $MEM $RANGES -- sh -ec \"$SCRIPT\" | tr -d ' '";

	close(node_open("rp-mem"));
	setenv("MEM", lab_where("rp-mem"), 1);
	setenv("RANGES", "--range system:8K --bar 2 --range 64K:4K --fallback", 1);
	setenv("SCRIPT", "peerbuf ps -j\n", 1);
	check(prints(command, "\"fallback\":true,"));
	check(prints(command, "\"system_size\":8192,"));
	setenv("SCRIPT", "peerbuf move --copy $PEERBUF_ID --range system:12K\n"
	       "peerbuf ps -j\n", 1);
	check(prints(command, "\"system_size\":12288,"));
	setenv("SCRIPT", "peerbuf move -c $PEERBUF_ID --bar 2 --range 0:12K\n"
	       "peerbuf ps -j\n", 1);
	check(prints(command, "\"system_size\":0,"));
}

/* ---- on a machine whose host bridge is not known to forward ---- */

TEST(no_route_falls_back)
{
	__u64 before = fallbacks();

	open_all("rp-edu", "rp-mem", PEERBUF_EXPORT_F_FALLBACK);
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &scene.handle));
	/* Who is attached has not asked for anything yet. */
	query();
	check_eq(info.fallbacks, 0);
	check_ok(edu_map(scene.edu, scene.handle));
	fell_back(before);
}

TEST(no_route_falls_back_foreign_importer)
{
	__u64 before = fallbacks();

	open_all("far-edu", "rp-mem", PEERBUF_EXPORT_F_FALLBACK);
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_FOREIGN, 0, &scene.handle));
	check_ok(edu_map(scene.edu, scene.handle));
	fell_back(before);
}

/* As long as it is attached the buffer does not leave it behind. */
TEST(no_route_keeps_the_buffer_from_going_back)
{
	open_all("rp-edu", "rp-mem", PEERBUF_EXPORT_F_FALLBACK);
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &scene.handle));
	check_ok(edu_map(scene.edu, scene.handle));
	check_fails(peer_move_one(scene.node, scene.export.id, MEM_BAR, START, SIZE,
				  PEERBUF_MOVE_F_COPY), EHOSTUNREACH);
	check_eq(peer_reason, PEERBUF_REASON_NO_ROUTE);
	edu_writes(0, 6);
	check_ok(edu_detach(scene.edu, scene.handle));
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, START, SIZE,
			       PEERBUF_MOVE_F_COPY));
	check(pattern_matches(scene.cpu, LENGTH, 6));
}

TEST(no_route_and_pinned_is_refused)
{
	__u32 pinned;
	int other;

	open_all("rp-edu", "sw-mem", PEERBUF_EXPORT_F_FALLBACK);
	accept_pinned("sw-mem");
	other = edu_open("sw-edu");
	check_ok(edu_attach(other, scene.export.fd, EDU_DMA_PINNED, 0, &pinned));
	check_ok(edu_map(other, pinned));
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &scene.handle));
	check_fails(edu_map(scene.edu, scene.handle), EBUSY);
	query();
	check_eq(info.fallbacks, 0);
	check_eq(info.refusals, 1);
	check_eq(info.last_refusal, PEERBUF_REASON_PINNED);
	check_eq(info.last_refusal_errno, EBUSY);
	check_ok(edu_detach(other, pinned));
	check_ok(edu_map(scene.edu, scene.handle));
	query();
	check_eq(info.fallbacks, 1);
}

#define TRACING	"/sys/kernel/tracing"

static bool trace_has(const char *text)
{
	char line[512];
	bool found = false;
	FILE *file = fopen(TRACING "/trace", "r");

	check(file);
	while (!found && fgets(line, sizeof(line), file))
		found = strstr(line, text);
	fclose(file);
	return found;
}

TEST(tracepoint_tells_for_whom)
{
	char want[160];

	check_ok(sysfs_write(TRACING "/events/peerbuf/peerbuf_fallback/enable", "1"));
	open_all("rp-edu", "rp-mem", PEERBUF_EXPORT_F_FALLBACK);
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_STATIC, 0, &scene.handle));
	check_ok(edu_map(scene.edu, scene.handle));
	check_ok(sysfs_write(TRACING "/events/peerbuf/peerbuf_fallback/enable", "0"));
	snprintf(want, sizeof(want), "peerbuf_fallback: id=%llu dev=%s reason=%u", scene.export.id,
		 lab_where("rp-edu"), PEERBUF_REASON_STATIC_IMPORTER);
	check(trace_has(want));
	check_ok(edu_detach(scene.edu, scene.handle));
}
