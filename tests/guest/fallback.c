// SPDX-License-Identifier: GPL-2.0
/*
 * Importers that cannot reach a buffer where it is: with the export's flag it moves to
 * system memory for them, and that can be seen; without, they are refused.
 */
#include <poll.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "snapshot.h"

#define SIZE	(16 * PAGE)
#define START	(128 * 1024)
#define ELSEWHERE (512 * 1024)
#define LENGTH	2000

static struct peerbuf_export_info info;
static struct peer_export export;
static int node, edu;
static __u32 handle;
static __u8 *cpu;

static void open_all(const char *edu_id, const char *mem, __u32 flags)
{
	edu = edu_open(edu_id);
	node = node_open(mem);
	lab_host_fill(mem, 0, 1 << 20, 0xee);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, flags, &export));
	cpu = buffer_map(export.fd, SIZE, 0);
	pattern_fill(cpu, SIZE, 1);
}

static void query(void)
{
	check_ok(peer_query(node, export.id, &info));
}

static void edu_writes(__u64 offset, __u32 seed)
{
	__u8 inner[LENGTH];

	pattern_fill(inner, LENGTH, seed);
	check_ok(edu_put(edu, 0, inner, LENGTH));
	check_ok(edu_copy(edu, handle, offset, 0, LENGTH, EDU_DMA_TO_BUFFER, 0));
	check(pattern_matches(cpu + offset, LENGTH, seed));
}

static __u64 fallbacks(void)
{
	struct peerbuf_ioc_stats stats;

	check_ok(peer_stats(&stats));
	return stats.fallbacks;
}

static unsigned int events_of(__u32 type)
{
	struct pollfd poller = { .fd = node, .events = POLLIN };
	struct peerbuf_event event;
	unsigned int count = 0;

	while (poll(&poller, 1, 0) == 1 && poller.revents & POLLIN) {
		check_eq(read(node, &event, sizeof(event)), sizeof(event));
		check_eq(event.lost, 0);
		count += event.type == type && event.id == export.id;
	}
	return count;
}

/* The buffer is in system memory with all it had, everybody sees that, and it is one. */
static void fell_back(__u64 before)
{
	__u8 host[LENGTH];

	query();
	check_eq(info.fallbacks, 1);
	check_eq(info.moves, 1);
	check_eq(info.refusals, 0);
	check_eq(info.system_size, SIZE);
	check_eq(info.nr_devices, 0);
	check_eq(fallbacks(), before + 1);
	check_eq(events_of(PEERBUF_EVENT_FALLBACK), 1);
	check(pattern_matches(cpu, SIZE, 1));
	edu_writes(PAGE - 7, 2);
	/* Nothing of that is in the BAR any more. */
	lab_host_read("rp-mem", START, host, LENGTH);
	check(pattern_matches(host, LENGTH, 1));
}

static void unfit_importer_falls_back(__u32 mode)
{
	__u64 before = fallbacks();

	open_all("rp-edu", "rp-mem", PEERBUF_EXPORT_F_FALLBACK);
	check_ok(edu_attach(edu, export.fd, mode, 0, &handle));
	check_ok(edu_map(edu, handle));
	fell_back(before);
	check(info.state & PEERBUF_STATE_F_PINNED);
	check_fails(peer_move_one(node, export.id, MEM_BAR, START, SIZE,
				  PEERBUF_MOVE_F_COPY), EBUSY);
	check_ok(edu_detach(edu, handle));
	check_ok(peer_move_one(node, export.id, MEM_BAR, ELSEWHERE, SIZE,
			       PEERBUF_MOVE_F_COPY));
	check(pattern_matches(cpu + PAGE - 7, LENGTH, 2));
}

TEST(static_importer_falls_back)
{
	unfit_importer_falls_back(EDU_DMA_STATIC);
}

TEST(pinned_importer_falls_back)
{
	unfit_importer_falls_back(EDU_DMA_PINNED);
}

TEST(helper_pinned_importer_falls_back)
{
	unfit_importer_falls_back(EDU_DMA_HELPER_PINNED);
}

/* Others that have it mapped come along. */
TEST(dynamic_importers_come_along)
{
	__u32 dynamic, fixed;
	int other;

	open_all("rp-edu", "rp-mem", PEERBUF_EXPORT_F_FALLBACK);
	other = edu_open("far-edu");
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &dynamic));
	handle = dynamic;
	edu_writes(0, 3);
	check_ok(edu_attach(other, export.fd, EDU_DMA_STATIC, 0, &fixed));
	check_ok(edu_map(other, fixed));
	query();
	check_eq(info.fallbacks, 1);
	check(pattern_matches(cpu, LENGTH, 3));
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
	check_fails(edu_attach(edu, export.fd, EDU_DMA_STATIC, 0, &handle), EOPNOTSUPP);
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
	__u8 host[LENGTH];

	open_all("rp-edu", "rp-mem", PEERBUF_EXPORT_F_FALLBACK);
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	edu_writes(0, 5);
	lab_host_read("rp-mem", START, host, LENGTH);
	check(pattern_matches(host, LENGTH, 5));
	query();
	check_eq(info.fallbacks, 0);
	check_eq(info.moves, 0);
}

/* Who pins it where it is has been promised that it stays. */
TEST(pinned_buffer_does_not_fall_back)
{
	__u32 pinned;
	int other;

	open_all("rp-edu", "rp-mem",
		 PEERBUF_EXPORT_F_FALLBACK | PEERBUF_EXPORT_F_ALLOW_PINNED);
	other = edu_open("sw-edu");
	check_ok(edu_attach(edu, export.fd, EDU_DMA_PINNED, 0, &pinned));
	check_ok(edu_map(edu, pinned));
	/* Both flags: it is accepted in the BAR, and no reason to leave. */
	query();
	check_eq(info.fallbacks, 0);
	check_ok(edu_attach(other, export.fd, EDU_DMA_STATIC, 0, &handle));
	query();
	check_eq(info.fallbacks, 0);
	check_ok(edu_detach(other, handle));
	check_ok(edu_detach(edu, pinned));
}

TEST(revoked_buffer_does_not_fall_back)
{
	open_all("rp-edu", "rp-mem", PEERBUF_EXPORT_F_FALLBACK);
	check_ok(peer_revoke(node, export.id, 0));
	check_fails(edu_attach(edu, export.fd, EDU_DMA_STATIC, 0, &handle), ENODEV);
	query();
	check_eq(info.fallbacks, 0);
	check_eq(info.last_refusal, PEERBUF_REASON_REVOKED);
}

/* Does what the command prints have this in one line? */
static bool prints(const char *command, const char *text)
{
	char line[4096];
	bool found = false;
	FILE *pipe;

	printf("$ %s\n", command);
	pipe = popen(command, "r");
	check(pipe);
	while (fgets(line, sizeof(line), pipe)) {
		printf("%s", line);
		found |= !!strstr(line, text);
	}
	printf("\n");
	check_eq(pclose(pipe), 0);
	return found;
}

TEST(peerbuf_ps_tells)
{
	open_all("rp-edu", "rp-mem", PEERBUF_EXPORT_F_FALLBACK);
	check(prints("peerbuf ps -j | tr -d ' '", "\"system_size\":0,"));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_STATIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	check(prints("peerbuf ps -j | tr -d ' '", "\"system_size\":65536,"));
	check(prints("peerbuf ps -j | tr -d ' '", "\"fallbacks\":1,"));
	/* ID, function, size, of that in system memory, fallbacks. */
	check(prints("peerbuf ps | awk 'NR == 2 { print $3, $4, $5 }'", "64K 64K 1"));
	check(prints("peerbuf stats", "fallbacks"));
	check_ok(edu_detach(edu, handle));
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
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	/* Who is attached has not asked for anything yet. */
	query();
	check_eq(info.fallbacks, 0);
	check_ok(edu_map(edu, handle));
	fell_back(before);
}

TEST(no_route_falls_back_foreign_importer)
{
	__u64 before = fallbacks();

	open_all("far-edu", "rp-mem", PEERBUF_EXPORT_F_FALLBACK);
	check_ok(edu_attach(edu, export.fd, EDU_DMA_FOREIGN, 0, &handle));
	check_ok(edu_map(edu, handle));
	fell_back(before);
}

/* As long as it is attached the buffer does not leave it behind. */
TEST(no_route_keeps_the_buffer_from_going_back)
{
	open_all("rp-edu", "rp-mem", PEERBUF_EXPORT_F_FALLBACK);
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	check_fails(peer_move_one(node, export.id, MEM_BAR, START, SIZE,
				  PEERBUF_MOVE_F_COPY), EHOSTUNREACH);
	check_eq(peer_reason, PEERBUF_REASON_NO_ROUTE);
	edu_writes(0, 6);
	check_ok(edu_detach(edu, handle));
	check_ok(peer_move_one(node, export.id, MEM_BAR, START, SIZE,
			       PEERBUF_MOVE_F_COPY));
	check(pattern_matches(cpu, LENGTH, 6));
}

TEST(no_route_and_pinned_is_refused)
{
	__u32 pinned;
	int other;

	open_all("rp-edu", "sw-mem",
		 PEERBUF_EXPORT_F_FALLBACK | PEERBUF_EXPORT_F_ALLOW_PINNED);
	other = edu_open("sw-edu");
	check_ok(edu_attach(other, export.fd, EDU_DMA_PINNED, 0, &pinned));
	check_ok(edu_map(other, pinned));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_fails(edu_map(edu, handle), EBUSY);
	query();
	check_eq(info.fallbacks, 0);
	check_eq(info.refusals, 1);
	check_eq(info.last_refusal, PEERBUF_REASON_PINNED);
	check_eq(info.last_refusal_errno, EBUSY);
	check_ok(edu_detach(other, pinned));
	check_ok(edu_map(edu, handle));
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
	check_ok(edu_attach(edu, export.fd, EDU_DMA_STATIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	check_ok(sysfs_write(TRACING "/events/peerbuf/peerbuf_fallback/enable", "0"));
	snprintf(want, sizeof(want), "peerbuf_fallback: id=%llu dev=%s reason=%u", export.id,
		 lab_where("rp-edu"), PEERBUF_REASON_STATIC_IMPORTER);
	check(trace_has(want));
	check_ok(edu_detach(edu, handle));
}
