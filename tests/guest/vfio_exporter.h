/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process that owns a device through VFIO and exports a piece of one of its BARs. It
 * does to its device what it is told, and closes it when VFIO asks for it back, as a
 * VMM would.
 */
#ifndef VFIO_EXPORTER_H
#define VFIO_EXPORTER_H

#include <linux/types.h>
#include <sys/types.h>

/**
 * struct vfio_exporter - the process
 * @pid: it
 * @socket: to talk with it
 * @dmabuf: what it exported
 */
struct vfio_exporter {
	pid_t pid;
	int socket;
	int dmabuf;
};

enum vfio_order {
	ORDER_RESET,		/* VFIO_DEVICE_RESET */
	ORDER_HOT_RESET,	/* of its bus or slot */
	ORDER_SIBLING_RESET,	/* the same, asked of another function that is there */
	ORDER_FLR,		/* by configuration space */
	ORDER_MEMORY_OFF,
	ORDER_MEMORY_ON,
	ORDER_D3,		/* by configuration space */
	ORDER_D0,
	ORDER_LOW_POWER,	/* VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY */
	ORDER_LOW_POWER_WAKEUP,	/* VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP */
	ORDER_FULL_POWER,
	ORDER_READ,		/* of configuration space */
	ORDER_ASK,		/* VFIO_DEVICE_GET_REGION_INFO */
	ORDER_CLOSE,
};

/* Started before the test opens a device itself, or it would hold that open, too. */
void vfio_exporter_start(struct vfio_exporter *exporter, const char *id, unsigned int bar,
			 __u64 offset, __u64 length);
/* Until it has exported: @dmabuf is there. */
void vfio_exporter_ready(struct vfio_exporter *exporter);
/* 0 or -errno. */
int vfio_exporter_order(struct vfio_exporter *exporter, enum vfio_order order);

#endif /* VFIO_EXPORTER_H */
