// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A piece of a BAR for another process, over a unix socket:
 *
 *	vfio-send DEVICE BAR OFFSET:LENGTH SOCKET
 *
 * Waits at SOCKET for one process, sends it the dma-buf, and keeps the device open until that
 * process hangs up: closing the device would revoke the memory.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <peerbuf_vfio.h>

static int need(int fd, const char *what)
{
	if (fd < 0) {
		fprintf(stderr, "vfio-send: %s: %s\n", what, strerror(-fd));
		exit(1);
	}
	return fd;
}

static int wait_for_peer(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1)) {
		perror(path);
		exit(1);
	}
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

static void send_fd(int peer, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(peer, &message, 0) < 0) {
		perror("sendmsg");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	struct vfio_region_dma_range range;
	struct peerbuf_range piece;
	int container, device, dmabuf, peer;
	char byte;

	if (argc != 5 || peerbuf_range_parse(argv[3], atoi(argv[2]), &piece))
		return 2;
	range = (struct vfio_region_dma_range) { piece.offset, piece.length };
	container = need(peerbuf_vfio_open_container(), "/dev/vfio/vfio");
	device = need(peerbuf_vfio_open(container, argv[1]), argv[1]);
	need(peerbuf_vfio_command(device, 0, PCI_COMMAND_MEMORY), argv[1]);
	dmabuf = need(peerbuf_vfio_export(device, piece.bar, &range, 1, O_RDWR | O_CLOEXEC),
		      "export");
	peer = wait_for_peer(argv[4]);
	send_fd(peer, dmabuf);
	close(dmabuf);
	while (read(peer, &byte, 1) > 0)
		;
	return 0;
}
