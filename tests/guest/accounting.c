// SPDX-License-Identifier: GPL-2.0
/* Accounting: who holds what, as queries, lists and counters say it. */
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "scene.h"

#define SIZE	SCENE_SIZE
#define START	SCENE_START

static struct scene scene;

static void open_all(void)
{
	scene_open(&scene, "rp-edu", "rp-mem", 0);
}

TEST(export_is_described)
{
	struct peerbuf_export_info info;

	open_all();
	check_ok(peer_query(scene.node, scene.export.id, &info));
	check_eq(info.id, scene.export.id);
	check_eq(info.buffer_size, SIZE);
	check_eq(info.addr, lab_addr("rp-mem"));
	check_eq(info.flags, 0);
	check_eq(info.state, 0);
	check_eq(info.nr_ranges, 1);
	check_eq(info.nr_devices, 1);
	check_eq(info.nr_attachments, 0);
	check_eq(info.pid, getpid());
	check(!strncmp(info.comm, "accounting", 10));
	check_eq(info.last_refusal_addr, PEERBUF_PCI_NONE);
}

TEST(query_by_descriptor)
{
	struct peerbuf_export_info by_id, by_fd;
	int control = control_open();

	open_all();
	check_ok(peer_query(control, scene.export.id, &by_id));
	check_ok(peer_query_fd(control, scene.export.fd, &by_fd));
	check(!memcmp(&by_id, &by_fd, sizeof(by_id)));
	check_ok(peer_query_fd(scene.node, scene.export.fd, &by_fd));
	check_eq(by_fd.id, scene.export.id);
}

TEST(importer_is_described)
{
	struct peerbuf_attachment_info info;
	struct edu_dma_segment segment;
	__u32 total;

	open_all();
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &scene.handle));
	check_ok(peer_attachments(scene.node, scene.export.id, &info, 1, &total));
	check_eq(total, 1);
	check_eq(info.addr, lab_addr("rp-edu"));
	check_eq(info.flags, PEERBUF_ATTACH_F_DYNAMIC |
			     PEERBUF_ATTACH_F_REVOCABLE |
			     PEERBUF_ATTACH_F_SEGMENTS);
	check_eq(info.nr_mappings, 0);
	check_eq(info.dma_addr, 0);
	check_eq(info.pid, getpid());
	check(!strcmp(info.device, lab_where("rp-edu")));
	check(!strcmp(info.driver, "edu_dma"));
	check(!strncmp(info.comm, "accounting", 10));
	check_ok(edu_map(scene.edu, scene.handle));
	check_ok(edu_segments(scene.edu, scene.handle, &segment, 1, &total));
	check_ok(peer_attachments(scene.node, scene.export.id, &info, 1, &total));
	check_eq(info.nr_mappings, 1);
	check_eq(info.nr_segments, 1);
	check_eq(info.dma_addr, segment.addr);
	check_ok(edu_detach(scene.edu, scene.handle));
	check_ok(peer_attachments(scene.node, scene.export.id, &info, 1, &total));
	check_eq(total, 0);
}

/* What the test and a process in a PID namespace of its own tell each other. */
static volatile struct inside {
	pid_t pid;
	__u64 id;
	bool seen;
} *inside;

/* Who is outside has no number here. */
static void look_from_inside(void)
{
	struct peerbuf_attachment_info importer;
	struct peerbuf_export_info info;
	struct peer_export own;
	__u32 total;

	check_eq(getpid(), 1);
	check_ok(peer_query(scene.node, scene.export.id, &info));
	check_eq(info.pid, 0);
	check(!strncmp(info.comm, "accounting", 10));
	check_ok(peer_attachments(scene.node, scene.export.id, &importer, 1, &total));
	check_eq(total, 1);
	check_eq(importer.pid, 0);
	check_ok(peer_export_one(scene.node, MEM_BAR, 0, PAGE, 0, &own));
	check_ok(peer_query(scene.node, own.id, &info));
	check_eq(info.pid, 1);
	inside->id = own.id;
	eventually(10, inside->seen);
}

static void go_inside(void)
{
	int status;
	pid_t pid;

	check_sys(unshare(CLONE_NEWPID));
	pid = check_sys(fork());
	if (!pid) {
		look_from_inside();
		_exit(0);
	}
	inside->pid = pid;
	check_eq(waitpid(pid, &status, 0), pid);
	_exit(status != 0);
}

TEST(pids_are_the_readers_own)
{
	struct peerbuf_export_info info;
	int status;
	pid_t pid;

	inside = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(inside != MAP_FAILED);
	open_all();
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0,
			    &scene.handle));
	pid = check_sys(fork());
	if (!pid)
		go_inside();
	eventually(10, inside->id && inside->pid);
	check_ok(peer_query(scene.node, inside->id, &info));
	check_eq(info.pid, inside->pid);
	check_ok(peer_query(scene.node, scene.export.id, &info));
	check_eq(info.pid, getpid());
	inside->seen = true;
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
}

static __u32 attach_flags(__u32 mode)
{
	struct peerbuf_attachment_info info;
	struct peer_export pinnable;
	__u32 total;

	check_ok(peer_export_one(scene.node, MEM_BAR, START, SIZE, PEERBUF_EXPORT_F_FALLBACK,
				 &pinnable));
	accept_pinned("rp-mem");
	check_ok(edu_attach(scene.edu, pinnable.fd, mode, 0, &scene.handle));
	check_ok(edu_map(scene.edu, scene.handle));
	check_ok(peer_attachments(scene.node, pinnable.id, &info, 1, &total));
	check_ok(edu_detach(scene.edu, scene.handle));
	close(pinnable.fd);
	return info.flags;
}

TEST(kinds_of_importers)
{
	open_all();
	check_eq(attach_flags(EDU_DMA_STATIC), 0);
	check_eq(attach_flags(EDU_DMA_PINNED), PEERBUF_ATTACH_F_DYNAMIC);
	check_eq(attach_flags(EDU_DMA_HELPER_PINNED),
		 PEERBUF_ATTACH_F_DYNAMIC | PEERBUF_ATTACH_F_SEGMENTS);
	check_eq(attach_flags(EDU_DMA_FOREIGN),
		 PEERBUF_ATTACH_F_DYNAMIC | PEERBUF_ATTACH_F_REVOCABLE);
}

TEST(counters_count)
{
	struct peerbuf_ioc_stats before, after;

	open_all();
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &scene.handle));
	check_ok(peer_stats(&before));
	check_eq(before.live_exports, 1);
	check_eq(before.live_mappings, 0);
	check_ok(edu_map(scene.edu, scene.handle));
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, 0, SIZE, 0));
	check_ok(edu_map(scene.edu, scene.handle));
	check_ok(peer_stats(&after));
	check_eq(after.live_mappings, 1);
	check_ok(peer_revoke(scene.node, scene.export.id, 0));
	check_ok(peer_restore(scene.node, scene.export.id));
	check_ok(peer_stats(&after));
	check_eq(after.exports, before.exports);
	check_eq(after.attaches, before.attaches);
	check_eq(after.maps, before.maps + 2);
	check_eq(after.unmaps, before.unmaps + 2);
	check_eq(after.moves, before.moves + 1);
	check_eq(after.revokes, before.revokes + 1);
	check_eq(after.restores, before.restores + 1);
	check_eq(after.live_mappings, 0);
}

/* ---- lists ---- */

static struct peer_export many[10];

static void export_many(void)
{
	scene.node = node_open("rp-mem");
	for (unsigned int i = 0; i < 10; i++)
		check_ok(peer_export_one(scene.node, MEM_BAR, i * PAGE, PAGE, 0,
					 &many[i]));
}

TEST(list_in_pieces)
{
	struct peerbuf_export_info infos[4];
	__u32 stored, total, seen = 0;
	int control = control_open();
	__u64 after = 0;

	export_many();
	do {
		check_ok(peer_list(control, after, infos, 4, &stored, &total));
		check_eq(total, 10 - seen);
		for (__u32 i = 0; i < stored; i++) {
			check_eq(infos[i].id, many[seen].id);
			check(infos[i].id > after);
			after = infos[i].id;
			seen++;
		}
	} while (stored);
	check_eq(seen, 10);
}

TEST(node_lists_its_own_exports_only)
{
	int other = node_open("far-mem"), control = control_open();
	struct peerbuf_export_info infos[16];
	struct peer_export far;
	__u32 stored, total;

	export_many();
	check_ok(peer_export_one(other, MEM_BAR, 0, PAGE, 0, &far));
	check_ok(peer_list(other, 0, infos, 16, &stored, &total));
	check_eq(total, 1);
	check_eq(infos[0].id, far.id);
	check_ok(peer_list(scene.node, 0, infos, 16, &stored, &total));
	check_eq(total, 10);
	check_ok(peer_list(control, 0, infos, 16, &stored, &total));
	check_eq(total, 11);
	check_ok(peer_list(control, 0, NULL, 0, &stored, &total));
	check_eq(total, 11);
	check_eq(stored, 0);
}

/* A caller compiled for a shorter or a longer entry than the kernel's. */
static void list_with_entry_size(__u32 entry_size)
{
	static __u8 room[4096];
	struct peerbuf_ioc_list req = {
		.size = sizeof(req), .entries = (unsigned long)room,
		.nr_entries = 3, .entry_size = entry_size,
	};
	__u64 id, size;

	memset(room, 0xaa, sizeof(room));
	check_ok(peer_ioctl(scene.node, PEERBUF_IOC_LIST, &req));
	check_eq(req.nr_entries, 3);
	for (__u32 i = 0; i < 3; i++) {
		memcpy(&id, room + i * entry_size, sizeof(id));
		check_eq(id, many[i].id);
		memcpy(&size, room + i * entry_size + 8, sizeof(size));
		check_eq(size, PAGE);
	}
	check_eq(room[3 * entry_size], 0xaa);
	if (entry_size > sizeof(struct peerbuf_export_info))
		check_eq(room[entry_size - 1], 0);
}

TEST(entries_of_another_size)
{
	struct peerbuf_ioc_list req = { .size = sizeof(req), .nr_entries = 1 };
	struct peerbuf_export_info info;

	export_many();
	list_with_entry_size(sizeof(info));
	list_with_entry_size(sizeof(info) + 64);
	list_with_entry_size(offsetof(struct peerbuf_export_info, fallbacks));
	/* Shorter than the first published one: nobody was compiled for that. */
	req.entries = (unsigned long)&info;
	req.entry_size = 8;
	check_fails(peer_ioctl(scene.node, PEERBUF_IOC_LIST, &req), EINVAL);
	check_eq(req.reason, PEERBUF_REASON_STRUCT_SIZE);
}

TEST(devices_that_have_a_node)
{
	struct peerbuf_ioc_devices req = { .size = sizeof(req) };
	__u64 addrs[16];
	bool found = false;
	int control;

	close(node_open("rp-mem"));
	control = control_open();
	req.entries = (unsigned long)addrs;
	req.nr_entries = 16;
	check_ok(peer_ioctl(control, PEERBUF_IOC_DEVICES, &req));
	check(req.total >= 1 && req.nr_entries == req.total);
	for (__u32 i = 0; i < req.nr_entries; i++)
		found = found || addrs[i] == lab_addr("rp-mem");
	check(found);
	req.nr_entries = 0;
	check_ok(peer_ioctl(control, PEERBUF_IOC_DEVICES, &req));
	check(req.total >= 1);
	check_eq(req.nr_entries, 0);
}

#define DEBUG_EXPORTS	"/sys/kernel/debug/peerbuf/exports"

/* For people with only a shell: the export, where it is, and who holds it. */
TEST(debugfs_tells_who_holds_what)
{
	char text[4096], line[128];

	open_all();
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &scene.handle));
	check_ok(edu_map(scene.edu, scene.handle));
	file_read(DEBUG_EXPORTS, text, sizeof(text));
	snprintf(line, sizeof(line), "export %llu size %llu ",
		 (unsigned long long)scene.export.id, SIZE);
	check(strstr(text, line));
	snprintf(line, sizeof(line), "range %s BAR %u offset %#llx length %#llx",
		 lab_where("rp-mem"), MEM_BAR, START, SIZE);
	check(strstr(text, line));
	snprintf(line, sizeof(line), "importer edu_dma %s revocable native",
		 lab_where("rp-edu"));
	check(strstr(text, line));
	check(strstr(text, "mappings 1 segments 1 by accounting"));
	check_ok(peer_revoke(scene.node, scene.export.id, 0));
	file_read(DEBUG_EXPORTS, text, sizeof(text));
	check(strstr(text, "mappings 0"));
}
