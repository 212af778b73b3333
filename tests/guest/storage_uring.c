// SPDX-License-Identifier: GPL-2.0
/* Blocks between a drive and a buffer, asked for by io_uring: many calls at a time. */
#include <fcntl.h>
#include <unistd.h>

#include <liburing.h>

#include <peerbuf.h>

#include "drive.h"
#include "harness.h"
#include "scene.h"

#define MEM		"rp-mem"
#define START		(1ULL << 20)
#define SIZE		(4ULL << 20)
#define CALLS		16

static int control, node, disk;
static struct peer_export export;
static struct io_uring ring;
static struct peerbuf_ioc_file ios[CALLS];

static void open_all(void)
{
	int ret;

	control = control_open();
	disk = drive_open(O_RDWR);
	node = node_open(MEM);
	lab_host_fill(MEM, 0, START + SIZE, SCENE_PAINT);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	ret = io_uring_queue_init(CALLS, &ring, 0);
	if (ret)
		fail("io_uring: %s", strerror(-ret));
}

static struct io_uring_sqe *submit_read(unsigned int n, __u64 length)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	ios[n] = (struct peerbuf_ioc_file) {
		.file_fd = disk, .dmabuf_fd = export.fd, .length = length,
		.file_offset = n * length, .offset = n * length, .depth = 1,
	};
	check_eq(peerbuf_file_prepare_read(sqe, control, &ios[n]), 0);
	sqe->user_data = n;
	return sqe;
}

static int completion(__u64 *who)
{
	struct io_uring_cqe *cqe;
	int res;

	check_eq(io_uring_wait_cqe(&ring, &cqe), 0);
	res = cqe->res;
	*who = cqe->user_data;
	io_uring_cqe_seen(&ring, cqe);
	return res;
}

TEST(many_reads_at_a_time)
{
	__u64 length = SIZE / CALLS, who;

	open_all();
	for (unsigned int n = 0; n < CALLS; n++)
		submit_read(n, length);
	check_eq(io_uring_submit(&ring), CALLS);
	for (unsigned int n = 0; n < CALLS; n++) {
		check_eq(completion(&who), length);
		check_eq(ios[who].bytes, length);
		check_eq(ios[who].direct, length);
	}
	check_host_medium(MEM, START, 0, SIZE);
}

TEST(write_and_registered_files)
{
	struct io_uring_sqe *sqe;
	__u64 who;
	__u8 *cpu;

	open_all();
	check_eq(io_uring_register_files(&ring, &control, 1), 0);
	cpu = buffer_map(export.fd, SIZE, 0);
	pattern_fill(cpu, 4 * PAGE, 9);
	sqe = io_uring_get_sqe(&ring);
	ios[0] = (struct peerbuf_ioc_file) {
		.file_fd = disk, .dmabuf_fd = export.fd, .length = 4 * PAGE,
		.file_offset = 1ULL << 20,
	};
	check_eq(peerbuf_file_prepare_write(sqe, 0, &ios[0]), 0);
	sqe->flags |= IOSQE_FIXED_FILE;
	check_eq(io_uring_submit(&ring), 1);
	check_eq(completion(&who), 4 * PAGE);
	memset(cpu, 0, 4 * PAGE);
	ios[1] = ios[0];
	check_ok(peer_file(control, false, &ios[1]));
	check(pattern_matches(cpu, 4 * PAGE, 9));
	drive_restore(1ULL << 20, 4 * PAGE);
}

/* The result is the errno, and the structure has the reason. */
TEST(refusals_are_told)
{
	struct io_uring_sqe *sqe;
	__u64 who;

	open_all();
	submit_read(0, PAGE);
	ios[0].depth = PEERBUF_FILE_MAX_DEPTH + 1;
	check_eq(io_uring_submit(&ring), 1);
	check_eq(completion(&who), -EINVAL);
	check_eq(ios[0].reason, PEERBUF_REASON_QUEUE_DEPTH);
	submit_read(1, PAGE);
	ios[1].file_fd = 999;
	check_eq(io_uring_submit(&ring), 1);
	check_eq(completion(&who), -EBADF);
	check_eq(ios[1].reason, PEERBUF_REASON_BAD_FD);
	/* Other calls are not made in this way, nor by nodes. */
	sqe = submit_read(2, PAGE);
	sqe->cmd_op = PEERBUF_IOC_STATS;
	check_eq(io_uring_submit(&ring), 1);
	check_eq(completion(&who), -EOPNOTSUPP);
	sqe = submit_read(3, PAGE);
	sqe->fd = node;
	check_eq(io_uring_submit(&ring), 1);
	check_eq(completion(&who), -EOPNOTSUPP);
	check_host_bytes(MEM, START, PAGE, SCENE_PAINT);
}

/* Each has ended or was cancelled, and says how many of its bytes are good. */
TEST(cancelled_in_flight)
{
	struct io_uring_sqe *sqe;
	unsigned int cancelled = 0;
	__u64 who;
	int res;

	open_all();
	for (unsigned int round = 0; round < rounds(16); round++) {
		submit_read(0, SIZE);
		check_eq(io_uring_submit(&ring), 1);
		pause_ms(round % 4);
		sqe = io_uring_get_sqe(&ring);
		io_uring_prep_cancel64(sqe, 0, 0);
		sqe->user_data = 99;
		check_eq(io_uring_submit(&ring), 1);
		for (unsigned int n = 0; n < 2; n++) {
			res = completion(&who);
			if (who == 99)
				continue;
			if (res != (int)SIZE && res != -EINTR && res != -ECANCELED)
				fail("round %u: %d", round, res);
			if (res == -EINTR) {
				check_eq(ios[0].reason, PEERBUF_REASON_INTERRUPTED);
				check(ios[0].bytes < SIZE);
			}
			cancelled += res != (int)SIZE;
		}
		check_host_medium(MEM, START, 0, ios[0].bytes);
		lab_host_fill(MEM, START, SIZE, SCENE_PAINT);
		pause_ms(2);
		check_host_bytes(MEM, START, 4 * PAGE, SCENE_PAINT);
	}
	check(cancelled);
}

/* Whoever goes away takes what is in flight with him. */
TEST(ring_is_closed_in_flight)
{
	struct peerbuf_export_info info;

	open_all();
	for (unsigned int n = 0; n < CALLS; n++)
		submit_read(n, SIZE / CALLS);
	check_eq(io_uring_submit(&ring), CALLS);
	io_uring_queue_exit(&ring);
	eventually(10, !peer_query(node, export.id, &info) && !info.nr_attachments);
}
