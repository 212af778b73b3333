/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One of the lab's edus as the device of the clients of the two-step API (tests/drivers/steps).
 * Calls return 0 or -errno; what goes wrong in a void function fails the test.
 */
#ifndef STEPPER_H
#define STEPPER_H

#include "lab.h"
#include "steps/steps_uapi.h"

/**
 * struct stepper - a device
 * @edu: its own node
 * @steps: that of the clients
 * @flags: STEPS_PROBE_F_*
 */
struct stepper {
	int edu;
	int steps;
	__u32 flags;
};

void stepper_open(struct stepper *stepper, const char *id);
int stepper_copy(const struct stepper *stepper, struct steps_copy *req);
int stepper_compare(const struct stepper *stepper, struct steps_compare *req);
int stepper_check(const struct stepper *stepper, struct steps_check *req);
int stepper_mirror(const struct stepper *stepper, void *start, __u64 length);
int stepper_mirror_copy(const struct stepper *stepper, __u64 offset, __u32 length,
			__u32 direction);
void stepper_mirror_page(const struct stepper *stepper, __u64 offset,
			 struct steps_mirror_page *page);

#endif /* STEPPER_H */
