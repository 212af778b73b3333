// SPDX-License-Identifier: GPL-2.0-only
/*
 * All events of all exports, including mappings and refusals, from the kernel's tracing. Nodes
 * report only changes of their own exports. A tracing instance of its own leaves other users'
 * tracing alone.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "trace.h"
#include "tool.h"

#define PREFIX	"peerbuf-"

static const char *const places[] = {
	"/sys/kernel/tracing/instances", "/sys/kernel/debug/tracing/instances",
};

static volatile sig_atomic_t ended;

static void on_end(int number)
{
	(void)number;
	ended = 1;
}

/* Removes what a killed process has left behind. */
static void clean(const char *place)
{
	DIR *directory = opendir(place);
	const struct dirent *entry;
	int pid;

	while (directory && (entry = readdir(directory)))
		if (sscanf(entry->d_name, PREFIX "%d", &pid) == 1 && kill(pid, 0) &&
		    errno == ESRCH)
			rmdir(format_text("%s/%s", place, entry->d_name));
	if (directory)
		closedir(directory);
}

/* Returns NULL after a message if no instance can be made. */
static const char *instance_make(void)
{
	const char *path = NULL;
	int err = ENOENT;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(places); n++) {
		if (access(places[n], F_OK))
			continue;
		clean(places[n]);
		path = format_text("%s/" PREFIX "%d", places[n], getpid());
		if (!mkdir(path, 0700))
			return path;
		err = errno;
		break;
	}
	failed_errno(-err, "events --all: %s", path ? path : places[0]);
	if (err == ENOENT)
		hint("mount it: mount -t tracefs none /sys/kernel/tracing; a kernel without "
		     "tracing has only 'peerbuf events FUNCTION'");
	else
		hint("run it as root");
	return NULL;
}

/* Converts to wall clock time for the reader. */
static const char *time_text(double since_boot)
{
	struct timespec wall, boot;
	struct tm local;
	double seconds;
	time_t whole;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	seconds = wall.tv_sec - boot.tv_sec + (wall.tv_nsec - boot.tv_nsec) / 1e9 + since_boot;
	whole = seconds;
	localtime_r(&whole, &local);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &local);
	return format_text("%s.%03d", text, (int)((seconds - whole) * 1000));
}

static const char *field(const struct traced *traced, const char *key)
{
	char value[64];

	return traced_field(traced, key, value, sizeof(value)) ? format_text("%s", value) : NULL;
}

/* Replaces a reason's number by its name. */
static const char *reason(const struct traced *traced)
{
	const char *number = field(traced, "reason");

	if (!number)
		number = field(traced, "why");
	return number && strcmp(number, "0") ? peerbuf_reason_name(atoi(number)) : NULL;
}

/* A name chosen by others, as one word. */
static const char *word(const char *text)
{
	char *safe = utf8_word(text);
	const char *copy = format_text("%s", safe);

	free(safe);
	return copy;
}

/* The kernel says <...> until the process was switched to; /proc knows its name while it lives. */
static const char *process_name(const struct traced *traced)
{
	char name[32];

	if (strcmp(traced->comm, "<...>"))
		return traced->comm;
	read_line(format_text("/proc/%u/comm", traced->pid), name, sizeof(name));
	return format_text("%s", name);
}

/* As many words on each line. */
static void print_text(const struct traced *traced)
{
	const char *device = field(traced, "dev"), *id = field(traced, "id");
	const char *why = reason(traced), *size = field(traced, "size");
	const char *process = process_name(traced);

	printf("%s %s %s %s %s/%u %s %s\n", time_text(traced->seconds),
	       device ? word(device) : "-", traced->name, id ? id : "-",
	       *process ? word(process) : "-", traced->pid, why ? why : "-",
	       size ? size_text(strtoull(size, NULL, 10)) : "-");
}

static void set_text(struct json_object *object, const char *key, const char *text)
{
	if (text)
		json_set_text(object, key, text);
	else
		json_set(object, key, NULL);
}

static void set_number(struct json_object *object, const char *key, const char *text)
{
	if (text)
		json_set_number(object, key, strtoull(text, NULL, 10));
	else
		json_set(object, key, NULL);
}

static void print_json(const struct traced *traced)
{
	struct json_object *object = json_new();

	json_set_text(object, "time", time_text(traced->seconds));
	json_set_text(object, "event", traced->name);
	set_number(object, "id", field(traced, "id"));
	set_text(object, "device", field(traced, "dev"));
	set_text(object, "reason", reason(traced));
	json_set_text(object, "process", process_name(traced));
	json_set_number(object, "pid", traced->pid);
	set_number(object, "segments", field(traced, "segments"));
	set_number(object, "size", field(traced, "size"));
	json_set_number(object, "lost", 0);
	json_print_line(object);
}

static void print_lost_json(const char *time, unsigned long lost)
{
	static const char *const nothing[] = {
		"id", "device", "reason", "process", "pid", "segments", "size",
	};
	struct json_object *object = json_new();
	size_t n;

	json_set_text(object, "time", time);
	json_set_text(object, "event", "lost");
	for (n = 0; n < ARRAY_SIZE(nothing); n++)
		json_set(object, nothing[n], NULL);
	json_set_number(object, "lost", lost);
	json_print_line(object);
}

/* Reports that the kernel dropped events because they were not read fast enough. */
static bool print_lost(const char *line, bool json)
{
	struct timespec boot;
	unsigned long lost;
	const char *time;

	if (sscanf(line, "CPU:%*u [LOST %lu EVENTS]", &lost) != 1)
		return false;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	time = time_text(boot.tv_sec + boot.tv_nsec / 1e9);
	if (json)
		print_lost_json(time, lost);
	else
		printf("%s - lost %lu - - -\n", time, lost);
	return true;
}

static int follow(FILE *pipe, bool json)
{
	struct traced traced;
	char *line = NULL;
	size_t size = 0;
	int ret = EXIT_OK;

	while (!ret && !ended && getline(&line, &size, pipe) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!print_lost(line, json)) {
			if (!traced_parse(line, &traced))
				continue;
			(json ? print_json : print_text)(&traced);
		}
		texts_free();
		if (fflush(stdout))
			ret = failed_errno(-errno, "standard output");
	}
	free(line);
	return ret;
}

static int with_instance(const char *instance, bool json)
{
	FILE *pipe;
	int ret;

	/* The default clock is local to each CPU. */
	write_file(format_text("%s/trace_clock", instance), "boot");
	ret = write_file(format_text("%s/events/peerbuf/enable", instance), "1");
	if (ret) {
		failed_errno(ret, "events --all: %s/events/peerbuf", instance);
		hint_module();
		return ret == -ENOENT ? EXIT_NO_MODULE : EXIT_REFUSED;
	}
	pipe = fopen(format_text("%s/trace_pipe", instance), "re");
	if (!pipe)
		return failed_errno(-errno, "events --all: %s/trace_pipe", instance);
	ret = follow(pipe, json);
	fclose(pipe);
	return ret;
}

int trace_follow(bool json)
{
	const char *instance;
	char *kept;
	int ret;

	/* Without SA_RESTART, so that the read of the next line ends. */
	sigaction(SIGINT, &(struct sigaction) { .sa_handler = on_end }, NULL);
	sigaction(SIGTERM, &(struct sigaction) { .sa_handler = on_end }, NULL);
	sigaction(SIGHUP, &(struct sigaction) { .sa_handler = on_end }, NULL);
	signal(SIGPIPE, SIG_IGN);
	instance = instance_make();
	if (!instance)
		return EXIT_REFUSED;
	kept = strdup(instance);
	if (!kept)
		out_of_memory();
	ret = with_instance(kept, json);
	rmdir(kept);
	free(kept);
	return ret;
}
