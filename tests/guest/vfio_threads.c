// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that use one container. The library's ioctl() is this program's, so that the
 * threads can be made to meet where it matters.
 */
#include <linux/vfio.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "vfio.h"

#define THREADS	2

static pthread_barrier_t nobody_enabled_it;
static __thread bool meets;

/* Both have asked for the container's IOMMU before either goes on. */
int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;
	int ret;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	ret = syscall(SYS_ioctl, fd, request, arg);
	if (request == VFIO_IOMMU_GET_INFO && meets) {
		int before = errno;

		meets = false;
		pthread_barrier_wait(&nobody_enabled_it);
		errno = before;
	}
	return ret;
}

/**
 * struct opener - a thread that brings a group
 * @container: where to
 * @id: the device, as the lab calls it
 * @group: out, the group or -errno
 */
struct opener {
	int container;
	const char *id;
	int group;
};

static void *open_group(void *data)
{
	struct opener *opener = data;

	meets = true;
	opener->group = peerbuf_vfio_open_group(opener->container, opener->id);
	return NULL;
}

TEST(first_groups_are_opened_at_once)
{
	static const char *const ids[THREADS] = { "rp-edu", "rp-mem" };
	struct opener openers[THREADS];
	pthread_t threads[THREADS];
	char where[THREADS][24];
	int container = vfio_container();

	check_eq(pthread_barrier_init(&nobody_enabled_it, NULL, THREADS), 0);
	for (int i = 0; i < THREADS; i++) {
		vfio_prepare(ids[i], VFIO_VARIANT);
		snprintf(where[i], sizeof(where[i]), "%s", lab_where(ids[i]));
		openers[i] = (struct opener) { .container = container, .id = where[i] };
	}
	for (int i = 0; i < THREADS; i++)
		check_eq(pthread_create(&threads[i], NULL, open_group, &openers[i]), 0);
	for (int i = 0; i < THREADS; i++)
		check_eq(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < THREADS; i++) {
		if (openers[i].group < 0)
			fail("%s: %s", ids[i], strerror(-openers[i].group));
		close(openers[i].group);
	}
}
