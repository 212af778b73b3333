// SPDX-License-Identifier: GPL-2.0
/*
 * lab-host - ask the lab, outside the guest, for something (see --help there).
 *
 * The arguments go out as one line, each ended by a tab; the answer is a line
 * "STATUS LENGTH" and that many bytes, shown on stdout when the status is 0
 * and on stderr when it is not.  One request at a time: others wait.
 */
#include <stdlib.h>
#include <sys/file.h>

#include "ports.h"

static void die(const char *what)
{
	fprintf(stderr, "lab-host: %s: %s\n", what, strerror(errno));
	exit(3);
}

/* Exactly that many bytes. */
static void read_all(int fd, char *data, size_t length)
{
	while (length) {
		ssize_t n = read(fd, data, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die("reading the answer");
		if (!n) {
			errno = EPIPE;
			die("the host went away");
		}
		data += n;
		length -= n;
	}
}

static void read_line(int fd, char *line, size_t size)
{
	size_t i;

	for (i = 0; i + 1 < size; i++) {
		read_all(fd, line + i, 1);
		if (line[i] == '\n')
			break;
	}
	line[i] = '\0';
}

static void ask(int fd, int argc, char **argv)
{
	char line[1024];
	size_t used = 0;
	int i;

	for (i = 1; i < argc; i++) {
		int n = snprintf(line + used, sizeof(line) - used - 1, "%s\t",
				 argv[i]);

		if (n < 0 || used + n >= sizeof(line) - 1 ||
		    strpbrk(argv[i], "\t\n")) {
			fprintf(stderr, "lab-host: bad arguments\n");
			exit(2);
		}
		used += n;
	}
	line[used++] = '\n';
	if (lab_write(fd, line, used))
		die("asking");
}

int main(int argc, char **argv)
{
	int gate = open("/run/lab-host.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	int fd, status;
	size_t length;
	char line[64], *data;

	if (gate < 0 || flock(gate, LOCK_EX))
		die("/run/lab-host.lock");
	fd = lab_port("lab.host");
	if (fd < 0)
		die("no port to the host");
	ask(fd, argc, argv);
	read_line(fd, line, sizeof(line));
	if (sscanf(line, "%d %zu", &status, &length) != 2) {
		fprintf(stderr, "lab-host: strange answer: %s\n", line);
		return 3;
	}
	data = malloc(length + 1);
	if (!data)
		die("memory");
	read_all(fd, data, length);
	if (lab_write(status ? 2 : 1, data, length))
		return 3;
	return status;
}
