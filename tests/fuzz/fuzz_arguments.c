// SPDX-License-Identifier: GPL-2.0
/*
 * A command line: ranges, BARs, addresses and numbers as the options of export and move have
 * them. Bad usage ends the program, which here ends the round.
 */
#include <errno.h>
#include <setjmp.h>
#include <string.h>

#include "tool.h"

#include "fuzz.h"

#define MOST	16

static jmp_buf ended;
static bool in_round;
static int exit_code;

__attribute__((noreturn)) void __real_exit(int code);
__attribute__((noreturn)) void __wrap_exit(int code);

/* The linker puts it in place of exit(), which libFuzzer calls as well. */
void __wrap_exit(int code)
{
	if (!in_round)
		__real_exit(code);
	exit_code = code;
	longjmp(ended, 1);
}

/* No node is asked for the sizes of BARs. */
int peerbuf_info(int fd, struct peerbuf_ioc_info *info, struct peerbuf_error *error)
{
	return -ENODEV;
}

int finish(int code)
{
	return code;
}

static const struct command self = {
	.name = "export",
	.synopsis = "[OPTION]… FUNCTION\nFUNCTION",
	.summary = "Nothing",
	.help = "",
};

static const struct option options[] = {
	HELP_OPTION, JSON_OPTION, BAR_OPTION,
	{ "range", required_argument, NULL, 'r' },
	{ "id", required_argument, NULL, 'i' },
	{ 0 }
};

static void take(int argc, char **argv, struct range_args *args)
{
	int option;

	args->bar = -1;
	optind = 0;
	while ((option = next_option(&self, argc, argv, ":hjb:r:i:", options)) != -1) {
		if (option == 'b')
			range_args_bar(&self, args, optarg);
		else if (option == 'r')
			range_args_range(&self, args, optarg);
		else if (option == 'i')
			PROMISE(parse_id(&self, optarg));
	}
	range_args_end(&self, args);
	if (count_arguments(&self, argc, 1, 3) == 1)
		parse_addr(&self, argv[optind]);
	PROMISE(args->nr);
}

static void check(const struct range_args *args)
{
	size_t n;

	for (n = 0; n < args->nr; n++) {
		const struct peerbuf_range *range = &args->ranges[n];

		PROMISE(range->bar <= 5);
		PROMISE(range->offset + range->length >= range->offset);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct range_args args;
	struct fuzz fuzz = { data, size };
	char *text = fuzz_text(&fuzz), *next = text;
	char *argv[MOST + 1] = { "export" };
	int argc = 1;

	while (argc < MOST && next) {
		argv[argc++] = strsep(&next, "\n");
		argv[argc] = NULL;
	}
	args = (struct range_args) { 0 };
	in_round = true;
	if (!setjmp(ended)) {
		take(argc, argv, &args);
		check(&args);
		range_args_bars(&args);
	} else {
		PROMISE(exit_code == EXIT_USAGE || exit_code == EXIT_OK);
	}
	in_round = false;
	free(args.ranges);
	texts_free();
	free(text);
	return 0;
}
