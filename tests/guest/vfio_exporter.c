// SPDX-License-Identifier: GPL-2.0
/* See vfio_exporter.h. */
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "vfio.h"
#include "vfio_exporter.h"

/* In the process itself. */
static int container, group, device, request;

static int result(long ret)
{
	return ret < 0 ? -errno : 0;
}

/* Who asks owns all that is reset: this group, and another one unless it is -1. */
static int hot_reset_by(int fd, int other)
{
	struct {
		struct vfio_pci_hot_reset reset;
		__s32 fds[2];
	} arg = {
		.reset = { .argsz = sizeof(arg), .count = other < 0 ? 1 : 2 },
		.fds = { group, other },
	};

	return result(ioctl(fd, VFIO_DEVICE_PCI_HOT_RESET, &arg));
}

/* In the same slot, but in a group of its own: the igb's functions are known to be apart. */
static int sibling_hot_reset(void)
{
	int other, fd = vfio_open_with_group(container, "sibling", VFIO_VARIANT, &other);
	int ret = hot_reset_by(fd, other);

	close(fd);
	close(other);
	return ret;
}

static int function_level_reset(void)
{
	__u32 at = vfio_capability(device, PCI_CAP_ID_EXP), able;
	__u16 control;

	if (!at)
		return -EOPNOTSUPP;
	vfio_config(device, at + PCI_EXP_DEVCAP, &able, sizeof(able), false);
	if (!(able & PCI_EXP_DEVCAP_FLR))
		return -EOPNOTSUPP;
	vfio_config(device, at + PCI_EXP_DEVCTL, &control, sizeof(control), false);
	control |= PCI_EXP_DEVCTL_BCR_FLR;
	vfio_config(device, at + PCI_EXP_DEVCTL, &control, sizeof(control), true);
	return 0;
}

static int power(__u16 state)
{
	__u32 at = vfio_capability(device, PCI_CAP_ID_PM);
	__u16 control;

	if (!at)
		return -EOPNOTSUPP;
	vfio_config(device, at + PCI_PM_CTRL, &control, sizeof(control), false);
	control = (control & ~PCI_PM_CTRL_STATE_MASK) | state;
	vfio_config(device, at + PCI_PM_CTRL, &control, sizeof(control), true);
	vfio_config(device, at + PCI_PM_CTRL, &control, sizeof(control), false);
	return (control & PCI_PM_CTRL_STATE_MASK) == state ? 0 : -EIO;
}

/* <linux/vfio.h> has them since Linux 6.1; some userlands are older. */
static int low_power(__u32 feature)
{
	struct vfio_device_feature arg = {
		.argsz = sizeof(arg), .flags = VFIO_DEVICE_FEATURE_SET | feature,
	};

	return result(ioctl(device, VFIO_DEVICE_FEATURE, &arg));
}

/* Until it wakes up for somebody. */
static int low_power_until_woken(void)
{
	struct {
		struct vfio_device_feature head;
		struct vfio_device_low_power_entry_with_wakeup entry;
	} arg = {
		.head = {
			.argsz = sizeof(arg),
			.flags = VFIO_DEVICE_FEATURE_SET |
				 VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP,
		},
		.entry.wakeup_eventfd = check_sys(eventfd(0, EFD_CLOEXEC)),
	};
	int ret = result(ioctl(device, VFIO_DEVICE_FEATURE, &arg));

	close(arg.entry.wakeup_eventfd);
	return ret;
}

static int read_config(void)
{
	__u32 vendor;

	vfio_config(device, 0, &vendor, sizeof(vendor), false);
	return 0;
}

static int ask(void)
{
	struct peerbuf_vfio_region region;

	return peerbuf_vfio_region(device, 0, &region);
}

static int close_all(void)
{
	close(device);
	close(group);
	close(container);
	device = -1;
	return 0;
}

static int obey(enum vfio_order order)
{
	switch (order) {
	case ORDER_RESET:
		return peerbuf_vfio_reset(device);
	case ORDER_HOT_RESET:
		return hot_reset_by(device, -1);
	case ORDER_SIBLING_RESET:
		return sibling_hot_reset();
	case ORDER_FLR:
		return function_level_reset();
	case ORDER_MEMORY_OFF:
		return peerbuf_vfio_command(device, PCI_COMMAND_MEMORY, 0);
	case ORDER_MEMORY_ON:
		return peerbuf_vfio_command(device, 0, PCI_COMMAND_MEMORY);
	case ORDER_D3:
		return power(3);
	case ORDER_D0:
		return power(0);
	case ORDER_LOW_POWER:
		return low_power(VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY);
	case ORDER_LOW_POWER_WAKEUP:
		return low_power_until_woken();
	case ORDER_READ:
		return read_config();
	case ORDER_ASK:
		return ask();
	case ORDER_FULL_POWER:
		return low_power(VFIO_DEVICE_FEATURE_LOW_POWER_EXIT);
	case ORDER_CLOSE:
		return close_all();
	}
	return -EINVAL;
}

static void serve(int socket)
{
	struct pollfd pfds[2] = {
		{ .fd = socket, .events = POLLIN }, { .fd = request, .events = POLLIN },
	};
	__s32 word;

	for (;;) {
		poll(pfds, 2, -1);
		if (pfds[1].revents && device >= 0) {
			pfds[1].fd = -1;
			close_all();
		}
		if (!pfds[0].revents)
			continue;
		if (read(socket, &word, sizeof(word)) != sizeof(word))
			_exit(0);
		word = obey(word);
		check_eq(write(socket, &word, sizeof(word)), sizeof(word));
	}
}

void vfio_exporter_start(struct vfio_exporter *exporter, const char *id, unsigned int bar,
			 __u64 offset, __u64 length)
{
	int sockets[2], dmabuf;

	vfio_prepare(id, VFIO_VARIANT);
	check_sys(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	exporter->pid = check_sys(fork());
	exporter->socket = sockets[0];
	if (exporter->pid) {
		close(sockets[1]);
		return;
	}
	close(sockets[0]);
	container = vfio_container();
	device = vfio_open_with_group(container, id, VFIO_VARIANT, &group);
	request = vfio_request(device);
	dmabuf = vfio_export_one(device, bar, offset, length);
	descriptor_send(sockets[1], dmabuf, "", 1);
	close(dmabuf);
	serve(sockets[1]);
}

void vfio_exporter_ready(struct vfio_exporter *exporter)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	if (recvmsg(exporter->socket, &msg, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&msg))
		fail("the exporting process failed");
	memcpy(&exporter->dmabuf, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
}

int vfio_exporter_order(struct vfio_exporter *exporter, enum vfio_order order)
{
	__s32 word = order;

	check_eq(write(exporter->socket, &word, sizeof(word)), sizeof(word));
	if (read(exporter->socket, &word, sizeof(word)) != sizeof(word))
		fail("the exporting process failed");
	return word;
}
