// SPDX-License-Identifier: GPL-2.0-only
/* Policies that the administrator sets together with a function: options of bind and allow. */
#include <fcntl.h>

#include "tool.h"

int policy_set(const struct command *self, uint64_t addr, uint32_t set)
{
	const struct subject subject = { .function = addr };
	struct peerbuf_error error;
	int control, ret;

	if (!set)
		return EXIT_OK;
	control = open_control(O_RDWR);
	if (control < 0)
		return -control;
	ret = peerbuf_policy(control, addr, set, 0, NULL, &error);
	peerbuf_close(control);
	if (ret)
		return failed(&error, &subject, "%s %s", self->name, addr_text(addr));
	return EXIT_OK;
}
