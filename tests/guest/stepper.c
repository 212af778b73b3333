// SPDX-License-Identifier: GPL-2.0
/* See stepper.h. */
#include <fcntl.h>

#include "harness.h"
#include "stepper.h"

void stepper_open(struct stepper *stepper, const char *id)
{
	struct steps_probe probe = { .size = sizeof(probe) };
	char path[64];

	stepper->edu = edu_open(id);
	check_eq(module_load("steps"), 0);
	snprintf(path, sizeof(path), "/dev/steps/%s", lab_where(id));
	eventually(5, (stepper->steps = open(path, O_RDWR | O_CLOEXEC)) >= 0);
	check_ok(peer_ioctl(stepper->steps, STEPS_IOC_PROBE, &probe));
	stepper->flags = probe.flags;
}

int stepper_copy(const struct stepper *stepper, struct steps_copy *req)
{
	req->size = sizeof(*req);
	return peer_ioctl(stepper->steps, STEPS_IOC_COPY, req);
}

int stepper_compare(const struct stepper *stepper, struct steps_compare *req)
{
	req->size = sizeof(*req);
	return peer_ioctl(stepper->steps, STEPS_IOC_COMPARE, req);
}

int stepper_check(const struct stepper *stepper, struct steps_check *req)
{
	req->size = sizeof(*req);
	return peer_ioctl(stepper->steps, STEPS_IOC_CHECK, req);
}

int stepper_mirror(const struct stepper *stepper, void *start, __u64 length)
{
	struct steps_mirror req = {
		.size = sizeof(req), .start = (unsigned long)start, .length = length,
	};

	return peer_ioctl(stepper->steps, STEPS_IOC_MIRROR, &req);
}

/* The device's memory is used from its beginning on. */
int stepper_mirror_copy(const struct stepper *stepper, __u64 offset, __u32 length,
			__u32 direction)
{
	struct steps_mirror_copy req = {
		.size = sizeof(req), .direction = direction, .offset = offset, .length = length,
	};

	return peer_ioctl(stepper->steps, STEPS_IOC_MIRROR_COPY, &req);
}

void stepper_mirror_page(const struct stepper *stepper, __u64 offset,
			 struct steps_mirror_page *page)
{
	*page = (struct steps_mirror_page){ .size = sizeof(*page), .offset = offset };
	check_ok(peer_ioctl(stepper->steps, STEPS_IOC_MIRROR_PAGE, page));
}
