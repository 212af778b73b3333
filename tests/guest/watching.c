// SPDX-License-Identifier: GPL-2.0
/* The command's ways to look on: events --all, ps --watch, ps --vfio, top. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "scene.h"
#include "shell.h"
#include "vfio.h"

#define INSTANCES	"/sys/kernel/tracing/instances/peerbuf-"
#define ACCESS		(PEERBUF_VFIO_MAP_F_READ | PEERBUF_VFIO_MAP_F_WRITE)

static pid_t follow(void)
{
	pid_t pid;

	check_eq(shell("rm -f /tmp/events"), 0);
	pid = check_sys(fork());
	if (!pid) {
		check_sys(dup2(check_sys(open("/tmp/events", O_WRONLY | O_CREAT, 0600)), 1));
		execlp("peerbuf", "peerbuf", "events", "--all", "-j", NULL);
		_exit(127);
	}
	check(shell_in_time(10, "grep -qs 1 " INSTANCES "%d/events/peerbuf/enable", pid));
	return pid;
}

#define TOLD(event, more)	"jq -es 'any(.[]; .event == \"" event "\" and .id == %llu" more \
				")' /tmp/events"

TEST(events_of_all_tell_who_maps_and_who_is_refused)
{
	struct peer_export other;
	struct scene scene;
	__u32 handle;
	int status;
	pid_t pid;

	pid = follow();
	scene_open(&scene, "rp-edu", "rp-mem", 0);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	check_ok(edu_map(scene.edu, scene.handle));
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, SCENE_ELSEWHERE, SCENE_SIZE,
			       0));
	check_fails(edu_attach(scene.edu, scene.export.fd, EDU_DMA_STATIC, 0, &handle),
		    EOPNOTSUPP);
	check_ok(peer_revoke(scene.node, scene.export.id, 1000));
	check_ok(edu_detach(scene.edu, scene.handle));
	check_ok(peer_export_one(scene.node, MEM_BAR, 0, SCENE_SIZE, 0, &other));
	check_sys(close(other.fd));
	check(shell_in_time(10, TOLD("release", " and .size == %llu"), other.id, SCENE_SIZE));
	check_eq(shell(TOLD("export", " and .size == %llu and .lost == 0"), scene.export.id,
		       SCENE_SIZE), 0);
	check_eq(shell(TOLD("detach", ""), scene.export.id), 0);
	check_eq(shell(TOLD("drained", " and .reason == null"), scene.export.id), 0);
	check_eq(shell(TOLD("attach", " and .device == \"%s\""), scene.export.id,
		       lab_where("rp-edu")), 0);
	check_eq(shell(TOLD("map", " and .segments > 0 and .pid == %d"), scene.export.id,
		       getpid()), 0);
	check_eq(shell(TOLD("move", ""), scene.export.id), 0);
	check_eq(shell(TOLD("unmap", ""), scene.export.id), 0);
	check_eq(shell(TOLD("revoke", ""), scene.export.id), 0);
	check_eq(shell(TOLD("refuse", " and .reason == \"STATIC_IMPORTER\""), scene.export.id), 0);
	check_sys(kill(pid, SIGTERM));
	check_sys(waitpid(pid, &status, 0));
	check_eq(status_of(status), 0);
	/* Nobody's tracing is left on. */
	check_eq(shell("test -e " INSTANCES "%d", pid), 1);
}

/* Whatever there is to say: a line has as many words as another. */
static void check_words(const char *what, int words)
{
	struct peer_export export;
	int node = node_open("rp-mem");
	pid_t pid = check_sys(fork());

	if (!pid) {
		check_sys(dup2(check_sys(open("/tmp/words", O_WRONLY | O_CREAT | O_TRUNC, 0600)),
			       1));
		execlp("peerbuf", "peerbuf", "events", what, NULL);
		_exit(127);
	}
	do {
		check_ok(peer_export_one(node, MEM_BAR, 0, SCENE_SIZE, 0, &export));
		check_ok(peer_revoke(node, export.id, 1000));
		check_ok(peer_restore(node, export.id));
		check_sys(close(export.fd));
	} while (!ended_within(pid, 0.1) && shell("grep -q ' release ' /tmp/words && "
						  "grep -q ' drained ' /tmp/words"));
	check_eq(shell("awk 'NF != %d { print; wrong = 1 } END { exit wrong }' /tmp/words", words),
		 0);
	check_sys(kill(pid, SIGTERM));
	check_sys(waitpid(pid, NULL, 0));
	check_sys(unlink("/tmp/words"));
}

TEST(events_are_lines_of_as_many_words)
{
	check_words(lab_where("rp-mem"), 8);
	check_words("--all", 7);
}

TEST(events_of_all_take_root)
{
	check_eq(shell(SOMEBODY "peerbuf events --all 2> /tmp/said"), 1);
	check_eq(shell("grep 'hint: ' /tmp/said"), 0);
}

TEST(what_one_that_was_killed_left_is_cleaned)
{
	pid_t pid = follow();
	int status;

	process_kill(pid);
	check_eq(shell("test -e " INSTANCES "%d", pid), 0);
	pid = follow();
	check_sys(kill(pid, SIGTERM));
	check_sys(waitpid(pid, &status, 0));
	check_eq(status_of(status), 0);
	check_eq(shell("ls -d " INSTANCES "*"), 2);
}

/* A look is a line for each export, and the last one is whole. */
TEST(watching_prints_a_line_for_each_look)
{
	struct scene scene;

	scene_open(&scene, "rp-edu", "rp-mem", 0);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	check_eq(shell("timeout 3 peerbuf ps -j --watch=0.5 > /tmp/looks"), 124);
	check_eq(shell("test $(wc -l < /tmp/looks) -ge 3"), 0);
	check_eq(shell("jq -es 'all(.[]; .id == %llu and .time > 0 and (.importers | length == 1))'"
		       " /tmp/looks", scene.export.id), 0);
	check_eq(shell("peerbuf ps -J | jq -e '.id == %llu'", scene.export.id), 0);
}

TEST(top_counts_since_the_last_look)
{
	struct scene scene;
	int status;
	pid_t pid;

	scene_open(&scene, "rp-edu", "rp-mem", 0);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	pid = check_sys(fork());
	if (!pid)
		_exit(shell("peerbuf top -d 1 -n 3 > /tmp/top"));
	while (!ended_within(pid, 0.02)) {
		check_ok(edu_map(scene.edu, scene.handle));
		check_ok(edu_unmap(scene.edu, scene.handle));
	}
	check_sys(waitpid(pid, &status, 0));
	check_eq(status_of(status), 0);
	check_eq(shell("test $(grep -c '^1 export, ' /tmp/top) = 3"), 0);
	check_eq(shell("awk '$1 == %llu && $5 > 0 && $8 == \"%s\" { n++ } END { exit n != 3 }' "
		       "/tmp/top", scene.export.id, lab_where("rp-edu")), 0);
}

TEST(vfio_mappings_show_their_iova_and_state)
{
	int container = vfio_container(), mem, dmabuf;
	struct vfio_edu edu;

	mem = vfio_open(container, "rp-mem", VFIO_VARIANT);
	vfio_edu_open(&edu, container, "rp-edu");
	dmabuf = vfio_export_one(mem, MEM_BAR, 0, SCENE_SIZE);
	check_ok(peerbuf_vfio_map(edu.fd, dmabuf, 0, SCENE_SIZE, PEER_IOVA, ACCESS, -1, NULL,
				  NULL));
	check_eq(shell("peerbuf ps -j | jq -e '.exports[0].vfio | length == 1 and "
		       "(.[0] | .iova == %llu and .state == \"MAPPED\" and .access == \"rw\" and "
		       ".device == \"%s\" and .pid == %d)'", (unsigned long long)PEER_IOVA,
		       lab_where("rp-edu"), getpid()), 0);
	check_eq(shell("peerbuf ps --vfio | awk '$4 == \"0x%llx\" && $8 == \"MAPPED\" { n++ } "
		       "END { exit n != 1 }'", (unsigned long long)PEER_IOVA), 0);
	check_eq(shell("peerbuf revoke $(peerbuf ps -j | jq '.exports[0].id')"), 0);
	check_eq(shell("peerbuf ps --vfio | grep ' AWAY '"), 0);
}
