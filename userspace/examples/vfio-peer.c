// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One device's memory in another device's address space, both owned by this process:
 *
 *	vfio-peer MEMORY BAR DEVICE IOVA
 *
 * From then on DEVICE reaches the BAR of MEMORY at IOVA when it is programmed to do DMA there.
 * Prints when that changes, until it is interrupted.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <peerbuf_vfio.h>

/* Returns the descriptor, or ends the program. */
static int need(int fd, const char *what)
{
	if (fd < 0) {
		fprintf(stderr, "vfio-peer: %s: %s\n", what, strerror(-fd));
		exit(1);
	}
	return fd;
}

static void explain(const struct peerbuf_error *error)
{
	char text[160];

	peerbuf_error_format(error, text, sizeof(text));
	fprintf(stderr, "vfio-peer: %s: %s\n", text, peerbuf_reason_advice(error->reason));
	exit(1);
}

int main(int argc, char **argv)
{
	const uint32_t access = PEERBUF_VFIO_MAP_F_READ | PEERBUF_VFIO_MAP_F_WRITE;
	struct peerbuf_vfio_ioc_query mapping;
	struct peerbuf_vfio_region region;
	int container, memory, device, dmabuf, event;
	struct peerbuf_error error;
	uint64_t iova, changes;

	if (argc != 5)
		return 2;
	iova = strtoull(argv[4], NULL, 0);
	container = need(peerbuf_vfio_open_container(), "/dev/vfio/vfio");
	memory = need(peerbuf_vfio_open(container, argv[1]), argv[1]);
	device = need(peerbuf_vfio_open(container, argv[3]), argv[3]);
	event = need(eventfd(0, EFD_CLOEXEC), "eventfd");

	/* The memory needs its device to decode memory; the other device needs bus mastering. */
	need(peerbuf_vfio_command(memory, 0, PCI_COMMAND_MEMORY), argv[1]);
	need(peerbuf_vfio_command(device, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER), argv[3]);

	dmabuf = need(peerbuf_vfio_export_bar(memory, atoi(argv[2]), O_RDWR | O_CLOEXEC), "export");
	need(peerbuf_vfio_region(memory, atoi(argv[2]), &region), argv[1]);
	if (peerbuf_vfio_map(device, dmabuf, 0, region.size, iova, access, event, NULL, &error))
		explain(&error);
	close(dmabuf);

	do {
		if (peerbuf_vfio_query(device, iova, 0, &mapping, &error))
			explain(&error);
		printf("%s BAR %s at %#llx for %s: %s\n", argv[1], argv[2],
		       (unsigned long long)mapping.iova, argv[3],
		       peerbuf_vfio_state_name(mapping.state));
		fflush(stdout);
	} while (read(event, &changes, sizeof(changes)) == sizeof(changes));
	return 0;
}
