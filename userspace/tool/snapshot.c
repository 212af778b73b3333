// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <unistd.h>

#include "diff.h"
#include "machine.h"
#include "tool.h"

static bool any_unread(const struct machine *machine)
{
	size_t n;

	for (n = 0; n < machine->nr; n++)
		if (machine->functions[n].acs != ACS_READ && machine->functions[n].acs != ACS_NONE)
			return true;
	return false;
}

static int save(bool name_host)
{
	const struct machine *machine = machine_get();
	struct json_object *top;
	char name[256];

	machine_facts();
	top = machine_to_json(machine);
	if (name_host && !gethostname(name, sizeof(name)))
		json_set_text(top, "host_name", name);
	if (any_unread(machine))
		warning("without the bridges' ACS, which only root can read");
	return json_print(top);
}

static int snapshot_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION,
		{ "diff", no_argument, NULL, 'd' },
		{ "host-name", no_argument, NULL, 'n' },
		{ 0 }
	};
	bool diff = false, name_host = false, json = false;
	int option;

	while ((option = next_option(self, argc, argv, ":hjd", options)) != -1) {
		diff |= option == 'd';
		json |= option == 'j';
		name_host |= option == 'n';
	}
	if (!diff) {
		count_arguments(self, argc, 0, 0);
		return save(name_host);
	}
	count_arguments(self, argc, 2, 2);
	return diff_print(argv[optind], argv[optind + 1], json);
}

const struct command snapshot_command = {
	.name = "snapshot",
	.synopsis = "[--host-name]\n--diff [-j] BEFORE AFTER",
	.summary = "Save what topo, why and doctor look at; say what changed",
	.help = "  -d, --diff            compare two files that were saved\n"
		"      --host-name       put this machine's name into it\n"
		"  -j, --json            print JSON\n",
	.notes = "What is printed is for a file: 'peerbuf topo --from FILE' reads it anywhere. It\n"
		"holds no serial numbers and no names. Run it as root, or the bridges' ACS is\n"
		"missing. With --diff the exit code is 0 if nothing changed and 7 otherwise.\n",
	.run = snapshot_run,
};
