// SPDX-License-Identifier: GPL-2.0-only
/* run: runs a program that does not use peerbuf, so that it can register memory it has mapped. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tool.h"

/* How often an interpreter may itself be a script; the kernel has such a limit, too. */
#define MOST_INTERPRETERS	4

static int refuse(const char *path, const char *why)
{
	fprintf(stderr, "peerbuf: %s: %s\n", path, why);
	hint("have the program call peerbuf_reg_mr(), or export the memory with "
	     "'peerbuf export' and give it the dma-buf");
	return EXIT_OWN;
}

/* The first file in PATH that can be run, as execvp(3) finds it; NULL if there is none. */
static char *find_program(const char *name)
{
	const char *path = getenv("PATH"), *end;
	char *found;

	if (strchr(name, '/'))
		return strdup(name);
	for (path = path ? path : "/bin:/usr/bin"; ; path = end + 1) {
		end = strchrnul(path, ':');
		if (asprintf(&found, "%.*s%s%s", (int)(end - path), path, end > path ? "/" : "",
			     name) < 0)
			out_of_memory();
		if (!access(found, X_OK))
			return found;
		free(found);
		if (!*end)
			return NULL;
	}
}

/* The dynamic linker ignores LD_PRELOAD for a program that has more rights than its user. */
static bool has_more_rights(int fd)
{
	struct stat stat;
	char value[64];

	if (!fstat(fd, &stat) && stat.st_mode & (S_ISUID | S_ISGID) && geteuid())
		return true;
	return fgetxattr(fd, "security.capability", value, sizeof(value)) > 0;
}

/* Returns -1 if it is no program for this machine: the kernel will report that. */
static int has_dynamic_linker(int fd)
{
	Elf64_Ehdr header;
	Elf64_Phdr entry;
	int n;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_ident[EI_CLASS] != ELFCLASS64)
		return -1;
	for (n = 0; n < header.e_phnum; n++) {
		if (pread(fd, &entry, sizeof(entry),
			  header.e_phoff + (off_t)n * header.e_phentsize) != sizeof(entry))
			return -1;
		if (entry.p_type == PT_INTERP)
			return 1;
	}
	return 0;
}

/* Takes the path from "#! /bin/sh -e". Returns false if the file is no script. */
static bool read_interpreter(int fd, char *line, size_t size)
{
	ssize_t got = pread(fd, line, size - 1, 0);
	char *start;

	if (got < 2 || line[0] != '#' || line[1] != '!')
		return false;
	line[got] = '\0';
	line[strcspn(line, "\n")] = '\0';
	start = line + 2 + strspn(line + 2, " \t");
	start[strcspn(start, " \t")] = '\0';
	memmove(line, start, strlen(start) + 1);
	return true;
}

static int check_file(const char *path, int fd, char *interpreter, size_t size)
{
	*interpreter = '\0';
	if (has_more_rights(fd))
		return refuse(path, "it is set-user-ID, set-group-ID or has capabilities, and "
				    "so loads no library that its user chooses");
	if (read_interpreter(fd, interpreter, size))
		return EXIT_OK;
	if (!has_dynamic_linker(fd))
		return refuse(path, "it is linked statically, and so loads no library");
	return EXIT_OK;
}

/* For a script checks its interpreter, too. A file that cannot be read is run unchecked. */
static int check_program(const char *path)
{
	char here[4096], next[4096];
	int fd, ret, n;

	snprintf(here, sizeof(here), "%s", path);
	for (n = 0; n < MOST_INTERPRETERS; n++) {
		fd = open(here, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return EXIT_OK;
		ret = check_file(here, fd, next, sizeof(next));
		close(fd);
		if (ret || !*next)
			return ret;
		memcpy(here, next, sizeof(here));
	}
	return EXIT_OK;
}

/* Puts the library in front of LD_PRELOAD. */
static void preload(const char *library)
{
	const char *others = getenv("LD_PRELOAD");
	char *all;

	if (!others || !*others) {
		setenv("LD_PRELOAD", library, 1);
		return;
	}
	if (asprintf(&all, "%s:%s", library, others) < 0)
		out_of_memory();
	setenv("LD_PRELOAD", all, 1);
	free(all);
}

static int run(char **argv)
{
	char *path = find_program(argv[0]);
	int ret;

	if (!path) {
		failed_errno(-ENOENT, "%s", argv[0]);
		return EXIT_NOT_FOUND;
	}
	ret = check_program(path);
	if (!ret) {
		preload(PEERBUF_RUN_LIBRARY);
		execv(path, argv);
		ret = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
		failed_errno(-errno, "%s", argv[0]);
	}
	free(path);
	return ret;
}

static int run_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, { "explain", no_argument, NULL, 'e' }, { 0 }
	};
	int control;

	if (has_command(argv))
		usage_exits(EXIT_OWN);
	while (next_option(self, argc, argv, "+:he", options) != -1)
		setenv("PEERBUF_RUN_EXPLAIN", "1", 1);
	count_arguments(self, argc, 1, argc);
	if (access(PEERBUF_RUN_LIBRARY, R_OK)) {
		failed_errno(-errno, PEERBUF_RUN_LIBRARY);
		hint("this peerbuf was built without libibverbs");
		return EXIT_OWN;
	}
	/* Without control every registration would be an ordinary one. */
	control = open_control(O_RDONLY);
	if (control < 0)
		return EXIT_OWN;
	peerbuf_close(control);
	return run(argv + optind);
}

const struct command run_command = {
	.name = "run",
	.synopsis = "[--explain] [--] PROGRAM [ARGUMENT…]",
	.summary = "Run a program whose RDMA registrations may be mapped BARs",
	.help = "  -e, --explain         say on standard error what became of each registration\n"
		"  PROGRAM               calls ibv_reg_mr() or one of its kind for memory that it\n"
		"                        has mapped from a dma-buf of peerbuf's, or by sysfs\n",
	.notes = "The programs that PROGRAM starts are run the same way. One that is linked\n"
		"statically, is set-user-ID or set-group-ID or has capabilities is refused: it\n"
		"would not notice. The exit code is PROGRAM's; 125 if it was refused, 126 or 127\n"
		"if it could not be run or was not found.\n",
	.run = run_run,
};
