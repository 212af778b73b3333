// SPDX-License-Identifier: GPL-2.0
/*
 * Files of a mounted file system, straight into a buffer: each against what read(2) says, and,
 * after a write, against an ordinary read of the file.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/falloc.h>
#include <linux/fs.h>

#include "actors.h"
#include "drive.h"
#include "harness.h"
#include "scene.h"
#include "shell.h"

#define MEM		"rp-mem"
#define START		(1ULL << 20)
#define SIZE		(8ULL << 20)
#define FOLDER		"/tmp/drive"
#define BLOCK		4096ULL

static int control, node;
static struct peer_export export;
static const char *type;

static void open_all(const char *fs, const char *options)
{
	control = control_open();
	node = node_open(MEM);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	type = fs;
	drive_mount(fs, options, FOLDER);
}

static void on_filesystem(const char *name, const char *options, void (*run)(void))
{
	open_all(name, options);
	run();
	drive_unmount(FOLDER);
}

static int file_open(const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), FOLDER "/%s", name);
	return check_sys(open(path, flags | O_CLOEXEC, 0644));
}

static void file_fill(int fd, __u64 from, size_t length, __u32 seed)
{
	__u8 *data = malloc(length);

	pattern_fill(data, length, seed);
	check_eq(check_sys(pwrite(fd, data, length, from)), length);
	free(data);
}

/* Closed, so that ext4 lets it be read. */
static void file_make(const char *name, size_t length, __u32 seed)
{
	int fd = file_open(name, O_RDWR | O_CREAT | O_TRUNC);

	file_fill(fd, 0, length, seed);
	check_sys(fsync(fd));
	close(fd);
}

static struct peerbuf_ioc_file call_of(int fd, __u64 from, __u64 offset, __u64 length)
{
	return (struct peerbuf_ioc_file) {
		.file_fd = fd, .dmabuf_fd = export.fd, .file_offset = from, .offset = offset,
		.length = length,
	};
}

/* What read(2) says is in the BAR, and nothing beside it. What went through system memory: */
static __u64 arrives(const char *name, __u64 from, __u64 offset, __u64 length)
{
	__u8 *expected = malloc(length), *found = malloc(length + 64);
	int fd = file_open(name, O_RDONLY);
	struct peerbuf_ioc_file call = call_of(fd, from, offset, length);
	ssize_t done = check_sys(pread(fd, expected, length, from));
	int ret;

	lab_host_fill(MEM, START + offset, length + 64, SCENE_PAINT);
	ret = peer_file(control, false, &call);
	if (ret)
		fail("%s, reason %u", strerror(-ret), peer_reason);
	check_eq(call.bytes, done);
	check_eq(call.direct + call.unaligned + call.unmapped, done);
	check_eq(call.fallback, 0);
	lab_host_read(MEM, START + offset, found, length + 64);
	check(!memcmp(found, expected, done));
	check(all_bytes_are(found + done, length + 64 - done, SCENE_PAINT));
	close(fd);
	free(expected);
	free(found);
	return call.unaligned + call.unmapped;
}

static void whole_files(void)
{
	size_t big = 3 * DRIVE_COMMAND + 77;

	file_make("big", big, 1);
	check_eq(arrives("big", 0, 0, SIZE), 77);
	check_eq(arrives("big", 2 * SECTOR, PAGE, 2 * DRIVE_COMMAND), 0);
	check_eq(arrives("big", 3, 3, 2 * BLOCK), SECTOR);
	check_eq(arrives("big", big - 1, 5, 100), 1);
	file_make("byte", 1, 2);
	check_eq(arrives("byte", 0, 0, PAGE), 1);
	file_make("block", BLOCK, 3);
	check_eq(arrives("block", 0, 0, BLOCK), 0);
}

static void punch(int fd, __u64 from, __u64 length)
{
	check_sys(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, length));
}

/* Blocks of two files alternate, and so do blocks, holes and unwritten ones of one. */
static void broken_files(void)
{
	int a = file_open("a", O_RDWR | O_CREAT), b = file_open("b", O_RDWR | O_CREAT);
	__u64 unwritten;

	for (__u64 n = 0; n < 40; n++) {
		file_fill(a, n * BLOCK, BLOCK, 100 + n);
		check_sys(fsync(a));
		file_fill(b, n * 3 * BLOCK, BLOCK, 200 + n);
		check_sys(fsync(b));
	}
	check_sys(ftruncate(b, 120 * BLOCK));
	for (__u64 n = 0; n < 40; n++)
		punch(b, (3 * n + 1) * BLOCK, 2 * BLOCK);
	close(a);
	close(b);
	check_eq(arrives("a", 0, 0, SIZE), 0);
	check_eq(arrives("b", 0, 0, SIZE), 80 * BLOCK);
	a = file_open("c", O_RDWR | O_CREAT);
	check_sys(fallocate(a, 0, 0, 20 * BLOCK));
	file_fill(a, 4 * BLOCK, 3 * BLOCK, 7);
	check_sys(fsync(a));
	close(a);
	/* ext4 rather fills a few blocks with zeros than split an extent. */
	unwritten = arrives("c", 0, 0, SIZE);
	check(unwritten <= 17 * BLOCK && unwritten >= 8 * BLOCK);
}

/* Not written back yet, and with no block yet. */
static void fresh_file(void)
{
	int fd = file_open("fresh", O_RDWR | O_CREAT);

	file_fill(fd, 0, 10 * BLOCK, 31);
	close(fd);
	check_eq(arrives("fresh", 0, 0, SIZE), 0);
}

static void any_part(void)
{
	static const unsigned int steps[] = { 1, 4, SECTOR, BLOCK };
	__u64 area = 100 * BLOCK;

	for (unsigned int i = 0; i < rounds(30); i++) {
		__u64 step = steps[dice(4)], length = (1 + dice(area / step - 1)) * step,
		      from = dice((area - length) / step + 1) * step;

		arrives("b", from, dice(2) ? from : dice(64) * step, length);
	}
}

static void strict_refuses_holes(void)
{
	int fd = file_open("b", O_RDONLY);
	struct peerbuf_ioc_file call = call_of(fd, 0, 0, 4 * BLOCK);

	call.flags = PEERBUF_FILE_F_STRICT;
	check_fails(peer_file(control, false, &call), EINVAL);
	check_eq(peer_reason, PEERBUF_REASON_NO_BLOCK);
	check_eq(call.commands, 0);
	call.length = BLOCK;
	check_ok(peer_file(control, false, &call));
	check_eq(call.direct, BLOCK);
	close(fd);
}

static void files_arrive(void)
{
	whole_files();
	broken_files();
	fresh_file();
	any_part();
	strict_refuses_holes();
}

TEST(ext4_files_arrive, .timeout = 300)
{
	on_filesystem("ext4", "-F", files_arrive);
}

TEST(xfs_files_arrive, .timeout = 300)
{
	on_filesystem("xfs", "-f", files_arrive);
}

/* Smaller than a page, blocks share pages of the page cache. */
TEST(ext4_files_of_small_blocks_arrive, .timeout = 300)
{
	open_all("ext4", "-F -b 1024");
	file_make("big", 2 * DRIVE_COMMAND + 700, 1);
	check_eq(arrives("big", 0, 0, SIZE), 700 % SECTOR);
	check_eq(arrives("big", 3 * SECTOR, 0, 9 * SECTOR), 0);
	drive_unmount(FOLDER);
}

TEST(ext4_inline_files_arrive)
{
	open_all("ext4", "-F -I 512 -O inline_data");
	file_make("little", 100, 5);
	check_eq(arrives("little", 0, 0, PAGE), 100);
	drive_unmount(FOLDER);
}

TEST(xfs_shared_blocks_arrive)
{
	int from, to;

	open_all("xfs", "-f -m reflink=1");
	file_make("one", 20 * BLOCK, 5);
	from = file_open("one", O_RDONLY);
	to = file_open("two", O_RDWR | O_CREAT);
	check_sys(ioctl(to, FICLONE, from));
	file_fill(to, 3 * BLOCK, BLOCK, 6);
	close(from);
	close(to);
	check_eq(arrives("one", 0, 0, SIZE), 20 * BLOCK);
	check_eq(arrives("two", 0, 0, SIZE), 20 * BLOCK);
	drive_unmount(FOLDER);
}

/* ---- what is refused ---- */

static void refused(int fd, bool write, int error, __u32 reason)
{
	struct peerbuf_ioc_file call = call_of(fd, 0, 0, BLOCK);

	check_fails(peer_file(control, write, &call), error);
	check_eq(peer_reason, reason);
	check_eq(call.bytes, 0);
}

static void set_flags(int fd, int flags)
{
	check_sys(ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

TEST(ext4_files_that_are_open_for_writing)
{
	void *map;
	int reader, writer;

	open_all("ext4", "-F");
	file_make("file", 4 * BLOCK, 1);
	reader = file_open("file", O_RDONLY);
	writer = file_open("file", O_RDWR);
	refused(reader, false, ETXTBSY, PEERBUF_REASON_FILE_BUSY);
	refused(writer, false, ETXTBSY, PEERBUF_REASON_FILE_BUSY);
	map = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, writer, 0);
	check(map != MAP_FAILED);
	close(writer);
	refused(reader, false, ETXTBSY, PEERBUF_REASON_FILE_BUSY);
	check_sys(munmap(map, BLOCK));
	check_eq(arrives("file", 0, 0, SIZE), 0);
	/* And afterwards it can be written again. */
	close(file_open("file", O_RDWR));
	close(reader);
	drive_unmount(FOLDER);
}

/* What somebody reads who may neither write to it nor execute it, others can write to. */
TEST(ext4_readers_deny_nobody)
{
	struct peerbuf_ioc_file call;
	int fd, status;
	pid_t pid;

	open_all("ext4", "-F");
	file_make("file", 4 * BLOCK, 1);
	fd = file_open("file", O_RDONLY);
	pid = check_sys(fork());
	if (!pid) {
		check_sys(setgid(65534));
		check_sys(setuid(65534));
		call = call_of(fd, 0, 0, 4 * BLOCK);
		check_ok(peer_file(control, false, &call));
		check_eq(call.bytes, 4 * BLOCK);
		check_eq(call.direct, 0);
		check_eq(call.unmapped, 4 * BLOCK);
		_exit(0);
	}
	check_eq(check_sys(waitpid(pid, &status, 0)), pid);
	check(!status);
	check_host_pattern(MEM, START, 4 * BLOCK, 1);
	close(fd);
	drive_unmount(FOLDER);
}

static void special_files(void)
{
	int fd, flags;

	file_make("file", 4 * BLOCK, 1);
	fd = file_open("file", O_RDONLY);
	check_sys(ioctl(fd, FS_IOC_GETFLAGS, &flags));
	set_flags(fd, flags | FS_IMMUTABLE_FL);
	refused(fd, false, EOPNOTSUPP, PEERBUF_REASON_FILE_KIND);
	set_flags(fd, flags);
	close(fd);
	fd = file_open("file", O_RDWR | O_APPEND);
	refused(fd, true, EOPNOTSUPP, PEERBUF_REASON_FILE_KIND);
	close(fd);
	check_eq(shell("dd if=/dev/zero of=" FOLDER "/swap bs=64k count=16 status=none && "
		       "chmod 600 " FOLDER "/swap && mkswap -q " FOLDER "/swap"), 0);
	fd = file_open("swap", O_RDWR);
	check_sys(swapon(FOLDER "/swap", 0));
	refused(fd, false, EOPNOTSUPP, PEERBUF_REASON_FILE_KIND);
	refused(fd, true, EOPNOTSUPP, PEERBUF_REASON_FILE_KIND);
	check_sys(swapoff(FOLDER "/swap"));
	close(fd);
}

TEST(special_files_are_refused)
{
	int fd;

	open_all("ext4", "-F");
	special_files();
	drive_unmount(FOLDER);
	fd = check_sys(open("/tmp", O_TMPFILE | O_RDWR, 0600));
	check_sys(ftruncate(fd, BLOCK));
	refused(fd, false, EOPNOTSUPP, PEERBUF_REASON_FILESYSTEM);
	close(fd);
}

/* ---- writing ---- */

static void written(const char *name, int flags, __u64 from, __u64 length, __u64 direct)
{
	__u8 *cpu = buffer_map(export.fd, SIZE, 0), *data = malloc(length);
	int fd = file_open(name, O_WRONLY | flags), reader = file_open(name, O_RDONLY);
	struct peerbuf_ioc_file call = call_of(fd, from, from % BLOCK, length);
	int ret;

	pattern_fill(cpu + from % BLOCK, length, 55);
	/* In the page cache there is what was before. */
	check(pread(reader, data, length, from) >= 0);
	ret = peer_file(control, true, &call);
	if (ret)
		fail("%s, reason %u", strerror(-ret), peer_reason);
	check_eq(call.bytes, length);
	check_eq(call.direct, direct);
	check_eq(check_sys(pread(reader, data, length, from)), length);
	check(pattern_matches(data, length, 55));
	close(fd);
	close(reader);
	munmap(cpu, SIZE);
	free(data);
}

static void content(const char *name, __u64 from, __u64 length, __u32 seed)
{
	__u8 *data = malloc(from + length);
	int fd = file_open(name, O_RDONLY);

	check_eq(check_sys(pread(fd, data, from + length, 0)), from + length);
	check(pattern_matches_part(data + from, from, length, seed));
	close(fd);
	free(data);
}

TEST(xfs_blocks_are_written_in_place)
{
	struct stat before, after;
	int fd;

	open_all("xfs", "-f");
	file_make("file", 100 * BLOCK, 1);
	check_sys(stat(FOLDER "/file", &before));
	pause_ms(50);
	written("file", 0, 8 * BLOCK, 64 * BLOCK, 64 * BLOCK);
	check_sys(stat(FOLDER "/file", &after));
	check_eq(after.st_size, before.st_size);
	check(after.st_mtim.tv_sec > before.st_mtim.tv_sec ||
	      after.st_mtim.tv_nsec != before.st_mtim.tv_nsec);
	check_eq(shell("umount " FOLDER " && mount /dev/%sp1 " FOLDER, drive_name()), 0);
	content("file", 0, 8 * BLOCK, 1);
	content("file", 72 * BLOCK, 28 * BLOCK, 1);
	written("file", O_DSYNC, 8 * BLOCK + 100, BLOCK, BLOCK - SECTOR);
	/* What has no block, and what makes it longer, is an ordinary write. */
	written("file", 0, 99 * BLOCK, 2 * BLOCK, 0);
	file_make("sparse", 8 * BLOCK, 1);
	fd = file_open("sparse", O_RDWR);
	punch(fd, BLOCK, 5 * BLOCK);
	close(fd);
	written("sparse", 0, 0, 4 * BLOCK, BLOCK);
	check_eq(shell("umount " FOLDER " && xfs_repair -n /dev/%sp1 && mount /dev/%sp1 " FOLDER,
		       drive_name(), drive_name()), 0);
	drive_unmount(FOLDER);
}

TEST(ext4_is_written_through_the_page_cache)
{
	struct rlimit limit = { .rlim_max = RLIM_INFINITY };
	struct peerbuf_ioc_file call;
	int fd, ret;

	open_all("ext4", "-F");
	file_make("file", 100 * BLOCK, 1);
	written("file", 0, 8 * BLOCK, 20 * BLOCK, 0);
	written("file", 0, 98 * BLOCK + 5, 4 * BLOCK, 0);
	fd = file_open("file", O_WRONLY);
	call = call_of(fd, 0, 0, BLOCK);
	call.flags = PEERBUF_FILE_F_STRICT;
	check_fails(peer_file(control, true, &call), EINVAL);
	check_eq(peer_reason, PEERBUF_REASON_NO_BLOCK);
	content("file", 0, 8 * BLOCK, 1);
	/* What is left of a write that ends early says why. */
	call = call_of(fd, 0, 0, 4 * BLOCK);
	limit.rlim_cur = 2 * BLOCK;
	check(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	check_sys(setrlimit(RLIMIT_FSIZE, &limit));
	ret = peer_file(control, true, &call);
	limit.rlim_cur = RLIM_INFINITY;
	check_sys(setrlimit(RLIMIT_FSIZE, &limit));
	check_eq(ret, -EFBIG);
	close(fd);
	drive_unmount(FOLDER);
}

static void write_on(const void *with)
{
	const int *fd = with;
	struct peerbuf_ioc_file call = call_of(*fd, 0, 0, 4 * BLOCK);

	check_ok(peer_file(control, true, &call));
	check_eq(call.bytes, 4 * BLOCK);
}

/* A frozen file system is not written to, and who waits for that goes on when it has thawed. */
static void freezes_while_written(void)
{
	int folder, fd;
	unsigned long done;
	struct actor *actor;

	file_make("file", 4 * BLOCK, 1);
	fd = file_open("file", O_WRONLY);
	folder = check_sys(open(FOLDER, O_RDONLY | O_CLOEXEC));
	actor = actor_start_thread(&(struct part) {
		.name = "writer", .with = &fd, .act = write_on, .least = 10,
	});
	for (unsigned int i = 0; i < rounds(100); i++) {
		actor_await(actor, 1);
		check_sys(ioctl(folder, FIFREEZE, 0));
		done = actor_rounds(actor);
		pause_ms(i % 3);
		check(actor_rounds(actor) <= done + 1);
		check_sys(ioctl(folder, FITHAW, 0));
	}
	actors_stop();
	close(folder);
	close(fd);
}

TEST(ext4_freezes_while_written, .timeout = 120)
{
	on_filesystem("ext4", "-F", freezes_while_written);
}

TEST(xfs_freezes_while_written, .timeout = 120)
{
	on_filesystem("xfs", "-f", freezes_while_written);
}

/* ---- others at work on the same file ---- */

static void do_write(const void *with)
{
	int fd = open(FOLDER "/busy", O_RDWR | O_CLOEXEC);
	__u8 data[2 * BLOCK];

	(void)with;
	if (fd < 0) {
		check_eq(errno, ETXTBSY);
		actor_breathe();
		return;
	}
	memset(data, 'A' + dice(20), sizeof(data));
	check(pwrite(fd, data, sizeof(data), dice(60) * BLOCK) > 0);
	if (dice(2))
		check_sys(fsync(fd));
	punch(fd, dice(60) * BLOCK, BLOCK);
	if (!dice(4)) {
		check_sys(ftruncate(fd, dice(40) * BLOCK));
		check_sys(ftruncate(fd, 64 * BLOCK));
	}
	close(fd);
	actor_did("wrote");
	actor_breathe();
}

/* Each block has one letter, or is a hole: a page of another file's would not. */
static void check_blocks(__u64 length)
{
	__u8 *data = malloc(length);

	lab_host_read(MEM, START, data, length);
	for (__u64 at = 0; at < length; at += BLOCK) {
		__u8 first = data[at];

		check(!first || first == SCENE_PAINT || (first >= 'A' && first < 'A' + 20));
		for (__u64 n = 1; n < BLOCK; n++)
			check_eq(data[at + n], first);
	}
	free(data);
}

static void do_read(const void *with)
{
	int fd = file_open("busy", O_RDONLY);
	struct peerbuf_ioc_file call = call_of(fd, 0, 0, 64 * BLOCK);
	int ret = peer_file(control, false, &call);

	(void)with;
	close(fd);
	if (ret == -ETXTBSY) {
		actor_breathe();
		return;
	}
	if (ret)
		fail("%s, reason %u", strerror(-ret), peer_reason);
	check_blocks(call.bytes / BLOCK * BLOCK);
	actor_did("read");
	actor_breathe();
}

static void at_work(void)
{
	int fd = file_open("busy", O_RDWR | O_CREAT);

	check_sys(ftruncate(fd, 64 * BLOCK));
	close(fd);
	lab_host_fill(MEM, START, 64 * BLOCK, SCENE_PAINT);
	actor_start(&(struct part) {
		.name = "writer", .act = do_write, .least = 5, .deeds = { "wrote" },
	});
	actor_start(&(struct part) {
		.name = "reader", .act = do_read, .least = 5, .deeds = { "read" },
	});
	actors_perform(2);
	actors_stop();
	check_eq(shell("rm " FOLDER "/busy"), 0);
}

TEST(xfs_file_that_others_write, .timeout = 300)
{
	on_filesystem("xfs", "-f", at_work);
}

TEST(ext4_file_that_others_write, .timeout = 300)
{
	on_filesystem("ext4", "-F", at_work);
}
