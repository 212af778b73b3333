// SPDX-License-Identifier: GPL-2.0-only
/* Routes that the administrator vouches for: a parameter of p2p.ko. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tool.h"

#define PARAMETER "/sys/module/p2p/parameters/override"

static int explain(int err, char sign, const char *what)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		hint("run it as root");
		break;
	case -ENOENT:
		if (sign == '-')
			hint("%s was not vouched for; see %s", what, PARAMETER);
		break;
	case -E2BIG:
		hint("the list is full; take others out with 'peerbuf deny', see %s", PARAMETER);
		break;
	case -EINVAL:
		hint("the kernel log says what p2p did not understand");
		break;
	}
	return EXIT_REFUSED;
}

int override_change(char sign, const char *what)
{
	const char *verb = sign == '+' ? "allow" : "deny";
	char text[80];
	ssize_t ret;
	int length, fd;

	fd = open(PARAMETER, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		failed_errno(-ENOENT, "%s", PARAMETER);
		hint_module();
		return EXIT_NO_MODULE;
	}
	if (fd < 0) {
		int err = -errno;

		failed_errno(err, "%s %s: %s", verb, what, PARAMETER);
		return explain(err, sign, what);
	}
	length = snprintf(text, sizeof(text), "%c%s", sign, what);
	ret = write(fd, text, length);
	if (ret != length) {
		int err = ret < 0 ? -errno : -EIO;

		close(fd);
		failed_errno(err, "%s %s", verb, what);
		return explain(err, sign, what);
	}
	close(fd);
	return EXIT_OK;
}
