// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdlib.h>

#include "tool.h"

static int refused(uint64_t id, uint64_t addr, const struct range_args *args,
		   const struct peerbuf_error *error)
{
	const struct subject subject = {
		.id = id,
		.function = error->missing != PEERBUF_PCI_NONE ? error->missing : addr,
	};

	if (error->missing != PEERBUF_PCI_NONE)
		return failed(error, &subject, "move %" PRIu64 ": no right to the memory of %s",
			      id, addr_text(error->missing));
	if (error->range >= args->nr)
		return failed(error, &subject, "move %" PRIu64, id);
	return failed(error, &subject, "move %" PRIu64 ": %s", id,
		      range_text(&args->ranges[error->range]));
}

static int move(uint64_t id, struct range_args *args, uint32_t flags)
{
	struct peerbuf_export_info info;
	struct rights rights = { 0 };
	struct peerbuf_error error;
	int node = open_owner(id, &info);
	int ret;

	if (node < 0)
		return -node;
	ret = range_args_resolve(node, args, &error);
	if (!ret) {
		do {
			ret = peerbuf_move_with(node, id, args->ranges, args->nr, flags,
						rights.fds, rights.nr, &error);
		} while (ret && rights_add(&rights, &error));
	}
	rights_close(&rights);
	peerbuf_close(node);
	return ret ? refused(id, info.addr, args, &error) : EXIT_OK;
}

static int move_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, BAR_OPTION, { "range", required_argument, NULL, 'r' },
		{ "copy", no_argument, NULL, 'c' }, { 0 }
	};
	struct range_args args = { .bar = -1 };
	uint32_t flags = 0;
	int option, ret;

	while ((option = next_option(self, argc, argv, ":hb:r:c", options)) != -1) {
		if (option == 'b')
			range_args_bar(self, &args, optarg);
		else if (option == 'r')
			range_args_range(self, &args, optarg);
		else
			flags |= PEERBUF_MOVE_F_COPY;
	}
	count_arguments(self, argc, 1, 1);
	range_args_end(self, &args);
	ret = move(parse_id(self, argv[optind]), &args, flags);
	free(args.ranges);
	return ret;
}

const struct command move_command = {
	.name = "move",
	.synopsis = "[--copy] ID --bar N [--range RANGE]…",
	.summary = "Put a buffer elsewhere, under its importers",
	.help = "  ID                    the export's number, see 'peerbuf ps'\n"
		"  -b, --bar N           the new BAR; the whole of it if no --range follows\n"
		"  -r, --range RANGE     a piece of that BAR, or system:LENGTH, as in export;\n"
		"                        the lengths must add up to the buffer's size\n"
		"  -c, --copy            take the contents along\n",
	.notes = "Moving takes write access to the nodes of all functions that the buffer has\n"
		"memory of, and to that of the one it was exported through.\n",
	.run = move_run,
};
