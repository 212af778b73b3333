// SPDX-License-Identifier: GPL-2.0-only
/* Finds an export's dma-buf by its number, among the descriptors of this process and its maker. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lookup.h"
#include "tool.h"

static bool is_buffer(int control, int fd, uint64_t id)
{
	struct peerbuf_export_info info;

	return !peerbuf_query_fd(control, fd, &info, NULL) && info.id == id;
}

static bool links_to_buffer(int folder, const char *name)
{
	char target[64];
	ssize_t length = readlinkat(folder, name, target, sizeof(target) - 1);

	if (length < 0)
		return false;
	target[length] = '\0';
	return !strncmp(target, "/dmabuf:", 8);
}

/* Returns a copy of another process's descriptor, or of one of this process; or -1. */
static int copy_of(int pidfd, int fd)
{
	return pidfd < 0 ? dup(fd) : (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
}

/* Searches /proc/PID/fd. @pidfd: of that process, or -1 for this one. */
static int search(int control, const char *path, int pidfd, uint64_t id)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int fd = -1;

	while (dir && fd < 0 && (entry = readdir(dir))) {
		if (!links_to_buffer(dirfd(dir), entry->d_name))
			continue;
		fd = copy_of(pidfd, atoi(entry->d_name));
		if (fd >= 0 && !is_buffer(control, fd, id)) {
			close(fd);
			fd = -1;
		}
	}
	if (dir)
		closedir(dir);
	return fd;
}

static int search_maker(int control, uint32_t pid, uint64_t id)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int fd = -1;

	if (pidfd >= 0) {
		fd = search(control, format_text("/proc/%" PRIu32 "/fd", pid), pidfd, id);
		close(pidfd);
	}
	return fd;
}

int lookup_buffer(int control, uint64_t id)
{
	struct peerbuf_export_info info;
	struct peerbuf_error error;
	const struct subject subject = { .id = id };
	int fd = search(control, "/proc/self/fd", -1, id);

	if (fd >= 0)
		return fd;
	if (peerbuf_query(control, id, &info, &error))
		return -failed(&error, &subject, "export %" PRIu64, id);
	if (info.pid)
		fd = search_maker(control, info.pid, id);
	if (fd >= 0)
		return fd;
	failed_errno(-EACCES, "export %" PRIu64 ": no descriptor of it", id);
	hint("run this below 'peerbuf export … -- COMMAND', or as root while the process that "
	     "exported it has it open");
	return -EXIT_REFUSED;
}
