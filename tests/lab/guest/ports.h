/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's ends of the virtio-serial ports.  There is no udev in the guest,
 * so a port is found by its name in sysfs and opened by its number in /dev.
 */
#ifndef LAB_PORTS_H
#define LAB_PORTS_H

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * Say that this program waits for the host, until the descriptor is closed: the guest's
 * clock must not run off meanwhile, see clock/lab_clock.c. -1 in real time, where it cannot.
 */
static int lab_hold_clock(void)
{
	return open("/dev/lab-clock", O_RDONLY | O_CLOEXEC);
}

/* The port of that name, or -1. */
static int lab_port(const char *name)
{
	char path[64], found[64];
	glob_t list;
	size_t i;
	int fd = -1;

	if (glob("/sys/class/virtio-ports/*/name", 0, NULL, &list))
		return -1;
	for (i = 0; i < list.gl_pathc && fd < 0; i++) {
		FILE *f = fopen(list.gl_pathv[i], "r");
		unsigned int dev, port;

		if (!f)
			continue;
		found[0] = '\0';
		if (!fgets(found, sizeof(found), f))
			found[0] = '\0';
		fclose(f);
		found[strcspn(found, "\n")] = '\0';
		if (strcmp(found, name))
			continue;
		if (sscanf(list.gl_pathv[i],
			   "/sys/class/virtio-ports/vport%up%u", &dev, &port) != 2)
			continue;
		snprintf(path, sizeof(path), "/dev/vport%up%u", dev, port);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	globfree(&list);
	return fd;
}

/* All of it, or -1. The host may take its time to read it. */
static int lab_write(int fd, const void *data, size_t length)
{
	int clock = lab_hold_clock();
	const char *at = data;

	while (length) {
		ssize_t n = write(fd, at, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += n;
		length -= n;
	}
	if (clock >= 0)
		close(clock);
	return length ? -1 : 0;
}

#endif
