// SPDX-License-Identifier: GPL-2.0
/*
 * The demo's second half, run by `peerbuf export … -- story`: the dma-buf is
 * PEERBUF_FD and the export is PEERBUF_ID. Nothing here is peculiar to peerbuf:
 * it is a program that got a dma-buf and hands it to a device.
 *
 * Every line is printed after the thing it says was done and looked at.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

int main(int argc, char **argv)
{
	const char *id = getenv("PEERBUF_ID");
	const char *fd = getenv("PEERBUF_FD");

	expect(argc == 6 || argc == 7,
	       "usage: story MEMORY-BDF MEMORY-ID BAR-OFFSET ENGINE-BDF direct ROUTE\n"
	       "       story MEMORY-BDF MEMORY-ID BAR-OFFSET ENGINE-BDF revoke");
	expect(id && fd, "not started by peerbuf export");

	memory_open(atoi(fd), argv[1], argv[2], strtoull(argv[3], NULL, 0));
	say("dma-buf fd %s, export %s, %" PRIu64 " KiB", fd, id, memory_size() >> 10);
	engine_open(argv[4]);
	if (argc == 7)
		tell_direct(argv[6], argv[4]);
	else
		tell_revocation(id, argv[4]);
	return 0;
}
