// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses are looked up while threads map, unmap and move what is there, processes come and go,
 * and the buffers are revoked and moved. Whatever a call says must have been so at some moment,
 * and nothing may be left behind: that is the harness' to look at.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors.h"
#include "harness.h"
#include "lab.h"

#define SIZE	(64 * 1024)
#define PLACES	8
#define SLOTS	8
#define ROOM	(4 * SLOTS)
#define SECONDS	1
#define OFTEN	20

static int node, control;
static struct peer_export exports[2];
static __u8 *room;

static void open_all(void)
{
	node = node_open("rp-mem");
	control = control_open();
	for (int i = 0; i < 2; i++)
		check_ok(peer_export_one(node, MEM_BAR, i * SIZE, SIZE, 0, &exports[i]));
	room = mmap(NULL, SLOTS * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(room != MAP_FAILED);
}

static __u8 *any_slot(void)
{
	return room + rand() % SLOTS * SIZE;
}

/* A slot has nothing, ordinary memory, or one of the two buffers. */
static void map(const void *with)
{
	__u8 *slot = any_slot();

	(void)with;
	actor_breathe();
	switch (rand() % 4) {
	case 0:
		check_sys(munmap(slot, SIZE));
		actor_did("unmap");
		break;
	case 1:
		check(mmap(slot, SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == slot);
		break;
	case 2:
		if (mremap(slot, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, any_slot()) !=
		    MAP_FAILED)
			actor_did("move");
		else
			check(errno == EFAULT || errno == EINVAL);
		break;
	default:
		if (mmap(slot, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 exports[rand() % 2].fd, 0) != MAP_FAILED)
			actor_did("map");
		else
			check_eq(errno, ENODEV);
	}
}

static void check_found(const struct peerbuf_piece *piece)
{
	struct peerbuf_export_info info;

	if (piece->kind != PEERBUF_PIECE_PEERBUF)
		return;
	check(piece->parent == exports[0].id || piece->parent == exports[1].id);
	if (piece->fd < 0) {
		check(piece->reason == PEERBUF_REASON_REVOKED);
		return;
	}
	check_ok(peer_query_fd(control, piece->fd, &info));
	check_eq(info.parent, piece->parent);
	check_eq(info.buffer_size, (piece->offset + piece->length + PAGE - 1) & ~(PAGE - 1));
	check_sys(close(piece->fd));
	actor_did("find");
}

/* Any bytes of the room, which others are at work on. */
static void look(const void *with)
{
	struct peerbuf_piece pieces[ROOM];
	__u64 at = rand() % (SLOTS * SIZE), next;
	__u64 length = 1 + rand() % (SLOTS * SIZE - at);
	__u32 nr = ROOM;

	(void)with;
	check_ok(peer_lookup(control, room + at, length, 0, pieces, &nr));
	next = (unsigned long)room + at;
	for (__u32 i = 0; i < nr; i++) {
		check_eq(pieces[i].addr, next);
		next += pieces[i].length;
		check_found(&pieces[i]);
	}
	check_eq(next, (unsigned long)room + at + length);
}

static void compose(const void *with)
{
	__u64 at = rand() % ((SLOTS - 1) * SIZE);
	struct peer_export composed;
	int ret;

	(void)with;
	ret = peer_compose(control, room + at, SIZE, &composed, NULL, NULL);
	check_among(ret, EOPNOTSUPP, ENODEV);
	if (ret)
		return;
	close(composed.fd);
	actor_did("compose");
}

static void change(const void *with)
{
	struct peer_export *export = &exports[rand() % 2];

	(void)with;
	actor_breathe();
	switch (rand() % 3) {
	case 0:
		check_among(peer_revoke(node, export->id, 100), EINPROGRESS);
		actor_did("revoke");
		break;
	case 1:
		check_among(peer_restore(node, export->id), EALREADY);
		break;
	default:
		check_among(peer_move_one(node, export->id, MEM_BAR, rand() % PLACES * SIZE, SIZE,
					  0), ENODEV, EBUSY);
		actor_did("move");
	}
}

static const struct part mapper = {
	.name = "mapper", .act = map, .least = OFTEN, .deeds = { "map", "unmap", "move" },
}, looker = {
	.name = "looker", .act = look, .least = OFTEN, .deeds = { "find" },
}, composer = {
	.name = "composer", .act = compose, .least = OFTEN, .deeds = { "compose" },
}, changer = {
	.name = "changer", .act = change, .least = OFTEN, .deeds = { "revoke", "move" },
};

TEST(mappings_change_meanwhile, .timeout = 60)
{
	open_all();
	actor_start_thread(&mapper);
	actor_start_thread(&looker);
	actor_start_thread(&composer);
	actors_perform(SECONDS);
	actors_stop();
}

TEST(buffers_change_meanwhile, .timeout = 60)
{
	open_all();
	for (int i = 0; i < SLOTS; i++)
		check(mmap(room + i * SIZE, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			   exports[i % 2].fd, 0) != MAP_FAILED);
	actor_start(&changer);
	actor_start(&looker);
	actor_start(&composer);
	actors_perform(SECONDS);
	actors_stop();
}

/* A child has the mappings, an image that replaces it has not. */
static void fork_and_exec(const void *with)
{
	pid_t pid = check_sys(fork());
	int status;

	if (!pid) {
		look(with);
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
	actor_did("exec");
}

static const struct part forker = {
	.name = "forker", .act = fork_and_exec, .least = 5, .deeds = { "exec", "find" },
};

TEST(processes_come_and_go, .timeout = 60)
{
	open_all();
	for (int i = 0; i < SLOTS; i++)
		check(mmap(room + i * SIZE, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			   exports[i % 2].fd, 0) != MAP_FAILED);
	actor_start(&forker);
	actor_start(&looker);
	actors_perform(SECONDS);
	actors_stop();
}

/* Ranges that somebody made up: an answer for each, and none of somebody else's memory. */
TEST(any_range, .timeout = 60)
{
	struct peerbuf_piece pieces[ROOM];
	unsigned int count = rounds(2000);
	__u64 at, length;
	__u32 nr;

	open_all();
	for (unsigned int i = 0; i < count; i++) {
		at = ((__u64)rand() << 32 ^ rand()) >> rand() % 64;
		length = ((__u64)rand() << 32 ^ rand()) >> rand() % 64;
		nr = rand() % ROOM;
		if (rand() % 2)
			at = (unsigned long)room + rand() % SIZE;
		check_among(peer_lookup(control, (void *)at, length, PEERBUF_LOOKUP_F_LOOK, pieces,
					&nr), EINVAL, EOVERFLOW, EMSGSIZE);
	}
}
