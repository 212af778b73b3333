// SPDX-License-Identifier: GPL-2.0
/* The examples that come with the library do what they say. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "vfio.h"

#define EXAMPLES	"/usr/libexec/peerbuf/examples/"
#define EDU		"rp-edu"
#define MEM		"rp-mem"
#define SOCKET		"/run/vfio-send"
#define LENGTH		1000

/* Its output is what the returned descriptor reads. */
static int start(const char *name, char *const *argv, pid_t *pid)
{
	char path[128];
	int pipes[2];

	snprintf(path, sizeof(path), EXAMPLES "%s", name);
	check_sys(pipe(pipes));
	*pid = check_sys(fork());
	if (!*pid) {
		dup2(pipes[1], 1);
		close(pipes[0]);
		close(pipes[1]);
		execv(path, argv);
		fail("%s: %s", path, strerror(errno));
	}
	close(pipes[1]);
	return pipes[0];
}

static void expect_line(FILE *from, const char *expected)
{
	char line[256];

	if (!fgets(line, sizeof(line), from))
		fail("it ended without a line \"%s\"", expected);
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, expected))
		fail("\"%s\" instead of \"%s\"", line, expected);
}

TEST(peer_maps_a_bar)
{
	char mem[24], edu[24], expected[128];
	char *argv[] = { (char *)"vfio-peer", mem, (char *)"2", edu, (char *)"0x40000000", NULL };
	struct peerbuf_ioc_stats stats;
	pid_t pid;
	FILE *out;

	vfio_prepare(MEM, VFIO_VARIANT);
	vfio_prepare(EDU, VFIO_VARIANT);
	snprintf(mem, sizeof(mem), "%s", lab_where(MEM));
	snprintf(edu, sizeof(edu), "%s", lab_where(EDU));
	out = fdopen(start("vfio-peer", argv, &pid), "r");
	check(out);
	snprintf(expected, sizeof(expected), "%s BAR 2 at 0x40000000 for %s: MAPPED", mem, edu);
	expect_line(out, expected);
	check_ok(peer_stats(&stats));
	check_eq(stats.live_exports, 1);
	check_eq(stats.live_mappings, 1);
	process_kill(pid);
}

static int receive_from(const char *path, int *dmabuf)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int peer = check_sys(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	eventually(10, !connect(peer, (struct sockaddr *)&address, sizeof(address)));
	check_eq(recvmsg(peer, &msg, MSG_CMSG_CLOEXEC), 1);
	check(CMSG_FIRSTHDR(&msg));
	memcpy(dmabuf, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(*dmabuf));
	return peer;
}

TEST(send_gives_a_piece_of_a_bar_to_another_process)
{
	char mem[24];
	char *argv[] = { (char *)"vfio-send", mem, (char *)"2", (char *)"64K:128K",
			 (char *)SOCKET, NULL };
	int out, peer, dmabuf, status;
	struct vfio_edu edu;
	__u8 data[LENGTH];
	pid_t pid;

	unlink(SOCKET);
	vfio_prepare(MEM, VFIO_VARIANT);
	snprintf(mem, sizeof(mem), "%s", lab_where(MEM));
	out = start("vfio-send", argv, &pid);
	vfio_edu_open(&edu, vfio_container(), EDU);
	peer = receive_from(SOCKET, &dmabuf);
	check_ok(peerbuf_vfio_map(edu.fd, dmabuf, 0, 128 * 1024, PEER_IOVA,
				  PEERBUF_VFIO_MAP_F_READ | PEERBUF_VFIO_MAP_F_WRITE, -1, NULL,
				  NULL));
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, 1);
	lab_host_read(MEM, 64 * 1024, data, sizeof(data));
	check(pattern_matches(data, sizeof(data), 1));
	/* Hanging up is the end of it. */
	close(peer);
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
	check_eq(vfio_state(edu.fd, PEER_IOVA), PEERBUF_VFIO_STATE_DEAD);
	close(out);
}
