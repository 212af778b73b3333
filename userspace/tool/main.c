// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static const struct command *const commands[] = {
	&topo_command, &why_command, &verify_command, &bench_command, &doctor_command,
	&snapshot_command, &devices_command, &allow_command, &deny_command, &bind_command,
	&unbind_command, &persist_command, &cdi_command, &export_command, &run_command,
	&ps_command, &top_command,
	&move_command, &revoke_command, &restore_command, &events_command, &stats_command,
	&list_command, &read_command, &write_command, &load_command,
};

static void print_commands(FILE *to)
{
	size_t n;

	fputs("Usage: peerbuf COMMAND [ARGUMENT…]\n\n"
	      "Share PCIe BAR memory between devices, see who does, and take it back.\n\n", to);
	for (n = 0; n < ARRAY_SIZE(commands); n++)
		fprintf(to, "  %-9s %s\n", commands[n]->name, commands[n]->summary);
	fputs("\n'peerbuf COMMAND --help' explains one of them, peerbuf(1) all.\n", to);
}

/* NULL, and a message, if there is none of that name. */
static const struct command *find_command(const char *name)
{
	size_t n;

	for (n = 0; n < ARRAY_SIZE(commands); n++)
		if (!strcmp(name, commands[n]->name))
			return commands[n];
	fprintf(stderr, "peerbuf: no command '%s'; 'peerbuf --help' lists them\n", name);
	return NULL;
}

static bool asks_for_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help");
}

/* 'peerbuf help COMMAND' is 'peerbuf COMMAND --help'. */
static int print_help(const char *name)
{
	const struct command *command = name ? find_command(name) : NULL;

	if (name && !command)
		return EXIT_USAGE;
	if (command)
		print_usage(command);
	else
		print_commands(stdout);
	return EXIT_OK;
}

/* A full disk or a closed pipe must not look like success. */
int finish(int code)
{
	texts_free();
	errno = EIO; /* if an earlier write failed, its errno is lost */
	if (!fflush(stdout) && !ferror(stdout))
		return code;
	failed_errno(-errno, "standard output");
	return code == EXIT_OK ? EXIT_REFUSED : code;
}

int main(int argc, char **argv)
{
	const struct command *command;

	/* For the width of characters only; numbers and words are the same in every locale. */
	setlocale(LC_CTYPE, "");
	if (argc < 2) {
		print_commands(stderr);
		return EXIT_USAGE;
	}
	if (asks_for_help(argv[1]))
		return finish(print_help(argv[2]));
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("peerbuf %s (uAPI %d)\n", PEERBUF_VERSION, PEERBUF_UAPI_VERSION);
		return finish(EXIT_OK);
	}
	command = find_command(argv[1]);
	return command ? finish(command->run(command, argc - 1, argv + 1)) : EXIT_USAGE;
}
