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

/* A status of the host's: ask again. */
#define NOT_YET		75

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

struct answer {
	int status;
	size_t length;
	char *data;
};

/* While it lasts the clock is held: see ports.h. */
static struct answer request(int fd, int argc, char **argv)
{
	int clock = lab_hold_clock();
	struct answer got;
	char line[64];

	ask(fd, argc, argv);
	read_line(fd, line, sizeof(line));
	if (sscanf(line, "%d %zu", &got.status, &got.length) != 2) {
		fprintf(stderr, "lab-host: strange answer: %s\n", line);
		exit(3);
	}
	got.data = malloc(got.length + 1);
	if (!got.data)
		die("memory");
	read_all(fd, got.data, got.length);
	got.data[got.length] = '\0';
	if (clock >= 0)
		close(clock);
	return got;
}

static int show(struct answer got)
{
	if (lab_write(got.status ? 2 : 1, got.data, got.length))
		return 3;
	return got.status;
}

/*
 * Switch the slot of that device off, as its button would have done had anyone
 * waited five seconds for it.
 */
static void slot_off(const char *bdf)
{
	char path[300], address[32];
	glob_t list;
	size_t i;

	if (glob("/sys/bus/pci/slots/*/address", 0, NULL, &list))
		return;
	for (i = 0; i < list.gl_pathc; i++) {
		FILE *f = fopen(list.gl_pathv[i], "r");
		int match = f && fgets(address, sizeof(address), f) &&
			    !strncmp(address, bdf, strlen("0000:00:00"));

		if (f)
			fclose(f);
		if (!match)
			continue;
		snprintf(path, sizeof(path), "%.*spower",
			 (int)(strlen(list.gl_pathv[i]) - strlen("address")),
			 list.gl_pathv[i]);
		f = fopen(path, "w");
		if (f) {
			fputs("0", f);
			fclose(f);
		}
	}
	globfree(&list);
}

/*
 * What is waited for is this guest's own kernel, which needs time to pass: so the host is
 * asked now and then. It also says when that has taken too long.
 */
static struct answer wait_gone(int fd, char *id)
{
	char *gone[] = { "", "gone", id };
	struct answer got;

	for (;;) {
		got = request(fd, 3, gone);
		if (got.status != NOT_YET)
			return got;
		free(got.data);
		usleep(10000);
	}
}

/* Press the button, switch the slot off, wait until the device is gone. */
static int unplug(int fd, char *id)
{
	char *where[] = { "", "where", id }, *press[] = { "", "press", id };
	struct answer at = request(fd, 3, where), got;

	if (at.status)
		return show(at);
	got = request(fd, 3, press);
	if (got.status)
		return show(got);
	slot_off(at.data);
	return show(wait_gone(fd, id));
}

int main(int argc, char **argv)
{
	int gate = open("/run/lab-host.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	int fd;

	if (gate < 0 || flock(gate, LOCK_EX))
		die("/run/lab-host.lock");
	fd = lab_port("lab.host");
	if (fd < 0)
		die("no port to the host");
	if (argc == 3 && !strcmp(argv[1], "unplug"))
		return unplug(fd, argv[2]);
	return show(request(fd, argc, argv));
}
